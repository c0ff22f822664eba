"""The reward model of a lab's labels: a function of the labels that stand, fitted anew whenever they change.

Labels are those in `lab.language`; what is known of another language is kept beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from lab import models
from lab.remembered import Remembered
from lab.store import SOURCES, Lab, Label, Store
from rlhf_core import evaluation, reward_ensemble
from rlhf_core.gold import REFERENCE_VALUES
from rlhf_core.preferences import TARGETS, target
from rlhf_core.reward_model import RewardModel

REFERENCE_PAIRS = 300
CACHED = 64
"""Labs, languages and settings whose latest fit and curve are kept."""


@dataclass(frozen=True, kw_only=True)
class RewardFit:
    """A fitted reward model and what it was fitted to."""

    model: RewardModel
    language: str
    source: str
    features: str
    labels_used: int
    simulated_used: int
    """Those among them that a simulated annotator gave."""
    ties: int
    left_out: int
    """Both bad and skipped: they train nothing."""
    unreadable: int
    """Decided and tied ones among texts that hold words the model does not know: they train nothing either."""
    train_loss: float
    """In nats per label; ln 2 knows nothing."""
    train_accuracy: float
    """Share of the decided labels that the model orders as they do; 0.5 when there are none."""


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """How good the reward model was after so many labels, ties among them."""

    labels: int
    loss: float
    train_accuracy: float
    own_accuracy: float | None
    """Share of the decided labels so far that were guessed before they were seen; None before the first guess."""
    own_n: int
    """Guesses that `own_accuracy` counts."""
    reference_accuracy: float
    """On pairs of answers to validation prompts, judged by the reference values, ties dropped."""
    reference_n: int


@dataclass(frozen=True)
class _Evidence:
    """Labels as numbers: feature differences a - b (labels, features) and targets (labels,)."""

    differences: Tensor
    targets: Tensor

    def fit(self, model: RewardModel, n: int) -> None:
        model.fit(self.differences[:n], self.targets[:n])

    def right(self, weights: Tensor, first: int, last: int) -> tuple[int, int]:
        """How many decided labels of a range the weights order rightly, and how many they order at all."""
        logits, targets = self.differences[first:last] @ weights, self.targets[first:last]
        said = (targets != 0.5) & (logits != 0)
        return int(((logits > 0) == (targets > 0.5))[said].sum()), int(said.sum())

    def measures(self, model: RewardModel, n: int) -> tuple[float, float]:
        """Loss and training accuracy on the first n labels."""
        right, said = self.right(model.weights, 0, n)
        return model.loss(self.differences[:n], self.targets[:n]), right / said if said else 0.5


# By a lab's key, its language, a source and a kind of features. A version is the labels' showings: their ids,
# unlike those of events, are never given again.
_fits: Remembered[RewardFit] = Remembered(CACHED)
_ensembles: Remembered[Tensor] = Remembered(CACHED)
_curves: Remembered[list[tuple[CurvePoint, Tensor]]] = Remembered(CACHED)


def teaching(store: Store, lab: Lab, source: str = "both") -> list[Label]:
    """The labels of a source that stand, but those of repeats, which measure a person and would count a pair twice."""
    return [label for label in store.labels(lab.id, source, lab.language) if label.repeat_of is None]


def counts(store: Store, lab: Lab) -> dict[str, int]:
    """How many labels teach, by source: "human", "simulated" and "both"."""
    labels = teaching(store, lab)
    people = sum(label.labeler_kind == "human" for label in labels)
    return dict(zip(SOURCES, (people, len(labels) - people, len(labels)), strict=True))


def teaches(label: Label) -> bool:
    """Whether a label trains the reward model: it favours an answer or finds both equal, and the model knows every
    word of its texts."""
    texts = (label.prompt, label.response_a, label.response_b)
    return label.choice in TARGETS and models.readable(label.language, *texts)


def fitting(store: Store, lab: Lab, source: str = "both") -> list[Label]:
    """The labels of a source that the reward model is fitted to."""
    return [label for label in teaching(store, lab, source) if teaches(label)]


def fit(store: Store, lab: Lab, source: str = "both", features: str = "attributes") -> RewardFit:
    """Fit the reward model to the labels of a source. Without any it calls every pair even."""
    labels = teaching(store, lab, source)
    ids, key = [label.showing_id for label in labels], (lab.key, lab.language, source, features)
    return _fits.of(key, ids, lambda: fit_labels(labels, lab.language, source, features))


def fit_labels(labels: Sequence[Label], language: str, source: str, features: str) -> RewardFit:
    """Fit the reward model to these labels, all in one language."""
    used = [label for label in labels if teaches(label)]
    idle = sum(label.choice not in TARGETS for label in labels)
    model = RewardModel(models.extractor(language, features))
    loss, train_accuracy = float(torch.tensor(2.0).log()), 0.5
    if used:
        evidence = _evidence(language, features, used)
        evidence.fit(model, len(used))
        loss, train_accuracy = evidence.measures(model, len(used))
        model.normalise(models.features(language, features, *models.assets(language).start_answers))
    return RewardFit(
        model=model, language=language, source=source, features=features, labels_used=len(used),
        simulated_used=sum(label.labeler_kind != "human" for label in used),
        ties=sum(label.choice == "tie" for label in used), left_out=idle,
        unreadable=len(labels) - len(used) - idle, train_loss=loss, train_accuracy=train_accuracy,
    )  # fmt: skip


def score(fit: RewardFit, prompt: str, response: str) -> float:
    """What an answer is worth to the reward model, in log-odds of being preferred."""
    return float(models.features(fit.language, fit.features, [prompt], [response])[0] @ fit.model.weights)


def guess(fit: RewardFit, prompt: str, response_a: str, response_b: str) -> float:
    """P(a is preferred to b)."""
    a, b = models.features(fit.language, fit.features, [prompt, prompt], [response_a, response_b])
    return float(torch.sigmoid((a - b) @ fit.model.weights))


def disagreement(store: Store, lab: Lab, fit: RewardFit, prompt: str, response: str) -> float:
    """How far refits on resampled labels differ about an answer, see `reward_ensemble.disagreement`."""
    features = models.features(fit.language, fit.features, [prompt], [response])
    return float(reward_ensemble.disagreement(features, ensemble(store, lab, fit)))


def ensemble(store: Store, lab: Lab, fit: RewardFit) -> Tensor:
    """Refits on resampled labels, weights (members, features), made once for each fit."""

    def refits() -> Tensor:
        labels = fitting(store, lab, fit.source)
        evidence, rng = _evidence(fit.language, fit.features, labels), torch.Generator().manual_seed(0)
        return reward_ensemble.bootstrap_weights(
            evidence.differences, evidence.targets, fit.model.prior_precision, rng
        )

    return _ensembles.of((lab.key, fit.language, fit.source, fit.features), fit.model, refits)


def explain(fit: RewardFit) -> list[tuple[str, float]]:
    """What one unit of each feature adds to the score: the attributes first, then the words."""
    return list(zip(fit.model.extractor.names, fit.model.effects.tolist(), strict=True))


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """What the reward model would be without one of its labels."""

    before: evaluation.Interval
    """Accuracy on the reference pairs, with the label."""
    after: evaluation.Interval
    moved: tuple[tuple[str, float, float], ...]
    """The features whose effect moves most: name, effect before and after, in log-odds."""
    flipped: int
    """Reference pairs whose answers it would order otherwise, ..."""
    pairs: int
    """... of so many."""


MOVED = 3


def leave_one_out(store: Store, lab: Lab, event_id: int, features: str = "attributes") -> LeftOut | None:
    """What the model of all labels of a lab would be without one of them. None if that label trains nothing."""
    labels = store.labels(lab.id, language=lab.language)
    if not any(label.event_id == event_id and teaches(label) for label in labels):
        return None
    whole = fit(store, lab, "both", features)
    rest = fit_labels([label for label in labels if label.event_id != event_id], lab.language, "both", features)
    differences, margins = reference(lab.language, features)
    before, after = differences @ whole.model.weights, differences @ rest.model.weights
    effects = zip(explain(whole), explain(rest), strict=True)
    moved = [(name, old, new) for (name, old), (_, new) in effects if old != new]
    return LeftOut(
        before=evaluation.accuracy(before, margins).interval,
        after=evaluation.accuracy(after, margins).interval,
        moved=tuple(sorted(moved, key=lambda move: -abs(move[2] - move[1]))[:MOVED]),
        flipped=int((before.sign() != after.sign()).sum()),
        pairs=len(differences),
    )


def curve(store: Store, lab: Lab, source: str = "both", features: str = "attributes") -> list[CurvePoint]:
    """How the reward model got better label by label, in the order of the labels.

    A point for each of the first forty labels, then for every tenth, for every fiftieth beyond two hundred, and for the
    last. The labels between two points are guessed by the model of the point before them. What a further label does not
    change is not computed again.
    """
    labels = fitting(store, lab, source)
    if not labels:
        return []
    ids, key = [label.showing_id for label in labels], (lab.key, lab.language, source, features)
    old_ids, old = _curves.last(key) or ([], [])
    if old_ids == ids:
        return [point for point, _ in old]
    same = next((i for i, (one, other) in enumerate(zip(ids, old_ids, strict=False)) if one != other), len(old_ids))
    points = [entry for entry in old if entry[0].labels <= min(same, len(ids)) and _on_grid(entry[0].labels)]
    evidence = _evidence(lab.language, features, labels)
    model = RewardModel(models.extractor(lab.language, features))
    for n in range(points[-1][0].labels + 1 if points else 1, len(ids) + 1):
        if _on_grid(n) or n == len(ids):
            points.append(_point(lab.language, features, evidence, model, n, points))
    _curves.keep(key, ids, points)
    return [point for point, _ in points]


def _on_grid(n: int) -> bool:
    return n <= 40 or n % (10 if n <= 200 else 50) == 0


def _point(
    language: str,
    features: str,
    evidence: _Evidence,
    model: RewardModel,
    n: int,
    before: list[tuple[CurvePoint, Tensor]],
) -> tuple[CurvePoint, Tensor]:
    hits = own_n = 0
    if before:
        last, weights = before[-1]
        right, said = evidence.right(weights, last.labels, n)
        hits, own_n = round((last.own_accuracy or 0.0) * last.own_n) + right, last.own_n + said
    evidence.fit(model, n)
    loss, train_accuracy = evidence.measures(model, n)
    differences, margins = reference(language, features)
    against = evaluation.accuracy(differences @ model.weights, margins).interval
    point = CurvePoint(
        labels=n, loss=loss, train_accuracy=train_accuracy, own_accuracy=hits / own_n if own_n else None, own_n=own_n,
        reference_accuracy=against.rate, reference_n=against.n,
    )  # fmt: skip
    return point, model.weights


def _answers(language: str, features: str, labels: list[Label]) -> tuple[Tensor, Tensor]:
    prompts = [label.prompt for label in labels]
    a, b = ([getattr(label, side) for label in labels] for side in ("response_a", "response_b"))
    return models.features(language, features, prompts, a), models.features(language, features, prompts, b)


def _evidence(language: str, features: str, labels: list[Label]) -> _Evidence:
    a, b = _answers(language, features, labels)
    return _Evidence(a - b, torch.tensor([target(label.choice, label.strength) for label in labels]))


@lru_cache
def reference_pairs(language: str) -> evaluation.HeldOutPairs:
    """Pairs of answers by the starting model to validation prompts, the same in every lab."""
    assets = models.assets(language)
    rng = torch.Generator().manual_seed(0)
    prompts = assets.grammar.split("validation")
    return evaluation.held_out_pairs(assets.model, assets.tokenizer, prompts, REFERENCE_PAIRS, rng)


@lru_cache
def reference(language: str, features: str) -> tuple[Tensor, Tensor]:
    """Feature differences of the reference pairs, and how much better the first answer is by the reference values."""
    pairs = reference_pairs(language)
    differences = pairs.differences(models.extractor(language, features))
    return differences, pairs.margins(models.assets(language).judge, REFERENCE_VALUES)
