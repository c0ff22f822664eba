"""Mazes on a grid, and the environment that moves one agent through one of them.

A cell is (row, column), counted from 0 at the top left. `GridWorld` has the `reset` and `step` of Gymnasium (Towers et
al., 2024); `gymnasium_maze` makes it one where that package is installed.

- Action: one of `MOVES`, a step to the next cell. Into a wall or over the edge the agent stays where it is: a bump.
- State: what the agent sees, see `State`. Hidden walls are not in it, nor, under a limited view, is what is far away.
- Reward: 1 on reaching the goal, -0.1 for every other step (the notebook's).
- End: terminated at the goal, truncated after `max_steps`.
"""

from __future__ import annotations

import json
import random
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

Cell = tuple[int, int]
MOVES: Mapping[str, Cell] = {"move_up": (-1, 0), "move_down": (1, 0), "move_left": (0, -1), "move_right": (0, 1)}
SMALLEST, LARGEST = 5, 10
GOAL_REWARD, STEP_REWARD = 1.0, -0.1
DETOUR = 2
"""A maze is hard if its shortest path is at least this much longer than the Manhattan distance."""
SPLITS = ("train", "validation", "test")


class MazeError(ValueError):
    """No maze: a cell outside the grid or in a wall, or a goal that can't be reached. The message says which; `reason`
    names it in a word: "size", "outside", "in_wall", "same", "no_way", or "form" for all else."""

    def __init__(self, message: str, reason: str = "form") -> None:
        super().__init__(message)
        self.reason = reason


def neighbour(cell: Cell, move: str) -> Cell:
    """The cell that a move leads to, whether one may stand there or not."""
    row, column = MOVES[move]
    return cell[0] + row, cell[1] + column


def manhattan(a: Cell, b: Cell) -> int:
    """Steps from a to b if there were no walls."""
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def inside(cell: Cell, size: int) -> bool:
    return 0 <= cell[0] < size and 0 <= cell[1] < size


def distances(size: int, walls: AbstractSet[Cell], source: Cell) -> dict[Cell, int]:
    """Steps from `source` to every cell that can be reached, by breadth-first search (Moore, 1959), nearest first."""
    found, queue = {source: 0}, deque([source])
    while queue:
        cell = queue.popleft()
        for move in MOVES:
            reached = neighbour(cell, move)
            if inside(reached, size) and reached not in walls and reached not in found:
                found[reached] = found[cell] + 1
                queue.append(reached)
    return found


@dataclass(frozen=True)
class Maze:
    """A grid of size x size cells with walls, a start and a goal that can be reached from it."""

    size: int
    walls: frozenset[Cell]
    start: Cell
    goal: Cell

    def __post_init__(self) -> None:
        if not SMALLEST <= self.size <= LARGEST:
            raise MazeError(f"A maze has {SMALLEST} to {LARGEST} cells a side, not {self.size}.", "size")
        for name, cell in (("start", self.start), ("goal", self.goal), *(("wall", wall) for wall in self.walls)):
            if not inside(cell, self.size):
                last = self.size - 1
                raise MazeError(
                    f"The {name} {say(cell)} lies outside the grid: rows and columns go from 0 to {last}.", "outside"
                )
        for name, cell in (("start", self.start), ("goal", self.goal)):
            if cell in self.walls:
                raise MazeError(f"The {name} {say(cell)} is in a wall; move it or open the wall.", "in_wall")
        if self.start == self.goal:
            raise MazeError(f"Start and goal are both {say(self.start)}; move one of them.", "same")
        if self.start not in self.to_goal:
            raise MazeError(f"No way leads from {say(self.start)} to {say(self.goal)}; open a wall.", "no_way")

    @cached_property
    def to_goal(self) -> dict[Cell, int]:
        """Steps to the goal from every cell from which it can be reached."""
        return distances(self.size, self.walls, self.goal)

    @property
    def shortest(self) -> int:
        """Steps of a shortest path."""
        return self.to_goal[self.start]

    @property
    def hard(self) -> bool:
        """Whether the shortest path must go round something."""
        return self.shortest - manhattan(self.start, self.goal) >= DETOUR

    @property
    def split(self) -> str:
        """The share of mazes this one belongs to, by its set of walls alone: a test maze's walls were never trained on,
        from whatever start to whatever goal. A tenth is test, a tenth validation."""
        digest = zlib.crc32(f"{self.size} {sorted(self.walls)}".encode()) % 10
        return {0: "test", 1: "validation"}.get(digest, "train")

    def rows(self) -> list[str]:
        """The maze as lines of `#` (wall), `.` (free), `S` and `G`."""
        marks = {**dict.fromkeys(self.walls, "#"), self.start: "S", self.goal: "G"}
        return ["".join(marks.get((r, c), ".") for c in range(self.size)) for r in range(self.size)]


