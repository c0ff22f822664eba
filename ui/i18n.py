"""What the pages say, in English and Korean: `t("run.start")` in the language of this visitor."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

from rlhf_core.formats import REASONS
from rlhf_core.josa import josa
from rlhf_core.metrics import METRICS

LANGUAGES = {"ko": "한국어", "en": "English"}
LOCALES = Path(__file__).parent / "locales"


class _Slots(string.Formatter):
    """Fills slots. ``{n:,|을/를}`` formats n and adds the particle that follows; ``{name:은/는}`` has no format."""

    def format_field(self, value: Any, format_spec: str) -> str:
        spec, bar, forms = format_spec.rpartition("|")
        if not bar and "/" not in forms:
            return format(value, forms)
        text = format(value, spec)
        return text + josa(text, forms)


_slots = _Slots()


@lru_cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every sentence of a language, by its dotted key. What a metric is, and what is wrong with a file, the core says
    itself, in English."""
    with (LOCALES / f"{language}.toml").open("rb") as file:
        found = dict(_flatten(tomllib.load(file)))
    if language == "en":
        found |= {f"metric.{name}.sentence": info.sentence for name, info in METRICS.items()}
        found |= {f"format.{reason}": sentence for reason, sentence in REASONS.items()}
    return found


def _flatten(table: Mapping[str, Any], path: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in table.items():
        found += _flatten(value, f"{path}{key}.") if isinstance(value, Mapping) else [(path + key, value)]
    return found


def translate(language: str, key: str, /, **slots: Any) -> str:
    """The sentence of a key in a language, its slots filled. A key that the language lacks is said in English."""
    sentences = catalogue(language)
    return _slots.format(sentences[key] if key in sentences else catalogue("en")[key], **slots)


_speaking: ContextVar[str | None] = ContextVar("speaking", default=None)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Have `t` speak a language where no page is drawn that would have one."""
    before = _speaking.set(language)
    try:
        yield
    finally:
        _speaking.reset(before)


def t(key: str, /, **slots: Any) -> str:
    """The sentence of a key in this visitor's language."""
    from ui.session import language

    return translate(_speaking.get() or language(), key, **slots)


def has(key: str) -> bool:
    """Whether there is a sentence for a key."""
    return key in catalogue("en")


def choose_language(query: str | None, own: str | None, locale: str | None) -> str:
    """``?lang=``, else the own choice, else the browser's, else English."""
    for wish in (query, own, (locale or "")[:2]):
        if wish in LANGUAGES:
            return str(wish)
    return "en"
