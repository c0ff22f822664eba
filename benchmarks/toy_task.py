"""A task so plain that any trainer can be set on it, as fast as it can be: write good words.

500 words of no meaning, the first 50 good and the next 50 bad. A policy's reward is the share of good words among its
20; a random one has a tenth. A text's worth, for preferences, is its good words less its bad ones. Only the standard
library is needed, so that the same file serves another library's process.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

SPECIALS = ("<pad>", "<eos>", "<unk>")
WORDS = tuple(f"w{i:03d}" for i in range(500 - len(SPECIALS)))
GOOD, BAD, NEUTRAL = frozenset(WORDS[:50]), frozenset(WORDS[50:100]), WORDS[100:]
PROMPT, RESPONSE, CONTEXT = 4, 20, 64
"""Lengths in words, and the room that a model has."""
WIDTH, LAYERS, HEADS = 128, 3, 4
BATCH, EPOCHS, MINIBATCHES, GROUP = 64, 4, 4, 8
KL_COEF = 0.01
PROMPTS, PAIRS, PAIR_BATCH, PAIR_EPOCHS, HELD_OUT = 1024, 2000, 32, 3, 500
TARGET = 0.8
"""Reward at which the clock is read."""


def reward(response: str) -> float:
    """Share of good words among the `RESPONSE` of a response."""
    return sum(word in GOOD for word in response.split()) / RESPONSE


def make_prompts(n: int, seed: int) -> list[str]:
    """Prompts of neutral words."""
    rng = random.Random(f"prompts {seed}")
    return [" ".join(rng.choices(NEUTRAL, k=PROMPT)) for _ in range(n)]


@dataclass(frozen=True)
class Pair:
    """Two texts after a prompt, as a noisy reader ordered them."""

    prompt: str
    chosen: str
    rejected: str
    margin: int
    """How much more the chosen one is worth; below 0 where the reader erred."""


def make_pairs(n: int, seed: int) -> list[Pair]:
    """Pairs of texts of 5 to 20 words; the first is chosen with probability sigmoid(worth - other's worth)."""
    rng = random.Random(f"pairs {seed}")
    pairs: list[Pair] = []
    for prompt in make_prompts(n, seed):
        a, b = _text(rng), _text(rng)
        margin = _worth(a) - _worth(b)
        if rng.random() >= 1 / (1 + math.exp(-margin)):
            a, b, margin = b, a, -margin
        pairs.append(Pair(prompt, a, b, margin))
    return pairs


def best_accuracy(pairs: list[Pair]) -> float:
    """Share of the reader's choices that their own worth foretells; a tie counts half."""
    return sum((pair.margin > 0) + 0.5 * (pair.margin == 0) for pair in pairs) / len(pairs)


def _text(rng: random.Random) -> str:
    """A text with shares of good and bad words of its own, up to two fifths of each."""
    good, bad = 0.4 * rng.random(), 0.4 * rng.random()
    pools = (sorted(GOOD), sorted(BAD), NEUTRAL)
    drawn = rng.choices(pools, (good, bad, 1 - good - bad), k=rng.randint(5, 20))
    return " ".join(rng.choice(pool) for pool in drawn)


def _worth(text: str) -> int:
    return sum((word in GOOD) - (word in BAD) for word in text.split())
