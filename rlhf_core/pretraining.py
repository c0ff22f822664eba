"""Pretraining: next-token prediction on dialogues drawn from the grammar (the loss of Bengio et al., 2003).

Every batch is drawn afresh from the training prompts, so the model never sees a dialogue twice on purpose and the loss
on the next batch is an honest one.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rlhf_core.corpus import Grammar
from rlhf_core.language_model import EOS, PAD, MiniLM
from rlhf_core.tokenizer import SimpleTokenizer

TYPICAL_TOKENS = 20
"""Weighted tokens of a typical dialogue: keeps the size of the loss near nats per token."""


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """How one step of pretraining is done."""

    learning_rate: float = 4e-3
    """AdamW's step size."""
    batch_size: int = 32
    """Dialogues per step."""
    prompt_weight: float = 0.2
    """Weight of a prompt's tokens in the loss, a response's being 1: it should answer, but know its questions."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"The learning rate must be above 0, not {self.learning_rate}.")
        if self.batch_size < 1:
            raise ValueError(f"The batch size must be at least 1, not {self.batch_size}.")


@dataclass(frozen=True)
class PretrainMetrics:
    """What one step of pretraining measured."""

    step: int
    loss: float
    """Cross-entropy of the response's tokens, in nats per token, before the update."""
    learning_rate: float
    cpu_seconds: float
    """Process time of training so far."""


class Pretrainer:
    """Trains a MiniLM on a grammar; `step` after `step`, saved and resumed with optimiser and random state."""

    CHUNK = 32
    """Batches are cut from this many at once, sorted by length, so that little of a batch is padding."""

    def __init__(
        self, model: MiniLM, grammar: Grammar, tokenizer: SimpleTokenizer, config: PretrainConfig, seed: int
    ) -> None:
        self.model, self.grammar, self.tokenizer, self.config = model, grammar, tokenizer, config
        self.prompts = grammar.split("train")
        self.prompt_ids = model.encode_prompts([p.text for p in self.prompts], tokenizer)
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self.rng = random.Random(seed)
        self.steps_done = 0
        self.cpu_seconds = 0.0
        self._batches: list[Tensor] = []

    def __iter__(self) -> Iterator[PretrainMetrics]:
        while True:
            yield self.step()

    def step(self, config: PretrainConfig | None = None) -> PretrainMetrics:
        """One optimiser step on one batch. A config given here holds from this step on."""
        self.config = config or self.config
        began = time.process_time()
        tokens = self._next_batch()
        loss, response_loss = language_model_loss(self.model, tokens, self.config.prompt_weight)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        self.optimizer.step()
        self.steps_done += 1
        self.cpu_seconds += time.process_time() - began
        return PretrainMetrics(
            self.steps_done, float(response_loss.detach()), self.config.learning_rate, self.cpu_seconds
        )

    def _next_batch(self) -> Tensor:
        if not self._batches:
            chosen = [self.rng.randrange(len(self.prompts)) for _ in range(self.config.batch_size * self.CHUNK)]
            rows = [self.tokenizer.encode(self.grammar.respond(self.prompts[i].topic, self.rng)) for i in chosen]
            order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
            size = self.config.batch_size
            for first in range(0, len(order), size):
                picked = order[first : first + size]
                responses = pad_responses([rows[i] for i in picked])
                self._batches.append(torch.cat([self.prompt_ids[[chosen[i] for i in picked]], responses], 1))
            self.rng.shuffle(self._batches)
        return self._batches.pop()

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.getstate(),
            "batches": self._batches,
            "steps_done": self.steps_done,
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.setstate(state["rng"])
        self._batches = list(state["batches"])
        self.steps_done, self.cpu_seconds = state["steps_done"], state["cpu_seconds"]


def schedule(progress: float, steps_done: int) -> float:
    """Factor of the learning rate: fifty steps of warm-up, then level, then linear to 1/50 over the last 71 %."""
    return min(1.0, (steps_done + 1) / 50) * max(0.02, min(1.0, (1.0 - progress) * 1.4))


def pad_responses(rows: list[list[int]]) -> Tensor:
    """Responses with their <eos>, as (batch, time) token ids padded on the right."""
    longest = max(len(row) for row in rows) + 1
    return torch.tensor([[*row, EOS] + [PAD] * (longest - len(row) - 1) for row in rows])


def language_model_loss(model: MiniLM, tokens: Tensor, prompt_weight: float) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropy of a batch, to descend, and that of the responses alone in nats per token, to look at.

    tokens: (batch, prompt_length + response), prompts padded left and responses right. What is descended is the sum
    over a dialogue, in units of a typical one: a mean over the tokens of a batch of like lengths would count a token of
    a short answer for more than one of a long answer, and the model would learn to be brief.
    """
    start = int((tokens != PAD).any(0).int().argmax())
    tokens = tokens[:, start:]
    targets = tokens[:, 1:]
    logits = model.logits(model(tokens[:, :-1], start))  # (batch, time - 1, vocabulary)
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
    response_from = model.config.prompt_length - 1 - start  # the <sep> predicts the first token of the response
    weights = (targets != PAD).float()
    weights[:, :response_from] *= prompt_weight
    response = slice(response_from, None)
    response_loss = (losses * weights)[:, response].sum() / weights[:, response].sum()
    return (losses * weights).sum() / (len(tokens) * TYPICAL_TOKENS), response_loss
