"""An agent team in a labyrinth that no member sees whole: who knows, says and does what, and what teamwork is worth."""

from __future__ import annotations

import streamlit as st

from ui import layout, lessons, page_address, session, team_evaluation_view, team_view
from ui.i18n import t

VIEWS = ("play", "compare")

known = page_address.take("team", view=("team_page", VIEWS, VIEWS[0]))
with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="team_head"):
    layout.heading("team")
    st.segmented_control(
        t("navigation.view"), VIEWS, key=session.keep("team_page", "play", VIEWS), required=True,
        format_func=lambda view: t(f"team.view_{view}"), label_visibility="collapsed",
        on_change=session.forget_problem, width="content",
    )  # fmt: skip
lessons.strip("team", known)
match st.session_state["team_page"]:
    case "play":
        team_view.play_fragment()
    case _:
        layout.note(t("team_exam.lead"))
        team_evaluation_view.run(team_evaluation_view.questions())
        team_evaluation_view.results()
