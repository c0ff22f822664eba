"""Hand-computed numbers and properties that the papers state."""

import math

import pytest
import torch

from rlhf_core.advantages import generalized_advantages, masked_mean, whiten
from rlhf_core.kl import exact_kl_and_entropy, k1, k2, k3


def test_exact_kl_and_entropy_by_hand() -> None:
    # p = (1/2, 1/2), q = (1/4, 3/4): 1/2 ln 2 + 1/2 ln(2/3) = 1/2 ln(4/3). Entropies ln 2 and 1/4 ln 4 + 3/4 ln(4/3).
    p, q = torch.tensor([0.5, 0.5]).log(), torch.tensor([0.25, 0.75]).log()
    kl, entropy = exact_kl_and_entropy(torch.stack([p, q]), torch.stack([q, q]))
    assert kl.tolist() == [pytest.approx(0.5 * math.log(4 / 3)), 0]
    assert entropy.tolist() == pytest.approx([math.log(2), 0.25 * math.log(4) + 0.75 * math.log(4 / 3)])


def test_estimators_by_hand() -> None:
    # log p - log q = ln 2, so r = q / p = 1/2: k1 = ln 2, k2 = (ln 2)^2 / 2, k3 = 1/2 - 1 + ln 2
    p, q = torch.tensor(0.5).log(), torch.tensor(0.25).log()
    assert float(k1(p, q)) == pytest.approx(math.log(2))
    assert float(k2(p, q)) == pytest.approx(math.log(2) ** 2 / 2)
    assert float(k3(p, q)) == pytest.approx(math.log(2) - 0.5)


def test_k1_and_k3_are_unbiased_and_k2_is_not() -> None:
    """Their expectation under p, summed over the vocabulary, against the exact value: no sampling, no tolerance for
    luck. The wrong direction of k3, with r = p / q, would be far off."""
    rng = torch.Generator().manual_seed(0)
    p = torch.log_softmax(torch.randn(40, generator=rng), -1)
    q = torch.log_softmax(torch.randn(40, generator=rng), -1)
    exact = float(exact_kl_and_entropy(p, q)[0])
    expectation = {f.__name__: float((p.exp() * f(p, q)).sum()) for f in (k1, k2, k3)}
    assert expectation["k1"] == pytest.approx(exact, rel=1e-5)
    assert expectation["k3"] == pytest.approx(exact, rel=1e-5)
    assert abs(expectation["k2"] - exact) > 0.05
    assert float((p.exp() * k3(q, p)).sum()) > exact + 0.1


def test_gae_by_hand() -> None:
    # gamma .9, lambda .5; delta_2 = 1 - .5 = .5; delta_1 = 0 + .9 * .5 - .2 = .25; delta_0 = 0 + .9 * .2 - .1 = .08
    # A_2 = .5; A_1 = .25 + .45 * .5 = .475; A_0 = .08 + .45 * .475 = .29375
    rewards = torch.tensor([[0.0, 0.0, 1.0, 9.0]])
    values = torch.tensor([[0.1, 0.2, 0.5, 7.0]])
    mask = torch.tensor([[True, True, True, False]])
    advantages, returns = generalized_advantages(rewards, values, mask, gamma=0.9, gae_lambda=0.5)
    torch.testing.assert_close(advantages, torch.tensor([[0.29375, 0.475, 0.5, 0.0]]))
    torch.testing.assert_close(returns, torch.tensor([[0.39375, 0.675, 1.0, 0.0]]))


def test_gae_with_lambda_one_is_return_minus_value_and_with_zero_is_the_td_error() -> None:
    rng = torch.Generator().manual_seed(1)
    rewards, values = torch.randn(5, 7, generator=rng), torch.randn(5, 7, generator=rng)
    mask = torch.arange(7)[None] < torch.tensor([1, 3, 7, 5, 2])[:, None]
    rewards, values = rewards * mask, values * mask
    advantages, _ = generalized_advantages(rewards, values, mask, gamma=1.0, gae_lambda=1.0)
    to_go = rewards.flip(1).cumsum(1).flip(1)
    torch.testing.assert_close(advantages, (to_go - values) * mask)
    advantages, _ = generalized_advantages(rewards, values, mask, gamma=0.8, gae_lambda=0.0)
    following = torch.cat([values[:, 1:], torch.zeros(5, 1)], 1)
    torch.testing.assert_close(advantages, (rewards + 0.8 * following - values) * mask)


def test_whitening_ignores_what_does_not_count() -> None:
    x = torch.tensor([[1.0, 3.0, 100.0], [5.0, 7.0, -100.0]])
    mask = torch.tensor([[True, True, False], [True, True, False]])
    assert float(masked_mean(x, mask)) == 4.0
    # mean 4, variance (9 + 1 + 1 + 9) / 4 = 5
    expected = torch.tensor([[-3.0, -1.0, 0.0], [1.0, 3.0, 0.0]]) / math.sqrt(5)
    torch.testing.assert_close(whiten(x, mask), expected)
