"""Same labels, which algorithm? A comparison's runs on the PPO page: started, steered, tabulated and drawn together."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from lab import algorithms
from lab.store import Run
from rlhf_core.algorithms import BEST_OF_N, CONFIGS, ITERATIONS, TRAINED
from rlhf_core.best_of_n import DEFAULT_N
from ui import charts, following, layout, ppo_view, run_view, session
from ui.i18n import t
from ui.live_figure import live_figure, palette

COLUMNS = ("win_rate", "kl_exact", "valid_share", "distinct_share", "cpu_seconds")
START = "start"


def view() -> None:
    """All of it."""
    layout.note(t("algorithms.lead"))
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="algorithms_choices"):
        ppo_view.choices()
        st.segmented_control(
            t("algorithms.length"), algorithms.LENGTHS, required=True,
            help=t("algorithms.length_help", n=ITERATIONS["ppo"]),
            key=session.keep("algorithms_length", 1.0, algorithms.LENGTHS), format_func=lambda share: f"{share:.0%}",
        )  # fmt: skip
        st.number_input(
            t("run.seed"), 0, 2**31 - 1, key=session.keep("ppo_seed", 0), help=t("run.seed_help"), width=150
        )
    following.follow_runs(_latest, lambda runs: any(map(run_view.is_live, runs.values())), _comparison)
    with st.expander(t("algorithms.numbers"), key="algorithms_numbers"):
        for metric in (*COLUMNS, "dpo_loss", "implicit_accuracy", "implicit_margin"):
            layout.note(f"{t(f'metric.{metric}.name')}: {t(f'metric.{metric}.sentence')}")
    ppo_view.judges()


def name_of(algorithm: str) -> str:
    """An algorithm as people call it."""
    match algorithm:
        case "start":
            return t("algorithms.start_name")
        case "best-of-n":
            return t("algorithms.best_name", n=DEFAULT_N)
        case _:
            return algorithm.upper()


def _latest() -> dict[str, Run]:
    return algorithms.latest(session.laboratory().store, session.current_lab())


def _comparison(runs: Mapping[str, Run]) -> None:
    store = session.laboratory().store
    if session.session().problem:
        layout.problem(session.session().problem)
    _buttons(runs)
    if not runs:
        layout.callout(t("algorithms.none"))
        return
    made = next(iter(runs.values()))
    layout.note(t(
        "algorithms.inputs", human=made.inputs["labels_used"] - made.inputs["simulated_used"],
        simulated=made.inputs["simulated_used"], seed=made.seed,
        features=t(f"reward_model.features_{made.inputs['features']}"),
    ))  # fmt: skip
    rows = {name: store.metrics(run.id) for name, run in runs.items()}
    _table(runs, rows)
    _chart(rows)
    _one_by_one(runs)


# What to do about it.


def _buttons(runs: Mapping[str, Run]) -> None:
    jobs, ask = session.laboratory().jobs, run_view.ask
    live = [run for run in runs.values() if run.status in run_view.LIVE]
    resting = [run for run in runs.values() if run.status in ("paused", "stopped")]

    def all_of(some: Sequence[Run], act: Callable[[int], Any]) -> None:
        for run in some:
            act(run.id)

    with st.container(horizontal=True, gap="small", key="algorithms_controls"):
        st.button(
            t("algorithms.again" if runs else "algorithms.start"), key="algorithms_start", disabled=bool(live),
            type="secondary" if live or resting else "primary", on_click=ask, args=(_start,),
        )  # fmt: skip
        st.button(
            t("algorithms.pause"), key="algorithms_pause", disabled=not live, type="primary" if live else "secondary",
            on_click=ask, args=(lambda: all_of(live, lambda run_id: jobs.pause(run_id, wait=0)),),
        )  # fmt: skip
        st.button(
            t("algorithms.resume"), key="algorithms_resume", disabled=not resting,
            type="primary" if resting and not live else "secondary",
            on_click=ask, args=(lambda: all_of(resting, jobs.resume),),
        )  # fmt: skip


def _start() -> None:
    lab = session.current_lab()
    if session.read_lab() != lab or (chosen := ppo_view.inputs()) is None:
        return
    algorithms.compare(
        session.laboratory().jobs, lab.id, chosen["source"], chosen["features"],
        int(session.value("ppo_seed", 0)), float(session.value("algorithms_length", 1.0)),
    )  # fmt: skip


def _one_by_one(runs: Mapping[str, Run]) -> None:
    """The controls of each run alone."""
    jobs, ask = session.laboratory().jobs, run_view.ask
    with st.expander(t("algorithms.one_by_one"), key="algorithms_one_by_one"):
        for algorithm, run in runs.items():
            name, key = name_of(algorithm), algorithm.replace("-", "_")
            with st.container(horizontal=True, gap="small"):
                live = run.status in run_view.LIVE
                act, word = (jobs.pause, "pause_one") if live else (jobs.resume, "resume_one")
                st.button(
                    t(f"algorithms.{word}", name=name), key=f"algorithms_go_{key}", on_click=ask,
                    args=(lambda act=act, run=run: act(run.id),), disabled=run.status in ("finished", "failed"),
                )  # fmt: skip
                st.button(
                    t("algorithms.reset_one", name=name), key=f"algorithms_reset_{key}", on_click=ask,
                    args=(lambda run=run: jobs.resume(jobs.reset(run.id)),),
                )  # fmt: skip


# What it measures.


def _table(runs: Mapping[str, Run], rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    lab = session.current_lab()
    head = [t("algorithms.algorithm"), t("algorithms.progress"), *(t(f"metric.{name}.name") for name in COLUMNS)]
    start = algorithms.start_figures(lab.language)
    lines = [[_named(START), "", *_cells(START, start, 0.0)]]
    for algorithm, run in runs.items():
        latest = last_measured(rows[algorithm])
        seconds = rows[algorithm][-1]["cpu_seconds"] if rows[algorithm] else 0.0
        lines.append([_named(algorithm), _progress(run), *_cells(algorithm, latest, seconds)])
    layout.table("lab-samples many lab-algorithms", head, lines)
    if dpo := next((row for row in reversed(rows.get("dpo", ())) if "implicit_accuracy" in row), None):
        layout.note(t("algorithms.dpo_says", accuracy=dpo["implicit_accuracy"], margin=dpo["implicit_margin"]))
    layout.note(t("algorithms.overlap", n=start["win_rate_n"]))


def last_measured(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The latest step at which the policy was looked at; nothing before the first."""
    return next((row for row in reversed(rows) if row.get("win_rate") is not None), {})


