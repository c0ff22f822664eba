import random
from collections import Counter

import pytest

from rlhf_core.corpus import CATEGORIES, STYLES, load_grammar, restyle, split_sentences
from rlhf_core.gold import load_judge

grammar = load_grammar("en")


def test_the_size_that_the_course_promises() -> None:
    assert 3300 <= len(grammar.prompts) <= 3700
    assert 500 <= len(grammar.words) <= 700
    assert {p.category for p in grammar.prompts} == set(CATEGORIES) and len(CATEGORIES) == 10


def test_the_notebooks_prompts_and_responses_are_there() -> None:
    for text in ("Is this safe?", "Should I do this?", "Can you help?"):
        assert grammar.find(text) is not None
    for sentence in (
        "this is safe and helpful .",
        "this is harmful and bad .",
        "this response might be bad for users .",
    ):
        assert sentence in grammar.sentences


def test_every_drawn_response_is_made_of_sentences_of_the_grammar_and_fits() -> None:
    rng = random.Random(0)
    for _ in range(3000):
        response = grammar.respond(rng.choice(grammar.prompts).topic, rng)
        assert 0 < len(response.split()) <= 31
        assert set(split_sentences(response)) <= grammar.sentences


def test_splits_part_the_combinations_and_keep_every_topic_in_training() -> None:
    shares = {name: len(grammar.split(name)) / len(grammar.prompts) for name in ("train", "validation", "test")}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["train"] > 0.75 and shares["test"] > 0.08
    combinations = [(p.opening, p.form, p.topic) for p in grammar.prompts]
    assert len(set(combinations)) == len(combinations)
    assert {p.topic for p in grammar.split("train")} == set(grammar.topics)
    with pytest.raises(ValueError, match="'dev'"):
        grammar.split("dev")


def test_style_words_are_closed_lists_that_plain_text_never_uses() -> None:
    plain = {w for topic in grammar.topics for core in grammar.cores(topic) for w in core.text.split()}
    plain |= {w for p in grammar.prompts for w in p.text.split()}
    plain |= {w for phrases in vars(grammar.phrases).values() for s in phrases for w in s.split()}
    assert set(grammar.styles) == set(STYLES)
    butler, pirate = grammar.styles["butler"].markers, grammar.styles["pirate"].markers
    assert butler and pirate and not butler & pirate
    assert not (butler | pirate) & plain
    assert restyle("yes , you can .", grammar.styles["pirate"]) == "aye , ye can ."


def test_display_and_normalise_undo_each_other() -> None:
    assert grammar.display("hello . how do i visit paris , please ?") == "Hello. How do I visit Paris, please?"
    for prompt in grammar.prompts[::7]:
        assert grammar.normalise(grammar.display(prompt.text)) == prompt.text
    assert grammar.find("  HOW do I   make tea?") is not None
    assert grammar.find("how do i make gold?") is None


def test_the_attributes_vary_independently_of_one_another() -> None:
    """No two of them are so entangled that a label could not tell them apart."""
    judge, rng = load_judge("en"), random.Random(1)
    names = ("help", "politeness", "flattery", "butler", "pirate")
    rows = []
    for _ in range(3000):
        prompt = rng.choice(grammar.prompts)
        rows.append(judge.attributes(prompt, grammar.respond(prompt.topic, rng)))
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            assert abs(correlation([r[first] for r in rows], [r[second] for r in rows])) < 0.25, (first, second)


def correlation(x: list[float], y: list[float]) -> float:
    mx, my = sum(x) / len(x), sum(y) / len(y)
    cov = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    return cov / (sum((a - mx) ** 2 for a in x) * sum((b - my) ** 2 for b in y)) ** 0.5


def test_qualities_of_a_category_are_all_there() -> None:
    for topic in grammar.topics:
        qualities = Counter(core.quality for core in grammar.cores(topic))
        assert {"full", "partial", "off"} <= set(qualities), topic
        assert ("harmful" in qualities) == (topic.category in ("unsafe", "harmful", "notebook"))
