"""The job that trains a neural reward model on a lab's labels, and all reward models side by side on the same labels.

The labels are frozen with the run, by their texts: neither labels given later nor undone ones change its curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lab import models, reward, states, training
from lab.errands import Errands, Progress
from lab.jobs import JobSpec
from lab.store import Lab, Store
from rlhf_core.evaluation import accuracy
from rlhf_core.gold import REFERENCE_VALUES
from rlhf_core.neural_reward import NETWORKS, NeuralReward, RewardConfig, RewardMetrics, RewardTrainer
from rlhf_core.preferences import PreferenceData, PreferenceDataset
from rlhf_core.reward_comparison import CONTENDERS, pair_accuracy, steps_for, taught

STAGE = "reward"
COMPARISON = "reward_comparison"
DEFAULT_ITERATIONS = 100
MOST_MEASURED = 300
"""Labels that the accuracy in training is measured on, at most."""
COMPARED_STEPS = 60
"""Gradient steps of each network in a comparison, at most: as many as one waits for."""


@dataclass(frozen=True, kw_only=True)
class RewardRunMetrics(RewardMetrics):
    """A step's loss, and at the first and every fifth step what the network knows after it."""

    reference_accuracy: float | None = None
    """On pairs of answers to validation prompts, judged by the reference values, ties dropped."""
    reference_accuracy_low: float | None = None
    reference_accuracy_high: float | None = None
    reference_accuracy_n: int | None = None
    train_accuracy: float | None = None
    """On the decided ones of its labels."""
    train_accuracy_low: float | None = None
    train_accuracy_high: float | None = None
    train_accuracy_n: int | None = None


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    """Refuse what can't be trained, by a ValueError, and freeze the labels and the language.

    spec.inputs: "lab" (id), "source" ("human", "simulated" or "both"), "network" (one of `NETWORKS`) and "sees_prompt";
    returned with "language", with "preferences", an artifact's id, and with "labels_used" and of these
    "simulated_used".
    """
    reward_config(spec.config)
    if spec.inputs["network"] not in NETWORKS:
        raise ValueError(f"There is no network {spec.inputs['network']!r}; choose one of {', '.join(NETWORKS)}.")
    if "preferences" in spec.inputs:
        return spec
    kept = keep_preferences(store, store.lab(spec.inputs["lab"]), spec.inputs["source"])
    return replace(spec, inputs={**spec.inputs, **kept})


def keep_preferences(store: Store, lab: Lab, source: str) -> dict[str, Any]:
    """Keep the labels of a source as they are now. Returns what a run's inputs say of them, see `prepare`. ValueError
    if none of them favours an answer."""
    labels = preferences(store, lab, source)
    if not any(one.preferred != "tie" for one in labels):
        raise ValueError("No label of this source favours an answer, so there is nothing to learn: label some pairs.")
    frozen = [[one.prompt, one.response_a, one.response_b, one.preferred, one.strength] for one in labels]
    simulated = _simulated(store, lab, source)
    made_from = {"language": lab.language, "labels_used": len(labels), "simulated_used": simulated}
    artifact_id = store.add_artifact(lab.id, "preferences", made_from, states.dump({"labels": frozen}))
    return {**made_from, "preferences": artifact_id}


def kept_preferences(store: Store, artifact_id: int) -> PreferenceDataset:
    """The labels that `keep_preferences` kept."""
    kept = states.load(store.artifact(artifact_id).data)["labels"]
    return PreferenceDataset(
        PreferenceData(prompt=prompt, response_a=a, response_b=b, preferred=preferred, strength=strength)
        for prompt, a, b, preferred, strength in kept
    )


def build(spec: JobSpec, store: Store) -> RewardJob:
    """The trainer of a prepared spec, at its first step."""
    return RewardJob(spec, store)


def reward_config(config: Mapping[str, Any]) -> RewardConfig:
    """The part of a run's config that is the trainer's. ValueError for a value out of range or a name it has not."""
    return training.settings(RewardConfig, "The reward model", config)


def preferences(store: Store, lab: Lab, source: str) -> PreferenceDataset:
    """What the reward model is fitted to, of a source, as preferences."""
    return PreferenceDataset(
        PreferenceData(
            prompt=label.prompt,
            response_a=label.response_a,
            response_b=label.response_b,
            preferred=label.choice,
            strength=label.strength,
        )
        for label in reward.fitting(store, lab, source)
    )


