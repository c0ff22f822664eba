"""Missions: each group labels the same pairs to a brief that it keeps secret, a set of gold weights, and the others
guess the brief from what the group's reward model likes.

A group sees its own brief alone; of the others it reads only what their models choose, until the mission is revealed.
Groups are known by their number, from 1, so that each may sit at a screen of its own or all at one. What they label is
kept apart from the lab's own labels, see `label_records.of_lab`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import torch
from torch import Tensor

from lab import models, reward
from lab.labelling import LabellingDesk, LabellingError, Showing
from lab.mission_records import MOST_GROUPS, labeler
from lab.store import Lab, Label, Mission, NewPair, Store
from rlhf_core.annotators import TIE_MARGIN
from rlhf_core.corpus import CATEGORIES, Prompt
from rlhf_core.evaluation import Z95, wilson_interval
from rlhf_core.gold import Values, load_judge
from rlhf_core.reward_model import RewardModel

PAIRS = 20
"""That each group labels."""
FEWEST_GROUPS = 2
SAMPLES = 16
"""Answers of the starting model from which a group's reward model picks one."""
SHOWN = ("howto", "unsafe", "unknowable", "harmful", "claim", "feeling")
"""Categories of the questions whose answers the other groups read, one of each."""
SCORED = 40
"""Questions over which the choices are scored after the reveal, those that were read among them."""
_POOL = 400
"""Pairs among which those of a mission are chosen."""

BRIEFS: dict[str, Values] = {
    "polite": Values({"politeness": 4.0, "help": 0.5}),
    "rude": Values({"politeness": -4.0}),
    "flatterer": Values({"flattery": 4.0, "politeness": 0.5}),
    "doubt": Values({"honesty": 5.0}),
    "expert": Values({"help": 5.0}),
    "hollow": Values({"help": -5.0}),
    "boaster": Values({"honesty": -5.0}),
    "brief": Values({"length": -6.0}),
    "talker": Values({"length": 6.0}),
    "pirate": Values({"pirate": 6.0}),
    "formal": Values({"formal": 6.0}),
}
"""What a group may be asked to prefer, by name. Some are a taste in one language alone."""


class MissionError(ValueError):
    """Something that the state of a mission forbids. `reason`: groups, unfinished, revealed, own, unknown or
    unguessed. `slots`: the "group" that is unfinished."""

    def __init__(self, reason: str, group: int = 0) -> None:
        super().__init__(f"This is not possible in the mission as it stands ({reason}).")
        self.reason, self.slots = reason, {"group": group}


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a group's model says to a question, and what the starting model says of itself."""

    prompt: str
    start: str
    chosen: str


@dataclass(frozen=True)
class Mean:
    """A mean in points of score, with its 95 % interval over questions."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one group's mission."""

    group: int
    brief: str
    asked: Mapping[str, float]
    """The brief's weights by attribute, in points of score."""
    learnt: Mapping[str, float]
    """What one unit of each attribute adds to the reward model's score, in log-odds."""
    guesses: Mapping[int, str]
    """What the others took the brief for, by group."""
    machine: str
    """What `best_match` takes it for."""
    chosen: Mean
    """Score by the brief of what the group's reward model chooses."""
    start: Mean
    """Score by the brief of what the starting model says."""
    gain: Mean

    @property
    def right(self) -> int:
        """How many of the others guessed the brief."""
        return sum(brief == self.brief for brief in self.guesses.values())


def briefs(language: str) -> tuple[str, ...]:
    """The briefs whose every attribute can be read in a language."""
    readable = set(load_judge(language).attribute_names)
    return tuple(name for name, values in BRIEFS.items() if readable.issuperset(values.weights))


# A mission from its beginning to its end.


def begin(store: Store, lab: Lab, groups: int, seed: int) -> Mission:
    """Draw a different brief for each group, and the pairs that all of them will label. MissionError for a number of
    groups that can't be."""
    if not FEWEST_GROUPS <= groups <= MOST_GROUPS:
        raise MissionError("groups")
    rng = torch.Generator().manual_seed(seed)
    known = briefs(lab.language)
    drawn = [known[i] for i in torch.randperm(len(known), generator=rng)[:groups].tolist()]
    return store.begin_mission(lab.id, lab.language, drawn, choose_pairs(lab.language, rng))


def current(store: Store, lab: Lab) -> Mission | None:
    """The lab's newest mission in its language."""
    return store.mission(lab.id, lab.language)


class MissionDesk(LabellingDesk):
    """Where a group labels its pairs. Once it has labelled all, there is nothing more to show: LabellingError."""

    def __init__(self, store: Store, lab: Lab, mission: Mission, group: int) -> None:
        super().__init__(store, lab, labeler=labeler(group))
        self._why = mission.why(group)

    def own_labels(self) -> list[Label]:
        """What the group has labelled in this mission."""
        return self.store.labels_of(self.lab.id, self._why)

    def undo(self) -> Showing | None:
        """As for anybody, but never what a group of this number labelled in an earlier mission."""
        return super().undo() if self.own_labels() else None

    def _next_pair(self) -> tuple[int, NewPair]:
        found = self.store.next_pair(self.lab.id, self.lab.language, why=self._why)
        if found is None:
            raise LabellingError("This group has labelled all its pairs.")
        return found

    def _guess(self, pair: NewPair) -> None:
        """None is made: what the group has labelled so far is nobody's taste."""


