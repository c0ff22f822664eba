"""A labyrinth that a team escapes from, and the environment that moves its members.

A labyrinth has an odd number of cells a side, a wall all round, corridors with loops, a start in a corner and an exit
that nobody knows. Cells are (row, column), as in `gridworld`. `TeamWorld` has the `reset` and `step` of PettingZoo's
parallel environments (Terry et al., 2021); `pettingzoo_team` makes it one where that package is installed.

- Action: a move of `MOVES`, "look" (stand and look round), "stay" (stand and see nothing), or "take" (a load that lies
  here). Into a wall a member stays where it is: a bump.
- Whoever carries a load sees nothing (it is in the way), feels only bumps, and moves in every `carry_period`-th tick.
- Whoever moves or looks without a load sees every cell within `radius`, each mistaken with probability `noise`, all but
  the exit and the cell it stands on.
- Reward, the same for all: 1 in the tick in which the last load is out, -0.1 in every other.
- End: terminated with the last load at the exit, truncated after `max_ticks`. A lost member's load lies where it was.
"""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from rlhf_core.gridworld import GOAL_REWARD, MOVES, SPLITS, STEP_REWARD, Cell, distances, inside, neighbour, say

SMALLEST, LARGEST = 9, 21
SIZES = range(SMALLEST, LARGEST + 1, 2)
LOOPS = 0.12
"""Share of the inner walls that are opened after the corridors were dug: each makes a loop."""
CARRY_PERIOD, RADIUS, MOST_TICKS = 2, 2, 400
LOOK, STAY, TAKE = "look", "stay", "take"
ACTIONS = (*MOVES, LOOK, STAY, TAKE)

Kind = Literal["free", "wall", "exit", "load"]
"""What a cell looks like."""


class LabyrinthError(ValueError):
    """No labyrinth, or a setting out of range. The message says which."""


@dataclass(frozen=True)
class Labyrinth:
    """Walls on a grid, a start, and an exit that can be reached from it."""

    size: int
    walls: frozenset[Cell]
    start: Cell
    exit: Cell

    def __post_init__(self) -> None:
        check_size(self.size)
        for name, cell in (("start", self.start), ("exit", self.exit)):
            if not inside(cell, self.size) or cell in self.walls:
                raise LabyrinthError(f"The {name} {say(cell)} is no free cell of the grid.")
        if self.start not in self.to_exit:
            raise LabyrinthError(f"No way leads from {say(self.start)} to {say(self.exit)}.")

    @cached_property
    def to_exit(self) -> dict[Cell, int]:
        """Steps to the exit from every cell from which it can be reached."""
        return distances(self.size, self.walls, self.exit)

    @property
    def shortest(self) -> int:
        """Steps of a shortest path."""
        return self.to_exit[self.start]

    @property
    def split(self) -> str:
        """The share of labyrinths this one belongs to, by its walls. Rules are tuned on others than they are measured
        on: a third is test, the rest validation."""
        return "test" if zlib.crc32(f"{self.size} {sorted(self.walls)}".encode()) % 3 == 0 else "validation"


def check_size(size: int) -> None:
    """LabyrinthError for a size that labyrinths don't have."""
    if size not in SIZES:
        raise LabyrinthError(f"A labyrinth has an odd number of {SMALLEST} to {LARGEST} cells a side, not {size}.")


def outer_wall(size: int) -> frozenset[Cell]:
    """The cells along the edge: everybody knows that they are walls."""
    return frozenset((r, c) for r in range(size) for c in range(size) if not (0 < r < size - 1 and 0 < c < size - 1))


def random_labyrinth(rng: random.Random, size: int, *, loops: float = LOOPS, split: str | None = None) -> Labyrinth:
    """Corridors dug by depth-first search from a corner (the recursive backtracker), some walls then opened; the exit
    is at least as many steps away as the grid is wide."""
    check_size(size)
    if split is not None and split not in SPLITS[1:]:
        raise LabyrinthError(f"There is no split {split!r} of labyrinths; choose one of {', '.join(SPLITS[1:])}.")
    while True:
        last = size - 2
        start = rng.choice([(1, 1), (1, last), (last, 1), (last, last)])
        free, trail = {start}, [start]
        while trail:
            row, column = trail[-1]
            ahead = [((row + 2 * r, column + 2 * c), (row + r, column + c)) for r, c in MOVES.values()]
            ahead = [(room, door) for room, door in ahead if inside(room, size) and room not in free]
            if ahead:
                room, door = rng.choice(ahead)
                free |= {room, door}
                trail.append(room)
            else:
                trail.pop()
        inner = [(r, c) for r in range(1, size - 1) for c in range(1, size - 1) if (r, c) not in free]
        free |= {cell for cell in inner if rng.random() < loops}
        walls = frozenset((r, c) for r in range(size) for c in range(size)) - free
        steps = distances(size, walls, start)
        far = sorted(cell for cell, n in steps.items() if n >= size)
        if far:
            found = Labyrinth(size, walls, start, rng.choice(far))
            if split in (None, found.split):
                return found


