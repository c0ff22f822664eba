"""The stages without a browser: each function runs one and returns what its report says, as plain values.

Figures are measured on the test prompts: combinations of opening, form and topic that nothing here was trained or tuned
on, made of parts that were.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rlhf_core import algorithms, evaluation, reward_inspection
from rlhf_core.annotators import Annotator, PreferenceSample, annotator_values, generate_preference_data
from rlhf_core.architectures import ARCHITECTURES, Architecture
from rlhf_core.best_of_n import DEFAULT_N, best_of_n, kl_bound
from rlhf_core.checkpoints import LanguageAssets, load_start
from rlhf_core.corpus import Prompt
from rlhf_core.dpo import DPOMetrics
from rlhf_core.language_model import MiniLM
from rlhf_core.ppo import PPOConfig, PPOTrainer
from rlhf_core.pretraining import LEARNING_RATES, PretrainConfig, Pretrainer, schedule
from rlhf_core.reward_model import RewardModel
from rlhf_core.reward_traps import every_trap, spring

Report = dict[str, Any]
Progress = Callable[[float, str], None]
"""Called with the share done, in [0, 1], and a few words."""


def quiet(share: float, words: str) -> None:
    """A `Progress` that shows nothing."""



TEST_PROMPTS = 200
TEST_SAMPLES = 4
TEST_PAIRS = 1000
TRAPS = 20
"""Trap pairs of each kind."""
DEFAULT_LABELS = 50
DEFAULT_ITERATIONS = algorithms.ITERATIONS["ppo"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a stage may be told; each reads what concerns it."""

    seed: int = 0
    language: str = "en"
    labels: int = DEFAULT_LABELS
    label_noise: float = 0.0
    annotator: str = "default"
    features: str = "attributes"
    algorithm: str = "ppo"
    """One of `algorithms.ALGORITHMS`."""
    n: int = DEFAULT_N
    """Answers that best-of-n chooses among."""
    iterations: int = DEFAULT_ITERATIONS
    kl_coef: float = PPOConfig.kl_coef
    """Price of a nat of KL: DPO's beta."""
    cpu_seconds: float = 60.0
    architecture: str = "gpt"
    size: str | None = None
    """Of the architecture; None for the one that is its usual."""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"The seed must lie between 0 and 2^63 - 1, not {self.seed}.")
        annotator_values(self.annotator, self.language)  # refuses one that the language lacks
        if not 0 <= self.labels <= 5000:
            raise ValueError(f"The number of labels must lie between 0 and 5000, not {self.labels}.")
        if not 1 <= self.iterations <= 10_000:
            raise ValueError(f"The number of iterations must lie between 1 and 10000, not {self.iterations}.")
        if not 1 <= self.n <= 1000:
            raise ValueError(f"Best of n needs an n between 1 and 1000, not {self.n}.")
        if not 0 < self.cpu_seconds <= 86_400:
            raise ValueError(f"The CPU seconds must lie between 0 and 86400, not {self.cpu_seconds}.")


def generator(seed: int, purpose: str) -> torch.Generator:
    """A generator of its own for each purpose of a run, so that one draws the same whatever another drew."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {purpose}".encode()))


def test_prompts(assets: LanguageAssets, n: int = TEST_PROMPTS) -> list[Prompt]:
    """n test prompts, the same ones in every run."""
    prompts = assets.grammar.split("test")
    order = torch.randperm(len(prompts), generator=generator(0, "test prompts"))
    return [prompts[int(i)] for i in order[:n]]


def test_pairs(assets: LanguageAssets) -> evaluation.HeldOutPairs:
    """Pairs of answers by the starting model to test prompts, the same ones in every run."""
    rng = generator(0, "held-out pairs")
    return evaluation.held_out_pairs(
        assets.model, assets.tokenizer, assets.grammar.split("test"), TEST_PAIRS, rng
    )


def simulated_labels(assets: LanguageAssets, options: Options) -> PreferenceSample:
    """Labels of a simulated annotator on pairs of answers by the starting model to training prompts."""
    values = annotator_values(options.annotator, options.language)
    annotator = Annotator(options.annotator, values, assets.judge, options.label_noise)
    return generate_preference_data(
        assets.model,
        assets.tokenizer,
        assets.grammar.split("train"),
        annotator,
        options.labels,
        generator(options.seed, "labels"),
    )


def fit_reward_model(assets: LanguageAssets, sample: PreferenceSample, features: str) -> RewardModel:
    """A reward model of these labels, its rewards in standard deviations of the starting model's answers."""
    model = RewardModel(assets.extractor(features))
    data = sample.dataset
    a = model.extractor.features(data.prompts, data.responses_a)
    b = model.extractor.features(data.prompts, data.responses_b)
    model.fit(a - b, data.targets)
    model.normalise(model.extractor.features(*assets.start_answers))
    return model


