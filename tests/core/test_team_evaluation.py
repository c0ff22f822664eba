"""What teamwork is worth: who stands beside the team, and how runs become figures."""

from dataclasses import replace

import pytest

from rlhf_core.agent_team import Events, Outcome, TeamConfig
from rlhf_core.labyrinth import random_labyrinths
from rlhf_core.team_evaluation import baselines, play, summarise, swapped, ticks_ratio
from rlhf_core.team_messages import Forgery

LABYRINTHS = random_labyrinths(6, 9, seed=11)
TEAM = TeamConfig(explorers=2)


def test_those_beside_the_team_work_under_its_conditions() -> None:
    hard = TeamConfig(
        explorers=3, planners=2, executors=2, adaptive=False, loss=0.2, delay=4, word_budget=20, noise=0.2, radius=3,
        carry_period=4, max_ticks=123,
    )  # fmt: skip
    found = baselines(hard)
    for config in found.values():
        assert (config.noise, config.radius, config.carry_period, config.max_ticks) == (0.2, 3, 4, 123)
        assert config.executors == 2  # as many loads
    assert found["silent"] == replace(hard, communication=False)
    for name, sighted in (("blind", False), ("sighted", True)):
        assert (found[name].explorers, found[name].planners, found[name].sighted_carriers) == (0, 0, sighted)


def test_a_failure_counts_as_the_cap_of_ticks() -> None:
    short = replace(TEAM, max_ticks=5)
    found = play(LABYRINTHS, short)
    assert [(outcome.success, outcome.ticks) for outcome in found] == [(False, 5)] * len(LABYRINTHS)
    lost = play(LABYRINTHS, TEAM, events=Events(lost_at=dict.fromkeys(TEAM.roster, 3)))
    assert {outcome.ticks for outcome in lost} == {TEAM.max_ticks}  # though it was over after three
    result = summarise([Outcome(True, 10, 1, 2, 3, 4), Outcome(False, 400, 3, 4, 5, 6)])
    assert (result.n, result.success.rate, result.ticks.rate) == (2, 0.5, pytest.approx(205))
    assert (result.moves, result.bumps, result.messages, result.words) == (2, 3, 4, 5)
    assert result.ticks.low < 205 < result.ticks.high <= 400 and 0 < result.success.low < 0.5 < result.success.high < 1


def test_play_is_the_same_for_the_same_seed_and_tells_how_far_it_is() -> None:
    shares: list[float] = []
    noisy = replace(TEAM, noise=0.2, loss=0.3)
    found = play(LABYRINTHS, noisy, seed=1, progress=shares.append)
    assert found == play(LABYRINTHS, noisy, seed=1) != play(LABYRINTHS, noisy, seed=2)
    assert shares == sorted(shares) and (shares[0], shares[-1]) == (0, 1)


def test_events_of_members_that_a_single_agent_lacks_are_left_out() -> None:
    blind = baselines(TEAM)["blind"]
    forged = Forgery(1, "E1", "X1", ("see", "exit", "(5,5)"))
    events = Events(lost_at={"E1": 3}, forgeries=(forged,))
    assert play(LABYRINTHS, blind, events=events) == play(LABYRINTHS, blind)
    assert play(LABYRINTHS, TEAM, events=events) != play(LABYRINTHS, TEAM)  # those whom it concerns feel it


def test_the_ticks_of_a_team_over_its_own_are_one_and_over_twice_as_many_a_half() -> None:
    found = play(LABYRINTHS, TEAM)
    same = ticks_ratio(found, found)
    assert (same.rate, same.low, same.high, same.n) == (1, 1, 1, len(LABYRINTHS))
    slow = [replace(outcome, ticks=2 * outcome.ticks) for outcome in found]
    half = ticks_ratio(found, slow)
    assert (half.rate, half.low, half.high) == pytest.approx((0.5, 0.5, 0.5))  # labyrinth by labyrinth
    mixed = ticks_ratio(found, found[::-1])
    assert mixed.rate == pytest.approx(1) and mixed.low < 1 < mixed.high


def test_the_team_that_talks_is_faster_than_the_one_that_cannot() -> None:
    """What the whole stage is about, in few labyrinths."""
    ratio = ticks_ratio(play(LABYRINTHS, TEAM), play(LABYRINTHS, baselines(TEAM)["silent"]))
    assert ratio.high < 1


def test_a_swapped_message_matters_where_it_is_heard_and_nowhere_else() -> None:
    fixed = replace(TEAM, explorers=1, adaptive=False)
    heard = swapped(LABYRINTHS, fixed, verbs=("path",))
    assert heard.n >= 4 and heard.changed.rate > 0.3 and heard.decisions >= 1
    assert 0 < heard.receiver.rate <= heard.changed.rate
    silent = swapped(LABYRINTHS, replace(fixed, communication=False), verbs=("path",))
    assert (silent.n, silent.changed.rate, silent.receiver.rate, silent.decisions) == (heard.n, 0, 0, 0)


def test_without_two_messages_to_swap_nothing_is_counted() -> None:
    found = swapped(LABYRINTHS[:2], baselines(TEAM)["blind"])
    assert (found.n, found.decisions) == (0, 0) and (found.changed.low, found.changed.high) == (0, 1)
