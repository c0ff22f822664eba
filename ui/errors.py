"""Errors as sentences in the visitor's language. A page never shows a traceback."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.blind_test import BlindTestError
from lab.database import StoreError
from lab.exchange import ExchangeError
from lab.forecasts import ForecastError
from lab.jobs import JobError, ModelOnlyError
from lab.lab_file import LabFileError
from lab.labelling import LabellingError
from lab.members import MemberError
from lab.mission import MissionError
from lab.panel import PanelError
from lab.states import DamagedStateError
from rlhf_core.constitution import ConstitutionError
from rlhf_core.formats import FormatError
from rlhf_core.gridworld import MazeError
from rlhf_core.team_messages import MessageError
from rlhf_core.tokenizer import MOST_NAMED, UnknownWordsError
from rlhf_core.weights import CheckpointError
from ui import layout, session
from ui.i18n import t

_SENTENCES: dict[type[Exception], str] = {
    StoreError: "error.store",
    DamagedStateError: "reliability.damaged_state",
    CheckpointError: "error.checkpoint",
    JobError: "error.job",
    ConstitutionError: "constitution.invalid",
    MessageError: "team.error_message",
    LabellingError: "error.labelling",
    ValueError: "error.value",  # the last: some of those above are of its kind
}
"""Of errors that say all of it themselves."""
_PAGES: dict[type[Exception], str] = {
    BlindTestError: "blind",
    MemberError: "join",
    MissionError: "mission",
    ModelOnlyError: "runs",
    PanelError: "panel",
}
"""Of errors that have a reason: whose sentences it is among."""


def explain(error: Exception) -> str:
    """One clear sentence: what was wrong, with the value, and what to do. Unforeseen errors are named as such."""
    match error:
        case UnknownWordsError():
            more = " …" if len(error.words) > MOST_NAMED else ""
            return t("error.unknown_words", words=", ".join(f"{word:.60}" for word in error.words[:MOST_NAMED]) + more)
        case MazeError():
            return t(f"maze.error_{error.reason}", detail=str(error))
        case LabFileError():
            return t(f"lab_file.{error.reason}", **error.slots)
        case FormatError():
            return t(f"format.{error.reason}", **error.slots)
        case ExchangeError():
            return t(f"exchange.{error.reason}", **error.slots)
        case ForecastError():
            return t(f"outlook.error_{error.reason}", key=error.key)
        case BlindTestError() | MemberError() | MissionError() | ModelOnlyError() | PanelError():
            return t(f"{_PAGES[type(error)]}.error_{error.reason}", **error.slots)
    for kind, key in _SENTENCES.items():
        if isinstance(error, kind):
            return t(key, detail=str(error))
    return t("error.unforeseen", kind=type(error).__name__)


def show(error: Exception) -> None:
    """Put the sentence on the page."""
    layout.problem(explain(error))


@contextmanager
def guard() -> Iterator[None]:
    """Show what goes wrong inside as a sentence; the log has the details of what nobody foresaw.

    Around a page, and again as a decorator on each of its fragments, which Streamlit reruns on their own.
    """
    try:
        yield
    except Exception as error:
        report(error, "A page failed")
        show(error)


def report(error: Exception, what: str) -> None:
    """Tell the log the details of what nobody foresaw, while it is handled."""
    if not isinstance(error, StoreError | CheckpointError | ForecastError | LabellingError | MemberError):
        logging.getLogger("rlhf_lab").exception(what)


def attempt(do: Callable[..., object], *arguments: object) -> None:
    """Do something from a callback; what can't be done is said where the page says its problem."""
    session.forget_problem()
    try:
        do(*arguments)
    except (CheckpointError, ForecastError, JobError, StoreError, ValueError) as error:
        session.session().problem = explain(error)


def on_script_error(error: Exception) -> bool:
    """For `st.App`: what `guard` is to a page's script, this is to its callbacks."""
    show(error)
    return True
