"""Errands: work of a lab that takes a while and comes to one result, done in the background.

An exam of policies, say. A page that did the work itself would lose it as soon as somebody looks elsewhere. Other than
a run (`jobs`), an errand has no steps to rest at: it is done, given up, or forgotten when the server ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

Result = TypeVar("Result")
Progress = Callable[[float, str], None]
"""Is told the share that is done, and what is at work now."""
CLOSE_SECONDS = 5.0
"""How long the end of the server waits for the threads of errands."""
log = logging.getLogger("rlhf_lab")


class GivenUp(Exception):
    """Nobody waits for the result any more."""


@dataclass
class Errand:
    """How far an errand has come."""

    share: float = 0.0
    at: str = ""
    """What is at work, as the work itself calls it."""
    failed: Exception | None = None
    """Why it ended without a result."""
    given_up: bool = False

    @property
    def under_way(self) -> bool:
        return self.failed is None


class Errands:
    """Every errand of the process, at most one of a name in a lab."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards what is known, and that nothing is kept of what was given up
        self._known: dict[tuple[int, str], Errand] = {}
        self._threads: set[threading.Thread] = set()

    def start(
        self, lab_id: int, name: str, work: Callable[[Progress], Result], keep: Callable[[Result], object]
    ) -> None:
        """Do some work in a thread of its own, and keep its result; nothing, if one of that name is under way."""
        with self._lock:
            known = self._known.get((lab_id, name))
            if known is not None and known.under_way:
                return
            errand = self._known[lab_id, name] = Errand()
            args = (lab_id, name, errand, work, keep)
            thread = threading.Thread(target=self._do, args=args, name=f"errand-{name}", daemon=True)
            self._threads.add(thread)
            thread.start()

    def of(self, lab_id: int, name: str) -> Errand | None:
        """The errand of that name, if it is under way or failed; the next one takes its place."""
        with self._lock:
            return self._known.get((lab_id, name))

    def give_up(self, lab_id: int, name: str) -> None:
        """Wait for its result no more. Its thread ends at the next thing that it would tell."""
        with self._lock:
            self._drop((lab_id, name))

    def give_up_all(self, lab_id: int) -> None:
        """The same for all errands of a lab."""
        with self._lock:
            for key in [key for key in self._known if key[0] == lab_id]:
                self._drop(key)

    def close(self) -> None:
        """Give all up, and wait a while for the ends of their threads."""
        with self._lock:
            for key in list(self._known):
                self._drop(key)
        end = time.monotonic() + CLOSE_SECONDS
        for thread in list(self._threads):
            thread.join(max(0.0, end - time.monotonic()))

    def _drop(self, key: tuple[int, str]) -> None:
        if (errand := self._known.pop(key, None)) is not None:
            errand.given_up = True

    def _do(
        self, lab_id: int, name: str, errand: Errand, work: Callable[[Progress], Result],
        keep: Callable[[Result], object],
    ) -> None:  # fmt: skip
        torch.set_num_threads(1)  # counted anew for each thread: what is done in the background leaves a core to clicks

        def progress(share: float, at: str) -> None:
            if errand.given_up:
                raise GivenUp
            errand.share, errand.at = share, at

        try:
            result = work(progress)
            with self._lock:
                if not errand.given_up:
                    keep(result)
                    del self._known[lab_id, name]
        except Exception as error:
            if not errand.given_up:
                log.exception("The errand %s of lab %s failed", name, lab_id)
                errand.failed = error
        finally:
            self._threads.discard(threading.current_thread())
