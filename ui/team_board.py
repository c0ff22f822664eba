"""The team as pictures: the labyrinth as it is, with everybody and what is on the way between them, and beside it the
labyrinth as each member believes it to be.

`draw` and `draw_map` make pictures (SVG, pure functions of a run and the page's language); `show` puts them on the page
and says which message was clicked.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import streamlit as st

from rlhf_core.agent_team import MultiAgentSystem
from rlhf_core.gridworld import Cell
from rlhf_core.labyrinth import outer_wall
from rlhf_core.team_messages import Message, Role, words_in
from ui.i18n import t
from ui.maze_board import MARGIN, UNIT, numbers

SMALL = 10
"""Of the small pictures, a cell's side; the big one is drawn as a maze is."""
TRAIL = 40
"""Ticks of a member's way that are drawn."""
QUIET = ("at", "ack")
"""Messages that say little: thin arrows without a name."""
MOST_NAMED, CROWD, SHORT = 3, 12, 1.6
"""With more arrows than this on the board, only those longer than so many cells have their names beside them; of a
crowd none has, and all are thin."""

_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector('.lab-team');
  if (root.drawn !== data.html) {
    const scrolled = root.querySelector('.scroll')?.scrollTop;
    const focused = root.contains(document.activeElement) && document.activeElement.closest('tr')?.dataset.message;
    root.innerHTML = data.html;
    root.drawn = data.html;
    if (scrolled) root.querySelector('.scroll').scrollTop = scrolled;
    const again = focused && [...root.querySelectorAll('tr')].find((row) => row.dataset.message === focused);
    if (again) again.querySelector('button').focus({ preventScroll: true });
  }
  root.onclick = (event) => {
    const message = event.target.closest('[data-message]');
    if (message) setTriggerValue('message', message.dataset.message);
  };
}
"""
_team = st.components.v2.component("lab_team", html='<div class="lab-team"></div>', js=_JS, isolate_styles=False)


def show(markup: str, *, key: str, on_message: Callable[[str], None]) -> None:
    """Put markup on the page, in place of what was there. on_message: called with the name of the message whose
    element (`data-message`) was clicked, before the page is drawn anew."""

    def clicked() -> None:
        if name := (st.session_state.get(f"{key}_team") or {}).get("message"):
            on_message(str(name))

    with st.container(key=key, gap=None):
        _team(key=f"{key}_team", data={"html": markup}, on_message_change=clicked)


# The labyrinth as it is.


def draw(team: MultiAgentSystem, language: str, *, label: str = "", chosen: str | None = None) -> str:
    """Walls, start and exit; everybody with their trail, what they were told and what they claim; loads that lie; and
    the messages on the way. language: of the messages' words. chosen: the name of a message that stands out."""
    world, maze = team.world, team.labyrinth
    side = MARGIN + maze.size * UNIT + 4
    free = {(r, c) for r in range(maze.size) for c in range(maze.size)} - maze.walls
    roles, places, lost = roles_now(team), _places(team), gone(team)
    parts = [numbers(maze.size), _cells("free", free, UNIT, MARGIN), _cells("wall", maze.walls, UNIT, MARGIN)]
    parts += [_start(maze.start), _exit(maze.exit, UNIT, MARGIN)]
    for name, role in roles.items():
        ways = [record.positions[name] for record in team.records[-TRAIL:] if name in record.positions]
        parts.append(_line(f"trail {role}", [*ways, world.positions[name]], UNIT, MARGIN))
        member = team.members[name]
        if name in lost:
            continue
        if name in world.holds and member.here in member.way:
            parts.append(_line(f"way {role}", member.way[member.way.index(member.here) :], UNIT, MARGIN))
        if member.claim and role == "explorer":
            parts.append(_claim(name, member.claim, role))
    for load, cell in world.lying.items():
        parts.append(_load(cell, load))
    parts += _arrows(team, places, language, chosen)
    for name, role in roles.items():
        x, y, radius = places[name]
        shape = member_shape(role, x, y, radius, kind=f"{role}{' lost' * (name in lost)}")
        if name in world.holds and name not in lost:
            shape += f'<rect class="load" x="{x + radius - 4:g}" y="{y - radius - 3:g}" width="9" height="9"/>'
        title, size = _escape(_who(name, role, world.positions[name])), max(9, radius * 0.95)
        parts.append(
            f'<g class="member" data-member="{name}"><title>{title}</title>{shape}'
            f'<text x="{x:g}" y="{y + size / 3:g}" style="font-size:{size:.0f}px">{name}</text></g>'
        )
    return (
        f'<svg viewBox="0 0 {side} {side}" role="img" aria-label="{_escape(label)}" class="labyrinth">'
        + "".join(parts)
        + "</svg>"
    )


