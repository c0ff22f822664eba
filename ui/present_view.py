"""Presenter mode: one figure, one sample and the iteration in large numerals, steered by keys, for a projector."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from lab import models
from lab.store import Run
from rlhf_core.metrics import METRICS
from ui import charts, controls, layout, marks, ppo_view, presenting, pretraining_view, reward_training_view, session
from ui.i18n import t
from ui.live_figure import live_figure, palette
from ui.run_view import FORMS, LEVELS, LIVE, RunPanel, ask, metric_sentence, metric_series, unfinished

PANELS: Mapping[str, RunPanel] = {
    "language_model": pretraining_view.PANEL, "reward_model": reward_training_view.PANEL, "ppo": ppo_view.PANEL,
}  # fmt: skip
"""What each page presents, see `presenting.PAGES`."""
FIRST: Mapping[str, tuple[str, ...]] = {"ppo": ("reward", "kl")}
"""What the first figure shows, by stage; of any other stage its two main metrics."""
DESIGNED_FOR = 1080
"""The height of the window, in pixels, that figures are made for; in another one they are scaled as a whole."""
FIGURE_HEIGHT = 560
"""Of those pixels."""
QUESTION, FIGURE = "present_question", "present_figure"
_JS = """
const TYPING = 'input, textarea, [contenteditable], [role=slider]';

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector('.lab-keys');
  if (root.buttons !== data.buttons) root.innerHTML = root.buttons = data.buttons;
  const act = (button) => setTriggerValue(button.dataset.does, Date.now());
  root.onclick = (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    button.blur();  // else Space, which pauses, would press it again
    act(button);
  };
  const key = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPING)) return;
    const button = [...root.querySelectorAll('button')].find((one) => one.dataset.key === event.key.toLowerCase());
    if (!button) return;
    event.preventDefault();
    if (!event.repeat) act(button);
  };
  window.removeEventListener('keydown', root.key, true);
  window.addEventListener('keydown', root.key = key, true);
  return () => window.removeEventListener('keydown', key, true);
}
"""
_keys = st.components.v2.component(
    "lab_presenter_keys", html='<div class="lab-keys" role="group"></div>', js=_JS, isolate_styles=False
)


def present() -> None:
    """The latest run of the page's stage for a whole room, in place of the page."""
    panel = PANELS[session.session().page]

    def shown(run: Run | None) -> None:
        if not presenting.asked():
            st.rerun()
        _draw(panel, run)

    with st.container(key="presenter"):
        panel.follow(shown)


def _draw(panel: RunPanel, run: Run | None) -> None:
    rows = session.laboratory().store.metrics(run.id) if run else []
    with st.container(key="presenter_sheet", gap=None):
        st.html(f"<h1>{html.escape(_heading(panel, run))}</h1>")
        if session.session().problem:
            layout.problem(session.session().problem)
        left, right = st.columns([1, 2.7], gap="medium", vertical_alignment="center")
        with left:
            st.html(_numeral(panel, run))
        with right:
            _figure(panel, rows)
        st.html(_sample(run))
        _buttons(panel, run)


def _heading(panel: RunPanel, run: Run | None) -> str:
    title = t(f"{session.session().page}.nav")
    if run is None:
        return f"{title} · {t('present.no_run')}"
    return f"{title} · {t('present.run', run=run.number, status=t(f'status.{run.status}'))}"


def _numeral(panel: RunPanel, run: Run | None) -> str:
    step = run.step if run else 0
    last = panel.iterations(run) if run else panel.default_iterations
    of = html.escape(t("present.of", iterations=last))
    return (
        f'<p class="lab-numeral" style="--digits:{max(2, len(str(step)))}"><small>{html.escape(t("present.iteration"))}'
        f"</small><b>{step}</b><small>{of}</small></p>"
    )


# The figure.


def figures(panel: RunPanel) -> list[tuple[str, ...]]:
    """What can be shown, the metrics of each figure: first two together, then each that matters alone."""
    return [FIRST.get(panel.stage, tuple(panel.main[:2])), *((name,) for name in panel.main)]


