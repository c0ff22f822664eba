"""MiniLM: a GPT of 138 thousand parameters (185 in Korean) that writes an answer to a prompt, token by token.

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
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from rlhf_core.attention import Attention, Cache, Packing, Rotation, rotary_angles, rotation
from rlhf_core.decoding import Decoder
from rlhf_core.feed_forward import FeedForward
from rlhf_core.sampling import (
    Generation,
    Responses,
    check_sampling,
    draw,
    next_token_log_probs,
    tempered,
    to_generations,
)
from rlhf_core.tokenizer import SimpleTokenizer
from rlhf_core.weights import REMAKE, CheckpointError, read_checkpoint

PAD, BOS, EOS, SEP = SimpleTokenizer.PAD, SimpleTokenizer.BOS, SimpleTokenizer.EOS, SimpleTokenizer.SEP


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


class Block(nn.Module):
    """One transformer block, normalised before each part (pre-norm)."""

    def __init__(self, config: MiniLMConfig) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(config.width)
        self.attention = Attention(config.width, config.heads)
        self.norm_feed_forward = nn.LayerNorm(config.width)
        self.feed_forward = FeedForward(config.width)

    def forward(
        self, x: Tensor, packing: Packing, wanted: Tensor | None, rotation: Rotation | None, cache: Cache | None = None
    ) -> Tensor:
        """The wanted of x (tokens, width), given by their numbers (wanted,), or all; they see all of their text before
        them. cache: as `Attention.forward` takes it."""
        seen = self.attention(self.norm_attention(x), packing, wanted, rotation, cache)
        x = (x if wanted is None else x.index_select(0, wanted)) + seen
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

    def states_at(
        self,
        wanted: Tensor,
        tokens: Tensor,
        start: int,
        real: Tensor,
        caches: Sequence[Cache] | None = None,
    ) -> Tensor:
        """Final hidden states (wanted, width) at the wanted places of tokens (batch, time) that begin at `start`.

        wanted, real: (batch, time), the places to tell of, and those to read; others are padding. The last block has
        nothing to do for what is read and not wanted, such as a prompt, but to be looked at. caches: where each block's
        keys and values are kept for what will follow.
        """
        packing = Packing(real, self.config.heads)
        x, rotation = self._embed(tokens[real], start + packing.columns)
        last = wanted[real].nonzero()[:, 0]
        for i, block in enumerate(self.blocks):
            told, cache = last if i + 1 == len(self.blocks) else None, caches[i] if caches else None
            x = block(x, packing, told, rotation, cache)
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

    def _embed(self, tokens: Tensor, positions: Tensor) -> tuple[Tensor, Rotation | None]:
        """Vectors (tokens, width) of tokens (tokens,) at positions (tokens,), and how attention turns them."""
        x = F.embedding(tokens, self.embedding.weight)
        if self.config.rotary:
            cosines, sines = self.rotation
            return x, (cosines[positions], sines[positions])
        return x + F.embedding(positions, self.position.weight), None

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
        return Responses.until(until, tokens, log_probs, most)

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
        batch, (_, most) = len(prompts), uniform.shape
        decoder, live, table = Decoder(self, prompts, most), torch.arange(batch), self.embedding.weight
        # Of each step: the rows that went on, the token that each drew, its probability, and the state before it.
        steps: list[tuple[Tensor, ...]] = []
        for t in range(most):
            logits = self.logits(decoder.states, table)
            p = torch.softmax(tempered(logits, temperature, top_k), -1)  # (live, vocabulary)
            if begun is not None and t < begun.shape[1]:
                drawn = begun[live, t]
            else:
                drawn = draw(p, uniform[:, t], temperature)
            steps.append((live, drawn, p.gather(1, drawn[:, None])[:, 0], decoder.states))
            going = drawn != until
            left = int(going.sum())
            if not left or t + 1 == most:
                break
            # Finished rows cost as much as live ones: drop them once one in sixteen has finished.
            if left <= 15 / 16 * len(live):
                rows = going.nonzero()[:, 0]
                live, drawn, uniform = (x.index_select(0, rows) for x in (live, drawn, uniform))
                decoder.keep(rows)
            decoder.append(drawn)
        columns = torch.arange(len(steps)).repeat_interleave(torch.tensor([len(rows) for rows, *_ in steps]))
        rows, drawn, chances, before = map(torch.cat, zip(*steps, strict=True))
        tokens = torch.full((batch, self.config.response_length), PAD)
        log_probs = torch.zeros(batch, self.config.response_length)
        tokens[rows, columns] = drawn
        log_probs[rows, columns] = chances.clamp_(min=torch.finfo(chances.dtype).tiny).log_()
        if states is not None:
            states[rows, columns] = before
        return tokens, log_probs


def laid_out(values: Tensor, mask: Tensor) -> Tensor:
    """Values (tokens, ...) of the tokens that count at their places in (batch, time, ...), zero elsewhere."""
    places = values.new_zeros(*mask.shape, *values.shape[1:])
    places[mask] = values
    return places
