"""Was this token better than expected? Advantages for text, where an episode is one response."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def generalized_advantages(
    rewards: Tensor, values: Tensor, mask: Tensor, *, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimation (Schulman et al., 2016, equation 16).

    delta_t = r_t + gamma V_{t+1} - V_t and A_t = sum over l of (gamma lambda)^l delta_{t+l}, with all of it zero after
    the end.

    rewards, values, mask: (batch, time), mask True up to the last token of each row. Returns advantages and the returns
    A + V that the value head is trained on, both (batch, time) and zero where the mask is False.
    """
    counts = mask.to(rewards.dtype)
    values = values * counts
    deltas = (rewards + gamma * F.pad(values[:, 1:], (0, 1)) - values) * counts
    time = torch.arange(rewards.shape[1])
    later = (time[:, None] - time).clamp_(min=0)  # how many tokens the row's comes after the column's
    weights = ((gamma * gae_lambda) ** later.to(deltas.dtype)).tril_()
    advantages = (deltas @ weights) * counts
    return advantages, advantages + values


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of x over the entries that count. Shapes equal; a scalar comes back."""
    counts = mask.to(x.dtype)
    return (x * counts).sum() / counts.sum()


def whiten(x: Tensor, mask: Tensor) -> Tensor:
    """Shift and scale x to mean 0 and standard deviation 1 over the entries that count; the others become 0."""
    mean = masked_mean(x, mask)
    variance = masked_mean((x - mean) ** 2, mask)
    return (x - mean) / (variance + 1e-8).sqrt() * mask
