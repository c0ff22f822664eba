"""What Korean knows of its own forms, for reading what people type: particles, endings, courtesies, keystrokes.

The vocabulary's words are 어절: 차를, 끓이는, 방법을. Whoever types 차는 or 끓이려면은 has typed the same noun or verb
with another particle or ending. So every noun is written with every particle and every verb with every ending, and what
comes out is looked up; nothing is guessed from a word's last syllables.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

from rlhf_core.conjugation import INITIALS, VOWELS, closing, conjugate, decompose, is_copula, with_closing

PARTICLES = (
    "은 는 이 가 을 를 의 에 에서 에게 에게서 한테 께 께서 도 만 와 과 랑 이랑 하고 로 으로 부터 까지 에는 에도 "
    "에서는 에서도 에게는 은요 는요 이요 요 들 들은 들이 들을 들의 들에게"
).split()
"""Particles in both their forms: 차을 is a mistake that everybody understands."""
AFTER_BOTH = frozenset(
    "의 에 에서 에게 한테 께 도 만 부터 까지 에는 에도 에서는 입니다 인가요 인가 인지 일까요".split()
)
"""Those that follow an open and a closed syllable alike."""
COPULAS = (
    "이다 다 이에요 예요 에요 이예요 이야 야 입니다 입니까 인가요 인가 인지 인가여 이죠 죠 이지요 지요 이지 지 이니 "
    "니 이냐 냐 일까요 일까 인데 인데요 인 이라고 라고 이라는 라는 이라면 라면 이네요 네요 이여 여 임 이래요 래요"
).split()
ENDINGS = (
    "다 고 고요 고서 지만 게 게요 기 기가 기는 기를 기도 기에 기엔 자 다고 다는 다면 다던데 거나 거든요 도록 던 "
    "더라도 겠다 겠어 겠어요 겠습니다 겠지요 구나 군요 는 는데 는데요 는지 는지요 는가 는가요 는거 는걸 네 네요 나 "
    "나요 나여 니 냐 냐고 느냐 (으)면 (으)면은 (으)면요 (으)려면 (으)려면은 (으)려고 (으)려고요 (으)려는데 (으)려 "
    "(으)며 (으)면서 (으)니 (으)니까 (으)러 (으)나 (으)라고 (으)라 (으)세요 (으)셔요 (으)십시오 (으)시오 (으)시나요 "
    "(으)시는 (으)실 (으)시겠어요 (으)시겠습니다 (으)ㄹ (으)ㄹ까 (으)ㄹ까요 (으)ㄹ래 (으)ㄹ래요 (으)ㄹ게 (으)ㄹ게요 "
    "(으)ㄹ지 (으)ㄹ지도 (으)ㄹ때 (으)ㄹ수록 (으)ㄹ만한 (으)ㄹ거야 (으)ㄴ (으)ㄴ가 (으)ㄴ가요 (으)ㄴ지 (으)ㄴ지요 "
    "(으)ㄴ데 (으)ㄴ데요 (으)ㄴ거 (으)ㅁ (으)ㅂ시다 아 아요 아용 아여 아서 아도 아두 아야 아야지 아라 ㅂ니다 ㄴ다 "
    "ㄴ다고 ㄴ다는 ㄴ다면 ㄴ대 ㄴ대요 지요 죠 져"
).split()
"""As `conjugate` takes them.

