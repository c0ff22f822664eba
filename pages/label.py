"""Label preferences: two answers side by side, and which of them you would rather receive."""

from __future__ import annotations

import streamlit as st

from ui import (
    class_view,
    controls,
    deck_view,
    errors,
    exchange_view,
    history_view,
    join_view,
    label_view,
    layout,
    round_view,
    session,
)
from ui.i18n import t

VIEWS = ("own", "class")


def owner() -> None:
    """The lab's owner labels, or looks at the class."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="label_head"):
        layout.heading("label")
        st.segmented_control(
            t("navigation.view"), VIEWS, key=session.keep("label_view", "own", VIEWS), required=True,
            format_func=lambda view: t(f"class.view_{view}"), label_visibility="collapsed",
            on_change=session.forget_problem, width="content",
        )  # fmt: skip
    if st.session_state["label_view"] == "class":
        class_view.board()
        return
    labelling()
    with st.expander(t("deck.title"), key="deck"):
        deck_view.settings()
    with st.expander(t("simulate.title"), key="simulate"):
        controls.simulate_form(policy_id=label_view.chosen_writer())
    with st.expander(t("label.writer"), key="writer"):
        label_view.writer_choice()
    history_view.panel()
    exchange_view.panel()


@st.fragment
@errors.guard()
def labelling() -> None:
    """Rerun alone at each click: the rest of the page stays as it is, unless another tab has changed the lab."""
    before = session.current_lab()
    if session.read_lab() != before:
        st.rerun()
    desk = label_view.desk()
    hand = label_view.owner_hand(desk)
    if round_view.waits(desk):
        round_view.end(desk, lambda: label_view.undo_button(hand))
    else:
        showing = desk.current()
        label_view.question(showing)
        label_view.pair(showing, desk.lab.language)
        label_view.reasons(showing)
        with st.container(key="label_choices"):
            label_view.buttons(hand, showing)
        label_view.reveal(desk, showing)
    label_view.counters(desk)


if joined := session.joined_key("joined_class"):
    join_view.view(joined)
else:
    owner()
