"""Invitations: the addresses of a lab that let others in for one purpose each.

A lab has one invitation for a purpose at most; a new address replaces its key, and the old one then opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lab import tables as t
from lab.records import Records, insert, now

FORECAST, LABEL = "forecast", "label"
"""The purposes: to give a forecast, and to label."""


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """An address of a lab under which others take part."""

    lab_id: int
    key: str
    open: bool
    """Whether it takes anything."""
    revealed: bool
    """Whether what others gave may be seen."""
    created_at: datetime


_query = sa.select(t.invitation.c["lab_id", "key", "open", "revealed", "created_at"])
# Whatever changes the rows takes the write lock first, so what was read still holds.


class InvitationRecords(Records):
    """The addresses that let others into labs."""

    def invitation(self, lab_id: int, purpose: str) -> Invitation | None:
        """The lab's invitation for a purpose."""
        with self._db.read() as db:
            return find(db, t.invitation.c.lab_id == lab_id, t.invitation.c.purpose == purpose)

    def invitation_of(self, key: str, purpose: str) -> Invitation | None:
        """The invitation for a purpose whose key this is now."""
        with self._db.read() as db:
            return find(db, t.invitation.c.key == key, t.invitation.c.purpose == purpose)

    def invite(self, lab_id: int, purpose: str, key: str, *, revealed: bool) -> None:
        """Open the lab for a purpose under a key."""
        with self._db.write() as db:
            begin(db, lab_id, purpose, key, revealed=revealed)

    def change_invitation(self, lab_id: int, purpose: str, **values: Any) -> None:
        """Change the `key`, or whether it is `open` or `revealed`, of a lab's invitation."""
        with self._db.write() as db:
            _change(db, lab_id, purpose, **values)


def find(db: sa.Connection, *which: sa.ColumnElement[bool]) -> Invitation | None:
    """The one invitation that has all of these."""
    row = db.execute(_query.where(*which)).one_or_none()
    return row and Invitation(**row._mapping)


def begin(db: sa.Connection, lab_id: int, purpose: str, key: str, *, revealed: bool) -> None:
    """Open a lab for a purpose under a key, in place of the one before."""
    fresh = {"key": key, "open": True, "revealed": revealed, "created_at": now()}
    if not _change(db, lab_id, purpose, **fresh):
        insert(db, t.invitation, lab_id=lab_id, purpose=purpose, **fresh)


def _change(db: sa.Connection, lab_id: int, purpose: str, **values: Any) -> int:
    own = (t.invitation.c.lab_id == lab_id, t.invitation.c.purpose == purpose)
    return db.execute(t.invitation.update().where(*own).values(**values)).rowcount