def pretrain(options: Options, progress: Progress, speed: Callable[[], float] = lambda: 1.0) -> Report:
    """Train a language model from nothing for a number of CPU seconds. speed: how many of them a second of this core
    is worth, asked after each step."""
    assets = load_start(options.language)
    architecture = Architecture(options.architecture, options.size or ARCHITECTURES[options.architecture])
    model = architecture.untrained(len(assets.tokenizer), torch.Generator().manual_seed(options.seed))
    config = PretrainConfig(learning_rate=LEARNING_RATES[architecture.name])
    trainer = Pretrainer(model, assets.grammar, assets.tokenizer, config, options.seed)
    losses: list[float] = []
    spent = 0.0
    while (done := spent / options.cpu_seconds) < 1:
        factor, before = schedule(done, trainer.steps_done), trainer.cpu_seconds
        metrics = trainer.step(replace(config, learning_rate=config.learning_rate * factor))
        spent += (metrics.cpu_seconds - before) * speed()
        losses.append(metrics.loss)
        progress(done, f"step {metrics.step}, loss {metrics.loss:.3f}")
    answers = evaluation.answer(
        model, assets.tokenizer, assets.judge, test_prompts(assets), generator(options.seed, "evaluation")
    )
    recent = losses[-50:]
    return {
        "architecture": architecture.name,
        "size": architecture.size,
        "parameters": model.parameter_count,
        "loss": sum(recent) / len(recent),
        "valid_share": answers.valid_share,
        "distinct_share": answers.distinct_share,
        "steps": trainer.steps_done,
        "cpu_seconds": trainer.cpu_seconds,
        "samples": [assets.grammar.display(text) for text in answers.texts[:6]],
    }


def reward(options: Options, progress: Progress) -> tuple[Report, RewardModel]:
    """Fit a reward model to simulated labels and measure it on held-out pairs, by the same annotator's values."""
    assets = load_start(options.language)
    sample = simulated_labels(assets, options)
    progress(0.4, "labelled")
    began = time.process_time()
    model = fit_reward_model(assets, sample, options.features)
    cpu_seconds = time.process_time() - began
    pairs = test_pairs(assets)
    progress(0.7, "fitted")
    prompts = [prompt.text for prompt in pairs.prompts]
    first, second = (model.score(prompts, answers) for answers in (pairs.first, pairs.second))
    margins = pairs.margins(assets.judge, annotator_values(options.annotator, options.language))
    result = evaluation.accuracy(first - second, margins)
    progress(1.0, "measured")
    return {
        "labels": len(sample.dataset),
        "annotator": options.annotator,
        "label_noise": options.label_noise,
        "features": options.features,
        "held_out_accuracy": result.interval.rate,
        "held_out_accuracy_interval": [result.interval.low, result.interval.high],
        "held_out_pairs": result.interval.n,
        "pairs_dropped_as_ties": result.dropped,
        "pairs_dropped_as_ties_share": result.dropped_share,
        "calibration": _calibration(first - second, margins),
        "length_bias": _length_bias(pairs, first, second, margins),
        "traps": _traps(assets, model),
        "cpu_seconds": cpu_seconds,
    }, model


