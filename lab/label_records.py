"""Pairs, showings and label events.

Labels are events: a label and the undoing of one are appended and never rewritten, so whatever was acknowledged can be
read back for ever.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import func

from lab import tables as t
from lab.records import Records, insert

SOURCES = ("human", "simulated", "both")
CHOICES = ("a", "b", "tie", "both_bad", "skip")
"""What a label may say: which answer is better, or why none is."""


@dataclass(frozen=True, kw_only=True)
class NewPair:
    """Two answers to one prompt, before they are stored."""

    language: str
    prompt: str
    response_a: str
    response_b: str
    policy_id: str
    why: str = "random"
    """Why it was chosen, see `lab.deck`."""
    repeat_of: int | None = None
    """The pair whose answers it shows again, sides exchanged."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A pair as it was put before someone: which side was left, and the reward model's guess of the answer."""

    id: str
    lab_id: int
    pair_id: int
    language: str
    prompt: str
    response_a: str
    response_b: str
    policy_id: str
    why: str
    repeat_of: int | None
    shown_left: str
    guess: float | None
    shown_at: datetime
    open: bool


@dataclass(frozen=True, kw_only=True)
class Label:
    """An answer to a showing, with the pair it is about."""

    event_id: int
    showing_id: str
    pair_id: int
    language: str
    prompt: str
    response_a: str
    response_b: str
    policy_id: str
    why: str
    repeat_of: int | None
    shown_left: str
    guess: float | None
    shown_at: datetime
    choice: str
    strength: int
    rationale: str
    guideline: int
    """The version of the guideline it was given under; 0 is the one that ships."""
    labeler: str
    labeler_kind: str
    answered_at: datetime


_undo = t.event.alias("undo")
stands = ~sa.exists().where(_undo.c.retracts == t.event.c.id)
"""Of a label: nobody took it back."""
_of_pair = t.pair.c["language", "prompt", "response_a", "response_b", "policy_id", "why", "repeat_of"]
_label_query = (
    sa.select(
        t.event.c.id.label("event_id"),
        t.event.c["showing_id", "choice", "strength", "rationale", "guideline"],
        t.event.c["labeler", "labeler_kind", "answered_at"],
        t.showing.c["pair_id", "shown_left", "guess", "shown_at"],
        _of_pair,
    )
    .select_from(t.event.join(t.showing, t.event.c.showing_id == t.showing.c.id).join(t.pair))
    .order_by(t.event.c.id)
)
_answered = (  # of a pair: it has a label that stands
    sa.exists()
    .select_from(t.showing.join(t.event, t.event.c.showing_id == t.showing.c.id))
    .where(t.showing.c.pair_id == t.pair.c.id, stands)
)
_spoken = t.pair.c.language == sa.select(t.lab.c.language).where(t.lab.c.id == t.pair.c.lab_id).scalar_subquery()
"""Of a pair: it is in the language that its lab's model speaks now."""
_shown_query = sa.select(t.showing, _of_pair).join_from(t.showing, t.pair)


