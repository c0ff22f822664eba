"""The rules of labelling: which pair comes next, what an answer does, what an undo does, whoever asks."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import torch

from lab import ahead, models, reward
from lab.database import StoreError
from lab.deck import Deck
from lab.label_records import OWNER
from lab.store import Lab, Label, NewPair, Shown, Store, now
from rlhf_core.annotators import Annotator, annotator_values
from rlhf_core.evaluation import wilson_interval
from rlhf_core.weights import CheckpointError

CHOICES = ("left", "right", "tie", "both_bad", "skip")
TOO_FAST = timedelta(milliseconds=250)
"""Nobody reads two answers in less: such an answer comes from a held key or a double click."""
AHEAD_AFTER = 0.1
"""Seconds from a showing until the model writes for the next pair."""
AHEAD_AFTER_OPENING = 1.0
"""Likewise when a page has just been opened: it is yet to be drawn, and its first pair to be read."""
SIMULATED_AT_ONCE = 50
MOST_SIMULATED = 5000


class LabellingError(RuntimeError):
    """What was asked can't be done with this pair; the message says why."""


class TooFastError(LabellingError):
    """An answer that came before anybody could have read the pair. Nothing was labelled."""


@dataclass(frozen=True, kw_only=True)
class Showing:
    """A pair as it stands before a person. Texts are tokens. `guess` is P(a), not to be told before the answer."""

    id: str
    pair_id: int
    language: str
    prompt: str
    left: str
    right: str
    shown_left: str
    guess: float | None
    number: int
    """The how-many-eth label it will be."""
    policy_id: str
    """Who wrote the answers."""
    why: str
    """It was chosen, see `lab.deck`; not to be told before the answer."""
    repeat_of: int | None
    """The pair whose answers it shows again, sides exchanged; not to be told before the answer."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A label, and what the reward model had guessed of it."""

    label: Label
    guess_side: str | None
    """left or right; None if it had no guess."""
    guess_confidence: float | None
    """Its probability for that side, in [0.5, 1]."""
    hit: bool | None
    """Whether it was right; None if it had no guess or no side was chosen."""


@dataclass(frozen=True, kw_only=True)
class HitRate:
    """How often the reward model foresaw a person's choice, with the 95 % interval."""

    n: int
    hits: int
    low: float
    high: float


