"""The language of mazes: a state as text, a thought as text, and what a planner would think.

A state reads `6x6 wall (0,1) (2,3) bump (4,4) goal (5,5) at (0,0)`, an answer `(4,5) (3,5) ... act right`: thought,
the word `act`, a move. English and Korean say the same in the same order, word for word, so one model speaks both: it
sees only the words' numbers, and the two tokenizers give each number its word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from rlhf_core.corpus import LANGUAGES
from rlhf_core.gridworld import LARGEST, MOVES, SMALLEST, Cell, distances, inside, manhattan, neighbour, say
from rlhf_core.tokenizer import SimpleTokenizer

Thought = Literal["none", "facts", "path", "wave"]
THOUGHTS: tuple[Thought, ...] = ("none", "facts", "path", "wave")
"""What comes before the move: nothing; what is around and where the goal lies; a path from the goal back to the agent;
a breadth-first search from the goal, each cell with the move from it."""

PLANNING: tuple[Thought, ...] = ("path", "wave")
"""Those that say where to go: their plan can be checked."""

# Word by word in both languages, in the order of their ids.
_WORDS = {
    "wall": "벽",
    "bump": "충돌",
    "goal": "목표",
    "at": "현재",
    "act": "행동",
    "up": "위",
    "down": "아래",
    "left": "왼쪽",
    "right": "오른쪽",
    "free": "빈칸",
    "blocked": "막힘",
    "toward": "방향",
    "reached": "도착",
}
WORDS: Mapping[str, tuple[str, ...]] = {"en": tuple(_WORDS), "ko": tuple(_WORDS.values())}
SIZES = tuple(f"{size}x{size}" for size in range(SMALLEST, LARGEST + 1))
CELLS = tuple(say((row, column)) for row in range(LARGEST) for column in range(LARGEST))
LONGEST_STATE = LARGEST**2 + 8
"""Tokens of the longest state: every cell but two a wall, and a word or two for each part."""
LONGEST_THOUGHT = 2 * LARGEST**2
"""Tokens of the longest thought: a wave over a whole grid, two a cell."""


@dataclass(frozen=True)
class Reading:
    """All that a decision is made from: what is seen now, and what is remembered."""

    size: int
    position: Cell
    goal: Cell
    walls: frozenset[Cell]
    """Seen now or before."""
    bumps: frozenset[Cell] = frozenset()
    """Cells that were found blocked by walking into them."""
    visits: Mapping[Cell, int] = field(default_factory=dict[Cell, int], compare=False)
    """How often the agent stood on a cell. No part of the text: only greedy search with memory looks at it."""

    @property
    def blocked(self) -> frozenset[Cell]:
        """All cells that are known to be walls."""
        return self.walls | self.bumps

    def allows(self, cell: Cell) -> bool:
        """Whether one may stand on a cell, as far as is known."""
        return inside(cell, self.size) and cell not in self.walls and cell not in self.bumps


class MazeTokenizer(SimpleTokenizer):
    """Words and ids of one language; the ids are those of the other."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"There are no mazes in {language!r}; choose one of {', '.join(LANGUAGES)}.")
        self.language = language
        super().__init__([*SIZES, *WORDS[language], *CELLS])

    def word(self, english: str) -> str:
        """A word of `WORDS["en"]` in this language."""
        return WORDS[self.language][WORDS["en"].index(english)]

    def english(self, words: Sequence[str]) -> list[str]:
        """Words of this language in English; those that it has not stay as they are."""
        names = dict(zip(WORDS[self.language], WORDS["en"], strict=True))
        return [names.get(word, word) for word in words]

    def say(self, english: Sequence[str]) -> str:
        """English words as a text of this language."""
        names = dict(zip(WORDS["en"], WORDS[self.language], strict=True))
        return " ".join(names.get(word, word) for word in english)

    def state(self, reading: Reading) -> str:
        """A reading as the text that the model gets."""
        return self.say(state_words(reading))


@lru_cache
def maze_tokenizer(language: str) -> MazeTokenizer:
    """The tokenizer of a language. ValueError for one that mazes don't speak."""
    return MazeTokenizer(language)


def state_words(reading: Reading) -> list[str]:
    """A reading in English words: size, walls, bumps, goal, position."""
    words = [f"{reading.size}x{reading.size}"]
    for name, cells in (("wall", reading.walls - reading.bumps), ("bump", reading.bumps)):
        if cells:
            words += [name, *map(say, sorted(cells))]
    return [*words, "goal", say(reading.goal), "at", say(reading.position)]


def direction(move: str) -> str:
    """The word of a move: `move_up` is said `up`."""
    return move.removeprefix("move_")


def move_named(word: str) -> str | None:
    """The move that an English word names."""
    move = f"move_{word}"
    return move if move in MOVES else None


def cell_named(word: str) -> Cell | None:
    """The cell that a word names."""
    if word not in _CELL_OF:
        return None
    return _CELL_OF[word]


_CELL_OF = {say((row, column)): (row, column) for row in range(LARGEST) for column in range(LARGEST)}


# What a planner would think.


