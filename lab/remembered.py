"""What was computed before, for as long as it holds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """Values by key, each with the version of what it was made from. most: how many are kept; the one that was made
    first goes first. May be asked from any thread; two that ask at once may both make the value."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[object, Value]] = {}

    def of(self, key: Hashable, version: object, make: Callable[[], Value]) -> Value:
        """What was made for a key in this version; made now if there is none."""
        known = self._kept.get(key)
        if known is None or known[0] != version:
            known = version, make()
            self.keep(key, *known)
        return known[1]

    def last(self, key: Hashable) -> tuple[object, Value] | None:
        """What was made for a key last, in whatever version, and that."""
        return self._kept.get(key)

    def keep(self, key: Hashable, version: object, value: Value) -> None:
        """Remember a value for a key, in place of the one before."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = version, value
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
