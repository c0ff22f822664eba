"""Presenter mode: what is left of a page, and what its keys do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.testing.v1 import AppTest

from lab.app import get_laboratory
from lab.store import Lab, Store
from tests.lab.runs import add_ppo_run
from tests.ui.conftest import ROOT, Visit, markup, said
from ui.i18n import translate


def own(language: str = "en") -> tuple[Store, Lab]:
    store = get_laboratory().store
    return store, store.open_lab("a-browser-of-these-tests", language)


def presented(page: str = "ppo", language: str = "en") -> AppTest:
    app = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=60)
    app.query_params["lang"], app.query_params["present"] = language, "1"
    return app.switch_page(f"../pages/{page}.py").run()


def component(app: AppTest, key: str) -> Any:
    [found] = [one for one in app.get("bidi_component") if one.key == key]
    return found


def data(app: AppTest, key: str) -> dict[str, Any]:
    return json.loads(component(app, key).proto.json)


def press(app: AppTest, does: str) -> AppTest:
    """What the browser reports when a key is pressed."""
    states = app._tree.get_widget_states()
    told = json.dumps([{"event": does, "value": 1}])
    keys = component(app, "presenter_keys").proto.id
    states.widgets.add(id=_make_trigger_id(keys, "events"), json_trigger_value=told)
    return app._run(states)


def numeral(app: AppTest) -> str:
    found = re.search(r'class="lab-numeral".*?<b>(\d+)</b>', markup(app))
    assert found
    return found[1]


def offered(app: AppTest) -> list[str]:
    return re.findall('data-does="([a-z]+)"', data(app, "presenter_keys")["buttons"])


def test_a_run_is_one_figure_one_sample_and_the_iteration(visit: Visit) -> None:
    language = "ko"
    visit("home", language)
    store, lab = own(language)
    add_ppo_run(store, lab, step=7)
    app = presented(language=language)
    assert not app.exception and numeral(app) == "7"
    assert not app.button and not app.select_slider and not app.number_input and not app.get("page_link")
    assert [one.key for one in app.segmented_control] == ["language", "model_language"], "hidden by the style alone"
    figure = data(app, "presenter_figure_figure")
    assert [curve["y"][-1] for curve in figure["figure"]["data"]] == [0.7, pytest.approx(0.7)]
    assert translate(language, "metric.kl.sentence") in figure["sentence"]
    assert "<ins>" in markup(app), "what is new in the answer is marked"
    assert offered(app) == ["pause", "step", "question", "figure", "leave"]


@pytest.mark.parametrize("page", ["language_model", "reward_model"])
def test_without_a_run_it_says_so_and_offers_to_start_one(visit: Visit, page: str) -> None:
    visit()
    app = presented(page)
    assert not app.exception and numeral(app) == "0" and translate("en", "present.no_run") in said(app)
    assert offered(app) == ["pause", "question", "figure", "leave"]


def test_a_start_that_cannot_be_is_said_in_a_sentence(visit: Visit) -> None:
    visit()
    app = presented()
    assert translate("en", "present.no_run") in said(app)
    assert translate("en", "ppo.nothing_to_learn") in said(press(app, "pause"))


def test_keys_turn_figures_and_lead_back_to_the_page(visit: Visit) -> None:
    visit()
    store, lab = own()
    add_ppo_run(store, lab, step=7, status="finished")
    app = presented()
    assert offered(app) == ["question", "figure", "leave"], "a run that is over neither pauses nor steps"
    app = press(press(press(app, "figure"), "figure"), "figure")
    figure = data(app, "presenter_figure_figure")
    assert figure["name"] == translate("en", "metric.win_rate.name")
    app = press(app, "leave")
    assert not app.exception and translate("en", "ppo.title") in said(app)
    assert "present" not in app.query_params
