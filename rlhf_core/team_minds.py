"""A member whose ways come from the language model of the mazes: a planner that writes, an executor that walks them.

The model knows mazes of 5x5 to 10x10 cells, so it reads a window of the member's map: what is not known to be free is
a wall there. A way that leaves the window is planned in stretches: the rule says where the window is left
(breadth-first search over the map), the model how to get there. A plan that leads through walls is not sent; the
planner says nothing then, and tries again when its map has changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from rlhf_core.gridworld import Cell, inside, neighbour
from rlhf_core.maze_language import PLANNING, Reading, plan_of, valid_plan
from rlhf_core.navigation import Decision, ModelBackend, decide
from rlhf_core.team_map import TeamMap
from rlhf_core.team_members import Mind

WINDOW = 8
"""Cells a side. In a larger window there are more walls than the model was ever shown."""


class ModelMind:
    """A mind of a language model, and what it did.

    backend: a policy of the mazes. A planner's must think a plan; ValueError in `mind` for one that does not.
    """

    def __init__(self, backend: ModelBackend) -> None:
        self.backend = backend
        self.decisions: list[Decision] = []
        """Every decision of the model, the last one last."""
        self._asked: tuple[tuple[Cell, ...], frozenset[Cell]] | None = None
        self._answer: list[Cell] | None = None

    def planner(self) -> Mind:
        """A mind whose ways the model writes. ValueError for a model that writes no plans."""
        if self.backend.kind not in PLANNING:
            raise ValueError(f"A planner's model must think a plan; this one thinks {self.backend.kind!r}.")
        return Mind(route=self.route)

    def executor(self) -> Mind:
        """A mind that follows ways step by step as the model decides."""
        return Mind(drive=self.drive)

    def route(self, known: TeamMap, source: Cell, target: Cell) -> list[Cell] | None:
        """A way from source to target in stretches that the model plans; None where one of its plans does not hold."""
        whole = known.way(source, target)
        if whole is None:
            return None
        asked = (tuple(whole), frozenset(cell for cell in known.known if known.free(cell)))
        if asked != self._asked:
            self._asked, self._answer = asked, self._stretches(known, whole)
        return self._answer

    def _stretches(self, known: TeamMap, whole: list[Cell]) -> list[Cell] | None:
        way, target = whole[:1], whole[-1]
        while way[-1] != target:
            reading, corner = window(known, way[-1], whole[whole.index(way[-1]) :])
            decision = self._decide(reading)
            plan = plan_of(self.backend.kind, decision.thought, reading)
            if not valid_plan(plan, reading):
                return None
            way += [_out(cell, corner) for cell in plan]
        return way

    def drive(self, known: TeamMap, here: Cell, ahead: Sequence[Cell]) -> Cell | None:
        """The cell to which the model moves, in a window that holds what lies ahead."""
        if not ahead:
            return None
        reading, corner = window(known, here, [here, *ahead])
        action = self._decide(reading).action
        return None if action is None else _out(neighbour(reading.position, action), corner)

    def _decide(self, reading: Reading) -> Decision:
        (decision,) = decide(self.backend, [reading])
        self.decisions.append(decision)
        return decision


def window(known: TeamMap, here: Cell, way: Sequence[Cell]) -> tuple[Reading, Cell]:
    """A maze cut out of a map round a position, with the last cell of the way that lies in it as the goal, and the
    map's cell that is the window's (0, 0). way: begins here, and has at least one cell more."""
    size = min(WINDOW, known.size)
    corner = _corner(known.size, size, here)
    inner = [cell for cell in way if inside(_into(cell, corner), size)]
    stretch = inner[: next((i for i, (a, b) in enumerate(zip(inner, way, strict=False)) if a != b), len(inner))]
    free = {_into(cell, corner) for cell in known.known if known.free(cell)} | {_into(cell, corner) for cell in stretch}
    walls = frozenset((r, c) for r in range(size) for c in range(size)) - free
    return Reading(size, _into(here, corner), _into(stretch[-1], corner), walls), corner


def _corner(whole: int, size: int, here: Cell) -> Cell:
    row, column = (max(0, min(x - size // 2, whole - size)) for x in here)
    return row, column


def _into(cell: Cell, corner: Cell) -> Cell:
    return cell[0] - corner[0], cell[1] - corner[1]


def _out(cell: Cell, corner: Cell) -> Cell:
    return cell[0] + corner[0], cell[1] + corner[1]
