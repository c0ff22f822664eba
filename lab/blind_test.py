"""The blind test: a run's model before its training and after, in random order, before a person who chooses.

Both answer validation prompts from the same random draws; where both say the same there is nothing to choose, so only
other questions are asked. All of it is drawn when the test begins and kept with the lab, so that a test outlives a
change of page, a reload, and what becomes of the run.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import torch

from lab import models, states
from lab.labelling import TOO_FAST
from lab.store import Lab, Run, Store, now
from lab.training import shuffled
from rlhf_core.corpus import Prompt
from rlhf_core.evaluation import EVEN, Interval, wilson_interval
from rlhf_core.headless import generator
from rlhf_core.language_model import MiniLM

LENGTHS = (10, 20)
"""How many questions a test may have."""
CHOICES = ("left", "right", "tie")
ASKED_FIRST = 2
"""So many times the questions of a test are answered at first; where too few differ, all validation prompts."""
MOST_KEPT = 50
"""Tests of a lab that are remembered."""
_NAME = "blind_tests"
_lock = threading.Lock()  # a test is read and written as a whole


class BlindTestError(ValueError):
    """A test that can't be made. reason: a word for it, see `ui/locales`, whose sentence has the slots."""

    def __init__(self, reason: str, sentence: str, **slots: object) -> None:
        super().__init__(sentence)
        self.reason, self.slots = reason, slots


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question with both answers, as tokens, and what was chosen."""

    prompt: str
    before: str
    after: str
    left: str
    """Which of them stands on the left."""
    choice: str | None = None
    """ "before", "after", "tie", or None as long as it is not answered."""

    @property
    def sides(self) -> tuple[str, str]:
        """The answers as they stand, left and right."""
        return (self.before, self.after) if self.left == "before" else (self.after, self.before)


@dataclass(frozen=True, kw_only=True)
class BlindTest:
    """A test of one run, as of one checkpoint."""

    id: str
    policy: str
    """ "run-<id>"."""
    number: int
    """The run's, as pages call it."""
    step: int
    language: str
    same: int
    """Questions that were passed over since both models answered them in the same words."""
    answered_at: str
    """When the last answer was given, or the test begun; ISO 8601."""
    told: bool
    """Whether it was told which is which: then the test is over."""
    questions: tuple[Question, ...]

    @property
    def at(self) -> int | None:
        """The place of the question that waits for an answer; None when the test is over."""
        if self.told:
            return None
        return next((i for i, one in enumerate(self.questions) if one.choice is None), None)

    @property
    def showing(self) -> str:
        """Names the question that waits for an answer: an answer to any other counts for nothing. "" when over."""
        return "" if self.at is None else f"{self.id}-{self.at}"

    @property
    def answered(self) -> list[Question]:
        return [one for one in self.questions if one.choice is not None]


def begin(store: Store, lab: Lab, run: Run, n: int, seed: int | None = None) -> BlindTest:
    """A test of n questions on a run's model as it is now; another that waits for an answer is over. BlindTestError if
    the run has no model yet, or one that answers as before."""
    if n not in LENGTHS:
        raise ValueError(f"A blind test has {' or '.join(map(str, LENGTHS))} questions, not {n}.")
    saved = models.checkpoint(store, lab.language, f"run-{run.id}")
    if saved is None:
        sentence = f"Run {run.number} has no model yet; let it do its first step."
        raise BlindTestError("untrained", sentence, run=run.number)
    before = models.beginning(store, run.inputs)
    after = models.with_weights(before, states.load(saved.data)["policy"])
    seed = secrets.randbits(31) if seed is None else seed
    questions, same = _draw(lab.language, (before, after), n, seed)
    test = BlindTest(
        id=secrets.token_hex(4), policy=f"run-{run.id}", number=run.number, step=saved.step, language=lab.language,
        same=same, answered_at=now().isoformat(), told=False, questions=tuple(questions),
    )  # fmt: skip
    with _lock:
        others = [replace(one, told=True) if one.language == lab.language else one for one in tests(store, lab)]
        _keep(store, lab, [*(one for one in others if one.answered or not one.told), test])
    return test


