"""Reward models that are neural networks: nothing of them is frozen, so all they know of answers comes from labels.

Two networks read a prompt and a response: the notebook's LSTM over one-hot words (Hochreiter and Schmidhuber, 1997),
reconstructed, and a transformer that begins as the language model and is fine-tuned whole (Stiennon et al., 2020). Both
minimise the Bradley-Terry loss, -log sigmoid(r(a) - r(b)), by gradient descent. The notebook's network saw no
prompt; `sees_prompt` lets either network have it or not.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlhf_core.attribute_encoder import response_ids
from rlhf_core.language_model import BOS, PAD, SEP, MiniLM
from rlhf_core.preferences import PreferenceDataset
from rlhf_core.tokenizer import SimpleTokenizer

LEARNING_RATES = {"lstm": 3e-3, "transformer": 1e-3}
"""The step size that suits each network."""
NETWORKS = tuple(LEARNING_RATES)


class LSTMScorer(nn.Module):
    """The notebook's network: one-hot words, an LSTM, and two layers on its last state."""

    def __init__(self, vocabulary: int, rng: torch.Generator, width: int = 64) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.lstm = nn.LSTM(vocabulary, width, batch_first=True)
        self.hidden = nn.Linear(width, width)
        self.score = nn.Linear(width, 1)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(width), 1 / math.sqrt(width), generator=rng)
        _begin_even(self.score)

    def forward(self, prompt_ids: Tensor, responses: Tensor) -> Tensor:
        """(batch,) scores of prompts (batch, prompt_length), padded on the left, and responses, on the right."""
        sequence = torch.cat([prompt_ids, responses], 1)
        columns = torch.arange(sequence.shape[1]) + (prompt_ids == PAD).sum(1, keepdim=True)
        sequence = sequence.gather(1, columns % sequence.shape[1])  # all padding on the right
        length = (sequence != PAD).sum(1)
        words = F.one_hot(sequence[:, : int(length.max())], self.vocabulary).float()
        last = self.lstm(words)[0][torch.arange(len(words)), length - 1]
        return self.score(torch.relu(self.hidden(last)))[:, 0]


class TransformerScorer(nn.Module):
    """A copy of the language model with a scalar in place of the next word, read from the mean and the last of a
    response's hidden states: from the last alone it learns less of few labels."""

    def __init__(self, model: MiniLM) -> None:
        super().__init__()
        self.trunk = copy.deepcopy(model).requires_grad_(True)
        self.score = nn.Linear(2 * model.config.width, 1)
        _begin_even(self.score)

    def forward(self, prompt_ids: Tensor, responses: Tensor) -> Tensor:
        """As `LSTMScorer.forward`."""
        hidden = self.trunk.response_states(prompt_ids, responses)
        length = (responses != PAD).sum(1)
        mean = hidden.sum(1) / length[:, None]
        last = hidden[torch.arange(len(hidden)), length - 1]
        return self.score(torch.cat([mean, last], 1))[:, 0]


def _begin_even(score: nn.Linear) -> None:
    """An untrained network calls every pair even, as the Bradley-Terry head does."""
    nn.init.zeros_(score.weight)
    nn.init.zeros_(score.bias)


