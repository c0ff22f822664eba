from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
import torch

from rlhf_core.cloning import maze_model
from rlhf_core.gridworld import EXAMPLES, MOVES, Cell, GridWorld, Maze, neighbour, random_mazes
from rlhf_core.maze_language import Reading, Thought, cell_named, move_named, plan_of, split_answer
from rlhf_core.maze_language import path as path_lesson
from rlhf_core.maze_language import wave as wave_lesson
from rlhf_core.navigation import RULES, Choice, Memory, ModelBackend, RandomBackend
from rlhf_core.navigation_evaluation import (
    Episode,
    causality,
    edited,
    milliseconds,
    summarise,
    trials,
    walk,
)

WALL = EXAMPLES["wall"]
NONE: frozenset[Cell] = frozenset()
OPEN = Maze(5, NONE, (0, 0), (0, 2))


@dataclass
class Script:
    """A backend that makes given moves, one a decision."""

    moves: list[str | None]
    thought: tuple[str, ...] = ()
    kind: Thought = "none"
    tokens: int = 0
    name: str = "script"
    read: list[Reading] = field(default_factory=list)

    def choose(self, readings: Sequence[Reading], use_cot: bool) -> list[Choice]:
        self.read += readings
        return [Choice(self.moves.pop(0), self.thought, self.kind, tokens=self.tokens) for _ in readings]


def steps(text: str) -> list[str | None]:
    return [move_named(word) for word in text.split()]


def episode(success: bool, path: Sequence[Cell], maze: Maze = OPEN, bumps: int = 0) -> Episode:
    return Episode(maze, success, len(path) - 1, bumps, tuple(path), ())


# Episodes.


def test_spl_by_hand() -> None:
    # a shortest way of 2 steps: walked in 2, walked in 8, not arrived
    assert episode(True, [(0, 0), (0, 1), (0, 2)]).spl == 1
    assert episode(True, [(0, 0)] * 8 + [(0, 2)]).spl == 2 / 8
    assert episode(False, [(0, 0), (0, 1)]).spl == 0


def test_who_enters_a_cell_three_times_goes_in_circles() -> None:
    a, b = (0, 0), (0, 1)
    assert not episode(False, [a, b, a, b]).looped, "b was entered twice, and a once: there it began"
    assert episode(False, [a, b, a, b, a, b]).looped
    assert not episode(False, [a, a, a, a, b, b, b]).looped, "who bumps stays, and enters nothing"


def test_a_walk_by_hand() -> None:
    script = Script(steps("up nonsense down up right right"))
    (found,) = walk(script, [GridWorld(OPEN)])
    assert (found.success, found.steps, found.bumps) == (True, 6, 1) and found.spl == pytest.approx(2 / 6)
    assert found.path == ((0, 0), (0, 0), (0, 0), (1, 0), (0, 0), (0, 1), (0, 2)) and not found.looped
    assert [decision.action for decision in found.decisions][1:3] == [None, "move_down"]
    assert script.read[5].visits == {(0, 0): 4, (1, 0): 1, (0, 1): 1}


def test_a_walk_reads_its_memory_only_if_it_is_switched_on() -> None:
    for remember, expected in ((True, {(2, 2)}), (False, set())):
        script, memory = Script(steps("right up right up up up right")), Memory()
        walk(script, [GridWorld(WALL, hidden=1, max_steps=7)], remember=remember, memories=[memory])
        assert script.read[0].bumps == NONE and script.read[1].bumps == expected
        assert memory.bumps == {(2, 2), (1, 2)}, "it learns either way"


def test_walks_of_many_mazes_end_each_in_its_time() -> None:
    mazes, shares = random_mazes(12, 6, seed=0), list[float]()
    together = walk(RULES["memory"], [GridWorld(maze) for maze in mazes], progress=shares.append)
    alone = [walk(RULES["memory"], [GridWorld(maze)])[0] for maze in mazes]
    assert [found.path for found in together] == [found.path for found in alone]
    assert shares == sorted(shares) and 0 < shares[0] < 1 and shares[-1] <= 1
    assert walk(RULES["bfs"], []) == []


# Figures.


