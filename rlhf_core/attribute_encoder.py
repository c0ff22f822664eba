"""A transformer that reads qualities of an answer, trained beforehand; the eyes of the attribute reward model.

It begins as a copy of the language model and was taught to read the gold judge's attributes from answers to training
prompts (`checkpoints/make.py`). Afterwards it is frozen: a person's labels only decide what each quality is worth. That
is why twenty labels are enough, and why the page says so: the qualities that can be preferred were chosen in advance.
Words stand beside them for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rlhf_core.language_model import EOS, PAD, MiniLM


class AttributeEncoder(nn.Module):
    """Reads `names` from prompts and responses: how far each lies above the starting model's mean, in the attribute's
    own unit. Its head works in standard deviations of the starting model's answers, which `spread` turns into that
    unit."""

    spread: Tensor

    def __init__(self, model: MiniLM, names: Sequence[str], hidden: int = 32) -> None:
        super().__init__()
        self.names = tuple(names)
        self.register_buffer("spread", torch.ones(len(names)))
        self.trunk = MiniLM(model.config)
        self.trunk.load_state_dict(model.state_dict())
        self.head = nn.Sequential(nn.Linear(2 * model.config.width, hidden), nn.Tanh(), nn.Linear(hidden, len(names)))

    def forward(self, prompt_ids: Tensor, responses: Tensor) -> Tensor:
        """(batch, attributes) from prompts (batch, prompt_length) and responses (batch, time) padded on the right."""
        start = int((prompt_ids != PAD).any(0).int().argmax())
        sequence = torch.cat([prompt_ids[:, start:], responses], 1)
        hidden = self.trunk(sequence, start)[:, -responses.shape[1] :]  # (batch, time, width)
        counts = (responses != PAD).float()
        length = counts.sum(1, keepdim=True).clamp(min=1)
        mean = (hidden * counts[..., None]).sum(1) / length
        last = hidden[torch.arange(len(hidden)), length[:, 0].long() - 1]
        return self.head(torch.cat([mean, last], 1)) * self.spread


def response_ids(rows: Sequence[Sequence[int]], longest: int) -> Tensor:
    """Token ids as (batch, time), each closed by <eos>; what is longer than the model reads is cut."""
    cut = [[*row[: longest - 1], EOS] for row in rows]
    time = max(len(row) for row in cut)
    return torch.tensor([row + [PAD] * (time - len(row)) for row in cut])
