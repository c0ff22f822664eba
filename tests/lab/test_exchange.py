"""Labels out of a lab and into one, in every format."""

import gzip
import json
from collections.abc import Callable

import pytest
import torch

from lab import agreement, exchange, models, reward
from lab.exchange import ExchangeError
from lab.labelling import LabellingDesk
from lab.store import Lab, NewPair, Store, now
from rlhf_core import evaluation
from rlhf_core.formats import FORMATS, MOST_BYTES, OURS, FormatError, read
from rlhf_core.formats.comparison import Comparison

PROMPT, GOOD, BAD = "how do i make tea ?", "i am happy to help .", "that is a stupid question ."
ODD = "What is the volcano of Naples?"


def pair(prompt: str = PROMPT, a: str = GOOD, b: str = BAD) -> NewPair:
    return NewPair(language="en", prompt=prompt, response_a=a, response_b=b, policy_id="start")


def say(store: Store, lab: Lab, *choices: str, labeler: str = "test", **of: str) -> None:
    store.add_simulated(lab.id, [(pair(**of), choice) for choice in choices], labeler=labeler, at=now())


def lines(*rows: dict[str, object]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def row(**said: object) -> dict[str, object]:
    return {"prompt": "How do I make tea?", "response_a": "I am happy to help.", "response_b": "It is.", **said}


def take(store: Store, lab: Lab, data: bytes, name: str = "file.jsonl") -> exchange.Found:
    found = exchange.look(store, lab, data, name)
    exchange.take_in(store, lab, found)
    return found


@pytest.mark.parametrize("format", FORMATS)
def test_labels_go_through_every_format(store: Store, lab: Lab, format: str) -> None:
    LabellingDesk(store, lab).simulate(20, "default", 0.0, 3)
    decided = [label for label in store.labels(lab.id) if label.choice in ("a", "b")]
    made = exchange.export(store, lab, "simulated", format)
    assert made.comparisons + len(made.left_out) == 20 and made.comparisons >= len(decided)
    other = store.open_lab("another browser", "en")
    found = take(store, other, made.data)
    assert found.read.format == format and not found.unreadable and not found.reread and not found.read.left_out

    def preferred(labels: list[exchange.Label]) -> list[tuple[str, str, str]]:
        said = [x for x in labels if x.choice in ("a", "b")]
        return [(x.prompt, *((x.response_a, x.response_b) if x.choice == "a" else (x.response_b, x.response_a)))
                for x in said]  # fmt: skip

    assert preferred(store.labels(other.id)) == preferred(decided)


def test_our_own_events_tell_all(store: Store, lab: Lab) -> None:
    say(store, lab, "a", "tie", "skip")
    first, _, last = store.labels(lab.id)
    assert store.undo_label(lab.id, last.event_id, labeler="you", at=now())
    events = read(exchange.export(store, lab).data).comparisons
    assert [event.kind for event in events] == ["label", "label", "label", "mute"]
    assert events[-1].retracts == events[2].event_id and events[0].strength is None
    assert events[0].prompt == "How do I make tea?" and events[0].event_id == str(first.event_id)
    other = store.open_lab("another browser", "en")
    found = take(store, other, exchange.export(store, lab).data)
    assert found.taken_back == 2 and found.by_labeler == {("test", "simulated"): 2}
    assert [label.choice for label in store.labels(other.id)] == ["a", "tie"]
    assert exchange.export(store, lab, format="csv").comparisons == 2, "others hold what stands"
    assert exchange.export(store, lab, "human").comparisons == 0


def test_what_is_here_already_is_not_taken_twice(store: Store, lab: Lab) -> None:
    say(store, lab, "a", "b", labeler="ann")
    for format in (OURS, "argilla"):
        found = take(store, lab, exchange.export(store, lab, format=format).data)
        assert (found.known, len(found.labels), len(found.pairs)) == (2, 0, 0)
    assert len(store.labels(lab.id)) == 2


def test_who_and_how_much(store: Store, lab: Lab) -> None:
    data = lines(
        row(choice="a", labeler="ann", labeler_kind="constitution", strength=2, rationale="kind"),
        row(choice="b", strength=0),
        row(choice="b", labeler="bob", policy_id="run-7"),
    )
    take(store, lab, data, "class.jsonl")
    labels = store.labels(lab.id)
    assert [(x.labeler, x.labeler_kind, x.strength) for x in labels] == [
        ("ann", "constitution", 2), ("class.jsonl", "human", 1), ("bob", "human", 0),
    ]  # fmt: skip
    assert labels[0].rationale == "kind" and labels[0].pair_id == labels[1].pair_id
    assert labels[2].policy_id == "class.jsonl: run-7", "a run of another lab is none of ours"
    assert reward.counts(store, lab) == {"human": 2, "simulated": 1, "both": 3}


def test_pairs_that_nobody_judged_come_next(store: Store, lab: Lab) -> None:
    desk = LabellingDesk(store, lab)
    found = take(store, lab, lines(row()))
    assert (found.waiting, found.labels) == (1, ())
    assert desk.current().prompt == PROMPT
    again = take(store, lab, lines(row(), row(response_b="no .")))
    assert (again.known, again.waiting) == (1, 1), "what waits already is not queued twice"


def test_unknown_words_are_kept_and_teach_nothing(store: Store, lab: Lab) -> None:
    say(store, lab, "a", "a", "a", "a")
    before = reward.fit(store, lab).model.weights
    found = take(store, lab, lines(row(prompt=ODD, choice="b"), row(response_b="It's Vesuvius.", choice="a"), row()))
    assert found.unreadable == 2 and set(found.unknown) == {"volcano", "naples", "vesuvius"}
    fit = reward.fit(store, lab)
    assert (fit.labels_used, fit.unreadable) == (4, 2) and torch.equal(fit.model.weights, before)
    assert reward.curve(store, lab)[-1].labels == 4
    odd, other = store.labels(lab.id)[-2:]
    assert odd.prompt == ODD and other.response_b == "It's Vesuvius." and other.response_a == GOOD
    assert exchange.unknown_in("en", ODD) == ("volcano", "Naples?") and not exchange.unknown_in("en", GOOD)
    assert read(exchange.export(store, lab).data).comparisons[-2].prompt == ODD


def test_a_pair_of_unknown_words_gets_no_guess(store: Store, lab: Lab) -> None:
    take(store, lab, lines(*[row(choice="a")] * 5, row(prompt=ODD)))
    desk = LabellingDesk(store, lab)
    odd = desk.current()
    assert odd.prompt == ODD and odd.guess is None
    assert store.open_showing(lab.id) is not None


def test_words_in_another_form_are_read_and_counted(store: Store, lab: Lab) -> None:
    found = exchange.look(store, lab, lines(row(prompt="What's the capital of France?", choice="a")), "f")
    assert found.pairs[0].prompt == "what is the capital of france ?" and (found.reread, found.unreadable) == (1, 0)


def test_another_language_waits_for_its_model(store: Store, lab: Lab) -> None:
    found = take(store, lab, lines(row(prompt="차를 어떻게 끓여요?", language="ko", choice="a")))
    assert found.elsewhere == 1 and store.labels(lab.id) == [] and len(store.labels(lab.id, language="ko")) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x" * (MOST_BYTES + 1), "too_large"),
        (gzip.compress(bytes(50 * 2**20)), "too_large_unpacked"),
        (gzip.compress(b"{}" * 50)[:-9], "broken_gzip"),
        (b'[{"prompt": "a"},\n{"prom', "file_no_json"),
        (b'{"a": 1}', "unknown_shape"),
        (b"\xff\xfe", "no_utf8"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_file_is_refused(store: Store, lab: Lab, data: bytes, reason: str) -> None:
    with pytest.raises(FormatError) as error:
        exchange.look(store, lab, data, "file")
    assert error.value.reason == reason


def test_too_many_are_refused(store: Store, lab: Lab) -> None:
    with pytest.raises(ExchangeError, match="5001 comparisons"):
        exchange.look(store, lab, lines(*[row(choice="a")] * (exchange.MOST_TAKEN + 1)), "file")


def test_all_or_none(store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    found = exchange.look(store, lab, lines(row(choice="a"), row(choice="b", response_b="no .")), "f")
    broken = [found.labels[0], type(found.labels[0])(**{**vars(found.labels[1]), "labeler": None})]
    with pytest.raises(Exception, match="NOT NULL"):
        store.add_from_outside(lab.id, found.pairs, broken)
    assert store.labels(lab.id) == [] and store.next_pair(lab.id, "en") is None


# What becomes of labels afterwards.


@pytest.fixture
def weights(store: Store, lab: Lab) -> Callable[[], torch.Tensor]:
    return lambda: reward.fit(store, lab).model.weights


def test_a_label_taken_back_might_never_have_been(store: Store, lab: Lab, weights: Callable[[], torch.Tensor]) -> None:
    say(store, lab, "a", "a")
    without = weights()
    say(store, lab, "b", b="hello .")
    odd = store.labels(lab.id)[-1]
    say(store, lab, "tie")
    store.undo_label(lab.id, store.labels(lab.id)[-1].event_id, labeler="you", at=now())
    assert not torch.equal(weights(), without)
    assert store.undo_label(lab.id, odd.event_id, labeler="you", at=now())
    assert torch.equal(weights(), without)
    assert not store.undo_label(lab.id, odd.event_id, labeler="you", at=now()), "only what stands is taken back"
    other = store.open_lab("another browser", "en")
    assert not store.undo_label(other.id, store.labels(lab.id)[0].event_id, labeler="you", at=now())


def test_a_changed_choice_might_have_been_the_first(
    store: Store, lab: Lab, weights: Callable[[], torch.Tensor]
) -> None:
    say(store, lab, "a", "b")
    meant = weights()
    say(store, lab, "a")
    store.undo_label(lab.id, store.labels(lab.id)[1].event_id, labeler="you", at=now())
    wrong = store.labels(lab.id)[-1]
    assert store.change_label(lab.id, wrong.event_id, "b", labeler="you", at=now())
    assert torch.equal(weights(), meant)
    changed = store.labels(lab.id)[-1]
    assert (changed.choice, changed.labeler, changed.labeler_kind) == ("b", "you", "human")
    assert changed.pair_id == wrong.pair_id and changed.showing_id != wrong.showing_id and changed.guess is None


def test_a_labellers_data_go_for_good(store: Store, lab: Lab, weights: Callable[[], torch.Tensor]) -> None:
    say(store, lab, "a", "a", labeler="ann")
    without = weights()
    say(store, lab, "b", "b", "b", labeler="bob")
    store.undo_label(lab.id, store.labels(lab.id)[-1].event_id, labeler="you", at=now())
    assert store.delete_labeler(lab.id, "bob", "human") == 0, "a person of that name has said nothing"
    assert store.delete_labeler(lab.id, "bob", "simulated") == 2
    assert torch.equal(weights(), without)
    assert b"bob" not in exchange.export(store, lab).data


def test_undo_takes_back_ones_own_only(store: Store, lab: Lab) -> None:
    take(store, lab, lines(row(choice="a", labeler="ann")))
    assert LabellingDesk(store, lab).undo() is None
    assert len(store.labels(lab.id)) == 1


def test_comparisons_hold_what_the_lab_holds(store: Store, lab: Lab) -> None:
    LabellingDesk(store, lab).simulate(5, "default", 0.0, 1)
    for comparison, label in zip(
        exchange.comparisons(store, lab, "both", with_undone=False), store.labels(lab.id), strict=True
    ):
        assert isinstance(comparison, Comparison)
        assert models.assets("en").grammar.normalise(comparison.response_a) == label.response_a


def test_leaving_one_out_is_a_refit_without_it(store: Store, lab: Lab) -> None:
    LabellingDesk(store, lab).simulate(12, "default", 0.0, 4)
    label = next(label for label in store.labels(lab.id) if label.choice in ("a", "b"))
    left = reward.leave_one_out(store, lab, label.event_id)
    assert left is not None
    differences, margins = reward.reference("en", "attributes")
    before = differences @ reward.fit(store, lab).model.weights
    effects = dict(reward.explain(reward.fit(store, lab)))
    store.undo_label(lab.id, label.event_id, labeler="you", at=now())
    refitted = reward.fit(store, lab)
    after = differences @ refitted.model.weights
    assert (left.before, left.after) == tuple(evaluation.accuracy(x, margins).interval for x in (before, after))
    assert left.flipped == int((before.sign() != after.sign()).sum()) and left.pairs == len(differences)
    gaps = {name: abs(new - effects[name]) for name, new in reward.explain(refitted)}
    assert [name for name, _, _ in left.moved] == sorted(gaps, key=lambda name: -gaps[name])[:3]


def test_a_label_that_teaches_nothing_changes_nothing(store: Store, lab: Lab) -> None:
    say(store, lab, "a", "skip")
    assert reward.leave_one_out(store, lab, store.labels(lab.id)[-1].event_id) is None


def test_agreement_counts_pairs_that_several_judged_whichever_answer_is_a(store: Store, lab: Lab) -> None:
    for who, choices in (("ann", "ab"), ("bob", "ab")):
        say(store, lab, choices[0], labeler=who)
        say(store, lab, choices[1], labeler=who, b="hello .")
    say(store, lab, "b", labeler="cy", a=BAD, b=GOOD)
    say(store, lab, "skip", labeler="dot")
    say(store, lab, "a", labeler="dot", b="no .")
    agreed = agreement.among(store.labels(lab.id))
    assert (agreed.share.value, agreed.share.items, agreed.labelers) == (1.0, 2, 3)
    assert agreed.alpha.value == 1.0
    assert agreement.among([]).labelers == 0
