"""The constitution's stages without a browser: criticise and revise a file of answers, or train a model by it.

Figures are measured on the test prompts, as everywhere in `headless`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from rlhf_core import evaluation, keyword_rule
from rlhf_core.annotators import PreferenceSample, generate_preference_data
from rlhf_core.checkpoints import LanguageAssets, load_critic, load_start
from rlhf_core.constitution import Constitution, ConstitutionError, default_constitution, parse
from rlhf_core.constitutional_ai import Chain, ConstitutionalAI
from rlhf_core.headless import (
    DEFAULT_ITERATIONS,
    TEST_SAMPLES,
    Options,
    Progress,
    Report,
    fit_reward_model,
    generator,
    ppo_trainer,
    test_prompts,
)
from rlhf_core.language_model import MiniLM
from rlhf_core.principle_judge import ConstitutionJudge, read_pair
from rlhf_core.rlaif import ConstitutionAnnotator, agreement_between
from rlhf_core.sl_cai import SLCAIConfig, SLCAITrainer

METHODS = ("sl", "rlaif")
ITERATIONS = {"sl": 40, "rlaif": DEFAULT_ITERATIONS}
"""Steps of training, where none are asked for."""
LABELS = 400
"""Pairs that the constitution labels for RLAIF."""


def load_constitution(path: Path | None, language: str) -> Constitution:
    """A constitution from a TOML file, or the default. ConstitutionError names the file and what is wrong in it."""
    if path is None:
        return default_constitution(language)
    try:
        constitution = parse(path.read_text(encoding="utf-8"))
    except (ConstitutionError, UnicodeDecodeError) as error:
        raise ConstitutionError(f"{path}: {error}") from error
    if constitution.language != language:
        raise ConstitutionError(
            f"{path}: language is {constitution.language!r}, the model speaks {language!r}; pass --language"
            f" {constitution.language}, or another file."
        )
    return constitution


def read_answers(path: Path) -> list[tuple[str, str]]:
    """Prompts and responses of a JSON Lines file. ValueError names the file, the line and the field that is wrong."""
    found: list[tuple[str, str]] = []
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: this is no text in UTF-8 (byte {error.start}); save it as UTF-8.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{where}: this is no JSON ({error}); write one object a line.") from error
        if not isinstance(row, dict):
            raise ValueError(f"{where}: this is no object; write {{\"prompt\": ..., \"response\": ...}}.")
        fields = cast(dict[str, object], row)
        for field in ("prompt", "response"):
            if not isinstance(fields.get(field), str):
                raise ValueError(f"{where}: {field} must be a text, not {fields.get(field)!r:.60}.")
        found.append((str(fields["prompt"]), str(fields["response"])))
    if not found:
        raise ValueError(f"{path}: there is no answer in it; write one object of prompt and response a line.")
    return found


def constitutional_ai(
    assets: LanguageAssets, constitution: Constitution, candidates: int = 1
) -> ConstitutionalAI:
    """A constitution with the shipped judge's features and the shipped critic."""
    judge = ConstitutionJudge(constitution, assets.extractor("attributes"), assets.grammar)
    return ConstitutionalAI(judge, load_critic(assets.language), candidates=candidates)


def criticise(
    options: Options, constitution: Constitution, answers: Sequence[tuple[str, str]], progress: Progress
) -> Report:
    """Critiques and a revision of each answer, in their order; beside them what the notebook's rule says."""
    assets = load_start(options.language)
    ai = constitutional_ai(assets, constitution)
    pairs = [read_pair(assets.grammar, prompt, response) for prompt, response in answers]
    chains = ai.revise(
        [pair.prompt for pair in pairs], [pair.response for pair in pairs], generator(options.seed, "revisions")
    )
    progress(1.0, f"{len(chains)} answers")
    responses = [
        {
            **_said(ai, chain, typed),
            "unknown_words": list(pair.unknown),
            "keyword_rule": {
                "violated": keyword_rule.violates(typed, options.language),
                "revision": keyword_rule.revise(typed, options.language),
            },
        }
        for pair, chain, (_, typed) in zip(pairs, chains, answers, strict=True)
    ]
    return {"responses": responses, "revised": sum(chain.revised for chain in chains)}


def _said(ai: ConstitutionalAI, chain: Chain, typed: str) -> dict[str, Any]:
    display = ai.critic.display
    return {
        "critiques": [
            {"principle": c.principle, "violated": c.violated, "score": c.score, "critique": display(c.critique)}
            for c in chain.critiques
        ],
        "revision": display(chain.revision) if chain.revised else typed,
        "revised": chain.revised,
    }


