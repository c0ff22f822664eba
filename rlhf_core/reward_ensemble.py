"""How sure a reward model is: refits on resampled labels, and how far they disagree (Efron, 1979).

An answer whose score hangs on a few labels is scored differently by whoever saw others. What all refits get wrong they
agree on, so a small spread is no proof.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf_core.reward_model import fit_bradley_terry

MEMBERS = 10


def bootstrap_weights(
    differences: Tensor, targets: Tensor, prior_precision: float, rng: torch.Generator, members: int = MEMBERS
) -> Tensor:
    """Weights (members, features) of Bradley-Terry heads, each fitted to as many labels drawn with replacement; the
    arguments are those of `fit_bradley_terry`."""
    n = len(targets)
    drawn = torch.randint(n, (members, n), generator=rng)
    return torch.stack([fit_bradley_terry(differences[i], targets[i], prior_precision) for i in drawn])


def disagreement(features: Tensor, weights: Tensor) -> Tensor:
    """Standard deviation (batch,) of the scores that heads (members, features) give to answers, features (batch,
    features), in log-odds of being preferred."""
    return (features @ weights.T).std(1)
