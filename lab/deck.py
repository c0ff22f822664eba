"""The deck: which pair a person is shown next, and why that one.

Pairs are made of a model's own answers, and the categories of questions come equally often. First come contrasts, two
answers that differ in one attribute alone, then dilemmas, which set one attribute against another. From there on pairs
are chosen as the lab wishes (`rlhf_core.pair_selection`). In between come checks, which have an answer that hardly
anybody doubts, and repeats, an earlier pair with its sides exchanged: both measure how carefully one labels.

What an answer is like the deck reads as the gold judge does; what one ought to prefer it does not know.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, lru_cache
from itertools import permutations
from types import MappingProxyType

import torch

from lab import models, reward
from lab.store import Lab, Label, NewPair, Store
from rlhf_core.corpus import CATEGORIES, Prompt
from rlhf_core.gold import REFERENCE_VALUES, STYLE_ATTRIBUTES
from rlhf_core.language_model import MiniLM
from rlhf_core.pair_selection import SELECTIONS, least_shown, select

NAME = "deck"
"""Under which a lab keeps its settings."""
CONTRASTS, DILEMMAS = 8, 6
"""How many of each come first."""
CHECK, REPEAT = "check", "repeat"
CHECK_EVERY, REPEAT_EVERY = 12, 10
REPEAT_AFTER = 6
"""A pair comes again after so many others at the earliest."""
UNHELPFUL_SHARE = 0.1
"""At most this share of the pairs has two answers of no help."""
POOL = 200
"""Candidates among which a pair is chosen."""
FIRST_TOP_UPS, TOP_UP_DRAWS = 3, 20
"""How often an empty pool is topped up at once, by a pair of each category, and how often it is tried."""
KEPT_POOLS = 16
DRAW_ANSWERS, DRAWS = 6, 6
"""Answers to a question of each category that are drawn to find a contrast, a dilemma or a check, and how often."""
HARMFUL = "harmful"
CLEAR = 0.3
"""Answers that differ by as much in an attribute are told apart by it; see `GoldJudge` for the scales."""
SAME = 0.05
CONTRASTED = ("help", "harm", "honesty", "politeness", "flattery", *STYLE_ATTRIBUTES)
"""What a contrast may be in."""
LENGTH = 0.5
"""Answers of a contrast differ in length by less, in tens of words."""
Attributes = Mapping[str, float]
Seen = Label | NewPair
"""A pair that was shown, with what a person said of it or without."""
Kind = Callable[[str, Attributes, Attributes], str | None]
"""Tells of a category and two answers why they are worth reading, or None."""
Drawn = list[tuple[Prompt, list[str]]]
"""Questions, each with answers to it."""
_lock = threading.Lock()
_pools: OrderedDict[tuple[str, str, str, int], tuple[NewPair, ...]] = OrderedDict()
_drawn: OrderedDict[tuple[object, ...], Drawn] = OrderedDict()
"""Answers that were written ahead, by all that they depend on."""


@dataclass(frozen=True, kw_only=True)
class DeckSettings:
    """What a lab wishes of its deck."""

    way: str = "uncertain"
    """One of `SELECTIONS`: how pairs are chosen after the first ones."""
    introduction: bool = True
    """Whether contrasts and dilemmas come first."""
    harmful: bool = True
    """Whether questions for something harmful are asked."""
    checks: bool = True
    repeats: bool = True

    def __post_init__(self) -> None:
        if self.way not in SELECTIONS:
            raise ValueError(f"There is no way {self.way!r} to choose pairs; choose one of {', '.join(SELECTIONS)}.")


def settings(store: Store, lab: Lab) -> DeckSettings:
    """What a lab wishes; the usual where it said nothing."""
    known = store.kept(lab.id, NAME) or {}
    return DeckSettings(**{one.name: known[one.name] for one in fields(DeckSettings) if one.name in known})


def keep_settings(store: Store, lab: Lab, wished: DeckSettings) -> None:
    """Keep what a lab wishes."""
    store.keep(lab.id, NAME, asdict(wished))


def better(label: Label) -> str:
    """Which answer of a label's pair, a or b, is the better one by the reference values."""
    a, b = (_read(label.language, label.prompt, text) for text in (label.response_a, label.response_b))
    return "a" if REFERENCE_VALUES.score(a) > REFERENCE_VALUES.score(b) else "b"


@dataclass(frozen=True)
class Deal:
    """The pairs that may come next."""

    pairs: tuple[NewPair, ...]
    differences: torch.Tensor | None = None
    """(pairs, features) of the attribute encoder, a - b of each; None where there is no choice."""


@dataclass(frozen=True)
class _Find:
    """A pair of answers, and why it is shown."""

    pair: NewPair
    category: str


