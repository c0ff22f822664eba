"""The tables of the database, version 6 of the schema. A change here needs a new version and a migration."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class _Time(sa.TypeDecorator[datetime]):
    """Points in time, kept as UTC because SQLite forgets time zones."""

    impl = sa.DateTime
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


def _reference(column: str, **options: Any) -> sa.Column[Any]:
    """A column that names a row of another table: `lab_id` for "lab.id"."""
    name = column.replace(".", "_")
    return sa.Column(name, sa.ForeignKey(column), **{"nullable": False, "index": True, **options})


tables = sa.MetaData()
schema = sa.Table("schema", tables, sa.Column("version", sa.Integer, nullable=False))
lab = sa.Table(
    "lab",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String, nullable=False, unique=True),
    sa.Column("name", sa.String, nullable=False),  # what its owner calls it; "" without a name of its own
    sa.Column("language", sa.String, nullable=False),  # what its model speaks now
    sa.Column("created_at", _Time, nullable=False),
)
opening = sa.Table(  # which browsers know a lab; the one opened last is the one that a browser has open
    "opening",
    tables,
    sa.Column("browser", sa.String, primary_key=True),
    _reference("lab.id", primary_key=True),
    sa.Column("opened_at", _Time, nullable=False),
)
pair = sa.Table(
    "pair",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("lab.id"),
    sa.Column("language", sa.String, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("response_a", sa.Text, nullable=False),
    sa.Column("response_b", sa.Text, nullable=False),
    sa.Column("policy_id", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),  # it was chosen, see `lab.deck`
    sa.Column("repeat_of", sa.ForeignKey("pair.id")),  # the pair whose answers it shows again, sides exchanged
)
showing = sa.Table(
    "showing",
    tables,
    sa.Column("id", sa.String, primary_key=True),
    _reference("lab.id"),
    _reference("pair.id"),
    sa.Column("labeler", sa.String, nullable=False),  # before whom it was put
    sa.Column("shown_left", sa.String, nullable=False),
    sa.Column("guess", sa.Float),
    sa.Column("shown_at", _Time, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
)
# Two tabs or two clicks at once cannot put two pairs before a labeller.
one_open = showing.c.open.is_(sa.true())
_labeller = (showing.c.lab_id, showing.c.labeler)
sa.Index("one_open_showing", *_labeller, unique=True, sqlite_where=one_open, postgresql_where=one_open)
event = sa.Table(
    "event",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("lab.id"),
    sa.Column("kind", sa.String, nullable=False),  # label or undo
    _reference("showing.id", nullable=True, unique=True),  # of a label: one answer per showing
    sa.Column("retracts", sa.ForeignKey("event.id"), unique=True),  # of an undo
    sa.Column("choice", sa.String),
    sa.Column("strength", sa.Integer),
    sa.Column("rationale", sa.Text),
    sa.Column("guideline", sa.Integer),  # the version that a label was given under; 0 is the one that ships
    sa.Column("labeler", sa.String, nullable=False),
    sa.Column("labeler_kind", sa.String, nullable=False),
    sa.Column("answered_at", _Time, nullable=False),
)
run = sa.Table(
    "run",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("lab.id"),
    sa.Column("number", sa.Integer, nullable=False),  # within its lab, from 1: what pages call it
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("initial_config", sa.JSON, nullable=False),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("pace", sa.Float),
    sa.Column("error", sa.Text),
    sa.Column("created_at", _Time, nullable=False),
)
sa.Index("one_number_a_run", run.c.lab_id, run.c.number, unique=True)
run_step = sa.Table(
    "run_step",
    tables,
    _reference("run.id", primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", _Time),  # when it was made; steps older than version 5 do not say
    sa.Column("metrics", sa.JSON, nullable=False),
    sa.Column("samples", sa.JSON(none_as_null=True)),
)
config_change = sa.Table(
    "config_change",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("run.id"),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("changes", sa.JSON, nullable=False),
)
checkpoint = sa.Table(
    "checkpoint",
    tables,
    _reference("run.id", primary_key=True),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
constitution = sa.Table(
    "constitution",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("lab.id"),
    sa.Column("language", sa.String, nullable=False),
    sa.Column("toml", sa.Text, nullable=False),
    sa.Column("created_at", _Time, nullable=False),
)
guideline = sa.Table(  # what a lab asks of its labellers; versions count from 1
    "guideline",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("lab.id"),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", _Time, nullable=False),
)
kept = sa.Table(
    "kept",
    tables,
    _reference("lab.id", primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
)
artifact = sa.Table(
    "artifact",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("lab.id"),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("meta", sa.JSON, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
deed = sa.Table(  # what was done in a lab and left no other trace, when it was first done
    "deed",
    tables,
    _reference("lab.id", primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("done_at", _Time, nullable=False),
)
invitation = sa.Table(  # an address that lets others into a lab for one purpose and for nothing else
    "invitation",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("lab.id"),
    sa.Column("purpose", sa.String, nullable=False),  # forecast or label
    sa.Column("key", sa.String, nullable=False, unique=True),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("revealed", sa.Boolean, nullable=False),  # until then nobody sees what others gave
    sa.Column("created_at", _Time, nullable=False),
)
sa.Index("one_invitation_a_purpose", invitation.c.lab_id, invitation.c.purpose, unique=True)
member = sa.Table(  # who labels in a lab by its join address
    "member",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("lab.id"),
    sa.Column("participant", sa.String, nullable=False),  # a browser and whose turn it is at it, hashed
    sa.Column("name", sa.String, nullable=False),  # the labeller of their labels
    sa.Column("group", sa.Integer, nullable=False),  # counted from 1; 0 is in none
    sa.Column("muted", sa.Boolean, nullable=False),  # their labels teach nothing and count for nothing
    sa.Column("joined_at", _Time, nullable=False),
)
sa.Index("one_member_a_participant", member.c.lab_id, member.c.participant, unique=True)
sa.Index("one_name_a_member", member.c.lab_id, member.c.name, unique=True)
mission = sa.Table(  # groups that label to briefs which they keep secret
    "mission",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("lab.id"),
    sa.Column("language", sa.String, nullable=False),
    sa.Column("briefs", sa.JSON, nullable=False),  # by group
    sa.Column("revealed", sa.Boolean, nullable=False),
    sa.Column("begun_at", _Time, nullable=False),
)
mission_guess = sa.Table(  # appended; what one group guesses of another last counts
    "mission_guess",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("lab.id"),
    _reference("mission.id"),
    sa.Column("guesser", sa.Integer, nullable=False),  # a group
    sa.Column("about", sa.Integer, nullable=False),  # another
    sa.Column("brief", sa.JSON, nullable=False),
    sa.Column("given_at", _Time, nullable=False),
)
forecast = sa.Table(  # appended; a participant's newest counts
    "forecast",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    _reference("lab.id"),
    sa.Column("participant", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("curves", sa.JSON, nullable=False),
    sa.Column("given_at", _Time, nullable=False),
)
