"""The stage of labels without a browser: from a file in one format to a file in another, or simulated."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlhf_core.checkpoints import load_start
from rlhf_core.formats import (
    FORMATS,
    MOST_BYTES_COMMAND,
    OURS,
    Comparison,
    FormatError,
    LeftOut,
    Read,
    Written,
    read,
    write,
)
from rlhf_core.headless import Options, Progress, Report, simulated_labels

__all__ = ["FORMATS", "OURS", "Files", "convert", "simulate"]

START = "start"
"""Who wrote the answers that a simulated annotator compares: the starting model."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where labels come from and where they go."""

    source: Path | None = None
    format: str | None = None
    """Of the source; None finds it out."""
    export: Path | None = None
    to: str | None = None

    def __post_init__(self) -> None:
        if self.source is None and self.format is not None:
            raise ValueError("--from says what --import reads; give --import FILE, or leave it out.")
        if self.export is None and self.to is not None:
            raise ValueError("--to says what --export writes; give --export FILE, or leave it out.")
        for format in (self.format, self.to):
            if format is not None and format not in FORMATS:
                raise ValueError(f"There is no format {format!r}; choose one of {', '.join(FORMATS)}.")


def convert(files: Files) -> tuple[Report, list[str]]:
    """Read labels, and write those if that is asked for. Beside the report a sentence for each row, or label, that was
    left out. ValueError names a file that is broken as a whole."""
    assert files.source is not None
    found = read_file(files.source, files.format)
    left_out = [(left, place(found, left.number)) for left in found.left_out]
    report: Report = {
        "format": found.format,
        "read": found.rows,
        "comparisons": len(found.comparisons),
        "unread_fields": list(found.unread),
        "written": 0,
    }
    if files.export is not None:
        made, told = export(found.comparisons, files.export, files.to)
        report |= told
        left_out += [(left, place(found, found.numbers[left.number])) for left in made.left_out]
    left_out.sort(key=lambda left: left[1][found.unit] or 0)
    report["left_out"] = [{**where, "field": left.field, "why": left.why} for left, where in left_out]
    return report, [sentence(files.source, found, left, where) for left, where in left_out]


def read_file(path: Path, format: str | None) -> Read:
    """The labels of a file. ValueError names it if it is broken as a whole."""
    try:
        if (size := path.stat().st_size) > MOST_BYTES_COMMAND:
            raise FormatError("too_large", value=size, limit=MOST_BYTES_COMMAND)
        return read(path.read_bytes(), format, most_bytes=MOST_BYTES_COMMAND)
    except FormatError as error:
        raise ValueError(f"{path}: {error}") from error


def place(found: Read, number: int) -> dict[str, int | None]:
    """Where a row stands: its line, or its index in a list of JSON."""
    return {"line": number} if found.unit == "line" else {"line": None, "index": number}


def sentence(path: Path, found: Read, left: LeftOut, where: dict[str, int | None]) -> str:
    return f"{path}, {found.unit} {where[found.unit]}: {left.field or 'the row'} {left.why}."


def export(comparisons: Sequence[Comparison], path: Path, format: str | None) -> tuple[Written, Report]:
    """Write a file, packed if its name says so, and tell what it holds and what it could not."""
    made = write(comparisons, format or OURS)
    path.write_bytes(gzip.compress(made.data, mtime=0) if path.suffix == ".gz" else made.data)
    return made, {"to": format or OURS, "written": made.comparisons, "lost_fields": made.lost}


def simulate(options: Options, files: Files, progress: Progress) -> Report:
    """Let a simulated annotator label pairs, and write them if that is asked for. The pairs that it found equal are
    reported as left out."""
    sample = simulated_labels(load_start(options.language), options)
    progress(1.0, f"{len(sample.dataset)} labels")
    tie = {"line": None, "field": "choice", "why": "the annotator found both answers equal"}
    report: Report = {
        "read": len(sample.dataset) + sample.dropped_as_ties,
        "written": len(sample.dataset),
        "left_out": [tie] * sample.dropped_as_ties,
        "annotator": options.annotator,
        "label_noise": options.label_noise,
    }
    if files.export is not None:
        labels = [
            Comparison(
                prompt=pair.prompt,
                response_a=pair.response_a,
                response_b=pair.response_b,
                choice=pair.preferred,
                labeler=pair.labeler,
                labeler_kind="simulated",
                language=options.language,
                policy_id=START,
            )
            for pair in sample.dataset
        ]
        made, told = export(labels, files.export, files.to)
        report |= told
        report["left_out"] += [{"line": None, "field": left.field, "why": left.why} for left in made.left_out]
    return report
