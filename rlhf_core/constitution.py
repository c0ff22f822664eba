"""A constitution: the principles that a model is asked to keep, as data that people can read, edit and exchange.

Bai et al. (2022, "Constitutional AI: Harmlessness from AI Feedback") write down what an assistant should do and let the
model itself criticise and revise its answers by it. A `Principle` has what their appendix C gives each one, a request
for a critique and a request for a revision, and besides a weight, a switch, and examples of answers that break and keep
it: from these its judge learns (`principle_judge`). A constitution is written as TOML: `parse` reads it and says where
it is wrong, `dump` writes it.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from rlhf_core.corpus import LANGUAGES

FORMAT = 1
MEASURED = ("help", "harm", "refusal", "honesty", "flattery", "politeness")
"""Gold attributes that a principle can be mapped to, see `GoldJudge.breaks`."""
MOST_PRINCIPLES = 30
MOST_EXAMPLES = 60
"""Examples of a principle to either side."""
MOST_CHARACTERS = 400
"""Of any text of a principle."""
HEAVIEST = 10.0
DEFAULTS = Path(__file__).parent / "constitutions"


class ConstitutionError(ValueError):
    """A constitution is no valid one; the message says in which principle and field, with the value."""


@dataclass(frozen=True)
class Example:
    """An answer that breaks or keeps a principle, and the question that it answers; without one it stands for any."""

    response: str
    prompt: str = ""


@dataclass(frozen=True, kw_only=True)
class Principle:
    """One principle. Texts are written as people write.

    weight: how much it counts where answers are compared; below zero the principle is turned round, and the answer that
    breaks it is preferred. attribute: the gold attribute that measures it, one of `MEASURED`, or empty: then nothing
    but its examples says what it means. source: where it comes from, for the reader.
    """

    name: str
    text: str
    critique_request: str
    revision_request: str
    breaks: tuple[Example, ...]
    keeps: tuple[Example, ...]
    weight: float = 1.0
    enabled: bool = True
    attribute: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        where = f"The principle {self.name!r:.60}"
        for field in ("name", "text", "critique_request", "revision_request"):
            value = getattr(self, field)
            if not value.strip():
                raise ConstitutionError(f"{where}: {field} is empty; write a sentence.")
            if len(value) > MOST_CHARACTERS:
                raise ConstitutionError(f"{where}: {field} has {len(value)} characters; at most {MOST_CHARACTERS} fit.")
        if not (math.isfinite(self.weight) and abs(self.weight) <= HEAVIEST):
            raise ConstitutionError(
                f"{where}: weight must lie between -{HEAVIEST:g} and {HEAVIEST:g}, not {self.weight}."
            )
        if self.attribute and self.attribute not in MEASURED:
            known = ", ".join(MEASURED)
            raise ConstitutionError(
                f"{where}: there is no gold attribute {self.attribute!r:.60}; choose one of {known}, or none."
            )
        self._check_examples(where, "breaks", self.breaks)
        self._check_examples(where, "keeps", self.keeps)

    def _check_examples(self, where: str, field: str, examples: tuple[Example, ...]) -> None:
        if not 1 <= len(examples) <= MOST_EXAMPLES:
            raise ConstitutionError(
                f"{where}: {field} has {len(examples)} examples; give 1 to {MOST_EXAMPLES}, the judge learns from them."
            )
        for number, example in enumerate(examples, 1):
            if not example.response.strip():
                raise ConstitutionError(f"{where}: example {number} of {field} has an empty response; write one.")
            if max(len(example.response), len(example.prompt)) > MOST_CHARACTERS:
                raise ConstitutionError(
                    f"{where}: example {number} of {field} is longer than {MOST_CHARACTERS} characters; shorten it."
                )

    @property
    def turned_round(self) -> bool:
        return self.weight < 0


@dataclass(frozen=True)
class Constitution:
    """Principles in their order, in one language. The order is that in which answers are revised."""

    language: str
    principles: tuple[Principle, ...]

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ConstitutionError(
                f"language: there is no language {self.language!r:.60}; choose one of {', '.join(LANGUAGES)}."
            )
        if not 1 <= len(self.principles) <= MOST_PRINCIPLES:
            raise ConstitutionError(f"There are {len(self.principles)} principles; give 1 to {MOST_PRINCIPLES}.")
        seen: set[str] = set()
        for principle in self.principles:
            if principle.name in seen:
                raise ConstitutionError(f"Two principles are called {principle.name!r:.60}; rename one.")
            seen.add(principle.name)

    @property
    def enabled(self) -> tuple[Principle, ...]:
        """The principles in force."""
        return tuple(principle for principle in self.principles if principle.enabled)

    def named(self, name: str) -> Principle:
        """A principle by its name. KeyError when there is none."""
        for principle in self.principles:
            if principle.name == name:
                return principle
        raise KeyError(f"There is no principle {name!r:.60}.")

    def with_principle(self, name: str, /, **changes: Any) -> Constitution:
        """The constitution with one principle changed."""
        changed = replace(self.named(name), **changes)
        return replace(self, principles=tuple(changed if p.name == name else p for p in self.principles))


@lru_cache
def default_constitution(language: str) -> Constitution:
    """The constitution that ships: the notebook's five principles and ours."""
    return parse(default_path(language).read_text(encoding="utf-8"))


