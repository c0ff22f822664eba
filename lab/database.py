"""The database under the store: its tables, how it is opened, and what its errors mean in one sentence."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from lab.migrations import MIGRATIONS, SCHEMA_VERSION
from lab.tables import schema, tables

DEFAULT_PATH = Path(__file__).parent.parent / "data" / "rlhf_lab.sqlite3"


class StoreError(RuntimeError):
    """The database can't be opened, read or written; the message says which, and what to do."""


class Database:
    """An open database with this version's tables."""

    def __init__(self, url: str | None = None) -> None:
        url = url or os.environ.get("RLHF_LAB_DATABASE") or f"sqlite:///{DEFAULT_PATH}"
        try:
            self.url = sa.make_url(url)
            self._engine = sa.create_engine(self.url)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            shown = re.sub(r"//[^@]*@", "//***@", url)  # a password is nobody's business
            raise StoreError(
                f"{shown!r} names no database that can be used here ({_first_line(error)}). Set RLHF_LAB_DATABASE "
                "to a SQLAlchemy URL such as sqlite:////home/me/lab.sqlite3, or leave it unset."
            ) from error
        self.name = self.url.database or self.url.render_as_string()
        self._write_lock = threading.Lock()  # one writer: threads wait here rather than poll the file
        self._claimed: sqlite3.Connection | None = None
        if self.url.get_backend_name() == "sqlite":
            self._set_up_sqlite()
        try:
            with self._explained(), self._changing_tables() as db:
                self._prepare_schema(db)
        except BaseException:
            self.close()  # nobody else has it to close
            raise

    def _set_up_sqlite(self) -> None:
        if self.url.database and not self.url.database.startswith("file:"):
            folder = Path(self.url.database).parent
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"The folder {folder} for the database can't be made: {error.strerror}.") from error
            self._check_writable(Path(self.url.database))

        @sa.event.listens_for(self._engine, "connect")
        def connect(connection: Any, _: Any) -> None:
            connection.isolation_level = None  # we say BEGIN ourselves, see below
            connection.execute("PRAGMA busy_timeout = 30000")
            connection.execute("PRAGMA journal_mode = WAL")
            # FULL, though WAL would stay consistent with NORMAL: an acknowledged label outlives a power cut too,
            # and one fsync per click or training step costs little.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")

        @sa.event.listens_for(self._engine, "begin")
        def begin(connection: sa.Connection) -> None:
            # A transaction that reads before it writes must take the write lock at once: SQLite refuses to upgrade
            # a snapshot that another writer has made stale, whatever the timeout.
            immediate = connection.get_execution_options().get("immediate")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    def _check_writable(self, path: Path) -> None:
        """StoreError for a file that is read-only. SQLite would open it for reading and leave two files beside it that
        are read-only as well, in the way of whoever then allows writing to it."""
        own = os.access in os.supports_effective_ids
        if path.is_file() and not os.access(path, os.W_OK, effective_ids=own):
            raise StoreError(_explain(self.name, "the file is readonly"))

    @contextmanager
    def _changing_tables(self) -> Iterator[sa.Connection]:
        """A transaction in which a table that others refer to may be replaced: SQLite changes a table no other way,
        and looks at the references only while they are off, which no transaction can turn them."""
        sqlite = self.url.get_backend_name() == "sqlite"
        with self._engine.execution_options(immediate=True).connect() as db:
            raw: Any = db.connection.driver_connection
            if sqlite:
                raw.execute("PRAGMA foreign_keys = OFF")
            try:
                with db.begin():
                    yield db
                    if sqlite and (broken := db.exec_driver_sql("PRAGMA foreign_key_check").first()):
                        raise StoreError(f"The database {self.name} refers to rows that are not there ({broken[0]}).")
            finally:
                if sqlite:
                    raw.execute("PRAGMA foreign_keys = ON")

    def _prepare_schema(self, db: sa.Connection) -> None:
        if not sa.inspect(db).has_table("schema"):
            tables.create_all(db)
            db.execute(schema.insert().values(version=SCHEMA_VERSION))
            return
        versions: list[Any] = list(db.execute(sa.select(schema.c.version)).scalars())
        if len(versions) != 1 or not isinstance(versions[0], int) or versions[0] < 1:
            raise StoreError(_explain(self.name, "malformed schema version"))
        version = versions[0]
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"The database {self.name} was written by a newer RLHF Lab (schema {version}, this one reads "
                f"{SCHEMA_VERSION}). Update the app, or set RLHF_LAB_DATABASE to another file."
            )
        if version < SCHEMA_VERSION:
            self._migrate(db, version)
        # Written even when nothing changed: a read-only file shows now and not at the first label.
        db.execute(schema.update().values(version=SCHEMA_VERSION))

    def _migrate(self, db: sa.Connection, version: int) -> None:
        """Bring older tables to this version, unless another process works with them as they are."""
        ours = self._claimed is not None
        self.claim()
        try:
            for old in range(version, SCHEMA_VERSION):
                MIGRATIONS[old](db)
        finally:
            if not ours:
                self._unclaim()

    def claim(self) -> None:
        """Keep other processes from training with this database, until `close` or the end of this one, however it
        ends. Two servers that resumed the same runs would write the same steps."""
        if self.url.get_backend_name() != "sqlite" or not self.url.database or self._claimed:
            return
        # By whatever name the file is called, its lock is the same one.
        claim, path = None, f"{os.path.realpath(self.url.database)}.lock"
        try:
            claim = sqlite3.connect(path, timeout=2, isolation_level=None, check_same_thread=False)
            claim.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if claim:
                claim.close()
            if "locked" not in str(error):
                raise StoreError(_explain(path, str(error))) from error
            raise StoreError(
                f"The database {self.name} is open in another RLHF Lab. Stop that one, or set RLHF_LAB_DATABASE to"
                " another file."
            ) from error
        self._claimed = claim

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with self._explained(), self._engine.begin() as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is durable when it is left, or else never was."""
        writer = self._engine.execution_options(immediate=True)
        with self._explained(), self._write_lock, writer.begin() as db:
            yield db

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """A database error as one sentence, except a broken constraint, which callers know how to take."""
        try:
            yield
        except IntegrityError:
            raise
        except (DBAPIError, sqlite3.Error) as error:  # the second comes from the PRAGMAs of a new connection
            raise StoreError(_explain(self.name, str(getattr(error, "orig", error)))) from error
        except ValueError as error:
            # What was damaged where the database itself does not see it: a value that SQLAlchemy can't read, or text.
            unwritable = isinstance(error, UnicodeEncodeError)  # half a character that somebody wants to keep
            read = isinstance(error, json.JSONDecodeError | UnicodeDecodeError) or _raised_by("sqlalchemy", error)
            if unwritable or not read:
                raise
            raise StoreError(_explain(self.name, f"malformed value: {_first_line(error)}")) from error

    def close(self) -> None:
        """Let go of the file."""
        self._unclaim()
        self._engine.dispose()

    def _unclaim(self) -> None:
        if self._claimed:
            self._claimed.close()
            self._claimed = None


def _explain(name: str, said: str) -> str:
    """What a database's error message means for the person in front of it."""
    said = "".join(sign for sign in said if sign.isprintable())  # it may quote what is damaged
    lower = said.lower()
    if any(sign in lower for sign in ("not a database", "malformed", "decode to utf-8")):
        means = f"is damaged or is no database ({said}). Restore a copy or move it away"
    elif "readonly" in lower or "unable to open" in lower:
        means = f"can't be written ({said}). Allow writing to it, to its folder and to its files -wal and -shm"
    elif "full" in lower:
        means = f"has no room to grow ({said}). Free some disk space"
    elif "i/o error" in lower:
        means = f"can't be read or written as it should ({said}). Look whether its disk is full or damaged"
    else:
        means = f"could not be used ({_first_line(said)}). Try again"
    return f"The database {name} {means}, or set RLHF_LAB_DATABASE to another file."


def _raised_by(package: str, error: BaseException) -> bool:
    """Whether it comes out of the code of a package itself."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == package


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
