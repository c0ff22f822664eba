"""What the owner of a class sees of it: who labels and how much; and, unless the votes are blind, whether they agree
and what the reward model would be by each of them, by each group, and by all.

Figures of choices are made anew only when a label came or went.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from lab import agreement, reward
from lab.agreement import Agreed
from lab.member_records import Vote
from lab.members import ACTIVE
from lab.remembered import Remembered
from lab.rounds import Share
from lab.store import Lab, Label, MemberRow, Store, now
from rlhf_core import evaluation
from rlhf_core.agreement import Agreement, cohen_kappa
from rlhf_core.gold import ATTRIBUTES

FEWEST_LABELS = 8
"""A labeller or a group with fewer has no reward model of their own."""
NEWEST = 8
CACHED = 32
_verdicts: Remembered[Verdict] = Remembered(CACHED)
_lessons: Remembered[list[Taught]] = Remembered(CACHED)


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A member, and what may be known of them at any time."""

    member: MemberRow
    votes: int
    active: bool
    seconds: float | None
    """From the showing to the answer, the median; None before the first answer."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """A class as it is now: nothing of what anybody chose."""

    seats: tuple[Seat, ...]
    votes: tuple[Vote, ...]
    """Oldest first."""

    @property
    def active(self) -> int:
        return sum(seat.active for seat in self.seats)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether people agree, members and the owner alike; muted members are left out."""

    agreed: Agreed
    single: int
    """Pairs with a single vote, which say nothing of agreement."""
    by_member: dict[str, Share]
    """By name: on how many of the pairs that others judged too a member chose as most of the others did; pairs on which
    the others are split evenly left out."""


@dataclass(frozen=True, kw_only=True)
class Taught:
    """A reward model of some of the labels."""

    kind: str
    """member, group, owner or all."""
    name: str
    labels: int
    """It was fitted to."""
    most: str
    """What it likes most, an attribute, ..."""
    least: str
    """... and what least."""
    gold: evaluation.Interval
    """Accuracy on the reference pairs, by the reference values."""


def room(store: Store, lab: Lab) -> Room:
    """The class of a lab, in its model's language."""
    votes, seen, at = store.votes(lab.id, lab.language), store.last_seen(lab.id), now()
    by_name: dict[str, list[Vote]] = {}
    for vote in votes:
        by_name.setdefault(vote.labeler, []).append(vote)
    seats = tuple(
        Seat(
            member=member,
            votes=len(own := by_name.get(member.name, [])),
            active=member.name in seen and at - seen[member.name] < ACTIVE,
            seconds=median((vote.answered_at - vote.shown_at).total_seconds() for vote in own) if own else None,
        )
        for member in store.members(lab.id)
    )
    return Room(seats=seats, votes=tuple(votes))


def verdict(store: Store, lab: Lab) -> Verdict:
    """Whether the people of a lab agree."""
    labels = _labels(store, lab)
    return _verdicts.of((lab.key, lab.language), _version(labels), lambda: _verdict(labels))


def kappa(store: Store, lab: Lab, first: str, second: str) -> Agreement:
    """Cohen's kappa of two people, by their names."""
    items = agreement.votes(_labels(store, lab))
    return cohen_kappa(items, f"human {first}", f"human {second}", np.random.default_rng(0))


def pairings(store: Store, lab: Lab) -> list[tuple[str, str]]:
    """The two people of a lab who judged the same pair, those with most in common first."""
    common: Counter[tuple[str, str]] = Counter()
    for item in agreement.votes(_labels(store, lab)):
        names = sorted(name.removeprefix("human ") for name in item)
        common.update((x, y) for i, x in enumerate(names) for y in names[i + 1 :])
    return [pair for pair, _ in common.most_common()]


def taught(store: Store, lab: Lab) -> list[Taught]:
    """The reward models of all people's labels, of the owner's own, of each group and of each member
    with labels enough."""
    teaching = [label for label in _labels(store, lab) if label.repeat_of is None]
    return _lessons.of((lab.key, lab.language), _version(teaching), lambda: _taught(store, lab, teaching))


def _labels(store: Store, lab: Lab) -> list[Label]:
    return store.labels(lab.id, "human", lab.language)


def _version(labels: Sequence[Label]) -> list[tuple[str, str]]:
    return [(label.showing_id, label.labeler) for label in labels]


def _verdict(labels: list[Label]) -> Verdict:
    items = agreement.votes(labels)
    right: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for item in items:
        for who, said in item.items():
            others = Counter(choice for other, choice in item.items() if other != who).most_common(2)
            if not others or (len(others) == 2 and others[0][1] == others[1][1]):
                continue
            name = who.removeprefix("human ")
            of[name] += 1
            right[name] += said == others[0][0]
    shares = {name: Share.of(right[name], n) for name, n in of.items()}
    single = sum(len(item) == 1 for item in items)
    return Verdict(agreed=agreement.among(labels), single=single, by_member=shares)


def _taught(store: Store, lab: Lab, labels: list[Label]) -> list[Taught]:
    members = store.members(lab.id)
    names = {member.name for member in members}
    parts: list[tuple[str, str, set[str] | None]] = [("all", "", None)]
    owners = {label.labeler for label in labels} - names
    parts += [("owner", "", owners)] if names and owners else []
    parts += [
        ("group", str(group), {member.name for member in members if member.group == group})
        for group in sorted({member.group for member in members if member.group})
    ]
    parts += [("member", member.name, {member.name}) for member in members]
    found = [
        _model(kind, name, [label for label in labels if by is None or label.labeler in by], lab.language)
        for kind, name, by in parts
    ]
    return [one for one in found if one is not None]


def _model(kind: str, name: str, labels: list[Label], language: str) -> Taught | None:
    """A reward model of these labels; None if they are too few."""
    if len(labels) < FEWEST_LABELS:
        return None
    fit = reward.fit_labels(labels, language, "human", "attributes")
    if fit.labels_used < FEWEST_LABELS:
        return None
    traits = dict(reward.explain(fit))
    by_weight = sorted((effect, name) for name, effect in traits.items() if name in ATTRIBUTES)
    differences, margins = reward.reference(language, "attributes")
    gold = evaluation.accuracy(differences @ fit.model.weights, margins).interval
    return Taught(
        kind=kind, name=name, labels=fit.labels_used, most=by_weight[-1][1], least=by_weight[0][1], gold=gold
    )
