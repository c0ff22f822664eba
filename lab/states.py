"""States of models and trainers as bytes, to be kept in the store."""

from __future__ import annotations

import io
from typing import Any

import torch


def dump(state: dict[str, Any]) -> bytes:
    """A state of tensors and plain values as bytes that `load` reads."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def load(data: bytes) -> dict[str, Any]:
    """The state that `dump` was given."""
    return torch.load(io.BytesIO(data), weights_only=True)
