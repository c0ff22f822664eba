"""What can be done in a lab, and since when it has been: the course's checkpoints and some of our own.

Everything is read from the store and nothing is written. What left labels or runs is read from these, so it is undone
with them; what leaves no other trace was noted as a deed when it happened (`Store.note_deed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from statistics import fmean

from lab import ppo, rlaif, sl_cai
from lab.forecast_records import OWNER
from lab.labelling import foreseen
from lab.store import Label, Measured, Store
from rlhf_core.corpus import LANGUAGES
from rlhf_core.evaluation import wilson_interval

PAIRS = 20
GUESSES = 20
"""With fewer guesses nothing is said of the reward model."""
STEPS = 10
"""Of a run by the constitution."""
WINDOW = 5
"""Steps over which reward and gold are averaged: one step's answers are few."""
ROSE, FELL = 0.5, 0.25
"""Reward hacking: by so much the reward rose, and by so much gold fell below the first steps', in points of each."""


@dataclass(frozen=True)
class Milestone:
    """One checkpoint, by its name, and when it was reached; None as long as it is not."""

    name: str
    done_at: datetime | None


class _Traces:
    """What a lab's store says of it, read once."""

    def __init__(self, store: Store, lab_id: int) -> None:
        self.store, self.lab_id = store, lab_id

    @cached_property
    def deeds(self) -> dict[str, datetime]:
        return self.store.deeds(self.lab_id)

    @cached_property
    def labels(self) -> list[list[Label]]:
        """A person's own answers, for each language those in it, without the skipped ones."""
        return [
            [label for label in self.store.labels(self.lab_id, "human", language) if label.choice != "skip"]
            for language in LANGUAGES
        ]

    @cached_property
    def ppo(self) -> list[list[Measured]]:
        """The steps of each PPO run."""
        steps = self.store.measured(self.lab_id, ppo.STAGE, "gold")
        return [list(run) for _, run in groupby(steps, key=lambda step: step.run_id)]

    def made(self, step: Measured) -> datetime:
        """When a step was made; for one that does not say, when its run was begun."""
        return step.at or self.store.run(step.run_id).created_at


def _deed(name: str) -> Callable[[_Traces], datetime | None]:
    return lambda traces: traces.deeds.get(name)


def _labelled(traces: _Traces) -> datetime | None:
    """Twenty pairs in one language."""
    return _first(labels[PAIRS - 1].answered_at for labels in traces.labels if len(labels) >= PAIRS)


def _foresaw(traces: _Traces) -> datetime | None:
    """The guesses made before each choice in a language are better than a coin's by now; since when they have been."""
    return _first(filter(None, map(_better_than_a_coin, traces.labels)))


def _better_than_a_coin(labels: Sequence[Label]) -> datetime | None:
    since, hits, n = None, 0, 0
    for label in labels:
        if (hit := foreseen(label)) is None:
            continue
        hits, n = hits + hit, n + 1
        better = n >= GUESSES and wilson_interval(hits, n)[0] > 0.5
        since = (since or label.answered_at) if better else None
    return since


def _improved(traces: _Traces) -> datetime | None:
    """A PPO run beat its start: its win rate's whole interval lay above a half."""
    return _first(
        traces.made(step) for run in traces.ppo for step in run if (step.metrics.get("win_rate_low") or 0.0) > 0.5
    )


def _hacked(traces: _Traces) -> datetime | None:
    """In a PPO run the reward rose by `ROSE` while gold fell by `FELL`, means of `WINDOW` steps against the first."""
    return _first(traces.made(step) for run in traces.ppo if (step := _first_hacked(run)))


def _first_hacked(run: Sequence[Measured]) -> Measured | None:
    rewards, gold = ([step.metrics[name] for step in run] for name in ("reward", "gold"))
    for end in range(2 * WINDOW, len(run) + 1):
        rise, gain = (fmean(values[end - WINDOW : end]) - fmean(values[:WINDOW]) for values in (rewards, gold))
        if rise >= ROSE and gain <= -FELL:
            return run[end - 1]
    return None


def _by_constitution(traces: _Traces) -> datetime | None:
    """A model was trained by the constitution for `STEPS` steps."""
    runs = [run for stage in (sl_cai.STAGE, rlaif.STAGE) for run in traces.store.runs(traces.lab_id, stage)]
    return _first(traces.store.step_times(run.id).get(STEPS, run.created_at) for run in runs if run.step >= STEPS)


def _forecast(traces: _Traces) -> datetime | None:
    saved = traces.store.forecast(traces.lab_id, OWNER)
    return saved.given_at if saved else None


def _first(times: Iterable[datetime]) -> datetime | None:
    return min(times, default=None)


NOTEBOOK: Mapping[str, Callable[[_Traces], datetime | None]] = {
    "asked": _deed("asked"),
    "labelled": _labelled,
    "foresaw": _foresaw,
    "improved": _improved,
    "revised": _deed("revised"),
    "walked": _deed("walked"),
    "escaped": _deed("escaped"),
}
"""One for each of the notebook's sections 2 to 8; reconstructed."""
OURS: Mapping[str, Callable[[_Traces], datetime | None]] = {
    "hacked": _hacked,
    "thought": _deed("thought"),
    "message": _deed("message"),
    "by_constitution": _by_constitution,
    "forecast": _forecast,
    "downloaded": _deed("downloaded"),
}


def milestones(store: Store, lab_id: int) -> list[Milestone]:
    """The checkpoints of a lab: the notebook's, then ours."""
    traces = _Traces(store, lab_id)
    return [Milestone(name, rule(traces)) for name, rule in (NOTEBOOK | OURS).items()]
