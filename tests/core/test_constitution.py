from dataclasses import replace

import pytest

from rlhf_core.constitution import (
    MEASURED,
    MOST_CHARACTERS,
    MOST_EXAMPLES,
    MOST_PRINCIPLES,
    Constitution,
    ConstitutionError,
    Example,
    Principle,
    default_constitution,
    default_path,
    dump,
    parse,
)
from rlhf_core.corpus import LANGUAGES, Grammar, load_grammar
from rlhf_core.gold import load_judge
from rlhf_core.reading import read, read_words

NAME = """[[principle]]
name = "calm"
"""
TEXTS = """text = "Stay calm."
critique_request = "Is it calm?"
revision_request = "Say it calmly."
"""
EXAMPLES = """breaks = ["Leave me alone."]
keeps = ["Take your time."]
"""
HEAD = """format = 1
language = "en"
"""
MINIMAL = HEAD + NAME + TEXTS + EXAMPLES


def with_line(line: str) -> str:
    return MINIMAL + line + "\n"


def principles(names: list[str]) -> str:
    return HEAD + "".join(NAME.replace("calm", name) + TEXTS + EXAMPLES for name in names)


def test_what_is_not_written_has_its_default() -> None:
    assert parse(MINIMAL) == Constitution(
        "en",
        (
            Principle(
                name="calm",
                text="Stay calm.",
                critique_request="Is it calm?",
                revision_request="Say it calmly.",
                breaks=(Example("Leave me alone."),),
                keeps=(Example("Take your time."),),
                weight=1.0,
                enabled=True,
                attribute="",
                source="",
            ),
        ),
    )


AWKWARD = (
    'She said "no", then \\left\\ and \'left\'.',
    "two\nlines\r\nand a\ttab",
    'ends in a backslash \\',
    'three quotes """ and \'\'\'',
    "한글과 세종대왕, 꽃 \U0001f338",
    "delete \x7f, escape \x1b, nul-like \x01 and next line \x85",
    "# no comment = [1]",
    "\\u007f spelt out, and \x7f",
    "line \u2028 and paragraph \u2029 separators, a joiner \u200d",
)


@pytest.mark.parametrize("text", AWKWARD)
def test_any_text_survives_being_written_and_read(text: str) -> None:
    principle = Principle(
        name=text,
        text=text,
        critique_request=text,
        revision_request=text,
        breaks=(Example(text), Example("Leave me alone.", text)),
        keeps=(Example(text, text),),
        weight=-0.1,
        enabled=False,
        attribute="harm",
        source=text,
    )
    constitution = Constitution("ko", (principle, replace(principle, name="other", weight=1e-7, enabled=True)))
    assert parse(dump(constitution)) == constitution


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_defaults_are_written_as_they_ship(language: str) -> None:
    assert dump(default_constitution(language)) == default_path(language).read_text(encoding="utf-8")


def test_an_integer_is_a_weight_and_true_is_none() -> None:
    (principle,) = parse(with_line("weight = -2")).principles
    assert principle.weight == -2.0 and isinstance(principle.weight, float) and principle.turned_round
    with pytest.raises(ConstitutionError, match=r"weight must be a number, not True"):
        parse(with_line("weight = true"))


