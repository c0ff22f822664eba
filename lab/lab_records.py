"""Labs and what belongs to a lab as a whole: which browsers know it, its constitutions, where a page was left, and what
was first done when."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lab import tables as t
from lab.label_records import close_showing, counts, of_lab, stands
from lab.records import Records, insert, now, one_row
from lab.run_records import DELETED
from rlhf_core.corpus import LANGUAGES

_of_lab = t.lab.c["id", "key", "name", "language", "created_at"]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """One person's work. `key` is unguessable: whoever knows it may open the lab."""

    id: int
    key: str
    name: str
    """What its owner calls it; "" without a name of its own."""
    language: str
    """What the model speaks now."""
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class ConstitutionRow:
    """A constitution that a lab wrote, as it was saved."""

    id: int
    language: str
    toml: str
    created_at: datetime


class LabRecords(Records):
    """Labs. A browser knows any number of them and has one open: that which it opened last."""

    def open_lab(self, browser: str, language: str) -> Lab:
        """The lab that the browser has open, or its first. `language` is what the model of a new lab speaks."""
        _check_language(language)
        with self._db.write() as db:
            row = db.execute(_known_to(browser).limit(1)).one_or_none()
            return Lab(**row._mapping) if row else give_lab(db, browser, language=language)

    def new_lab(self, browser: str, language: str, name: str = "") -> Lab:
        """An empty lab, which the browser has open from now on; those it knew before stay."""
        _check_language(language)
        with self._db.write() as db:
            return give_lab(db, browser, name=name, language=language)

    def labs(self, browser: str) -> list[Lab]:
        """The labs that a browser knows, the one it has open first."""
        with self._db.read() as db:
            return [Lab(**row._mapping) for row in db.execute(_known_to(browser))]

    def sizes(self, browser: str) -> dict[int, tuple[int, int]]:
        """How many standing labels and how many runs each lab has that a browser knows, by the lab's id."""
        known = sa.select(t.opening.c.lab_id).where(t.opening.c.browser == browser)
        given = t.event.join(t.showing, t.event.c.showing_id == t.showing.c.id).join(t.pair)
        own = (t.event.c.lab_id == t.lab.c.id, stands, counts, of_lab)
        labels = sa.select(sa.func.count()).select_from(given).where(*own)
        runs = sa.select(sa.func.count()).where(t.run.c.lab_id == t.lab.c.id, t.run.c.status != DELETED)
        query = sa.select(t.lab.c.id, labels.scalar_subquery(), runs.scalar_subquery()).where(t.lab.c.id.in_(known))
        with self._db.read() as db:
            return {lab_id: (n_labels, n_runs) for lab_id, n_labels, n_runs in db.execute(query)}

    def switch_lab(self, browser: str, lab_id: int) -> Lab:
        """Open another lab that the browser knows. KeyError if it knows no such lab."""
        known = (t.opening.c.browser == browser, t.opening.c.lab_id == lab_id)
        with self._db.write() as db:
            if not db.execute(t.opening.update().where(*known).values(opened_at=now())).rowcount:
                raise KeyError(f"This browser knows no lab {lab_id}.")
            return _lab(db, lab_id)

    def rename_lab(self, lab_id: int, name: str) -> None:
        """Call a lab something else; "" takes its name away."""
        with self._db.write() as db:
            db.execute(t.lab.update().where(t.lab.c.id == lab_id).values(name=name))

    def delete_lab(self, lab_id: int) -> None:
        """Forget a lab and all that belongs to it, for good."""
        own_runs = sa.select(t.run.c.id).where(t.run.c.lab_id == lab_id)
        with self._db.write() as db:
            db.execute(t.event.update().where(t.event.c.lab_id == lab_id).values(retracts=None))
            for table in reversed(t.tables.sorted_tables):  # what refers to others goes before them
                if "lab_id" in table.c:
                    db.execute(table.delete().where(table.c.lab_id == lab_id))
                elif "run_id" in table.c:
                    db.execute(table.delete().where(table.c.run_id.in_(own_runs)))
            db.execute(t.lab.delete().where(t.lab.c.id == lab_id))

    def lab(self, lab_id: int) -> Lab:
        """A lab by its id. KeyError when there is none."""
        with self._db.read() as db:
            return _lab(db, lab_id)

    def set_language(self, lab_id: int, language: str) -> None:
        """Let the lab's model speak a language from now on. A pair in another one that waits for an answer is put aside
        and comes again when its language does. ValueError for a language that no model speaks."""
        _check_language(language)
        others = sa.select(t.pair.c.id).where(t.pair.c.lab_id == lab_id, t.pair.c.language != language)
        with self._db.write() as db:
            _lab(db, lab_id)
            db.execute(t.lab.update().where(t.lab.c.id == lab_id).values(language=language))
            close_showing(db, lab_id, t.showing.c.pair_id.in_(others))

    # Constitutions

    def add_constitution(self, lab_id: int, language: str, toml: str) -> int:
        """Append a version of a lab's constitution. Returns its id."""
        with self._db.write() as db:
            return insert(db, t.constitution, lab_id=lab_id, language=language, toml=toml, created_at=now())

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

    # What was done

    def note_deed(self, lab_id: int, name: str) -> None:
        """Note that something was done in a lab that leaves no other trace. Only the first time counts."""
        own = (t.deed.c.lab_id == lab_id, t.deed.c.name == name)
        with self._db.write() as db:
            if db.execute(sa.select(t.deed.c.name).where(*own)).one_or_none() is None:
                db.execute(t.deed.insert().values(lab_id=lab_id, name=name, done_at=now()))

    def deeds(self, lab_id: int) -> dict[str, datetime]:
        """What was done in a lab, and when first."""
        with self._db.read() as db:
            query = sa.select(t.deed.c["name", "done_at"]).where(t.deed.c.lab_id == lab_id)
            return {row.name: row.done_at for row in db.execute(query)}


def _known_to(browser: str) -> sa.Select[Any]:
    opened = sa.select(_of_lab).join(t.opening, t.opening.c.lab_id == t.lab.c.id)
    return opened.where(t.opening.c.browser == browser).order_by(t.opening.c.opened_at.desc(), t.lab.c.id.desc())


def give_lab(
    db: sa.Connection, browser: str, *, language: str, name: str = "", created_at: datetime | None = None
) -> Lab:
    """Add an empty lab, which the browser has open from now on."""
    key, opened_at = secrets.token_urlsafe(24), now()
    lab_id = insert(db, t.lab, key=key, name=name, language=language, created_at=created_at or opened_at)
    db.execute(t.opening.insert().values(browser=browser, lab_id=lab_id, opened_at=opened_at))
    return _lab(db, lab_id)


def _lab(db: sa.Connection, lab_id: int) -> Lab:
    return Lab(**one_row(db, sa.select(_of_lab).where(t.lab.c.id == lab_id), f"There is no lab {lab_id}."))


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise ValueError(f"No model speaks the language {language!r}; choose one of {', '.join(LANGUAGES)}.")
