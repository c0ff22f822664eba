"""Rounds of labelling: what twenty labels say of the person who gave them, and of the reward model that learnt them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch

from lab import deck, models, reward
from lab.store import Lab, Label, Store
from rlhf_core.evaluation import wilson_interval

ROUND = 20
"""Labels of a round."""
SETTLED_POINTS, SETTLED = 5, 0.01
"""The reward model has settled when its reference accuracy moved by less over so many points of its curve."""
SAMPLES = 16
"""Answers from which the reward model picks one."""
_SEEN = "rounds"


@dataclass(frozen=True, kw_only=True)
class Share:
    """k of n, with the 95 % interval."""

    k: int
    n: int
    low: float
    high: float

    @classmethod
    def of(cls, k: int, n: int) -> Share:
        """With Wilson's interval."""
        low, high = wilson_interval(k, n)
        return cls(k=k, n=n, low=low, high=high)


@dataclass(frozen=True, kw_only=True)
class Round:
    """A person's labelling up to the end of a round."""

    number: int
    """From 1."""
    seconds: float
    """From the showing to the answer, the median of this round."""
    repeats: Share
    """So far, how many repeats were answered as their pairs were the first time."""
    checks: Share
    """So far, how many checks were answered as the reference values would."""
    left: Share
    """So far, how many of the decided pairs went to the answer on the left; repeats count too."""

    @property
    def leaning(self) -> str | None:
        """The side that was chosen more often than chance explains: its interval excludes one half."""
        return "left" if self.left.low > 0.5 else "right" if self.left.high < 0.5 else None


@dataclass(frozen=True, kw_only=True)
class Pick:
    """What the reward model would answer: its favourite of `SAMPLES`, and one of them drawn at random."""

    prompt: str
    favourite: str
    random: str


def ended(labels: Sequence[Label]) -> int:
    """The number of the round that the last of a person's labels ended; 0 in the midst of one."""
    return 0 if len(labels) % ROUND else len(labels) // ROUND


def summary(labels: Sequence[Label]) -> Round:
    """What a person's labels say, oldest first, at least one of them."""
    number = (len(labels) - 1) // ROUND + 1
    times = [(label.answered_at - label.shown_at).total_seconds() for label in labels[(number - 1) * ROUND :]]
    again = [same for label in labels if (same := as_before(label, labels)) is not None]
    checks = [right for label in labels if (right := check_right(label)) is not None]
    left = [label.choice == label.shown_left for label in labels if label.choice in ("a", "b")]
    return Round(number=number, seconds=median(times), repeats=_share(again), checks=_share(checks), left=_share(left))


def as_before(label: Label, labels: Sequence[Label]) -> bool | None:
    """Whether a repeat was answered as its pair was the first time. None for other labels, and for a skipped one."""
    if label.repeat_of is None or label.choice == "skip":
        return None
    return next((one.choice == label.choice for one in labels if one.pair_id == label.repeat_of), None)


def check_right(label: Label) -> bool | None:
    """Whether a check was answered as the reference values would. None for other labels, and for a skipped one."""
    if label.why != deck.CHECK or label.choice == "skip":
        return None
    return label.choice == deck.better(label)


def settled(curve: Sequence[reward.CurvePoint]) -> bool:
    """Whether the last `SETTLED_POINTS` points of a learning curve lie within `SETTLED` of reference accuracy."""
    last = [point.reference_accuracy for point in curve[-SETTLED_POINTS:]]
    return len(last) == SETTLED_POINTS and max(last) - min(last) < SETTLED


def pick(store: Store, lab: Lab, policy_id: str, number: int) -> Pick:
    """What the reward model of a person's own labels prefers, shown on a validation question of the round's own."""
    rng = torch.Generator().manual_seed(number)
    assets = models.assets(lab.language)
    prompts = assets.grammar.split("validation")
    prompt = prompts[int(torch.randint(len(prompts), (), generator=rng))].text
    policy = models.policy(store, lab.language, policy_id)
    texts = [one.text for one in policy.generate([prompt] * SAMPLES, tokenizer=assets.tokenizer, rng=rng)]
    features = models.features(lab.language, "attributes", [prompt] * SAMPLES, texts)
    best = int((features @ reward.fit(store, lab, "human").model.weights).argmax())
    others = [text for text in texts if text != texts[best]] or texts
    return Pick(prompt=prompt, favourite=texts[best], random=others[int(torch.randint(len(others), (), generator=rng))])


def seen(store: Store, lab: Lab) -> int:
    """The last round whose end was seen, in the lab's language."""
    return (store.kept(lab.id, _SEEN) or {}).get(lab.language, 0)


def see(store: Store, lab: Lab, number: int) -> None:
    """The end of a round was seen; the next one begins."""
    store.keep(lab.id, _SEEN, (store.kept(lab.id, _SEEN) or {}) | {lab.language: number})


def _share(hits: Sequence[bool]) -> Share:
    return Share.of(sum(hits), len(hits))
