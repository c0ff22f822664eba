"""Pairs, showings and label events.

Labels are events: a label and the undoing of one are appended and never rewritten, so whatever was acknowledged can be
read back for ever.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import func

from lab import tables as t
from lab.invitation_records import LABEL
from lab.records import Records, insert
from lab.remembered import Remembered

SOURCES = ("human", "simulated", "both")
"""Whose labels: a person's, those of anything else (annotators, a constitution), or all."""
OWNER = "you"
"""The labeller who has the lab open."""
MISSION = "mission"
"""Why a pair was chosen that belongs to a mission, before its number and a group's, see `lab.mission`."""
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
    labeler: str
    """Before whom it was put."""
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


@dataclass(frozen=True, kw_only=True)
class Undo:
    """The taking back of a label."""

    event_id: int
    retracts: int
    labeler: str
    labeler_kind: str
    answered_at: datetime


@dataclass(frozen=True, kw_only=True)
class NewLabel:
    """A label from outside, before it is stored. pair: the index of its pair among those it came with."""

    pair: int
    shown_left: str
    shown_at: datetime
    choice: str
    strength: int
    rationale: str
    labeler: str
    labeler_kind: str
    answered_at: datetime


_undo = t.event.alias("undo")
stands = ~sa.exists().where(_undo.c.retracts == t.event.c.id)
"""Of a label: nobody took it back."""
_by_member = (t.member.c.lab_id == t.event.c.lab_id) & (t.member.c.name == t.event.c.labeler)
_by_member &= t.event.c.labeler_kind == "human"
_of_class = (t.invitation.c.lab_id == t.event.c.lab_id, t.invitation.c.purpose == LABEL)
_blind = sa.exists().where(*_of_class, ~t.invitation.c.revealed).correlate_except(t.invitation)
counts = ~sa.exists().where(_by_member, t.member.c.muted | _blind).correlate_except(t.member)
"""Of a label: whoever gave it is not muted, and is no member of a class whose votes are blind."""
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
of_lab = ~t.pair.c.why.startswith(f"{MISSION}:")
"""Of a pair: it is the lab's own and no mission's. Labels to a secret brief are nobody's taste, so nothing but their
mission reads them: no reward model, count, history or export."""
_answered = (  # of a pair: it has a label that stands
    sa.exists()
    .select_from(t.showing.join(t.event, t.event.c.showing_id == t.showing.c.id))
    .where(t.showing.c.pair_id == t.pair.c.id, stands)
)
spoken = t.pair.c.language == sa.select(t.lab.c.language).where(t.lab.c.id == t.pair.c.lab_id).scalar_subquery()
"""Of a pair: it is in the language that its lab's model speaks now."""
_shown_query = sa.select(t.showing, _of_pair).join_from(t.showing, t.pair)


_REMEMBERED = 64
"""Lists of labels that are kept in memory."""
_of_lab_id = sa.bindparam("lab_id")
_newest = sa.select(func.max(t.event.c.id)).where(t.event.c.lab_id == _of_lab_id).scalar_subquery()
_as_they_are = sa.cast(t.member.c.id, sa.String) + " " + sa.cast(t.member.c.muted, sa.String) + " " + t.member.c.name
_state_of_labels = (
    sa.select(
        t.lab.c["key", "language"],
        # Events are appended, and go with their labeller. An id that went is given again, so the newest event is told
        # by what it says too.
        sa.select(func.count()).where(t.event.c.lab_id == _of_lab_id).scalar_subquery(),
        t.event.c["id", "showing_id", "answered_at"],
        # Members are renamed and muted, and their votes revealed.
        sa.select(func.aggregate_strings(_as_they_are, ", "))
        .where(t.member.c.lab_id == _of_lab_id)
        .scalar_subquery()
        .label("members"),
        sa.select(t.invitation.c.revealed)
        .where(t.invitation.c.lab_id == _of_lab_id, t.invitation.c.purpose == LABEL)
        .scalar_subquery(),
    )
    .select_from(t.lab.outerjoin(t.event, t.event.c.id == _newest))
    .where(t.lab.c.id == _of_lab_id)
)
"""Of a lab: as long as it says the same, its labels are the same."""


