"""Labels taken away in the formats of `rlhf_core.formats`, and brought in from files in them.

What comes in is looked at first (`look`) and taken in whole or not at all (`take_in`). Texts become tokens of the
grammar where the model knows every word of them; others stay as they are written: people can judge them and they go
out again, but the model can't read them, so they teach nothing and get no guess (`models.readable`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import cast

from lab import models
from lab.label_records import OWNER
from lab.store import Lab, Label, NewLabel, NewPair, Store, Undo, now
from rlhf_core.corpus import LANGUAGES
from rlhf_core.formats import OURS, Comparison, Read, Written, read, standing, write
from rlhf_core.formats.comparison import Choice, LabelerKind, Side, taken_back
from rlhf_core.reading import MAX_CHARACTERS, MAX_WORDS, read_words, surface

IMPORTED = "imported"
"""Why a pair from a file is shown."""
MOST_TAKEN = 5000
"""Comparisons taken in at once: as many as a simulated annotator gives."""


class ExchangeError(ValueError):
    """A file that holds what the lab can't take; str() says why. reason: a word for it, see `ui/locales`, whose
    sentence has the slots."""

    def __init__(self, reason: str, sentence: str, **slots: object) -> None:
        super().__init__(sentence)
        self.reason, self.slots = reason, slots


# Out.


def export(store: Store, lab: Lab, source: str = "both", format: str = OURS) -> Written:
    """The lab's labels of a source, in its model's language, as a file: those that stand; in our own format also those
    that were taken back, with the events that did so."""
    return write(comparisons(store, lab, source, with_undone=format == OURS), format)


def comparisons(store: Store, lab: Lab, source: str, *, with_undone: bool) -> list[Comparison]:
    """Labels as files carry them, oldest first, with their texts as people read them."""
    if with_undone:
        events = store.events(lab.id, source, lab.language)
    else:
        events = list[Label | Undo](store.labels(lab.id, source, lab.language))
    labels = {event.event_id: event for event in events if isinstance(event, Label)}
    first = {label.pair_id: label.event_id for label in reversed(labels.values())}
    found = [
        _comparison(lab, event, first) if isinstance(event, Label) else _taking_back(lab, event, labels)
        for event in events
    ]
    return [*found, *_mutes(store, lab, labels.values(), found)] if with_undone else found


def _comparison(lab: Lab, label: Label, first: dict[int, int]) -> Comparison:
    """first: the first label of each pair."""
    repeated = "" if label.repeat_of is None else str(first.get(label.repeat_of, ""))
    prompt, a, b = (
        models.displayed(label.language, text) for text in (label.prompt, label.response_a, label.response_b)
    )
    return Comparison(
        prompt=prompt,
        response_a=a,
        response_b=b,
        choice=cast(Choice, label.choice),
        strength=label.strength or None,  # a 0 of ours was not asked
        rationale=label.rationale,
        labeler=label.labeler,
        labeler_kind=cast(LabelerKind, label.labeler_kind),
        language=label.language,
        event_id=str(label.event_id),
        lab=lab.name,
        showing_id=label.showing_id,
        pair_id=str(label.pair_id),
        policy_id=label.policy_id,
        shown_left=cast(Side, label.shown_left),
        guideline_version=str(label.guideline),
        shown_at=label.shown_at,
        answered_at=label.answered_at,
        is_check=label.repeat_of is not None,
        repeat_of=repeated,
    )


def _mutes(store: Store, lab: Lab, labels: Iterable[Label], found: Sequence[Comparison]) -> list[Comparison]:
    """The labels of members who are muted now, each taken out by an event of the owner's."""
    muted, gone = {member.name for member in store.members(lab.id) if member.muted}, taken_back(found)
    return [
        Comparison(
            prompt="", response_a="", response_b="", kind="mute", event_id=f"mute-{label.event_id}",
            retracts=str(label.event_id), lab=lab.name, language=lab.language, labeler=OWNER, labeler_kind="human",
        )
        for label in labels
        if label.labeler in muted and label.labeler_kind == "human" and str(label.event_id) not in gone
    ]  # fmt: skip


