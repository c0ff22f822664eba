"""One line that says what is happening to a run, and the rules that it goes by."""

from __future__ import annotations

import html

import streamlit as st

from lab import diagnosis
from lab.store import Run
from ui import controls, layout, session
from ui.i18n import t

KINDS = {"collapse": "bad", "hacking": "bad", "stuck": "bad", "worse": "bad", "learning": "good"}
SIGNED = ("rise", "best", "now")


def line(run: Run | None) -> None:
    """What the rules find in the run so far."""
    with st.container(key="ppo_diagnosis"):
        if run is None:
            return
        said, kind = in_words(run)
        st.html(
            f'<p class="lab-diagnosis {kind}" role="status"><b>{html.escape(t("diagnosis.title"))}</b> '
            f"{html.escape(said)}</p>"
        )


def in_words(run: Run) -> tuple[str, str]:
    """What the rules find in a run so far, to stand behind a colon, and of which kind the worst of it is."""
    found = diagnosis.diagnose(session.laboratory().store.metrics(run.id))
    first, *others = map(_said, found)
    return " ".join([first, *(one[0].upper() + one[1:] for one in others)]), KINDS.get(found[0].name, "")


def _said(finding: diagnosis.Finding) -> str:
    numbers = {k: controls.signed(v) if k in SIGNED else v for k, v in finding.numbers.items()}
    return t(f"diagnosis.{finding.name}", **numbers)


def rules() -> None:
    """The rules, with their thresholds."""
    with st.expander(t("diagnosis.rules"), key="ppo_rules"):
        layout.note(t(
            "diagnosis.rules_text", window=diagnosis.WINDOW, early=diagnosis.EARLY, share=diagnosis.COLLAPSED_SHARE,
            entropy=diagnosis.COLLAPSED_ENTROPY, rise=diagnosis.PROXY_RISE, fall=diagnosis.GOLD_FALL,
            patience=diagnosis.PATIENCE,
        ))  # fmt: skip
