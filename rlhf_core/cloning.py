"""Behaviour cloning: learn to think and to act as a planner does (Pomerleau, 1989; with its thoughts, as chain of
thought is taught: Yang et al., 2022, "Chain of thought imitation with procedure cloning").

A lesson is a state, what the planner would think of it, and its move. The loss is that of a language model, on the
answer alone. A thought has many words and the move one: in a plain mean the longer the thought, the less the move would
count, so the move has a weight of its own. (Whether that is needed is measured in `benchmarks/navigation.md`.)
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rlhf_core.gridworld import LARGEST, SMALLEST, Maze, manhattan, random_maze
from rlhf_core.language_model import EOS, PAD, MiniLM, MiniLMConfig
from rlhf_core.likelihood import token_log_probs
from rlhf_core.maze_language import (
    LONGEST_STATE,
    LONGEST_THOUGHT,
    Reading,
    Thought,
    as_thought,
    lesson,
    maze_tokenizer,
    state_words,
)
from rlhf_core.muon import Muon


@dataclass(frozen=True, kw_only=True)
class CloningConfig:
    """How one step of cloning is done."""

    thought: Thought = "path"
    """What stands before the move."""
    smallest: int = 6
    largest: int = 6
    """Mazes are of these sizes and those between."""
    learning_rate: float = 0.02
    """Muon's step size; that of the other parameters is a fifth of it."""
    batch_size: int = 32
    """Lessons a step."""
    action_weight: float = 4.0
    """Weight of the move in the loss, a word of the thought being 1."""
    hard_share: float = 0.6
    """At least so many starts from which the way must go round something, where the maze has one."""
    remembered_share: float = 0.3
    """So many lessons have some of their walls among the bumps."""

    def __post_init__(self) -> None:
        as_thought(self.thought)
        if not SMALLEST <= self.smallest <= self.largest <= LARGEST:
            raise ValueError(
                f"Mazes have {SMALLEST} to {LARGEST} cells a side, not {self.smallest} to {self.largest}."
            )
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"The learning rate must be above 0, not {self.learning_rate}.")
        if not (math.isfinite(self.action_weight) and self.action_weight >= 0):
            raise ValueError(f"The weight of the move must be 0 or more, not {self.action_weight}.")
        if self.batch_size < 1:
            raise ValueError(f"The batch size must be at least 1, not {self.batch_size}.")
        for name in ("hard_share", "remembered_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not {getattr(self, name)}.")


LEARNING_RATES: Mapping[Thought, float] = {"none": 0.006, "facts": 0.006, "path": 0.02, "wave": 0.02}
"""Which learning rate suits which thought: a move that does not follow from what was written is hard to guess, and with
Muon's usual step nothing is learnt of it."""
TAUGHT_DENSITY = (0.05, 0.45)
"""Share of walls in the mazes of the lessons: on both sides of the tested mazes', so that a hand-drawn one is no
surprise."""


def maze_model(rng: torch.Generator, *, width: int = 96, layers: int = 3, heads: int = 4) -> MiniLM:
    """An untrained model with room for every maze."""
    config = MiniLMConfig(
        vocabulary=len(maze_tokenizer("en")),
        width=width,
        layers=layers,
        heads=heads,
        prompt_length=LONGEST_STATE + 2,
        response_length=LONGEST_THOUGHT + 4,
        rotary=True,
        grid=LARGEST,
    )
    return MiniLM(config, rng)


@dataclass(frozen=True)
class CloningMetrics:
    """What one step of cloning measured, before its update."""

    step: int
    loss: float
    """Cross-entropy of the answer's words, in nats a word."""
    action_loss: float
    """That of the move alone."""
    action_accuracy: float
    """Share of lessons in which the planner's move is the likeliest, given the planner's thought."""
    lessons: int
    """Seen so far."""
    learning_rate: float
    cpu_seconds: float


