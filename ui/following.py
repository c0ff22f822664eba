"""Looking again by itself while others act, or runs go on; and a name for whoever comes to a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from lab.participants import proposal
from lab.store import Lab
from ui import errors, session
from ui.i18n import t

Found = TypeVar("Found")
RUN_SECONDS = 1.0
"""How often what a run does is looked at."""


def follow(
    look: Callable[[], Found], state: Callable[[Found], object], draw: Callable[[Found], None],
    pace: Callable[[Found], float | None], first: Found | None = None,
) -> None:  # fmt: skip
    """Draw what one finds, and draw it anew by itself every `pace` seconds. When it turns to another state, the whole
    page is drawn anew: other fragments and the clock depend on it. first: what the page has found just now."""
    first = look() if first is None else first
    before, fresh = state(first), [first]  # the first drawing comes with the page, which has just looked

    def again() -> None:
        now = fresh.pop() if fresh else look()
        if state(now) != before:
            st.rerun()
        draw(now)

    st.fragment(errors.guard()(again), run_every=pace(first))()


def follow_runs(
    look: Callable[[], Found], live: Callable[[Found], bool], draw: Callable[[Found], None],
    every: float = RUN_SECONDS, first: Found | None = None,
) -> None:  # fmt: skip
    """The same for what changes while runs of the lab go on, and only while one does. live: whether one does, by what
    was found. A model that speaks another language has other runs: then the whole page is drawn anew too."""

    def looked(found: Found | None = None) -> tuple[Found, bool, Lab]:
        lab = session.read_lab()
        found = look() if found is None else found
        return found, live(found), lab

    follow(
        looked, lambda seen: seen[1:], lambda seen: draw(seen[0]), lambda seen: every if seen[1] else None,
        None if first is None else looked(first),
    )  # fmt: skip


def proposed_name(who: str) -> str:
    """A name for a participant, in the page's language."""
    first, second = t("outlook.names_first").split(), t("outlook.names_second").split()
    number = proposal(who, len(first) * len(second))
    return f"{first[number // len(second)]} {second[number % len(second)]}"
