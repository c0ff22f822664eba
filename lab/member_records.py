"""Members: those who label in a lab by its join address, and what the owner may know of their votes at any time.

A member's name is the labeller of their labels. A new name goes to all that they were shown and said, in one step.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import func

from lab import tables as t
from lab.label_records import OWNER, NewPair, judged_by, of_lab, pair_of, stands
from lab.mission_records import MOST_GROUPS, labeler
from lab.records import Records, insert, now


@dataclass(frozen=True, kw_only=True)
class MemberRow:
    """A member of a lab's class."""

    lab_id: int
    participant: str
    name: str
    group: int
    """From 1; 0 is in none."""
    muted: bool
    joined_at: datetime


@dataclass(frozen=True, kw_only=True)
class Vote:
    """That a member answered a pair, and when: nothing of what they said."""

    labeler: str
    shown_at: datetime
    answered_at: datetime


SHARED = 150
"""So many of the newest pairs are shared out: older ones have long been judged by as many as shall."""
_of_member = t.member.c["lab_id", "participant", "name", "group", "muted", "joined_at"]
_by_person = t.event.c.labeler_kind == "human"
_said = t.event.join(t.showing, t.event.c.showing_id == t.showing.c.id).join(t.pair)
# Whatever changes the rows takes the write lock first, so what was read still holds.


class MemberRecords(Records):
    """Who labels with others, in each lab."""

    def members(self, lab_id: int) -> list[MemberRow]:
        """The members of a lab, who joined first first."""
        query = sa.select(_of_member).where(t.member.c.lab_id == lab_id).order_by(t.member.c.id)
        with self._db.read() as db:
            return [MemberRow(**row._mapping) for row in db.execute(query)]

    def member(self, lab_id: int, participant: str) -> MemberRow | None:
        """The member who is this participant."""
        with self._db.read() as db:
            return _member(db, lab_id, participant)

    def add_member(self, lab_id: int, participant: str, name: str, group: int) -> MemberRow:
        """Let a participant be a member: under the name, or with a number behind it if somebody has it. Who is one
        stays as they are."""
        with self._db.write() as db:
            if found := _member(db, lab_id, participant):
                return found
            taken, free, number = _taken(db, lab_id), name, 1
            while free.casefold() in taken:
                number += 1
                free = f"{name} {number}"
            values = {"participant": participant, "name": free, "group": group, "muted": False, "joined_at": now()}
            insert(db, t.member, lab_id=lab_id, **values)
            return MemberRow(lab_id=lab_id, **values)

    def rename_member(self, lab_id: int, participant: str, name: str) -> bool:
        """Give a member another name, with all that they were shown and said. False if somebody else has it."""
        with self._db.write() as db:
            found = _member(db, lab_id, participant)
            if found is None or name.casefold() in _taken(db, lab_id) - {found.name.casefold()}:
                return False
            db.execute(t.member.update().where(*_is(lab_id, participant)).values(name=name))
            by = (t.event.c.lab_id == lab_id, t.event.c.labeler == found.name, _by_person)
            db.execute(t.event.update().where(*by).values(labeler=name))
            before = (t.showing.c.lab_id == lab_id, t.showing.c.labeler == found.name)
            db.execute(t.showing.update().where(*before).values(labeler=name))
            return True

    def mute_member(self, lab_id: int, participant: str, muted: bool) -> None:
        """Let a member's labels count for nothing, or count again."""
        with self._db.write() as db:
            db.execute(t.member.update().where(*_is(lab_id, participant)).values(muted=muted))

    def votes(self, lab_id: int, language: str) -> list[Vote]:
        """The standing votes of a lab's members on pairs in a language, muted and blind ones too, oldest first."""
        query = (
            sa.select(t.event.c.labeler, t.showing.c.shown_at, t.event.c.answered_at)
            .select_from(_said.join(t.member, _own_event))
            .where(t.event.c.lab_id == lab_id, t.pair.c.language == language, stands, of_lab)
            .order_by(t.event.c.id)
        )
        with self._db.read() as db:
            return [Vote(**row._mapping) for row in db.execute(query)]

    def count_of(self, lab_id: int, labeler: str, language: str) -> int:
        """How many labels of a person stand."""
        own = (t.event.c.lab_id == lab_id, t.event.c.labeler == labeler, _by_person, t.pair.c.language == language)
        with self._db.read() as db:
            return db.execute(sa.select(func.count()).select_from(_said).where(*own, stands)).scalar_one()

    def last_seen(self, lab_id: int) -> dict[str, datetime]:
        """When each labeller was last shown a pair or answered one."""
        shown = sa.select(t.showing.c.labeler, func.max(t.showing.c.shown_at)).where(t.showing.c.lab_id == lab_id)
        by = (t.event.c.lab_id == lab_id, _by_person)
        said = sa.select(t.event.c.labeler, func.max(t.event.c.answered_at)).where(*by)
        found: dict[str, datetime] = {}
        with self._db.read() as db:
            for query in (shown.group_by(t.showing.c.labeler), said.group_by(t.event.c.labeler)):
                for labeler, at in db.execute(query):
                    found[labeler] = max(at, found.get(labeler, at))
        return found

    def next_class_pair(self, lab_id: int, labeler: str, language: str, overlap: int) -> tuple[int, NewPair] | None:
        """A pair for a member: their own that waits again; else, of the lab's newest `SHARED`, one that others judged
        or have before them, fewer than `overlap`, the one that most did, the oldest first. None if there is none: then
        a new one is needed."""
        asked = {"for_lab": lab_id, "for_labeler": labeler, "in_language": language, "overlap": overlap}
        with self._db.read() as db:
            row = db.execute(_AGAIN, asked).mappings().one_or_none()
            row = row or db.execute(_SHARED, asked).mappings().one_or_none()
            return row and (row["id"], pair_of(row))


