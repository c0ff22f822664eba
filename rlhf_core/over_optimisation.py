"""Over-optimisation: what happens to the true reward while the proxy is pushed up (Gao et al., 2022).

In d = sqrt(KL(policy || start)) and with the reward of the start as zero, they found the gold reward to follow one of
two laws of two numbers each, by how the proxy was optimised::

    best of n:               R(d) = d (alpha - beta d)
    reinforcement learning:  R(d) = d (alpha - beta log d)

alpha is what the first steps bring, beta how that wears off: both rise, turn, and fall for beta above 0. Goodhart's law
with a formula. Both are linear in alpha and beta, so the fit is ordinary least squares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

WEARS_OFF: dict[str, Callable[[Tensor], Tensor]] = {"best-of-n": lambda d: d, "rl": torch.log}
"""What beta is multiplied with, by the form of the law."""
FORMS = tuple(WEARS_OFF)


@dataclass(frozen=True)
class Fit:
    """A law fitted to measured rewards."""

    form: str
    """One of `FORMS`."""
    alpha: float
    beta: float
    residual: float
    """Root of the mean squared difference between law and measurement, in units of reward."""
    n: int
    """Points that it was fitted to."""

    def __call__(self, d: float) -> float:
        """The reward above the start that the law forecasts at sqrt(KL) d."""
        return float(_terms(torch.tensor([d], dtype=torch.double), self.form)[0] @ self._coefficients)

    @property
    def peak(self) -> float | None:
        """sqrt(KL) at which the law turns; None where it never does."""
        if self.beta <= 0:
            return None
        if self.form == "best-of-n":
            return max(0.0, self.alpha / (2 * self.beta))
        return math.exp(min(700.0, self.alpha / self.beta - 1))

    @property
    def _coefficients(self) -> Tensor:
        return torch.tensor([self.alpha, self.beta], dtype=torch.double)


def fit(distances: Sequence[float], rewards: Sequence[float], form: str) -> Fit | None:
    """The law of a form through points of sqrt(KL) and reward above the start, by least squares. At the start every law
    is right, so points there say nothing; None where fewer than three others are known."""
    away = [(d, r) for d, r in zip(distances, rewards, strict=True) if d > 0]
    if len({d for d, _ in away}) < 3:
        return None
    d, r = torch.tensor(away, dtype=torch.double).unbind(1)
    terms = _terms(d, form)
    alpha, beta = torch.linalg.lstsq(terms, r[:, None]).solution[:, 0].tolist()
    residual = (terms @ torch.tensor([alpha, beta], dtype=torch.double) - r).square().mean().sqrt()
    return Fit(form, alpha, beta, float(residual), len(away))


def _terms(d: Tensor, form: str) -> Tensor:
    """(points, 2): what alpha and beta are multiplied with."""
    if form not in WEARS_OFF:
        raise ValueError(f"There is no form {form!r}; choose one of {', '.join(FORMS)}.")
    wears = torch.where(d > 0, d * WEARS_OFF[form](d.clamp(min=1e-300)), torch.zeros_like(d))
    return torch.stack([d, -wears], 1)
