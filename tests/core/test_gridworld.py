import json
import random
from dataclasses import replace
from typing import Any

import pytest

from rlhf_core.gridworld import (
    EXAMPLES,
    MOVES,
    SPLITS,
    GridWorld,
    Maze,
    MazeError,
    distances,
    episodes,
    manhattan,
    maze_json,
    parse_mazes,
    random_maze,
    random_mazes,
    step_limit,
)

NONE: frozenset[tuple[int, int]] = frozenset()
WALL = EXAMPLES["wall"]  # a wall of three cells in column 2 between (2,1) and (2,4)


# What is a maze.


@pytest.mark.parametrize(
    ("size", "walls", "start", "goal", "said"),
    [
        (4, NONE, (0, 0), (1, 1), "A maze has 5 to 10 cells a side, not 4."),
        (11, NONE, (0, 0), (1, 1), "A maze has 5 to 10 cells a side, not 11."),
        (5, NONE, (5, 0), (1, 1), "The start (5,0) lies outside the grid: rows and columns go from 0 to 4."),
        (5, NONE, (0, 0), (0, -1), "The goal (0,-1) lies outside the grid: rows and columns go from 0 to 4."),
        (6, {(0, 6)}, (0, 0), (1, 1), "The wall (0,6) lies outside the grid: rows and columns go from 0 to 5."),
        (5, {(0, 0)}, (0, 0), (1, 1), "The start (0,0) is in a wall; move it or open the wall."),
        (5, {(1, 1)}, (0, 0), (1, 1), "The goal (1,1) is in a wall; move it or open the wall."),
        (5, NONE, (2, 3), (2, 3), "Start and goal are both (2,3); move one of them."),
        (5, {(0, 1), (1, 0)}, (0, 0), (4, 4), "No way leads from (0,0) to (4,4); open a wall."),
    ],
)
def test_what_is_no_maze_is_refused_with_the_reason(size: int, walls: Any, start: Any, goal: Any, said: str) -> None:
    with pytest.raises(MazeError) as caught:
        Maze(size, frozenset(walls), start, goal)
    assert str(caught.value) == said


def test_shortest_way_and_difficulty_by_hand() -> None:
    # #: wall, from S to G the straight way has 3 steps, round the wall 7: two up, three across, two down
    assert WALL.rows() == ["......", "..#...", ".S#.G.", "..#...", "......", "......"]
    assert WALL.shortest == 7 and manhattan(WALL.start, WALL.goal) == 3 and WALL.hard
    assert not EXAMPLES["far"].hard and EXAMPLES["far"].shortest == 14
    assert distances(5, {(0, 1), (1, 0)}, (0, 0)) == {(0, 0): 0}
    assert WALL.to_goal[(2, 3)] == 1 and (2, 2) not in WALL.to_goal


def test_a_start_is_moved_and_checked() -> None:
    assert replace(WALL, start=(0, 0)) == Maze(6, WALL.walls, (0, 0), WALL.goal)
    with pytest.raises(MazeError, match="in a wall"):
        replace(WALL, start=(2, 2))


def test_the_notebooks_four_states() -> None:
    assert list(EXAMPLES) == ["near", "far", "wall", "beside"]
    assert [maze.shortest for maze in EXAMPLES.values()] == [2, 14, 7, 1]


# Random mazes.


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("split", SPLITS)
def test_random_mazes_are_what_was_asked_for(hard: bool, split: str) -> None:
    mazes = random_mazes(12, 6, seed=3, hard=hard, split=split)
    assert len(set(mazes)) == 12
    for maze in mazes:
        assert maze.size == 6 and maze.split == split and maze.hard == hard and maze.shortest >= 3


def test_the_same_seed_gives_the_same_mazes_and_a_longer_list_begins_with_the_shorter() -> None:
    assert random_mazes(15, 7, seed=1)[:6] == random_mazes(6, 7, seed=1)
    assert random_mazes(6, 7, seed=1) != random_mazes(6, 7, seed=2)


def test_impossible_wishes_are_refused() -> None:
    for wish, said in (
        (lambda: random_maze(random.Random(0), 4), "not 4"),
        (lambda: random_maze(random.Random(0), 6, split="exam"), "'exam'; choose one of train, validation, test"),
        (lambda: random_mazes(0, 6, seed=0), "at least 1, not 0"),
    ):
        with pytest.raises(MazeError, match=said):
            wish()


def test_a_split_is_of_walls_whatever_start_and_goal() -> None:
    """The same walls are never in two splits, from any start to a goal and back."""
    shares = dict.fromkeys(SPLITS, 0)
    for maze in random_mazes(400, 6, seed=0):
        shares[maze.split] += 1
    assert 20 <= shares["test"] <= 65 and 20 <= shares["validation"] <= 65, "a tenth each: 40, sd 6"
    for maze in random_mazes(8, 5, seed=4):
        ends = [cell for cell in maze.to_goal if cell != maze.goal]
        assert {Maze(5, maze.walls, cell, maze.goal).split for cell in ends} == {maze.split}
        assert {Maze(5, maze.walls, maze.goal, cell).split for cell in ends} == {maze.split}
    assert len({Maze(size, NONE, (0, 0), (1, 1)).split for size in range(5, 11)}) > 1, "the size counts"


