"""The flip-book of a run: the same questions, answered after each iteration."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import streamlit as st

from lab import models
from lab.store import Run
from ui import errors, layout, marks, session
from ui.flip_book import Page, flip_book
from ui.i18n import t
from ui.run_choice import run_choice
from ui.run_view import RunPanel, is_live

MOST_PAGES = 120
AGAINST = ("page", "start")
"""What the marked words are new against: the page before, or the answers before training."""
REFRESH_SECONDS = 2.0
_changes = lru_cache(8192)(marks.changes)  # the pages of a run that goes on are asked for again and again


def book(panel: RunPanel) -> None:
    """A run to choose, and its pages."""
    layout.section("book.title")
    runs = {run.id: run for run in panel.runs() if run.step}
    if not runs:
        layout.callout(t("book.none"))
        return
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        run = run_choice("book_run", t("book.run"), runs, _name, width=320)
        st.segmented_control(
            t("book.against"), AGAINST, key=session.keep("book_against", "page", AGAINST), required=True,
            format_func=lambda name: t(f"book.against_{name}"),
        )  # fmt: skip
    st.fragment(_pages, run_every=REFRESH_SECONDS if is_live(run) else None)(run.id)


def _name(run: Run) -> str:
    return t("book.run_name", run=run.number, step=run.step, seed=run.seed)


@errors.guard()
def _pages(run_id: int) -> None:
    store = session.laboratory().store
    run = store.run(run_id)
    shown = store.samples(run_id, every=-(-run.step // MOST_PAGES) or 1)
    if not shown:
        layout.note(t("run.samples_none"))
        return
    words = {name: t(f"book.{name}") for name in ("play", "pause", "back", "next", "slider")}
    with st.container(key="book_pages"):
        flip_book(pages(run, shown, st.session_state.get("book_against", "page")), words, key="book")
    layout.note(t("book.note", n=len(shown), steps=run.step))


def pages(run: Run, shown: Mapping[int, Mapping[str, Any]], against: str) -> list[Page]:
    """One page a step, after one of the answers before training. against: one of `AGAINST`."""
    display = models.assets(run.inputs["language"]).grammar.display
    first = next(iter(shown.values()))
    questions = [html.escape(display(text)) for text in first["prompts"]]
    start = before = [display(text) for text in first["before"]]
    plain = [html.escape(text) for text in start]
    name = left = t("book.start")
    made = [Page(name, "", name, list(zip(questions, [""] * len(plain), plain, strict=True)))]
    for step, samples in shown.items():
        after, name = [display(text) for text in samples["now"]], t("book.step", step=step)
        compared = start if against == "start" else before
        rows = [(question, *_changes(old, new)) for question, old, new in zip(questions, compared, after, strict=True)]
        made.append(Page(name, t("book.start") if against == "start" else left, name, rows))
        before, left = after, name
    return made