def _calibration(differences: Tensor, margins: Tensor) -> Report:
    """Whether the model is as often right as it is sure, on the held-out pairs."""
    found = reward_inspection.calibration(differences, margins, generator(0, "calibration"))
    return {
        "error": found.error.rate,
        "error_interval": [found.error.low, found.error.high],
        "error_by_chance": found.by_chance,
        "confidence": found.confidence,
    }


def _length_bias(pairs: evaluation.HeldOutPairs, first: Tensor, second: Tensor, margins: Tensor) -> Report:
    """Whether length pays on the held-out pairs: in standard deviations of reward for each token more."""
    lengths = torch.tensor([float(len(text.split())) for text in (*pairs.first, *pairs.second)])
    prompts = [prompt.text for prompt in pairs.prompts * 2]
    found = reward_inspection.length_bias(prompts, lengths, torch.cat([first, second]), margins)
    return {
        "sd_per_token": found.slope.value,
        "sd_per_token_interval": [found.slope.low, found.slope.high],
        "longer_wins": found.wins.rate,
        "longer_wins_to_the_annotator": found.true_wins.rate,
    }


def _traps(assets: LanguageAssets, model: RewardModel) -> Report:
    """How many trap pairs on test prompts the model passes, by kind; they are traps by the reference values."""
    prompts = assets.grammar.split("test")
    found = {kind: spring(pairs, model.score) for kind, pairs in every_trap(assets.judge, prompts, TRAPS).items()}
    return {kind: {"passed": sum(trap.passed for trap in sprung), "n": len(sprung)} for kind, sprung in found.items()}


def ppo_trainer(assets: LanguageAssets, reward_model: RewardModel, options: Options) -> PPOTrainer:
    """PPO from the starting model, on training prompts."""
    return PPOTrainer(
        assets.model,
        reward_model.reward,
        [p.text for p in assets.grammar.split("train")],
        assets.tokenizer,
        PPOConfig(kl_coef=options.kl_coef),
        options.seed,
    )


def algorithm_trainer(
    assets: LanguageAssets, sample: PreferenceSample, reward_model: RewardModel, options: Options
) -> algorithms.Trainer:
    """The algorithm that the options name, from the starting model, on training prompts or on the labels."""
    task = algorithms.Task(
        start=assets.model,
        tokenizer=assets.tokenizer,
        prompts=[p.text for p in assets.grammar.split("train")],
        labels=sample.dataset,
        reward=reward_model.reward,
    )
    price = {algorithms.price_of_kl(options.algorithm): options.kl_coef}
    return algorithms.make_trainer(
        options.algorithm, task, algorithms.CONFIGS[options.algorithm](**price), options.seed
    )


def ppo(options: Options, progress: Progress, reward_model: RewardModel | None = None) -> Report:
    """Get from simulated labels to a policy, by PPO or by what else the options name; compare before and after on the
    test prompts."""
    assets = load_start(options.language)
    sample = simulated_labels(assets, options)
    if reward_model is None:
        reward_model = fit_reward_model(assets, sample, options.features)
    report: Report = {"algorithm": options.algorithm, "labels": options.labels, "features": options.features}
    if options.algorithm == algorithms.BEST_OF_N:
        return {**report, "iterations": 0, "cpu_seconds": 0.0, **best_of_start(assets, reward_model, options)}
    trainer = algorithm_trainer(assets, sample, reward_model, options)
    for _ in range(options.iterations):
        metrics = trainer.step()
        said = f"loss {metrics.dpo_loss:.3f}" if isinstance(metrics, DPOMetrics) else f"reward {metrics.reward:+.2f}"
        progress(metrics.step / options.iterations, f"iteration {metrics.step}, {said}")
    return {
        **report,
        "iterations": options.iterations,
        "kl_coef": options.kl_coef,
        **compare_with_start(assets, trainer.policy, reward_model, options.seed),
        "cpu_seconds": trainer.cpu_seconds,
    }