def say(cell: Cell) -> str:
    """A cell as text."""
    return f"({cell[0]},{cell[1]})"


def random_maze(
    rng: random.Random,
    size: int,
    *,
    hard: bool | None = None,
    split: str | None = None,
    density: tuple[float, float] = (0.15, 0.42),
) -> Maze:
    """A maze whose walls fall at random, a share of the cells between the two of `density`.

    hard: whether the shortest path must go round something, at least three steps long; None takes what comes. split:
    one of `SPLITS`, see `Maze.split`.
    """
    if not SMALLEST <= size <= LARGEST:
        raise MazeError(f"A maze has {SMALLEST} to {LARGEST} cells a side, not {size}.")
    if split is not None and split not in SPLITS:
        raise MazeError(f"There is no split {split!r}; choose one of {', '.join(SPLITS)}.")
    cells = [(row, column) for row in range(size) for column in range(size)]
    while True:
        share = rng.uniform(*density)
        walls = frozenset(cell for cell in cells if rng.random() < share)
        free = [cell for cell in cells if cell not in walls]
        if len(free) < 6:
            continue
        goal = rng.choice(free)
        steps = distances(size, walls, goal)
        starts = [
            cell
            for cell in steps
            if cell != goal
            and (hard is None or (steps[cell] >= 3 and (steps[cell] - manhattan(cell, goal) >= DETOUR) == hard))
        ]
        if not starts:
            continue
        maze = Maze(size, walls, rng.choice(starts), goal)
        if split is None or maze.split == split:
            return maze


def random_mazes(n: int, size: int, *, seed: int, hard: bool | None = None, split: str | None = None) -> list[Maze]:
    """n different mazes; the same seed gives the same ones, and a longer list begins with the shorter one."""
    if n < 1:
        raise MazeError(f"The number of mazes must be at least 1, not {n}.")
    rng = random.Random(f"{seed} {size} {hard} {split}")
    found: dict[Maze, None] = {}
    while len(found) < n:
        found[random_maze(rng, size, hard=hard, split=split)] = None
    return list(found)


# Files of mazes.


