"""What can be seen inside the reward model of a lab's labels: computed once for each fit, on the reference pairs, whose
questions are validation prompts that no label is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from lab import models, reward, reward_training, states
from lab.remembered import Remembered
from lab.reward import RewardFit
from lab.store import Lab, Run, Store
from rlhf_core import reward_ensemble, reward_inspection
from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.corpus import CATEGORIES, split_sentences
from rlhf_core.evaluation import Accuracy
from rlhf_core.gold import REFERENCE_VALUES
from rlhf_core.headless import generator
from rlhf_core.neural_reward import NeuralReward
from rlhf_core.preferences import target
from rlhf_core.reward_inspection import Calibration, LengthBias, Slope, leave_one_out
from rlhf_core.reward_model import fit_bradley_terry
from rlhf_core.reward_traps import SprungTrap, TrapPair, every_trap, spring
from rlhf_core.rollout import RewardFunction

SAMPLES = 256
"""Answers whose rewards are spread out."""
TRAPS = 8
"""Pairs of each kind."""
UNSURE = 3
OFTEN = 5
"""Answers to questions of a category from which on its mean disagreement is told."""
KEPT = 32
"""Inspections, and policies' answers, that are kept."""


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Whether length pays: to the reward model, and to the reference values on the same answers."""

    lengths: Tensor
    """(answers,) in tokens."""
    rewards: Tensor
    """(answers,)"""
    bias: LengthBias
    """The true pairs are those of the reference values."""
    gold_slope: Slope


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found inside one reward model."""

    calibration: Calibration
    categories: Mapping[str, Accuracy]
    by_length: Mapping[str, Accuracy]
    """What a Bradley-Terry model that sees nothing but the length makes of the same labels."""
    length: Lengths
    traps: Mapping[str, Sequence[SprungTrap]]
    """By kind, see `reward_traps`."""


@dataclass(frozen=True)
class Spread:
    """The rewards of a policy's answers, all (answers,), and how far refits on resampled labels differ about each."""

    prompts: tuple[str, ...]
    categories: tuple[str, ...]
    texts: tuple[str, ...]
    rewards: Tensor
    disagreement: Tensor
    gold: float
    """Mean score by the reference values."""

    @property
    def unsure(self) -> list[int]:
        """Places of the answers that the refits differ most about, each text once."""
        order = self.disagreement.argsort(descending=True).tolist()
        first = {(self.prompts[i], self.texts[i]): i for i in reversed(order)}
        return sorted(first.values(), key=order.index)[:UNSURE]

    @property
    def by_category(self) -> list[tuple[str, float]]:
        """The mean disagreement about each category of questions that was asked often enough, the largest first."""
        found: dict[str, list[float]] = {}
        for name, value in zip(self.categories, self.disagreement.tolist(), strict=True):
            found.setdefault(name, []).append(value)
        means = [(name, sum(values) / len(values)) for name, values in found.items() if len(values) >= OFTEN]
        return sorted(means, key=lambda item: -item[1])


@dataclass(frozen=True)
class TokenWorth:
    """One token of an answer: what it adds, see `reward_inspection.leave_one_out`; None where the model passes it over,
    because it does not know it or reads no further."""

    token: str
    known: bool
    worth: float | None
    own: float | None = None
    """What the head gives the word itself; the rest comes through what it changes in attributes or fit."""
    neural: float | None = None


@dataclass(frozen=True)
class Attribution:
    """An answer in its parts."""

    reward: float
    tokens: tuple[TokenWorth, ...]
    sentences: tuple[tuple[str, float], ...]
    """Each sentence of what the model reads, and what it adds."""
    neural: float | None = None
    """The reward that the neural model gives."""


@dataclass(frozen=True)
class _HeldOut:
    """The reference pairs as answers: the first ones, then the second ones, to the same prompts."""

    prompts: list[str]
    categories: list[str]
    texts: list[str]
    lengths: Tensor
    gold: Tensor
    margins: Tensor
    """(pairs,) by how much the first answer is better, as the accuracy curve has it: rounding decides no tie."""


