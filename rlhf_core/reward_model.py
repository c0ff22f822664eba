"""A reward model in the sense of Bradley and Terry (1952): P(a preferred to b) = sigmoid(r(a) - r(b)).

r is linear in features of a prompt and a response that are computed once and never trained here; its weights are the
maximum a posteriori under a zero-mean Gaussian prior, found by Newton's method in about a millisecond, so the model
can be fitted anew after every click. The prior favours no direction: an annotator who wants the opposite of everything
is learnt as well as anybody (a person's labels and their mirror image give weights that are mirror images).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rlhf_core.attribute_encoder import AttributeEncoder, response_ids
from rlhf_core.language_model import PAD, MiniLM, laid_out
from rlhf_core.rollout import score_tokens
from rlhf_core.tokenizer import SimpleTokenizer

FEATURE_SETS = ("attributes", "words", "bag_of_words")
"""attributes: what the encoder reads, and words; words: words, and how much likelier the prompt makes the answer;
bag_of_words: how often each word comes, and nothing of their order or of the prompt. A policy can please the last by
saying the best word again and again."""
SCALES = {"attributes": (2.0, 0.1), "words": (0.7, 1.0), "bag_of_words": (1.0, 1.0)}
"""How loudly each feature speaks: what the prior expects a unit of an attribute (or an sd of a PMI figure), and a word,
to be worth. The same for every attribute: no direction and no attribute is favoured."""
CONVERGED = 1e-8
"""Newton's method ends once no weight changes by more: float32 would not show it."""
PMI_NAMES = ("pmi sum", "pmi mean", "pmi most", "pmi least", "log-likelihood mean", "log-likelihood least")


