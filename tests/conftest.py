"""What tests of every layer share."""

from __future__ import annotations

import gc

import pytest

from lab.store import Store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a database that nobody has used: to lay out its tables takes longer than many a test."""
    path = tmp_path_factory.mktemp("empty") / "lab.sqlite3"
    Store(f"sqlite:///{path}").close()
    return path.read_bytes()


def pytest_collection_finish() -> None:
    """What has been imported stays until the end: to look through it for garbage, again and again, is a twentieth of
    what the tests of pages take."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
