"""A maze as a picture that can be clicked: walls, agent, what it thinks, and how likely each move is.

`draw` makes the picture (SVG, a pure function); `board` keeps it on the page and says which cell was clicked. Cells can
be reached by the arrow keys and chosen with Enter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from rlhf_core.gridworld import MOVES, Cell, GridWorld, neighbour
from rlhf_core.maze_language import cells_in, wave_moves
from rlhf_core.navigation import Decision, Memory
from ui.i18n import t

UNIT = 40
"""Of the picture, a cell's side."""
MARGIN = 22
"""Room for the numbers of rows and columns."""
SLOWEST, LONGEST = 0.07, 3.0
"""A thought is shown as it is written, so many seconds a word and in so many at most; the model itself is quicker."""
LEAST_SHOWN = 0.02
"""Moves less likely than this get no arrow."""

_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector('.lab-board');
  if (root.drawn !== data.svg) {
    const focused = root.contains(document.activeElement) ? document.activeElement.dataset.cell : null;
    root.innerHTML = data.svg;
    root.drawn = data.svg;
    const again = focused && root.querySelector(`[data-cell="${focused}"]`);
    if (again) again.focus({ preventScroll: true });
  }
  const choose = (target) => {
    const cell = target.closest('[data-cell]');
    if (cell && data.editable) setTriggerValue('cell', cell.dataset.cell);
  };
  root.onclick = (event) => choose(event.target);
  root.onkeydown = (event) => {
    const at = event.target.closest('[data-cell]');
    if (!at) return;
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); choose(at); return; }
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [row, column] = at.dataset.cell.split(',').map(Number);
    const next = root.querySelector(`[data-cell="${row + step[0]},${column + step[1]}"]`);
    if (next) { at.tabIndex = -1; next.tabIndex = 0; next.focus(); }
  };
}
"""
_board = st.components.v2.component(
    "lab_board", html='<div class="lab-board"></div>', js=_JS, isolate_styles=False
)


def board(svg: str, *, key: str, on_cell: Callable[[Cell], None] | None = None) -> None:
    """Show a picture that `draw` made. on_cell: called with the cell that was clicked, before the page is drawn
    anew."""

    def clicked() -> None:
        chosen = (st.session_state.get(f"{key}_board") or {}).get("cell")
        if chosen and on_cell:
            row, _, column = chosen.partition(",")
            on_cell((int(row), int(column)))

    with st.container(key=key, gap=None):
        _board(
            key=f"{key}_board", data={"svg": svg, "editable": on_cell is not None}, on_cell_change=clicked,
        )  # fmt: skip


def seconds_a_word(words: int, most: float = LONGEST) -> float:
    """How long each of so many words takes to appear, so that all of them do within some seconds."""
    return min(SLOWEST, most / max(1, words))


def draw(
    world: GridWorld,
    decision: Decision | None = None,
    memory: Memory | None = None,
    *,
    label: str = "",
    edited: bool = False,
    within: float = LONGEST,
) -> str:
    """A maze with the agent in it, its way so far, its thought and the moves it may make. memory: what it remembers; a
    hidden wall is hatched, one that it bumped into is crossed. within: seconds in which the thought is shown."""
    pace = seconds_a_word(len(decision.thought), within) if decision else 0.0
    size, maze = world.maze.size, world.maze
    side = MARGIN + size * UNIT + 4
    bumps = memory.bumps if memory else set[Cell]()
    parts = [numbers(size)]
    first = True
    for row in range(size):
        for column in range(size):
            parts.append(_cell(world, (row, column), bumps, 0 if first else -1))
            first = False
    parts.append(_trail(world.path))
    if decision is not None:
        parts += [_plan(world.position, decision, pace), _thought(decision, pace)]
    parts += [_goal(maze.goal), _start(maze.start)]
    if decision is not None:
        parts.append(_arrows(world.position, decision, pace))
    parts.append(_agent(world.position, world.at_goal))
    return (
        f'<svg viewBox="0 0 {side} {side}" role="group" aria-label="{_escape(label)}" class="maze{" edited" * edited}">'
        + "".join(parts)
        + "</svg>"
    )


def middle(cell: Cell) -> tuple[float, float]:
    """The x and y of a cell's middle."""
    return MARGIN + (cell[1] + 0.5) * UNIT, MARGIN + (cell[0] + 0.5) * UNIT


def numbers(size: int) -> str:
    """The numbers of rows and columns along two edges."""
    texts: list[str] = []
    for i in range(size):
        at = MARGIN + (i + 0.5) * UNIT
        texts.append(f'<text class="number" x="{at:g}" y="{MARGIN - 8}">{i}</text>')
        texts.append(f'<text class="number" x="{MARGIN - 11}" y="{at + 4:g}">{i}</text>')
    return "".join(texts)


