"""The PPO job: rlhf_core's trainer on a reward model, with what the page shows beside its own metrics.

Two stages run it: "ppo" on the reward model of a lab's labels, which is prepared here, and "rlaif" (`lab.rlaif`) on
that of a constitution's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lab import models, presets, states, training
from lab.jobs import JobSpec
from lab.store import Store
from rlhf_core import evaluation
from rlhf_core.gold import REFERENCE_VALUES
from rlhf_core.ppo import PPOConfig, PPOMetrics, PPOTrainer
from rlhf_core.reward_model import RewardModel

STAGE = "ppo"
WIN_RATE_PROMPTS = training.JUDGED_PROMPTS


@dataclass(frozen=True, kw_only=True)
class PPORunMetrics(training.ConductMetrics, PPOMetrics):
    """PPO's own metrics, and what the reference values say of the same answers."""

    gold: float
    valid_share: float
    win_rate: float | None = None
    """Against the model that the run began with, on validation prompts; measured with the conduct."""
    win_rate_low: float | None = None
    win_rate_high: float | None = None
    win_rate_n: int | None = None


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    """Refuse what can't be trained, by a ValueError, and freeze the reward model and the language: neither labels given
    later nor a lab that speaks another language by then change anything.

    spec.inputs: "lab" (id), "source" ("human", "simulated" or "both"), "features" and, if not all labels are meant,
    "label_limit" (see `presets`); returned with "language", with "reward_model", an artifact's id, and what it was
    fitted to: "labels_used", of these "simulated_used" and "ties", and of the simulated those "made_for_run".
    """
    ppo_config(spec.config)
    if "reward_model" in spec.inputs:
        return spec
    source, features = spec.inputs["source"], spec.inputs["features"]
    lab = store.lab(spec.inputs["lab"])
    limit = spec.inputs.get("label_limit", presets.ALL)
    fit, made = presets.limited_fit(store, lab, source, features, limit, spec.seed)
    if fit.labels_used == fit.ties:
        raise ValueError("No label of this source favours an answer, so there is nothing to learn: label some pairs.")
    made_from = {
        "language": lab.language,
        "labels_used": fit.labels_used,
        "simulated_used": fit.simulated_used,
        "ties": fit.ties,
        "made_for_run": made,
    }
    artifact_id = keep_reward_model(store, lab.id, fit.model, {"source": source, "features": features, **made_from})
    return replace(spec, inputs={**spec.inputs, **made_from, "reward_model": artifact_id})


def keep_reward_model(store: Store, lab_id: int, model: RewardModel, meta: dict[str, Any]) -> int:
    """Keep a lab's reward model for `PPOJob`. meta: its "features", and what it was made from. Returns the artifact's
    id."""
    return store.add_artifact(lab_id, "reward_model", meta, states.dump(model.state_dict()))


def kept_reward_model(store: Store, language: str, artifact_id: int) -> RewardModel:
    """The reward model that `keep_reward_model` kept."""
    artifact = store.artifact(artifact_id)
    model = RewardModel(models.extractor(language, artifact.meta["features"]))
    model.load_state_dict(states.load(artifact.data))
    return model


def build(spec: JobSpec, store: Store) -> PPOJob:
    """The trainer of a prepared spec, at its first step."""
    return PPOJob(spec, store)


def ppo_config(config: Mapping[str, Any]) -> PPOConfig:
    """The part of a run's config that is PPO's. ValueError for a value out of range or a name it has not."""
    return training.settings(PPOConfig, "PPO", config)


def trainer_of(spec: JobSpec, store: Store) -> PPOTrainer:
    """The core's trainer of a prepared spec, at its first step."""
    assets = models.assets(spec.inputs["language"])
    prompts = [prompt.text for prompt in assets.grammar.split("train")]
    reward = kept_reward_model(store, assets.language, spec.inputs["reward_model"]).reward
    start = models.beginning(store, spec.inputs)
    return PPOTrainer(start, reward, prompts, assets.tokenizer, ppo_config(spec.config), spec.seed)


class PPOJob:
    """A `lab.jobs.Trainer`. spec.inputs: "language", "reward_model" and, where it does not begin with the start,
    "start_policy", artifacts' ids."""

    def __init__(self, spec: JobSpec, store: Store) -> None:
        self.assets = assets = models.assets(spec.inputs["language"])
        self._prompts = {prompt.text: prompt for prompt in assets.grammar.split("train")}
        self.trainer = trainer_of(spec, store)
        start = self.trainer.reference
        self._onlooker = training.Onlooker(assets, start, spec.seed)
        self._before = self._onlooker.answers(start, self._onlooker.judged, "before")

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
            **self._measured(metrics.step),
        )

    def samples(self) -> dict[str, Any]:
        """Six questions, as the policy answered them before and does now, from the same random draws."""
        return self._onlooker.samples(self.trainer.policy, self.trainer.config.temperature)

    def state_dict(self) -> dict[str, Any]:
        return self.trainer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state)

    def _measured(self, step: int) -> dict[str, Any]:
        if not self._onlooker.looks_at(step):
            return {}
        policy = self.trainer.policy
        now = self._onlooker.answers(policy, self._onlooker.judged, f"win rate {step}")
        rate = evaluation.win_rate(now, self._before)
        return {
            "win_rate": rate.rate,
            "win_rate_low": rate.low,
            "win_rate_high": rate.high,
            "win_rate_n": rate.n,
            **asdict(self._onlooker.conduct(policy, step, now)),
        }