def roles_now(team: MultiAgentSystem) -> dict[str, Role]:
    """What everybody does, as of their last decision; the home role before the first."""
    found: dict[str, Role] = dict(team.config.roster)
    for name in found:
        if (record := next((r for r in reversed(team.records) if name in r.roles), None)) is not None:
            found[name] = record.roles[name]
    return found


def gone(team: MultiAgentSystem) -> set[str]:
    """The members that were lost."""
    return {name for name, tick in (team.events.lost_at or {}).items() if tick <= team.world.tick}


def on_the_way(team: MultiAgentSystem) -> list[Message]:
    """The messages that are between sender and receiver now, and those that were lost in the tick that has passed."""
    now, found = team.world.tick, list[Message]()
    for message in reversed(team.channel.sent):
        if message.tick < now - team.channel.delay:
            break
        if (message.arrives is None and message.tick == now - 1) or (message.arrives or -1) >= now:
            found.append(message)
    return found[::-1]


def _places(team: MultiAgentSystem) -> dict[str, tuple[float, float, float]]:
    """Where everybody is drawn, and how big: those in one cell stand round its middle."""
    by_cell: dict[Cell, list[str]] = {}
    for name in team.config.roster:
        by_cell.setdefault(team.world.positions[name], []).append(name)
    found: dict[str, tuple[float, float, float]] = {}
    for cell, names in by_cell.items():
        x, y = _middle(cell, UNIT, MARGIN)
        n = len(names)
        for i, name in enumerate(names):
            if n == 1:
                found[name] = (x, y, 15)
                continue
            angle = 2 * math.pi * i / n - math.pi / 2
            away = 12 if n < 5 else 17
            found[name] = (x + away * math.cos(angle), y + away * math.sin(angle), 10 if n < 5 else 8)
    return found


def _arrows(
    team: MultiAgentSystem, places: Mapping[str, tuple[float, float, float]], language: str, chosen: str | None
) -> list[str]:
    """A bent arrow for all that is on the way from one member to another; what was lost is broken and crossed out."""
    grouped: dict[tuple[str, str, bool], list[Message]] = {}
    for message in on_the_way(team):
        grouped.setdefault((message.sender, message.receiver, message.arrives is None), []).append(message)
    arrows = sum(not _quiet(found) for found in grouped.values())
    few, crowd = arrows <= MOST_NAMED, arrows > CROWD
    roles, parts = roles_now(team), list[str]()
    for (sender, receiver, lost), found in sorted(grouped.items(), key=lambda item: not _quiet(item[1])):
        (x, y, r), (to_x, to_y, to_r) = places[sender], places[receiver]
        length = math.hypot(to_x - x, to_y - y)
        if length < 1:
            continue
        right, down = (to_x - x) / length, (to_y - y) / length
        bend = 10 + 0.16 * length
        mid_x, mid_y = (x + to_x) / 2 - down * bend, (y + to_y) / 2 + right * bend
        begin, end = _towards((x, y), (mid_x, mid_y), r), _towards((to_x, to_y), (mid_x, mid_y), to_r + 6)
        tip = _towards((to_x, to_y), (mid_x, mid_y), to_r)
        at_x, at_y = (begin[0] + 2 * mid_x + end[0]) / 4, (begin[1] + 2 * mid_y + end[1]) / 4
        quiet = _quiet(found)
        kind = f"message {roles[sender]}{' quiet' * quiet}{' lost' * lost}{' crowd' * crowd}"
        kind += " forged" * any(m.forged or m.original is not None for m in found)
        kind += " chosen" * any(m.name == chosen for m in found)
        verbs = " + ".join(dict.fromkeys(words_in(language, [m.verb]) for m in found if m.verb not in QUIET or quiet))
        title = "\n".join(f"{m.name} → {m.receiver}: {words_in(language, m.words)}" for m in found)
        strong = next((m for m in found if m.verb not in QUIET), found[0])
        cross = ""
        if lost:
            cross = f'<path class="cross" d="M{at_x - 6:g},{at_y - 6:g} l12,12 m0,-12 l-12,12"/>'
        name = ""
        if not quiet and (few or (length > SHORT * UNIT and not crowd)):
            anchor = "middle" if abs(down) < 0.4 else "end" if down > 0 else "start"
            x, y = at_x - down * (9 + 9 * lost), at_y + right * (9 + 9 * lost) + 4
            name = f'<text x="{x:.1f}" y="{y:.1f}" style="text-anchor:{anchor}">{_escape(verbs)}</text>'
        shaft = f"M{begin[0]:.1f},{begin[1]:.1f} Q{mid_x:.1f},{mid_y:.1f} {end[0]:.1f},{end[1]:.1f}"
        parts.append(
            f'<g class="{kind}" data-message="{strong.name}"><title>{_escape(title)}</title>'
            f'<path class="shaft" d="{shaft}"/>{_tip(end, tip)}{cross}{name}</g>'
        )
    return parts


