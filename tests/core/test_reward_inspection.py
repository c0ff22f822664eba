"""What is asked of a reward model beside its accuracy, against numbers worked out by hand."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from rlhf_core.reward_inspection import accuracy_by, calibration, leave_one_out, longer_wins, within_slope

WEIGHTS = {"good": 2.0, "bad": -1.5, "day": 0.25}


def bag_of_words(prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
    return torch.tensor([sum(WEIGHTS.get(word, 0.0) for word in text.split()) for text in responses])


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(4)


def test_in_a_bag_of_words_each_token_adds_its_weight_and_all_add_up() -> None:
    tokens = ["good", "day", "or", "bad", "day"]
    whole, worth = leave_one_out(bag_of_words, "hello", tokens)
    assert worth == [WEIGHTS.get(token, 0.0) for token in tokens]
    assert whole == sum(worth) == 1.0


def test_what_a_part_leaves_is_closed_up_and_the_prompt_stays() -> None:
    seen: list[tuple[str, str]] = []

    def score(prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
        seen.extend(zip(prompts, responses, strict=True))
        return torch.tensor([float(len(text)) for text in responses])

    whole, worth = leave_one_out(score, "q ?", ["a b .", "c ."])
    assert seen == [("q ?", "a b . c ."), ("q ?", "c ."), ("q ?", "a b .")]
    assert (whole, worth) == (9.0, [6.0, 4.0])
    assert leave_one_out(score, "q ?", ["alone"])[1] == [5.0]


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def pairs() -> tuple[Tensor, Tensor]:
    """85 % sure four times and right three times; 65 % sure twice and right twice; and a pair that is a tie."""
    sure = [logit(0.85)] * 4 + [-logit(0.65)] * 2 + [5.0]
    return torch.tensor(sure), torch.tensor([1.0, 2.0, 1.0, -1.0, -1.0, -1.0, 0.05])


def test_the_calibration_error_by_hand() -> None:
    found = calibration(*pairs(), rng())
    assert found.error.rate == pytest.approx(4 / 6 * (0.85 - 0.75) + 2 / 6 * (1 - 0.65))
    assert found.error.n == 6 and found.error.low <= found.error.rate <= found.error.high
    assert found.right == pytest.approx(5 / 6) and found.confidence == pytest.approx((4 * 0.85 + 2 * 0.65) / 6)
    assert [one.right.n for one in found.bins] == [0, 2, 0, 4, 0]
    assert found.bins[3].right.rate == 0.75 and found.bins[3].confidence == pytest.approx(0.85)
    assert found.bins[3].right.low < 0.75 < found.bins[3].right.high
    assert [(one.low, one.high) for one in found.bins][::4] == [(0.5, pytest.approx(0.6)), (pytest.approx(0.9), 1.0)]


def test_which_answer_of_a_pair_stands_first_does_not_matter() -> None:
    differences, margins = pairs()
    assert calibration(-differences, -margins, rng()) == calibration(differences, margins, rng())


def test_only_a_model_that_claims_too_much_stands_out_from_chance() -> None:
    draw = rng()
    differences = 2 * torch.randn(1500, generator=draw)
    margins = 2.0 * (torch.rand(1500, generator=draw) < torch.sigmoid(differences)) - 1
    honest = calibration(differences, margins, rng())
    assert honest.error.rate < 2 * honest.by_chance and abs(honest.confidence - honest.right) < 0.03
    boastful = calibration(4 * differences, margins, rng())
    assert boastful.error.low > 2 * boastful.by_chance and boastful.confidence > boastful.right + 0.05


def test_who_calls_every_pair_even_is_right_half_the_time_and_ties_alone_tell_nothing() -> None:
    found = calibration(torch.zeros(8), torch.ones(8), rng())
    assert (found.error.rate, found.confidence, found.right) == (0.0, 0.5, 0.5)
    with pytest.raises(ValueError, match="No pair is decided"):
        calibration(torch.ones(3), torch.zeros(3), rng())


def test_accuracy_by_group_leaves_out_ties() -> None:
    groups = ["b", "a", "b", "b", "a"]
    found = accuracy_by(groups, torch.tensor([1.0, 1, -1, 1, 1]), torch.tensor([2.0, -2, 2, 0.01, -1]))
    assert list(found) == ["b", "a"]
    assert (found["b"].interval.rate, found["b"].interval.n, found["b"].dropped) == (0.5, 2, 1)
    assert (found["a"].interval.rate, found["a"].interval.n) == (0.0, 2)


def test_the_slope_is_within_groups_whatever_lies_between_them() -> None:
    x, y = torch.tensor([1.0, 3, 10, 12]), torch.tensor([2.0, 6, -100, -96])
    found = within_slope(["a", "a", "b", "b"], x, y)
    assert (found.value, found.low, found.high, found.groups) == (2.0, 2.0, 2.0, 2)


def test_the_slope_and_its_interval_by_hand() -> None:
    """Slope 1 in the first group, 3 in the second with four times its spread; the third does not vary."""
    x, y = torch.tensor([0.0, 2, 0, 4, 7]), torch.tensor([0.0, 2, 5, 17, 9])
    found = within_slope(["a", "a", "b", "b", "c"], x, y)
    half = 1.959964 * math.sqrt((3.2**2 + 3.2**2) * 2 / 1) / 10
    assert (found.value, found.low, found.high) == pytest.approx((2.6, 2.6 - half, 2.6 + half))
    assert found.groups == 2
    with pytest.raises(ValueError, match="no slope"):
        within_slope(["a", "a", "b"], torch.tensor([1.0, 1, 2]), torch.ones(3))


def test_how_often_the_longer_wins() -> None:
    first, second = torch.tensor([5.0, 5, 9, 4, 6]), torch.tensor([3.0, 8, 2, 4, 1])
    found = longer_wins(first, second, torch.tensor([1.0, -0.1, -1, 3, 0]))
    assert (found.rate, found.n) == (pytest.approx(2 / 3), 3) and found.low < 2 / 3 < found.high
    assert longer_wins(first[3:4], second[3:4], torch.ones(1)).n == 0
