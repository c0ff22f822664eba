"""A whole lab as plain rows, read and written at once: what a lab's file holds, see `lab.lab_file`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lab import tables as t
from lab.forecast_records import OWNER
from lab.invitation_records import FORECAST, LABEL
from lab.lab_records import Lab, give_lab
from lab.participants import new_key
from lab.records import Records, insert, one_row
from lab.run_records import ARTIFACTS, UNFINISHED

Rows = dict[str, list[dict[str, Any]]]
"""Rows by the name of their table; a row has a value for every column but that of the lab it belongs to."""
COPIED = (
    t.run, t.run_step, t.config_change, t.checkpoint, t.artifact, t.pair, t.showing, t.event, t.constitution, t.kept,
    t.guideline, t.deed, t.invitation, t.member, t.mission, t.mission_guess, t.forecast,
)  # fmt: skip
"""The tables that a lab has rows in, each after those it refers to. What browsers opened a lab is not the lab's."""
_POLICY = re.compile(r"run-(\d+)")


class CopyRecords(Records):
    """Copies of labs."""

    def copy_out(self, lab_id: int) -> tuple[Lab, Rows]:
        """A lab and all its rows, as of one moment, but forecasts and votes of others that were not revealed yet: a
        copy would reveal them to its owner. KeyError when there is none."""
        with self._db.read() as db:
            lab = one_row(db, sa.select(t.lab).where(t.lab.c.id == lab_id), f"There is no lab {lab_id}.")
            rows = {table.name: list(_rows(db, table, lab_id)) for table in COPIED}
            revealed = {row["purpose"] for row in rows["invitation"] if row["revealed"]}
            if FORECAST not in revealed:
                rows["forecast"] = [row for row in rows["forecast"] if row["participant"] == OWNER]
            if any(row["purpose"] == LABEL and not row["revealed"] for row in rows["invitation"]):
                _leave_out_members(rows)
            rows["invitation"] = [row for row in rows["invitation"] if row["purpose"] in revealed]
            return Lab(**lab), rows

    def copy_in(self, browser: str, rows: Rows, *, name: str, language: str, created_at: datetime) -> Lab:
        """A new lab with copies of rows, which the browser has open from now on: all of it or, after an error, nothing.
        What ran or waited rests, and an invitation has another address and is closed. KeyError when a row refers to one
        that is not there."""
        with self._db.write() as db:
            lab = give_lab(db, browser, name=name, language=language, created_at=created_at)
            _Copy(db, lab.id).add(rows)
            return lab


def _rows(db: sa.Connection, table: sa.Table, lab_id: int) -> Iterator[dict[str, Any]]:
    columns = [column for column in table.c if column.name != "lab_id"]
    query = sa.select(*columns).order_by(*table.primary_key.columns)
    if "lab_id" in table.c:
        query = query.where(table.c.lab_id == lab_id)
    else:
        query = query.join(t.run, t.run.c.id == table.c.run_id).where(t.run.c.lab_id == lab_id)
    return (dict(row) for row in db.execute(query).mappings())


def _leave_out_members(rows: Rows) -> None:
    """Drop the members of a class, what they were shown and what they said."""
    names = {row["name"] for row in rows["member"]}
    gone = {row["id"] for row in rows["showing"] if row["labeler"] in names}
    said = {row["id"] for row in rows["event"] if row["showing_id"] in gone}
    rows["member"] = []
    rows["showing"] = [row for row in rows["showing"] if row["id"] not in gone]
    rows["event"] = [row for row in rows["event"] if row["id"] not in said and row["retracts"] not in said]


class _Copy:
    """Gives the rows of one lab new ids, and everything that names a row by its id the new one."""

    def __init__(self, db: sa.Connection, lab_id: int) -> None:
        self._db, self._lab_id = db, lab_id
        self._ids: dict[str, dict[Any, Any]] = {table.name: {} for table in COPIED}

    def add(self, rows: Rows) -> None:
        """Insert all rows."""
        for table in COPIED:
            for row in rows[table.name]:
                self._add(table, row)
        for row in rows["run"]:
            inputs = self._policies_renamed(row["inputs"]) | {"lab": self._lab_id}
            inputs |= {name: self._new("artifact", inputs[name]) for name in ARTIFACTS if name in inputs}
            self._db.execute(t.run.update().where(t.run.c.id == self._new("run", row["id"])).values(inputs=inputs))

    def _add(self, table: sa.Table, row: Mapping[str, Any]) -> None:
        made = {name: value for name, value in row.items() if name != "id"}
        for column in table.c:
            for key in column.foreign_keys:
                if column.name == "lab_id":
                    made["lab_id"] = self._lab_id
                elif made[column.name] is not None:
                    made[column.name] = self._new(key.column.table.name, made[column.name])
        match table:
            case t.showing:
                made["id"] = secrets.token_hex(8)
            case t.run if made["status"] in UNFINISHED:
                made["status"] = "paused"
            case t.invitation:
                made |= {"key": new_key(), "open": False}
            case t.pair | t.kept | t.artifact:
                column = {"pair": "policy_id", "kept": "value", "artifact": "meta"}[table.name]
                made[column] = self._policies_renamed(made[column])
            case _:
                pass
        new = insert(self._db, table, **made)
        if "id" in row:
            self._ids[table.name][row["id"]] = new

    def _new(self, table: str, old: Any) -> Any:
        if old not in self._ids[table]:
            raise KeyError(f"There is no {table} {old!r}, which something else refers to.")
        return self._ids[table][old]

    def _policies_renamed(self, value: Any) -> Any:
        """A plain value with the new names of the policies that are named in it."""
        match value:
            case str() if found := _POLICY.fullmatch(value):
                return f"run-{self._new('run', int(found[1]))}"
            case list():
                return [self._policies_renamed(one) for one in value]
            case dict():
                return {name: self._policies_renamed(one) for name, one in value.items()}
            case _:
                return value
