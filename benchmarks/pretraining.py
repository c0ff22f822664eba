"""Remake the figures of pretraining: `python -m benchmarks.pretraining [--language en|ko] [--quick]`.

Language models from nothing within a budget of CPU-seconds that is scaled to a core of 85 GFLOP/s: seeds 0 to 4, valid
answers to test prompts, GPT and LSTM side by side. Its output goes to `benchmarks/pretraining.md`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

import torch

from benchmarks.tables import Headlines, Speed, report, table, with_interval
from rlhf_core import headless
from rlhf_core.architectures import ARCHITECTURES
from rlhf_core.corpus import LANGUAGES
from rlhf_core.evaluation import wilson_interval

ASKED = 0.85
BUDGET = 25.0
"""Scaled CPU-seconds in which it is asked for."""


@dataclass(frozen=True)
class Effort:
    """How much is done for the figures."""

    seeds: int = 5
    budgets: tuple[float, ...] = (10.0, BUDGET, 60.0)
    architectures: tuple[str, ...] = tuple(ARCHITECTURES)


QUICK = Effort(seeds=1, budgets=(0.2,))


def name_of(budget: float, language: str) -> str:
    """A headline as the first table has it."""
    return f"valid after {budget:g} CPU-seconds from nothing, GPT, {language}"


def figures(language: str, effort: Effort) -> Headlines:
    """Valid answers by architecture and budget."""
    rows: list[list[object]] = []
    headlines: Headlines = {}
    for architecture in effort.architectures:
        size = ARCHITECTURES[architecture]
        for budget in effort.budgets:
            found = [one(language, architecture, size, budget, seed) for seed in range(effort.seeds)]
            rate = statistics.fmean(run["valid_share"] for run in found)
            rows.append([
                f"{architecture}, {size}", f"{found[0]['parameters']:,}", f"{budget:g}",
                " / ".join(f"{run['steps']}" for run in found), mean(run["loss"] for run in found),
                " / ".join(f"{run['valid_share']:.3f}" for run in found),
                with_interval(rate, wilson_interval(rate * headless.TEST_PROMPTS, headless.TEST_PROMPTS)),
                mean(run["distinct_share"] for run in found), " / ".join(f"{run['gflops']:.0f}" for run in found),
            ])  # fmt: skip
            if architecture == "gpt":
                headlines[name_of(budget, language)] = rate
    print(f"### From nothing, {language}\n")
    print(f"Seeds 0 to {effort.seeds - 1}, in this order where figures stand side by side. Valid: of the answers to")
    print(f"{headless.TEST_PROMPTS} test prompts at temperature 1; the seeds share the prompts, so that the interval")
    print("(Wilson, 95 %) is that of one seed at the mean rate. The learning rate falls towards the end of a budget:")
    print("each is a training of its own. CPU s: process time of one thread, scaled by the core's GEMM speed,")
    print(f"measured every {Speed.EVERY} steps, whose mean is given too.\n")
    table(
        ["model", "parameters", "CPU s", "steps", "loss, nats a token", "valid", "mean", "distinct", "GFLOP/s"], rows
    )
    return headlines


def mean(values: Iterable[float]) -> float:
    """Their mean, to three decimals in the table."""
    return statistics.fmean(values)


def one(language: str, architecture: str, size: str, budget: float, seed: int) -> headless.Report:
    """One training, with the mean speed of the core during it."""
    speed = Speed()
    options = headless.Options(
        seed=seed, language=language, architecture=architecture, size=size, cpu_seconds=budget
    )  # fmt: skip
    found = headless.pretrain(options, headless.quiet, speed)
    found["gflops"] = mean(speed.measured)
    asked = f"{architecture} {language}, seed {seed}, {budget:g} s"
    print(f"{asked}: {found['steps']} steps, valid {found['valid_share']:.3f}", file=sys.stderr)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretraining", description=__doc__)
    parser.add_argument("--language", choices=LANGUAGES, help="by default both")
    parser.add_argument("--quick", action="store_true", help="a smoke test: figures of no worth")
    parser.add_argument("--budget", type=float, nargs="+", help=f"scaled CPU-seconds, by default {Effort().budgets}")
    parser.add_argument("--architecture", choices=tuple(ARCHITECTURES), help="by default both")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    effort = QUICK if arguments.quick else Effort(budgets=tuple(arguments.budget or Effort().budgets))
    if arguments.architecture:
        effort = replace(effort, architectures=(arguments.architecture,))
    languages = [arguments.language] if arguments.language else list(LANGUAGES)
    asked = {name_of(BUDGET, language): f"{ASKED}" for language in languages}
    parts = [(f"from nothing {language}", partial(figures, language, effort)) for language in languages]
    report("Figures of pretraining", "python -m benchmarks.pretraining", asked, parts)


if __name__ == "__main__":
    main()
