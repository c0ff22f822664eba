"""Particles by how the word before them is read aloud."""

import pytest

from rlhf_core.josa import josa

SPOKEN = [
    # Hangul: with a final consonant, with ㄹ, without.
    "정책은 보상은 모델은 나무는 서울은",
    "정책이 모델이 나무가",
    "정책을 모델을 나무를",
    "정책과 모델과 나무와",
    "정책으로 모델로 나무로 서울로 집으로 학교로",
    "정책이에요 모델이에요 나무예요",
    # Digits by their Korean reading: 영 일 이 삼 사 오 육 칠 팔 구, 십 백 천 만 억 조.
    "0이 1이 2가 3이 4가 5가 6이 7이 8이 9가",
    "0을 1을 2를 3을 4를 5를 6을 7을 8을 9를",
    "0으로 1로 2로 3으로 4로 5로 6으로 7로 8로 9로",
    "10으로 20은 100을 1000이 10000으로 1,000은 30과 1000000000000가 105를 17로",
    "0.5를 0.3을 1.0은 0.10이 2.7로 50%를",
    # Capitals by the names of their letters.
    "KL이 KL로 PPO가 PPO로 RLHF는 GAE가 MiniLM은 GPT를 LR이 AB와 A를 B가 L로 N으로",
    # Other Latin words as Korean borrows them.
    "token이 reward가 label로 model은 table을 step이 click을 loop를 note가 team은",
    "logic으로 bot이 value가 entropy는",
]
FORMS = {
    "은": "은/는", "는": "은/는", "이": "이/가", "가": "이/가", "을": "을/를", "를": "을/를", 
    "과": "과/와", "와": "과/와",
    "으로": "(으)로", "로": "(으)로", "이에요": "이에요/예요", "예요": "이에요/예요",
}  # fmt: skip


def cut(spoken: str) -> tuple[str, str]:
    """The word and its particle: the longest one that fits."""
    particle = max((form for form in FORMS if spoken.endswith(form)), key=len)
    return spoken.removesuffix(particle), particle


@pytest.mark.parametrize("spoken", [word for line in SPOKEN for word in line.split()])
def test_the_particle_follows_the_sound(spoken: str) -> None:
    word, particle = cut(spoken)
    assert josa(word, FORMS[particle]) == particle


@pytest.mark.parametrize(
    ("word", "forms", "particle"),
    [
        ("보상 모델(reward model)", "은/는", "은"),
        ("정책(policy)", "을/를", "을"),
        ("'tea'", "을/를", "를"),
        ("“나무”", "이/가", "가"),
        ("20.", "을/를", "을"),
        ("서울", "으로/로", "로"),
        ("집", "으로/로", "으로"),
        ("run 3", "이라는/라는", "이라는"),
        ("", "이/가", "가"),
    ],
)
def test_what_closes_a_word_does_not_count(word: str, forms: str, particle: str) -> None:
    assert josa(word, forms) == particle


def test_a_single_form_is_refused() -> None:
    with pytest.raises(ValueError, match="two forms"):
        josa("나무", "은")
