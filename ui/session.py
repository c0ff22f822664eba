"""What one visit remembers, typed: the only user of st.session_state beside the widgets themselves."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lab.app import Laboratory, get_laboratory
from lab.labelling import Answer
from lab.store import Lab
from rlhf_core.constitutional_ai import Revision
from rlhf_core.sampling import Generation
from ui.browser import COOKIE, browser_name
from ui.i18n import LANGUAGES, choose_language, t

LANGUAGE_COOKIE = "rlhf_lab_language"
JOIN = "join"
"""The parameter of an address that has a key."""
UNDER_WAY = 1.0
"""Seconds that a message may be under way; nobody moves a widget back to exactly where it was in less."""
OF_A_LANGUAGE = frozenset(
    "lm_prompt reward_prompt reward_response label_writer cai_prompt cai_response cai_selected"
    " cai_version cai_compared cai_compared_usual rlaif_start_from inside_writer lm_model lm_word lm_text".split()
)
"""Widgets whose values mean something in one language of the model only: each language keeps its own."""


@dataclass
class CritiqueDesk:
    """One answer on the constitution's page, and what was done with it so far."""

    draws: int = 0
    """How many answers were sampled: names the random numbers of the next."""
    subject: tuple[str, str, int] | None = None
    """Question and answer, as tokens, and the version of the constitution that the entries are about."""
    entries: list[Revision | str] = field(default_factory=list)
    """Rounds; a text is an edit of the visitor's own, as tokens."""
    finished: bool = False


@dataclass
class Conversation:
    """What one visit said to the model in one language, and what it answered."""

    kept: dict[str, Any] = field(default_factory=dict)
    """Values of the widgets `OF_A_LANGUAGE`."""
    lm_prefix: tuple[str, ...] = ()
    lm_answers: list[Generation] = field(default_factory=list)
    lm_read: str = ""
    """The question that the prefix and the answers belong to."""
    critique: CritiqueDesk = field(default_factory=CritiqueDesk)


@dataclass
class LessonDesk:
    """One page's lesson in this visit."""

    open: bool = False
    at: str = ""
    """The step or question that is looked at; "" for the first that is not done."""
    seen: set[str] = field(default_factory=set)
    """What the visit did on the page, see `lab.lessons.Traces`."""
    done: set[str] = field(default_factory=set)
    """Steps that were done: what was seen once has been seen, whatever becomes of its traces."""
    answers: dict[str, str] = field(default_factory=dict)
    """The option chosen last, by question."""
    moved: bool = False
    """Whether the rest of the page has to be drawn anew."""
    hidden: tuple[str, ...] = ()
    """What the address of a teacher has hidden on the page, see `page_address.HIDEABLE`."""


@dataclass(frozen=True)
class Said:
    """What a widget showed when it was given another value, and when that was, of `time.monotonic`."""

    before: Any
    at: float


@dataclass
class Session:
    """One tab's state. Widget values die when their page is left; what must outlive that is kept here."""

    browser: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """Stands in for the cookie where the browser takes none: then the lab lasts as long as the tab."""
    own_language: str | None = None
    query_language: str | None = None
    lab: Lab | None = None
    """The lab as this script run found it, see `read_lab`."""
    kept: dict[str, Any] = field(default_factory=dict)
    """Values of widgets by their key, see `keep`."""
    unseen: dict[str, Said] = field(default_factory=dict)
    """By a widget's key: a value that it was given, and of which the browser has not said yet that it shows it."""
    said_in: dict[str, str] = field(default_factory=dict)
    """By a kept choice's key: the page's language in which its options were named last."""
    conversations: dict[str, Conversation] = field(default_factory=dict)
    """By the model's language, see `conversation`."""
    last_answer: Answer | None = None
    """What became of the latest answered pair, for the reveal."""
    last_said: str = ""
    """What to say of the latest action on the labelling page instead of a reveal."""
    notice: str = ""
    """What the last action did, to be said once."""
    problem: str = ""
    """Why the last thing asked for was not done: of a run, or of the constitution."""
    address_problem: str = ""
    """What the address asked for that the page can't do."""
    lessons: dict[str, LessonDesk] = field(default_factory=dict)
    """By page, see `lesson`."""
    addresses: dict[tuple[str, str], str] = field(default_factory=dict)
    """By path and key: under which name this tab's things stand there, see `addresses`."""
    intake: Any = None
    """The file of labels that this tab looks at, see `exchange_view.Intake`."""
    intakes: int = 0
    """How many such files it took in or put aside: names the next upload."""
    page: str = ""
    """The page that this visit is on, and that the problem belongs to."""
    team: Any = None
    """The run of the agent team that this tab looks at, see `team_desk.TeamDesk`."""
    joined: str = ""
    """The key of the collection of forecasts that this tab takes part in."""
    joined_class: str = ""
    """The key of the class that this tab labels in."""
    join_said: str = ""
    """What to say of the latest action there."""
    panel_asked: bool = False
    """Whether the simulated annotators are to label next."""
    mission_look: int = 0
    """The group whose secret brief is in sight; 0 of none."""
    demo_moves: bool = False
    """Whether this tab is to go to the page of the guided demo's stage."""
    demo_set_up: tuple[int, str] | None = None
    """The lab and the stage whose page was set up for the guided demo last."""
    walk: Any = None
    """The walk through a maze that this tab looks at, see `walk_view.WalkDesk`."""


