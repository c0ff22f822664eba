"""Tokens to look at: coloured chips with their ids."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

HUES = 7
"""Tints in style.css; a token keeps its tint wherever it stands."""


def chips(tokens: Sequence[tuple[str, int]]) -> None:
    """Tokens with their ids, each in the tint of its id."""
    cells = "".join(
        f'<span class="chip hue{number % HUES}"><b>{html.escape(word)}</b><small>{number}</small></span>'
        for word, number in tokens
    )
    st.html(f'<div class="lab-chips">{cells}</div>')
