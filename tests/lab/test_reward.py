"""The reward model of a lab: a function of the labels that stand."""

import itertools
import math
from collections.abc import Iterator

import pytest
import torch

from lab import models, reward
from lab.labelling import LabellingDesk
from lab.store import Lab, NewPair, Store, now
from rlhf_core.preferences import TARGETS
from rlhf_core.reward_model import FeatureExtractor, RewardModel

POLITE, RUDE = "i am happy to help .", "that is a stupid question ."


@pytest.fixture
def desk(store: Store, lab: Lab) -> LabellingDesk:
    return LabellingDesk(store, lab)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many labels each fit was made of."""
    seen: list[int] = []
    fit = RewardModel.fit
    monkeypatch.setattr(RewardModel, "fit", lambda self, d, y: (seen.append(len(d)), fit(self, d, y)) and None)
    return seen


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    reward._fits.clear()
    reward._curves.clear()
    yield


def say(store: Store, lab: Lab, *choices: str, polite: str = "a") -> None:
    """Labels of a pair of a polite answer and a rude one."""
    a, b = (POLITE, RUDE) if polite == "a" else (RUDE, POLITE)
    prompt = models.assets("en").grammar.split("train")[0].text
    pair = NewPair(language="en", prompt=prompt, response_a=a, response_b=b, policy_id="start")
    store.add_simulated(lab.id, [(pair, choice) for choice in choices], labeler="test", at=now())


def test_without_labels_every_pair_is_even(store: Store, lab: Lab) -> None:
    fit = reward.fit(store, lab)
    assert (fit.labels_used, fit.train_loss, fit.train_accuracy) == (0, pytest.approx(math.log(2)), 0.5)
    assert reward.guess(fit, "hello .", POLITE, RUDE) == 0.5 and reward.score(fit, "hello .", POLITE) == 0
    assert reward.curve(store, lab) == []
    assert reward.counts(store, lab) == {"human": 0, "simulated": 0, "both": 0}


@pytest.mark.parametrize("features", ["attributes", "words"])
def test_it_learns_what_was_preferred_whichever_side_it_was_on(store: Store, lab: Lab, features: str) -> None:
    say(store, lab, "a", "a", polite="a")
    say(store, lab, "b", "b", polite="b")
    fit = reward.fit(store, lab, "both", features)
    prompt = models.assets("en").grammar.split("validation")[0].text
    assert reward.guess(fit, prompt, POLITE, RUDE) > 0.8
    assert reward.score(fit, prompt, POLITE) > reward.score(fit, prompt, RUDE)
    assert fit.train_accuracy == 1 and fit.train_loss < math.log(2) / 2
    weights = dict(reward.explain(fit))
    assert weights["happy"] > 0 > weights["stupid"] and len(weights) <= len(fit.model.weights)
    assert [name for name, _ in reward.explain(fit)] == list(fit.model.extractor.names)


def test_a_tie_counts_half_each_way_and_bad_and_skipped_pairs_train_nothing(store: Store, lab: Lab) -> None:
    say(store, lab, "a", "a", "b")
    plain = reward.fit(store, lab)
    say(store, lab, "both_bad", "skip", "skip")
    with_others = reward.fit(store, lab)
    assert (with_others.labels_used, with_others.left_out, with_others.ties) == (3, 3, 0)
    assert torch.equal(with_others.model.weights, plain.model.weights)
    say(store, lab, *["tie"] * 10)
    tied = reward.fit(store, lab)
    assert (tied.labels_used, tied.ties) == (13, 10)
    prompt = models.assets("en").grammar.split("train")[0].text
    even, before = (abs(reward.guess(fit, prompt, POLITE, RUDE) - 0.5) for fit in (tied, plain))
    assert even < before, "ties pull towards even"
    # Two of the three decided labels agree with the weights.
    assert tied.train_accuracy == pytest.approx(2 / 3)


def test_sources_do_not_mix(store: Store, lab: Lab) -> None:
    say(store, lab, "a", "a")
    rude_first = {"response_a": RUDE, "response_b": POLITE, "policy_id": "start"}
    pair_id = store.add_pair(lab.id, NewPair(language="en", prompt="hello .", **rude_first))
    shown = store.show(lab.id, pair_id, shown_left="a", guess=None, at=now())
    store.answer(shown.id, choice="a", strength=0, rationale="", labeler="you", answered_at=now())
    assert reward.counts(store, lab) == {"human": 1, "simulated": 2, "both": 3}
    mine, theirs = (reward.fit(store, lab, source) for source in ("human", "simulated"))
    assert reward.guess(mine, "hello .", POLITE, RUDE) < 0.5 < reward.guess(theirs, "hello .", POLITE, RUDE)
    store.undo(lab.id, labeler="you", at=now())
    assert reward.fit(store, lab, "human").labels_used == 0


def test_the_curve_guesses_each_label_before_it_sees_it(store: Store, lab: Lab, desk: LabellingDesk) -> None:
    desk.simulate(12, "default", 0.0, seed=2)
    points = reward.curve(store, lab)
    labels = [label for label in store.labels(lab.id) if label.choice in TARGETS]
    assert [p.labels for p in points] == list(range(1, len(labels) + 1))
    hits = n = 0
    model = RewardModel(models.extractor("en", "attributes"))
    differences = torch.stack([
        models.features("en", "attributes", [x.prompt], [x.response_a])[0]
        - models.features("en", "attributes", [x.prompt], [x.response_b])[0]
        for x in labels
    ])  # fmt: skip
    targets = torch.tensor([TARGETS[x.choice] for x in labels])
    for k, point in enumerate(points):
        if k and targets[k] != 0.5:
            n += 1
            hits += int((differences[k] @ model.weights > 0) == (targets[k] == 1))
        model.fit(differences[: k + 1], targets[: k + 1])
        assert point.own_n == n and point.own_accuracy == (hits / n if n else None)
        assert point.loss == pytest.approx(model.loss(differences[: k + 1], targets[: k + 1]))
        assert 0 <= point.reference_accuracy <= 1 and 200 < point.reference_n <= reward.REFERENCE_PAIRS


def test_a_further_label_costs_one_fit_and_an_unchanged_curve_none(
    store: Store, lab: Lab, desk: LabellingDesk, fits: list[int]
) -> None:
    desk.simulate(45, "default", 0.0, seed=2)
    reward.curve(store, lab)
    assert fits == [*range(1, 41), 45]
    for _ in range(2):
        fits.clear()
        reward.curve(store, lab)
        assert fits == []
        say(store, lab, "a")
        reward.curve(store, lab)
        assert len(fits) == 1
    reward.fit(store, lab)
    fits.clear()
    reward.fit(store, lab)
    assert fits == []


def test_the_curve_of_many_labels_has_few_points(store: Store, lab: Lab, fits: list[int]) -> None:
    say(store, lab, *["a", "b", "a"] * 101)
    assert [p.labels for p in reward.curve(store, lab)] == [*range(1, 41), *range(50, 201, 10), 250, 300, 303]
    assert len(fits) == 59


def test_the_kept_curve_is_the_one_computed_afresh_after_undo_and_more(
    store: Store, lab: Lab, desk: LabellingDesk
) -> None:
    choices = itertools.cycle(["a", "b", "b", "a", "tie"])  # what is labelled again is labelled otherwise

    def label(n: int) -> None:
        for _ in range(n):
            showing, choice = desk.current(), next(choices)
            store.answer(showing.id, choice=choice, strength=0, rationale="", labeler="you", answered_at=now())

    label(6)
    assert len(reward.curve(store, lab, "human")) == 6
    for undone, more in ((1, 0), (2, 1), (0, 3), (3, 3), (2, 3)):
        for _ in range(undone):
            store.undo(lab.id, labeler="you", at=now())
        label(more)
        kept = reward.curve(store, lab, "human")
        reward._curves.clear()
        assert reward.curve(store, lab, "human") == kept


def test_features_of_an_answer_are_computed_once(
    store: Store, lab: Lab, desk: LabellingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.simulate(10, "default", 0.0, seed=9)
    reward.fit(store, lab)
    rows: list[int] = []
    compute = FeatureExtractor.features
    monkeypatch.setattr(
        FeatureExtractor, "features", lambda self, p, r, *a: (rows.append(len(p)), compute(self, p, r, *a))[1]
    )
    desk.simulate(1, "default", 0.0, seed=10)
    reward.fit(store, lab)
    assert sum(rows) == 2


def test_the_kept_features_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "KEPT_FEATURES", 3)
    texts = ["yes .", "no .", "maybe .", "yes , sir .", "no , sir ."]
    got = models.features("en", "words", ["hello ."] * 5, texts)
    assert len(models._features) == 3
    again = models.features("en", "words", ["hello ."] * 5, texts)
    assert torch.allclose(got, again, atol=1e-5) and len(models._features) == 3
