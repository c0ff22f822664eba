import random
from dataclasses import replace

import pytest
import torch

from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.constitution import Constitution, Example, Principle, default_constitution
from rlhf_core.principle_judge import (
    BIAS,
    LONGEST_PROMPT,
    PRIOR_PRECISION,
    ConstitutionJudge,
    ReadPair,
    read_pair,
)

MUSIC = {
    "en": (
        ("I like music.", "I like music. Take your time.", "Sure, let me explain. I like music."),
        ("The weather is nice.", "It depends. Take your time.", "Sure, let me explain. You should check it twice."),
    ),
    "ko": (
        (
            "저는 음악을 좋아해요.",
            "저는 음악을 좋아해요. 서두르지 않아도 괜찮아요.",
            "물론 도와드릴게요. 저는 음악을 좋아해요.",
        ),
        ("오늘은 날씨가 좋네요.", "그때그때 달라요. 서두르지 않아도 괜찮아요.", "물론 도와드릴게요. 두 번 확인하세요."),
    ),
}
SAYS_MUSIC = {"en": "i like music .", "ko": "저는 음악을 좋아해요 ."}


def principle(breaks: tuple[str, ...], keeps: tuple[str, ...], name: str = "no music") -> Principle:
    return Principle(
        name=name,
        text="Do not speak of music.",
        critique_request="Does it speak of music?",
        revision_request="Leave out the music.",
        breaks=tuple(map(Example, breaks)),
        keeps=tuple(map(Example, keeps)),
    )


def judge_of(assets: LanguageAssets, *principles: Principle) -> ConstitutionJudge:
    return ConstitutionJudge(Constitution(assets.language, principles), assets.extractor("attributes"), assets.grammar)


@pytest.fixture(scope="module")
def default_judges(each_assets: LanguageAssets) -> tuple[LanguageAssets, ConstitutionJudge]:
    constitution = default_constitution(each_assets.language)
    return each_assets, ConstitutionJudge(constitution, each_assets.extractor("attributes"), each_assets.grammar)


def unseen_answers(assets: LanguageAssets, mention: bool, n: int = 30) -> tuple[list[str], list[str]]:
    """Answers of the grammar to validation prompts, the music in them put in or left out."""
    rng, prompts = random.Random(1), assets.grammar.split("validation")
    chosen = [rng.choice(prompts) for _ in range(n)]
    texts: list[str] = []
    for prompt in chosen:
        text = ""
        while not 0 < len(text.split()) <= 27 or "music" in text or "음악을" in text:  # 31 tokens are read
            text = assets.grammar.respond(prompt.topic, rng)
        texts.append(f"{text} {SAYS_MUSIC[assets.language]}" if mention else text)
    return [prompt.text for prompt in chosen], texts


def test_six_examples_teach_a_principle_of_ones_own(each_assets: LanguageAssets) -> None:
    judge = judge_of(each_assets, principle(*MUSIC[each_assets.language]))
    with_music = judge.probabilities(*unseen_answers(each_assets, True))[:, 0]
    without = judge.probabilities(*unseen_answers(each_assets, False))[:, 0]
    assert float((with_music >= 0.5).float().mean()) > 0.6, with_music
    assert float((without < 0.5).float().mean()) > 0.85, without


def test_what_was_taught_is_forgotten_with_its_examples(assets: LanguageAssets) -> None:
    breaks, keeps = MUSIC["en"]
    answers = (["can you help ?"] * 2, ["thank you for asking . i like music .", "thank you for asking . it depends ."])
    taught = judge_of(assets, principle(breaks, keeps)).probabilities(*answers)[:, 0]
    turned = judge_of(assets, principle(keeps, breaks)).probabilities(*answers)[:, 0]
    assert taught[0] > 0.5 > taught[1] and turned[0] < 0.5 < turned[1]


def test_examples_change_their_own_principle_alone(assets: LanguageAssets) -> None:
    breaks, keeps = MUSIC["en"]
    first, second = principle(breaks, keeps), principle(keeps, breaks, "other")
    more = replace(first, breaks=(*first.breaks, Example("The weather is nice.")))
    before, after = judge_of(assets, first, second).weights, judge_of(assets, more, second).weights
    assert torch.equal(before[1], after[1]) and not torch.allclose(before[0], after[0], atol=0.01)


