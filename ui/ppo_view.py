"""The parts of the PPO page."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import streamlit as st

from lab import models, reward
from lab.jobs import JobError, JobSpec
from lab.ppo import MOST_ITERATIONS, STAGE
from lab.store import Run
from rlhf_core.headless import DEFAULT_ITERATIONS
from rlhf_core.ppo import PPOConfig
from ui import charts, controls, errors, layout, session
from ui.i18n import has, t
from ui.live_figure import live_figure, palette

REFRESH_SECONDS = 1.0
MAIN = ("reward", "gold", "win_rate", "kl", "policy_loss")
MORE = ("value_loss", "entropy", "clip_fraction", "response_length", "valid_share", "distinct_share")
SHARES = ("win_rate", "clip_fraction", "valid_share", "distinct_share", "ended_share")
PACES = (1.0, 2.0, 5.0, 0.0)
"""Iterations a second; 0 stands for as fast as it goes."""
FOLLOW_SECONDS = 6.0
LIVE = ("queued", "running")


def runs() -> list[Run]:
    """The PPO runs of this lab in the language that its model speaks, newest first."""
    lab = session.current_lab()
    return session.laboratory().store.runs(lab.id, STAGE, lab.language)


def latest_run() -> Run | None:
    """The newest of them."""
    return next(iter(runs()), None)


def run_elsewhere() -> Run | None:
    """A run that goes on while the lab's model speaks another language."""
    lab = session.current_lab()
    every = session.laboratory().store.runs(lab.id, STAGE)
    return next((run for run in every if run.status in LIVE and run.inputs["language"] != lab.language), None)


def is_live(run: Run | None) -> bool:
    """Whether the page has to follow the run: it goes on by itself, or a button has just been pressed."""
    return run is not None and (run.status in LIVE or time.monotonic() < session.session().follow_until)


def iterations(run: Run) -> int:
    """The run's last iteration."""
    return int(run.config.get("iterations", DEFAULT_ITERATIONS))


# What is going on, and what to do about it.


def elsewhere() -> None:
    """A run that goes on in the model's other language, and the way to it; as long as it does."""
    if run_elsewhere() is not None:
        st.fragment(_elsewhere, run_every=REFRESH_SECONDS)()


@errors.guard()
def _elsewhere() -> None:
    if (run := run_elsewhere()) is None:
        st.rerun()
    language = run.inputs["language"]
    name = t(f"language.{language}")
    with st.container(key="run_elsewhere", horizontal=True, vertical_alignment="center", gap="medium"):
        st.button(
            t("frame.change_model", language=name), key="elsewhere_change",
            on_click=session.set_model_language, args=(language,),
        )  # fmt: skip
        layout.note(t("ppo.elsewhere", run=run.id, language=name))


def status(run: Run | None) -> None:
    """One line: which run, its state, how far."""
    with st.container(key="ppo_status", gap="small"):
        if session.session().problem:
            layout.problem(session.session().problem)
        if run is None:
            layout.note(t("ppo.status_none"))
            return
        place = session.laboratory().jobs.place(run.id) if run.status == "queued" else 0
        state = t("ppo.status_queued", place=place) if place else t(f"status.{run.status}")
        made_from = t(
            "ppo.inputs", human=run.inputs["labels_used"] - run.inputs["simulated_used"],
            simulated=run.inputs["simulated_used"], features=t(f"reward_model.features_{run.inputs['features']}"),
        )  # fmt: skip
        line = t("ppo.status", run=run.id, status=state, step=run.step, iterations=iterations(run), seed=run.seed)
        share = min(1.0, run.step / max(1, iterations(run)))
        st.html(
            f'<div class="lab-status {run.status}"><p><b>{html.escape(line)}</b>'
            f"<small>{html.escape(made_from)}</small></p>"
            f'<i style="--share:{share:.3f}"></i></div>'
        )
        if run.status == "failed":
            layout.note(t("error.run_failed", detail=run.error or ""), "miss")


def buttons(run: Run | None) -> None:
    """Start, pause, one step, stop, resume, reset, and the pace."""
    jobs = session.laboratory().jobs
    state = run.status if run else "none"
    rests = state == "paused"
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="ppo_controls"):
        _button("ppo_start", t("ppo.again" if run else "ppo.start"), start, state not in LIVE, primary=not rests)
        if rests or state == "stopped":
            _button("ppo_resume", t("ppo.resume"), lambda: jobs.resume(run.id), True, primary=rests)
        else:
            _button("ppo_pause", t("ppo.pause"), lambda: jobs.pause(run.id), state in LIVE, primary=True)
        _button("ppo_step", t("ppo.step"), lambda: jobs.step_once(run.id), unfinished(run))
        _button("ppo_stop", t("ppo.stop"), lambda: jobs.stop(run.id), unfinished(run))
        _button("ppo_reset", t("ppo.reset"), lambda: jobs.reset(run.id), run is not None, note=t("ppo.reset_help"))
        _pace(run)


