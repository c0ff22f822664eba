"""The language model's page: its three views, in both languages."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from lab import pretraining
from lab.app import get_laboratory
from rlhf_core.next_token import Branch, Fork, TokenTree
from tests.ui.conftest import Visit, markup, once, press, said
from ui import charts
from ui.i18n import translate
from ui.token_tree import tree_data


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """One gradient step an iteration, few prompts."""
    monkeypatch.setattr(pretraining, "STEPS_PER_ITERATION", 1)
    few = pretraining.measured_prompts("en")[:4]
    monkeypatch.setattr(pretraining, "measured_prompts", lambda language: few)
    monkeypatch.setattr(pretraining, "shipped", lambda language: {"valid_share": 0.98, "pretrain_loss": 0.5})


def look(visit: Visit, view: str, language: str = "en") -> AppTest:
    app = visit("home", language)
    app.session_state["lm_view"] = view
    return app.switch_page("../pages/language_model.py").run()


def whole(app: AppTest) -> bool:
    return not app.exception and 'class="lab-callout error"' not in markup(app)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_view_opens_in_both_languages(visit: Visit, language: str) -> None:
    for view, key in (("train", "pretrain.lead"), ("inside", "words.vectors_lead"), ("use", "lm.tree_lead")):
        app = look(visit, view, language)
        assert whole(app) and translate(language, key) in said(app)


def test_a_model_is_trained_from_nothing_and_looked_at(visit: Visit) -> None:
    app = look(visit, "train")
    app = app.segmented_control(key="pretrain_architecture").set_value("lstm").run()
    assert app.segmented_control(key="pretrain_size").value == "large" and "1,130,655 parameters" in said(app)
    app = app.segmented_control(key="pretrain_size").set_value("small").run()
    app = app.number_input(key="pretrain_iterations").set_value(2).run()
    app = press(app, "pretrain_start")
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    run = store.runs(lab.id, "pretrain")[0]
    app = once(app, lambda: store.run(run.id).status == "finished")
    assert whole(app) and "LSTM, small · 77,759 parameters" in said(app)
    assert translate("en", "pretrain.after", step=2) in said(app)
    app = app.segmented_control(key="lm_view").set_value("use").run()
    assert app.selectbox(key="lm_model").value == "start"
    app = press(app, "lm_sample")
    assert "<blockquote" in markup(app)
    app = app.selectbox(key="lm_model").set_value(f"run-{run.id}").run()
    assert translate("en", "language_model.answers_none") in said(app)  # those were the other model's
    assert whole(press(app, "lm_sample"))
    app = app.segmented_control(key="lm_view").set_value("inside").run()
    assert whole(app) and app.selectbox(key="lm_model").value == f"run-{run.id}"


def test_the_way_through_the_tree_and_back(visit: Visit) -> None:
    app = visit("language_model")
    own = app.session_state["lab_session"].conversations["en"]
    own.lm_prefix = ("sure", ".")
    app = press(app.run(), "lm_back")
    assert app.session_state["lab_session"].conversations["en"].lm_prefix == ("sure",)
    app = app.select_slider(key="lm_top_k").set_value(2).run()
    assert translate("en", "lm.cut", kept=2, words=543, cut=0)[:12] in said(app)
    app = press(app, "lm_restart")
    assert app.session_state["lab_session"].conversations["en"].lm_prefix == ()


def test_every_node_of_the_tree_knows_the_way_to_it() -> None:
    fork = Fork(Branch("a", 0.5), 2, (Branch("b", 0.6), Branch("<eos>", 0.1), Branch("c", 0.1)))
    tree = TokenTree((fork,), (Branch("d", 0.7, (Branch("<eos>", 0.9),)),), *2 * [None])  # type: ignore[arg-type]
    data = tree_data(tree, ["a"], lambda token: "end" if token == "<eos>" else token)
    assert data["forks"][0]["chosen"]["path"] == ["a"]
    assert [one["path"] for one in data["forks"][0]["others"]] == [["b"], ["<eos>"]]
    branch = data["branches"][0]
    assert (branch["path"], branch["text"]) == (["a", "d"], "70.0%")
    assert (branch["branches"][0]["path"], branch["branches"][0]["label"]) == (["a", "d", "<eos>"], "end")


def test_words_are_searched_by_part_id_and_kind(visit: Visit) -> None:
    app = look(visit, "inside")
    for asked, n in (("choco", 0), ("seoul", 1), ("0", 1), ("punctuation", 0), ("mark", 4)):
        app = app.text_input(key="lm_search").set_value(asked).run()
        assert translate("en", "words.found", n=n) in said(app)


def test_a_word_that_the_vocabulary_lacks_is_named(visit: Visit) -> None:
    app = look(visit, "inside")
    app = app.text_input(key="lm_text").set_value("How do I make <b>zzyzx</b>?").run()
    assert whole(app) and "zzyzx" in said(app) and "&lt;unk&gt;" in markup(app)
    assert "<b>zzyzx" not in markup(app)


def test_the_figures_are_valid() -> None:
    plotly = pytest.importorskip("plotly.graph_objects")
    bars = charts.paired_bars(["a<b>", "c"], ("own", [0.6, 0.4]), ("drawn", [0.9, 0.1]), charts.LIGHT)
    groups = [charts.Group("topic", [(0, 1, "tea<i>", True), (1, 1, "cup", False)]), charts.Group("mark", [])]
    words = charts.word_map(groups, charts.DARK, x_title="x", y_title="y", ringed=[(0, 1, False), (1, 1, True)])
    for figure in (bars, words):
        plotly.Figure(figure)
    assert bars["data"][1]["x"] == [0.9, 0.1] and "<" not in bars["data"][0]["y"][0]
    assert words["data"][0]["text"] == ["tea&lt;i&gt;", ""] and len(words["data"]) == 3
