"""Where this might go: an opinion, one's own forecast, those of a class, and what to look into."""

from __future__ import annotations

import streamlit as st

from ui import layout, lessons, outlook_class_view, outlook_forecast_view, outlook_reading_view, page_address, session
from ui.i18n import t

VIEWS = ("forecast", "class", "directions", "timeline", "topics")

joined = session.joined_key()
known = page_address.take("outlook", view=("outlook_view", VIEWS, VIEWS[0]))
with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="outlook_head"):
    layout.heading("outlook")
    if not joined:
        st.segmented_control(
            t("navigation.view"), VIEWS, key=session.keep("outlook_view", "forecast", VIEWS), required=True,
            format_func=lambda view: t(f"outlook.view_{view}"), label_visibility="collapsed",
            on_change=session.forget_problem, width="content",
        )  # fmt: skip
if not joined:
    lessons.strip("outlook", known)
view = "joined" if joined else st.session_state["outlook_view"]
match view:
    case "joined":
        outlook_class_view.joined_view(joined)
    case "forecast":
        outlook_forecast_view.own_fragment()
    case "class":
        outlook_class_view.collection_fragment()
    case "directions":
        outlook_reading_view.directions()
    case "timeline":
        outlook_reading_view.timeline()
    case _:
        outlook_reading_view.topics()
layout.note(t("outlook.reconstructed"))
