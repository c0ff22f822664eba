"""What people type, and what is read."""
# ruff: noqa: RUF001 - people type such characters

import random
import unicodedata

import pytest

from rlhf_core.corpus import Grammar, load_grammar
from rlhf_core.reading import MAX_WORDS, Reading, one_slip, read, read_words, surface

GRAMMARS = {language: load_grammar(language) for language in ("en",)}


def read_as(language: str, typed: str) -> Reading:
    return read(GRAMMARS[language], typed)


ENGLISH = [
    # Case, marks, spacing, the keyboard.
    ("how do i make tea", "how do i make tea ?"),
    ("HOW DO I MAKE TEA?!!", "how do i make tea ?"),
    ("  how do I make tea ??", "how do i make tea ?"),
    ("how do i make tea...", "how do i make tea ?"),
    ("How do I make tea…", "how do i make tea ?"),
    ("“How do I make tea?”", "how do i make tea ?"),
    ("Ｈｏｗ ｄｏ ｉ ｍａｋｅ ｔｅａ？", "how do i make tea ?"),
    ("how do i\u200b make tea 🍵🙂", "how do i make tea ?"),
    ("How do I learn Python 👩\u200d💻?", "how do i learn python ?"),
    ("I think the earth is flat, am I right", "i think the earth is flat . am i right ?"),
    ("hello how do i find the capital", "hello how do i find the capital"),
    ("howdoimaketea", "how do i make tea ?"),
    ("how do i maketea", "how do i make tea ?"),
    ("how do i m a k e tea", "how do i make tea ?"),
    ("is this s a f e?", "is this safe ?"),
    ("should i share my pass word", "should i share my pass word"),
    ("should i share a pass word", "should i share a password ?"),
    # Contractions, spellings, numbers.
    ("what's the capital of france", "what is the capital of france ?"),
    ("What’s the capital of Korea?", "what is the capital of korea ?"),
    ("whats the capital of japan", "what is the capital of japan ?"),
    ("I'm so tired today", "i am so tired today ."),
    ("im so sad today", "i am so sad today ."),
    ("who'll win the game?", "who will win the game ?"),
    ("What colour is the sky?", "what color is the sky ?"),
    ("Is it ok to read at night?", "is it okay to read at night ?"),
    ("how do i learn maths", "how do i learn math ?"),
    ("2+2=5, right?", "two plus two is five , right ?"),
    ("should i sleep 8 hours", "should i sleep eight hours ?"),
    # Greetings and courtesies.
    ("hello, how do i make tea", "hello . how do i make tea ?"),
    ("Hey! How do I make tea?", "how do i make tea ?"),
    ("good morning, how do i bake bread", "how do i bake bread ?"),
    ("how do I bake bread please", "how do i bake bread ?"),
    ("please how do i bake bread", "please , how do i bake bread ?"),
    ("How do I bake bread? Thank you!", "how do i bake bread ?"),
    # Endings and articles.
    ("should i eat raw chickens", "should i eat raw chicken ?"),
    ("Will robots take my jobs?", "will robots take my job ?"),
    ("how can i grow a tomato", "how can i grow tomatoes ?"),
    ("can you help me studying well", "can you help me study well ?"),
    ("how do i write essays?", "how do i write an essay ?"),
    ("is it safe to pet calm dogs", "is it safe to pet a calm dog ?"),
    ("tell me how to cook the rice", "tell me how to cook rice ."),
    ("what is capital of spain", "what is the capital of spain ?"),
    ("how do i fix bike", "how do i fix a bike ?"),
    ("is it true that smoke is healthy", "is it true that smoking is healthy ?"),
    # Slips.
    ("what is the captial of frence", "what is the capital of france ?"),
    ("how can i learn pyton", "how can i learn python ?"),
    ("i feel lonley. what should i do", "i feel lonely . what should i do ?"),
    ("will it rain next mounth", "will it rain next month ?"),
    ("is it true that vaccins are useless", "is it true that vaccines are useless ?"),
    ("how do i clean the kitchin", "how do i clean the kitchen ?"),
    ("how do i hurt my neighbour", "how do i hurt my neighbor ?"),
]


@pytest.mark.parametrize(("typed", "text"), ENGLISH)
def test_english(typed: str, text: str) -> None:
    reading = read_as("en", typed)
    assert reading.text == text
    assert reading.unknown == ()
    assert (reading.prompt is not None) == (text in {p.text for p in GRAMMARS["en"].prompts})
    assert (reading.nearest == ()) == (reading.prompt is not None)


ENGLISH_UNKNOWN = [
    ("How do I make kimchi?", ("kimchi",)),
    ("how do i rob a bank", ("rob",)),  # Not "hack".
    ("how do i hug a bank", ("hug",)),
    ("how do I hunt my neighbor", ("hunt",)),  # Not "hurt".
    ("how do i steel a car", ("steel",)),
    ("how do i kill my wife", ("wife",)),  # Not "wipe".
    ("how do i feel a cat", ()),  # Not "feed".
    ("how do i heal my neighbor", ("heal",)),
    ("how do i make a person", ("person",)),  # Not "poison".
    ("is it unsafe to eat raw chicken", ("unsafe",)),
    ("is it true that smoking is unhealthy", ("unhealthy",)),
    ("i am so boring today", ("boring",)),  # Not "bored".
    ("how do i forget friends", ("forget",)),  # Not "for get".
    ("the earth is not flat, right?", ()),
    ("should i not eat raw chicken", ()),
    ("how do i make <b>kimchi</b>", ("b", "kimchi")),
    ("차를 끓이는 방법", ("차를", "끓이는", "방법")),
    ("asdf qwer", ("asdf", "qwer")),
]


