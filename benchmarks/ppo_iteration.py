"""One iteration of PPO by its parts: what each costs, and how much of this core's speed it gets out of it.

Other work on the machine slows the core from one second to the next, so its speed at matrix products is taken beside
every iteration, and each time is scaled by the speed that it was taken at. Medians are over iterations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from statistics import fmean, median
from typing import Any
from unittest.mock import patch

from torch.utils.flop_counter import FlopCounterMode

from benchmarks.tables import REFERENCE_GFLOPS, Headlines, gemm_gflops, table
from rlhf_core import headless, ppo, rollout
from rlhf_core.checkpoints import load_start
from rlhf_core.ppo import PPOTrainer

SECONDS = "one PPO iteration, CPU-seconds at 85 GFLOP/s"
LENGTH = "its mean response, tokens"
ASKED = {SECONDS: "at most 0.16", LENGTH: "at least 14"}
PARTS = ("rollout", "scoring", "reward", "advantages", "update")
ITERATIONS, WARM_UP = 30, 3


@contextmanager
def watched(trainer: PPOTrainer, watch: Callable[[str, Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """While it lasts, the parts of a trainer's step go through `watch(part, function)`."""
    with ExitStack() as stack:
        for part, owner, name in (
            ("rollout", trainer.policy, "sample"),
            ("scoring", rollout, "score_states"),
            ("scoring", rollout, "score_tokens"),
            ("reward", trainer, "reward"),
            ("advantages", ppo, "generalized_advantages"),
            ("advantages", ppo, "whiten"),
            ("update", trainer, "_update"),
        ):
            stack.enter_context(patch.object(owner, name, watch(part, getattr(owner, name))))
        yield


def seconds_by_part(trainer: PPOTrainer) -> dict[str, float]:
    """CPU-seconds of one iteration and of each of its parts. What is watched within a part counts for the outer."""
    found, open_parts = dict.fromkeys(PARTS, 0.0), list[str]()

    def watch(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def timed(*args: Any, **options: Any) -> Any:
            open_parts.append(part)
            began = time.process_time()
            try:
                return function(*args, **options)
            finally:
                open_parts.pop()
                if not open_parts:
                    found[part] += time.process_time() - began

        return timed

    with watched(trainer, watch):
        began = time.process_time()
        trainer.step()
        return {**found, "whole": time.process_time() - began}


def flops_by_part(trainer: PPOTrainer) -> dict[str, int]:
    """Floating-point operations in matrix products of one iteration, by part. Attention's own, a few per cent, and all
    that is no matrix product are not counted."""
    found = dict.fromkeys(PARTS, 0)

    def watch(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def counted(*args: Any, **options: Any) -> Any:
            with FlopCounterMode(display=False) as counter:
                result = function(*args, **options)
            found[part] += counter.get_total_flops()
            return result

        return counted

    with watched(trainer, watch):
        trainer.step()
    return {**found, "whole": sum(found.values())}


def iteration(language: str, iterations: int = ITERATIONS) -> Headlines:
    """The table of parts, at the shipped defaults."""
    assets, options = load_start(language), headless.Options(language=language)
    reward = headless.fit_reward_model(assets, headless.simulated_labels(assets, options), options.features)
    trainer = headless.ppo_trainer(assets, reward, options)
    for _ in range(WARM_UP):
        trainer.step()
    seconds: list[dict[str, float]] = []
    flops: list[dict[str, int]] = []
    speeds: list[float] = []
    lengths: list[float] = []
    for _ in range(iterations):
        before = gemm_gflops(repeats=2)
        took = seconds_by_part(trainer)
        speed = (before + gemm_gflops(repeats=2)) / 2
        seconds.append({part: took[part] * speed / REFERENCE_GFLOPS for part in took})
        speeds.append(speed)
        assert trainer.rollout is not None
        lengths.append(float(trainer.rollout.mask.sum(1).float().mean()))
    for _ in range(3):
        flops.append(flops_by_part(trainer))
    whole = median(took["whole"] for took in seconds)
    c = trainer.config
    print(f"### One iteration, {language}\n")
    print(f"Batch {c.batch_size}, {c.epochs} epochs of {c.minibatches} minibatches, {len(assets.tokenizer)} words;")
    print(f"mean response {fmean(lengths):.1f} tokens; median of {iterations} iterations.")
    print(f"This core: {median(speeds):.0f} GFLOP/s (median). ", end="")
    print("Share of peak: matrix products alone, against all of the time.\n")
    rows: list[list[object]] = []
    for part in (*PARTS, "whole"):
        ms = 1e3 * median(took[part] for took in seconds)
        done = fmean(counted[part] for counted in flops) / 1e9
        rows.append([part, round(ms, 1), ms / whole / 1e3, done, done / (ms / 1e3) / REFERENCE_GFLOPS])
    table(["part", "CPU ms at 85 GFLOP/s", "share of the whole", "GFLOP", "share of GEMM peak"], rows)
    return {f"{SECONDS}, {language}": whole, f"{LENGTH}, {language}": fmean(lengths)}


def parts(language: str, quick: bool) -> list[tuple[str, Callable[[], Headlines]]]:
    """The part about an iteration."""
    return [(f"iteration {language}", partial(iteration, language, 3 if quick else ITERATIONS))]