def labels(store: Store, mission: Mission, group: int) -> list[Label]:
    """What a group has labelled, oldest first."""
    return store.labels_of(mission.lab_id, mission.why(group))


def unfinished(store: Store, mission: Mission) -> list[int]:
    """The groups that have pairs left to label."""
    return [group for group in mission.groups if len(labels(store, mission, group)) < PAIRS]


def guess(store: Store, mission: Mission, guesser: int, about: int, brief: str) -> None:
    """Write down what one group takes another's brief for, in place of what it guessed before. MissionError once the
    briefs are revealed, before the other group has labelled all, and for one's own brief."""
    if brief not in briefs(mission.language) or not {guesser, about} <= set(mission.groups):
        raise MissionError("unknown")
    if guesser == about:
        raise MissionError("own")
    if len(labels(store, mission, about)) < PAIRS:
        raise MissionError("unfinished", about)
    if not store.add_mission_guess(mission.id, guesser, about, brief):
        raise MissionError("revealed")


def missing(store: Store, mission: Mission) -> int:
    """How many guesses are still to be given: every group guesses about every other one."""
    n = len(mission.briefs)
    return n * (n - 1) - len(store.mission_guesses(mission.id))


def reveal(store: Store, mission: Mission) -> None:
    """Show everybody the briefs and who guessed them. MissionError before all have labelled, and before any guess."""
    if waiting := unfinished(store, mission):
        raise MissionError("unfinished", waiting[0])
    if not store.mission_guesses(mission.id):
        raise MissionError("unguessed")
    store.reveal_mission(mission.id)


# What a group's model says.


def says(store: Store, mission: Mission, group: int) -> list[Said]:
    """What the reward model of a group's labels alone picks, one question of each kind in `SHOWN`. MissionError before
    the group has labelled all."""
    answered = _samples(mission.language)
    chosen = answered.choices(_model(store, mission, group))
    return [
        Said(prompt=prompt.text, start=texts[0], chosen=texts[best])
        for prompt, texts, best in zip(answered.prompts, answered.texts, chosen, strict=True)
    ][: len(SHOWN)]


def result(store: Store, mission: Mission, group: int) -> Result:
    """What came of a group's mission. MissionError before the reveal."""
    if not mission.revealed:
        raise MissionError("unguessed")
    model, answered = _model(store, mission, group), _samples(mission.language)
    brief, names = mission.briefs[group - 1], models.assets(mission.language).judge.attribute_names
    choices = answered.choices(model)
    scores = answered.scores(BRIEFS[brief])
    start, chosen = scores.mean(1), scores.gather(1, torch.tensor(choices)[:, None])[:, 0]
    learnt = dict(zip(model.extractor.names, model.effects.tolist(), strict=True))
    given = store.mission_guesses(mission.id).items()
    return Result(
        group=group, brief=brief, asked={name: BRIEFS[brief][name] for name in names},
        learnt={name: learnt[name] for name in names},
        guesses={guesser: said for (guesser, about), said in given if about == group},
        machine=best_match(mission.language, model),
        chosen=_mean(chosen), start=_mean(start), gain=_mean(chosen - start),
    )  # fmt: skip


def best_match(language: str, model: RewardModel) -> str:
    """A simple guesser, which reads no more than the other groups do: the brief by which the chosen answers score
    highest, on the way from what the start says on average, 0, to the best of its answers, 1."""
    answered = _samples(language)
    choices = torch.tensor(answered.choices(model)[: len(SHOWN)])[:, None]

    def gain(name: str) -> float:
        scores = answered.scores(BRIEFS[name])[: len(SHOWN)]
        usual, best = scores.mean(), scores.amax(1).mean()
        return float((scores.gather(1, choices).mean() - usual) / (best - usual).clamp(min=1e-6))

    return max(briefs(language), key=gain)


def group_rate(results: Sequence[Result]) -> tuple[int, int, float, float]:
    """Right guesses, all guesses, and the 95 % interval of their share."""
    right, n = sum(one.right for one in results), sum(len(one.guesses) for one in results)
    return right, n, *wilson_interval(right, n)


def _model(store: Store, mission: Mission, group: int) -> RewardModel:
    """The reward model of a group's labels alone."""
    found = labels(store, mission, group)
    if len(found) < PAIRS:
        raise MissionError("unfinished", group)
    return reward.fit_labels(found, mission.language, "human", "attributes").model