def best_move(reading: Reading) -> str | None:
    """The first move of a shortest path through what is known; None if no way is known."""
    steps = distances(reading.size, reading.blocked, reading.goal)
    here = steps.get(reading.position)
    return None if here is None else next(
        (move for move in MOVES if steps.get(neighbour(reading.position, move), here) == here - 1), None
    )


def facts(reading: Reading) -> list[str] | None:
    """Which neighbours are free, and in which directions the goal lies; then the best move."""
    move = best_move(reading)
    if move is None:
        return None
    words: list[str] = []
    for name in MOVES:
        words += [direction(name), "free" if reading.allows(neighbour(reading.position, name)) else "blocked"]
    nearer = [
        name for name in MOVES
        if manhattan(neighbour(reading.position, name), reading.goal) < manhattan(reading.position, reading.goal)
    ]
    return [*words, "toward", *map(direction, nearer), "act", direction(move)]


def path(reading: Reading) -> list[str] | None:
    """A shortest path as cells, from the one before the goal back to the one beside the agent; then the move to it.

    Backwards, each cell follows from the one before it and the last one is the agent's next. Of several shortest paths
    it is the one whose cells, seen from the goal, come first in the order of `MOVES`."""
    steps = distances(reading.size, reading.blocked, reading.position)
    if reading.goal not in steps:
        return None
    cells = [reading.goal]
    while steps[cells[-1]] > 1:
        near = (neighbour(cells[-1], move) for move in MOVES)
        cells.append(next(cell for cell in near if steps.get(cell) == steps[cells[-1]] - 1))
    move = next(move for move in MOVES if neighbour(reading.position, move) == cells[-1])
    return [*map(say, cells[1:]), "act", direction(move)]


def wave(reading: Reading) -> list[str] | None:
    """Breadth-first search from the goal: each cell that is found, with the move from it, until the agent's own."""
    found, queue, words = {reading.goal}, [reading.goal], list[str]()
    for cell in queue:
        for move, back in BACK.items():
            reached = neighbour(cell, move)
            if reading.allows(reached) and reached not in found:
                found.add(reached)
                queue.append(reached)
                words += [say(reached), direction(back)]
                if reached == reading.position:
                    return [*words, "reached", "act", direction(back)]
    return None


BACK = dict(zip(MOVES, ("move_down", "move_up", "move_right", "move_left"), strict=True))
"""Each move with the one that undoes it."""


def nothing(reading: Reading) -> list[str] | None:
    """The best move, unexplained."""
    move = best_move(reading)
    return None if move is None else ["act", direction(move)]


_TEACHERS: Mapping[Thought, Callable[[Reading], list[str] | None]] = {
    "none": nothing,
    "facts": facts,
    "path": path,
    "wave": wave,
}


def lesson(thought: Thought, reading: Reading) -> list[str] | None:
    """What the planner would say of a state, in English words: its thought, `act`, its move. None where it knows no
    way. ValueError for a kind of thought that there is not."""
    if thought not in _TEACHERS:
        raise ValueError(f"There is no thought {thought!r}; choose one of {', '.join(THOUGHTS)}.")
    return _TEACHERS[thought](reading)


# What an answer says.


def split_answer(words: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """The thought of an answer in English words, which is what stands before the first `act`, and the move after it;
    None where it names none."""
    words = list(words)
    at = words.index("act") if "act" in words else len(words)
    return tuple(words[:at]), move_named(words[at + 1]) if at + 1 < len(words) else None


def cells_in(thought: Sequence[str]) -> list[Cell]:
    """The cells that a thought names, in its order."""
    return [cell for word in thought if (cell := cell_named(word)) is not None]


def wave_moves(thought: Sequence[str]) -> dict[Cell, str]:
    """The move that a wave gives for each cell."""
    found: dict[Cell, str] = {}
    for word, following in pairwise(thought):
        cell, move = cell_named(word), move_named(following)
        if cell is not None and move is not None:
            found.setdefault(cell, move)
    return found


def plan_of(kind: Thought, thought: Sequence[str], reading: Reading) -> tuple[Cell, ...]:
    """The cells that a thought, in English words, would have the agent go, from the next one on; empty without a plan.

    A path is read from its end, and the goal is its last. A wave is followed move by move from the agent on, to a cell
    that it says nothing of. Other kinds of thought have no plan.
    """
    if kind == "path":
        return (*reversed(cells_in(thought)), reading.goal)
    cells = [reading.position]
    if kind == "wave":
        moves = wave_moves(thought)
        while cells[-1] in moves and len(cells) <= len(moves) and cells[-1] != reading.goal:
            cells.append(neighbour(cells[-1], moves[cells[-1]]))
    return tuple(cells[1:])


def valid_plan(plan: Sequence[Cell], reading: Reading) -> bool:
    """Whether a plan leads from the agent to the goal, cell by cell, through none that is known to be a wall."""
    cells = [reading.position, *plan]
    return (
        len(plan) > 0
        and plan[-1] == reading.goal
        and all(manhattan(a, b) == 1 for a, b in pairwise(cells))
        and all(reading.allows(cell) for cell in plan)
    )


def as_thought(name: str) -> Thought:
    """A kind of thought by its name. ValueError for one that there is not."""
    if name not in THOUGHTS:
        raise ValueError(f"There is no thought {name!r}; choose one of {', '.join(THOUGHTS)}.")
    return name