def _button(
    key: str,
    label: str,
    act: Callable[[], Any],
    possible: bool,
    primary: bool = False,
    note: str | None = None,
) -> None:
    kind = "primary" if primary and possible else "secondary"
    st.button(label, key=key, type=kind, disabled=not possible, on_click=_ask, args=(act,), help=note)


def _ask(act: Callable[[], Any]) -> None:
    """Ask something of the run. The step in progress ends a moment later: follow it."""
    own = session.session()
    own.follow_until, own.problem = time.monotonic() + FOLLOW_SECONDS, ""
    try:
        act()
    except (JobError, ValueError) as error:
        own.problem = errors.explain(error)


def unfinished(run: Run | None) -> bool:
    """Whether the sliders and the pace act on the run; else they are for the next one."""
    return run is not None and run.status in (*LIVE, "paused")


def chosen_config(run: Run | None) -> dict[str, Any]:
    """What the sliders show: an unfinished run's own config, else what the next run will start with, which is the
    latest run's with what has been moved since."""
    config = asdict(PPOConfig()) | {k: v for k, v in (run.config if run else {}).items() if k != "iterations"}
    return config if unfinished(run) else config | session.session().kept.get("ppo_config", {})


def chosen_pace(run: Run | None) -> float:
    """Likewise the pace, in iterations a second; 0 is as fast as it goes."""
    pace = (run.pace if run else None) or 0.0
    return pace if unfinished(run) else session.session().kept.get("ppo_pace", pace)


def _pace(run: Run | None) -> None:
    def change() -> None:
        pace = st.session_state["ppo_pace"]
        if pace not in PACES:
            return  # the old language's name of a pace, after a change of language
        if unfinished(run):
            session.laboratory().jobs.set_pace(run.id, pace or None)
        else:
            session.session().kept["ppo_pace"] = pace

    st.selectbox(
        t("ppo.pace"), PACES, key=session.follow("ppo_pace", chosen_pace(run)), width=180, on_change=change,
        label_visibility="collapsed",
        format_func=lambda pace: t("ppo.pace_unit", n=f"{pace:g}") if pace else t("ppo.pace_full"),
    )  # fmt: skip


def start() -> None:
    """Start a new run with what the page says, the latest run's sliders included."""
    lab = session.current_lab()
    if session.read_lab() != lab:
        return  # the page shows another language than the model speaks by now: it is drawn anew, nothing is trained
    own, before = session.session(), latest_run()
    kept = own.kept
    store, source = session.laboratory().store, kept.get("ppo_source", "both")
    kinds = [kind for kind, n in reward.counts(store, lab).items() if n and kind != "both"]
    if source == "both" and len(kinds) == 1:
        source = kinds[0]  # A run made from simulated labels alone says so.
    spec = JobSpec(
        stage=STAGE,
        config={**chosen_config(before), "iterations": int(kept.get("ppo_iterations", DEFAULT_ITERATIONS))},
        inputs={
            "lab": lab.id,
            "source": source,
            "features": kept.get("ppo_features", "attributes"),
        },
        seed=int(kept.get("ppo_seed", 0)),
    )
    fit = reward.fit(store, lab, source, spec.inputs["features"])
    if fit.labels_used == fit.ties:
        own.problem = t("ppo.nothing_to_learn")
        return
    session.laboratory().jobs.start(lab.id, spec, chosen_pace(before) or None)
    for moved in ("ppo_config", "ppo_pace"):
        kept.pop(moved, None)  # from here on the run's own say is what is shown


def next_run_settings() -> None:
    """Seed, length, labels and features of the next new run."""
    counts = reward.counts(session.laboratory().store, session.current_lab())
    with st.expander(t("ppo.settings"), key="ppo_settings"):
        with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
            st.number_input(
                t("ppo.seed"),
                0,
                2**31 - 1,
                key=session.keep("ppo_seed", 0),
                help=t("ppo.seed_help"),
                width=160,
            )
            st.number_input(
                t("ppo.iterations"),
                1,
                MOST_ITERATIONS,
                key=session.keep("ppo_iterations", DEFAULT_ITERATIONS),
                help=t("ppo.iterations_help"),
                width=160,
            )
            controls.source_choice("ppo_source", counts)
            controls.features_choice("ppo_features")


# What it measures.


def charts_and_sliders(run: Run | None) -> None:
    """The five curves that matter, and the sliders that act on them from the next step on."""
    rows, marks = _read(run)
    cells = [cell for _ in range(2) for cell in st.columns(3, gap="medium")]
    for cell, metric in zip(cells, MAIN, strict=False):
        with cell:
            metric_chart(metric, rows, marks)
    with cells[len(MAIN)]:
        sliders(run)


def more_charts(run: Run | None) -> None:
    """The others, for who wants to know more."""
    shown = st.expander(t("ppo.more"), key="ppo_more", on_change="rerun")
    if not shown.open:
        return
    with shown:
        rows, marks = _read(run)
        cells = [cell for _ in range(2) for cell in st.columns(3, gap="medium")]
        for cell, metric in zip(cells, MORE, strict=True):
            with cell:
                metric_chart(metric, rows, marks)


