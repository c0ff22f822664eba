"""Pages run by Streamlit's AppTest, each on a database of its own."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import UnknownElement

from lab import labelling
from lab.app import get_laboratory
from ui import ballot as ballots
from ui import session
from ui.browser import COOKIE
from ui.i18n import _speaking

ROOT = Path(__file__).parents[2]
Visit = Callable[..., AppTest]
RUNS = ("ppo", "sl", "rlaif", "neural", "pretrain", "cloning", "mazeppo")
FOLDS = ("deck", "simulate", "writer", "cai_file", "maze_json", "maze_edit_0", "maze_edit_1",
         *(f"{stage}_settings" for stage in RUNS))  # fmt: skip
"""Parts of pages that are drawn once somebody opens them: a visitor of these tests has opened all."""


@pytest.fixture
def visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: bytes) -> Iterator[Visit]:
    """Opens a page as the browser of a certain cookie does. Hands may be as quick as a test's."""
    (tmp_path / "lab.sqlite3").write_bytes(empty_database)
    monkeypatch.setenv("RLHF_LAB_DATABASE", f"sqlite:///{tmp_path / 'lab.sqlite3'}")
    monkeypatch.setattr(session, "cookie", {COOKIE: "a-browser-of-these-tests"}.get)
    monkeypatch.setattr(labelling, "TOO_FAST", timedelta(0))
    # What is written ahead while a person reads would only take a core from the test.
    monkeypatch.setattr(labelling, "_on_one_core", lambda work: None)
    # Every AppTest reads the metadata of each installed package for components of theirs: there are none.
    monkeypatch.setattr("streamlit.components.v2.manifest_scanner.scan_component_manifests", list)

    # AppTest asks what the options of a widget are called outside of any run of the page, where another test's visit
    # would still be remembered.
    st.session_state.pop("lab_session", None)
    speaks = _speaking.set(None)

    def visit(page: str = "home", language: str | None = "en") -> AppTest:
        _speaking.set(language)
        app = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=60)
        for part in FOLDS:
            app.session_state[part] = True
        if language:
            app.query_params["lang"] = language
        if page != "home":
            app.switch_page(f"../pages/{page}.py")
        return app.run()

    yield visit
    _speaking.reset(speaks)
    try:
        get_laboratory().close()
    except RuntimeError:
        return  # The test has spoilt its database.


def said(app: AppTest) -> str:
    """The text that a page shows by `st.html`, where all text of people and models is, and in the pair in sight."""
    return html.unescape(re.sub(r"<[^>]+>", " ", " ".join(_bodies(app))))


def markup(app: AppTest) -> str:
    """The same with its tags."""
    return "\n".join(_bodies(app))


def _bodies(app: AppTest) -> list[str]:
    bodies = [element.body for element in app.get("html") if "<style>" not in element.body]
    in_sight = ballot(app)
    return [*bodies, in_sight["question"], in_sight["pair"]] if in_sight else bodies


def key_of(app: AppTest, beginning: str) -> str:
    """The key of the button whose key begins so."""
    return next(button.key for button in app.button if (button.key or "").startswith(beginning))


def _listen(app: AppTest) -> None:
    """Of several pages at once, each is asked what its options are called in its own language."""
    wished = app.query_params.get("lang")
    _speaking.set(wished[0] if isinstance(wished, list) else wished)


def press(app: AppTest, beginning: str) -> AppTest:
    """Click the button whose key begins so."""
    _listen(app)
    return app.button(key=key_of(app, beginning)).click().run()


def ballot(app: AppTest) -> dict[str, Any] | None:
    """What the page gives the pair in sight, or None where no pair is."""
    found = [json.loads(one.proto.json) for one in _ballots(app)]
    return found[0] if found else None


def _ballots(app: AppTest) -> list[UnknownElement]:
    return [one for one in app.get("bidi_component") if (one.key or "").endswith("_ballot")]


def showing(app: AppTest) -> str:
    """The id of the showing of the pair in sight."""
    found = ballot(app)
    assert found, said(app)
    return found["showing"]


def cast(app: AppTest, event: str, payload: object) -> AppTest:
    """Have the browser report something of the pair in sight, as its script does."""
    _listen(app)
    [element] = _ballots(app)
    states = app._tree.get_widget_states()
    told = json.dumps([{"event": event, "value": payload}])
    states.widgets.add(id=_make_trigger_id(element.proto.id, "events"), json_trigger_value=told)
    return app._run(states)


def answer(
    app: AppTest, choice: str, strength: int = 0, reasons: Sequence[str] = (), words: str = "", late: str = ""
) -> AppTest:  # fmt: skip
    """Press a choice of the pair in sight, or, with a late hand, of another showing's."""
    told = {"choice": choice, "strength": strength, "reasons": [*reasons], "words": words}
    return deliver(app, told | {"showing": late or showing(app)})


def deliver(app: AppTest, payload: object) -> AppTest:
    """Send something to the ballot's address and have the page follow, as the browser does."""
    in_sight = ballot(app)
    assert in_sight, said(app)
    ballots.deliver(in_sight["address"].removeprefix(ballots.ADDRESS), payload)
    return cast(app, "answered", in_sight["showing"])


def undo(app: AppTest) -> AppTest:
    """Press undo below the pair in sight."""
    return cast(app, "undo", showing(app))


def until(app: AppTest, holds: Callable[[AppTest], bool], seconds: float = 60.0) -> AppTest:
    """Run the page again until something holds of it."""
    deadline = time.monotonic() + seconds
    while not holds(app.run()):
        assert time.monotonic() < deadline, said(app)
        time.sleep(0.05)
    return app


def once(app: AppTest, holds: Callable[[], object], seconds: float = 60.0) -> AppTest:
    """Wait until something holds that other threads do, for which no page need run, and then run the page."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, said(app)
        time.sleep(0.01)
    return app.run()