def _draw(language: str, models_: tuple[MiniLM, MiniLM], n: int, seed: int) -> tuple[list[Question], int]:
    """n questions that both answer differently, and how many were passed over before the last of them."""
    tokenizer, prompts = models.assets(language).tokenizer, _prompts(language, seed)
    given: list[list[str]] = []
    different: list[int] = []
    for asked in (prompts[: ASKED_FIRST * n], prompts):
        rngs = (generator(seed, "blind answers") for _ in models_)
        answers = (m.generate(asked, tokenizer=tokenizer, rng=rng) for m, rng in zip(models_, rngs, strict=True))
        given = [[one.text for one in texts] for texts in answers]
        different = [i for i, (before, after) in enumerate(zip(*given, strict=True)) if before != after][:n]
        if len(different) == n:
            break
    else:
        raise BlindTestError(
            "alike", "The model answers nearly every question as it did before training; let the run go on first."
        )
    sides = torch.rand(n, generator=generator(seed, "blind sides")) < 0.5
    questions = [
        Question(prompt=prompts[i], before=given[0][i], after=given[1][i], left="before" if left else "after")
        for i, left in zip(different, sides.tolist(), strict=True)
    ]
    return questions, different[-1] + 1 - n


def _prompts(language: str, seed: int) -> list[str]:
    """The validation prompts in the order of a seed."""
    prompts: Sequence[Prompt] = shuffled(models.assets(language).grammar.split("validation"))
    order = torch.randperm(len(prompts), generator=generator(seed, "blind questions"))
    return [prompts[i].text for i in order.tolist()]


def tests(store: Store, lab: Lab) -> list[BlindTest]:
    """The tests of a lab that are kept, oldest first."""
    return [_read(one) for one in store.kept(lab.id, _NAME) or []]


def current(store: Store, lab: Lab) -> BlindTest | None:
    """The test in the lab's language that waits for an answer."""
    return next((one for one in tests(store, lab) if one.language == lab.language and one.at is not None), None)


def over(store: Store, lab: Lab) -> list[BlindTest]:
    """The tests in the lab's language that are over, newest first."""
    found = [one for one in tests(store, lab) if one.language == lab.language and one.at is None and one.answered]
    return found[::-1]


def answer(store: Store, lab: Lab, showing: str, choice: str, at: datetime | None = None) -> bool:
    """Answer the question of a showing by a side or as equally good. False, and nothing kept, if it is not the one that
    waits for an answer, or has not been in sight for as long as reading takes."""
    if choice not in CHOICES:
        raise ValueError(f"There is no choice {choice!r}; choose one of {', '.join(CHOICES)}.")
    at = at or now()
    with _lock:
        found = tests(store, lab)
        for i, test in enumerate(found):
            soon = timedelta(0) <= at - datetime.fromisoformat(test.answered_at) < TOO_FAST
            if test.at is not None and test.showing == showing and not soon:
                questions = list(test.questions)
                questions[test.at] = _answered(questions[test.at], choice)
                found[i] = replace(test, questions=tuple(questions), answered_at=at.isoformat())
                _keep(store, lab, found)
                return True
    return False


def tell(store: Store, lab: Lab, test_id: str) -> None:
    """Tell which is which, and end the test with the answers that it has."""
    with _lock:
        _keep(store, lab, [replace(one, told=True) if one.id == test_id else one for one in tests(store, lab)])


def win_rate(test: BlindTest) -> Interval:
    """How often the person preferred the model after training, a tie counting half, with Wilson's interval."""
    return _rate([{"after": 1.0, "before": 0.0, "tie": 0.5}[one.choice or "tie"] for one in test.answered])


def reference_rate(test: BlindTest) -> Interval:
    """How often the reference values prefer it in the same pairs."""
    assets, wins = models.assets(test.language), []
    for one in test.answered:
        prompt = assets.grammar.find(one.prompt)
        assert prompt is not None, "the questions are the grammar's own prompts"
        difference = assets.judge.score(prompt, one.after) - assets.judge.score(prompt, one.before)
        wins.append(0.5 if abs(difference) <= EVEN else float(difference > 0))
    return _rate(wins)


def _rate(wins: Sequence[float]) -> Interval:
    n = len(wins)
    return Interval(sum(wins) / max(1, n), *wilson_interval(sum(wins), n), n)


def _answered(question: Question, choice: str) -> Question:
    right = "after" if question.left == "before" else "before"
    return replace(question, choice={"left": question.left, "right": right, "tie": "tie"}[choice])


def _keep(store: Store, lab: Lab, found: Sequence[BlindTest]) -> None:
    store.keep(lab.id, _NAME, [asdict(one) for one in found[-MOST_KEPT:]])


def _read(kept: dict[str, Any]) -> BlindTest:
    return BlindTest(**{**kept, "questions": tuple(Question(**one) for one in kept["questions"])})
