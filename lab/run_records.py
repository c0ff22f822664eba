"""Training runs: what was asked of them, what each step measured, their last state, and what they were made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lab import tables as t
from lab.records import Records, insert, now, one_row

UNFINISHED = ("running", "queued")
DELETED = "deleted"
"""The status of a run that is gone: its row stays, so that what names it can say who it was, and no other run is ever
taken for it."""
ARTIFACTS = ("reward_model", "start_policy", "preferences")
"""What a run's inputs call the artifacts they name by id."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A training run. `config` is what its next step uses, every change of `Store.config_changes` made; what it was
    made from, the language of its model among it, are its `inputs`."""

    id: int
    lab_id: int
    number: int
    """Within its lab, from 1: what pages call it."""
    stage: str
    status: str
    initial_config: dict[str, Any]
    config: dict[str, Any]
    seed: int
    inputs: dict[str, Any]
    step: int
    pace: float | None
    error: str | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A step of a run and what it measured."""

    run_id: int
    step: int
    at: datetime | None
    """When it was made; steps of older versions do not say."""
    metrics: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """All that a run's next step depends on, after `step` steps."""

    step: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Something that was made once and is used by name, such as the reward model a run trains on."""

    id: int
    kind: str
    meta: dict[str, Any]
    data: bytes


class RunRecords(Records):
    """The runs of each lab."""

    def add_run(self, lab_id: int, *, config: dict[str, Any], **values: Any) -> int:
        """Keep a run that has not begun: config, stage, inputs, seed, status and pace. Returns its id."""
        with self._db.write() as db:
            last = db.execute(sa.select(sa.func.max(t.run.c.number)).where(t.run.c.lab_id == lab_id)).scalar()
            values |= {"lab_id": lab_id, "number": (last or 0) + 1, "initial_config": config, "config": config}
            return insert(db, t.run, **values, step=0, created_at=now())

    def run(self, run_id: int) -> Run:
        """A run by its id, be it deleted. KeyError when there is none."""
        with self._db.read() as db:
            return Run(**one_row(db, t.run.select().where(t.run.c.id == run_id), f"There is no run {run_id}."))

    def runs(self, lab_id: int, stage: str | None = None, language: str | None = None) -> list[Run]:
        """The runs of a lab, newest first: of one stage, of a model of one language, or all."""
        known = (t.run.c.lab_id == lab_id, t.run.c.status != DELETED)
        query = t.run.select().where(*known).order_by(t.run.c.id.desc())
        if stage is not None:
            query = query.where(t.run.c.stage == stage)
        if language is not None:
            query = query.where(t.run.c.inputs["language"].as_string() == language)
        with self._db.read() as db:
            return [Run(**row._mapping) for row in db.execute(query)]

    def unfinished_runs(self) -> list[Run]:
        """The runs of all labs that ran or waited when the server went: those that ran first, older before newer."""
        query = t.run.select().where(t.run.c.status.in_(UNFINISHED)).order_by(t.run.c.status.desc(), t.run.c.id)
        with self._db.read() as db:
            return [Run(**row._mapping) for row in db.execute(query)]

    def update_run(self, run_id: int, **values: Any) -> None:
        """Change status, error or pace of a run."""
        with self._db.write() as db:
            db.execute(t.run.update().where(t.run.c.id == run_id).values(**values))

    def add_step(self, run_id: int, step: int, metrics: dict[str, Any], samples: dict[str, Any] | None) -> None:
        """Append what a step measured. IntegrityError if the run has that step already."""
        with self._db.write() as db:
            db.execute(t.run_step.insert().values(run_id=run_id, step=step, at=now(), metrics=metrics, samples=samples))
            db.execute(t.run.update().where(t.run.c.id == run_id).values(step=step))

    def step_times(self, run_id: int) -> dict[int, datetime]:
        """When each step was made, of those that say so."""
        query = sa.select(t.run_step.c["step", "at"]).where(t.run_step.c.run_id == run_id, t.run_step.c.at.is_not(None))
        with self._db.read() as db:
            return {row.step: row.at for row in db.execute(query)}

    def metrics(self, run_id: int, since: int = -1) -> list[dict[str, Any]]:
        """What the steps after `since` measured, in order; each has "step"."""
        query = sa.select(t.run_step.c.step, t.run_step.c.metrics).order_by(t.run_step.c.step)
        with self._db.read() as db:
            rows = db.execute(query.where(t.run_step.c.run_id == run_id, t.run_step.c.step > since))
            return [{**row.metrics, "step": row.step} for row in rows]

    def last_metrics(self, lab_id: int, stage: str, window: int) -> dict[int, dict[str, Any]]:
        """The latest value of whatever the last `window` steps of each of a lab's runs of a stage measured, by run."""
        query = sa.select(t.run_step.c["run_id", "step", "metrics"]).join(t.run)
        late = (t.run.c.lab_id == lab_id, t.run.c.stage == stage, t.run_step.c.step > t.run.c.step - window)
        found: dict[int, dict[str, Any]] = {}
        with self._db.read() as db:
            for row in db.execute(query.where(*late).order_by(t.run_step.c.run_id, t.run_step.c.step)):
                found.setdefault(row.run_id, {}).update(row.metrics, step=row.step)
        return found

    def measured(self, lab_id: int, stage: str, metric: str) -> list[Measured]:
        """The steps of a lab's runs of a stage at which a metric was measured, older runs before newer."""
        query = sa.select(t.run_step.c["run_id", "step", "at", "metrics"]).join(t.run)
        known = (t.run.c.lab_id == lab_id, t.run.c.stage == stage, t.run_step.c.metrics[metric].as_float().is_not(None))
        with self._db.read() as db:
            rows = db.execute(query.where(*known).order_by(t.run_step.c.run_id, t.run_step.c.step))
            return [Measured(**row._mapping) for row in rows]

    def run_samples(self, run_id: int) -> dict[str, Any] | None:
        """The latest samples of a run."""
        kept = (t.run_step.c.run_id == run_id, t.run_step.c.samples.is_not(None))
        query = sa.select(t.run_step.c.samples).where(*kept).order_by(t.run_step.c.step.desc()).limit(1)
        with self._db.read() as db:
            return db.execute(query).scalar_one_or_none()

    def samples(self, run_id: int, every: int = 1) -> dict[int, dict[str, Any]]:
        """The samples of a run's first and last step and of those whose number `every` divides, by step, in order."""
        last = sa.select(t.run.c.step).where(t.run.c.id == run_id).scalar_subquery()
        step = t.run_step.c.step
        shown = (step % every == 0) | (step == 1) | (step == last)
        query = sa.select(step, t.run_step.c.samples).where(t.run_step.c.run_id == run_id, shown)
        with self._db.read() as db:
            rows = db.execute(query.where(t.run_step.c.samples.is_not(None)).order_by(step))
            return {row.step: row.samples for row in rows}

    def add_config_change(self, run_id: int, step: int, changes: dict[str, Any]) -> None:
        """Note that `changes` act on every step after `step`."""
        with self._db.write() as db:
            insert(db, t.config_change, run_id=run_id, step=step, changes=changes)
            config = db.execute(sa.select(t.run.c.config).where(t.run.c.id == run_id)).scalar_one()
            db.execute(t.run.update().where(t.run.c.id == run_id).values(config=config | changes))

    def config_changes(self, run_id: int) -> list[tuple[int, dict[str, Any]]]:
        """What was changed in a run's config after which step, in the order of the changes."""
        query = sa.select(t.config_change.c.step, t.config_change.c.changes).order_by(t.config_change.c.id)
        with self._db.read() as db:
            return [tuple(row) for row in db.execute(query.where(t.config_change.c.run_id == run_id))]

    def save_checkpoint(self, run_id: int, step: int, data: bytes) -> None:
        """Keep the state of a run, in place of the one before."""
        with self._db.write() as db:
            db.execute(t.checkpoint.delete().where(t.checkpoint.c.run_id == run_id))
            db.execute(t.checkpoint.insert().values(run_id=run_id, step=step, data=data))

    def checkpoint(self, run_id: int) -> Checkpoint | None:
        """The last kept state of a run."""
        with self._db.read() as db:
            return _read_checkpoint(db, run_id)

    def saved_runs(self, lab_id: int) -> dict[int, int]:
        """The ids of a lab's runs that have a checkpoint, none of which is read, each with the step of its own."""
        query = sa.select(t.checkpoint.c["run_id", "step"]).join(t.run, t.run.c.id == t.checkpoint.c.run_id)
        with self._db.read() as db:
            return {row.run_id: row.step for row in db.execute(query.where(t.run.c.lab_id == lab_id))}

    def rewind(self, run_id: int) -> Checkpoint | None:
        """Drop the steps newer than the last checkpoint, and return it: from there the run goes on."""
        with self._db.write() as db:
            checkpoint = _read_checkpoint(db, run_id)
            step = checkpoint.step if checkpoint else 0
            db.execute(t.run_step.delete().where(t.run_step.c.run_id == run_id, t.run_step.c.step > step))
            db.execute(t.run.update().where(t.run.c.id == run_id).values(step=step))
            return checkpoint

    def delete_run(self, run_id: int) -> None:
        """Forget what a run measured, said and became, and the artifacts that no other run is made from. KeyError when
        there is none."""
        with self._db.write() as db:
            run = one_row(db, t.run.select().where(t.run.c.id == run_id), f"There is no run {run_id}.")
            for table in (t.run_step, t.config_change, t.checkpoint):
                db.execute(table.delete().where(table.c.run_id == run_id))
            others = sa.select(t.run.c.inputs).where(t.run.c.lab_id == run["lab_id"], t.run.c.id != run_id)
            shared = {artifact for inputs in db.execute(others).scalars() for artifact in _artifacts(inputs)}
            db.execute(t.artifact.delete().where(t.artifact.c.id.in_(_artifacts(run["inputs"]) - shared)))
            inputs = {name: value for name, value in run["inputs"].items() if name not in ARTIFACTS}
            gone = {"status": DELETED, "inputs": inputs, "error": None}
            db.execute(t.run.update().where(t.run.c.id == run_id).values(**gone))

    def add_artifact(self, lab_id: int, kind: str, meta: dict[str, Any], data: bytes) -> int:
        """Keep an artifact of a lab. Returns its id."""
        with self._db.write() as db:
            return insert(db, t.artifact, lab_id=lab_id, kind=kind, meta=meta, data=data)

    def artifact(self, artifact_id: int) -> Artifact:
        """An artifact by its id. KeyError when there is none."""
        with self._db.read() as db:
            query = t.artifact.select().where(t.artifact.c.id == artifact_id)
            row = one_row(db, query, f"There is no artifact {artifact_id}.")
            return Artifact(**{name: row[name] for name in Artifact.__dataclass_fields__})


def _artifacts(inputs: dict[str, Any]) -> set[int]:
    """The ids of the artifacts that a run is made from."""
    return {inputs[name] for name in ARTIFACTS if name in inputs}


def _read_checkpoint(db: sa.Connection, run_id: int) -> Checkpoint | None:
    row = db.execute(sa.select(t.checkpoint.c["step", "data"]).where(t.checkpoint.c.run_id == run_id)).one_or_none()
    return row and Checkpoint(**row._mapping)
