"""The reward model's page where networks train: a run, its controls, and the comparison."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from lab import reward_training
from lab.app import get_laboratory
from lab.labelling import LabellingDesk
from tests.ui.conftest import Visit, markup, once, press, said
from ui import charts
from ui.i18n import translate


def look(visit: Visit, view: str, language: str = "en") -> AppTest:
    """The page at one of its views, in a lab with labels."""
    app = visit("home", language)
    own = app.session_state["lab_session"]
    LabellingDesk(get_laboratory().store, own.lab).simulate(12, "default", 0.0, seed=1)
    app.session_state["reward_view"] = view
    return app.switch_page("../pages/reward_model.py").run()


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_training_opens_in_both_languages(visit: Visit, language: str) -> None:
    app = look(visit, "train", language)
    assert not app.exception and 'class="lab-callout error"' not in markup(app)
    assert translate(language, "neural.status_none") in said(app) and translate(language, "neural.lead") in said(app)


def test_a_network_trains_with_what_was_chosen(visit: Visit) -> None:
    app = look(visit, "train")
    app = app.segmented_control(key="neural_network").set_value("lstm").run()
    assert app.select_slider(key="neural_learning_rate").value == 3e-3
    app = app.toggle(key="neural_sees_prompt").set_value(False).run()
    app = app.number_input(key="neural_iterations").set_value(3).run()
    app = press(app, "neural_start")
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    run = store.runs(lab.id, "reward")[0]
    once(app, lambda: store.run(run.id).status == "finished")
    assert (run.inputs["network"], run.inputs["sees_prompt"], run.config["learning_rate"]) == ("lstm", False, 3e-3)
    hidden = translate("en", "neural.prompt_hidden")
    line = translate("en", "neural.inputs", network="LSTM", prompt=hidden, human=0, simulated=12)
    assert line in said(app) and 'class="lab-callout error"' not in markup(app)


def test_a_slider_acts_at_the_next_step(visit: Visit) -> None:
    app = press(look(visit, "train"), "neural_start")
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    app = press(app, "neural_reset")
    run = store.runs(lab.id, "reward")[0]
    assert run.status == "paused"
    app = app.select_slider(key="neural_learning_rate").set_value(1e-4).run()
    app = press(app, "neural_step")
    once(app, lambda: store.run(run.id).step == 1)
    assert store.config_changes(run.id) == [(0, {"learning_rate": 1e-4})]
    assert not app.run().exception


@pytest.mark.parametrize("language", ["en", "ko"])
def test_all_kinds_are_compared(visit: Visit, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reward_training, "COMPARED_STEPS", 1)
    app = look(visit, "compare", language)
    assert translate(language, "neural.compare_none") in said(app)
    app = press(app, "neural_compare")
    laboratory, lab = get_laboratory(), app.session_state["lab_session"].lab
    once(app, lambda: laboratory.errands.of(lab.id, reward_training.comparison_name(lab)) is None)
    assert not app.exception and translate(language, "neural.compare_none") not in said(app)
    assert translate(language, "neural.compare_why") in said(app)


def test_bars_of_shares_are_a_valid_figure_with_their_intervals() -> None:
    plotly = pytest.importorskip("plotly.graph_objects")
    figure = charts.share_bars(["a<b>", "c"], [(0.6, 0.5, 0.75), (0.9, 0.8, 1.0)], [False, True], charts.LIGHT)
    plotly.Figure(figure)
    bar = figure["data"][0]
    assert bar["error_x"]["array"] == pytest.approx([0.15, 0.1])
    assert bar["error_x"]["arrayminus"] == pytest.approx([0.1, 0.1])
    assert bar["y"][0] != "a<b>" and len(set(bar["marker"]["color"])) == 2
