"""PPO: train the policy on your reward model, live, and read what it became."""

from __future__ import annotations

import streamlit as st

from lab import reward
from lab.store import Run
from ui import layout, panel_view, ppo_view, run_view, session
from ui.i18n import t

layout.heading("ppo")
panel = ppo_view.PANEL
run_view.elsewhere()
if not reward.counts(session.laboratory().store, session.current_lab())["both"]:
    panel_view.empty_state(t("ppo.empty"), t("reward_model.empty_lead"))
    st.stop()


def training(run: Run | None) -> None:
    """Everything that changes while the run goes on."""
    panel.status(run)
    panel.buttons(run)
    panel.charts_and_sliders(run)
    panel.samples(run)
    panel.more_charts(run)


panel.follow(training)
panel.next_run_settings()
ppo_view.judges()
