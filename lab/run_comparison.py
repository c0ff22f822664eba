"""Runs beside one another: their settings, what differs among them, and what a run's model has a part in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab import blind_test
from lab.store import Lab, Run, Store

MADE_FROM = ("source", "labels_used", "simulated_used", "features")
"""What a run's inputs say of its reward model."""


@dataclass(frozen=True)
class Setting:
    """One setting of several runs, in their order; None where a run has no such setting."""

    name: str
    values: tuple[Any, ...]
    changes: tuple[tuple[tuple[int, Any], ...], ...]
    """To what each run changed it, and after which step."""

    @property
    def differs(self) -> bool:
        """Whether the runs are not alike in it."""
        first, *others = zip(self.values, self.changes, strict=True)
        return any(other != first for other in others)


def side_by_side(store: Store, runs: Sequence[Run]) -> list[Setting]:
    """The settings of runs: the seed, what their reward models were made from, and the configs that they began with."""
    begun = [{"seed": run.seed, **_made_from(run), **run.initial_config} for run in runs]
    changes = [store.config_changes(run.id) for run in runs]
    names = dict.fromkeys(name for values in begun for name in values)
    return [
        Setting(
            name,
            tuple(values.get(name) for values in begun),
            tuple(tuple((step, change[name]) for step, change in own if name in change) for own in changes),
        )
        for name in names
    ]


def _made_from(run: Run) -> dict[str, Any]:
    return {name: run.inputs[name] for name in MADE_FROM if name in run.inputs}


def unusual(run: Run, defaults: Mapping[str, Any]) -> list[str]:
    """The settings of a run that are not as they are by default."""
    return [name for name, usual in defaults.items() if run.config.get(name, usual) != usual]


@dataclass(frozen=True)
class Uses:
    """What a run's model has a part in, and what stays when the run goes."""

    labels: int
    """That stand, on answers that it wrote."""
    blind_tests: int


def uses(store: Store, lab: Lab, run: Run) -> Uses:
    """What a run's model has a part in."""
    name, language = f"run-{run.id}", run.inputs["language"]
    return Uses(
        labels=sum(label.policy_id == name for label in store.labels(lab.id, language=language)),
        blind_tests=sum(test.policy == name for test in blind_test.tests(store, lab)),
    )
