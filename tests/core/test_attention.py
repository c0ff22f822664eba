"""Attention of texts of different lengths, against PyTorch's of each text alone."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rlhf_core.attention import Attention, Packing, rotary_angles, rotate, rotation

WIDTH, HEADS = 12, 3


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def alone(attention: Attention, x: Tensor) -> Tensor:
    """What a text (time, width) sees of itself, by PyTorch's own attention."""
    q, k, v = attention.qkv(x).view(len(x), 3, HEADS, WIDTH // HEADS).permute(1, 2, 0, 3)
    mixed = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
    return attention.out(mixed.transpose(0, 1).flatten(1))


@pytest.mark.parametrize("lengths", [[5], [1, 9, 0, 4, 17, 8], [3] * 70 + [40, 41], [130, 2]])
@pytest.mark.parametrize("some", [False, True])
def test_values_and_gradients_are_those_of_each_text_alone(lengths: list[int], some: bool) -> None:
    """Padding on either side, more rows than a group has room for, rows longer than a group, a row of padding."""
    attention = Attention(WIDTH, HEADS).double()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, generator=rng(1))
    time = max(lengths) + 3
    columns, shift = torch.arange(time), torch.randint(4, (len(lengths), 1), generator=rng(2))
    real = (columns >= shift) & (columns < shift + torch.tensor(lengths)[:, None])
    x = torch.randn(sum(lengths), WIDTH, generator=rng(3), dtype=torch.double, requires_grad=True)
    wanted = (torch.rand(len(x), generator=rng(4)) < 0.4).nonzero()[:, 0] if some else None
    found = attention(x, Packing(real, HEADS), wanted, None)
    expected = torch.cat([alone(attention, text) for text in x.split(lengths)])
    if wanted is not None:
        expected = expected[wanted]
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, generator=rng(5), dtype=torch.double)
    moved = [x, *attention.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad((found * weights).sum(), moved), torch.autograd.grad((expected * weights).sum(), moved)
    )


def test_large_scores_do_not_overflow() -> None:
    attention = Attention(WIDTH, HEADS)
    x = 1e3 * torch.randn(9, WIDTH, generator=rng(6))
    found = attention(x, Packing(torch.ones(1, 9, dtype=torch.bool), HEADS), None, None)
    torch.testing.assert_close(found, alone(attention, x))
    assert found.isfinite().all()


def test_a_rotation_by_hand() -> None:
    # Width 2, frequency 1: position p turns by p radians, (1, 0) to (cos p, sin p) and (0, 1) to (-sin p, cos p).
    angles = rotary_angles(4, 2)
    torch.testing.assert_close(angles, torch.tensor([[0.0], [1.0], [2.0], [3.0]]))
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])[None, None]
    turned = rotate(x, rotation(angles[2:4]))[0, 0]
    expected = [[math.cos(2), math.sin(2)], [-math.sin(3), math.cos(3)]]
    torch.testing.assert_close(turned, torch.tensor(expected))
    # Width 4: the second pair turns a hundredth as fast, 10000 to the power of -1/2.
    torch.testing.assert_close(rotary_angles(3, 4)[2], torch.tensor([2.0, 0.02]))


def test_products_of_rotated_vectors_depend_on_distance_alone() -> None:
    angles = rotary_angles(30, 8)
    q, k = torch.randn(2, 8, generator=rng(0))

    def product(at: int, other: int) -> float:
        a, b = (rotate(x[None, None, None], rotation(angles[i : i + 1]))
                for x, i in ((q, at), (k, other)))  # fmt: skip
        return float((a * b).sum())

    assert product(7, 3) == pytest.approx(product(25, 21), abs=1e-5) == pytest.approx(product(4, 0), abs=1e-5)
    assert abs(product(7, 3) - product(7, 4)) > 1e-3 and abs(product(7, 3) - product(3, 7)) > 1e-3
