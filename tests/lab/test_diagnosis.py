"""The rules of the diagnosis, on made-up steps of a run."""

from typing import Any

import pytest

from lab import diagnosis
from lab.diagnosis import diagnose


def steps(n: int, win: tuple[float, float, float] | None = None, **ends: tuple[float, float]) -> list[dict[str, Any]]:
    """n steps whose metrics go in a straight line from one value to another; a sound run unless said otherwise. win:
    the latest rate with its interval, measured at the last step but two."""
    usual = {"reward": (0.0, 1.5), "gold": (0.4, 2.0), "distinct_share": (1.0, 0.95), "valid_share": (0.97, 0.93),
             "entropy": (0.56, 0.3)}  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"step": i + 1, **{name: a + (b - a) * i / (n - 1) for name, (a, b) in {**usual, **ends}.items()}}
        for i in range(n)
    ]
    if win:
        rows[-3] |= dict(zip(("win_rate", "win_rate_low", "win_rate_high"), win, strict=True))
    return rows


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [finding.name for finding in diagnose(rows)]


def test_nothing_is_said_too_early() -> None:
    assert names([]) == ["early"]
    assert names(steps(diagnosis.EARLY - 1, distinct_share=(0.0, 0.0))) == ["early"]
    assert names(steps(diagnosis.EARLY, (0.8, 0.7, 0.9))) == ["learning"]


def test_the_win_rate_speaks_where_nothing_is_wrong() -> None:
    assert names(steps(40)) == ["unmeasured"]
    assert names(steps(40, (0.7, 0.6, 0.8))) == ["learning"]
    assert names(steps(40, (0.55, 0.45, 0.65))) == ["stuck"]
    assert names(steps(29, (0.55, 0.45, 0.65))) == ["open"], "it may yet come"
    assert names(steps(40, (0.3, 0.2, 0.4))) == ["worse"]


def test_a_policy_that_says_one_thing_or_nonsense_has_collapsed() -> None:
    for spoilt in ({"distinct_share": (1.0, 0.1)}, {"valid_share": (1.0, 0.0)}, {"entropy": (0.5, 0.0)}):
        found = diagnose(steps(40, (0.9, 0.8, 1.0), **spoilt))
        assert [finding.name for finding in found] == ["collapse"]
    # Means of the last five of a line from 1 to 0 over 101 steps: .02.
    assert diagnose(steps(101, valid_share=(1.0, 0.0)))[0].numbers["valid"] == pytest.approx(0.02)


def test_hacking_needs_a_reward_that_rises_and_gold_that_falls() -> None:
    fall = (2.0, 0.0)
    assert names(steps(40, (0.6, 0.55, 0.7), gold=fall)) == ["hacking"]
    assert names(steps(40, (0.6, 0.55, 0.7), gold=fall, reward=(0.0, 0.5))) == ["learning"]
    assert names(steps(40, (0.6, 0.55, 0.7), gold=(2.0, 1.5))) == ["learning"]
    up_and_down = steps(20, gold=(0.0, 2.0)) + steps(20, gold=(2.0, 0.4), reward=(1.5, 3.0))
    (found,) = diagnose(up_and_down)
    assert found.name == "hacking" and found.numbers["best"] > 1.7, "below its best, though above its beginning"


def test_both_are_said_the_collapse_first() -> None:
    assert names(steps(40, gold=(2.0, -3.0), valid_share=(1.0, 0.0))) == ["collapse", "hacking"]