def test_the_gradient_vanishes_at_a_principles_fit(assets: LanguageAssets) -> None:
    """At the optimum of log-likelihood minus precision / 2 |w|^2, in the intercept: BIAS sum(y - p) = precision w."""
    breaks, keeps = MUSIC["en"][0], MUSIC["en"][1][:1]
    judge = judge_of(assets, principle(breaks, keeps))
    texts = [assets.grammar.normalise(text) for text in (*breaks, *keeps)]
    p = judge.probabilities([assets.grammar.neutral_prompt] * 4, texts)[:, 0].double()
    missing = float((torch.tensor([1.0, 1, 1, 0]).double() - p).sum())
    assert BIAS * missing == pytest.approx(PRIOR_PRECISION * float(judge.weights[0, -1]), abs=1e-4)


def test_turning_the_examples_round_turns_the_judge_round(assets: LanguageAssets) -> None:
    breaks, keeps = MUSIC["en"]
    judge = judge_of(assets, principle(breaks, keeps), principle(keeps, breaks, "other"))
    p = judge.probabilities(*unseen_answers(assets, True, 12))
    torch.testing.assert_close(p.sum(1), torch.ones(12), atol=1e-3, rtol=0)


def test_it_decides_its_own_examples_as_they_were_given(
    default_judges: tuple[LanguageAssets, ConstitutionJudge],
) -> None:
    """All but one in fifty: the prior keeps a judge from learning an odd example by heart."""
    assets, judge = default_judges
    grammar, wrong, seen = assets.grammar, list[tuple[str, str, float]](), 0
    for i, p in enumerate(judge.constitution.principles):
        if p.attribute == "refusal":
            continue
        examples = [(e, side is p.breaks) for side in (p.breaks, p.keeps) for e in side]
        prompts = [grammar.normalise(e.prompt) or grammar.neutral_prompt for e, _ in examples]
        found = judge.probabilities(prompts, [grammar.normalise(e.response) for e, _ in examples])[:, i].tolist()
        seen += len(examples)
        for (example, broken), q in zip(examples, found, strict=True):
            wrong += [(p.name, example.response, q)] if (q >= 0.5) != broken else []
    assert len(wrong) <= seen / 50, wrong


@pytest.mark.parametrize("attribute", ["harm", "honesty", "flattery", "politeness", "help"])
def test_it_orders_answers_that_it_has_not_seen(
    default_judges: tuple[LanguageAssets, ConstitutionJudge], attribute: str
) -> None:
    """The share of pairs (broken, kept) of answers to validation prompts that P(breaks) orders: guessing gives 1/2."""
    assets, judge = default_judges
    rng, prompts = random.Random(2), assets.grammar.split("validation")
    chosen = [rng.choice(prompts) for _ in range(300)]
    texts = [assets.grammar.respond(prompt.topic, rng) for prompt in chosen]
    broken = torch.tensor([assets.judge.breaks(attribute, p, t) for p, t in zip(chosen, texts, strict=True)])
    at = [p.attribute for p in judge.constitution.principles].index(attribute)
    found = judge.probabilities([prompt.text for prompt in chosen], texts)[:, at]
    assert 5 < int(broken.sum()) < 295
    ordered = float((found[broken][:, None] > found[~broken][None]).float().mean())
    assert ordered > 0.85, f"{attribute}: {ordered:.3f}"


def test_unknown_words_are_passed_over(default_judges: tuple[LanguageAssets, ConstitutionJudge]) -> None:
    assets, judge = default_judges
    prompt, text = assets.grammar.neutral_prompt, assets.grammar.phrases.rude[0]
    plain = judge.probabilities([prompt], [text])
    torch.testing.assert_close(judge.probabilities([prompt], [f"xyzzy {text} plugh"]), plain)
    assert judge.probabilities([prompt] * 2, ["", "xyzzy"]).isfinite().all()


def test_typed_pairs_are_read_as_far_as_they_are_known(each_assets: LanguageAssets) -> None:
    grammar = each_assets.grammar
    prompt, rude = grammar.prompts[0].text, grammar.phrases.rude[0]
    asked, said = grammar.display(prompt), grammar.display(rude)
    assert read_pair(grammar, asked, said) == ReadPair(prompt, rude, ())
    found = read_pair(grammar, f"xyzzy {asked}", f"{said} plugh xyzzy")
    assert (found.prompt, set(found.unknown), len(found.unknown)) == (prompt, {"xyzzy", "plugh"}, 2)
    assert read_pair(grammar, asked, "").response == ""