class LabellingDesk:
    """Where a lab's pairs are labelled, in the language that `lab` has: once its model speaks another one, the desk
    refuses its work.

    policy_id: who writes the answers of new pairs, "start" or "run-<id>". rng: draws prompts, answers and sides;
    without it they are drawn afresh every time.
    """

    _shared = False
    """Whether others may have answered its pairs."""

    def __init__(
        self, store: Store, lab: Lab, *, policy_id: str = models.START, labeler: str = OWNER,
        clock: Callable[[], datetime] = now, rng: torch.Generator | None = None,
    ) -> None:  # fmt: skip
        self.store, self.lab, self.policy_id, self.labeler, self.clock = store, lab, policy_id, labeler, clock
        self._rng = rng or torch.Generator().manual_seed(secrets.randbits(63))

    def current(self) -> Showing:
        """The one pair that waits for this labeller's answer, after a reload too; a new one if none does."""
        shown = None
        while shown is None:
            self._check_language()
            shown = self.store.open_showing(self.lab.id, self.labeler) or self._show_next()
        return self._showing(shown)

    def answer(self, showing_id: str, choice: str, strength: int = 0, rationale: str = "") -> Answer:
        """Write a choice down: it is kept before this returns. A second answer to a showing changes nothing.

        choice: one of `CHOICES`. strength: 1 slightly, 2 clearly, 0 not asked. rationale: why, in at most 200
        characters beside the chips. TooFastError within 250 ms of the showing; LabellingError if the pair is not shown.
        """
        if choice not in CHOICES:
            raise ValueError(f"There is no choice {choice!r}; choose one of {', '.join(CHOICES)}.")
        if strength not in range(4):
            raise ValueError(f"The strength must be 0, 1, 2 or 3, not {strength}.")
        shown = self.store.showing(showing_id)
        if shown is None or (shown.lab_id, shown.labeler) != (self.lab.id, self.labeler):
            raise LabellingError("This pair was never shown in this lab; reload the page.")
        at = self.clock()
        if shown.open and timedelta(0) <= at - shown.shown_at < TOO_FAST:
            raise TooFastError("That was faster than anybody can read; nothing was labelled.")
        kept = choice if choice not in ("left", "right") else _side(shown, choice)
        guideline = self.store.guideline(self.lab.id)
        label = self.store.answer(
            showing_id, choice=kept, strength=strength, rationale=rationale, labeler=self.labeler, answered_at=at,
            guideline=guideline.version if guideline else 0,
        )  # fmt: skip
        if label is None:
            raise LabellingError("This pair is no longer the one that is shown; nothing was labelled.")
        return _reveal(label)

    def undo(self) -> Showing | None:
        """Take back the last answer of a person, in this language, and show its pair again. None if there is none.

        A second undo within 250 ms is the same click twice: it takes back nothing more.
        """
        self._check_language()
        at, last = self.clock(), self.store.last_undo_at(self.lab.id, self.labeler)
        twice = last is not None and timedelta(0) <= at - last < TOO_FAST
        if twice or self.store.undo(self.lab.id, labeler=self.labeler, at=at):
            return self.current()
        return None

    def simulate(
        self, n: int, annotator: str, label_noise: float, seed: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:  # fmt: skip
        """Have n new pairs labelled by an annotator of known values; every label says that it is simulated.

        progress: called with the labels kept so far and n. Returns n.
        """
        if not 1 <= n <= MOST_SIMULATED:
            raise ValueError(f"The number of labels must lie between 1 and {MOST_SIMULATED}, not {n}.")
        values = annotator_values(annotator, self.lab.language)
        person = Annotator(annotator, values, models.assets(self.lab.language).judge, label_noise)
        return self.simulate_many(n, [person], 1, seed, progress)

    def simulate_many(
        self, n: int, people: Sequence[Annotator], overlap: int, seed: int,
        progress: Callable[[int, int], None] | None = None, at: datetime | None = None,
    ) -> int:  # fmt: skip
        """Have n new pairs labelled by simulated people of different names, `overlap` of them each, who take turns.

        progress: called with the labels kept so far and all. at: when, of every label. Returns how many labels.
        """
        at, total, done = at or self.clock(), n * overlap, 0
        grammar, rng = models.assets(self.lab.language).grammar, torch.Generator().manual_seed(seed)
        while done < total:
            judged: list[tuple[NewPair, dict[str, str]]] = []
            for pair in self._sample_pairs(min(SIMULATED_AT_ONCE, (total - done) // overlap), rng):
                prompt = grammar.find(pair.prompt)
                assert prompt is not None, "pairs are made of the grammar's own prompts"
                first = done // overlap + len(judged)
                turns = [people[(first + i) % len(people)] for i in range(overlap)]
                answers = (pair.response_a, pair.response_b)
                judged.append((pair, {one.name: one.prefers(prompt, *answers, rng) for one in turns}))
            self.store.add_judged(self.lab.id, judged, at=at)
            done += overlap * len(judged)
            if progress:
                progress(done, total)
        return done

    def hit_rate(self) -> HitRate:
        """How often the reward model foresaw this lab's own choices."""
        hits = [hit for label in self.own_labels() if (hit := foreseen(label)) is not None]
        low, high = wilson_interval(sum(hits), len(hits))
        return HitRate(n=len(hits), hits=sum(hits), low=low, high=high)

    def _check_language(self) -> None:
        if self.store.lab(self.lab.id).language != self.lab.language:
            raise LabellingError("The model of this lab speaks another language now; reload the page.")

    def own_labels(self) -> list[Label]:
        """The labels of this lab's people that stand, oldest first, in its language: not those of members, who
        label at desks of their own."""
        return self.store.labels(self.lab.id, "human", self.lab.language, members=False)

    def _count(self) -> int:
        return len(self.own_labels())

    def _show_next(self) -> Shown | None:
        pair_id, pair = self._next_pair()
        return self.store.show(
            self.lab.id, pair_id, shown_left=self._left(pair), guess=self._guess(pair), at=self.clock(),
            labeler=self.labeler, shared=self._shared,
        )  # fmt: skip

    def _next_pair(self) -> tuple[int, NewPair]:
        return self.store.next_pair(self.lab.id, self.lab.language, self.labeler) or self._make_pair()

    def _left(self, pair: NewPair) -> str:
        """Which answer to put on the left: chance decides, but a repeat has its sides exchanged."""
        for label in self.own_labels() if pair.repeat_of else ():
            if label.pair_id == pair.repeat_of:
                return "b" if label.shown_left == "a" else "a"
        return "a" if torch.rand((), generator=self._rng) < 0.5 else "b"

    def _showing(self, shown: Shown) -> Showing:
        sides = {"a": shown.response_a, "b": shown.response_b}
        return Showing(
            id=shown.id, pair_id=shown.pair_id, language=shown.language, prompt=shown.prompt,
            left=sides[_side(shown, "left")], right=sides[_side(shown, "right")],
            shown_left=shown.shown_left, guess=shown.guess, number=1 + self._count(), policy_id=shown.policy_id,
            why=shown.why, repeat_of=shown.repeat_of,
        )  # fmt: skip

    def _make_pair(self) -> tuple[int, NewPair]:
        deck, labels = self._deck(self._rng), self.own_labels()
        ready = ahead.find(self._ahead_key, labels, deck)
        if ready:
            deck.take(ready.pair)
        pair = ready.pair if ready else deck.next_pair(labels)
        pair = pair or self._sample_pairs(1, self._rng)[0]  # which says why there is none
        return self.store.add_pair(self.lab.id, pair), pair

    def look_ahead(self, showing: Showing, after: float = AHEAD_AFTER) -> threading.Thread:
        """Have the next pair written and chosen, for whatever the person answers, while they read this one, so that
        their click need not wait for it. after: seconds from now. Returns the thread that does so."""
        deck = self._deck(torch.Generator().manual_seed(secrets.randbits(63)))
        labels, taught = self.own_labels(), reward.teaching(self.store, self.lab, "human")
        draw, asked = deck.ahead([*(label.why for label in labels), showing.why]), _unanswered(showing, self.labeler)

        def work() -> None:
            # What goes wrong here is told to whoever asks for the next pair: they will meet it as well.
            with suppress(CheckpointError, StoreError):
                if draw:
                    draw()
                ahead.prepare(self._ahead_key, labels, taught, asked, deck)

        # Later by a moment: first the page gets what it waits for. A process that ends waits for it, for a second:
        # torch does not bear to be cut off.
        timer = threading.Timer(after, _on_one_core, (work,))
        timer.daemon = False  # which it would inherit from a thread that draws a page
        timer.start()
        return timer

    @property
    def _ahead_key(self) -> tuple[str, str, str, str]:
        return self.lab.key, self.lab.language, self.policy_id, self.labeler

    def _deck(self, rng: torch.Generator) -> Deck:
        return Deck(self.store, self.lab, self.policy_id, rng)

    def _sample_pairs(self, n: int, rng: torch.Generator) -> list[NewPair]:
        """Two different answers to each of n random training prompts."""
        language = self.lab.language
        assets = models.assets(language)
        policy = models.policy(self.store, language, self.policy_id)
        prompts = assets.grammar.split("train")
        found: list[NewPair] = []
        for _ in range(20):
            chosen = torch.randint(len(prompts), (n - len(found) + 3,), generator=rng).tolist()
            texts = [prompts[i].text for i in chosen]
            answers = [g.text for g in policy.generate(texts * 2, tokenizer=assets.tokenizer, rng=rng)]
            for prompt, a, b in zip(texts, answers[: len(texts)], answers[len(texts) :], strict=True):
                if a != b:
                    found.append(
                        NewPair(language=language, prompt=prompt, response_a=a, response_b=b, policy_id=self.policy_id)
                    )
            if len(found) >= n:
                return found[:n]
        raise LabellingError(
            "The model answers every question in one way only, so there is nothing to compare; let another model write."
        )

    def _guess(self, pair: NewPair) -> float | None:
        """What a reward model of this person's labels alone expects: simulated ones would guess somebody else."""
        labels = self.own_labels()
        ready = ahead.find(self._ahead_key, labels, self._deck(self._rng))
        if ready and ready.pair == pair:
            return ready.guess
        return ahead.guess(reward.fit(self.store, self.lab, "human"), labels, pair)


def _unanswered(showing: Showing, labeler: str) -> Label:
    """A label of what is shown, which says nothing yet."""
    a, b = (showing.left, showing.right)[:: 1 if showing.shown_left == "a" else -1]
    return Label(
        event_id=0, showing_id=showing.id, pair_id=showing.pair_id, language=showing.language, prompt=showing.prompt,
        response_a=a, response_b=b, policy_id=showing.policy_id, why=showing.why, repeat_of=showing.repeat_of,
        shown_left=showing.shown_left, guess=showing.guess, shown_at=now(), choice="skip", strength=0, rationale="",
        guideline=0, labeler=labeler, labeler_kind="human", answered_at=now(),
    )  # fmt: skip


def _on_one_core(work: Callable[[], None]) -> None:
    """Torch counts its threads for each thread that calls it: what is written ahead takes no core from a click."""
    torch.set_num_threads(1)
    work()


def _side(shown: Shown, side: str) -> str:
    """Which answer, a or b, stood on a side."""
    other = {"a": "b", "b": "a"}[shown.shown_left]
    return shown.shown_left if side == "left" else other


def foreseen(label: Label) -> bool | None:
    """Whether the reward model's guess of a label was right; None if it had none, or no side was chosen, and for a
    repeat: it has learnt from the first time."""
    return None if label.repeat_of else _reveal(label).hit


def _reveal(label: Label) -> Answer:
    if label.guess is None or label.guess == 0.5:
        return Answer(label=label, guess_side=None, guess_confidence=None, hit=None)
    guessed = "a" if label.guess > 0.5 else "b"
    return Answer(
        label=label,
        guess_side="left" if guessed == label.shown_left else "right",
        guess_confidence=max(label.guess, 1 - label.guess),
        hit=label.choice == guessed if label.choice in ("a", "b") else None,
    )