def _figure(panel: RunPanel, rows: Sequence[Mapping[str, Any]]) -> None:
    offered = figures(panel)
    chosen = offered[session.session().kept.get(FIGURE, 0) % len(offered)]
    levels = {**LEVELS, **panel.levels()}
    strips = [
        charts.Strip(
            title=_title(name, rows), series=metric_series(name, rows, t(f"metric.{name}.name")),
            share=METRICS[name].unit == "share", baseline=levels.get(name),
        )
        for name in chosen
    ]  # fmt: skip
    name = ", ".join(t(f"metric.{name}.name") for name in chosen)
    summary = ". ".join(strip.title for strip in strips) if rows else t("chart.empty")
    sentence = " ".join(metric_sentence(name, rows) for name in chosen)
    live_figure(
        charts.stacked(strips, palette(), height=FIGURE_HEIGHT), key="presenter_figure", name=name, sentence=sentence,
        summary=summary, designed_for=DESIGNED_FOR,
    )  # fmt: skip


def _title(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A metric's name and its latest value."""
    known = [row[name] for row in rows if row.get(name) is not None]
    form = FORMS.get(name, ".0%" if METRICS[name].unit == "share" else ".2f")
    return " ".join([t(f"metric.{name}.name"), *(controls.signed(value, form) for value in known[-1:])])


# The sample.


def _sample(run: Run | None) -> str:
    """One question, its answer before training and now; what is new in it is marked."""
    shown = session.laboratory().store.run_samples(run.id) if run else None
    if not shown:
        return f'<div class="lab-spoken"><p>{html.escape(t("run.samples_none"))}</p></div>'
    place = session.session().kept.get(QUESTION, 0) % len(shown["prompts"])
    display = models.assets(session.current_lab().language).grammar.display
    question, before, now = (display(shown[part][place]) for part in ("prompts", "before", "now"))
    old, new = marks.changes(before, now)
    return (
        f'<div class="lab-spoken"><h2>{html.escape(question)}</h2>'
        f"<p><small>{html.escape(t('run.before'))}</small> {old}</p>"
        f'<p class="now"><small>{html.escape(t("present.now"))}</small> {new}</p></div>'
    )


# The keys.


def _buttons(panel: RunPanel, run: Run | None) -> None:
    """The line that says what keys do; it can be clicked as well."""
    said = [("question", "arrowdown", "↓", "present.question"), ("figure", "f", "F", "present.figure"),
            ("leave", "escape", "Esc", "present.leave")]  # fmt: skip
    if unfinished(run) or (run and run.status == "stopped"):
        said.insert(0, ("step", "arrowright", "→", "run.step"))
    if does := _space(run):
        said.insert(0, ("pause", " ", "present.space", f"run.{does}"))
    buttons = "".join(
        f'<button type="button" data-does="{does}" data-key="{key}"><kbd>{html.escape(_cap(cap))}</kbd> '
        f"{html.escape(t(text))}</button>"
        for does, key, cap, text in said
    )
    _keys(
        key="presenter_keys", data={"buttons": buttons},
        on_pause_change=lambda: _pause_or_go(panel), on_step_change=lambda: _step(panel),
        on_question_change=lambda: _turn(QUESTION), on_figure_change=lambda: _turn(FIGURE),
        on_leave_change=presenting.leave,
    )  # fmt: skip


def _cap(cap: str) -> str:
    return t(cap) if "." in cap else cap


def _turn(key: str) -> None:
    kept = session.session().kept
    kept[key] = kept.get(key, 0) + 1


def _space(run: Run | None) -> str:
    """What the space bar does to a run: it starts where there is none; "" where a run is over."""
    if run is None:
        return "start"
    return "pause" if run.status in LIVE else "resume" if run.status in ("paused", "stopped") else ""


def _pause_or_go(panel: RunPanel) -> None:
    jobs, run = session.laboratory().jobs, panel.latest_run()
    match _space(run):
        case "start":
            ask(panel.start)
        case "pause":
            ask(lambda: jobs.pause(run.id))
        case "resume":
            ask(lambda: jobs.resume(run.id))
        case _:
            pass


def _step(panel: RunPanel) -> None:
    jobs, run = session.laboratory().jobs, panel.latest_run()
    if run:
        ask(lambda: jobs.step_once(run.id))