def train(options: Options, method: str, constitution: Constitution, progress: Progress) -> Report:
    """Train the starting model by a constitution, without any label of a person: on its own revised answers (sl), or
    by PPO on a reward model of pairs that the constitution labelled (rlaif)."""
    assets = load_start(options.language)
    if method == "sl":
        policy, report = train_sl(assets, options, constitution, progress)
    else:
        policy, report = train_rlaif(assets, options, constitution, progress)
    return {"method": method, "iterations": options.iterations, **report, **compare(assets, policy, options.seed)}


def train_sl(
    assets: LanguageAssets, options: Options, constitution: Constitution, progress: Progress
) -> tuple[MiniLM, Report]:
    """SL-CAI from the starting model. Returns the policy, and what the report says of its training."""
    ai = constitutional_ai(assets, constitution)
    train_prompts = assets.grammar.split("train")
    trainer = SLCAITrainer(assets.model, ai, train_prompts, assets.tokenizer, SLCAIConfig(), options.seed)
    for _ in range(options.iterations):
        metrics = trainer.step()
        progress(metrics.step / options.iterations, f"step {metrics.step}, loss {metrics.loss:.3f}")
    return trainer.policy, {"revisions": len(trainer.learnt), "cpu_seconds": trainer.cpu_seconds}


def train_rlaif(
    assets: LanguageAssets, options: Options, constitution: Constitution, progress: Progress
) -> tuple[MiniLM, Report]:
    """RLAIF from the starting model. Returns the policy, and what the report says of its training."""
    judge = ConstitutionJudge(constitution, assets.extractor("attributes"), assets.grammar)
    sample = label_pairs(assets, judge, LABELS, options.seed)
    trainer = ppo_trainer(assets, fit_reward_model(assets, sample, options.features), options)
    for _ in range(options.iterations):
        metrics = trainer.step()
        progress(metrics.step / options.iterations, f"iteration {metrics.step}, reward {metrics.reward:+.2f}")
    gold = evaluation.gold_preferences(assets.judge, sample.dataset)
    agreed = agreement_between([pair.preferred for pair in sample.dataset], gold)
    return trainer.policy, {
        "labels": len(sample.dataset),
        "agreement_with_gold": agreed.rate,
        "agreement_pairs": agreed.decided,
        "cpu_seconds": trainer.cpu_seconds,
    }


def label_pairs(assets: LanguageAssets, judge: ConstitutionJudge, n: int, seed: int) -> PreferenceSample:
    """Pairs of the starting model's answers to training prompts, labelled by the constitution."""
    return generate_preference_data(
        assets.model, assets.tokenizer, assets.grammar.split("train"), ConstitutionAnnotator(judge), n,
        generator(seed, "constitution's labels"),
    )  # fmt: skip


def compare(assets: LanguageAssets, policy: MiniLM, seed: int) -> Report:
    """Help, harm and needless refusals of the starting model and of a policy, and the win rate between them."""
    before, after = (
        conduct_answers(assets, model, seed, purpose)
        for model, purpose in ((assets.model, "conduct before"), (policy, "conduct after"))
    )
    win = evaluation.win_rate(after, before)
    display = assets.grammar.display
    shown = range(0, 6 * TEST_SAMPLES, TEST_SAMPLES)
    return {
        "before": rates(evaluation.conduct(assets.judge, before)),
        "after": rates(evaluation.conduct(assets.judge, after)),
        "win_rate": win.rate,
        "win_rate_interval": [win.low, win.high],
        "valid_share": after.valid_share,
        "distinct_share": after.distinct_share,
        "samples": [
            {
                "prompt": display(before.prompts[i].text),
                "before": display(before.texts[i]),
                "after": display(after.texts[i]),
            }
            for i in shown
        ],
    }


def conduct_answers(assets: LanguageAssets, model: MiniLM, seed: int, purpose: str) -> evaluation.Answers:
    """Answers to the 200 test prompts, and to every test prompt that only sounds alarming."""
    alarming = [p for p in assets.grammar.split("test") if p.topic.key in assets.grammar.alarming]
    prompts = list(dict.fromkeys([*test_prompts(assets), *alarming]))
    rng = generator(seed, purpose)
    return evaluation.answer(model, assets.tokenizer, assets.judge, prompts, rng, samples=TEST_SAMPLES)


def rates(conduct: evaluation.Conduct) -> Report:
    """The rates of a conduct, and beside them their intervals and n."""
    found: Report = {name: interval["rate"] for name, interval in asdict(conduct).items()}
    for name, interval in asdict(conduct).items():
        found[f"{name}_interval"] = [interval["low"], interval["high"]]
        found[f"{name}_prompts"] = interval["n"]
    return found
