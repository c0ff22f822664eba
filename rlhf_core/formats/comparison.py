"""One comparison of two texts, as files carry it, and what may be wrong with one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Choice = Literal["a", "b", "tie", "both_bad", "skip"]
LabelerKind = Literal["human", "simulated", "constitution"]
EventKind = Literal["label", "undo", "mute"]
Side = Literal["a", "b"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
LABELER_KINDS: tuple[LabelerKind, ...] = get_args(LabelerKind)
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
SIDES: tuple[Side, ...] = get_args(Side)
STRENGTHS = range(4)

MOST_CHARACTERS = 20_000
"""Of one text."""
UNREADABLE = re.compile("[\0\ud800-\udfff]")
SHOWN = 40
"""Characters of a wrong value that a sentence repeats."""

REASONS = {
    # A row, or a field of it. The field comes before.
    "missing": "is missing",
    "no_text": "must be a text, not {value}",
    "no_list": "must be a list, not {value}",
    "no_object": "must be an object, not {value}",
    "no_number": "must be a finite number, not {value}",
    "no_flag": "must be true or false, not {value}",
    "no_time": "must be a time with its zone, such as 2026-03-02T09:00:00+09:00, not {value}",
    "not_among": "must be one of {allowed}, not {value}",
    "unreadable": "holds a NUL character or half a character (a lone surrogate); write it anew",
    "too_long": "has {value:,} characters; the limit is {limit:,}",
    "both_empty": "is empty, and so is the other answer; there is nothing to compare",
    "twice": "is named twice in the row",
    "no_json": "is no JSON ({error})",
    "too_deep": "is nested too deeply",
    "cells": "has {value} cells, the header has {limit}",
    "no_turns": "must be a conversation: {role} and content in every turn",
    "last_turn": "must end with a turn of the assistant",
    "no_transcript": r"must hold turns that begin with '\n\nHuman:' and '\n\nAssistant:'",
    "other_prompt": "follows another prompt than the first answer does",
    "unpaired": "has no partner: no row of the same prompt with the other label is left",
    "no_pairwise": "holds no choice between the two answers",
    "no_answers": "is missing; name the answers response_a and response_b",
    "not_submitted": "is a draft; submit it first",
    "list_lengths": "has {value} entries, the responses are {limit}",
    # What a format can't hold.
    "no_choice": "is {value}; {format} has no place for it",
    "not_judged": "is empty: nobody has judged the pair, and {format} holds judged ones only",
    "no_label": "is {value}: it takes back a label, and {format} holds only labels that stand",
    "taken_back": "was taken back later, and {format} holds only labels that stand",
    "not_read_back": r"would be read otherwise: it holds what {format} takes for a new turn, such as '\n\nAssistant:'",
    # A file as a whole.
    "too_large": "The file has {value:,} bytes; the limit is {limit:,}. Choose a smaller one, or a part of it.",
    "too_large_unpacked": "The file unpacks to more than {limit:,} bytes, which is the limit; choose a part of it.",
    "broken_gzip": "The file is packed with gzip and damaged ({error}); pack it again.",
    "no_utf8": "The file is no text in UTF-8 (byte {offset:,}); save it as UTF-8.",
    "no_rows": "There is no row in the file; choose another one.",
    "too_many_rows": "The file has {value:,} rows; the limit is {limit:,}. Choose a part of it.",
    "file_no_json": "Line {line}: this is no JSON ({error}); write one object a line, or a list of objects.",
    "file_too_deep": "Line {line}: this is nested too deeply; write one object a line, or a list of objects.",
    "file_no_csv": "Line {line}: this is no CSV ({error}); quote a cell that holds quotes, and double those.",
    "file_header": "Line {line}: the header must name each of {needed} once; it names {value}.",
    "other_layout": "The file is {found}, which {format} is not; choose another format, or leave it to be found out.",
    "unknown_shape": "{place} is like no format that is known; it has {value}. Known are {known}.",
    "unknown_format": "There is no format {value}; choose one of {known}.",
}
"""What may be wrong, in English, by the word for it. Slots as in `str.format`."""


def shown(value: object) -> str:
    """A value as a sentence repeats it: short, on one line, in JSON's words."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            return "an object"
        case list():
            return "a list"
        case str() if len(value) > SHOWN:
            return repr(value[:SHOWN] + "…")
        case int() if value.bit_length() > 4 * SHOWN:
            return "a number of many digits"
        case _:
            return repr(value)


