"""The cloning job: a model learns from nothing to think and to act in mazes as a planner does."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lab import mazes, training
from lab.jobs import JobSpec
from lab.store import Store
from rlhf_core.cloning import CloningConfig, CloningTrainer, schedule

STAGE = mazes.CLONING
STEPS_PER_ITERATION = 10
"""Optimiser steps in one step of the job."""
DEFAULT_ITERATIONS = 60
FIXED = ("thought", "smallest", "largest")
"""Settings that hold for a whole run."""


@dataclass(frozen=True, kw_only=True)
class CloningRunMetrics(mazes.WalkMetrics):
    """Means of what cloning measured in the steps of one iteration, and how the policy walks after it."""

    step: int
    lesson_loss: float
    """Cross-entropy of the planner's thought and move, in nats a word."""
    action_loss: float
    action_accuracy: float
    lessons: int
    """Seen so far."""
    learning_rate: float
    """After warm-up and decay."""
    cpu_seconds: float


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    """Refuse what can't be trained, by a ValueError, and a change of what holds for a whole run.

    spec.inputs: "lab" (id); returned with "language", the lab's, and with the settings of `FIXED`.
    """
    config = cloning_config(spec.config)
    fixed = {name: getattr(config, name) for name in FIXED}
    for name, value in fixed.items():
        if spec.inputs.get(name, value) != value:
            raise ValueError(f"{name} holds for a whole run, which began with {spec.inputs[name]!r}; start a new run.")
    language = spec.inputs.get("language") or store.lab(spec.inputs["lab"]).language
    return replace(spec, inputs={**spec.inputs, "language": language, **fixed})


def build(spec: JobSpec, store: Store) -> CloningJob:
    """The trainer of a prepared spec, at its first step."""
    return CloningJob(spec)


def cloning_config(config: Mapping[str, Any]) -> CloningConfig:
    """The part of a run's config that is cloning's. ValueError for a value out of range or a name it has not."""
    return training.settings(CloningConfig, "Cloning", config)


class CloningJob:
    """A `lab.jobs.Trainer`."""

    def __init__(self, spec: JobSpec) -> None:
        config = cloning_config(spec.config)
        model = mazes.untrained(spec.seed)
        self._onlooker = mazes.Onlooker(model, config.thought, config.largest)
        self.trainer = CloningTrainer(model.requires_grad_(True), config, spec.seed)

    def step(self, config: Mapping[str, Any]) -> CloningRunMetrics:
        """Some optimiser steps; the learning rate follows the schedule to config["iterations"], and without an end
        stays level after its warm-up."""
        asked, total = cloning_config(config), (config.get("iterations") or 0) * STEPS_PER_ITERATION
        found = []
        for _ in range(STEPS_PER_ITERATION):
            done = self.trainer.steps_done
            factor = schedule(done / total if total else 0.0, done)
            found.append(self.trainer.step(replace(asked, learning_rate=asked.learning_rate * factor)))
        step, model = self.trainer.steps_done // STEPS_PER_ITERATION, self.trainer.model
        return CloningRunMetrics(
            step=step,
            lesson_loss=statistics.fmean(m.loss for m in found),
            action_loss=statistics.fmean(m.action_loss for m in found),
            action_accuracy=statistics.fmean(m.action_accuracy for m in found),
            lessons=found[-1].lessons,
            learning_rate=statistics.fmean(m.learning_rate for m in found),
            cpu_seconds=found[-1].cpu_seconds,
            **asdict(mazes.measured(model, asked.thought, asked.largest, step)),
        )

    def samples(self) -> dict[str, Any]:
        """Three mazes, with what was decided in them before training and is now; see `mazes.Onlooker`."""
        return self._onlooker.samples(self.trainer.model)

    def state_dict(self) -> dict[str, Any]:
        return self.trainer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state)
