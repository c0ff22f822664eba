"""How a database of an older version becomes one of this version: a function from each version to the next.

Each names tables and columns as they were then, whatever they have become since.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

SCHEMA_VERSION = 6


def _note_languages(db: sa.Connection) -> None:
    """From version 1, where a lab had one language for good, to pairs and runs that have their own."""
    db.execute(sa.text("ALTER TABLE pair ADD COLUMN language VARCHAR NOT NULL DEFAULT 'en'"))
    db.execute(sa.text("UPDATE pair SET language = (SELECT language FROM lab WHERE lab.id = pair.lab_id)"))
    run = sa.table("run", sa.column("id"), sa.column("lab_id"), sa.column("inputs", sa.JSON))
    lab = sa.table("lab", sa.column("id"), sa.column("language"))
    for row in db.execute(sa.select(run.c.id, run.c.inputs, lab.c.language).where(run.c.lab_id == lab.c.id)).all():
        db.execute(run.update().where(run.c.id == row.id).values(inputs={**row.inputs, "language": row.language}))


def _add_constitutions(db: sa.Connection) -> None:
    """From version 2, which had no constitutions. The table as version 3 has it, whatever it becomes later."""
    then = sa.MetaData()
    sa.Table("lab", then, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table(
        "constitution",
        then,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("lab_id", sa.ForeignKey("lab.id"), nullable=False, index=True),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("toml", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    ).create(db)


def _add_kept(db: sa.Connection) -> None:
    """From version 3, where nothing outlived its tab but labels, constitutions and runs."""
    then = sa.MetaData()
    sa.Table("lab", then, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table(
        "kept",
        then,
        sa.Column("lab_id", sa.ForeignKey("lab.id"), primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    ).create(db)


def _many_labs_a_browser(db: sa.Connection) -> None:
    """From version 4, where a browser had one lab for good, runs were counted across labs, nothing said when a step was
    made, whose an artifact was, why a pair was shown and what its labeller had been told."""
    then = sa.MetaData()
    lab = sa.Table("lab", then, sa.Column("id", sa.Integer, primary_key=True))

    def of_lab(**options: Any) -> sa.Column[Any]:
        return sa.Column("lab_id", sa.ForeignKey("lab.id"), **{"nullable": False, "index": True, **options})

    made = [
        sa.Table(
            "opening", then, sa.Column("browser", sa.String, primary_key=True), of_lab(primary_key=True),
            sa.Column("opened_at", sa.DateTime, nullable=False),
        ),
        sa.Table(
            "deed", then, of_lab(primary_key=True), sa.Column("name", sa.String, primary_key=True),
            sa.Column("done_at", sa.DateTime, nullable=False),
        ),
        sa.Table(
            "guideline", then, sa.Column("id", sa.Integer, primary_key=True), of_lab(),
            sa.Column("question", sa.Text, nullable=False), sa.Column("text", sa.Text, nullable=False),
            sa.Column("created_at", sa.DateTime, nullable=False),
        ),
        sa.Table(
            "invitation", then, sa.Column("id", sa.Integer, primary_key=True), of_lab(),
            sa.Column("purpose", sa.String, nullable=False), sa.Column("key", sa.String, nullable=False, unique=True),
            sa.Column("open", sa.Boolean, nullable=False), sa.Column("revealed", sa.Boolean, nullable=False),
            sa.Column("created_at", sa.DateTime, nullable=False),
            sa.Index("one_invitation_a_purpose", "lab_id", "purpose", unique=True),
        ),
        sa.Table(
            "forecast", then, sa.Column("id", sa.Integer, primary_key=True), of_lab(),
            sa.Column("participant", sa.String, nullable=False), sa.Column("name", sa.String, nullable=False),
            sa.Column("curves", sa.JSON, nullable=False), sa.Column("given_at", sa.DateTime, nullable=False),
        ),
    ]  # fmt: skip
    for table in made:
        table.create(db)
    for column in (
        "pair ADD COLUMN why VARCHAR NOT NULL DEFAULT 'random'",
        "pair ADD COLUMN repeat_of INTEGER REFERENCES pair (id)",
        "event ADD COLUMN guideline INTEGER",
    ):
        db.execute(sa.text(f"ALTER TABLE {column}"))
    db.execute(sa.text("UPDATE event SET guideline = 0 WHERE kind = 'label'"))
    opened = sa.text("INSERT INTO opening (browser, lab_id, opened_at) SELECT browser, id, :now FROM lab")
    db.execute(opened, {"now": datetime.now(UTC).replace(tzinfo=None)})
    db.execute(sa.text("ALTER TABLE run_step ADD COLUMN at TIMESTAMP"))
    db.execute(sa.text("ALTER TABLE run ADD COLUMN number INTEGER NOT NULL DEFAULT 0"))
    earlier = "SELECT COUNT(*) FROM run AS other WHERE other.lab_id = run.lab_id AND other.id <= run.id"
    db.execute(sa.text(f"UPDATE run SET number = ({earlier})"))
    db.execute(sa.text("CREATE UNIQUE INDEX one_number_a_run ON run (lab_id, number)"))
    _give_artifacts_labs(db)
    db.execute(sa.text("UPDATE event SET strength = 0 WHERE strength = 1"))  # nobody was asked for it
    db.execute(sa.text("ALTER TABLE lab ADD COLUMN name VARCHAR NOT NULL DEFAULT ''"))
    _drop_column(db, lab, "browser", [
        sa.Column("id", sa.Integer, primary_key=True), sa.Column("key", sa.String, nullable=False, unique=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("language", sa.String, nullable=False), sa.Column("created_at", sa.DateTime, nullable=False),
    ])  # fmt: skip


def _give_artifacts_labs(db: sa.Connection) -> None:
    """An artifact belongs to the lab of the run that was made from it; what no run was made from, goes."""
    db.execute(sa.text("ALTER TABLE artifact ADD COLUMN lab_id INTEGER REFERENCES lab (id)"))
    run = sa.table("run", sa.column("lab_id"), sa.column("inputs", sa.JSON))
    artifact = sa.table("artifact", sa.column("id"), sa.column("lab_id"))
    for row in db.execute(sa.select(run.c.lab_id, run.c.inputs)).all():
        for made_from in filter(None, map(row.inputs.get, ("reward_model", "start_policy"))):
            db.execute(artifact.update().where(artifact.c.id == made_from).values(lab_id=row.lab_id))
    db.execute(artifact.delete().where(artifact.c.lab_id.is_(None)))
    db.execute(sa.text("CREATE INDEX ix_artifact_lab_id ON artifact (lab_id)"))


def _drop_column(db: sa.Connection, table: sa.Table, dropped: str, after: list[sa.Column[Any]]) -> None:
    """A table with the columns `after` and without one that it had. SQLite drops no column that is unique, so there a
    new table takes the old one's place, as its documentation of ALTER TABLE has it."""
    if db.dialect.name != "sqlite":
        db.execute(sa.text(f"ALTER TABLE {table.name} DROP COLUMN {dropped}"))
        return
    sa.Table(f"new_{table.name}", sa.MetaData(), *after).create(db)
    kept = ", ".join(column.name for column in after)
    db.execute(sa.text(f"INSERT INTO new_{table.name} ({kept}) SELECT {kept} FROM {table.name}"))
    db.execute(sa.text(f"DROP TABLE {table.name}"))
    db.execute(sa.text(f"ALTER TABLE new_{table.name} RENAME TO {table.name}"))


