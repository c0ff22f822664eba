"""The pipeline and what stands beside it as a map: how far each stage is, its best figure, and the way there."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from lab import overview, ppo
from lab.overview import ENOUGH_LABELS, Overview
from lab.store import Run
from rlhf_core.evaluation import Interval
from ui import layout, session
from ui.i18n import t
from ui.problem_view import STAGE_NAMES
from ui.walk_view import who_name

REFRESH_SECONDS = 2.0
PIPELINE = {"model": "language_model", "labels": "label", "reward": "reward_model", "ppo": "ppo"}
"""The stages of the pipeline in their order, each with its page."""
BESIDE = {name: name for name in ("constitution", "navigation", "team", "outlook")}
"""The stages that need nobody's labels, likewise."""
SIGNS = {"none": "○", "going": "◐", "done": "✓"}


@dataclass(frozen=True)
class NextStep:
    """Where to go from here: the button's text, the page, and the key of the reason."""

    label: str
    page: str
    why: str


@dataclass(frozen=True)
class Figure:
    """What a stage has come to. A stage that has nothing yet has no number."""

    sentence: str
    number: str = "\N{EN DASH}"
    unit: str = ""


def read() -> Overview:
    """The lab's numbers."""
    return overview.read(session.laboratory().store, session.current_lab())


def next_step(now: Overview) -> NextStep:
    """The one thing to do next."""
    if now.labels < ENOUGH_LABELS:
        missing = ENOUGH_LABELS - now.labels
        text = t("home.next_label_more", missing=missing) if now.labels else t("home.next_label_first")
        return NextStep(text, "label", "home.next_why_label")
    run = now.runs.get(ppo.STAGE)
    if run is None:
        return NextStep(t("home.next_ppo"), "ppo", "home.next_why_ppo")
    if run.status in ("finished", "failed", "stopped"):
        return NextStep(t("home.next_compare"), "ppo", "home.next_why_compare")
    if run.status == "paused":
        return NextStep(t("home.next_resume"), "ppo", "home.next_why_resume")
    return NextStep(t("home.next_watch"), "ppo", "home.next_why_watch")


def heading(now: Overview) -> None:
    """The map's title, with the next step."""
    step = next_step(now)
    with st.container(key="home_next_box", horizontal=True, vertical_alignment="center", gap="medium"):
        layout.section("map.title")
        if st.button(step.label, key="home_next", type="primary"):
            st.switch_page(f"../pages/{step.page}.py")
        layout.note(t(step.why))


def stages(now: Overview) -> None:
    """The pipeline from left to right, and below it what stands beside it."""
    ready, states = next_step(now).page, now.states
    with st.container(key="home_map", gap="small"):
        for row, pages in (("pipeline", PIPELINE), ("beside", BESIDE)):
            with st.container(key=f"home_{row}"):
                for column, (name, page) in zip(st.columns(len(pages), gap="medium"), pages.items(), strict=True):
                    with column, st.container(key=f"stage_{name}", gap=None):
                        st.html(_card(name, states[name], FIGURES[name](now), page == ready))
                        layout.link(page, t(f"map.{name}_go_{states[name]}"))


def _card(name: str, state: str, figure: Figure, ready: bool) -> str:
    title, word, number, unit, sentence = map(
        html.escape, (t(f"map.{name}"), t(f"map.{state}"), figure.number, figure.unit, figure.sentence)
    )
    return (
        f'<div class="lab-stage {state}{" now" * ready}"><h3>{title}'
        f'<span class="state"><span aria-hidden="true">{SIGNS[state]}</span> {word}</span></h3>'
        f"<div><b>{number}</b> <span>{unit}</span></div><p>{sentence}</p></div>"
    )


# What each stage has come to.


def _model(now: Overview) -> Figure:
    sentence = t("map.model_words", words=now.words, language=t(f"language.{now.language}"))
    return Figure(sentence, f"{now.parameters:,}", t("map.model_unit"))


