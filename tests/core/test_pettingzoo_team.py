"""The team's world as PettingZoo has it, checked by PettingZoo's own tests."""

import random
import sys
import warnings
from typing import Any

import pytest

from rlhf_core.gridworld import neighbour
from rlhf_core.labyrinth import ACTIONS, LARGEST, LOOK, STAY, Labyrinth, TeamWorld, outer_wall
from rlhf_core.pettingzoo_team import LOOKS, pettingzoo_env

TEAM = {"members": ("P1", "E1", "X1", "X2"), "carriers": ("X1", "X2")}


def test_pettingzoos_own_tests_have_nothing_to_say() -> None:
    pytest.importorskip("pettingzoo")
    from pettingzoo.test import parallel_api_test, parallel_seed_test

    kinds: list[dict[str, Any]] = [
        {"size": 9, "max_ticks": 60},
        {"size": LARGEST, "radius": 1, "noise": 0.3, "max_ticks": 30, **TEAM},
        {"size": 9, "max_ticks": 40, "lost_at": {"E1": 0, "X1": 7, "X2": 7}, "sighted_carriers": True, **TEAM},
        {"size": 9, "max_ticks": 40, "lost_at": {"scout": 3, "carrier": 9}},
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in kinds:
            parallel_api_test(pettingzoo_env(**kind), num_cycles=100)
            parallel_seed_test(lambda kind=kind: pettingzoo_env(**kind), num_cycles=60)


def test_it_moves_as_the_world_does_and_every_observation_is_in_its_space() -> None:
    pytest.importorskip("pettingzoo")
    kind: dict[str, Any] = {
        "size": 9, "radius": 3, "noise": 0.2, "carry_period": 1, "max_ticks": 300, "lost_at": {"X2": 20}, **TEAM
    }  # fmt: skip
    env, world, rng = pettingzoo_env(**kind), TeamWorld(**kind), random.Random(0)
    looks = set[int]()
    for seed in range(3):
        env.reset(seed=seed)
        world.reset(seed=seed)
        while not world.over:
            assert env.agents == world.agents
            actions = {name: rng.randrange(len(ACTIONS)) for name in world.agents}
            there = world.step({name: ACTIONS[action] for name, action in actions.items()})
            found = env.step(actions)
            assert found[1:] == tuple(there[1:])
            for name, sight in there.observations.items():
                seen = found[0][name]
                assert seen in env.observation_space(name)
                assert tuple(seen["position"]) == sight.position
                assert (seen["carrying"], seen["bumped"]) == (sight.carrying, sight.bumped is not None)
                for row in range(7):
                    for column in range(7):
                        cell = (sight.position[0] + row - 3, sight.position[1] + column - 3)
                        assert LOOKS[seen["view"][row, column]] == sight.cells.get(cell, "not seen")
                looks |= set(seen["view"].flat)
        assert env.agents == []
    assert looks == set(range(len(LOOKS)))  # all that can be seen was, loads of the lost carrier too


def test_the_view_is_a_square_round_the_member() -> None:
    pytest.importorskip("pettingzoo")
    walls = outer_wall(9) | {(2, 1)}
    env = pettingzoo_env(Labyrinth(9, walls, (1, 1), (7, 7)), radius=1)
    free, wall = LOOKS.index("free"), LOOKS.index("wall")
    around = [[wall, wall, wall], [wall, free, free], [wall, wall, free]]
    start, _ = env.reset()
    looked = env.step({"scout": ACTIONS.index(LOOK), "carrier": ACTIONS.index(STAY)})[0]
    for found in (start, looked):
        assert found["scout"]["view"].tolist() == around
        assert not found["carrier"]["view"].any()
    stood = env.step({"scout": ACTIONS.index(STAY), "carrier": ACTIONS.index(STAY)})[0]
    assert not stood["scout"]["view"].any()
    found, _, _, _, infos = env.step({"scout": ACTIONS.index("move_down"), "carrier": ACTIONS.index(STAY)})
    assert found["scout"]["bumped"] == 1 and infos["scout"]["bumped"] and neighbour((1, 1), "move_down") in walls


def test_without_pettingzoo_the_module_is_there_and_the_call_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    with pytest.raises(ModuleNotFoundError, match="pip install pettingzoo"):
        pettingzoo_env()
