"""Tokens to look at: coloured chips with their ids, and the next word's probabilities to click."""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence

import streamlit as st

HUES = 7
"""Tints in style.css; a token keeps its tint wherever it stands."""

_BARS = st.components.v2.component(
    "lab_token_bars",
    html='<div class="lab-bars" role="group"></div>',
    js="""
export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector('.lab-bars');
  list.setAttribute('aria-label', data.summary);
  const rows = data.rows.map(({ token, label, share, text }) => {
    const row = document.createElement('button');
    row.type = 'button';
    row.style.setProperty('--share', share);
    row.setAttribute('aria-label', label + ' ' + text);
    for (const [name, content] of [['word', label], ['share', text]]) {
      const part = document.createElement('span');
      part.className = name;
      part.textContent = content;
      row.append(part);
    }
    row.onclick = () => setTriggerValue('picked', token);
    return row;
  });
  list.replaceChildren(...rows);
}
""",
    isolate_styles=False,
)


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


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "< 0.1%"


def probability_bars(
    shares: Sequence[tuple[str, float]], *, key: str, end_token: str, end_label: str, summary: str
) -> str | None:
    """Words with their probabilities as bars, likeliest first. Returns the word that was just clicked.

    summary: what the bars show, in words.
    """
    rows = [
        {
            "token": word,
            "label": end_label if word == end_token else word,
            "share": share,
            "text": _percent(share),
        }
        for word, share in shares
    ]
    return _BARS(key=key, data={"rows": rows, "summary": summary}, on_picked_change=lambda: None).picked
