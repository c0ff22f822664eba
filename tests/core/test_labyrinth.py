"""The labyrinth, and the rules by which a team moves through it."""

import random
from itertools import product

import pytest

from rlhf_core.gridworld import GOAL_REWARD, STEP_REWARD, Cell
from rlhf_core.labyrinth import (
    ACTIONS,
    LOOK,
    SIZES,
    STAY,
    TAKE,
    Labyrinth,
    LabyrinthError,
    TeamWorld,
    outer_wall,
    random_labyrinth,
    random_labyrinths,
)


def hall(size: int = 9, exit: Cell = (1, 7), walls: frozenset[Cell] = frozenset()) -> Labyrinth:
    """An empty room; the start is its upper left corner."""
    return Labyrinth(size, outer_wall(size) | walls, (1, 1), exit)


def walk(world: TeamWorld, name: str, *actions: str) -> None:
    for action in actions:
        world.step({name: action})


# The labyrinth.


@pytest.mark.parametrize("size", SIZES)
def test_every_labyrinth_is_walled_round_and_its_exit_is_far_but_can_be_reached(size: int) -> None:
    for labyrinth in random_labyrinths(20, size, seed=1):
        assert outer_wall(size) <= labyrinth.walls
        assert labyrinth.shortest >= size
        assert labyrinth.start in {(1, 1), (1, size - 2), (size - 2, 1), (size - 2, size - 2)}
        rooms = set(product(range(1, size, 2), repeat=2))
        assert rooms <= set(labyrinth.to_exit)  # no corridor that nobody can enter


def test_loops_open_that_share_of_the_inner_walls() -> None:
    def inner(loops: float) -> float:
        rng = random.Random(3)
        found = [random_labyrinth(rng, 21, loops=loops).walls - outer_wall(21) for _ in range(20)]
        return sum(map(len, found)) / 20

    tree = inner(0)
    assert tree == 19**2 - (2 * 100 - 1)  # 100 rooms and a door for each but the first: a tree has no loop
    assert inner(0.12) == pytest.approx(0.88 * tree, rel=0.03)


@pytest.mark.parametrize("size", [8, 10, 7, 23, 0, -9])
def test_other_sizes_are_refused_by_name(size: int) -> None:
    for make in (
        lambda: random_labyrinth(random.Random(0), size),
        lambda: random_labyrinths(1, size, seed=0),
        lambda: Labyrinth(size, frozenset(), (1, 1), (2, 2)),
        lambda: TeamWorld(size=size),
    ):
        with pytest.raises(LabyrinthError, match=f"not {size}\\."):
            make()


def test_what_is_no_labyrinth_is_refused_by_name() -> None:
    walls = outer_wall(9)
    for start, exit, says in [
        ((0, 0), (1, 7), r"start \(0,0\)"),
        ((1, 1), (9, 9), r"exit \(9,9\)"),
        ((1, 1), (8, 3), r"exit \(8,3\)"),
    ]:
        with pytest.raises(LabyrinthError, match=says):
            Labyrinth(9, walls, start, exit)
    with pytest.raises(LabyrinthError, match=r"No way leads from \(1,1\) to \(7,7\)"):
        Labyrinth(9, walls | {(1, 2), (2, 1)}, (1, 1), (7, 7))
    with pytest.raises(LabyrinthError, match="not 0"):
        random_labyrinths(0, 9, seed=0)
    with pytest.raises(LabyrinthError, match="'train'"):  # rules are not trained
        random_labyrinth(random.Random(0), 9, split="train")


def test_a_seed_names_the_labyrinths_and_a_longer_list_begins_with_the_shorter() -> None:
    ten = random_labyrinths(10, 11, seed=5)
    assert ten == random_labyrinths(10, 11, seed=5) and ten[:4] == random_labyrinths(4, 11, seed=5)
    assert len({labyrinth.walls for labyrinth in ten}) == 10
    assert not {labyrinth.walls for labyrinth in ten} & {x.walls for x in random_labyrinths(10, 11, seed=6)}


def test_a_third_is_test_and_a_split_holds_only_its_own() -> None:
    found = [labyrinth.split for labyrinth in random_labyrinths(300, 9, seed=0)]
    assert 0.25 < found.count("test") / 300 < 0.42 and set(found) == {"test", "validation"}
    for split in ("test", "validation"):
        assert {labyrinth.split for labyrinth in random_labyrinths(20, 9, seed=0, split=split)} == {split}
    one = random_labyrinths(1, 9, seed=0)[0]
    far = max(one.to_exit, key=one.to_exit.__getitem__)
    assert Labyrinth(9, one.walls, far, one.exit).split == one.split  # by its walls, wherever one starts