def _taking_back(lab: Lab, undo: Undo, labels: dict[int, Label]) -> Comparison:
    own = labels[undo.retracts].labeler == undo.labeler
    return Comparison(
        prompt="",
        response_a="",
        response_b="",
        kind="undo" if own else "mute",
        event_id=str(undo.event_id),
        retracts=str(undo.retracts),
        lab=lab.name,
        language=lab.language,
        labeler=undo.labeler,
        labeler_kind=cast(LabelerKind, undo.labeler_kind),
        answered_at=undo.answered_at,
    )


# In.


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a file holds for a lab, before anything is taken in."""

    read: Read
    pairs: tuple[NewPair, ...]
    labels: tuple[NewLabel, ...]
    waiting: int
    """Pairs that nobody has judged; they are the next to be shown."""
    by_labeler: dict[tuple[str, str], int]
    """Labels by labeller and kind."""
    taken_back: int
    """Labels and undo events of the file that leave nothing standing."""
    known: int
    """Labels that stand in the lab already, and unjudged pairs that wait in it."""
    unreadable: int
    """Pairs that the model can't read: they teach nothing and get no guess."""
    unknown: tuple[str, ...]
    """Their unknown words, the most frequent first."""
    reread: int
    """Texts in which the model reads some words in another form than the file has."""
    elsewhere: int
    """Pairs in another language than the lab's model speaks now: they wait for it."""
    margins: int
    """Comparisons with a margin, which the lab has no place for."""


def look(store: Store, lab: Lab, data: bytes, name: str, format: str | None = None) -> Found:
    """What a file holds for a lab. name: the file's, which stands for a labeller or writer that it does not name.

    FormatError if it is broken as a whole; ExchangeError if it holds more than is taken at once. Nothing is changed.
    """
    found = read(data, format)
    kept = standing(found.comparisons)
    if len(kept) > MOST_TAKEN:
        raise ExchangeError(
            "too_many",
            f"The file holds {len(kept)} comparisons; {MOST_TAKEN} are taken at once. Choose a part of it.",
            value=len(kept),
            limit=MOST_TAKEN,
        )
    intake = _Intake(lab, name, now())
    here = {_said(label) for language in LANGUAGES for label in store.labels(lab.id, language=language)}
    here |= {_key(pair, "", "", "") for pair in store.waiting_pairs(lab.id)}
    for comparison in kept:
        intake.add(comparison, here)
    unreadable = [p for p in intake.pairs if not models.readable(p.language, p.prompt, p.response_a, p.response_b)]
    judged = {label.pair for label in intake.labels}
    return Found(
        read=found,
        pairs=tuple(intake.pairs),
        labels=tuple(intake.labels),
        waiting=len(intake.pairs) - len(judged),
        by_labeler=dict(Counter((label.labeler, label.labeler_kind) for label in intake.labels)),
        taken_back=len(found.comparisons) - len(kept),
        known=intake.known,
        unreadable=len(unreadable),
        unknown=_unknown(unreadable),
        reread=intake.reread,
        elsewhere=sum(pair.language != lab.language for pair in intake.pairs),
        margins=sum(comparison.margin is not None for comparison in kept),
    )


def take_in(store: Store, lab: Lab, found: Found) -> None:
    """Make labels and waiting pairs of what a file holds, all or none."""
    store.add_from_outside(lab.id, found.pairs, found.labels)


