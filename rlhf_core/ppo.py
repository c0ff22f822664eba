"""Proximal policy optimisation of a language model (Schulman et al., 2017), as RLHF uses it (Ouyang et al., 2022).

One iteration: answer a batch of prompts, score the answers, estimate how much better than expected each token was, and
take a few clipped gradient steps. The critic is a linear head on the policy's own trunk that starts at zero. The KL to
the frozen reference is a price on every token (see `rollout.py`), not a term of the loss.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rlhf_core.advantages import generalized_advantages, whiten
from rlhf_core.descent import Descent
from rlhf_core.kl import adapted_coefficient, k2, k3
from rlhf_core.language_model import MiniLM
from rlhf_core.rollout import RewardFunction, Rollout, collect, score_tokens
from rlhf_core.tokenizer import SimpleTokenizer

ANNEALED = 0.05
"""The share of the learning rate that is left once it has fallen."""


@dataclass(frozen=True, kw_only=True)
class PPOConfig:
    """How one iteration of PPO is done."""

    learning_rate: float = 1e-3
    """AdamW's step size, at the first iteration."""
    anneal_over: int = 100
    """Iterations over which the step size falls in a line to `ANNEALED` of it; 0 holds it. Large steps make for fast
    learning and small ones, at the end, for fluent text."""
    kl_coef: float = 0.1
    """Price of one nat of KL to the reference, in units of reward."""
    clip_range: float = 0.2
    """The ratio of new to old probability earns nothing beyond 1 +- this."""
    temperature: float = 1.0
    """Sampling temperature of the policy."""
    batch_size: int = 64
    """Responses per iteration."""
    epochs: int = 2
    """Passes over each batch."""
    minibatches: int = 2
    """Gradient steps per pass."""
    gamma: float = 1.0
    """Discount of later rewards; 1 counts all of a response alike."""
    gae_lambda: float = 0.98
    """Between one-step bootstrapping (0) and whole returns (1): the critic learns slowly, and is trusted little."""
    value_coef: float = 0.1
    """Weight of the value loss."""
    eos_penalty: float = 1.0
    """Taken from the reward of a response that never ends."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""
    adaptive_kl: bool = False
    """Whether the price of KL follows `kl_target`, beginning at `kl_coef`."""
    kl_target: float = 6.0
    """KL that an adaptive price aims at, in nats per response."""
    value_clip: float = 0.0
    """A forecast that moved further than this from its old value counts as if it had not; 0 is off."""
    target_kl: float = 0.0
    """The iteration stops before the gradient step whose minibatch has moved further than this; in nats per token, 0
    is off."""
    scaled_log_probs: bool = True
    """Whether log-probabilities are of the distribution that is sampled from, or of temperature 1 all the same."""

    def __post_init__(self) -> None:
        positive = ("learning_rate", "clip_range", "temperature", "max_grad_norm", "kl_target")
        natural = ("kl_coef", "value_coef", "eos_penalty", "anneal_over", "value_clip", "target_kl")
        for name in (*positive, *natural):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (name in positive and value == 0):
                raise ValueError(f"{name} must be {'above 0' if name in positive else '0 or more'}, not {value}.")
        for name in ("gamma", "gae_lambda"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not {getattr(self, name)}.")
        if self.epochs < 1:
            raise ValueError(f"epochs must be at least 1, not {self.epochs}.")
        if not 1 <= self.minibatches <= self.batch_size:
            raise ValueError(f"minibatches must lie between 1 and the batch size, not {self.minibatches}.")

    @property
    def scored_at(self) -> float:
        """The temperature of the distribution that log-probabilities are of."""
        return self.temperature if self.scaled_log_probs else 1.0


@dataclass(frozen=True)
class PPOMetrics:
    """What one iteration measured; means over its responses or, where a token is the unit, over its tokens."""

    step: int
    policy_loss: float
    value_loss: float
    kl: float
    """The estimator k1, whose tokens the rewards are priced with; beside it k2, k3 and the exact value."""
    kl_k2: float
    kl_k3: float
    kl_exact: float
    kl_coef: float
    """The price in force."""
    reward: float
    entropy: float
    clip_fraction: float
    approx_kl: float
    """How far the update moved the policy from the one that sampled, by k3, in nats per token."""
    grad_norm: float
    """Before it was scaled down."""
    gradient_steps: int
    """Epochs times minibatches, or fewer if `target_kl` stopped them."""
    response_length: float
    distinct_share: float
    ended_share: float
    cpu_seconds: float


def clipped_policy_loss(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, clip_range: float) -> Tensor:
    """The clipped surrogate objective with its sign turned (Schulman et al., 2017, equation 7), per token.

    Arguments of one shape, which comes back.
    """
    ratio = (log_probs - old_log_probs).exp()
    return -torch.min(ratio * advantages, ratio.clamp(1 - clip_range, 1 + clip_range) * advantages)


def annealing(steps_done: int, over: int) -> float:
    """Factor of the learning rate after so many iterations, see `PPOConfig.anneal_over`."""
    return max(ANNEALED, 1 - (1 - ANNEALED) * steps_done / over) if over else 1.0


def squared_value_error(values: Tensor, old_values: Tensor, returns: Tensor, value_clip: float) -> Tensor:
    """The squared error of the critic's forecasts, per token; with a clip the larger one of a forecast's and of that
    forecast held within `value_clip` of its old value (Dhariwal et al., 2017, OpenAI Baselines).

    Arguments of one shape, which comes back.
    """
    error = (values - returns) ** 2
    if not value_clip:
        return error
    held = old_values + (values - old_values).clamp(-value_clip, value_clip)
    return torch.max(error, (held - returns) ** 2)


@dataclass(frozen=True)
class Update:
    """What the gradient steps of one iteration came to: means over the steps taken."""

    policy_loss: float
    value_loss: float
    clip_fraction: float
    approx_kl: float
    grad_norm: float
    steps: int


class PPOTrainer:
    """Fine-tunes a copy of `start` on a reward; `step` after `step`, saved and resumed with optimiser and random state.

    start: the policy before training, which is the reference too and stays as it is. reward: any function of
    (prompts, responses) -> (batch,) scores. prompts: texts to draw from. seed: names the run; nothing global is
    touched.
    """

    def __init__(
        self,
        start: MiniLM,
        reward: RewardFunction,
        prompts: Sequence[str],
        tokenizer: SimpleTokenizer,
        config: PPOConfig,
        seed: int,
    ) -> None:
        self.reference, self.reward, self.prompts, self.tokenizer = start, reward, tuple(prompts), tokenizer
        self.policy = copy.deepcopy(start).requires_grad_(True)
        self.value_head = nn.Linear(start.config.width, 1)
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)
        self.config = config
        self.kl_coef = self._kl_coef_set = config.kl_coef
        """The price of KL in force, and the setting that it began as."""
        self.descent = Descent([*self.policy.parameters(), *self.value_head.parameters()])
        self.rng = torch.Generator().manual_seed(seed)
        self.prompt_ids = start.encode_prompts(self.prompts, tokenizer)
        self.steps_done = 0
        self.cpu_seconds = 0.0
        self.rollout: Rollout | None = None
        """The latest experience, for whoever watches."""

    def __iter__(self) -> Iterator[PPOMetrics]:
        while True:
            yield self.step()

    def step(self, config: PPOConfig | None = None) -> PPOMetrics:
        """One iteration. A config given here holds from this iteration on."""
        c = self.config = config or self.config
        began = time.process_time()
        price = self._price()
        chosen = torch.randint(len(self.prompts), (c.batch_size,), generator=self.rng)
        rollout = self.rollout = collect(
            self.policy,
            self.reference,
            self.value_head,
            self.reward,
            [self.prompts[int(i)] for i in chosen],
            self.prompt_ids[chosen],
            self.tokenizer,
            temperature=c.temperature,
            rng=self.rng,
            scored_at=c.scored_at,
        )
        advantages, returns = generalized_advantages(
            rollout.rewards(price, c.eos_penalty),
            rollout.values,
            rollout.mask,
            gamma=c.gamma,
            gae_lambda=c.gae_lambda,
        )
        advantages = whiten(advantages, rollout.mask)
        update = self._update(rollout, advantages, returns)
        summary = rollout.summary()
        if c.adaptive_kl:
            self.kl_coef = adapted_coefficient(price, summary["kl"], c.kl_target)
        self.steps_done += 1
        self.cpu_seconds += time.process_time() - began
        return PPOMetrics(
            step=self.steps_done,
            policy_loss=update.policy_loss,
            value_loss=update.value_loss,
            kl_k2=float(k2(rollout.log_probs, rollout.reference_log_probs).sum(1).mean()),
            kl_k3=float(k3(rollout.log_probs, rollout.reference_log_probs).sum(1).mean()),
            kl_coef=price,
            clip_fraction=update.clip_fraction,
            approx_kl=update.approx_kl,
            grad_norm=update.grad_norm,
            gradient_steps=update.steps,
            cpu_seconds=self.cpu_seconds,
            **summary,
        )

    def _price(self) -> float:
        """The price of KL of this iteration: the setting, or what the controller has made of it since it was set."""
        c = self.config
        if not c.adaptive_kl or c.kl_coef != self._kl_coef_set:
            self.kl_coef = self._kl_coef_set = c.kl_coef
        return self.kl_coef

    def _update(self, rollout: Rollout, advantages: Tensor, returns: Tensor) -> Update:
        """The gradient steps of one iteration."""
        c = self.config
        rate = c.learning_rate * annealing(self.steps_done, c.anneal_over)
        experience = torch.stack([rollout.log_probs, advantages, returns, rollout.values], 2)
        seen: list[Tensor] = []
        for _ in range(c.epochs):
            for rows in torch.randperm(c.batch_size, generator=self.rng).chunk(c.minibatches):
                longest = int(rollout.mask[rows].sum(1).max())
                mask = rollout.mask[rows, :longest]
                new = score_tokens(
                    self.policy, rollout.prompt_ids[rows], rollout.tokens[rows, :longest], mask, c.scored_at
                )
                # From here on (tokens,): those that count, of all rows.
                old, advantage, target, old_values = experience[rows, :longest][mask].unbind(1)
                moved_by = k3(old, new.log_probs.detach()).mean()
                if seen and c.target_kl and float(moved_by) > c.target_kl:
                    return _summary(seen)
                policy_loss = clipped_policy_loss(new.log_probs, old, advantage, c.clip_range).mean()
                values = self.value_head(new.hidden)[:, 0]
                value_loss = squared_value_error(values, old_values, target, c.value_clip).mean()
                loss = policy_loss + c.value_coef * value_loss
                norm = self.descent.step(loss, learning_rate=rate, max_grad_norm=c.max_grad_norm)
                moved = ((new.log_probs - old).exp() - 1).abs() > c.clip_range
                seen.append(torch.stack([policy_loss, value_loss, moved.float().mean(), moved_by, norm]).detach())
        return _summary(seen)

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "policy": self.policy.state_dict(),
            "value_head": self.value_head.state_dict(),
            "optimizer": self.descent.state_dict(),
            "rng": self.rng.get_state(),
            "steps_done": self.steps_done,
            "cpu_seconds": self.cpu_seconds,
            "kl_coef": self.kl_coef,
            "kl_coef_set": self._kl_coef_set,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.policy.load_state_dict(state["policy"])
        self.value_head.load_state_dict(state["value_head"])
        self.descent.load_state_dict(state["optimizer"])
        self.rng.set_state(state["rng"])
        self.steps_done, self.cpu_seconds = state["steps_done"], state["cpu_seconds"]
        # States of older versions have no price: theirs was the setting.
        self.kl_coef = state.get("kl_coef", self.config.kl_coef)
        self._kl_coef_set = state.get("kl_coef_set", self.config.kl_coef)


def _summary(seen: list[Tensor]) -> Update:
    return Update(*torch.stack(seen).mean(0).tolist(), steps=len(seen))
