"""How good is it, and how sure are we? Every figure that the app and the headless twin report is computed here.

Reported figures use the test prompts; what a page shows while one works, and what was tuned, uses the validation
prompts.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import torch
from torch import Tensor

from rlhf_core.annotators import TIE_MARGIN, Annotator
from rlhf_core.best_of_n import DEFAULT_N
from rlhf_core.best_of_n import best_of_n as best_answers
from rlhf_core.corpus import Grammar, Prompt
from rlhf_core.gold import ALARMING, REFERENCE_VALUES, GoldJudge, Values
from rlhf_core.language_model import LanguageModel, MiniLM
from rlhf_core.preferences import PreferenceData, PreferenceDataset
from rlhf_core.reward_model import FeatureExtractor, RewardModel
from rlhf_core.rollout import compare, hidden_states
from rlhf_core.tokenizer import SimpleTokenizer

EVEN = 0.01
"""Two answers whose gold scores differ by no more than this share the win."""
HARMFUL_TOPICS = 0.15
"""Share of conduct examples that answer as if harm had been asked for."""
Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Interval:
    """A rate with its 95 % interval; n is the number of independent things it was counted over."""

    rate: float
    low: float
    high: float
    n: int


def wilson_interval(successes: float, n: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson, 1927); (0, 1) when nothing was counted."""
    if n == 0:
        return 0.0, 1.0
    p, z2 = successes / n, Z95**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half))  # p lies inside, whatever is rounded


def mean_interval(values: Tensor) -> Interval:
    """Mean of (n,) values in [0, 1] with its 95 % interval, by the normal approximation; by Wilson's where all values
    are equal, which would leave it no width. Of nothing nothing is known: from 0 to 1."""
    n = len(values)
    if n == 0:
        return Interval(0.0, 0.0, 1.0, 0)
    mean = float(values.mean())
    if values.min() == values.max():
        return Interval(mean, *wilson_interval(mean * n, n), n)
    half = Z95 * float(values.std()) / math.sqrt(n)
    return Interval(mean, max(0.0, mean - half), min(1.0, mean + half), n)


@dataclass(frozen=True)
class Answers:
    """A model's answers to prompts, judged: `samples` answers to each prompt, one after the other."""

    prompts: tuple[Prompt, ...]
    texts: tuple[str, ...]
    ended: tuple[bool, ...]
    gold: Tensor
    """(answers,) scores by the values that judged."""
    help: Tensor
    """(answers,) in [0, 1]."""
    valid_share: float
    distinct_share: float
    """Different texts among all answers; falls when a policy says the same to everybody."""


def answer(
    model: LanguageModel,
    tokenizer: SimpleTokenizer,
    judge: GoldJudge,
    prompts: Sequence[Prompt],
    rng: torch.Generator,
    *,
    samples: int = 1,
    temperature: float = 1.0,
    values: Values = REFERENCE_VALUES,
) -> Answers:
    """Let a model answer each prompt `samples` times and judge the answers by someone's values."""
    repeated = tuple(prompt for prompt in prompts for _ in range(samples))
    found = model.generate([p.text for p in repeated], tokenizer=tokenizer, rng=rng, temperature=temperature)
    return judged(judge, repeated, [f.text for f in found], [f.ended for f in found], values)


def judged(
    judge: GoldJudge, prompts: Sequence[Prompt], texts: Sequence[str], ended: Sequence[bool], values: Values
) -> Answers:
    """Answers with the gold judge's word on them."""
    attributes = [judge.attributes(p, t, e) for p, t, e in zip(prompts, texts, ended, strict=True)]
    return Answers(
        prompts=tuple(prompts),
        texts=tuple(texts),
        ended=tuple(ended),
        gold=torch.tensor([values.score(a) for a in attributes]),
        help=torch.tensor([a["help"] for a in attributes]),
        valid_share=sum(judge.valid(t, e) for t, e in zip(texts, ended, strict=True)) / max(1, len(texts)),
        distinct_share=len(set(texts)) / max(1, len(texts)),
    )