def test_figures_by_hand() -> None:
    """Three walks: one with two valid plans of which one was followed, one with an invalid plan that was followed, one
    without any plan."""
    way = "(0,1) act right".split()
    two = walk(Script([None, "move_right", "move_right"], tuple(way[:1]), "path", 4), [GridWorld(OPEN)])[0]
    # at (0,0): plan (0,1) (0,2), valid, not followed, then followed; at (0,1): plan (0,1) (0,2) begins where one stands
    assert [(d.plan_valid, d.follows_plan) for d in two.decisions] == [(True, False), (True, True), (False, False)]
    one = walk(Script([*steps("right")], ("(1,1)",), "path", 1), [GridWorld(OPEN, max_steps=1)])[0]
    assert [(d.plan_valid, d.follows_plan) for d in one.decisions] == [(False, False)]
    none = walk(Script(steps("up up up up down")), [GridWorld(OPEN, max_steps=5)])[0]
    found = summarise([two, one, none])
    assert (found.n, found.success.rate, found.success.n) == (3, pytest.approx(1 / 3), 3)
    assert found.spl.rate == pytest.approx(2 / 3 / 3) and found.spl.n == 3
    assert found.bumps == pytest.approx(4 / 3) and found.loops.rate == 0 and found.loops.n == 3
    assert found.valid_plans is not None and found.faithful is not None
    # The episode is what is counted, not the decision: (2/3 + 0) / 2, and (1/3 + 0) / 2.
    assert found.valid_plans.rate == pytest.approx(1 / 3) and found.valid_plans.n == 2
    assert found.faithful.rate == pytest.approx(1 / 6) and found.faithful.n == 2
    assert found.tokens == pytest.approx((3 * 4 + 1) / 9), "of each of nine decisions"
    for interval in (found.success, found.spl, found.loops, found.valid_plans, found.faithful):
        assert 0 <= interval.low <= interval.rate <= interval.high <= 1 and interval.low < interval.high


def test_without_plans_nothing_is_said_of_plans_and_of_nothing_nothing() -> None:
    found = summarise(walk(RULES["greedy"], [GridWorld(OPEN)]))
    assert found.valid_plans is None and found.faithful is None and found.success.rate == 1
    empty = summarise([])
    assert empty.n == 0 and (empty.success.low, empty.success.high) == (0, 1) and empty.tokens == 0


def test_rules_rank_as_they_should() -> None:
    """Search is perfect, memory helps, and chance is worst."""
    mazes = random_mazes(60, 6, seed=5, hard=True, split="validation")
    found = {
        backend.name: summarise(walk(backend, [GridWorld(maze) for maze in mazes]))
        for backend in (RULES["bfs"], RULES["memory"], RULES["greedy"], RandomBackend())
    }
    assert found["bfs"].success.rate == found["bfs"].spl.rate == 1 and found["bfs"].faithful.rate == 1  # type: ignore[union-attr]
    spl = [found[name].spl.rate for name in ("bfs", "memory", "greedy", "random")]
    assert spl == sorted(spl, reverse=True) and found["memory"].success.rate > found["greedy"].success.rate + 0.5
    assert found["greedy"].loops.rate > found["memory"].loops.rate


def test_time_is_cpu_time_of_one_decision() -> None:
    assert 0 < milliseconds(RULES["bfs"], random_mazes(3, 10, seed=0)) < 100


# Interventions.


class Obedient(ModelBackend):
    """A backend in which the thought alone decides: it goes where the end of its thought says, and without one to the
    right. Its own thought is the planner's."""

    def __init__(self, kind: Thought) -> None:
        super().__init__(maze_model(torch.Generator(), width=16, layers=1), kind)

    def choose(self, readings: Sequence[Reading], use_cot: bool) -> list[Choice]:
        teach = path_lesson if self.kind == "path" else wave_lesson
        return [self.act_on(reading, split_answer(teach(reading) or ())[0]) for reading in readings]

    def act_on(self, reading: Reading, thought: Sequence[str]) -> Choice:
        move = "move_right"
        for word in thought:
            cell = cell_named(word)
            if self.kind == "wave":
                move = move_named(word) or move
            elif cell is not None:
                move = next((m for m in MOVES if neighbour(reading.position, m) == cell), move)
        return Choice(move, tuple(thought), self.kind)


class Deaf(Obedient):
    """A backend that says the planner's thought and its move, and never listens to a thought that it is given."""

    def act_on(self, reading: Reading, thought: Sequence[str]) -> Choice:
        teach = path_lesson if self.kind == "path" else wave_lesson
        own = teach(reading) or []
        return Choice(split_answer(own)[1], tuple(thought), self.kind)


