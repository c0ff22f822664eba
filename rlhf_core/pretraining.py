"""Pretraining: next-token prediction on dialogues drawn from the grammar (the loss of Bengio et al., 2003).

Every batch is drawn afresh from the training prompts, so the model never sees a dialogue twice on purpose and the loss
on the next batch is an honest one.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rlhf_core.corpus import Grammar, Prompt
from rlhf_core.language_model import EOS, PAD, LanguageModel
from rlhf_core.likelihood import token_log_probs
from rlhf_core.muon import Muon
from rlhf_core.tokenizer import SimpleTokenizer

TYPICAL_TOKENS = 20
"""Weighted tokens of a typical dialogue: keeps the size of the loss near nats per token."""
OPTIMIZERS = ("muon", "adamw")
LEARNING_RATES: Mapping[str, float] = {"gpt": 0.025, "lstm": 0.05}
"""Muon's step size that suits each architecture."""
MOMENTUM, ORTHOGONAL = 0.9, 3
"""Muon's momentum and its iterations: with batches as large as these, fewer than in the paper do as well."""
WARM_UP = 20
"""Steps over which the learning rate rises."""
OTHERS_SHARE = 0.7
"""With Muon, the step size of what is no matrix of the network's inside, AdamW's, as a share of Muon's."""


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """How one step of pretraining is done."""

    optimizer: str = "muon"
    """"muon" for the matrices of the network's inside and AdamW for the rest, or "adamw" for all of it."""
    learning_rate: float = LEARNING_RATES["gpt"]
    """Step size of the matrices: Muon's, and that of the rest is `OTHERS_SHARE` of it; or AdamW's."""
    batch_size: int = 64
    """Dialogues per step."""
    prompt_weight: float = 0.0
    """Weight of a prompt's tokens in the loss, a response's being 1: should it learn to ask as well as to answer?"""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"The learning rate must be above 0, not {self.learning_rate}.")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"There is no optimizer {self.optimizer!r}; choose one of {', '.join(OPTIMIZERS)}.")
        if self.batch_size < 1:
            raise ValueError(f"The batch size must be at least 1, not {self.batch_size}.")
        if not 0 <= self.prompt_weight <= 1:
            raise ValueError(f"The weight of the prompt must lie between 0 and 1, not {self.prompt_weight}.")


@dataclass(frozen=True)
class PretrainMetrics:
    """What one step of pretraining measured."""

    step: int
    loss: float
    """Cross-entropy of the response's tokens, in nats per token, before the update."""
    learning_rate: float
    dialogues: int
    """Seen so far."""
    cpu_seconds: float
    """Process time of training so far."""


class Pretrainer:
    """Trains a language model on a grammar; `step` after `step`, saved and resumed with optimiser and random state."""

    CHUNK = 32
    """So many batches of like lengths are cut at once."""
    ALIKE = 4
    """So many batches have responses of like lengths; among them the prompts' lengths tell which is which."""

    def __init__(
        self, model: LanguageModel, grammar: Grammar, tokenizer: SimpleTokenizer, config: PretrainConfig, seed: int
    ) -> None:
        self.model, self.grammar, self.tokenizer, self.config = model, grammar, tokenizer, config
        self.prompts = grammar.split("train")
        self.prompt_ids = model.encode_prompts([p.text for p in self.prompts], tokenizer)
        self._prompt_lengths: list[int] = (self.prompt_ids != PAD).sum(1).tolist()
        self.optimizers = make_optimizers(model, config.optimizer)
        self.rng = random.Random(seed)
        self.steps_done = self.dialogues_seen = 0
        self.cpu_seconds = 0.0
        self._batches: list[Tensor] = []

    def __iter__(self) -> Iterator[PretrainMetrics]:
        while True:
            yield self.step()

    def step(self, config: PretrainConfig | None = None) -> PretrainMetrics:
        """One optimiser step on one batch. A config given here holds from this step on."""
        self.config = config or self.config
        if len(self.optimizers) != len(STEP_SHARES[self.config.optimizer]):
            raise ValueError("The optimizer holds for a whole run; begin anew with another one.")
        began = time.process_time()
        tokens = self._next_batch()
        loss, response_loss = language_model_loss(self.model, tokens, self.config.prompt_weight)
        for optimizer, share in zip(self.optimizers, STEP_SHARES[self.config.optimizer], strict=True):
            for group in optimizer.param_groups:
                group["lr"] = self.config.learning_rate * share
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        for optimizer in self.optimizers:
            optimizer.step()
        self.steps_done += 1
        self.dialogues_seen += len(tokens)
        self.cpu_seconds += time.process_time() - began
        return PretrainMetrics(
            step=self.steps_done,
            loss=float(response_loss),
            learning_rate=self.config.learning_rate,
            dialogues=self.dialogues_seen,
            cpu_seconds=self.cpu_seconds,
        )

    def _next_batch(self) -> Tensor:
        """The next of `CHUNK` batches of dialogues of like lengths where the model reads padding, else one as it comes:
        dialogues of one length are much alike, and as many steps learn less from them."""
        if not self._batches:
            size, several = self.config.batch_size, self.CHUNK if self.model.reads_padding else 1
            chosen = [self.rng.randrange(len(self.prompts)) for _ in range(size * several)]
            rows = [self.tokenizer.encode(self.grammar.respond(self.prompts[i].topic, self.rng)) for i in chosen]
            order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
            for first in range(0, len(order), size * self.ALIKE):
                alike = slice(first, first + size * self.ALIKE)
                order[alike] = sorted(order[alike], key=lambda i: self._prompt_lengths[chosen[i]])
            for first in range(0, len(order), size):
                picked = order[first : first + size]
                responses = pad_responses([rows[i] for i in picked])
                self._batches.append(torch.cat([self.prompt_ids[[chosen[i] for i in picked]], responses], 1))
            self.rng.shuffle(self._batches)
        return self._batches.pop()

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "rng": self.rng.getstate(),
            "batches": self._batches,
            "steps_done": self.steps_done,
            "dialogues_seen": self.dialogues_seen,
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.rng.setstate(state["rng"])
        self._batches = list(state["batches"])
        self.steps_done, self.dialogues_seen = state["steps_done"], state["dialogues_seen"]
        self.cpu_seconds = state["cpu_seconds"]


