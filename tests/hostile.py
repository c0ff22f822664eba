"""Inputs that nobody should send, made from inputs that somebody would: bytes flipped, ends cut off, numbers too large,
values of another kind, brackets without end, characters that are none."""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

SIGNS = (
    "", " ", "\0", "\n", "\r\n", "\t", "\x1b[31m", "\x7f", "\x85", "\ufeff", "\u2028", "\u202e", "\u2066", "\u200d",
    "\ud800", "\udfff", "\U0010ffff", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "e" + "\u0301" * 300, "ㅋㅋㅋ",
    "\uff11\uff12", "\u0663", "\u00b2", "\u00bd", "\u2167", "\u0130", "\ufb03", "\uffff",
)  # fmt: skip
"""Control characters, marks that turn the direction of writing, half characters, digits that are none of ours."""
NUMBERS = (
    "NaN", "nan", "Infinity", "-inf", "1e999", "-1e999", "1e-999", "-0", "-1", "0", "0x10", "1_000", "9" * 30,
    "9" * 5000, "0." + "9" * 400, "1e400", "2147483648", "-9223372036854775809", "18446744073709551616",
    "+5", "5.", ".5",
)  # fmt: skip
WORDS = (
    "null", "true", "None", "[]", "{}", "{0}", "{n.__class__}", "%s%n", "${HOME}", "../../etc/passwd", "/dev/zero",
    "' OR 1=1 --", "\"; DROP TABLE lab; --", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "![x](http://x.invalid/x.png)", ":material/bolt:", "$\\frac{1}{0}$", "`" * 40, '"""', "'''", "\\", "\\u0000",
    "\\ud800", "#", "=1+1", "@", "--", "--help", "-h", "--json", "__proto__", "constructor",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 2**31, 2**63, -(2**63) - 1, 10**30, 1.5, -0.0, float("nan"), float("inf"), 1e308,
    "", "a", [], {}, [None], [[]], {"": None}, [1, 2], "left", [1, 1],
)  # fmt: skip


class Hostile:
    """Draws from a generator of its own: the same seed makes the same inputs."""

    def __init__(self, seed: object) -> None:
        self.rng = random.Random(str(seed))

    # Texts.

    def sign(self) -> str:
        """A piece of text that means trouble."""
        kind = self.rng.random()
        if kind < 0.05:
            return self.rng.choice("[{(\"'a ") * self.rng.choice((200, 3000, 40_000))
        return self.rng.choice(self.rng.choice((SIGNS, SIGNS, NUMBERS, WORDS)))

    def text(self, valid: str) -> str:
        """A text with something wrong in it."""
        changes: Sequence[Callable[[str], str]] = (
            self._with_sign, self._with_sign, self._cut, self._without, self._twice, self._swapped, self._other_number,
            lambda _: self.sign(), lambda text: text[::-1], str.upper,
        )  # fmt: skip
        for _ in range(self.rng.choice((1, 1, 2, 5))):
            valid = self.rng.choice(changes)(valid)
        return valid

    def _place(self, text: str) -> int:
        return self.rng.randrange(len(text) + 1)

    def _with_sign(self, text: str) -> str:
        at = self._place(text)
        return text[:at] + self.sign() + text[at:]

    def _cut(self, text: str) -> str:
        return text[: self._place(text)]

    def _without(self, text: str) -> str:
        at = self._place(text)
        return text[:at] + text[at + self.rng.choice((1, 1, 4, 40)) :]

    def _twice(self, text: str) -> str:
        a, b = sorted((self._place(text), self._place(text)))
        return text[:b] + text[a:b] * self.rng.choice((1, 3, 30)) + text[b:] if len(text) < 10**5 else text

    def _swapped(self, text: str) -> str:
        lines = text.split("\n")
        self.rng.shuffle(lines)
        return "\n".join(lines)

    def _other_number(self, text: str) -> str:
        places = [i for i, sign in enumerate(text) if sign.isdecimal()]
        if not places:
            return text
        at = self.rng.choice(places)
        return text[:at] + self.rng.choice(NUMBERS) + text[at + 1 :]

    # Bytes.

    def data(self, valid: bytes) -> bytes:
        """Bytes of a file with something wrong in it."""
        kind = self.rng.random()
        if kind < 0.5:
            found = encoded(self.text(valid.decode("utf-8", "replace")), self.rng.choice(("utf-8",) * 8 + ("utf-16",)))
        elif kind < 0.6:
            found = self.rng.randbytes(self.rng.choice((0, 1, 60, 3000)))
        else:
            found = self._flipped(valid)
        if self.rng.random() < 0.05:
            found = b"\xef\xbb\xbf" + found
        if self.rng.random() < 0.1:
            found = gzip.compress(found, 1)
            found = self._flipped(found) if self.rng.random() < 0.5 else found
        return found

    def _flipped(self, data: bytes) -> bytes:
        found = bytearray(data)
        for _ in range(self.rng.choice((1, 3, 20))):
            at = self.rng.randrange(len(found) + 1)
            found[at : at + self.rng.choice((0, 1, 1, 9))] = self.rng.choice(
                (b"", b"\0", b"\xff", b"\xed\xa0\x80", b'"', b"\n", b",", b"{", b"]", b"0", self.rng.randbytes(3))
            )
        return bytes(found)

    # Values of JSON.

    def value(self, valid: Any) -> Any:
        """A plain value with other values at some of its places."""
        found = copy.deepcopy(valid)
        for _ in range(self.rng.choice((1, 1, 2, 4))):
            found = self._changed(found)
        return found

    def _changed(self, value: Any) -> Any:
        if isinstance(value, dict) and value and self.rng.random() < 0.85:
            key = self.rng.choice(list(value))
            kind = self.rng.random()
            if kind < 0.15:
                return {name: one for name, one in value.items() if name != key}
            if kind < 0.25:
                return {**value, self.sign(): self.stranger()}
            return {**value, key: self._changed(value[key])}
        if isinstance(value, list) and value and self.rng.random() < 0.8:
            at = self.rng.randrange(len(value))
            if self.rng.random() < 0.2:
                return value[:at] + value[at:] * 2
            return [*value[:at], self._changed(value[at]), *value[at + 1 :]]
        return self.stranger() if self.rng.random() < 0.7 or not isinstance(value, str) else self.text(value)

    def stranger(self) -> Any:
        """A value that does not belong."""
        kind = self.rng.random()
        if kind < 0.15:
            return self.sign()
        if kind < 0.18:
            deep: Any = []
            for _ in range(200):
                deep = [deep]
            return deep
        return self.rng.choice(VALUES)

    def json(self, valid: Any) -> bytes:
        """A file of JSON that says something wrong, or is none."""
        if self.rng.random() < 0.3:
            return self.data(json.dumps(valid).encode())
        text = json.dumps(self.value(valid), ensure_ascii=self.rng.random() < 0.7)
        if self.rng.random() < 0.05:
            deep = self.rng.choice((500, 5000, 100_000))
            text = "[" * deep + text + "]" * deep
        return encoded(text)


def encoded(text: str, encoding: str = "utf-8") -> bytes:
    """The bytes of a text, those of half characters too."""
    return text.encode(encoding, "surrogatepass")
