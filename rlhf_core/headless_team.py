"""The stage of the team without a browser: it escapes from labyrinths, and the report says how well, beside others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from rlhf_core.agent_team import Events, MultiAgentSystem, TeamConfig
from rlhf_core.checkpoints import THINKING, load_maze_policy
from rlhf_core.headless import Progress, Report
from rlhf_core.headless_navigation import limits
from rlhf_core.labyrinth import random_labyrinths
from rlhf_core.navigation import ModelBackend
from rlhf_core.team_evaluation import MAKE_MINDS, TeamResult, baselines, play, run_seed, summarise, ticks_ratio
from rlhf_core.team_members import Mind
from rlhf_core.team_messages import words_in
from rlhf_core.team_minds import ModelMind

DEFAULT_SIZE, DEFAULT_COUNT, MOST = 15, 100, 2000
MINDS = ("rules", "planner", "executor")
SAMPLES = 12


@dataclass(frozen=True, kw_only=True)
class Team:
    """Who escapes, from what, and what happens to them."""

    config: TeamConfig
    seed: int = 0
    language: str = "en"
    size: int = DEFAULT_SIZE
    count: int = DEFAULT_COUNT
    kill_at: int | None = None
    """The tick in which the first Explorer is lost."""
    mind: str = "rules"
    """Whose ways come from the language model: nobody's ("rules"), the Planners' or the Executors'."""
    baselines: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST:
            raise ValueError(f"The number of labyrinths must lie between 1 and {MOST}, not {self.count}.")
        if self.kill_at is not None and not (self.kill_at >= 0 and self.config.explorers):
            raise ValueError(
                f"--kill-at takes the first Explorer at a tick from 0 on; it is {self.kill_at}, with "
                f"{self.config.explorers} Explorers."
            )
        if self.mind == "planner" and not self.config.planners:
            raise ValueError("--mind planner needs a Planner; give --planners 1.")


def team(options: Team, progress: Progress) -> Report:
    """Let a team escape from every labyrinth, and whoever stands beside it if that is asked for."""
    labyrinths = random_labyrinths(options.count, options.size, seed=options.seed, split="test")
    config = options.config
    events = Events(lost_at={} if options.kill_at is None else {"E1": options.kill_at})
    others = baselines(config) if options.baselines else {}
    steps = 1 + len(others)
    found = play(
        labyrinths, config, seed=options.seed, events=events, minds=minds(options),
        progress=lambda share: progress(share / steps, "the team"),
    )  # fmt: skip
    report: Report = {
        **{field.name: getattr(config, field.name) for field in fields(config) if field.name != "adaptive"},
        "roles": "adaptive" if config.adaptive else "fixed",
        "kill_at": options.kill_at,
        "mind": options.mind,
        "size": options.size,
        **figures(summarise(found)),
    }
    if options.baselines:
        report["baselines"] = {}
        for i, (name, other) in enumerate(others.items(), 1):
            def told(share: float, done: int = i, name: str = name) -> None:
                progress((done + share) / steps, name)

            theirs = play(labyrinths, other, seed=options.seed, events=events, progress=told)
            ratio = ticks_ratio(found, theirs)
            report["baselines"][name] = {
                **figures(summarise(theirs)),
                "ticks_ratio": ratio.rate,
                "ticks_ratio_interval": limits(ratio),
            }
    report["samples"] = sample(MultiAgentSystem(
        labyrinths[0], config, seed=run_seed(options.seed, 0), minds=minds(options)(), events=events
    ), options.language)  # fmt: skip
    progress(1.0, f"{options.count} labyrinths")
    return report


def minds(options: Team) -> MAKE_MINDS:
    """The minds of a run; the shipped thinking policy is loaded once."""
    if options.mind == "rules":
        return dict
    backend = ModelBackend(load_maze_policy(THINKING), THINKING)

    def make() -> Mapping[str, Mind]:
        names = [name for name, role in options.config.roster.items() if role == options.mind]
        return {
            name: ModelMind(backend).planner() if options.mind == "planner" else ModelMind(backend).executor()
            for name in names
        }

    return make


def figures(result: TeamResult) -> Report:
    return {
        "n": result.n,
        "success": result.success.rate,
        "success_interval": limits(result.success),
        "ticks": result.ticks.rate,
        "ticks_interval": limits(result.ticks),
        "moves": result.moves,
        "bumps": result.bumps,
        "messages": result.messages,
        "words": result.words,
    }


def sample(team: MultiAgentSystem, language: str) -> list[str]:
    """The first messages of a run, as they were written."""
    team.collaborate()
    return [
        f"{message.tick:>3}  {message.sender} -> {message.receiver}  {words_in(language, message.words)}"
        for message in team.channel.sent[:SAMPLES]
    ]
