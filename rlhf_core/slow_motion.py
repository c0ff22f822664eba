"""One iteration of PPO in slow motion: everything that stands between the sampled answers and the changed policy.

`PPOTrainer.step` does it all in a fifth of a second and keeps a few means. Here the same step is done once and each
quantity is kept, token by token: what was written, what it earned, what was expected, how much better that was, how far
the update moved each word's probability, and where the clip stopped it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf_core.advantages import generalized_advantages, masked_mean, whiten
from rlhf_core.kl import k1
from rlhf_core.language_model import laid_out
from rlhf_core.ppo import PPOConfig, PPOMetrics, PPOTrainer, clipped_policy_loss, squared_value_error
from rlhf_core.rollout import Rollout, score_tokens


@dataclass(frozen=True)
class SlowMotion:
    """An iteration taken apart. Tensors are (batch, time), zero where no token counts, unless said otherwise."""

    config: PPOConfig
    metrics: PPOMetrics
    rollout: Rollout
    words: tuple[tuple[str, ...], ...]
    """The tokens of each answer that count, as text, <eos> included."""
    kl_penalty: Tensor
    """What each token pays for leaving the reference: -kl_coef (log policy - log reference)."""
    rewards: Tensor
    """The penalty, and on the last token the score with what is taken for a missing end."""
    advantages: Tensor
    """How much better than expected each token was, in units of reward."""
    returns: Tensor
    """What the critic should have forecast."""
    weights: Tensor
    """The advantages at mean 0 and standard deviation 1: what the loss weighs each token with."""
    new_log_probs: Tensor
    """Of the same tokens, after the update."""
    new_values: Tensor

    @property
    def ratio(self) -> Tensor:
        """New over old probability, (batch, time); 1 where no token counts."""
        return (self.new_log_probs - self.rollout.log_probs).exp()

    @property
    def cut(self) -> Tensor:
        """Whether the clip has stopped a token, (batch, time): its ratio lies beyond the range in the direction that
        its advantage wants, so going on earns nothing."""
        up, down = self.ratio > 1 + self.config.clip_range, self.ratio < 1 - self.config.clip_range
        return ((self.weights > 0) & up) | ((self.weights < 0) & down)

    @property
    def policy_losses(self) -> tuple[float, float]:
        """The clipped objective with its sign turned, over the whole batch, before and after the update."""
        return self._policy_loss(self.rollout.log_probs), self._policy_loss(self.new_log_probs)

    @property
    def value_losses(self) -> tuple[float, float]:
        """The critic's squared error over the whole batch, before and after the update."""
        return self._value_loss(self.rollout.values), self._value_loss(self.new_values)

    def _policy_loss(self, log_probs: Tensor) -> float:
        loss = clipped_policy_loss(log_probs, self.rollout.log_probs, self.weights, self.config.clip_range)
        return float(masked_mean(loss, self.rollout.mask))

    def _value_loss(self, values: Tensor) -> float:
        error = squared_value_error(values, self.rollout.values, self.returns, self.config.value_clip)
        return float(masked_mean(error, self.rollout.mask))


def take_apart(trainer: PPOTrainer) -> SlowMotion:
    """Do one real step of a trainer and keep everything. The trainer is one step further then: give a copy."""
    metrics = trainer.step()
    c, rollout = trainer.config, trainer.rollout
    assert rollout is not None
    # The step's own arithmetic once more, from the same experience and the same price.
    rewards = rollout.rewards(metrics.kl_coef, c.eos_penalty)
    advantages, returns = generalized_advantages(
        rewards, rollout.values, rollout.mask, gamma=c.gamma, gae_lambda=c.gae_lambda
    )
    with torch.no_grad():
        new = score_tokens(trainer.policy, rollout.prompt_ids, rollout.tokens, rollout.mask, c.scored_at)
        new_values = trainer.value_head(new.hidden)[:, 0]
    ids = (row[kept].tolist() for row, kept in zip(rollout.tokens, rollout.mask, strict=True))
    return SlowMotion(
        config=c,
        metrics=metrics,
        rollout=rollout,
        words=tuple(tuple(trainer.tokenizer.words[i] for i in row) for row in ids),
        kl_penalty=-metrics.kl_coef * k1(rollout.log_probs, rollout.reference_log_probs) * rollout.mask,
        rewards=rewards,
        advantages=advantages,
        returns=returns,
        weights=whiten(advantages, rollout.mask),
        new_log_probs=laid_out(new.log_probs, rollout.mask),
        new_values=laid_out(new_values, rollout.mask),
    )
