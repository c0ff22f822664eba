"""A transformer that reads qualities of an answer, trained beforehand; the eyes of the attribute reward model.

It begins as a copy of the language model and was taught to read the gold judge's attributes from answers to training
prompts (`checkpoints/make.py`). Afterwards it is frozen: a person's labels only decide what each quality is worth. That
is why twenty labels are enough, and why the page says so: the qualities that can be preferred were chosen in advance.
Words stand beside them for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlhf_core.language_model import EOS, PAD, MiniLM

REPETITION = "repetition"


class EchoReader(nn.Module):
    """Reads how much of a response was said in it before, from its words' vectors (batch, time, width).

    A mean over a text says which things were said, hardly whether one was said twice: that is a relation of two places,
    so it is asked of pairs of places. Each place is described by a learnt vector of its last three words; its echo is
    how near the nearest earlier place comes, past a learnt threshold, from 0 (new) to 1 (said before). What is read is
    a function of learnt weighted means of the echoes, some of which count every word and some the ends of sentences.
    """

    SPAN, MEANS = 3, 4

    def __init__(self, width: int, rank: int = 32, hidden: int = 16) -> None:
        super().__init__()
        self.place = nn.Conv1d(width, rank, self.SPAN, bias=False)
        self.sharpness = nn.Parameter(torch.tensor(10.0))
        self.threshold = nn.Parameter(torch.tensor(0.8))
        self.weight = nn.Linear(width, self.MEANS)
        self.head = nn.Sequential(nn.Linear(self.MEANS, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def echoes(self, words: Tensor, mask: Tensor) -> Tensor:
        """(batch, time): how surely each place of words (batch, time, width) was there before; 0 outside the mask."""
        before = F.pad(words.transpose(1, 2), (self.SPAN - 1, 0))
        places = F.normalize(self.place(before), dim=1).transpose(1, 2)  # (batch, time, rank)
        time = words.shape[1]
        earlier = torch.ones(time, time, dtype=torch.bool).tril(-1)
        nearest = (places @ places.transpose(1, 2)).masked_fill(~earlier, -1.0).amax(2)
        return torch.sigmoid(self.sharpness * (nearest - self.threshold)) * mask

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        """(batch,) from words' vectors (batch, time, width) and which of them count (batch, time)."""
        weights = F.softplus(self.weight(words)) * mask[..., None]  # (batch, time, means)
        means = (weights * self.echoes(words, mask)[..., None]).sum(1) / weights.sum(1).clamp(min=1e-6)
        return cast(Tensor, self.head(means))[:, 0]


class AttributeEncoder(nn.Module):
    """Reads `names` from prompts and responses: how far each lies above the starting model's mean, in the attribute's
    own unit. Its head works in standard deviations of the starting model's answers, which `spread` turns into that
    unit. Repetition has a reader of its own, which takes the place of what the head makes of it."""

    spread: Tensor

    def __init__(self, model: MiniLM, names: Sequence[str], hidden: int = 32) -> None:
        super().__init__()
        self.names = tuple(names)
        self.register_buffer("spread", torch.ones(len(names)))
        self.trunk = MiniLM(model.config)
        self.trunk.load_state_dict(model.state_dict())
        self.head = nn.Sequential(nn.Linear(2 * model.config.width, hidden), nn.Tanh(), nn.Linear(hidden, len(names)))
        self.echo_reader = EchoReader(model.config.width)

    def forward(self, prompt_ids: Tensor, responses: Tensor) -> Tensor:
        """(batch, attributes) from prompts (batch, prompt_length) and responses (batch, time) padded on the right."""
        read = self.pooled(prompt_ids, responses)
        if REPETITION not in self.names:
            return read
        own = self.names.index(REPETITION)
        return torch.cat([read[:, :own], self.repetition(responses)[:, None], read[:, own + 1 :]], 1)

    def repetition(self, responses: Tensor) -> Tensor:
        """(batch,): how much more of each response (batch, time) is said twice than in a usual answer."""
        return self.echo_reader(F.embedding(responses, self.trunk.embedding.weight), (responses != PAD).float())

    def pooled(self, prompt_ids: Tensor, responses: Tensor) -> Tensor:
        """(batch, attributes) as the head reads them from the mean and the last of the trunk's states."""
        hidden = self.trunk.response_states(prompt_ids, responses)
        length = (responses != PAD).sum(1, keepdim=True).clamp(min=1)
        mean = hidden.sum(1) / length
        last = hidden[torch.arange(len(hidden)), length[:, 0] - 1]
        return self.head(torch.cat([mean, last], 1)) * self.spread


def response_ids(rows: Sequence[Sequence[int]], longest: int) -> Tensor:
    """Token ids as (batch, time), each closed by <eos>; what is longer than the model reads is cut."""
    cut = [[*row[: longest - 1], EOS] for row in rows]
    time = max(len(row) for row in cut)
    return torch.tensor([row + [PAD] * (time - len(row)) for row in cut])