def _quiet(found: Iterable[Message]) -> bool:
    return all(message.verb in QUIET for message in found)


def _towards(point: tuple[float, float], other: tuple[float, float], far: float) -> tuple[float, float]:
    """So far from a point towards another."""
    x, y = other[0] - point[0], other[1] - point[1]
    length = math.hypot(x, y) or 1.0
    return point[0] + x / length * far, point[1] + y / length * far


def _tip(end: tuple[float, float], tip: tuple[float, float]) -> str:
    x, y = tip[0] - end[0], tip[1] - end[1]
    side = (-y * 0.75, x * 0.75)
    corners = (tip, (end[0] + side[0], end[1] + side[1]), (end[0] - side[0], end[1] - side[1]))
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in corners)
    return f'<polygon class="tip" points="{points}"/>'


def _who(name: str, role: Role, cell: Cell) -> str:
    return t("team.at", name=name, role=t(f"team.role_{role}"), row=cell[0], column=cell[1])


# The labyrinth as a member believes it to be.


def draw_map(team: MultiAgentSystem, name: str) -> str:
    """What one member knows: certain cells in full tones, believed ones in lighter ones, doubtful walls hatched; where
    it is, what it claims or was told, and where it last heard of the others."""
    member, size = team.members[name], team.labyrinth.size
    known, groups = member.map.known, dict[str, list[Cell]]()
    for cell, kind in known.items():
        solid = "wall" if kind == "wall" else "free"
        sure = " certain" if member.map.certain(cell) else " doubtful" if member.map.doubtful(cell) else ""
        groups.setdefault(solid + sure, []).append(cell)
    parts = [f'<rect class="unknown" width="{size * SMALL}" height="{size * SMALL}"/>']
    parts += [_cells(kind, cells, SMALL, 0) for kind, cells in groups.items()]
    hatches = "".join(f"M{c * SMALL},{(r + 1) * SMALL}l{SMALL},-{SMALL}" for r, c in groups.get("wall doubtful", ()))
    if hatches:
        parts.append(f'<path class="hatch" d="{hatches}"/>')
    if member.map.exit is not None:
        parts.append(_exit(member.map.exit, SMALL, 0))
    if member.map.load is not None:
        x, y = _middle(member.map.load, SMALL, 0)
        parts.append(f'<rect class="load" x="{x - 3:g}" y="{y - 3:g}" width="6" height="6"/>')
    role = roles_now(team)[name]
    if member.sight.carrying and member.here in member.way:
        parts.append(_line(f"way {role}", member.way[member.way.index(member.here) :], SMALL, 0))
    for _, cell, other_role in member.heard.values():
        x, y = _middle(cell, SMALL, 0)
        parts.append(f'<circle class="heard {other_role}" cx="{x:g}" cy="{y:g}" r="2.6"/>')
    if member.claim and role == "explorer":
        x, y = _middle(member.claim, SMALL, 0)
        parts.append(f'<circle class="claim {role}" cx="{x:g}" cy="{y:g}" r="5"/>')
    x, y = _middle(member.here, SMALL, 0)
    parts.append(member_shape(role, x, y, 5, kind=role))
    side = size * SMALL
    label = _escape(t("team.map_label", name=name, share=known_share(team, name)))
    head = f'<svg viewBox="-1 -1 {side + 2} {side + 2}" role="img" aria-label="{label}" class="belief">'
    return f"{head}{''.join(parts)}</svg>"


