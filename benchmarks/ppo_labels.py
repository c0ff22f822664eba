"""PPO from fifty labels within 25 seconds of one core: win rate and valid answers in the same run, over seeds and over
the price of KL.

Test prompts, seeds 0 to 4, the shipped defaults, which were chosen on validation prompts with other seeds. A run's time
is scaled by the speed of the core beside it, iteration by iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

from benchmarks.tables import Headlines, Speed, table, with_interval
from rlhf_core import evaluation, headless
from rlhf_core.checkpoints import LanguageAssets, load_start
from rlhf_core.ppo import PPOConfig

WIN, VALID, SECONDS = 0.88, 0.92, 25.0
BOTH = f"seeds of 5 with win rate {WIN} and valid {VALID} in {SECONDS:.0f} CPU-s, 50 labels"
ASKED = {BOTH: "at least 4"}
SEEDS = 5
KL_COEFS = (0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class Effort:
    """How much is done for the figures."""

    seeds: int = SEEDS
    iterations: int = headless.DEFAULT_ITERATIONS
    prompts: int = headless.TEST_PROMPTS
    kl_coefs: tuple[float, ...] = KL_COEFS


QUICK = Effort(seeds=1, iterations=2, prompts=20, kl_coefs=(0.1,))


@dataclass(frozen=True)
class Outcome:
    """What a run came to on the test prompts."""

    win: evaluation.Interval
    valid: float
    distinct: float
    gold: float
    kl: float
    seconds: float
    """CPU-seconds of training, at 85 GFLOP/s."""

    @property
    def reached(self) -> bool:
        return self.win.rate >= WIN and self.valid >= VALID and self.seconds <= SECONDS

    @property
    def row(self) -> list[object]:
        win = with_interval(self.win.rate, (self.win.low, self.win.high))
        return [win, self.valid, self.distinct, self.gold, self.kl, self.seconds]


HEAD = [f"win rate and 95 % interval (asked {WIN})", f"valid (asked {VALID})", "distinct", "gold", "KL", "CPU s"]


def run(assets: LanguageAssets, config: PPOConfig, effort: Effort, seed: int) -> Outcome:
    """One run from fifty simulated labels."""
    options = headless.Options(language=assets.language, seed=seed)
    reward = headless.fit_reward_model(assets, headless.simulated_labels(assets, options), options.features)
    trainer = headless.ppo_trainer(assets, reward, options)
    seconds, speed = 0.0, Speed()
    for _ in range(effort.iterations):
        seconds += speed.seconds(partial(trainer.step, config))
    prompts = headless.test_prompts(assets, effort.prompts)

    def answers(purpose: str) -> evaluation.Answers:
        model = trainer.policy if purpose == "after" else assets.model
        rng = headless.generator(seed, f"evaluation {purpose}")
        return evaluation.answer(model, assets.tokenizer, assets.judge, prompts, rng, samples=headless.TEST_SAMPLES)

    before, after = answers("before"), answers("after")
    rng = headless.generator(seed, "kl")
    return Outcome(
        win=evaluation.win_rate(after, before),
        valid=after.valid_share,
        distinct=after.distinct_share,
        gold=float(after.gold.mean()),
        kl=evaluation.kl_to_start(trainer.policy, assets.model, assets.tokenizer, prompts, rng),
        seconds=seconds,
    )


def labels(language: str, effort: Effort) -> Headlines:
    """The seeds at the shipped defaults."""
    assets, config = load_start(language), PPOConfig()
    print(f"### Fifty labels, {language}\n")
    print(f"{effort.iterations} iterations, {effort.prompts} test prompts, {headless.TEST_SAMPLES} answers a side;")
    print("CPU-seconds of training at 85 GFLOP/s.\n")
    outcomes = [run(assets, config, effort, seed) for seed in range(effort.seeds)]
    table(["seed", *HEAD], [[seed, *one.row] for seed, one in enumerate(outcomes)])
    return {f"{BOTH}, {language}": sum(one.reached for one in outcomes)}


def prices(language: str, effort: Effort) -> Headlines:
    """Means over the seeds by the price of KL."""
    assets = load_start(language)
    print(f"### The price of KL, {language}\n")
    print(f"Fifty labels, {effort.iterations} iterations, {effort.prompts} test prompts; means of ", end="")
    print(f"{effort.seeds} seeds,\nin brackets the least and the most of them.\n")
    rows: list[list[object]] = []
    for price in effort.kl_coefs:
        config = replace(PPOConfig(), kl_coef=price)
        outcomes = [run(assets, config, effort, seed) for seed in range(effort.seeds)]
        both = sum(one.reached for one in outcomes)
        figures = ([one.win.rate for one in outcomes], [one.valid for one in outcomes], [one.kl for one in outcomes])
        rows.append([price, *(f"{fmean(x):.3f} ({min(x):.3f} to {max(x):.3f})" for x in figures), both])
    table(["kl_coef", "win rate", "valid", "KL", "seeds that reach both"], rows)
    return {}


def parts(language: str, quick: bool) -> list[tuple[str, Callable[[], Headlines]]]:
    """The part about fifty labels."""
    return [(f"labels {language}", partial(labels, language, QUICK if quick else Effort()))]


def price_parts(language: str, quick: bool) -> list[tuple[str, Callable[[], Headlines]]]:
    """The part about the price of KL."""
    return [(f"price of KL {language}", partial(prices, language, QUICK if quick else Effort()))]