class LabelRecords(Records):
    """What was asked and answered in each lab."""

    def add_pair(self, lab_id: int, pair: NewPair) -> int:
        """Keep a pair to be shown. Returns its id."""
        with self._db.write() as db:
            return insert(db, t.pair, lab_id=lab_id, **vars(pair))

    def next_pair(self, lab_id: int, language: str) -> tuple[int, NewPair] | None:
        """The oldest pair of a language without a standing answer: a new one, one whose answer was taken back, or one
        that was put aside."""
        of_language = (t.pair.c.lab_id == lab_id, t.pair.c.language == language)
        query = sa.select(t.pair).where(*of_language, ~_answered).order_by(t.pair.c.id).limit(1)
        with self._db.read() as db:
            row = db.execute(query).mappings().one_or_none()
        return row and (row["id"], NewPair(**{k: row[k] for k in NewPair.__dataclass_fields__}))

    def open_showing(self, lab_id: int) -> Shown | None:
        """The pair that the lab waits to have answered."""
        with self._db.read() as db:
            return _open_showing(db, lab_id)

    def showing(self, showing_id: str) -> Shown | None:
        """A showing by its id."""
        with self._db.read() as db:
            row = db.execute(_shown_query.where(t.showing.c.id == showing_id)).one_or_none()
            return row and Shown(**row._mapping)

    def show(self, lab_id: int, pair_id: int, *, shown_left: str, guess: float | None, at: datetime) -> Shown | None:
        """Put a pair before the lab, with the guess made of it. Returns what the lab has before it now: another
        pair if another thread was first, None if that thread had this pair answered as well, or changed the lab's
        language."""
        unanswered = sa.select(t.pair.c.id).where(t.pair.c.id == pair_id, ~_answered, _spoken)
        with self._db.write() as db:
            if (before := _open_showing(db, lab_id)) or not db.execute(unanswered).one_or_none():
                return before
            _add_showing(db, lab_id, pair_id, shown_left=shown_left, guess=guess, shown_at=at, open=True)
            return _open_showing(db, lab_id)

    def answer(
        self,
        showing_id: str,
        *,
        choice: str,
        strength: int,
        rationale: str,
        labeler: str,
        answered_at: datetime,
        guideline: int = 0,
    ) -> Label | None:
        """Append a person's answer and close the showing. A second answer changes nothing: the first is
        returned. None when the showing was closed without an answer."""
        with self._db.write() as db:
            row = db.execute(t.showing.select().where(t.showing.c.id == showing_id)).one()
            if row.open:
                close_showing(db, row.lab_id)
                said = {"choice": choice, "strength": strength, "rationale": rationale, "guideline": guideline}
                by = {"labeler": labeler, "labeler_kind": "human", "answered_at": answered_at}
                _add_label(db, row.lab_id, showing_id, **said, **by)
            found = db.execute(_label_query.where(t.event.c.showing_id == showing_id)).one_or_none()
            return found and Label(**found._mapping)

    def add_simulated(self, lab_id: int, labels: Sequence[tuple[NewPair, str]], *, labeler: str, at: datetime) -> None:
        """Append pairs together with the choices that a simulated annotator made on them, all or none."""
        with self._db.write() as db:
            for pair, choice in labels:
                pair_id = insert(db, t.pair, lab_id=lab_id, **vars(pair))
                showing_id = _add_showing(db, lab_id, pair_id, shown_left="a", guess=None, shown_at=at, open=False)
                said = {"choice": choice, "strength": 0, "rationale": "", "guideline": 0}
                _add_label(db, lab_id, showing_id, labeler=labeler, labeler_kind="simulated", answered_at=at, **said)

    def undo(self, lab_id: int, *, labeler: str, at: datetime) -> bool:
        """Take back the last standing answer of a person in the lab's language. False when there is none."""
        of_person = (t.event.c.lab_id == lab_id, t.event.c.kind == "label", t.event.c.labeler_kind == "human")
        of_label = t.event.join(t.showing, t.event.c.showing_id == t.showing.c.id).join(t.pair)
        last = sa.select(func.max(t.event.c.id)).select_from(of_label).where(*of_person, stands, _spoken)
        with self._db.write() as db:
            if (retracts := db.execute(last).scalar()) is None:
                return False
            close_showing(db, lab_id)
            values = {"labeler": labeler, "labeler_kind": "human", "answered_at": at, "retracts": retracts}
            insert(db, t.event, lab_id=lab_id, kind="undo", **values)
            return True

    def last_undo_at(self, lab_id: int) -> datetime | None:
        """When an answer was last taken back."""
        with self._db.read() as db:
            undone = (t.event.c.lab_id == lab_id, t.event.c.kind == "undo")
            return db.execute(sa.select(func.max(t.event.c.answered_at)).where(*undone)).scalar()

    def labels(self, lab_id: int, source: str = "both", language: str | None = None) -> list[Label]:
        """The standing labels of a lab, oldest first, of people, of simulated annotators or of both: those in a
        language, by default in the one that its model speaks now."""
        if source not in SOURCES:
            raise ValueError(f"There is no label source {source!r}; choose one of {', '.join(SOURCES)}.")
        in_language = _spoken if language is None else t.pair.c.language == language
        query = _label_query.where(t.event.c.lab_id == lab_id, stands, in_language)
        if source != "both":
            query = query.where(t.event.c.labeler_kind == source)
        with self._db.read() as db:
            return [Label(**row._mapping) for row in db.execute(query)]


def _add_showing(db: sa.Connection, lab_id: int, pair_id: int, **values: Any) -> str:
    showing_id = secrets.token_hex(8)
    db.execute(t.showing.insert().values(id=showing_id, lab_id=lab_id, pair_id=pair_id, **values))
    return showing_id


def close_showing(db: sa.Connection, lab_id: int, *only: sa.ColumnElement[bool]) -> None:
    """Put aside the pair that waits for an answer, if it is one of `only`."""
    db.execute(t.showing.update().where(t.showing.c.lab_id == lab_id, t.one_open, *only).values(open=False))


def _add_label(db: sa.Connection, lab_id: int, showing_id: str, **values: Any) -> None:
    insert(db, t.event, lab_id=lab_id, kind="label", showing_id=showing_id, **values)


def _open_showing(db: sa.Connection, lab_id: int) -> Shown | None:
    row = db.execute(_shown_query.where(t.showing.c.lab_id == lab_id, t.one_open)).one_or_none()
    return row and Shown(**row._mapping)
