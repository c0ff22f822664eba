"""What is worked out while a person reads: the same as if the click had waited for it, or nothing at all."""

import threading
from datetime import timedelta

import pytest
import torch

from lab import ahead, deck, labelling, models, reward
from lab.database import StoreError
from lab.deck import Deck, DeckSettings
from lab.labelling import LabellingDesk, Showing
from lab.store import Lab, Store
from rlhf_core.weights import CheckpointError


@pytest.fixture
def desk(store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> LabellingDesk:
    """A desk at which a few uncertain pairs were labelled."""
    monkeypatch.setattr(labelling, "TOO_FAST", timedelta(0))
    deck.keep_settings(store, lab, DeckSettings(introduction=False, checks=False, repeats=False))
    desk = LabellingDesk(store, lab, rng=torch.Generator().manual_seed(3))
    for i in range(5):
        desk.answer(desk.current().id, ("left", "right")[i % 2])
    return desk


def looked_ahead(desk: LabellingDesk, monkeypatch: pytest.MonkeyPatch) -> Showing:
    """The pair in sight, once what follows it is worked out; from then on nothing is drawn."""
    showing = desk.current()
    desk.look_ahead(showing).join(timeout=60)
    monkeypatch.setattr(Deck, "_topped_up", lambda here: list(here._pool()))
    return showing


@pytest.mark.parametrize(("choice", "strength"), [("left", 0), ("right", 2), ("tie", 0), ("skip", 0)])
def test_the_pair_and_the_guess_are_those_that_a_click_would_wait_for(
    store: Store, lab: Lab, desk: LabellingDesk, choice: str, strength: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    showing = looked_ahead(desk, monkeypatch)
    desk.answer(showing.id, choice, strength)
    labels, fit = desk.own_labels(), reward.fit(store, lab, "human")
    now = Deck(store, lab, models.START, torch.Generator().manual_seed(4))
    expected = now.pick(now.deal(labels), fit.model.weights)
    monkeypatch.setattr(Deck, "next_pair", lambda *_: pytest.fail("the click waits"))
    shown = store.showing(desk.current().id)
    assert (shown.prompt, shown.response_a, shown.response_b) == deck._texts(expected)
    assert shown.guess == pytest.approx(ahead.guess(fit, labels, expected), abs=1e-6)
    assert expected not in now._pool(), "a pair that is shown is no candidate any more"


def test_nothing_of_it_holds_once_the_lab_wishes_otherwise(
    store: Store, lab: Lab, desk: LabellingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    showing = looked_ahead(desk, monkeypatch)
    desk.answer(showing.id, "left")
    wished = DeckSettings(introduction=False, checks=False, repeats=False, way="different")
    deck.keep_settings(store, lab, wished)
    assert store.showing(desk.current().id).why == "different"


@pytest.mark.parametrize("error", [CheckpointError("The file is damaged."), StoreError("The disk is full.")])
def test_what_goes_wrong_ahead_is_left_for_whoever_asks_next(
    desk: LabellingDesk, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda seen: threads.append(seen.exc_value))
    showing = desk.current()

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(ahead, "prepare", fail)
    desk.look_ahead(showing, after=0).join(timeout=60)
    assert threads == []
    desk.answer(showing.id, "left")
    assert desk.current().id != showing.id
