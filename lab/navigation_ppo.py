"""The navigation job: PPO from the environment's reward, on a shipped policy of the maze or on what cloning made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lab import mazes, states, training
from lab.jobs import JobSpec
from lab.store import UNFINISHED, Store
from rlhf_core.maze_language import as_thought
from rlhf_core.navigation_ppo import NavigationPPOConfig, NavigationPPOTrainer, annealed

STAGE = mazes.NAVIGATION
DEFAULT_ITERATIONS = 100
DEFAULT_START = "none"


@dataclass(frozen=True, kw_only=True)
class NavigationRunMetrics(mazes.WalkMetrics):
    """What PPO measured on the walks that it learnt from, and how the policy walks after it."""

    step: int
    policy_loss: float
    value_loss: float
    kl_decision: float
    """Nats a decision."""
    walk_reward: float
    """The environment's, summed over a walk."""
    success: float
    """Share of the walks that arrived, words drawn at random as they were."""
    entropy: float
    clip_fraction: float
    response_length: float
    cpu_seconds: float


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    """Refuse what can't be trained, by a ValueError, and freeze what the run begins with.

    spec.inputs: "lab" (id) and "start", one of `mazes.SHIPPED` (by default "none") or "run-<id>" of cloning; returned
    with "language", the lab's, with "thought", what the policy thinks, and for a run's policy with "start_policy", an
    artifact's id.
    """
    navigation_config(spec.config)
    if "thought" in spec.inputs:
        return spec
    inputs = {"start": DEFAULT_START, **spec.inputs, "language": store.lab(spec.inputs["lab"]).language}
    name = inputs["start"]
    if name in mazes.SHIPPED:
        return replace(spec, inputs={**inputs, "thought": name})
    _check_start(store, inputs["lab"], name)
    policy, thought = mazes.policy(store, name)
    about = {"policy": name, "thought": thought, "language": inputs["language"]}
    frozen = store.add_artifact(inputs["lab"], "policy", about, states.dump(policy.state_dict()))
    return replace(spec, inputs={**inputs, "thought": thought, "start_policy": frozen})


def _check_start(store: Store, lab_id: int, name: str) -> None:
    """Refuse to start from anything but a cloning run of this lab, and from one that goes on."""
    run = next((run for run in store.runs(lab_id, mazes.CLONING) if name == f"run-{run.id}"), None)
    if run is None:
        raise ValueError(
            f"Navigation can't start from {name!r}; choose one of {', '.join(mazes.SHIPPED)} or a cloning run of this "
            "lab."
        )
    if run.status in UNFINISHED:
        raise ValueError(f"Run {run.number} is {run.status}; pause it or wait for its end, then start from it.")


def build(spec: JobSpec, store: Store) -> NavigationJob:
    """The trainer of a prepared spec, at its first step."""
    return NavigationJob(spec, store)


def navigation_config(config: Mapping[str, Any]) -> NavigationPPOConfig:
    """The part of a run's config that is PPO's. ValueError for a value out of range or a name it has not."""
    return training.settings(NavigationPPOConfig, "Navigation", config)


class NavigationJob:
    """A `lab.jobs.Trainer`."""

    def __init__(self, spec: JobSpec, store: Store) -> None:
        config, start = navigation_config(spec.config), mazes.start(store, spec.inputs)
        self.thought = as_thought(spec.inputs["thought"])
        self._onlooker = mazes.Onlooker(start, self.thought, config.size)
        self.trainer = NavigationPPOTrainer(start, config, spec.seed)

    def step(self, config: Mapping[str, Any]) -> NavigationRunMetrics:
        """One iteration of PPO; the learning rate falls to 0 at config["iterations"], or stays level without an end."""
        asked, total = navigation_config(config), config.get("iterations")
        factor = annealed(self.trainer.steps_done / total) if total else 1.0
        found = asdict(self.trainer.step(replace(asked, learning_rate=asked.learning_rate * factor)))
        kl, reward = found.pop("kl"), found.pop("reward")
        walks = mazes.measured(self.trainer.policy, self.thought, asked.size, found["step"])
        return NavigationRunMetrics(**found, kl_decision=kl, walk_reward=reward, **asdict(walks))

    def samples(self) -> dict[str, Any]:
        """Three mazes, with what was decided in them before training and is now; see `mazes.Onlooker`."""
        return self._onlooker.samples(self.trainer.policy)

    def state_dict(self) -> dict[str, Any]:
        return self.trainer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state)