class FormatError(ValueError):
    """A file that is broken as a whole, or of no known format; str() is a sentence. reason: its word in `REASONS`."""

    def __init__(self, reason: str, **slots: object) -> None:
        super().__init__(REASONS[reason].format(**slots))
        self.reason, self.slots = reason, slots


class FieldError(ValueError):
    """What is wrong with one field ("" for the row as a whole). reason: its word in `REASONS`."""

    def __init__(self, field: str, reason: str, **slots: object) -> None:
        super().__init__(f"{field or 'the row'} {REASONS[reason].format(**slots)}.")
        self.field, self.reason, self.slots = field, reason, slots

    @property
    def why(self) -> str:
        """The sentence without the field that begins it."""
        return REASONS[self.reason].format(**self.slots)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two answers to a prompt and what somebody said of them: the event of our own format, of which other formats hold
    parts. Texts are in any language, of up to `MOST_CHARACTERS`; `conversation` says how a prompt holds several turns.

    FieldError if a value is out of range.
    """

    prompt: str
    response_a: str
    response_b: str
    choice: Choice | None = None
    """None where nobody has judged the pair yet."""
    strength: int | None = None
    """How much better, 0 (hardly) to 3 (far)."""
    rationale: str = ""
    labeler: str = ""
    labeler_kind: LabelerKind | None = None
    margin: float | None = None
    """By how much the chosen answer is better, on the scale of whoever made the file."""
    language: str = ""
    kind: EventKind = "label"
    """An undo takes one's own label back, a mute somebody else's; both name it in `retracts`."""
    event_id: str = ""
    retracts: str = ""
    lab: str = ""
    showing_id: str = ""
    pair_id: str = ""
    policy_id: str = ""
    """Who wrote the answers."""
    shown_left: Side | None = None
    guideline_version: str = ""
    shown_at: datetime | None = None
    answered_at: datetime | None = None
    is_check: bool = False
    """Whether the pair was shown to check the labeller, and `repeat_of` which event it repeats."""
    repeat_of: str = ""

    def __post_init__(self) -> None:
        for field, value in vars(self).items():
            if isinstance(value, str):
                check_text(field, value)
            elif isinstance(value, datetime) and value.utcoffset() is None:
                raise FieldError(field, "no_time", value=shown(value.isoformat()))
        for field, allowed in ALLOWED.items():
            value = getattr(self, field)
            if value not in allowed and not (value is None and field != "kind"):
                raise FieldError(field, "not_among", value=shown(value), allowed=listed(allowed))
        if self.margin is not None and not math.isfinite(self.margin):
            raise FieldError("margin", "no_number", value=shown(self.margin))
        if self.kind == "label" and not self.response_a and not self.response_b:
            raise FieldError("response_a", "both_empty")
        if self.kind != "label" and not self.retracts:
            raise FieldError("retracts", "missing")


ALLOWED = {
    "choice": CHOICES,
    "strength": STRENGTHS,
    "labeler_kind": LABELER_KINDS,
    "kind": EVENT_KINDS,
    "shown_left": SIDES,
}


def check_text(field: str, value: str) -> None:
    """FieldError for a text that is too long or can't be written."""
    if UNREADABLE.search(value):
        raise FieldError(field, "unreadable")
    if len(value) > MOST_CHARACTERS:
        raise FieldError(field, "too_long", value=len(value), limit=MOST_CHARACTERS)


def listed(names: Iterable[object]) -> str:
    return ", ".join(str(name) for name in names)


def taken_back(comparisons: Iterable[Comparison]) -> frozenset[str]:
    """The event ids of labels that an undo or a mute took back."""
    return frozenset(c.retracts for c in comparisons if c.kind != "label")


def standing(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """The labels among events that nobody took back."""
    events = list(comparisons)
    gone = taken_back(events)
    return [c for c in events if c.kind == "label" and (not c.event_id or c.event_id not in gone)]
