"""What a lab asks of its labellers: the question and the guideline. Versions are appended, never rewritten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from lab import tables as t
from lab.records import Records, insert, now

QUESTION_LENGTH, TEXT_LENGTH = 200, 2000
"""The longest that are kept, in characters."""


@dataclass(frozen=True, kw_only=True)
class Guideline:
    """A version that a lab wrote. "" stands for what ships."""

    version: int
    """From 1; 0 is the one that ships."""
    question: str
    text: str
    created_at: datetime


class GuidelineRecords(Records):
    """The guidelines of labs."""

    def add_guideline(self, lab_id: int, question: str, text: str) -> int:
        """Append a version; "" stands for what ships. Returns its number. ValueError if it is too long."""
        for name, value, most in (("question", question, QUESTION_LENGTH), ("guideline", text, TEXT_LENGTH)):
            if len(value) > most:
                raise ValueError(f"The {name} may have {most} characters, not {len(value)}.")
        with self._db.write() as db:
            insert(db, t.guideline, lab_id=lab_id, question=question, text=text, created_at=now())
            return db.execute(sa.select(sa.func.count()).where(t.guideline.c.lab_id == lab_id)).scalar_one()

    def guideline(self, lab_id: int) -> Guideline | None:
        """The newest version; None while the one that ships is asked."""
        of_lab = t.guideline.c.lab_id == lab_id
        version = sa.select(sa.func.count()).where(of_lab).scalar_subquery().label("version")
        newest = sa.select(version, t.guideline.c["question", "text", "created_at"]).where(of_lab)
        with self._db.read() as db:
            row = db.execute(newest.order_by(t.guideline.c.id.desc()).limit(1)).one_or_none()
            return row and Guideline(**row._mapping)
