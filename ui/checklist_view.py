"""The checkpoints: what was done in this lab, when, and where to do what is still open."""

from __future__ import annotations

import html

import streamlit as st

from lab import checklist
from lab.checklist import GUESSES, NOTEBOOK, OURS, PAIRS, STEPS, Milestone
from ui import layout, session
from ui.i18n import t

DONE_AT = {
    "asked": "language_model", "labelled": "label", "foresaw": "label", "improved": "ppo", "revised": "constitution",
    "walked": "navigation", "escaped": "team", "hacked": "ppo", "thought": "navigation", "message": "team",
    "by_constitution": "constitution", "forecast": "outlook", "downloaded": "home",
}  # fmt: skip
"""The page on which each is reached."""


def checkpoints() -> None:
    """The course's and ours, side by side."""
    found = {one.name: one for one in checklist.milestones(session.laboratory().store, session.current_lab().id)}
    done = sum(one.done_at is not None for one in found.values())
    layout.section("checklist.title", done=done, n=len(found))
    left, right = st.columns(2, gap="large")
    with left, st.container(key="checklist_notebook", gap=None):
        _list("checklist.notebook", [found[name] for name in NOTEBOOK])
    with right, st.container(key="checklist_ours", gap=None):
        _list("checklist.ours", [found[name] for name in OURS])


def _list(title: str, milestones: list[Milestone]) -> None:
    st.html(f'<h3 class="lab-checks">{html.escape(t(title))}</h3>')
    for one in milestones:
        with st.container(
            key=f"check_{one.name}", horizontal=True, vertical_alignment="center", gap="small", wrap=False
        ):
            st.html(_line(one), width="stretch")
            page = DONE_AT[one.name]
            if one.done_at is None and page != "home":
                layout.link(page, t(f"{page}.nav"))


def _line(one: Milestone) -> str:
    text = t(
        f"checklist.{one.name}", pairs=PAIRS, guesses=GUESSES, steps=STEPS, rose=checklist.ROSE, fell=checklist.FELL,
        window=checklist.WINDOW,
    )  # fmt: skip
    done = one.done_at is not None
    sign, word = ("✓", t("checklist.done")) if done else ("○", t("checklist.open"))
    when = f"<time>{layout.day(one.done_at)}</time>" if one.done_at else ""
    return (
        f'<p class="lab-check{" done" * done}"><span role="img" aria-label="{html.escape(word)}">{sign}</span>'
        f"<span>{html.escape(text)} {when}</span></p>"
    )