def session() -> Session:
    """This tab's state, made at its first use."""
    try:
        return st.session_state["lab_session"]
    except KeyError:
        return st.session_state.setdefault("lab_session", Session())


def laboratory() -> Laboratory:
    """The process's lab: store, jobs and models."""
    return get_laboratory()


def cookie(name: str) -> str | None:
    """A cookie of this browser."""
    value = st.context.cookies.get(name)
    return value if isinstance(value, str) else None


def browser() -> str:
    """This browser's name, by its cookie where it takes one: by it its labs are found again."""
    return browser_name(cookie(COOKIE)) or session().browser


def current_lab() -> Lab:
    """The lab that this browser has open, as this script run found it."""
    return session().lab or read_lab()


def read_lab() -> Lab:
    """This browser's lab as it is now: its own, named by its cookie, made at the first visit with a model that speaks
    the page's language. At the beginning of whatever is run: another tab may have changed the model's language."""
    own, store = session(), laboratory().store
    before = own.lab
    if before is None:
        own.lab = store.open_lab(browser(), language())
        return own.lab
    try:
        own.lab = store.lab(before.id)
    except KeyError:  # deleted in another tab
        leave_lab()
        return read_lab()
    if own.lab.language != before.language:
        _change_conversation(before.language, own.lab)
    return own.lab


def joined_key(name: str = "joined") -> str:
    """The key of what this tab takes part in; "" if in nothing. The address gives it, and has it again after a change
    of page, so that a reload finds it. name: the field that remembers it."""
    own = session()
    key = st.query_params.get(JOIN, getattr(own, name))
    setattr(own, name, key)
    if key:
        st.query_params[JOIN] = key
    return key


def leave(name: str = "joined") -> None:
    """Take part no longer, from a callback."""
    forget_problem()
    setattr(session(), name, "")
    st.query_params.pop(JOIN, None)


def leave_lab() -> None:
    """Forget all that this tab remembers of its lab: the next look finds the one that the browser opened last. From a
    callback, or before any widget is drawn."""
    own = session()
    lasting = ("browser", "own_language", "query_language", "page", "joined", "joined_class")
    kept = {name: getattr(own, name) for name in lasting}
    st.session_state.clear()
    st.session_state["lab_session"] = Session(**kept)


def set_model_language(choice: str) -> None:
    """Let the lab's model speak another language from now on."""
    laboratory().store.set_language(current_lab().id, choice)
    read_lab()


def conversation() -> Conversation:
    """What this visit said in the model's language."""
    return session().conversations.setdefault(current_lab().language, Conversation())


def lesson(page: str) -> LessonDesk:
    """A page's lesson in this visit."""
    return session().lessons.setdefault(page, LessonDesk())


def _change_conversation(before: str, lab: Lab) -> None:
    """Put away what was said in the language before, and say what becomes of its labels."""
    own, store = session(), laboratory().store
    kept = own.conversations.setdefault(before, Conversation()).kept
    for key in OF_A_LANGUAGE:
        if key in st.session_state:
            kept[key] = st.session_state[key]
            del st.session_state[key]
    own.last_answer, own.last_said, own.problem = None, "", ""
    waiting = len(store.labels(lab.id, language=before))
    own.notice = t(
        "frame.model_changed" if waiting else "frame.model_changed_bare",
        language=t(f"language.{lab.language}"), labels=len(store.labels(lab.id, language=lab.language)),
        before=t(f"language.{before}"), waiting=waiting,
    )  # fmt: skip


