"""Muon: momentum whose matrices are made orthogonal before they are applied (Jordan et al., 2024).

A gradient matrix is often dominated by a few directions; with all its singular values set to about 1, a step moves
along the rare ones as well. PyTorch has it too (`torch.optim.Muon`), with the iteration in bfloat16, which a processor
without such arithmetic has to emulate: there it takes more time than the rest of the training step. This one stays in
float32 and iterates the matrices of one height together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic whose iteration brings singular values in (0, 1] near 1."""


def orthogonalise(matrices: Sequence[Tensor], iterations: int = 5) -> list[Tensor]:
    """The nearest matrices with singular values of about 1 (after five iterations between .7 and 1.2, where they were
    not tiny), by Newton-Schulz iteration. matrices: each (rows, columns), which is the shape of what comes back.

    An iteration is x <- p x with p = a + b g + c g^2 and g = x x^T. As all these polynomials of the first g commute,
    only g and the product of the p need be carried along, and they are small: x is multiplied once, at the end.
    """
    a, b, c = COEFFICIENTS
    wide = [m.mT if m.shape[0] > m.shape[1] else m for m in matrices]
    wide = [m / (torch.linalg.vector_norm(m) + 1e-7) for m in wide]
    of_height: defaultdict[int, list[int]] = defaultdict(list)
    for i, m in enumerate(wide):
        of_height[len(m)].append(i)
    for height, alike in of_height.items():
        g = torch.stack([wide[i] @ wide[i].mT for i in alike])
        p = product = identity = torch.eye(height)
        for iteration in range(iterations):
            if iteration:
                g = p @ g @ p
            p = torch.baddbmm(g, g, g, beta=b, alpha=c).add_(identity, alpha=a)
            product = p @ product
        for i, q in zip(alike, product, strict=True):
            wide[i] = q @ wide[i]
    return [x.mT if m.shape[0] > m.shape[1] else x for x, m in zip(wide, matrices, strict=True)]


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, made orthogonal; with weight decay apart from the gradient.

    A step has the size lr * sqrt(max(1, rows / columns)) in spectral norm, whatever the gradient's. iterations: those
    of `orthogonalise`; with fewer, what is small in a gradient stays smaller.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.05,
        iterations: int = 5,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.iterations = iterations
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.dim() != 2:
                    raise ValueError(f"Muon moves matrices, not a parameter of shape {tuple(parameter.shape)}.")

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            moved: list[Tensor] = []
            ahead: list[Tensor] = []
            for parameter in group["params"]:
                gradient = parameter.grad
                if gradient is None:
                    continue
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum = state["momentum"].mul_(group["momentum"]).add_(gradient)
                moved.append(parameter)
                ahead.append(torch.add(gradient, momentum, alpha=group["momentum"]))
            for parameter, move in zip(moved, orthogonalise(ahead, self.iterations), strict=True):
                size = group["lr"] * max(1.0, parameter.shape[0] / parameter.shape[1]) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(move, alpha=-size)
