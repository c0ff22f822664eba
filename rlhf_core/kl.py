"""How far a policy has moved from its reference: the Kullback-Leibler divergence, exact and estimated.

KL(policy || reference), in nats, summed over the tokens of a response. The expectation is over the policy, whose
samples we have; the other direction would need samples of the reference. With a vocabulary of a few hundred words the
exact value is affordable, so it stands beside the estimators of Schulman (2020, "Approximating KL divergence"), which
large models have to be content with. k1, k2 and k3 take log-probabilities of tokens that were drawn from the policy.
"""

from __future__ import annotations

import torch
from torch import Tensor

GAIN = 0.1
"""How strongly the controller reacts, K_beta of Ziegler et al. (2019)."""
MOST_ERROR = 0.2
"""The controller takes no error for larger, as a share of its target."""


def k1(policy: Tensor, reference: Tensor) -> Tensor:
    """log p - log q. Unbiased, of high variance, can be negative. Shapes: any, equal."""
    return policy - reference


def k2(policy: Tensor, reference: Tensor) -> Tensor:
    """(log p - log q)^2 / 2. Biased, of low variance, never negative."""
    return (policy - reference) ** 2 / 2


def k3(policy: Tensor, reference: Tensor) -> Tensor:
    """r - 1 - log r with r = q / p. Unbiased, of low variance, never negative."""
    log_ratio = reference - policy
    return log_ratio.exp() - 1 - log_ratio


def exact_kl_and_entropy(policy: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over the vocabulary of p (log p - log q) and of - p log p, in nats: (..., vocabulary) finite
    log-probabilities give (...) each."""
    p = policy.exp()
    return torch.linalg.vecdot(p, policy - reference), -torch.linalg.vecdot(p, policy)


def adapted_coefficient(coefficient: float, kl: float, target: float) -> float:
    """The price of KL for the next iteration, higher when the policy strayed further than wished, lower when less far.

    The proportional controller of Ziegler et al. (2019, section 2.2): the error (kl - target) / target, clipped to
    +-0.2, moves the coefficient by a tenth of it. kl and target in nats per response. A price of 0 stays 0.
    """
    error = max(-MOST_ERROR, min(MOST_ERROR, (kl - target) / target))
    return coefficient * (1 + GAIN * error)
