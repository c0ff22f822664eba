"""Over-optimisation in a lab: reward and gold score over the square root of KL, of a PPO run and of best of n."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from lab import best_of_n, models, ppo
from lab.store import Lab, Run, Store
from rlhf_core.best_of_n import kl_bound
from rlhf_core.over_optimisation import Fit, fit

FEWEST_STEPS = 10
"""Of a run, before a law through them says anything."""


@dataclass(frozen=True)
class Optimised:
    """What optimising a proxy did: both scores above the start's, over sqrt(KL), and the laws through them."""

    form: str
    """Of the law that Gao et al. found for this way of optimising."""
    distances: tuple[float, ...]
    proxy: tuple[float, ...]
    """In standard deviations of the start's answers."""
    gold: tuple[float, ...]
    """In points."""

    @property
    def proxy_fit(self) -> Fit | None:
        return fit(self.distances, self.proxy, self.form)

    @property
    def gold_fit(self) -> Fit | None:
        return fit(self.distances, self.gold, self.form)


def runs(store: Store, lab: Lab) -> list[Run]:
    """The PPO runs that have gone far enough, newest first."""
    return [run for run in store.runs(lab.id, ppo.STAGE, lab.language) if run.step >= FEWEST_STEPS]


def of_run(store: Store, run: Run) -> Optimised:
    """What PPO did, iteration by iteration: each is the mean of its batch of answers to training prompts."""
    rows, start = store.metrics(run.id), start_gold(run.inputs["language"])
    return Optimised(
        "rl",
        tuple(math.sqrt(max(0.0, row["kl_exact"])) for row in rows),
        tuple(row["reward"] for row in rows),  # the start's is 0 by the reward model's own scale
        tuple(row["gold"] - start for row in rows),
    )


def of_best_of_n(rows: Sequence[Mapping[str, Any]]) -> Optimised | None:
    """What choosing among n did, n = 1 being the start. rows: the metrics of a best-of-n run; None before the first."""
    if not rows:
        return None
    last = rows[-1]
    proxy, gold = (
        tuple(last[f"{name}_{n}"] - last[f"{name}_1"] for n in best_of_n.NS) for name in ("reward", "gold")
    )
    return Optimised("best-of-n", tuple(math.sqrt(kl_bound(n)) for n in best_of_n.NS), proxy, gold)


@lru_cache
def start_gold(language: str) -> float:
    """Mean gold score of the answers that rewards are measured against."""
    assets = models.assets(language)
    asked = {prompt.text: prompt for prompt in assets.grammar.split("train")}
    scores = [assets.judge.score(asked[prompt], answer) for prompt, answer in zip(*assets.start_answers, strict=True)]
    return float(torch.tensor(scores).mean())