def parse_mazes(text: str) -> list[Maze]:
    """Mazes of a JSON file `[{"size", "walls": [[r, c], ...], "start": [r, c], "goal": [r, c]}, ...]`.

    MazeError names the index of the maze that is none, counted from 0, and why, or the line that is no JSON.
    """
    try:
        data = json.loads(text, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise MazeError(f"line {error.lineno}: {error.msg}; give a JSON list of mazes.") from error
    except RecursionError as error:
        raise MazeError("The JSON is nested too deeply; give a list of mazes.") from error
    if not isinstance(data, list) or not data:
        raise MazeError("The file must hold a list of at least one maze.")
    found: list[Maze] = []
    for index, item in enumerate(cast(list[Any], data)):
        try:
            found.append(parse_maze(item))
        except MazeError as error:
            raise MazeError(f"maze {index}: {error}", error.reason) from error
    return found


def _whole(digits: str) -> int | float:
    """A whole number, of which Python reads no more than some thousand digits; a huge one is none, and infinite."""
    return int(digits) if len(digits) < 10 else float(digits)


def parse_maze(item: Any) -> Maze:
    """A maze from what `maze_json` gives. MazeError says what is missing or wrong."""
    if not isinstance(item, dict):
        raise MazeError(f"A maze is an object of size, walls, start and goal, not {item!r:.40}.")
    given = cast(dict[str, Any], item)
    if missing := [name for name in ("size", "walls", "start", "goal") if name not in given]:
        raise MazeError(f"{missing[0]} is missing.")
    size, walls = given["size"], given["walls"]
    if not isinstance(size, int) or isinstance(size, bool):
        raise MazeError(f"size must be a whole number, not {size!r:.40}.")
    if not isinstance(walls, list):
        raise MazeError(f"walls must be a list of [row, column], not {walls!r:.40}.")
    cells = frozenset(_parse_cell("a wall", wall) for wall in cast(list[Any], walls))
    return Maze(size, cells, _parse_cell("start", given["start"]), _parse_cell("goal", given["goal"]))


def _parse_cell(name: str, value: Any) -> Cell:
    pair = cast(list[Any], value) if isinstance(value, list) else []
    if len(pair) != 2 or not all(isinstance(x, int) and not isinstance(x, bool) for x in pair):
        raise MazeError(f"{name} must be [row, column], not {value!r:.40}.")
    return pair[0], pair[1]


def maze_json(maze: Maze) -> dict[str, Any]:
    """A maze as `parse_mazes` reads it."""
    return {
        "size": maze.size,
        "walls": [list(wall) for wall in sorted(maze.walls)],
        "start": list(maze.start),
        "goal": list(maze.goal),
    }


# The environment.


@dataclass(frozen=True)
class State:
    """What the agent sees at one moment."""

    size: int
    position: Cell
    goal: Cell
    walls: frozenset[Cell]
    """Those that can be seen from here."""


class Step(NamedTuple):
    """What `GridWorld.step` returns, as Gymnasium has it."""

    state: State
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


class GridWorld:
    """One agent in one maze.

    maze: the one to walk, or None for a random one of `size` at each reset. hidden: walls that are never seen, only
    bumped into; or the share of a maze's walls to hide, drawn at reset. view: how many rows and columns away the agent
    sees walls; None for all of them. max_steps: by default four times the size, and never less than twice the shortest
    path.
    """

    def __init__(
        self,
        maze: Maze | None = None,
        *,
        size: int = 6,
        hidden: AbstractSet[Cell] | float = 0.0,
        view: int | None = None,
        max_steps: int | None = None,
        seed: int = 0,
    ) -> None:
        if isinstance(hidden, float | int) and not 0 <= hidden <= 1:
            raise MazeError(f"The share of hidden walls must lie between 0 and 1, not {hidden}.")
        if view is not None and view < 1:
            raise MazeError(f"The view must reach at least 1 cell, not {view}.")
        if max_steps is not None and max_steps < 1:
            raise MazeError(f"The agent must have at least 1 step, not {max_steps}.")
        self._given, self._size, self._hide, self.view, self._most = maze, size, hidden, view, max_steps
        self._rng = random.Random(seed)
        self.reset()

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[State, dict[str, Any]]:
        """Begin an episode. seed: names all that is drawn from here on. options: {"maze": Maze} walks another one."""
        if seed is not None:
            self._rng = random.Random(seed)
        self.maze = (options or {}).get("maze") or self._given or random_maze(self._rng, self._size)
        if isinstance(self._hide, float | int):
            share = self._hide
            self.hidden = frozenset(wall for wall in sorted(self.maze.walls) if self._rng.random() < share)
        else:
            self.hidden = self.maze.walls & self._hide
        self.max_steps = self._most or step_limit(self.maze)
        self.position = self.maze.start
        self.steps = self.bumps = 0
        self.path = [self.position]
        return self.state, self._info(False)

    @property
    def state(self) -> State:
        """What the agent sees now."""
        seen = self.maze.walls - self.hidden
        if self.view is not None:
            (row, column), reach = self.position, self.view
            seen = frozenset(w for w in seen if abs(w[0] - row) <= reach and abs(w[1] - column) <= reach)
        return State(self.maze.size, self.position, self.maze.goal, seen)

    @property
    def at_goal(self) -> bool:
        return self.position == self.maze.goal

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""
        return self.at_goal or self.steps >= self.max_steps

    def step(self, action: str | None) -> Step:
        """Make a move; None, a decision that named none, stays and costs a step. ValueError for another action, and
        after the end."""
        if self.over:
            raise ValueError("The episode has ended; reset it.")
        if action is not None and action not in MOVES:
            raise ValueError(f"There is no action {action!r}; choose one of {', '.join(MOVES)}.")
        self.steps += 1
        reached = self.position if action is None else neighbour(self.position, action)
        bumped = action is not None and not self.maze_allows(reached)
        if bumped:
            self.bumps += 1
        else:
            self.position = reached
        self.path.append(self.position)
        reward = GOAL_REWARD if self.at_goal else STEP_REWARD
        return Step(self.state, reward, self.at_goal, self.over and not self.at_goal, self._info(bumped))

    def maze_allows(self, cell: Cell) -> bool:
        """Whether one may stand on a cell."""
        return inside(cell, self.maze.size) and cell not in self.maze.walls

    def _info(self, bumped: bool) -> dict[str, Any]:
        return {"bumped": bumped, "steps": self.steps, "bumps": self.bumps}


def step_limit(maze: Maze) -> int:
    """After how many steps an episode is cut off."""
    return max(4 * maze.size, 2 * maze.shortest)


def episodes(
    mazes: Sequence[Maze], *, hidden: float = 0.0, view: int | None = None, seed: int = 0
) -> Iterator[GridWorld]:
    """An environment for each maze; what is hidden is drawn from the seed and the maze's place in the list."""
    for i, maze in enumerate(mazes):
        yield GridWorld(maze, hidden=hidden, view=view, seed=zlib.crc32(f"{seed} {i}".encode()))


EXAMPLES: Mapping[str, Maze] = {
    "near": Maze(6, frozenset(), (0, 0), (0, 2)),
    "far": Maze(8, frozenset(), (0, 0), (7, 7)),
    "wall": Maze(6, frozenset({(1, 2), (2, 2), (3, 2)}), (2, 1), (2, 4)),
    "beside": Maze(5, frozenset({(1, 1), (2, 3)}), (3, 4), (4, 4)),
}
"""The notebook's four states, as we reconstruct them: a goal near by, one so far that its rule answers `plan` for ever,
one behind a wall that it does not see, and one beside the agent, which its rule would leave again."""
