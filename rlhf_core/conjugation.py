"""Korean conjugation: `conjugate("밥을 짓다", "(으)세요")` is "밥을 지으세요".

An ending is written as grammars of Korean write it, and its first sign says how it joins the stem:

- a consonant ("고", "는", "지요", "겠어요") follows the stem as it is;
- "(으)" ("(으)면", "(으)세요", "(으)ㄹ", "(으)ㄴ") puts 으 between a closed syllable and the ending;
- "아" ("아요", "아서", "아") is 아 after ㅏ and ㅗ, 어 otherwise, and contracts with an open syllable;
- "ㅂ니다" and "ㄴ다" are 습니다 and 는다 after a closed syllable.

The rules are those of the Korean orthography (한글 맞춤법, National Institute of Korean Language, articles 15 to 18
and 34 to 38). A stem's class follows from its form but for the irregular verbs listed here: 굽다 (to bake) gives 구워요
and 잡다 gives 잡아요, and nothing in the letters says so.
"""

from __future__ import annotations

from functools import cache

_CONTRACTED = {"ㅗ": "ㅘ", "ㅜ": "ㅝ", "ㅣ": "ㅕ", "ㅚ": "ㅙ", **{vowel: vowel for vowel in "ㅏㅓㅐㅔㅕ"}}
"""What an open stem's vowel and the 아 or 어 after it become together."""
INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_CLOSINGS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"

P_IRREGULAR = frozenset(
    "굽 눕 돕 줍 맵 춥 덥 곱 쉽 밉 고맙 어둡 무겁 가볍 반갑 뜨겁 차갑 어렵 외롭 해롭 무섭 즐겁 새롭 아름답 부드럽 "
    "시끄럽 부럽 귀엽 두렵 가깝 그립 더럽 서럽 괴롭 놀랍 아쉽 무덥".split()
)
"""ㅂ becomes 우 before a vowel (돕다 and 곱다: 오 before 아). Others, 잡다 or 입다, keep it."""
T_IRREGULAR = frozenset("듣 걷 묻 싣 깨닫 일컫 긷".split())
"""ㄷ becomes ㄹ before a vowel. 묻다 is to ask and 걷다 to walk; to bury and to roll up are regular."""
S_IRREGULAR = frozenset("짓 붓 낫 잇 젓 긋".split())
"""ㅅ falls before a vowel, and nothing contracts over the gap: 지어요."""
H_IRREGULAR = frozenset("파랗 빨갛 노랗 하얗 까맣 그렇 이렇 저렇 어떻".split())
"""ㅎ falls before 으 and ㄴ, and melts with 아 into ㅐ: 파래요."""
REU_REGULAR = frozenset("따르 치르 들르 다다르 우러르".split())
"""Verbs in 르 that only lose their ㅡ: 따라요. The others double the ㄹ: 몰라요."""


def compose(initial: int, medial: int, final: int = 0) -> str:
    """A syllable from the numbers of its parts (Unicode, section 3.12)."""
    return chr(0xAC00 + (initial * len(VOWELS) + medial) * len(_CLOSINGS) + final)


def decompose(syllable: str) -> tuple[int, int, int]:
    """The numbers of the parts of a Hangul syllable. ValueError for any other character."""
    code = ord(syllable) - 0xAC00
    if not 0 <= code < len(INITIALS) * len(VOWELS) * len(_CLOSINGS):
        raise ValueError(f"{syllable!r} is not a Hangul syllable.")
    return code // (len(VOWELS) * len(_CLOSINGS)), code // len(_CLOSINGS) % len(VOWELS), code % len(_CLOSINGS)


def closing(syllable: str) -> str:
    """The final consonant (받침) of a syllable, empty if it is open."""
    return _CLOSINGS[decompose(syllable)[2]].strip()


def with_closing(syllable: str, final: str) -> str:
    """The syllable with another final consonant; "" opens it."""
    initial, medial, _ = decompose(syllable)
    return compose(initial, medial, _CLOSINGS.index(final or " "))


@cache
def conjugate(verb: str, ending: str) -> str:
    """Join a verb or adjective in dictionary form, words before it included, with an ending written as above.

    The copula is 이다 joined to its noun ("서울이다", "파리이다"): 서울이에요, 파리예요, 서울이라고, 파리라고.
    ValueError for a word that is no dictionary form.
    """
    *before, word = verb.split(" ")
    if len(word) < 2 or not word.endswith("다"):
        raise ValueError(f"{verb!r} is not a dictionary form: it must end in 다.")
    stem = word[:-1]
    if is_copula(word):
        form = _copula(stem[:-1], ending)
    elif word == "아니다" and ending in ("아요", "아"):
        form = {"아요": "아니에요", "아": "아니야"}[ending]
    elif ending.startswith("(으)"):
        form = _with_eu(stem, ending.removeprefix("(으)"))
    elif ending.startswith("아"):
        form = _with_a(stem) + ending[1:]
    elif ending.startswith(("ㅂ니다", "ㄴ다")):
        form = _declared(stem, ending)
    else:
        form = _plain(stem, ending)
    return " ".join([*before, form])


_VERBS_IN_IDA = frozenset(
    "높이다 줄이다 끓이다 붙이다 움직이다 기울이다 숙이다 모이다 보이다 쌓이다 들이다 먹이다 죽이다 녹이다 속이다 "
    "섞이다 놓이다 덮이다 쓰이다 깎이다 반짝이다 망설이다 벌이다 늘이다 절이다 졸이다 조이다".split()
)


