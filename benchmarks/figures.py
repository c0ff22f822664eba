"""Remake the figures that README and the pages claim: `python -m benchmarks.figures [PART ...] [--language en|ko]`.

The parts are checkpoint, pretrain, reward, ppo, resume, and of the constitution judges, revisions and conduct; without
names all of them run, in both languages. All on the test prompts, with the shipped defaults and the seeds named in each
table. Each part prints a table in Markdown; together they are `benchmarks/figures.md`, and the first table there sets
the languages side by side. One torch thread; CPU-seconds are process time, and beside them stands the same time scaled
to a core that does 85 GFLOP/s of fp32 matrix products, measured in the same run.
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks import constitution
from benchmarks.tables import REFERENCE_GFLOPS, Headlines, gemm_gflops, table, with_interval
from rlhf_core import evaluation, headless
from rlhf_core.annotators import ANNOTATORS, TIE_MARGIN, PreferenceSample, annotator_names
from rlhf_core.checkpoints import load_start
from rlhf_core.corpus import LANGUAGES
from rlhf_core.ppo import PPOMetrics
from rlhf_core.preferences import PreferenceDataset

JUDGED_ANNOTATORS = ("default", "flattery-loving", "safety-first", "politeness-only")
NAMES = {"en": "English", "ko": "Korean"}
CHECKPOINT_VALID = "valid answers of the shipped model, least of 3 seeds"
CHECKPOINT_HELP = "its help, as a share of the grammar's, least of 3 seeds"
PPO_WIN = "win rate of PPO from 50 labels, least of 5 seeds"
PPO_VALID = "valid answers after PPO, least of 5 seeds"
LEAST = {
    CHECKPOINT_VALID: 0.95,
    CHECKPOINT_HELP: 0.90,
    "held-out accuracy, 20 labels, mean of 4 annotators": 0.86,
    "held-out accuracy, 20 labels, worst annotator": 0.82,
    "held-out accuracy, 50 labels, mean of 4 annotators": 0.89,
    "held-out accuracy, 50 labels, worst annotator": 0.85,
    PPO_WIN: 0.80,
    PPO_VALID: 0.88,
}
"""What was asked of the English figures. The Korean ones may stay behind by `ALLOWED`."""
ALLOWED = 0.08


def least(name: str, language: str) -> str:
    """What was asked of a figure, for the head of its column."""
    return f"least {LEAST[name] - (ALLOWED if language != 'en' else 0):.2f}"


def checkpoint(language: str) -> Headlines:
    """Valid share and help of the shipped language model, beside the grammar's own."""
    assets = load_start(language)
    prompts = assets.grammar.split("test")
    print(f"### The shipped language model\n\n{len(prompts)} test prompts, 8 answers each, temperature 1.")
    print(f"{assets.model.parameter_count} parameters, {len(assets.grammar.words)} words.\n")
    valid_shares: list[float] = []
    help_shares: list[float] = []
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
        valid_shares.append(answers.valid_share)
        help_shares.append(share)
    head = ["seed", f"valid and 95 % interval ({least(CHECKPOINT_VALID, language)})", "help", "help of the grammar"]
    table([*head, f"share ({least(CHECKPOINT_HELP, language)})", "distinct"], rows)
    return {CHECKPOINT_VALID: min(valid_shares), CHECKPOINT_HELP: min(help_shares)}


def pretrain(language: str) -> Headlines:
    """How far a language model comes from nothing in a minute of one core."""
    print("### A language model from nothing\n\nThe headless twin's default, 60 CPU-seconds. Seeds 0 to 2.")
    scale = gemm_gflops() / REFERENCE_GFLOPS
    print(f"This core: {scale * REFERENCE_GFLOPS:.0f} GFLOP/s.\n")
    rows: list[list[object]] = []
    for seed in range(3):
        report = headless.pretrain(headless.Options(seed=seed, language=language), headless.quiet)
        rows.append([seed, *(report[key] for key in ("loss", "valid_share", "distinct_share", "steps"))])
    table(["seed", "loss, nats per token", "valid", "distinct", "steps"], rows)
    return {"valid answers after 60 CPU-seconds of pretraining, mean of 3 seeds": statistics.mean(r[2] for r in rows)}


def reward(language: str) -> Headlines:
    """Held-out accuracy of the reward model over annotators and seeds."""
    assets = load_start(language)
    pairs = headless.test_pairs(assets)
    annotators = annotator_names(language)
    margins = {
        (name, mirrored): pairs.margins(
            assets.judge, ANNOTATORS[name].negated() if mirrored else ANNOTATORS[name]
        )
        for name in annotators
        for mirrored in (False, True)
    }
    found: Headlines = {}
    print(f"### The reward model\n\n{len(pairs.prompts)} held-out pairs of answers to test prompts; seeds 0 to 7.")
    print("No label noise. ", end="")
    print("Ties are dropped: their share is in the last column. Accuracy by the annotator's own values.\n")
    for features in ("attributes", "words"):
        differences = pairs.differences(assets.extractor(features))
        rows: list[list[object]] = []
        means: dict[int, list[float]] = {20: [], 50: []}
        for name in annotators:
            row: list[object] = [name]
            for labels in (20, 50):
                fitted = [fit_both_ways(language, name, labels, features, seed) for seed in range(8)]
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
        for labels in (20, 50):
            mean, worst = statistics.mean(means[labels]), min(means[labels])
            print(f"{labels} labels, the first four: mean {mean:.3f}, worst {worst:.3f}\n")
            if features == "attributes":
                found[f"held-out accuracy, {labels} labels, mean of 4 annotators"] = mean
                found[f"held-out accuracy, {labels} labels, worst annotator"] = worst
    return found


