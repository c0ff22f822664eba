"""Preference data in and out: `read` makes comparisons of a file in any of `FORMATS`, `write` makes a file of them.

Neither drops anything in silence: `Read` names each row that was left out, by line and field, and the fields that were
not looked at; `Written` says what its format has no place for.

Read it in this order: `comparison` (one comparison, and what may be wrong with it), `values` and `conversation` (those
of a row), `rows` (bytes to rows), `own`, `chosen_rejected` and `tools` (a family of formats each), `registry`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

from rlhf_core.formats import rows
from rlhf_core.formats.comparison import (
    REASONS,
    Comparison,
    FieldError,
    FormatError,
    listed,
    shown,
    standing,
    taken_back,
)
from rlhf_core.formats.own import COLUMNS
from rlhf_core.formats.registry import FORMATS, OURS, Format, find
from rlhf_core.formats.rows import MOST_BYTES, MOST_BYTES_COMMAND, MOST_ROWS, Unit
from rlhf_core.formats.values import Row

__all__ = [
    "FORMATS", "MOST_BYTES", "MOST_BYTES_COMMAND", "MOST_ROWS", "OURS", "REASONS", "Comparison", "FieldError", "Format",
    "FormatError", "LeftOut", "Read", "Written", "read", "standing", "write",
]  # fmt: skip

MOST_NAMED = 20
"""Fields that were not looked at, as far as they are named."""
SAID = ("prompt", "response_a", "response_b", "choice")
"""Without which a comparison is another one."""


@dataclass(frozen=True)
class LeftOut:
    """What was not read, or not written, and why. number: counts what the report says; field: "" for a row as a whole.

    reason, slots: see `REASONS`, for a sentence in another language than `why`.
    """

    number: int
    field: str
    why: str
    reason: str
    slots: dict[str, object]

    @classmethod
    def of(cls, number: int, error: FieldError, names: dict[str, str] | None = None) -> LeftOut:
        return cls(number, (names or {}).get(error.field, error.field), error.why, error.reason, error.slots)


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a file held. A row may hold several comparisons, or half of one."""

    format: str
    unit: Unit
    """What numbers count: lines from 1, or entries of a JSON list from 0."""
    rows: int
    comparisons: tuple[Comparison, ...]
    numbers: tuple[int, ...]
    """Where each comparison stands."""
    left_out: tuple[LeftOut, ...]
    unread: tuple[str, ...]
    """Fields that the format does not know, the first `MOST_NAMED`."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file, and what it could not hold."""

    data: bytes
    comparisons: int
    """How many the file holds."""
    left_out: tuple[LeftOut, ...]
    """Comparisons that are not in it, numbered from 0 as they were given."""
    lost: dict[str, int]
    """Fields that the format has no place for, with the number of comparisons in the file that had one."""


def read(data: bytes, format: str | None = None, *, most_bytes: int = MOST_BYTES) -> Read:
    """The comparisons of a file, packed with gzip or not. All events of our own format are among them, also those that
    others took back: `standing` keeps the labels that count.

    format: a name of `FORMATS`; None finds it out. FormatError if the file is broken as a whole, or too large.
    """
    wanted = None if format is None else find(format)
    table = rows.read_table(data, most_bytes)
    good = [(number, row) for number, row in table.rows if not isinstance(row, FieldError)]
    if wanted is not None and table.is_csv != (wanted.layout == "csv"):
        raise FormatError("other_layout", format=wanted.name, found="CSV" if table.is_csv else "JSON")
    found = wanted or (FORMATS["csv"] if table.is_csv else detect(good, table.unit))
    comparisons: list[tuple[int, Comparison]] = []
    left_out = [LeftOut.of(number, row) for number, row in table.rows if isinstance(row, FieldError)]
    for number, one in found.read(good):
        if isinstance(one, FieldError):
            left_out.append(LeftOut.of(number, one, found.names))
        else:
            comparisons.append((number, one))
    comparisons.sort(key=lambda numbered: numbered[0])
    return Read(
        format=found.name,
        unit=table.unit,
        rows=len(table.rows),
        comparisons=tuple(comparison for _, comparison in comparisons),
        numbers=tuple(number for number, _ in comparisons),
        left_out=tuple(sorted(left_out, key=lambda left: left.number)),
        unread=unread(found, good),
    )


