"""Runs worth showing to a class: one that goes right, and four ways to go wrong, each with the settings for it.

A preset says which labels its run's reward model is fitted to as well: so many of the lab's own, and where it has
fewer, simulated ones that are made for that run alone and counted as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lab import models, reward
from lab.reward import RewardFit
from lab.store import Lab, Label, Store, now
from rlhf_core import headless
from rlhf_core.ppo import PPOConfig

ALL = "all"
LABEL_LIMITS: Mapping[str, tuple[int, int | None]] = {
    ALL: (0, None),
    "fifty": (50, None),
    "hundred": (100, 100),
    "ten": (10, 10),
}
"""The fewest and the most labels that a run's reward model is fitted to, by name."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """The settings of a run that shows something."""

    features: str
    labels: str
    """One of `LABEL_LIMITS`."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What differs from the usual config."""

    @property
    def config(self) -> dict[str, Any]:
        """The whole config of the trainer."""
        return {**asdict(PPOConfig()), **self.changes}


PRESETS: Mapping[str, Preset] = {
    "sound": Preset(features="attributes", labels="fifty"),
    # The step size does not fall: so the policy goes on until it finds what words alone reward.
    "no_kl": Preset(features="bag_of_words", labels="hundred", changes={"kl_coef": 0.0, "anneal_over": 0}),
    "strong_kl": Preset(features="attributes", labels="fifty", changes={"kl_coef": 5.0}),
    "high_lr": Preset(features="attributes", labels="fifty", changes={"learning_rate": 1e-2}),
    "few_labels": Preset(features="words", labels="ten"),
}
"""Chosen on validation prompts; `python -m benchmarks.ppo presets` measures on test prompts what they come to."""


def limited_fit(
    store: Store, lab: Lab, source: str, features: str, limit: str, seed: int
) -> tuple[RewardFit, int]:
    """The reward model of a lab's labels within a limit, people's before simulated ones, and how many of them were made
    for it, by the default annotator; a seed names those."""
    if limit not in LABEL_LIMITS:
        raise ValueError(f"There is no limit {limit!r} of labels; choose one of {', '.join(LABEL_LIMITS)}.")
    if limit == ALL:
        return reward.fit(store, lab, source, features), 0
    fewest, most = LABEL_LIMITS[limit]
    own = sorted(reward.fitting(store, lab, source), key=lambda label: label.labeler_kind != "human")[:most]
    made = _simulated(lab.language, fewest - len(own), seed)
    return reward.fit_labels([*own, *made], lab.language, source, features), len(made)


def _simulated(language: str, n: int, seed: int) -> list[Label]:
    """n labels of the default annotator that belong to no lab."""
    if n <= 0:
        return []
    options = headless.Options(language=language, labels=n, seed=seed)
    at = now()
    return [
        Label(
            event_id=0, showing_id="", pair_id=0, language=language, prompt=pair.prompt, response_a=pair.response_a,
            response_b=pair.response_b, policy_id=models.START, why="", repeat_of=None, shown_left="a", guess=None,
            shown_at=at, choice=pair.preferred, strength=pair.strength, rationale="", guideline=0,
            labeler=pair.labeler, labeler_kind="simulated", answered_at=at,
        )
        for pair in headless.simulated_labels(models.assets(language), options).dataset
    ]  # fmt: skip
