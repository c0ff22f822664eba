"""Policies side by side in held-out mazes, for the page: of the validation split, whose walls no policy was trained
on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lab.errands import Errands, Progress
from lab.store import Store
from lab.walking import backend_of
from rlhf_core.gridworld import episodes, random_mazes
from rlhf_core.maze_language import PLANNING
from rlhf_core.navigation import ModelBackend
from rlhf_core.navigation_evaluation import causality, milliseconds, summarise, walk

NAME = "maze_evaluation"
MOST_EDITED = 100
"""Thoughts are edited in so many of the mazes."""


@dataclass(frozen=True, kw_only=True)
class Exam:
    """What is asked of the policies."""

    who: tuple[str, ...]
    size: int = 6
    n: int = 100
    hard: bool = True
    hidden: float = 0.0
    remember: bool = True
    plans: int = 1


def send(errands: Errands, store: Store, lab_id: int, exam: Exam) -> None:
    """Examine in the background, and keep for a lab what comes of it."""
    errands.start(
        lab_id, NAME, lambda progress: examine(store, exam, progress), lambda rows: keep(store, lab_id, exam, rows)
    )


def examine(store: Store, exam: Exam, progress: Progress) -> list[dict[str, Any]]:
    """One row a policy, as plain values: its "who", the fields of `navigation_evaluation.Result`, "milliseconds" of a
    decision made alone and, for a model that thinks in plans, "causality" with the fields of `Causality`."""
    mazes = random_mazes(exam.n, exam.size, seed=0, hard=exam.hard, split="validation")
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(exam.who):
        backend = backend_of(store, name, exam.plans)
        worlds = list(episodes(mazes, hidden=exam.hidden))

        def walked(share: float, i: int = i, name: str = name) -> None:
            progress((i + share) / len(exam.who), name)

        walked(0.0)
        result = summarise(walk(backend, worlds, remember=exam.remember, progress=walked))
        row: dict[str, Any] = {"who": name, **asdict(result), "milliseconds": milliseconds(backend, mazes)}
        walked(1.0)
        if isinstance(backend, ModelBackend) and backend.kind in PLANNING:
            row["causality"] = asdict(causality(backend, mazes[:MOST_EDITED]))
        rows.append(row)
    return rows


def keep(store: Store, lab_id: int, exam: Exam, rows: Sequence[dict[str, Any]]) -> None:
    """Keep what came of an exam for a lab."""
    store.keep(lab_id, NAME, {"exam": {**asdict(exam), "who": list(exam.who)}, "rows": list(rows)})


def kept(store: Store, lab_id: int) -> tuple[Exam, list[dict[str, Any]]] | None:
    """The last exam of a lab and what came of it."""
    value = store.kept(lab_id, NAME)
    if value is None:
        return None
    return Exam(**{**value["exam"], "who": tuple(value["exam"]["who"])}), value["rows"]
