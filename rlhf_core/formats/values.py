"""Values of a row, each of the type that its field needs. FieldError names the field and says what stands there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar, cast

from rlhf_core.formats.comparison import FieldError, check_text, listed, shown

Row = dict[str, object]
T = TypeVar("T")


def need(row: Row, field: str) -> object:
    """A value that must be there."""
    if field not in row:
        raise FieldError(field, "missing")
    return row[field]


def text(row: Row, field: str) -> str:
    """A text that must be there; how long it may be, `Comparison` says."""
    value = need(row, field)
    if not isinstance(value, str):
        raise FieldError(field, "no_text", value=shown(value))
    return value


def optional_text(row: Row, field: str) -> str:
    """A text, or "" where there is none."""
    if row.get(field) is None:
        return ""
    check_text(field, value := text(row, field))
    return value


def name(row: Row, field: str) -> str:
    """A text or a whole number that names something, as a text; "" where there is none."""
    value = row.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        return shown(value)
    return optional_text(row, field)


def one_of(row: Row, field: str, allowed: Sequence[T]) -> T | None:
    """One of some values, or None where there is none."""
    value = row.get(field)
    for known in allowed:
        if value == known and type(value) is type(known):
            return known
    if value is not None:
        raise FieldError(field, "not_among", value=shown(value), allowed=listed(allowed))
    return None


def number(row: Row, field: str) -> float | None:
    """A finite number, or None where there is none."""
    value = row.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise FieldError(field, "no_number", value=shown(value))
    return float(value)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False


def flag(row: Row, field: str) -> bool:
    """True or false, which must be there."""
    value = need(row, field)
    if not isinstance(value, bool):
        raise FieldError(field, "no_flag", value=shown(value))
    return value


def time(row: Row, field: str) -> datetime | None:
    """A time in ISO 8601 with its zone, or None where there is none."""
    value = row.get(field)
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or at.utcoffset() is None:
        raise FieldError(field, "no_time", value=shown(value))
    return at


def array(row: Row, field: str) -> list[object]:
    """A list, empty where there is none."""
    value = row.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise FieldError(field, "no_list", value=shown(value))
    return cast(list[object], value)


def member(row: Row, field: str) -> Row:
    """An object, empty where there is none."""
    return {} if row.get(field) is None else as_row(row[field], field)


def as_row(value: object, field: str = "") -> Row:
    """A value that must be an object."""
    if not isinstance(value, dict):
        raise FieldError(field, "no_object", value=shown(value))
    return cast(Row, value)
