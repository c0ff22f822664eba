"""What Korean knows of its own forms, for reading what people type: particles, endings, courtesies, keystrokes.

The vocabulary's words are 어절: 차를, 끓이는, 방법을. Whoever types 차는 or 끓이려면은 has typed the same noun or verb
with another particle or ending. So every noun is written with every particle and every verb with every ending, and what
comes out is looked up; nothing is guessed from a word's last syllables.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

from rlhf_core.conjugation import closing, conjugate, decompose, is_copula, with_closing

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
"""As `conjugate` takes them; those in 나, 냐, 네, 니 and 는 drop a closing ㄹ (만드나요).

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
LIGHT = frozenset("좀 혹시 한번 너무 요즘 오늘은 오늘 해야 저는 나는 난 전 제가 내가 진짜 정말".split())
"""Words that a question may have or lack without asking anything else; a subject that goes without saying is one."""
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
CORRECT = frozenset(
    """
    가운 간단 간직 강원 걱정 견과 경계 경고 경과 경리 경미 경부 경비 경이 경지 경치 고마운 고마움 고마웠 고양
    고양시 고운 공구 공기 공무 공수 공주 과부 과실 과잉 광부 괴롭힘 구름 구분 구운 그곳 그분 기금 기반 기본 기쁨
    기온 기울 기원 기인 기준 기획 깨끗 나누 나루 나마 나미 나우 나주 난무 날리 남구 남부 노무 담보 도약
    도요 독보 독성 독소 동서 동일 둥근 들어간 들어갔 따뜻 똑똑 라마 란스 렉스 로다 로라 로망 로사 료마 리가 리나
    리다 리라 리모 리사 리아 리자 리카 리타 릭스 마라 마루 마르 마리 마을 만두 만주 먼지 면제 모드 모모 모음
    몰두 무모 무어 무얼 문장 문재 문체 물자 미모 민자 바뀌 바둑 바위 바짝 반가운 반가웠 반주 발포 발효 방심 배신
    백인 베이직 부각 부작 부착 사귄 사라 사랑 사살 사설 사슬 사신 사위 사인 사전 사직 사학 산타 산하 삼진 상실
    새겨 새기 서문 서술 서열 서운 성명 세간 세금 세울 소감 소극 소름 소실 소울 소음 소진 송금 수락 수박 수작
    수험 수확 스테인 시각 시범 시안 시장 시점 시판 식단 신선 신작 신탁 실험 아디 아리 아바타 아웃 안건 안전 안정
    얌전 양국 어도 어두 어딜 어딨 어리 어미 어지 어찌 어치 언행 없애 에디 에리 여름 여생 연승 연행 영구 예리
    오디 오른 오름 오리 오직 오픈 온전 완전 외로워 요기 요로 요미 요시 요약 요지 우리 운전 운행 울음 유행 으리
    으악 음색 음직 의상 의식 의자 의하 이곳 이래 이러 이레 이례 이론 이루 이른 이리 이사 이행 일반 일보 자원
    자율 장로 장사 장수 재원 저자 저작 저항 전원 전장 절박 점원 점장 정국 정권 정장 조엘 조장 조화 종류 주장
    죽인 죽임 중구 중기 중소 중원 지문 지워 지웠 지장 직원 차가운 차분 찾아볼 청도 청사 청송 체온 초반 초연 초인
    치안 친하 카일 파기 파니 파라 파열 파이 파인 파티 팔리 팔찌 페리 편리 편집 프라이스 프로그래머 프리 한결
    홍성 화상 화석 화성시 확신 확진 활성 훌륭 훔친
    """.split()
)
"""Common nouns that the vocabulary lacks and that are one key away from one that it has: 수박 is no slip of 수학."""
SPELLINGS = {
    "어떡하면": "어떻게 하면", "어떡해": "어떻게 해", "어떻해": "어떻게 해", "어떻하면": "어떻게 하면", "할께": "할게",
}  # fmt: skip
_INITIALS, _MEDIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ", "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
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
        if ending[0] in "나냐네니는" and closing(stem[-1]) == "ㄹ":
            ending = f"(으){ending}"
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
    return _INITIALS[initial] + _MEDIALS[medial] + closing(syllable)


def is_correct(word: str) -> bool:
    """Whether a word is a common one, with or without a particle, or too short a one, to be a slip of another."""
    nouns = {word.removesuffix(particle) for particle in ("", *PARTICLES, *COPULAS)}
    return any(noun in CORRECT or len(noun) < 2 for noun in nouns)


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
