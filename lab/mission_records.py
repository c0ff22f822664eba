"""Missions: who got which brief, and what the groups guess of each other. Guesses are appended, and the last counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from lab import tables as t
from lab.label_records import MISSION, NewPair, close_showing
from lab.records import Records, insert, now

MOST_GROUPS = 6


@dataclass(frozen=True, kw_only=True)
class Mission:
    """A mission as it stands. Groups count from 1."""

    id: int
    lab_id: int
    number: int
    """Within its lab, from 1."""
    language: str
    briefs: tuple[str, ...]
    """By group: the first group's first."""
    revealed: bool
    begun_at: datetime

    @property
    def groups(self) -> range:
        return range(1, len(self.briefs) + 1)

    def why(self, group: int) -> str:
        """What the pairs of a group were chosen for."""
        return f"{MISSION}:{self.number}:{group}"


def labeler(group: int) -> str:
    """Under which name a group labels."""
    return f"group-{group}"


_earlier = t.mission.alias("earlier")
_number = (
    sa.select(sa.func.count())
    .where(_earlier.c.lab_id == t.mission.c.lab_id, _earlier.c.id <= t.mission.c.id)
    .scalar_subquery()
    .label("number")
)
_query = sa.select(t.mission, _number)


class MissionRecords(Records):
    """The missions of labs."""

    def begin_mission(self, lab_id: int, language: str, briefs: Sequence[str], pairs: Sequence[NewPair]) -> Mission:
        """Begin a mission in which every group labels these pairs. What groups of an earlier one had before them is
        put aside."""
        with self._db.write() as db:
            values = {"language": language, "briefs": list(briefs), "revealed": False, "begun_at": now()}
            made = insert(db, t.mission, lab_id=lab_id, **values)
            mission = _mission(db.execute(_query.where(t.mission.c.id == made)).one())
            names = [labeler(group) for group in range(1, MOST_GROUPS + 1)]
            close_showing(db, lab_id, t.showing.c.labeler.in_(names))
            for group in mission.groups:
                own = [replace(pair, why=mission.why(group)) for pair in pairs]
                db.execute(t.pair.insert(), [{"lab_id": lab_id, **vars(pair)} for pair in own])
            return mission

    def mission(self, lab_id: int, language: str) -> Mission | None:
        """The newest mission of a lab in a language."""
        own = (t.mission.c.lab_id == lab_id, t.mission.c.language == language)
        with self._db.read() as db:
            row = db.execute(_query.where(*own).order_by(t.mission.c.id.desc()).limit(1)).one_or_none()
            return row and _mission(row)

    def reveal_mission(self, mission_id: int) -> None:
        """From now on everybody may see the briefs and the guesses, and nobody guesses any more."""
        with self._db.write() as db:
            db.execute(t.mission.update().where(t.mission.c.id == mission_id).values(revealed=True))

    def add_mission_guess(self, mission_id: int, guesser: int, about: int, brief: str) -> bool:
        """Append what one group guesses of another. False, and nothing is kept, once the mission is revealed."""
        with self._db.write() as db:
            row = db.execute(t.mission.select().where(t.mission.c.id == mission_id)).one()
            if not row.revealed:
                values = {"guesser": guesser, "about": about, "brief": brief, "given_at": now()}
                insert(db, t.mission_guess, lab_id=row.lab_id, mission_id=mission_id, **values)
            return not row.revealed

    def mission_guesses(self, mission_id: int) -> dict[tuple[int, int], str]:
        """What each group guesses last of each other one, by (guesser, about)."""
        of_mission = t.mission_guess.c.mission_id == mission_id
        query = t.mission_guess.select().where(of_mission).order_by(t.mission_guess.c.id)
        with self._db.read() as db:
            return {(row.guesser, row.about): row.brief for row in db.execute(query)}


def _mission(row: sa.Row[tuple[object, ...]]) -> Mission:
    return Mission(**dict(row._mapping) | {"briefs": tuple(row.briefs)})
