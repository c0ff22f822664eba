"""The runs of a stage as things one keeps: a table of all, some of them over one another with their settings side by
side, and what can be done with one."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from lab import run_comparison, run_export
from lab.jobs import RESUMABLE
from lab.run_comparison import Setting
from lab.store import Run
from lab.training import MEASURED_EVERY
from rlhf_core.metrics import METRICS
from ui import charts, controls, errors, files, following, labs_view, layout, run_address, session
from ui.i18n import has, t
from ui.live_figure import live_figure, palette
from ui.run_choice import run_choice
from ui.run_view import (
    FORMS,
    LEVELS,
    LIVE,
    RunPanel,
    metric_sentence,
    metric_series,
    setting_in_short,
    setting_value,
)

MOST_COMPARED = len(charts.DASHES)
"""As many as there are colours that everybody can tell apart."""
FIGURES = ("gold", "kl_exact", "valid_share")
"""What the table says of a run beside its win rate."""
SIGNED = ("gold",)


def runs(panel: RunPanel, choices: run_address.Choices) -> None:
    """All about the runs of a stage in this lab."""

    def shown(known: list[Run]) -> None:
        controls.notice()
        _everything(panel, known, choices)

    following.follow_runs(panel.runs, lambda known: any(run.status in LIVE for run in known), shown)


def _everything(panel: RunPanel, known: Sequence[Run], choices: run_address.Choices) -> None:
    if session.session().problem:
        layout.problem(session.session().problem)
    layout.section("runs.title", n=len(known))
    if not known:
        layout.callout(t("runs.none"))
        return
    table(panel, known)
    layout.note(t("runs.rule", most=RESUMABLE))
    compared = compare(known)
    if compared:
        over_one_another(panel, compared)
        settings(compared)
    layout.section("runs.one")
    one(panel, {run.id: run for run in known}, choices)


def name(run: Run) -> str:
    """What a run is called."""
    return t("runs.name", run=run.number, status=t(f"status.{run.status}"), step=run.step, seed=run.seed)


# All of them.


def table(panel: RunPanel, known: Sequence[Run]) -> None:
    """A row for each run, newest first."""
    last = session.laboratory().store.last_metrics(session.current_lab().id, panel.stage, MEASURED_EVERY)
    head = [t(f"runs.{column}") for column in ("run", "settings", "labels", "win_rate", "gold", "kl", "valid")]
    rows = (_row(panel, run, last.get(run.id, {})) for run in known)
    with st.container(key="runs_table"):
        layout.table("lab-verdicts", head, rows)
        layout.note(t("runs.table_note", every=MEASURED_EVERY))


def _row(panel: RunPanel, run: Run, last: Mapping[str, Any]) -> Sequence[str]:
    about = t("runs.about", when=labs_view.moment(run.created_at), step=run.step, seed=run.seed)
    status = t(f"status.{run.status}")
    return (
        f"{html.escape(t('runs.number', run=run.number))} · {html.escape(status)}<small>{html.escape(about)}</small>",
        _settings_in_words(panel, run),
        _labels(run),
        _win_rate(last),
        *(_figure(metric, last) for metric in FIGURES),
    )


def _settings_in_words(panel: RunPanel, run: Run) -> str:
    """What the sliders say of a run, and what else is unusual; what is not as by default is marked."""
    unusual = run_comparison.unusual(run, panel.defaults)
    shown = [name for name in panel.sliders if name in run.config]
    shown += [name for name in unusual if name not in shown]
    cells = (
        f"<mark>{text}</mark>" if name in unusual else text
        for name in shown
        if (text := html.escape(setting_in_short(name, run.config[name])))
    )
    return " · ".join(cells)


def _labels(run: Run) -> str:
    made = run.inputs
    if "labels_used" not in made:
        return t("frame.none")
    said = t("runs.labels_cell", human=made["labels_used"] - made["simulated_used"], simulated=made["simulated_used"])
    features = t(f"reward_model.features_{made['features']}") if "features" in made else ""
    return f"{html.escape(said)}<small>{html.escape(features)}</small>"


def _win_rate(last: Mapping[str, Any]) -> str:
    if last.get("win_rate") is None:
        return t("frame.none")
    low, high, n = (last[f"win_rate_{part}"] for part in ("low", "high", "n"))
    return f"<b>{last['win_rate']:.0%}</b><small>{html.escape(t('compare.interval', low=low, high=high, n=n))}</small>"


def _figure(metric: str, last: Mapping[str, Any]) -> str:
    return _said(metric, last[metric]) if last.get(metric) is not None else t("frame.none")


def _said(metric: str, value: float) -> str:
    share = METRICS[metric].unit == "share"
    return controls.signed(value, FORMS.get(metric, ".0%" if share else "+.2f" if metric in SIGNED else ".2f"))


# Some of them over one another.


def compare(known: Sequence[Run]) -> list[Run]:
    """The runs to lay over one another: the newest ones, unless others were chosen."""
    by_id = {run.id: run for run in known}
    usual = [run.id for run in known if run.step][:MOST_COMPARED]
    kept = [run for run in session.value("runs_compared", usual) if run in by_id]
    if kept == [run for run in session.value("runs_compared_usual", usual) if run in by_id]:
        kept = usual  # nothing else was chosen: what was trained since is taken in
    session.put("runs_compared_usual", usual)
    chosen = st.multiselect(
        t("runs.compare"), list(by_id), key=session.put("runs_compared", kept), max_selections=MOST_COMPARED,
        format_func=lambda run: name(by_id[run]), placeholder=t("runs.compare_none"),
    )  # fmt: skip
    return [by_id[run] for run in chosen]


def over_one_another(panel: RunPanel, compared: Sequence[Run]) -> None:
    """The curves of the runs, each in its colour and its dash."""
    store = session.laboratory().store
    rows = [store.metrics(run.id) for run in compared]
    metrics = [metric for metric in (*panel.main, *panel.more) if any(metric in row for own in rows for row in own)]
    for i in range(0, len(metrics), 3):
        for cell, metric in zip(st.columns(3, gap="medium"), metrics[i : i + 3], strict=False):
            with cell:
                _over(metric, compared, rows)


def _over(metric: str, compared: Sequence[Run], rows: Sequence[Sequence[Mapping[str, Any]]]) -> None:
    lines = [
        replace(metric_series(metric, own, t("runs.number", run=run.number)), low=(), high=())
        for run, own in zip(compared, rows, strict=True)
    ]
    measured = [line for line in lines if len(line.y)]
    said = (t("runs.line", name=line.name, step=line.x[-1], value=_said(metric, line.y[-1])) for line in measured)
    live_figure(
        charts.curves(
            lines, palette(), share=METRICS[metric].unit == "share", whole=metric != "clip_fraction",
            baseline=LEVELS.get(metric), height=210,
        ),
        key=f"runs_chart_{metric}", name=t(f"metric.{metric}.name"), sentence=metric_sentence(metric, []),
        summary="; ".join(said),
    )  # fmt: skip


def settings(compared: Sequence[Run]) -> None:
    """The settings of the runs side by side; those that differ are marked, and come first."""
    found = run_comparison.side_by_side(session.laboratory().store, compared)
    found.sort(key=lambda setting: not setting.differs)
    head = (t("runs.setting"), *(t("runs.number", run=run.number) for run in compared))
    layout.section("runs.settings_title")
    with st.container(key="runs_settings"):
        layout.table("lab-verdicts", head, map(_setting, found))


def _setting(setting: Setting) -> Sequence[str]:
    said = [_value(setting.name, value, own) for value, own in zip(setting.values, setting.changes, strict=True)]
    cells = (f"<mark>{html.escape(text)}</mark>" if setting.differs else html.escape(text) for text in said)
    return (html.escape(_setting_name(setting.name)), *cells)


def _setting_name(name: str) -> str:
    for key in (f"setting.{name}", f"run.{name}", f"advanced.{name}"):
        if has(key):
            return t(key)
    return name


def _value(name: str, value: Any, changes: Sequence[tuple[int, Any]]) -> str:
    return "".join(
        [
            setting_value(name, value),
            *(t("runs.changed", value=setting_value(name, to), step=step + 1) for step, to in changes),
        ]
    )


# One of them.


def one(panel: RunPanel, known: Mapping[int, Run], choices: run_address.Choices) -> None:
    """Take a run away, let it go on, or delete it; and the address of its settings."""
    run, laboratory = run_choice("runs_one", t("runs.choose"), known, name), session.laboratory()
    store, jobs = laboratory.store, laboratory.jobs
    file = f"{panel.stage}-run-{run.number}-seed-{run.seed}"
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="runs_actions"):
        files.file_button(
            t("runs.csv"), lambda: run_export.metrics_csv(store, run), f"{file}.csv", key=f"runs_csv_{run.id}",
            disabled=not run.step, help=t("runs.csv_help"),
        )  # fmt: skip
        files.file_button(
            t("runs.model"), lambda: run_export.model_file(store, run), f"{file}.safetensors",
            key=f"runs_model_{run.id}", disabled=not run.step, help=t("runs.model_help"),
        )  # fmt: skip
        if run.status in LIVE:
            st.button(t("run.stop"), key=f"runs_stop_{run.id}", on_click=errors.attempt, args=(jobs.stop, run.id))
        else:
            st.button(
                t("run.resume"), key=f"runs_resume_{run.id}", disabled=run.status not in ("paused", "stopped"),
                on_click=errors.attempt, args=(jobs.resume, run.id), help=t("runs.rule", most=RESUMABLE),
            )  # fmt: skip
        with st.popover(t("labs.delete"), key=f"runs_delete_{run.id}", disabled=run.status in LIVE):
            _delete(run)
    layout.note(t("runs.address"))
    run_address.show(panel, run.initial_config, _chosen(run, choices))


def _chosen(run: Run, choices: run_address.Choices) -> dict[str, Any]:
    """What an address says of a run beside its sliders."""
    numbers = {"seed": run.seed, "iterations": run.config.get("iterations")}
    made = {**run.inputs, "labels": run.inputs.get("source")}
    own = {name: made.get(name) for name in choices}
    return {name: value for name, value in {**numbers, **own}.items() if value is not None}


def _delete(run: Run) -> None:
    used = run_comparison.uses(session.laboratory().store, session.current_lab(), run)
    layout.note(t("runs.delete_why", run=run.number, step=run.step))
    if used.labels or used.blind_tests:
        layout.note(t("runs.delete_uses", labels=used.labels, tests=used.blind_tests))
    st.button(
        t("labs.delete_go"), key=f"runs_delete_go_{run.id}", type="primary",
        on_click=errors.attempt, args=(_delete_now, run),
    )  # fmt: skip


def _delete_now(run: Run) -> None:
    session.laboratory().jobs.delete(run.id)
    session.session().notice = t("runs.deleted", run=run.number)
