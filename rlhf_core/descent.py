"""Gradient steps of AdamW (Loshchilov and Hutter, 2019) with all parameters of a model in one vector.

A small model has some thirty tensors of parameters, and going through them takes longer than moving them. In one vector
they are measured, scaled down and moved at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Descent:
    """Moves parameters against the gradient of a loss that all of them have a part in."""

    def __init__(self, parameters: Iterable[nn.Parameter], betas: tuple[float, float] = (0.9, 0.95)) -> None:
        self._parameters = list(parameters)
        self._vector = nn.Parameter(_vector(self._parameters))
        self._optimizer = torch.optim.AdamW([self._vector], betas=betas, weight_decay=0.0, fused=True)

    def step(self, loss: Tensor, *, learning_rate: float, max_grad_norm: float) -> Tensor:
        """One step. max_grad_norm: the gradient is scaled down to this norm. Returns its norm before, a scalar."""
        gradient = _vector(torch.autograd.grad(loss, self._parameters))
        norm = torch.linalg.vector_norm(gradient)
        self._vector.grad = gradient.mul_((max_grad_norm / norm).clamp(max=1.0))
        if self._parameters[0].data_ptr() != self._vector.data_ptr():  # a new model, or a copy of one
            self._vector.data = _vector(self._parameters)
            parts = self._vector.data.split([parameter.numel() for parameter in self._parameters])
            for parameter, part in zip(self._parameters, parts, strict=True):
                parameter.data = part.view_as(parameter)
        self._optimizer.param_groups[0]["lr"] = learning_rate
        self._optimizer.step()
        return norm

    def state_dict(self) -> dict[str, Any]:
        """What the next step depends on, beside the parameters."""
        return self._optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state. In those of older versions, each parameter had its own."""
        group, each = state["param_groups"][0], state["state"]
        if len(group["params"]) > 1:
            joint = {name: _vector(each[i][name] for i in sorted(each)) for name in ("exp_avg", "exp_avg_sq") if each}
            joint_state = {0: {"step": each[0]["step"], **joint}} if each else {}
            state = {"state": joint_state, "param_groups": [group | {"params": [0]}]}
        self._optimizer.load_state_dict(state)


def _vector(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])
