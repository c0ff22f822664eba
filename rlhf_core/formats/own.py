"""Our own formats: the event as JSON Lines, which holds everything, and the CSV of the notebook's four fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime

from rlhf_core.formats.comparison import CHOICES, EVENT_KINDS, LABELER_KINDS, SIDES, STRENGTHS, Comparison
from rlhf_core.formats.values import Row, flag, number, one_of, optional_text, text, time

TEXTS = (
    "rationale", "labeler", "language", "event_id", "retracts", "lab", "showing_id", "pair_id", "policy_id",
    "guideline_version", "repeat_of",
)  # fmt: skip
EVENT_FIELDS = tuple(field.name for field in fields(Comparison))
PREFERRED = "preferred"
"""What the notebook calls the choice."""
COLUMNS = ("prompt", "response_a", "response_b", PREFERRED, "strength", "rationale", "labeler")


def read_event(row: Row) -> Iterator[Comparison]:
    """An event. What it leaves out has the default of `Comparison`; without a `choice` its `preferred` is read."""
    kind = one_of(row, "kind", EVENT_KINDS) or "label"
    wanted = text if kind == "label" else optional_text
    yield Comparison(
        prompt=wanted(row, "prompt"),
        response_a=wanted(row, "response_a"),
        response_b=wanted(row, "response_b"),
        choice=one_of(row, "choice" if "choice" in row else PREFERRED, CHOICES),
        strength=one_of(row, "strength", STRENGTHS),
        labeler_kind=one_of(row, "labeler_kind", LABELER_KINDS),
        margin=number(row, "margin"),
        kind=kind,
        shown_left=one_of(row, "shown_left", SIDES),
        shown_at=time(row, "shown_at"),
        answered_at=time(row, "answered_at"),
        is_check=row.get("is_check") is not None and flag(row, "is_check"),
        **{name: optional_text(row, name) for name in TEXTS},
    )


def write_event(comparison: Comparison) -> list[Row]:
    """All fields; what is not known is null or ""."""
    values = ((name, getattr(comparison, name)) for name in EVENT_FIELDS)
    return [{name: value.isoformat() if isinstance(value, datetime) else value for name, value in values}]


def recognises_event(row: Row) -> bool:
    return {"response_a", "response_b"} <= row.keys() or {"kind", "retracts"} <= row.keys()


def read_csv_row(row: Row) -> Iterator[Comparison]:
    """A row of a CSV. An empty cell says nothing; the choice may be in capitals."""
    choice = text(row, PREFERRED).strip().lower() if PREFERRED in row else ""
    strength = optional_text(row, "strength").strip()
    known = {str(value): value for value in STRENGTHS}
    yield Comparison(
        prompt=text(row, "prompt"),
        response_a=text(row, "response_a"),
        response_b=text(row, "response_b"),
        choice=one_of({PREFERRED: choice or None}, PREFERRED, CHOICES),
        strength=one_of({"strength": known.get(strength, strength or None)}, "strength", STRENGTHS),
        rationale=optional_text(row, "rationale"),
        labeler=optional_text(row, "labeler"),
    )


def write_csv_row(comparison: Comparison) -> list[Row]:
    values = ((name, getattr(comparison, "choice" if name == PREFERRED else name)) for name in COLUMNS)
    return [{name: "" if value is None else str(value) for name, value in values}]
