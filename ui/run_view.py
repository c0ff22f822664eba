"""A stage's runs on a page: what is going on, what to do about it, what it measures, and what the policy says.

A page that trains makes one `RunPanel` of what is its stage's own, and draws the parts of it.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lab import models
from lab.jobs import JobError, JobSpec
from lab.store import Run, StoreError
from rlhf_core.metrics import METRICS
from rlhf_core.weights import CheckpointError
from ui import charts, controls, errors, following, layout, presenting, session
from ui.i18n import has, t
from ui.live_figure import live_figure, palette

PACES = (1.0, 2.0, 5.0, 0.0)
"""Iterations a second; 0 stands for as fast as it goes."""
LIVE = ("queued", "running")
FORMS = {"clip_fraction": ".1%", "policy_loss": ".4f", "value_loss": ".4f", "loss": ".3f", "revisions": ".0f",
         "lesson_loss": ".3f", "action_loss": ".3f", "kl_decision": ".3f", "lessons": ",.0f",
         "preference_loss": ".3f", "pretrain_loss": ".3f", "dialogues": ",.0f", "learning_rate": ".4f",
         "approx_kl": ".4f", "kl_coef": ".3g", "gradient_steps": ".0f"}  # fmt: skip
"""How a metric's values are written where two decimals, or for a share whole per cents, would not do."""
LEVELS = {"win_rate": 0.5, "reward": 0.0, "policy_loss": 0.0, "walk_reward": 0.0, "preference_loss": math.log(2),
          "reference_accuracy": 0.5}  # fmt: skip
"""The dashed level of a metric's chart."""
LINES: Mapping[str, Mapping[str, str]] = {
    "kl": {"kl": "chart.k1", "kl_k2": "chart.k2", "kl_k3": "chart.k3", "kl_exact": "chart.exact"},
    "reference_accuracy": {"reference_accuracy": "chart.unseen", "train_accuracy": "chart.own_labels"},
}
"""What a metric's chart shows beside the metric, each with the key of its name there."""


def unfinished(run: Run | None) -> bool:
    """Whether the sliders and the pace act on the run; else they are for the next one."""
    return run is not None and run.status in (*LIVE, "paused")


def is_live(run: Run | None) -> bool:
    """Whether the page has to follow the run: it goes on by itself, or is yet at the step that was asked of it last."""
    return run is not None and (run.status in LIVE or session.laboratory().jobs.at_work(run.id))


