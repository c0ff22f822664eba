"""What a member believes, from what eyes and others say."""

import random
from itertools import pairwise

import pytest

from rlhf_core.gridworld import Cell, distances, manhattan
from rlhf_core.labyrinth import LOOK, TeamWorld, outer_wall, random_labyrinths
from rlhf_core.team_map import TeamMap, trace

HERE: Cell = (3, 3)


def corridor(*cells: Cell, size: int = 9) -> TeamMap:
    """A map on which only these are known to be free."""
    known = TeamMap(size)
    for cell in cells:
        known.stood(cell)
    return known


def test_of_a_new_labyrinth_the_wall_round_it_is_known_and_nothing_else() -> None:
    known = TeamMap(9)
    assert {cell for cell, kind in known.known.items() if kind == "wall"} == outer_wall(9) == set(known.known)
    assert known.free(HERE) is None and known.kind(HERE) is None


@pytest.mark.parametrize(
    ("looks", "believed"), [("fwf", True), ("fww", False), ("fw", None), ("wwff", None), ("w", False)]
)
def test_the_majority_of_looks_is_believed(looks: str, believed: bool | None) -> None:
    known = TeamMap(9)
    for look in looks:
        known.look(HERE, "wall" if look == "w" else "free")
    assert known.free(HERE) is believed
    assert known.kind(HERE) == {True: "free", False: "wall", None: None}[believed]
    assert (HERE in known.known) is (believed is not None)


def test_the_same_verdict_from_one_source_counts_once_and_from_two_twice() -> None:
    known = TeamMap(9)
    known.look(HERE, "free")
    for number in range(5):
        known.hear(HERE, "wall", "E1", f"E1-{number}")
    assert known.free(HERE) is None  # one against one
    known.hear(HERE, "wall", "E2", "E2-1")
    assert known.free(HERE) is False
    assert known.because[HERE] == "E2-1"


def test_a_later_verdict_of_a_source_replaces_the_former() -> None:
    known = TeamMap(9)
    known.hear(HERE, "wall", "E1", "E1-1")
    known.hear(HERE, "free", "E1", "E1-2")
    assert known.free(HERE) is True and known.because[HERE] == "E1-2"


def test_one_look_of_ones_own_weighs_as_much_as_a_verdict_and_more_looks_more() -> None:
    known = TeamMap(9)
    known.hear(HERE, "wall", "E1", "E1-1")
    known.look(HERE, "free")
    assert known.free(HERE) is None
    known.look(HERE, "free")
    assert known.free(HERE) is True


def test_where_somebody_stood_or_bumped_no_eyes_are_believed() -> None:
    known = TeamMap(9)
    for happens, kind, believed in ((known.stood, "wall", True), (known.bumped, "free", False)):
        happens(HERE)
        for source in ("E1", "E2", "E3"):
            known.hear(HERE, kind, source, "m")
        for _ in range(10):
            known.look(HERE, kind)
        assert known.free(HERE) is believed and known.certain(HERE)


def test_exit_and_load_are_remembered_and_a_load_that_is_seen_no_more_is_forgotten() -> None:
    known = TeamMap(9)
    known.look(HERE, "exit")
    known.hear((3, 4), "load", "E1", "E1-1")
    assert (known.exit, known.load) == (HERE, (3, 4)) and known.kind(HERE) == "exit" and known.free((3, 4)) is True
    known.look((3, 5), "free")
    assert known.load == (3, 4)
    known.look((3, 4), "free")
    assert known.load is None and known.exit == HERE


def test_a_wall_is_in_doubt_until_three_votes_more_speak_for_it_than_against() -> None:
    known = TeamMap(9)
    assert not known.doubtful(HERE)  # nothing is known
    for votes, doubtful in ((1, True), (2, True), (3, False)):
        known.look(HERE, "wall")
        assert known.doubtful(HERE) is doubtful, votes
    known.look(HERE, "free")
    assert known.doubtful(HERE)
    known.bumped(HERE)
    assert not known.doubtful(HERE)
    assert not known.doubtful((0, 3))  # the wall all round is certain