def is_copula(word: str) -> bool:
    """Whether a dictionary form is a noun with 이다. Verbs in -이다 are listed."""
    return len(word) > 2 and word.endswith("이다") and word not in _VERBS_IN_IDA


def _plain(stem: str, ending: str) -> str:
    """Before a consonant only ㄹ gives way: it falls before ㄴ (만드는, 만드나요)."""
    if closing(stem[-1]) == "ㄹ" and _begins_with(ending, "ㄴ"):
        stem = stem[:-1] + with_closing(stem[-1], "")
    return stem + ending


def _declared(stem: str, ending: str) -> str:
    """ㅂ니다 and ㄴ다 close an open syllable (and ㄹ gives way to them); after a consonant they are 습니다 and 는다."""
    if closing(stem[-1]) in ("", "ㄹ"):
        return stem[:-1] + with_closing(stem[-1], ending[0]) + ending[1:]
    return stem + {"ㅂ": "습", "ㄴ": "는"}[ending[0]] + ending[1:]


def _with_eu(stem: str, ending: str) -> str:
    """(으): ㄹ stems take none; a bare ㄹ, and any ㄴ, ㅂ or ㅅ, takes the place of theirs: 만들면, but 만드세요."""
    last, final = stem[-1], closing(stem[-1])
    if final == "":
        return _attach(stem, ending)
    if final == "ㄹ":
        opened = stem[:-1] + with_closing(last, "")
        return _attach(opened, ending) if _begins_with(ending, "ㄴㄹㅂㅅ") else stem + ending
    return _attach(_before_vowel(stem, "으"), ending)


def _begins_with(ending: str, consonants: str) -> bool:
    """Whether an ending begins with one of the consonants, be it bare or that of a syllable (려면 begins with a
    syllable's ㄹ, which changes nothing before it)."""
    first = ending[0]
    if first in _CLOSINGS:
        return first in consonants
    return {2: "ㄴ", 7: "ㅂ", 9: "ㅅ"}.get(decompose(first)[0], "-") in consonants


def _attach(stem: str, ending: str) -> str:
    """An ending after an open syllable; a bare consonant closes it (가 + ㄹ까요 = 갈까요)."""
    if ending[0] in "ㄴㄹㅁㅂ":
        return stem[:-1] + with_closing(stem[-1], ending[0]) + ending[1:]
    return stem + ending


def _before_vowel(stem: str, vowel: str) -> str:
    """A closed stem as it stands before a vowel, with that vowel: 구우, 들으, 지으, 읽으."""
    last = stem[-1]
    opened = stem[:-1] + with_closing(last, "")
    if stem in P_IRREGULAR:
        return opened + {"으": "우", "아": "와" if stem in ("돕", "곱") else "워"}[vowel]
    if vowel == "아":
        vowel = "아" if VOWELS[decompose(last)[1]] in "ㅏㅗㅑ" else "어"
    if stem in T_IRREGULAR:
        return stem[:-1] + with_closing(last, "ㄹ") + vowel
    if stem in S_IRREGULAR:
        return opened + vowel
    if stem in H_IRREGULAR:
        if vowel == "으":
            return opened
        initial, medial, _ = decompose(last)
        return stem[:-1] + compose(initial, VOWELS.index({"ㅑ": "ㅒ"}.get(VOWELS[medial], "ㅐ")))
    return stem + vowel


def _with_a(stem: str) -> str:
    """The stem with 아 or 어, contracted as it is spoken: 가, 봐, 마셔, 배워, 꺼, 몰라, 해."""
    last = stem[-1]
    initial, medial, final = decompose(last)
    if final:
        return _before_vowel(stem, "아")
    if last == "하":
        return stem[:-1] + "해"
    vowel = VOWELS[medial]
    if vowel == "ㅡ":
        return _without_eu(stem)
    if stem == "푸":
        return "퍼"
    if vowel in _CONTRACTED:
        return stem[:-1] + compose(initial, VOWELS.index(_CONTRACTED[vowel]))
    return stem + "어"  # 쉬어, 띄어


def _without_eu(stem: str) -> str:
    """ㅡ falls before 아 and 어, whose choice the syllable before it makes; 르 doubles its ㄹ as well."""
    before, last = stem[:-1], stem[-1]
    initial = decompose(last)[0]
    bright = before and VOWELS[decompose(before[-1])[1]] in "ㅏㅗ"
    vowel = VOWELS.index("ㅏ" if bright else "ㅓ")
    if last == "르" and stem not in REU_REGULAR:
        return before[:-1] + with_closing(before[-1], "ㄹ") + compose(initial, vowel)
    return before + compose(initial, vowel)


def _copula(noun: str, ending: str) -> str:
    """이다 after a noun: 이 falls after an open syllable where speech drops it."""
    closed = closing(noun[-1]) != ""
    forms = {
        "아요": ("이에요", "예요"),
        "아": ("이야", "야"),
        "다고": ("이라고", "라고"),
        "다는": ("이라는", "라는"),
        "지요": ("이지요", "지요"),
        "ㅂ니다": ("입니다", "입니다"),
        "고": ("이고", "고"),
    }
    if ending in forms:
        return noun + forms[ending][not closed]
    if ending.startswith("(으)"):
        return noun + _attach("이", ending.removeprefix("(으)"))
    if ending.startswith("아"):
        return noun + ("이어", "여")[not closed] + ending[1:]
    return f"{noun}이{ending}"
