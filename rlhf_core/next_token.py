"""What could come next: the tree of continuations that a language model walks through, and what sampling makes of it.

A response is one way through a tree: at every token the model gives each word of its vocabulary a probability, and one
of them is drawn, by temperature and top-k (`sampling`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rlhf_core.language_model import EOS, LanguageModel, PromptError
from rlhf_core.sampling import next_token_log_probs
from rlhf_core.tokenizer import SimpleTokenizer


@dataclass(frozen=True)
class Branch:
    """A token that could come, its probability after all that stands before it, and what could follow it."""

    token: str
    probability: float
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True)
class Fork:
    """A place where a token was chosen: how likely it was, its rank among all (from 1), and the likeliest others."""

    chosen: Branch
    rank: int
    others: tuple[Branch, ...]


@dataclass(frozen=True)
class TokenTree:
    """The tree around a path: the forks that led here, and what could come, two tokens deep."""

    forks: tuple[Fork, ...]
    branches: tuple[Branch, ...]
    """Likeliest first; empty where the response has ended or is as long as it can be."""
    log_probs: Tensor
    """Log-probabilities (vocabulary,) of what comes next, as it is drawn; of nothing where nothing comes."""
    logits: Tensor
    """The model's scores (vocabulary,) for the same."""


@dataclass(frozen=True)
class Sharpness:
    """What temperature and top-k make of one distribution."""

    entropy_before: float
    """Of the model's own distribution (temperature 1, every word), in nats."""
    entropy: float
    """Of the one that is drawn from, in nats."""
    kept: int
    """Words that can be drawn."""
    cut: float
    """Share of the model's own distribution that top-k cuts away."""


@torch.no_grad()
def token_tree(
    model: LanguageModel,
    prompt: str,
    path: Sequence[str],
    *,
    tokenizer: SimpleTokenizer,
    temperature: float = 1.0,
    top_k: int | None = None,
    width: int = 8,
    deep: int = 8,
    next_width: int = 3,
) -> TokenTree:
    """The tree around a path of tokens. width: how many branches, and how many others at a fork; deep: how many of the
    branches have branches of their own, `next_width` each.

    The path costs one pass through the model, and all that lies beyond the next token another.
    """
    ids, longest = tokenizer.encode(" ".join(path)), model.config.response_length
    if len(ids) > longest:
        raise PromptError(f"The response has {len(ids)} tokens; it ends at {longest}.")
    prompt_ids = model.encode_prompts([prompt], tokenizer)

    def after(rows: list[list[int]], places: int) -> Tensor:
        """Scores (rows, places, vocabulary) of the tokens at the last places of paths of one length, and after them."""
        sequences = torch.cat([prompt_ids.expand(len(rows), -1), torch.tensor(rows, dtype=torch.long)], 1)
        return model.logits(model(sequences)[:, -places:])

    def likeliest(log_probs: Tensor, n: int) -> list[tuple[int, Branch]]:
        found = log_probs.topk(min(n, int(log_probs.isfinite().sum())))
        pairs = zip(found.indices.tolist(), found.values.exp().tolist(), strict=True)
        return [(i, Branch(tokenizer.words[i], p)) for i, p in pairs]

    scores = after([ids[: longest - 1]], min(len(ids), longest - 1) + 1)[0]
    every = next_token_log_probs(scores, temperature, top_k)
    forks = tuple(
        Fork(
            Branch(tokenizer.words[chosen], float(log_probs[chosen].exp())),
            1 + int((log_probs > log_probs[chosen]).sum()),
            tuple(branch for i, branch in likeliest(log_probs, width) if i != chosen),
        )
        for chosen, log_probs in zip(ids, every, strict=False)
    )
    if EOS in ids or len(ids) >= longest:
        return TokenTree(forks, (), every[-1][:0], scores[-1][:0])
    first = likeliest(every[-1], width)
    branches = [branch for _, branch in first]
    going = [place for place, (i, _) in enumerate(first) if i != EOS][:deep] if len(ids) + 1 < longest else []
    if going:
        beyond = next_token_log_probs(after([[*ids, first[place][0]] for place in going], 1)[:, 0], temperature, top_k)
        for place, log_probs in zip(going, beyond, strict=True):
            own = tuple(branch for _, branch in likeliest(log_probs, next_width))
            branches[place] = replace(branches[place], branches=own)
    return TokenTree(forks, tuple(branches), every[-1], scores[-1])


def sharpness(logits: Tensor, temperature: float, top_k: int | None) -> Sharpness:
    """What temperature and top-k make of scores (vocabulary,)."""
    own, drawn = next_token_log_probs(logits, 1.0, None), next_token_log_probs(logits, temperature, top_k)
    kept = drawn.isfinite()
    return Sharpness(entropy(own), entropy(drawn), int(kept.sum()), float(own[~kept].exp().sum()))


def entropy(log_probs: Tensor) -> float:
    """How open a distribution still is, in nats: 0 where one word is certain, log n where n are equally likely. What
    can't be drawn (minus infinity) adds nothing."""
    probabilities = log_probs.exp()
    return -float((probabilities * log_probs.where(probabilities > 0, torch.zeros(()))).sum())
