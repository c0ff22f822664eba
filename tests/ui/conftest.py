"""Pages run by Streamlit's AppTest, each on a database of its own."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lab import labelling
from lab.app import get_laboratory
from ui import session
from ui.browser import COOKIE

ROOT = Path(__file__).parents[2]
Visit = Callable[..., AppTest]


@pytest.fixture
def visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Opens a page as the browser of a certain cookie does. Hands may be as quick as a test's."""
    monkeypatch.setenv("RLHF_LAB_DATABASE", f"sqlite:///{tmp_path / 'lab.sqlite3'}")
    monkeypatch.setattr(session, "cookie", {COOKIE: "a-browser-of-these-tests"}.get)
    monkeypatch.setattr(labelling, "TOO_FAST", timedelta(0))

    def visit(page: str = "home", language: str | None = "en") -> AppTest:
        app = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=60)
        if language:
            app.query_params["lang"] = language
        if page != "home":
            app.switch_page(f"../pages/{page}.py")
        return app.run()

    yield visit
    try:
        get_laboratory().close()
    except RuntimeError:
        return  # The test has spoilt its database.


def said(app: AppTest) -> str:
    """The text that a page shows by `st.html`, where all text of people and models is."""
    bodies = (element.body for element in app.get("html") if "<style>" not in element.body)
    return html.unescape(re.sub(r"<[^>]+>", " ", " ".join(bodies)))


def markup(app: AppTest) -> str:
    """The same with its tags."""
    return "\n".join(element.body for element in app.get("html"))


def key_of(app: AppTest, beginning: str) -> str:
    """The key of the button whose key begins so."""
    return next(button.key for button in app.button if (button.key or "").startswith(beginning))


def press(app: AppTest, beginning: str) -> AppTest:
    """Click the button whose key begins so."""
    return app.button(key=key_of(app, beginning)).click().run()


def until(app: AppTest, holds: Callable[[AppTest], bool], seconds: float = 60.0) -> AppTest:
    """Run the page again until something holds."""
    deadline = time.monotonic() + seconds
    while not holds(app.run()):
        assert time.monotonic() < deadline, said(app)
        time.sleep(0.05)
    return app