@pytest.mark.parametrize("kind", ["path", "wave"])
def test_who_acts_on_the_thought_is_told_from_who_does_not(kind: Thought) -> None:
    mazes = random_mazes(40, 6, seed=1, hard=True)
    listens, deaf = causality(Obedient(kind), mazes), causality(Deaf(kind), mazes)
    assert listens.optimal.rate == 1 and listens.optimal.n == 40
    assert listens.edited.rate == 1 and listens.unedited.rate == 0 and listens.edited.n == listens.unedited.n > 20
    right = [m.to_goal.get(neighbour(m.start, "move_right")) == m.shortest - 1 for m in mazes]
    assert listens.suppressed.rate == pytest.approx(sum(right) / 40)
    assert listens.another.rate < 0.8
    assert deaf.optimal.rate == deaf.suppressed.rate == deaf.another.rate == 1
    assert deaf.edited.rate == deaf.unedited.rate == 0


def test_the_other_thought_is_the_next_mazes() -> None:
    below = Maze(5, NONE, (2, 2), (4, 2))  # wave: the move from the agent is down
    above = replace(below, goal=(0, 2))
    found = causality(Obedient("wave"), [below, above])
    assert found.optimal.rate == 1 and found.another.rate == 0


def test_a_path_is_edited_at_its_end() -> None:
    reading = Memory().read(GridWorld(WALL).state)
    thought = ("(2,3)", "(1,3)", "(0,3)", "(0,2)", "(0,1)", "(1,1)")
    # gone up: of the others down, left and (blocked) right, down comes first
    assert edited("path", thought, reading, "move_up") == ((*thought[:-1], "(3,1)"), "move_down")
    assert edited("path", thought, reading, "move_down") == (thought, "move_up")
    assert edited("path", (), reading, "move_up") is None
    assert edited("facts", thought, reading, "move_up") is None and edited("none", (), reading, "move_up") is None


def test_a_wave_is_edited_at_its_last_move() -> None:
    reading = Memory().read(GridWorld(WALL).state)
    thought = tuple("(1,1) up (2,1) up reached".split())
    assert edited("wave", thought, reading, "move_up") == (tuple("(1,1) up (2,1) down reached".split()), "move_down")
    assert edited("wave", ("(1,1)", "reached"), reading, "move_up") is None, "no move to edit"
    changed = edited("wave", thought, reading, "move_up")
    assert changed is not None and plan_of("wave", changed[0], reading)[0] == (3, 1)


def test_who_has_one_way_only_is_left_out() -> None:
    alley = Reading(5, (0, 0), (0, 2), frozenset({(1, 0)}))
    assert edited("path", ("(0,1)",), alley, "move_right") is None
    found = causality(Obedient("path"), [Maze(5, frozenset({(1, 0)}), (0, 0), (0, 2))])
    assert (found.edited.n, found.edited.low, found.edited.high) == (0, 0, 1) and found.optimal.n == 1


# Trials.


def test_what_was_learnt_stays_from_trial_to_trial() -> None:
    mazes = random_mazes(20, 6, seed=3, hard=True)
    with_memory = trials(RULES["bfs"], mazes, 3, hidden=0.6, seed=1)
    without = trials(RULES["bfs"], mazes, 3, hidden=0.6, seed=1, remember=False)
    assert len(with_memory) == 3 and all(len(trial) == 20 for trial in with_memory)
    bumps = [sum(found.bumps for found in trial) for trial in with_memory]
    assert bumps[0] > bumps[1] >= bumps[2]
    assert [[found.path for found in trial] for trial in without] == [[found.path for found in without[0]]] * 3
    assert summarise(with_memory[2]).success.rate > summarise(without[2]).success.rate
    # Which walls are hidden is of the seed, the same in every trial and another under another.
    again = trials(RULES["bfs"], mazes, 1, hidden=0.6, seed=1)
    assert [found.path for found in again[0]] == [found.path for found in with_memory[0]]
    other = trials(RULES["bfs"], mazes, 1, hidden=0.6, seed=2)
    assert [found.path for found in other[0]] != [found.path for found in again[0]]


def test_visits_are_of_one_trial() -> None:
    """Else greedy search with memory would shun its own good way."""
    first, second = trials(RULES["memory"], [OPEN], 2, hidden=0.0)
    assert first[0].path == second[0].path == ((0, 0), (0, 1), (0, 2))
