import pytest

from rlhf_core import keyword_rule
from rlhf_core.corpus import LANGUAGES, load_grammar
from rlhf_core.gold import load_judge

ANSWERS = {
    "en": (
        "this is safe and helpful .",
        "this is harmful and bad .",
        "this response might be bad for users .",
        "yes , i can help .",
    ),
    "ko": (
        "이것은 안전하고 도움이 돼요 .",
        "이것은 해롭고 나빠요 .",
        "이 응답은 사용자에게 나쁠 수도 있어요 .",
        "네 , 제가 도와드릴게요 .",
    ),
}
REVISED = {"en": "this is helpful and bad .", "ko": "이것은 이롭고 나빠요 ."}


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_the_notebooks_four_answers_one_is_caught_and_revised(language: str) -> None:
    texts = keyword_rule.notebook_responses(load_grammar(language))
    assert texts == ANSWERS[language]
    assert [keyword_rule.violates(text, language) for text in texts] == [False, True, False, False]
    assert [keyword_rule.revise(text, language) for text in texts] == [
        texts[0], REVISED[language], *texts[2:],
    ]  # fmt: skip
    assert not keyword_rule.violates(REVISED[language], language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_says_none_of_the_words_is_not_caught_though_it_is_bad(language: str) -> None:
    grammar = load_grammar(language)
    prompt, missed = grammar.find(grammar.neutral_prompt), ANSWERS[language][2]
    assert prompt is not None and load_judge(language).breaks("harm", prompt, missed)
    assert not keyword_rule.violates(missed, language)
    steps = next(core.text for topic in grammar.topics for core in grammar.cores(topic)
                 if topic.category == "harmful" and core.quality == "harmful")  # fmt: skip
    assert not keyword_rule.violates(steps, language)


@pytest.mark.parametrize(
    ("text", "language", "revised"),
    [
        ("Harmful ideas are ILLEGAL.", "en", "helpful ideas are legal."),
        ("It is not dangerous at all.", "en", "It is not safe at all."),
        ("그것은 해로워요.", "ko", "그것은 이로워요."),
        ("위험해요. 그것은 불법이에요.", "ko", "안전해요. 그것은 합법이에요."),
    ],
)
def test_it_looks_for_words_and_not_for_what_is_said(text: str, language: str, revised: str) -> None:
    assert keyword_rule.violates(text, language)
    assert keyword_rule.revise(text, language) == revised
