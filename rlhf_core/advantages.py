"""Was this token better than expected? Advantages for text, where an episode is one response."""

from __future__ import annotations

import torch
from torch import Tensor


def generalized_advantages(
    rewards: Tensor, values: Tensor, mask: Tensor, *, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimation (Schulman et al., 2016, equation 16).

    delta_t = r_t + gamma V_{t+1} - V_t and A_t = delta_t + gamma lambda A_{t+1}, with V and A zero after the end.

    rewards, values, mask: (batch, time), mask True where a token counts. Returns advantages and the returns A + V that
    the value head is trained on, both (batch, time) and zero where the mask is False.
    """
    counts = mask.to(rewards.dtype)
    values = values * counts
    advantages = torch.zeros_like(rewards)
    following_value = following_advantage = torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * following_value - values[:, t]
        advantages[:, t] = (delta + gamma * gae_lambda * following_advantage) * counts[:, t]
        following_value, following_advantage = values[:, t], advantages[:, t]
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
