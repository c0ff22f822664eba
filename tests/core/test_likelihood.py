import torch

from rlhf_core.likelihood import token_log_probs


def test_value_and_gradient_are_those_of_a_log_softmax() -> None:
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 9, generator=rng, requires_grad=True)
    tokens, weights = torch.randint(9, (6,), generator=rng), torch.randn(6, generator=rng)
    found = token_log_probs(logits, tokens)
    expected = torch.log_softmax(logits, 1)[torch.arange(6), tokens]
    torch.testing.assert_close(found, expected)
    gradients = (torch.autograd.grad((x * weights).sum(), logits)[0] for x in (found, expected))
    torch.testing.assert_close(next(gradients), next(gradients))


def test_a_token_too_unlikely_for_a_float_has_its_log_probability() -> None:
    # softmax(0, -200) is (1, e^-200), which float32 rounds to 0; its logarithm is -200 all the same.
    logits = torch.tensor([[0.0, -200.0], [0.0, -200.0]], requires_grad=True)
    found = token_log_probs(logits, torch.tensor([1, 0]))
    assert found.tolist() == [-200, 0]
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    assert gradient.tolist() == [[-1, 1], [0, 0]]
