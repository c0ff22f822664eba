"""The pipeline as a map: what each stage has now."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from functools import lru_cache

import streamlit as st
import torch

from lab import models, reward
from lab.ppo import WIN_RATE_PROMPTS
from lab.reward import CurvePoint
from lab.store import Run
from ui import layout, ppo_view, run_view, session
from ui.i18n import t

EXAMPLES_SEED = 1
BEYOND = ("constitution", "navigation", "team")
"""Pages that need nobody's labels."""
ENOUGH_LABELS = 20
"""With this many labels a reward model is worth training on."""


@dataclass(frozen=True)
class State:
    """What this lab has, in the language that its model speaks."""

    language: str
    parameters: int
    words: int
    human: int
    simulated: int
    learnt: CurvePoint | None
    """How good the reward model is now; None without labels that teach it."""
    run: Run | None
    win_rate: float | None


@dataclass(frozen=True)
class NextStep:
    """Where to go from here: the button's text, the page, and the key of the reason."""

    label: str
    page: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One card of the map. A stage that has nothing yet has no number."""

    name: str
    page: str
    number: str = "\N{EN DASH}"
    unit: str = ""
    sentence: str


def read_state() -> State:
    """The lab's numbers."""
    store, lab = session.laboratory().store, session.current_lab()
    assets, counts = models.assets(lab.language), reward.counts(store, lab)
    run = ppo_view.PANEL.latest_run()
    rates = [row["win_rate"] for row in store.metrics(run.id) if row.get("win_rate") is not None] if run else []
    return State(
        language=lab.language,
        parameters=assets.model.parameter_count,
        words=len(assets.grammar.words),
        human=counts["human"],
        simulated=counts["simulated"],
        learnt=curve[-1] if (curve := reward.curve(store, lab)) else None,
        run=run,
        win_rate=rates[-1] if rates else None,
    )


def next_step(state: State) -> NextStep:
    """The one thing to do next."""
    labels = state.human + state.simulated
    if labels < ENOUGH_LABELS:
        missing = ENOUGH_LABELS - labels
        text = t("home.next_label_more", missing=missing) if labels else t("home.next_label_first")
        return NextStep(text, "label", "home.next_why_label")
    if state.run is None:
        return NextStep(t("home.next_ppo"), "ppo", "home.next_why_ppo")
    if state.run.status in ("finished", "failed", "stopped"):
        return NextStep(t("home.next_compare"), "ppo", "home.next_why_compare")
    if state.run.status == "paused":
        return NextStep(t("home.next_resume"), "ppo", "home.next_why_resume")
    return NextStep(t("home.next_watch"), "ppo", "home.next_why_watch")


def examples(state: State) -> None:
    """What the model says: before and now if there is a run, else three answers of the starting model."""
    shown = session.laboratory().store.run_samples(state.run.id) if state.run else None
    if state.run and shown:
        layout.section("home.before_and_now")
        run_view.samples_table(shown, state.run.step, most=3)
        return
    question, answers = _first_answers(session.current_lab().language)
    layout.section("home.examples", question=question)
    for column, answer in zip(st.columns(3, gap="medium"), answers, strict=True):
        with column:
            layout.quote(answer)


@lru_cache
def _first_answers(language: str) -> tuple[str, list[str]]:
    """A question and three answers of the starting model, the same for everybody."""
    assets = models.assets(language)
    prompt = next(p for p in assets.grammar.split("validation") if p.category == "howto")
    rng = torch.Generator().manual_seed(EXAMPLES_SEED)
    found = assets.model.generate([prompt.text] * 3, tokenizer=assets.tokenizer, rng=rng)
    return assets.grammar.display(prompt.text), [assets.grammar.display(answer.text) for answer in found]


def beyond() -> None:
    """What there is beside the pipeline."""
    layout.section("home.beyond")
    for column, page in zip(st.columns(len(BEYOND), gap="medium"), BEYOND, strict=True):
        with column, st.container(key=f"home_beyond_{page}", gap="small"):
            layout.note(t(f"home.beyond_{page}"))
            if st.button(t(f"{page}.nav"), key=f"home_open_{page}"):
                st.switch_page(f"../pages/{page}.py")


def pipeline(state: State) -> None:
    """The four stages, from left to right."""
    ready = next_step(state).page
    with st.container(key="home_map"):
        for column, stage in zip(st.columns(4, gap="medium"), _stages(state), strict=True):
            now = " now" if stage.page == ready else ""
            with column, st.container(key=f"map_{stage.name}", gap="small"):
                title, number, unit, sentence = map(
                    html.escape, (t(f"home.{stage.name}"), stage.number, stage.unit, stage.sentence)
                )
                st.html(
                    f'<div class="lab-stage{now}"><h3>{title}</h3>'
                    f"<b>{number}</b><span>{unit}</span><p>{sentence}</p></div>"
                )
                if st.button(t("home.open"), key=f"home_open_{stage.name}", width="stretch"):
                    st.switch_page(f"../pages/{stage.page}.py")


def _stages(state: State) -> list[Stage]:
    language = t(f"language.{state.language}")
    model = Stage(
        name="model",
        page="language_model",
        number=f"{state.parameters:,}",
        unit=t("home.model_fact"),
        sentence=t("home.model_words", words=state.words, language=language),
    )
    none = t("home.labels_none", language=language)
    labels = Stage(name="labels", page="label", unit=t("home.labels_fact"), sentence=none)
    if total := state.human + state.simulated:
        split = t("home.labels_split", human=state.human, simulated=state.simulated)
        labels = replace(labels, number=f"{total}", sentence=split)
    learnt = Stage(name="reward", page="reward_model", sentence=t("home.reward_none"))
    if (point := state.learnt) and point.own_accuracy is None:
        learnt = replace(learnt, sentence=t("home.reward_begun", labels=point.labels))
    elif point:
        foreseen = t("home.reward_split", n=point.own_n, human=state.human, simulated=state.simulated)
        learnt = replace(learnt, number=f"{point.own_accuracy:.0%}", unit=t("home.reward_fact"), sentence=foreseen)
    trained = Stage(name="ppo", page="ppo", sentence=_trained(state))
    if run := state.run:
        trained = replace(trained, number=f"{run.step}", unit=t("home.ppo_fact", run=run.id))
    return [model, labels, learnt, trained]


def _trained(state: State) -> str:
    if state.run is None:
        return t("home.ppo_none")
    status = t(f"status.{state.run.status}")
    if state.win_rate is None:
        return t("home.ppo_running", status=status)
    return t("home.ppo_split", status=status, win_rate=state.win_rate, n=WIN_RATE_PROMPTS)
