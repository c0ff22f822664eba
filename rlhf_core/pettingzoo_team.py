"""`TeamWorld` as a parallel environment of PettingZoo (Terry et al., 2021), for whoever has that package.

Nothing else here needs it, so it is imported when it is asked for. Of each member an observation holds

- `position`: row and column; `carrying` and `bumped`: 0 or 1;
- `view`: what it sees, a square of 2 radius + 1 cells a side round it, each the place of what is there in `LOOKS`.

What members say to each other is the matter of whoever plays them; the environment carries no messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from rlhf_core.labyrinth import (
    ACTIONS,
    CARRY_PERIOD,
    LARGEST,
    MOST_TICKS,
    RADIUS,
    Kind,
    Labyrinth,
    Sight,
    TeamWorld,
)

if TYPE_CHECKING:
    import pettingzoo

LOOKS: tuple[str, ...] = ("not seen", *get_args(Kind))
"""What a cell of the view can be: a cell outside the labyrinth is not seen, nor is any by whoever does not look."""


def pettingzoo_env(
    labyrinth: Labyrinth | None = None,
    *,
    members: Sequence[str] = ("scout", "carrier"),
    carriers: Sequence[str] = ("carrier",),
    size: int = 15,
    radius: int = RADIUS,
    carry_period: int = CARRY_PERIOD,
    noise: float = 0.0,
    sighted_carriers: bool = False,
    lost_at: Mapping[str, int] | None = None,
    max_ticks: int = MOST_TICKS,
    seed: int = 0,
) -> pettingzoo.ParallelEnv[str, dict[str, Any], int]:
    """A parallel environment whose observations the head of this file describes and whose action is the place of one in
    `ACTIONS`.

    The arguments are those of `TeamWorld`, and so are the options of `reset`. ModuleNotFoundError without PettingZoo.
    """
    try:
        import gymnasium
        import numpy
        import pettingzoo
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("PettingZoo is not installed; run `pip install pettingzoo`.") from error

    world = TeamWorld(
        labyrinth, members=members, carriers=carriers, size=size, radius=radius, carry_period=carry_period, noise=noise,
        sighted_carriers=sighted_carriers, lost_at=lost_at, max_ticks=max_ticks, seed=seed,
    )  # fmt: skip
    side, spaces = 2 * radius + 1, gymnasium.spaces

    def encoded(sight: Sight) -> dict[str, Any]:
        view = numpy.zeros((side, side), numpy.int8)
        for (row, column), kind in sight.cells.items():
            view[row - sight.position[0] + radius, column - sight.position[1] + radius] = LOOKS.index(kind)
        return {
            "position": numpy.array(sight.position),
            "carrying": int(sight.carrying),
            "bumped": int(sight.bumped is not None),
            "view": view,
        }

    class PettingZooTeam(pettingzoo.ParallelEnv[str, dict[str, Any], int]):
        metadata = {"name": "labyrinth_team", "render_modes": []}  # noqa: RUF012 (PettingZoo's own declaration)

        def __init__(self) -> None:
            self.world, self.possible_agents = world, list(world.possible_agents)
            self.observation_spaces = {
                name: spaces.Dict({
                    "position": spaces.MultiDiscrete([LARGEST, LARGEST]),
                    "carrying": spaces.Discrete(2),
                    "bumped": spaces.Discrete(2),
                    "view": spaces.Box(0, len(LOOKS) - 1, (side, side), numpy.int8),
                })
                for name in self.possible_agents
            }  # fmt: skip
            self.action_spaces = {name: spaces.Discrete(len(ACTIONS)) for name in self.possible_agents}  # pyright: ignore[reportAttributeAccessIssue]

        @property
        def agents(self) -> list[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
            return list(self.world.agents)

        def observation_space(self, agent: str) -> Any:
            return self.observation_spaces[agent]

        def action_space(self, agent: str) -> Any:
            return self.action_spaces[agent]

        def reset(
            self, seed: int | None = None, options: dict[str, Any] | None = None
        ) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
            sights, infos = self.world.reset(seed=seed, options=options)
            return {name: encoded(sight) for name, sight in sights.items()}, infos

        def step(self, actions: Mapping[str, int]) -> Any:
            found = self.world.step({name: ACTIONS[action] for name, action in actions.items()})
            return {name: encoded(sight) for name, sight in found.observations.items()}, *found[1:]

    return PettingZooTeam()
