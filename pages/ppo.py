"""PPO: train the policy on your reward model, live, and read what it became."""

from __future__ import annotations

import streamlit as st

from lab import reward
from ui import controls, errors, layout, session
from ui import ppo_view as view
from ui.i18n import t

layout.heading("ppo")
lab = session.current_lab()
view.elsewhere()
if not reward.counts(session.laboratory().store, lab)["both"]:
    controls.empty_state(t("ppo.empty"), t("reward_model.empty_lead"))
    st.stop()
run = view.latest_run()
live = view.is_live(run)


@errors.guard()
def training() -> None:
    """Everything that changes while the run goes on; redrawn alone, and only while it does."""
    changed = session.read_lab() != lab
    now = view.latest_run()
    if changed or view.is_live(now) != live:
        st.rerun()
    view.status(now)
    view.buttons(now)
    view.charts_and_sliders(now)
    view.samples(now)
    view.more_charts(now)


st.fragment(training, run_every=view.REFRESH_SECONDS if live else None)()
view.next_run_settings()
view.judges()
