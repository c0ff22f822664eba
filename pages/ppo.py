"""PPO: fine-tune the language model on the reward model, live, and read what it became; one iteration in slow motion;
the runs that were made; the same labels by other algorithms; and what over-optimisation does to them."""

from __future__ import annotations

import streamlit as st

from lab import reward
from lab.store import Run
from ui import (
    algorithms_view,
    blind_view,
    book_view,
    diagnosis_view,
    layout,
    lessons,
    over_optimisation_view,
    panel_view,
    ppo_view,
    presets_view,
    run_address,
    run_view,
    runs_view,
    session,
    slow_motion_view,
)
from ui.i18n import t

VIEWS = ("train", "slow", "book", "blind", "algorithms", "overoptimisation", "runs")

panel, linked = ppo_view.PANEL, ppo_view.LINKED
known = run_address.take(panel, linked, {"view": ("ppo_view", VIEWS, VIEWS[0])})
layout.heading("ppo")
lessons.strip("ppo", known)
run_view.elsewhere()
if not reward.counts(session.laboratory().store, session.current_lab())["both"]:
    if session.session().problem:
        layout.problem(session.session().problem)
    panel_view.empty_state(t("ppo.empty"), t("reward_model.empty_lead"))
    if panel.latest_run() is None:  # runs outlive the labels that they were made from
        st.stop()
view = layout.views("ppo", "ppo_view", VIEWS)


def training(run: Run | None) -> None:
    """Everything that changes while the run goes on."""
    if presets_view.in_force(panel, run) != preset:
        st.rerun()
    run_address.note(panel, run)
    panel.status(run)
    panel.buttons(run)
    diagnosis_view.line(run)
    panel.charts_and_sliders(run)
    panel.samples(run)
    panel.more_charts(run)
    ppo_view.advanced(run)
    run_address.link(panel, run, linked)


match view:
    case "slow":
        slow_motion_view.strip(panel.latest_run())
        slow_motion_view.slow(panel.latest_run())
    case "book":
        book_view.book(panel)
    case "blind":
        blind_view.blind(panel)
    case "algorithms":
        algorithms_view.view()
    case "overoptimisation":
        over_optimisation_view.view()
    case "runs":
        runs_view.runs(panel, linked)
    case _:
        preset = presets_view.row(panel)
        panel.follow(training)
        slow_motion_view.strip(panel.latest_run())
        panel.next_run_settings()
        ppo_view.judges()
        diagnosis_view.rules()
