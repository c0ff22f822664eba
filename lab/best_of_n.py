"""The best-of-n job: many answers of the start to each validation prompt, and what the best of n of them are worth.

A step asks a few prompts. Nothing is trained; the figures become surer with every prompt.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lab import models, ppo, training
from lab.jobs import JobSpec
from lab.store import Lab, Run, Store
from rlhf_core import evaluation
from rlhf_core.best_of_n import DEFAULT_N, expected_best, kl_bound
from rlhf_core.gold import REFERENCE_VALUES
from rlhf_core.headless import generator

STAGE = "best_of_n"
DRAWN = 64
"""Answers to each prompt."""
NS = (1, 2, 4, 8, 16, 32, DRAWN)
PROMPTS_A_STEP = 4
STEPS = training.JUDGED_PROMPTS // PROMPTS_A_STEP


@dataclass(frozen=True, kw_only=True)
class BestOfNMetrics(training.ComparedMetrics):
    """What the best of n are worth on the prompts asked so far: of n = 16 all that policies are compared by, of every n
    in `NS` the mean reward and gold score."""

    step: int
    cpu_seconds: float
    reward_1: float
    reward_2: float
    reward_4: float
    reward_8: float
    reward_16: float
    reward_32: float
    reward_64: float
    gold_1: float
    gold_2: float
    gold_4: float
    gold_8: float
    gold_16: float
    gold_32: float
    gold_64: float


def spec(made_from: Mapping[str, Any], seed: int) -> JobSpec:
    """A run on the reward model of another one. made_from: that run's inputs."""
    names = ("lab", "source", "features", "language", "labels_used", "simulated_used", "ties", "reward_model")
    inputs = {name: made_from[name] for name in names if name in made_from}
    return JobSpec(stage=STAGE, config={"iterations": STEPS}, inputs=inputs, seed=seed)


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    """Refuse what can't be done, by a ValueError, and freeze the reward model. spec.inputs: as of `ppo.prepare`."""
    if spec.config.keys() - {"iterations"} or spec.config.get("iterations") not in range(1, STEPS + 1):
        raise ValueError(f"Best of n has between 1 and {STEPS} iterations and no other setting, not {spec.config}.")
    return replace(ppo.prepare(replace(spec, config={}), store), config=spec.config)


def build(spec: JobSpec, store: Store) -> BestOfNJob:
    """The job of a prepared spec, at its first step."""
    return BestOfNJob(spec, store)


class BestOfNJob:
    """A `lab.jobs.Trainer` that trains nothing. spec.inputs: "language" and "reward_model", an artifact's id."""

    def __init__(self, spec: JobSpec, store: Store) -> None:
        self.assets = assets = models.assets(spec.inputs["language"])
        self._reward_model = ppo.kept_reward_model(store, assets.language, spec.inputs["reward_model"])
        self._onlooker = training.Onlooker(assets, assets.model, spec.seed)
        self._opponent = self._onlooker.answers(assets.model, self._onlooker.judged, "before")
        self.steps_done, self.cpu_seconds = 0, 0.0
        self.drawn = {name: torch.zeros(0, DRAWN) for name in ("reward", "gold", "win", "valid")}
        """By what was measured: (prompts, `DRAWN`), a row for each prompt asked so far."""
        self.best: list[str] = []
        """The best of the first `DEFAULT_N` answers to each."""

    def step(self, config: Mapping[str, Any]) -> BestOfNMetrics:
        """Ask the next prompts."""
        places = range(self.steps_done * PROMPTS_A_STEP, (self.steps_done + 1) * PROMPTS_A_STEP)
        prompts = [self._onlooker.judged[i] for i in places for _ in range(DRAWN)]
        texts = [prompt.text for prompt in prompts]
        rng, began = generator(self._onlooker.seed, f"best of n {self.steps_done}"), time.process_time()
        found = self.assets.model.generate(texts, tokenizer=self.assets.tokenizer, rng=rng)
        answers = [answer.text for answer in found]
        rewards = self._reward_model.reward(texts, answers)
        self.cpu_seconds += time.process_time() - began
        judged = evaluation.judged(self.assets.judge, prompts, answers, [a.ended for a in found], REFERENCE_VALUES)
        ahead = judged.gold.view(-1, DRAWN) - self._opponent.gold[places.start : places.stop, None]
        self._keep(
            reward=rewards.view(-1, DRAWN),
            gold=judged.gold.view(-1, DRAWN),
            win=(ahead > evaluation.EVEN).float() + 0.5 * (ahead.abs() <= evaluation.EVEN).float(),
            valid=torch.tensor([float(self.assets.judge.valid(a.text, a.ended)) for a in found]).view(-1, DRAWN),
        )
        first = rewards.view(-1, DRAWN)[:, :DEFAULT_N].argmax(1).tolist()
        self.best += [answers[row * DRAWN + best] for row, best in enumerate(first)]
        self.steps_done += 1
        return self._metrics()

    def samples(self) -> None:
        """Nothing: there is no policy that answers otherwise than the start."""

    def state_dict(self) -> dict[str, Any]:
        return {
            "drawn": self.drawn, "best": self.best, "steps_done": self.steps_done, "cpu_seconds": self.cpu_seconds,
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.drawn, self.best = dict(state["drawn"]), list(state["best"])
        self.steps_done, self.cpu_seconds = state["steps_done"], state["cpu_seconds"]

    def _keep(self, **rows: Tensor) -> None:
        self.drawn = {name: torch.cat([self.drawn[name], new]) for name, new in rows.items()}

    def _best(self, name: str, n: int) -> Tensor:
        """(prompts,): what the best of n answers are expected to have of what was measured."""
        return expected_best(self.drawn["reward"], self.drawn[name], n)

    def _metrics(self) -> BestOfNMetrics:
        curves = {f"{name}_{n}": float(self._best(name, n).mean()) for name in ("reward", "gold") for n in NS}
        return BestOfNMetrics(
            step=self.steps_done,
            cpu_seconds=self.cpu_seconds,
            **training.compared(evaluation.mean_interval(self._best("win", DEFAULT_N).clamp(0, 1))),
            gold=curves[f"gold_{DEFAULT_N}"],
            reward=curves[f"reward_{DEFAULT_N}"],
            kl_exact=kl_bound(DEFAULT_N),
            valid_share=float(self._best("valid", DEFAULT_N).mean()),
            distinct_share=len(set(self.best)) / len(self.best),
            **curves,
        )


def run_on(store: Store, lab: Lab, reward_model: int) -> Run | None:
    """The newest run of a lab on a reward model, an artifact's id."""
    runs = store.runs(lab.id, STAGE, lab.language)
    return next((run for run in runs if run.inputs["reward_model"] == reward_model), None)
