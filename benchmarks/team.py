"""Remake the figures of the agent team: `python -m benchmarks.team [PART ...] [--quick]`.

The parts are teamwork, conditions, period, parallel, messages and minds; without names all of them run. Each prints
tables in Markdown; together they are `benchmarks/team.md`, and the first table there holds what was asked beside what
was measured.

All in test labyrinths of 15x15, the same ones in every run and for every team; the rules were tuned on others. A
failure counts as the cap of ticks. Shares and means have 95 % intervals over labyrinths, ratios of means the percentile
bootstrap's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from benchmarks.tables import Headlines, report, table, with_interval
from rlhf_core.agent_team import Events, MultiAgentSystem, Outcome, TeamConfig
from rlhf_core.checkpoints import load_maze_policy
from rlhf_core.evaluation import Interval
from rlhf_core.labyrinth import MOST_TICKS, Labyrinth, random_labyrinths
from rlhf_core.maze_language import Thought
from rlhf_core.navigation import ModelBackend
from rlhf_core.team_evaluation import baselines, play, run_seed, summarise, swapped, ticks_ratio
from rlhf_core.team_minds import WINDOW, ModelMind

SIZE, KILL_AT = 15, 10
ADAPTIVE = TeamConfig()
FIXED = replace(ADAPTIVE, adaptive=False)
LOST = Events(lost_at={"E1": KILL_AT})

ASKED = {
    "success of the adaptive team": "1.0",
    "its ticks over the sighted single's": "at most 0.75",
    "its ticks over the blind single's": "at most 0.35",
    "success of the adaptive team, its Explorer lost at tick 10": "at least 0.98",
    "success of the adaptive team, 30 % of messages lost, its Explorer lost at tick 10": "at least 0.95",
    "success of the adaptive team, sensor noise .1": "at least 0.95",
    "success of the adaptive team, 60 % of messages lost": "at least 0.95",
    "runs in which a swapped message changes a decision": "above 0",
    "the same with communication off": "0",
}


@dataclass(frozen=True)
class Effort:
    """How much is done for the figures."""

    teamwork_n: int = 200
    """Labyrinths in which the team stands beside others."""
    n: int = 100
    """Everywhere else."""


QUICK = Effort(teamwork_n=5, n=3)
"""Enough to see that every part runs."""


def places(n: int, size: int = SIZE) -> list[Labyrinth]:
    """n test labyrinths, the same ones in every run."""
    return random_labyrinths(n, size, seed=0, split="test")


def show(interval: Interval, digits: int = 3) -> str:
    """A figure with its interval."""
    if digits == 3:
        return with_interval(interval.rate, (interval.low, interval.high))
    return f"{interval.rate:.{digits}f} ({interval.low:.{digits}f} to {interval.high:.{digits}f})"


HEAD = ["team", "success", "ticks", "moves", "bumps", "messages", "words"]


def row(name: str, found: Sequence[Outcome]) -> list[object]:
    """The figures of some runs as a row of `HEAD`."""
    r = summarise(found)
    figures = [f"{value:.1f}" for value in (r.moves, r.bumps, r.messages, r.words)]
    return [name, show(r.success), show(r.ticks, 1), *figures]


def teamwork(effort: Effort) -> Headlines:
    """What is the team worth, and what is its talk?"""
    print(f"### Teamwork\n\nOne Explorer, one Planner, one Executor; {effort.teamwork_n} labyrinths, period 2, at")
    print(f"most {MOST_TICKS} ticks. Ratios are ticks of the adaptive team over another's.\n")
    labyrinths = places(effort.teamwork_n)
    team = play(labyrinths, ADAPTIVE)
    others = baselines(ADAPTIVE)
    found = {
        "adaptive": team,
        "fixed roles": play(labyrinths, FIXED),
        "sighted single": play(labyrinths, others["sighted"]),
        "blind single": play(labyrinths, others["blind"]),
        "adaptive, communication off": play(labyrinths, others["silent"]),
        "fixed roles, communication off": play(labyrinths, replace(FIXED, communication=False)),
    }
    ratios = {name: ticks_ratio(team, outcomes) for name, outcomes in found.items()}
    rows = [[*row(name, outcomes), show(ratios[name])] for name, outcomes in found.items()]
    table([*HEAD, "ratio"], rows)
    shortest = sum(labyrinth.shortest for labyrinth in labyrinths) / len(labyrinths)
    print(f"Who knew the labyrinth would need {2 * shortest:.1f} ticks with a load.\n")
    return {
        "success of the adaptive team": summarise(team).success.rate,
        "its ticks over the sighted single's": ratios["sighted single"].rate,
        "its ticks over the blind single's": ratios["blind single"].rate,
        "its ticks over those of the same team with communication off": ratios["adaptive, communication off"].rate,
    }


def conditions(effort: Effort) -> Headlines:
    """What if somebody is lost, messages are lost, eyes err?"""
    print(f"### Conditions\n\n{effort.n} labyrinths each. Lost members are lost at tick {KILL_AT}.\n")
    labyrinths = places(effort.n)
    adaptive: list[tuple[str, TeamConfig, Events]] = [
        (f"its Explorer lost at tick {KILL_AT}", ADAPTIVE, LOST),
        (f"30 % of messages lost, its Explorer lost at tick {KILL_AT}", replace(ADAPTIVE, loss=0.3), LOST),
        ("sensor noise .1", replace(ADAPTIVE, noise=0.1), Events()),
        ("60 % of messages lost", replace(ADAPTIVE, loss=0.6), Events()),
        ("its Planner lost", ADAPTIVE, Events(lost_at={"P1": KILL_AT})),
        ("its Executor lost", ADAPTIVE, Events(lost_at={"X1": KILL_AT})),
        ("30 % of messages lost, its Executor lost", replace(ADAPTIVE, loss=0.3), Events(lost_at={"X1": KILL_AT})),
        ("delay of 5 ticks", replace(ADAPTIVE, delay=5), Events()),
        ("12 words a tick", replace(ADAPTIVE, word_budget=12), Events()),
        ("loss .3, noise .1, delay 3, Explorer lost", replace(ADAPTIVE, loss=0.3, noise=0.1, delay=3), LOST),
    ]
    rows: list[list[object]] = []
    found: Headlines = {}
    for name, config, events in adaptive:
        ours = play(labyrinths, config, events=events)
        fixed = play(labyrinths, replace(config, adaptive=False), events=events)
        result, other = summarise(ours), summarise(fixed)
        figures = [show(result.success), show(result.ticks, 1), show(other.success), show(other.ticks, 1)]
        rows.append([name, *figures, f"{result.messages:.0f}", f"{result.words:.0f}"])
        if f"success of the adaptive team, {name}" in ASKED:
            found[f"success of the adaptive team, {name}"] = result.success.rate
    head = ["condition", "adaptive: success", "ticks", "fixed: success", "ticks", "messages", "words"]
    table(head, rows)
    return found


def period(effort: Effort) -> Headlines:
    """What if a load doesn't slow its carrier down?"""
    print(f"### Carry period\n\n{effort.n} labyrinths each. At period 1 a load costs no time.\n")
    labyrinths = places(effort.n)
    rows: list[list[object]] = []
    for carry in (1, 2, 3):
        config = replace(ADAPTIVE, carry_period=carry)
        team = play(labyrinths, config)
        for name, other in {"adaptive": config, **baselines(config)}.items():
            outcomes = team if other is config else play(labyrinths, other)
            r = summarise(outcomes)
            rows.append([carry, name, show(r.success), show(r.ticks, 1), show(ticks_ratio(team, outcomes))])
    table(["period", "team", "success", "ticks", "ratio"], rows)
    return {}


