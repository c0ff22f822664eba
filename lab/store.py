"""What the app remembers: labs, pairs, showings, label events, constitutions, runs, checkpoints, artifacts, and where a
page was left.

Labels are events: a label and the undoing of one are appended and never rewritten, so whatever was
acknowledged can be read back for ever. A lab's model speaks one language at a time; pairs, labels and runs keep the one
they were made in, and wait when the lab changes to another. Every method is one transaction and may be called from any
thread.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import func

from lab import tables as t
from lab.database import Database
from lab.database import StoreError as StoreError
from rlhf_core.corpus import LANGUAGES

UNFINISHED = ("running", "queued")
SOURCES = ("human", "simulated", "both")


@dataclass(frozen=True, kw_only=True)
class Lab:
    """One person's work. `key` is unguessable: whoever knows it may open the lab."""

    id: int
    key: str
    language: str
    """What the model speaks now."""
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class NewPair:
    """Two answers to one prompt, before they are stored."""

    language: str
    prompt: str
    response_a: str
    response_b: str
    policy_id: str


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A pair as it was put before someone: which side was left, and the reward model's guess of the answer."""

    id: str
    lab_id: int
    pair_id: int
    language: str
    prompt: str
    response_a: str
    response_b: str
    policy_id: str
    shown_left: str
    guess: float | None
    shown_at: datetime
    open: bool


@dataclass(frozen=True, kw_only=True)
class Label:
    """An answer to a showing, with the pair it is about."""

    event_id: int
    showing_id: str
    pair_id: int
    language: str
    prompt: str
    response_a: str
    response_b: str
    policy_id: str
    shown_left: str
    guess: float | None
    choice: str
    strength: int
    rationale: str
    labeler: str
    labeler_kind: str
    answered_at: datetime


@dataclass(frozen=True, kw_only=True)
class ConstitutionRow:
    """A constitution that a lab wrote, as it was saved."""

    id: int
    language: str
    toml: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Run:
    """A training run. `config` is what its next step uses, every change of `Store.config_changes` made; what it was
    made from, the language of its model among it, are its `inputs`."""

    id: int
    lab_id: int
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


_undo = t.event.alias("undo")
_stands = ~sa.exists().where(_undo.c.retracts == t.event.c.id)  # a label that nobody took back
_label_query = (
    sa.select(
        t.event.c.id.label("event_id"),
        t.event.c["showing_id", "choice", "strength", "rationale", "labeler", "labeler_kind", "answered_at"],
        t.showing.c["pair_id", "shown_left", "guess"],
        t.pair.c["language", "prompt", "response_a", "response_b", "policy_id"],
    )
    .select_from(t.event.join(t.showing, t.event.c.showing_id == t.showing.c.id).join(t.pair))
    .order_by(t.event.c.id)
)
_answered = (  # of a pair: it has a label that stands
    sa.exists()
    .select_from(t.showing.join(t.event, t.event.c.showing_id == t.showing.c.id))
    .where(t.showing.c.pair_id == t.pair.c.id, _stands)
)
_spoken = t.pair.c.language == sa.select(t.lab.c.language).where(t.lab.c.id == t.pair.c.lab_id).scalar_subquery()
"""Of a pair: it is in the language that its lab's model speaks now."""
_shown_query = sa.select(t.showing, t.pair.c["language", "prompt", "response_a", "response_b", "policy_id"]).join_from(
    t.showing, t.pair
)


