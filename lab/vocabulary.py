"""The words of a language as a page lists them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from lab import models
from rlhf_core.vocabulary import word_counts, word_kinds

COUNTED = 2000
"""Dialogues that frequencies are counted in."""


@dataclass(frozen=True)
class Word:
    """A token of the vocabulary. count: how often it comes in `COUNTED` dialogues."""

    number: int
    text: str
    kind: str
    count: int


@lru_cache
def words(language: str) -> tuple[Word, ...]:
    """Every token of a language, in the order of the ids."""
    assets = models.assets(language)
    kinds, counts = word_kinds(assets.grammar), word_counts(assets.grammar, COUNTED, random.Random(0))
    return tuple(Word(i, text, kinds[text], counts[text]) for i, text in enumerate(assets.tokenizer.words))
