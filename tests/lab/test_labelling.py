"""The rules of labelling, with the shipped model."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import torch

from lab import labelling, models, reward
from lab.labelling import LabellingDesk, LabellingError, TooFastError
from lab.store import Lab, Label, Store
from rlhf_core.sampling import Generation


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def wait(self, milliseconds: float = 1000) -> None:
        self.time += timedelta(milliseconds=milliseconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(store: Store, lab: Lab, clock: Clock) -> LabellingDesk:
    return LabellingDesk(store, lab, clock=clock, rng=torch.Generator().manual_seed(0))


def answer(desk: LabellingDesk, clock: Clock, *choices: str) -> list[labelling.Answer]:
    got = []
    for choice in choices:
        showing = desk.current()
        clock.wait()
        got.append(desk.answer(showing.id, choice))
    return got


def test_the_waiting_pair_survives_a_reload(store: Store, lab: Lab, desk: LabellingDesk) -> None:
    showing = desk.current()
    assert showing.left != showing.right and showing.number == 1 and showing.guess is None
    assert models.assets("en").grammar.find(showing.prompt).split == "train"
    assert LabellingDesk(store, lab).current() == showing
    other = store.open_lab("another browser", "en")
    assert LabellingDesk(store, other).current().pair_id != showing.pair_id


def test_a_click_labels_the_answer_that_stood_on_that_side(desk: LabellingDesk, clock: Clock, store: Store) -> None:
    sides = set()
    for _ in range(12):
        showing = desk.current()
        clock.wait()
        label = desk.answer(showing.id, "left").label
        texts = {"a": label.response_a, "b": label.response_b}
        assert texts[label.choice] == showing.left
        assert label.choice == label.shown_left == showing.shown_left
        sides.add(label.choice)
    assert sides == {"a", "b"}, "either side may hold either answer"
    right, *rest = (a.label for a in answer(desk, clock, "right", "tie", "both_bad", "skip"))
    assert {right.choice, right.shown_left} == {"a", "b"}
    assert [label.choice for label in rest] == ["tie", "both_bad", "skip"]
    assert len(store.labels(desk.lab.id, "human")) == 16 and desk.current().number == 17


def test_strength_and_reason_are_kept(desk: LabellingDesk, clock: Clock) -> None:
    showing = desk.current()
    clock.wait()
    label = desk.answer(showing.id, "left", strength=3, rationale="kinder").label
    assert (label.strength, label.rationale, label.labeler, label.labeler_kind) == (3, "kinder", "you", "human")
    with pytest.raises(ValueError, match="no choice 'up'"):
        desk.answer(showing.id, "up")
    with pytest.raises(ValueError, match="strength must be 0, 1, 2 or 3, not 9"):
        desk.answer(showing.id, "left", strength=9)


def test_a_double_click_is_one_label(desk: LabellingDesk, clock: Clock, store: Store) -> None:
    showing = desk.current()
    clock.wait()
    first = desk.answer(showing.id, "left")
    assert desk.answer(showing.id, "right") == first
    assert len(store.labels(desk.lab.id)) == 1


def test_an_answer_faster_than_reading_labels_nothing(desk: LabellingDesk, clock: Clock, store: Store) -> None:
    """A held arrow key answers each pair as it appears."""
    showing = desk.current()
    for _ in range(6):
        with pytest.raises(TooFastError, match="nothing was labelled"):
            desk.answer(desk.current().id, "left")
        clock.wait(41)
    assert desk.current() == showing and store.labels(desk.lab.id) == []
    clock.wait(4)  # 250 ms after the showing
    desk.answer(showing.id, "left")
    assert len(store.labels(desk.lab.id)) == 1


def test_only_the_pair_that_is_shown_can_be_answered(desk: LabellingDesk, clock: Clock, store: Store) -> None:
    other = LabellingDesk(store, store.open_lab("another browser", "en"))
    for unknown in ("made up", other.current().id):
        with pytest.raises(LabellingError, match="never shown in this lab"):
            desk.answer(unknown, "left")
    answer(desk, clock, "left")
    waiting = desk.current()
    clock.wait()
    desk.undo()
    with pytest.raises(LabellingError, match="no longer the one"):
        desk.answer(waiting.id, "left")
    assert store.labels(desk.lab.id) == [] == store.labels(other.lab.id)


def test_undo_shows_the_pair_again_and_then_the_one_that_waited(desk: LabellingDesk, clock: Clock) -> None:
    assert desk.undo() is None
    first, second = (a.label for a in answer(desk, clock, "left", "right"))
    third = desk.current()
    again = desk.undo()
    assert again is not None and again.pair_id == second.pair_id and again.id != second.showing_id
    assert desk.undo() == again, "the same click twice"
    clock.wait()
    assert desk.undo().pair_id == first.pair_id
    clock.wait()
    assert desk.undo() is None
    shown = [desk.current().pair_id]
    for _ in range(2):
        answer(desk, clock, "left")
        shown.append(desk.current().pair_id)
    assert shown == [first.pair_id, second.pair_id, third.pair_id]


def test_the_guess_is_made_of_ones_own_labels_and_stored_before_the_answer(
    desk: LabellingDesk, clock: Clock, store: Store, lab: Lab
) -> None:
    desk.simulate(20, "pirate-fan", 0.0, seed=1)
    answer(desk, clock, "left", "tie", "left", "both_bad", "right")
    assert desk.current().guess is None, "three labels that favour an answer are not enough"
    answer(desk, clock, "left")
    showing = desk.current()
    assert showing.guess is not None and 0 < showing.guess < 1
    assert store.open_showing(lab.id).guess == showing.guess
    fit = reward.fit(store, lab, "human")
    a, b = (showing.left, showing.right) if showing.shown_left == "a" else (showing.right, showing.left)
    assert fit.labels_used == 5 and showing.guess == pytest.approx(
        fit.model.probability(showing.prompt, a, b), abs=1e-4
    )
    clock.wait()
    revealed = desk.answer(showing.id, "left")
    assert revealed.label.guess == showing.guess
    assert revealed.guess_confidence == max(showing.guess, 1 - showing.guess)
    assert revealed.hit == (revealed.guess_side == "left")


@pytest.mark.parametrize(
    ("choice", "shown_left", "guess", "side", "hit"),
    [
        ("a", "a", 0.8, "left", True),
        ("a", "b", 0.8, "right", True),
        ("b", "a", 0.8, "left", False),
        ("b", "b", 0.2, "left", True),
        ("tie", "a", 0.2, "right", None),
        ("both_bad", "a", 0.2, "right", None),
        ("a", "a", 0.5, None, None),
        ("a", "a", None, None, None),
    ],
)
def test_the_reveal(choice: str, shown_left: str, guess: float | None, side: str | None, hit: bool | None) -> None:
    revealed = labelling._reveal(label_like(choice=choice, shown_left=shown_left, guess=guess))
    assert (revealed.guess_side, revealed.hit) == (side, hit)
    assert revealed.guess_confidence == (None if side is None else 0.8)


def test_the_hit_rate_counts_own_decided_labels_that_had_a_guess(
    desk: LabellingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    hit, miss = label_like(choice="a", guess=0.9), label_like(choice="b", guess=0.9)
    others = [replace(hit, choice="tie"), replace(hit, choice="skip"), replace(hit, guess=None)]
    others += [replace(hit, repeat_of=1)]
    asked = []
    monkeypatch.setattr(desk.store, "labels", lambda *a, **_: asked.append(a) or [hit, miss, hit, hit, *others])
    rate = desk.hit_rate()
    assert asked == [(desk.lab.id, "human", "en")]
    # Wilson, 3 of 4, z = 1.96: (.75 + .4802 ± 1.96 sqrt(.1875 / 4 + .06003)) / 1.9604
    assert (rate.n, rate.hits) == (4, 3)
    assert (rate.low, rate.high) == pytest.approx((0.3006, 0.9544), abs=1e-4)


def label_like(**values: object) -> Label:
    plain = {
        "event_id": 1, "showing_id": "s", "pair_id": 1, "language": "en",
        "prompt": "p", "response_a": "a", "response_b": "b", "policy_id": "start", "why": "random", "repeat_of": None,
        "shown_left": "a", "guess": None, "choice": "a", "strength": 0, "rationale": "",
        "guideline": 0, "shown_at": datetime(2026, 3, 1, tzinfo=UTC),
        "labeler": "you", "labeler_kind": "human", "answered_at": datetime(2026, 3, 1, tzinfo=UTC),
    }  # fmt: skip
    return Label(**plain | values)


def test_simulated_labels_are_marked_and_follow_the_annotators_values(desk: LabellingDesk, store: Store) -> None:
    waiting, seen = desk.current(), []
    assert desk.simulate(120, "politeness-only", 0.0, 3, lambda done, n: seen.append((done, n))) == 120
    assert seen == [(50, 120), (100, 120), (120, 120)]
    assert desk.current() == waiting
    labels = store.labels(desk.lab.id, "simulated")
    assert {(x.labeler, x.labeler_kind, x.guess, x.policy_id) for x in labels} == {
        ("politeness-only", "simulated", None, "start")
    }
    assert store.labels(desk.lab.id, "human") == [] and desk.hit_rate().n == 0
    judge, find = models.assets("en").judge, models.assets("en").grammar.find
    politer = {"a": 1, "b": -1, "tie": 0}
    for x in labels:
        a, b = (judge.attributes(find(x.prompt), text)["politeness"] for text in (x.response_a, x.response_b))
        if abs(a - b) == 2:  # thanks against an insult: nothing else these values care about outweighs that
            assert politer[x.choice] * (a - b) > 0


def test_a_seed_names_the_simulated_labels(desk: LabellingDesk, store: Store) -> None:
    other = LabellingDesk(store, store.open_lab("another browser", "en"))
    for one in (desk, other):
        one.simulate(30, "default", 0.2, seed=5)
    said = [[(x.prompt, x.response_a, x.response_b, x.choice) for x in store.labels(d.lab.id)] for d in (desk, other)]
    assert said[0] == said[1]


def test_bad_orders_to_a_simulated_annotator_are_refused(desk: LabellingDesk, store: Store) -> None:
    for n, name, noise, said in (
        (0, "default", 0.0, "labels must lie between 1 and 5000, not 0"),
        (5, "nobody", 0.0, "no annotator 'nobody'"),
        (5, "default", 0.9, r"noise must lie between 0 and 0\.5, not 0\.9"),
    ):
        with pytest.raises(ValueError, match=said):
            desk.simulate(n, name, noise, 1)
    assert store.labels(desk.lab.id) == []


def test_a_model_that_says_one_thing_only_cannot_be_labelled(
    desk: LabellingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Parrot:
        def generate(self, prompts: list[str], **_: object) -> list[Generation]:
            return [Generation("yes .", ("yes", "."), (0.0, 0.0), True)] * len(prompts)

    monkeypatch.setattr(models, "policy", lambda *_: Parrot())
    with pytest.raises(LabellingError, match="one way only"):
        desk.current()