class LabelRecords(Records):
    """What was asked and answered in each lab."""

    @cached_property
    def _remembered(self) -> Remembered[list[Label]]:
        """Labels as they were last read: a click asks for them several times."""
        return Remembered(_REMEMBERED)

    def add_pair(self, lab_id: int, pair: NewPair) -> int:
        """Keep a pair to be shown. Returns its id."""
        with self._db.write() as db:
            return insert(db, t.pair, lab_id=lab_id, **vars(pair))

    def next_pair(
        self, lab_id: int, language: str, labeler: str = OWNER, *, why: str | None = None
    ) -> tuple[int, NewPair] | None:
        """The oldest pair of a language without a standing answer: a new one, one whose answer was taken back, or one
        that was put aside; none that somebody else has before them. why: only of those that were chosen for this; a
        mission's come no other way."""
        elsewhere = sa.exists().where(t.showing.c.pair_id == t.pair.c.id, t.showing.c.labeler != labeler, t.one_open)
        of_language = (t.pair.c.lab_id == lab_id, t.pair.c.language == language)
        wanted = of_lab & ~elsewhere if why is None else t.pair.c.why == why
        query = sa.select(t.pair).where(*of_language, wanted, ~_answered).order_by(t.pair.c.id).limit(1)
        with self._db.read() as db:
            row = db.execute(query).mappings().one_or_none()
        return row and (row["id"], pair_of(row))

    def waiting_pairs(self, lab_id: int) -> list[NewPair]:
        """The pairs of a lab without a standing answer, in every language."""
        query = sa.select(t.pair).where(t.pair.c.lab_id == lab_id, of_lab, ~_answered)
        with self._db.read() as db:
            return [pair_of(row) for row in db.execute(query).mappings()]

    def open_showing(self, lab_id: int, labeler: str = OWNER) -> Shown | None:
        """The pair that waits for a labeller's answer."""
        with self._db.read() as db:
            return _open_showing(db, lab_id, labeler)

    def showing(self, showing_id: str) -> Shown | None:
        """A showing by its id."""
        with self._db.read() as db:
            row = db.execute(_shown_query.where(t.showing.c.id == showing_id)).one_or_none()
            return row and Shown(**row._mapping)

    def show(
        self, lab_id: int, pair_id: int, *, shown_left: str, guess: float | None, at: datetime, labeler: str = OWNER,
        shared: bool = False,
    ) -> Shown | None:  # fmt: skip
        """Put a pair before a labeller, with the guess made of it. Returns what they have before them now: another
        pair if another thread was first, None if that thread had this pair answered as well, or changed the lab's
        language. shared: others may have answered it."""
        judged = judged_by(labeler) if shared else _answered
        unanswered = sa.select(t.pair.c.id).where(t.pair.c.id == pair_id, ~judged, spoken)
        with self._db.write() as db:
            if (before := _open_showing(db, lab_id, labeler)) or not db.execute(unanswered).one_or_none():
                return before
            values = {"labeler": labeler, "shown_left": shown_left, "guess": guess, "shown_at": at}
            _add_showing(db, lab_id, pair_id, open=True, **values)
            return _open_showing(db, lab_id, labeler)

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
                close_showing(db, row.lab_id, t.showing.c.id == showing_id)
                said = {"choice": choice, "strength": strength, "rationale": rationale, "guideline": guideline}
                by = {"labeler": labeler, "labeler_kind": "human", "answered_at": answered_at}
                _add_label(db, row.lab_id, showing_id, **said, **by)
            found = db.execute(_label_query.where(t.event.c.showing_id == showing_id)).one_or_none()
            return found and Label(**found._mapping)

    def add_simulated(self, lab_id: int, labels: Sequence[tuple[NewPair, str]], *, labeler: str, at: datetime) -> None:
        """Append pairs together with the choices that a simulated annotator made on them, all or none."""
        self.add_judged(lab_id, [(pair, {labeler: choice}) for pair, choice in labels], at=at)

    def add_judged(self, lab_id: int, judged: Sequence[tuple[NewPair, Mapping[str, str]]], *, at: datetime) -> None:
        """Append pairs together with what each of several simulated annotators, by name, chose on them, all or none."""
        with self._db.write() as db:
            for pair, choices in judged:
                pair_id = insert(db, t.pair, lab_id=lab_id, **vars(pair))
                for labeler, choice in choices.items():
                    showing_id = _add_showing(
                        db, lab_id, pair_id, labeler=labeler, shown_left="a", guess=None, shown_at=at, open=False
                    )
                    said = {"choice": choice, "strength": 0, "rationale": "", "guideline": 0}
                    by = {"labeler": labeler, "labeler_kind": "simulated", "answered_at": at}
                    _add_label(db, lab_id, showing_id, **by, **said)

    def add_from_outside(self, lab_id: int, pairs: Sequence[NewPair], labels: Sequence[NewLabel]) -> None:
        """Append pairs and labels of them, all or none. A pair's `repeat_of` is an index among them, as a label's
        `pair` is; pairs without a label wait to be shown."""
        if not pairs:
            return
        with self._db.write() as db:
            rows = [{"lab_id": lab_id, **vars(pair), "repeat_of": None} for pair in pairs]
            query = t.pair.insert().returning(t.pair.c.id, sort_by_parameter_order=True)
            ids = list(db.execute(query, rows).scalars())
            for made, pair in zip(ids, pairs, strict=True):
                if pair.repeat_of is not None:
                    db.execute(t.pair.update().where(t.pair.c.id == made).values(repeat_of=ids[pair.repeat_of]))
            showings, events = [], []
            for label in labels:
                said = dict(vars(label))
                showing = {"id": secrets.token_hex(8), "lab_id": lab_id, "pair_id": ids[said.pop("pair")]}
                showing["labeler"] = label.labeler
                showing |= {"shown_left": said.pop("shown_left"), "shown_at": said.pop("shown_at")}
                showings.append({**showing, "guess": None, "open": False})
                events.append({"lab_id": lab_id, "kind": "label", "showing_id": showing["id"], "guideline": 0, **said})
            if labels:
                db.execute(t.showing.insert(), showings)
                db.execute(t.event.insert(), events)

    def undo(self, lab_id: int, *, labeler: str, at: datetime) -> bool:
        """Take back a person's own last standing answer in the lab's language. False when there is none."""
        of_person = (
            t.event.c.lab_id == lab_id,
            t.event.c.kind == "label",
            t.event.c.labeler_kind == "human",
            t.event.c.labeler == labeler,
        )
        of_label = t.event.join(t.showing, t.event.c.showing_id == t.showing.c.id).join(t.pair)
        last = sa.select(func.max(t.event.c.id)).select_from(of_label).where(*of_person, stands, spoken)
        with self._db.write() as db:
            if (retracts := db.execute(last).scalar()) is None:
                return False
            close_showing(db, lab_id, t.showing.c.labeler == labeler)
            _add_undo(db, lab_id, retracts, labeler=labeler, at=at)
            return True

    def undo_label(self, lab_id: int, event_id: int, *, labeler: str, at: datetime) -> bool:
        """Take back a label that stands, whoever gave it. Its pair waits to be shown again, if nobody else judged it.
        False when it does not stand."""
        with self._db.write() as db:
            if _standing(db, lab_id, event_id) is None:
                return False
            _add_undo(db, lab_id, event_id, labeler=labeler, at=at)
            return True

    def change_label(self, lab_id: int, event_id: int, choice: str, *, labeler: str, at: datetime) -> bool:
        """Take back a label that stands, and append another choice on a new showing of the same pair: that of the
        person who changes it. False when it does not stand."""
        if choice not in CHOICES:
            raise ValueError(f"There is no choice {choice!r}; choose one of {', '.join(CHOICES)}.")
        with self._db.write() as db:
            if (label := _standing(db, lab_id, event_id)) is None:
                return False
            _add_undo(db, lab_id, event_id, labeler=labeler, at=at)
            shown = {"labeler": labeler, "shown_left": label.shown_left, "guess": None, "shown_at": at}
            showing_id = _add_showing(db, lab_id, label.pair_id, open=False, **shown)
            said = {"choice": choice, "strength": 0, "rationale": "", "guideline": label.guideline}
            _add_label(db, lab_id, showing_id, labeler=labeler, labeler_kind="human", answered_at=at, **said)
            return True

    def delete_labeler(self, lab_id: int, labeler: str, labeler_kind: str) -> int:
        """Delete all labels of one labeller for good, those taken back and in other languages too, with what was shown
        for them. Returns how many stood. Pairs stay, and wait to be shown where nobody else judged them."""
        own = (
            t.event.c.lab_id == lab_id,
            t.event.c.kind == "label",
            t.event.c.labeler == labeler,
            t.event.c.labeler_kind == labeler_kind,
        )
        with self._db.write() as db:
            rows = db.execute(sa.select(t.event.c["id", "showing_id"], stands.label("stands")).where(*own)).all()
            if rows:
                gone = [{"gone": row.id, "showing": row.showing_id} for row in rows]
                db.execute(t.event.delete().where(t.event.c.retracts == sa.bindparam("gone")), gone)
                db.execute(t.event.delete().where(t.event.c.id == sa.bindparam("gone")), gone)
                db.execute(t.showing.delete().where(t.showing.c.id == sa.bindparam("showing")), gone)
            return sum(row.stands for row in rows)

    def delete_unshown(self, lab_id: int, policy_id: str) -> None:
        """Delete the pairs of a writer that were shown to nobody, or to none whose labels were not deleted."""
        shown = sa.exists().where(t.showing.c.pair_id == t.pair.c.id)
        of_writer = (t.pair.c.lab_id == lab_id, t.pair.c.policy_id == policy_id)
        with self._db.write() as db:
            db.execute(t.pair.delete().where(*of_writer, ~shown))

    def last_undo_at(self, lab_id: int, labeler: str = OWNER) -> datetime | None:
        """When somebody last took an answer back."""
        with self._db.read() as db:
            undone = (t.event.c.lab_id == lab_id, t.event.c.kind == "undo", t.event.c.labeler == labeler)
            return db.execute(sa.select(func.max(t.event.c.answered_at)).where(*undone)).scalar()

    def labels(
        self, lab_id: int, source: str = "both", language: str | None = None, *, members: bool = True
    ) -> list[Label]:
        """The labels of a lab that stand and count, oldest first, of people, of simulated annotators or of both: those
        in a language, by default in the one that its model speaks now. members: with those that came by the lab's
        address. Those of missions are not the lab's, see `of_lab`."""
        in_language = spoken if language is None else t.pair.c.language == language
        counted = counts if members else ~sa.exists().where(_by_member).correlate_except(t.member)
        which = (t.event.c.lab_id == lab_id, stands, counted, in_language, of_lab)
        query = _label_query.where(*which, *_of_source(source))
        with self._db.read() as db:
            state = db.execute(_state_of_labels, {"lab_id": lab_id}).one_or_none()
            nobody_joined = state is not None and state.members is None  # then both ask for the same
            asked = (lab_id, source, language, members or nobody_joined)
            known = self._remembered.of(asked, state, lambda: [Label(**row._mapping) for row in db.execute(query)])
        return list(known)

    def labels_of(self, lab_id: int, why: str) -> list[Label]:
        """The standing labels of pairs that were chosen for one reason, a mission's too, oldest first."""
        query = _label_query.where(t.event.c.lab_id == lab_id, stands, t.pair.c.why == why)
        with self._db.read() as db:
            return [Label(**row._mapping) for row in db.execute(query)]

    def events(self, lab_id: int, source: str, language: str) -> list[Label | Undo]:
        """All that was said of the lab's own pairs in a language, oldest first: labels, those taken back and of muted
        members too, and what took them back; nothing of votes that are blind."""
        hidden = sa.exists().where(_by_member, _blind).correlate_except(t.member)
        in_language = t.pair.c.language == language
        said = _label_query.where(t.event.c.lab_id == lab_id, ~hidden, in_language, of_lab, *_of_source(source))
        taken = sa.select(
            _undo.c.id.label("event_id"), _undo.c["retracts", "labeler", "labeler_kind", "answered_at"]
        ).where(_undo.c.lab_id == lab_id, _undo.c.kind == "undo")
        with self._db.read() as db:
            labels = [Label(**row._mapping) for row in db.execute(said)]
            undos = [Undo(**row._mapping) for row in db.execute(taken)]
        ids = {label.event_id for label in labels}
        return sorted([*labels, *(u for u in undos if u.retracts in ids)], key=lambda event: event.event_id)


