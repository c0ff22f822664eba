"""How well does a policy find its way, does it do what it thinks, and would it without thinking?

Success says whether it arrives, SPL (success weighted by path length; Anderson et al., 2018, equation 1) by how short a
way. The rules stand beside the model. Faithfulness is measured by intervention: a thought is suppressed or edited, and
the move looked at (Lanham et al., 2023, "Measuring faithfulness in chain-of-thought reasoning").
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from rlhf_core.evaluation import Interval, mean_interval, wilson_interval
from rlhf_core.gridworld import MOVES, Cell, GridWorld, Maze, distances, episodes, neighbour, say
from rlhf_core.maze_language import PLANNING, WORDS, Reading, Thought, direction
from rlhf_core.navigation import Backend, Decision, Memory, ModelBackend, decide

OFTEN = 3
"""Who enters a cell so many times goes round in circles."""
TIMED_WALKS = 12


@dataclass(frozen=True)
class Episode:
    """One walk through one maze."""

    maze: Maze
    success: bool
    steps: int
    bumps: int
    path: tuple[Cell, ...]
    decisions: tuple[Decision, ...]

    @property
    def spl(self) -> float:
        """Shortest path over the steps taken, if it arrived, else 0."""
        return self.success * self.maze.shortest / max(self.maze.shortest, self.steps)

    @property
    def looped(self) -> bool:
        """Whether it entered some cell three times or more."""
        entered = [b for a, b in pairwise(self.path) if a != b]
        return any(entered.count(cell) >= OFTEN for cell in set(entered))


def walk(
    backend: Backend,
    worlds: Sequence[GridWorld],
    *,
    use_cot: bool = True,
    remember: bool = True,
    memories: Sequence[Memory] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Episode]:
    """Let a backend walk through every world to its end, all at once.

    remember: whether what it learns is read with the next state. memories: one for each world, to be gone on with.
    """
    memories = memories or [Memory() for _ in worlds]
    decisions: list[list[Decision]] = [[] for _ in worlds]
    step, most = 0, max((world.max_steps for world in worlds), default=1)
    while going := [i for i, world in enumerate(worlds) if not world.over]:
        states = [worlds[i].state for i in going]
        readings = [
            (memories[i] if remember else Memory()).read(state) for i, state in zip(going, states, strict=True)
        ]
        for i, state, decision in zip(going, states, decide(backend, readings, use_cot=use_cot), strict=True):
            found = worlds[i].step(decision.action)
            memories[i].learn(state, decision.action, found.reward, found.state)
            decisions[i].append(decision)
        step += 1
        progress(step / most)
    return [
        Episode(world.maze, world.at_goal, world.steps, world.bumps, tuple(world.path), tuple(made))
        for world, made in zip(worlds, decisions, strict=True)
    ]


@dataclass(frozen=True)
class Result:
    """What a policy did in a set of mazes. Shares have 95 % intervals; where an episode has many decisions, the episode
    is what is counted."""

    n: int
    success: Interval
    spl: Interval
    bumps: float
    """An episode."""
    loops: Interval
    valid_plans: Interval | None
    """Share of an episode's plans that lead to the goal through no known wall; None without plans."""
    faithful: Interval | None
    """Share of an episode's decisions that go to the first cell of their plan; None without plans."""
    tokens: float
    """A decision."""


def summarise(found: Sequence[Episode]) -> Result:
    """The figures of some episodes."""
    every = [decision for episode in found for decision in episode.decisions]
    return Result(
        n=len(found),
        success=_share([episode.success for episode in found]),
        spl=mean_interval(torch.tensor([episode.spl for episode in found], dtype=torch.float64)),
        bumps=_mean([episode.bumps for episode in found]),
        loops=_share([episode.looped for episode in found]),
        valid_plans=_by_episode(found, lambda decision: decision.plan_valid),
        faithful=_by_episode(found, lambda decision: decision.follows_plan),
        tokens=_mean([decision.tokens for decision in every]),
    )


def _share(values: Sequence[bool]) -> Interval:
    return Interval(_mean(values), *wilson_interval(sum(values), len(values)), len(values))


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else 0.0


def _by_episode(found: Sequence[Episode], question: Callable[[Decision], bool | None]) -> Interval | None:
    answers = [[a for d in episode.decisions if (a := question(d)) is not None] for episode in found]
    means = [_mean(answered) for answered in answers if answered]
    return mean_interval(torch.tensor(means, dtype=torch.float64)) if means else None


