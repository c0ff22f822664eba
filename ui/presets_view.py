"""The presets of the PPO page: a row of runs worth showing, and what to watch in the chosen one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab import presets
from lab.presets import LABEL_LIMITS, PRESETS
from lab.store import Run
from ui import layout, session
from ui.i18n import t
from ui.run_view import RunPanel, unfinished


def row(panel: RunPanel) -> str | None:
    """The choice of a preset, which sets what the next run begins with. Returns the one that is set."""
    run = panel.latest_run()
    chosen = in_force(panel, run)

    def choose() -> None:
        if (name := st.session_state["ppo_preset"]) in PRESETS and session.heard("ppo_preset"):
            choose_preset(name)

    with st.container(key="ppo_presets", gap="xxsmall"):
        st.segmented_control(
            t("preset.title"), list(PRESETS), key=session.follow("ppo_preset", chosen), on_change=choose,
            format_func=lambda name: t(f"preset.{name}"),
        )  # fmt: skip
        layout.note(_watch(chosen) if chosen else t("preset.none"))
        if chosen and unfinished(run) and "ppo_config" in session.session().kept:
            layout.note(t("preset.next_run"))
    return chosen


def _watch(name: str) -> str:
    config = PRESETS[name].config
    return t(f"preset.{name}_watch", kl=config["kl_coef"], rate=config["learning_rate"])


def choose_preset(name: str) -> None:
    """Set the next run by a preset."""
    preset = PRESETS[name]
    session.forget_problem()
    session.session().kept["ppo_config"] = preset.config
    session.put("ppo_features", preset.features)
    session.put("ppo_labels", preset.labels)
    session.put("ppo_source", "both")


def in_force(panel: RunPanel, run: Run | None) -> str | None:
    """The preset that the next run would be, if it is one."""
    config = next_config(panel, run)
    features, labels = session.value("ppo_features", "attributes"), session.value("ppo_labels", presets.ALL)
    for name, preset in PRESETS.items():
        if (preset.features, preset.labels) == (features, labels) and preset.config == config:
            return name
    return None


def next_config(panel: RunPanel, run: Run | None) -> dict[str, Any]:
    """The config of the next new run: what was set for it, over what the page shows."""
    return {**panel.chosen_config(run), **session.session().kept.get("ppo_config", {})}


def label_choice() -> None:
    """To how many labels the next run's reward model is fitted."""
    st.selectbox(
        t("preset.labels"), list(LABEL_LIMITS), key=session.keep("ppo_labels", presets.ALL, LABEL_LIMITS), width=320,
        format_func=lambda limit: t(f"preset.labels_{limit}"), help=t("preset.labels_help"),
    )  # fmt: skip
