"""Policy gradients without a critic: several answers to the same prompt say what was to be expected there.

RLOO (`rloo.py`) and GRPO (`grpo.py`) differ in what they make of a group's rewards and in how they pay for KL; all else
is here. PPO asks every prompt once and has a value head to tell how good an answer could be expected to be; a group of
k answers has its own mean for that, at the price of fewer prompts in a batch.
"""

from __future__ import annotations

import copy
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from rlhf_core.descent import Descent
from rlhf_core.language_model import MiniLM
from rlhf_core.rollout import RewardFunction, Rollout, collect
from rlhf_core.tokenizer import SimpleTokenizer


@dataclass(frozen=True, kw_only=True)
class GroupConfig:
    """How one iteration over groups of answers is done."""

    learning_rate: float = 7e-4
    """AdamW's step size."""
    kl_coef: float = 0.15
    """Price of one nat of KL to the reference, in units of reward."""
    temperature: float = 1.0
    """Sampling temperature of the policy."""
    batch_size: int = 64
    """Answers per iteration."""
    group_size: int = 4
    """Answers to each prompt: the k of RLOO, the G of GRPO."""
    eos_penalty: float = 1.0
    """Taken from the reward of an answer that never ends."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""

    def __post_init__(self) -> None:
        positive = ("learning_rate", "temperature", "max_grad_norm")
        for name in (*positive, "kl_coef", "eos_penalty"):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (name in positive and value == 0):
                raise ValueError(f"{name} must be {'above 0' if name in positive else '0 or more'}, not {value}.")
        if self.group_size < 2:
            raise ValueError(f"group_size must be at least 2, not {self.group_size}: an answer needs others beside it.")
        if self.batch_size < self.group_size or self.batch_size % self.group_size:
            raise ValueError(f"batch_size must be a multiple of the group size, not {self.batch_size}.")


@dataclass(frozen=True, kw_only=True)
class GroupMetrics:
    """What one iteration measured; means over its answers or, where a token is the unit, over its tokens."""

    step: int
    policy_loss: float
    kl: float
    kl_exact: float
    reward: float
    entropy: float
    response_length: float
    distinct_share: float
    ended_share: float
    cpu_seconds: float


Config = TypeVar("Config", bound=GroupConfig)


class GroupTrainer(ABC, Generic[Config]):
    """Fine-tunes a copy of `start` on a reward; `step` after `step`, saved and resumed with optimiser and random state.

    start: the policy before training, which is the reference too and stays as it is. reward: any function of
    (prompts, responses) -> (batch,) scores. prompts: texts to draw from. seed: names the run; nothing global is
    touched.
    """

    def __init__(
        self, start: MiniLM, reward: RewardFunction, prompts: Sequence[str], tokenizer: SimpleTokenizer,
        config: Config, seed: int,
    ) -> None:  # fmt: skip
        self.reference, self.reward, self.prompts, self.tokenizer = start, reward, tuple(prompts), tokenizer
        self.policy = copy.deepcopy(start).requires_grad_(True)
        self.config: Config = config
        self.descent = Descent(self.policy.parameters())
        self.rng = torch.Generator().manual_seed(seed)
        self.prompt_ids = start.encode_prompts(self.prompts, tokenizer)
        self.steps_done = 0
        self.cpu_seconds = 0.0
        self.rollout: Rollout | None = None
        """The latest experience, for whoever watches: the answers of a group stand one after the other."""

    def __iter__(self) -> Iterator[GroupMetrics]:
        while True:
            yield self.step()

    def step(self, config: Config | None = None) -> GroupMetrics:
        """One iteration. A config given here holds from this iteration on."""
        c = self.config = config or self.config
        began = time.process_time()
        chosen = torch.randint(len(self.prompts), (c.batch_size // c.group_size,), generator=self.rng)
        chosen = chosen.repeat_interleave(c.group_size)
        rollout = self.rollout = collect(
            self.policy, self.reference, None, self.reward, [self.prompts[int(i)] for i in chosen],
            self.prompt_ids[chosen], self.tokenizer, temperature=c.temperature, rng=self.rng,
        )  # fmt: skip
        policy_loss = self._update(rollout)
        self.steps_done += 1
        self.cpu_seconds += time.process_time() - began
        return GroupMetrics(
            step=self.steps_done, policy_loss=policy_loss, cpu_seconds=self.cpu_seconds, **rollout.summary()
        )

    @abstractmethod
    def _update(self, rollout: Rollout) -> float:
        """The gradient steps of one iteration. Returns the mean policy loss."""

    def _descend(self, loss: Tensor) -> None:
        """One gradient step."""
        c = self.config
        self.descent.step(loss, learning_rate=c.learning_rate, max_grad_norm=c.max_grad_norm)

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "policy": self.policy.state_dict(),
            "optimizer": self.descent.state_dict(),
            "rng": self.rng.get_state(),
            "steps_done": self.steps_done,
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.policy.load_state_dict(state["policy"])
        self.descent.load_state_dict(state["optimizer"])
        self.rng.set_state(state["rng"])
        self.steps_done, self.cpu_seconds = state["steps_done"], state["cpu_seconds"]