def _many_labellers_a_lab(db: sa.Connection) -> None:
    """From version 5, where a lab put one pair at a time before whoever had it open."""
    db.execute(sa.text("ALTER TABLE showing ADD COLUMN labeler VARCHAR NOT NULL DEFAULT 'you'"))
    who = "SELECT labeler FROM event WHERE showing_id = showing.id"
    db.execute(sa.text(f"UPDATE showing SET labeler = COALESCE(({who}), labeler)"))
    db.execute(sa.text("DROP INDEX one_open_showing"))
    open_ones = "open IS 1" if db.dialect.name == "sqlite" else "open IS true"
    db.execute(sa.text(f"CREATE UNIQUE INDEX one_open_showing ON showing (lab_id, labeler) WHERE {open_ones}"))
    then = sa.MetaData()
    sa.Table("lab", then, sa.Column("id", sa.Integer, primary_key=True))

    def of(table: str) -> sa.Column[Any]:
        return sa.Column(f"{table}_id", sa.ForeignKey(f"{table}.id"), nullable=False, index=True)

    made = [
        sa.Table(
            "member", then, sa.Column("id", sa.Integer, primary_key=True), of("lab"),
            sa.Column("participant", sa.String, nullable=False), sa.Column("name", sa.String, nullable=False),
            sa.Column("group", sa.Integer, nullable=False), sa.Column("muted", sa.Boolean, nullable=False),
            sa.Column("joined_at", sa.DateTime, nullable=False),
            sa.Index("one_member_a_participant", "lab_id", "participant", unique=True),
            sa.Index("one_name_a_member", "lab_id", "name", unique=True),
        ),
        sa.Table(
            "mission", then, sa.Column("id", sa.Integer, primary_key=True), of("lab"),
            sa.Column("language", sa.String, nullable=False), sa.Column("briefs", sa.JSON, nullable=False),
            sa.Column("revealed", sa.Boolean, nullable=False), sa.Column("begun_at", sa.DateTime, nullable=False),
        ),
        sa.Table(
            "mission_guess", then, sa.Column("id", sa.Integer, primary_key=True), of("lab"), of("mission"),
            sa.Column("guesser", sa.Integer, nullable=False), sa.Column("about", sa.Integer, nullable=False),
            sa.Column("brief", sa.JSON, nullable=False), sa.Column("given_at", sa.DateTime, nullable=False),
        ),
    ]  # fmt: skip
    for table in made:
        table.create(db)


MIGRATIONS: dict[int, Callable[[sa.Connection], None]] = {
    1: _note_languages,
    2: _add_constitutions,
    3: _add_kept,
    4: _many_labs_a_browser,
    5: _many_labellers_a_lab,
}
"""From a schema version to the next: a function that changes the tables, run inside one transaction."""
