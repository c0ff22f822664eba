"""Remake the figures of algorithms: `python -m benchmarks.algorithms [PART ...] [--language en|ko] [--quick]`.

The parts are comparison (PPO, RLOO, GRPO, DPO and best of n on the same 50 simulated labels, seeds and processor time)
and overoptimisation (proxy and gold over the square root of KL for PPO and best of n, with the laws of Gao et al.,
2022); without names both run. All on test prompts; settings were chosen on validation prompts with other seeds. The
tables are `benchmarks/algorithms.md`. One torch thread; a budget of CPU-seconds is scaled to a core that does 85
GFLOP/s of fp32 matrix products, measured beside each training.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.tables import REFERENCE_GFLOPS, Headlines, Speed, report, table, with_interval
from rlhf_core import evaluation, headless
from rlhf_core.algorithms import ALGORITHMS, BEST_OF_N, CONFIGS, ITERATIONS, price_of_kl
from rlhf_core.annotators import PreferenceSample
from rlhf_core.best_of_n import DEFAULT_N, expected_best, kl_bound
from rlhf_core.checkpoints import LanguageAssets, load_start
from rlhf_core.corpus import LANGUAGES
from rlhf_core.dpo import DPOTrainer
from rlhf_core.gold import REFERENCE_VALUES
from rlhf_core.over_optimisation import FORMS, fit
from rlhf_core.ppo import PPOConfig
from rlhf_core.reward_model import RewardModel


@dataclass(frozen=True)
class Effort:
    """How much is done for the figures."""

    seeds: int = 3
    seconds: float = 25.0
    """CPU-seconds of each training, on a core of `REFERENCE_GFLOPS`."""
    prompts: int = headless.TEST_PROMPTS
    free_iterations: int = 150
    """Of PPO with KL for free."""
    looks: int = 15
    """Times that its policy is asked the test prompts."""
    drawn: int = 256
    """Answers of the start to each test prompt."""


QUICK = Effort(seeds=1, seconds=1.0, prompts=12, free_iterations=6, looks=3, drawn=8)


def labelled(
    language: str, seed: int, features: str = "attributes"
) -> tuple[LanguageAssets, PreferenceSample, RewardModel]:
    """Fifty simulated labels, and the reward model of them."""
    assets = load_start(language)
    sample = headless.simulated_labels(assets, headless.Options(language=language, seed=seed))
    return assets, sample, headless.fit_reward_model(assets, sample, features)


# Same labels, which algorithm?


def compare(algorithm: str, language: str, seed: int, seconds: float) -> dict[str, Any]:
    """One algorithm on one seed's labels: the report of the headless twin, after so many CPU-seconds of training at
    `REFERENCE_GFLOPS`. DPO ends with its usual steps, if earlier: beyond them it only learns its labels by heart."""
    assets, sample, reward_model = labelled(language, seed)
    options = headless.Options(language=language, seed=seed, algorithm=algorithm)
    if algorithm == BEST_OF_N:
        found = headless.best_of_start(assets, reward_model, options)
        return {**found, "iterations": 0, "cpu_seconds": 0.0}
    price = getattr(CONFIGS[algorithm](), price_of_kl(algorithm))
    trainer = headless.algorithm_trainer(assets, sample, reward_model, replace(options, kl_coef=price))
    most = ITERATIONS[algorithm] if isinstance(trainer, DPOTrainer) else math.inf
    spent, speed = 0.0, Speed()
    while spent < seconds and trainer.steps_done < most:
        spent += speed.seconds(trainer.step)
    found = headless.compare_with_start(assets, trainer.policy, reward_model, seed)
    return {**found, "iterations": trainer.steps_done, "cpu_seconds": spent}


def comparison(language: str, effort: Effort) -> Headlines:
    """All algorithms on the same labels, seeds and processor time."""
    print(f"### Same labels, which algorithm? {language}\n")
    print(f"50 labels of the default annotator, seeds 0 to {effort.seeds - 1}, attribute features.")
    print(f"{headless.TEST_PROMPTS} test prompts, {headless.TEST_SAMPLES} answers a side, temperature 1.")
    print("The 95 % interval of the mean is as wide as the seeds differ and one seed's prompts leave it, together.")
    print(f"Each training has {effort.seconds:.0f} CPU-seconds at {REFERENCE_GFLOPS:.0f} GFLOP/s.")
    print(f"KL of best of {DEFAULT_N} is its upper bound; it trains nothing, and every answer costs {DEFAULT_N}.\n")
    rows: list[list[object]] = []
    headlines: Headlines = {}
    last: dict[str, Any] = {}
    for algorithm in ALGORITHMS:
        began = time.process_time()
        found = [compare(algorithm, language, seed, effort.seconds) for seed in range(effort.seeds)]
        print(f"{language} {algorithm}: {time.process_time() - began:.0f} CPU s", file=sys.stderr)
        last = found[-1]
        rates = [one["win_rate"] for one in found]
        mean = statistics.mean(rates)
        headlines[f"win rate of {algorithm}, {language}"] = mean
        columns = ("kl", "gold_after", "proxy_after", "valid_share", "distinct_share", "iterations")
        rows.append([
            algorithm, with_interval(mean, over_seeds(found)), " ".join(f"{rate:.3f}" for rate in rates),
            *(statistics.mean(float(one[name]) for one in found) for name in columns),
            statistics.mean(one["cpu_seconds"] for one in found),
        ])  # fmt: skip
    constant = last["baselines"]["best_constant_reply_win_rate"]
    rows.append(["start", with_interval(0.5, (0.5, 0.5)), "", 0.0, last["gold_before"], "", last["valid_share_before"],
                 last["distinct_share_before"], 0.0, 0.0])  # fmt: skip
    rows.append(["best constant reply", f"{constant:.3f}", *[""] * 8])
    table(["algorithm", "win rate", "by seed", "KL", "gold", "proxy", "valid", "distinct", "iterations", "CPU s"], rows)
    return headlines


def over_seeds(found: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """The 95 % interval of the mean of some seeds' win rates. The seeds share their prompts, so one seed's width over
    prompts stays whatever their number; how they differ from one another comes to it."""
    rates = [one["win_rate"] for one in found]
    mean = statistics.mean(rates)
    prompts = statistics.mean((one["win_rate_interval"][1] - one["win_rate_interval"][0]) / 2 for one in found)
    seeds = evaluation.Z95 * statistics.stdev(rates) / math.sqrt(len(rates)) if len(rates) > 1 else 0.0
    half = math.hypot(prompts, seeds)
    return max(0.0, mean - half), min(1.0, mean + half)


# Over-optimisation.


@dataclass(frozen=True)
class Point:
    """What answers to the test prompts are worth at a distance from the start."""

    d: float
    proxy: float
    gold: float


def overoptimisation(language: str, effort: Effort) -> Headlines:
    """Proxy and gold over sqrt(KL), the proxy being the reward model of word features, and KL being free."""
    headlines: Headlines = {}
    print(f"### Over-optimisation, {language}\n")
    print(f"50 labels, word features, seeds 0 to {effort.seeds - 1}, {effort.prompts} test prompts.")
    print("Proxy in standard deviations of the start's answers, gold in points, both above the start.")
    print(f"PPO with KL for free, asked the test prompts at {effort.looks} of {effort.free_iterations} iterations.")
    print(f"Best of n, n = 1 to {effort.drawn}, without bias from {effort.drawn} answers to each prompt; ", end="")
    print("KL by its upper bound.\n")
    ways = {"rl": ppo_points, "best-of-n": best_of_n_points}
    rows: list[list[object]] = []
    for form, points_of in ways.items():
        found = [points_of(language, seed, effort) for seed in range(effort.seeds)]
        print(f"{'PPO' if form == 'rl' else 'Best of n'}, mean of the seeds\n")
        means = [
            [statistics.mean(getattr(point, name) for point in column) for name in ("d", "proxy", "gold")]
            for column in zip(*found, strict=True)
        ]
        table(["sqrt(KL)", "proxy", "gold"], [list(row) for row in means])
        for score in ("proxy", "gold"):
            rows += fits_of(form, score, found)
        headlines[f"gold at its best, {form}, {language}"] = max(row[2] for row in means)
        headlines[f"gold at the end, {form}, {language}"] = means[-1][2]
    print("Both laws through all seeds' points; the one that Gao et al. found for the way of optimising is in bold.\n")
    table(["optimised by", "score", "law", "alpha", "beta", "residual", "turns at KL", "points"], rows)
    return headlines


def fits_of(way: str, score: str, found: Sequence[Sequence[Point]]) -> list[list[object]]:
    """Both laws through a score's points."""
    points = [point for seed in found for point in seed]
    rows: list[list[object]] = []
    for form in FORMS:
        law = fit([point.d for point in points], [getattr(point, score) for point in points], form)
        name = {"rl": "d(alpha - beta log d)", "best-of-n": "d(alpha - beta d)"}[form]
        name = f"**{name}**" if form == way else name
        if law is None:
            rows.append([way, score, name, *[""] * 4, len(points)])
        else:
            turns = "never" if law.peak is None else f"{law.peak**2:.1f}" if law.peak < 30 else "beyond 900"
            rows.append([way, score, name, law.alpha, law.beta, law.residual, turns, law.n])
    return rows


