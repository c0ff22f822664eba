"""One iteration of PPO by its parts: what each costs, and how much of this core's speed it gets out of it.

Other work on the machine slows the core from one second to the next, so its speed at matrix products is taken beside
every iteration, and each time is scaled by the speed that it was taken at. Medians are over iterations, those alone
whose answers are as long on average as is asked: shorter ones are cheaper, and do not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from statistics import fmean, median
from typing import Any, TypeVar
from unittest.mock import patch

from torch.utils.flop_counter import FlopCounterMode

from benchmarks.tables import REFERENCE_GFLOPS, Headlines, gemm_gflops, table
from rlhf_core import headless, ppo, rollout
from rlhf_core.checkpoints import load_start
from rlhf_core.ppo import PPOTrainer

SECONDS = "one PPO iteration, CPU-seconds at 85 GFLOP/s"
LENGTH = "its mean response, tokens"
LEAST_LENGTH = 14
ASKED = {SECONDS: "at most 0.16", LENGTH: f"at least {LEAST_LENGTH}"}
PARTS = ("rollout", "scoring", "reward", "advantages", "update")
Said = TypeVar("Said")
ITERATIONS, WARM_UP, COUNTED = 30, 3, 3
"""How many are timed, how many come before, and of how many more the operations are counted."""


@contextmanager
def watched(trainer: PPOTrainer, watch: Callable[[str, Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """While it lasts, the parts of a trainer's step go through `watch(part, function)`."""
    with ExitStack() as stack:
        for part, owner, name in (
            ("rollout", trainer.policy, "sample"),
            ("scoring", rollout, "compare"),
            ("scoring", rollout, "hidden_states"),
            ("reward", trainer, "reward"),
            ("advantages", ppo, "generalized_advantages"),
            ("advantages", ppo, "whiten"),
            ("update", trainer, "_update"),
        ):
            stack.enter_context(patch.object(owner, name, watch(part, getattr(owner, name))))
        yield


def by_part(trainer: PPOTrainer, measured: Callable[[Callable[[], Any]], tuple[Any, float]]) -> dict[str, float]:
    """What one iteration costs by part. measured: calls a function and says what it returned and what it cost. A part
    that is called within a part counts for the outer one."""
    found, inside = dict.fromkeys(PARTS, 0.0), list[str]()

    def watch(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def watching(*args: Any, **options: Any) -> Any:
            if inside:
                return function(*args, **options)
            inside.append(part)
            try:
                result, cost = measured(partial(function, *args, **options))
            finally:
                inside.pop()
            found[part] += cost
            return result

        return watching

    with watched(trainer, watch):
        trainer.step()
    return found


def seconds(function: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and its CPU-seconds."""
    began = time.process_time()
    return function(), time.process_time() - began


def flops(function: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and the floating-point operations of its matrix products, those of attention among them."""
    with FlopCounterMode(display=False) as counter:
        result = function()
    return result, float(counter.get_total_flops())


def mean_length(trainer: PPOTrainer) -> float:
    """Tokens an answer in the latest iteration."""
    assert trainer.rollout is not None
    return float(trainer.rollout.mask.sum(1).float().mean())


def long_enough(trainer: PPOTrainer, wanted: int, measure: Callable[[], Said]) -> tuple[list[Said], int]:
    """What `measure`, which has the trainer make a step, says of so many iterations whose answers are as long as asked;
    and how many more were shorter."""
    found: list[Said] = []
    for tried in range(1, 10 * wanted + 1):
        said = measure()
        if mean_length(trainer) >= LEAST_LENGTH:
            found.append(said)
        if len(found) == wanted:
            return found, tried - wanted
    raise RuntimeError(f"Only {len(found)} of {10 * wanted} iterations have {LEAST_LENGTH} tokens an answer.")


def iteration(language: str, iterations: int = ITERATIONS) -> Headlines:
    """The table of parts, at the shipped defaults."""
    assets, options = load_start(language), headless.Options(language=language)
    reward = headless.fit_reward_model(assets, headless.simulated_labels(assets, options), options.features)
    trainer = headless.ppo_trainer(assets, reward, options)
    for _ in range(WARM_UP):
        trainer.step()

    def timed() -> tuple[dict[str, float], float, float]:
        """Scaled seconds by part, the core's speed beside them, and tokens an answer."""
        before = gemm_gflops(repeats=2)
        took, whole = seconds(lambda: by_part(trainer, seconds))
        speed = (before + gemm_gflops(repeats=2)) / 2
        took["whole"] = whole
        return {part: took[part] * speed / REFERENCE_GFLOPS for part in took}, speed, mean_length(trainer)

    found, shorter = long_enough(trainer, iterations, timed)
    times, speeds, lengths = zip(*found, strict=True)
    counts, _ = long_enough(trainer, COUNTED, lambda: by_part(trainer, flops))
    whole = median(took["whole"] for took in times)
    c = trainer.config
    print(f"### One iteration, {language}\n")
    print(f"Batch {c.batch_size}, {c.epochs} epochs of {c.minibatches} minibatches, {len(assets.tokenizer)} words;")
    print(f"median of {iterations} iterations of {fmean(lengths):.1f} tokens an answer; {shorter} more were")
    print(f"shorter than {LEAST_LENGTH}, and do not count.")
    print(f"This core: {median(speeds):.0f} GFLOP/s (median). ", end="")
    print("Share of peak: matrix products alone, against all of the time.\n")
    rows: list[list[object]] = []
    for part in (*PARTS, "whole"):
        ms = 1e3 * median(took[part] for took in times)
        done = fmean(sum(count.values()) if part == "whole" else count[part] for count in counts) / 1e9
        rows.append([part, round(ms, 1), ms / whole / 1e3, done, done / (ms / 1e3) / REFERENCE_GFLOPS])
    table(["part", "CPU ms at 85 GFLOP/s", "share of the whole", "GFLOP", "share of GEMM peak"], rows)
    return {f"{SECONDS}, {language}": whole, f"{LENGTH}, {language}": fmean(lengths)}


def parts(language: str, quick: bool) -> list[tuple[str, Callable[[], Headlines]]]:
    """The part about an iteration."""
    return [(f"iteration {language}", partial(iteration, language, 3 if quick else ITERATIONS))]
