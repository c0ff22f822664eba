"""A lab as one file: taken away, opened on another machine, or copied beside itself.

The file is a zip archive. `lab.json` says what it is and holds every row of the lab by table (`lab.tables`), with times
in ISO 8601; bytes, such as checkpoints and reward models, are files of their own, named in their rows. Ids hold within
the file only: opening it gives new ones.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from lab import forecasts, stages, states
from lab import tables as t
from lab.copy_records import COPIED, Rows
from lab.jobs import JobSpec
from lab.label_records import CHOICES
from lab.migrations import SCHEMA_VERSION
from lab.store import DELETED, Lab, Store
from rlhf_core.constitution import ConstitutionError, parse
from rlhf_core.corpus import LANGUAGES

FORMAT = "rlhf-lab"
TAKEN_AWAY = "downloaded"
"""The deed of it."""
CONTENT = "lab.json"
MOST_BYTES = 100 * 2**20
"""Of a file that is opened."""
MOST_UNPACKED = 400 * 2**20
"""Of all that is packed in it."""
LONGEST_NAME = 60
"""Characters that a lab is called."""
LONGEST_REASON = 300
"""Characters of why a file is refused, which may quote a value that goes on for ever."""
STATUSES = ("running", "queued", "paused", "stopped", "finished", "failed", DELETED)


class LabFileError(ValueError):
    """A file that is no lab, or no whole one; str() says why. reason: a word for it, see `ui/locales`, whose sentence
    has the slots."""

    def __init__(self, reason: str, sentence: str, **slots: object) -> None:
        super().__init__(sentence)
        self.reason, self.slots = reason, slots


def pack(store: Store, lab_id: int) -> bytes:
    """A lab as the bytes of a file."""
    lab, rows = store.copy_out(lab_id)
    about = {"name": lab.name, "language": lab.language, "created_at": lab.created_at.isoformat()}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        tables = {table.name: [_plain(archive, table, row) for row in rows[table.name]] for table in COPIED}
        content = {"format": FORMAT, "version": SCHEMA_VERSION, "lab": about, "tables": tables}
        archive.writestr(CONTENT, json.dumps(content, ensure_ascii=False, indent=1))
    return made.getvalue()


def unpack(store: Store, browser: str, data: bytes) -> Lab:
    """Make a new lab of a file, which the browser has open from now on. LabFileError, and nothing changed, if the file
    is none or not whole."""
    content, archive = _opened(data)
    about = _checked(content["lab"], {"name": str, "language": str, "created_at": str}, "lab")
    rows = {table.name: _read_rows(archive, table, content["tables"]) for table in COPIED}
    _check_meaning(about, rows, store)
    try:
        return store.copy_in(
            browser, rows, name=about["name"][:LONGEST_NAME], language=about["language"],
            created_at=_time(about["created_at"]),
        )  # fmt: skip
    except KeyError as error:
        raise _damaged(str(error.args[0])) from error
    except sa.exc.IntegrityError as error:
        raise _damaged(f"two rows contradict one another ({error.orig}).") from error
    except (ArithmeticError, RecursionError, TypeError, ValueError, sa.exc.StatementError) as error:
        raise _damaged(f"a row can't be kept ({error}).") from error


def take_away(store: Store, lab_id: int) -> bytes:
    """As `pack`, and the lab has been taken away, as it says from then on."""
    store.note_deed(lab_id, TAKEN_AWAY)
    return pack(store, lab_id)


def duplicate(store: Store, browser: str, lab_id: int, name: str) -> Lab:
    """A copy of a lab under another name, which the browser has open from now on."""
    lab, rows = store.copy_out(lab_id)
    return store.copy_in(browser, rows, name=name, language=lab.language, created_at=lab.created_at)


# Writing.


def _plain(archive: zipfile.ZipFile, table: sa.Table, row: Mapping[str, Any]) -> dict[str, Any]:
    plain = dict(row)
    for name, value in row.items():
        if isinstance(value, datetime):
            plain[name] = value.isoformat()
        elif isinstance(value, bytes):
            plain[name] = f"{table.name}/{row.get('id', row.get('run_id'))}.pt"
            archive.writestr(plain[name], value, zipfile.ZIP_STORED)  # weights hardly get any smaller
    return plain


# Reading.


def _opened(data: bytes) -> tuple[dict[str, Any], zipfile.ZipFile]:
    """What a file says it holds, once all of it is known to be whole and of a size to be read."""
    if len(data) > MOST_BYTES:
        raise _too_large(MOST_BYTES)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError) as error:
        raise _foreign() from error
    if CONTENT not in archive.namelist():
        raise _foreign()
    if sum(info.file_size for info in archive.infolist()) > MOST_UNPACKED:
        raise _too_large(MOST_UNPACKED)
    try:
        broken = archive.testzip()  # reads no more of each file than the size that the archive states
        text = archive.read(CONTENT)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise _damaged(f"a part of it can't be unpacked ({error}).") from error
    if broken:
        raise _damaged(f"{broken} has changed since it was written.")
    return _content(text), archive


def _content(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"{CONTENT} can't be read ({error}).") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _foreign()
    version = content.get("version")
    if type(version) is int and version > SCHEMA_VERSION:
        raise LabFileError(
            "newer",
            f"The file was written by a newer RLHF Lab (version {version}, this one reads {SCHEMA_VERSION}); update "
            "the app.",
            version=version,
            known=SCHEMA_VERSION,
        )
    if version != SCHEMA_VERSION:
        raise _damaged(f"its version is {version!r:.20}.")
    return _checked(content, {"lab": dict, "tables": dict}, CONTENT)


def _read_rows(archive: zipfile.ZipFile, table: sa.Table, tables: dict[str, Any]) -> list[dict[str, Any]]:
    rows = tables.get(table.name)
    if not isinstance(rows, list):
        raise _damaged(f"the rows of {table.name} are missing.")
    return [_read_row(archive, table, row, number) for number, row in enumerate(rows, 1)]


def _read_row(archive: zipfile.ZipFile, table: sa.Table, row: Any, number: int) -> dict[str, Any]:
    where = f"{table.name}, row {number}"
    columns = [column for column in table.c if column.name != "lab_id"]
    if not isinstance(row, dict) or set(row) != {column.name for column in columns}:
        raise _damaged(f"{where} has other columns than it should.")
    return {column.name: _read_value(archive, column, row[column.name], where) for column in columns}


def _read_value(archive: zipfile.ZipFile, column: sa.Column[Any], value: Any, where: str) -> Any:
    expected = dict if isinstance(column.type, sa.JSON) else column.type.python_type
    if (value is None and column.nullable) or column is t.kept.c.value:
        return value
    try:
        if expected is bytes:
            data = archive.read(str(value))
            states.load(data)
            return data
        if expected is datetime:
            return _time(value)
    except Exception as error:  # torch names no few kinds of error for bytes that are no state
        raise _damaged(f"{where}: {column.name} can't be read.") from error
    fits = type(value) is expected or (expected is float and type(value) is int)
    if not fits or (expected is int and not -(2**63) <= value < 2**63):
        raise _damaged(f"{where}: {column.name} is {value!r:.60}.")
    return value


def _time(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _checked(value: Any, kinds: Mapping[str, type], where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or any(type(value.get(name)) is not kind for name, kind in kinds.items()):
        raise _damaged(f"{where} lacks {', '.join(kinds)} or has them of another kind.")
    return value


def _check_meaning(about: Mapping[str, Any], rows: Rows, store: Store) -> None:
    """Refuse what the pages could not show, though its form is right."""
    spoken = [about["language"], *(row["language"] for name in ("pair", "constitution") for row in rows[name])]
    if unknown := set(spoken) - set(LANGUAGES):
        raise _damaged(f"no model speaks the language {unknown.pop()!r}.")
    try:
        _time(about["created_at"])
        for row in rows["constitution"]:
            parse(row["toml"])
        for row in rows["event"]:
            _check_event(row)
        for row in rows["pair"]:
            _check_writer(row["policy_id"])
        for row in rows["showing"]:
            if row["shown_left"] not in ("a", "b"):
                raise ValueError(f"a pair was shown with {row['shown_left']!r:.20} on the left.")
        for row in rows["forecast"]:
            forecasts.read(row["curves"])
        for row in rows["run"]:
            _check_run(row, store)
    except (ConstitutionError, ArithmeticError, AttributeError, ValueError, KeyError, TypeError) as error:
        raise _damaged(str(error.args[0] if error.args else error)) from error


def _check_event(row: Mapping[str, Any]) -> None:
    if row["kind"] == "label" and (row["choice"] not in CHOICES or row["strength"] not in range(4)):
        raise ValueError(f"a label says {row['choice']!r:.20} with strength {row['strength']!r:.20}.")
    if row["labeler_kind"] not in ("human", "simulated"):
        raise ValueError(f"a label is by {row['labeler_kind']!r:.20}.")


def _check_writer(policy_id: str) -> None:
    if policy_id.startswith("run-") and not policy_id.removeprefix("run-").isdecimal():
        raise ValueError(f"there is no run {policy_id!r:.20}.")


def _check_run(row: Mapping[str, Any], store: Store) -> None:
    if row["status"] not in STATUSES or row["inputs"]["language"] not in LANGUAGES:
        raise ValueError(f"run {row['number']} has the status {row['status']!r}.")
    if row["status"] == DELETED:
        return
    for config in (row["initial_config"], row["config"]):
        # Its lab is none of ours: what is not in the file is not to be made from what is here.
        spec = JobSpec(stage=row["stage"], config=config, inputs={**row["inputs"], "lab": 0}, seed=row["seed"])
        stages.prepare(spec, store)


def _foreign() -> LabFileError:
    sentence = "The file is no lab that RLHF Lab wrote, or it was cut off; choose one that Download made."
    return LabFileError("foreign", sentence)


def _damaged(what: str) -> LabFileError:
    what = " ".join(what.split())
    what = what if len(what) <= LONGEST_REASON else f"{what[:LONGEST_REASON]} ..."
    return LabFileError("damaged", f"The file is damaged: {what} Download it again.", what=what)


def _too_large(most: int) -> LabFileError:
    mib = most // 2**20
    return LabFileError("too_large", f"The file holds more than {mib} MB, which is the limit.", mib=mib)
