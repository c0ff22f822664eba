"""A disk that is full, a file that may not be written, bytes that have changed: as real as a test can have them."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from lab.store import Store

NOBODY = 65534


@contextmanager
def full_disk(store: Store, spare: int = 0) -> Iterator[None]:
    """The database may not grow by more than so many pages: SQLite then says what it says where a disk is full."""
    engine = store._db._engine
    with engine.connect() as db:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + spare}")

    sa.event.listen(engine, "connect", limit)
    engine.dispose()
    try:
        yield
    finally:
        sa.event.remove(engine, "connect", limit)
        engine.dispose()


@contextmanager
def nobody() -> Iterator[Path]:
    """A folder outside of all that is private, and no rights but those of anybody: root may write what is read-only."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        inner = folder / "data"
        inner.mkdir()
        if root:
            os.chown(inner, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield inner
        finally:
            if root:
                os.seteuid(0)
            inner.chmod(0o755)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Bytes of which some have changed, or the end is gone."""
    if rng.random() < 0.25:
        return data[: rng.randrange(len(data))]
    found = bytearray(data)
    for _ in range(rng.choice((1, 8, 64))):
        at, n = rng.randrange(len(found)), rng.choice((1, 1, 16, 512))
        found[at : at + n] = rng.randbytes(min(n, len(found) - at))
    return bytes(found)
