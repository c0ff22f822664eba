"""Bytes of a file to numbered rows, and rows to bytes: gzip, UTF-8, JSON Lines, JSON lists and CSV.

A line is what an editor shows as one, from 1. An entry of a JSON list is named by its index, from 0.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from gzip import GzipFile
from typing import Literal, cast

from rlhf_core.formats.comparison import FieldError, FormatError, listed, shown
from rlhf_core.formats.values import Row, as_row

MEGABYTE = 2**20
MOST_BYTES = 5 * MEGABYTE
"""Of a file, where nothing else is asked for: what a page takes."""
MOST_BYTES_COMMAND = 50 * MEGABYTE
"""What the command line takes."""
UNPACKED = 4
"""A packed file may unpack to so many times the limit."""
MOST_ROWS = 100_000
GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
NEEDED = ("prompt", "response_a", "response_b")
"""Columns without which there is no CSV of ours."""

Unit = Literal["line", "index"]
Numbered = tuple[int, Row | FieldError]
"""Where a row stands, and the row, or why it is none."""


@dataclass(frozen=True)
class Table:
    """The rows of a file. unit: what their numbers count."""

    rows: list[Numbered]
    unit: Unit
    is_csv: bool


def read_table(data: bytes, most_bytes: int) -> Table:
    """The rows of a file, packed or not: CSV, unless it begins as JSON does. FormatError if it is broken as a whole."""
    text = decode(unpack(data, most_bytes))
    match text.lstrip()[:1]:
        case "":
            raise FormatError("no_rows")
        case "{":
            table = Table(read_lines(text), "line", False)
        case "[":
            table = Table(read_list(text), "index", False)
        case _:
            table = Table(list(read_csv(text)), "line", True)
    if not table.rows:
        raise FormatError("no_rows")
    return table


def unpack(data: bytes, most_bytes: int) -> bytes:
    """The content of a file that may be packed with gzip. Reads no more of it than may be: a small file can unpack to
    a thousand times its size."""
    if len(data) > most_bytes:
        raise FormatError("too_large", value=len(data), limit=most_bytes)
    if not data.startswith(GZIP):
        return data
    limit = UNPACKED * most_bytes
    try:
        with GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError("broken_gzip", error=error) from error
    if len(content) > limit:
        raise FormatError("too_large_unpacked", limit=limit)
    return content


def decode(data: bytes) -> str:
    """UTF-8, with or without a byte order mark."""
    start = len(BOM) if data.startswith(BOM) else 0
    try:
        return data[start:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("no_utf8", offset=start + error.start) from error


def limit_rows(n: int) -> None:
    if n > MOST_ROWS:
        raise FormatError("too_many_rows", value=n, limit=MOST_ROWS)


# JSON.


class _Twice(dict[str, object]):
    """An object in which something is named twice, it or an object in it."""

    field = ""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    field = _named_twice(pairs, found)
    if field is None:
        return found
    twice = _Twice(found)
    twice.field = field
    return twice


def _named_twice(pairs: list[tuple[str, object]], found: dict[str, object]) -> str | None:
    if len(found) < len(pairs):
        return Counter(key for key, _ in pairs).most_common(1)[0][0]
    for key, value in pairs:
        for inner in cast(list[object], value) if isinstance(value, list) else [value]:
            if isinstance(inner, _Twice):
                return f"{key}.{inner.field}"
    return None


_decoder = json.JSONDecoder(object_pairs_hook=_object)


def _as_row(value: object) -> Row | FieldError:
    if isinstance(value, _Twice):
        return FieldError(shown(value.field).strip("'"), "twice")
    try:
        return as_row(value)
    except FieldError as error:
        return error


def read_lines(text: str) -> list[Numbered]:
    """The rows of JSON Lines. A line that is no JSON is one row that is broken; FormatError if all are."""
    lines = re.split(r"\r\n|\r|\n", text)
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    limit_rows(len(numbered))
    rows = [(number, _read_line(line)) for number, line in numbered]
    number, first = rows[0]
    if all(isinstance(row, FieldError) and row.reason in ("no_json", "too_deep") for _, row in rows):
        assert isinstance(first, FieldError)
        raise FormatError(f"file_{first.reason}", line=number, **first.slots)
    return rows


def _read_line(line: str) -> Row | FieldError:
    try:
        return _as_row(_decoder.decode(line))
    except RecursionError:
        return FieldError("", "too_deep")
    except ValueError as error:
        return FieldError("", "no_json", error=_said(error))


def read_list(text: str) -> list[Numbered]:
    """The rows of a JSON list. What is no JSON spoils all of it."""
    try:
        entries = cast(list[object], _decoder.decode(text))
    except RecursionError as error:
        raise FormatError("file_too_deep", line=1) from error
    except ValueError as error:
        raise FormatError("file_no_json", line=getattr(error, "lineno", 1), error=_said(error)) from error
    limit_rows(len(entries))
    return [(index, _as_row(entry)) for index, entry in enumerate(entries)]


def _said(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    return "a number has too many digits"


def write_json(rows: Iterable[Row], as_list: bool) -> bytes:
    """JSON Lines, or a JSON list with an entry a line."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    text = "[\n" + ",\n".join(lines) + "\n]\n" if as_list else "".join(f"{line}\n" for line in lines)
    return text.encode()


# CSV.

FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""A spreadsheet takes a cell that begins so, with its narrow or its wide sign, for a formula. An apostrophe before it
makes it a text; one more is set before those that are there already, so that reading takes away just ours."""


def guard(cell: str) -> str:
    """A cell that no spreadsheet executes (OWASP, CSV injection)."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """What `guard` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def read_csv(text: str) -> Iterator[Numbered]:
    """The rows of a CSV with a header, numbered by the line that each begins on. Rows of empty cells are passed over.

    FormatError if the header lacks a column, or where quotes are broken: nobody knows what comes after.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    line, rows = 1, 0
    try:
        for cells in reader:
            if any(cells):
                if header:
                    yield line, _csv_row(header, cells)
                    limit_rows(rows := rows + 1)
                else:
                    header = _header(line, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        raise FormatError("file_no_csv", line=line, error=error) from error
    if not header:
        raise FormatError("no_rows")


def _header(line: int, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    named = [name for name in header if name]
    if not set(NEEDED) <= set(named) or len(set(named)) < len(named):
        names = listed(shown(name) for name in header[:12])
        raise FormatError("file_header", line=line, needed=listed(NEEDED), value=names)
    return header


def _csv_row(header: list[str], cells: list[str]) -> Row | FieldError:
    if len(cells) != len(header):
        return FieldError("", "cells", value=len(cells), limit=len(header))
    return {name: unguard(cell) for name, cell in zip(header, cells, strict=True) if name}


def write_csv(rows: Iterable[Row], columns: tuple[str, ...]) -> bytes:
    """A CSV that a spreadsheet opens as UTF-8: with a byte order mark, and no formulas in it."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([guard(str(row[name])) for name in columns] for row in rows)
    return BOM + file.getvalue().encode()