def detect(numbered: Sequence[tuple[int, Row]], unit: Unit) -> Format:
    """The format of the first row that is like any. FormatError if none is."""
    for _, row in numbered:
        for format in FORMATS.values():
            if format.recognises(row):
                return format
    number, row = numbered[0] if numbered else (1 if unit == "line" else 0, {})
    names = listed(shown(name) for name in list(row)[:MOST_NAMED]) or "no field"
    raise FormatError("unknown_shape", place=f"{unit.capitalize()} {number}", value=names, known=listed(FORMATS))


def unread(format: Format, numbered: Iterable[tuple[int, Row]]) -> tuple[str, ...]:
    if format.known is None:
        return ()
    names = dict.fromkeys(shown(name)[1:-1] for _, row in numbered for name in row if name not in format.known)
    return tuple(list(names)[:MOST_NAMED])


def write(comparisons: Iterable[Comparison], format: str = OURS) -> Written:
    """Comparisons as a file in a format of `FORMATS`. It holds none that would not be read back as it is.

    Where a format names the chosen and the rejected answer, what is read back has the chosen one as a. FormatError if
    there is no such format.
    """
    wanted = find(format)
    given = list(comparisons)
    gone = taken_back(given)
    refused = [refusal(wanted, comparison, gone) for comparison in given]
    kept = [(number, given[number]) for number, error in enumerate(refused) if error is None]
    left_out = [LeftOut.of(number, error) for number, error in enumerate(refused) if error is not None]
    made: list[Row] = []
    lost: Counter[str] = Counter()
    held = 0
    for (number, comparison), written in zip(kept, wanted.write([c for _, c in kept]), strict=True):
        back = read_back(wanted, comparison, written)
        if isinstance(back, FieldError):
            left_out.append(LeftOut.of(number, back))
            continue
        held += 1
        made += written
        lost.update(missing(comparison, back))
    as_csv = wanted.layout == "csv"
    return Written(
        data=rows.write_csv(made, COLUMNS) if as_csv else rows.write_json(made, wanted.layout == "list"),
        comparisons=held,
        left_out=tuple(sorted(left_out, key=lambda left: left.number)),
        lost=dict(lost),
    )


def refusal(format: Format, comparison: Comparison, gone: frozenset[str]) -> FieldError | None:
    """Why a format has no place for a comparison, if it has none. gone: events that were taken back."""
    choice = comparison.choice
    if format.name == OURS:
        return None
    if comparison.kind != "label":
        return FieldError("kind", "no_label", value=comparison.kind, format=format.name)
    if comparison.event_id in gone:
        return FieldError("event_id", "taken_back", format=format.name)
    if choice in format.choices:
        return None
    if choice is None:
        return FieldError("choice", "not_judged", format=format.name)
    return FieldError("choice", "no_choice", value=choice, format=format.name)


def read_back(format: Format, comparison: Comparison, written: list[Row]) -> Comparison | FieldError:
    """What the rows of one comparison will be read as; FieldError if that is not what was said of these texts."""
    found = [one for _, one in format.read(list(enumerate(written)))]
    back = found[0] if len(found) == 1 else FieldError("", "not_read_back", format=format.name)
    if isinstance(back, FieldError):
        split_otherwise = back.reason in ("other_prompt", "no_transcript")
        return FieldError("", "not_read_back", format=format.name) if split_otherwise else back
    meant = comparison
    if format.chosen_first and comparison.choice == "b":
        meant = replace(comparison, response_a=comparison.response_b, response_b=comparison.response_a, choice="a")
    for field in SAID:
        if getattr(back, field) != getattr(meant, field):
            return FieldError(field, "not_read_back", format=format.name)
    return back


def missing(comparison: Comparison, back: Comparison) -> Iterator[str]:
    """The fields that have a value in a comparison, and not in what is read back. TRL has a strength as its margin."""
    for field in fields(Comparison):
        value = getattr(comparison, field.name)
        kept = value == getattr(back, field.name) or (field.name == "strength" and value == back.margin)
        if field.name not in SAID and value not in (None, "", False) and not kept:
            yield field.name