def _read(run: Run | None) -> tuple[list[dict[str, Any]], list[charts.Mark]]:
    if run is None:
        return [], []
    store = session.laboratory().store
    changes = store.config_changes(run.id)
    marks = [charts.Mark(step, name, _said(name, value)) for step, change in changes for name, value in change.items()]
    return store.metrics(run.id), marks


def _said(name: str, value: Any) -> str:
    return t(f"mark.{name}", value=value) if has(f"mark.{name}") else t("mark.other", name=name, value=value)


def metric_chart(metric: str, rows: Sequence[Mapping[str, Any]], marks: Sequence[charts.Mark]) -> None:
    """One metric over the iterations, its latest value, and the sentence that says what it is."""
    share = metric in SHARES
    lines = [metric_series(metric, rows, t(f"metric.{metric}.name"))]
    if metric == "kl":
        lines = [
            metric_series("kl", rows, t("chart.estimate")),
            metric_series("kl_exact", rows, t("chart.exact")),
        ]
    values = lines[0].y
    forms = {"clip_fraction": ".1%", "policy_loss": ".4f", "value_loss": ".4f"}
    form = forms.get(metric, ".0%" if share else ".2f")

    def say(value: float) -> str:
        return controls.signed(value, form)

    summary = t("chart.empty")
    if len(values):
        summary = t(
            "chart.summary", step=lines[0].x[-1], last=say(values[-1]), first=say(values[0]),
            low=say(min(values)), high=say(max(values)),
        )  # fmt: skip
    level = 0.5 if metric == "win_rate" else 0.0 if metric in ("reward", "policy_loss") else None
    live_figure(
        charts.curves(
            lines, palette(), marks=marks, share=share, whole=metric != "clip_fraction", baseline=level, height=168
        ),
        key=f"ppo_chart_{metric}", name=t(f"metric.{metric}.name"), value=say(values[-1]) if len(values) else "",
        sentence=metric_sentence(metric, rows), summary=summary,
    )  # fmt: skip


def metric_series(metric: str, rows: Sequence[Mapping[str, Any]], name: str) -> charts.Series:
    """The curve of a metric; the win rate, which is not measured at every iteration, with its interval."""
    known = [row for row in rows if row.get(metric) is not None]
    banded = bool(known) and known[-1].get(f"{metric}_low") is not None
    return charts.Series(
        name=name,
        x=[row["step"] for row in known],
        y=[row[metric] for row in known],
        low=[row[f"{metric}_low"] for row in known] if banded else (),
        high=[row[f"{metric}_high"] for row in known] if banded else (),
    )


def metric_sentence(metric: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """What a metric is; the win rate's with its n and interval."""
    if metric != "win_rate":
        return t(f"metric.{metric}.sentence")
    last = next((row for row in reversed(rows) if row.get("win_rate") is not None), None)
    if last is None:
        return t("metric.win_rate.sentence")
    low, high, n = (last.get(f"win_rate_{part}") for part in ("low", "high", "n"))
    return f"{t('metric.win_rate.sentence')} {t('metric.win_rate.interval', low=low, high=high, n=n)}"


def sliders(run: Run | None) -> None:
    """The four settings. In a run they act from the next step on and leave a mark on the curves."""
    config = chosen_config(run)

    def change(name: str) -> None:
        value = st.session_state[f"ppo_{name}"]
        if unfinished(run):
            session.laboratory().jobs.configure(run.id, **{name: value})
        else:
            kept = session.session().kept
            kept["ppo_config"] = {**kept.get("ppo_config", {}), name: value}

    with st.container(key="ppo_sliders", gap=None):
        st.html(f'<p class="lab-slider-title">{html.escape(t("ppo.sliders"))}</p>')
        for name in controls.RANGES:
            controls.stops(name, config[name], key=f"ppo_{name}", on_change=change)


# What the policy says.


def samples(run: Run | None) -> None:
    """The same six questions, answered before training and now."""
    layout.section("ppo.samples")
    shown = session.laboratory().store.run_samples(run.id) if run else None
    with st.container(key="ppo_samples", gap="small"):
        if run is None or not shown:
            layout.note(t("ppo.samples_none"))
            return
        samples_table(shown, run.step)


def samples_table(shown: Mapping[str, Any], step: int, most: int | None = None) -> None:
    """Questions with their answers before and now, side by side."""
    display = models.assets(session.current_lab().language).grammar.display
    rows = "".join(
        f"<tr><th>{html.escape(display(prompt))}</th>"
        f"<td>{html.escape(display(before))}</td><td>{html.escape(display(now))}</td></tr>"
        for prompt, before, now in list(zip(shown["prompts"], shown["before"], shown["now"], strict=True))[:most]
    )
    head = f"<th></th><th>{html.escape(t('ppo.before'))}</th><th>{html.escape(t('ppo.now', step=step))}</th>"
    st.html(f'<table class="lab-samples"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>')


def judges() -> None:
    """Which judge stands behind which number."""
    with st.expander(t("ppo.judges"), key="ppo_judges"):
        layout.note(t("ppo.judges_text", weights=controls.weights_in_words()))
