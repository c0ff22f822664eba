"""Muon: momentum whose matrices are made orthogonal before they are applied (Jordan et al., 2024).

A gradient matrix is often dominated by a few directions; with all its singular values set to about 1, a step moves
along the rare ones as well. PyTorch has it too (`torch.optim.Muon`), with the iteration in bfloat16, which a processor
without such arithmetic has to emulate: there it takes more time than the rest of the training step. This one stays in
float32 and takes matrices of one shape together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic whose iteration brings singular values in (0, 1] near 1."""


def orthogonalise(matrices: Tensor, iterations: int = 5) -> Tensor:
    """The nearest matrices with singular values of about 1 (between .7 and 1.2), by Newton-Schulz iteration.

    matrices: (count, rows, columns), which is the shape of what comes back.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)  # b gram + c gram^2
        x = torch.baddbmm(x, polynomial, x, beta=a)  # a x + polynomial x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, made orthogonal; with weight decay apart from the gradient.

    A step has the size lr * sqrt(max(1, rows / columns)) in spectral norm, whatever the gradient's.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.05
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.dim() != 2:
                    raise ValueError(f"Muon moves matrices, not a parameter of shape {tuple(parameter.shape)}.")

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            alike: defaultdict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                buffer = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                buffer.mul_(group["momentum"]).add_(parameter.grad)
                ahead = parameter.grad + group["momentum"] * buffer
                alike[tuple(parameter.shape)].append((parameter, ahead))
            for (rows, columns), pairs in alike.items():
                moves = orthogonalise(torch.stack([ahead for _, ahead in pairs]))
                size = group["lr"] * max(1.0, rows / columns) ** 0.5
                for (parameter, _), move in zip(pairs, moves, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(move, alpha=-size)
