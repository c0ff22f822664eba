"""PPO: train the policy on your reward model, live, read what it became, and watch one iteration in slow motion."""

from __future__ import annotations

import streamlit as st

from lab import reward
from lab.store import Run
from ui import diagnosis_view, layout, panel_view, ppo_view, presets_view, run_view, session, slow_motion_view
from ui.i18n import t

VIEWS = ("train", "slow")

layout.heading("ppo")
panel = ppo_view.PANEL
run_view.elsewhere()
if not reward.counts(session.laboratory().store, session.current_lab())["both"]:
    panel_view.empty_state(t("ppo.empty"), t("reward_model.empty_lead"))
    st.stop()
st.segmented_control(
    t("neural.view"), VIEWS, key=session.keep("ppo_view", VIEWS[0], VIEWS), required=True,
    format_func=lambda name: t(f"ppo.view_{name}"), label_visibility="collapsed", on_change=session.forget_problem,
)  # fmt: skip


def training(run: Run | None) -> None:
    """Everything that changes while the run goes on."""
    if presets_view.in_force(panel, run) != preset:
        st.rerun()
    panel.status(run)
    panel.buttons(run)
    diagnosis_view.line(run)
    panel.charts_and_sliders(run)
    panel.samples(run)
    panel.more_charts(run)
    ppo_view.advanced(run)


match st.session_state["ppo_view"]:
    case "slow":
        slow_motion_view.strip(panel.latest_run())
        slow_motion_view.slow(panel.latest_run())
    case _:
        preset = presets_view.row(panel)
        panel.follow(training)
        slow_motion_view.strip(panel.latest_run())
        panel.next_run_settings()
        ppo_view.judges()
        diagnosis_view.rules()
