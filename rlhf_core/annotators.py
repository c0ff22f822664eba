"""Simulated annotators: who answers in a person's place, with values that are written down and noise that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from rlhf_core.corpus import Prompt
from rlhf_core.gold import REFERENCE_VALUES, GoldJudge, Values, load_judge
from rlhf_core.language_model import MiniLM
from rlhf_core.preferences import PreferenceData, PreferenceDataset, Preferred
from rlhf_core.tokenizer import SimpleTokenizer

TIE_MARGIN = 0.1
"""Answers whose scores differ by no more than this are equal to an annotator, in points of score."""
CLEAR_MARGIN = 1.7
"""Beyond this an answer is clearly better to an annotator, else slightly, in points of score: half of the starting
model's pairs are clear."""
MOST_EVEN = 20
"""Pairs put aside for each one that is decided, beyond which an annotator is taken to prefer nothing."""

ANNOTATORS: dict[str, Values] = {
    "default": REFERENCE_VALUES,
    "flattery-loving": Values({**REFERENCE_VALUES.weights, "flattery": 1.5, "honesty": 0.0}),
    "safety-first": Values({"help": 1.0, "harm": -6.0, "honesty": 3.0, "politeness": 0.2, "repetition": -3.0,
                            "invalid": -4.0}),
    "politeness-only": Values({"help": 0.3, "politeness": 3.0, "flattery": 0.5, "repetition": -1.0, "invalid": -1.0}),
    "pirate-fan": Values({"help": 1.0, "harm": -1.0, "pirate": 4.0, "butler": -1.0, "invalid": -4.0}),
    "formality-fan": Values({"help": 1.0, "harm": -1.0, "formal": 4.0, "casual": -1.0, "invalid": -4.0}),
}  # fmt: skip
"""Whose values a simulated annotator may have, by name. Some have a taste in one language alone."""


def annotator_names(language: str) -> tuple[str, ...]:
    """The annotators whose every value can be read in a language."""
    readable = set(load_judge(language).attribute_names)
    return tuple(name for name, values in ANNOTATORS.items() if readable.issuperset(values.weights))


def annotator_values(name: str, language: str) -> Values:
    """The values of a named annotator. ValueError names the choices that a language has."""
    if name not in (known := annotator_names(language)):
        raise ValueError(
            f"There is no annotator {name!r} in the language {language!r}; choose one of {', '.join(known)}."
        )
    return ANNOTATORS[name]


class NothingToPreferError(ValueError):
    """To an annotator nearly all answers are equal."""


class Labeller(Protocol):
    """Whoever compares answers in a person's place."""

    @property
    def name(self) -> str: ...

    def compare(
        self, prompts: Sequence[Prompt], a: Sequence[str], b: Sequence[str], rng: torch.Generator
    ) -> list[Preferred]:
        """Which of two answers to each prompt is the better one."""
        ...


@dataclass(frozen=True)
class Annotator:
    """Prefers the answer that its values score higher; with probability `label_noise` it says the other one.

    utility_noise: how unsure it is of how much better an answer is, the standard deviation of its error in points of
    score (Thurstone, 1927): it errs where answers are nearly equal, and then says "slightly".
    """

    name: str
    values: Values
    judge: GoldJudge
    label_noise: float = 0.0
    utility_noise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.utility_noise <= 10:
            raise ValueError(f"The utility noise must lie between 0 and 10, not {self.utility_noise}.")
        if not 0 <= self.label_noise <= 0.5:
            raise ValueError(f"The label noise must lie between 0 and 0.5, not {self.label_noise}.")

    def margin(self, prompt: Prompt, a: str, b: str) -> float:
        """How much better a is than b, in points of score, before any noise."""
        return self.judge.score(prompt, a, values=self.values) - self.judge.score(prompt, b, values=self.values)

    def prefers(self, prompt: Prompt, a: str, b: str, rng: torch.Generator) -> Preferred:
        """The answer to one pair."""
        return self.grades(prompt, a, b, rng)[0]

    def grades(self, prompt: Prompt, a: str, b: str, rng: torch.Generator) -> tuple[Preferred, int]:
        """The answer to one pair, and how strongly it is meant: 1 slightly, 2 clearly, 0 for a tie."""
        margin = self.margin(prompt, a, b)
        if self.utility_noise:
            margin += self.utility_noise * float(torch.randn((), generator=rng))
        slip = float(torch.rand((), generator=rng)) < self.label_noise
        if abs(margin) <= TIE_MARGIN:
            return "tie", 0
        return "a" if (margin > 0) != slip else "b", 2 if abs(margin) > CLEAR_MARGIN else 1

    def compare(
        self, prompts: Sequence[Prompt], a: Sequence[str], b: Sequence[str], rng: torch.Generator
    ) -> list[Preferred]:
        """The answers to many pairs, one after the other."""
        return [self.prefers(prompt, x, y, rng) for prompt, x, y in zip(prompts, a, b, strict=True)]


@dataclass(frozen=True)
class PreferenceSample:
    """Generated comparisons, and how many more pairs were put aside because the annotator found them equal."""

    dataset: PreferenceDataset
    dropped_as_ties: int


def generate_preference_data(
    model: MiniLM,
    tokenizer: SimpleTokenizer,
    prompts: Sequence[Prompt],
    annotator: Labeller,
    n: int,
    rng: torch.Generator,
    *,
    temperature: float = 1.0,
) -> PreferenceSample:
    """Sample two answers to random prompts from a model and let an annotator compare them, until n pairs are decided.

    Pairs that the annotator finds equal are put aside and counted. NothingToPreferError if nearly all are.
    """
    if n < 0:
        raise ValueError(f"The number of labels must be 0 or more, not {n}.")
    found: list[PreferenceData] = []
    dropped = 0
    while len(found) < n:
        chosen = [prompts[int(i)] for i in torch.randint(len(prompts), (max(32, n),), generator=rng)]
        texts = [prompt.text for prompt in chosen]
        first, second = (
            model.generate(texts, tokenizer=tokenizer, rng=rng, temperature=temperature) for _ in range(2)
        )
        said = annotator.compare(chosen, [a.text for a in first], [b.text for b in second], rng)
        for prompt, a, b, preferred in zip(chosen, first, second, said, strict=True):
            if len(found) == n:
                break
            if preferred == "tie":
                dropped += 1
            else:
                found.append(
                    PreferenceData(
                        prompt=prompt.text,
                        response_a=a.text,
                        response_b=b.text,
                        preferred=preferred,
                        labeler=annotator.name,
                    )
                )
        if dropped > MOST_EVEN * (len(found) + 10):
            raise NothingToPreferError(
                f"The annotator {annotator.name!r} finds nearly all pairs equal; choose other values."
            )
    return PreferenceSample(PreferenceDataset(found), dropped)
