"""Korean forms, each written out by hand and none taken from the code."""

import pytest

from rlhf_core.conjugation import conjugate
from rlhf_core.corpus import load_grammar, restyle, split_sentences

ENDINGS = ("고", "는", "(으)면", "(으)세요", "(으)ㄹ", "아요", "ㅂ니다")
VERBS = {
    # closed stems, regular: 씻다, 읽다, 잡다, 닫다, 웃다
    "씻다": "씻고 씻는 씻으면 씻으세요 씻을 씻어요 씻습니다",
    "읽다": "읽고 읽는 읽으면 읽으세요 읽을 읽어요 읽습니다",
    "잡다": "잡고 잡는 잡으면 잡으세요 잡을 잡아요 잡습니다",
    "닫다": "닫고 닫는 닫으면 닫으세요 닫을 닫아요 닫습니다",
    "웃다": "웃고 웃는 웃으면 웃으세요 웃을 웃어요 웃습니다",
    # open stems and their contractions
    "가다": "가고 가는 가면 가세요 갈 가요 갑니다",
    "보다": "보고 보는 보면 보세요 볼 봐요 봅니다",
    "주다": "주고 주는 주면 주세요 줄 줘요 줍니다",
    "마시다": "마시고 마시는 마시면 마시세요 마실 마셔요 마십니다",
    "보내다": "보내고 보내는 보내면 보내세요 보낼 보내요 보냅니다",
    "켜다": "켜고 켜는 켜면 켜세요 켤 켜요 켭니다",
    "쉬다": "쉬고 쉬는 쉬면 쉬세요 쉴 쉬어요 쉽니다",
    "되다": "되고 되는 되면 되세요 될 돼요 됩니다",
    "연습하다": "연습하고 연습하는 연습하면 연습하세요 연습할 연습해요 연습합니다",
    # ㄹ stems
    "만들다": "만들고 만드는 만들면 만드세요 만들 만들어요 만듭니다",
    "열다": "열고 여는 열면 여세요 열 열어요 엽니다",
    "살다": "살고 사는 살면 사세요 살 살아요 삽니다",
    # ㅡ falls; 르 doubles its ㄹ, but 따르다 and 들르다 do not
    "끄다": "끄고 끄는 끄면 끄세요 끌 꺼요 끕니다",
    "모으다": "모으고 모으는 모으면 모으세요 모을 모아요 모읍니다",
    "고르다": "고르고 고르는 고르면 고르세요 고를 골라요 고릅니다",
    "누르다": "누르고 누르는 누르면 누르세요 누를 눌러요 누릅니다",
    "따르다": "따르고 따르는 따르면 따르세요 따를 따라요 따릅니다",
    # irregular: ㄷ, ㅂ (and 돕다), ㅅ, 우
    "듣다": "듣고 듣는 들으면 들으세요 들을 들어요 듣습니다",
    "걷다": "걷고 걷는 걸으면 걸으세요 걸을 걸어요 걷습니다",
    "굽다": "굽고 굽는 구우면 구우세요 구울 구워요 굽습니다",
    "눕다": "눕고 눕는 누우면 누우세요 누울 누워요 눕습니다",
    "돕다": "돕고 돕는 도우면 도우세요 도울 도와요 돕습니다",
    "짓다": "짓고 짓는 지으면 지으세요 지을 지어요 짓습니다",
    "붓다": "붓고 붓는 부으면 부으세요 부을 부어요 붓습니다",
    "젓다": "젓고 젓는 저으면 저으세요 저을 저어요 젓습니다",
    "푸다": "푸고 푸는 푸면 푸세요 풀 퍼요 풉니다",
}
FORMS = [
    ("슬프다", "아요", "슬퍼요"),
    ("아프다", "아도", "아파도"),
    ("외롭다", "(으)시겠어요", "외로우시겠어요"),
    ("고맙다", "아", "고마워"),
    ("뜨겁다", "ㅂ니다", "뜨겁습니다"),
    ("둥글다", "ㅂ니다", "둥급니다"),
    ("그렇다", "아요", "그래요"),
    ("하얗다", "아요", "하얘요"),
    ("빨갛다", "(으)ㄴ", "빨간"),
    ("살다", "ㄴ다고", "산다고"),
    ("먹다", "ㄴ다고", "먹는다고"),
    ("되다", "ㄴ다는", "된다는"),
    ("만들다", "(으)려면", "만들려면"),
    ("만들다", "(으)십시오", "만드십시오"),
    ("짓다", "(으)려면", "지으려면"),
    ("나오다", "(으)ㄹ까요", "나올까요"),
    ("굽다", "(으)ㄹ지도", "구울지도"),
    ("좋다", "기", "좋기"),
    ("밥을 짓다", "(으)ㄹ", "밥을 지을"),
    # 이다 after an open and a closed syllable, and verbs that only look like it
    ("파리이다", "아요", "파리예요"),
    ("서울이다", "아요", "서울이에요"),
    ("파리이다", "아", "파리야"),
    ("서울이다", "아", "서울이야"),
    ("로마이다", "ㅂ니다", "로마입니다"),
    ("다섯이다", "다고", "다섯이라고"),
    ("아니다", "아요", "아니에요"),
    ("아니다", "ㅂ니다", "아닙니다"),
    ("먹이다", "아", "먹여"),
    ("죽이다", "는", "죽이는"),
]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_through_its_endings(verb: str) -> None:
    assert " ".join(conjugate(verb, ending) for ending in ENDINGS) == VERBS[verb]