@dataclass(frozen=True, kw_only=True)
class RunPanel:
    """The runs of a stage in this lab, as a page shows and steers them."""

    stage: str
    prefix: str
    """Begins the keys of its widgets and kept values, and names the table of its own sentences, see `say`."""
    defaults: Mapping[str, Any]
    """The config of a first run, without its iterations."""
    sliders: Mapping[str, Sequence[float]]
    """The settings that can be moved while a run goes on, each with its stops."""
    default_iterations: int
    most_iterations: int
    inputs: Callable[[], dict[str, Any] | None]
    """What the next run is made of (`JobSpec.inputs` without the lab); None if it can't be, once it has said why."""
    made_from: Callable[[Run], str]
    """The line that says what a run was made of."""
    main: Sequence[str]
    """The metrics that matter, in the order of their charts."""
    more: Sequence[str] = ()
    """The others, for who wants to know more."""
    choices: Callable[[], Any] | None = None
    """Draws what else can be chosen for the next run."""
    config: Callable[[dict[str, Any]], dict[str, Any]] = dict
    """The next run's config from what the sliders say: puts in what `choices` chose."""
    levels: Callable[[], Mapping[str, float]] = dict
    """The dashed levels of the stage's own, beside `LEVELS`."""

    def say(self, name: str, **slots: Any) -> str:
        """The stage's own sentence, else the one of every stage."""
        own = f"{self.prefix}.{name}"
        return t(own if has(own) else f"run.{name}", **slots)

    def runs(self) -> list[Run]:
        """The stage's runs in this lab in the language that its model speaks, newest first."""
        lab = session.current_lab()
        return session.laboratory().store.runs(lab.id, self.stage, lab.language)

    def latest_run(self) -> Run | None:
        """The newest of them."""
        return next(iter(self.runs()), None)

    def iterations(self, run: Run) -> int:
        """The run's last iteration."""
        return int(run.config.get("iterations", self.default_iterations))

    def follow(self, draw: Callable[[Run | None], None]) -> None:
        """Everything that changes while the latest run goes on; redrawn alone, and only while it does."""
        following.follow_runs(self.latest_run, is_live, draw)

    # What is going on, and what to do about it.

    def status(self, run: Run | None) -> None:
        """One line: which run, its state, how far."""
        with st.container(key=f"{self.prefix}_status", gap="small"):
            if session.session().problem:
                layout.problem(session.session().problem)
            if run is None:
                layout.note(self.say("status_none"))
                return
            state = self._state(run)
            last = self.iterations(run)
            line = t("run.status", run=run.number, status=state, step=run.step, iterations=last, seed=run.seed)
            share = min(1.0, run.step / max(1, last))
            st.html(
                f'<div class="lab-status {run.status}"><p><b>{html.escape(line)}</b>'
                f"<small>{html.escape(self.made_from(run))}</small></p>"
                f'<i style="--share:{share:.3f}"></i></div>'
            )
            if run.status == "failed":
                layout.note(t("error.run_failed", detail=run.error or ""), "miss")
            elif hindrance := session.laboratory().jobs.hindrance(run):
                layout.note(t("reliability.run_rests", detail=hindrance), "miss")

    def _state(self, run: Run) -> str:
        """Its state in words: also what a queue or a step in progress makes of it."""
        jobs, state = session.laboratory().jobs, t(f"status.{run.status}")
        if run.status == "queued" and (place := jobs.place(run.id)):
            return t("run.status_queued", place=place)
        ends = run.status in ("paused", "stopped") and jobs.at_work(run.id)
        return t("run.status_after_step", status=state) if ends else state

    def buttons(self, run: Run | None) -> None:
        """Start, pause, one step, stop, resume, reset, and the pace."""
        jobs = session.laboratory().jobs
        state = run.status if run else "none"
        rests = state == "paused"
        button = self._button
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"{self.prefix}_controls"):
            begin = self.say("again" if run else "start")
            button("start", begin, self.start, state not in LIVE, primary=not rests)
            if rests or state == "stopped":
                button("resume", t("run.resume"), lambda: jobs.resume(run.id), True, primary=rests)
            else:
                button("pause", t("run.pause"), lambda: jobs.pause(run.id), state in LIVE, primary=True)
            button("step", t("run.step"), lambda: jobs.step_once(run.id), unfinished(run))
            button("stop", t("run.stop"), lambda: jobs.stop(run.id), unfinished(run))
            again = self.say("reset_help")
            button("reset", t("run.reset"), lambda: jobs.reset(run.id), run is not None, note=again)
            self._pace(run)
            presenting.button()

    def _button(
        self, name: str, label: str, act: Callable[[], Any], possible: bool, primary: bool = False,
        note: str | None = None,
    ) -> None:  # fmt: skip
        kind, key = "primary" if primary and possible else "secondary", f"{self.prefix}_{name}"
        st.button(label, key=key, type=kind, disabled=not possible, on_click=ask, args=(act,), help=note)

    def chosen_config(self, run: Run | None) -> dict[str, Any]:
        """What the sliders show: an unfinished run's own config, else what the next run will start with, which is the
        latest run's with what has been moved since."""
        config = {**self.defaults, **{k: v for k, v in (run.config if run else {}).items() if k != "iterations"}}
        return config if unfinished(run) else config | session.session().kept.get(f"{self.prefix}_config", {})

    def chosen_pace(self, run: Run | None) -> float:
        """Likewise the pace, in iterations a second; 0 is as fast as it goes."""
        pace = (run.pace if run else None) or 0.0
        return pace if unfinished(run) else session.session().kept.get(f"{self.prefix}_pace", pace)

    def _pace(self, run: Run | None) -> None:
        key = f"{self.prefix}_pace"

        def change() -> None:
            pace = st.session_state[key]
            if pace not in PACES or not session.heard(key):
                return  # the old language's name of a pace, after a change of language
            if unfinished(run):
                session.laboratory().jobs.set_pace(run.id, pace or None)
            else:
                session.session().kept[key] = pace

        st.selectbox(
            t("run.pace"), PACES, key=session.follow(key, self.chosen_pace(run)), width=180, on_change=change,
            label_visibility="collapsed",
            format_func=lambda pace: t("run.pace_unit", n=f"{pace:g}") if pace else t("run.pace_full"),
        )  # fmt: skip

    def ask_start(self) -> None:
        """Start a new run from another part of a page, unless one goes on, as the button has it; what keeps it from
        starting is said by `status`."""
        run = self.latest_run()
        if run is None or run.status not in LIVE:
            ask(self.start)

    def start(self) -> None:
        """Start a new run with what the page says, the latest run's sliders included."""
        lab = session.current_lab()
        if session.read_lab() != lab:
            return  # the page shows another language than the model speaks by now: it is drawn anew, nothing is trained
        if (inputs := self.inputs()) is None:
            return
        kept, before = session.session().kept, self.latest_run()
        iterations = int(kept.get(f"{self.prefix}_iterations", self.default_iterations))
        spec = JobSpec(
            stage=self.stage,
            config={**self.config(self.chosen_config(before)), "iterations": iterations},
            inputs={"lab": lab.id, **inputs},
            seed=int(kept.get(f"{self.prefix}_seed", 0)),
        )
        session.laboratory().jobs.start(lab.id, spec, self.chosen_pace(before) or None)
        for moved in ("config", "pace"):
            kept.pop(f"{self.prefix}_{moved}", None)  # from here on the run's own say is what is shown

    def next_run_settings(self) -> None:
        """Seed, length and what else can be chosen for the next new run."""
        layout.fold(t("run.settings"), f"{self.prefix}_settings", self._next_run)

    def _next_run(self) -> None:
        with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
            st.number_input(
                t("run.seed"), 0, 2**31 - 1, key=session.keep(f"{self.prefix}_seed", 0), help=t("run.seed_help"),
                width=160,
            )  # fmt: skip
            st.number_input(
                t("run.iterations"), 1, self.most_iterations,
                key=session.keep(f"{self.prefix}_iterations", self.default_iterations),
                help=self.say("iterations_help"), width=160,
            )  # fmt: skip
            if self.choices:
                self.choices()

    # What it measures.

    def charts_and_sliders(self, run: Run | None) -> None:
        """The curves that matter, and the sliders that act on them from the next step on."""
        rows, marks = _read(run)
        cells = _cells(len(self.main) + 1)
        with cells.pop(2):  # at the top, to be moved while the first curves are in sight
            self.slider_column(run)
        for cell, metric in zip(cells, self.main, strict=False):
            with cell:
                self.metric_chart(metric, rows, marks)

    def more_charts(self, run: Run | None) -> None:
        """The others, for who wants to know more."""
        shown = st.expander(t("run.more"), key=f"{self.prefix}_more", on_change="rerun")
        if not shown.open:
            return
        with shown:
            rows, marks = _read(run)
            for cell, metric in zip(_cells(len(self.more)), self.more, strict=False):
                with cell:
                    self.metric_chart(metric, rows, marks)

    def metric_chart(self, metric: str, rows: Sequence[Mapping[str, Any]], marks: Sequence[charts.Mark]) -> None:
        """One metric over the iterations, its latest value, and the sentence that says what it is."""
        share, name = METRICS[metric].unit == "share", t(f"metric.{metric}.name")
        names = LINES.get(metric, {metric: f"metric.{metric}.name"})
        lines = [metric_series(line, rows, t(key)) for line, key in names.items()]
        values, form = lines[0].y, FORMS.get(metric, ".0%" if share else ".2f")

        def say(value: float) -> str:
            return controls.signed(value, form)

        summary = t("chart.empty")
        if len(values):
            summary = t(
                "chart.summary", step=lines[0].x[-1], last=say(values[-1]), first=say(values[0]),
                low=say(min(values)), high=say(max(values)),
            )  # fmt: skip
        live_figure(
            charts.curves(
                lines, palette(), marks=marks, share=share, whole=metric != "clip_fraction",
                baseline={**LEVELS, **self.levels()}.get(metric), height=168,
            ),
            key=f"{self.prefix}_chart_{metric}", name=name, value=say(values[-1]) if len(values) else "",
            sentence=metric_sentence(metric, rows), summary=summary,
        )  # fmt: skip

    def slider_column(self, run: Run | None) -> None:
        """The settings. In a run they act from the next step on and leave a mark on the curves."""
        config, change = self.chosen_config(run), partial(self.change, run)
        with st.container(key=f"{self.prefix}_sliders", gap=None):
            st.html(f'<p class="lab-slider-title">{html.escape(t("run.sliders"))}</p>')
            for name, values in self.sliders.items():
                controls.stops(
                    name, values, config[name], label=self.say(name), note=self._note(name, config),
                    key=f"{self.prefix}_{name}", on_change=change,
                )  # fmt: skip

    def _note(self, name: str, config: dict[str, Any]) -> str:
        """What a setting is; of a step size that falls, how long."""
        over = config.get("anneal_over") if name == "learning_rate" else None
        falls = [t("run.learning_rate_falls", n=over)] if over else []
        return " ".join([self.say(f"{name}_help"), *falls])

    def change(self, run: Run | None, name: str) -> None:
        """Take over what the widget of a setting says: in an unfinished run from the next step on, else for the next
        run."""
        if not session.heard(f"{self.prefix}_{name}"):
            return
        value = st.session_state[f"{self.prefix}_{name}"]
        if unfinished(run):
            session.laboratory().jobs.configure(run.id, **{name: value})
        else:
            kept, key = session.session().kept, f"{self.prefix}_config"
            kept[key] = {**kept.get(key, {}), name: value}

    # What the policy says.

    def samples(self, run: Run | None) -> None:
        """The same six questions, answered before training and now."""
        layout.section("run.samples")
        shown = session.laboratory().store.run_samples(run.id) if run else None
        with st.container(key=f"{self.prefix}_samples", gap="small"):
            if run is None or not shown:
                layout.note(t("run.samples_none"))
                return
            samples_table(shown, run.step)


