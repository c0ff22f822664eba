"""What stands on a page and answers requests of its own, each at an address that stays while its tab does."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import Generic, TypeVar

from ui import session

Thing = TypeVar("Thing")
MOST = 2000
"""Things of all tabs that stand at addresses of one path; the oldest give way."""


class Addresses(Generic[Thing]):
    """The things under one path. Who knows the address of one, which nobody can guess, is whom it was drawn for."""

    def __init__(self, path: str) -> None:
        """path: begins and ends with a slash."""
        self.path = path
        self._lock = threading.Lock()
        self._things: OrderedDict[str, Thing] = OrderedDict()

    def put(self, key: str, thing: Thing) -> str:
        """Let a thing stand at this tab's address for a key, in place of what stood there. Returns path and name."""
        name = session.session().addresses.setdefault((self.path, key), secrets.token_urlsafe(24))
        with self._lock:
            self._things[name] = thing
            self._things.move_to_end(name)
            while len(self._things) > MOST:
                self._things.popitem(last=False)
        return self.path + name

    def find(self, name: str) -> Thing | None:
        """What stands under a name, if anything does."""
        with self._lock:
            return self._things.get(name)
