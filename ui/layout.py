"""The frame around the pages and the small pieces they share."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitDuplicateElementKey

from ui import session
from ui.i18n import LANGUAGES, has, t

PAGES = ("home", "language_model", "label", "reward_model", "ppo", "constitution", "navigation", "team", "outlook")
_STYLE = Path(__file__).parent / "style.css"
_LANGUAGE = st.components.v2.component(
    "lab_language",
    html="<span hidden></span>",
    js="""
export default function ({ data, parentElement, setTriggerValue }) {
  document.documentElement.lang = data.language;
  document.documentElement.dataset.drawnFor = data.theme;
  if (data.own) document.cookie = data.cookie + '=' + data.own + '; Path=/; Max-Age=31536000; SameSite=Lax';
  // The server draws figures in the theme's colours, and learns of another theme with the next run alone.
  const theme = parentElement.theme ??= matchMedia('(prefers-color-scheme: dark)');
  theme.onchange = () => setTimeout(setTriggerValue, 300, 'theme', theme.matches);
}
""",
)


def style() -> None:
    """The app's style sheet, on every page."""
    st.html(_STYLE)


def language_bar() -> DeltaGenerator:
    """The top right corner of every page: in which language the page is. An own choice is remembered by the browser.
    Returns the bar, for the model's language beside it."""
    bar = st.container(key="language_bar", width="content", horizontal=True, gap="small")
    with bar:
        _language_switch(t("frame.language"), "language", session.language(), session.set_language)
        own = session.session().own_language
        cookie = session.LANGUAGE_COOKIE
        _LANGUAGE(
            key="language_memory", on_theme_change=lambda: None,
            data={"language": session.language(), "own": own, "cookie": cookie, "theme": st.context.theme.type},
        )  # fmt: skip
    return bar


def model_language_switch() -> None:
    """Which language the lab's model speaks, apart from the page's."""
    spoken = session.current_lab().language
    _language_switch(t("frame.model_language"), "model_language", spoken, session.set_model_language)


def _language_switch(label: str, key: str, now: str, choose: Callable[[str], None]) -> None:
    def chosen() -> None:
        # A browser that is sent a widget twice before it has drawn it can report that nothing is chosen.
        if (language := st.session_state[key]) is not None:
            choose(language)

    st.segmented_control(
        label, list(LANGUAGES), format_func=LANGUAGES.get, key=session.follow(key, now), required=True,
        on_change=chosen,
    )  # fmt: skip


def heading(page: str, **slots: object) -> None:
    """A page's title and the one sentence that says what it is for."""
    text = html.escape(t(f"{page}.lead", **slots))
    st.html(f'<header class="lab-heading"><h1>{html.escape(t(f"{page}.title"))}</h1><p>{text}</p></header>')


def views(page: str, key: str, names: Sequence[str], turned: Callable[[], None] = session.forget_problem) -> str:
    """The choice among the views of a page, kept under this key; the first at first. Returns the chosen one. turned: is
    called when another is chosen."""
    st.segmented_control(
        t("frame.view"), names, key=session.keep(key, names[0], names), required=True, width="content",
        format_func=lambda name: t(f"{page}.view_{name}"), label_visibility="collapsed", on_change=turned,
    )  # fmt: skip
    return st.session_state[key]


def head(page: str) -> DeltaGenerator:
    """A row that begins with a page's heading and has room for the choice among its views: below, it would push a board
    out of sight."""
    row = st.container(horizontal=True, vertical_alignment="center", key="page_head")
    with row:
        heading(page)
    return row


def section(key: str, **slots: object) -> None:
    """A heading inside a page, with its sentence if it has one."""
    lead = f"<p>{html.escape(t(f'{key}_lead', **slots))}</p>" if has(f"{key}_lead") else ""
    st.html(f'<div class="lab-section"><h2>{html.escape(t(key, **slots))}</h2>{lead}</div>')


def link(page: str, text: str) -> None:
    """A way to another page."""
    st.page_link(f"../pages/{page}.py", label=text)


def day(at: datetime) -> str:
    """A day as the server's clock has it."""
    return f"{at.astimezone():%Y-%m-%d}"


def fold(text: str, key: str, draw: Callable[[], object]) -> None:
    """A part of the page that is drawn once somebody opens it: what nobody sees keeps nobody waiting."""
    box = st.expander(text, key=key, on_change="rerun")
    if box.open:
        with box:
            draw()


def note(text: str, kind: str = "plain") -> None:
    """A quiet sentence. kind: plain, simulated, good."""
    st.html(f'<p class="lab-note {kind}">{html.escape(text)}</p>')


def callout(text: str) -> None:
    """A sentence that must not be missed: what to do first."""
    st.html(f'<p class="lab-callout" role="status">{html.escape(text)}</p>')


def problem(text: str) -> None:
    """What was wrong, and what to do. Escaped, as it may quote what was typed.

    A page says one problem: what breaks one part of it often breaks the others too.
    """
    try:
        box = st.container(key="error")
    except StreamlitDuplicateElementKey:
        return
    with box:
        st.html(f'<p class="lab-callout error" role="alert">{html.escape(text)}</p>')


def facts(items: Sequence[tuple[str, str, str]]) -> None:
    """Numbers in a row: (value, name, the sentence that says what it is)."""
    cells = "".join(
        f'<div class="fact"><b>{html.escape(value)}</b><span>{html.escape(name)}</span>'
        f"<small>{html.escape(sentence)}</small></div>"
        for value, name, sentence in items
    )
    st.html(f'<div class="lab-facts">{cells}</div>')


def table(kind: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table; too wide for its place, it scrolls and the page does not. head: texts, the first over the rows' names.
    rows: cells as HTML, the first names the row. kind: its classes in style.css."""
    names = "".join(f"<th>{html.escape(text)}</th>" for text in head)
    lines = "".join(f"<tr><th>{name}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for name, *cells in rows)
    table = f'<table class="{kind}"><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>'
    st.html(f'<div class="lab-wide">{table}</div>')


def quote(text: str, *, caption: str = "", kind: str = "", unknown: Collection[str] = ()) -> None:
    """Text that a person or a model wrote, escaped, as a card. unknown: see `marked`."""
    head = f"<small>{html.escape(caption)}</small>" if caption else ""
    st.html(f'<blockquote class="lab-quote {kind}">{head}<p>{marked(text, unknown)}</p></blockquote>')


def marked(text: str, unknown: Collection[str]) -> str:
    """A text as HTML, its words that the model does not know marked as such."""
    if not unknown:
        return html.escape(text)
    why = html.escape(t("label.unknown_word"))
    words = (
        f'<mark title="{why}">{html.escape(word)}</mark>' if word in unknown else html.escape(word)
        for word in re.split(r"(\s+)", text)
    )  # fmt: skip
    return f'<span class="lab-as-written">{"".join(words)}</span>'
