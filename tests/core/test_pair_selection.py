"""Which pair is labelled next."""

import pytest
import torch

from rlhf_core.pair_selection import least_shown, select

DIFFERENCES = torch.tensor([[2.0, 0.0], [0.5, 0.0], [-0.1, 3.0], [-1.0, 0.0]])
"""Under WEIGHTS the candidates have log-odds 2, .5, -.1 and -1; the third's answers differ most."""
WEIGHTS = torch.tensor([1.0, 0.0])


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_pair_that_the_model_is_least_sure_of_is_the_one_nearest_to_even() -> None:
    assert select("uncertain", DIFFERENCES, WEIGHTS, rng()) == 2
    assert select("uncertain", DIFFERENCES[[0, 1, 3]], WEIGHTS, rng()) == 1


def test_the_most_different_pair_is_the_one_whose_answers_lie_farthest_apart() -> None:
    assert select("different", DIFFERENCES, WEIGHTS, rng()) == 2


def test_chance_takes_every_candidate_and_so_does_uncertainty_before_the_first_label() -> None:
    for way, weights in (("random", WEIGHTS), ("uncertain", torch.zeros(2))):
        assert {select(way, DIFFERENCES, weights, rng(seed)) for seed in range(60)} == {0, 1, 2, 3}
        assert select(way, DIFFERENCES, weights, rng(7)) == select(way, DIFFERENCES, weights, rng(7))


def test_what_cannot_be_chosen_is_refused() -> None:
    with pytest.raises(ValueError, match="no candidate"):
        select("random", torch.zeros(0, 2), WEIGHTS, rng())
    with pytest.raises(ValueError, match="no way 'bald' to choose pairs; choose one of random, uncertain, different"):
        select("bald", DIFFERENCES, WEIGHTS, rng())


def test_categories_come_equally_often() -> None:
    categories = ["howto", "claim", "howto", "feeling"]
    assert least_shown(categories, {}) == [0, 1, 2, 3]
    assert least_shown(categories, {"howto": 2, "claim": 1, "feeling": 1}) == [1, 3]
    assert least_shown(categories, {"howto": 2, "claim": 1}) == [3]
    assert least_shown(categories[:1], {"howto": 5, "claim": 0}) == [0], "of those that there are"
    assert least_shown([], {"howto": 5}) == []