class _Intake:
    """Comparisons on their way to be pairs and labels. Equal pairs become one, judged by several."""

    def __init__(self, lab: Lab, file: str, at: datetime) -> None:
        self.lab, self.file, self.at = lab, file, at
        self.pairs: list[NewPair] = []
        self.labels: list[NewLabel] = []
        self.known = 0
        self.reread = 0
        self._places: dict[NewPair, int] = {}
        self._of_event: dict[str, int] = {}
        self._texts: dict[tuple[str, str], str] = {}

    def add(self, comparison: Comparison, here: set[_Said]) -> None:
        """here: what stands or waits in the lab, which is not taken a second time."""
        pair = self._pair(comparison)
        if comparison.choice is None:
            if _key(pair, "", "", "") in here:
                self.known += 1
            else:
                self._place(pair)
            return
        labeler, kind = comparison.labeler or self.file, comparison.labeler_kind or "human"
        if _key(pair, comparison.choice, labeler, kind) in here:
            self.known += 1
            return
        place = self._place(pair)
        self._of_event.setdefault(comparison.event_id, place)
        self.labels.append(
            NewLabel(
                pair=place,
                shown_left=comparison.shown_left or "a",
                shown_at=comparison.shown_at or self.at,
                choice=comparison.choice,
                # Files count from 0, hardly better; ours from 1, slightly, for a 0 was not asked.
                strength=0 if comparison.strength is None else max(1, comparison.strength),
                rationale=comparison.rationale,
                labeler=labeler,
                labeler_kind=kind,
                answered_at=comparison.answered_at or self.at,
            )
        )

    def _pair(self, comparison: Comparison) -> NewPair:
        language = comparison.language if comparison.language in LANGUAGES else self.lab.language
        prompt, a, b = (
            self._text(language, text) for text in (comparison.prompt, comparison.response_a, comparison.response_b)
        )
        return NewPair(
            language=language,
            prompt=prompt,
            response_a=a,
            response_b=b,
            policy_id=_writer(comparison.policy_id, self.file),
            why=IMPORTED,
            repeat_of=self._of_event.get(comparison.repeat_of) if comparison.repeat_of else None,
        )

    def _place(self, pair: NewPair) -> int:
        if pair not in self._places:
            self._places[pair] = len(self.pairs)
            self.pairs.append(pair)
        return self._places[pair]

    def _text(self, language: str, text: str) -> str:
        """The text as tokens, if the model knows all its words; otherwise as it is."""
        key = (language, text)
        if key not in self._texts:
            self._texts[key], altered = as_tokens(language, text)
            self.reread += altered
        return self._texts[key]


def as_tokens(language: str, text: str) -> tuple[str, bool]:
    """A text as tokens, and whether a word of it is read in another form (a contraction, an ending); as it is where the
    model does not know a word of it."""
    grammar = models.assets(language).grammar
    tokens = grammar.normalise(text)
    if not models.unknown_words(language, tokens):
        return tokens, False
    short = len(text) <= MAX_CHARACTERS and len(tokens.split()) < MAX_WORDS
    if short and all(_has_a_form(language, word) for word in text.split()):
        reading = read_words(grammar, text)
        if reading.text and not reading.unknown:
            return reading.text, True
    return text, False


@lru_cache(maxsize=models.KEPT_FEATURES)
def _has_a_form(language: str, word: str) -> bool:
    """Whether the model knows a word as it is written, or in another form. A glance at each word, remembered, spares
    reading whole texts in vain."""
    return not read_words(models.assets(language).grammar, word).unknown


def unknown_in(language: str, text: str) -> tuple[str, ...]:
    """The words of a text, as they are written in it, that the model does not know; none of a text of tokens."""
    if not models.unknown_words(language, text):
        return ()
    words = dict.fromkeys(text.split())
    return tuple(word for word in words if _unknown_tokens(language, word))


@lru_cache(maxsize=models.KEPT_FEATURES)
def _unknown_tokens(language: str, word: str) -> tuple[str, ...]:
    """What the model does not know of a word as it is written; a mark says nothing."""
    grammar = models.assets(language).grammar
    tokens = grammar.normalise(grammar.spell_out(surface(word)))
    return tuple(token for token in models.unknown_words(language, tokens) if any(map(str.isalnum, token)))


def _unknown(pairs: Iterable[NewPair]) -> tuple[str, ...]:
    """The unknown words of pairs, the most frequent first."""
    counted = Counter(
        token
        for pair in pairs
        for text in (pair.prompt, pair.response_a, pair.response_b)
        for word in unknown_in(pair.language, text)
        for token in _unknown_tokens(pair.language, word)
    )
    return tuple(word for word, _ in counted.most_common())


def _writer(policy_id: str, file: str) -> str:
    """Who wrote the answers. A run of another lab is none of ours."""
    return f"{file}: {policy_id}" if policy_id.startswith("run-") else policy_id or file


_Said = tuple[str, str, frozenset[str], str, str, str]
"""Language, prompt, both answers, the preferred one or another choice, labeller and kind: whatever side was left. Of a
pair that waits the last three are empty."""


def _said(label: Label) -> _Said:
    return _key(label, label.choice, label.labeler, label.labeler_kind)


def _key(pair: Label | NewPair, choice: str, labeler: str, kind: str) -> _Said:
    meant = {"a": pair.response_a, "b": pair.response_b}.get(choice, choice)
    return pair.language, pair.prompt, frozenset((pair.response_a, pair.response_b)), meant, labeler, kind
