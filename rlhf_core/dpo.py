"""Direct preference optimisation (Rafailov et al., 2023): from labels to a policy, with no reward model between.

The policy that is best for a reward r at a price beta of KL to a reference is reference * exp(r / beta), up to a factor
of the prompt alone. Read backwards, every policy is the best one for its *implicit reward*::

    r(x, y) = beta * log (policy(y | x) / reference(y | x)) + something of x alone

and that is put into Bradley and Terry's likelihood of the labels, where what x alone brings cancels (equation 7)::

    loss = - log sigmoid( r(x, chosen) - r(x, rejected) )

A label that is not certain, a tie or a slight preference, has a target between 0 and 1 as it has for the reward model.
Nothing is sampled: training is cheap, but it sees only the answers that were labelled.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rlhf_core.attribute_encoder import response_ids
from rlhf_core.descent import Descent
from rlhf_core.language_model import PAD, MiniLM, laid_out
from rlhf_core.preferences import PreferenceDataset
from rlhf_core.rollout import score_tokens
from rlhf_core.tokenizer import SimpleTokenizer


@dataclass(frozen=True, kw_only=True)
class DPOConfig:
    """How one step of DPO is done."""

    learning_rate: float = 3e-4
    """AdamW's step size."""
    beta: float = 1.0
    """Price of one nat of KL to the reference, in the units of the implicit reward: the log-odds of a label."""
    batch_size: int = 16
    """Labels per step, at most."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "beta", "max_grad_norm"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}.")
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {self.batch_size}.")


@dataclass(frozen=True, kw_only=True)
class DPOMetrics:
    """What one step measured on its labels, before it learnt from them."""

    step: int
    dpo_loss: float
    """In nats a label; ln 2 is the start."""
    implicit_accuracy: float
    """Share of the decided labels whose preferred answer has the higher implicit reward; a draw counts half."""
    implicit_margin: float
    """How much higher it is, on average, in log-odds."""
    cpu_seconds: float


def dpo_loss(margins: Tensor, targets: Tensor) -> Tensor:
    """- y log s(m) - (1 - y) log s(-m), with s the sigmoid: mean over pairs, in nats.

    margins: (pairs,), the implicit reward of a less that of b. targets: (pairs,), P(a preferred).
    """
    return F.binary_cross_entropy_with_logits(margins, targets)


def implicit_accuracy(margins: Tensor, targets: Tensor) -> tuple[float, float]:
    """How often the preferred one of two answers has the higher implicit reward, and how much higher on average; even
    labels are left out. Where there are no others: a half, and 0."""
    decided = targets != 0.5
    toward = (margins * (targets - 0.5).sign())[decided]
    if not len(toward):
        return 0.5, 0.0
    return float(((toward > 0).float() + 0.5 * (toward == 0).float()).mean()), float(toward.mean())


class DPOTrainer:
    """Fine-tunes a copy of `start` on labels; `step` by `step`, saved and resumed with optimiser and random state.

    start: the policy before training, which is the reference too and stays as it is. Words of the answers outside the
    vocabulary are passed over. seed: names the order of the labels; nothing global is touched.
    """

    def __init__(
        self, start: MiniLM, labels: PreferenceDataset, tokenizer: SimpleTokenizer, config: DPOConfig, seed: int
    ) -> None:
        if not labels:
            raise ValueError("There is no label to learn from; label some pairs first.")
        self.reference, self.config = start, config
        self.policy = copy.deepcopy(start).requires_grad_(True)
        self.descent = Descent(self.policy.parameters())
        self.rng = torch.Generator().manual_seed(seed)
        self.prompt_ids, self.targets = start.encode_prompts(labels.prompts, tokenizer), labels.targets
        answers = labels.responses_a + labels.responses_b
        ids = response_ids(list(map(tokenizer.encode_known, answers)), start.config.response_length)
        self.a, self.b = ids.chunk(2)
        with torch.no_grad():
            self.reference_margins = self._log_odds(start, torch.arange(len(labels)))
        self.steps_done = 0
        self.cpu_seconds = 0.0

    def __iter__(self) -> Iterator[DPOMetrics]:
        while True:
            yield self.step()

    def step(self, config: DPOConfig | None = None) -> DPOMetrics:
        """One gradient step on labels drawn at random. A config given here holds from this step on."""
        c = self.config = config or self.config
        began = time.process_time()
        chosen = torch.randperm(len(self.targets), generator=self.rng)[: c.batch_size]
        margins = c.beta * (self._log_odds(self.policy, chosen) - self.reference_margins[chosen])
        loss = dpo_loss(margins, self.targets[chosen])
        self.descent.step(loss, learning_rate=c.learning_rate, max_grad_norm=c.max_grad_norm)
        self.steps_done += 1
        self.cpu_seconds += time.process_time() - began
        accuracy, margin = implicit_accuracy(margins.detach(), self.targets[chosen])
        return DPOMetrics(
            step=self.steps_done, dpo_loss=float(loss.detach()), implicit_accuracy=accuracy, implicit_margin=margin,
            cpu_seconds=self.cpu_seconds,
        )  # fmt: skip

    def _log_odds(self, model: MiniLM, chosen: Tensor) -> Tensor:
        """(pairs,): log-probability of a less that of b, of whole answers."""
        tokens = torch.cat([self.a[chosen], self.b[chosen]])
        mask = tokens != PAD
        scored = score_tokens(model, torch.cat([self.prompt_ids[chosen]] * 2), tokens, mask)
        a, b = laid_out(scored.log_probs, mask).sum(1).chunk(2)
        return a - b

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on, beside the labels."""
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