class Deck:
    """The pairs of a lab, written by a policy, in the language that the lab has."""

    def __init__(
        self, store: Store, lab: Lab, policy_id: str, rng: torch.Generator, *, wished: DeckSettings | None = None,
        weights: Callable[[], torch.Tensor] | None = None, enough: int = POOL,
    ) -> None:  # fmt: skip
        """wished: in place of the lab's settings. weights: of the reward model that knows which pair is unsure, in
        place of that of all people's labels of now. enough: candidates; no more are drawn while there are so many."""
        self._store, self._lab, self._policy_id, self._rng = store, lab, policy_id, rng
        self._wished = wished or settings(store, lab)
        self._enough = enough
        self._weights = weights or (lambda: reward.fit(store, lab, "human").model.weights)

    @property
    def wished(self) -> DeckSettings:
        """What the lab wishes, as it was read."""
        return self._wished

    def next_pair(self, labels: Sequence[Seen]) -> NewPair | None:
        """The pair to show after a person's labels, or after the pairs of a class, oldest first; only labels are
        repeated. None if there is nothing to compare: the model answers every question in one way only."""
        if (deal := self.deal(labels)) is None:
            return None
        pair = self.pick(deal, self._weights())
        self.take(pair)
        return pair

    def deal(self, labels: Sequence[Seen]) -> Deal | None:
        """The pairs that may come after these labels: what the last one says decides among them alone. None if there
        is nothing to compare."""
        if self._repeats_at(len(labels) + 1):
            pair = self._repeat([label for label in labels if isinstance(label, Label)])
        else:
            kind = self._kind([label.why for label in labels])
            pair = self._find(kind, labels) if kind else None
        return Deal((pair,)) if pair else self._candidates(labels)

    def pick(self, deal: Deal, weights: torch.Tensor) -> NewPair:
        """The one of a deal that is best in the lab's way for a reward model of these weights."""
        if deal.differences is None:
            return deal.pairs[0]
        chosen = deal.pairs[select(self._wished.way, deal.differences, weights, self._rng)]
        return replace(chosen, why=self._wished.way)  # it may have been drawn before the lab wished so

    def take(self, pair: NewPair) -> None:
        """A pair that is shown is no candidate any more."""
        self._keep_pool([one for one in self._pool() if _texts(one) != _texts(pair)])

    def _repeats_at(self, turn: int) -> bool:
        return self._wished.repeats and turn % REPEAT_EVERY == 0

    def _kind(self, whys: Sequence[str]) -> Kind | None:
        """What the pair after those shown for these reasons has to be, if it is not one that is chosen."""
        if self._wished.checks and (len(whys) + 1) % CHECK_EVERY == 0:
            return _check
        chosen = sum(why not in (CHECK, REPEAT) for why in whys)
        if not self._wished.introduction or chosen >= CONTRASTS + DILEMMAS:
            return None
        return _contrast if chosen < CONTRASTS else _dilemma

    def ahead(self, whys: Sequence[str]) -> Callable[[], None] | None:
        """What the model can write beforehand for the pair after those shown for these reasons, the last of which
        stands before the person: it depends on no answer of theirs. None if nothing is wanted. What is returned reads
        no store, so another thread may run it."""
        kind = None if self._repeats_at(len(whys) + 1) else self._kind(whys)
        n = DRAW_ANSWERS if kind else 2
        key, pool = self._drawn_key(n), len(self._pool())
        times = DRAWS if kind else 1 if pool else FIRST_TOP_UPS + 1  # of which some are of two equal answers
        with _lock:
            if key in _drawn or (pool >= self._enough and not kind):
                return None
        policy = models.policy(self._store, self._lab.language, self._policy_id)

        def draw() -> None:
            found: Drawn = []
            for _ in range(times):
                found += self._write(policy, n)
                if kind and any(True for _ in self._kind_in(found, kind)):
                    break
            if not kind:
                asked, texts = zip(*[(prompt.text, text) for prompt, both in found for text in both], strict=True)
                models.features(self._lab.language, "attributes", asked, texts)
            with _lock:
                _drawn[key] = found
                while len(_drawn) > KEPT_POOLS:
                    _drawn.popitem(last=False)

        return draw

    def _repeat(self, labels: Sequence[Label]) -> NewPair | None:
        """An earlier pair of which one answer was preferred; it comes once more at most."""
        repeated = {label.repeat_of for label in labels}
        earlier = [
            label
            for label in labels[:-REPEAT_AFTER]
            if label.choice in ("a", "b") and label.why not in (CHECK, REPEAT) and label.pair_id not in repeated
        ]
        if not earlier:
            return None
        old = earlier[self._random(len(earlier))]
        return NewPair(
            language=old.language, prompt=old.prompt, response_a=old.response_a, response_b=old.response_b,
            policy_id=old.policy_id, why=REPEAT, repeat_of=old.pair_id,
        )  # fmt: skip

    def _find(self, kind: Kind, labels: Sequence[Seen]) -> NewPair | None:
        """A pair of a kind: of those in one draw the one whose reason, then category, was shown least often."""
        reasons, categories = Counter(label.why for label in labels), self._shown(labels)
        for _ in range(DRAWS):
            found = [find for find in self._pairs_of_kind(kind) if _helpful(find.pair) or self._spare_unhelpful(labels)]
            if found:
                found = [found[i] for i in least_shown([find.pair.why for find in found], reasons)]
                found = [found[i] for i in least_shown([find.category for find in found], categories)]
                pair = found[self._random(len(found))].pair
                return (
                    replace(pair, response_a=pair.response_b, response_b=pair.response_a) if self._random(2) else pair
                )
        return None

    def _pairs_of_kind(self, kind: Kind) -> Iterator[_Find]:
        yield from self._kind_in(self._draw(DRAW_ANSWERS), kind)

    def _kind_in(self, drawn: Drawn, kind: Kind) -> Iterator[_Find]:
        for prompt, texts in drawn:
            read = {text: _read(self._lab.language, prompt.text, text) for text in texts if text}
            for a, b in permutations(read, 2):
                if why := kind(prompt.category, read[a], read[b]):
                    yield _Find(self._new(prompt, a, b, why), prompt.category)

    def _candidates(self, labels: Sequence[Seen]) -> Deal | None:
        """The candidates of the categories shown least often so far."""
        pool = self._topped_up()
        if not self._spare_unhelpful(labels):
            pool = [pair for pair in pool if _helpful(pair)] or pool
        if not pool:
            return None
        find = models.assets(self._lab.language).grammar.find
        categories = [_category(find(pair.prompt)) for pair in pool]
        fair = [pool[i] for i in least_shown(categories, self._shown(labels))]
        prompts = [pair.prompt for pair in fair]
        a, b = (
            models.features(self._lab.language, "attributes", prompts, [getattr(pair, side) for pair in fair])
            for side in ("response_a", "response_b")
        )
        return Deal(tuple(fair), a - b)

    def _topped_up(self) -> list[NewPair]:
        """The candidates that the lab wishes, after a few more were drawn: of each category one at a click."""
        pool, allowed = list(self._pool()), self._categories()
        find = models.assets(self._lab.language).grammar.find
        least = 0 if pool else FIRST_TOP_UPS * len(allowed)
        for attempt in range(TOP_UP_DRAWS):
            if len(pool) >= self._enough or (attempt and len(pool) >= least):
                break
            pool += [
                self._new(prompt, a, b, self._wished.way) for prompt, (a, b) in self._draw(2) if a and b and a != b
            ]
        self._keep_pool(pool)
        return [pair for pair in pool if _category(find(pair.prompt)) in allowed]

    def _draw(self, n: int) -> Drawn:
        """n answers of the policy to a random training prompt of each category; those written ahead, if there are."""
        with _lock:
            ready = _drawn.pop(self._drawn_key(n), None)
        return ready or self._write(models.policy(self._store, self._lab.language, self._policy_id), n)

    def _drawn_key(self, n: int) -> tuple[object, ...]:
        return (*self._pool_key, n, *self._categories())

    def _write(self, policy: MiniLM, n: int) -> Drawn:
        by_category = _prompts(self._lab.language)
        prompts = [by_category[name][self._random(len(by_category[name]))] for name in self._categories()]
        asked = [prompt.text for prompt in prompts for _ in range(n)]
        tokenizer = models.assets(self._lab.language).tokenizer
        texts = [one.text for one in policy.generate(asked, tokenizer=tokenizer, rng=self._rng)]
        return [(prompt, texts[i * n : (i + 1) * n]) for i, prompt in enumerate(prompts)]

    def _new(self, prompt: Prompt, a: str, b: str, why: str) -> NewPair:
        return NewPair(
            language=self._lab.language, prompt=prompt.text, response_a=a, response_b=b, policy_id=self._policy_id,
            why=why,
        )  # fmt: skip

    def _categories(self) -> list[str]:
        return [name for name in _prompts(self._lab.language) if self._wished.harmful or name != HARMFUL]

    def _shown(self, labels: Sequence[Seen]) -> Counter[str]:
        find = models.assets(self._lab.language).grammar.find
        return Counter(_category(find(label.prompt)) for label in labels)

    def _spare_unhelpful(self, labels: Sequence[Seen]) -> bool:
        """Whether two answers of no help may be shown once more."""
        find = models.assets(self._lab.language).grammar.find
        read = [label for label in labels if find(label.prompt)]  # a file's questions may be none of the grammar's
        return sum(not _helpful(label) for label in read) + 1 <= UNHELPFUL_SHARE * (len(labels) + 1)

    def _random(self, n: int) -> int:
        return int(torch.randint(n, (), generator=self._rng))

    # Candidates, in this process alone

    @cached_property
    def _pool_key(self) -> tuple[str, str, str, int]:
        run = models.run_of(self._store, self._policy_id)
        return self._lab.key, self._lab.language, self._policy_id, run.step if run else 0

    def _pool(self) -> tuple[NewPair, ...]:
        with _lock:
            return _pools.get(self._pool_key, ())

    def _keep_pool(self, pool: Sequence[NewPair]) -> None:
        key = self._pool_key
        with _lock:
            _pools[key] = tuple(pool)
            _pools.move_to_end(key)
            while len(_pools) > KEPT_POOLS:
                _pools.popitem(last=False)


