"""Korean particles: which of two forms follows a word, by how the word is read aloud."""

from __future__ import annotations

import re
from typing import Literal

from rlhf_core.conjugation import closing

Ending = Literal["vowel", "rieul", "consonant"]
"""How a word's last syllable ends: open, with ㄹ, or with any other final consonant."""

# 영 일 이 삼 사 오 육 칠 팔 구
_DIGITS: tuple[Ending, ...] = (
    "consonant", "rieul", "vowel", "consonant", "vowel", "vowel", "consonant", "rieul", "rieul", "vowel",
)  # fmt: skip
# 십 백 천, 만 십만 백만 천만, 억 ..., 조 ... 천조 (the only ones that end open): by the number of closing zeros.
_ZEROS: dict[int, Ending] = dict.fromkeys((12, 13, 14, 15), "vowel")
# 엘 엠 엔 알; every other letter's name ends open (에이, 비, 씨, ..., 에프, ..., 제트).
_LETTERS: dict[str, Ending] = {"l": "rieul", "m": "consonant", "n": "consonant", "r": "rieul"}
_SYMBOLS: dict[str, Ending] = {"%": "vowel", "℃": "vowel", "°": "vowel"}  # 퍼센트, 도
_CLOSERS = "\"'\u2019\u201d»\u203a」』】》〉]}.,!?…:; "


def josa(word: str, forms: str) -> str:
    """The particle that follows a word.

    forms: the form after a consonant and the one after a vowel ("은/는", "이/가", "을/를", "과/와", "이에요/예요",
    "이라는/라는"), or "(으)로", which treats ㄹ as a vowel. Digits go by their Korean reading, capitals by the names of
    the letters, other Latin words by how their end is heard in Korean.

    >>> "KL" + josa("KL", "이/가"), "3" + josa("3", "을/를"), "7" + josa("7", "(으)로")
    ('KL이', '3을', '7로')
    """
    if forms.startswith("("):
        optional, _, rest = forms[1:].partition(")")
        forms = f"{optional}{rest}/{rest}"
    after_consonant, slash, after_vowel = forms.partition("/")
    if not slash:
        raise ValueError(f"A particle has two forms, such as '은/는', not {forms!r}.")
    end = ending(word)
    if end == "rieul":
        return after_vowel if after_consonant.startswith("으로") else after_consonant
    return after_consonant if end == "consonant" else after_vowel


def ending(word: str) -> Ending:
    """How the last sound of a word ends. Closing quotes, stops and a bracketed gloss don't count."""
    bare = word.rstrip(_CLOSERS)
    if bare.endswith(")"):
        bare = re.sub(r"\s*\([^()]*\)$", "", bare).rstrip(_CLOSERS) or bare.rstrip(")")
    if not bare:
        return "vowel"
    last = bare[-1]
    if "가" <= last <= "힣":
        final = closing(last)
        return "rieul" if final == "ㄹ" else "consonant" if final else "vowel"
    if last.isdecimal():
        return _number(bare)
    if last.isascii() and last.isalpha():
        return _latin(re.findall(r"[A-Za-z]+", bare)[-1])
    return _SYMBOLS.get(last, "vowel")


def _number(text: str) -> Ending:
    digits = re.findall(r"[\d,.]+", text)[-1].replace(",", "")
    whole, point, _ = digits.rpartition(".")
    number = digits.lstrip("0")
    zeros = len(number) - len(number.rstrip("0"))
    # After a decimal point digits are read one by one; before it, closing zeros are read as tens, hundreds, ...
    if (point and whole) or not zeros:
        return _DIGITS[int(digits[-1])]
    return _ZEROS.get(zeros, "consonant")


def _latin(word: str) -> Ending:
    """A word in capitals (or its closing capitals, as in MiniLM) is spelt; others are heard as Korean borrows them."""
    if len(word) == 1 or word[-2:].isupper() or not re.search(r"[aeiouy]", word.lower()):
        return _LETTERS.get(word[-1].lower(), "vowel")
    low = word.lower()
    if re.search(r"(l|[^aeiou]le|[aeiou]le)$", low):  # model 모델, table 테이블, file 파일
        return "rieul"
    if re.search(r"([mn]|ng|[aeiou][mn]e)$", low):  # token 토큰, team 팀, time 타임, learning 러닝
        return "consonant"
    # A stop after one short vowel closes the syllable: step 스텝, click 클릭, bot 봇; but loop 루프, note 노트.
    return "consonant" if re.search(r"(^|[^aeiou])[aeiouy](p|t|ck?|k|b)$", low) else "vowel"
