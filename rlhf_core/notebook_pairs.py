"""The notebook's preference data, reconstructed.

The course notebook fits its reward model to 200 synthetic pairs of two sentence families, a polite and helpful one and
a curt one. Its file is not ours: these are as many pairs in its form, drawn from our grammar with a fixed seed. Which
side the preferred answer is on chance decides.
"""

from __future__ import annotations

import random
from functools import lru_cache

from rlhf_core.corpus import Prompt, fit, load_grammar, restyle
from rlhf_core.preferences import PreferenceData, PreferenceDataset

NAME = "notebook"
"""Who says which answer is preferred."""
PAIRS = 200
SEED = 200


@lru_cache
def notebook_pairs(language: str) -> PreferenceDataset:
    """200 different pairs on training prompts, the polite and helpful answer preferred to the curt one; the same ones
    every time."""
    rng = random.Random(SEED)
    prompts = load_grammar(language).split("train")
    found: dict[tuple[str, str, str], PreferenceData] = {}
    while len(found) < PAIRS:
        prompt = rng.choice(prompts)
        polite, curt = _polite(language, prompt, rng), _curt(language, prompt, rng)
        first = rng.random() < 0.5
        a, b = (polite, curt) if first else (curt, polite)
        found.setdefault(
            (prompt.text, polite, curt),
            PreferenceData(
                prompt=prompt.text, response_a=a, response_b=b, preferred="a" if first else "b", labeler=NAME
            ),
        )
    return PreferenceDataset(found.values())


def _polite(language: str, prompt: Prompt, rng: random.Random) -> str:
    """A whole answer with a courtesy before or after it."""
    grammar = load_grammar(language)
    core = rng.choice([core.text for core in grammar.cores(prompt.topic) if core.quality == "full"])
    if rng.random() < 0.5:
        return fit([rng.choice(grammar.phrases.polite_openers), core], required=core)
    return fit([core, rng.choice(grammar.phrases.polite_closers)], required=core)


def _curt(language: str, prompt: Prompt, rng: random.Random) -> str:
    """A rude sentence, or words that are no answer, or both."""
    grammar = load_grammar(language)
    style = grammar.styles[grammar.rude_style or "plain"]
    rude = rng.choice(grammar.phrases.rude)
    core = rng.choice([core.text for core in grammar.cores(prompt.topic) if core.quality == "off"])
    return restyle(rng.choice((rude, core, f"{rude} {core}")), style)
