"""Remake the figures that README and the pages claim: `python -m benchmarks.figures [checkpoint|reward|ppo|resume]`.

All on the test prompts, with the shipped defaults and the seeds named in each table. Each part prints a table in
Markdown; together they are `benchmarks/figures.md`. One torch thread; CPU-seconds are process time, and beside them
stands the same time scaled to a core that does 85 GFLOP/s of fp32 matrix products, measured in the same run.
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rlhf_core import evaluation, headless
from rlhf_core.annotators import ANNOTATORS, TIE_MARGIN, PreferenceSample
from rlhf_core.checkpoints import load_start
from rlhf_core.ppo import PPOMetrics
from rlhf_core.preferences import PreferenceDataset

REFERENCE_GFLOPS = 85.0
JUDGED_ANNOTATORS = ("default", "flattery-loving", "safety-first", "politeness-only")


def gemm_gflops(size: int = 1024, repeats: int = 8) -> float:
    """fp32 matrix product of this core, in GFLOP/s of process time; the best of some tries."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    best = 0.0
    for _ in range(repeats):
        began = time.process_time()
        a @ b
        best = max(best, 2 * size**3 / (time.process_time() - began) / 1e9)
    return best


def table(head: list[str], rows: list[list[object]]) -> None:
    """Print rows as a Markdown table."""
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row) + " |")
    print(flush=True)


def checkpoint() -> None:
    """Valid share and help of the shipped language model, beside the grammar's own."""
    assets = load_start("en")
    prompts = assets.grammar.split("test")
    print(f"## The shipped language model\n\n{len(prompts)} test prompts, 8 answers each, temperature 1.\n")
    rng = random.Random(0)
    drawn = [(p, assets.grammar.respond(p.topic, rng)) for p in prompts for _ in range(8)]
    grammar_help = statistics.mean(assets.judge.attributes(p, r)["help"] for p, r in drawn)
    rows: list[list[object]] = []
    for seed in range(3):
        answers = evaluation.answer(
            assets.model, assets.tokenizer, assets.judge, prompts, headless.generator(seed, "checkpoint"), samples=8
        )
        help_ = float(answers.help.mean())
        share = help_ / grammar_help
        n = len(answers.texts)
        valid = with_interval(answers.valid_share, evaluation.wilson_interval(answers.valid_share * n, n))
        rows.append([seed, valid, help_, grammar_help, share, answers.distinct_share])
    head = ["seed", "valid and 95 % interval (least .95)", "help", "help of the grammar", "share (least .90)"]
    table([*head, "distinct"], rows)


def reward() -> None:
    """Held-out accuracy of the reward model over annotators and seeds."""
    assets = load_start("en")
    pairs = headless.test_pairs(assets)
    margins = {
        (name, mirrored): pairs.margins(assets.judge, values.negated() if mirrored else values)
        for name, values in ANNOTATORS.items()
        for mirrored in (False, True)
    }
    print(f"## The reward model\n\n{len(pairs.prompts)} held-out pairs of answers to test prompts; seeds 0 to 7.")
    print("No label noise. ", end="")
    print("Ties are dropped: their share is in the last column. Accuracy by the annotator's own values.\n")
    for features in ("attributes", "words"):
        differences = pairs.differences(assets.extractor(features))
        rows: list[list[object]] = []
        means: dict[int, list[float]] = {20: [], 50: []}
        for name in ANNOTATORS:
            row: list[object] = [name]
            for labels in (20, 50):
                fitted = [fit_both_ways(name, labels, features, seed) for seed in range(8)]
                rates, mirrored = (
                    [evaluation.accuracy(differences @ w, margins[name, turned]).interval.rate for w in weights]
                    for turned, weights in zip((False, True), zip(*fitted, strict=True), strict=True)
                )
                mean = statistics.mean(rates)
                row += [mean, min(rates), abs(mean - statistics.mean(mirrored))]
                if name in JUDGED_ANNOTATORS:
                    means[labels].append(mean)
            ties = (margins[name, False].abs() <= TIE_MARGIN).float().mean()
            rows.append([*row, float(ties)])
        print(f"Features: {features}\n")
        head = ["20 labels", "least seed", "mirrored differs by", "50 labels", "least seed", "mirrored differs by"]
        table(["annotator", *head, "ties"], rows)
        for labels, least in ((20, (0.86, 0.82)), (50, (0.89, 0.85))):
            asked = (f" (least {least[0]})", f" (least {least[1]})") if features == "attributes" else ("", "")
            mean, worst = statistics.mean(means[labels]), min(means[labels])
            print(f"{labels} labels, the first four: mean {mean:.3f}{asked[0]}, worst {worst:.3f}{asked[1]}\n")


