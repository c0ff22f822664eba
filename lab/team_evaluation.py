"""The team beside single agents and the team that can't talk, for the page: in labyrinths of the validation split."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from lab.errands import Errands, Progress
from lab.store import Store
from lab.team import RULES, Settings, minds_of
from rlhf_core.agent_team import Events, TeamConfig
from rlhf_core.labyrinth import random_labyrinths
from rlhf_core.team_evaluation import baselines, play, summarise, ticks_ratio

NAME = "team_evaluation"
EXPLORERS = range(5)
"""Of the team, for the curve of ticks against their number."""
TEAM = "team"


@dataclass(frozen=True, kw_only=True)
class TeamExam:
    """What is measured."""

    settings: Settings
    """Of the team; its seed names the runs' random choices, not the labyrinths."""
    n: int = 50
    lost_at: int | None = None
    """The tick in which E1 is lost; None if it is not."""


def send(errands: Errands, store: Store, lab_id: int, exam: TeamExam) -> None:
    """Measure in the background, and keep for a lab what comes of it."""
    errands.start(
        lab_id, NAME, lambda progress: measure(store, exam, progress), lambda found: keep(store, lab_id, exam, found)
    )


def measure(store: Store, exam: TeamExam, progress: Progress) -> dict[str, Any]:
    """Plain values: "rows", one a team with its "who", the fields of `TeamResult` and, for all but the team, "ratio":
    the team's ticks over its own. "explorers": the same by the number of explorers, with rules for minds."""
    s = exam.settings
    labyrinths = random_labyrinths(exam.n, s.size, seed=0, split="validation")
    events = None if exam.lost_at is None else Events(lost_at={"E1": exam.lost_at})
    teams: list[tuple[str, TeamConfig, Settings]] = [(TEAM, s.config, s)]
    teams += [(name, config, replace(s, config=config)) for name, config in baselines(s.config).items()]
    plain = replace(s, planner_mind=RULES, executor_mind=RULES)
    teams += [(str(n), replace(s.config, explorers=n), plain) for n in EXPLORERS]
    found: list[dict[str, Any]] = []
    whole = None
    for i, (who, config, own) in enumerate(teams):
        played = play(
            labyrinths, config, seed=s.seed, events=events, minds=lambda own=own: minds_of(store, own),
            progress=lambda share, i=i, who=who: progress((i + share) / len(teams), who),
        )  # fmt: skip
        whole = whole or played
        row: dict[str, Any] = {"who": who, **asdict(summarise(played))}
        if who != TEAM:
            row["ratio"] = asdict(ticks_ratio(whole, played))
        found.append(row)
    curve = len(teams) - len(EXPLORERS)
    return {"rows": found[:curve], "explorers": found[curve:]}


def keep(store: Store, lab_id: int, exam: TeamExam, found: dict[str, Any]) -> None:
    """Keep what was measured for a lab."""
    store.keep(lab_id, NAME, {"exam": asdict(exam), **found})


def kept(store: Store, lab_id: int) -> tuple[TeamExam, dict[str, Any]] | None:
    """What was measured last, and on what; None if nothing, or by another version."""
    value = store.kept(lab_id, NAME)
    try:
        exam = value["exam"]
        settings = {**exam["settings"], "config": TeamConfig(**exam["settings"]["config"])}
        known = TeamExam(**{**exam, "settings": Settings(**settings)})
        return known, {"rows": value["rows"], "explorers": value["explorers"]}
    except (KeyError, TypeError, ValueError):
        return None
