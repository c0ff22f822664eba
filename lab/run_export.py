"""Runs as files to take away: what each step measured as CSV, and the model as safetensors."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lab import models
from lab.store import Run, Store

CHANGES = "changes"
"""The column that says which settings act from a step on."""


def metrics_csv(store: Store, run: Run) -> str:
    """One row a step and one column a metric, empty where a step did not measure it. The column "changes" has the
    settings that were changed before the step, as "kl_coef=0.3; temperature=0.8"."""
    rows = store.metrics(run.id)
    names = list(dict.fromkeys(name for row in rows for name in row if name != "step"))
    changed: dict[int, dict[str, Any]] = {}
    for step, change in store.config_changes(run.id):
        changed.setdefault(step + 1, {}).update(change)  # a change after a step acts at the next
    made = io.StringIO()
    writer = csv.DictWriter(made, ["step", *names, CHANGES], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        said = "; ".join(f"{name}={value}" for name, value in changed.get(row["step"], {}).items())
        writer.writerow({**row, CHANGES: said})
    return made.getvalue()


def model_file(store: Store, run: Run) -> bytes:
    """What a run's policy has become, as of its last checkpoint: the safetensors that `MiniLM.load` reads."""
    policy = models.policy(store, run.inputs["language"], f"run-{run.id}")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        policy.save(path)
        return path.read_bytes()
