"""Same labels, which algorithm? Runs that differ in nothing but the algorithm, and what became of each.

A comparison is one run for each algorithm that trains, and one of best of n (`lab.best_of_n`), all on the same reward
model, the same labels and the same seed, which are frozen when it is started.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from lab import best_of_n, models, ppo, reward_training, training
from lab.jobs import Jobs, JobSpec
from lab.store import Lab, Run, Store
from rlhf_core import evaluation
from rlhf_core.algorithms import BEST_OF_N, CONFIGS, ITERATIONS, TRAINED, Task, make_trainer
from rlhf_core.dpo import DPOMetrics
from rlhf_core.headless import generator

STAGE = "algorithm"
LENGTHS = (0.25, 0.5, 1.0)
"""How long a comparison may be, in shares of `ITERATIONS`."""


@dataclass(frozen=True, kw_only=True)
class AlgorithmMetrics(training.ComparedMetrics):
    """What a step measured: of DPO what it says of its labels, and every fifth step what the policy is by then."""

    step: int
    cpu_seconds: float
    dpo_loss: float | None = None
    implicit_accuracy: float | None = None
    implicit_margin: float | None = None


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    """Refuse what can't be trained, by a ValueError, and freeze labels, reward model and language.

    spec.inputs: "algorithm" (one of `TRAINED`), "lab" (id), "source" and "features" as `ppo.prepare` has them; returned
    as that does, and with "preferences", an artifact's id.
    """
    algorithm = spec.inputs["algorithm"]
    if algorithm not in TRAINED:
        raise ValueError(f"There is no algorithm {algorithm!r}; choose one of {', '.join(TRAINED)}.")
    _config(algorithm, spec.config)
    if "reward_model" in spec.inputs:
        return spec
    fitted = ppo.prepare(replace(spec, config={}), store).inputs
    labels = reward_training.keep_preferences(store, store.lab(spec.inputs["lab"]), spec.inputs["source"])
    return replace(spec, inputs={**fitted, "preferences": labels["preferences"]})


def build(spec: JobSpec, store: Store) -> AlgorithmJob:
    """The trainer of a prepared spec, at its first step."""
    return AlgorithmJob(spec, store)


def _config(algorithm: str, config: Mapping[str, Any]) -> Any:
    return training.settings(CONFIGS[algorithm], algorithm.upper(), config)


class AlgorithmJob:
    """A `lab.jobs.Trainer`. spec.inputs: "algorithm", "language", and the artifacts' ids "reward_model" and
    "preferences"."""

    def __init__(self, spec: JobSpec, store: Store) -> None:
        self.assets = assets = models.assets(spec.inputs["language"])
        self.algorithm: str = spec.inputs["algorithm"]
        self._reward_model = ppo.kept_reward_model(store, assets.language, spec.inputs["reward_model"])
        task = Task(
            start=assets.model,
            tokenizer=assets.tokenizer,
            prompts=[prompt.text for prompt in assets.grammar.split("train")],
            labels=reward_training.kept_preferences(store, spec.inputs["preferences"]),
            reward=self._reward_model.reward,
        )
        self.trainer = make_trainer(self.algorithm, task, _config(self.algorithm, spec.config), spec.seed)
        self._onlooker = training.Onlooker(assets, assets.model, spec.seed)
        self._before = self._onlooker.answers(assets.model, self._onlooker.judged, "before")
        self._looked = False

    def step(self, config: Mapping[str, Any]) -> AlgorithmMetrics:
        """One step of the algorithm, and now and then a look at what it has come to."""
        trainer: Any = self.trainer  # each takes the settings of its own kind
        metrics = trainer.step(_config(self.algorithm, config))
        labels = asdict(metrics) if isinstance(metrics, DPOMetrics) else {}
        self._looked = self._onlooker.looks_at(metrics.step)
        return AlgorithmMetrics(
            **{"step": metrics.step, "cpu_seconds": metrics.cpu_seconds, **labels},
            **(self._measured(metrics.step) if self._looked else {}),
        )

    def samples(self) -> dict[str, Any] | None:
        """Six questions, as they were answered before and are now, from the same random draws."""
        return self._onlooker.samples(self.trainer.policy) if self._looked else None

    def state_dict(self) -> dict[str, Any]:
        return self.trainer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state)

    def _measured(self, step: int) -> dict[str, Any]:
        """What the policy is by now, on the same validation prompts for every algorithm."""
        policy, looker, assets = self.trainer.policy, self._onlooker, self.assets
        now = looker.answers(policy, looker.judged, f"win rate {step}")
        rng = generator(looker.seed, f"kl {step}")
        return {
            **training.compared(evaluation.win_rate(now, self._before)),
            "gold": float(now.gold.mean()),
            "reward": float(self._reward_model.reward([p.text for p in now.prompts], now.texts).mean()),
            "kl_exact": evaluation.kl_to_start(policy, assets.model, assets.tokenizer, looker.judged, rng),
            "valid_share": now.valid_share,
            "distinct_share": now.distinct_share,
        }


# Comparisons.


@lru_cache
def start_figures(language: str) -> dict[str, Any]:
    """The start by what policies are compared by: it draws with itself, whoever answers."""
    assets = models.assets(language)
    looker = training.Onlooker(assets, assets.model, 0)
    found = looker.answers(assets.model, looker.judged, "before")
    n = len(looker.judged)
    return {
        **training.compared(evaluation.Interval(0.5, 0.5, 0.5, n)),
        "kl_exact": 0.0,
        "valid_share": found.valid_share,
        "distinct_share": found.distinct_share,
    }


def iterations(algorithm: str, length: float) -> int:
    """The last step of a run in a comparison of a length: one at which it is measured."""
    every = training.MEASURED_EVERY
    return max(every, round(ITERATIONS[algorithm] * length / every) * every)


def compare(jobs: Jobs, lab_id: int, source: str, features: str, seed: int, length: float = 1.0) -> list[int]:
    """Start a comparison. Returns its runs' ids, those that train first. ValueError if there is nothing to learn."""

    def spec(algorithm: str, inputs: dict[str, Any]) -> JobSpec:
        config = {**asdict(CONFIGS[algorithm]()), "iterations": iterations(algorithm, length)}
        return JobSpec(stage=STAGE, config=config, inputs={**inputs, "algorithm": algorithm}, seed=seed)

    given = {"lab": lab_id, "source": source, "features": features}
    frozen = prepare(spec(TRAINED[0], given), jobs.store).inputs
    begun = [jobs.start(lab_id, spec(algorithm, frozen)) for algorithm in TRAINED]
    return [*begun, jobs.start(lab_id, best_of_n.spec(frozen, seed))]


def latest(store: Store, lab: Lab) -> dict[str, Run]:
    """The runs of the newest comparison in the lab's language, by algorithm: of one that was reset, the new one."""
    runs = store.runs(lab.id, STAGE, lab.language)
    found: dict[str, Run] = {}
    for run in runs:
        if (run.inputs["reward_model"], run.seed) == (runs[0].inputs["reward_model"], runs[0].seed):
            found.setdefault(run.inputs["algorithm"], run)
    found = {algorithm: found[algorithm] for algorithm in TRAINED if algorithm in found}
    sampled = best_of_n.run_on(store, lab, runs[0].inputs["reward_model"]) if runs else None
    return found if sampled is None else {**found, BEST_OF_N: sampled}
