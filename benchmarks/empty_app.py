"""The least that Streamlit can do at a click: a button and how often it was clicked. `benchmarks.clicking` compares the
labelling page with it."""

import streamlit as st


def click() -> None:
    """One more."""
    st.session_state["clicks"] += 1


st.session_state.setdefault("clicks", 0)
st.button("Click", key="click", on_click=click)
with st.container(key="clicks_so_far"):
    st.text(str(st.session_state["clicks"]))