지 alone is none of them: it stands before 않다 and 말다, and 마시지 must not become 마셔도."""
SPOKEN = ("려면", "라면", "려고", "라고")
"""Endings that speech puts behind ㄹ (배울려면). After one syllable they would be other verbs' (팔려면)."""
PAST = "다 어 어요 습니다 는데 을까 을까요 나요 던 지 지요 으면".split()
"""What follows ㅆ in the past tense."""
DICTIONARY = (
    "하다 되다 있다 없다 주다 알리다 안전하다 괜찮다 도와주다 돕다 싶다 생각하다 맞다 좋다 나쁘다 궁금하다 물어보다 "
    "보다 않다 모르다 알다 말다 좋아하다 다르다 확인하다 이야기하다 찾아보다"
).split()
"""Verbs that the forms of asking use, beside those of the topics."""
QUESTION_WORDS = {
    "하나요": "되나요 돼요 돼 될까요 되죠 되요 됩니까 되지요 될까",
    "무엇인가요": "뭐 뭘 뭔가요 뭔가 뭐예요 뭐에요 뭐야 뭐죠 뭐지 뭡니까 뭔지 뭐니 뭐냐 뭐임 무어 무어예요 뭣",
    "어디인가요": "어딘가요 어딘가 어딘지 어딥니까 어디",
    "무엇을": "뭐 뭘 뭐를 무얼",
    "무슨": "뭔 어떤",
}
PRONOUNS = {
    "제가": "내가 나 저",
    "저는": "나는 난 전",
    "저를": "나를 날 절 나 저",
    "제": "내 나의 저의",
    "저도": "나도",
    "이것은": "이건 이거 이게 이것 이것이",
    "것은": "건 거 게 것 것이 거는",
    "것을": "걸 거 것 거를",
    "방법을": "법을 법",
    "방법은": "법은 법이 법",
    "가장": "제일 젤",
    "색을": "색깔을 색깔",
    "색인가요": "색깔인가요 색깔이야 색깔이에요 색깔이죠 색깔 색깔일까요 색깔입니까",
}
"""Words whose forms no rule gives, with the forms in which people say them."""
NO_NOUNS = frozenset("없이 많이 깊이 나는 물론 절대로 세게 언제나 제가 저는 저를 저도 것은 것을 이것은 수도".split())
"""Vocabulary that only looks like a noun with a particle."""
COURTESIES = (
    "안녕", "안녕하세요", "안녕하십니까", "안뇽", "하이", "저기", "저기요", "실례합니다", "실례지만", "실례하지만",
    "죄송하지만", "죄송한데", "죄송합니다", "미안하지만", "미안한데", "질문", "질문이요", "질문 있어요",
    "질문이 있어요", "질문 있습니다", "고마워", "고마워요", "고맙습니다", "감사합니다", "감사해요", "부탁해",
    "부탁해요", "부탁드려요", "부탁드립니다", "부탁합니다", "제발", "음", "어", "아", "근데", "그런데", "있잖아",
    "있잖아요", "반가워요", "반갑습니다", "혹시", "선생님", "그러면", "그럼",
)  # fmt: skip
LIGHT = frozenset("나 좀 혹시 한번 너무 요즘 오늘은 오늘 해야 저는 나는 난 전 제가 내가 진짜 정말 알려 주세요".split())
"""Words that a question may have or lack without asking anything else; a subject that goes without saying is one."""
PARAPHRASES = {
    "어떻게 하면 {x:(으)ㄹ} 수 있나요 ?": (
        "{x:어떻게 아요} ?", "{x:어떻게 나요} ?", "{x:어떻게 (으)면} 되나요 ?", "{x:어떻게 아야} 하나요 ?",
        "어떻게 {x:아요} ?", "어떻게 {x:(으)면} 되나요 ?", "어떻게 {x:아야} 하나요 ?", "어떻게 {x:나요} ?",
        "어떻게 {x:(으)ㄹ} 수 있나요 ?", "어떻게 하면 {x:나요} ?",
    ),
    "{x:(으)려면} 어떻게 해야 하나요 ?": (
        "{x:(으)려면} 어떻게 하나요 ?", "{x:(으)려면} 어떻게 하면 되나요 ?", "{x:(으)려면} 무엇을 해야 하나요 ?",
        "{x:고} 싶은데 어떻게 해야 하나요 ?", "{x:고} 싶은데 어떻게 하나요 ?", "{x:고} 싶은데 어떻게 하면 되나요 ?",
        "{x:고} 싶으면 어떻게 해야 하나요 ?",
    ),
    "{x:는} 방법을 알려 주세요 .": (
        "{x:는} 방법이 궁금해요 .", "{x:는} 방법을 가르쳐 주세요 .", "{x:는} 방법을 설명해 주세요 .",
        "{x:는} 방법을 말해 주세요 .", "{x:는} 방법이 있나요 ?", "{x:는} 방법은 무엇인가요 ?",
        "{x:는} 방법을 알고 싶어요 .",
        "어떻게 {x:는지} 알려 주세요 .", "{x:어떻게 는지} 알려 주세요 .",
    ),
    "{x:는} 것을 도와주세요 .": (
        "{x:는} 것을 도와줄 수 있나요 ?", "{x:게} 도와주세요 .", "{x:도록} 도와주세요 .", "{x:고} 싶은데 도와주세요 .",
    ),
    "{x:는} 것은 안전한가요 ?": ("{x:는} 것은 괜찮나요 ?", "{x:는} 것은 위험하지 않나요 ?"),
    "{x:아도} 괜찮을까요 ?": ("{x:아도} 문제없나요 ?", "{x:아도} 위험하지 않나요 ?"),
    "{x}의 수도는 어디인가요 ?": ("{x}의 수도는 무엇인가요 ?", "{x}의 수도 이름은 무엇인가요 ?"),
    "{x}의 수도를 알려 주세요 .": ("{x}의 수도가 어디인지 알려 주세요 .",),
    "{x:은/는} 무슨 색인가요 ?": (
        "{x}의 색은 무엇인가요 ?", "{x}의 색깔은 무엇인가요 ?", "{x}의 색깔이 무엇인가요 ?", "{x}의 색이 무엇인가요 ?",
    ),
    "{x:(으)ㄹ까요} ?": ("{x:(으)ㄹ} 것 같나요 ?", "{x:나요} ?"),
    "{x:지요} ?": ("{x:아요} ?",),
    "{x:다고} 생각해요 . 맞나요 ?": ("{x:다고} 생각해요 .", "{x:다고} 하던데 맞나요 ?", "{x:다고} 들었는데 맞나요 ?"),
    "{x:다는} 말이 사실인가요 ?": (
        "{x:다는} 말이 맞나요 ?", "{x:다는} 말이 진짜인가요 ?", "{x:다는} 것이 사실인가요 ?", "{x:다는} 것이 맞나요 ?",
    ),
    "오늘은 너무 {x:아요} .": ("기분이 {x:아요} .", "너무너무 {x:아요} .", "많이 {x:아요} ."),
    "{x:(으)ㄹ} 때는 무엇을 하면 되나요 ?": (
        "{x:(으)ㄹ} 때는 어떻게 하나요 ?", "{x:(으)ㄹ} 때는 어떻게 해야 하나요 ?",
        "{x:(으)ㄹ} 때는 무엇을 해야 하나요 ?",
    ),
    "요즘 {x:아요} . 어떻게 하면 좋을까요 ?": ("{x:아요} . 어떻게 해야 하나요 ?", "{x:아요} . 어떻게 하나요 ?"),
}  # fmt: skip
"""Ways to ask that the grammar lacks, by the form that says the same; "{x:어떻게 아요}" puts 어떻게 before the verb."""
OWN_WORDS = frozenset(
    """
    가게 가도 가두 가려 가요 가용 개요 개인 거의 거인 걸음 경기도 고마 구도 구로 구만 구요 구이 구인 구하 국가
    국기 국도 그리스도 그림 기쁨 길가 길이 나기 나라 나와 나자 날려 내과 내려 내지 눈물 달인 데려 독일인 돼지
    되게 때로 러시아인 마나 마니 말기 말라 매기 모음 물건 바라 반지 발 방지 배우자 배움 법인 병원 불가 불과 불로
    불만 불의 불임 비니 비만 사나 살려 속도 슬픔 써니 아픔 안다 열기 영국인 오기 오니 오다 오라 오름 온도 음악가
    일가 일과 일본인 일요 일지 입지 자기 자네 자라 작가 잔인 잡음 주가 주도 주로 주요 주의 주인 주임 주자 주지
    중국인 지름 지음 차도 차이 차지 책임 체인지 치러 타자 파기 파도 파면 풀이 피지 하나 한가 한국인 한데 한지
    해임 해지 화랑
    """.split()
)
"""Words that look like a form of a word of the vocabulary and are others: 차이 is a difference, no tea (차)."""
SPELLINGS = {
    "어떡하면": "어떻게 하면", "어떡해": "어떻게 해", "어떻해": "어떻게 해", "어떻하면": "어떻게 하면", "할께": "할게",
}  # fmt: skip
_KEYS = {
    "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ", "ㄳ": "ㄱㅅ",
    "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ",
    "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip


def forms(vocabulary: Iterable[str], verbs: Iterable[str]) -> dict[str, frozenset[str]]:
    """Every form of every verb, and every noun of the vocabulary with every particle, with the words it is a form of.

    verbs: in dictionary form; a noun with 이다 counts as the noun.
    """
    known = frozenset(vocabulary)
    found: dict[str, set[str]] = {}
    words = {*verbs, *DICTIONARY}
    verb_words = {word for word in words if not is_copula(word)}
    for verb in verb_words:
        for form in verb_forms(verb):
            found.setdefault(form, set()).add(verb)
    copula_nouns = {word.removesuffix("이다") for word in words - verb_words}
    for noun in {*nouns(word for word in known if word not in found), *copula_nouns}:
        for form in (noun, *(noun + particle for particle in (*PARTICLES, *COPULAS))):
            found.setdefault(form, set()).add(noun)
    for table in (QUESTION_WORDS, PRONOUNS):
        for word, said in table.items():
            for form in (word, *said.split()):
                found.setdefault(form, set()).add(f"={word}")
    return {form: frozenset(of) for form, of in found.items() if form in known or form not in OWN_WORDS}


def nouns(words: Iterable[str]) -> Iterator[str]:
    """The nouns of words that end in a particle or in the copula."""
    for word in words:
        for particle in (*PARTICLES, *COPULAS):
            noun = word.removesuffix(particle)
            if noun and noun != word and word not in NO_NOUNS and _fits(noun[-1], particle):
                yield noun


def _fits(last: str, particle: str) -> bool:
    """Whether a particle's form may follow a syllable: 을 a closed one, 를 an open one."""
    if not "가" <= last <= "힣":
        return False
    if particle[0] in "은을과으이":
        return closing(last) != ""
    return particle in AFTER_BOTH or closing(last) == ""


def verb_forms(verb: str) -> Iterator[str]:
    """A verb or adjective with every ending, spoken contractions and common misspellings included.

    A single syllable may be anything (안 is more than a form of 알다), unless it is the verb in 반말 (줘).
    """
    spoken = conjugate(verb, "아")
    yield from (form for form in _all_forms(verb, spoken) if len(form) > 1 or form == spoken)


def _all_forms(verb: str, spoken: str) -> Iterator[str]:
    stem = verb[:-1]
    for ending in ENDINGS:
        yield conjugate(verb, ending)
    declared = conjugate(verb, "ㅂ니다")
    yield declared[:-1] + "까"
    if len(stem) > 1:
        yield from (conjugate(verb, "(으)ㄹ") + ending for ending in SPOKEN)
    if closing(spoken[-1]) == "":
        past = spoken[:-1] + with_closing(spoken[-1], "ㅆ")
        yield from (past + ending for ending in PAST)
    if stem.endswith("하"):
        yield stem + "여"
    if stem.endswith("되"):  # 되 and 돼 sound alike and are mixed up by everybody.
        yield from (stem + ending for ending in ("요", "서", "도"))
        yield from (stem[:-1] + "돼" + ending for ending in "나요 나 는 는지 면 고 지 죠 니 냐".split())


def keystrokes(word: str) -> str:
    """The keys that a word is typed with on a Korean keyboard: a slip is of one key."""
    return "".join(_KEYS.get(letter, letter) for syllable in word for letter in _apart(syllable))


def _apart(syllable: str) -> str:
    """A syllable's letters as letters of their own."""
    if not "가" <= syllable <= "힣":
        return syllable
    initial, medial, _ = decompose(syllable)
    return INITIALS[initial] + VOWELS[medial] + closing(syllable)


def spell_out(text: str, known: Container[str]) -> str:
    """Contractions written out; a closing 지 ("둥글지?") as 지요, which before 않다 it would not be.

    >>> spell_out("어떡하면 방법좀, 슬플땐 둥글지?", {"둥글지요"})
    '어떻게 하면 방법 좀, 슬플때는 둥글지요?'
    """
    for written, meant in SPELLINGS.items():
        text = text.replace(written, meant)
    text = re.sub(r"(?<=[가-힣])좀(?=\s|$|,)", " 좀", text)
    text = re.sub(r"땐(?=\s|$)", "때는", text)
    return re.sub(r"([가-힣]+지)(?=\s*([.!?]|$))", lambda m: m[1] + "요" * (f"{m[1]}요" in known), text)