class Store:
    """All that the app keeps. url: a SQLAlchemy URL; see `Database`."""

    def __init__(self, url: str | None = None) -> None:
        self._db = Database(url)

    def claim(self) -> None:
        """Be the only process that trains with this database. StoreError if another one does."""
        self._db.claim()

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    # Labs

    def open_lab(self, browser: str, language: str) -> Lab:
        """The browser's own lab, found or made. `language` is what the model of a new lab speaks."""
        _check_language(language)
        query = sa.select(t.lab.c["id", "key", "language", "created_at"]).where(t.lab.c.browser == browser)
        with self._db.write() as db:
            if (row := db.execute(query).one_or_none()) is None:
                key = secrets.token_urlsafe(24)
                db.execute(t.lab.insert().values(key=key, browser=browser, language=language, created_at=now()))
                row = db.execute(query).one()
            return Lab(**row._mapping)

    def lab(self, lab_id: int) -> Lab:
        """A lab by its id. KeyError when there is none."""
        query = sa.select(t.lab.c["id", "key", "language", "created_at"]).where(t.lab.c.id == lab_id)
        with self._db.read() as db:
            return Lab(**_row(db, query, f"There is no lab {lab_id}."))

    def set_language(self, lab_id: int, language: str) -> None:
        """Let the lab's model speak a language from now on. A pair in another one that waits for an answer is put aside
        and comes again when its language does. ValueError for a language that no model speaks."""
        _check_language(language)
        others = sa.select(t.pair.c.id).where(t.pair.c.lab_id == lab_id, t.pair.c.language != language)
        with self._db.write() as db:
            _row(db, sa.select(t.lab.c.id).where(t.lab.c.id == lab_id), f"There is no lab {lab_id}.")
            db.execute(t.lab.update().where(t.lab.c.id == lab_id).values(language=language))
            _close_showing(db, lab_id, t.showing.c.pair_id.in_(others))

    # Pairs, showings and label events

    def add_pair(self, lab_id: int, pair: NewPair) -> int:
        """Keep a pair to be shown. Returns its id."""
        with self._db.write() as db:
            return _insert(db, t.pair, lab_id=lab_id, **vars(pair))

    def next_pair(self, lab_id: int, language: str) -> tuple[int, NewPair] | None:
        """The oldest pair of a language without a standing answer: a new one, one whose answer was taken back, or one
        that was put aside."""
        of_language = (t.pair.c.lab_id == lab_id, t.pair.c.language == language)
        query = sa.select(t.pair).where(*of_language, ~_answered).order_by(t.pair.c.id).limit(1)
        with self._db.read() as db:
            row = db.execute(query).mappings().one_or_none()
        return row and (row["id"], NewPair(**{k: row[k] for k in NewPair.__dataclass_fields__}))

    def open_showing(self, lab_id: int) -> Shown | None:
        """The pair that the lab waits to have answered."""
        with self._db.read() as db:
            return _open_showing(db, lab_id)

    def showing(self, showing_id: str) -> Shown | None:
        """A showing by its id."""
        with self._db.read() as db:
            row = db.execute(_shown_query.where(t.showing.c.id == showing_id)).one_or_none()
            return row and Shown(**row._mapping)

    def show(self, lab_id: int, pair_id: int, *, shown_left: str, guess: float | None, at: datetime) -> Shown | None:
        """Put a pair before the lab, with the guess made of it. Returns what the lab has before it now: another
        pair if another thread was first, None if that thread had this pair answered as well, or changed the lab's
        language."""
        unanswered = sa.select(t.pair.c.id).where(t.pair.c.id == pair_id, ~_answered, _spoken)
        with self._db.write() as db:
            if (before := _open_showing(db, lab_id)) or not db.execute(unanswered).one_or_none():
                return before
            _add_showing(db, lab_id, pair_id, shown_left=shown_left, guess=guess, shown_at=at, open=True)
            return _open_showing(db, lab_id)

    def answer(
        self,
        showing_id: str,
        *,
        choice: str,
        strength: int,
        rationale: str,
        labeler: str,
        answered_at: datetime,
    ) -> Label | None:
        """Append a person's answer and close the showing. A second answer changes nothing: the first is
        returned. None when the showing was closed without an answer."""
        with self._db.write() as db:
            row = db.execute(t.showing.select().where(t.showing.c.id == showing_id)).one()
            if row.open:
                _close_showing(db, row.lab_id)
                said = {"choice": choice, "strength": strength, "rationale": rationale, "labeler": labeler}
                _add_label(db, row.lab_id, showing_id, labeler_kind="human", answered_at=answered_at, **said)
            found = db.execute(_label_query.where(t.event.c.showing_id == showing_id)).one_or_none()
            return found and Label(**found._mapping)

    def add_simulated(self, lab_id: int, labels: Sequence[tuple[NewPair, str]], *, labeler: str, at: datetime) -> None:
        """Append pairs together with the choices that a simulated annotator made on them, all or none."""
        with self._db.write() as db:
            for pair, choice in labels:
                pair_id = _insert(db, t.pair, lab_id=lab_id, **vars(pair))
                showing_id = _add_showing(db, lab_id, pair_id, shown_left="a", guess=None, shown_at=at, open=False)
                said = {"choice": choice, "strength": 1, "rationale": "", "labeler": labeler}
                _add_label(db, lab_id, showing_id, labeler_kind="simulated", answered_at=at, **said)

    def undo(self, lab_id: int, *, labeler: str, at: datetime) -> bool:
        """Take back the last standing answer of a person in the lab's language. False when there is none."""
        of_person = (t.event.c.lab_id == lab_id, t.event.c.kind == "label", t.event.c.labeler_kind == "human")
        of_label = t.event.join(t.showing, t.event.c.showing_id == t.showing.c.id).join(t.pair)
        last = sa.select(func.max(t.event.c.id)).select_from(of_label).where(*of_person, _stands, _spoken)
        with self._db.write() as db:
            if (retracts := db.execute(last).scalar()) is None:
                return False
            _close_showing(db, lab_id)
            values = {"labeler": labeler, "labeler_kind": "human", "answered_at": at, "retracts": retracts}
            _insert(db, t.event, lab_id=lab_id, kind="undo", **values)
            return True

    def last_undo_at(self, lab_id: int) -> datetime | None:
        """When an answer was last taken back."""
        with self._db.read() as db:
            undone = (t.event.c.lab_id == lab_id, t.event.c.kind == "undo")
            return db.execute(sa.select(func.max(t.event.c.answered_at)).where(*undone)).scalar()

    def labels(self, lab_id: int, source: str = "both", language: str | None = None) -> list[Label]:
        """The standing labels of a lab, oldest first, of people, of simulated annotators or of both: those in a
        language, by default in the one that its model speaks now."""
        if source not in SOURCES:
            raise ValueError(f"There is no label source {source!r}; choose one of {', '.join(SOURCES)}.")
        in_language = _spoken if language is None else t.pair.c.language == language
        query = _label_query.where(t.event.c.lab_id == lab_id, _stands, in_language)
        if source != "both":
            query = query.where(t.event.c.labeler_kind == source)
        with self._db.read() as db:
            return [Label(**row._mapping) for row in db.execute(query)]

    # Constitutions

    def add_constitution(self, lab_id: int, language: str, toml: str) -> int:
        """Append a version of a lab's constitution. Returns its id."""
        with self._db.write() as db:
            return _insert(db, t.constitution, lab_id=lab_id, language=language, toml=toml, created_at=now())

    def constitutions(self, lab_id: int, language: str) -> list[ConstitutionRow]:
        """Every version that a lab has written in a language, oldest first."""
        query = sa.select(t.constitution.c["id", "language", "toml", "created_at"]).order_by(t.constitution.c.id)
        with self._db.read() as db:
            own = query.where(t.constitution.c.lab_id == lab_id, t.constitution.c.language == language)
            return [ConstitutionRow(**row._mapping) for row in db.execute(own)]

    # Where a page was left

    def keep(self, lab_id: int, name: str, value: Any) -> None:
        """Keep a plain value for a lab under a name, in place of what was there."""
        own = (t.kept.c.lab_id == lab_id, t.kept.c.name == name)
        with self._db.write() as db:
            if not db.execute(t.kept.update().where(*own).values(value=value)).rowcount:
                db.execute(t.kept.insert().values(lab_id=lab_id, name=name, value=value))

    def kept(self, lab_id: int, name: str) -> Any:
        """What a lab keeps under a name; None if nothing."""
        query = sa.select(t.kept.c.value).where(t.kept.c.lab_id == lab_id, t.kept.c.name == name)
        with self._db.read() as db:
            return db.execute(query).scalar_one_or_none()

    # Runs

    def add_run(self, lab_id: int, *, config: dict[str, Any], **values: Any) -> int:
        """Keep a run that has not begun: config, stage, inputs, seed, status and pace. Returns its id."""
        with self._db.write() as db:
            values |= {"lab_id": lab_id, "initial_config": config, "config": config}
            return _insert(db, t.run, **values, step=0, created_at=now())

    def run(self, run_id: int) -> Run:
        """A run by its id. KeyError when there is none."""
        with self._db.read() as db:
            return Run(**_row(db, t.run.select().where(t.run.c.id == run_id), f"There is no run {run_id}."))

    def runs(self, lab_id: int, stage: str | None = None, language: str | None = None) -> list[Run]:
        """The runs of a lab, newest first: of one stage, of a model of one language, or all."""
        query = t.run.select().where(t.run.c.lab_id == lab_id).order_by(t.run.c.id.desc())
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
            db.execute(t.run_step.insert().values(run_id=run_id, step=step, metrics=metrics, samples=samples))
            db.execute(t.run.update().where(t.run.c.id == run_id).values(step=step))

    def metrics(self, run_id: int, since: int = -1) -> list[dict[str, Any]]:
        """What the steps after `since` measured, in order; each has "step"."""
        query = sa.select(t.run_step.c.step, t.run_step.c.metrics).order_by(t.run_step.c.step)
        with self._db.read() as db:
            rows = db.execute(query.where(t.run_step.c.run_id == run_id, t.run_step.c.step > since))
            return [{**row.metrics, "step": row.step} for row in rows]

    def run_samples(self, run_id: int) -> dict[str, Any] | None:
        """The latest samples of a run."""
        kept = (t.run_step.c.run_id == run_id, t.run_step.c.samples.is_not(None))
        query = sa.select(t.run_step.c.samples).where(*kept).order_by(t.run_step.c.step.desc()).limit(1)
        with self._db.read() as db:
            return db.execute(query).scalar_one_or_none()

    def add_config_change(self, run_id: int, step: int, changes: dict[str, Any]) -> None:
        """Note that `changes` act on every step after `step`."""
        with self._db.write() as db:
            _insert(db, t.config_change, run_id=run_id, step=step, changes=changes)
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

    def saved_runs(self, lab_id: int) -> set[int]:
        """The ids of a lab's runs that have a checkpoint, none of which is read."""
        query = sa.select(t.checkpoint.c.run_id).join(t.run, t.run.c.id == t.checkpoint.c.run_id)
        with self._db.read() as db:
            return set(db.execute(query.where(t.run.c.lab_id == lab_id)).scalars())

    def rewind(self, run_id: int) -> Checkpoint | None:
        """Drop the steps newer than the last checkpoint, and return it: from there the run goes on."""
        with self._db.write() as db:
            checkpoint = _read_checkpoint(db, run_id)
            step = checkpoint.step if checkpoint else 0
            db.execute(t.run_step.delete().where(t.run_step.c.run_id == run_id, t.run_step.c.step > step))
            db.execute(t.run.update().where(t.run.c.id == run_id).values(step=step))
            return checkpoint

    # Artifacts

    def add_artifact(self, kind: str, meta: dict[str, Any], data: bytes) -> int:
        """Keep an artifact. Returns its id."""
        with self._db.write() as db:
            return _insert(db, t.artifact, kind=kind, meta=meta, data=data)

    def artifact(self, artifact_id: int) -> Artifact:
        """An artifact by its id. KeyError when there is none."""
        with self._db.read() as db:
            query = t.artifact.select().where(t.artifact.c.id == artifact_id)
            return Artifact(**_row(db, query, f"There is no artifact {artifact_id}."))


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise ValueError(f"No model speaks the language {language!r}; choose one of {', '.join(LANGUAGES)}.")