@lru_cache
def _prompts(language: str) -> Mapping[str, Sequence[Prompt]]:
    """The training prompts of each category."""
    prompts = models.assets(language).grammar.split("train")
    return {name: [prompt for prompt in prompts if prompt.category == name] for name in CATEGORIES}


def _texts(pair: Seen) -> tuple[str, str, str]:
    return pair.prompt, pair.response_a, pair.response_b


def _category(prompt: Prompt | None) -> str:
    return prompt.category if prompt else ""


@lru_cache(maxsize=models.KEPT_FEATURES)
def _read(language: str, prompt: str, text: str) -> Attributes:
    """What the judge reads from an answer to a question of the grammar."""
    assets = models.assets(language)
    asked = assets.grammar.find(prompt)
    assert asked is not None, "pairs are made of the grammar's own prompts"
    return MappingProxyType(assets.judge.attributes(asked, text))


def _helpful(pair: Seen) -> bool:
    """Whether one of the answers is of some help."""
    return any(_read(pair.language, pair.prompt, text)["help"] > 0 for text in (pair.response_a, pair.response_b))


# What makes a pair worth reading, by its category and the attributes of its answers: the reason, or None.


def _contrast(category: str, x: Attributes, y: Attributes) -> str | None:
    """Two sound answers that differ in one attribute alone: "contrast:<attribute>"."""
    if not (_sound(x) and _sound(y)) or abs(x["length"] - y["length"]) >= LENGTH:
        return None
    differ = [name for name in x if name != "length" and abs(x[name] - y[name]) > SAME]
    if len(differ) != 1 or differ[0] not in CONTRASTED:
        return None
    return f"contrast:{differ[0]}" if x[differ[0]] - y[differ[0]] >= CLEAR else None


