"""The reward model's page where one looks inside the fitted model."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from lab import inspection, models
from lab.app import get_laboratory
from lab.labelling import LabellingDesk
from lab.store import NewPair, now
from rlhf_core.reward_model import FEATURE_SETS
from rlhf_core.reward_traps import TRAP_KINDS
from tests.ui.conftest import Visit, key_of, markup, press, said
from ui import charts
from ui.i18n import translate


def look(visit: Visit, language: str = "en", labels: int = 30, features: str = "attributes") -> AppTest:
    """The view in a lab with so many simulated labels."""
    app = visit("home", language)
    own = app.session_state["lab_session"]
    if labels:
        LabellingDesk(get_laboratory().store, own.lab).simulate(labels, "default", 0.0, seed=1)
    app.session_state["reward_view"], app.session_state["reward_features"] = "inside", features
    return app.switch_page("../pages/reward_model.py").run()


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("features", FEATURE_SETS)
def test_both_views_of_the_linear_model_are_there_whatever_it_sees(
    visit: Visit, features: str, language: str
) -> None:
    app = look(visit, language, features=features)
    assert not app.exception and 'class="lab-callout error"' not in markup(app)
    assert translate(language, f"inside.holes_{features}", total="", whole="")[-20:] in said(app)
    app.segmented_control(key="reward_view").set_value("head").run()
    assert not app.exception and 'class="lab-callout error"' not in markup(app)
    assert translate(language, f"reward_model.encoder_{features}") in said(app)
    assert translate(language, "reward_model.likes_words") in said(app)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_everything_is_said_in_both_languages(visit: Visit, language: str) -> None:
    app = look(visit, language)
    assert not app.exception and 'class="lab-callout error"' not in markup(app)
    text = said(app)
    for key in ("tokens", "traps", "trust", "length", "spread", "by_sentence", "by_token", "no_run"):
        assert translate(language, f"inside.{key}") in text, key
    assert translate(language, "inside.few", n=30) not in text
    for kind in TRAP_KINDS:
        assert translate(language, f"inside.trap_{kind}_lead") in text
    display, kind = models.assets(language).grammar.display, app.segmented_control(key="inside_trap").value
    assert all(display(pair.bad) in text for pair in inspection.traps(language)[kind])
    app = press(app, "inside_example_flattering")
    pair = inspection.traps(language)["flattering"][0]
    assert app.text_input(key="reward_response").value == display(pair.bad)
    assert app.text_input(key="reward_prompt").value == display(pair.prompt.text)
    assert not app.exception and translate(language, "inside.example_shown") not in said(app)


def test_an_answer_of_ones_own_is_taken_apart_with_what_is_unknown_marked(visit: Visit) -> None:
    app = look(visit, labels=12, features="words")
    assert translate("en", "inside.few", n=12) in said(app)
    app = app.text_input(key="reward_response").set_value("<b>Boil</b> frobnicate the water.").run()
    assert not app.exception and "<mark>frobnicate</mark>" in markup(app) and "<b>Boil</b>" not in markup(app)
    shown = re.findall('class="worth (more|less|unknown)', markup(app))
    assert len(shown) == 1 + 7 and shown.count("unknown") == 3, "one sentence; seven tokens, three of them unknown"
    assert "how likely the answer is" in said(app) and "frobnicate; these words count for nothing" in said(app)
    app = app.segmented_control(key="inside_trap").set_value("obliging").run()
    traps = inspection.traps("en")["obliging"]
    assert all(models.assets("en").grammar.display(pair.bad) in said(app) for pair in traps)


def test_without_labels_and_with_ties_alone_it_says_what_to_do_first(visit: Visit) -> None:
    app = look(visit, labels=0)
    assert translate("en", "reward_model.empty") in said(app) and key_of(app, "empty_go_label")
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    pair = NewPair(language="en", prompt="hello .", response_a="yes .", response_b="no .", policy_id="start")
    store.add_simulated(lab.id, [(pair, "tie")] * 3, labeler="test", at=now())
    app.session_state["reward_view"] = "inside"
    app = app.run()
    assert not app.exception and translate("en", "inside.only_ties") in said(app) and key_of(app, "empty_go_label")


def test_the_figures_are_valid() -> None:
    plotly = pytest.importorskip("plotly.graph_objects")
    points = [(0.55, 0.7, 0.5, 0.9, 12), (0.95, 0.9, 0.7, 1.0, 48)]
    reliability = charts.reliability(points, charts.LIGHT, x_title="sure", y_title="right")
    assert reliability["data"][0]["textposition"] == ["top left", "bottom right"]
    assert reliability["data"][0]["error_y"]["array"] == pytest.approx([0.2, 0.1])
    cloud = charts.cloud(
        [1, 3], [2, 4], charts.LIGHT, x_title="x", y_title="y", hover=["<i>", "b"], marked=[1], slope=0.5
    )
    assert cloud["data"][0]["text"][0] == "&lt;i&gt;" and cloud["data"][1]["y"] == [2.5, 3.5]
    assert cloud["data"][2]["x"] == [3] and cloud["data"][2]["text"] == ["1"]
    groups = [("a", [0.0, 1.0, 10.0]), ("b", [10.0])]
    histogram = charts.histogram(groups, charts.LIGHT, x_title="x", y_title="y", bins=10)
    assert [sum(bar["y"]) for bar in histogram["data"]] == [3, 1]
    assert histogram["data"][0]["y"][0] == 1 and histogram["data"][0]["y"][-1] == 1
    assert [line["x0"] for line in histogram["layout"]["shapes"]] == pytest.approx([11 / 3, 10.0])
    bars = charts.share_bars(["a"], [(0.6, 0.5, 0.7)], [False], charts.LIGHT, beside=[0.4])
    assert bars["data"][1]["x"] == [0.4]
    for figure in (reliability, cloud, histogram, bars):
        plotly.Figure(figure)
    plotly.Figure(charts.histogram([("a", [])], charts.DARK, x_title="x", y_title="y"))
