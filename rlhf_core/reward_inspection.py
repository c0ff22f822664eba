"""What to ask of a reward model beside its accuracy: which word pays, how sure it is and whether rightly, and whether
it merely likes length.

Everything here takes rewards and judgements that exist already and trains nothing. Accuracy alone hides why a policy
that is trained on a reward model goes astray: it finds what the model pays for and people do not (Gao, Schulman and
Hilton, 2022).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf_core.annotators import TIE_MARGIN
from rlhf_core.evaluation import Z95, Accuracy, Interval, accuracy, wilson_interval
from rlhf_core.rollout import RewardFunction

BINS = 5
"""Of confidence, from a half to one."""
REDRAWN = 500


def leave_one_out(score: RewardFunction, prompt: str, parts: Sequence[str]) -> tuple[float, list[float]]:
    """The reward of an answer that consists of these parts, its tokens or its sentences, and what each of them adds:
    that reward minus the reward without the part.

    Leave-one-out attribution (occlusion: Li, Monroe and Jurafsky, 2016). In a bag of words a token adds its weight, and
    the parts' sum is the reward. Elsewhere words work together, and the sum is not the whole: of two that say the same
    both add little. What a part leaves behind is closed up, nothing stands in its place. Without a token that is often
    no sentence any more, and a model that reads whether answers are well formed marks it down for that alone; without a
    sentence it stays an answer.
    """
    texts = [" ".join(parts), *(" ".join([*parts[:i], *parts[i + 1 :]]) for i in range(len(parts)))]
    whole, *without = score([prompt] * len(texts), texts).tolist()
    return whole, [whole - rest for rest in without]


# Calibration.


@dataclass(frozen=True)
class ReliabilityBin:
    """Pairs about which a reward model was nearly equally sure."""

    low: float
    high: float
    confidence: float
    """Mean of what it gave the answer that it prefers, in [0.5, 1]; the middle of the bin where it is empty."""
    right: Interval
    """How often that answer was the better one."""


@dataclass(frozen=True)
class Calibration:
    """Whether a model that is 80 % sure is right 8 times in 10."""

    bins: tuple[ReliabilityBin, ...]
    error: Interval
    """The expected calibration error with its 95 % bootstrap interval."""
    by_chance: float
    """The error that a perfectly calibrated model would show on so many pairs: counting alone is never exact."""
    confidence: float
    """Mean of what it gave the answers that it prefers."""
    right: float
    """Share of them that were the better ones; below `confidence` it is too sure of itself."""


def calibration(differences: Tensor, margins: Tensor, rng: torch.Generator, bins: int = BINS) -> Calibration:
    """A reliability diagram and its expected calibration error (Guo et al., 2017).

    ECE = sum over bins of (pairs in the bin / pairs) * |share right - mean confidence|. A pair's confidence is what
    Bradley and Terry's model gives the answer that it prefers, sigmoid(|difference|), so it lies between a half and 1.

    differences: (pairs,) rewards of the first answers minus those of the second; margins: (pairs,) by how much the
    first is better. Pairs within `TIE_MARGIN` are dropped. ValueError where none is left.
    """
    decided = margins.abs() > TIE_MARGIN
    differences, margins = differences[decided].double(), margins[decided]
    if not len(margins):
        raise ValueError("No pair is decided, so there is no calibration to speak of.")
    confidence = torch.sigmoid(differences.abs())
    right = ((differences > 0) == (margins > 0)).double()
    right[differences == 0] = 0.5  # a model that calls a pair even has guessed
    place = ((confidence - 0.5) * 2 * bins).long().clamp(0, bins - 1)
    member = torch.nn.functional.one_hot(place, bins).double()  # (pairs, bins)
    error, low, high, by_chance = _calibration_error(confidence, right, member, rng)
    return Calibration(
        bins=tuple(_bin(i, bins, confidence[place == i], right[place == i]) for i in range(bins)),
        error=Interval(error, low, high, len(margins)),
        by_chance=by_chance,
        confidence=float(confidence.mean()),
        right=float(right.mean()),
    )


def _calibration_error(
    confidence: Tensor, right: Tensor, member: Tensor, rng: torch.Generator
) -> tuple[float, float, float, float]:
    """The error, its 95 % interval by resampling pairs, and its mean if each confidence were the true chance.

    A bin's share of pairs times its gap is the sum of (right - confidence) in it over the number of all pairs.
    """
    n = len(right)
    gaps = member * (right - confidence)[:, None]  # (pairs, bins)
    drawn = torch.randint(n, (REDRAWN, n), generator=rng)
    again = gaps[drawn].sum(1).abs().sum(1) / n
    low, high = torch.quantile(again, torch.tensor([0.025, 0.975], dtype=torch.double)).tolist()
    lucky = (torch.rand(REDRAWN, n, generator=rng, dtype=torch.double) < confidence).double()
    by_chance = ((lucky - confidence) @ member).abs().sum(1) / n
    error = float(gaps.sum(0).abs().sum()) / n
    return error, min(low, error), max(high, error), float(by_chance.mean())


def _bin(i: int, bins: int, confidence: Tensor, right: Tensor) -> ReliabilityBin:
    low, high = (0.5 + edge / (2 * bins) for edge in (i, i + 1))
    n = len(right)
    if not n:
        return ReliabilityBin(low, high, (low + high) / 2, Interval(0.5, 0.0, 1.0, 0))
    rate = float(right.mean())
    return ReliabilityBin(low, high, float(confidence.mean()), Interval(rate, *wilson_interval(rate * n, n), n))


# Accuracy by kind of question.


def accuracy_by(groups: Sequence[str], predicted: Tensor, margins: Tensor) -> Mapping[str, Accuracy]:
    """`evaluation.accuracy` of the pairs of each group, in the order in which the groups first come. groups: (pairs,)
    names."""
    found: dict[str, Accuracy] = {}
    for name in dict.fromkeys(groups):
        own = torch.tensor([group == name for group in groups])
        found[name] = accuracy(predicted[own], margins[own])
    return found


# Length.


@dataclass(frozen=True)
class Slope:
    """How steeply one thing rises with another, with its 95 % interval; groups is the number that it rests on."""

    value: float
    low: float
    high: float
    groups: int


def within_slope(groups: Sequence[str], x: Tensor, y: Tensor) -> Slope:
    """How much y rises with x within a group: the fixed-effects estimator, with an interval that lets members of a
    group resemble each other (cluster-robust; Liang and Zeger, 1986).

    With a question as a group it compares answers to one and the same question. Questions that ask for long answers and
    are well answered would otherwise make it seem that length itself pays. Singhal et al. (2023, "A long way to go")
    found that much of what RLHF gained in reward it gained by longer answers.

    groups: names (members,); x, y: (members,). ValueError where x varies in no group.
    """
    rows: dict[str, list[int]] = {}
    for i, group in enumerate(groups):
        rows.setdefault(group, []).append(i)
    members = [(x[own].double(), y[own].double()) for own in rows.values()]
    centred = [(own_x - own_x.mean(), own_y - own_y.mean()) for own_x, own_y in members if len(own_x.unique()) > 1]
    if not centred:
        raise ValueError("The answers of no group differ, so there is no slope.")
    spread = sum(float((dx * dx).sum()) for dx, _ in centred)
    value = sum(float((dx * dy).sum()) for dx, dy in centred) / spread
    n = len(centred)
    squares = sum(float((dx * (dy - value * dx)).sum()) ** 2 for dx, dy in centred)
    half = Z95 * math.sqrt(squares * n / (n - 1)) / spread if n > 1 else math.inf
    return Slope(value, value - half, value + half, n)


@dataclass(frozen=True)
class LengthBias:
    """Whether length pays."""

    slope: Slope
    """Standard deviations of reward for each token more, among answers to the same question."""
    wins: Interval
    """How often the longer of two answers is rewarded more, of pairs that are decided."""
    true_wins: Interval
    """How often it is the better one."""


def length_bias(prompts: Sequence[str], lengths: Tensor, rewards: Tensor, margins: Tensor) -> LengthBias:
    """Whether length pays on held-out pairs. prompts, lengths in tokens, rewards: (2 pairs,) of the first answers, then
    of the second ones; margins: (pairs,) by how much the first is better. Pairs within `TIE_MARGIN` count for the slope
    alone."""
    decided = margins.abs() > TIE_MARGIN
    first, second = (one[decided] for one in lengths.chunk(2))
    differences = torch.sub(*rewards.chunk(2))
    return LengthBias(
        slope=standard_slope(prompts, lengths, rewards),
        wins=longer_wins(first, second, differences[decided]),
        true_wins=longer_wins(first, second, margins[decided]),
    )


def standard_slope(groups: Sequence[str], x: Tensor, y: Tensor) -> Slope:
    """`within_slope` of y in its standard deviations."""
    return within_slope(groups, x, y / y.std().clamp(min=1e-9))


def longer_wins(first: Tensor, second: Tensor, differences: Tensor) -> Interval:
    """Share of pairs in which the longer answer is preferred. first, second: (pairs,) lengths; differences: (pairs,) by
    how much somebody prefers the first. Pairs of equal length and even ones are left out."""
    counted = (first != second) & (differences != 0)
    n = int(counted.sum())
    wins = int(((first > second) == (differences > 0))[counted].sum())
    return Interval(wins / n if n else 0.5, *wilson_interval(wins, n), n)