def judged_by(labeler: str | sa.BindParameter[str]) -> sa.Exists:
    """Of a pair: a label of this labeller's stands."""
    of_pair = sa.exists().select_from(t.showing.join(t.event, t.event.c.showing_id == t.showing.c.id))
    return of_pair.where(t.showing.c.pair_id == t.pair.c.id, t.event.c.labeler == labeler, stands)


def pair_of(row: sa.RowMapping) -> NewPair:
    """The pair in a row that has its columns."""
    return NewPair(**{name: row[name] for name in NewPair.__dataclass_fields__})


def _of_source(source: str) -> list[sa.ColumnElement[bool]]:
    """What labels of a source have in common."""
    if source not in SOURCES:
        raise ValueError(f"There is no label source {source!r}; choose one of {', '.join(SOURCES)}.")
    by_people = t.event.c.labeler_kind == "human"
    return {"human": [by_people], "simulated": [~by_people], "both": []}[source]


def _standing(db: sa.Connection, lab_id: int, event_id: int) -> Label | None:
    """A label of a lab, if it stands."""
    query = _label_query.where(t.event.c.lab_id == lab_id, t.event.c.id == event_id, stands)
    row = db.execute(query).one_or_none()
    return row and Label(**row._mapping)


def _add_undo(db: sa.Connection, lab_id: int, retracts: int, *, labeler: str, at: datetime) -> None:
    values = {"labeler": labeler, "labeler_kind": "human", "answered_at": at, "retracts": retracts}
    insert(db, t.event, lab_id=lab_id, kind="undo", **values)


def _add_showing(db: sa.Connection, lab_id: int, pair_id: int, **values: Any) -> str:
    showing_id = secrets.token_hex(8)
    db.execute(t.showing.insert().values(id=showing_id, lab_id=lab_id, pair_id=pair_id, **values))
    return showing_id


def close_showing(db: sa.Connection, lab_id: int, *only: sa.ColumnElement[bool]) -> None:
    """Put aside the pairs that wait for answers, of these those that are `only`."""
    db.execute(t.showing.update().where(t.showing.c.lab_id == lab_id, t.one_open, *only).values(open=False))


def _add_label(db: sa.Connection, lab_id: int, showing_id: str, **values: Any) -> None:
    insert(db, t.event, lab_id=lab_id, kind="label", showing_id=showing_id, **values)


def _open_showing(db: sa.Connection, lab_id: int, labeler: str) -> Shown | None:
    own = (t.showing.c.lab_id == lab_id, t.showing.c.labeler == labeler, t.one_open)
    row = db.execute(_shown_query.where(*own)).one_or_none()
    return row and Shown(**row._mapping)
