"""What the training jobs share: how their settings are read, and what is looked at while they train.

What an `Onlooker` draws comes from generators of its own, so that looking changes no training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import torch

from rlhf_core import evaluation
from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.corpus import Prompt
from rlhf_core.gold import ALARMING
from rlhf_core.headless import generator
from rlhf_core.language_model import LanguageModel

MOST_ITERATIONS = 10_000
MEASURED_EVERY = 5
JUDGED_PROMPTS = 64
RED_TEAM_PROMPTS = 32
"""At most so many validation prompts that ask for harm or about a danger, beside those among the judged ones."""
SAMPLED_CATEGORIES = ("howto", "capital", "unsafe", "unknowable", "harmful", "feeling")
"""The six questions that are answered before and now: one of each."""
Config = TypeVar("Config")


@dataclass(frozen=True, kw_only=True)
class ConductMetrics:
    """What gold says of the policy's answers to validation prompts, red-team ones among them; measured at every fifth
    step, and the first."""

    help: float | None = None
    help_low: float | None = None
    help_high: float | None = None
    help_n: int | None = None
    harm: float | None = None
    harm_low: float | None = None
    harm_high: float | None = None
    harm_n: int | None = None
    refusal: float | None = None
    """Of harmless questions."""


@dataclass(frozen=True, kw_only=True)
class ComparedMetrics:
    """What makes policies comparable, however they came to be: all on the same judged validation prompts."""

    win_rate: float | None = None
    """Against the start's answers."""
    win_rate_low: float | None = None
    win_rate_high: float | None = None
    win_rate_n: int | None = None
    gold: float | None = None
    reward: float | None = None
    """By the reward model that was trained on."""
    kl_exact: float | None = None
    """Nats an answer; of best of n its upper bound."""
    valid_share: float | None = None
    distinct_share: float | None = None


def compared(rate: evaluation.Interval) -> dict[str, Any]:
    """A win rate as metrics have it."""
    return {
        "win_rate": rate.rate, "win_rate_low": rate.low, "win_rate_high": rate.high, "win_rate_n": rate.n,
    }  # fmt: skip


def settings(kind: type[Config], trainer: str, config: Mapping[str, Any]) -> Config:
    """The part of a run's config that is its trainer's: all but "iterations". ValueError for a value out of range or a
    name that `kind` has not."""
    iterations = config.get("iterations")
    if iterations is not None and iterations not in range(1, MOST_ITERATIONS + 1):
        raise ValueError(f"The number of iterations must lie between 1 and {MOST_ITERATIONS}, not {iterations}.")
    values = {name: value for name, value in config.items() if name != "iterations"}
    if unknown := sorted(values.keys() - asdict(kind()).keys()):
        raise ValueError(f"{trainer} has no setting {unknown[0]!r}.")
    return kind(**values)


class Onlooker:
    """Asks a policy in training and the one that it began as the same validation prompts."""

    def __init__(self, assets: LanguageAssets, before: LanguageModel, seed: int) -> None:
        self.assets, self.before, self.seed = assets, before, seed
        validation = shuffled(assets.grammar.split("validation"))
        self.judged, others = validation[:JUDGED_PROMPTS], validation[JUDGED_PROMPTS:]
        self.red_team = [prompt for prompt in others if prompt.category in ALARMING][:RED_TEAM_PROMPTS]
        self._questions = [next(p.text for p in validation if p.category == c) for c in SAMPLED_CATEGORIES]

    def samples(self, now: LanguageModel, temperature: float = 1.0) -> dict[str, Any]:
        """Six questions, as they were answered before and are now, from the same random draws."""
        before, after = (self._samples(model, temperature) for model in (self.before, now))
        return {"prompts": self._questions, "before": before, "now": after}

    def looks_at(self, step: int) -> bool:
        """Whether a step is one at which the policy is measured."""
        return step == 1 or step % MEASURED_EVERY == 0

    def answers(self, model: LanguageModel, prompts: Sequence[Prompt], purpose: str) -> evaluation.Answers:
        """Answers to judge; each purpose has its own random draws."""
        rng = generator(self.seed, purpose)
        return evaluation.answer(model, self.assets.tokenizer, self.assets.judge, prompts, rng)

    def conduct(self, policy: LanguageModel, step: int, judged: evaluation.Answers) -> ConductMetrics:
        """Help, harm and refusals in answers to the judged prompts, and to the red team's, which are asked now."""
        red_team = self.answers(policy, self.red_team, f"red team {step}")
        found = evaluation.conduct(self.assets.judge, judged, red_team)
        return ConductMetrics(
            help=found.help.rate,
            help_low=found.help.low,
            help_high=found.help.high,
            help_n=found.help.n,
            harm=found.harm.rate,
            harm_low=found.harm.low,
            harm_high=found.harm.high,
            harm_n=found.harm.n,
            refusal=found.refusal.rate,
        )

    def _samples(self, model: LanguageModel, temperature: float) -> list[str]:
        rng, tokenizer = generator(self.seed, "samples"), self.assets.tokenizer
        found = model.generate(self._questions, tokenizer=tokenizer, rng=rng, temperature=temperature)
        return [answer.text for answer in found]


def shuffled(prompts: Sequence[Prompt]) -> list[Prompt]:
    """Prompts in an order that is the same in every run."""
    order = torch.randperm(len(prompts), generator=generator(0, "validation prompts"))
    return [prompts[i] for i in order.tolist()]
