"""Causal multi-head self-attention (Vaswani et al., 2017) of texts of different lengths.

A third of a batch is padding, which would cost as much as the text. `Packing` takes it out for all layers that work
token by token; attention alone needs each text by itself, and gets its rows from there.

PyTorch's own (`scaled_dot_product_attention`) never holds all scores of a text at once. That is made for long texts; of
thirty tokens the scores are few, and with them kept forward and backward take a third less. So both are written out
here.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

Rotation = tuple[Tensor, Tensor]
"""Cosines and sines of rotary positions, each (time, width of a head); see `rotate`."""
Cache = tuple[Tensor, Tensor]
"""Keys and values of texts that grow, each (batch, room, width)."""


class Packing:
    """Which places of (batch, time) hold a token: all layers but attention work on these alone, one after the other.

    Attention needs texts as rows: there each row stands at the left, so that all its padding comes later and causality
    is the only mask. Rows of like lengths stand together, so that little of what attention does is padding either. In a
    row of the batch, the tokens must follow one another without a gap.

    A slot is the place of one token in the rows of one head: slots are numbered group by group, in a group row by row,
    in a row head by head.
    """

    MULTIPLE = 8
    """The room of a row is a multiple of this, the numbers that a processor takes at once."""
    SCORES = 16 * 32 * 32
    """Scores of a head in a group of rows, at most: with more they leave the processor's cache before they are read
    again."""

    def __init__(self, real: Tensor, heads: int) -> None:
        # In NumPy, whose calls cost less than PyTorch's where there is little to do in each.
        row, column = real.numpy().nonzero()
        self._row, self.columns = torch.from_numpy(row), torch.from_numpy(column)
        """In which row each token stands, and in which column, each (tokens,)."""
        self._heads, tokens = heads, len(row)
        self._groups: list[tuple[int, int]] = []
        """(rows, room for tokens) of each group."""
        lengths = np.bincount(row, minlength=len(real))
        begin, rooms, slots = np.zeros_like(lengths), np.zeros_like(lengths), 0
        order = (-lengths).argsort(kind="stable")
        while len(order):
            room = self.MULTIPLE * max(1, math.ceil(lengths[order[0]] / self.MULTIPLE))
            rows = max(1, self.SCORES // room**2)
            alike, order = order[:rows], order[rows:]
            self._groups.append((len(alike), room))
            begin[alike] = slots + heads * room * np.arange(len(alike))
            rooms[alike] = room
            slots += heads * room * len(alike)
        # A token's slot is where its row begins, and as much further as it stands behind the first token of the row.
        first = lengths.cumsum() - lengths
        of_head, of_part = np.arange(heads), np.arange(3)[:, None]
        of_first_head = (begin - first)[row] + np.arange(tokens)
        of_heads = of_first_head[:, None] + rooms[row][:, None] * of_head
        self.slots = torch.from_numpy(of_heads)
        """(tokens, heads)."""
        # From (tokens * 3 * heads) to the slots of queries, those of keys and those of values, and back.
        source = np.zeros(slots, dtype=np.int64)
        source[of_heads] = 3 * heads * np.arange(tokens)[:, None] + of_head
        self.to_slots = torch.from_numpy((source + heads * of_part).ravel())
        self.from_slots = torch.from_numpy((of_heads[:, None] + slots * of_part).ravel())

    def lay(self, x: Tensor, into: Tensor) -> None:
        """Put x (tokens, width) at their places in a tensor (batch, time or more, width)."""
        into.flatten(0, 1).index_copy_(0, self._row * into.shape[1] + self.columns, x)

    def split(self, *tensors: Tensor) -> list[list[Tensor]]:
        """Of tensors (..., slots, width) each group's part, (..., rows * heads, room, width)."""
        sizes = [self._heads * rows * room for rows, room in self._groups]
        parts = zip(*(x.split(sizes, -2) for x in tensors), strict=True)
        shapes = [(*x.shape[:-2], -1, 0, x.shape[-1]) for x in tensors]
        return [
            [part.view(*shape[:-2], room, shape[-1]) for part, shape in zip(group, shapes, strict=True)]
            for group, (_, room) in zip(parts, self._groups, strict=True)
        ]