class CloningTrainer:
    """Trains a model on lessons; `step` after `step`, saved and resumed with optimisers and random state."""

    CHUNK = 8
    """Batches are cut from this many at once, sorted by length, so that little of a batch is padding."""
    STARTS = 4
    """Lessons from one set of walls."""

    def __init__(self, model: MiniLM, config: CloningConfig, seed: int) -> None:
        self.model, self.config = model, config
        self.tokenizer = maze_tokenizer("en")
        matrices = [p for p in model.blocks.parameters() if p.dim() == 2]
        others = [p for p in model.parameters() if not any(p is m for m in matrices)]
        # Muon (Jordan et al., 2024) learns this task in a third of Adam's steps; it is for matrices alone.
        self.optimizers = (
            Muon(matrices, lr=config.learning_rate),
            torch.optim.AdamW(others, lr=config.learning_rate / 5, betas=(0.9, 0.98), weight_decay=0.0),
        )
        self.rng = random.Random(seed)
        self.steps_done = self.lessons_seen = 0
        self.cpu_seconds = 0.0
        self._batches: list[tuple[Tensor, Tensor]] = []
        self._batches_of = self._made_of(config)

    def __iter__(self) -> Iterator[CloningMetrics]:
        while True:
            yield self.step()

    def step(self, config: CloningConfig | None = None) -> CloningMetrics:
        """One optimiser step on one batch. A config given here holds from this step on."""
        began = time.process_time()
        self.config = config or self.config
        if self._made_of(self.config) != self._batches_of:
            self._batches, self._batches_of = [], self._made_of(self.config)
        tokens, moves = self._next_batch()
        loss, parts = cloning_loss(self.model, tokens, moves, self.config.action_weight)
        for optimizer, share in zip(self.optimizers, (1.0, 0.2), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = self.config.learning_rate * share
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self.steps_done += 1
        self.lessons_seen += len(tokens)
        self.cpu_seconds += time.process_time() - began
        word, move, right = parts.tolist()
        return CloningMetrics(
            step=self.steps_done,
            loss=word,
            action_loss=move,
            action_accuracy=right,
            lessons=self.lessons_seen,
            learning_rate=self.config.learning_rate,
            cpu_seconds=self.cpu_seconds,
        )

    def _made_of(self, config: CloningConfig) -> tuple[Any, ...]:
        """What the batches that wait were made with."""
        return (config.thought, config.smallest, config.largest, config.batch_size, config.hard_share,
                config.remembered_share)  # fmt: skip

    def _next_batch(self) -> tuple[Tensor, Tensor]:
        """Token ids (batch, time) and the column of the move in each, (batch,)."""
        if not self._batches:
            c, rows = self.config, list[tuple[list[int], list[int]]]()
            while len(rows) < c.batch_size * self.CHUNK:
                size = self.rng.randint(c.smallest, c.largest)
                rows += self._lessons(random_maze(self.rng, size, split="train", density=TAUGHT_DENSITY))
            rows.sort(key=lambda row: len(row[0]) + 3 * len(row[1]))
            for first in range(0, len(rows) - c.batch_size + 1, c.batch_size):
                self._batches.append(self._pad(rows[first : first + c.batch_size]))
            self.rng.shuffle(self._batches)
        return self._batches.pop()

    def _lessons(self, maze: Maze) -> list[tuple[list[int], list[int]]]:
        steps = maze.to_goal
        starts = [cell for cell in steps if cell != maze.goal]
        hard = [cell for cell in starts if steps[cell] - manhattan(cell, maze.goal) >= 2]
        found: list[tuple[list[int], list[int]]] = []
        for _ in range(self.STARTS):
            start = self.rng.choice(hard if hard and self.rng.random() < self.config.hard_share else starts)
            remembered = self.rng.random() < self.config.remembered_share
            bumps = frozenset(w for w in sorted(maze.walls) if remembered and self.rng.random() < 0.3)
            reading = Reading(maze.size, start, maze.goal, maze.walls - bumps, bumps)
            answer = lesson(self.config.thought, reading)
            assert answer is not None
            found.append((self._ids(state_words(reading)), self._ids(answer)))
        return found

    def _ids(self, words: Sequence[str]) -> list[int]:
        return [self.tokenizer.id(word) for word in words]

    def _pad(self, rows: Sequence[tuple[list[int], list[int]]]) -> tuple[Tensor, Tensor]:
        room = self.model.config.prompt_length
        longest = max(len(answer) for _, answer in rows) + 1
        tokens = [
            [PAD] * (room - 2 - len(state)) + [self.tokenizer.BOS, *state, self.tokenizer.SEP, *answer, EOS]
            + [PAD] * (longest - len(answer) - 1)
            for state, answer in rows
        ]
        return torch.tensor(tokens), torch.tensor([room + len(answer) - 1 for _, answer in rows])

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "policy": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "rng": self.rng.getstate(),
            "batches": self._batches,
            "batches_of": self._made_of(self.config),
            "steps_done": self.steps_done,
            "lessons_seen": self.lessons_seen,
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["policy"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.rng.setstate(state["rng"])
        self._batches, self._batches_of = list(state["batches"]), tuple(state["batches_of"])
        self.steps_done, self.lessons_seen = state["steps_done"], state["lessons_seen"]
        self.cpu_seconds = state["cpu_seconds"]


def cloning_loss(model: MiniLM, tokens: Tensor, moves: Tensor, action_weight: float) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropy of the answers, to descend; and, to look at, (loss a word, loss of the move, accuracy of
    the move).

    tokens: (batch, prompt_length + answer), prompts padded left and answers right. moves: the column of the move in
    each row, (batch,).
    """
    start = int((tokens != PAD).any(0).int().argmax())
    room = model.config.prompt_length
    tokens, targets = tokens[:, start:], tokens[:, room:]
    hidden = model(tokens[:, :-1], start)[:, room - 1 - start :]  # the <sep> predicts the first word
    logits = model.logits(hidden)  # (batch, answer, vocabulary)
    losses = -token_log_probs(logits.flatten(0, 1), targets.flatten()).view_as(targets)
    counts = (targets != PAD).float()
    row, column = torch.arange(len(targets)), moves - room
    weights = counts.clone()
    weights[row, column] = action_weight
    right = logits[row, column].argmax(-1) == targets[row, column]
    parts = torch.stack([(losses * counts).sum() / counts.sum(), losses[row, column].mean(), right.float().mean()])
    return (losses * weights).sum() / weights.sum(), parts.detach()


def schedule(progress: float, steps_done: int) -> float:
    """Factor of the learning rate: thirty steps of warm-up, level, then linear to 1/50 over the last 70 %."""
    return min(1.0, (steps_done + 1) / 30) * max(0.02, min(1.0, (1.0 - progress) / 0.7))
