"""Weights on disk: safetensors files of numbers and a few words about them, nothing that could be run."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

REMAKE = "restore the file or remake it with `python -m rlhf_core.checkpoints.make` (of mazes: `make_mazes`)"


class CheckpointError(RuntimeError):
    """A file of weights is missing, damaged or made for another model."""


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file. CheckpointError when it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            metadata = dict(file.metadata() or {})
    except FileNotFoundError as error:
        raise CheckpointError(f"The checkpoint {path} is missing; {REMAKE}.") from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read ({_one_line(error)}); {REMAKE}.") from error
    if broken := [name for name, tensor in tensors.items() if not tensor.isfinite().all()]:
        raise CheckpointError(f"The checkpoint {path} is damaged: {broken[0]} holds no finite numbers; {REMAKE}.")
    return tensors, metadata


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
