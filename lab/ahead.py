"""What comes next, worked out while a person reads: the pair that would follow each answer, and the guess about it.

To choose a pair is to fit the reward model once more, with the answer in it. A click need not wait for that: there are
few answers, and to read two texts takes seconds.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from lab import models, reward
from lab.deck import Deck
from lab.remembered import Remembered
from lab.reward import RewardFit
from lab.store import Label, NewPair

SAID = (("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("b", 2), ("tie", 0), ("both_bad", 0), ("skip", 0))
"""What can be answered: a choice, and how much better."""
LABELS_BEFORE_GUESSING = 4
"""The reward model guesses once so many of a person's labels favour one answer."""


@dataclass(frozen=True)
class Next:
    """A pair that is chosen, and P(a) as the reward model expects it; None if it has no guess."""

    pair: NewPair
    guess: float | None


_ready: Remembered[Mapping[tuple[str, int], Next]] = Remembered(reward.CACHED)


def version(labels: Sequence[Label], deck: Deck) -> Hashable:
    """What the pair after these labels depends on, apart from what the last of them says."""
    return tuple(label.showing_id for label in labels), deck.wished


def find(key: Hashable, labels: Sequence[Label], deck: Deck) -> Next | None:
    """What was worked out for what the last of these labels says, if it was."""
    known = _ready.last(key) if labels else None
    if known is None or known[0] != version(labels, deck):
        return None
    return known[1].get((labels[-1].choice, labels[-1].strength))


def prepare(key: Hashable, labels: Sequence[Label], taught: Sequence[Label], asked: Label, deck: Deck) -> None:
    """Work out what follows each answer to a pair. labels: the person's so far. taught: what the reward model is
    fitted to. asked: a label of the pair in sight, whatever it says. No store is read unless the model has to write."""
    deal = deck.deal([*labels, asked])
    if deal is None:
        return
    found: dict[tuple[str, int], Next] = {}
    for choice, strength in SAID:
        said = replace(asked, choice=choice, strength=strength)
        fit = reward.fit_labels(
            [*taught, *([said] if said.repeat_of is None else [])], said.language, "human", "attributes"
        )
        pair = deck.pick(deal, fit.model.weights)
        found[choice, strength] = Next(pair, guess(fit, [*labels, said], pair))
    _ready.keep(key, version([*labels, asked], deck), found)


def guess(fit: RewardFit, labels: Sequence[Label], pair: NewPair) -> float | None:
    """What a reward model of a person's labels expects of a pair; None before they have given enough of them, and for
    texts that it can't read."""
    texts = (pair.prompt, pair.response_a, pair.response_b)
    decided = sum(label.choice in ("a", "b") and reward.teaches(label) for label in labels)
    if decided < LABELS_BEFORE_GUESSING or not models.readable(pair.language, *texts):
        return None
    return reward.guess(fit, *texts)
