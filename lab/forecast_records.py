"""Forecasts: appended, and a participant's newest counts. Those of others come by an invitation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import func

from lab import tables as t
from lab.invitation_records import FORECAST, Invitation, begin, find
from lab.records import Records, insert, now

OWNER = "owner"
"""The participant who is the lab's owner, and whom no collection counts."""


@dataclass(frozen=True, kw_only=True)
class ForecastRow:
    """A forecast as it was given."""

    participant: str
    name: str
    curves: dict[str, Any]
    given_at: datetime


_of_forecast = t.forecast.c["participant", "name", "curves", "given_at"]
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

    def collect(self, lab_id: int, key: str, *, keeping: str) -> None:
        """Begin to collect under a key, with nothing given yet: all forecasts of the lab but those of the participant
        `keeping` are deleted."""
        others = (t.forecast.c.lab_id == lab_id, t.forecast.c.participant != keeping)
        with self._db.write() as db:
            db.execute(t.forecast.delete().where(*others))
            begin(db, lab_id, FORECAST, key, revealed=False)

    def give_forecast(self, key: str, participant: str, name: str, curves: dict[str, Any]) -> Invitation | None:
        """Append a forecast to the collection of a key if it is open and not revealed. Returns the invitation as it was
        at that moment; None if there is none of that key."""
        with self._db.write() as db:
            found = find(db, t.invitation.c.key == key, t.invitation.c.purpose == FORECAST)
            if found and found.open and not found.revealed:
                _add(db, found.lab_id, participant, name, curves)
            return found


def _add(db: sa.Connection, lab_id: int, participant: str, name: str, curves: dict[str, Any]) -> None:
    values = {"participant": participant, "name": name, "curves": curves, "given_at": now()}
    insert(db, t.forecast, lab_id=lab_id, **values)
