"""Reading a text that grows by a token at a time, with the keys and values of what was read kept.

The states are those of `MiniLM.forward`; a token costs as much as one column of it. With one token a text, looking up a
module's weights takes as long as multiplying by them. So they are looked up once, and a block is written out here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlhf_core.attention import rotate
from rlhf_core.tokenizer import SimpleTokenizer

if TYPE_CHECKING:
    from rlhf_core.language_model import Block, MiniLM

Weights = tuple[Tensor, Tensor]
"""Weight and bias of a layer."""


class _Block(NamedTuple):
    norm_attention: Weights
    qkv: Weights
    out: Weights
    norm_feed_forward: Weights
    widen: Weights
    narrow: Weights


def _weights(layer: nn.Module) -> Weights:
    weight, bias = cast(tuple[Tensor, Tensor], (layer.weight, layer.bias))
    return weight.detach(), bias.detach()


def _block(block: Block) -> _Block:
    attention, (widen, _, narrow) = block.attention, block.feed_forward
    layers = (block.norm_attention, attention.qkv, attention.out, block.norm_feed_forward, widen, narrow)
    return _Block(*map(_weights, layers))


class Decoder:
    """A batch of texts that grow.

    prompts: (batch, prompt_length), padded on the left. most: how many tokens may follow. states: (batch, width), the
    final hidden states that the next tokens are predicted from.
    """

    def __init__(self, model: MiniLM, prompts: Tensor, most: int) -> None:
        c = self._config = model.config
        self._start = int((prompts != SimpleTokenizer.PAD).any(0).int().argmax())  # what is padding in every row
        prompts = prompts[:, self._start :]
        self._read, room = prompts.shape[1], prompts.shape[1] + most
        shape = (len(prompts), room, c.width)
        self._caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in model.blocks]
        real = prompts != SimpleTokenizer.PAD
        self._barred = torch.zeros(len(prompts), 1, room)  # what nobody may look at, as numbers to add
        self._barred[:, 0, : self._read].masked_fill_(~real, -math.inf)
        last = torch.zeros_like(real)
        last[:, -1] = True  # the prompt has but the token after it to tell of
        self.states = model.states_at(last, prompts, self._start, real, self._caches)
        self._blocks = [_block(block) for block in cast(Sequence["Block"], model.blocks)]
        self._norm, self._table = _weights(model.norm), model.embedding.weight.detach()
        self._positions = model.rotation if c.rotary else model.position.weight.detach()
        own = torch.eye(c.heads).repeat_interleave(c.width // c.heads, 1)  # which of the width is a head's
        self._own, self._asking = own, own * math.sqrt(c.heads / c.width)

    def append(self, tokens: Tensor) -> None:
        """Read the next token of each text, (batch,)."""
        size, at = (self._config.width,), self._read
        x, barred = F.embedding(tokens, self._table), self._barred.narrow(2, 0, at + 1)
        if not self._config.rotary:
            x = x + self._positions[self._start + at]
        for block, (keys, values) in zip(self._blocks, self._caches, strict=True):
            q, k, v = F.linear(F.layer_norm(x, size, *block.norm_attention), *block.qkv).chunk(3, 1)
            if self._config.rotary:
                q, k = self._turned(q), self._turned(k)
            keys.select(1, at).copy_(k)
            values.select(1, at).copy_(v)
            # All heads in one product: each asks with a query that is zero outside what is its own.
            scores = torch.baddbmm(barred, q.unsqueeze(1) * self._asking, keys.narrow(1, 0, at + 1).mT)
            mixed = torch.bmm(torch.softmax(scores, 2), values.narrow(1, 0, at + 1)).mul_(self._own)
            x = x + F.linear(mixed.sum(1), *block.out)
            wide = F.gelu(F.linear(F.layer_norm(x, size, *block.norm_feed_forward), *block.widen))
            x = x + F.linear(wide, *block.narrow)
        self.states = F.layer_norm(x, size, *self._norm)
        self._read = at + 1

    def _turned(self, x: Tensor) -> Tensor:
        at = self._start + self._read
        cosine, sine = (angles[at] for angles in self._positions)
        return rotate(x.unflatten(1, (self._config.heads, -1)), (cosine, sine)).flatten(1)

    def keep(self, rows: Tensor) -> None:
        """Go on with the texts of these numbers (rows,) alone."""
        self._barred = self._barred.index_select(0, rows)
        self._caches = [(k.index_select(0, rows), v.index_select(0, rows)) for k, v in self._caches]
