"""The words of a language model: where the grammar uses them, how often, and where training has put their vectors."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf_core.corpus import CATEGORIES, Grammar
from rlhf_core.tokenizer import SimpleTokenizer

KINDS = ("topic", "question", "manner", "honesty", "style", "common", "mark", "special")
"""What a token is for: a word of what is said about one category of topics alone; of questions alone; of politeness,
rudeness or flattery alone; of overclaims and hedges alone; of a style alone; a word of several of these places;
punctuation; a token that is no text."""


def word_kinds(grammar: Grammar) -> dict[str, str]:
    """What each token is for, by `KINDS`: where the grammar uses it, and where not."""
    p = grammar.phrases
    manner = _words((*p.polite_openers, *p.polite_closers, *p.rude, *p.flattery))
    honesty = _words((*p.hedges, *p.overclaims))
    style = frozenset[str]().union(*(one.markers for one in grammar.styles.values()))
    asked = _words(prompt.text for prompt in grammar.prompts)
    said = _words(grammar.sentences)
    categories: Counter[str] = Counter()
    for category in CATEGORIES:
        topics = [topic for topic in grammar.topics if topic.category == category]
        categories.update(_words(core.text for topic in topics for core in grammar.cores(topic)))
    found: dict[str, str] = {word: "special" for word in SimpleTokenizer.SPECIALS}
    for word in grammar.words:
        if not any(letter.isalnum() for letter in word):
            found[word] = "mark"
        elif word in style:
            found[word] = "style"
        elif word in categories:
            alone = categories[word] == 1 and word not in manner and word not in honesty
            found[word] = "topic" if alone else "common"
        elif word in manner and word not in honesty:
            found[word] = "manner"
        elif word in honesty and word not in manner:
            found[word] = "honesty"
        else:
            found[word] = "question" if word in asked and word not in said else "common"
    return found


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in text.split()}


def word_counts(grammar: Grammar, dialogues: int, rng: random.Random) -> Counter[str]:
    """How often each word comes in so many dialogues such as a model learns from."""
    prompts = grammar.split("train")
    counts: Counter[str] = Counter()
    for _ in range(dialogues):
        prompt = rng.choice(prompts)
        counts.update(prompt.text.split())
        counts.update(grammar.respond(prompt.topic, rng).split())
    return counts


@dataclass(frozen=True)
class Plane:
    """Vectors as points of the plane along which they differ most (principal component analysis; Pearson, 1901)."""

    points: Tensor
    """(vectors, 2)."""
    shares: tuple[float, float]
    """How much of all variance lies along each axis."""


def principal_plane(vectors: Tensor) -> Plane:
    """The plane of vectors (count, width), by the singular value decomposition of their differences from their mean.
    Each axis points to where its longest weight is positive, so that the same vectors give the same picture."""
    centred = vectors - vectors.mean(0)
    _, values, axes = torch.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * axes[:2].gather(1, axes[:2].abs().argmax(1, keepdim=True)).sign()
    shares = values[:2] ** 2 / (values**2).sum()
    return Plane(centred @ axes.T, (float(shares[0]), float(shares[1])))


def neighbours(vectors: Tensor, place: int, n: int) -> list[tuple[int, float]]:
    """The n other vectors that point most nearly where the one at a place does, each with the cosine of the angle
    between them; all are taken from their mean, which they share whatever they mean."""
    centred = vectors - vectors.mean(0)
    cosines = torch.nn.functional.cosine_similarity(centred, centred[place], dim=1)
    cosines[place] = -torch.inf
    found = cosines.topk(min(n, len(vectors) - 1))
    return list(zip(found.indices.tolist(), found.values.tolist(), strict=True))


def by_kind(kinds: Mapping[str, str]) -> dict[str, int]:
    """How many tokens are of each kind."""
    counts = Counter(kinds.values())
    return {kind: counts[kind] for kind in KINDS if counts[kind]}