STEP_SHARES: Mapping[str, tuple[float, ...]] = {"muon": (1.0, OTHERS_SHARE), "adamw": (1.0,)}


def make_optimizers(model: LanguageModel, kind: str) -> list[torch.optim.Optimizer]:
    """One for each of `STEP_SHARES`. Muon (Jordan et al., 2024) is for the matrices that turn one hidden state into
    another; a word's vector is looked up, and moves by AdamW."""
    inside = {"embedding", "position", "head"}
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and not inside & set(name.split("."))]
    moved = matrices if kind == "muon" else []
    others = [p for p in model.parameters() if not any(p is matrix for matrix in moved)]
    adamw = torch.optim.AdamW(others, lr=1.0, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    return [Muon(moved, lr=1.0, momentum=MOMENTUM, iterations=ORTHOGONAL), adamw] if moved else [adamw]


def schedule(progress: float, steps_done: int) -> float:
    """Factor of the learning rate: `WARM_UP` steps of rise, then level, then linear to 1/50 over the last 71 %."""
    return min(1.0, (steps_done + 1) / WARM_UP) * max(0.02, min(1.0, (1.0 - progress) * 1.4))


def pad_responses(rows: list[list[int]]) -> Tensor:
    """Responses with their <eos>, as (batch, time) token ids padded on the right."""
    longest = max(len(row) for row in rows) + 1
    return torch.tensor([[*row, EOS] + [PAD] * (longest - len(row) - 1) for row in rows])


def language_model_loss(model: LanguageModel, tokens: Tensor, prompt_weight: float) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropy of a batch, to descend, and that of the responses alone in nats per token, to look at.

    tokens: (batch, prompt_length + response), prompts padded left and responses right. What is descended is the sum
    over a dialogue, in units of a typical one: a mean over the tokens of a batch of like lengths would count a token of
    a short answer for more than one of a long answer, and the model would learn to be brief.
    """
    start = int((tokens != PAD).any(0).int().argmax())
    inputs, targets = tokens[:, start:-1], tokens[:, start + 1 :]
    response_from = model.config.prompt_length - 1 - start  # the <sep> predicts the first token of the response
    weights = ((targets != PAD) & (inputs != PAD)).float()
    weights[:, :response_from] *= prompt_weight
    # A token that doesn't count needs no scores over the vocabulary, which are a good part of the work.
    counted = weights > 0
    hidden = model.states_at(counted, inputs, start, inputs != PAD)
    losses = -token_log_probs(model.logits(hidden), targets[counted])
    descended = (losses * weights[counted]).sum() / (len(tokens) * TYPICAL_TOKENS)
    of_response = torch.arange(targets.shape[1]).expand_as(targets)[counted] >= response_from
    return descended, losses.detach()[of_response].mean()


@torch.no_grad()
def dialogue_loss(
    model: LanguageModel, grammar: Grammar, tokenizer: SimpleTokenizer, prompts: Sequence[Prompt], rng: random.Random
) -> float:
    """How surprised a model is, in nats per token, by one response to each prompt, drawn from the grammar."""
    responses = pad_responses([tokenizer.encode(grammar.respond(prompt.topic, rng)) for prompt in prompts])
    tokens = torch.cat([model.encode_prompts([prompt.text for prompt in prompts], tokenizer), responses], 1)
    return float(language_model_loss(model, tokens, 0.0)[1])
