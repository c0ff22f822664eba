"""The one laboratory of a process: its store, its jobs and its errands."""

from __future__ import annotations

import threading

import torch

from lab import stages
from lab.errands import Errands
from lab.jobs import Jobs
from lab.store import Store, StoreError

DELETE_SECONDS = 10.0
"""How long the deletion of a lab waits for a step of its runs to end: one that is much slower is stuck."""
_lock = threading.Lock()
_laboratory: Laboratory | None = None


class Laboratory:
    """A store, the jobs that train with it, and errands. url: see `Store`. StoreError if the database can't be used, or
    is in use by another process."""

    def __init__(self, url: str | None = None) -> None:
        torch.set_num_threads(1)  # several runs and pages share few cores: more threads make each of them slower
        self.store = Store(url)
        try:
            self.store.claim()
        except StoreError:
            self.store.close()
            raise
        self.jobs = Jobs(self.store, stages.build, stages.prepare)
        self.errands = Errands()

    def delete_lab(self, lab_id: int) -> None:
        """Forget a lab and its runs for good. JobError if a run of it can't be brought to rest."""
        self.jobs.rest(lab_id, wait=DELETE_SECONDS)
        self.errands.give_up_all(lab_id)
        self.store.delete_lab(lab_id)

    def close(self) -> None:
        """Let the runs keep their state and let go of the database; `get_laboratory` then opens another."""
        global _laboratory
        self.errands.close()
        self.jobs.close()
        self.store.close()
        with _lock:
            if _laboratory is self:
                _laboratory = None


def get_laboratory() -> Laboratory:
    """The process's laboratory, opened at the first call, its unfinished runs going on. After an error the next call
    tries again."""
    global _laboratory
    with _lock:
        if _laboratory is None:
            _laboratory = Laboratory()
            _laboratory.jobs.resume_unfinished()
        return _laboratory


def close_laboratory() -> None:
    """Close the process's laboratory, if one was opened."""
    with _lock:
        laboratory = _laboratory
    if laboratory is not None:
        laboratory.close()
