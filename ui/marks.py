"""What changed between two texts, word by word, as HTML: struck out in the old one, marked in the new one."""

from __future__ import annotations

import html
from collections.abc import Sequence
from difflib import SequenceMatcher


def changes(before: str, after: str) -> tuple[str, str]:
    """Both texts, escaped, with the words that went in <del> and those that came in <ins>."""
    old, new = before.split(), after.split()
    left: list[str] = []
    right: list[str] = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        same = kind == "equal"
        left += _marked(old[i:j], "" if same else "del")
        right += _marked(new[k:m], "" if same else "ins")
    return " ".join(left), " ".join(right)


def _marked(words: Sequence[str], tag: str) -> list[str]:
    if not words:
        return []
    text = html.escape(" ".join(words))
    return [f"<{tag}>{text}</{tag}>" if tag else text]
