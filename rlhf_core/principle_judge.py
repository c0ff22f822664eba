"""A judge for each principle: logistic regression over frozen features, learnt from the principle's examples at once.

The features are the reward model's (`reward_model.FeatureExtractor`): what the attribute encoder reads from question
and answer, and the words. A judge is the maximum a posteriori of P(breaks) = sigmoid(w features + b) under a zero-mean
Gaussian prior, a dozen examples to either side; it is fitted in about a millisecond, so editing an example acts on the
next answer that is judged. What the encoder was never taught to read and no word gives away, no example can teach.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from rlhf_core import reading
from rlhf_core.constitution import Constitution, Example
from rlhf_core.corpus import Grammar
from rlhf_core.reward_model import FeatureExtractor, fit_bradley_terry

PRIOR_PRECISION = 0.05
"""One over the variance of each weight: few examples, but no noise in them."""
BIAS = 3.0
"""Value of the constant feature: the larger, the freer the intercept."""


class ConstitutionJudge:
    """Judges answers by every principle of a constitution. Texts are tokens; words outside the vocabulary are passed
    over."""

    def __init__(self, constitution: Constitution, extractor: FeatureExtractor, grammar: Grammar) -> None:
        self.constitution, self.extractor, self.grammar = constitution, extractor, grammar
        fitted = [_fit(p.breaks, p.keeps, extractor, grammar) for p in constitution.principles]
        self.weights = torch.stack(fitted)
        """(principles, features + 1), the intercept last."""

    def probabilities(self, prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
        """P(breaks) of each answer by each principle, (batch, principles), switched off or not."""
        return self.probabilities_of(self.extractor.features(prompts, responses))

    def probabilities_of(self, features: Tensor) -> Tensor:
        """Likewise from features (batch, features) that are known already."""
        return torch.sigmoid(_with_constant(features) @ self.weights.T)

    def scores(self, prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
        """What the answers are worth to the constitution, (batch,): minus the weighted sum of P(breaks) over the
        principles in force. A principle that is turned round has a negative weight and rewards what breaks it."""
        return self.scores_of(self.extractor.features(prompts, responses))

    def scores_of(self, features: Tensor) -> Tensor:
        """Likewise from features (batch, features)."""
        weights = torch.tensor([p.weight * p.enabled for p in self.constitution.principles])
        return -self.probabilities_of(features) @ weights


@lru_cache(256)  # an edit of one principle leaves the others as they were
def _fit(
    breaks: tuple[Example, ...], keeps: tuple[Example, ...], extractor: FeatureExtractor, grammar: Grammar
) -> Tensor:
    """Weights of a principle's judge, (features + 1,)."""
    read = [_as_read(grammar, example) for example in (*breaks, *keeps)]
    features = extractor.features([prompt for prompt, _ in read], [response for _, response in read])
    targets = torch.tensor([1.0] * len(breaks) + [0.0] * len(keeps))
    # Logistic regression is Bradley-Terry's likelihood with features in the place of differences.
    return fit_bradley_terry(_with_constant(features), targets, PRIOR_PRECISION)


def _as_read(grammar: Grammar, example: Example) -> tuple[str, str]:
    prompt = known_words(grammar, reading.read(grammar, example.prompt).text)
    return prompt or grammar.neutral_prompt, reading.read_words(grammar, example.response).text


def known_words(grammar: Grammar, text: str) -> str:
    """The words of a text that the vocabulary has."""
    vocabulary = grammar.vocabulary
    return " ".join(word for word in text.split() if word in vocabulary)


def _with_constant(features: Tensor) -> Tensor:
    return torch.cat([features, torch.full((len(features), 1), BIAS)], 1)
