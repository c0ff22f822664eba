"""Preference data: which of two answers somebody would rather receive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, overload

import torch
from torch import Tensor

Preferred = Literal["a", "b", "tie"]
TARGETS: dict[str, float] = {"a": 1.0, "b": 0.0, "tie": 0.5}
"""What a preference says of P(a is better); a tie counts half each way."""


@dataclass(frozen=True, kw_only=True)
class PreferenceData:
    """One comparison, the notebook's four fields and who made it. Texts are tokens of the grammar."""

    prompt: str
    response_a: str
    response_b: str
    preferred: Preferred
    labeler: str = ""

    def __post_init__(self) -> None:
        if self.preferred not in TARGETS:
            raise ValueError(f"preferred must be 'a', 'b' or 'tie', not {self.preferred!r}.")

    @property
    def target(self) -> float:
        return TARGETS[self.preferred]

    def swapped(self) -> PreferenceData:
        """The same comparison with its sides exchanged."""
        other: Preferred = "tie" if self.preferred == "tie" else "b" if self.preferred == "a" else "a"
        return PreferenceData(
            prompt=self.prompt,
            response_a=self.response_b,
            response_b=self.response_a,
            preferred=other,
            labeler=self.labeler,
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
