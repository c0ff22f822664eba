"""The notebook's LSTM as a language model: a recurrent network (Hochreiter and Schmidhuber, 1997) in a GPT's place.

A GPT looks back at every earlier token; an LSTM carries a state of fixed size from token to token, so it needs no
positions, and writing a token costs the same however long the text is. But its steps can't be computed side by side in
training, and what it is to remember has to fit into the state. The notebook's is this one, never trained: vectors of
128, two layers of 256, 1.1 million parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from rlhf_core.language_model import EOS, PAD, LanguageModel, LanguageModelConfig
from rlhf_core.sampling import Responses, check_sampling, draw, next_token_log_probs


@dataclass(frozen=True, kw_only=True)
class LSTMConfig(LanguageModelConfig):
    """The shape of an LSTM."""

    width: int = 128
    """Of a word's vector."""
    hidden: int = 256
    """Of the state that each layer carries."""
    layers: int = 2


class LSTMLanguageModel(LanguageModel):
    """Embedding, LSTM, output layer. Its weights are drawn from `rng`, so a seed names a model."""

    shape = LSTMConfig
    config: LSTMConfig
    embedding: nn.Embedding

    def __init__(self, config: LSTMConfig, rng: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config  # pyright: ignore[reportIncompatibleVariableOverride]
        words = nn.Embedding(config.vocabulary, config.width)
        self.embedding = words  # pyright: ignore[reportIncompatibleVariableOverride]
        self.lstm = nn.LSTM(config.width, config.hidden, config.layers, batch_first=True)
        self.head = nn.Linear(config.hidden, config.vocabulary)
        rng = rng or torch.Generator().manual_seed(0)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(config.hidden), 1 / math.sqrt(config.hidden), generator=rng)
        nn.init.normal_(self.embedding.weight, 0.0, 0.3, generator=rng)

    def forward(self, tokens: Tensor, start: int = 0) -> Tensor:
        """Final hidden states (batch, time, hidden) of tokens (batch, time). Where they begin plays no part: a row's
        padding on the left is turned round to its right, so that it leaves no trace in the state."""
        time, before = tokens.shape[1], (tokens != PAD).int().argmax(1, keepdim=True)
        columns = torch.arange(time)
        turned = tokens.gather(1, (columns + before) % time)
        hidden, _ = self.lstm(self.embedding(turned))
        back = ((columns - before) % time)[..., None].expand(-1, -1, self.config.hidden)
        return hidden.gather(1, back)

    def logits(self, hidden: Tensor) -> Tensor:
        return self.head(hidden)

    @torch.no_grad()
    def sample(
        self, prompts: Tensor, *, rng: torch.Generator, temperature: float = 1.0, top_k: int | None = None
    ) -> Responses:
        """As `MiniLM.sample`, with the state in the place of a cache; it is as large at the end as at the start."""
        check_sampling(temperature, top_k)
        batch, length = len(prompts), self.config.response_length
        uniform = torch.rand(batch, length, generator=rng)
        tokens, log_probs = torch.full((batch, length), PAD), torch.zeros(batch, length)
        padding = (prompts == PAD).sum(1)
        turned = prompts.gather(1, (torch.arange(prompts.shape[1]) + padding[:, None]) % prompts.shape[1])
        read = pack_padded_sequence(
            self.embedding(turned), prompts.shape[1] - padding, batch_first=True, enforce_sorted=False
        )
        _, (h, c) = self.lstm(read)
        live = torch.arange(batch)
        for t in range(length):
            log_p = next_token_log_probs(self.logits(h[-1]), temperature, top_k)  # (live, vocabulary)
            drawn = draw(log_p.exp(), uniform[live, t], temperature)
            tokens[live, t] = drawn
            log_probs[live, t] = log_p.gather(1, drawn[:, None])[:, 0]
            going = drawn != EOS
            live, drawn, h, c = live[going], drawn[going], h[:, going], c[:, going]
            if not len(live):
                break
            _, (h, c) = self.lstm(self.embedding(drawn)[:, None], (h, c))
        return Responses.until(EOS, tokens, log_probs, length)
