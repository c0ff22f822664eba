"""Whatever number of a run a page shows, the core has its one sentence."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import ui
from rlhf_core.metrics import METRICS
from tests.ui.conftest import ROOT
from ui import algorithms_view, run_view, runs_view
from ui.i18n import LOCALES, catalogue
from ui.run_view import RunPanel


def panels() -> Iterator[RunPanel]:
    """Every stage's, wherever in the pages' parts it is made."""
    for module in pkgutil.iter_modules(ui.__path__, "ui."):
        if module.name != "ui.main":  # a script
            yield from _panels_in(vars(importlib.import_module(module.name)).values())


def _panels_in(values: Any) -> Iterator[RunPanel]:
    for value in values:
        if isinstance(value, RunPanel):
            yield value
        elif isinstance(value, Mapping):
            yield from (one for one in value.values() if isinstance(one, RunPanel))


def test_every_curve_of_every_stage_has_its_sentence() -> None:
    found = {panel.prefix: {*panel.main, *panel.more} for panel in panels()}
    assert {"ppo", "sl", "rlaif", "pretrain", "neural", "cloning", "mazeppo"} == found.keys()
    assert {metric for metrics in found.values() for metric in metrics} <= METRICS.keys()


def test_every_line_column_and_form_is_of_a_metric_with_a_sentence() -> None:
    lines = {line for metric, names in run_view.LINES.items() for line in (metric, *names)}
    shown = {*lines, *run_view.LEVELS, *run_view.FORMS, *algorithms_view.COLUMNS, *runs_view.FIGURES}
    assert shown <= METRICS.keys()


def test_metrics_that_the_code_names_have_sentences() -> None:
    sources = [*(ROOT / "ui").glob("*.py"), *(ROOT / "pages").glob("*.py")]
    named = {name for path in sources for name in re.findall(r'"metric\.(\w+)\.\w+"', path.read_text("utf-8"))}
    assert "grad_norm" in named and named <= METRICS.keys()


def test_what_a_metric_is_the_core_alone_says_in_english() -> None:
    table = tomllib.loads((LOCALES / "en.toml").read_text("utf-8"))["metric"]
    own = {name for name, texts in table.items() if isinstance(texts, dict)}
    assert own == METRICS.keys(), "a metric has a name on the page, and what has one is a metric"
    assert not [name for name in own if "sentence" in table[name]]
    english = catalogue("en")
    assert all(english[f"metric.{name}.sentence"] == info.sentence for name, info in METRICS.items())


def test_every_figure_that_is_drawn_has_its_sentence_below_it() -> None:
    calls = [
        (path.name, node)
        for path in (ROOT / "ui").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "live_figure"
    ]
    assert len(calls) > 15
    without = {name for name, call in calls if "sentence" not in {one.arg for one in call.keywords}}
    assert without == {"outlook_results_view.py"}, "three figures there share the sentence above them"
