"""Which pair to have labelled next: active learning for a Bradley-Terry reward model.

A model that is fitted anew after every label can choose what it is told next. Of a pool of candidates, unlabelled pairs
of answers, each way of choosing scores all and takes the best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

SELECTIONS = ("random", "uncertain", "different")
"""random: any candidate; uncertain: the one that the reward model is least sure of (uncertainty sampling, Lewis and
Gale, 1994); different: the one whose answers differ most in what the reward model reads."""


def select(way: str, differences: Tensor, weights: Tensor, rng: torch.Generator) -> int:
    """The index of the candidate to label next.

    way: one of `SELECTIONS`. differences: (candidates, features), a - b of each. weights: (features,) of the reward
    model now; while they are zero every candidate is as uncertain as any other, and chance decides. ValueError for
    another way, and without candidates.
    """
    if not len(differences):
        raise ValueError("There is no candidate to choose from.")
    match way:
        case "random":
            scores = torch.zeros(len(differences))
        case "uncertain":
            scores = -(differences @ weights).abs()  # P(a preferred) is the nearer to 1/2, the nearer this is to 0
        case "different":
            scores = differences.norm(dim=1)
        case _:
            raise ValueError(f"There is no way {way!r} to choose pairs; choose one of {', '.join(SELECTIONS)}.")
    best = (scores == scores.max()).nonzero()[:, 0]
    return int(best[torch.randint(len(best), (), generator=rng)])


def least_shown(categories: Sequence[str], shown: Mapping[str, int]) -> list[int]:
    """The indices of the candidates whose category was shown least often so far, so that all come equally often.

    categories: of each candidate. shown: how often each was shown; one that is not in it never was.
    """
    least = min((shown.get(category, 0) for category in categories), default=0)
    return [i for i, category in enumerate(categories) if shown.get(category, 0) == least]
