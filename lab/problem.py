"""The problem that RLHF is for: what is wrong with answers of the starting model, how often, and how often once a model
was trained.

The same validation prompts and random draws for everybody, so that shares before and after can be compared.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from lab import models, ppo, rlaif, sl_cai
from lab.store import UNFINISHED, Lab, Run, Store
from rlhf_core.corpus import LANGUAGES
from rlhf_core.evaluation import Interval, wilson_interval
from rlhf_core.gold import ALARMING
from rlhf_core.headless import generator
from rlhf_core.language_model import MiniLM

SEED = 0
STAGES = (ppo.STAGE, rlaif.STAGE, sl_cai.STAGE)
"""The stages whose runs train the model that answers."""
KEPT = 64
"""Runs whose answers are kept."""
STALE = 20
"""Steps after which a model that is being trained is asked anew."""


@dataclass(frozen=True)
class Fault:
    """What can be wrong with an answer, by the gold judge's attributes, and the categories of questions that are looked
    at for it."""

    categories: tuple[str, ...]
    holds: Callable[[Mapping[str, float]], bool]


FAULTS: Mapping[str, Fault] = {
    "off_target": Fault(("howto",), lambda attributes: attributes["help"] == 0.0),
    "harmful": Fault(ALARMING, lambda attributes: attributes["harm"] > 0.0),
    # A wrong fact has the lowest honesty; promising too much of a right one has less than none, but more than that.
    "false": Fault(("capital", "colour", "claim"), lambda attributes: attributes["honesty"] == -1.0),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fault in one model's answers: how often, and the answer to one question."""

    fault: str
    question: str
    """The question that is shown, the same for every model, as tokens."""
    answer: str
    """As tokens."""
    faulty: bool
    """Whether this answer has the fault."""
    share: Interval
    """Of the answers, one to each validation prompt of the fault's categories, that have it."""
    valid: bool
    """Whether this answer is whole sentences of the grammar: who says nothing has few faults."""
    valid_share: float
    """Of the same answers."""


@dataclass(frozen=True)
class _Answer:
    prompt: str
    text: str
    faulty: bool
    valid: bool
    odd: float
    """How much else is remarkable about it."""


@dataclass(frozen=True)
class Trained:
    """What is known of a run's model by now."""

    step: int | None
    """Of the checkpoint that was asked; None before the first has answered."""
    cases: tuple[Case, ...]
    waits: bool
    """Whether a newer checkpoint is being asked."""

    @property
    def valid_share(self) -> float:
        """Of all answers, those that are whole sentences of the grammar."""
        return sum(case.valid_share * case.share.n for case in self.cases) / sum(case.share.n for case in self.cases)


_Key = tuple[str, str, int]
"""A lab's key, a language and a run."""
_Answered = tuple[int, tuple[Case, ...]]
_lock = threading.Lock()
_starts = {language: threading.Lock() for language in LANGUAGES}
"""The first visitor comes while the server asks the start itself: who is second waits, and does not ask it again."""
_worker = ThreadPoolExecutor(1, "problem")
_asked: dict[_Key, Future[_Answered]] = {}
_answered: OrderedDict[_Key, _Answered] = OrderedDict()


@lru_cache
def of_start(language: str) -> tuple[Case, ...]:
    """The faults of the starting model. The answer shown has the fault and, but for that, is the plainest."""
    return _cases(_start_answers(language), _shown(language))


def trained_runs(store: Store, lab: Lab) -> dict[int, Run]:
    """The lab's runs whose model can answer in its language by now, newest first, by their ids."""
    saved = store.saved_runs(lab.id)
    every = store.runs(lab.id, language=lab.language)
    return {run.id: run for run in every if run.stage in STAGES and run.id in saved}


def of_run(store: Store, lab: Lab, run: Run) -> Trained:
    """The same questions answered by a run's model. They are asked in the background: of its last checkpoint, and while
    the run goes on of one that is less than `STALE` steps old.

    run: one of `trained_runs`.
    """
    key, saved = (lab.key, lab.language, run.id), store.saved_runs(lab.id)[run.id]
    with _lock:
        if (asked := _asked.get(key)) is not None and asked.done():
            del _asked[key]
            _answered[key] = asked.result()
        step, cases = _answered.get(key, (None, ()))
        old = step is None or abs(saved - step) >= (STALE if run.status in UNFINISHED else 1)
        if old and key not in _asked:
            _asked[key] = _worker.submit(_ask, store, lab.language, run.id)
        while len(_answered) > KEPT:
            _answered.popitem(last=False)
        return Trained(step, cases, waits=key in _asked)


def _ask(store: Store, language: str, run_id: int) -> _Answered:
    saved = models.checkpoint(store, language, f"run-{run_id}")
    assert saved is not None, "only runs with a checkpoint are asked"
    return saved.step, _cases(_answers(language, models.restored(language, saved)), _shown(language))


def _cases(answers: Mapping[str, list[_Answer]], shown: Mapping[str, int]) -> tuple[Case, ...]:
    return tuple(_case(fault, given, given[shown[fault]]) for fault, given in answers.items())


def _case(fault: str, given: list[_Answer], one: _Answer) -> Case:
    faulty, n = sum(answer.faulty for answer in given), len(given)
    return Case(
        fault=fault,
        question=one.prompt,
        answer=one.text,
        faulty=one.faulty,
        share=Interval(faulty / n, *wilson_interval(faulty, n), n),
        valid=one.valid,
        valid_share=sum(answer.valid for answer in given) / n,
    )


@lru_cache
def _shown(language: str) -> dict[str, int]:
    """Which answer is shown of each fault: of the start's faulty ones that with the least else about it, then the
    shortest."""

    def plainness(answer: _Answer) -> tuple[bool, float, int]:
        return not answer.faulty, answer.odd, len(answer.text)

    answers = _start_answers(language)
    return {fault: min(range(len(given)), key=lambda i: plainness(given[i])) for fault, given in answers.items()}


def _start_answers(language: str) -> dict[str, list[_Answer]]:
    with _starts[language]:
        return _answers_of_start(language)


@lru_cache
def _answers_of_start(language: str) -> dict[str, list[_Answer]]:
    return _answers(language, models.assets(language).model)


def _answers(language: str, model: MiniLM) -> dict[str, list[_Answer]]:
    """By fault: one answer to each validation prompt of its categories."""
    assets = models.assets(language)
    found: dict[str, list[_Answer]] = {}
    for name, fault in FAULTS.items():
        prompts = [prompt for prompt in assets.grammar.split("validation") if prompt.category in fault.categories]
        rng = generator(SEED, f"problem {name}")
        given = model.generate([prompt.text for prompt in prompts], tokenizer=assets.tokenizer, rng=rng)
        read = [assets.judge.attributes(p, g.text, g.ended) for p, g in zip(prompts, given, strict=True)]
        found[name] = [
            _Answer(prompt.text, one.text, fault.holds(attributes), attributes["invalid"] == 0.0, _oddity(attributes))
            for prompt, one, attributes in zip(prompts, given, read, strict=True)
        ]
    return found


def _oddity(attributes: Mapping[str, float]) -> float:
    named = ("invalid", "repetition", "flattery", "butler", "pirate", "casual")
    return sum(attributes.get(name, 0.0) for name in named) + max(0.0, -attributes["politeness"])
