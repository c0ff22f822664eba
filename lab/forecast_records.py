"""Forecasts, and the invitation by which a lab collects those of others.

Forecasts are appended and a participant's newest counts. A lab has one invitation for them at most; a new collection
and a new address replace its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import func

from lab import tables as t
from lab.records import Records, insert, now

OWNER = "owner"
"""The participant who is the lab's owner, and whom no collection counts."""
FORECAST = "forecast"
"""The purpose of the invitation."""


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """An address of a lab under which others give forecasts."""

    lab_id: int
    key: str
    open: bool
    """Whether it takes forecasts."""
    revealed: bool
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class ForecastRow:
    """A forecast as it was given."""

    participant: str
    name: str
    curves: dict[str, Any]
    given_at: datetime


_of_forecast = t.forecast.c["participant", "name", "curves", "given_at"]
_of_invitation = t.invitation.c["lab_id", "key", "open", "revealed", "created_at"]
_query = sa.select(_of_invitation).where(t.invitation.c.purpose == FORECAST)
# Whatever changes the rows takes the write lock first, so what was read still holds.


class ForecastRecords(Records):
    """What people expect, in each lab."""

    def add_forecast(self, lab_id: int, participant: str, name: str, curves: dict[str, Any]) -> None:
        """Append a forecast."""
        with self._db.write() as db:
            _add(db, lab_id, participant, name, curves)

    def forecasts(self, lab_id: int) -> list[ForecastRow]:
        """The newest forecast of each participant of a lab, the oldest first."""
        newest = sa.select(func.max(t.forecast.c.id)).where(t.forecast.c.lab_id == lab_id)
        query = sa.select(_of_forecast).where(t.forecast.c.id.in_(newest.group_by(t.forecast.c.participant)))
        with self._db.read() as db:
            return [ForecastRow(**row._mapping) for row in db.execute(query.order_by(t.forecast.c.id))]

    def forecast(self, lab_id: int, participant: str) -> ForecastRow | None:
        """The newest forecast of one participant."""
        own = (t.forecast.c.lab_id == lab_id, t.forecast.c.participant == participant)
        query = sa.select(_of_forecast).where(*own).order_by(t.forecast.c.id.desc()).limit(1)
        with self._db.read() as db:
            row = db.execute(query).one_or_none()
            return row and ForecastRow(**row._mapping)

    def invitation(self, lab_id: int) -> Invitation | None:
        """The lab's invitation to give forecasts."""
        return self._invitation(t.invitation.c.lab_id == lab_id)

    def invitation_of(self, key: str) -> Invitation | None:
        """The invitation whose key this is now."""
        return self._invitation(t.invitation.c.key == key)

    def _invitation(self, which: sa.ColumnElement[bool]) -> Invitation | None:
        with self._db.read() as db:
            return _found(db, which)

    def invite(self, lab_id: int, key: str, *, keeping: str) -> None:
        """Begin to collect under a key, with nothing given yet: all forecasts of the lab but those of the participant
        `keeping` are deleted."""
        others = (t.forecast.c.lab_id == lab_id, t.forecast.c.participant != keeping)
        fresh = {"key": key, "open": True, "revealed": False, "created_at": now()}
        with self._db.write() as db:
            db.execute(t.forecast.delete().where(*others))
            if not _change(db, lab_id, **fresh):
                insert(db, t.invitation, lab_id=lab_id, purpose=FORECAST, **fresh)

    def change_invitation(self, lab_id: int, **values: Any) -> None:
        """Change the `key`, or whether it is `open` or `revealed`, of a lab's invitation."""
        with self._db.write() as db:
            _change(db, lab_id, **values)

    def give_forecast(self, key: str, participant: str, name: str, curves: dict[str, Any]) -> Invitation | None:
        """Append a forecast to the collection of a key if it is open and not revealed. Returns the invitation as it was
        at that moment; None if there is none of that key."""
        with self._db.write() as db:
            found = _found(db, t.invitation.c.key == key)
            if found and found.open and not found.revealed:
                _add(db, found.lab_id, participant, name, curves)
            return found


def _found(db: sa.Connection, which: sa.ColumnElement[bool]) -> Invitation | None:
    row = db.execute(_query.where(which)).one_or_none()
    return row and Invitation(**row._mapping)


def _change(db: sa.Connection, lab_id: int, **values: Any) -> int:
    own = (t.invitation.c.lab_id == lab_id, t.invitation.c.purpose == FORECAST)
    return db.execute(t.invitation.update().where(*own).values(**values)).rowcount


def _add(db: sa.Connection, lab_id: int, participant: str, name: str, curves: dict[str, Any]) -> None:
    values = {"participant": participant, "name": name, "curves": curves, "given_at": now()}
    insert(db, t.forecast, lab_id=lab_id, **values)
