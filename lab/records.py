"""What the parts of the store share: the database, and reading and adding one row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from lab.database import Database


class Records:
    """A part of the store. Every method is one transaction and may be called from any thread."""

    def __init__(self, db: Database) -> None:
        self._db = db


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def one_row(db: sa.Connection, query: sa.Select[Any], none: str) -> sa.RowMapping:
    """The row of a query that finds one; KeyError with the sentence `none` if there is none."""
    row = db.execute(query).mappings().one_or_none()
    if row is None:
        raise KeyError(none)
    return row


def insert(db: sa.Connection, table: sa.Table, **values: Any) -> int:
    """Add a row. Returns its id."""
    return db.execute(table.insert().values(**values)).inserted_primary_key[0]
