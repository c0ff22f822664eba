"""Label preferences: two answers side by side, and which of them you would rather receive."""

from __future__ import annotations

import streamlit as st

from ui import (
    class_view,
    deck_view,
    errors,
    exchange_view,
    guideline_view,
    history_view,
    join_view,
    label_view,
    layout,
    lessons,
    mission_view,
    page_address,
    panel_view,
    round_view,
    session,
)
from ui.ballot import ballot
from ui.i18n import t

VIEWS = ("label", "class", "mission")


def owner() -> None:
    """The lab's owner labels, looks at the class, or has groups label to briefs."""
    known = page_address.take("label", view=("label_view", VIEWS, VIEWS[0]))
    shown = session.value("label_view", VIEWS[0])
    with layout.head("mission" if shown == "mission" else "label"):
        view = layout.views("label", "label_view", VIEWS, _turn)
        if view == "label":
            guideline_view.popover()
    lessons.strip("label", known)
    match view:
        case "class":
            class_view.board()
        case "mission":
            mission_view.panel()
        case _:
            everything()


def _turn() -> None:
    session.forget_problem()
    mission_view.hide()


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
        ballot("label_ballot", hand, label_view.paper(showing, desk.lab), label_view.rows(), reasons=True)
        label_view.reveal(desk, showing)
        label_view.look_ahead(desk, showing)
    label_view.counters(desk)


def everything() -> None:
    """Labelling, and all that there is to do with labels."""
    labelling()
    layout.fold(t("deck.title"), "deck", deck_view.settings)
    layout.fold(t("simulate.title"), "simulate", lambda: panel_view.panel(label_view.chosen_writer()))
    layout.fold(t("label.writer"), "writer", label_view.writer_choice)
    history_view.panel()
    exchange_view.panel()


if joined := session.joined_key("joined_class"):
    join_view.view(joined)
else:
    owner()
