"""PPO: fine-tune the language model on the reward model, live, and watch what it became; the same labels by other
algorithms; and what over-optimisation does to them."""

from __future__ import annotations

import streamlit as st

from lab import reward
from lab.store import Run
from ui import algorithms_view, layout, over_optimisation_view, panel_view, ppo_view, run_view, session
from ui.i18n import t

VIEWS = ("train", "algorithms", "overoptimisation")

layout.heading("ppo")
panel = ppo_view.PANEL
run_view.elsewhere()
if not reward.counts(session.laboratory().store, session.current_lab())["both"]:
    panel_view.empty_state(t("ppo.empty"), t("reward_model.empty_lead"))
    st.stop()
st.segmented_control(
    t("ppo_view.view"), VIEWS, key=session.keep("ppo_view", "train", VIEWS), required=True,
    format_func=lambda name: t(f"ppo_view.{name}"), label_visibility="collapsed", on_change=session.forget_problem,
)  # fmt: skip


def training(run: Run | None) -> None:
    """Everything that changes while the run goes on."""
    panel.status(run)
    panel.buttons(run)
    panel.charts_and_sliders(run)
    panel.samples(run)
    panel.more_charts(run)


match st.session_state["ppo_view"]:
    case "algorithms":
        algorithms_view.view()
    case "overoptimisation":
        over_optimisation_view.view()
    case _:
        panel.follow(training)
        panel.next_run_settings()
        ppo_view.judges()