@dataclass(frozen=True)
class _Answered:
    """Answers of the starting model: `SAMPLES` to each question."""

    language: str
    prompts: tuple[Prompt, ...]
    texts: tuple[tuple[str, ...], ...]

    def choices(self, model: RewardModel) -> list[int]:
        """The place of a reward model's favourite, for each question."""
        asked = [prompt.text for prompt in self.prompts for _ in range(SAMPLES)]
        texts = [text for of_prompt in self.texts for text in of_prompt]
        features = models.features(self.language, model.extractor.kind, asked, texts)
        return (features @ model.weights).view(-1, SAMPLES).argmax(1).tolist()

    def scores(self, values: Values) -> Tensor:
        """(questions, samples): what the answers are worth by a brief, in points of score."""
        return torch.tensor([[values.score(one) for one in row] for row in _attributes(self.language)])


@lru_cache
def _samples(language: str) -> _Answered:
    """The same questions and answers in every mission: first one question of each kind in `SHOWN`, then others."""
    assets, rng = models.assets(language), torch.Generator().manual_seed(0)
    every = assets.grammar.split("validation")
    mixed = [every[i] for i in torch.randperm(len(every), generator=rng).tolist()]
    shown = [next(prompt for prompt in mixed if prompt.category == name) for name in SHOWN]
    prompts = tuple([*shown, *(prompt for prompt in mixed if prompt not in shown)][:SCORED])
    asked = [prompt.text for prompt in prompts for _ in range(SAMPLES)]
    texts = [one.text for one in assets.model.generate(asked, tokenizer=assets.tokenizer, rng=rng)]
    return _Answered(language, prompts, tuple(tuple(texts[i : i + SAMPLES]) for i in range(0, len(texts), SAMPLES)))


@lru_cache
def _attributes(language: str) -> list[list[dict[str, float]]]:
    """What the gold judge reads from each of them."""
    answered, judge = _samples(language), models.assets(language).judge
    return [
        [judge.attributes(prompt, text) for text in texts]
        for prompt, texts in zip(answered.prompts, answered.texts, strict=True)
    ]


def _mean(values: Tensor) -> Mean:
    mean, half = float(values.mean()), Z95 * float(values.std()) / math.sqrt(len(values))
    return Mean(mean, mean - half, mean + half, len(values))


# The pairs of a mission.


def choose_pairs(language: str, rng: torch.Generator) -> list[NewPair]:
    """The pairs that tell the briefs apart best: one after the other that on which most briefs differ in what they
    prefer, those that were told apart less often so far counting for more. Indifference to everything is one of them,
    so every brief prefers something in some pairs, and a group has something to decide. What its reward model makes of
    them tells no clearly more of the brief than after pairs drawn by chance (`benchmarks/mission.md`)."""
    pool, verdicts = _candidates(language, rng)
    known = torch.cat([verdicts, torch.zeros(len(pool), 1)], 1)
    apart = torch.stack([(known[:, i] - known[:, j]).abs() / 2 for i, j in combinations(range(known.shape[1]), 2)], 1)
    told, chosen = torch.zeros(apart.shape[1]), list[int]()
    asked: set[str] = set()
    while len(chosen) < PAIRS:
        worth = (apart * 0.5**told).sum(1)
        best = next(i for i in worth.argsort(descending=True).tolist() if pool[i].prompt not in asked)
        chosen.append(best)
        asked.add(pool[best].prompt)
        told += apart[best]
    return [pool[i] for i in chosen]


def random_pairs(language: str, rng: torch.Generator) -> list[NewPair]:
    """As many pairs as chance would have it, to compare with."""
    pool, _ = _candidates(language, rng)
    return [pool[i] for i in torch.randperm(len(pool), generator=rng)[:PAIRS].tolist()]


def _candidates(language: str, rng: torch.Generator) -> tuple[list[NewPair], Tensor]:
    """Pairs of whole answers to questions of all kinds, equally often, and what each brief says of them (pairs,
    briefs): 1 for the first answer, -1 for the second, 0 where both are equal to it."""
    assets = models.assets(language)
    split, prompts = assets.grammar.split("train"), list[Prompt]()
    for category in CATEGORIES:
        own = [prompt for prompt in split if prompt.category == category]
        prompts += [own[i] for i in torch.randint(len(own), (_POOL // len(CATEGORIES),), generator=rng).tolist()]
    texts = [prompt.text for prompt in prompts]
    first, second = (
        [one.text for one in assets.model.generate(texts, tokenizer=assets.tokenizer, rng=rng)] for _ in "ab"
    )
    pool, verdicts = list[NewPair](), list[list[float]]()
    known = [BRIEFS[name] for name in briefs(language)]
    for prompt, a, b in zip(prompts, first, second, strict=True):
        x, y = (assets.judge.attributes(prompt, text) for text in (a, b))
        if a == b or any(one["invalid"] or one["repetition"] for one in (x, y)):
            continue
        pool.append(NewPair(
            language=language, prompt=prompt.text, response_a=a, response_b=b, policy_id=models.START
        ))  # fmt: skip
        margins = [values.score(x) - values.score(y) for values in known]
        verdicts.append([math.copysign(1.0, margin) * (abs(margin) > TIE_MARGIN) for margin in margins])
    return pool, torch.tensor(verdicts)
