"""What is happening to a run: collapse, hacking, no progress or learning, by stated rules over what it measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

WINDOW = 5
"""Iterations that are averaged: one batch's answers are few."""
EARLY = 10
"""Before so many iterations nothing is said."""
COLLAPSED_SHARE = 0.25
"""The policy has collapsed when so few of its answers are distinct, or so few are valid, ..."""
COLLAPSED_ENTROPY = 0.05
"""... or so little is open about its next word, in nats a token."""
PROXY_RISE = 1.0
"""It hacks its reward when the proxy is so many standard deviations above its beginning ..."""
GOLD_FALL = 1.0
"""... while gold is so many points below its best."""
PATIENCE = 30
"""After so many iterations a win rate whose interval holds one half is no progress."""


@dataclass(frozen=True)
class Finding:
    """Something that a rule found, and the numbers that it found it by."""

    name: str
    numbers: Mapping[str, float] = field(default_factory=dict)


def diagnose(rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """What the rules find in a run's steps, the worst first; never nothing. rows: see `Store.metrics`."""
    if len(rows) < EARLY:
        return [Finding("early", {"n": len(rows), "of": EARLY})]
    found = [finding for rule in (_collapse, _hacking) if (finding := rule(rows))]
    return found or [_progress(rows)]


def _recent(rows: Sequence[Mapping[str, Any]], metric: str) -> float:
    return fmean(row[metric] for row in rows[-WINDOW:])


def _collapse(rows: Sequence[Mapping[str, Any]]) -> Finding | None:
    distinct, valid = _recent(rows, "distinct_share"), _recent(rows, "valid_share")
    entropy = _recent(rows, "entropy")
    if min(distinct, valid) > COLLAPSED_SHARE and entropy > COLLAPSED_ENTROPY:
        return None
    return Finding("collapse", {"distinct": distinct, "valid": valid, "entropy": entropy})


def _hacking(rows: Sequence[Mapping[str, Any]]) -> Finding | None:
    rise = _recent(rows, "reward") - fmean(row["reward"] for row in rows[:WINDOW])
    gold = [row["gold"] for row in rows]
    best, now = max(fmean(gold[i : i + WINDOW]) for i in range(len(gold) - WINDOW + 1)), _recent(rows, "gold")
    if rise < PROXY_RISE or best - now < GOLD_FALL:
        return None
    return Finding("hacking", {"rise": rise, "best": best, "now": now})


def _progress(rows: Sequence[Mapping[str, Any]]) -> Finding:
    """What the latest win rate says, where nothing is wrong."""
    measured = next((row for row in reversed(rows) if row.get("win_rate") is not None), None)
    if measured is None:
        return Finding("unmeasured")
    rate, low, high = (float(measured[name]) for name in ("win_rate", "win_rate_low", "win_rate_high"))
    numbers = {"rate": rate, "low": low, "high": high, "n": len(rows)}
    if low > 0.5:
        return Finding("learning", numbers)
    if high < 0.5:
        return Finding("worse", numbers)
    return Finding("stuck" if len(rows) >= PATIENCE else "open", numbers)