def parallel(effort: Effort) -> Headlines:
    """What do more Explorers add, and in larger labyrinths?"""
    print(f"### More Explorers\n\nThe adaptive team; {effort.n} labyrinths each.\n")
    rows: list[list[object]] = []
    for size in (15, 21):
        labyrinths = places(effort.n, size)
        for explorers in range(5):
            r = summarise(play(labyrinths, replace(ADAPTIVE, explorers=explorers)))
            costs = [f"{value:.1f}" for value in (r.moves, r.messages, r.words)]
            rows.append([f"{size}x{size}", explorers, show(r.success), show(r.ticks, 1), *costs])
    table(["labyrinths", "Explorers", "success", "ticks", "moves", "messages", "words"], rows)
    return {}


def messages(effort: Effort) -> Headlines:
    """Do messages matter? Swap one and see."""
    print(f"### Swapped messages\n\nIn each of {effort.n} labyrinths one message that arrives gets the words of")
    print("another of its kind from the same run. Changed: some decision afterwards differs; by the receiver: one of")
    print("the receiver's. Decisions: how many differ, of the runs in which any does.\n")
    labyrinths = places(effort.n)
    rows: list[list[object]] = []
    shares: dict[str, float] = {}
    for name, config in (("on", ADAPTIVE), ("off", replace(ADAPTIVE, communication=False))):
        for kinds in (("see",), ("path",), ("see", "path")):
            s = swapped(labyrinths, config, verbs=kinds)
            rows.append([name, " and ".join(kinds), s.n, show(s.changed), show(s.receiver), s.decisions])
            shares[name] = s.changed.rate
    table(["communication", "kind", "n", "changed", "by the receiver", "decisions"], rows)
    return {
        "runs in which a swapped message changes a decision": shares["on"],
        "the same with communication off": shares["off"],
    }


