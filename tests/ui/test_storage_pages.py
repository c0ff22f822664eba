"""Storage in trouble, as a page says it: one sentence in its language, and what was there is there afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lab import members, models
from lab.app import get_laboratory
from lab.store import NewPair
from rlhf_core.weights import CheckpointError
from tests.lab.runs import add_ppo_run
from tests.lab.test_older_schemas import written
from tests.lab.trouble import full_disk
from tests.ui.conftest import ROOT, Visit, answer, markup, press, said, showing
from ui import session
from ui.browser import COOKIE
from ui.i18n import translate
from ui.layout import PAGES

LANGUAGES = pytest.mark.parametrize("language", ["en", "ko"])
ROOM = "has no room to grow"


def begins(language: str, key: str, **slots: object) -> str:
    """The sentence of a key, as far as it is the language's own."""
    return translate(language, key, **{"detail": "", **slots})[:24]


def problems(app: AppTest) -> int:
    return markup(app).count('class="lab-callout error"')


def fill(app: AppTest) -> None:
    """Pairs to label, longer than what the database has room for without growing."""
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    for number in range(30):
        texts = {"prompt": f"hello {number} .", "response_a": "yes . " * 40, "response_b": "no . " * 40}
        store.add_pair(lab.id, NewPair(language=lab.language, policy_id="start", **texts))


@contextmanager
def no_room() -> Iterator[None]:
    with full_disk(get_laboratory().store):
        yield


@pytest.mark.parametrize("language", ["ko"])
def test_a_label_on_a_full_disk_is_said_not_to_be_recorded(visit: Visit, language: str) -> None:
    app = visit("label", language)
    fill(app)
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    app = app.run()
    with no_room():
        for _ in range(120):
            pair, before = showing(app), len(store.labels(lab.id))
            app = answer(app, "left", reasons=["safer", "other"], words="because " * 24)
            if ROOM in said(app):
                break
        assert begins(language, "error.store") in said(app) and ROOM in said(app) and not app.exception
        kept = len(store.labels(lab.id))
        assert kept - before in (0, 1), "what was acknowledged is there"
        assert kept == before or showing(app) != pair
    app = app.run()
    app = answer(app, "left")
    assert len(store.labels(lab.id)) == kept + 1 and ROOM not in said(app.run())


@pytest.mark.parametrize("language", ["en"])
def test_a_phone_is_told_that_nothing_was_recorded(
    visit: Visit, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit("label", language)
    fill(app)
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    members.start(store, lab)
    found = members.found(store, lab)
    assert found is not None
    monkeypatch.setattr(session, "cookie", {COOKIE: "a-phone-in-the-class"}.get)
    phone = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=60)
    phone.query_params["lang"], phone.query_params["join"] = language, found.key
    phone.switch_page("../pages/label.py")
    phone.run()
    with no_room():
        for _ in range(120):
            before = len(store.labels(lab.id))
            phone = answer(phone, "left")
            if ROOM in said(phone):
                break
        assert begins(language, "error.store") in said(phone) and not phone.exception
        assert len(store.labels(lab.id)) - before in (0, 1)


@LANGUAGES
def test_a_second_server_on_the_file_says_so_until_the_first_has_gone(
    visit: Visit, language: str, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "lab.sqlite3.lock", isolation_level=None)) as first:
        first.execute("BEGIN EXCLUSIVE")
        app = visit("ppo", language)
        assert begins(language, "error.store") in said(app) and "is open in another RLHF Lab" in said(app)
        assert not app.exception and problems(app) == 1
    app = app.run()
    assert "is open in another" not in said(app) and problems(app) == 0


@LANGUAGES
def test_a_run_that_could_not_be_written_down_says_that_it_rests(visit: Visit, language: str) -> None:
    app = visit("ppo", language)
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    run = add_ppo_run(store, lab, status="paused")
    store.update_run(run.id, error="The run rests at step 5 and can be resumed. The database has no room to grow.")
    text = said(app.run())
    assert begins(language, "reliability.run_rests") in text and "The run rests at step 5" in text


@LANGUAGES
def test_a_damaged_checkpoint_is_a_sentence_wherever_its_model_would_be_used(visit: Visit, language: str) -> None:
    app = visit("ppo", language)
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    run = add_ppo_run(store, lab, status="paused")
    saved = store.checkpoint(run.id)
    assert saved is not None
    store.save_checkpoint(run.id, saved.step, saved.data[: len(saved.data) // 2])
    app = press(app.run(), "ppo_resume")
    assert begins(language, "reliability.damaged_state") in said(app) and not app.exception and problems(app) == 1
    for page in PAGES:
        app = visit(page, language)
        assert not app.exception and begins(language, "error.unforeseen", kind="") not in said(app), page
    app = visit("label", language)
    app.session_state["label_writer"] = f"run-{run.id}"
    app = app.run()
    assert begins(language, "reliability.damaged_state") in said(app) and not app.exception


@LANGUAGES
@pytest.mark.parametrize("page", PAGES)
def test_a_damaged_model_file_is_a_sentence_on_every_page(
    visit: Visit, page: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*of_what: str) -> None:
        raise CheckpointError("The checkpoint x.safetensors cannot be read; restore the file.")

    for name in ("load_start", "load_critic", "load_maze_policy"):
        monkeypatch.setattr(models, name, damaged)
    app = visit(page, language)
    assert not app.exception and begins(language, "error.unforeseen", kind="") not in said(app)
    if page not in ("outlook", "team"):  # these do without, by rules
        assert begins(language, "error.checkpoint") in said(app) and problems(app) == 1


@LANGUAGES
def test_a_lab_of_the_first_version_is_opened_as_it_was(
    visit: Visit, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(1, tmp_path).rename(tmp_path / "lab.sqlite3")
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("DELETE FROM checkpoint")  # whose bytes are none of a model's
    monkeypatch.setattr(session, "cookie", {COOKIE: "a browser"}.get)
    monkeypatch.setattr(session, "browser", lambda: "a browser")
    for page in ("home", "label"):
        app = visit(page, language)
        assert not app.exception and problems(app) == 0, said(app)
    assert app.session_state["lab_session"].lab.key.startswith("key-0")
