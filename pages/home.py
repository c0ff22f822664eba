"""Home: the pipeline as a map, with what each stage has now and the next step."""

from __future__ import annotations

import streamlit as st

from ui import controls, home_view, labs_view, layout, run_view
from ui.i18n import t

layout.heading("home")
state = home_view.read_state()
layout.section("home.map")
home_view.pipeline(state)
run_view.elsewhere()
step = home_view.next_step(state)
with st.container(key="home_next_box", horizontal=True, vertical_alignment="center", gap="medium"):
    if st.button(step.label, key="home_next", type="primary"):
        st.switch_page(f"../pages/{step.page}.py")
    layout.note(t(step.why))
home_view.examples(state)
home_view.beyond()
if state.win_rate is not None:
    controls.reference_values()
labs_view.panel()
