"""States of models and trainers as bytes, to be kept in the store."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import torch

from rlhf_core.weights import CheckpointError


class DamagedStateError(CheckpointError):
    """What was kept of a run or a model can't be used any more."""

    def __init__(self) -> None:
        super().__init__(
            "The state that was kept of a run or of a model is damaged; reset the run to begin anew with the same seed."
        )


def dump(state: dict[str, Any]) -> bytes:
    """A state of tensors and plain values as bytes that `load` reads."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def load(data: bytes) -> dict[str, Any]:
    """The state that `dump` was given. DamagedStateError for bytes that have changed since, or were never one."""
    try:
        # torch reads tensors without a look at the check sums that it wrote beside them.
        broken = zipfile.ZipFile(io.BytesIO(data)).testzip()
        state = None if broken else torch.load(io.BytesIO(data), weights_only=True)
    except Exception as error:  # neither names its errors for bytes that are no state
        raise DamagedStateError() from error
    if not isinstance(state, dict):
        raise DamagedStateError()
    return state