# Files.


def test_a_maze_is_written_as_it_is_read() -> None:
    mazes = [*EXAMPLES.values(), *random_mazes(5, 10, seed=0)]
    assert parse_mazes(json.dumps([maze_json(maze) for maze in mazes])) == mazes


GOOD = {"size": 5, "walls": [[1, 1]], "start": [0, 0], "goal": [4, 4]}


def test_a_wall_may_be_named_twice() -> None:
    assert parse_mazes(json.dumps([{**GOOD, "walls": [[1, 1], [1, 1]]}])) == parse_mazes(json.dumps([GOOD]))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"size": True}, "size must be a whole number, not True."),
        ({"size": 5.0}, "size must be a whole number, not 5.0."),
        ({"size": "5"}, "size must be a whole number, not '5'."),
        ({"size": 40}, "A maze has 5 to 10 cells a side, not 40."),
        ({"walls": {}}, "walls must be a list of [row, column], not {}."),
        ({"walls": [1, 1]}, "a wall must be [row, column], not 1."),
        ({"walls": [[1, 1], [2, False]]}, "a wall must be [row, column], not [2, False]."),
        ({"walls": [[1, 1, 1]]}, "a wall must be [row, column], not [1, 1, 1]."),
        ({"walls": [[1.0, 1]]}, "a wall must be [row, column], not [1.0, 1]."),
        ({"start": None}, "start must be [row, column], not None."),
        ({"goal": "11"}, "goal must be [row, column], not '11'."),
        ({"goal": [0, 0]}, "Start and goal are both (0,0); move one of them."),
    ],
)
def test_a_wrong_maze_is_named_by_its_index(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(MazeError) as caught:
        parse_mazes(json.dumps([GOOD, {**GOOD, **changed}]))
    assert str(caught.value) == f"maze 1: {said}"


@pytest.mark.parametrize("key", GOOD)
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(MazeError, match=f"^maze 0: {key} is missing.$"):
        parse_mazes(json.dumps([{k: v for k, v in GOOD.items() if k != key}]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[\n{"size": 5,\n nope}]', "line 3: "),
        ("", "line 1: "),
        ("\ufeff[]", "line 1: "),
        ("[]", "at least one maze"),
        ("{}", "at least one maze"),
        ("NaN", "at least one maze"),
        ("[NaN]", "maze 0: A maze is an object"),
        ('["\\ud800"]', "maze 0: A maze is an object"),
        ("[" * 100_000, "too deeply"),
        ("[" + "9" * 5000 + "]", "maze 0: "),
        ('[{"size": ' + "1" * 5000 + ', "walls": [], "start": [0, 0], "goal": [1, 1]}]', "size must be a whole"),
        ('[{"size": NaN, "walls": [], "start": [0, 0], "goal": [1, 1]}]', "size must be a whole number, not nan"),
        ('[{"size": 5, "walls": Infinity, "start": [0, 0], "goal": [1, 1]}]', "walls must be a list"),
        ('[{"size": 5, "walls": [[1e999, 0]], "start": [0, 0], "goal": [1, 1]}]', "a wall must be"),
        ('[{"size": 5, "walls": [], "start": [0, -' + "1" * 999 + '], "goal": [1, 1]}]', "start must be"),
    ],
)
def test_hostile_files_get_one_short_sentence(text: str, said: str) -> None:
    with pytest.raises(MazeError) as caught:
        parse_mazes(text)
    assert said in str(caught.value) and len(str(caught.value)) < 150


@pytest.mark.parametrize("place", ["size", "walls", "start"])
def test_no_depth_of_nesting_breaks_the_sentence(place: str) -> None:
    """At whichever depth Python gives up, in reading or in quoting what was read."""
    for depth in range(500, 1100, 7):
        nested = "[" * depth + "]" * depth
        others = json.dumps({k: v for k, v in GOOD.items() if k != place})[1:-1]
        with pytest.raises(MazeError) as caught:
            parse_mazes(f'[{{"{place}": {nested}, {others}}}]')
        assert len(str(caught.value)) < 150


# The environment.


def test_a_walk_by_hand() -> None:
    world = GridWorld(WALL)
    assert world.state.position == (2, 1) and world.state.walls == WALL.walls and world.max_steps == 24
    bump = world.step("move_right")
    assert bump.info == {"bumped": True, "steps": 1, "bumps": 1} and bump.state.position == (2, 1)
    assert (bump.reward, bump.terminated, bump.truncated) == (-0.1, False, False)
    for move in ("up", "up", "right", "right", "right", "down"):
        found = world.step(f"move_{move}")
        assert found[1:] == (-0.1, False, False, {"bumped": False, "steps": world.steps, "bumps": 1})
    found = world.step("move_down")
    assert found[1:4] == (1.0, True, False) and found.state.position == WALL.goal and world.over
    assert world.path == [(2, 1), (2, 1), (1, 1), (0, 1), (0, 2), (0, 3), (0, 4), (1, 4), (2, 4)]
    with pytest.raises(ValueError, match="has ended; reset it"):
        world.step("move_up")


def test_the_edge_is_a_bump_and_no_decision_costs_a_step() -> None:
    world = GridWorld(EXAMPLES["near"])
    assert world.step("move_up").info["bumped"] and world.step("move_left").info["bumped"]
    found = world.step(None)
    assert found.state.position == (0, 0) and found.reward == -0.1 and found.info["bumped"] is False
    assert (world.steps, world.bumps) == (3, 2)
    with pytest.raises(ValueError, match="no action 'think'; choose one of move_up, "):
        world.step("think")
    assert world.steps == 3


def test_a_walk_is_cut_off_but_arriving_with_the_last_step_is_arriving() -> None:
    world = GridWorld(EXAMPLES["near"], max_steps=2)
    world.step("move_down")
    assert world.step("move_up")[1:4] == (-0.1, False, True)
    with pytest.raises(ValueError, match="has ended"):
        world.step("move_up")
    world.reset()
    assert (world.steps, world.bumps, world.path, world.over) == (0, 0, [(0, 0)], False)
    world.step("move_right")
    assert world.step("move_right")[1:4] == (1.0, True, False)


def test_the_limit_leaves_room_for_long_ways() -> None:
    # a snake through a 5 x 5 grid: rows 0, 2, 4 free, joined at the right, then at the left: 4+2+4+2+4 = 16 steps
    snake = Maze(5, frozenset({(1, c) for c in range(4)} | {(3, c) for c in range(1, 5)}), (0, 0), (4, 4))
    assert snake.shortest == 16 and step_limit(snake) == 32 and step_limit(EXAMPLES["near"]) == 24


def test_hidden_walls_are_bumped_into_and_never_seen() -> None:
    world = GridWorld(WALL, hidden={(2, 2), (5, 5)})
    assert world.state.walls == {(1, 2), (3, 2)} and world.hidden == {(2, 2)}
    found = world.step("move_right")
    assert found.info["bumped"] and found.state.walls == {(1, 2), (3, 2)}
    assert GridWorld(WALL, hidden=1).state.walls == NONE and GridWorld(WALL, hidden=0).hidden == NONE


def test_a_limited_view_sees_walls_near_by_and_the_goal_always() -> None:
    world = GridWorld(replace(WALL, start=(3, 0)), view=2)
    assert world.state.walls == {(1, 2), (2, 2), (3, 2)} and world.state.goal == (2, 4)
    world.step("move_down")  # to (4,0): (1,2) is three rows away
    assert world.state.walls == {(2, 2), (3, 2)}
    assert GridWorld(replace(WALL, start=(3, 0)), view=1).state.walls == NONE


def test_a_seed_names_the_maze_and_what_is_hidden() -> None:
    world = GridWorld(size=8, hidden=0.5)
    drawn = [(world.reset(seed=seed)[0], world.maze, world.hidden) for seed in (1, 2, 1)]
    assert drawn[0] == drawn[2] != drawn[1]
    assert GridWorld(size=8, hidden=0.5, seed=1).hidden == drawn[0][2]
    following = [(world.maze, world.hidden) for _ in range(3) if world.reset()]
    world.reset(seed=1)
    assert following == [(world.maze, world.hidden) for _ in range(3) if world.reset()]
    assert len({maze for maze, _ in following}) == 3
    assert world.reset(options={"maze": WALL})[0].position == WALL.start and world.reset()[0].size == 8


def test_episodes_hide_by_seed_and_place() -> None:
    mazes = [random_maze(random.Random(2), 8)] * 3
    hidden = [world.hidden for world in episodes(mazes, hidden=0.5, seed=5)]
    assert hidden == [world.hidden for world in episodes(mazes, hidden=0.5, seed=5)]
    assert hidden[:2] == [world.hidden for world in episodes(mazes[:2], hidden=0.5, seed=5)]
    assert len(set(hidden)) == 3 and hidden != [world.hidden for world in episodes(mazes, hidden=0.5, seed=6)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hidden": 1.5}, "not 1.5"),
        ({"hidden": float("nan")}, "not nan"),
        ({"view": 0}, "at least 1 cell, not 0"),
        ({"max_steps": 0}, "at least 1 step, not 0"),
        ({"size": 3}, "not 3"),
    ],
)
def test_impossible_worlds_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(MazeError, match=said):
        GridWorld(**options)


def test_no_way_is_shorter_than_the_shortest() -> None:
    """Random walks in random mazes: who arrives needed at least the steps of breadth-first search, and as even a number
    more as a chessboard asks for, bumps not counted."""
    rng, arrived = random.Random(0), 0
    for maze in random_mazes(20, 5, seed=9):
        world = GridWorld(maze, max_steps=400)
        while not world.over:
            world.step(rng.choice(list(MOVES)))
        if world.at_goal:
            arrived += 1
            extra = world.steps - world.bumps - maze.shortest
            assert extra >= 0 and extra % 2 == 0
    assert arrived > 10
