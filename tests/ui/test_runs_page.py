"""The PPO page's flip-book, blind test and table of runs, and settings in its address."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lab import blind_test
from lab.app import get_laboratory
from lab.labelling import LabellingDesk
from lab.store import Lab, Run, Store
from rlhf_core.ppo import PPOConfig
from tests.lab.runs import add_ppo_run
from tests.ui.conftest import ROOT, Visit, answer, markup, press, said
from ui import book_view, charts
from ui.i18n import translate
from ui.runs_view import MOST_COMPARED


@pytest.fixture(autouse=True)
def quick(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blind_test, "TOO_FAST", timedelta(0))


def store_of() -> tuple[Store, Lab]:
    store = get_laboratory().store
    return store, store.open_lab("a-browser-of-these-tests", "en")


def labelled(language: str = "en", **query: str) -> AppTest:
    """A lab with labels, and the PPO page at an address, about to be opened."""
    store, lab = store_of()
    LabellingDesk(store, lab).simulate(4, "default", 0.0, seed=1)
    app = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=60)
    app.session_state["ppo_settings"] = True  # open
    for name, text in {"lang": language, **query}.items():
        app.query_params[name] = text
    return app.switch_page("../pages/ppo.py")


def complaint(app: AppTest) -> bool:
    return bool(app.exception) or 'class="lab-callout error"' in markup(app)


@pytest.mark.parametrize("view", ["book", "blind", "runs"])
def test_every_view_says_what_to_do_first(view: str) -> None:
    app = labelled("ko", view=view).run()
    assert not complaint(app) and translate("ko", f"{view}.none") in said(app)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_settings_of_runs_are_called_by_their_names(language: str) -> None:
    app = labelled(language, view="runs")
    add_ppo_run(*store_of(), config={"adaptive_kl": True, "value_clip": 0.2, "anneal_over": 0})
    text = said(app.run())
    raw = {field.name for field in fields(PPOConfig) if "_" in field.name}
    assert not raw & set(text.split())
    on, off = translate(language, "mark.on"), translate(language, "mark.off")
    for name, value in (("adaptive_kl", on), ("scaled_log_probs", on), ("value_clip", "0.2"), ("target_kl", off)):
        assert f"{translate(language, f'advanced.{name}')} {value}" in " ".join(text.split()), name
    assert f"{translate(language, 'setting.anneal_over')} {off}" in " ".join(text.split())
    assert translate(language, "mark.anneal_over_0") in text


def test_runs_are_in_reach_without_the_labels_that_they_were_made_from() -> None:
    app = labelled(view="runs")
    store, lab = store_of()
    run = add_ppo_run(store, lab, step=3)
    for writer in {(label.labeler, label.labeler_kind) for label in store.labels(lab.id)}:
        store.delete_labeler(lab.id, *writer)
    app = app.run()
    assert translate("en", "ppo.empty") in said(app)
    assert translate("en", "runs.number", run=run.number) in said(app)
    assert not app.exception


def test_a_flip_book_has_a_page_for_the_start_and_each_step() -> None:
    app = labelled(view="book")
    store, lab = store_of()
    run = add_ppo_run(store, lab, step=3)
    pages = book_view.pages(run, store.samples(run.id), "page")
    assert [page.name for page in pages] == ["Before training", "Iteration 1", "Iteration 2", "Iteration 3"]
    assert [page.left for page in pages] == ["", "Before training", "Iteration 1", "Iteration 2"]
    assert pages[1].rows == [("Hello.", "Yes.", "Yes. <ins>No.</ins>")]
    against_start = book_view.pages(run, store.samples(run.id), "start")
    assert {page.left for page in against_start[1:]} == {"Before training"}
    assert against_start[3].rows[0][1] == "Yes."
    app = app.run()
    assert not complaint(app) and translate("en", "book.note", n=3, steps=3) in said(app)


def test_a_blind_test_is_answered_and_told() -> None:
    language = "en"
    app = labelled(language, view="blind")
    store, lab = store_of()
    run = add_ppo_run(store, lab, noise=0.03)
    app = press(app.run(), "blind_go")
    test = blind_test.current(store, lab)
    assert test and translate(language, "blind.place", at=1, n=10) in said(app)
    app = answer(app, "left")
    app = answer(app, "left", late=test.showing)  # the second of a double click
    app = answer(app, "tie")
    assert translate(language, "blind.place", at=3, n=10) in said(app)
    again = labelled(view="blind").run()  # as a reload has it
    assert translate(language, "blind.place", at=3, n=10) in said(again)
    app = press(app, "blind_tell")
    [over] = blind_test.over(store, lab)
    assert len(over.answered) == 2 and not complaint(app)
    rate = blind_test.win_rate(over)
    assert translate(language, "blind.win_rate_sentence", n=2, low=rate.low, high=rate.high) in said(app)
    assert translate(language, "blind.of_run", run=run.number, step=5) in said(app)


def test_a_test_that_cannot_be_made_says_why() -> None:
    app = labelled(view="blind")
    store, lab = store_of()
    add_ppo_run(store, lab, noise=0.0)
    app = press(app.run(), "blind_go")
    assert translate("en", "blind.error_alike") in said(app) and not app.exception


def three_runs() -> list[Run]:
    store, lab = store_of()
    configs: list[dict[str, Any]] = [{}, {"kl_coef": 0.0}, {"learning_rate": 3e-3}]
    return [add_ppo_run(store, lab, seed=seed, config=config) for seed, config in enumerate(configs)]


def test_runs_stand_over_one_another_with_what_differs_marked() -> None:
    language = "en"
    app = labelled(language, view="runs")
    runs = three_runs()
    app = app.run()
    assert not complaint(app)
    assert f"<mark>{translate(language, 'mark.kl_coef', value=0.0)}</mark>" in markup(app)
    assert f"<mark>{translate(language, 'mark.learning_rate', value=PPOConfig.learning_rate)}</mark>" not in markup(app)
    assert app.multiselect(key="runs_compared").value == [run.id for run in reversed(runs)]
    assert "<mark>0.003</mark>" in markup(app) and "<mark>0.001</mark>" in markup(app)
    app = app.multiselect(key="runs_compared").set_value([runs[0].id]).run()
    assert not complaint(app) and "<mark>0.001</mark>" not in markup(app)


def test_a_run_is_deleted_once_it_is_confirmed() -> None:
    app = labelled(view="runs")
    runs = three_runs()
    app.session_state["cai_compared"] = ["start", f"run-{runs[2].id}"]
    app = app.run()
    assert translate("en", "runs.delete_why", run=3, step=5) in said(app)
    app = press(app, f"runs_delete_go_{runs[2].id}")
    store, lab = store_of()
    assert [run.number for run in store.runs(lab.id)] == [2, 1] and not complaint(app)
    assert app.multiselect(key="runs_compared").value == [runs[1].id, runs[0].id]
    app.session_state["cai_view"] = "compare"
    app.query_params.pop("view")  # as a browser does when the page changes
    app = app.switch_page("../pages/constitution.py").run()
    assert app.multiselect(key="cai_compared").value == ["start"] and not complaint(app)


def test_a_run_of_which_only_the_model_is_kept_says_so_when_it_is_resumed() -> None:
    app = labelled(view="runs")
    store, lab = store_of()
    run = add_ppo_run(store, lab)
    get_laboratory().jobs._keep_model(run.id)
    app = press(app.run(), f"runs_resume_{run.id}")
    assert translate("en", "runs.error_model_only", run=1, most=5) in said(app) and not app.exception
    assert store.run(run.id).status == "stopped"


def test_an_address_chooses_the_next_runs_settings_once() -> None:
    app = labelled(kl="0.3", lr="5e-4", seed="7", iterations="9", features="words")
    app = app.run()
    assert app.select_slider(key="ppo_kl_coef").value == 0.3
    assert app.number_input(key="ppo_seed").value == 7 and app.number_input(key="ppo_iterations").value == 9
    chosen = "kl=0.3, lr=5e-4, seed=7, iterations=9, features=words"
    assert translate("en", "address.chosen", chosen=chosen) in said(app) and not complaint(app)
    app = app.select_slider(key="ppo_kl_coef").set_value(0.05).run()
    assert app.select_slider(key="ppo_kl_coef").value == 0.05, "the address has had its say"
    get_laboratory().jobs._workers = 0  # the run waits, nothing is trained
    app = press(app, "ppo_start")
    press(app, "ppo_stop")
    store, lab = store_of()
    [run] = store.runs(lab.id)
    config = run.initial_config
    assert (config["kl_coef"], config["learning_rate"], config["iterations"]) == (0.05, 5e-4, 9)
    assert (run.seed, run.inputs["features"]) == (7, "words")
    assert translate("en", "address.chosen", chosen=chosen) not in said(app.run())


def test_what_an_address_cannot_choose_is_named_and_ignored() -> None:
    app = labelled(lr="9", seed="-1", labels="mine", colour="<b>red</b>", temperature="0.8")
    app = app.run()
    assert app.select_slider(key="ppo_temperature").value == 0.8
    assert app.select_slider(key="ppo_learning_rate").value == PPOConfig.learning_rate
    assert app.number_input(key="ppo_seed").value == 0
    text = said(app)
    for part in ("lr=9 (0.0001, 0.0002", "seed=-1 (0", "labels=mine (human, simulated, both)"):
        assert part in text
    assert "<b>red" not in markup(app) and not app.exception


def test_the_page_shows_the_address_of_a_runs_settings_and_it_is_understood() -> None:
    app = labelled(view="runs")
    store, lab = store_of()
    add_ppo_run(store, lab, seed=11, config={"kl_coef": 0.02, "temperature": 1.2})
    [shown] = [code.value for code in app.run().code]
    query = dict(part.split("=") for part in shown.partition("?")[2].split("&"))
    assert shown.partition("?")[0].endswith("/ppo")
    other = labelled(**query).run()
    assert not complaint(other) and other.number_input(key="ppo_seed").value == 11
    assert other.select_slider(key="ppo_kl_coef").value == 0.02
    assert other.select_slider(key="ppo_temperature").value == 1.2
    assert other.number_input(key="ppo_iterations").value == 40


def test_curves_of_several_runs_differ_in_colour_and_dash() -> None:
    lines = [charts.Series(name=f"{i}", x=[1, 2], y=[i, i]) for i in range(MOST_COMPARED)]
    drawn = [one["line"] for one in charts.curves(lines, charts.LIGHT)["data"]]
    assert len({line["dash"] for line in drawn}) == len({line["color"] for line in drawn}) == MOST_COMPARED