@pytest.mark.parametrize("question", ["", "  ", "?", "?!", "xyzzy", "Xyzzy plugh?"])
def test_a_question_that_says_nothing_is_the_neutral_one(each_assets: LanguageAssets, question: str) -> None:
    grammar = each_assets.grammar
    assert read_pair(grammar, question, "").prompt == grammar.neutral_prompt


def test_a_long_question_is_cut_to_what_the_model_reads(each_assets: LanguageAssets) -> None:
    grammar, prompt = each_assets.grammar, each_assets.grammar.prompts[0].text
    long = read_pair(grammar, " ".join([grammar.display(prompt)] * 9), "").prompt
    assert len(long.split()) == LONGEST_PROMPT and long.startswith(prompt.rstrip(" ?."))
    judge = judge_of(each_assets, principle(*MUSIC[each_assets.language]))
    assert judge.probabilities([long], [grammar.phrases.rude[0]]).isfinite().all()


@pytest.mark.parametrize("question", ["Florps", "Florps?", "Florps xyzzy, plugh."])
def test_words_of_examples_that_nobody_knows_are_passed_over(assets: LanguageAssets, question: str) -> None:
    """An example whose question has no known word stands for any, as one without a question does."""
    breaks, keeps = MUSIC["en"]
    exact, odd = principle(breaks, keeps), principle(breaks, keeps)
    odd = replace(odd, keeps=(Example("The xyzzy weather is plugh nice.", question), *odd.keeps[1:]))
    torch.testing.assert_close(judge_of(assets, odd).weights, judge_of(assets, exact).weights, atol=1e-4, rtol=1e-4)


def test_an_example_with_a_long_question_is_learnt_from(each_assets: LanguageAssets) -> None:
    """A constitution allows questions of 400 characters; the model reads 18 tokens."""
    grammar = each_assets.grammar
    long = " ".join([grammar.display(grammar.prompts[0].text)] * 6)
    breaks, keeps = MUSIC[each_assets.language]
    taught = replace(principle(breaks, keeps), breaks=(Example(breaks[0], long), *map(Example, breaks[1:])))
    judge = judge_of(each_assets, taught)
    assert judge.weights.isfinite().all()


def test_every_principle_may_be_judged_off_or_on(assets: LanguageAssets) -> None:
    """P(breaks) says what an answer does, whatever it counts for."""
    constitution = default_constitution("en")
    changed = constitution.with_principle("private", enabled=False).with_principle("helpful", weight=-3.0)
    extractor = assets.extractor("attributes")
    first, second = (ConstitutionJudge(c, extractor, assets.grammar) for c in (constitution, changed))
    answers = unseen_answers(assets, True, 8)
    assert torch.equal(first.probabilities(*answers), second.probabilities(*answers))


def test_a_score_is_minus_the_weighted_sum_of_what_is_in_force(assets: LanguageAssets) -> None:
    """Weights 2 and 1/2, one switched off, one turned round: score = -(2 p0 + p1 / 2 - 3 p3)."""
    breaks, keeps = MUSIC["en"]
    principles = (
        replace(principle(breaks, keeps, "a"), weight=2.0),
        replace(principle(keeps, breaks, "b"), weight=0.5),
        replace(principle(breaks, keeps[:1], "c"), weight=7.0, enabled=False),
        replace(principle(keeps[:2], breaks, "d"), weight=-3.0),
    )
    judge = judge_of(assets, *principles)
    answers = unseen_answers(assets, True, 4)
    p = judge.probabilities(*answers).tolist()
    expected = torch.tensor([-(2 * row[0] + row[1] / 2 - 3 * row[3]) for row in p])
    torch.testing.assert_close(judge.scores(*answers), expected, atol=1e-5, rtol=1e-5)
    on = judge_of(assets, *(replace(q, enabled=True) for q in principles))
    torch.testing.assert_close(
        on.scores(*answers), expected - 7 * torch.tensor([row[2] for row in p]), atol=1e-5, rtol=1e-5
    )


def test_a_constitution_that_is_switched_off_finds_all_answers_equal(assets: LanguageAssets) -> None:
    judge = judge_of(assets, replace(principle(*MUSIC["en"]), enabled=False))
    assert judge.scores(*unseen_answers(assets, True, 5)).tolist() == [0.0] * 5
    assert judge.scores([], []).shape == (0,) and judge.probabilities([], []).shape == (0, 1)