def best_of_start(assets: LanguageAssets, reward_model: RewardModel, options: Options) -> Report:
    """The best of n answers of the starting model to the test prompts. Its KL is the upper bound, and its processor
    time goes into answers, where a trained policy's goes into training."""
    prompts = [prompt for prompt in test_prompts(assets) for _ in range(TEST_SAMPLES)]
    rng, began = generator(options.seed, "best of n instead"), time.process_time()
    best = best_of_n(
        assets.model, reward_model.reward, assets.tokenizer, [prompt.text for prompt in prompts], rng, options.n
    )
    took = time.process_time() - began
    after = evaluation.judged(
        assets.judge, prompts, [b.text for b in best], [b.ended for b in best], evaluation.REFERENCE_VALUES
    )
    return {
        "n": options.n,
        "cpu_seconds_per_answer": took / len(prompts),
        **compare_answers(assets, after, kl_bound(options.n), reward_model, options.seed),
    }


def compare_with_start(assets: LanguageAssets, policy: MiniLM, reward_model: RewardModel, seed: int) -> Report:
    """What training changed, on the test prompts and by the reference values, with the baselines beside it."""
    prompts = test_prompts(assets)
    rng = generator(seed, "evaluation after")
    after = evaluation.answer(policy, assets.tokenizer, assets.judge, prompts, rng, samples=TEST_SAMPLES)
    kl = evaluation.kl_to_start(policy, assets.model, assets.tokenizer, prompts, generator(seed, "kl"))
    return compare_answers(assets, after, kl, reward_model, seed)


def compare_answers(
    assets: LanguageAssets, after: evaluation.Answers, kl: float, reward_model: RewardModel, seed: int
) -> Report:
    """Answers to the test prompts beside the starting model's, and the baselines. kl: from the start, in nats."""
    prompts = test_prompts(assets)
    before = evaluation.answer(
        assets.model, assets.tokenizer, assets.judge, prompts, generator(seed, "evaluation before"),
        samples=TEST_SAMPLES,
    )  # fmt: skip
    win = evaluation.win_rate(after, before)
    best = evaluation.best_of_n(
        assets.model, reward_model, assets.tokenizer, assets.judge, prompts, generator(seed, "best of n")
    )
    opponent = evaluation.answer(
        assets.model, assets.tokenizer, assets.judge, prompts, generator(seed, "evaluation of best of n")
    )
    reply = evaluation.best_constant_reply(
        assets.model, assets.tokenizer, assets.judge, assets.grammar.split("validation"), generator(seed, "constant")
    )
    constant = evaluation.judged(
        assets.judge, before.prompts, [reply] * len(before.prompts), [True] * len(before.prompts),
        evaluation.REFERENCE_VALUES,
    )  # fmt: skip
    display = assets.grammar.display
    shown = range(0, 6 * TEST_SAMPLES, TEST_SAMPLES)
    return {
        "win_rate": win.rate,
        "win_rate_interval": [win.low, win.high],
        "win_rate_prompts": win.n,
        "gold_before": float(before.gold.mean()),
        "gold_after": float(after.gold.mean()),
        "proxy_after": float(reward_model.reward([p.text for p in after.prompts], after.texts).mean()),
        "kl": kl,
        "valid_share": after.valid_share,
        "valid_share_before": before.valid_share,
        "distinct_share": after.distinct_share,
        "distinct_share_before": before.distinct_share,
        "baselines": {
            "best_of_16_win_rate": evaluation.win_rate(best, opponent).rate,
            "best_constant_reply_win_rate": evaluation.win_rate(constant, before).rate,
            "best_constant_reply": display(reply),
        },
        "samples": [
            {
                "prompt": display(before.prompts[i].text),
                "before": display(before.texts[i]),
                "after": display(after.texts[i]),
            }
            for i in shown
        ],
    }  # fmt: skip


def journey(options: Options, progress: Progress) -> Report:
    """Label, fit, fine-tune: the whole pipeline on one set of labels."""
    reward_report, model = reward(options, lambda share, words: progress(share * 0.1, words))
    ppo_report = ppo(options, lambda share, words: progress(0.1 + share * 0.9, words), model)
    return {
        "labels": options.labels,
        "annotator": options.annotator,
        "reward_model": reward_report,
        "ppo": ppo_report,
        "samples": ppo_report["samples"],
    }