def ppo_points(language: str, seed: int, effort: Effort) -> list[Point]:
    """PPO on the proxy with KL for free, from the start on."""
    assets, _, reward_model = labelled(language, seed, "words")
    options = headless.Options(language=language, seed=seed, kl_coef=0.0)
    trainer = headless.ppo_trainer(assets, reward_model, options)
    prompts = headless.test_prompts(assets, effort.prompts)

    def look(step: int) -> tuple[float, float, float]:
        rng = headless.generator(seed, f"look {step}")
        answers = evaluation.answer(trainer.policy, assets.tokenizer, assets.judge, prompts, rng, samples=2)
        proxy = float(reward_model.reward([p.text for p in answers.prompts], answers.texts).mean())
        kl = evaluation.kl_to_start(trainer.policy, assets.model, assets.tokenizer, prompts, rng)
        return max(0.0, kl), proxy, float(answers.gold.mean())

    # Near the start the laws are steep: look more often there.
    steps = sorted({round(effort.free_iterations * (i / effort.looks) ** 1.5) for i in range(1, effort.looks + 1)})
    _, proxy_before, gold_before = look(0)
    points = [Point(0.0, 0.0, 0.0)]
    for step in steps:
        while trainer.steps_done < step:
            trainer.step(PPOConfig(kl_coef=0.0))
        kl, proxy, gold = look(step)
        points.append(Point(math.sqrt(kl), proxy - proxy_before, gold - gold_before))
    return points


