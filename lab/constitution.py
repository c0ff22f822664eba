"""The rules of constitutions, whoever asks: their versions, what their judges are worth, and what they make of answers.

A lab begins with the constitution that ships and appends a version whenever it saves another one. Whatever is wrong
with a text is said by `ConstitutionError`, and the last good version stays in force.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from lab import models, reward
from lab.store import ConstitutionRow, Lab, Store
from rlhf_core import evaluation, keyword_rule, rlaif
from rlhf_core.constitution import Constitution, ConstitutionError, default_constitution, dump, parse
from rlhf_core.constitutional_ai import VIOLATED, Chain, ConstitutionalAI
from rlhf_core.corpus import Prompt
from rlhf_core.headless import generator
from rlhf_core.language_model import MiniLM
from rlhf_core.preferences import PreferenceData, PreferenceDataset
from rlhf_core.principle_judge import ConstitutionJudge

FIGURE_EXAMPLES = 1000
ALARMING_SAMPLES = 4
"""Answers to each harmless question that sounds alarming: there are few of them."""
KEPT = 32
"""Constitutions whose judge and figures are kept."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """A constitution as it once was in force: number 0 ships and has neither id nor date; the others are the lab's."""

    number: int
    id: int | None
    constitution: Constitution
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class PrincipleFigure:
    """How well a principle's judge finds the answers that break it by gold, and how well the keyword rule does."""

    principle: str
    attribute: str
    judge_f1: float
    keyword_f1: float
    n: int
    broken: int
    """Those of the n answers that break the principle."""


@dataclass(frozen=True, kw_only=True)
class NotebookAnswer:
    """One of the notebook's test answers: what a constitution makes of it, and what the notebook's rule does."""

    chain: Chain
    rule_violated: bool
    rule_revision: str


def versions(store: Store, lab: Lab) -> list[Version]:
    """Every version in the lab's language, the one that ships first, the one in force last."""
    rows = store.constitutions(lab.id, lab.language)
    return [_shipped(lab.language), *(_version(number, row) for number, row in enumerate(rows, 1))]


def current(store: Store, lab: Lab) -> Version:
    """The version in force."""
    rows = store.constitutions(lab.id, lab.language)
    return _version(len(rows), rows[-1]) if rows else _shipped(lab.language)


def save(store: Store, lab: Lab, constitution: Constitution) -> Version:
    """Put a constitution in force: a new version, unless it is the one in force. ConstitutionError if it is in a
    language that the model does not speak."""
    if constitution.language != lab.language:
        raise ConstitutionError(
            f"This constitution is in {constitution.language!r}, the model speaks {lab.language!r}: change the model's "
            "language, or write the principles in that one."
        )
    now = current(store, lab)
    if constitution == now.constitution:
        return now
    row_id = store.add_constitution(lab.id, lab.language, dump(constitution))
    return next(version for version in versions(store, lab) if version.id == row_id)


def save_toml(store: Store, lab: Lab, text: str) -> Version:
    """Likewise from its text. ConstitutionError says what is wrong with it."""
    return save(store, lab, parse(text))


def freeze(store: Store, inputs: dict[str, Any]) -> dict[str, Any]:
    """A run's inputs with the "constitution" that makes it, as TOML: the version in force in "lab" unless one is given.
    With it "constitution_number", None for one that is not a version, and its "language"."""
    if "constitution" in inputs:
        return {"constitution_number": None, **inputs, "language": parse(inputs["constitution"]).language}
    lab = store.lab(inputs["lab"])
    version = current(store, lab)
    frozen = {"constitution": dump(version.constitution), "constitution_number": version.number}
    return {**inputs, **frozen, "language": lab.language}


@lru_cache(KEPT)
def judge(language: str, constitution: Constitution) -> ConstitutionJudge:
    """The judges of a constitution's principles, fitted to its examples once."""
    return ConstitutionJudge(constitution, models.extractor(language, "attributes"), models.assets(language).grammar)


def ai(language: str, constitution: Constitution, candidates: int = 1) -> ConstitutionalAI:
    """Who criticises and revises by a constitution. CheckpointError if the critic's file is missing."""
    return ConstitutionalAI(judge(language, constitution), models.critic(language), candidates=candidates)


@lru_cache(KEPT)
def figures(language: str, constitution: Constitution) -> list[PrincipleFigure]:
    """How well each principle that gold can measure is judged; the others are left out."""
    violated = judge(language, constitution).probabilities_of(_example_features(language)) >= VIOLATED
    found: list[PrincipleFigure] = []
    for principle, predicted in zip(constitution.principles, violated.T, strict=True):
        if principle.attribute:
            broken = _broken(language, principle.attribute)
            found.append(
                PrincipleFigure(
                    principle=principle.name,
                    attribute=principle.attribute,
                    judge_f1=evaluation.f1(predicted, broken),
                    keyword_f1=evaluation.f1(_said_by_keywords(language), broken),
                    n=len(broken),
                    broken=int(broken.sum()),
                )
            )
    return found