class NeuralReward:
    """A network with what turns texts into its tokens.

    network: one of `NETWORKS`. model: the language model, whose copy the transformer begins as. Words of a response
    outside the vocabulary are passed over; those of a prompt raise UnknownWordsError.
    """

    def __init__(
        self, network: str, model: MiniLM, tokenizer: SimpleTokenizer, *, sees_prompt: bool = True, seed: int = 0
    ) -> None:
        if network not in NETWORKS:
            raise ValueError(f"There is no network {network!r}; choose one of {', '.join(NETWORKS)}.")
        self.model, self.tokenizer, self.sees_prompt = model, tokenizer, sees_prompt
        rng = torch.Generator().manual_seed(seed)
        self.network = LSTMScorer(len(tokenizer), rng) if network == "lstm" else TransformerScorer(model)

    def encode(self, prompts: Sequence[str], responses: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids of prompts (batch, prompt_length), empty ones if they are not to be seen, and of responses (batch,
        time)."""
        length = self.model.config.prompt_length
        if self.sees_prompt:
            prompt_ids = self.model.encode_prompts(prompts, self.tokenizer)
        else:
            prompt_ids = torch.tensor([[PAD] * (length - 2) + [BOS, SEP]]).expand(len(prompts), -1)
        known = list(map(self.tokenizer.encode_known, responses))
        return prompt_ids, response_ids(known, self.model.config.response_length)

    @torch.no_grad()
    def score(self, prompts: Sequence[str], responses: Sequence[str], batch_size: int = 128) -> Tensor:
        """Rewards (batch,), in log-odds of being preferred."""
        batches = [slice(i, i + batch_size) for i in range(0, len(prompts), batch_size)]
        found = [self.network(*self.encode(prompts[part], responses[part])) for part in batches]
        return torch.cat(found) if found else torch.zeros(0)


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """How one step of a reward model's training is done."""

    learning_rate: float = LEARNING_RATES["transformer"]
    """AdamW's step size."""
    batch_size: int = 16
    """Labels per step, at most."""
    weight_decay: float = 0.05
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "max_grad_norm"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}.")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ValueError(f"weight_decay must be 0 or more, not {self.weight_decay}.")
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {self.batch_size}.")


@dataclass(frozen=True, kw_only=True)
class RewardMetrics:
    """What one step measured."""

    step: int
    preference_loss: float
    """Of the step's labels, before it, in nats a label; ln 2 is knowing nothing."""
    cpu_seconds: float


class RewardTrainer:
    """Trains a network on labels; `step` by `step`, saved and resumed with optimiser and random state.

    seed: names the order of the labels; nothing global is touched.
    """

    def __init__(self, reward: NeuralReward, labels: PreferenceDataset, config: RewardConfig, seed: int) -> None:
        if not labels:
            raise ValueError("There is no label to learn from; label some pairs first.")
        self.reward, self.config = reward, config
        prompt_ids, answers = reward.encode(labels.prompts * 2, labels.responses_a + labels.responses_b)
        self.prompt_ids = prompt_ids[: len(labels)]
        self.a, self.b = answers.chunk(2)
        self.targets = labels.targets
        self.optimizer = torch.optim.AdamW(reward.network.parameters(), lr=config.learning_rate, fused=True)
        self.rng = torch.Generator().manual_seed(seed)
        self.steps_done = 0
        self.cpu_seconds = 0.0

    def step(self, config: RewardConfig | None = None) -> RewardMetrics:
        """One gradient step on labels drawn at random. A config given here holds from this step on."""
        self.config = config = config or self.config
        began = time.process_time()
        chosen = torch.randperm(len(self.targets), generator=self.rng)[: config.batch_size]
        loss = bradley_terry_loss(
            self.reward.network, self.prompt_ids[chosen], self.a[chosen], self.b[chosen], self.targets[chosen]
        )
        for group in self.optimizer.param_groups:
            group |= {"lr": config.learning_rate, "weight_decay": config.weight_decay}
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.reward.network.parameters(), config.max_grad_norm)
        self.optimizer.step()
        self.steps_done += 1
        self.cpu_seconds += time.process_time() - began
        return RewardMetrics(step=self.steps_done, preference_loss=loss.item(), cpu_seconds=self.cpu_seconds)

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "network": self.reward.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.get_state(),
            "steps_done": self.steps_done,
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.reward.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.set_state(state["rng"])
        self.steps_done, self.cpu_seconds = state["steps_done"], state["cpu_seconds"]


def bradley_terry_loss(
    network: Callable[[Tensor, Tensor], Tensor], prompt_ids: Tensor, a: Tensor, b: Tensor, targets: Tensor
) -> Tensor:
    """Mean over pairs of -y log s(r(a) - r(b)) - (1 - y) log s(r(b) - r(a)), in nats, with s the sigmoid and y the
    targets (pairs,), P(a preferred)."""
    first, second = network(torch.cat([prompt_ids, prompt_ids]), torch.cat([a, b])).chunk(2)
    return F.binary_cross_entropy_with_logits(first - second, targets)