def best_of_n_points(language: str, seed: int, effort: Effort) -> list[Point]:
    """Best of n by the same proxy, n doubling from 1."""
    assets, _, reward_model = labelled(language, seed, "words")
    prompts = headless.test_prompts(assets, effort.prompts)
    proxies: list[Tensor] = []
    golds: list[Tensor] = []
    rng = headless.generator(seed, "best of n")
    for prompt in prompts:
        texts = [prompt.text] * effort.drawn
        found = assets.model.generate(texts, tokenizer=assets.tokenizer, rng=rng)
        answers, ended = [one.text for one in found], [one.ended for one in found]
        proxies.append(reward_model.reward(texts, answers))
        golds.append(evaluation.judged(assets.judge, [prompt] * effort.drawn, answers, ended, REFERENCE_VALUES).gold)
    proxy, gold = torch.stack(proxies), torch.stack(golds)
    points: list[Point] = []
    for n in (2**i for i in range(int(math.log2(effort.drawn)) + 1)):
        proxy_n, gold_n = (float((expected_best(proxy, x, n) - x.mean(1)).mean()) for x in (proxy, gold))
        points.append(Point(math.sqrt(kl_bound(n)), proxy_n, gold_n))
    return points


PARTS = {"comparison": comparison, "overoptimisation": overoptimisation}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.algorithms", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--language", choices=LANGUAGES, help="by default both")
    parser.add_argument("--quick", action="store_true", help="a smoke test: little training, figures of no worth")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    effort = QUICK if arguments.quick else Effort()
    languages = [arguments.language] if arguments.language else list(LANGUAGES)
    parts = [
        (f"{name} {language}", partial(PARTS[name], language, effort))
        for language in languages
        for name in arguments.parts or PARTS
    ]
    report("Figures of algorithms", "python -m benchmarks.algorithms", {}, parts)


if __name__ == "__main__":
    main()