def _labels(now: Overview) -> Figure:
    if not now.labels:
        return Figure(t("map.labels_none", language=t(f"language.{now.language}"), enough=ENOUGH_LABELS))
    split = t("map.labels_split", human=now.human, simulated=now.simulated)
    return Figure(split, f"{now.labels}", t("map.labels_unit"))


def _reward(now: Overview) -> Figure:
    going = _progress(now.going("reward"))
    if now.learnt is None:
        return Figure(t("map.reward_none"))
    if now.foreseen is None:
        return Figure(f"{t('map.reward_begun', labels=now.learnt.labels)} {going}")
    sentence = t("map.reward_split", human=now.human, simulated=now.simulated, **_within(now.foreseen))
    return Figure(f"{sentence} {going}", f"{now.foreseen.rate:.0%}", t("map.reward_unit", n=now.foreseen.n))


def _ppo(now: Overview) -> Figure:
    going = _progress(now.going("ppo"))
    if now.best is None:
        return _unmeasured(now, "ppo")
    share = now.best.share
    sentence = t("map.ppo_best", run=now.best.run.number, n=share.n, **_within(share))
    return Figure(f"{sentence} {going}", f"{share.rate:.0%}", t("map.ppo_unit"))


def _constitution(now: Overview) -> Figure:
    going, run, found = _progress(now.going("constitution")), now.newest("constitution"), now.conduct
    if run is None or found is None:
        return _unmeasured(now, "constitution")
    parts = ("", "_low", "_high", "_n")
    harm, help_ = (Interval(*(found[name + part] for part in parts)) for name in ("harm", "help"))
    sentence = t(
        "map.constitution_last", run=run.number, stage=STAGE_NAMES[run.stage], n=harm.n, help=help_.rate,
        help_low=help_.low, help_high=help_.high, **_within(harm),
    )  # fmt: skip
    return Figure(f"{sentence} {going}", f"{harm.rate:.0%}", t("map.constitution_unit"))


def _navigation(now: Overview) -> Figure:
    going = _progress(now.going("navigation"))
    if (found := now.maze) is None:
        walked = "walked" in now.deeds and not going
        return Figure(t("map.navigation_walked")) if walked else _unmeasured(now, "navigation")
    sentence = t("map.navigation_best", who=who_name(found.who), size=found.size, **_within(found.success))
    number, unit = f"{found.success.rate:.0%}", t("map.navigation_unit", n=found.success.n)
    return Figure(f"{sentence} {going}", number, unit)


def _team(now: Overview) -> Figure:
    if (found := now.team) is None:
        return Figure(t("map.team_escaped" if "escaped" in now.deeds else "map.team_none"))
    sentence = t("map.team_last", ticks=found.ticks, **_within(found.success))
    return Figure(sentence, f"{found.success.rate:.0%}", t("map.team_unit", n=found.success.n))


def _outlook(now: Overview) -> Figure:
    if now.forecast_at is None:
        return Figure(t("map.outlook_none"))
    return Figure(t("map.outlook_saved"), layout.day(now.forecast_at), t("map.outlook_unit"))


FIGURES: dict[str, Callable[[Overview], Figure]] = {
    "model": _model, "labels": _labels, "reward": _reward, "ppo": _ppo, "constitution": _constitution,
    "navigation": _navigation, "team": _team, "outlook": _outlook,
}  # fmt: skip


def _unmeasured(now: Overview, name: str) -> Figure:
    """A stage that trains and has no figure yet: how far its newest run is, if there is one."""
    run = now.going(name) or now.newest(name)
    if run is None:
        return Figure(t(f"map.{name}_none"))
    status = t("map.run_unmeasured", status=t(f"status.{run.status}"))
    return Figure(status, f"{run.step}", t("map.run_unit", run=run.number))


def _progress(run: Run | None) -> str:
    """How far a run is that has not come to its end; nothing without one."""
    return "" if run is None else t("map.run_going", run=run.number, step=run.step, status=t(f"status.{run.status}"))


def _within(share: Interval) -> dict[str, float]:
    return {"low": share.low, "high": share.high}
