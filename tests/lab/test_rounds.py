"""What a round of labels says, computed from labels alone."""

from datetime import UTC, datetime, timedelta

import pytest

from lab import deck, labelling, models, reward, rounds
from lab.labelling import LabellingDesk
from lab.reward import CurvePoint
from lab.store import Lab, Label, Store

AT = datetime(2026, 3, 1, tzinfo=UTC)


def label(number: int, choice: str = "a", shown_left: str = "a", seconds: float = 2.0, **values: object) -> Label:
    plain = {
        "event_id": number, "showing_id": str(number), "pair_id": number, "language": "en",
        "prompt": "how do i make tea ?", "response_a": "first boil the water .", "response_b": "i like music .",
        "policy_id": "start", "why": "random", "repeat_of": None, "guess": None, "strength": 0, "rationale": "",
        "guideline": 0, "labeler": "you", "labeler_kind": "human", "choice": choice, "shown_left": shown_left,
        "shown_at": AT, "answered_at": AT + timedelta(seconds=seconds),
    }  # fmt: skip
    return Label(**plain | values)


def test_a_round_ends_with_every_twentieth_label() -> None:
    labels = [label(i) for i in range(1, 42)]
    assert [rounds.ended(labels[:n]) for n in (0, 1, 19, 20, 21, 40, 41)] == [0, 0, 0, 1, 0, 2, 0]


def test_time_is_of_the_round_and_the_rest_of_all_rounds() -> None:
    first, second = ([label(20 * r + i, seconds=s) for i in range(20)] for r, s in ((0, 9.0), (1, 3.0)))
    second[-1] = label(40, seconds=3600.0)
    found = rounds.summary(first + second)
    assert (found.number, found.seconds) == (2, 3.0), "somebody had lunch: a median does not mind"
    assert (found.left.k, found.left.n) == (40, 40) and found.leaning == "left"
    assert rounds.summary(first).number == 1 and rounds.summary(first).seconds == 9.0


@pytest.mark.parametrize(
    # Wilson at n = 20, z = 1.96: 15 of 20 has .531 as its lower end, 14 of 20 .481.
    ("lefts", "leaning"), [(15, "left"), (14, None), (10, None), (6, None), (5, "right")]
)  # fmt: skip
def test_a_leaning_is_what_chance_does_not_explain(lefts: int, leaning: str | None) -> None:
    labels = [label(i, "b", "b" if i < lefts else "a") for i in range(20)]
    assert rounds.summary([*labels, label(21, "tie"), label(22, "skip")]).leaning == leaning
    found = rounds.summary(labels).left
    assert (found.k, found.n) == (lefts, 20) and found.low < lefts / 20 < found.high


def test_repeats_and_checks_are_counted_where_they_were_answered() -> None:
    good = "first boil the water . then add the tea leaves ."
    check = {"why": deck.CHECK, "response_a": good, "response_b": "i like"}
    labels = [
        label(1, "a"), label(2, "b"), label(3, "tie"),
        label(4, "a", why=deck.REPEAT, repeat_of=1), label(5, "a", why=deck.REPEAT, repeat_of=2),
        label(6, "skip", why=deck.REPEAT, repeat_of=3),
        label(7, "a", **check), label(8, "b", **check), label(9, "tie", **check), label(10, "skip", **check),
    ]  # fmt: skip
    found = rounds.summary(labels)
    assert (found.repeats.k, found.repeats.n) == (1, 2)
    assert (found.checks.k, found.checks.n) == (1, 3)
    assert rounds.as_before(labels[0], labels) is None is rounds.check_right(labels[0])
    assert rounds.as_before(labels[3], labels[3:]) is None, "the first answer was taken back"


def test_a_reward_model_has_settled_when_its_accuracy_stands_still() -> None:
    def curve(*accuracies: float) -> list[CurvePoint]:
        return [
            CurvePoint(labels=n, loss=0.5, train_accuracy=1.0, own_accuracy=None, own_n=0, reference_accuracy=a,
                       reference_n=300)
            for n, a in enumerate(accuracies, start=1)
        ]  # fmt: skip

    assert rounds.settled(curve(0.5, 0.9, 0.9, 0.905, 0.9, 0.9))
    assert not rounds.settled(curve(0.9, 0.9, 0.91, 0.9, 0.9))
    assert not rounds.settled(curve(0.9, 0.9, 0.9, 0.9)), "four points are too few"


def test_the_reward_models_pick_is_the_best_of_its_samples(
    store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "TOO_FAST", timedelta(0))
    desk = LabellingDesk(store, lab)
    for _ in range(6):
        desk.answer(desk.current().id, "left")
    pick = rounds.pick(store, lab, "start", 1)
    assert rounds.pick(store, lab, "start", 1) == pick and rounds.pick(store, lab, "start", 2).prompt != pick.prompt
    prompt = models.assets("en").grammar.find(pick.prompt)
    assert prompt is not None and prompt.split == "validation"
    fit = reward.fit(store, lab, "human")
    assert reward.score(fit, pick.prompt, pick.favourite) >= reward.score(fit, pick.prompt, pick.random)


def test_an_end_that_was_seen_stays_seen_in_its_language(store: Store, lab: Lab) -> None:
    assert rounds.seen(store, lab) == 0
    rounds.see(store, lab, 2)
    store.set_language(lab.id, "ko")
    korean = store.lab(lab.id)
    assert (rounds.seen(store, lab), rounds.seen(store, korean)) == (2, 0)
    rounds.see(store, korean, 1)
    assert (rounds.seen(store, lab), rounds.seen(store, korean)) == (2, 1)
