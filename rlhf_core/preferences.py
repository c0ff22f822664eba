"""Preference data: which of two answers somebody would rather receive."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, overload

import torch
from torch import Tensor

Preferred = Literal["a", "b", "tie"]
TARGETS: dict[str, float] = {"a": 1.0, "b": 0.0, "tie": 0.5}
"""What a preference says of P(a is better); a tie counts half each way."""
STRENGTHS: dict[int, float] = {0: 1.0, 1: 0.75, 2: 0.99, 3: 0.99}
"""What the strength of a preference says of P(the preferred one is better): 0 was not asked, 1 slightly, 2 clearly; 3,
very clearly, comes in imported data. In log-odds it is the margin that rewards should differ by, see `margin`."""


@dataclass(frozen=True, kw_only=True)
class PreferenceData:
    """One comparison, the notebook's four fields and who made it. Texts are tokens of the grammar."""

    prompt: str
    response_a: str
    response_b: str
    preferred: Preferred
    labeler: str = ""
    strength: int = 0

    def __post_init__(self) -> None:
        if self.preferred not in TARGETS:
            raise ValueError(f"preferred must be 'a', 'b' or 'tie', not {self.preferred!r}.")
        if self.strength not in STRENGTHS:
            raise ValueError(f"strength must be 0, 1, 2 or 3, not {self.strength!r}.")

    @property
    def target(self) -> float:
        return target(self.preferred, self.strength)

    def swapped(self) -> PreferenceData:
        """The same comparison with its sides exchanged."""
        other: Preferred = "tie" if self.preferred == "tie" else "b" if self.preferred == "a" else "a"
        return PreferenceData(
            prompt=self.prompt,
            response_a=self.response_b,
            response_b=self.response_a,
            preferred=other,
            labeler=self.labeler,
            strength=self.strength,
        )


class PreferenceDataset(Sequence[PreferenceData]):
    """A sequence of comparisons, with its columns at hand."""

    def __init__(self, pairs: Iterable[PreferenceData] = ()) -> None:
        self._pairs = tuple(pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    @overload
    def __getitem__(self, index: int) -> PreferenceData: ...
    @overload
    def __getitem__(self, index: slice) -> PreferenceDataset: ...
    def __getitem__(self, index: int | slice) -> PreferenceData | PreferenceDataset:
        if isinstance(index, slice):
            return PreferenceDataset(self._pairs[index])
        return self._pairs[index]

    def __iter__(self) -> Iterator[PreferenceData]:
        return iter(self._pairs)

    @property
    def prompts(self) -> list[str]:
        return [pair.prompt for pair in self._pairs]

    @property
    def responses_a(self) -> list[str]:
        return [pair.response_a for pair in self._pairs]

    @property
    def responses_b(self) -> list[str]:
        return [pair.response_b for pair in self._pairs]

    @property
    def targets(self) -> Tensor:
        """(pairs,): 1 where a is preferred, 0 where b is, 1/2 for a tie."""
        return torch.tensor([pair.target for pair in self._pairs])


def target(preferred: Preferred, strength: int = 0) -> float:
    """P(a is better), as a preference of a strength says it: the target of the reward model's cross-entropy, which is
    least where the rewards differ by `margin(strength)`."""
    return 0.5 + (TARGETS[preferred] - 0.5) * (2 * STRENGTHS[strength] - 1)


def margin(strength: int) -> float | None:
    """The difference of rewards that a strength stands for, in log-odds (Bradley and Terry, 1952): 1.1 slightly, 4.6
    clearly. None where it was not asked: then the more the better, as far as the prior lets it."""
    return math.log(STRENGTHS[strength] / (1 - STRENGTHS[strength])) if strength else None