def fit_both_ways(annotator: str, labels: int, features: str, seed: int) -> tuple[Tensor, Tensor]:
    """Weights from an annotator's labels, and from the labels of the one who wants the opposite of everything."""
    assets = load_start("en")
    options = headless.Options(seed=seed, labels=labels, annotator=annotator, features=features)
    sample = headless.simulated_labels(assets, options)
    mirrored = PreferenceSample(
        PreferenceDataset(replace(p, preferred=p.swapped().preferred) for p in sample.dataset), sample.dropped_as_ties
    )
    model, mirror = (headless.fit_reward_model(assets, labelled, features) for labelled in (sample, mirrored))
    return model.weights, mirror.weights


def ppo() -> None:
    """Win rate and valid share of PPO from fifty labels over five seeds."""
    scale = gemm_gflops() / REFERENCE_GFLOPS
    print("## PPO from 50 labels at shipped defaults\n")
    print("200 test prompts, 4 answers a side, temperature 1, seeds 0 to 4.")
    print(f"This core: {scale * REFERENCE_GFLOPS:.0f} GFLOP/s.\n")
    rows: list[list[object]] = []
    options = headless.Options()
    for seed in range(5):
        report = headless.ppo(replace(options, seed=seed), lambda share, words: None)
        base = report["baselines"]
        took = report["cpu_seconds"]
        rows.append(
            [seed, with_interval(report["win_rate"], report["win_rate_interval"]), report["valid_share"]]
            + [took, took * scale]
            + [report[key] for key in ("kl", "gold_before", "gold_after", "distinct_share")]
            + [base["best_of_16_win_rate"], base["best_constant_reply_win_rate"]]
        )
    head = ["seed", "win rate and 95 % interval (least .80)", "valid (least .88)", "CPU s (at most 30)"]
    head += ["CPU s at 85 GFLOP/s", "KL", "gold before", "gold after", "distinct", "best of 16", "best constant reply"]
    table(head, rows)


def with_interval(rate: float, interval: Sequence[float]) -> str:
    """A rate and its 95 % interval."""
    return f"{rate:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def resume() -> None:
    """Whether a run that was stopped, saved and resumed draws the curve of one that was not."""
    assets = load_start("en")
    print("## Stop and resume against no stop\n\n20 iterations of PPO; stopped after 7, saved, loaded, resumed.\n")
    rows: list[list[object]] = []
    for seed in range(3):
        options = headless.Options(seed=seed)
        model = headless.fit_reward_model(assets, headless.simulated_labels(assets, options), options.features)
        whole, first, second = (headless.ppo_trainer(assets, model, options) for _ in range(3))
        curve = [without_time(whole.step()) for _ in range(20)]
        interrupted = [without_time(first.step()) for _ in range(7)]
        file = io.BytesIO()
        torch.save(first.state_dict(), file)
        file.seek(0)
        second.load_state_dict(torch.load(file, weights_only=True))
        interrupted += [without_time(second.step()) for _ in range(13)]
        rows.append([seed, sum(a == b for a, b in zip(curve, interrupted, strict=True)), 20])
    table(["seed", "iterations equal to the last digit", "of"], rows)


def without_time(metrics: PPOMetrics) -> dict[str, float]:
    """All figures of an iteration but the time that it took."""
    return {name: value for name, value in vars(metrics).items() if name != "cpu_seconds"}


PARTS = {"checkpoint": checkpoint, "reward": reward, "ppo": ppo, "resume": resume}


def main() -> None:
    """Run the parts that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    torch.set_num_threads(1)
    print("# Figures\n\nRemade by `python -m benchmarks.figures`.\n")
    for part in parser.parse_args().parts or PARTS:
        PARTS[part]()


if __name__ == "__main__":
    main()
