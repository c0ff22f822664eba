"""The guided demo on the pages: where it begins, what its strip says and does, and how one takes over."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lab import demo as demos
from lab.app import get_laboratory
from lab.demo import STAGES, Plan
from lab.labelling import LabellingDesk
from lab.store import Lab, Store
from tests.lab.runs import add_ppo_run
from tests.ui.conftest import Visit, markup, press, said
from ui.demo_view import WHERE
from ui.i18n import translate

BROWSER = "a-browser-of-these-tests"
PLAN = Plan(pairs=4, batch=2, iterations=1, read=3600.0)


def own(language: str = "en") -> tuple[Store, Lab]:
    store = get_laboratory().store
    return store, store.open_lab(BROWSER, language)


def at(name: str, language: str = "en", **values: Any) -> None:
    """Brings the demo of the open lab to a stage, without any of its work."""
    store, lab = own(language)
    demos.begin(store, lab, ("Ada", "Ben"), PLAN)
    found = {**store.kept(lab.id, "demo"), "name": name, "labelled": 4, "fitted": 4, **values}
    store.keep(lab.id, "demo", found)


def page(app: AppTest) -> str:
    return app.session_state["lab_session"].page


def title(name: str, language: str = "en") -> str:
    return translate(language, f"demo.{name}_title")


def test_one_click_begins_in_an_empty_lab_on_the_page_of_the_model(visit: Visit) -> None:
    app = press(visit(), "demo_begin")
    store, lab = own()
    demo = demos.read(store, lab)
    assert not app.exception and demo and demo.people == ("Ada", "Ben", "Chloe")
    assert lab.name == translate("en", "demo.name")
    assert page(app) == "language_model" and title("start") in said(app)
    assert not any(button.key == "demo_begin" for button in visit().button)


def test_a_lab_with_labels_is_left_alone_and_found_again(visit: Visit) -> None:
    app = visit()
    store, lab = own()
    LabellingDesk(store, lab).simulate(3, "default", 0.0, seed=1)
    press(app, "demo_begin")
    _, new = own()
    assert new.id != lab.id and demos.read(store, new) and demos.read(store, lab) is None
    at_the_end = {**store.kept(new.id, "demo"), "name": "end"}
    store.keep(new.id, "demo", at_the_end)
    app = press(visit(), "demo_own")
    assert own()[1].id == lab.id and len(store.labels(lab.id)) == 3
    assert title("end") not in said(app)


LANGUAGES = ("ko", "en", "ko", "en", "ko", "en", "ko")
"""Of the stages: opening a page takes a while, so each is opened in one of them."""


@pytest.mark.parametrize(("name", "language"), [*zip(WHERE, LANGUAGES, strict=True)])
def test_every_stage_says_what_happens_and_by_whom(visit: Visit, name: str, language: str) -> None:
    visit("home", language)
    store, lab = own(language)
    LabellingDesk(store, lab).simulate(4, "default", 0.0, seed=1)
    runs = {}
    if name in ("ppo", "hacking"):
        run = add_ppo_run(store, lab, status="paused")
        store.add_step(run.id, 6, {"reward": 1.0, "gold": 1.0, "kl": 2.0, "distinct_share": 0.9}, None)
        runs = {name: f"run-{run.id}"}
    at(name, language, runs=runs)
    app = visit(WHERE[name][0], language)
    assert not app.exception and "lab-callout error" not in markup(app)
    text = said(app)
    assert title(name, language) in text
    by = next(stage.by for stage in STAGES if stage.name == name)
    assert translate(language, f"demo.by_{by}") in text
    assert any(button.key == "demo_take_over" for button in app.button)


def test_the_strip_pauses_skips_and_moves_to_the_next_page(visit: Visit) -> None:
    visit()
    at("start")
    app = press(visit("language_model"), "demo_pause")
    store, lab = own()
    assert demos.read(store, lab).paused and translate("en", "demo.rests") in said(app)
    app = press(app, "demo_resume")
    assert not demos.read(store, lab).paused
    app = press(app, "demo_next")
    assert page(app) == "label" and title("labels") in said(app)


def test_on_another_page_it_waits_and_leads_back(visit: Visit) -> None:
    visit()
    at("labels", labelled=0)
    app = visit("outlook")
    store, lab = own()
    assert translate("en", "demo.elsewhere", title=title("labels")) in said(app)
    app.run()
    assert store.labels(lab.id) == [], "nobody looks"
    assert page(press(app, "demo_back")) == "label"


def test_who_takes_over_stays_on_the_page_with_what_was_made(visit: Visit) -> None:
    visit()
    at("labels")
    store, lab = own()
    LabellingDesk(store, lab).simulate(4, "default", 0.0, seed=1)
    app = press(visit("label"), "demo_take_over")
    assert not app.exception and page(app) == "label" and title("labels") not in said(app)
    assert demos.read(store, lab) is None and len(store.labels(lab.id)) == 4