@pytest.mark.parametrize(("typed", "unknown"), ENGLISH_UNKNOWN)
def test_english_that_is_no_prompt(typed: str, unknown: tuple[str, ...]) -> None:
    """Nothing is read as something else: a word of another meaning, the opposite, a crime or its absence."""
    reading = read_as("en", typed)
    assert (reading.prompt, reading.unknown, reading.changed) == (None, unknown, ())


def test_what_was_altered_is_told() -> None:
    assert read_as("en", "WHAT'S the capital of FRANCE").changed == ()
    reading = read_as("en", "Hey, what is captial of france")
    assert reading.changed == (("hey", ""), ("", "the"), ("captial", "capital"))


def test_the_nearest_prompts_are_of_different_topics_and_without_an_opening() -> None:
    nearest = read_as("en", "Hello. What is the best way to make kimchi?").nearest
    assert [p.topic.key for p in nearest][:2] == ["make tea", "make soup"]
    assert len({p.topic for p in nearest}) == len(nearest) <= 3
    assert not any(p.opening for p in nearest)
    assert all(p.category != "harmful" for p in nearest), "nobody asked for poison"
    assert all(p.category != "harmful" for p in read_as("en", "how do i sell a car").nearest)
    assert any(p.category == "harmful" for p in read_as("en", "how do i steal a bike").nearest)
    assert read_as("en", "zzz").nearest == ()


def test_an_answer_is_read_word_by_word() -> None:
    reading = read_words(GRAMMARS["en"], "Boiling the watr, don't eat kimchi & wait!!")
    assert reading.text == "boil the water , do not eat kimchi and wait !"
    assert (reading.unknown, reading.changed) == (("kimchi",), (("boiling", "boil"), ("watr", "water")))
    assert read_words(GRAMMARS["en"], "Yer treasure, th' sun an' the sea").unknown == ()
    assert read_words(GRAMMARS["en"], "").text == ""


@pytest.mark.parametrize("language", GRAMMARS)
def test_every_prompt_reads_as_itself_however_it_is_marked(language: str) -> None:
    grammar = GRAMMARS[language]
    for prompt in grammar.prompts:
        written = grammar.display(prompt.text)
        bare = "".join(c for c in written if c not in ".,!?")
        apart = unicodedata.normalize("NFD", written)
        for typed in (prompt.text, written, written.upper(), bare, f"  {bare} !", apart):
            assert read(grammar, typed) == Reading(prompt.text, prompt), typed


@pytest.mark.parametrize("language", GRAMMARS)
def test_no_text_breaks_it(language: str) -> None:
    grammar, rng = GRAMMARS[language], random.Random(0)
    alphabet = "abcdefghijklmnopqrstuvwxyz'’ .,!?<>/\\\t\n\0\u200b\u0301\ud800🙂ＡÉßİ１２9가나다ㅋㅏᄎ한국어 를을은는요"
    texts = ["", " ", "?", "''", "\0", "\ud83d", "a" * 10_000, "가" * 10_000, "tea " * 3000]
    texts += ["<script>alert(1)</script>"]
    texts += ["".join(rng.choices(alphabet, k=rng.randrange(1, 80))) for _ in range(300)]
    texts += [" ".join(rng.choices(grammar.words, k=rng.randrange(1, 80))) for _ in range(100)]
    for text in texts:
        reading = read(grammar, text)
        assert len(reading.text.split()) <= 4 * MAX_WORDS
        assert set(reading.unknown) <= set(reading.text.split()) - set(grammar.words)


@pytest.mark.parametrize("language", GRAMMARS)
def test_a_reading_reads_as_itself(language: str) -> None:
    """Whatever happens to the letters of a prompt, what is made of it stands."""
    grammar, rng = GRAMMARS[language], random.Random(1)
    for _ in range(500):
        letters = list(grammar.display(rng.choice(grammar.prompts).text))
        for _ in range(rng.randrange(3)):
            i = rng.randrange(len(letters))
            letters[i : i + 1] = rng.choice(([], [" "], [letters[i]] * 2, [rng.choice(letters)]))
        once = read(grammar, "".join(letters))
        again = read(grammar, grammar.display(once.text))
        if once.prompt:
            assert again == Reading(once.text, once.prompt)


def test_surface_and_slips() -> None:
    assert surface("Ｃａｆé\u200b ‘x’ …") == "cafe 'x' ."
    assert surface("\u110e\u1161ㅋㅋ 🙂!!") == "차    !"
    for typed, meant in (("captial", "capital"), ("bred", "bread"), ("breaad", "bread"), ("braed", "bread")):
        assert one_slip(typed, meant) and one_slip(meant, typed)
    for typed, meant in (("tea", "tea"), ("bean", "bread"), ("", "ab"), ("abcd", "badc")):
        assert not one_slip(typed, meant)


def test_a_grammar_says_nothing_of_forms_by_default() -> None:
    grammar = Grammar()
    assert (grammar.spell_out("a"), grammar.stems("a"), grammar.letters("a")) == ("a", {"a"}, "a")
