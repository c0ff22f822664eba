"""Members whose ways come from the language model of the mazes."""

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from rlhf_core.agent_team import MultiAgentSystem, TeamConfig
from rlhf_core.checkpoints import load_maze_policy
from rlhf_core.gridworld import MOVES, manhattan, neighbour
from rlhf_core.labyrinth import Labyrinth, random_labyrinths
from rlhf_core.maze_language import Reading, path
from rlhf_core.navigation import Choice, ModelBackend
from rlhf_core.team_map import TeamMap
from rlhf_core.team_minds import WINDOW, ModelMind, window

FIXED = TeamConfig(adaptive=False)
PLACE = random_labyrinths(1, 13, seed=3)[0]


class Fake:
    """A backend that answers by a function of what it reads, and keeps that."""

    name = "fake"

    def __init__(self, answer: Callable[[Reading], Choice], kind: str = "path") -> None:
        self.answer, self.kind = answer, kind
        self.read: list[Reading] = []

    def choose(self, readings: Sequence[Reading], use_cot: bool) -> list[Choice]:
        self.read += readings
        return [self.answer(reading) for reading in readings]


def right(reading: Reading) -> Choice:
    """A shortest path and its first move, as the model was taught."""
    words = path(reading)
    assert words is not None
    move = {"up": "move_up", "down": "move_down", "left": "move_left", "right": "move_right"}[words[-1]]
    return Choice(move, tuple(words[:-2]), "path")


def wrong(reading: Reading) -> Choice:
    """A path that begins somewhere else."""
    return Choice(None, ("(0,0)", "(9,9)"), "path")


def mind(answer: Callable[[Reading], Choice], kind: str = "path") -> tuple[ModelMind, Fake]:
    fake: Any = Fake(answer, kind)
    return ModelMind(fake), fake


def known_all(labyrinth: Labyrinth) -> TeamMap:
    known = TeamMap(labyrinth.size)
    for cell in labyrinth.to_exit:
        known.stood(cell)
    return known


@pytest.mark.parametrize("size", [9, 11, 15, 21])
def test_a_window_shows_the_map_round_a_member_and_its_cells_map_back(size: int) -> None:
    rng = random.Random(size)
    for labyrinth in random_labyrinths(8, size, seed=4):
        known = TeamMap(size)
        for cell in sorted(labyrinth.to_exit):
            if rng.random() < 0.9:
                known.stood(cell)
        here = rng.choice([cell for cell in sorted(labyrinth.to_exit) if known.free(cell)])
        target = rng.choice([cell for cell in known.reach(here) if cell != here] or [neighbour(here, "move_up")])
        way = known.way(here, target) or [here, target]
        reading, (top, left) = window(known, here, way)
        assert reading.size == WINDOW and 0 <= top <= size - reading.size and 0 <= left <= size - reading.size
        assert (reading.position[0] + top, reading.position[1] + left) == here
        goal = (reading.goal[0] + top, reading.goal[1] + left)
        assert goal in way[1:]
        steps = way.index(goal)
        for cell in way[: steps + 1]:  # as far as the goal the way lies in the window
            assert reading.allows((cell[0] - top, cell[1] - left))
        if goal != target:  # and there it leaves it
            row, column = way[steps + 1]
            assert not (top <= row < top + reading.size and left <= column < left + reading.size)
        for row in range(reading.size):
            for column in range(reading.size):
                free = known.free((row + top, column + left)) is True or (row + top, column + left) in way
                assert ((row, column) in reading.walls) is not free


def test_a_planner_writes_shortest_ways_in_stretches_through_known_cells() -> None:
    for labyrinth in random_labyrinths(5, 21, seed=2):
        thinks, fake = mind(right)
        known = known_all(labyrinth)
        way = thinks.planner().route(known, labyrinth.start, labyrinth.exit)
        assert way is not None and (way[0], way[-1]) == (labyrinth.start, labyrinth.exit)
        assert all(manhattan(a, b) == 1 for a, b in pairwise(way)) and not labyrinth.walls & set(way)
        assert len(way) == labyrinth.shortest + 1 and len(fake.read) > 1  # 21 cells do not fit into one window


def test_a_planner_whose_plan_leads_through_walls_has_no_way_and_is_not_asked_twice_of_the_same_map() -> None:
    thinks, fake = mind(wrong)
    known = known_all(PLACE)
    route = thinks.planner().route
    assert route(known, PLACE.start, PLACE.exit) is None and route(known, PLACE.start, PLACE.exit) is None
    assert len(fake.read) == 1 and [decision.plan_valid for decision in thinks.decisions] == [False]
    known.bumped(next(cell for cell in sorted(known.known) if manhattan(cell, PLACE.start) > 1 and known.free(cell)))
    route(known, PLACE.start, PLACE.exit)
    assert len(fake.read) == 2


def test_where_no_way_is_known_the_model_is_not_asked() -> None:
    thinks, fake = mind(right)
    assert thinks.planner().route(TeamMap(13), PLACE.start, PLACE.exit) is None and fake.read == []


def test_only_a_model_that_plans_can_be_a_planner() -> None:
    for kind in ("none", "facts"):
        with pytest.raises(ValueError, match=repr(kind)):
            mind(right, kind)[0].planner()
    mind(right, "wave")[0].planner()


def test_an_executor_goes_to_the_cell_beside_it_that_the_model_chooses() -> None:
    known = known_all(PLACE)
    way = known.way(PLACE.start, PLACE.exit)
    assert way is not None
    for move in MOVES:
        drive = mind(lambda reading, move=move: Choice(move))[0].executor().drive
        assert drive(known, way[0], way[1:]) == neighbour(way[0], move)
    assert mind(right)[0].executor().drive(known, way[0], way[1:]) == way[1]
    assert mind(wrong)[0].executor().drive(known, way[0], way[1:]) is None  # it named no move
    thinks, fake = mind(right)
    assert thinks.executor().drive(known, way[0], []) is None and fake.read == []


def test_a_team_with_a_planner_that_plans_wrong_hears_no_way_to_the_exit_and_with_a_right_one_escapes() -> None:
    for answer in (wrong, right):
        thinks, fake = mind(answer)
        team = MultiAgentSystem(PLACE, FIXED, minds={"P1": thinks.planner()})
        team.collaborate()
        told = [cell for m in team.channel.sent if m.verb == "path" for cell in m.words[1:]]
        exit = f"({PLACE.exit[0]},{PLACE.exit[1]})"
        assert fake.read and (exit in told) is (answer is right)
        if answer is right:
            assert team.outcome.success


def test_the_shipped_model_writes_ways_that_hold_in_most_small_labyrinths_and_follows_them() -> None:
    backend = ModelBackend(load_maze_policy("path"), "path")
    labyrinths = random_labyrinths(6, 9, seed=11)
    found = steps = 0
    for labyrinth in labyrinths:
        known, thinks = known_all(labyrinth), ModelMind(backend)
        way = thinks.planner().route(known, labyrinth.start, labyrinth.exit)
        assert (way is not None) is all(decision.plan_valid for decision in thinks.decisions)
        if way is not None:
            assert (way[0], way[-1]) == (labyrinth.start, labyrinth.exit) and not labyrinth.walls & set(way)
            found += 1
        rule = known.way(labyrinth.start, labyrinth.exit)
        assert rule is not None
        steps += thinks.executor().drive(known, rule[0], rule[1:]) == rule[1]
    assert found >= 4 and steps >= 5  # of six
