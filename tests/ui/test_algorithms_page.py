"""The PPO page's views of algorithms side by side and of over-optimisation."""

from __future__ import annotations

import math
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lab import algorithms, best_of_n, over_optimisation, ppo
from lab.app import get_laboratory
from lab.labelling import LabellingDesk
from rlhf_core.best_of_n import kl_bound
from tests.ui.conftest import Visit, markup, once, press, said
from ui import charts
from ui.i18n import translate

MADE_FROM = {
    "source": "simulated", "features": "words", "language": "en", "labels_used": 12, "simulated_used": 12, "ties": 0,
    "reward_model": 1, "preferences": 2,
}  # fmt: skip
MEASURED = {
    "win_rate": 0.8, "win_rate_low": 0.7, "win_rate_high": 0.9, "win_rate_n": 64, "gold": 2.0, "reward": 1.0,
    "kl_exact": 2.25, "valid_share": 0.94, "distinct_share": 0.97, "cpu_seconds": 12.3,
}  # fmt: skip


def look(visit: Visit, view: str, language: str = "en", labels: int = 12) -> AppTest:
    """The page at one of its views, in a lab with labels."""
    app = visit("home", language)
    if labels:
        LabellingDesk(get_laboratory().store, app.session_state["lab_session"].lab).simulate(
            labels, "default", 0.0, seed=1
        )
    app.session_state["ppo_view"] = view
    return app.switch_page("../pages/ppo.py").run()


def add(app: AppTest, stage: str, rows: list[dict[str, Any]], **inputs: Any) -> int:
    """A finished run with these rows."""
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    run_id = store.add_run(
        lab.id, stage=stage, config={"iterations": len(rows), "kl_coef": 0.0}, seed=0, status="finished", pace=None,
        inputs={**MADE_FROM, "lab": lab.id, "language": lab.language, **inputs},
    )  # fmt: skip
    for step, row in enumerate(rows, 1):
        store.add_step(run_id, step, {"step": step, **row}, None)
    return run_id


def add_best_of_n(app: AppTest) -> int:
    curves = {f"{name}_{n}": math.sqrt(kl_bound(n)) for name in ("reward", "gold") for n in best_of_n.NS}
    return add(app, best_of_n.STAGE, [{**MEASURED, **curves, "kl_exact": kl_bound(16)}])


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("view", ["algorithms", "overoptimisation"])
def test_without_labels_and_without_runs_it_says_what_to_do_first(visit: Visit, view: str, language: str) -> None:
    app = look(visit, view, language, labels=0)
    assert translate(language, "ppo.empty") in said(app)
    app = look(visit, view, language)
    assert not app.exception and 'class="lab-callout error"' not in markup(app)
    keys = {button.key for button in app.button}
    if view == "algorithms":
        assert translate(language, "algorithms.none") in said(app) and "algorithms_start" in keys
    else:
        assert translate(language, "overopt.empty", steps=10) in said(app)
        assert {"overopt_go", "overopt_train"} <= keys
        app = press(app, "overopt_train")
        assert app.session_state["ppo_view"] == "train" and "ppo_start" in {button.key for button in app.button}


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_comparison_is_tabulated_with_intervals_and_baselines(visit: Visit, language: str) -> None:
    app = look(visit, "algorithms", language)
    for algorithm in ("ppo", "rloo", "dpo"):
        own = {"implicit_accuracy": 0.75, "implicit_margin": -0.5} if algorithm == "dpo" else {}
        add(app, algorithms.STAGE, [{"cpu_seconds": 1.0}, {**MEASURED, **own}, {"cpu_seconds": 13.4}],
            algorithm=algorithm)  # fmt: skip
    add_best_of_n(app)
    app = app.run()
    text = said(app)
    assert not app.exception
    assert text.count(translate(language, "algorithms.interval", low=0.7, high=0.9)) == 4
    assert text.count("13.4") == 3
    assert "50%" in text and translate(language, "algorithms.does_start") in text, "the start stands beside them"
    assert translate(language, "algorithms.bound", kl=kl_bound(16)) in text
    assert translate(language, "algorithms.does_rloo", k=4) in text and "GRPO" not in markup(app).split("<tbody>")[1]
    assert translate(language, "algorithms.dpo_says", accuracy=0.75, margin=-0.5) in text
    assert app.button(key="algorithms_go_ppo").disabled and app.button(key="algorithms_pause").disabled


def test_a_comparison_starts_pauses_resumes_and_begins_again(visit: Visit) -> None:
    app = look(visit, "algorithms")
    app = app.segmented_control(key="algorithms_length").set_value(0.25).run()
    app = press(app, "algorithms_start")
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    runs = algorithms.latest(store, lab)
    assert tuple(runs) == ("ppo", "rloo", "grpo", "dpo", "best-of-n")
    assert {run.inputs["source"] for run in runs.values()} == {"simulated"}
    app = press(app, "algorithms_pause")
    assert {run.status for run in algorithms.latest(store, lab).values()} <= {"paused", "finished"}
    assert app.button(key="algorithms_pause").disabled and not app.button(key="algorithms_resume").disabled
    app = press(app, "algorithms_reset_dpo")
    again = algorithms.latest(store, lab)["dpo"]
    assert again.id != runs["dpo"].id and again.seed == runs["dpo"].seed
    once(app, lambda: store.run(again.id).step >= 1)
    app = press(app, "algorithms_go_dpo")
    assert store.run(again.id).status == "paused" and not app.exception


@pytest.mark.parametrize("language", ["en", "ko"])
def test_both_laws_are_drawn_with_their_coefficients(visit: Visit, language: str) -> None:
    app = look(visit, "overoptimisation", language)
    start = over_optimisation.start_gold(app.session_state["lab_session"].lab.language)
    away = [0.3 * step for step in range(1, 13)]
    rows = [{"kl_exact": d * d, "reward": d, "gold": start + d * (2.0 - 1.5 * math.log(d))} for d in away]
    add(app, ppo.STAGE, rows)
    app = app.run()
    assert not app.exception
    assert translate(language, "overopt.sample_none") in said(app)
    add_best_of_n(app)
    text = said(app.run())
    assert "+2.00" in text and "+1.50" in text and "+1.00" in text
    turn = math.exp(2 * (2.0 / 1.5 - 1))
    assert translate(language, "overopt.turns_at", kl=turn) in text
    assert translate(language, "overopt.sample_none") not in text


def test_trails_are_a_valid_figure_with_the_last_interval() -> None:
    plotly = pytest.importorskip("plotly.graph_objects")
    way = charts.Trail(name="a<b>", x=[0.0, 1.0], y=[0.5, 0.8], look=2, last=(0.7, 0.85))
    marks = charts.Trail(name="b", x=[1.0], y=[0.2], look=6, mode="markers")
    figure = charts.trails([way, marks], charts.DARK, x_title="x", y_title="y", share=True, baseline=0.5)
    plotly.Figure(figure)
    line, points = figure["data"]
    assert line["error_y"]["array"] == pytest.approx([0, 0.05])
    assert line["error_y"]["arrayminus"] == pytest.approx([0, 0.1])
    assert line["marker"]["size"][1] > line["marker"]["size"][0] and line["name"] == "a&lt;b&gt;"
    assert "error_y" not in points and points["mode"] == "markers"
    assert charts.trails([], charts.LIGHT, x_title="x", y_title="y")["data"] == []
