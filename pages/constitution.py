"""Constitutional AI: edit the principles, watch critique and revision, and train a model by them without a label."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lab.store import Run
from ui import constitution_view as principles
from ui import critique_view as critique
from ui import layout, lessons, page_address, run_view, session
from ui import policies_view as policies
from ui.i18n import t
from ui.run_view import RunPanel

VIEWS = ("principles", "revise", "sl", "rlaif", "compare")

known = page_address.take("constitution", view=("cai_view", VIEWS, VIEWS[0]))
layout.heading("constitution")
lessons.strip("constitution", known)
run_view.elsewhere()
version = principles.current()
view = layout.views("constitution", "cai_view", VIEWS)


def train_by_it() -> None:
    """From an edited constitution to a changed model."""
    session.put("cai_view", "rlaif")
    policies.RLAIF_PANEL.ask_start()


def training(panel: RunPanel, own: Callable[[Run | None], None]) -> None:
    """A stage's runs, with what is its own below the curves."""

    def draw(run: Run | None) -> None:
        panel.status(run)
        panel.buttons(run)
        panel.charts_and_sliders(run)
        own(run)
        panel.samples(run)
        panel.more_charts(run)

    panel.follow(draw)
    panel.next_run_settings()


if view in ("principles", "revise"):
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        st.button(t("constitution.train"), key="cai_train", type="primary", on_click=train_by_it)
        principles.summary(version)
    principles.problem()
match view:
    case "principles":
        left, right = st.columns([1.5, 1], gap="large")
        with left:
            principles.principles(version)
            principles.versions(version)
        with right:
            principles.editor(version)
        layout.fold(t("constitution.file"), "cai_file", lambda: principles.toml(version))
    case "revise":
        left, right = st.columns([1.25, 1], gap="large")
        with left:
            answer = critique.inputs()
            if answer is not None:
                desk = critique.desk_for(answer, version)
                critique.steps(answer, desk, version)
                critique.chain(answer, desk)
                critique.edit(answer, desk)
            critique.notebook(version)
        with right:
            if answer is not None:
                critique.verdicts(answer, desk, version)
    case "sl":
        layout.note(t("sl.lead"))
        training(policies.SL_PANEL, policies.revised_answers)
    case "rlaif":
        layout.note(t("rlaif.lead"))
        policies.agreement()
        training(policies.RLAIF_PANEL, policies.labelled_pairs)
    case _:
        layout.note(t("compare.lead"))
        chosen = policies.compared()
        if chosen:
            policies.conduct(chosen)
            policies.side_by_side(chosen)
        else:
            layout.callout(t("compare.empty"))
