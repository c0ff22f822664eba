"""MiniLM: a GPT of 135 thousand parameters that writes an answer to a prompt, token by token.

The architecture is GPT-2's (Radford et al., 2019): learned positions, pre-norm blocks of causal self-attention and a
GELU feed-forward layer, and an output layer tied to the embedding. Left out against the paper: dropout (the grammar
never repeats itself enough to overfit) and byte-pair tokens (a word is a token here). Where a text can be long and its
parts stand anywhere, as in mazes, positions are rotary (Su et al., 2021): a token sees how far off another one is.

One sequence is ``<pad> ... <bos> prompt <sep> response <eos> <pad> ...``: prompts are padded on the left, so a response
begins at the same position whatever the length of its prompt.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple, Self, cast

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from rlhf_core.tokenizer import SimpleTokenizer

PAD, BOS, EOS, SEP = SimpleTokenizer.PAD, SimpleTokenizer.BOS, SimpleTokenizer.EOS, SimpleTokenizer.SEP


class CheckpointError(RuntimeError):
    """A file of weights is missing, damaged or made for another model."""


class PromptError(ValueError):
    """A prompt that the model cannot take: empty, or longer than it has room for."""


@dataclass(frozen=True, kw_only=True)
class LanguageModelConfig:
    """What the shape of any language model says."""

    vocabulary: int
    prompt_length: int = 20
    """Room for <bos>, the prompt and <sep>, in tokens."""
    response_length: int = 32
    """Room for the response and <eos>, in tokens."""

    @property
    def context(self) -> int:
        return self.prompt_length + self.response_length


@dataclass(frozen=True, kw_only=True)
class MiniLMConfig(LanguageModelConfig):
    """The shape of a MiniLM."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    rotary: bool = False
    """Rotary positions in place of learned ones."""
    grid: int = 0
    """The last grid * grid words of the vocabulary are the cells of a grid, row by row; 0 where there is none."""

    def __post_init__(self) -> None:
        if self.width % (2 * self.heads):
            raise ValueError(f"The width {self.width} must be a multiple of twice the number of heads {self.heads}.")
        if self.grid**2 > self.vocabulary:
            raise ValueError(f"A grid of {self.grid} by {self.grid} cells needs more than {self.vocabulary} words.")


class Responses(NamedTuple):
    """Sampled responses of one batch, as tensors of shape (batch, time)."""

    tokens: Tensor
    """int64, <pad> after the end."""
    log_probs: Tensor
    """Log-probability of each token under the distribution it was drawn from; 0 after the end."""
    mask: Tensor
    """True where a token counts, the <eos> included."""


Rotation = tuple[Tensor, Tensor]
"""Cosines and sines of rotary positions, each (time, width / heads); see `rotate`."""


@dataclass(frozen=True)
class Generation:
    """One sampled answer in words."""

    text: str
    tokens: tuple[str, ...]
    log_probs: tuple[float, ...]
    ended: bool


class GridEmbedding(nn.Module):
    """An embedding whose last words are cells of a grid: a cell's vector is the sum of its row's, its column's and its
    own, so that what is learnt of one cell holds for its row and its column too."""

    def __init__(self, config: MiniLMConfig) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.zeros(config.vocabulary, config.width))
        self.row = nn.Parameter(torch.zeros(config.grid, 1, config.width))
        self.column = nn.Parameter(torch.zeros(1, config.grid, config.width))

    @property
    def weight(self) -> Tensor:
        """One vector a word, (vocabulary, width)."""
        cells = (self.row + self.column).flatten(0, 1)
        return self.own + F.pad(cells, (0, 0, len(self.own) - len(cells), 0))


