"""Forecasts of many: the owner's side of a collection, and the side of whoever has its address."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from lab import forecasts
from lab.forecasts import Collection, ForecastError
from lab.participants import LONGEST_NAME, participant
from lab.store import Lab, Store
from ui import errors, following, layout, outlook_results_view, session, share
from ui import outlook_forecast_view as forecast_view
from ui.i18n import t
from ui.outlook_forecast_view import Seat

POLL = 2.0
"""Seconds between two looks at a collection that is under way."""
TURN = "forecast_turn"
"""Under this name a lab keeps whose turn it is at its browser, counted from 0."""


def _pace(found: Collection | None) -> float | None:
    """While it is under way others give to it."""
    return POLL if found and not found.revealed else None


def _state(found: Collection | None) -> tuple[str, bool, bool] | None:
    return found and (found.key, found.open, found.revealed)


# The owner.


def collection_fragment() -> None:
    """The lab's collection."""
    store, lab = session.laboratory().store, session.current_lab()
    draw = partial(_collection, store, lab)
    following.follow(lambda: forecasts.collection(store, lab), _state, draw, _pace)


def _collection(store: Store, lab: Lab, found: Collection | None) -> None:
    if session.session().problem:
        layout.problem(session.session().problem)
    if found is None:
        layout.callout(t("outlook.class_lead"))
        _button("start", lambda: forecasts.start(store, lab), label=t("outlook.start"), type="primary")
        return
    if found.revealed:
        outlook_results_view.results(store, found, forecasts.own(store, lab))
    else:
        layout.note(t("outlook.class_lead"))
        _address(found)
        layout.note(t("outlook.not_counted"))
    _arrivals(found, forecasts.names(store, lab))
    _buttons(store, lab, found)


def _address(found: Collection) -> None:
    with st.container(key="outlook_address", gap=None):
        st.html(f'<p class="lab-slider-title">{html.escape(t("outlook.address"))}</p>')
        share.show("outlook", **{session.JOIN: found.key})


def _arrivals(found: Collection, names: list[str]) -> None:
    """How many have come in, and whose: nothing of what they say."""
    state = "revealed" if found.revealed else "open" if found.open else "closed"
    with st.container(key="outlook_arrivals"):
        layout.facts([(f"{found.n}", t("outlook.count"), t(f"outlook.count_{state}"))])
        if not names:
            layout.note(t("outlook.names_none"))
            return
        chips = "".join(f"<span>{html.escape(name or t('outlook.nameless'))}</span>" for name in names)
        st.html(f'<div class="lab-words">{chips}</div>')


def _button(name: str, do: Callable[[], None], **options: Any) -> None:
    st.button(key=f"outlook_{name}", on_click=errors.attempt, args=(do,), **options)


def _buttons(store: Store, lab: Lab, found: Collection) -> None:
    def asked(name: str, do: Callable[[], None], disabled: bool = False) -> None:
        """What can't be taken back asks first."""
        kind = "primary" if name == "reveal" else "secondary"
        with st.popover(t(f"outlook.{name}"), key=f"outlook_{name}_ask", type=kind, disabled=disabled):
            layout.note(t(f"outlook.{name}_text", n=found.n))
            _button(name, do, label=t(f"outlook.{name}_go", n=found.n), type="primary")

    with st.container(horizontal=True, gap="small", key="outlook_collection_buttons"):
        if not found.revealed:
            asked("reveal", lambda: forecasts.reveal(store, lab), disabled=not found.n)
            turn = "close" if found.open else "reopen"
            _button(
                turn, lambda: forecasts.set_open(store, lab, not found.open),
                label=t(f"outlook.{turn}"), help=t(f"outlook.{turn}_help"),
            )  # fmt: skip
            asked("change", lambda: forecasts.change_address(store, lab))
        asked("anew", lambda: forecasts.start(store, lab))


# Whoever has the address.


def joined_view(key: str) -> None:
    """A collection as one sees it who gives a forecast to it."""
    store = session.laboratory().store
    try:
        found = forecasts.joined(store, key)
    except ForecastError as error:
        errors.show(error)
        _leave_button()
        return
    lab = session.current_lab()
    turn = int(store.kept(lab.id, TURN) or 0)
    who = participant(session.browser(), turn)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="outlook_joined"):
        following.follow(lambda: _present(store, key), _state, _joined_line, _pace)
        _leave_button()
    st.fragment(errors.guard()(_form))(key, found, who, turn)


def _present(store: Store, key: str) -> Collection | None:
    """The collection, or None if its address has been changed meanwhile."""
    try:
        return forecasts.joined(store, key)
    except ForecastError:
        return None


def _joined_line(found: Collection | None) -> None:
    if found is None:
        return
    state = "revealed" if found.revealed else "open" if found.open else "closed"
    layout.callout(t(f"outlook.join_{state}", n=found.n))


def _leave_button() -> None:
    st.button(t("outlook.leave"), key="outlook_leave", on_click=session.leave, help=t("outlook.leave_help"))


def _form(key: str, found: Collection, who: str, turn: int) -> None:
    store = session.laboratory().store
    given = forecasts.given(store, key, who)
    if found.revealed:
        outlook_results_view.results(store, found, given)
        return
    seat = Seat(f"turn{turn}_{key[:8]}", given)
    picture, hand = st.columns([1.6, 1], gap="large")
    with hand:
        forecast_view.sliders(seat)
        if session.session().problem:
            layout.problem(session.session().problem)
        _give(store, key, seat, who, found.open)
        if found.open:
            _next_person(store, turn)
    with picture:
        forecast_view.figure(seat.forecast)
        forecast_view.milestones(seat.forecast)


def _give(store: Store, key: str, seat: Seat, who: str, taken: bool) -> None:
    proposed = seat.kept.name if seat.kept else following.proposed_name(who)
    field = session.keep(f"outlook_name_{seat.name}", proposed)

    def give() -> None:
        errors.attempt(lambda: forecasts.give(store, key, who, st.session_state[field], seat.forecast))

    st.text_input(t("outlook.name"), key=field, max_chars=LONGEST_NAME, disabled=not taken)
    with st.container(horizontal=True, gap="small", key="outlook_buttons"):
        label = t("outlook.give_again" if seat.kept else "outlook.give")
        st.button(label, key="outlook_give", type="primary", on_click=give, disabled=not taken)
        forecast_view.reset_button(seat)
    layout.note(_given_sentence(seat, taken), "good" if seat.kept and not seat.changed else "plain")


def _given_sentence(seat: Seat, taken: bool) -> str:
    if seat.kept is None:
        return t("outlook.not_given")
    if not taken:
        return t("outlook.given_closed")
    if seat.changed:
        return t("outlook.given_changed")
    return t("outlook.given", name=seat.kept.name) if seat.kept.name else t("outlook.given_nameless")


def _next_person(store: Store, turn: int) -> None:
    def begin() -> None:
        session.forget_problem()
        store.keep(session.current_lab().id, TURN, turn + 1)

    if st.button(t("outlook.next"), key="outlook_next", on_click=begin, help=t("outlook.next_help")):
        st.rerun()
