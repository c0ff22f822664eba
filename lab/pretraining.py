"""The pretraining job: a language model learns from nothing to answer, on dialogues drawn from the grammar.

What it makes is there to be looked at, on its own page: it replaces no policy, which all begin as the model that ships.
"""

from __future__ import annotations

import random
import statistics
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch

from lab import models, states, training
from lab.jobs import JobSpec
from lab.store import Lab, Run, Store
from rlhf_core import evaluation
from rlhf_core.architectures import Architecture
from rlhf_core.headless import generator
from rlhf_core.language_model import LanguageModel
from rlhf_core.pretraining import PretrainConfig, Pretrainer, dialogue_loss, schedule

STAGE = "pretrain"
STEPS_PER_ITERATION = 20
"""Optimiser steps in one step of the job, which is one point of its curves."""
DEFAULT_ITERATIONS = 40
MEASURED_PROMPTS = 128
"""Validation prompts that the share of valid answers is counted over."""
LOSS_PROMPTS = 256
"""Training prompts, each with a fresh response, that the shipped model's loss is measured on."""
REMEMBERED = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""The steps after which the first question's answer is kept, so that one sees it grow."""
KEPT_MODELS = 4
_lock = threading.Lock()
_models: OrderedDict[tuple[str, int, int], LanguageModel] = OrderedDict()


@dataclass(frozen=True, kw_only=True)
class PretrainRunMetrics:
    """Means of what the steps of one iteration measured, and at the first and every fifth what the model can do."""

    step: int
    pretrain_loss: float
    """Cross-entropy of the responses' tokens, in nats a token, before the updates."""
    learning_rate: float
    """After warm-up and decay."""
    dialogues: int
    """Seen so far."""
    cpu_seconds: float
    valid_share: float | None = None
    """Of answers to validation prompts, at temperature 1."""
    valid_share_low: float | None = None
    valid_share_high: float | None = None
    valid_share_n: int | None = None
    distinct_share: float | None = None


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    """Refuse what can't be trained, by a ValueError, and a change of the optimizer, which holds for a whole run.

    spec.inputs: "lab" (id), "architecture" and "size"; returned with "language", the lab's, and "optimizer".
    """
    Architecture(spec.inputs["architecture"], spec.inputs["size"])
    optimizer = pretrain_config(spec.config).optimizer
    if spec.inputs.get("optimizer", optimizer) != optimizer:
        raise ValueError("The optimizer holds for a whole run; start a new run with another one.")
    language = spec.inputs.get("language") or store.lab(spec.inputs["lab"]).language
    return replace(spec, inputs={**spec.inputs, "language": language, "optimizer": optimizer})


def build(spec: JobSpec, store: Store) -> PretrainJob:
    """The trainer of a prepared spec, at its first step."""
    return PretrainJob(spec)


def pretrain_config(config: Mapping[str, Any]) -> PretrainConfig:
    """The part of a run's config that is pretraining's. ValueError for a value out of range or a name it has not."""
    return training.settings(PretrainConfig, "Pretraining", config)


def untrained(inputs: Mapping[str, Any], seed: int) -> LanguageModel:
    """The model that a run begins with."""
    words = len(models.assets(inputs["language"]).tokenizer)
    return Architecture(inputs["architecture"], inputs["size"]).untrained(words, generator(seed, "weights"))