def _dilemma(category: str, x: Attributes, y: Attributes) -> str | None:
    """Two sound answers, each of which has something that the other lacks: "dilemma:<name>"."""
    if not (_sound(x) and _sound(y)) or x["harm"] or y["harm"]:
        return None
    rude = x["politeness"] < 0 and x["help"] >= 0.5 and x["honesty"] >= 0 and not x["flattery"]
    if rude and y["flattery"] > 0 and y["politeness"] >= 0 and y["help"] == 0:
        return "dilemma:rude"
    civil = all(one["politeness"] >= 0 and not one["flattery"] for one in (x, y))
    if category == "unknowable" and civil and x["honesty"] >= CLEAR and y["honesty"] <= -CLEAR:
        return "dilemma:doubt"
    alike = all(abs(x[name] - y[name]) <= SAME for name in ("help", "flattery", "honesty")) and x["help"] > 0
    if not alike:
        return None
    if "pirate" in x:
        plain = all(y[name] == 0 for name in STYLE_ATTRIBUTES if name in y)
        return "dilemma:pirate" if x["pirate"] >= CLEAR and plain and x["politeness"] == y["politeness"] else None
    return "dilemma:formal" if x["formal"] >= CLEAR and y["casual"] >= CLEAR and not y["formal"] else None


def _check(category: str, x: Attributes, y: Attributes) -> str | None:
    """An answer that hardly anybody doubts against one that harms, or is useless and broken."""
    good = _sound(x) and x["help"] == 1 and not x["harm"] and not x["flattery"] and x["length"] == 0
    good = good and x["honesty"] >= 0 and x["politeness"] >= 0 and not any(x.get(name) for name in STYLE_ATTRIBUTES)
    return CHECK if good and (y["harm"] or (y["help"] == 0 and y["invalid"] > 0)) else None


def _sound(x: Attributes) -> bool:
    return x["invalid"] == 0 and x["repetition"] == 0
