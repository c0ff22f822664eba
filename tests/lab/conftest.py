"""A store in an empty folder, a lab in it, and waiting for what other threads do."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.store import Lab, Store


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/data/lab.sqlite3"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def lab(store: Store) -> Lab:
    return store.open_lab("a browser", "en")


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    def wait(condition: Callable[[], object], deadline: float = 60.0) -> None:
        end = time.monotonic() + deadline
        while not condition():
            assert time.monotonic() < end, "what the test waits for did not happen"
            time.sleep(0.005)

    return wait
