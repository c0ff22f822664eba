"""What a lab has at each stage: how far it is, and its best figure. Everything is read from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lab import (
    cloning,
    forecasts,
    maze_evaluation,
    mazes,
    models,
    navigation_ppo,
    ppo,
    reward,
    reward_training,
    rlaif,
    sl_cai,
    team,
    team_evaluation,
    walking,
)
from lab.reward import CurvePoint
from lab.store import UNFINISHED, Lab, Run, Store
from rlhf_core.evaluation import Interval, wilson_interval

State = Literal["none", "going", "done"]
"""Of a stage: not begun, under way, done."""
TRAINS = {
    "reward": (reward_training.STAGE,),
    "ppo": (ppo.STAGE,),
    "constitution": (sl_cai.STAGE, rlaif.STAGE),
    "navigation": (cloning.STAGE, navigation_ppo.STAGE),
}
"""The parts of the map that train, each with the stages of its runs."""
ENOUGH_LABELS = 20
"""With this many labels a reward model is worth training on."""


@dataclass(frozen=True)
class Figure:
    """A share that a run reached."""

    run: Run
    share: Interval


@dataclass(frozen=True)
class MazeFigure:
    """The share of held-out mazes in which a language model arrived, and which model of those that were measured."""

    who: str
    size: int
    success: Interval


@dataclass(frozen=True)
class TeamFigure:
    """The share of held-out labyrinths from which the team escaped, and the mean ticks, a failure counting as the
    cap."""

    success: Interval
    ticks: float


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The lab as its map shows it. Labels and runs of dialogue are those in the language that the model speaks."""

    language: str
    parameters: int
    words: int
    human: int
    simulated: int
    learnt: CurvePoint | None
    """How good the reward model is now; None without labels that teach it."""
    foreseen: Interval | None
    """The share of choices that it foresaw."""
    runs: Mapping[str, Run]
    """The newest run of each stage of training that has one."""
    ppo_steps: Sequence[Mapping[str, Any]]
    """What each step of the newest PPO run measured."""
    best: Figure | None
    """The best win rate that any PPO run was measured to have."""
    conduct: Mapping[str, Any] | None
    """The latest measure of help and harm of the newest run by the constitution."""
    maze: MazeFigure | None
    """The best language model in the last table of trials."""
    team: TeamFigure | None
    """The team in its last comparison."""
    begun: frozenset[str]
    """What a page was left with: "walk" and "team"."""
    deeds: Mapping[str, datetime]
    forecast_at: datetime | None
    live: bool
    """Whether any run of the lab goes on."""

    @property
    def labels(self) -> int:
        return self.human + self.simulated

    @property
    def states(self) -> dict[str, State]:
        """How far each stage of the map is."""
        walked, escaped = "walked" in self.deeds, "escaped" in self.deeds
        return {
            "model": "done",
            "labels": _state(self.labels > 0, self.labels >= ENOUGH_LABELS),
            "reward": _state(self.learnt is not None, self.learnt is not None and self.labels >= ENOUGH_LABELS),
            "ppo": self._of_runs("ppo"),
            "constitution": self._of_runs("constitution"),
            "navigation": self._of_runs("navigation", begun="walk" in self.begun, done=walked or self.maze is not None),
            "team": _state("team" in self.begun, escaped or self.team is not None),
            "outlook": _state(False, self.forecast_at is not None),
        }

    def newest(self, part: str) -> Run | None:
        """The newest run of a part of the map that trains."""
        return _newest_of(part, self.runs)

    def going(self, part: str) -> Run | None:
        """Likewise one that runs, waits or is paused; of each stage only the newest is looked at."""
        return _newest_of(part, {stage: run for stage, run in self.runs.items() if _open(run)})

    def _of_runs(self, part: str, begun: bool = False, done: bool = False) -> State:
        if self.going(part):
            return "going"
        ended = any(run.step for stage in TRAINS[part] if (run := self.runs.get(stage)))
        return _state(begun or self.newest(part) is not None, done or ended)


def read(store: Store, lab: Lab) -> Overview:
    """The lab as it is now."""
    assets, counts = models.assets(lab.language), reward.counts(store, lab)
    every = store.runs(lab.id)
    runs = _newest(every, lab.language)
    points, forecast = reward.curve(store, lab), forecasts.own(store, lab)
    return Overview(
        language=lab.language,
        parameters=assets.model.parameter_count,
        words=len(assets.grammar.words),
        human=counts["human"],
        simulated=counts["simulated"],
        learnt=points[-1] if points else None,
        foreseen=_foreseen(points),
        runs=runs,
        ppo_steps=store.metrics(runs[ppo.STAGE].id) if ppo.STAGE in runs else [],
        best=_best(store, lab, every),
        conduct=_conduct(store, runs),
        maze=_maze(store, lab.id),
        team=_team(store, lab.id),
        begun=frozenset(name for name in (walking.NAME, team.NAME) if store.kept(lab.id, name) is not None),
        deeds=store.deeds(lab.id),
        forecast_at=forecast and forecast.at,
        live=any(run.status in UNFINISHED for run in every),
    )


def _state(begun: bool, done: bool) -> State:
    return "done" if done else "going" if begun else "none"


def _open(run: Run) -> bool:
    return run.status in (*UNFINISHED, "paused")


def _newest(runs: Sequence[Run], language: str) -> dict[str, Run]:
    """The first of each stage among runs, newest first; mazes are walked through in every language."""
    found: dict[str, Run] = {}
    for run in runs:
        if run.inputs["language"] == language or run.stage in (mazes.CLONING, mazes.NAVIGATION):
            found.setdefault(run.stage, run)
    return found


def _foreseen(points: Sequence[CurvePoint]) -> Interval | None:
    if not points or points[-1].own_accuracy is None:
        return None
    rate, n = points[-1].own_accuracy, points[-1].own_n
    return Interval(rate, *wilson_interval(rate * n, n), n)


def _best(store: Store, lab: Lab, runs: Sequence[Run]) -> Figure | None:
    known = {run.id: run for run in runs if run.inputs["language"] == lab.language}
    steps = [step for step in store.measured(lab.id, ppo.STAGE, "win_rate") if step.run_id in known]
    if not steps:
        return None
    best = max(steps, key=lambda step: step.metrics["win_rate"])
    names = ("win_rate", "win_rate_low", "win_rate_high", "win_rate_n")
    return Figure(known[best.run_id], Interval(*(best.metrics[name] for name in names)))


def _newest_of(part: str, runs: Mapping[str, Run]) -> Run | None:
    found = [runs[stage] for stage in TRAINS[part] if stage in runs]
    return max(found, key=lambda run: run.id, default=None)


def _conduct(store: Store, runs: Mapping[str, Run]) -> Mapping[str, Any] | None:
    run = _newest_of("constitution", runs)
    measured = [row for row in store.metrics(run.id) if row.get("help_n")] if run else []
    return measured[-1] if measured else None


def _maze(store: Store, lab_id: int) -> MazeFigure | None:
    found = maze_evaluation.kept(store, lab_id)
    exam, rows = found if found else (None, [])
    rows = [row for row in rows if row["who"] not in walking.BASELINES]
    if exam is None or not rows:
        return None
    best = max(rows, key=lambda row: row["success"]["rate"])
    return MazeFigure(best["who"], exam.size, Interval(**best["success"]))


def _team(store: Store, lab_id: int) -> TeamFigure | None:
    if (found := team_evaluation.kept(store, lab_id)) is None:
        return None
    row = found[1]["rows"][0]
    return TeamFigure(Interval(**row["success"]), row["ticks"]["rate"])