def random_labyrinths(n: int, size: int, *, seed: int, split: str | None = None) -> list[Labyrinth]:
    """n labyrinths; the same seed gives the same ones, and a longer list begins with the shorter one."""
    if n < 1:
        raise LabyrinthError(f"The number of labyrinths must be at least 1, not {n}.")
    rng = random.Random(f"{seed} {size} {split}")
    return [random_labyrinth(rng, size, split=split) for _ in range(n)]


def chance(*named: object) -> float:
    """A number in [0, 1) that depends on its arguments alone. Whether a message is lost or a cell mistaken is drawn so:
    when one message is changed, all that has nothing to do with it stays as it was."""
    return int.from_bytes(hashlib.blake2b(repr(named).encode(), digest_size=7).digest(), "big") / 2**56


@dataclass(frozen=True)
class Sight:
    """What one member notices after a tick."""

    position: Cell
    carrying: bool
    bumped: Cell | None = None
    """The wall that it walked into."""
    cells: Mapping[Cell, Kind] = field(default_factory=dict[Cell, Kind])
    """What it sees; empty for who does not look."""


class TeamStep(NamedTuple):
    """What `TeamWorld.step` returns, as PettingZoo has it: everything by member."""

    observations: dict[str, Sight]
    rewards: dict[str, float]
    terminations: dict[str, bool]
    truncations: dict[str, bool]
    infos: dict[str, dict[str, Any]]


