"""The formats there are, each with its reader and its writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rlhf_core.formats import chosen_rejected as pairs
from rlhf_core.formats import own, tools
from rlhf_core.formats.comparison import CHOICES, Choice, Comparison, FieldError, FormatError, listed, shown
from rlhf_core.formats.values import Row

Found = tuple[int, Comparison | FieldError]
"""The number of a row, and what it holds, or why it can't be read."""
Layout = Literal["lines", "list", "csv"]
SUFFIXES: dict[Layout, str] = {"lines": ".jsonl", "list": ".json", "csv": ".csv"}
DECIDED: frozenset[Choice | None] = frozenset({"a", "b"})
ANY_CHOICE: frozenset[Choice | None] = frozenset({*CHOICES, None})


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of preference data."""

    name: str
    recognises: Callable[[Row], bool]
    read: Callable[[Iterable[tuple[int, Row]]], Iterator[Found]]
    write: Callable[[Sequence[Comparison]], Iterable[list[Row]]]
    """One list of rows for each comparison, all of which have a choice that is among `choices`."""
    known: frozenset[str] | None
    """Names of all that it has, read or repeating what is read; None where their makers name them."""
    layout: Layout = "lines"
    """How it is written. A JSON format is read from lines and from a list alike."""
    choices: frozenset[Choice | None] = DECIDED
    """What may have been said of a pair; None: nothing yet."""
    names: dict[str, str] = field(default_factory=dict[str, str])
    """What it calls our fields, where it has another name for them."""

    @property
    def suffix(self) -> str:
        """How names of its files end."""
        return SUFFIXES[self.layout]

    @property
    def chosen_first(self) -> bool:
        """Whether it names the chosen and the rejected answer, and no sides."""
        return self.choices == DECIDED


def row_by_row(
    read_row: Callable[[Row], Iterator[Comparison | FieldError]] | Callable[[Row], Iterator[Comparison]],
) -> Callable[[Iterable[tuple[int, Row]]], Iterator[Found]]:
    """A reader of rows that have nothing to do with one another."""

    def read_rows(numbered: Iterable[tuple[int, Row]]) -> Iterator[Found]:
        for number, row in numbered:
            try:
                for found in read_row(row):
                    yield number, found
            except FieldError as error:
                yield number, error

    return read_rows


def one_by_one(write_row: Callable[[Comparison], list[Row]]) -> Callable[[Sequence[Comparison]], Iterator[list[Row]]]:
    """A writer of comparisons that have nothing to do with one another."""
    return lambda comparisons: map(write_row, comparisons)


TRL = frozenset({"prompt", "chosen", "rejected", "margin"})
OURS = "event"
FORMATS: dict[str, Format] = {
    made.name: made
    for made in (  # the first that recognises a row has it
        Format(
            name="argilla",
            recognises=tools.recognises_argilla,
            read=row_by_row(tools.read_argilla),
            write=one_by_one(tools.write_argilla),
            known=None,
            layout="list",
            choices=ANY_CHOICE,
        ),
        Format(
            name=OURS,
            recognises=own.recognises_event,
            read=row_by_row(own.read_event),
            write=one_by_one(own.write_event),
            known=frozenset({*own.EVENT_FIELDS, own.PREFERRED}),
            choices=ANY_CHOICE,
        ),
        Format(
            name="label-studio",
            recognises=tools.recognises_label_studio,
            read=row_by_row(tools.read_label_studio),
            write=one_by_one(tools.write_label_studio),
            known=None,
            layout="list",
            choices=frozenset({*tools.SELECTED, "skip", None}),
            names=tools.LABEL_STUDIO_NAMES,
        ),
        Format(
            name="chatbot-arena",
            recognises=tools.recognises_arena,
            read=row_by_row(tools.read_arena),
            write=one_by_one(tools.write_arena),
            known=tools.ARENA_FIELDS,
            choices=frozenset(tools.WINNERS),
            names=tools.ARENA_NAMES,
        ),
        Format(
            name="ultrafeedback",
            recognises=pairs.recognises_ultrafeedback,
            read=row_by_row(pairs.read_ultrafeedback),
            write=one_by_one(pairs.write_ultrafeedback),
            known=frozenset("prompt prompt_id chosen rejected messages score_chosen score_rejected".split()),
            names=pairs.NAMES,
        ),
        Format(
            name="trl-unpaired",
            recognises=pairs.recognises_unpaired,
            read=pairs.read_unpaired,
            write=one_by_one(pairs.write_unpaired),
            known=frozenset({"prompt", "completion", "label"}),
            names={"response_a": "completion", "response_b": "completion"},
        ),
        Format(
            name="trl-explicit",
            recognises=pairs.recognises_explicit,
            read=row_by_row(pairs.read_explicit),
            write=pairs.write_explicit,
            known=TRL,
            names=pairs.NAMES,
        ),
        Format(
            name="hh-rlhf",
            recognises=pairs.recognises_hh,
            read=row_by_row(pairs.read_hh),
            write=one_by_one(pairs.write_hh),
            known=frozenset({"chosen", "rejected"}),
            names={"prompt": "chosen", **pairs.NAMES},
        ),
        Format(
            name="trl-implicit",
            recognises=pairs.recognises_implicit,
            read=row_by_row(pairs.read_implicit),
            write=pairs.write_implicit,
            known=TRL - {"prompt"},
            names={"prompt": "chosen", **pairs.NAMES},
        ),
        Format(
            name="csv",
            recognises=lambda row: False,  # its rows come from no JSON
            read=row_by_row(own.read_csv_row),
            write=one_by_one(own.write_csv_row),
            known=frozenset(own.COLUMNS),
            layout="csv",
            choices=ANY_CHOICE,
        ),
    )
}


def find(name: str) -> Format:
    """A format by its name. FormatError if there is none."""
    if name not in FORMATS:
        raise FormatError("unknown_format", value=shown(name), known=listed(FORMATS))
    return FORMATS[name]
