"""What the pages may say in a language, by its locale file."""

import re
import tomllib
from functools import cache
from typing import Any

from rlhf_core.constitution import default_path
from tests.e2e.server import ROOT

PROSE = 16  # characters; a shorter phrase can be a name that both languages use


def phrases(language: str) -> dict[str, str]:
    """The locale file's texts by dotted key."""

    def flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
        texts: dict[str, str] = {}
        for key, value in table.items():
            texts |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        return texts

    return flat(tomllib.loads((ROOT / "ui" / "locales" / f"{language}.toml").read_text(encoding="utf-8")))


@cache
def prose(only: str, but: str) -> tuple[str, ...]:
    """Pieces of prose that belong to the one language and not to the other, nor to the constitution, which is shown as
    it is written: in the model's language."""
    other, written = phrases(but), default_path(only).read_text(encoding="utf-8")
    pieces = {
        piece.strip()
        for key, text in phrases(only).items()
        if text != other.get(key)
        for piece in re.split(r"\{[^}]*\}", text)  # a slot may hold anything
    }
    return tuple(
        sorted(p for p in pieces if len(p) >= PROSE and not any(p in text for text in (*other.values(), written)))
    )


def mixed(text: str, language: str, other: str) -> list[str]:
    """What is wrong with a page that is to speak one language: prose of the other, or none in its own."""
    wrong = prose_in(text, only=other, but=language)
    return wrong if prose_in(text, only=language, but=other) else [*wrong, "says nothing in its own language"]


def prose_in(text: str, *, only: str, but: str) -> list[str]:
    """The pieces of such prose that a page's text contains."""
    plain = " ".join(text.split())
    return [piece for piece in prose(only, but) if " ".join(piece.split()) in plain]