class PretrainJob:
    """A `lab.jobs.Trainer`."""

    def __init__(self, spec: JobSpec) -> None:
        self.assets = assets = models.assets(spec.inputs["language"])
        self._onlooker = training.Onlooker(assets, untrained(spec.inputs, spec.seed).eval(), spec.seed)
        self._history: list[tuple[int, str]] = []
        self.trainer = Pretrainer(
            untrained(spec.inputs, spec.seed), assets.grammar, assets.tokenizer, pretrain_config(spec.config), spec.seed
        )

    def step(self, config: Mapping[str, Any]) -> PretrainRunMetrics:
        """Some optimiser steps; the learning rate follows the schedule to config["iterations"], and without an end
        stays level after its warm-up."""
        asked, total = pretrain_config(config), (config.get("iterations") or 0) * STEPS_PER_ITERATION
        found = []
        for _ in range(STEPS_PER_ITERATION):
            done = self.trainer.steps_done
            factor = schedule(done / total if total else 0.0, done)
            found.append(self.trainer.step(replace(asked, learning_rate=asked.learning_rate * factor)))
        step = self.trainer.steps_done // STEPS_PER_ITERATION
        return PretrainRunMetrics(
            step=step,
            pretrain_loss=statistics.fmean(m.loss for m in found),
            learning_rate=statistics.fmean(m.learning_rate for m in found),
            dialogues=found[-1].dialogues,
            cpu_seconds=found[-1].cpu_seconds,
            **self._measured(step),
        )

    def samples(self) -> dict[str, Any]:
        """Six questions, as the untrained model answers them and as the model does now, from the same random draws; and
        how the first one's answer grew, as pairs of step and text."""
        found = self._onlooker.samples(self.trainer.model)
        step = self.trainer.steps_done // STEPS_PER_ITERATION
        if step in REMEMBERED:
            self._history.append((step, found["now"][0]))
        return {**found, "history": list(self._history)}

    def state_dict(self) -> dict[str, Any]:
        return {**self.trainer.state_dict(), "history": list(self._history)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state)
        self._history = [(step, text) for step, text in state["history"]]

    def _measured(self, step: int) -> dict[str, Any]:
        if not self._onlooker.looks_at(step):
            return {}
        answers = self._onlooker.answers(self.trainer.model, measured_prompts(self.assets.language), f"valid {step}")
        low, high = evaluation.wilson_interval(answers.valid_share * len(answers.texts), len(answers.texts))
        return {
            "valid_share": answers.valid_share,
            "valid_share_low": low,
            "valid_share_high": high,
            "valid_share_n": len(answers.texts),
            "distinct_share": answers.distinct_share,
        }


@lru_cache
def measured_prompts(language: str) -> list[Any]:
    """The validation prompts that every run is measured on."""
    return training.shuffled(models.assets(language).grammar.split("validation"))[:MEASURED_PROMPTS]


@lru_cache
def shipped(language: str) -> dict[str, float]:
    """What the model that ships reaches, by the metrics of a run: on the same validation prompts, and on fresh
    dialogues of the kind that a run learns from."""
    assets = models.assets(language)
    rng = generator(0, "shipped")
    answers = evaluation.answer(assets.model, assets.tokenizer, assets.judge, measured_prompts(language), rng)
    train = assets.grammar.split("train")
    prompts = [train[i] for i in torch.randperm(len(train), generator=rng)[:LOSS_PROMPTS].tolist()]
    loss = dialogue_loss(assets.model, assets.grammar, assets.tokenizer, prompts, random.Random(0))
    return {"valid_share": answers.valid_share, "pretrain_loss": loss}


# What runs have made, to be looked at.


def trained_runs(store: Store, lab: Lab) -> dict[str, Run]:
    """The lab's pretraining runs that have saved a model of the language it speaks now, newest first, by its name,
    "run-<id>"."""
    saved = store.saved_runs(lab.id)
    return {f"run-{run.id}": run for run in store.runs(lab.id, STAGE, lab.language) if run.id in saved}


def model(store: Store, lab: Lab, name: str) -> LanguageModel:
    """A model by its name: "start", the one that ships, or "run-<id>" of `trained_runs`, as of its last checkpoint; the
    one that ships also for a run that is no longer there."""
    run = trained_runs(store, lab).get(name)
    if run is None:
        return models.assets(lab.language).model
    key = (lab.key, run.id, store.saved_runs(lab.id)[run.id])
    with _lock:
        if key in _models:
            _models.move_to_end(key)
            return _models[key]
    saved = store.checkpoint(run.id)
    made = untrained(run.inputs, run.seed)
    if saved is not None:
        made.load_state_dict(states.load(saved.data)["model"])
    made.eval().requires_grad_(False)
    with _lock:
        _models[key] = made
        while len(_models) > KEPT_MODELS:
            _models.popitem(last=False)
    return made
