"""Training a policy of the maze: cloned from the planner with a kind of thought, or by PPO from the maze's own
reward."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from lab import cloning, mazes, navigation_ppo
from lab.store import Run
from lab.training import MOST_ITERATIONS
from rlhf_core.cloning import LEARNING_RATES, CloningConfig
from rlhf_core.gridworld import LARGEST, SMALLEST, GridWorld, parse_maze
from rlhf_core.maze_language import THOUGHTS, Reading, Thought, as_thought, maze_tokenizer
from rlhf_core.navigation import Choice, Decision, explain
from rlhf_core.navigation_ppo import NavigationPPOConfig
from ui import layout, maze_board, session
from ui.i18n import t
from ui.run_view import RunPanel
from ui.walk_view import move_name, who_name

KINDS = ("cloning", "mazeppo")
DEFAULT_SIZE = 6
MOST_WORDS = 40


def _chosen(config: dict[str, Any]) -> dict[str, Any]:
    """The settings with what is chosen apart from the sliders."""
    if "thought" in config:
        size = int(session.value("cloning_size", DEFAULT_SIZE))
        return {**config, "thought": session.value("cloning_thought", "path"), "smallest": size, "largest": size}
    return {**config, "size": int(session.value("mazeppo_size", DEFAULT_SIZE))}


def _size(key: str) -> None:
    st.number_input(
        t("walk.size"), SMALLEST, LARGEST, key=session.keep(key, DEFAULT_SIZE), width=140, help=t("walk.size_help")
    )


def cloning_choices() -> None:
    """What stands before the move, and the size of the mazes."""
    st.segmented_control(
        t("cloning.thought"), THOUGHTS, key=session.keep("cloning_thought", "path", THOUGHTS), required=True,
        format_func=lambda kind: t(f"maze.thought_{kind}"), help=t("cloning.thought_help"), on_change=_suit,
    )  # fmt: skip
    _size("cloning_size")


def _suit() -> None:
    """The learning rate that suits the chosen thought, for the next run."""
    kept, key = session.session().kept, "cloning_config"
    thought = as_thought(st.session_state["cloning_thought"])
    kept[key] = {**kept.get(key, {}), "learning_rate": LEARNING_RATES[thought]}


def cloning_made_from(run: Run) -> str:
    """What the run is taught."""
    return t("cloning.inputs", thought=t(f"maze.thought_{run.inputs['thought']}"), size=run.inputs["largest"])


def starts() -> list[str]:
    """The policies that PPO can begin with: the shipped ones, and this lab's cloned ones."""
    store, lab = session.laboratory().store, session.current_lab()
    cloned = {f"run-{run.id}" for run in store.runs(lab.id, cloning.STAGE)}
    return [name for name in mazes.choices(store, lab.id) if not name.startswith("run-") or name in cloned]


def ppo_inputs() -> dict[str, Any]:
    """Which policy the next run begins with."""
    options = starts()
    chosen = session.value("mazeppo_start_from", "none")
    return {"start": chosen if chosen in options else "none"}


def ppo_choices() -> None:
    """Which policy the next run begins with, and the size of the mazes."""
    options = starts()
    st.selectbox(
        t("mazeppo.start_from"), options, key=session.keep("mazeppo_start_from", "none", options), format_func=who_name,
        help=t("mazeppo.start_from_help"), width=280,
    )  # fmt: skip
    _size("mazeppo_size")


def ppo_made_from(run: Run) -> str:
    """What the run began with."""
    return t("mazeppo.inputs", start=who_name(run.inputs["start"]), thought=t(f"maze.thought_{run.inputs['thought']}"))


CLONING_PANEL = RunPanel(
    stage=cloning.STAGE,
    prefix="cloning",
    defaults=asdict(CloningConfig()),
    sliders={
        "learning_rate": (0.002, 0.004, 0.006, 0.01, 0.015, 0.02, 0.03),
        "action_weight": (0.0, 0.25, 1.0, 2.0, 4.0, 8.0, 16.0),
        "hard_share": (0.0, 0.3, 0.6, 0.9),
    },
    default_iterations=cloning.DEFAULT_ITERATIONS,
    most_iterations=MOST_ITERATIONS,
    inputs=lambda: {},
    made_from=cloning_made_from,
    config=_chosen,
    main=("hard_success", "easy_success", "lesson_loss", "action_loss", "action_accuracy"),
    more=("hard_spl", "valid_plans", "bumps", "lessons"),
    choices=cloning_choices,
)
PPO_PANEL = RunPanel(
    stage=navigation_ppo.STAGE,
    prefix="mazeppo",
    defaults=asdict(NavigationPPOConfig()),
    sliders={
        "learning_rate": (5e-5, 1e-4, 2e-4, 3e-4, 5e-4, 1e-3),
        "kl_coef": (0.0, 0.01, 0.02, 0.05, 0.1, 0.2),
        "clip_range": (0.05, 0.1, 0.2, 0.3, 0.5),
        "temperature": (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5),
        "hard_share": (0.0, 0.3, 0.5, 0.7, 1.0),
    },
    default_iterations=navigation_ppo.DEFAULT_ITERATIONS,
    most_iterations=MOST_ITERATIONS,
    inputs=ppo_inputs,
    made_from=ppo_made_from,
    config=_chosen,
    main=("hard_success", "walk_reward", "success", "kl_decision", "policy_loss"),
    more=("easy_success", "hard_spl", "valid_plans", "value_loss", "entropy", "clip_fraction"),
    choices=ppo_choices,
)
PANELS = dict(zip(KINDS, (CLONING_PANEL, PPO_PANEL), strict=True))


def samples(run: Run | None) -> None:
    """The first decision in a few mazes that training never sees, before and now."""
    layout.section("maze.samples")
    shown = session.laboratory().store.run_samples(run.id) if run else None
    if run is None or not shown:
        layout.note(t("maze.samples_none"))
        return
    tokenizer = maze_tokenizer(session.current_lab().language)
    for i, (cell, maze) in enumerate(zip(st.columns(len(shown["mazes"]), gap="medium"), shown["mazes"], strict=True)):
        world = GridWorld(parse_maze(maze))
        state = world.state
        reading = Reading(state.size, state.position, state.goal, state.walls)
        before, now = (
            explain(reading, _choice(one, run.inputs["thought"]), 0.0, tokenizer)
            for one in (shown["before"][i], shown["now"][i])
        )
        with cell:
            maze_board.board(maze_board.draw(world, now, label=t("maze.sample_label")), key=f"maze_sample_{i}")
            both = ((t("run.before"), before), (t("run.now", step=run.step), now))
            rows = (f"<tr><th>{html.escape(name)}</th><td>{_said(decision)}</td></tr>" for name, decision in both)
            st.html(f'<table class="lab-maze-samples">{"".join(rows)}</table>')


def _choice(kept: Mapping[str, Any], kind: Thought) -> Choice:
    """A choice that a run kept."""
    move = kept["move"]
    return Choice(move, tuple(kept["thought"]), kind, {move: 1.0} if move else {})


def _said(decision: Decision) -> str:
    """A decision's thought, cut where it babbles on, its move, and whether its plan holds."""
    words = decision.text.split()
    text = " ".join([*words[:MOST_WORDS], *(["…"] if len(words) > MOST_WORDS else [])])
    return f"{html.escape(text)} <b>{html.escape(move_name(decision.action))}</b>{_mark(decision.plan_valid)}"


def _mark(valid: bool | None) -> str:
    if valid is None:
        return ""
    kind, key = ("follows", "walk.valid") if valid else ("violates", "walk.invalid")
    return f' <span class="{kind}">{html.escape(t(key))}</span>'