def default_path(language: str) -> Path:
    return DEFAULTS / f"default-{language}.toml"


def parse(text: str) -> Constitution:
    """Read a constitution from TOML. ConstitutionError says where it is wrong."""
    try:
        table = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:  # beside its own: numbers of too many digits, too deep a nesting
        raise ConstitutionError(f"This is no TOML that can be read: {error}.") from error
    _known("The constitution", table, ("format", "language", "principle"))
    if (number := table.get("format")) != FORMAT:
        raise ConstitutionError(f"format must be {FORMAT}, not {number!r:.60}.")
    entries = table.get("principle")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in cast(list[object], entries)):
        raise ConstitutionError("There is no principle; write each as a [[principle]] table.")
    language = _typed("The constitution", table, "language", str)
    principles = [_principle(number, entry) for number, entry in enumerate(cast(list[dict[str, Any]], entries), 1)]
    return Constitution(language, tuple(principles))


def dump(constitution: Constitution) -> str:
    """A constitution as TOML, which `parse` reads back as the same."""
    parts = [f"format = {FORMAT}\nlanguage = {_quoted(constitution.language)}\n"]
    for p in constitution.principles:
        lines = ["[[principle]]", *(f"{f} = {_quoted(getattr(p, f))}" for f in ("name", "text"))]
        lines += [f"weight = {float(p.weight)!r}", f"enabled = {str(p.enabled).lower()}"]
        texts = ("attribute", "source", "critique_request", "revision_request")
        lines += [f"{field} = {_quoted(getattr(p, field))}" for field in texts]
        lines += [f"breaks = {_examples(p.breaks)}", f"keeps = {_examples(p.keeps)}"]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _principle(number: int, table: Mapping[str, Any]) -> Principle:
    name = table.get("name")
    where = f"Principle {number} ({name!r:.60})" if isinstance(name, str) and name else f"Principle {number}"
    fields = Principle.__dataclass_fields__
    _known(where, table, tuple(fields))
    required = ("name", "text", "critique_request", "revision_request")
    values: dict[str, Any] = {field: _typed(where, table, field, str) for field in required}
    for field, kind in (("enabled", bool), ("attribute", str), ("source", str), ("weight", float)):
        if field in table:
            values[field] = _typed(where, table, field, kind)
    for side in ("breaks", "keeps"):
        entries = _typed(where, table, side, list)
        values[side] = tuple(_example(f"{where}, example {n} of {side}", e) for n, e in enumerate(entries, 1))
    return Principle(**values)


def _example(where: str, entry: object) -> Example:
    if isinstance(entry, str):
        return Example(entry)
    if not isinstance(entry, dict):
        raise ConstitutionError(f"{where} must be a text or a table of prompt and response, not {entry!r:.60}.")
    table = cast(dict[str, Any], entry)
    _known(where, table, ("prompt", "response"))
    prompt = _typed(where, table, "prompt", str) if "prompt" in table else ""
    return Example(_typed(where, table, "response", str), prompt)


_KINDS = {str: "a text in quotes", bool: "true or false", float: "a number", list: "a list"}


def _typed(where: str, table: Mapping[str, Any], field: str, kind: type) -> Any:
    """A field's value. ConstitutionError when it is missing or of another kind."""
    if field not in table:
        raise ConstitutionError(f"{where}: {field} is missing; write {_KINDS[kind]}.")
    value = table[field]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 1e9 else math.inf
    if not isinstance(value, kind):
        raise ConstitutionError(f"{where}: {field} must be {_KINDS[kind]}, not {value!r:.60}.")
    return value


def _known(where: str, table: Mapping[str, Any], fields: Iterable[str]) -> None:
    allowed = tuple(fields)
    for field in table:
        if field not in allowed:
            raise ConstitutionError(f"{where}: there is no field {field!r:.60}; the fields are {', '.join(allowed)}.")


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's, but for the one character that JSON leaves alone and TOML does not."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _examples(examples: Iterable[Example]) -> str:
    rows = [
        f"  {{ prompt = {_quoted(e.prompt)}, response = {_quoted(e.response)} }}," if e.prompt
        else f"  {_quoted(e.response)},"
        for e in examples
    ]  # fmt: skip
    return "\n".join(["[", *rows, "]"])
