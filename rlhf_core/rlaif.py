"""RLAIF: the constitution labels pairs in a person's place (Bai et al., 2022, section 4).

A pair is compared by what each answer is worth to the constitution (`ConstitutionJudge.scores`). From there on all is
as with a person's labels: a reward model is fitted to them, and PPO runs on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf_core.corpus import Prompt
from rlhf_core.preferences import PreferenceDataset, Preferred
from rlhf_core.principle_judge import ConstitutionJudge

TIE = 0.1
"""Answers whose worth differs by no more than this are equal to the constitution; a principle of weight 1 that one
answer clearly breaks and the other keeps is worth 1."""


@dataclass(frozen=True)
class ConstitutionAnnotator:
    """Prefers the answer that is worth more to the constitution. A labeller as `annotators.Annotator` is one."""

    judge: ConstitutionJudge
    name: str = "constitution"

    def compare(
        self, prompts: Sequence[Prompt], a: Sequence[str], b: Sequence[str], rng: torch.Generator
    ) -> list[Preferred]:
        """Which of two answers to each prompt is worth more; nothing is drawn from rng."""
        texts = [prompt.text for prompt in prompts]
        return [verdict(m) for m in (self.judge.scores(texts, a) - self.judge.scores(texts, b)).tolist()]


def verdict(margin: float) -> Preferred:
    """The constitution's word on a pair of which answer a is worth so much more than b."""
    return "tie" if abs(margin) <= TIE else "a" if margin > 0 else "b"


@dataclass(frozen=True)
class Agreement:
    """How often the constitution decides a pair as somebody else did, of the pairs that both decide."""

    agreed: int
    decided: int
    undecided: int
    """Pairs that either calls even."""

    @property
    def rate(self) -> float:
        return self.agreed / self.decided if self.decided else 0.0


def agreement(judge: ConstitutionJudge, dataset: PreferenceDataset) -> Agreement:
    """Compare the constitution's word on pairs with the labels that they have."""
    a, b = (judge.scores(dataset.prompts, side) for side in (dataset.responses_a, dataset.responses_b))
    return agreement_of(a - b, dataset)


def agreement_of(worth: Tensor, dataset: PreferenceDataset) -> Agreement:
    """Likewise where it is known how much more answer a is worth than b, (pairs,)."""
    return agreement_between([verdict(margin) for margin in worth.tolist()], dataset)


def agreement_between(said: Sequence[Preferred], dataset: PreferenceDataset) -> Agreement:
    """Likewise where the constitution's word on each pair is known."""
    both = [(own, p.preferred) for own, p in zip(said, dataset, strict=True) if "tie" not in (own, p.preferred)]
    return Agreement(sum(own == other for own, other in both), len(both), len(said) - len(both))
