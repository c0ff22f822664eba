"""What to judge: the question above the answers, and the guideline a click away; both may be the lab's own."""

from __future__ import annotations

import html

import streamlit as st

from lab.guideline_records import QUESTION_LENGTH, TEXT_LENGTH
from lab.store import Guideline
from ui import layout, session
from ui.i18n import t

WORKED_PAIRS = {1: "A", 2: "B", 3: "B"}
"""By number, the answer of each that is better."""


def question(lab_id: int) -> str:
    """What is asked of whoever labels: the lab's own question or the one that ships."""
    own = session.laboratory().store.guideline(lab_id)
    return own.question if own and own.question else t("label.question")


def text(own: Guideline | None) -> None:
    """The guideline with its worked pairs. own: the lab's own."""
    pairs = "".join(_worked(*pair) for pair in WORKED_PAIRS.items())
    st.html(f'<p class="lab-guideline">{html.escape(own.text if own and own.text else t("guideline.text"))}</p>{pairs}')


def popover() -> None:
    """The guideline with its worked pairs, and the fields that change it."""
    lab = session.current_lab()
    own = session.laboratory().store.guideline(lab.id)
    version = own.version if own else 0
    with st.popover(t("guideline.title"), key="guideline", type="tertiary"):
        text(own)
        layout.note(t("guideline.version_own" if version else "guideline.version_shipped", version=version))
        # A key of the version: the fields show what was saved, in whatever tab.
        st.text_input(
            t("guideline.question"), own.question if own else "", key=f"guideline_question_{version}",
            max_chars=QUESTION_LENGTH, placeholder=t("label.question"),
        )  # fmt: skip
        st.text_area(
            t("guideline.own"), own.text if own else "", key=f"guideline_text_{version}", max_chars=TEXT_LENGTH,
            placeholder=t("guideline.text"), height=90,
        )  # fmt: skip
        st.button(t("guideline.save", version=version + 1), key="guideline_save", on_click=_save, args=(version,))


def _worked(i: int, better: str) -> str:
    """A pair of which one answer is marked, and why."""
    answers = ""
    for name in "AB":
        kind, text = "better" if name == better else "", html.escape(t(f"guideline.pair{i}_{name}"))
        answers += f'<li class="{kind}"><b>{name}</b> {text}</li>'
    why = html.escape(t("guideline.better", name=better, why=t(f"guideline.pair{i}_why")))
    return (
        f'<div class="lab-worked"><p>{html.escape(t(f"guideline.pair{i}_question"))}</p>'
        f"<ul>{answers}</ul><small>{why}</small></div>"
    )


def _save(version: int) -> None:
    asked, said = (st.session_state[f"guideline_{name}_{version}"].strip() for name in ("question", "text"))
    session.laboratory().store.add_guideline(session.current_lab().id, asked, said)
