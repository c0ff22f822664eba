"""`GridWorld` as an environment of Gymnasium (Towers et al., 2024), for whoever has that package.

Nothing else here needs it, so it is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from rlhf_core.gridworld import LARGEST, MOVES, Cell, GridWorld, Maze, State
from rlhf_core.maze_language import CELLS, SIZES, WORDS, Reading, state_words

if TYPE_CHECKING:
    import gymnasium

LETTERS = frozenset(" ".join([*SIZES, *WORDS["en"], *CELLS]))
"""All characters of a state's text."""
LONGEST_TEXT = len(f"{LARGEST}x{LARGEST} wall goal (0,0) at (0,0)") + (LARGEST**2 - 2) * len(" (0,0)")
"""Characters of the longest state: every cell but the agent's and the goal's a wall that is seen."""


def text_of(state: State) -> str:
    """A state in the English words of `maze_language`, bumps left out: who wants them remembers them."""
    return " ".join(state_words(Reading(state.size, state.position, state.goal, state.walls)))


def gymnasium_env(
    maze: Maze | None = None,
    *,
    size: int = 6,
    hidden: AbstractSet[Cell] | float = 0.0,
    view: int | None = None,
    max_steps: int | None = None,
    seed: int = 0,
) -> gymnasium.Env[str, int]:
    """An environment whose observation is the state's text and whose action is the place of a move in `MOVES`.

    The arguments are those of `GridWorld`, and so are the options of `reset`. ModuleNotFoundError without Gymnasium.
    """
    try:
        import gymnasium
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("Gymnasium is not installed; run `pip install gymnasium`.") from error

    class GymnasiumMaze(gymnasium.Env[str, int]):
        def __init__(self, world: GridWorld) -> None:
            self.world, self.moves = world, tuple(MOVES)
            self.action_space = gymnasium.spaces.Discrete(len(MOVES))  # pyright: ignore[reportAttributeAccessIssue]
            self.observation_space = gymnasium.spaces.Text(LONGEST_TEXT, charset=LETTERS)

        def reset(
            self, *, seed: int | None = None, options: dict[str, Any] | None = None
        ) -> tuple[str, dict[str, Any]]:
            super().reset(seed=seed)
            state, info = self.world.reset(seed=seed, options=options)
            return text_of(state), info

        def step(self, action: int) -> tuple[str, float, bool, bool, dict[str, Any]]:
            found = self.world.step(self.moves[action])
            return text_of(found.state), found.reward, found.terminated, found.truncated, found.info

    return GymnasiumMaze(GridWorld(maze, size=size, hidden=hidden, view=view, max_steps=max_steps, seed=seed))
