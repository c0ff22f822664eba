"""The desk of a class's member: pairs that others judge too, and no guess of the reward model.

Many phones ask at once, so what a new pair costs is shared: the reward model that chooses it is refitted once a
minute at most, and candidates are drawn for several pairs at once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import torch
from torch import Tensor

from lab import deck, members, models, reward
from lab.deck import Deck
from lab.labelling import Answer, LabellingDesk, LabellingError, Showing
from lab.remembered import Remembered
from lab.store import DELETED, Lab, MemberRow, NewPair, Store, now

REFIT_SECONDS = 60.0
LATEST_PAIRS = 40
"""So many of the last pairs that were made decide which questions are due. They are kept in this process: beside a
thread that trains every row that is read costs a wait for Python's lock."""
ENOUGH = 40
"""Candidates among which a pair is chosen without drawing more of them first."""
_gate = threading.RLock()
"""One click at a time: a hundred threads that take turns at every query keep each other waiting far longer, and two at
once would show a pair to more people than the lab wishes."""
_latest: Remembered[deque[NewPair]] = Remembered(reward.CACHED)
_weights: dict[tuple[str, str], tuple[float, Tensor]] = {}


class ClassDesk(LabellingDesk):
    """Where a member labels. key and who: what was checked by `members.may_label`, and is again at each answer."""

    _shared = True

    def __init__(
        self, store: Store, lab: Lab, key: str, member: MemberRow, *, clock: Callable[[], datetime] = now,
        rng: torch.Generator | None = None,
    ) -> None:  # fmt: skip
        self._key, self._who, self._wished = key, member.participant, members.settings(store, lab.id)
        writer = _writer(store, lab, self._wished.writer)
        super().__init__(store, lab, policy_id=writer, labeler=member.name, clock=clock, rng=rng)

    def current(self) -> Showing:
        """As at every desk."""
        with _gate:
            return super().current()

    def answer(self, showing_id: str, choice: str, strength: int = 0, rationale: str = "") -> Answer:
        """As at every desk. MemberError if the class is closed, has another address, or the member is muted."""
        with _gate:
            members.may_label(self.store, self._key, self._who)
            return super().answer(showing_id, choice, strength, rationale)

    def _count(self) -> int:
        return self.store.count_of(self.lab.id, self.labeler, self.lab.language)

    def _next_pair(self) -> tuple[int, NewPair]:
        asked = (self.lab.id, self.labeler, self.lab.language, self._wished.overlap)
        return self.store.next_class_pair(*asked) or self._make_pair()

    def _guess(self, pair: NewPair) -> None:
        """None is made."""

    def _make_pair(self) -> tuple[int, NewPair]:
        """Of the lab's deck, but for what measures one person alone, and for the introduction, whose search would keep
        a class waiting that begins all at once."""
        wished = replace(deck.settings(self.store, self.lab), introduction=False, checks=False, repeats=False)
        made = Deck(
            self.store, self.lab, self.policy_id, self._rng, wished=wished, weights=self._latest_weights, enough=ENOUGH
        )
        shown = _latest.of((self.lab.key, self.lab.language), None, lambda: deque(maxlen=LATEST_PAIRS))
        pair = made.next_pair(shown)
        if pair is None:
            raise LabellingError("The model answers every question in one way only, so there is nothing to compare.")
        shown.append(pair)
        return self.store.add_pair(self.lab.id, pair), pair

    def _latest_weights(self) -> Tensor:
        key, at = (self.lab.key, self.lab.language), time.monotonic()
        if key not in _weights or at - _weights[key][0] > REFIT_SECONDS:
            _weights[key] = at, reward.fit(self.store, self.lab, "human").model.weights
            while len(_weights) > reward.CACHED:
                del _weights[next(iter(_weights))]
        return _weights[key][1]


def _writer(store: Store, lab: Lab, wished: str) -> str:
    """Who writes: whom the lab wishes, if they are still there and speak its language."""
    try:
        run = models.run_of(store, wished)
    except KeyError:
        return models.START
    there = run is not None and run.status != DELETED and run.inputs["language"] == lab.language
    return wished if there else models.START
