import random

import pytest
import torch

from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.checkpoints.make import encoder_examples
from rlhf_core.constitution import MEASURED
from rlhf_core.evaluation import (
    Interval,
    accuracy,
    answer,
    conduct,
    conduct_examples,
    f1,
    judged,
    mean_interval,
    wilson_interval,
    win_rate,
)
from rlhf_core.gold import REFERENCE_VALUES


def test_the_encoder_learns_from_answers_to_training_prompts_alone(each_assets: LanguageAssets) -> None:
    assets = each_assets
    prompts, texts, meant = encoder_examples(assets.model, assets.tokenizer, assets.grammar, 60, random.Random(0))
    assert {prompt.split for prompt in prompts} == {"train"}
    assert len(prompts) == len(meant) == 60 and 0 < sum(m != t for m, t in zip(meant, texts, strict=True)) < 30
    assert len(texts) == 60 and len(set(texts)) > 40
    asked, answered = assets.start_answers
    assert {found and found.split for found in map(assets.grammar.find, asked)} == {"train"}
    assert len(asked) == len(answered) == 256


def test_wilson_by_hand() -> None:
    # 8 of 10: p = .8, z = 1.96: (.8 + .19207) / 1.38415 -+ 1.41600 * sqrt(.016 + .0096037) = .71673 -+ .22657
    low, high = wilson_interval(8, 10)
    assert (low, high) == (pytest.approx(0.49016, abs=1e-4), pytest.approx(0.94331, abs=1e-4))
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(0, 5)[0] == pytest.approx(0) and wilson_interval(5, 5)[1] == pytest.approx(1)


def test_mean_interval_by_hand() -> None:
    # values 0, 1: mean .5, sd .7071, half-width 1.96 * .5 = .98, cut to [0, 1]
    interval = mean_interval(torch.tensor([0.0, 1.0] * 50))
    assert interval.rate == 0.5 and interval.n == 100
    assert interval.high - interval.rate == pytest.approx(1.95996 * 0.502519 / 10, rel=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("n", [1, 10, 33, 200])
def test_an_interval_always_has_a_width(value: float, n: int) -> None:
    found = mean_interval(torch.full((n,), value))
    assert (found.rate, found.n) == (value, n) and found.low < found.high
    assert 0 <= found.low <= value <= found.high <= 1
    assert (found.low, found.high) == wilson_interval(value * n, n)


def test_of_nothing_nothing_is_known() -> None:
    assert mean_interval(torch.tensor([])) == Interval(0.0, 0.0, 1.0, 0)


def test_accuracy_drops_ties_and_gives_half_for_no_opinion() -> None:
    predicted = torch.tensor([1.0, -1.0, 0.0, 5.0])
    margins = torch.tensor([2.0, 2.0, -1.0, 0.05])
    result = accuracy(predicted, margins)
    assert result.interval.rate == pytest.approx((1 + 0 + 0.5) / 3)
    assert (result.interval.n, result.dropped, result.dropped_share) == (3, 1, 0.25)


def test_win_rate_counts_draws_half_and_prompts_once(assets: LanguageAssets) -> None:
    p, q = assets.grammar.find("can you help?"), assets.grammar.find("is this safe?")
    assert p and q
    good, bad = "this is safe and helpful .", "this is harmful and bad ."

    def said(*texts: str):
        return judged(assets.judge, (p, p, q, q), texts, [True] * 4, REFERENCE_VALUES)

    result = win_rate(said(good, bad, good, good), said(bad, good, bad, good))
    # first prompt 1 and 0, second prompt 1 and a draw: (.5 + .75) / 2 over two prompts
    assert (result.rate, result.n) == (0.625, 2)


def test_a_model_ties_with_itself_and_answers_are_judged(each_assets: LanguageAssets) -> None:
    assets = each_assets
    prompts = assets.grammar.split("validation")[::6]
    sides = [
        answer(assets.model, assets.tokenizer, assets.judge, prompts, torch.Generator().manual_seed(s), samples=4)
        for s in (1, 2)
    ]
    result = win_rate(*sides)
    assert result.low <= 0.5 <= result.high
    for side in sides:
        assert len(side.texts) == 4 * len(prompts)
        assert side.valid_share > 0.9 and side.distinct_share > 0.7


def test_f1_by_hand() -> None:
    actual = torch.tensor([True, True, True, False, False])
    predicted = torch.tensor([True, True, False, True, False])
    # precision 2/3, recall 2/3
    assert f1(predicted, actual) == pytest.approx(2 / 3)
    assert f1(actual, actual) == 1 and f1(actual, ~actual) == f1(torch.zeros(5).bool(), actual) == 0
    # precision 3/5, recall 1: 2 * .6 / 1.6
    assert f1(torch.ones(5).bool(), actual) == pytest.approx(0.75)
    assert f1(torch.zeros(5).bool(), torch.zeros(5).bool()) == 0, "nothing was shown"


def test_conduct_examples_break_whatever_can_be_measured(each_assets: LanguageAssets) -> None:
    grammar = each_assets.grammar
    validation = grammar.split("validation")
    prompts, responses = conduct_examples(grammar, validation, 300, seed=2)
    assert len(prompts) == len(responses) == 300 and set(prompts) <= set(validation)
    assert conduct_examples(grammar, validation, 300, seed=2) == (prompts, responses)
    assert conduct_examples(grammar, validation, 300, seed=3)[1] != responses
    for attribute in MEASURED:
        broken = [each_assets.judge.breaks(attribute, p, r) for p, r in zip(prompts, responses, strict=True)]
        assert 0 < sum(broken) < 300, attribute


def test_conduct_averages_a_prompt_over_all_samplings(assets: LanguageAssets) -> None:
    validation = assets.grammar.split("validation")
    one, other = validation[0], next(p for p in validation if p.topic != validation[0].topic)
    right = [next(c.text for c in assets.grammar.cores(p.topic) if c.quality == "full") for p in (one, other)]
    first = judged(assets.judge, [one, other], right, [True] * 2, REFERENCE_VALUES)
    more = judged(assets.judge, [one] * 2, ["", right[0]], [True] * 2, REFERENCE_VALUES)
    helps = first.help.tolist()
    assert min(helps) > 0
    found = conduct(assets.judge, first, more)
    assert found.help.n == 2 and found.help.rate == pytest.approx((helps[0] * 2 / 3 + helps[1]) / 2)
