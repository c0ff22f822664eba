"""What the jobs that train a policy of the maze share: its policies by name, and what is looked at while they train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lab import models, states
from lab.store import Run, Store
from rlhf_core.checkpoints import SHIPPED_MAZES
from rlhf_core.cloning import maze_model
from rlhf_core.gridworld import Maze, State, episodes, maze_json, random_mazes
from rlhf_core.headless import generator
from rlhf_core.language_model import MiniLM
from rlhf_core.maze_language import Reading, Thought, as_thought
from rlhf_core.navigation import Choice, Memory, ModelBackend, decide
from rlhf_core.navigation_evaluation import summarise, walk

CLONING, NAVIGATION = "cloning", "navigation"
"""The stages whose runs make policies of the maze."""
SHIPPED = SHIPPED_MAZES
"""The policies that every lab has, by what they think."""
MEASURED_EVERY = 5
MEASURED_MAZES = 60
"""So many hard mazes, and so many easy ones."""
SHOWN_MAZES = 3


# Policies.


def choices(store: Store, lab_id: int) -> list[str]:
    """The names of all policies that a lab has: the shipped ones, then its runs with a checkpoint, newest first."""
    saved = store.saved_runs(lab_id)
    runs = [run for run in store.runs(lab_id) if run.stage in (CLONING, NAVIGATION) and run.id in saved]
    return [*SHIPPED, *(f"run-{run.id}" for run in runs)]


def policy(store: Store, name: str) -> tuple[MiniLM, Thought]:
    """A policy by its name and what it thinks: one of `SHIPPED`, or "run-<id>" as of the run's last checkpoint. It is
    frozen. ValueError for another name, for a run of another stage and for one that has saved nothing yet; KeyError for
    a run that there is not."""
    if name in SHIPPED:
        thought = as_thought(name)
        return models.maze_policy(thought), thought
    number = name.removeprefix("run-")
    if number == name or not number.isdecimal():
        raise ValueError(f"There is no policy {name!r}; choose one of {', '.join(SHIPPED)} or a run's.")
    run = store.run(int(number))
    if run.stage not in (CLONING, NAVIGATION):
        raise ValueError(f"Run {run.number} is of the stage {run.stage!r}, whose models walk through no maze.")
    if (saved := store.checkpoint(run.id)) is None:
        raise ValueError(f"Run {run.number} has saved nothing yet; let it do its first step.")
    weights = states.load(saved.data)["policy"]
    return models.with_weights(_shape(store, run), weights), as_thought(run.inputs["thought"])


def start(store: Store, inputs: Mapping[str, Any]) -> MiniLM:
    """The policy that a prepared run of navigation begins with, frozen."""
    if "start_policy" not in inputs:
        return models.maze_policy(inputs["start"])
    return models.with_weights(untrained(0), states.load(store.artifact(inputs["start_policy"]).data))


def untrained(seed: int) -> MiniLM:
    """The model that cloning begins with, frozen."""
    return maze_model(generator(seed, "maze model")).requires_grad_(False)


def _shape(store: Store, run: Run) -> MiniLM:
    """A model of the same shape as a run's."""
    return untrained(0) if run.stage == CLONING else start(store, run.inputs)


# What is looked at.


@dataclass(frozen=True, kw_only=True)
class WalkMetrics:
    """How the policy walks through validation mazes when it takes the likeliest word each time; measured at every fifth
    step, and the first."""

    hard_success: float | None = None
    hard_success_low: float | None = None
    hard_success_high: float | None = None
    hard_success_n: int | None = None
    easy_success: float | None = None
    easy_success_low: float | None = None
    easy_success_high: float | None = None
    easy_success_n: int | None = None
    hard_spl: float | None = None
    hard_spl_low: float | None = None
    hard_spl_high: float | None = None
    valid_plans: float | None = None
    """Of the plans in hard mazes; None without plans."""
    bumps: float | None = None
    """A walk through a hard maze."""


def measured(model: MiniLM, thought: Thought, size: int, step: int) -> WalkMetrics:
    """The metrics of a step; none at a step at which nothing is measured."""
    if step != 1 and step % MEASURED_EVERY:
        return WalkMetrics()
    hard, easy = (validation_mazes(MEASURED_MAZES, size, kind) for kind in (True, False))
    found = walk(_Likeliest(ModelBackend(model, thought)), list(episodes([*hard, *easy])))
    on_hard, on_easy = summarise(found[: len(hard)]), summarise(found[len(hard) :])
    return WalkMetrics(
        hard_success=on_hard.success.rate,
        hard_success_low=on_hard.success.low,
        hard_success_high=on_hard.success.high,
        hard_success_n=on_hard.success.n,
        easy_success=on_easy.success.rate,
        easy_success_low=on_easy.success.low,
        easy_success_high=on_easy.success.high,
        easy_success_n=on_easy.success.n,
        hard_spl=on_hard.spl.rate,
        hard_spl_low=on_hard.spl.low,
        hard_spl_high=on_hard.spl.high,
        valid_plans=on_hard.valid_plans and on_hard.valid_plans.rate,
        bumps=on_hard.bumps,
    )


class Onlooker:
    """Has a policy in training and the one that it began as decide at the start of the same mazes."""

    def __init__(self, before: MiniLM, thought: Thought, size: int) -> None:
        self.thought, self.mazes = thought, validation_mazes(SHOWN_MAZES, size, True)
        self._before = self._looks(before)

    def samples(self, now: MiniLM) -> dict[str, Any]:
        """The "mazes" as `maze_json` has them, and what was decided in each "before" and is "now": the "thought" in
        English words, the "move" (None where it named none), the "plan" as cells from the next one to the goal (empty
        without one) and whether the plan is "valid" (None without one)."""
        return {"mazes": [maze_json(maze) for maze in self.mazes], "before": self._before, "now": self._looks(now)}

    def _looks(self, model: MiniLM) -> list[dict[str, Any]]:
        readings = [Memory().read(State(maze.size, maze.start, maze.goal, maze.walls)) for maze in self.mazes]
        return [
            {
                "thought": list(decision.thought),
                "move": decision.action,
                "plan": [list(cell) for cell in decision.plan],
                "valid": decision.plan_valid,
            }
            for decision in decide(ModelBackend(model, self.thought), readings)
        ]


@lru_cache
def validation_mazes(n: int, size: int, hard: bool) -> Sequence[Maze]:
    """The first n validation mazes of a size, the same ones for every run."""
    return tuple(random_mazes(n, size, seed=0, hard=hard, split="validation"))


@dataclass
class _Likeliest:
    """A backend that takes the likeliest words, and so need be asked only once about what it has read before: an early
    policy walks into the same wall until the end."""

    backend: ModelBackend
    known: dict[Reading, Choice] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.backend.name

    def choose(self, readings: Sequence[Reading], use_cot: bool) -> list[Choice]:
        """See `Backend`."""
        new = [reading for reading in dict.fromkeys(readings) if reading not in self.known]
        if new:
            self.known.update(zip(new, self.backend.choose(new, use_cot), strict=True))
        return [self.known[reading] for reading in readings]
