"""What one member knows of a labyrinth: evidence, cell by cell, and ways through what it believes.

Eyes err. Every look at a cell is a vote for free or for wall; the member believes the majority. Of another member's
eyes it knows only the verdict, which counts as one vote, and a later verdict replaces the former: so a message that
comes twice counts once. Where somebody stood is free, and where somebody bumped is a wall, whatever eyes say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from functools import cache
from heapq import heappop, heappush

from rlhf_core.gridworld import MOVES, Cell, inside, neighbour
from rlhf_core.labyrinth import Kind, outer_wall

UNKNOWN_STEPS = 3
"""Steps that a cell of which nothing is known counts for: about half are walls, and ways between them wind."""
OWN = ""
"""The source of what one saw with one's own eyes."""


class TeamMap:
    """Beliefs about the cells of a grid of size x size."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.exit: Cell | None = None
        self.load: Cell | None = None
        """Where a load lies that nobody carries."""
        self.because: dict[Cell, str] = {}
        """The message that last said something of a cell."""
        self._votes: dict[Cell, dict[str, int]] = {}
        self._balance: dict[Cell, int] = {}
        """The sum of a cell's votes."""
        self._certain: dict[Cell, bool] = dict.fromkeys(outer_wall(size), False)

    def look(self, cell: Cell, kind: Kind) -> None:
        """Count one look of one's own eyes."""
        if cell == self.exit and kind != "exit":
            self.exit = None  # eyes never mistake the exit: who said that it is here was wrong
        votes = self._votes.setdefault(cell, {})
        votes[OWN] = votes.get(OWN, 0) + (-1 if kind == "wall" else 1)
        self._balance[cell] = sum(votes.values())
        self._mark(cell, kind)

    def hear(self, cell: Cell, kind: Kind, source: str, message: str) -> None:
        """Take another member's verdict on a cell."""
        if not inside(cell, self.size):
            return
        votes = self._votes.setdefault(cell, {})
        votes[source] = -1 if kind == "wall" else 1
        self._balance[cell] = sum(votes.values())
        self.because[cell] = message
        self._mark(cell, kind)

    def _mark(self, cell: Cell, kind: Kind) -> None:
        if kind == "exit":
            self.exit = cell
        elif kind == "load":
            self.load = cell
        elif self.load == cell:
            self.load = None

    def stood(self, cell: Cell) -> None:
        """Somebody stood on a cell."""
        if inside(cell, self.size):
            self._certain[cell] = True

    def bumped(self, cell: Cell) -> None:
        """Somebody walked into a cell and could not."""
        if inside(cell, self.size):
            self._certain[cell] = False

    def free(self, cell: Cell) -> bool | None:
        """Whether a cell is believed to be free; None where nothing is known, or as much speaks for it as against."""
        if cell in self._certain:
            return self._certain[cell]
        votes = self._balance.get(cell, 0)
        return None if votes == 0 else votes > 0

    def kind(self, cell: Cell) -> Kind | None:
        """What a cell is believed to be."""
        free = self.free(cell)
        return None if free is None else "exit" if cell == self.exit else "free" if free else "wall"

    def certain(self, cell: Cell) -> bool:
        """Whether somebody stood there or bumped into it."""
        return cell in self._certain

    def doubtful(self, cell: Cell) -> bool:
        """Whether a cell was taken for a wall on the word of few looks."""
        return cell not in self._certain and -DOUBT <= self._balance.get(cell, 0) < 0

    @property
    def known(self) -> dict[Cell, Kind]:
        """All cells of which something is believed."""
        return {cell: kind for cell in self._votes.keys() | self._certain if (kind := self.kind(cell))}

    # Ways.

    def around(self, cell: Cell) -> tuple[Cell, ...]:
        """The cells beside one."""
        return _around(self.size, cell)

    def reach(self, source: Cell, allows: Callable[[Cell], bool] | None = None) -> dict[Cell, Cell]:
        """Every cell that can be reached over cells believed free, nearest first, with the one before it (the source
        with itself), by breadth-first search."""
        allows = allows or (lambda cell: self.free(cell) is True)
        found, queue = {source: source}, deque([source])
        while queue:
            here = queue.popleft()
            for near in self.around(here):
                if near not in found and allows(near):
                    found[near] = here
                    queue.append(near)
        return found

    def hopeful(self, source: Cell) -> dict[Cell, Cell]:
        """Every cell that could be reached if all of which nothing is known were free, at `UNKNOWN_STEPS` each, nearest
        first, with the one before it (the source with itself), by Dijkstra's (1959) algorithm."""
        found: dict[Cell, Cell] = {}
        queue = [(0, source, source)]
        while queue:
            steps, here, back = heappop(queue)
            if here not in found:
                found[here] = back
                for near in self.around(here):
                    if near not in found and (free := self.free(near)) is not False:
                        heappush(queue, (steps + (1 if free else UNKNOWN_STEPS), near, here))
        return found

    def way(self, source: Cell, target: Cell) -> list[Cell] | None:
        """The cells of a shortest way from source to target, both included; None where none is known."""
        return trace(self.reach(source), target)

    def frontier(self, cell: Cell) -> bool:
        """Whether a cell has a neighbour of which nothing is known."""
        return any(self.free(near) is None for near in self.around(cell))

    def frontiers(self, reached: Iterable[Cell]) -> list[Cell]:
        """The cells from which something new can be seen (Yamauchi, 1997, "A frontier-based approach for autonomous
        exploration"), in the order given."""
        return [cell for cell in reached if self.frontier(cell)]

    def doubts(self, reached: AbstractSet[Cell] | dict[Cell, Cell]) -> list[Cell]:
        """The cells beside a wall that may be none."""
        return [cell for cell in reached if any(self.doubtful(near) for near in self.around(cell))]


@cache
def _around(size: int, cell: Cell) -> tuple[Cell, ...]:
    return tuple(near for move in MOVES if inside(near := neighbour(cell, move), size))


DOUBT = 2
"""Who was seen as a wall no more often than this, all votes counted, may have been mistaken for one."""


def trace(before: dict[Cell, Cell], target: Cell) -> list[Cell] | None:
    """The way to a target, both ends included, from what `TeamMap.reach` found."""
    if target not in before:
        return None
    way = [target]
    while before[way[-1]] != way[-1]:
        way.append(before[way[-1]])
    return way[::-1]
