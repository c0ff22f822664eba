"""The environment as Gymnasium has it, checked by Gymnasium's own checker."""

import random
import sys
import warnings
from typing import Any

import pytest

from rlhf_core.gridworld import EXAMPLES, LARGEST, MOVES, GridWorld, Maze, State, random_maze
from rlhf_core.gymnasium_maze import gymnasium_env, text_of


def test_gymnasiums_checker_has_nothing_to_say() -> None:
    pytest.importorskip("gymnasium")
    from gymnasium.utils.env_checker import check_env

    wall = EXAMPLES["wall"]
    kinds: list[dict[str, Any]] = [
        {"maze": wall},
        {"maze": wall, "hidden": wall.walls, "view": 1},
        {"size": 5},
        {"size": LARGEST, "hidden": 0.5, "view": 2, "max_steps": 7},
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in kinds:
            check_env(gymnasium_env(**kind), skip_render_check=True)  # it draws nothing


def test_it_walks_as_the_world_does() -> None:
    pytest.importorskip("gymnasium")
    env, world, rng = gymnasium_env(size=6, hidden=0.5, view=2), GridWorld(size=6, hidden=0.5, view=2), random.Random(0)
    assert env.action_space.n == 4  # type: ignore[attr-defined]
    for seed in range(5):
        text, _ = env.reset(seed=seed)
        assert text == text_of(world.reset(seed=seed)[0])
        while not world.over:
            action = rng.randrange(4)
            there = world.step(list(MOVES)[action])
            assert env.step(action) == (text_of(there.state), *there[1:])


def test_the_observation_is_the_text_of_what_is_seen() -> None:
    pytest.importorskip("gymnasium")
    env = gymnasium_env(EXAMPLES["wall"], hidden={(3, 2)}, view=1)
    assert env.reset()[0] == "6x6 wall (1,2) (2,2) goal (2,4) at (2,1)"
    text, reward, terminated, truncated, info = env.step(list(MOVES).index("move_down"))
    assert text == "6x6 wall (2,2) goal (2,4) at (3,1)" and (reward, terminated, truncated) == (-0.1, False, False)
    assert env.step(list(MOVES).index("move_right"))[4]["bumped"] and not info["bumped"]
    assert env.reset(options={"maze": EXAMPLES["far"]})[0] == "8x8 goal (7,7) at (0,0)"


def test_the_space_holds_every_state_and_no_longer_one() -> None:
    pytest.importorskip("gymnasium")
    space = gymnasium_env().observation_space
    cells = frozenset((r, c) for r in range(LARGEST) for c in range(LARGEST))
    longest = text_of(State(LARGEST, (9, 8), (9, 9), cells - {(9, 8), (9, 9)}))
    assert longest in space and longest + " " not in space
    rng = random.Random(1)
    for size in range(5, LARGEST + 1):
        assert text_of(GridWorld(random_maze(rng, size)).state) in space


def test_without_gymnasium_the_module_is_there_and_the_call_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ModuleNotFoundError, match="pip install gymnasium"):
        gymnasium_env(Maze(5, frozenset(), (0, 0), (1, 1)))
