"""Remake the figures of reward models: `python -m benchmarks.reward_models [--language en|ko] [--quick]`.

Accuracy against the number of labels, for heads over what was trained beforehand and for networks that are trained
whole. Labels are simulated, by the default annotator without noise; accuracy is on test pairs (`headless.test_pairs`)
by the same values, ties dropped. The table is `benchmarks/reward_models.md`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from functools import partial

import torch

from benchmarks.tables import Headlines, report, table, with_interval
from rlhf_core import headless
from rlhf_core.checkpoints import load_start
from rlhf_core.corpus import LANGUAGES
from rlhf_core.evaluation import wilson_interval
from rlhf_core.gold import REFERENCE_VALUES
from rlhf_core.neural_reward import NETWORKS
from rlhf_core.reward_comparison import CONTENDERS, Contender, pair_accuracy, taught


@dataclass(frozen=True)
class Effort:
    """How much is done for the figures."""

    seeds: int = 3
    labels: tuple[int, ...] = (10, 20, 50, 100, 200, 500)


QUICK = Effort(seeds=1, labels=(10,))


def name_of(contender: Contender) -> str:
    """A contender as the table has it."""
    if contender.name not in NETWORKS:
        return f"{contender.name}, head"
    return f"{contender.name}, {'sees the prompt' if contender.sees_prompt else 'prompt hidden'}"


def accuracies(language: str, effort: Effort) -> Headlines:
    """Held-out accuracy of every contender by the number of labels."""
    assets, pairs = load_start(language), headless.test_pairs(load_start(language))
    margins = pairs.margins(assets.judge, REFERENCE_VALUES)
    samples = {
        (n, seed): headless.simulated_labels(assets, headless.Options(language=language, labels=n, seed=seed)).dataset
        for n in effort.labels
        for seed in range(effort.seeds)
    }
    rows: list[list[object]] = []
    headlines: Headlines = {}
    for contender in CONTENDERS:
        row: list[object] = [name_of(contender)]
        seconds = 0.0
        for n in effort.labels:
            began = time.process_time()
            scores = [taught(contender, assets, samples[n, seed], seed) for seed in range(effort.seeds)]
            seconds = (time.process_time() - began) / effort.seeds
            found = [pair_accuracy(score, pairs, margins).interval for score in scores]
            rate, asked = sum(one.rate for one in found) / len(found), found[0].n
            row.append(with_interval(rate, wilson_interval(rate * asked, asked)))
            if n in (20, 500):
                headlines[f"{name_of(contender)}: {n} labels, {language}"] = rate
        rows.append([*row, seconds])
    print(f"### Held-out accuracy by the number of labels, {language}\n")
    print(f"Mean of {effort.seeds} seeds, each with labels of its own. In brackets Wilson's 95 % interval of one")
    print(
        f"seed's {asked} decided test pairs, which all seeds share. CPU seconds: of one training on the most labels.\n"
    )
    table(["reward model", *map(str, effort.labels), "CPU s"], rows)
    return headlines


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reward_models", description=__doc__)
    parser.add_argument("--language", choices=LANGUAGES, help="by default both")
    parser.add_argument("--quick", action="store_true", help="a smoke test: few labels, figures of no worth")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    effort = QUICK if arguments.quick else Effort()
    languages = [arguments.language] if arguments.language else list(LANGUAGES)
    parts = [(f"accuracies {language}", partial(accuracies, language, effort)) for language in languages]
    report("Figures of reward models", "python -m benchmarks.reward_models", {}, parts)


if __name__ == "__main__":
    main()
