"""The log-likelihood of given tokens, to learn from: of all that a model says of a token's place, one number."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor


def token_log_probs(logits: Tensor, tokens: Tensor) -> Tensor:
    """log softmax(logits) at the tokens, (n,). logits: (n, vocabulary); tokens: (n,)."""
    return cast(Tensor, _TokenLogProbs.apply(logits, tokens))


class _TokenLogProbs(torch.autograd.Function):
    """`log_softmax` and `gather` in one, whose gradient is one-hot(token) - softmax(logits).

    Apart, each takes a pass over the vocabulary and the exponents are taken twice; here the probabilities are kept.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, tokens: Tensor) -> Tensor:
        at = tokens[:, None]
        p = torch.softmax(logits, 1)
        ctx.save_for_backward(p, at)
        chosen = p.gather(1, at)[:, 0]
        if chosen.all():
            return chosen.log_()
        return torch.log_softmax(logits, 1).gather(1, at)[:, 0]  # too unlikely to have a logarithm

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        p, at = cast(tuple[Tensor, Tensor], ctx.saved_tensors)
        gradient = gradients[0][:, None]
        return (p * -gradient).scatter_add_(1, at, gradient), None