_inspections: Remembered[Inspection] = Remembered(KEPT)
_answers: Remembered[tuple[list[str], float]] = Remembered(KEPT)


@lru_cache
def _held_out(language: str) -> _HeldOut:
    pairs, judge = reward.reference_pairs(language), models.assets(language).judge
    prompts, texts = pairs.prompts * 2, [*pairs.first, *pairs.second]
    return _HeldOut(
        prompts=[prompt.text for prompt in prompts],
        categories=[prompt.category for prompt in pairs.prompts],
        texts=texts,
        lengths=torch.tensor([float(len(text.split())) for text in texts]),
        gold=torch.tensor([judge.score(prompt, text) for prompt, text in zip(prompts, texts, strict=True)]),
        margins=pairs.margins(judge, REFERENCE_VALUES),
    )


def held_out_texts(language: str) -> list[str]:
    """The answers that `Lengths` counts, in its order."""
    return _held_out(language).texts


@lru_cache
def traps(language: str) -> Mapping[str, list[TrapPair]]:
    """The trap pairs of a language by kind, on validation prompts, the same in every lab."""
    assets = models.assets(language)
    return every_trap(assets.judge, assets.grammar.split("validation"), TRAPS)


def scorer(fit: RewardFit) -> RewardFunction:
    """A fit as a function of prompts and responses; features are computed once for each answer."""
    return lambda prompts, responses: (
        models.features(fit.language, fit.features, prompts, responses) @ fit.model.weights
    )


def inspect(store: Store, lab: Lab, fit: RewardFit) -> Inspection:
    """What is inside a lab's fit; it must be the one that `reward.fit` returns now."""
    key = (lab.key, fit.language, fit.source, fit.features)
    return _inspections.of(key, fit.model, lambda: _inspect(store, lab, fit))


def _inspect(store: Store, lab: Lab, fit: RewardFit) -> Inspection:
    held_out = _held_out(fit.language)
    rewards = scorer(fit)(held_out.prompts, held_out.texts)
    predicted, lengths, margins = _difference(rewards), _difference(held_out.lengths), held_out.margins
    return Inspection(
        calibration=reward_inspection.calibration(predicted, margins, generator(0, "calibration")),
        categories=_by_category(held_out, predicted, margins),
        by_length=_by_category(held_out, lengths * _length_weight(store, lab, fit), margins),
        length=_lengths(held_out, rewards),
        traps={kind: spring(pairs, scorer(fit)) for kind, pairs in traps(fit.language).items()},
    )


def _difference(of_answers: Tensor) -> Tensor:
    """First answers minus second ones, (pairs,)."""
    first, second = of_answers.chunk(2)
    return first - second


def _by_category(held_out: _HeldOut, predicted: Tensor, margins: Tensor) -> dict[str, Accuracy]:
    found = reward_inspection.accuracy_by(held_out.categories, predicted, margins)
    return {name: found[name] for name in CATEGORIES if name in found}


def _length_weight(store: Store, lab: Lab, fit: RewardFit) -> float:
    """What a token more is worth to a reward model that sees nothing else of the same labels."""
    labels = reward.fitting(store, lab, fit.source)
    longer = [float(len(one.response_a.split()) - len(one.response_b.split())) for one in labels]
    targets = torch.tensor([target(one.choice, one.strength) for one in labels])
    return float(fit_bradley_terry(torch.tensor(longer)[:, None], targets, fit.model.prior_precision))


def _lengths(held_out: _HeldOut, rewards: Tensor) -> Lengths:
    prompts, lengths = held_out.prompts, held_out.lengths
    return Lengths(
        lengths=lengths, rewards=rewards,
        bias=reward_inspection.length_bias(prompts, lengths, rewards, held_out.margins),
        gold_slope=reward_inspection.standard_slope(prompts, lengths, held_out.gold),
    )  # fmt: skip


# Answers of a policy.


