"""A flip-book: pages of the same table, turned by a slider, by buttons or by themselves, in the browser alone.

The pages are sent once; turning one asks nothing of the server, so that it can't lag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import streamlit as st

SECONDS_A_PAGE = 0.6
_HTML = """
<div class="lab-book" role="group">
  <div class="turn">
    <button type="button" class="play"></button>
    <button type="button" class="back">&#8249;</button>
    <input type="range" min="0" step="1">
    <button type="button" class="next">&#8250;</button>
    <output></output>
  </div>
  <table class="lab-samples marked"><thead><tr></tr></thead><tbody></tbody></table>
</div>
"""
_JS = """
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector('.lab-book');
  const slider = root.querySelector('input'), play = root.querySelector('.play');
  const before = root.book, pages = data.pages, last = pages.length - 1;
  // Who looked at the last page of a run that goes on sees the new last one; who looked at another stays there.
  const at = !before ? last : before.at === before.pages.length - 1 && !before.timer ? last
    : pages.findIndex(({ name }) => name === before.pages[before.at].name);
  const book = root.book = { pages, at: at < 0 ? last : at, timer: before?.timer };

  function show(at) {
    book.at = Math.max(0, Math.min(last, at));
    const page = pages[book.at];
    slider.value = book.at;
    slider.setAttribute('aria-valuetext', page.name);
    root.querySelector('output').textContent = page.name;
    root.querySelector('thead tr').innerHTML = ['', page.left, page.right].map((text) => `<th>${text}</th>`).join('');
    root.querySelector('tbody').innerHTML = page.rows
      .map(([name, ...cells]) => `<tr><th>${name}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
      .join('');
  }
  function rest() {
    clearInterval(book.timer);
    book.timer = undefined;
    play.textContent = data.words.play;
  }
  function turn() {
    if (!root.isConnected || root.book.at >= root.book.pages.length - 1) return root.rest();
    root.show(root.book.at + 1);
  }
  root.show = show;
  root.rest = rest;
  slider.max = last;
  slider.setAttribute('aria-label', data.words.slider);
  slider.oninput = () => { rest(); show(Number(slider.value)); };
  for (const [name, by] of [['back', -1], ['next', 1]]) {
    const button = root.querySelector('.' + name);
    button.setAttribute('aria-label', data.words[name]);
    button.onclick = () => { rest(); show(book.at + by); };
  }
  play.textContent = book.timer ? data.words.pause : data.words.play;
  play.onclick = () => {
    if (book.timer) return rest();
    if (book.at === last) show(0);
    book.timer = setInterval(turn, data.seconds * 1000);
    play.textContent = data.words.pause;
  };
  show(book.at);
}
"""
_flip_book = st.components.v2.component("lab_flip_book", html=_HTML, js=_JS, isolate_styles=False)


@dataclass(frozen=True)
class Page:
    """A page: its name, the heads of its two columns, and rows of cells as HTML, the first of which names the row."""

    name: str
    left: str
    right: str
    rows: Sequence[Sequence[str]]


def flip_book(pages: Sequence[Page], words: dict[str, str], *, key: str) -> None:
    """Show pages, the last one first. words: what "play", "pause", "back", "next" and "slider" are called."""
    made = [asdict(page) for page in pages]
    _flip_book(key=key, data={"pages": made, "words": words, "seconds": SECONDS_A_PAGE})