def test_doubts_are_the_cells_beside_such_a_wall() -> None:
    known = corridor((1, 1), (1, 2), (1, 3))
    known.look((2, 2), "wall")
    assert known.doubts(known.reach((1, 1))) == [(1, 2)]


def test_a_frontier_is_beside_a_cell_of_which_nothing_is_known() -> None:
    known = corridor((1, 1), (1, 2), (1, 3))
    for cell in ((2, 1), (2, 2)):
        known.bumped(cell)
    reached = known.reach((1, 1))
    assert known.frontiers(reached) == [(1, 3)]
    known.look((2, 3), "wall")
    assert known.frontiers(reached) == [(1, 3)]  # beside (1,4)
    known.look((1, 4), "wall")
    assert known.frontiers(reached) == []
    known.look((1, 4), "free")  # as much for as against: unknown again
    assert known.frontiers(reached) == [(1, 3)]


def test_ways_lead_over_known_cells_and_there_is_none_through_the_unknown() -> None:
    known = corridor((1, 1), (1, 2), (1, 3), (2, 3), (3, 3))
    assert known.way((1, 1), (3, 3)) == [(1, 1), (1, 2), (1, 3), (2, 3), (3, 3)]
    assert known.way((1, 1), (1, 1)) == [(1, 1)]
    assert known.way((1, 1), (4, 3)) is None and trace(known.reach((1, 1)), (4, 3)) is None
    known.bumped((1, 3))
    assert known.way((1, 1), (3, 3)) is None


def test_on_a_map_of_all_that_is_there_ways_are_shortest() -> None:
    rng = random.Random(0)
    for labyrinth in random_labyrinths(10, 11, seed=3):
        known = TeamMap(11)
        world = TeamWorld(labyrinth, radius=11)
        for cell, kind in world.step({"scout": LOOK}).observations["scout"].cells.items():
            known.look(cell, kind)
        assert known.exit == labyrinth.exit and known.frontiers(known.reach(labyrinth.start)) == []
        source = rng.choice(sorted(labyrinth.to_exit))
        steps = distances(11, labyrinth.walls, source)
        reached = known.reach(source)
        assert set(reached) == set(steps)
        assert [steps[cell] for cell in reached] == sorted(steps.values())  # nearest first
        for target in steps:
            way = known.way(source, target)
            assert way is not None and len(way) == steps[target] + 1
            assert not labyrinth.walls & set(way)
            assert all(manhattan(a, b) == 1 for a, b in pairwise(way))


def test_hope_goes_through_what_is_unknown_but_not_through_walls_and_prefers_what_is_known() -> None:
    known = corridor(*((1, column) for column in range(1, 8)), (2, 7), (3, 7))
    before = known.hopeful((1, 1))
    assert next(iter(before.items())) == ((1, 1), (1, 1))
    assert set(before) == {(row, column) for row in range(1, 8) for column in range(1, 8)}
    assert trace(before, (3, 7)) == [*((1, column) for column in range(1, 8)), (2, 7), (3, 7)]
    assert trace(before, (3, 1)) == [(1, 1), (2, 1), (3, 1)]
    for column in range(1, 7):
        known.bumped((2, column))
    before = known.hopeful((1, 1))
    assert not any((2, column) in before for column in range(1, 7))
    way = trace(before, (3, 1))
    assert way is not None and (2, 7) in way


@pytest.mark.parametrize("seed", range(5))
def test_where_all_is_known_hope_finds_the_shortest_ways(seed: int) -> None:
    (labyrinth,) = random_labyrinths(1, 11, seed=seed)
    known = TeamMap(11)
    for cell in ((row, column) for row in range(11) for column in range(11)):
        known.look(cell, "wall" if cell in labyrinth.walls else "free")
    before = known.hopeful(labyrinth.start)
    for cell, steps in distances(11, labyrinth.walls, labyrinth.start).items():
        way = trace(before, cell)
        assert way is not None and len(way) == steps + 1