def ask(act: Callable[[], Any]) -> None:
    """Ask something of the run, or say why it can't be done."""
    own = session.session()
    own.problem = ""
    try:
        act()
    except (CheckpointError, JobError, StoreError, ValueError) as error:
        own.problem = errors.explain(error)


def _cells(n: int) -> list[DeltaGenerator]:
    """Room for n charts, three in a row."""
    return [cell for _ in range(0, n, 3) for cell in st.columns(3, gap="medium")]


def _read(run: Run | None) -> tuple[list[dict[str, Any]], list[charts.Mark]]:
    if run is None:
        return [], []
    store = session.laboratory().store
    changes = store.config_changes(run.id)
    marks = [
        charts.Mark(step, name, setting_in_short(name, value))
        for step, change in changes
        for name, value in change.items()
    ]
    return store.metrics(run.id), marks


def setting_in_short(name: str, value: Any) -> str:
    """A setting and its value, as short as a mark on a curve has room for."""
    if isinstance(value, bool):
        return t("mark.switched", name=t(f"mark.{name}"), value=setting_value(name, value))
    for key in (f"mark.{name}_{value}", f"mark.{name}"):
        if has(key):
            return t(key, value=value)
    return t("mark.other", name=name, value=value)


def setting_value(name: str, value: Any) -> str:
    """The value of a setting, for who reads its name beside it."""
    if value is None:
        return t("frame.none")
    if isinstance(value, bool):
        return t("mark.on" if value else "mark.off")
    text = f"{value:g}" if isinstance(value, float) else str(value)
    key = f"setting.{name}_{text}"
    return t(key) if has(key) else text


