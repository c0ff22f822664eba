"""A judge for each principle: logistic regression over frozen features, learnt from the principle's examples at once.

The features are the reward model's (`reward_model.FeatureExtractor`): what the attribute encoder reads from question
and answer, and the words. A judge is the maximum a posteriori of P(breaks) = sigmoid(w features + b) under a zero-mean
Gaussian prior, a dozen examples to either side; it is fitted in about a millisecond, so editing an example acts on the
next answer that is judged. What the encoder was never taught to read and no word gives away, no example can teach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from rlhf_core import reading
from rlhf_core.constitution import Constitution, Example
from rlhf_core.corpus import Grammar
from rlhf_core.language_model import MiniLMConfig
from rlhf_core.reward_model import FeatureExtractor, fit_bradley_terry

PRIOR_PRECISION = 0.3
"""One over the variance of each weight: few examples, but no noise in them."""
WORDS_LOUDER = 3.0
"""A word counts this many times as much as in the reward model: what a principle of one's own is about is often a word
that no attribute reads."""
BIAS = 3.0
"""Value of the constant feature: the larger, the freer the intercept."""

LONGEST_PROMPT = MiniLMConfig(vocabulary=0).prompt_length - 2


class ConstitutionJudge:
    """Judges answers by every principle of a constitution. Texts are tokens. Words of an answer outside the vocabulary
    are passed over; those of a question are an UnknownWordsError, see `read_pair`."""

    def __init__(self, constitution: Constitution, extractor: FeatureExtractor, grammar: Grammar) -> None:
        self.constitution, self.extractor, self.grammar = constitution, extractor, grammar
        fitted = [_fit(p.breaks, p.keeps, extractor, grammar) for p in constitution.principles]
        self.weights = torch.stack([weights for weights, _ in fitted])
        """(principles, features + 1), the intercept last."""
        self.surest = torch.stack([surest for _, surest in fitted])
        """(principles,): the P(breaks) of the example that each is surest of: few examples leave it less sure."""

    def probabilities(self, prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
        """P(breaks) of each answer by each principle, (batch, principles), switched off or not."""
        return self.probabilities_of(self.extractor.features(prompts, responses))

    def probabilities_of(self, features: Tensor) -> Tensor:
        """Likewise from features (batch, features) that are known already."""
        return torch.sigmoid(_inputs(features, self.extractor) @ self.weights.T)

    def scores(self, prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
        """What the answers are worth to the constitution, (batch,): minus the weighted sum of P(breaks) over the
        principles in force. A principle that is turned round has a negative weight and rewards what breaks it."""
        return self.scores_of(self.extractor.features(prompts, responses))

    def scores_of(self, features: Tensor) -> Tensor:
        """Likewise from features (batch, features)."""
        return self.worth(self.probabilities_of(features))

    def worth(self, probabilities: Tensor) -> Tensor:
        """Likewise from P(breaks) by each principle, (batch, principles)."""
        weights = torch.tensor([p.weight * p.enabled for p in self.constitution.principles])
        return -probabilities @ weights


@lru_cache(256)  # an edit of one principle leaves the others as they were
def _fit(
    breaks: tuple[Example, ...], keeps: tuple[Example, ...], extractor: FeatureExtractor, grammar: Grammar
) -> tuple[Tensor, Tensor]:
    """Weights of a principle's judge, (features + 1,), and how sure it is of an example at the most."""
    read = [read_pair(grammar, example.prompt, example.response) for example in (*breaks, *keeps)]
    features = extractor.features([pair.prompt for pair in read], [pair.response for pair in read])
    targets = torch.tensor([1.0] * len(breaks) + [0.0] * len(keeps))
    # Logistic regression is Bradley-Terry's likelihood with features in the place of differences.
    inputs = _inputs(features, extractor)
    weights = fit_bradley_terry(inputs, targets, PRIOR_PRECISION)
    return weights, torch.sigmoid(inputs @ weights).amax()


@dataclass(frozen=True)
class ReadPair:
    """A question and an answer as they can be judged: tokens of the grammar. unknown: words that it lacks, which are
    passed over."""

    prompt: str
    response: str
    unknown: tuple[str, ...]


def read_pair(grammar: Grammar, prompt: str, response: str) -> ReadPair:
    """Read a question and an answer that somebody typed, as far as their words are known. An answer to no question, or
    to one of unknown words alone, is judged as an answer to the neutral one."""
    asked, answered = reading.read(grammar, prompt), reading.read_words(grammar, response)
    known = [word for word in asked.text.split() if word in grammar.vocabulary][:LONGEST_PROMPT]
    if not any(character.isalnum() for word in known for character in word):
        known = []
    unknown = dict.fromkeys((*asked.unknown, *answered.unknown))
    return ReadPair(" ".join(known) or grammar.neutral_prompt, answered.text, tuple(unknown))


def _inputs(features: Tensor, extractor: FeatureExtractor) -> Tensor:
    """What the regression sees of features (batch, features): words louder, and a constant."""
    loudness = torch.ones(features.shape[1])
    loudness[-len(extractor.tokenizer) :] = WORDS_LOUDER
    return torch.cat([features * loudness, torch.full((len(features), 1), BIAS)], 1)
