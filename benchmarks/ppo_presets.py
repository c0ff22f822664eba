"""The part of `python -m benchmarks.ppo` about presets.

What happens with and without a price of KL where the reward sees words alone (`bag_of_words`), and what each preset of
the PPO page comes to. Labels are simulated, by the default annotator without noise, seeds 0 to 4; win rates are against
the start on the test prompts, judged by the reference values. The presets were chosen on validation prompts with other
seeds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

from benchmarks.tables import Headlines, table, with_interval
from lab.presets import LABEL_LIMITS, PRESETS, Preset
from rlhf_core import evaluation, headless
from rlhf_core.checkpoints import LanguageAssets, load_start
from rlhf_core.ppo import PPOConfig

LABELS = 100
PRICE = 0.2
"""Of the comparison with and without a price of KL; chosen on validation prompts with seeds 10 and 11, as the presets
were."""
MORE_LABELS = 500
OFF = f"KL off, words, {LABELS} labels: win rate, most of the seeds"
GAINED = "the same with KL on: win rate gained, mean"
MORE = f"KL on, words, {MORE_LABELS} labels: win rate, mean"
ASKED = {OFF: "at most 0.15", GAINED: "at least 0.35", MORE: "at least 0.75"}


@dataclass(frozen=True)
class Effort:
    """How much is done for the figures."""

    seeds: int = 5
    iterations: int = headless.DEFAULT_ITERATIONS
    prompts: int = headless.TEST_PROMPTS


QUICK = Effort(seeds=1, iterations=2, prompts=20)


@dataclass(frozen=True)
class Outcome:
    """What a run came to on the test prompts."""

    win: evaluation.Interval
    gold: float
    proxy: float
    valid: float
    distinct: float
    kl: float
    seconds: float
    """CPU seconds of training."""

    @property
    def row(self) -> list[object]:
        win = with_interval(self.win.rate, (self.win.low, self.win.high))
        return [win, self.gold, self.proxy, self.valid, self.distinct, self.kl, self.seconds]


HEAD = ["win rate", "gold", "proxy", "valid", "distinct", "KL", "CPU s"]


def outcome(
    assets: LanguageAssets, features: str, labels: int, config: PPOConfig, effort: Effort, seed: int
) -> Outcome:
    """One run from simulated labels, measured on the test prompts."""
    options = headless.Options(language=assets.language, labels=labels, features=features, seed=seed)
    reward = headless.fit_reward_model(assets, headless.simulated_labels(assets, options), features)
    trainer = headless.ppo_trainer(assets, reward, options)
    began = time.process_time()
    for _ in range(effort.iterations):
        trainer.step(config)
    seconds = time.process_time() - began
    prompts = headless.test_prompts(assets, effort.prompts)

    def answers(purpose: str) -> evaluation.Answers:
        model = trainer.policy if purpose == "after" else assets.model
        rng = headless.generator(seed, f"evaluation {purpose}")
        return evaluation.answer(
            model, assets.tokenizer, assets.judge, prompts, rng, samples=headless.TEST_SAMPLES
        )

    before, after = answers("before"), answers("after")
    return Outcome(
        win=evaluation.win_rate(after, before),
        gold=float(after.gold.mean()),
        proxy=float(reward.reward([p.text for p in after.prompts], after.texts).mean()),
        valid=after.valid_share,
        distinct=after.distinct_share,
        kl=evaluation.kl_to_start(
            trainer.policy, assets.model, assets.tokenizer, prompts, headless.generator(seed, "kl")
        ),
        seconds=seconds,
    )


def _table(outcomes: list[Outcome], effort: Effort) -> None:
    print(f"{effort.prompts} test prompts, {headless.TEST_SAMPLES} answers a side; in brackets the 95 % interval.")
    print("Gold in points, proxy in standard deviations of the start, KL in nats an answer.\n")
    table(["seed", *HEAD], [[seed, *one.row] for seed, one in enumerate(outcomes)])


def kl_on_and_off(language: str, effort: Effort) -> Headlines:
    """Word features, the preset without a price of KL, the same with one, and that with more labels."""
    assets, off = load_start(language), PPOConfig(**PRESETS["no_kl"].config)
    on = replace(off, kl_coef=PRICE)
    found: dict[str, list[Outcome]] = {}
    for name, labels, config in (
        ("KL off", LABELS, off),
        ("KL on", LABELS, on),
        ("KL on, more labels", MORE_LABELS, on),
    ):
        print(f"### {name}: {labels} labels, KL coefficient {config.kl_coef:g}, {language}\n")
        found[name] = [
            outcome(assets, PRESETS["no_kl"].features, labels, config, effort, seed) for seed in range(effort.seeds)
        ]
        _table(found[name], effort)
    rates = {name: [one.win.rate for one in outcomes] for name, outcomes in found.items()}
    gained = [on - off for on, off in zip(rates["KL on"], rates["KL off"], strict=True)]
    return {
        f"{OFF}, {language}": max(rates["KL off"]),
        f"{GAINED}, {language}": fmean(gained),
        f"{MORE}, {language}": fmean(rates["KL on, more labels"]),
    }


def every_preset(language: str, effort: Effort) -> Headlines:
    """Each preset of the page, its labels all simulated."""
    assets = load_start(language)
    headlines: Headlines = {}
    for name, preset in PRESETS.items():
        labels = LABEL_LIMITS[preset.labels][0]
        print(f"### Preset {name}: {preset.features}, {labels} labels, {_said(preset)}, {language}\n")
        config = PPOConfig(**preset.config)
        outcomes = [outcome(assets, preset.features, labels, config, effort, seed) for seed in range(effort.seeds)]
        _table(outcomes, effort)
        headlines[f"preset {name}: win rate, mean, {language}"] = fmean(one.win.rate for one in outcomes)
    return headlines


def _said(preset: Preset) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in preset.changes.items()) or "the usual settings"


def words(language: str, quick: bool) -> list[tuple[str, Callable[[], Headlines]]]:
    """The part about the price of KL where the reward sees words alone."""
    effort = QUICK if quick else Effort()
    return [(f"KL on and off {language}", partial(kl_on_and_off, language, effort))]


def parts(language: str, quick: bool) -> list[tuple[str, Callable[[], Headlines]]]:
    """The part about presets."""
    return [(f"presets {language}", partial(every_preset, language, QUICK if quick else Effort()))]