def metric_series(metric: str, rows: Sequence[Mapping[str, Any]], name: str) -> charts.Series:
    """The curve of a metric, with its interval where it has one; it need not be measured at every iteration."""
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
    """What a metric is, with its latest n and interval where it has them."""
    sentence = t(f"metric.{metric}.sentence")
    last = next((row for row in reversed(rows) if row.get(f"{metric}_n") is not None), None)
    if last is None:
        return sentence
    low, high, n = (last[f"{metric}_{part}"] for part in ("low", "high", "n"))
    return f"{sentence} {t('metric.interval', low=low, high=high, n=n)}"


def samples_table(shown: Mapping[str, Any], step: int, most: int | None = None) -> None:
    """Questions with their answers before and now, side by side."""
    display = models.assets(session.current_lab().language).grammar.display
    rows = list(zip(shown["prompts"], shown["before"], shown["now"], strict=True))[:most]
    cells = ([html.escape(display(text)) for text in row] for row in rows)
    layout.table("lab-samples", ("", t("run.before"), t("run.now", step=step)), cells)


# The model's other language.


def run_elsewhere() -> Run | None:
    """A run of any stage that goes on while the lab's model speaks another language."""
    lab = session.current_lab()
    every = session.laboratory().store.runs(lab.id)
    return next((run for run in every if run.status in LIVE and run.inputs["language"] != lab.language), None)


def elsewhere() -> None:
    """A run that goes on in the model's other language, and the way to it; as long as it does."""
    if run_elsewhere() is not None:
        st.fragment(_elsewhere, run_every=following.RUN_SECONDS)()


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
        layout.note(t("ppo.elsewhere", run=run.number, language=name))
