"""What is teamwork worth? The team beside the team that can't talk and single agents, in the same labyrinths.

Success and ticks of every run count, a failure as the cap of ticks; intervals are over labyrinths. Whether messages
matter is measured by intervention: one is swapped for another, and the decisions after it are looked at.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from rlhf_core.agent_team import BLIND, SIGHTED, Events, MultiAgentSystem, Outcome, TeamConfig, changed_decisions
from rlhf_core.evaluation import Interval, mean_interval, wilson_interval
from rlhf_core.labyrinth import Labyrinth
from rlhf_core.team_members import Mind

MAKE_MINDS = Callable[[], Mapping[str, Mind]]
"""Makes the minds of one run: what a mind remembers is of one run alone."""


def baselines(config: TeamConfig) -> dict[str, TeamConfig]:
    """Who stands beside a team: the single agent that feels, the one that sees, and the same team without messages.
    Loads are as heavy, eyes as good and time as short for all."""
    same = {name: getattr(config, name) for name in ("noise", "radius", "carry_period", "max_ticks", "executors")}
    return {
        "blind": replace(BLIND, **same),
        "sighted": replace(SIGHTED, **same),
        "silent": replace(config, communication=False),
    }


def play(
    labyrinths: Sequence[Labyrinth],
    config: TeamConfig,
    *,
    seed: int = 0,
    events: Events | None = None,
    minds: MAKE_MINDS = dict,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Outcome]:
    """Let a team escape from every labyrinth. Events that name a member whom the team has not are left out, so that a
    single agent can stand beside a team that loses somebody."""
    found: list[Outcome] = []
    events, there = events or Events(), config.roster
    happening = replace(
        events,
        lost_at={name: tick for name, tick in (events.lost_at or {}).items() if name in there},
        forgeries=tuple(forged for forged in events.forgeries if {forged.sender, forged.receiver} <= there.keys()),
    )
    for i, labyrinth in enumerate(labyrinths):
        progress(i / len(labyrinths))
        team = MultiAgentSystem(labyrinth, config, seed=run_seed(seed, i), minds=minds(), events=happening)
        found.append(team.collaborate())
    progress(1.0)
    return found


def run_seed(seed: int, place: int) -> int:
    """The seed of the run in the labyrinth at a place of a list."""
    return 1_000_003 * seed + place


@dataclass(frozen=True)
class TeamResult:
    """What a team did in a set of labyrinths, with 95 % intervals over them."""

    n: int
    success: Interval
    ticks: Interval
    """A failure counts as the cap."""
    moves: float
    bumps: float
    messages: float
    words: float


def summarise(found: Sequence[Outcome]) -> TeamResult:
    """The figures of some runs."""
    return TeamResult(
        len(found),
        _share([outcome.success for outcome in found]),
        _mean_ticks([outcome.ticks for outcome in found]),
        *(
            statistics.fmean(getattr(outcome, name) for outcome in found)
            for name in ("moves", "bumps", "messages", "words")
        ),
    )


def _share(values: Sequence[bool]) -> Interval:
    return Interval(sum(values) / max(1, len(values)), *wilson_interval(sum(values), len(values)), len(values))


def _mean_ticks(ticks: Sequence[int]) -> Interval:
    most = max(ticks)
    share = mean_interval(torch.tensor(ticks, dtype=torch.float64) / most)
    return Interval(most * share.rate, most * share.low, most * share.high, share.n)


RESAMPLES = 2000


def ticks_ratio(team: Sequence[Outcome], other: Sequence[Outcome]) -> Interval:
    """Mean ticks of a team over those of another in the same labyrinths, with the percentile bootstrap's 95 % interval
    (Efron, 1979), whose resamples draw labyrinths."""
    ours, theirs = (torch.tensor([float(o.ticks) for o in found]) for found in (team, other))
    n = len(ours)
    draws = torch.randint(n, (RESAMPLES, n), generator=torch.Generator().manual_seed(0))
    ratios = ours[draws].mean(1) / theirs[draws].mean(1)
    low, high = (float(q) for q in torch.quantile(ratios, torch.tensor([0.025, 0.975])))
    return Interval(float(ours.mean() / theirs.mean()), low, high, n)


@dataclass(frozen=True)
class Swaps:
    """What swapping one message of a run for another did."""

    n: int
    changed: Interval
    """Share of the runs in which some later decision was another one."""
    receiver: Interval
    """Share in which one of the receiver's was."""
    decisions: float
    """How many decisions were others, a run in which any was."""


def swapped(
    labyrinths: Sequence[Labyrinth], config: TeamConfig, *, seed: int = 0, verbs: Sequence[str] = ("see", "path")
) -> Swaps:
    """In every labyrinth, give one message that arrives, drawn at random, the words of another of the same kind and
    run. With communication off the same messages are swapped: those that would have been sent had it been on."""
    any_, receivers, counts = list[bool](), list[bool](), list[int]()
    for i, labyrinth in enumerate(labyrinths):
        rng = random.Random(f"{seed} {i}")
        talking = MultiAgentSystem(labyrinth, replace(config, communication=True), seed=run_seed(seed, i))
        talking.collaborate()
        said = [m for m in talking.channel.sent if m.arrives is not None and m.verb in verbs]
        pairs = [(a, b) for a in said for b in said if a.verb == b.verb and a.words != b.words]
        if not pairs:
            continue
        message, other = rng.choice(pairs)
        runs = [
            MultiAgentSystem(labyrinth, config, seed=run_seed(seed, i), events=Events(changes=changes))
            for changes in ({}, {message.name: other.words})
        ]
        for run in runs:
            run.collaborate()
        changes = changed_decisions(runs[0].records, runs[1].records)
        any_.append(bool(changes) or len(runs[0].records) != len(runs[1].records))
        receivers.append(any(change.member == message.receiver for change in changes))
        if changes:
            counts.append(len(changes))
    return Swaps(len(any_), _share(any_), _share(receivers), statistics.fmean(counts) if counts else 0.0)
