"""Writing as drawing: from a model's scores of what could come next to the token that does.

The softmax of the scores is a distribution over the vocabulary. Temperature divides the scores before it, so that
likely words become likelier (below 1) or less so (above 1); top-k leaves only the k likeliest to be drawn (Fan et al.,
2018). A token is drawn by inverting the cumulative distribution at a number that is uniform between 0 and 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor

from rlhf_core.tokenizer import SimpleTokenizer


class Responses(NamedTuple):
    """Sampled responses of one batch, as tensors of shape (batch, time)."""

    tokens: Tensor
    """int64, <pad> after the end."""
    log_probs: Tensor
    """Log-probability of each token under the distribution it was drawn from; 0 after the end."""
    mask: Tensor
    """True where a token counts, the <eos> included."""

    @classmethod
    def until(cls, end: int, tokens: Tensor, log_probs: Tensor, longest: int) -> Responses:
        """Responses whose tokens (batch, time) count up to the first `end`, and at most so many."""
        ends = (tokens == end).int()
        mask = (ends.cumsum(1) - ends) == 0
        mask[:, longest:] = False
        return cls(tokens * mask, log_probs * mask, mask)


@dataclass(frozen=True)
class Generation:
    """One sampled answer in words."""

    text: str
    tokens: tuple[str, ...]
    log_probs: tuple[float, ...]
    ended: bool


def check_sampling(temperature: float, top_k: int | None) -> None:
    """ValueError for what can't be sampled with."""
    if temperature < 0:
        raise ValueError(f"The temperature must be 0 or more, not {temperature}.")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least 1, not {top_k}.")


def tempered(logits: Tensor, temperature: float, top_k: int | None = None) -> Tensor:
    """Scores (batch, vocabulary) of the distribution that sampling draws from. Temperature 0 leaves the model's own."""
    logits = logits if temperature in (0, 1) else logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        kept = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < kept, -math.inf)
    return logits


def next_token_log_probs(logits: Tensor, temperature: float, top_k: int | None = None) -> Tensor:
    """Log-probabilities (batch, vocabulary) that sampling draws from, see `tempered`."""
    return torch.log_softmax(tempered(logits, temperature, top_k), -1)


def draw(probabilities: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """One token a row of probabilities (batch, vocabulary), (batch,), by the inverse of the cumulative distribution;
    greedy at temperature 0. uniform: (batch,)."""
    if temperature == 0:
        return probabilities.argmax(-1)
    cumulative = probabilities.cumsum(-1)
    at = (uniform * cumulative[:, -1])[:, None]
    return torch.searchsorted(cumulative, at, right=True)[:, 0].clamp_(max=probabilities.shape[1] - 1)


def to_generations(responses: Responses, tokenizer: SimpleTokenizer) -> list[Generation]:
    """Sampled token ids as text."""
    found: list[Generation] = []
    for row, log_probs, mask in zip(*responses, strict=True):
        ids = cast(list[int], row[mask].tolist())
        found.append(
            Generation(
                text=tokenizer.decode(ids),
                tokens=tuple(tokenizer.words[i] for i in ids),
                log_probs=tuple(cast(list[float], log_probs[mask].tolist())),
                ended=ids[-1] == tokenizer.EOS,
            )
        )
    return found