def _cell(world: GridWorld, cell: Cell, bumps: set[Cell], tab: int) -> str:
    maze = world.maze
    kind = "free"
    if cell in maze.walls:
        kind = "wall hidden" if cell in world.hidden else "wall"
        if cell not in world.hidden and world.view is not None and cell not in world.state.walls:
            kind = "wall unseen"
    x, y = MARGIN + cell[1] * UNIT, MARGIN + cell[0] * UNIT
    name = t(f"maze.cell_{'goal' if cell == maze.goal else 'start' if cell == maze.start else kind.split()[-1]}")
    said = t("maze.cell", row=cell[0], column=cell[1], what=name)
    cross = ""
    if cell in bumps:
        a, b = 9, UNIT - 9
        cross = f'<path class="bump" d="M{x + a},{y + a} L{x + b},{y + b} M{x + b},{y + a} L{x + a},{y + b}"/>'
    return (
        f'<g data-cell="{cell[0]},{cell[1]}" tabindex="{tab}" role="button" aria-label="{_escape(said)}">'
        f'<rect class="{kind}" x="{x + 1}" y="{y + 1}" width="{UNIT - 2}" height="{UNIT - 2}" rx="5"/>{cross}</g>'
    )


def _trail(path: Sequence[Cell]) -> str:
    if len(path) < 2:
        return ""
    points = " ".join(f"{x:g},{y:g}" for x, y in map(middle, path))
    return f'<polyline class="trail" points="{points}"/>'


def _thought(decision: Decision, pace: float) -> str:
    """What is thought of cells, one after the other as it was written: the moves of a wave, or the numbers of a
    path."""
    moves = wave_moves(decision.thought)
    shown: list[str] = []
    if moves:
        for i, (cell, move) in enumerate(moves.items()):
            shown.append(f'<g class="wave" style="{_delay(2 * i, pace)}">{_arrow(middle(cell), move, 4.5, -6, 7)}</g>')
    else:
        for i, cell in enumerate(cells_in(decision.thought)):
            x, y = middle(cell)
            shown.append(
                f'<g class="written" style="{_delay(i, pace)}"><circle cx="{x:g}" cy="{y:g}" r="10"/>'
                f'<text x="{x:g}" y="{y + 4:g}">{i + 1}</text></g>'
            )
    return "".join(shown)


def _plan(position: Cell, decision: Decision, pace: float) -> str:
    if not decision.plan:
        return ""
    points = " ".join(f"{x:g},{y:g}" for x, y in map(middle, (position, *decision.plan)))
    kind = "valid" if decision.plan_valid else "invalid"
    return f'<polyline class="plan {kind}" style="{_delay(len(decision.thought), pace)}" points="{points}"/>'


def _arrows(position: Cell, decision: Decision, pace: float) -> str:
    """An arrow for each move, as thick as it is likely; the one to be made stands out."""
    shown: list[str] = []
    for move, probability in decision.probabilities.items():
        if probability < LEAST_SHOWN:
            continue
        kind = "move chosen" if move == decision.action else "move"
        width = 2 + 7 * probability
        x, y = _beside(position, move, 0.68)
        label = f'<text x="{x:g}" y="{y + 4:g}">{probability:.0%}</text>' if 0.05 <= probability < 0.995 else ""
        shown.append(
            f'<g class="{kind}" style="--p:{probability:.3f};{_delay(len(decision.thought), pace)}">'
            f"{_arrow(middle(position), move, width, 9, 21)}{label}</g>"
        )
    return "".join(shown)


def _arrow(at: tuple[float, float], move: str, width: float, begin: float, end: float) -> str:
    """An arrow towards a move, between two distances from the middle of a cell."""
    down, right = MOVES[move]
    x, y = at
    from_x, from_y = x + right * begin, y + down * begin
    to_x, to_y = x + right * end, y + down * end
    wide = max(3.5, width * 0.95)
    tip = (
        f"{to_x + right * wide:g},{to_y + down * wide:g} {to_x + down * wide:g},{to_y + right * wide:g} "
        f"{to_x - down * wide:g},{to_y - right * wide:g}"
    )
    line = f'<line x1="{from_x:g}" y1="{from_y:g}" x2="{to_x:g}" y2="{to_y:g}" stroke-width="{width:.1f}"/>'
    return f'{line}<polygon points="{tip}"/>'


def _beside(cell: Cell, move: str, share: float) -> tuple[float, float]:
    """A place at a share of the way to the next cell, and a little to the side of it."""
    (x, y), (to_x, to_y) = middle(cell), middle(neighbour(cell, move))
    down, right = MOVES[move]
    return x + (to_x - x) * share + 17 * abs(down), y + (to_y - y) * share - 15 * abs(right)


def _goal(cell: Cell) -> str:
    x, y = middle(cell)
    flag = f"M{x - 7:g},{y + 12:g} V{y - 12:g} L{x + 11:g},{y - 6:g} L{x - 7:g},{y:g}"
    return f'<path class="goal" d="{flag}"/>'


def _start(cell: Cell) -> str:
    x, y = middle(cell)
    return f'<circle class="start" cx="{x:g}" cy="{y:g}" r="15"/>'


def _agent(cell: Cell, arrived: bool) -> str:
    x, y = middle(cell)
    return f'<circle class="agent{" arrived" * arrived}" cx="{x:g}" cy="{y:g}" r="8.5"/>'


def _delay(words: int, pace: float) -> str:
    return f"--after:{words * pace:.2f}s"


def _escape(text: Any) -> str:
    return str(text).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
