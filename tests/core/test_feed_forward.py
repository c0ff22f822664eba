"""The feed-forward layer against the same layers one after the other."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rlhf_core.feed_forward import MULTIPLE, FeedForward

WIDTH = 6


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def one_after_the_other(layers: FeedForward, x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


@pytest.mark.parametrize("tokens", [0, 1, MULTIPLE - 1, MULTIPLE, 2 * MULTIPLE + 5])
def test_values_and_gradients_are_those_of_its_layers(tokens: int) -> None:
    """With rooms that the tokens fill, and such that they do not."""
    layers = FeedForward(WIDTH).double()
    for parameter in layers.parameters():
        torch.nn.init.normal_(parameter, generator=rng(1))
    x = torch.randn(tokens, WIDTH, generator=rng(2), dtype=torch.double, requires_grad=True)
    found, expected = layers(x), one_after_the_other(layers, x)
    torch.testing.assert_close(found, expected)
    with torch.no_grad():
        torch.testing.assert_close(layers(x), expected)
    weights = torch.randn(found.shape, generator=rng(3), dtype=torch.double)
    moved = [x, *layers.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad((found * weights).sum(), moved), torch.autograd.grad((expected * weights).sum(), moved)
    )


def test_what_lies_behind_the_tokens_reaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that nobody wrote to may hold anything, such as what is not a number."""
    layers, x = FeedForward(WIDTH), torch.randn(5, WIDTH, generator=rng(4), requires_grad=True)
    empty, empty_like = Tensor.new_empty, torch.empty_like
    monkeypatch.setattr(Tensor, "new_empty", lambda *a, **k: empty(*a, **k).fill_(torch.nan))
    monkeypatch.setattr(torch, "empty_like", lambda *a, **k: empty_like(*a, **k).fill_(torch.nan))
    found = layers(x)
    gradients = torch.autograd.grad(found.sum(), [x, *layers.parameters()])
    with torch.no_grad():
        again = layers(x)
    assert all(tensor.isfinite().all() for tensor in (found, again, *gradients))


def test_gelu_meets_few_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """oneDNN compiles a kernel for each: batches of all numbers of tokens must not mean as many kernels."""
    layers, met, gelu = FeedForward(WIDTH), set[torch.Size](), F.gelu

    def met_by(x: Tensor) -> Tensor:
        met.add(x.shape)
        return gelu(x)

    monkeypatch.setattr(F, "gelu", met_by)
    for tokens in range(1, 2 * MULTIPLE + 1):
        layers(torch.zeros(tokens, WIDTH))
    assert len(met) == 2