class Packing:
    """Which places of (batch, time) hold a token: all layers but attention work on these alone, one after the other.

    A third of a batch is padding, which would cost as much as the text. Attention needs its rows back; there each row
    stands at the left, so that all its padding comes later and causality is the only mask. Rows of like lengths stand
    together, `ALIKE` of them, so that little of what attention does is padding either. In a row of the batch, the
    tokens must follow one another without a gap.
    """

    ALIKE = 16
    """Rows in a group: with fewer, what is saved goes into handling more of them."""

    def __init__(self, real: Tensor) -> None:
        lengths, order = real.sum(1).sort()
        self._groups = [(len(alike), int(alike[-1])) for alike in lengths.split(self.ALIKE)]  # (rows, longest)
        room = torch.cat([torch.full((rows,), longest) for rows, longest in self._groups])
        begin = torch.empty_like(room)
        begin[order] = room.cumsum(0) - room
        self._room = int(room.sum())
        self._places = real.flatten().nonzero()[:, 0]
        self._left = begin[self._places // real.shape[1]] + real.cumsum(1).flatten()[self._places] - 1

    def pack(self, x: Tensor) -> Tensor:
        """The tokens' vectors (tokens, width) of x (batch, time, width)."""
        return x.flatten(0, 1).index_select(0, self._places)

    def rows(self, x: Tensor) -> list[Tensor]:
        """x (tokens, width) as rows that begin at the left, (rows, longest, width) of each group."""
        flat = x.new_zeros(self._room, x.shape[1]).index_copy_(0, self._left, x)
        groups = flat.split([rows * longest for rows, longest in self._groups])
        return [group.unflatten(0, shape) for group, shape in zip(groups, self._groups, strict=True)]

    def unrow(self, groups: Sequence[Tensor], wanted: Tensor | None) -> Tensor:
        """The vectors (wanted, width), of the tokens of these numbers or of all, from what `rows` gave."""
        flat = torch.cat([group.flatten(0, 1) for group in groups])
        return flat.index_select(0, self._left if wanted is None else self._left[wanted])


class Attention(nn.Module):
    """Causal multi-head self-attention (Vaswani et al., 2017)."""

    def __init__(self, config: MiniLMConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, packing: Packing, wanted: Tensor | None, rotation: Rotation | None) -> Tensor:
        """What the wanted of x (tokens, width) see of themselves and the earlier tokens of their text."""
        mixed: list[Tensor] = []
        for rows in packing.rows(self.qkv(x)):
            time = rows.shape[1]  # how far apart two tokens are is the same at the left
            q, k, v = self.split(rows, rotation and (rotation[0][:time], rotation[1][:time]))
            mixed.append(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return self.out(packing.unrow(mixed, wanted))

    def split(self, qkv: Tensor, rotation: Rotation | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of qkv (batch, time, 3 * width), each (batch, heads, time, width / heads)."""
        qkv = qkv.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind()  # whose gradients come together in one piece, those of qkv[0] and so on in three sums
        return (q, k, v) if rotation is None else (rotate(q, rotation), rotate(k, rotation), v)

    def extend(
        self,
        x: Tensor,
        cache: tuple[Tensor, Tensor],
        at: int,
        mask: Tensor | None,
        rotation: Rotation | None,
        wanted: slice,
    ) -> Tensor:
        """What the wanted of x (batch, time, width) see, that stands at position `at`, after what is cached. mask: who
        may look at whom."""
        q, k, v = self.split(self.qkv(x), rotation)
        q, mask = q[:, :, wanted], None if mask is None else mask[:, :, wanted]
        keys, values = cache
        time = x.shape[1]
        keys.narrow(2, at, time).copy_(k)  # as keys[:, :, at : at + time] = k, and half as long
        values.narrow(2, at, time).copy_(v)
        k, v = keys.narrow(2, 0, at + time), values.narrow(2, 0, at + time)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # (batch, heads, time, width / heads)
        return self.out(mixed.transpose(1, 2).flatten(2))


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


class Block(nn.Module):
    """One transformer block, normalised before each part (pre-norm)."""

    def __init__(self, config: MiniLMConfig) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(config.width)
        self.attention = Attention(config)
        self.norm_feed_forward = nn.LayerNorm(config.width)
        self.feed_forward = nn.Sequential(
            nn.Linear(config.width, 4 * config.width),
            nn.GELU(),
            nn.Linear(4 * config.width, config.width),
        )

    def forward(self, x: Tensor, packing: Packing, wanted: Tensor | None, rotation: Rotation | None) -> Tensor:
        """The wanted of x (tokens, width), given by their numbers (wanted,), or all; they see all of their text before
        them."""
        seen = self.attention(self.norm_attention(x), packing, wanted, rotation)
        x = (x if wanted is None else x.index_select(0, wanted)) + seen
        return x + self.feed_forward(self.norm_feed_forward(x))

    def extend(
        self,
        x: Tensor,
        cache: tuple[Tensor, Tensor],
        at: int,
        mask: Tensor | None,
        rotation: Rotation | None,
        wanted: slice,
    ) -> Tensor:
        """The same of texts that grow: x (batch, time, width) stands at position `at`, after what is cached. wanted:
        the places in x to tell of."""
        x = x[:, wanted] + self.attention.extend(self.norm_attention(x), cache, at, mask, rotation, wanted)
        return x + self.feed_forward(self.norm_feed_forward(x))


class LanguageModel(nn.Module):
    """What pretraining, judges and pages ask of a language model, whatever its architecture: `MiniLM`, and
    `rlhf_core.lstm.LSTMLanguageModel`."""

    shape: ClassVar[type[LanguageModelConfig]]
    config: LanguageModelConfig
    embedding: nn.Module
    """Its `weight` has one vector a word, (vocabulary, width)."""
    reads_padding: ClassVar[bool] = True
    """Whether a batch takes longer to learn from where its texts differ in length."""

    @property
    def parameter_count(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())

    # What an architecture has to say for itself.

    def forward(self, tokens: Tensor, start: int = 0) -> Tensor:
        """Final hidden states (batch, time, width) of tokens (batch, time) that begin at position `start`."""
        raise NotImplementedError

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary, (..., vocabulary)."""
        raise NotImplementedError

    def sample(
        self, prompts: Tensor, *, rng: torch.Generator, temperature: float = 1.0, top_k: int | None = None
    ) -> Responses:
        """A response to each of the prompts (batch, prompt_length), see `MiniLM.sample`."""
        raise NotImplementedError

    def states_at(self, wanted: Tensor, tokens: Tensor, start: int, real: Tensor) -> Tensor:
        """Final hidden states (wanted, width) at the wanted places of tokens (batch, time) that begin at `start`.

        wanted, real: (batch, time), the places to tell of, and those to read; others are padding. An architecture that
        can spare what is not wanted has its own way.
        """
        return self(tokens, start)[wanted]

    # What follows from it: from prompts to responses.

    def encode_prompts(self, prompts: Sequence[str], tokenizer: SimpleTokenizer) -> Tensor:
        """Prompts as (batch, prompt_length) token ids, padded on the left.

        PromptError for an empty or too long prompt, UnknownWordsError for words outside the vocabulary.
        """
        length = self.config.prompt_length
        rows: list[list[int]] = []
        for prompt in prompts:
            ids = tokenizer.encode(prompt)
            if not ids:
                raise PromptError("The prompt is empty; write a question.")
            if len(ids) > length - 2:
                raise PromptError(f"The prompt has {len(ids)} words and marks; the model reads at most {length - 2}.")
            rows.append([PAD] * (length - 2 - len(ids)) + [BOS, *ids, SEP])
        return torch.tensor(rows)

    def generate(
        self,
        prompts: Sequence[str],
        *,
        tokenizer: SimpleTokenizer,
        rng: torch.Generator,
        temperature: float = 1.0,
        top_k: int | None = None,
        batch_size: int = 256,
    ) -> list[Generation]:
        """Sample an answer to each prompt, as text."""
        found: list[Generation] = []
        for i in range(0, len(prompts), batch_size):
            ids = self.encode_prompts(prompts[i : i + batch_size], tokenizer)
            found += to_generations(self.sample(ids, rng=rng, temperature=temperature, top_k=top_k), tokenizer)
        return found

    @torch.no_grad()
    def next_token_probabilities(
        self,
        prompt: str,
        prefix: str = "",
        *,
        tokenizer: SimpleTokenizer,
        temperature: float = 1.0,
        top_k: int | None = None,
    ) -> list[tuple[str, float]]:
        """Probability of each token of the vocabulary after a prompt and the start of a response, likeliest first."""
        beginning = tokenizer.encode(prefix)
        if len(beginning) >= self.config.response_length:
            raise PromptError(f"The response has {len(beginning)} tokens; it ends at {self.config.response_length}.")
        ids = torch.cat([self.encode_prompts([prompt], tokenizer), torch.tensor([beginning]).long()], 1)
        log_p = next_token_log_probs(self.logits(self(ids)[:, -1]), temperature, top_k)[0]
        order = log_p.argsort(descending=True)
        return [(tokenizer.words[int(i)], float(log_p[i].exp())) for i in order]

    # Weights on disk.

    def save(self, path: Path) -> None:
        """Write the weights and the shape as safetensors."""
        save_file(self.state_dict(), path, {"config": json.dumps(asdict(self.config))})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model that `save` wrote. CheckpointError when the file is missing, damaged or of another shape."""
        state, metadata = read_checkpoint(path)
        try:
            model = cls(cls.shape(**json.loads(metadata["config"])))
            model.load_state_dict(state)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            name = cls.__name__
            raise CheckpointError(f"The checkpoint {path} is not a {name} of this version; {REMAKE}.") from error
        return model.eval()


class MiniLM(LanguageModel):
    """The language model. Its weights are drawn from `rng`, so a seed names a model."""

    shape = MiniLMConfig
    reads_padding = False
    config: MiniLMConfig
    embedding: nn.Embedding | GridEmbedding

    def __init__(self, config: MiniLMConfig, rng: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config  # pyright: ignore[reportIncompatibleVariableOverride]
        words = GridEmbedding(config) if config.grid else nn.Embedding(config.vocabulary, config.width)
        self.embedding = words  # pyright: ignore[reportIncompatibleVariableOverride]
        if config.rotary:
            self.rotation = rotation(rotary_angles(config.context, config.width // config.heads))
        else:
            self.position = nn.Embedding(config.context, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self._initialise(rng or torch.Generator().manual_seed(0))

    def _initialise(self, rng: torch.Generator) -> None:
        """Normal weights of sd .05 (embeddings), .02 (position), .7/sqrt(fan-in) elsewhere; the last layer of each
        residual branch smaller by sqrt(2 * layers), so that the sum keeps its size (Radford et al., 2019)."""
        shrink = math.sqrt(2 * self.config.layers)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 1:
                nn.init.constant_(parameter, float("norm" in name and name.endswith("weight")))
                continue
            std = 0.7 / math.sqrt(parameter.shape[1])
            if name.startswith(("embedding.", "position.")):
                std = 0.05 if name.startswith("embedding.") else 0.02
            if name.endswith(("attention.out.weight", "feed_forward.2.weight")):
                std /= shrink
            nn.init.normal_(parameter, 0.0, std, generator=rng)

    # From tokens to probabilities.

    def forward(self, tokens: Tensor, start: int = 0) -> Tensor:
        """Final hidden states (batch, time, width) of tokens (batch, time) that begin at position `start`; those of
        padding are zero."""
        real = tokens != PAD
        return laid_out(self.states_at(real, tokens, start, real), real)

    def states_at(self, wanted: Tensor, tokens: Tensor, start: int, real: Tensor) -> Tensor:
        """Final hidden states (wanted, width) at the wanted places of tokens (batch, time) that begin at `start`.

        wanted, real: (batch, time), the places to tell of, and those to read; others are padding. The last block has
        nothing to do for what is read and not wanted, such as a prompt, but to be looked at.
        """
        packing = Packing(real)
        x, rotation = self._embed(tokens, start, self.embedding.weight)
        x = packing.pack(x)
        last = wanted[real].nonzero()[:, 0]
        for i, block in enumerate(self.blocks, 1):
            x = block(x, packing, last if i == len(self.blocks) else None, rotation)
        return self.norm(x)

    def response_states(self, prompt_ids: Tensor, responses: Tensor) -> Tensor:
        """Final hidden states (batch, time, width) of responses (batch, time), padded on the right, each after its
        prompt of (batch, prompt_length); those of padding are zero."""
        start = int((prompt_ids != PAD).any(0).int().argmax())
        tokens = torch.cat([prompt_ids[:, start:], responses], 1)
        real, mask = tokens != PAD, responses != PAD
        wanted = real.clone()
        wanted[:, : -responses.shape[1]] = False
        return laid_out(self.states_at(wanted, tokens, start, real), mask)

    def _embed(self, tokens: Tensor, start: int, table: Tensor) -> tuple[Tensor, Rotation | None]:
        """Vectors (batch, time, width) of tokens that begin at position `start`, and how attention turns them. table:
        one vector a word."""
        x, end = F.embedding(tokens, table), start + tokens.shape[1]
        if self.config.rotary:
            cosines, sines = self.rotation
            return x, (cosines[start:end], sines[start:end])
        return x + self.position.weight[start:end], None

    def logits(self, hidden: Tensor, table: Tensor | None = None) -> Tensor:
        """Scores over the vocabulary, (..., vocabulary), by the tied embedding, or by its vectors as they were."""
        return F.linear(hidden, self.embedding.weight if table is None else table)

    # From prompts to responses.

    @torch.no_grad()
    def sample(
        self,
        prompts: Tensor,
        *,
        rng: torch.Generator,
        temperature: float = 1.0,
        top_k: int | None = None,
        begun: Tensor | None = None,
        until: int = EOS,
        longest: int | None = None,
        states: Tensor | None = None,
    ) -> Responses:
        """Sample a response to each prompt, token by token, with a key-value cache.

        prompts: (batch, prompt_length) from `encode_prompts`. temperature divides the logits (0 takes the likeliest
        token); top_k keeps the k likeliest. begun: tokens (batch, few) that every response begins with, not drawn but
        given. until: the token that ends a response. longest: at most so many tokens, where the model has room for
        more. states: (batch, response_length, width), into which the final hidden states go that the tokens are drawn
        from. Each row draws from its own uniform numbers, so what a row says does not depend on when its neighbours
        end.
        """
        check_sampling(temperature, top_k)
        batch, longest_ever = len(prompts), self.config.response_length
        most = longest_ever if longest is None else min(longest, longest_ever)
        uniform = torch.rand(batch, longest_ever, generator=rng)
        tokens, log_probs = self._write(prompts, uniform[:, :most], temperature, top_k, begun, until, states)
        ends = (tokens == until).int()
        mask = (ends.cumsum(1) - ends) == 0
        mask[:, most:] = False
        return Responses(tokens * mask, log_probs * mask, mask)

    @torch.inference_mode()
    def _write(
        self,
        prompts: Tensor,
        uniform: Tensor,
        temperature: float,
        top_k: int | None,
        begun: Tensor | None,
        until: int,
        states: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """The loop of `sample`, token by token until every row has ended. uniform: (batch, tokens at most). Returns
        tokens and log-probabilities, (batch, response_length), whatever after the end. They are of inference mode and
        can't be part of a loss themselves; what is made of them outside can."""
        batch, c = len(prompts), self.config
        start = int((prompts != PAD).any(0).int().argmax())  # columns that are padding in every row
        shape = (batch, c.heads, c.context - start, c.width // c.heads)
        caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in self.blocks]
        told = [slice(None)] * (c.layers - 1) + [slice(-1, None)]  # the last block has but the next token to tell of
        # What each new token may not look at, as numbers to add: made once, and not at all where nothing is padding.
        hidden = prompts[:, start:] == PAD
        barred = torch.zeros(batch, 1, 1, c.context - start) if hidden.any() else None
        if barred is not None:
            barred[:, 0, 0, : c.prompt_length - start].masked_fill_(hidden, -math.inf)
        mask = causal_mask(prompts[:, start:], c.prompt_length - start)
        x, live, table = prompts[:, start:], torch.arange(batch), self.embedding.weight
        tokens = torch.full((batch, c.response_length), PAD)
        log_probs = torch.zeros(batch, c.response_length)
        at = 0
        for t in range(uniform.shape[1]):
            h, rotation = self._embed(x, start + at, table)
            for block, cache, wanted in zip(cast(Sequence[Block], self.blocks), caches, told, strict=True):
                h = block.extend(h, cache, at, mask, rotation, wanted)
            at += x.shape[1]
            h = self.norm(h[:, -1])
            if states is not None:
                states[live, t] = h
            log_p = next_token_log_probs(self.logits(h, table), temperature, top_k)  # (live, vocabulary)
            if begun is not None and t < begun.shape[1]:
                drawn = begun[live, t]
            else:
                drawn = draw(log_p, uniform[live, t], temperature)
            tokens[live, t] = drawn
            log_probs[live, t] = log_p.gather(1, drawn[:, None])[:, 0]
            going = drawn != until
            left = int(going.sum())
            if not left:
                break
            # Finished rows cost as much as live ones: drop them once a quarter has finished.
            if left <= 0.75 * len(live):
                live, drawn = live[going], drawn[going]
                barred = None if barred is None else barred[going]
                caches = [(k[going], v[going]) for k, v in caches]
            x, mask = drawn[:, None], None if barred is None else barred[..., : at + 1]
        return tokens, log_probs


REMAKE = "restore the file or remake it with `python -m rlhf_core.checkpoints.make` (of mazes: `make_mazes`)"


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


def laid_out(values: Tensor, mask: Tensor) -> Tensor:
    """Values (tokens, ...) of the tokens that count at their places in (batch, time, ...), zero elsewhere."""
    places = values.new_zeros(*mask.shape, *values.shape[1:])
    places[mask] = values
    return places


def causal_mask(tokens: Tensor, prompt_columns: int) -> Tensor:
    """Who may look at whom, (batch, 1, time, time): each token at itself and at earlier ones that are not padding."""
    time = tokens.shape[1]
    seen = (tokens != PAD) | (torch.arange(time) >= prompt_columns)  # padding after a response is never looked back at
    itself = torch.eye(time, dtype=torch.bool)
    return ((torch.ones(time, time, dtype=torch.bool).tril() & seen[:, None, :]) | itself)[:, None]


def check_sampling(temperature: float, top_k: int | None) -> None:
    """ValueError for what can't be sampled with."""
    if temperature < 0:
        raise ValueError(f"The temperature must be 0 or more, not {temperature}.")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least 1, not {top_k}.")


def next_token_log_probs(logits: Tensor, temperature: float, top_k: int | None) -> Tensor:
    """Log-probabilities (batch, vocabulary) that sampling draws from. Temperature 0 leaves the model's own."""
    logits = logits if temperature in (0, 1) else logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        kept = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < kept, -math.inf)
    return torch.log_softmax(logits, -1)


def draw(log_probs: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """One token a row, (batch,), by the inverse of the cumulative distribution; greedy at temperature 0."""
    if temperature == 0:
        return log_probs.argmax(-1)
    cumulative = log_probs.exp().cumsum(-1)
    at = (uniform * cumulative[:, -1])[:, None]
    return torch.searchsorted(cumulative, at, right=True)[:, 0].clamp_(max=log_probs.shape[1] - 1)


def to_generations(responses: Responses, tokenizer: SimpleTokenizer) -> list[Generation]:
    """Sampled token ids as text."""
    found: list[Generation] = []
    for row, log_probs, mask in zip(*responses, strict=True):
        ids = cast(list[int], row[mask].tolist())
        words = tuple(tokenizer.words[i] for i in ids)
        found.append(
            Generation(
                tokenizer.decode(ids), words, tuple(cast(list[float], log_probs[mask].tolist())), ids[-1] == EOS
            )
        )
    return found