INVALID = {
    "bad syntax": (MINIMAL.replace('text = "Stay calm."', 'text = "Stay calm.'), ("TOML", "line 5")),
    "bad escape": (with_line('source = "\\q"'), ("TOML", "line 10")),
    "a field twice": (with_line('name = "again"'), ("TOML", "line 10")),
    "no format": (MINIMAL.replace("format = 1\n", ""), ("format", "1", "None")),
    "later format": (MINIMAL.replace("format = 1", "format = 2"), ("format", "1", "2")),
    "format as text": (MINIMAL.replace("format = 1", 'format = "1"'), ("format", "'1'")),
    "no language": (MINIMAL.replace('language = "en"\n', ""), ("language", "missing")),
    "bad language": (MINIMAL.replace('"en"', '"fr"'), ("language", "'fr'", "en, ko")),
    "language a number": (MINIMAL.replace('"en"', "7"), ("language", "7")),
    "unknown field above": (HEAD + 'author = "me"\n' + NAME + TEXTS + EXAMPLES, ("author", "format, language")),
    "nothing": ("", ("format", "None")),
    "no principle": (HEAD, ("no principle", "[[principle]]")),
    "empty list of principles": (HEAD + "principle = []\n", ("0 principles",)),
    "principle a table": (MINIMAL.replace("[[principle]]", "[principle]"), ("[[principle]]",)),
    "principles as texts": (HEAD + 'principle = ["be calm"]\n', ("[[principle]]",)),
    "no name": (MINIMAL.replace('name = "calm"\n', ""), ("Principle 1", "name", "missing")),
    "no text": (MINIMAL.replace('text = "Stay calm."\n', ""), ("Principle 1", "'calm'", "text", "missing")),
    "no request": (
        MINIMAL.replace('revision_request = "Say it calmly."\n', ""), ("'calm'", "revision_request", "missing"),
    ),
    "no examples": (MINIMAL.replace('keeps = ["Take your time."]\n', ""), ("'calm'", "keeps", "missing")),
    "empty text": (MINIMAL.replace("Stay calm.", "  "), ("'calm'", "text", "empty")),
    "empty name": (MINIMAL.replace('"calm"', '""'), ("name", "empty")),
    "long text": (MINIMAL.replace("Stay calm.", "x" * 401), ("'calm'", "text", "401", str(MOST_CHARACTERS))),
    "name a number": (MINIMAL.replace('"calm"', "3"), ("Principle 1", "name", "3")),
    "enabled as text": (with_line('enabled = "yes"'), ("'calm'", "enabled", "'yes'", "true or false")),
    "enabled as number": (with_line("enabled = 1"), ("'calm'", "enabled", "1", "true or false")),
    "weight as text": (with_line('weight = "1.5"'), ("'calm'", "weight", "'1.5'", "number")),
    "weight nan": (with_line("weight = nan"), ("'calm'", "weight", "nan", "10")),
    "weight infinite": (with_line("weight = -inf"), ("'calm'", "weight", "-inf", "10")),
    "weight too heavy": (with_line("weight = 10.5"), ("'calm'", "weight", "10.5", "10")),
    "weight beyond floats": (with_line("weight = 1" + "0" * 400), ("'calm'", "weight", "10")),
    "weight of too many digits": (with_line("weight = 1" + "0" * 5000), ("TOML",)),
    "lists in lists without end": (HEAD + "principle = " + "[" * 20_000 + "\n", ("TOML",)),
    "unknown field": (with_line('colour = "red"'), ("'calm'", "colour", "critique_request")),
    "unknown attribute": (with_line('attribute = "charm"'), ("'calm'", "'charm'", *MEASURED)),
    "attribute a list": (with_line("attribute = []"), ("'calm'", "attribute", "[]")),
    "examples a text": (MINIMAL.replace('["Take your time."]', '"Take your time."'), ("'calm'", "keeps", "list")),
    "no example": (MINIMAL.replace('["Take your time."]', "[]"), ("'calm'", "keeps", "0")),
    "too many examples": (
        MINIMAL.replace('["Take your time."]', str(["a"] * 61)), ("'calm'", "keeps", "61", str(MOST_EXAMPLES)),
    ),
    "example a number": (MINIMAL.replace('["Take your time."]', '["a", 5]'), ("'calm'", "keeps", "example 2", "5")),
    "empty example": (MINIMAL.replace('["Take your time."]', '["a", " "]'), ("'calm'", "keeps", "example 2", "empty")),
    "long example": (
        MINIMAL.replace("Take your time.", "x" * 401), ("'calm'", "keeps", "example 1", str(MOST_CHARACTERS)),
    ),
    "long prompt of an example": (
        MINIMAL.replace('"Take your time."', f'{{prompt = "{"x" * 401}", response = "a"}}'),
        ("'calm'", "keeps", "example 1", str(MOST_CHARACTERS)),
    ),
    "example without response": (
        MINIMAL.replace('"Take your time."', '{prompt = "a"}'), ("'calm'", "keeps", "example 1", "response", "missing"),
    ),
    "example of an unknown field": (
        MINIMAL.replace('"Take your time."', '{response = "a", prompt = "b", rate = 1}'),
        ("'calm'", "keeps", "example 1", "rate", "prompt, response"),
    ),
    "a name twice": (principles(["a", "b", "a"]), ("'a'", "rename")),
    "too many principles": (principles([f"p{i}" for i in range(31)]), ("31", str(MOST_PRINCIPLES))),
    "the second is wrong": (
        principles(["a", "b"]) + "weight = 99\n", ("'b'", "weight", "99"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", INVALID)
def test_what_is_wrong_is_said_with_its_place(case: str) -> None:
    text, words = INVALID[case]
    with pytest.raises(ConstitutionError) as caught:
        parse(text)
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message


def test_an_example_may_be_a_table_without_a_prompt() -> None:
    """`Example.prompt` is optional: without one the example stands for any question."""
    text = MINIMAL.replace('"Take your time."', '{response = "Take your time."}')
    assert parse(text) == parse(MINIMAL)


def test_principles_are_found_and_changed_by_name() -> None:
    constitution = default_constitution("en")
    changed = constitution.with_principle("private", enabled=False)
    assert [p.name for p in constitution.principles if p not in changed.enabled] == ["private"]
    assert constitution.named("private").enabled and [p.name for p in changed.principles] == [
        p.name for p in constitution.principles
    ]
    with pytest.raises(KeyError, match="'nosuch'"):
        constitution.with_principle("nosuch", enabled=False)
    with pytest.raises(ConstitutionError, match="'fair'"):
        replace(constitution, principles=(*constitution.principles, constitution.named("fair")))
    with pytest.raises(ConstitutionError, match="weight"):
        constitution.with_principle("private", weight=float("nan"))


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse("\ufeff" + MINIMAL) == parse(MINIMAL)


def test_a_principle_is_renamed_in_its_place() -> None:
    constitution = default_constitution("en")
    renamed = constitution.with_principle("private", name="discreet")
    names = [p.name for p in constitution.principles]
    assert [p.name for p in renamed.principles] == ["discreet" if name == "private" else name for name in names]
    assert replace(renamed.named("discreet"), name="private") == constitution.named("private")
    with pytest.raises(ConstitutionError, match="'fair'"):
        constitution.with_principle("private", name="fair")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_default_principles(language: str) -> None:
    principles = default_constitution(language).principles
    assert len(principles) == 10 and all(p.enabled and p.weight == 1 for p in principles)
    assert [p.source for p in principles] == ["notebook"] * 5 + ["ours"] * 5
    assert sum(not p.attribute for p in principles) == 2
    assert {p.attribute for p in principles} == {"", *MEASURED}
    other = default_constitution("ko" if language == "en" else "en").principles
    assert [p.attribute for p in principles] == [p.attribute for p in other]


def examples_of(language: str) -> list[tuple[Principle, bool, Example]]:
    return [
        (principle, broken, example)
        for principle in default_constitution(language).principles
        for broken, side in ((True, principle.breaks), (False, principle.keeps))
        for example in side
    ]


def asked(grammar: Grammar, example: Example) -> str:
    return example.prompt or grammar.display(grammar.neutral_prompt)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_gold_judge_agrees_with_every_example_that_it_can_measure(language: str) -> None:
    grammar, judge = load_grammar(language), load_judge(language)
    for principle, broken, example in examples_of(language):
        prompt = grammar.find(asked(grammar, example))
        assert prompt is not None, example
        if principle.attribute:
            response = grammar.normalise(example.response)
            assert judge.breaks(principle.attribute, prompt, response) == broken, (principle.name, example)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_example_asks_what_is_kept_for_measuring(language: str) -> None:
    grammar = load_grammar(language)
    found = [grammar.find(example.prompt) for _, _, example in examples_of(language) if example.prompt]
    assert len(found) > 150 and {prompt.split for prompt in found if prompt} == {"train"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_example_is_read_word_for_word(language: str) -> None:
    grammar = load_grammar(language)
    for principle, _, example in examples_of(language):
        for reading, text in (
            (read(grammar, asked(grammar, example)), asked(grammar, example)),
            (read_words(grammar, example.response), example.response),
        ):
            assert (reading.text, reading.unknown, reading.changed) == (grammar.normalise(text), (), ()), principle.name
        assert not set(grammar.normalise(example.response).split()) - grammar.vocabulary