def fit_both_ways(
    language: str, annotator: str, labels: int, features: str, seed: int
) -> tuple[Tensor, Tensor]:
    """Weights from an annotator's labels, and from the labels of the one who wants the opposite of everything."""
    assets = load_start(language)
    options = headless.Options(
        seed=seed, language=language, labels=labels, annotator=annotator, features=features
    )
    sample = headless.simulated_labels(assets, options)
    mirrored = PreferenceSample(
        PreferenceDataset(replace(p, preferred=p.swapped().preferred) for p in sample.dataset), sample.dropped_as_ties
    )
    model, mirror = (headless.fit_reward_model(assets, labelled, features) for labelled in (sample, mirrored))
    return model.weights, mirror.weights


def ppo(language: str) -> Headlines:
    """Win rate and valid share of PPO from fifty labels over five seeds."""
    scale = gemm_gflops() / REFERENCE_GFLOPS
    print("### PPO from 50 labels at shipped defaults\n")
    print("200 test prompts, 4 answers a side, temperature 1, seeds 0 to 4.")
    print(f"This core: {scale * REFERENCE_GFLOPS:.0f} GFLOP/s.\n")
    rows: list[list[object]] = []
    rates: list[float] = []
    options = headless.Options(language=language)
    for seed in range(5):
        report = headless.ppo(replace(options, seed=seed), headless.quiet)
        base = report["baselines"]
        took = report["cpu_seconds"]
        rates.append(report["win_rate"])
        rows.append(
            [seed, with_interval(report["win_rate"], report["win_rate_interval"]), report["valid_share"]]
            + [took, took * scale]
            + [report[key] for key in ("kl", "gold_before", "gold_after", "distinct_share")]
            + [base["best_of_16_win_rate"], base["best_constant_reply_win_rate"]]
        )
    head = ["seed", f"win rate and 95 % interval ({least(PPO_WIN, language)})"]
    head += [f"valid ({least(PPO_VALID, language)})", "CPU s (at most 30)"]
    head += ["CPU s at 85 GFLOP/s", "KL", "gold before", "gold after", "distinct", "best of 16", "best constant reply"]
    table(head, rows)
    return {
        PPO_WIN: min(rates),
        PPO_VALID: min(row[2] for row in rows),
        "CPU-seconds of PPO, most of 5 seeds (at most 30)": max(row[3] for row in rows),
    }


def resume(language: str) -> Headlines:
    """Whether a run that was stopped, saved and resumed draws the curve of one that was not."""
    assets = load_start(language)
    print("### Stop and resume against no stop\n\n20 iterations of PPO; stopped after 7, saved, loaded, resumed.\n")
    rows: list[list[object]] = []
    for seed in range(3):
        options = headless.Options(seed=seed, language=language)
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
    return {"iterations of 20 that a stop leaves equal to the last digit, least of 3 seeds": min(r[1] for r in rows)}


def without_time(metrics: PPOMetrics) -> dict[str, float]:
    """All figures of an iteration but the time that it took."""
    return {name: value for name, value in vars(metrics).items() if name != "cpu_seconds"}


PARTS: dict[str, Callable[[str], Headlines]] = {
    "checkpoint": checkpoint,
    "pretrain": pretrain,
    "reward": reward,
    "ppo": ppo,
    "resume": resume,
    "judges": constitution.judges,
    "revisions": constitution.revisions,
    "conduct": constitution.conduct,
}


def side_by_side(found: dict[str, Headlines]) -> None:
    """The headline figures of each language in one table."""
    print(f"What was asked of English is the least; Korean may stay behind it by {ALLOWED}. ", end="")
    print("What was asked of constitutions was asked of both languages.\n")
    asked = {name: f"at least {value:.2f}" for name, value in LEAST.items()} | constitution.ASKED
    names = list(dict.fromkeys(name for headlines in found.values() for name in headlines))
    rows = [[n, asked.get(n, ""), *(headlines.get(n, "") for headlines in found.values())] for n in names]
    table(["figure", "asked", *(NAMES[language] for language in found)], rows)


def main() -> None:
    """Run the parts that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--language", choices=LANGUAGES, help="one language; without it both")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Headlines] = {}
    details = io.StringIO()
    with redirect_stdout(details):
        for language in (arguments.language,) if arguments.language else LANGUAGES:
            print(f"## {NAMES[language]}\n")
            found[language] = {}
            for part in arguments.parts or PARTS:
                print(f"{language}: {part}", file=sys.stderr)
                found[language] |= PARTS[part](language)
    print("# Figures\n\nRemade by `python -m benchmarks.figures`.\n")
    side_by_side(found)
    print(details.getvalue().rstrip())


if __name__ == "__main__":
    main()