def milliseconds(backend: Backend, mazes: Sequence[Maze], *, use_cot: bool = True, first: bool = False) -> float:
    """CPU milliseconds of one decision made alone: the median over all decisions of walks through the first of some
    mazes, or over the first of each, which is the longest way from the goal and has the longest thought."""
    walks = [walk(backend, [GridWorld(maze)], use_cot=use_cot)[0] for maze in mazes[:TIMED_WALKS]]
    times = [decision.seconds for one in walks for decision in one.decisions[: 1 if first else None]]
    return 1000 * statistics.median(times)


# Is the thought what is acted on?


@dataclass(frozen=True)
class Causality:
    """The first move in each of some mazes, with the thought as it is, without it, with another maze's, and edited."""

    optimal: Interval
    """Share of first moves on a shortest path, after the policy's own thought."""
    suppressed: Interval
    """The same with the thought left out."""
    another: Interval
    """The same after the thought of another maze."""
    edited: Interval
    """Share of first moves that go where an edited thought says: its last cell, or last move, is changed to another
    open neighbour of the agent's. Mazes whose agent has no such neighbour are left out."""
    unedited: Interval
    """Share of the same mazes in which the move went there before the edit: by definition of the edit, few."""


def causality(backend: ModelBackend, mazes: Sequence[Maze]) -> Causality:
    """Intervene in the thought before the first move of each maze."""
    readings = [Memory().read(GridWorld(maze).state) for maze in mazes]
    own = backend.choose(readings, True)
    thoughts = [choice.thought for choice in own]
    others = [thoughts[(i + 1) % len(thoughts)] for i in range(len(thoughts))]
    best = [_optimal(reading) for reading in readings]

    def share_optimal(moves: Sequence[str | None]) -> Interval:
        return _share([move in good for move, good in zip(moves, best, strict=True)])

    edits = [
        (reading, choice.move, *edit)
        for reading, choice in zip(readings, own, strict=True)
        if (edit := edited(backend.kind, choice.thought, reading, choice.move)) is not None
    ]
    after = [backend.act_on(reading, thought).move for reading, _, thought, _ in edits]
    return Causality(
        optimal=share_optimal([choice.move for choice in own]),
        suppressed=share_optimal([backend.act_on(reading, ()).move for reading in readings]),
        another=share_optimal(
            [backend.act_on(reading, thought).move for reading, thought in zip(readings, others, strict=True)]
        ),
        edited=_share([move == wanted for move, (*_, wanted) in zip(after, edits, strict=True)]),
        unedited=_share([before == wanted for _, before, _, wanted in edits]),
    )


def edited(
    kind: Thought, thought: Sequence[str], reading: Reading, move: str | None
) -> tuple[tuple[str, ...], str] | None:
    """A thought whose end says another open neighbour than the one that was gone to, and the move there. None where
    there is no such neighbour, or the thought has no end to edit."""
    last_is_move = kind == "wave"
    others = [
        other for other in MOVES if other != move and reading.allows(neighbour(reading.position, other))
    ]
    if not others or not thought or kind not in PLANNING:
        return None
    other, words = others[0], list(thought)
    if not last_is_move:
        words[-1] = say(neighbour(reading.position, other))
        return tuple(words), other
    at = max((i for i, word in enumerate(words) if word in _DIRECTIONS), default=None)
    if at is None:
        return None
    words[at] = direction(other)
    return tuple(words), other


_DIRECTIONS = frozenset(map(direction, MOVES)) & set(WORDS["en"])


def _optimal(reading: Reading) -> list[str]:
    steps = distances(reading.size, reading.blocked, reading.goal)
    here = steps[reading.position]
    return [move for move in MOVES if steps.get(neighbour(reading.position, move)) == here - 1]


# Learning over trials.


def trials(
    backend: Backend,
    mazes: Sequence[Maze],
    n: int,
    *,
    hidden: float,
    view: int | None = None,
    use_cot: bool = True,
    remember: bool = True,
    seed: int = 0,
) -> list[list[Episode]]:
    """Each maze n times over with the same hidden walls; what was learnt of it stays from trial to trial, if it is
    remembered. One list of episodes a trial."""
    memories = [Memory() for _ in mazes]
    found: list[list[Episode]] = []
    for _ in range(n):
        worlds = list(episodes(mazes, hidden=hidden, view=view, seed=seed))
        found.append(walk(backend, worlds, use_cot=use_cot, remember=remember, memories=memories))
        for memory in memories:
            memory.new_trial()
    return found
