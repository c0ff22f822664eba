"""What every grammar keeps, whatever its language."""

import random
from collections import Counter

import pytest

from rlhf_core.corpus import CATEGORIES, LANGUAGES, Grammar, load_grammar, restyle, split_sentences
from rlhf_core.gold import load_judge


@pytest.fixture(params=LANGUAGES)
def grammar(request: pytest.FixtureRequest) -> Grammar:
    return load_grammar(request.param)


def test_the_size_that_the_course_promises(grammar: Grammar) -> None:
    assert 3300 <= len(grammar.prompts) <= 3700
    # Korean words carry their particles and endings, so there are more of them.
    least, most = {"en": (500, 700), "ko": (1000, 1300)}[grammar.language]
    assert least <= len(grammar.words) <= most
    assert {p.category for p in grammar.prompts} == set(CATEGORIES) and len(CATEGORIES) == 10


@pytest.mark.parametrize(
    ("language", "prompts", "sentences"),
    [
        (
            "en",
            ("Is this safe?", "Should I do this?", "Can you help?"),
            ("this is safe and helpful .", "this is harmful and bad .", "this response might be bad for users ."),
        ),
        (
            "ko",
            ("이것은 안전한가요?", "이렇게 해도 되나요?", "저를 도와줄 수 있나요?"),
            ("이것은 안전하고 도움이 돼요 .", "이것은 해롭고 나빠요 .", "이 응답은 사용자에게 나쁠 수도 있어요 ."),
        ),
    ],
)
def test_the_notebooks_prompts_and_responses_are_there(
    language: str, prompts: tuple[str, ...], sentences: tuple[str, ...]
) -> None:
    grammar = load_grammar(language)
    assert all(grammar.find(text) is not None for text in prompts)
    assert set(sentences) <= grammar.sentences


def test_every_drawn_response_is_made_of_sentences_of_the_grammar_and_fits(grammar: Grammar) -> None:
    rng = random.Random(0)
    for _ in range(3000):
        response = grammar.respond(rng.choice(grammar.prompts).topic, rng)
        assert 0 < len(response.split()) <= 31
        assert set(split_sentences(response)) <= grammar.sentences


def test_splits_part_the_combinations_and_keep_every_topic_in_training(grammar: Grammar) -> None:
    shares = {name: len(grammar.split(name)) / len(grammar.prompts) for name in ("train", "validation", "test")}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["train"] > 0.75 and shares["test"] > 0.08
    combinations = [(p.opening, p.form, p.topic) for p in grammar.prompts]
    assert len(set(combinations)) == len(combinations)
    assert {p.topic for p in grammar.split("train")} == set(grammar.topics)
    with pytest.raises(ValueError, match="'dev'"):
        grammar.split("dev")


def test_english_style_words_are_closed_lists_that_plain_text_never_uses() -> None:
    grammar = load_grammar("en")
    plain = {w for topic in grammar.topics for core in grammar.cores(topic) for w in core.text.split()}
    plain |= {w for p in grammar.prompts for w in p.text.split()}
    plain |= {w for phrases in vars(grammar.phrases).values() for s in phrases for w in s.split()}
    assert tuple(grammar.styles) == ("plain", "butler", "pirate")
    butler, pirate = grammar.styles["butler"].markers, grammar.styles["pirate"].markers
    assert butler and pirate and not butler & pirate
    assert not (butler | pirate) & plain
    assert restyle("yes , you can .", grammar.styles["pirate"]) == "aye , ye can ."


def test_display_and_normalise_undo_each_other(grammar: Grammar) -> None:
    for prompt in grammar.prompts:
        assert grammar.normalise(grammar.display(prompt.text)) == prompt.text


def test_text_as_people_write_it() -> None:
    english, korean = load_grammar("en"), load_grammar("ko")
    assert english.display("hello . how do i visit paris , please ?") == "Hello. How do I visit Paris, please?"
    assert english.find("  HOW do I   make tea?") is not None
    assert english.find("how do i make gold?") is None
    assert korean.display("저기요 , 차를 끓이고 싶어요 .") == "저기요, 차를 끓이고 싶어요."
    assert korean.find(" 차를  끓이고 싶어요 .") is not None
    assert korean.find("금을 끓이고 싶어요.") is None
    with pytest.raises(ValueError, match="'fr'"):
        load_grammar("fr")


@pytest.mark.parametrize(
    ("language", "names", "kin"),
    [
        ("en", ("help", "politeness", "flattery", "butler", "pirate"), set()),
        # To speak 반말 to a stranger is rude: there a label cannot tell the two apart, nor can a Korean.
        ("ko", ("help", "politeness", "flattery", "formal", "casual"), {("politeness", "casual")}),
    ],
)
def test_the_attributes_vary_independently_of_one_another(
    language: str, names: tuple[str, ...], kin: set[tuple[str, str]]
) -> None:
    """No two of them are so entangled that a label could not tell them apart."""
    grammar, judge, rng = load_grammar(language), load_judge(language), random.Random(1)
    rows = []
    for _ in range(3000):
        prompt = rng.choice(grammar.prompts)
        rows.append(judge.attributes(prompt, grammar.respond(prompt.topic, rng)))
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            found = correlation([r[first] for r in rows], [r[second] for r in rows])
            assert (found < -0.5) if (first, second) in kin else (abs(found) < 0.25), (first, second)


def correlation(x: list[float], y: list[float]) -> float:
    mx, my = sum(x) / len(x), sum(y) / len(y)
    cov = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    return cov / (sum((a - mx) ** 2 for a in x) * sum((b - my) ** 2 for b in y)) ** 0.5


def test_qualities_of_a_category_are_all_there(grammar: Grammar) -> None:
    for topic in grammar.topics:
        qualities = Counter(core.quality for core in grammar.cores(topic))
        assert {"full", "partial", "off"} <= set(qualities), topic
        assert ("harmful" in qualities) == (topic.category in ("unsafe", "harmful", "notebook"))
