"""Tokens to look at: coloured chips with their ids."""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence

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


def signed_chips(
    name: str, values: Sequence[tuple[str, float]], *, most: float | None = None, form: str = "+.2f",
    marked: Collection[int] = (), mark: str = "",
) -> None:  # fmt: skip
    """Tokens with a number each, under a name: blue above zero, orange with a dashed edge below, the stronger the
    farther. most: the number of the full tint, by default the farthest. marked: the places of tokens with a mark."""
    farthest = most or max((abs(value) for _, value in values), default=0.0)
    cells: list[str] = []
    for place, (word, value) in enumerate(values):
        depth = round(8 * min(1.0, abs(value) / farthest)) if farthest else 0
        number = format(value, form)
        if not any(digit in "123456789" for digit in number):
            number = number.lstrip("+-")  # the sign of what is rounded to nothing says nothing
        number = number.replace("-", "\N{MINUS SIGN}")
        kind = f"{'less' if value < 0 else 'more'} depth{depth}" if depth else "depth0 none"
        sign = f'<i title="{html.escape(mark)}">{html.escape(mark)}</i>' if place in marked else ""
        cells.append(f'<span class="worth {kind}"><b>{html.escape(word)}</b><small>{number}</small>{sign}</span>')
    st.html(f'<div class="lab-worths"><b>{html.escape(name)}</b>{"".join(cells)}</div>')
