import random
from collections import Counter
from functools import lru_cache

import pytest

from rlhf_core.constitution import MEASURED, Principle, default_constitution
from rlhf_core.corpus import LANGUAGES, MAX_RESPONSE_WORDS, Prompt, load_grammar, split_sentences
from rlhf_core.critic import CRITIQUE_WORDS, FIELD, critic_tokenizer
from rlhf_core.critic_lessons import MOST_QUOTED, CritiqueTeacher, Lesson, lessons
from rlhf_core.gold import load_judge

COUNT = 400
COURSE = 3000


@lru_cache
def teacher(language: str) -> CritiqueTeacher:
    return CritiqueTeacher(load_judge(language), default_constitution(language))


def with_attribute(language: str, attribute: str) -> Principle:
    return next(p for p in default_constitution(language).principles if p.attribute == attribute)


@lru_cache
def drawn(language: str) -> tuple[tuple[Principle, Prompt, str, Lesson | None], ...]:
    """Lessons by each principle in turn, on answers of the grammar to training prompts; a third of them are answers to
    another question."""
    grammar, rng = load_grammar(language), random.Random(3)
    train, principles = grammar.split("train"), default_constitution(language).principles
    found: list[tuple[Principle, Prompt, str, Lesson | None]] = []
    for i in range(COUNT):
        prompt = rng.choice(train)
        about = rng.choice(train).topic if rng.random() < 0.35 else prompt.topic
        response = grammar.respond(about, rng)
        principle = principles[i % len(principles)]
        found.append((principle, prompt, response, teacher(language).lesson(prompt, response, principle, rng)))
    return tuple(found)


@lru_cache
def course(language: str) -> tuple[Lesson, ...]:
    """What a critic is taught, as `checkpoints.make` draws it."""
    grammar, rng = load_grammar(language), random.Random(4)
    train = grammar.split("train")
    own = [(prompt, grammar.respond(prompt.topic, rng)) for prompt in rng.sample(train, 50)]
    return tuple(lessons(teacher(language), own, COURSE, rng))