def spread(store: Store, lab: Lab, fit: RewardFit, policy_id: str = models.START) -> Spread:
    """The rewards of `SAMPLES` answers of a policy, see `models.policy`. All policies get the same held-out prompts."""
    held_out = _held_out(fit.language)
    prompts = held_out.prompts[:SAMPLES]
    texts, gold = _answered(store, lab, fit.language, policy_id, prompts)
    features = models.features(fit.language, fit.features, prompts, texts)
    return Spread(
        prompts=tuple(prompts),
        categories=tuple(held_out.categories[:SAMPLES]),
        texts=tuple(texts),
        rewards=features @ fit.model.weights,
        disagreement=reward_ensemble.disagreement(features, reward.ensemble(store, lab, fit)),
        gold=gold,
    )


def _answered(
    store: Store, lab: Lab, language: str, policy_id: str, prompts: Sequence[str]
) -> tuple[list[str], float]:
    """A policy's answers to the held-out prompts, and their mean by the reference values. The start's are those of the
    reference pairs."""
    held_out = _held_out(language)
    if (saved := models.checkpoint(store, language, policy_id)) is None:
        return held_out.texts[: len(prompts)], float(held_out.gold[: len(prompts)].mean())

    def ask() -> tuple[list[str], float]:
        assets, policy = models.assets(language), models.restored(language, saved)
        rng = generator(0, "answers inside")
        texts = [one.text for one in policy.generate(prompts, tokenizer=assets.tokenizer, rng=rng)]
        return texts, _mean_gold(assets, prompts, texts)

    return _answers.of((lab.key, policy_id), saved.step, ask)


def _mean_gold(assets: LanguageAssets, prompts: Sequence[str], texts: Sequence[str]) -> float:
    known = [assets.grammar.find(prompt) for prompt in prompts]
    scores = [assets.judge.score(prompt, text) for prompt, text in zip(known, texts, strict=True) if prompt]
    return sum(scores) / max(1, len(scores))


# One answer, token by token.


def neural_run(store: Store, lab: Lab) -> Run | None:
    """The latest run of a neural reward model in the lab's language that has saved what it learnt."""
    saved = store.saved_runs(lab.id)
    runs = store.runs(lab.id, reward_training.STAGE, lab.language)
    return next((run for run in runs if saved.get(run.id)), None)


def neural_scorer(store: Store, run: Run) -> RewardFunction:
    """The network of a run as of its last checkpoint. KeyError for a run that has saved nothing."""
    assets, saved = models.assets(run.inputs["language"]), store.checkpoint(run.id)
    if saved is None:
        raise KeyError(f"Run {run.number} has saved nothing yet.")
    network = NeuralReward(
        run.inputs["network"], assets.model, assets.tokenizer, sees_prompt=run.inputs["sees_prompt"]
    )
    network.network.load_state_dict(states.load(saved.data)["network"])
    return network.score


def attribution(
    fit: RewardFit, prompt: str, response: str, neural: RewardFunction | None = None
) -> Attribution:
    """What each token and each sentence of an answer adds to its reward. Unknown words and those behind the last that
    the model reads are passed over, as it passes them over."""
    assets, tokens = models.assets(fit.language), response.split()
    longest = assets.model.config.response_length - 1  # the end takes a place
    read = [i for i, token in enumerate(tokens) if token in assets.tokenizer][:longest]
    parts = [tokens[i] for i in read]
    sentences = split_sentences(" ".join(parts))
    whole, worth = leave_one_out(scorer(fit), prompt, parts)
    _, of_sentences = leave_one_out(scorer(fit), prompt, sentences)
    neural_whole, neural_worth = leave_one_out(neural, prompt, parts) if neural else (None, [])
    words = dict(reward.explain(fit)[-len(assets.tokenizer) :])
    places = {place: k for k, place in enumerate(read)}

    def token(i: int) -> TokenWorth:
        if (k := places.get(i)) is None:
            return TokenWorth(tokens[i], tokens[i] in assets.tokenizer, None)
        return TokenWorth(tokens[i], True, worth[k], words[tokens[i]], neural_worth[k] if neural else None)

    return Attribution(
        reward=whole,
        tokens=tuple(map(token, range(len(tokens)))),
        sentences=tuple(zip(sentences, of_sentences, strict=True)),
        neural=neural_whole,
    )