@dataclass(frozen=True)
class Conduct:
    """How helpful and how harmless answers are by gold, each with its 95 % interval over prompts. Refusals are of
    harmless questions; `refusal_of_alarming` of those among them that sound alarming ("how do i kill weeds ?")."""

    help: Interval
    harm: Interval
    refusal: Interval
    refusal_of_alarming: Interval


def conduct(judge: GoldJudge, *answered: Answers) -> Conduct:
    """Read help, harm and refusals from answers, of one sampling or several."""
    given = [g for a in answered for g in zip(a.prompts, a.texts, a.ended, strict=True)]
    read = [(prompt, judge.attributes(prompt, text, ended)) for prompt, text, ended in given]

    def share(name: str, asked: Callable[[Prompt], bool]) -> Interval:
        values: dict[str, list[float]] = {}
        for prompt, attributes in read:
            if asked(prompt):
                values.setdefault(prompt.text, []).append(attributes[name])
        return mean_interval(torch.tensor([sum(v) / len(v) for v in values.values()]))

    return Conduct(
        help=share("help", lambda prompt: True),
        harm=share("harm", lambda prompt: True),
        refusal=share("refusal", lambda prompt: prompt.category not in ALARMING),
        refusal_of_alarming=share("refusal", lambda prompt: prompt.topic.key in judge.grammar.alarming),
    )


def gold_preferences(judge: GoldJudge, dataset: PreferenceDataset) -> PreferenceDataset:
    """The same pairs, labelled by the reference values."""
    annotator, rng = Annotator("gold", REFERENCE_VALUES, judge), torch.Generator().manual_seed(0)

    def label(pair: PreferenceData) -> PreferenceData:
        prompt = judge.grammar.find(pair.prompt)
        assert prompt is not None, "pairs are made of the grammar's own prompts"
        preferred = annotator.prefers(prompt, pair.response_a, pair.response_b, rng)
        return replace(pair, preferred=preferred, labeler=annotator.name)

    return PreferenceDataset(label(pair) for pair in dataset)


def win_rate(after: Answers, before: Answers) -> Interval:
    """How often `after` beats `before` on the same prompts, a difference within `EVEN` counting half.

    The interval is over prompts: answers to one prompt are not independent of one another.
    """
    difference = after.gold - before.gold
    wins = (difference > EVEN).float() + 0.5 * (difference.abs() <= EVEN).float()
    per_prompt: dict[str, list[float]] = {}
    for prompt, win in zip(after.prompts, wins.tolist(), strict=True):
        per_prompt.setdefault(prompt.text, []).append(win)
    return mean_interval(torch.tensor([sum(w) / len(w) for w in per_prompt.values()]))


@torch.no_grad()
def kl_to_start(
    policy: MiniLM,
    start: MiniLM,
    tokenizer: SimpleTokenizer,
    prompts: Sequence[Prompt],
    rng: torch.Generator,
    temperature: float = 1.0,
) -> float:
    """Mean over responses of the exact KL of the policy to its start, summed over the response, in nats."""
    ids = policy.encode_prompts([p.text for p in prompts], tokenizer)
    tokens, _, mask = policy.sample(ids, rng=rng, temperature=temperature)
    own, other = (hidden_states(model, ids, tokens, mask) for model in (policy, start))
    return float(compare(policy, start, own, other, tokens[mask], temperature).kl.sum() / len(tokens))


# Reward models.


@dataclass(frozen=True)
class HeldOutPairs:
    """Pairs of answers by the starting model that no reward model was fitted to."""

    prompts: tuple[Prompt, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]

    def differences(self, extractor: FeatureExtractor) -> Tensor:
        """Features of the first answers minus those of the second, (pairs, features)."""
        texts = [p.text for p in self.prompts]
        return extractor.features(texts, self.first) - extractor.features(texts, self.second)

    def margins(self, judge: GoldJudge, values: Values) -> Tensor:
        """How much better the first answer is by someone's values, (pairs,)."""
        return torch.tensor(
            [
                judge.score(p, a, values=values) - judge.score(p, b, values=values)
                for p, a, b in zip(self.prompts, self.first, self.second, strict=True)
            ]
        )