# How members move.


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"carriers": []}, r"carriers \[\]"),
        ({"carriers": ["nobody"]}, "nobody"),
        ({"radius": 0}, "radius .* not 0"),
        ({"carry_period": 0}, "carry_period .* not 0"),
        ({"max_ticks": -1}, "max_ticks .* not -1"),
        ({"noise": 0.5}, "noise .* not 0.5"),
        ({"noise": -0.1}, "noise .* not -0.1"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(setting: dict[str, object], says: str) -> None:
    with pytest.raises(LabyrinthError, match=says):
        TeamWorld(**setting)  # type: ignore[arg-type]


def test_another_action_is_refused_and_moves_nobody() -> None:
    world = TeamWorld(hall())
    with pytest.raises(ValueError, match=r"'fly' \(carrier\)"):
        world.step({"scout": "move_right", "carrier": "fly"})
    assert world.tick == 0 and world.positions["scout"] == (1, 1)


def test_into_a_wall_is_a_bump_and_no_move() -> None:
    world = TeamWorld(hall())
    found = world.step({"scout": "move_up", "carrier": "move_left"})
    assert found.observations["scout"].bumped == (0, 1) and found.observations["carrier"].bumped == (1, 0)
    assert world.positions == {"scout": (1, 1), "carrier": (1, 1)}
    assert found.infos["scout"]["bumped"] and (world.bumps["scout"], world.moves["scout"]) == (1, 0)
    found = world.step({"scout": "move_right"})
    assert found.observations["scout"].bumped is None and not found.infos["scout"]["bumped"]
    assert world.positions["scout"] == (1, 2) and (world.bumps["scout"], world.moves["scout"]) == (1, 1)


@pytest.mark.parametrize("period", [1, 2, 3])
def test_a_carrier_moves_in_every_period_th_tick(period: int) -> None:
    world = TeamWorld(hall(21, (19, 19)), carry_period=period)
    for _ in range(12):
        world.step({"scout": "move_down", "carrier": "move_right"})
    assert world.positions == {"scout": (13, 1), "carrier": (1, 1 + 12 // period)}


def test_who_carries_is_blind_and_who_stands_sees_only_if_it_looks() -> None:
    for sighted in (False, True):
        world = TeamWorld(hall(), sighted_carriers=sighted, carry_period=1)
        for action in (*ACTIONS[:4], LOOK):
            seen = world.step({"scout": action, "carrier": action}).observations
            assert seen["scout"].cells and bool(seen["carrier"].cells) is sighted
        seen = world.step({"scout": STAY, "carrier": STAY}).observations
        assert not seen["scout"].cells and seen["carrier"].carrying and not seen["scout"].carrying


def test_eyes_see_every_cell_within_the_radius_and_nothing_beyond() -> None:
    for labyrinth in random_labyrinths(5, 9, seed=2):
        world = TeamWorld(labyrinth, radius=2)
        cells = world.step({"scout": LOOK}).observations["scout"].cells
        row, column = labyrinth.start
        assert set(cells) == {(r, c) for r, c in product(range(9), repeat=2) if max(abs(r - row), abs(c - column)) <= 2}
        for cell, kind in cells.items():
            assert kind == ("wall" if cell in labyrinth.walls else "exit" if cell == labyrinth.exit else "free")


def test_noise_is_the_share_of_cells_mistaken_but_never_the_exit_the_own_cell_or_a_load() -> None:
    walls = frozenset((r, c) for r in range(3, 8) for c in range(3, 8) if (r, c) not in ((3, 3),))
    place = hall(9, exit=(2, 3), walls=walls)
    world = TeamWorld(
        place, members=("scout", "carrier", "other"), carriers=("carrier", "other"), lost_at={"other": 0}, noise=0.3,
        seed=4,
    )  # fmt: skip
    walk(world, "scout", "move_right", "move_down")
    mistaken = looks = 0
    while not world.over:
        cells = world.step({"scout": LOOK}).observations["scout"].cells
        assert (cells[2, 3], cells[2, 2], cells[1, 1]) == ("exit", "free", "load")
        others = {cell: kind for cell, kind in cells.items() if cell not in ((2, 3), (2, 2), (1, 1))}
        assert set(others.values()) <= {"free", "wall"}
        mistaken += sum((kind == "wall") != (cell in place.walls) for cell, kind in others.items())
        looks += len(others)
    assert mistaken / looks == pytest.approx(0.3, abs=0.02)  # some 9000 looks: four standard deviations


def test_the_load_of_a_lost_carrier_lies_where_it_was_until_another_takes_it_out() -> None:
    world = TeamWorld(hall(exit=(1, 3)), lost_at={"carrier": 3}, carry_period=2)
    walk(world, "carrier", "move_down", STAY, "move_right")
    assert world.positions["carrier"] == (2, 2)
    found = world.step({"carrier": "move_right", "scout": "move_right"})
    assert found.terminations == {"scout": False, "carrier": True} and world.agents == ["scout"]
    assert world.lying == {"carrier": (2, 2)} and found.observations["scout"].cells[2, 2] == "load"
    walk(world, "scout", TAKE)
    assert "scout" not in world.holds  # it lies elsewhere
    world.step({"scout": "move_down"})
    seen = world.step({"scout": TAKE}).observations["scout"]
    assert seen.carrying and not seen.cells and world.lying == {}
    assert world.tick == 7 and not world.may_move("scout")
    walk(world, "scout", "move_right", "move_right", "move_right")  # ticks 7 to 9, of which only 8 is one of its own
    assert world.positions["scout"] == (2, 3) and not world.success
    found = world.step({"scout": "move_up"})
    assert world.success and world.out == {"carrier"} and found.terminations == {"scout": True} and not world.agents


def test_it_is_over_when_the_last_load_is_out() -> None:
    world = TeamWorld(hall(exit=(1, 2)), members=("a", "b"), carriers=("a", "b"), carry_period=1)
    found = world.step({"a": "move_right", "b": "move_down"})
    assert world.out == {"a"} and not world.over and not any(found.terminations.values())
    assert found.rewards == {"a": STEP_REWARD, "b": STEP_REWARD}
    walk(world, "b", "move_right")
    found = world.step({"b": "move_up"})
    assert found.rewards == {"a": GOAL_REWARD, "b": GOAL_REWARD} and found.terminations == {"a": True, "b": True}
    assert not any(found.truncations.values()) and world.success
    with pytest.raises(ValueError, match="reset"):
        world.step({})
    world.reset()
    assert world.agents == ["a", "b"] and world.tick == 0 and not world.out and not world.over


def test_a_scout_at_the_exit_gets_nothing_out() -> None:
    world = TeamWorld(hall(exit=(1, 2)))
    world.step({"scout": "move_right"})
    assert world.positions["scout"] == (1, 2) and not world.success


def test_the_time_is_up_after_max_ticks_unless_the_last_tick_succeeds() -> None:
    for action, success in ((STAY, False), ("move_right", True)):
        world = TeamWorld(hall(exit=(1, 2)), max_ticks=3, carry_period=1)
        walk(world, "carrier", STAY, STAY)
        assert not world.over
        found = world.step({"carrier": action})
        assert world.over and world.success is success
        assert set(found.terminations.values()) == {success} and set(found.truncations.values()) == {not success}
        assert set(found.rewards.values()) == {GOAL_REWARD if success else STEP_REWARD}


def test_without_anybody_left_it_is_over() -> None:
    world = TeamWorld(hall(), lost_at={"scout": 1, "carrier": 1})
    world.step({})
    found = world.step({"scout": LOOK})
    assert world.over and not world.success and found.terminations == {"scout": True, "carrier": True}


def test_a_seed_names_labyrinth_and_noise_and_an_option_another_labyrinth() -> None:
    def looks(world: TeamWorld) -> object:
        return [world.step({"scout": LOOK}).observations["scout"].cells for _ in range(5)]

    world = TeamWorld(size=9, noise=0.2)
    seen: list[object] = []
    for seed in (1, 2, 1):
        world.reset(seed=seed)
        seen.append((world.labyrinth, looks(world)))
    assert seen[0] == seen[2] and seen[0] != seen[1]
    world.reset(options={"labyrinth": hall()})
    assert world.labyrinth == hall()
    world.reset()
    assert world.labyrinth != hall()