class TeamWorld:
    """Members in one labyrinth.

    labyrinth: the one to escape from, or None for a random one of `size` at each reset. members: their names.
    carriers: those that carry a load at the start. sighted_carriers: whether a load leaves the view free, which makes
    the single agent that sees. lost_at: the tick in which a member is lost, by name.
    """

    def __init__(
        self,
        labyrinth: Labyrinth | None = None,
        *,
        members: Sequence[str] = ("scout", "carrier"),
        carriers: Sequence[str] = ("carrier",),
        size: int = 15,
        radius: int = RADIUS,
        carry_period: int = CARRY_PERIOD,
        noise: float = 0.0,
        sighted_carriers: bool = False,
        lost_at: Mapping[str, int] | None = None,
        max_ticks: int = MOST_TICKS,
        seed: int = 0,
    ) -> None:
        if not carriers or not set(carriers) <= set(members):
            raise LabyrinthError(f"The carriers {list(carriers)} must be at least one of the members {list(members)}.")
        for name, value in (("radius", radius), ("carry_period", carry_period), ("max_ticks", max_ticks)):
            if value < 1:
                raise LabyrinthError(f"{name} must be at least 1, not {value}.")
        if not 0 <= noise < 0.5:
            raise LabyrinthError(f"noise must be at least 0 and below 0.5, not {noise}: at 0.5 eyes tell nothing.")
        check_size(size)
        self.possible_agents, self.carriers = list(members), tuple(carriers)
        self.radius, self.carry_period, self.noise, self.max_ticks = radius, carry_period, noise, max_ticks
        self.sighted_carriers, self.lost_at, self.seed = sighted_carriers, dict(lost_at or {}), seed
        self._given, self._size, self._rng = labyrinth, size, random.Random(seed)
        self.reset()

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Sight], dict[str, dict[str, Any]]]:
        """Begin anew, all at the start, where who carries nothing looks round. seed: names all that is drawn from here
        on. options: {"labyrinth": Labyrinth} to be in another one."""
        if seed is not None:
            self.seed, self._rng = seed, random.Random(seed)
        given = (options or {}).get("labyrinth") or self._given
        self.labyrinth: Labyrinth = given or random_labyrinth(self._rng, self._size)
        self.agents = list(self.possible_agents)
        self.tick = 0
        self.positions = dict.fromkeys(self.agents, self.labyrinth.start)
        self.moves = dict.fromkeys(self.agents, 0)
        self.bumps = dict.fromkeys(self.agents, 0)
        self.holds: dict[str, str] = {name: name for name in self.carriers}
        """Who carries whose load."""
        self.lying: dict[str, Cell] = {}
        """Where the loads of lost carriers lie, by whose they were."""
        self.out: set[str] = set()
        """The loads that are out."""
        return {name: self._sight(name, LOOK, None) for name in self.agents}, {name: {} for name in self.agents}

    @property
    def success(self) -> bool:
        """Whether every load is out."""
        return len(self.out) == len(self.carriers)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do: all loads are out, the time is up, or nobody is left."""
        return self.success or self.tick >= self.max_ticks or not self.agents

    def lose(self, name: str) -> None:
        """Take a member out; what it carried lies where it stood."""
        if name in self.agents:
            self.agents.remove(name)
            if (load := self.holds.pop(name, None)) is not None:
                self.lying[load] = self.positions[name]

    def step(self, actions: Mapping[str, str]) -> TeamStep:
        """One tick. Who is not among the actions stays. ValueError for another action, and after the end."""
        if self.over:
            raise ValueError("The labyrinth is left or the time is up; reset it.")
        for name, action in actions.items():
            if action not in ACTIONS:
                raise ValueError(f"There is no action {action!r} ({name}); choose one of {', '.join(ACTIONS)}.")
        present = list(self.agents)
        for name in present:
            if self.lost_at.get(name) == self.tick:
                self.lose(name)
        bumped = {name: self._act(name, actions.get(name, STAY)) for name in self.agents}
        self.tick += 1
        done, late = self.success, self.tick >= self.max_ticks and not self.success
        observations = {name: self._sight(name, actions.get(name, STAY), bumped[name]) for name in self.agents}
        gone = {name: name not in self.agents for name in present}
        for name in present:
            observations.setdefault(name, Sight(self.positions[name], False))
        if done or late:
            self.agents = []
        return TeamStep(
            observations,
            dict.fromkeys(present, GOAL_REWARD if done else STEP_REWARD),
            {name: done or gone[name] for name in present},
            dict.fromkeys(present, late),
            {name: {"bumped": bumped.get(name) is not None} for name in present},
        )

    def _act(self, name: str, action: str) -> Cell | None:
        """Do what a member wants to; returns the wall that it walked into."""
        here = self.positions[name]
        if action == TAKE and name not in self.holds:
            load = next((load for load, cell in self.lying.items() if cell == here), None)
            if load is not None:
                del self.lying[load]
                self.holds[name] = load
        if action not in MOVES or not self.may_move(name):
            return None
        reached = neighbour(here, action)
        if not inside(reached, self.labyrinth.size) or reached in self.labyrinth.walls:
            self.bumps[name] += 1
            return reached
        self.positions[name] = reached
        self.moves[name] += 1
        if reached == self.labyrinth.exit and name in self.holds:
            self.out.add(self.holds.pop(name))
        return None

    def may_move(self, name: str) -> bool:
        """Whether a member can move in this tick: who carries has to rest between its steps."""
        return name not in self.holds or self.tick % self.carry_period == 0

    def _sight(self, name: str, action: str, bumped: Cell | None) -> Sight:
        here, carrying = self.positions[name], name in self.holds
        sees = self.sighted_carriers if carrying else action == LOOK or action in MOVES
        return Sight(here, carrying, bumped, self._view(name) if sees else {})

    def _view(self, name: str) -> dict[Cell, Kind]:
        (row, column), reach, maze = self.positions[name], self.radius, self.labyrinth
        lying = set(self.lying.values())
        found: dict[Cell, Kind] = {}
        for r in range(max(0, row - reach), min(maze.size, row + reach + 1)):
            for c in range(max(0, column - reach), min(maze.size, column + reach + 1)):
                cell = (r, c)
                if cell == maze.exit:
                    found[cell] = "exit"
                elif cell in lying:
                    found[cell] = "load"
                else:
                    mistaken = (
                        self.noise > 0
                        and cell != (row, column)
                        and chance(self.seed, "eyes", name, self.tick, cell) < self.noise
                    )
                    found[cell] = "wall" if (cell in maze.walls) != mistaken else "free"
        return found