@pytest.mark.parametrize(("verb", "ending", "form"), FORMS)
def test_forms(verb: str, ending: str, form: str) -> None:
    assert conjugate(verb, ending) == form


@pytest.mark.parametrize("word", ["먹어요", "다", ""])
def test_only_dictionary_forms_are_conjugated(word: str) -> None:
    with pytest.raises(ValueError, match=f"'{word}' is not a dictionary form"):
        conjugate(word, "고")


@pytest.mark.parametrize(
    ("plain", "formal", "casual"),
    [
        ("먼저 쌀을 씻으세요 .", "먼저 쌀을 씻으십시오 .", "먼저 쌀을 씻어 ."),
        ("일찍 누우세요 .", "일찍 누우십시오 .", "일찍 누워 ."),
        ("네 , 제가 도와드릴게요 .", "예 , 제가 도와드리겠습니다 .", "응 , 내가 도와줄게 ."),
        ("아니요 , 사실이 아니에요 .", "아니요 , 사실이 아닙니다 .", "아니 , 사실이 아니야 ."),
        ("물어봐 주셔서 고마워요 .", "물어봐 주셔서 고맙습니다 .", "물어봐 줘서 고마워 ."),
        ("저는 음악을 좋아해요 .", "저는 음악을 좋아합니다 .", "나는 음악을 좋아해 ."),
        ("독일의 수도는 베를린이에요 .", "독일의 수도는 베를린입니다 .", "독일의 수도는 베를린이야 ."),
        ("많이 아프시겠어요 .", "많이 아프시겠습니다 .", "많이 아프겠다 ."),
        ("함께 더 나은 방법을 찾아봐요 .", "함께 더 나은 방법을 찾아봅시다 .", "함께 더 나은 방법을 찾아보자 ."),
    ],
)
def test_a_sentence_in_three_speech_levels(plain: str, formal: str, casual: str) -> None:
    styles = load_grammar("ko").styles
    assert plain in load_grammar("ko").sentences
    assert restyle(plain, styles["formal"]) == formal
    assert restyle(plain, styles["casual"]) == casual


def test_every_sentence_ends_in_exactly_one_speech_level() -> None:
    grammar = load_grammar("ko")
    for sentence in grammar.sentences:
        shares = [grammar.style_share(style, [sentence]) for style in ("formal", "casual")]
        assert sum(shares) <= 1, sentence
    cores = {s for t in grammar.topics for c in grammar.cores(t) for s in split_sentences(c.text)}
    for name in ("formal", "casual"):
        assert all(grammar.style_share(name, [restyle(s, grammar.styles[name])]) == 1 for s in cores), name
        assert not any(grammar.style_share(name, [s]) for s in cores), name


def test_nobody_is_addressed_as_dangsin_and_particles_fit() -> None:
    grammar = load_grammar("ko")
    texts = [*grammar.sentences, *(p.text for p in grammar.prompts)]
    assert not any("당신" in text for text in texts)
    by_opening = {p.text for p in grammar.prompts if not p.opening}
    for question in ("눈은 무슨 색인가요 ?", "피는 무슨 색인가요 ?", "물이 축축하다고 생각해요 . 맞나요 ?",
                     "지구가 평평하다는 말이 사실인가요 ?", "둘 더하기 둘이 다섯이라는 말이 사실인가요 ?"):  # fmt: skip
        assert question in by_opening
