"""The language models that can be pretrained here: a GPT and the notebook's LSTM, each in three sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from rlhf_core.language_model import LanguageModel, MiniLM, MiniLMConfig
from rlhf_core.lstm import LSTMConfig, LSTMLanguageModel

GPTS: Mapping[str, MiniLMConfig] = {
    "small": MiniLMConfig(vocabulary=0, width=32, layers=1, heads=2),
    "medium": MiniLMConfig(vocabulary=0, width=64, layers=2, heads=4),
    "large": MiniLMConfig(vocabulary=0, width=128, layers=3, heads=4),
}
"""By size, without the words yet. The medium one is that of the model that ships."""
LSTMS: Mapping[str, LSTMConfig] = {
    "small": LSTMConfig(vocabulary=0, width=32, hidden=64, layers=1),
    "medium": LSTMConfig(vocabulary=0, width=64, hidden=128, layers=1),
    "large": LSTMConfig(vocabulary=0, width=128, hidden=256, layers=2),
}
"""Likewise. The large one is the notebook's."""
SIZES = tuple(GPTS)
ARCHITECTURES: Mapping[str, str] = {"gpt": "medium", "lstm": "large"}
"""By name, each with the size that it has where none is asked for."""
PARTS: Mapping[str, str] = {
    "embedding": "words",
    "position": "positions",
    "attention": "attention",
    "feed_forward": "feed_forward",
    "lstm": "recurrence",
    "head": "output",
}
"""What a parameter belongs to, by a part of its name; all others normalise."""


@dataclass(frozen=True)
class Architecture:
    """Which language model is to be made. ValueError for one that there is not."""

    name: str = "gpt"
    size: str = "medium"

    def __post_init__(self) -> None:
        if self.name not in ARCHITECTURES:
            raise ValueError(f"There is no architecture {self.name!r}; choose one of {', '.join(ARCHITECTURES)}.")
        if self.size not in SIZES:
            raise ValueError(f"There is no size {self.size!r}; choose one of {', '.join(SIZES)}.")

    def untrained(self, vocabulary: int, rng: torch.Generator) -> LanguageModel:
        """A model with random weights for so many words."""
        if self.name == "lstm":
            return LSTMLanguageModel(replace(LSTMS[self.size], vocabulary=vocabulary), rng)
        return MiniLM(replace(GPTS[self.size], vocabulary=vocabulary), rng)


def parameter_parts(model: LanguageModel) -> dict[str, int]:
    """How many parameters each part of a model has, in the order in which a token passes through them."""
    found: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        kind = next((part for word, part in PARTS.items() if word in name.split(".")), "norm")
        found[kind] = found.get(kind, 0) + parameter.numel()
    return found