def language() -> str:
    """The language of the page: ``?lang=``, else the own choice, else the browser's, else English."""
    own = session()
    if own.query_language:  # which every sentence asks for
        return own.query_language
    choice = own.own_language or cookie(LANGUAGE_COOKIE)
    return choose_language(None, choice, st.context.locale)


def read_query_language() -> None:
    """Take ``?lang=`` over from the address. It holds for the visit: the address loses it when the page changes."""
    wished = st.query_params.get("lang")
    if wished in LANGUAGES:
        session().query_language = wished


def enter(page: str) -> None:
    """Be on a page: what went wrong on the one before is not said there, and no secret brief is left in sight."""
    own = session()
    if own.page != page:
        own.page, own.mission_look = page, 0
        forget_problem()


def forget_problem() -> None:
    """Say no more what went wrong with the last thing asked for."""
    own = session()
    own.problem = own.address_problem = ""


def set_language(choice: str) -> None:
    """The visitor's own choice, which replaces the address's."""
    own = session()
    own.own_language, own.query_language = choice, None
    if "lang" in st.query_params:
        st.query_params["lang"] = choice


# A widget's value goes to the browser once. Of two messages about a widget in short order the browser draws the second
# alone: a value that only the first one has would be lost, and the browser would report what the widget showed before.
# So a value is said anew until the browser has reported it, and never after, when a hand may be about to change it.


def keep(key: str, default: Any, options: Collection[Any] | None = None) -> str:
    """Give a keyed widget back the value it had when its page was left. Call before the widget; returns the key.

    options: what a choice may be. After a change of language it is said anew, so that it shows its name in the page's
    language; the browser may send back its name in the old one, which is none of them: the value that was kept stands.
    """
    kept, own = _kept(key), session()
    if key not in st.session_state or (options is not None and st.session_state[key] not in options):
        known = kept.get(key, default)
        _say(key, known if options is None or known in options else default)
    elif options is not None and own.said_in.get(key) != language():
        _say(key, st.session_state[key])
    elif key in own.unseen:
        _say_again(key)
    if options is not None:
        own.said_in[key] = language()
    kept[key] = st.session_state[key]
    return key


def follow(key: str, value: Any) -> str:
    """Let a keyed widget show a value that lives elsewhere. Setting what it already shows would only fight with a hand
    that is moving it. Call before the widget; returns the key."""
    if st.session_state.get(key) != value:
        _say(key, value)
    elif key in session().unseen:
        _say_again(key)
    return key


def heard(key: str) -> bool:
    """Whether what a widget reports is a person's doing, for its callback: a message that was under way when the widget
    was given another value still has the one before."""
    said = session().unseen.get(key)
    return said is None or st.session_state[key] != said.before or monotonic() - said.at > UNDER_WAY


def _say(key: str, value: Any) -> None:
    session().unseen[key] = Said(st.session_state.get(key), monotonic())
    st.session_state[key] = value


def _say_again(key: str) -> None:
    if _reported(key):
        del session().unseen[key]
    else:
        st.session_state[key] = st.session_state[key]


def _reported(key: str) -> bool:
    """Whether the browser's message that began this run of the page tells of the widget with this key, which it does
    of every widget that it has drawn. Call before the widget."""
    context = get_script_run_ctx()
    if context is None:
        return False
    state = context.session_state._state  # Streamlit tells what a widget's value is, not whether it came from there
    return state._key_id_mapper.get_id_from_key(key) in state._new_widget_state.states


def put(key: str, value: Any) -> str:
    """Set a kept widget's value, from a callback or before the widget is drawn; returns the key. Said anew each time,
    so that the browser shows a choice's name in the page's language."""
    _kept(key)[key] = st.session_state[key] = value
    return key


def value(key: str, default: Any) -> Any:
    """A kept widget's value, before the widget is drawn or on another page."""
    return st.session_state.get(key, _kept(key).get(key, default))


def _kept(key: str) -> dict[str, Any]:
    return conversation().kept if key in OF_A_LANGUAGE else session().kept