def _named(algorithm: str) -> str:
    """An algorithm's name and the one sentence of what it does, as HTML."""
    what = t(
        f"algorithms.does_{algorithm.replace('-', '_')}",
        **({"k": CONFIGS[algorithm].group_size} if algorithm in ("rloo", "grpo") else {}),
        **({"n": DEFAULT_N} if algorithm == BEST_OF_N else {}),
    )
    return f"{html.escape(name_of(algorithm))}<small>{html.escape(what)}</small>"


def _progress(run: Run) -> str:
    place = session.laboratory().jobs.place(run.id) if run.status == "queued" else 0
    status = t("algorithms.step_queued", place=place) if place else t(f"status.{run.status}")
    said = t("algorithms.step", step=run.step, last=run.config["iterations"], status=status)
    if not run.error:
        return html.escape(said)
    key = "error.run_failed" if run.status == "failed" else "reliability.run_rests"
    return f"{html.escape(said)}<small>{html.escape(t(key, detail=run.error))}</small>"


def _cells(algorithm: str, row: Mapping[str, Any], seconds: float) -> list[str]:
    """The figures of a row of the table, as HTML."""
    if not row:
        return [t("frame.none")] * 4 + [t("algorithms.seconds", n=seconds)]
    kl = row["kl_exact"]
    interval = t("algorithms.interval", low=row["win_rate_low"], high=row["win_rate_high"])
    return [
        f"{row['win_rate']:.0%}" + (f"<small>{interval}</small>" if algorithm != START else ""),
        t("algorithms.bound", kl=kl) if algorithm == BEST_OF_N else f"{kl:.2f}",
        f"{row['valid_share']:.0%}",
        f"{row['distinct_share']:.0%}",
        t("algorithms.seconds", n=0.0 if algorithm == BEST_OF_N else seconds),
    ]


def _chart(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Win rate over KL, each algorithm's way through its training."""
    ways: list[charts.Trail] = []
    latest: dict[str, Mapping[str, Any]] = {}
    for look, algorithm in enumerate((*TRAINED, BEST_OF_N)):
        known = [row for row in rows.get(algorithm, ()) if row.get("win_rate") is not None]
        if not known:
            continue
        row = latest[algorithm] = known[-1]
        way = known if algorithm in TRAINED else known[-1:]
        before = [(0.0, 0.5)] if algorithm in TRAINED else []
        points = [*before, *((one["kl_exact"], one["win_rate"]) for one in way)]
        ways.append(charts.Trail(
            name=name_of(algorithm), x=[x for x, _ in points], y=[y for _, y in points], look=look,
            last=(row["win_rate_low"], row["win_rate_high"]),
        ))  # fmt: skip
    summary = t("algorithms.chart_empty")
    if latest:
        best = max(latest, key=lambda name: latest[name]["win_rate"])
        row = latest[best]
        summary = t(
            "algorithms.chart_summary", best=name_of(best), rate=row["win_rate"], low=row["win_rate_low"],
            high=row["win_rate_high"], kl=row["kl_exact"],
        )  # fmt: skip
    live_figure(
        charts.trails(
            ways, palette(), x_title=t("algorithms.chart_x"), y_title=t("algorithms.chart_y"), share=True, baseline=0.5
        ),
        key="algorithms_chart", name=t("algorithms.chart"), sentence=t("algorithms.chart_sentence", n=DEFAULT_N),
        summary=summary,
    )  # fmt: skip