class FeatureExtractor:
    """Turns prompts and responses into feature vectors, (batch, features) float32.

    kind: one of `FEATURE_SETS`. Words of a response outside the vocabulary are passed over; those of a prompt raise
    UnknownWordsError.
    """

    def __init__(
        self,
        kind: str,
        model: MiniLM,
        tokenizer: SimpleTokenizer,
        encoder: AttributeEncoder,
        neutral_prompt: str,
        pmi_statistics: tuple[Tensor, Tensor],
    ) -> None:
        if kind not in FEATURE_SETS:
            raise ValueError(f"There is no feature set {kind!r}; choose one of {', '.join(FEATURE_SETS)}.")
        self.kind, self.model, self.tokenizer, self.encoder = kind, model, tokenizer, encoder
        self.neutral_ids = model.encode_prompts([neutral_prompt], tokenizer)
        self.pmi_mean, self.pmi_sd = pmi_statistics
        self._prompt_ids: dict[str, Tensor] = {}
        self._scales = self.scales

    @property
    def names(self) -> tuple[str, ...]:
        """What each feature is: attributes or PMI figures first, then one word each."""
        return (*self._first_names, *self.tokenizer.words)

    @property
    def scales(self) -> Tensor:
        """(features,): what one unit of each adds to it: of an attribute, or one more of a word."""
        first, word = SCALES[self.kind]
        return torch.tensor([first] * len(self._first_names) + [word] * len(self.tokenizer))

    @property
    def _first_names(self) -> tuple[str, ...]:
        return {"attributes": self.encoder.names, "words": PMI_NAMES, "bag_of_words": ()}[self.kind]

    @torch.no_grad()
    def features(self, prompts: Sequence[str], responses: Sequence[str], batch_size: int = 256) -> Tensor:
        """(batch, features) of prompts and responses given as text."""
        if not prompts:
            return torch.zeros(0, len(self.names))
        return torch.cat(
            [
                self._batch(prompts[i : i + batch_size], responses[i : i + batch_size])
                for i in range(0, len(prompts), batch_size)
            ]
        )

    def _batch(self, prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
        prompt_ids = torch.cat([self._encode_prompt(prompt) for prompt in prompts])
        tokens = response_ids(list(map(self.tokenizer.encode_known, responses)), self.model.config.response_length)
        words = torch.zeros(len(tokens), len(self.tokenizer))
        words.scatter_add_(1, tokens, torch.ones(tokens.shape))
        words[:, : len(SimpleTokenizer.SPECIALS)] = 0
        found = [words]
        if self.kind == "attributes":
            found.insert(0, self.encoder(prompt_ids, tokens))
        elif self.kind == "words":
            found.insert(0, (self.pmi(prompt_ids, tokens) - self.pmi_mean) / self.pmi_sd)
        return torch.cat(found, 1) * self._scales

    def _encode_prompt(self, prompt: str) -> Tensor:
        if prompt not in self._prompt_ids:
            self._prompt_ids[prompt] = self.model.encode_prompts([prompt], self.tokenizer)
        return self._prompt_ids[prompt]

    @torch.no_grad()
    def pmi(self, prompt_ids: Tensor, tokens: Tensor) -> Tensor:
        """Pointwise mutual information of answer and question, log p(r | prompt) - log p(r | a neutral prompt) per
        token, as six figures of a response, (batch, 6), in nats."""
        mask = tokens != PAD
        n = mask.sum(1).float()
        neutral_ids = self.neutral_ids.expand(len(tokens), -1)
        here, anywhere = (
            laid_out(score_tokens(self.model, ids, tokens, mask).log_probs, mask) for ids in (prompt_ids, neutral_ids)
        )
        gain = here - anywhere
        most = gain.masked_fill(~mask, -torch.inf).amax(1)
        least = gain.masked_fill(~mask, torch.inf).amin(1)
        # Log-likelihoods are below zero, so the zeros of the padding are never the least.
        return torch.stack([gain.sum(1), gain.sum(1) / n, most, least, here.sum(1) / n, here.amin(1)], 1)


class RewardModel:
    """The Bradley-Terry head over frozen features.

    prior_precision: one over the variance of the Gaussian prior of each weight; noisier labels want more. An unfitted
    model has weights of zero and calls every pair even.
    """

    def __init__(self, extractor: FeatureExtractor, prior_precision: float = 0.3) -> None:
        if prior_precision <= 0:
            raise ValueError(f"The prior precision must be above 0, not {prior_precision}.")
        self.extractor, self.prior_precision = extractor, prior_precision
        self.weights = torch.zeros(len(extractor.names))
        self.reward_mean, self.reward_sd = 0.0, 1.0

    def fit(self, differences: Tensor, targets: Tensor) -> None:
        """Fit to feature differences a - b (pairs, features) and targets P(a preferred) (pairs,)."""
        self.weights = fit_bradley_terry(differences, targets, self.prior_precision)

    def loss(self, differences: Tensor, targets: Tensor) -> float:
        """Mean negative log-likelihood of the targets, in nats per pair; ln 2 = .693 is knowing nothing."""
        return float(F.binary_cross_entropy_with_logits(differences @ self.weights, targets))

    def score(self, prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
        """Rewards (batch,), in log-odds of being preferred."""
        return self.extractor.features(prompts, responses) @ self.weights

    @property
    def effects(self) -> Tensor:
        """(features,): what one unit of each feature adds to the score: of an attribute, or one more of a word."""
        return self.weights * self.extractor.scales

    def probability(self, prompt: str, a: str, b: str) -> float:
        """P(a is preferred to b), by Bradley and Terry."""
        first, second = self.score([prompt, prompt], [a, b])
        return float(torch.sigmoid(first - second))

    def normalise(self, features: Tensor) -> None:
        """Give these answers, features (batch, features), rewards of mean 0 and sd 1: the scale that PPO expects."""
        rewards = features @ self.weights
        self.reward_mean, self.reward_sd = float(rewards.mean()), max(float(rewards.std()), 1e-6)

    def reward(self, prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
        """Normalised rewards (batch,): standard deviations above the starting model's mean answer."""
        return (self.score(prompts, responses) - self.reward_mean) / self.reward_sd

    def state_dict(self) -> dict[str, Any]:
        return {
            "kind": self.extractor.kind,
            "prior_precision": self.prior_precision,
            "weights": self.weights,
            "reward_mean": self.reward_mean,
            "reward_sd": self.reward_sd,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["kind"] != self.extractor.kind or len(state["weights"]) != len(self.weights):
            raise ValueError(f"These weights belong to the features {state['kind']!r}, not {self.extractor.kind!r}.")
        self.prior_precision, self.weights = state["prior_precision"], state["weights"]
        self.reward_mean, self.reward_sd = state["reward_mean"], state["reward_sd"]


def fit_bradley_terry(differences: Tensor, targets: Tensor, prior_precision: float, iterations: int = 12) -> Tensor:
    """The maximum a posteriori weights (features,) of a Bradley-Terry model.

    Maximises sum_i [y_i log s(d_i w) + (1 - y_i) log s(-d_i w)] - prior_precision |w|^2 / 2 over w, with s the sigmoid,
    by Newton's method (iteratively reweighted least squares): each step is a ridge regression on working targets, the
    pairs weighted by their curvature. With fewer pairs than features it is solved among the pairs, w = D^T a, else
    among the features: the smaller of the two systems.

    differences: (pairs, features); targets: (pairs,) in [0, 1].
    """
    d, y = differences.double(), targets.double()
    pairs, features = d.shape
    w = torch.zeros(features, dtype=torch.double)
    gram = d @ d.T if pairs <= features else None
    for _ in range(iterations if pairs else 0):
        before, logits = w, d @ w
        p = torch.sigmoid(logits)
        curvature = (p * (1 - p)).clamp(min=1e-5)
        working_target = logits + (y - p) / curvature
        if gram is not None:
            w = d.T @ torch.linalg.solve(gram + torch.diag(prior_precision / curvature), working_target)
        else:
            weighted = d.T * curvature  # (features, pairs)
            w = torch.linalg.solve(
                weighted @ d + prior_precision * torch.eye(features, dtype=torch.double), weighted @ working_target
            )
        if (w - before).abs().max() < CONVERGED:
            break
    return w.float()
