"""Which pairs a lab wishes to be shown, and by which keys they are answered."""

from __future__ import annotations

from dataclasses import asdict, replace

import streamlit as st

from lab import deck
from lab.deck import DeckSettings
from rlhf_core.pair_selection import SELECTIONS
from ui import layout, session
from ui.i18n import t

DIGITS = "label_digits"
"""The key of the switch for the number keys."""
_SWITCHES = ("introduction", "checks", "repeats", "harmful")


def settings() -> None:
    """How pairs are chosen, for the lab; and the number keys, for this visit."""
    store, lab = session.laboratory().store, session.current_lab()
    wished = deck.settings(store, lab)
    layout.note(t("deck.lead"))
    st.radio(
        t("deck.way"), SELECTIONS, key=session.follow("deck_way", wished.way), on_change=_keep, args=("way",),
        format_func=lambda way: t(f"deck.{way}"), horizontal=True,
    )  # fmt: skip
    for name in _SWITCHES:
        key = session.follow(f"deck_{name}", asdict(wished)[name])
        st.toggle(t(f"deck.{name}"), key=key, on_change=_keep, args=(name,))
    st.toggle(t("deck.digits"), key=session.keep(DIGITS, True))


def _keep(name: str) -> None:
    store, lab = session.laboratory().store, session.current_lab()
    said = st.session_state[f"deck_{name}"]
    if name == "way" and said not in SELECTIONS:
        return  # its name in the language that the page has just left
    wished: DeckSettings = replace(deck.settings(store, lab), **{name: said})
    deck.keep_settings(store, lab, wished)
