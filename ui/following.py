"""What the pages of a class share: looking again by itself while others act, and a name for whoever comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from lab.participants import proposal
from ui import errors
from ui.i18n import t

Found = TypeVar("Found")


def follow(
    look: Callable[[], Found], state: Callable[[Found], object], draw: Callable[[Found], None],
    pace: Callable[[Found], float | None],
) -> None:  # fmt: skip
    """Draw what one finds, and draw it anew by itself every `pace` seconds. When it turns to another state, the whole
    page is drawn anew: other fragments and the clock depend on it."""
    first = look()

    def again() -> None:
        now = look()
        if state(now) != state(first):
            st.rerun()
        draw(now)

    st.fragment(errors.guard()(again), run_every=pace(first))()


def proposed_name(who: str) -> str:
    """A name for a participant, in the page's language."""
    first, second = t("outlook.names_first").split(), t("outlook.names_second").split()
    number = proposal(who, len(first) * len(second))
    return f"{first[number // len(second)]} {second[number % len(second)]}"