def _row(db: sa.Connection, query: sa.Select[Any], none: str) -> sa.RowMapping:
    row = db.execute(query).mappings().one_or_none()
    if row is None:
        raise KeyError(none)
    return row


def _insert(db: sa.Connection, table: sa.Table, **values: Any) -> int:
    return db.execute(table.insert().values(**values)).inserted_primary_key[0]


def _add_showing(db: sa.Connection, lab_id: int, pair_id: int, **values: Any) -> str:
    showing_id = secrets.token_hex(8)
    db.execute(t.showing.insert().values(id=showing_id, lab_id=lab_id, pair_id=pair_id, **values))
    return showing_id


def _close_showing(db: sa.Connection, lab_id: int, *only: sa.ColumnElement[bool]) -> None:
    db.execute(t.showing.update().where(t.showing.c.lab_id == lab_id, t.one_open, *only).values(open=False))


def _add_label(db: sa.Connection, lab_id: int, showing_id: str, **values: Any) -> None:
    _insert(db, t.event, lab_id=lab_id, kind="label", showing_id=showing_id, **values)


def _open_showing(db: sa.Connection, lab_id: int) -> Shown | None:
    row = db.execute(_shown_query.where(t.showing.c.lab_id == lab_id, t.one_open)).one_or_none()
    return row and Shown(**row._mapping)


def _read_checkpoint(db: sa.Connection, run_id: int) -> Checkpoint | None:
    row = db.execute(sa.select(t.checkpoint.c["step", "data"]).where(t.checkpoint.c.run_id == run_id)).one_or_none()
    return row and Checkpoint(**row._mapping)