def held_out_pairs(
    start: MiniLM, tokenizer: SimpleTokenizer, prompts: Sequence[Prompt], n: int, rng: torch.Generator
) -> HeldOutPairs:
    """Sample n pairs of answers to random prompts."""
    chosen = tuple(prompts[int(i)] for i in torch.randint(len(prompts), (n,), generator=rng))
    texts = [p.text for p in chosen]
    first, second = (tuple(g.text for g in start.generate(texts, tokenizer=tokenizer, rng=rng)) for _ in range(2))
    return HeldOutPairs(chosen, first, second)


@dataclass(frozen=True)
class Accuracy:
    """Share of pairs that a reward model orders as the judge does, and the pairs dropped as ties."""

    interval: Interval
    dropped: int

    @property
    def dropped_share(self) -> float:
        return self.dropped / max(1, self.interval.n + self.dropped)


def accuracy(predicted: Tensor, margins: Tensor) -> Accuracy:
    """Compare predicted with true differences, (pairs,) each; those within `TIE_MARGIN` of equal are dropped."""
    decided = margins.abs() > TIE_MARGIN
    right = ((predicted > 0) == (margins > 0))[decided].float()
    # A model that calls a pair even has guessed.
    right[predicted[decided] == 0] = 0.5
    n = int(decided.sum())
    rate = float(right.mean()) if n else 0.5
    low, high = wilson_interval(rate * n, n)
    return Accuracy(Interval(rate, low, high, n), len(margins) - n)


# Judges of principles.


def conduct_examples(
    grammar: Grammar, prompts: Sequence[Prompt], n: int, seed: int
) -> tuple[list[Prompt], list[str]]:
    """n random prompts, each with an answer from the whole range of what the grammar can say: what judges of principles
    are measured on. Some are answered as if harm had been asked for, so that needless refusals are among them."""
    rng = random.Random(seed)
    harmful = [topic for topic in grammar.topics if topic.category == "harmful"]
    asked = rng.choices(prompts, k=n)
    topics = [rng.choice(harmful) if rng.random() < HARMFUL_TOPICS else prompt.topic for prompt in asked]
    return asked, [grammar.respond(topic, rng) for topic in topics]


def f1(predicted: Tensor, actual: Tensor) -> float:
    """Harmonic mean of precision and recall of (n,) booleans; 0 where nothing was found, or nothing was to be found."""
    found = int((predicted & actual).sum())
    return 2 * found / (int(predicted.sum()) + int(actual.sum())) if found else 0.0


# Baselines.


def best_of_n(
    start: MiniLM,
    reward: RewardModel,
    tokenizer: SimpleTokenizer,
    judge: GoldJudge,
    prompts: Sequence[Prompt],
    rng: torch.Generator,
    *,
    n: int = DEFAULT_N,
    values: Values = REFERENCE_VALUES,
) -> Answers:
    """The starting model's answers, each the one of n that the reward model likes best: no training at all."""
    texts = [p.text for p in prompts]
    best = best_answers(start, reward.score, tokenizer, texts, rng, n)
    return judged(judge, prompts, [b.text for b in best], [b.ended for b in best], values)


def best_constant_reply(
    start: MiniLM,
    tokenizer: SimpleTokenizer,
    judge: GoldJudge,
    prompts: Sequence[Prompt],
    rng: torch.Generator,
    *,
    candidates: int = 200,
    trial: int = 100,
) -> str:
    """The one answer that scores highest on average, whatever the question; chosen among the start's own.

    A policy that cannot beat it has learnt to please, not to answer.
    """
    chosen = [prompts[int(i)] for i in torch.randint(len(prompts), (candidates,), generator=rng)]
    found = start.generate([p.text for p in chosen], tokenizer=tokenizer, rng=rng)
    texts = dict.fromkeys(g.text for g in found if g.ended)
    asked = [prompts[int(i)] for i in torch.randint(len(prompts), (trial,), generator=rng)]
    return max(texts, key=lambda text: sum(judge.score(prompt, text) for prompt in asked))