def minds(effort: Effort) -> Headlines:
    """What if the Planner or the Executor is the language model?"""
    print("### Minds\n\nThe Planner's ways or the Executor's steps come from the policies of the mazes that ship, in a")
    print(f"window of {WINDOW}x{WINDOW}; {effort.n} labyrinths, fixed roles. Decisions: of the model, a run.\n")
    labyrinths = places(effort.n)
    rows: list[list[object]] = [["rules", "-", *row("", play(labyrinths, FIXED))[1:], "-", "-"]]
    pairs: list[tuple[str, Thought]] = [
        ("P1", "wave"), ("P1", "path"), ("X1", "wave"), ("X1", "path"), ("X1", "none")
    ]  # fmt: skip
    for name, thought in pairs:
        backend = ModelBackend(load_maze_policy(thought), thought)
        outcomes: list[Outcome] = []
        decisions, began = 0, time.process_time()
        for i, labyrinth in enumerate(labyrinths):
            mind = ModelMind(backend)
            one = {name: mind.planner() if name == "P1" else mind.executor()}
            outcomes.append(MultiAgentSystem(labyrinth, FIXED, seed=run_seed(0, i), minds=one).collaborate())
            decisions += len(mind.decisions)
        took = (time.process_time() - began) / len(labyrinths)
        who = "Planner" if name == "P1" else "Executor"
        rows.append([who, thought, *row("", outcomes)[1:], f"{decisions / len(labyrinths):.1f}", f"{took:.2f}"])
    table(["who", "thought", *HEAD[1:], "decisions", "CPU s a run"], rows)
    return {}


PARTS: dict[str, Callable[[Effort], Headlines]] = {
    "teamwork": teamwork,
    "conditions": conditions,
    "period": period,
    "parallel": parallel,
    "messages": messages,
    "minds": minds,
}


def main() -> None:
    """Run the parts that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--quick", action="store_true", help="few labyrinths: to see that it runs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    effort = QUICK if arguments.quick else Effort()
    chosen = [(name, partial(PARTS[name], effort)) for name in arguments.parts or PARTS]
    report("Figures of the agent team", "python -m benchmarks.team", ASKED, chosen)


if __name__ == "__main__":
    main()