def known_share(team: MultiAgentSystem, name: str) -> float:
    """Of the cells inside the outer wall, how many a member believes something of."""
    inner = team.labyrinth.size**2 - len(edge := outer_wall(team.labyrinth.size))
    return sum(cell not in edge for cell in team.members[name].map.known) / inner


# Pieces.


def member_shape(role: Role, x: float, y: float, radius: float, *, kind: str) -> str:
    """Who explores is round, who plans square, who executes stands on a point: roles differ in more than colour."""
    if role == "explorer":
        return f'<circle class="shape {kind}" cx="{x:g}" cy="{y:g}" r="{radius:g}"/>'
    if role == "planner":
        half = radius * 0.92
        place = f'x="{x - half:g}" y="{y - half:g}" width="{2 * half:g}" height="{2 * half:g}" rx="2"'
        return f'<rect class="shape {kind}" {place}/>'
    far = radius * 1.25
    points = f"{x:g},{y - far:g} {x + far:g},{y:g} {x:g},{y + far:g} {x - far:g},{y:g}"
    return f'<polygon class="shape {kind}" points="{points}"/>'


def badge(name: str, role: Role) -> str:
    """A member's sign, for text: the same colour and shape."""
    return f'<span class="lab-sign {role}">{_escape(name)}</span>'


def _middle(cell: Cell, unit: int, margin: int) -> tuple[float, float]:
    return margin + (cell[1] + 0.5) * unit, margin + (cell[0] + 0.5) * unit


def _cells(kind: str, cells: Iterable[Cell], unit: int, margin: int) -> str:
    gap = 1 if unit > SMALL else 0
    side = unit - 2 * gap
    path = "".join(
        f"M{margin + c * unit + gap},{margin + r * unit + gap}h{side}v{side}h{-side}z" for r, c in sorted(cells)
    )
    return f'<path class="cell {kind}" d="{path}"/>'


def _line(kind: str, cells: Sequence[Cell], unit: int, margin: int) -> str:
    if len(cells) < 2:
        return ""
    points = " ".join(f"{x:g},{y:g}" for x, y in (_middle(cell, unit, margin) for cell in cells))
    return f'<polyline class="{kind}" points="{points}"/>'


def _start(cell: Cell) -> str:
    x, y = _middle(cell, UNIT, MARGIN)
    return f'<circle class="start" cx="{x:g}" cy="{y:g}" r="17"/>'


def _exit(cell: Cell, unit: int, margin: int) -> str:
    x, y = _middle(cell, unit, margin)
    u = unit / 40
    flag = f"M{x - 7 * u:g},{y + 14 * u:g} V{y - 13 * u:g} L{x + 12 * u:g},{y - 7 * u:g} L{x - 7 * u:g},{y:g}"
    return f'<path class="exit" d="{flag}"/>'


def _claim(name: str, cell: Cell, role: Role) -> str:
    x, y = _middle(cell, UNIT, MARGIN)
    return (
        f'<g><circle class="claim {role}" cx="{x:g}" cy="{y:g}" r="16"/>'
        f'<text class="claim {role}" x="{x:g}" y="{y + 4:g}">{name}?</text></g>'
    )


def _load(cell: Cell, owner: str) -> str:
    x, y = _middle(cell, UNIT, MARGIN)
    return f'<rect class="load" x="{x - 9:g}" y="{y + 2:g}" width="18" height="14"><title>{owner}</title></rect>'


def _escape(text: str) -> str:
    return html.escape(text, quote=True)