_own_event = (t.member.c.lab_id == t.event.c.lab_id) & (t.member.c.name == t.event.c.labeler) & _by_person


# What each click of a class asks is built once: that takes as long as asking.
_LABELER = sa.bindparam("for_labeler", type_=sa.String)
_of_language = (
    t.pair.c.lab_id == sa.bindparam("for_lab"),
    t.pair.c.language == sa.bindparam("in_language"),
    t.pair.c.repeat_of.is_(None),
    of_lab,
)
_own = sa.exists().where(t.showing.c.pair_id == t.pair.c.id, t.showing.c.labeler == _LABELER)
_AGAIN = sa.select(t.pair).where(*_of_language, _own, ~judged_by(_LABELER)).order_by(t.pair.c.id).limit(1)


def _shared() -> sa.Select[Any]:
    """The pair that a labeller shares with others, see `next_class_pair`."""
    judged = t.showing.outerjoin(t.event, t.event.c.showing_id == t.showing.c.id).join(
        t.pair, t.showing.c.pair_id == t.pair.c.id
    )
    votes = (t.event.c.choice != "skip") & _by_person & stands
    busy = sa.case((votes | t.one_open, t.showing.c.labeler))
    people = func.count(busy.distinct())
    mine = func.sum(sa.case((t.showing.c.labeler == _LABELER, 1), else_=0))
    newest = sa.select(t.pair.c.id).where(*_of_language).order_by(t.pair.c.id.desc()).limit(SHARED)
    chosen = (
        sa.select(t.pair.c.id.label("id"), people.label("people"))
        .select_from(judged)
        .where(t.pair.c.id.in_(newest))
        .group_by(t.pair.c.id)
        .having(people >= 1, people < sa.bindparam("overlap"), mine == 0)
        .order_by(people.desc(), t.pair.c.id)
        .limit(1)
        .subquery()
    )
    return sa.select(t.pair).join(chosen, t.pair.c.id == chosen.c.id)


_SHARED = _shared()


def _is(lab_id: int, participant: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return t.member.c.lab_id == lab_id, t.member.c.participant == participant


def _member(db: sa.Connection, lab_id: int, participant: str) -> MemberRow | None:
    row = db.execute(sa.select(_of_member).where(*_is(lab_id, participant))).one_or_none()
    return row and MemberRow(**row._mapping)


def _taken(db: sa.Connection, lab_id: int) -> set[str]:
    """The names that stand for somebody in a lab, in small letters: a name of theirs would pass for them."""
    queries = (
        sa.select(t.member.c.name).where(t.member.c.lab_id == lab_id),
        sa.select(t.showing.c.labeler).distinct().where(t.showing.c.lab_id == lab_id),
        sa.select(t.event.c.labeler).distinct().where(t.event.c.lab_id == lab_id),
    )
    groups = map(labeler, range(1, MOST_GROUPS + 1))
    return {OWNER, *groups, *(name.casefold() for query in queries for name in db.execute(query).scalars())}
