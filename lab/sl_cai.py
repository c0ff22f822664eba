"""The SL-CAI job: the model learns from its own answers as the lab's constitution revised them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lab import constitution, models, training
from lab.jobs import JobSpec
from lab.store import Store
from rlhf_core.constitution import parse
from rlhf_core.sl_cai import SLCAIConfig, SLCAIMetrics, SLCAITrainer

STAGE = "sl"
DEFAULT_ITERATIONS = 40
SHOWN_CHAINS = 4


@dataclass(frozen=True, kw_only=True)
class SLCAIRunMetrics(training.ConductMetrics, SLCAIMetrics):
    """SL-CAI's own metrics, and what gold says of the policy."""


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    """Refuse what can't be trained, by a ValueError, and freeze the constitution: no later edit changes a run.

    spec.inputs: "lab" (id) and, to train by another one than the one in force, "constitution"; returned as
    `constitution.freeze` has it.
    """
    sl_config(spec.config)
    inputs = constitution.freeze(store, spec.inputs)
    if all(principle.turned_round for principle in parse(inputs["constitution"]).enabled):
        raise ValueError(
            "No principle is left to revise answers by: all are switched off or turned round. Switch one on."
        )
    return replace(spec, inputs=inputs)


def build(spec: JobSpec, store: Store) -> SLCAIJob:
    """The trainer of a prepared spec, at its first step."""
    return SLCAIJob(spec)


def sl_config(config: Mapping[str, Any]) -> SLCAIConfig:
    """The part of a run's config that is SL-CAI's. ValueError for a value out of range or a name it has not."""
    return training.settings(SLCAIConfig, "SL-CAI", config)


class SLCAIJob:
    """A `lab.jobs.Trainer`."""

    def __init__(self, spec: JobSpec) -> None:
        assets = models.assets(spec.inputs["language"])
        ai = constitution.ai(assets.language, parse(spec.inputs["constitution"]))
        self.trainer = SLCAITrainer(
            assets.model, ai, assets.grammar.split("train"), assets.tokenizer, sl_config(spec.config), spec.seed
        )
        self._onlooker = training.Onlooker(assets, assets.model, spec.seed)

    def step(self, config: Mapping[str, Any]) -> SLCAIRunMetrics:
        """Ask, revise and train once."""
        metrics = self.trainer.step(sl_config(config))
        return SLCAIRunMetrics(**asdict(metrics), **self._measured(metrics.step))

    def samples(self) -> dict[str, Any]:
        """Six questions, as the starting model answered them and as the policy does now; and some revised answers of
        the last step as "chains" of "prompt", "response" and "revision"."""
        revised = [chain for chain in self.trainer.chains if chain.revised][:SHOWN_CHAINS]
        chains = [{"prompt": c.prompt, "response": c.response, "revision": c.revision} for c in revised]
        return {**self._onlooker.samples(self.trainer.policy), "chains": chains}

    def state_dict(self) -> dict[str, Any]:
        return self.trainer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state)

    def _measured(self, step: int) -> dict[str, Any]:
        if not self._onlooker.looks_at(step):
            return {}
        policy = self.trainer.policy
        judged = self._onlooker.answers(policy, self._onlooker.judged, f"conduct {step}")
        return asdict(self._onlooker.conduct(policy, step, judged))
