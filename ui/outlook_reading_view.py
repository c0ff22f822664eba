"""What to look into: directions, the timeline, and open questions, each with the page on which one can try it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from ui import layout
from ui.i18n import t
from ui.outlook_forecast_view import badge


@dataclass(frozen=True)
class Lead:
    """A direction or a question, and the page that has something of it; "" if none has."""

    name: str
    page: str
    source: str = ""
    """Who and when."""


@dataclass(frozen=True)
class Event:
    """Something that happened, or may come. What may come has no source."""

    year: int
    name: str
    source: str = ""


DIRECTIONS = (
    Lead("ai_feedback", "constitution", "Bai et al., 2022"),
    Lead("process", "", "Lightman et al., 2023"),
    Lead("oversight", "", "Irving et al., 2018"),
    Lead("direct", "", "Rafailov et al., 2023"),
    Lead("verifiable", "navigation", "DeepSeek-AI, 2025"),
    Lead("multi_agent", "team", "Du et al., 2023"),
    Lead("interpretability", "reward_model", "Bricken et al., 2023"),
    Lead("plural", "label", "Sorensen et al., 2024"),
)
PAST = (
    Event(1952, "bradley_terry", "Bradley, Terry"),
    Event(2008, "tamer", "Knox, Stone"),
    Event(2017, "preferences", "Christiano et al."),
    Event(2017, "ppo", "Schulman et al."),
    Event(2019, "language", "Ziegler et al."),
    Event(2020, "summaries", "Stiennon et al."),
    Event(2022, "instruct", "Ouyang et al."),
    Event(2022, "overoptimisation", "Gao et al."),
    Event(2022, "constitutional", "Bai et al."),
    Event(2023, "dpo", "Rafailov et al."),
    Event(2023, "steps", "Lightman et al."),
    Event(2025, "verifiable", "DeepSeek-AI"),
)
FUTURE = (
    Event(2027, "labels"),
    Event(2028, "process"),
    Event(2030, "overseers"),
    Event(2033, "teams"),
    Event(2036, "plural"),
)
TOPICS = (
    Lead("overoptimisation", "ppo"),
    Lead("few_labels", "reward_model"),
    Lead("whose", "label"),
    Lead("words", "constitution"),
    Lead("faithful", "navigation"),
    Lead("messages", "team"),
    Lead("doubt", "reward_model"),
    Lead("oversee", ""),
)
ACROSS = 4
"""Cards in a row."""


def directions() -> None:
    """Where the field is going, as cards."""
    _cards("direction", DIRECTIONS, t("outlook.directions_lead"))


def topics() -> None:
    """Open questions, as cards."""
    _cards("topic", TOPICS, t("outlook.topic.lead"))


def _cards(kind: str, leads: Sequence[Lead], sentence: str) -> None:
    badge("opinion", sentence)
    for start in range(0, len(leads), ACROSS):
        for column, one in zip(st.columns(ACROSS, gap="medium"), leads[start : start + ACROSS], strict=True):
            with column, st.container(key=f"outlook_card_{one.name}", gap="small"):
                _card(kind, one)


def _card(kind: str, one: Lead) -> None:
    key = f"outlook.{kind}.{one.name}"
    source = f"<small>{html.escape(one.source)}</small>" if one.source else ""
    st.html(
        f'<div class="lab-card {kind}"><h3>{html.escape(t(key))}</h3>'
        f"<p>{html.escape(t(f'{key}_text'))}</p>{source}</div>"
    )
    if not one.page:
        layout.note(t("outlook.no_page"))
    elif st.button(t("outlook.open_page", page=t(f"{one.page}.nav")), key=f"outlook_open_{kind}_{one.name}"):
        st.switch_page(f"../pages/{one.page}.py")


def timeline() -> None:
    """What happened, and what may come."""
    past, future = st.columns([1.25, 1], gap="large")
    with past:
        badge("fact", t("outlook.timeline.past"))
        _events("past", PAST)
    with future:
        badge("opinion", t("outlook.timeline.future"))
        _events("future", FUTURE)


def _events(kind: str, events: Sequence[Event]) -> None:
    rows = "".join(
        f"<li><b>{one.year}</b><p>{html.escape(t(f'outlook.timeline.{one.name}'))}"
        f"<small>{html.escape(one.source)}</small></p></li>"
        for one in events
    )
    st.html(f'<ol class="lab-timeline {kind}">{rows}</ol>')
