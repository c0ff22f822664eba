"""A language model as the policy of a maze: it reads the state, thinks in words, then acts, and learns."""

from __future__ import annotations

import streamlit as st

from lab.store import Run
from ui import layout, lessons, maze_evaluation_view, maze_training_view, page_address, run_view, session, walk_view
from ui.i18n import t

VIEWS = ("walk", "train", "exam")

known = page_address.take(
    "navigation",
    view=("maze_page", VIEWS, VIEWS[0]),
    kind=("maze_kind", maze_training_view.KINDS, maze_training_view.KINDS[0]),
)
with layout.head("navigation"):
    view = layout.views("navigation", "maze_page", VIEWS)
lessons.strip("navigation", known)
run_view.elsewhere()
match view:
    case "walk":
        walk_view.walk_fragment()
    case "train":
        kinds = maze_training_view.KINDS
        st.segmented_control(
            t("navigation.kind"), kinds, key=session.keep("maze_kind", kinds[0], kinds), required=True,
            format_func=lambda kind: t(f"{kind}.name"), on_change=session.forget_problem,
        )  # fmt: skip
        kind = st.session_state["maze_kind"]
        panel = maze_training_view.PANELS[kind]
        layout.note(t(f"{kind}.lead"))

        def training(run: Run | None) -> None:
            """Everything that changes while the run goes on."""
            panel.status(run)
            panel.buttons(run)
            panel.charts_and_sliders(run)
            maze_training_view.samples(run)
            panel.more_charts(run)

        panel.follow(training)
        panel.next_run_settings()
    case _:
        layout.note(t("exam.lead"))
        maze_evaluation_view.run(maze_evaluation_view.questions())
        maze_evaluation_view.results()
