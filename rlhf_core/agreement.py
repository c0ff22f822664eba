"""Do annotators agree, and by more than chance would have it? For choices without an order, such as a, b and tie.

An item is what several annotators judged, as a mapping of their names to what each of them said; who did not judge it
has no entry. A choice must mean the same to everybody: answer a, not the answer on the left. Items with a single vote
say nothing of agreement: they are left out, and counted.

Each figure comes with a 95 % interval by the percentile bootstrap over items (Efron, 1979, Annals of Statistics
7:1-26): votes on the same item are not independent of one another, items are. Where every item is alike its width is 0,
which says more about the bootstrap than about the annotators: look at the number of items. Resamples in which a figure
has no value, for everybody chose the same in them, are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Item = Mapping[str, str]
"""What each annotator said."""
Array = NDArray[np.float64]
Undefined = Literal["too_few_items", "one_choice"]
FEWEST_ITEMS = 2
RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """A figure of agreement with its interval."""

    value: float | None
    """1 where all agree. Chance-corrected figures are 0 where they agree as by chance, and below where less."""
    low: float | None
    high: float | None
    items: int
    """With two votes or more that count."""
    left_out: int
    """Items with fewer."""
    undefined: Undefined | None = None
    """Why there is no value: fewer than two items tell nothing of others; and where everybody always chose the same,
    chance agrees as well as they do, so that no share of what it left open (0 of 0) can be told."""


def percent_agreement(items: Sequence[Item], rng: np.random.Generator) -> Agreement:
    """Share of pairs of votes on the same item that are equal, among all such pairs. Chance has its part in it."""
    counts, left_out = _counted(items)
    votes = counts.sum(1)
    pairs = votes * (votes - 1)
    equal = (counts * (counts - 1)).sum(1)
    return _estimate(np.stack([equal, pairs], 1), lambda sums: float(sums[0] / sums[1]), left_out, rng)


def cohen_kappa(items: Sequence[Item], first: str, second: str, rng: np.random.Generator) -> Agreement:
    """Agreement of two annotators beyond chance (Cohen, 1960, Educational and Psychological Measurement 20:37-46).

    kappa = (p_o - p_e) / (1 - p_e): p_o is the share of items on which they agree, p_e what would be if each chose as
    often as now, but without looking. Items that only one of them judged are left out.
    """
    both = [(item[first], item[second]) for item in items if first in item and second in item]
    choices = {choice: i for i, choice in enumerate(sorted({choice for pair in both for choice in pair}))}
    k = len(choices)
    table = np.zeros((len(both), k * k))
    for row, (x, y) in enumerate(both):
        table[row, choices[x] * k + choices[y]] = 1

    def kappa(sums: Array) -> float | None:
        shares = sums.reshape(k, k) / sums.sum()
        chance = float(shares.sum(1) @ shares.sum(0))
        return None if _one(chance) else (float(np.trace(shares)) - chance) / (1 - chance)

    return _estimate(table, kappa, len(items) - len(both), rng)


def krippendorff_alpha(items: Sequence[Item], rng: np.random.Generator) -> Agreement:
    """Agreement of any number of annotators beyond chance, who need not all have judged every item.

    Nominal alpha = 1 - D_o / D_e (Krippendorff, 2011, Computing Krippendorff's Alpha-Reliability, section C): D_o is
    the share of unequal ones among pairs of votes on the same item, an item weighing as much as it has votes; D_e the
    same among pairs of all votes, whatever item they are on.
    """
    counts, left_out = _counted(items)
    votes = counts.sum(1)
    unequal = (votes**2 - (counts**2).sum(1)) / np.maximum(votes - 1, 1)

    def alpha(sums: Array) -> float | None:
        n, by_choice = sums[1:].sum(), sums[1:]
        unequal_by_chance = n**2 - (by_choice**2).sum()
        return None if unequal_by_chance == 0 else 1 - float((n - 1) * sums[0] / unequal_by_chance)

    return _estimate(np.column_stack([unequal, counts]), alpha, left_out, rng)


def _counted(items: Sequence[Item]) -> tuple[Array, int]:
    """(items, choices): how often each choice was made, for items with two votes or more; and how many have fewer."""
    judged = [item for item in items if len(item) > 1]
    choices = {choice: i for i, choice in enumerate(sorted({choice for item in judged for choice in item.values()}))}
    counts = np.zeros((len(judged), len(choices)))
    for row, item in enumerate(judged):
        for choice in item.values():
            counts[row, choices[choice]] += 1
    return counts, len(items) - len(judged)


def _one(chance: float) -> bool:
    """Whether chance always agrees, but for rounding."""
    return chance > 1 - 1e-12


def _estimate(
    per_item: Array, figure: Callable[[Array], float | None], left_out: int, rng: np.random.Generator
) -> Agreement:
    """A figure of the sums of (items, quantities) over items, and its interval over resampled items."""
    n = len(per_item)
    if n < FEWEST_ITEMS:
        return Agreement(value=None, low=None, high=None, items=n, left_out=left_out, undefined="too_few_items")
    value = figure(per_item.sum(0))
    if value is None:
        return Agreement(value=None, low=None, high=None, items=n, left_out=left_out, undefined="one_choice")
    draws = (np.bincount(rng.integers(n, size=n), minlength=n) @ per_item for _ in range(RESAMPLES))
    found = [again for sums in draws if (again := figure(sums)) is not None]
    low, high = (float(q) for q in np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return Agreement(value=value, low=low, high=high, items=n, left_out=left_out)
