"""What one visit remembers, typed: the only user of st.session_state beside the widgets themselves."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from lab.app import Laboratory, get_laboratory
from lab.labelling import Answer
from lab.store import Lab
from rlhf_core.language_model import Generation
from ui.browser import COOKIE, browser_name
from ui.i18n import LANGUAGES, choose_language

MODEL_LANGUAGE = "en"
"""The language that the lab's model writes, which need not be the page's."""
LANGUAGE_COOKIE = "rlhf_lab_language"


@dataclass
class Session:
    """One tab's state. Widget values die when their page is left; what must outlive that is kept here."""

    browser: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """Stands in for the cookie where the browser takes none: then the lab lasts as long as the tab."""
    own_language: str | None = None
    query_language: str | None = None
    lab: Lab | None = None
    kept: dict[str, Any] = field(default_factory=dict)
    """Values of widgets by their key, see `keep`."""
    lm_prefix: tuple[str, ...] = ()
    lm_answers: list[Generation] = field(default_factory=list)
    lm_read: str = ""
    """The question that the prefix and the answers belong to."""
    last_answer: Answer | None = None
    """What became of the latest answered pair, for the reveal."""
    last_said: str = ""
    """What to say of the latest action on the labelling page instead of a reveal."""
    notice: str = ""
    """What the last action did, to be said once."""
    problem: str = ""
    """Why the last thing asked of a run was not done."""
    follow_until: float = 0.0
    """Keep the training page fresh until this time (of `time.monotonic`), whatever the run's state says."""


def session() -> Session:
    """This tab's state, made at its first use."""
    return st.session_state.setdefault("lab_session", Session())


def laboratory() -> Laboratory:
    """The process's lab: store, jobs and models."""
    return get_laboratory()


def cookie(name: str) -> str | None:
    """A cookie of this browser."""
    value = st.context.cookies.get(name)
    return value if isinstance(value, str) else None


def current_lab() -> Lab:
    """The lab that this browser has open: its own, named by its cookie."""
    own = session()
    if own.lab is None:
        browser = browser_name(cookie(COOKIE)) or own.browser
        own.lab = laboratory().store.open_lab(browser, MODEL_LANGUAGE)
    return own.lab


def language() -> str:
    """The language of the page: ``?lang=``, else the own choice, else the browser's, else English."""
    own = session()
    choice = own.own_language or cookie(LANGUAGE_COOKIE)
    return choose_language(own.query_language, choice, st.context.locale)


def read_query_language() -> None:
    """Take ``?lang=`` over from the address. It holds for the visit: the address loses it when the page changes."""
    wished = st.query_params.get("lang")
    if wished in LANGUAGES:
        session().query_language = wished


def set_language(choice: str) -> None:
    """The visitor's own choice, which replaces the address's."""
    own = session()
    own.own_language, own.query_language = choice, None
    if "lang" in st.query_params:
        st.query_params["lang"] = choice


def keep(key: str, default: Any, options: Collection[Any] | None = None) -> str:
    """Give a keyed widget back the value it had when its page was left. Call before the widget; returns the key.

    options: what a choice may be. After a change of language the browser sends back the old language's name of the
    chosen option, which is none of them: the value that was kept stands.
    """
    kept = session().kept
    if key not in st.session_state or (options is not None and st.session_state[key] not in options):
        st.session_state[key] = kept.get(key, default)
    elif options is not None:
        st.session_state[key] = st.session_state[key]  # said anew, the browser shows its name in the page's language
    kept[key] = st.session_state[key]
    return key


def follow(key: str, value: Any) -> str:
    """Let a keyed widget show a value that lives elsewhere. Setting what it already shows would only fight with a hand
    that is moving it. Call before the widget; returns the key."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return key


def put(key: str, value: Any) -> None:
    """Set a kept widget's value, from a callback or before the widget is drawn."""
    session().kept[key] = st.session_state[key] = value
