"""The feed-forward layer of a transformer block (Vaswani et al., 2017, section 3.3), with GELU (Hendrycks and Gimpel,
2016) between its two products.

On a processor, PyTorch leaves GELU to oneDNN, which compiles a kernel for every shape that it has not met and keeps it.
The tokens of a batch are a different number each time, and compiling takes about as long as running. So GELU is given
rooms of few sizes, which the tokens do not fill; forward and backward are written out here to work in them.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MULTIPLE = 64
"""A room is for a multiple of so many tokens."""


def _widened(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A room that begins with x V + a, (tokens or more, 4 * width); what lies behind is left as it was found."""
    room = x.new_empty(MULTIPLE * -(-len(x) // MULTIPLE), len(weight))
    torch.addmm(bias, x, weight.t(), out=room[: len(x)])
    return room


class _TwoProducts(torch.autograd.Function):
    """GELU(x V + a) W + b, and its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, widen: Tensor, widen_bias: Tensor, narrow: Tensor, narrow_bias: Tensor) -> Tensor:
        """x (tokens, width); weights as `nn.Linear` has them, (out, in)."""
        wide = _widened(x, widen, widen_bias)
        active = F.gelu(wide)[: len(x)]
        ctx.save_for_backward(x, widen, narrow, wide, active)
        return torch.addmm(narrow_bias, active, narrow.t())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, widen, narrow, wide, active = cast(tuple[Tensor, ...], ctx.saved_tensors)
        (gradient,), room = gradients, torch.empty_like(wide)
        torch.mm(gradient, narrow, out=room[: len(x)])
        torch.ops.aten.gelu_backward.grad_input(room, wide, grad_input=room)
        of_wide = room[: len(x)]
        return (
            of_wide.mm(widen),
            of_wide.t().mm(x),
            of_wide.sum(0),
            gradient.t().mm(active),
            gradient.sum(0),
        )


class FeedForward(nn.Sequential):
    """Two linear layers, four times `width` wide in between."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """(tokens, width) from x (tokens, width)."""
        widen, _, narrow = cast(tuple[nn.Linear, nn.GELU, nn.Linear], tuple(self))
        if torch.is_grad_enabled():
            return cast(Tensor, _TwoProducts.apply(x, widen.weight, widen.bias, narrow.weight, narrow.bias))
        room = _widened(x, widen.weight, widen.bias)
        torch.ops.aten.gelu.out(room, out=room)  # nobody will ask for what it was
        return narrow(room[: len(x)])