class _Mixing(torch.autograd.Function):
    """softmax(Q K^T / sqrt(d)) V of each head of each text (Vaswani et al., 2017, equation 1), and its gradient.

    With S the scores, P = softmax(S) and O = P V, the gradient G of O gives::

        dV = P^T G    dP = G V^T    dS = P * (dP - rowsum(G * O))    dQ = dS K / sqrt(d)    dK = dS^T Q / sqrt(d)

    rowsum(G * O) is rowsum(P * dP), what the softmax takes off, and the smaller sum (Dao et al., 2022, appendix B.2).
    """

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, packing: Packing, wanted: Tensor | None) -> Tensor:
        """What the wanted of tokens see, (wanted, width), of qkv (tokens, 3 * width)."""
        width = qkv.shape[1] // 3
        slots = packing.slots if wanted is None else packing.slots.index_select(0, wanted)
        head = width // slots.shape[1]
        parts = qkv.view(-1, head).index_select(0, packing.to_slots).view(3, -1, head)
        mixed = torch.empty_like(parts[0])
        weights: list[Tensor] = []
        for part, out in packing.split(parts, mixed):
            q, k, v = part.unbind()
            later = q.new_full((q.shape[1], q.shape[1]), -math.inf).triu_(1)
            weights.append(torch.softmax(torch.baddbmm(later, q, k.mT, alpha=1 / math.sqrt(head)), 2))
            torch.bmm(weights[-1], v, out=out)
        ctx.save_for_backward(parts, mixed, slots, *weights)
        ctx.packing = packing
        return mixed.index_select(0, slots.flatten()).view(-1, width)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        parts, mixed, slots, *weights = cast(tuple[Tensor, ...], ctx.saved_tensors)
        packing: Packing = ctx.packing
        gradient = torch.zeros_like(mixed)  # what is not wanted, padding for one, has none
        gradient.index_copy_(0, slots.flatten(), gradients[0].reshape(-1, mixed.shape[1]))
        taken_off = (gradient * mixed).sum(1, keepdim=True)
        found = torch.empty_like(parts)
        scale = 1 / math.sqrt(mixed.shape[1])
        for p, (part, g, off, out) in zip(weights, packing.split(parts, gradient, taken_off, found), strict=True):
            (q, k, v), (dq, dk, dv) = part.unbind(), out.unbind()
            ds = torch.bmm(g, v.mT).sub_(off).mul_(p)
            torch.baddbmm(dq, ds, k, beta=0, alpha=scale, out=dq)
            torch.baddbmm(dk, ds.mT, q, beta=0, alpha=scale, out=dk)
            torch.bmm(p.mT, g, out=dv)
        found = found.view(-1, mixed.shape[1]).index_select(0, packing.from_slots)
        return found.view(len(packing.slots), -1), None, None


class Attention(nn.Module):
    """Causal multi-head self-attention (Vaswani et al., 2017) of vectors of `width`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Tensor, packing: Packing, wanted: Tensor | None, rotation: Rotation | None, cache: Cache | None = None
    ) -> Tensor:
        """What the wanted of x (tokens, width) see of themselves and the earlier tokens of their text. cache: where
        keys and values are kept for what will follow."""
        qkv = self._turned(self.qkv(x), rotation)
        if cache is not None:
            for kept, new in zip(cache, qkv.chunk(3, 1)[1:], strict=True):
                packing.lay(new, kept)
        return self.out(cast(Tensor, _Mixing.apply(qkv, packing, wanted)))

    def _turned(self, qkv: Tensor, rotation: Rotation | None) -> Tensor:
        """qkv (tokens, 3 * width) with its queries and keys turned by their positions, where positions are rotary."""
        if rotation is None:
            return qkv
        heads = qkv.unflatten(1, (3, self.heads, -1))
        cosine, sine = (x[:, None, None] for x in rotation)
        return torch.cat([rotate(heads[:, :2], (cosine, sine)), heads[:, 2:]], 1).flatten(1)


def rotary_angles(context: int, width: int) -> Tensor:
    """Angle of each pair of dimensions at each position, (context, width / 2) (Su et al., 2021, equation 15)."""
    frequency = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    return torch.arange(context)[:, None] * frequency


def rotation(angles: Tensor) -> Rotation:
    """The cosines and sines of angles (time, width / 2), as `rotate` takes them."""
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat([cosine, cosine], 1), torch.cat([-sine, sine], 1)


def rotate(x: Tensor, rotation: Rotation) -> Tensor:
    """Turn x (..., time, width) by its positions' angles, so that a product of two depends on their distance
    alone. Dimension i is paired with dimension i + width / 2."""
    cosine, sine = rotation  # each (time, width), the sine of the first half with its sign turned
    return torch.addcmul(x * cosine, x.roll(x.shape[-1] // 2, -1), sine)
