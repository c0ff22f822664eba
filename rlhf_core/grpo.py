"""Group relative policy optimisation (Shao et al., 2024, "DeepSeekMath", equations 3 and 4).

PPO's clipped ratio without its critic: every token of an answer has the same advantage, how far the answer's reward
lies above its group's mean, in the group's standard deviations. The KL to the reference is no part of the reward but a
term of the loss, by the estimator k3, which is never negative::

    A_i = (r_i - mean(r)) / std(r)
    loss = - 1/G sum_i 1/|y_i| sum_t { min(ratio A_i, clip(ratio) A_i) - kl_coef * (q/p - 1 - log q/p) }

with p the policy's probability of token t and q the reference's. Dividing by the length of each answer, and by the
deviation of each group, makes an answer's weight depend on both (Liu et al., 2025, leave the two out).

A loss is known by its gradient. That of k3, (1 - q/p) grad log p, is on average over the policy's own samples the one
of KL(reference || policy), the other way round: it pulls the policy back to what the reference says, but hardly minds
what the policy says and the reference never would. So GRPO pays for KL less strictly than PPO and RLOO, whose reward
has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf_core.groups import GroupConfig, GroupTrainer
from rlhf_core.kl import k3
from rlhf_core.ppo import clipped_policy_loss
from rlhf_core.rollout import Rollout, score_tokens


@dataclass(frozen=True, kw_only=True)
class GRPOConfig(GroupConfig):
    """How one iteration of GRPO is done: smaller steps than PPO's, as its price of KL holds it back less."""

    learning_rate: float = 4e-4
    """AdamW's step size."""
    group_size: int = 8
    """Answers to each prompt: a deviation of fewer would be hardly known."""
    clip_range: float = 0.2
    """The ratio of new to old probability earns nothing beyond 1 +- this."""
    epochs: int = 2
    """Passes over each batch."""
    minibatches: int = 2
    """Gradient steps per pass."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.clip_range < float("inf"):
            raise ValueError(f"clip_range must be above 0, not {self.clip_range}.")
        if self.epochs < 1:
            raise ValueError(f"epochs must be at least 1, not {self.epochs}.")
        if not 1 <= self.minibatches <= self.batch_size:
            raise ValueError(f"minibatches must lie between 1 and the batch size, not {self.minibatches}.")


def group_advantages(rewards: Tensor) -> Tensor:
    """Advantages (groups, G) of rewards (groups, G): in standard deviations above the mean of the group, zero where all
    of a group are alike."""
    return (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)


def mean_of_answers(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over answers of the mean over their tokens: values (tokens,) at the places of the mask (batch, time)."""
    lengths = mask.sum(1, keepdim=True).expand_as(mask)[mask]
    return (values / lengths).sum() / len(mask)


class GRPOTrainer(GroupTrainer[GRPOConfig]):
    """See `groups.GroupTrainer`."""

    def _update(self, rollout: Rollout) -> float:
        c = self.config
        rewards = rollout.scores - c.eos_penalty * (~rollout.ended)
        advantages = group_advantages(rewards.view(-1, c.group_size)).view(-1, 1).expand_as(rollout.mask)
        losses: list[float] = []
        for _ in range(c.epochs):
            for rows in torch.randperm(c.batch_size, generator=self.rng).chunk(c.minibatches):
                longest = int(rollout.mask[rows].sum(1).max())
                mask = rollout.mask[rows, :longest]
                new = score_tokens(
                    self.policy, rollout.prompt_ids[rows], rollout.tokens[rows, :longest], mask, c.temperature
                ).log_probs
                # From here on (tokens,): those that count, of all rows.
                places = (rollout.log_probs, rollout.reference_log_probs, advantages)
                old, reference, advantage = (x[rows, :longest][mask] for x in places)
                surrogate = clipped_policy_loss(new, old, advantage, c.clip_range)
                loss = mean_of_answers(surrogate + c.kl_coef * k3(new, reference), mask)
                self._descend(loss)
                losses.append(float(loss.detach()))
        return sum(losses) / len(losses)