def _simulated(store: Store, lab: Lab, source: str) -> int:
    """How many of the labels of a source are simulated."""
    return 0 if source == "human" else len(preferences(store, lab, "simulated"))


class RewardJob:
    """A `lab.jobs.Trainer`. spec.inputs: "language", "network", "sees_prompt" and "preferences", an artifact's id."""

    def __init__(self, spec: JobSpec, store: Store) -> None:
        assets = models.assets(spec.inputs["language"])
        labels = kept_preferences(store, spec.inputs["preferences"])
        network = NeuralReward(
            spec.inputs["network"], assets.model, assets.tokenizer, sees_prompt=spec.inputs["sees_prompt"],
            seed=spec.seed,
        )  # fmt: skip
        self.trainer = RewardTrainer(network, labels, reward_config(spec.config), spec.seed)
        self._measured = labels[:MOST_MEASURED]
        self._pairs = reward.reference_pairs(assets.language)
        self._margins = self._pairs.margins(assets.judge, REFERENCE_VALUES)

    def step(self, config: Mapping[str, Any]) -> RewardRunMetrics:
        """One gradient step, and now and then a look at what it has come to."""
        metrics = self.trainer.step(reward_config(config))
        step = metrics.step
        known = self._known() if step == 1 or step % training.MEASURED_EVERY == 0 else {}
        return RewardRunMetrics(**asdict(metrics), **known)

    def samples(self) -> None:
        """Nothing: a reward model writes no answers."""

    def state_dict(self) -> dict[str, Any]:
        return self.trainer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state)

    def _known(self) -> dict[str, Any]:
        score, labels = self.trainer.reward.score, self._measured
        reference = pair_accuracy(score, self._pairs, self._margins)
        said = score(labels.prompts, labels.responses_a) - score(labels.prompts, labels.responses_b)
        # A target lies at least a quarter from even, beyond the margin of a tie.
        own = accuracy(said, labels.targets - 0.5)
        return {
            f"{name}{part}": value
            for name, found in (("reference_accuracy", reference.interval), ("train_accuracy", own.interval))
            for part, value in zip(
                ("", "_low", "_high", "_n"), (found.rate, found.low, found.high, found.n), strict=True
            )
        }


# All reward models on the same labels.


def send(errands: Errands, store: Store, lab: Lab, source: str) -> None:
    """Compare in the background, and keep for the lab what comes of it."""
    errands.start(
        lab.id, comparison_name(lab), lambda progress: compare(store, lab, source, progress),
        lambda found: store.keep(lab.id, comparison_name(lab), found),
    )  # fmt: skip


def compare(store: Store, lab: Lab, source: str, progress: Progress) -> dict[str, Any]:
    """Teach every contender the labels of a source and measure how well each orders the reference pairs: "rows", one a
    contender with its "name", "sees_prompt", "rate", "low", "high" and "n"; "labels", "simulated" and "source", what
    they learnt from; "steps" of the networks. progress: told the place of the contender at work.
    """
    labels, assets = preferences(store, lab, source), models.assets(lab.language)
    steps = min(COMPARED_STEPS, steps_for(len(labels)))
    pairs = reward.reference_pairs(lab.language)
    margins = pairs.margins(assets.judge, REFERENCE_VALUES)
    rows: list[dict[str, Any]] = []
    for i, contender in enumerate(CONTENDERS):

        def learnt(share: float, i: int = i) -> None:
            progress((i + share) / len(CONTENDERS), str(i))

        learnt(0.0)
        score = taught(contender, assets, labels, steps=steps, progress=learnt)
        found = pair_accuracy(score, pairs, margins).interval
        rows.append({**asdict(contender), **asdict(found)})
    simulated = _simulated(store, lab, source)
    return {"rows": rows, "labels": len(labels), "simulated": simulated, "source": source, "steps": steps}


def compared(store: Store, lab: Lab) -> dict[str, Any] | None:
    """The last comparison in the lab's language, see `compare`."""
    return store.kept(lab.id, comparison_name(lab))


def comparison_name(lab: Lab) -> str:
    """What the comparison in the lab's language is kept as."""
    return f"{COMPARISON}_{lab.language}"