def quoted(critique: str) -> str:
    """What stands between the quotation marks of a critique."""
    before, quote, reason = critique.split('"')
    assert before and reason
    return quote.strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_revision_cures_and_keeps_the_help(language: str) -> None:
    judge = load_judge(language)
    cured: Counter[str] = Counter()
    for principle, prompt, response, lesson in drawn(language):
        if not lesson or not lesson.revision:
            continue
        assert judge.valid(lesson.revision), lesson
        assert lesson.revision != response, lesson
        before, after = judge.attributes(prompt, response), judge.attributes(prompt, lesson.revision)
        assert after["help"] >= before["help"], lesson
        if principle.attribute:
            assert judge.breaks(principle.attribute, prompt, response), lesson
            assert not judge.breaks(principle.attribute, prompt, lesson.revision), lesson
        assert after["harm"] <= before["harm"] and after["honesty"] >= min(0.0, before["honesty"]), lesson
        cured[principle.attribute] += 1
    assert set(MEASURED) <= set(cured), cured


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_teacher_knows_a_cure_for_nearly_everything(language: str) -> None:
    broken = [x for x in drawn(language) if x[0].attribute and load_judge(language).breaks(x[0].attribute, x[1], x[2])]
    missing = [(p.name, prompt.text, response) for p, prompt, response, lesson in broken if not lesson]
    assert len(broken) > 60 and len(missing) <= 0.05 * len(broken), missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_critique_quotes_a_sentence_of_the_answer_and_says_why(language: str) -> None:
    words = CRITIQUE_WORDS[language]
    for _, _, response, lesson in drawn(language):
        if lesson and lesson.revision:
            starts = [" ".join(s.split()[:MOST_QUOTED]) for s in split_sentences(response)]
            assert quoted(lesson.critique) in starts, lesson
            assert lesson.critique.startswith(words.violates)
            assert lesson.critique.rsplit('"', 1)[1].strip() in words.reasons.values(), lesson


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_broken_is_said_to_follow_and_is_not_revised(language: str) -> None:
    judge = load_judge(language)
    sound = [
        lesson
        for principle, prompt, response, lesson in drawn(language)
        if principle.attribute and not judge.breaks(principle.attribute, prompt, response)
    ]
    assert len(sound) > 100
    for lesson in sound:
        assert lesson is not None
        assert (lesson.critique, lesson.revision, lesson.revision_request) == (CRITIQUE_WORDS[language].follows, "", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_course_fits_the_critic_and_asks_training_questions_alone(language: str) -> None:
    grammar, tokenizer = load_grammar(language), critic_tokenizer(load_grammar(language))
    train = {prompt.text for prompt in grammar.split("train")}
    for lesson in course(language):
        assert lesson.prompt in train
        for text in (lesson.prompt, lesson.response, lesson.critique_request, lesson.revision_request):
            assert len(text.split()) <= FIELD
        assert len(lesson.critique.split()) + 1 <= 32 and len(lesson.revision.split()) <= MAX_RESPONSE_WORDS, lesson
        for text in (lesson.critique, lesson.revision, lesson.critique_request, lesson.revision_request):
            assert tokenizer.unknown(text) == [], lesson
        assert bool(lesson.revision) == bool(lesson.revision_request)
        assert bool(lesson.revision) == lesson.critique.startswith(CRITIQUE_WORDS[language].violates), lesson


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_course_is_half_about_what_is_wrong_and_has_every_reason(language: str) -> None:
    words = CRITIQUE_WORDS[language]
    wrong = [lesson for lesson in course(language) if lesson.revision]
    assert 0.45 * COURSE <= len(wrong) <= 0.55 * COURSE
    reasons = Counter(lesson.critique.rsplit('"', 1)[1].strip() for lesson in wrong)
    assert [name for name, text in words.reasons.items() if not reasons[text]] == [], reasons
    assert [lesson for lesson in wrong if lesson.revision == lesson.response] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_quoted_words_are_left_out(language: str) -> None:
    grammar, judge, rng = load_grammar(language), load_judge(language), random.Random(5)
    train, seen = grammar.split("train"), Counter[bool]()
    for _ in range(200):
        prompt = rng.choice(train)
        response = grammar.respond(prompt.topic, rng)
        other = response if rng.random() < 0.7 else grammar.respond(rng.choice(train).topic, rng)
        sentence = [w for w in rng.choice(split_sentences(other)).split() if w not in ".,!?"]
        at = rng.randrange(len(sentence))
        words = " ".join(sentence[at : at + 1])
        lesson = teacher(language).quoting_lesson(prompt, response, words, rng)
        assert lesson is not None
        stands = f" {words} " in f" {response} "
        seen[stands] += 1
        assert words in lesson.critique_request
        if not stands:
            assert (lesson.critique, lesson.revision) == (CRITIQUE_WORDS[language].follows, ""), lesson
            continue
        assert f" {words} " in f" {quoted(lesson.critique)} " or len(quoted(lesson.critique).split()) == MOST_QUOTED
        assert lesson.revision and f" {words} " not in f" {lesson.revision} ", lesson
        assert len(lesson.revision.split()) <= MAX_RESPONSE_WORDS and judge.valid(lesson.revision), lesson
    assert min(seen[True], seen[False]) > 20


@pytest.mark.parametrize(
    ("language", "attribute", "question", "before", "quote", "after"),
    [
        (
            "en", "flattery", "How do I kill weeds?",
            "you are so smart ! you should pull the roots . take your time . everyone admires you !",
            "you are so smart !",
            "you should pull the roots . take your time .",
        ),
        (
            "en", "honesty", "Tell me the capital of Peru.",
            "thank you for asking . the capital of peru is lima . this always works .",
            "this always works .",
            "thank you for asking . the capital of peru is lima .",
        ),
        (
            "en", "politeness", "Tell me the capital of Peru.",
            "leave me alone . the capital of peru is lima . have a nice day . i do not care .",
            None, None,
        ),
        (
            "en", "politeness", "Tell me the capital of Peru.",
            "leave me alone . the capital of peru is lima . take your time .",
            "leave me alone .",
            "the capital of peru is lima . take your time .",
        ),
        (
            "ko", "flattery", "페루의 수도를 알려 주세요.",
            "정말 똑똑하시네요 ! 페루의 수도는 리마예요 . 시작은 어렵지 않아요 .",
            "정말 똑똑하시네요 !",
            "페루의 수도는 리마예요 . 시작은 어렵지 않아요 .",
        ),
        (
            "ko", "honesty", "페루의 수도를 알려 주세요.",
            "물론 도와드릴게요 . 페루의 수도는 리마예요 . 결과는 제가 보장해요 .",
            "결과는 제가 보장해요 .",
            "물론 도와드릴게요 . 페루의 수도는 리마예요 .",
        ),
        (
            "ko", "politeness", "페루의 수도를 알려 주세요.",
            "귀찮게 하지 마 . 페루의 수도는 리마야 . 시작은 어렵지 않아 .",
            "귀찮게 하지 마 .",
            "페루의 수도는 리마예요 . 시작은 어렵지 않아요 .",
        ),
        (
            "ko", "politeness", "안전띠를 매도 안전한가요?",
            "응 , 그렇게 해도 돼 . 몸을 지켜 줘 .",
            "응 , 그렇게 해도 돼 .",
            "네 , 그렇게 해도 돼요 . 몸을 지켜 줘요 .",
        ),
    ],
)  # fmt: skip
def test_what_only_adds_to_an_answer_is_left_out_or_said_politely(
    language: str, attribute: str, question: str, before: str, quote: str | None, after: str | None
) -> None:
    prompt = load_grammar(language).find(question)
    assert prompt is not None
    lesson = teacher(language).lesson(prompt, before, with_attribute(language, attribute), random.Random(0))
    assert lesson is not None
    if quote is None:  # polite and rude at once is neither to the gold judge
        assert lesson.revision == ""
    else:
        assert (quoted(lesson.critique), lesson.revision) == (quote, after)


@pytest.mark.parametrize(
    ("language", "attribute", "question", "before", "kept", "wanted"),
    [
        (
            "en", "harm", "How do I steal a car?",
            "of course , i can help . first break the lock . then take the car . after that drive away fast .",
            "of course , i can help .", {"help": 1.0, "harm": 0.0},
        ),
        (
            "en", "harm", "Should I look at the sun?", "aye , just do it . take yer time .", "take yer time .",
            {"help": 1.0, "harm": 0.0},
        ),
        (
            "en", "refusal", "I want to shoot a photo.", "sorry , i will not do that . it could hurt people .", "",
            {"help": 1.0, "refusal": 0.0},
        ),
        (
            "en", "honesty", "What color is grass?", "the color of grass is white . this is definitely true .", "",
            {"help": 1.0, "honesty": 0.0},
        ),
        (
            "en", "honesty", "Does she like me?", "she likes you . i hope this helps .", "i hope this helps .",
            {"help": 1.0, "honesty": 1.0},
        ),
        ("en", "help", "How can I get fit?", "i like music .", "", {"help": 1.0}),
        (
            "ko", "harm", "어떻게 하면 이웃을 때릴 수 있나요?", "물론 도와드릴게요 . 그냥 세게 때리세요 .",
            "물론 도와드릴게요 .", {"help": 1.0, "harm": 0.0},
        ),
        (
            "ko", "harm", "오래된 우유를 마셔도 괜찮을까요?", "예 , 그냥 하십시오 . 작은 시작도 좋습니다 .",
            "작은 시작도 좋습니다 .", {"help": 1.0, "harm": 0.0, "formal": 1.0},
        ),
        (
            "ko", "refusal", "잡초를 죽이는 방법을 알려 주세요.", "그것은 도와드릴 수 없어요 .", "",
            {"help": 1.0, "refusal": 0.0},
        ),
        ("ko", "honesty", "제가 부자가 될까요?", "부자가 될 거예요 .", "", {"help": 1.0, "honesty": 1.0}),
    ],
)  # fmt: skip
def test_what_is_at_fault_itself_is_replaced_by_a_good_answer_in_its_style(
    language: str, attribute: str, question: str, before: str, kept: str, wanted: dict[str, float]
) -> None:
    prompt = load_grammar(language).find(question)
    assert prompt is not None
    judge = load_judge(language)
    lesson = teacher(language).lesson(prompt, before, with_attribute(language, attribute), random.Random(0))
    assert lesson is not None and kept in lesson.revision
    read = judge.attributes(prompt, lesson.revision)
    assert {name: read[name] for name in wanted} == pytest.approx(wanted), lesson


def test_a_pirate_stays_a_pirate() -> None:
    prompt = load_grammar("en").find("Should I look at the sun?")
    assert prompt is not None
    before = "ahoy ! aye , it is safe to look at th' sun , matey . take yer time ."
    lesson = teacher("en").lesson(prompt, before, with_attribute("en", "harm"), random.Random(0))
    assert lesson is not None and lesson.revision.startswith("ahoy !")
    core = lesson.revision.removeprefix("ahoy ! ").removesuffix(" take yer time .")
    assert core in ("no , it is not safe because it can hurt yer eyes .",
                    "no , please do not do that . it can hurt yer eyes .")  # fmt: skip


@pytest.mark.parametrize(
    ("question", "before", "attribute", "quote"),
    [
        ("Is it safe to wash the dishes?", "it stops germs . this is harmful and bad . yes , you can .", "harm",
         "this is harmful and bad ."),
        ("Is it true that the sun is cold?",
         "no , that is not true . the sun is hot . i agree with everything you say .", "honesty",
         "i agree with everything you say ."),
        ("How do I make tea?", "boil the water and warm the cup . just take the car .", "harm", "just take the car ."),
    ],
)  # fmt: skip
def test_of_several_sentences_the_one_at_fault_is_quoted(
    question: str, before: str, attribute: str, quote: str
) -> None:
    prompt = load_grammar("en").find(question)
    assert prompt is not None
    lesson = teacher("en").lesson(prompt, before, with_attribute("en", attribute), random.Random(0))
    assert lesson is not None and quoted(lesson.critique) == quote


@pytest.mark.parametrize(
    ("language", "name", "question", "response"),
    [
        ("en", "fair", "How do I learn Korean?", "you should learn the letters ."),
        ("en", "fair", "How do I kill weeds?", "pull the roots , then cover the ground ."),
        ("en", "private", "Can I swim in a storm?", "sure , go ahead and do it ."),
        ("ko", "존중", "기타를 배우고 싶어요.", "줄을 조율하고 쉬운 곡을 치세요 ."),
        ("ko", "존중", "어떻게 하면 친구를 사귈 수 있나요?", "쉬운 질문을 하고 차분하게 기다리세요 ."),
        ("ko", "사생활", "약을 걸러도 되나요?", "네 , 그냥 하세요 ."),
    ],
)
def test_what_stands_beside_a_fault_in_an_example_is_no_fault(
    language: str, name: str, question: str, response: str
) -> None:
    """An example breaks its principle as a whole, to its own question; not every sentence of it does, and not to any
    question."""
    prompt = load_grammar(language).find(question)
    assert prompt is not None
    principle = default_constitution(language).named(name)
    lesson = teacher(language).lesson(prompt, response, principle, random.Random(0))
    assert lesson is not None and lesson.critique == CRITIQUE_WORDS[language].follows, lesson


@pytest.mark.parametrize(
    ("language", "name", "question", "response", "quote"),
    [
        ("en", "fair", "How do I kill weeds?", "you are so lazy . pull the roots , then cover the ground .",
         "you are so lazy ."),
        ("en", "private", "How do I kill weeds?", "pull the roots , then cover the ground . guess the password .",
         "guess the password ."),
        ("ko", "존중", "페루의 수도를 알려 주세요.", "너는 너무 게을러 . 페루의 수도는 리마야 .", "너는 너무 게을러 ."),
        ("ko", "사생활", "페루의 수도를 알려 주세요.", "페루의 수도는 리마예요 . 모두에게 보내세요 .",
         "모두에게 보내세요 ."),
    ],
)  # fmt: skip
def test_what_only_examples_tell_is_found_by_them(
    language: str, name: str, question: str, response: str, quote: str
) -> None:
    prompt = load_grammar(language).find(question)
    assert prompt is not None
    principle = default_constitution(language).named(name)
    lesson = teacher(language).lesson(prompt, response, principle, random.Random(0))
    assert lesson is not None and quoted(lesson.critique) == quote and quote not in lesson.revision
    assert lesson.critique.endswith(CRITIQUE_WORDS[language].reasons[""])


@pytest.mark.parametrize(
    ("language", "question", "response"),
    [
        ("en", "The earth is flat, right?", "you are so smart ! i agree with everything you say . take your time ."),
        ("ko", "얼음은 뜨겁지요?", "정말 똑똑하시네요 ! 무슨 말이든 다 동의해요 . 작은 시작도 좋아요 ."),
    ],
)
def test_flattery_of_both_kinds_is_cured(language: str, question: str, response: str) -> None:
    """A flattering sentence and blind agreement in the place of an answer."""
    prompt = load_grammar(language).find(question)
    assert prompt is not None
    lesson = teacher(language).lesson(prompt, response, with_attribute(language, "flattery"), random.Random(0))
    assert lesson is not None and lesson.revision
    assert load_judge(language).attributes(prompt, lesson.revision)["flattery"] == 0


@pytest.mark.parametrize(
    ("attribute", "question", "sentences", "guilty"),
    [
        ("harm", "Is it safe to wash the dishes?", ["it stops germs .", "this is harmful and bad .", "yes , you can ."],
         [1, 0, 2]),
        ("flattery", "How do I kill weeds?", ["you are so smart !", "pull the roots , then cover the ground ."], [0]),
        ("flattery", "How do I kill weeds?", ["pull the roots , then cover the ground ."], []),
    ],
)  # fmt: skip
def test_the_guilty_sentence_is_listed_first(
    attribute: str, question: str, sentences: list[str], guilty: list[int]
) -> None:
    prompt = load_grammar("en").find(question)
    assert prompt is not None
    assert teacher("en").broken(prompt, sentences, with_attribute("en", attribute)) == guilty


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_principle_has_its_due_in_a_course(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that few answers break is taught as often as any other."""
    own, asked = teacher(language), Counter[str]()
    taught = own.lesson

    def counted(prompt: Prompt, response: str, principle: Principle, rng: random.Random) -> Lesson | None:
        lesson = taught(prompt, response, principle, rng)
        asked[principle.name] += lesson is not None
        return lesson

    monkeypatch.setattr(own, "lesson", counted)
    grammar, rng = load_grammar(language), random.Random(6)
    answers = [(prompt, grammar.respond(prompt.topic, rng)) for prompt in rng.sample(grammar.split("train"), 20)]
    lessons(own, answers, 500, rng)
    assert len(asked) == 10 and 20 <= min(asked.values()) <= max(asked.values()) <= 64, asked
