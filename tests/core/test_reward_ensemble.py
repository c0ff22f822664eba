import math

import pytest
import torch

from rlhf_core.reward_ensemble import bootstrap_weights, disagreement


def test_disagreement_is_the_spread_of_scores_by_hand() -> None:
    weights = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    spread = disagreement(torch.tensor([[1.0, 5.0], [0.0, 7.0]]), weights)
    assert spread.tolist() == pytest.approx([math.sqrt(2), 0.0])


def test_refits_agree_where_labels_do_and_a_seed_names_them() -> None:
    """The first feature is in every label, the second in one of twenty: some refits never saw it."""
    d = torch.zeros(20, 2)
    d[:, 0], d[0, 1] = 1.0, 1.0
    found = [bootstrap_weights(d, torch.ones(20), 0.3, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert found[0].shape == (10, 2) and torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
    of_all, of_one = disagreement(torch.eye(2), found[0]).tolist()
    assert of_all < 0.2 * of_one
