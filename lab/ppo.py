"""The PPO job: rlhf_core's trainer on a lab's reward model, with what the page shows beside its own metrics."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from lab import models, reward
from lab.jobs import JobSpec
from lab.store import Store
from rlhf_core import evaluation
from rlhf_core.corpus import Prompt
from rlhf_core.gold import REFERENCE_VALUES
from rlhf_core.headless import generator
from rlhf_core.language_model import MiniLM
from rlhf_core.ppo import PPOConfig, PPOMetrics, PPOTrainer
from rlhf_core.reward_model import RewardModel

STAGE = "ppo"
MOST_ITERATIONS = 10_000
WIN_RATE_EVERY = 5
WIN_RATE_PROMPTS = 64
SAMPLED_CATEGORIES = ("howto", "capital", "unsafe", "unknowable", "harmful", "feeling")
"""The six questions that are answered before and now: one of each."""


@dataclass(frozen=True, kw_only=True)
class PPORunMetrics(PPOMetrics):
    """PPO's own metrics, and what the reference values say of the same answers."""

    gold: float
    valid_share: float
    win_rate: float | None = None
    """Against the starting model on validation prompts; measured at every fifth iteration, and the first."""
    win_rate_low: float | None = None
    win_rate_high: float | None = None
    win_rate_n: int | None = None


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    """Refuse what can't be trained, by a ValueError, and freeze the reward model and the language: neither labels given
    later nor a lab that speaks another language by then change anything.

    spec.inputs: "lab" (id), "source" ("human", "simulated" or "both") and "features"; returned with "language", with
    "reward_model", an artifact's id, and what it was fitted to: "labels_used", of these "simulated_used" and "ties".
    """
    if spec.stage != STAGE:
        raise ValueError(f"There is no stage {spec.stage!r}; the one that can be run is {STAGE!r}.")
    ppo_config(spec.config)
    iterations = spec.config.get("iterations")
    if iterations is not None and iterations not in range(1, MOST_ITERATIONS + 1):
        raise ValueError(f"The number of iterations must lie between 1 and {MOST_ITERATIONS}, not {iterations}.")
    if "reward_model" in spec.inputs:
        return spec
    source, features = spec.inputs["source"], spec.inputs["features"]
    lab = store.lab(spec.inputs["lab"])
    fit = reward.fit(store, lab, source, features)
    if fit.labels_used == fit.ties:
        raise ValueError("No label of this source favours an answer, so there is nothing to learn: label some pairs.")
    made_from = {
        "language": lab.language,
        "labels_used": fit.labels_used,
        "simulated_used": fit.simulated_used,
        "ties": fit.ties,
    }
    buffer = io.BytesIO()
    torch.save(fit.model.state_dict(), buffer)
    meta = {"source": source, "features": features, **made_from}
    artifact_id = store.add_artifact("reward_model", meta, buffer.getvalue())
    return replace(spec, inputs={**spec.inputs, **made_from, "reward_model": artifact_id})


def build(spec: JobSpec, store: Store) -> PPOJob:
    """The trainer of a prepared spec, at its first step."""
    return PPOJob(spec, store)


def ppo_config(config: Mapping[str, Any]) -> PPOConfig:
    """The part of a run's config that is PPO's. ValueError for a value out of range or a name it has not."""
    values = {name: value for name, value in config.items() if name != "iterations"}
    if unknown := sorted(values.keys() - asdict(PPOConfig()).keys()):
        raise ValueError(f"PPO has no setting {unknown[0]!r}.")
    return PPOConfig(**values)


class PPOJob:
    """A `lab.jobs.Trainer`. What it adds is drawn from generators of their own, so the training is PPOTrainer's."""

    def __init__(self, spec: JobSpec, store: Store) -> None:
        self.seed = spec.seed
        self.assets = assets = models.assets(spec.inputs["language"])
        artifact = store.artifact(spec.inputs["reward_model"])
        reward_model = RewardModel(models.extractor(assets.language, artifact.meta["features"]))
        reward_model.load_state_dict(torch.load(io.BytesIO(artifact.data), weights_only=True))
        train = assets.grammar.split("train")
        self._prompts = {prompt.text: prompt for prompt in train}
        self.trainer = PPOTrainer(
            assets.model, reward_model.reward, list(self._prompts), assets.tokenizer, ppo_config(spec.config), spec.seed
        )
        validation = shuffled(assets.grammar.split("validation"))
        self._questions = [next(p.text for p in validation if p.category == c) for c in SAMPLED_CATEGORIES]
        self._judged_prompts = validation[:WIN_RATE_PROMPTS]
        self._before = self._answers(assets.model, "before")

    def step(self, config: Mapping[str, Any]) -> PPORunMetrics:
        """One iteration of PPO, and its answers by the reference values."""
        metrics = self.trainer.step(ppo_config(config))
        rollout = self.trainer.rollout
        assert rollout is not None
        prompts = [self._prompts[text] for text in rollout.prompts]
        judged = evaluation.judged(
            self.assets.judge, prompts, rollout.responses, rollout.ended.tolist(), REFERENCE_VALUES
        )
        return PPORunMetrics(
            **asdict(metrics),
            gold=float(judged.gold.mean()),
            valid_share=judged.valid_share,
            **self._win_rate(metrics.step),
        )

    def samples(self) -> dict[str, Any]:
        """Six questions, as the starting model answered them and as the policy does now, from the same random draws."""
        now, before = (self._samples(model) for model in (self.trainer.policy, self.assets.model))
        return {"prompts": self._questions, "before": before, "now": now}

    def state_dict(self) -> dict[str, Any]:
        return self.trainer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state)

    def _samples(self, model: MiniLM) -> list[str]:
        rng, temperature = generator(self.seed, "samples"), self.trainer.config.temperature
        found = model.generate(self._questions, tokenizer=self.assets.tokenizer, rng=rng, temperature=temperature)
        return [answer.text for answer in found]

    def _win_rate(self, step: int) -> dict[str, Any]:
        if step != 1 and step % WIN_RATE_EVERY:
            return {}
        now = self._answers(self.trainer.policy, f"win rate {step}")
        rate = evaluation.win_rate(now, self._before)
        return {
            "win_rate": rate.rate,
            "win_rate_low": rate.low,
            "win_rate_high": rate.high,
            "win_rate_n": rate.n,
        }

    def _answers(self, model: MiniLM, purpose: str) -> evaluation.Answers:
        rng = generator(self.seed, purpose)
        return evaluation.answer(model, self.assets.tokenizer, self.assets.judge, self._judged_prompts, rng)


def shuffled(prompts: Sequence[Prompt]) -> list[Prompt]:
    """Prompts in an order that is the same in every run."""
    order = torch.randperm(len(prompts), generator=generator(0, "validation prompts"))
    return [prompts[i] for i in order.tolist()]