@lru_cache(KEPT)
def notebook(language: str, constitution: Constitution) -> list[NotebookAnswer]:
    """The notebook's four test answers, by its rule and by a constitution."""
    responses = keyword_rule.notebook_responses(models.assets(language).grammar)
    prompts = [models.assets(language).grammar.neutral_prompt] * len(responses)
    chains = ai(language, constitution).revise(prompts, responses, generator(0, "notebook"))
    return [
        NotebookAnswer(
            chain=chain,
            rule_violated=keyword_rule.violates(chain.response, language),
            rule_revision=keyword_rule.revise(chain.response, language),
        )
        for chain in chains
    ]


def agreement_with_labels(store: Store, lab: Lab, constitution: Constitution) -> rlaif.Agreement:
    """How often the constitution decides as this lab's people did, in the lab's language."""
    labels = reward.fitting(store, lab, "human")
    pairs = [
        PreferenceData(
            prompt=x.prompt, response_a=x.response_a, response_b=x.response_b, preferred=x.choice, labeler=x.labeler
        )
        for x in labels
    ]
    return _agreement(lab.language, constitution, PreferenceDataset(pairs))


def agreement_with_gold(language: str, constitution: Constitution) -> rlaif.Agreement:
    """How often it decides as the reference values do, on answers of the starting model to validation prompts."""
    return _agreement(language, constitution, _reference_labels(language))


_lock = threading.Lock()  # two that ask at once must not both sample
_conducts: dict[tuple[str | None, str, str], tuple[int, evaluation.Conduct]] = {}
"""By a lab's key (None for the start), language and policy: the step it was measured at, and what was measured."""


def conduct(store: Store, language: str, policy_id: str) -> evaluation.Conduct:
    """How helpful and harmless a policy is on the validation prompts, measured once for each of its checkpoints."""
    saved = models.checkpoint(store, language, policy_id)
    run = None if saved is None else models.run_of(store, policy_id)
    key = (run and store.lab(run.lab_id).key, language, policy_id if run else models.START)
    step = saved.step if saved else 0
    with _lock:
        known = _conducts.pop(key, None)
        if known is None or known[0] != step:
            known = step, _measure(language, models.restored(language, saved))
        _conducts[key] = known
        while len(_conducts) > KEPT:
            del _conducts[next(iter(_conducts))]
    return known[1]


def answers(
    store: Store, language: str, policy_ids: Sequence[str], prompts: Sequence[str], seed: int
) -> list[list[str]]:
    """What each policy answers to the same prompts, from the same random draws."""
    tokenizer = models.assets(language).tokenizer
    found: list[list[str]] = []
    for policy_id in policy_ids:
        policy, rng = models.policy(store, language, policy_id), generator(seed, "answers")
        found.append([given.text for given in policy.generate(prompts, tokenizer=tokenizer, rng=rng)])
    return found


_parsed = lru_cache(256)(parse)  # a page asks for every version again at each click


def _measure(language: str, policy: MiniLM) -> evaluation.Conduct:
    assets, rng = models.assets(language), generator(0, "conduct")
    prompts = assets.grammar.split("validation")
    alarming = [prompt for prompt in prompts if prompt.topic.key in assets.grammar.alarming]

    def answered(asked: Sequence[Prompt], samples: int) -> evaluation.Answers:
        return evaluation.answer(policy, assets.tokenizer, assets.judge, asked, rng, samples=samples)

    return evaluation.conduct(assets.judge, answered(prompts, 1), answered(alarming, ALARMING_SAMPLES))


def _shipped(language: str) -> Version:
    return Version(number=0, id=None, constitution=default_constitution(language), created_at=None)


def _version(number: int, row: ConstitutionRow) -> Version:
    return Version(number=number, id=row.id, constitution=_parsed(row.toml), created_at=row.created_at)


def _agreement(language: str, constitution: Constitution, dataset: PreferenceDataset) -> rlaif.Agreement:
    if not dataset:
        return rlaif.Agreement(0, 0, 0)
    own = judge(language, constitution)
    a, b = (
        own.scores_of(models.features(language, "attributes", dataset.prompts, side))
        for side in (dataset.responses_a, dataset.responses_b)
    )
    return rlaif.agreement_of(a - b, dataset)


@lru_cache
def _reference_labels(language: str) -> PreferenceDataset:
    pairs = reward.reference_pairs(language)
    return evaluation.gold_preferences(
        models.assets(language).judge,
        PreferenceDataset(
            PreferenceData(prompt=prompt.text, response_a=a, response_b=b, preferred="tie")
            for prompt, a, b in zip(pairs.prompts, pairs.first, pairs.second, strict=True)
        ),
    )


@lru_cache
def _examples(language: str) -> tuple[list[Prompt], list[str]]:
    grammar = models.assets(language).grammar
    return evaluation.conduct_examples(grammar, grammar.split("validation"), FIGURE_EXAMPLES, seed=0)


@lru_cache
def _example_features(language: str) -> Tensor:
    prompts, responses = _examples(language)
    return models.extractor(language, "attributes").features([prompt.text for prompt in prompts], responses)


@lru_cache
def _broken(language: str, attribute: str) -> Tensor:
    """(examples,) whether each breaks, by gold, what an attribute measures."""
    gold = models.assets(language).judge
    return torch.tensor([gold.breaks(attribute, p, r) for p, r in zip(*_examples(language), strict=True)])


@lru_cache
def _said_by_keywords(language: str) -> Tensor:
    """(examples,) whether the keyword rule objects to each."""
    return torch.tensor([keyword_rule.violates(response, language) for response in _examples(language)[1]])
