"""What the lab needs of rlhf_core's models, loaded once in a process and shared by its threads."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from lab import states
from lab.store import DELETED, Checkpoint, Run, Store
from rlhf_core.checkpoints import LanguageAssets, load_critic, load_maze_policy, load_start
from rlhf_core.critic import Critic
from rlhf_core.language_model import MiniLM
from rlhf_core.maze_language import Thought
from rlhf_core.reward_model import FeatureExtractor

START = "start"
"""The policy that every lab begins with; "run-<id>" is what a run has made of it."""
KEPT_FEATURES = 20_000
_lock = threading.RLock()  # two threads that ask at once must not both load
_features: OrderedDict[tuple[str, str, str, str], Tensor] = OrderedDict()


def assets(language: str) -> LanguageAssets:
    """Grammar, judge, vocabulary and shipped models of a language. CheckpointError if a file is missing or damaged."""
    with _lock:
        return load_start(language)


def critic(language: str) -> Critic:
    """The model that writes critiques and revisions. CheckpointError if its file is missing or damaged."""
    with _lock:
        return load_critic(language)


def maze_policy(thought: Thought) -> MiniLM:
    """The shipped policy of the maze that thinks so, frozen. CheckpointError if its file is missing or damaged."""
    with _lock:
        return load_maze_policy(thought)


def extractor(language: str, kind: str) -> FeatureExtractor:
    """The features of a kind, see `rlhf_core.reward_model.FEATURE_SETS`."""
    with _lock:
        return _extractor(language, kind)


@lru_cache
def _extractor(language: str, kind: str) -> FeatureExtractor:
    return load_start(language).extractor(kind)


def features(language: str, kind: str, prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
    """Features (batch, features) of answers, computed once for each: a click asks for hundreds of them again."""
    keys = [(language, kind, *texts) for texts in zip(prompts, responses, strict=True)]
    with _lock:
        found = {key: _features[key] for key in keys if key in _features}
    missing = [key for key in dict.fromkeys(keys) if key not in found]
    if missing:
        rows = extractor(language, kind).features([key[2] for key in missing], [key[3] for key in missing])
        found |= zip(missing, rows.unbind(), strict=True)
    with _lock:
        for key in keys:
            _features[key] = found[key]
            _features.move_to_end(key)
        while len(_features) > KEPT_FEATURES:
            _features.popitem(last=False)
    return torch.stack([found[key] for key in keys])


@lru_cache(maxsize=KEPT_FEATURES)
def unknown_words(language: str, text: str) -> tuple[str, ...]:
    """The words of a text that the vocabulary lacks. Such a text came in from outside and is kept as people write it;
    all others are tokens."""
    return tuple(assets(language).tokenizer.unknown(text))


def readable(language: str, prompt: str, *responses: str) -> bool:
    """Whether the models can read a question and its answers: no unknown word, and a question of a length they take."""
    longest = assets(language).model.config.prompt_length - 2  # its beginning and the separator take two places
    if not 0 < len(prompt.split()) <= longest:
        return False
    return not any(unknown_words(language, text) for text in (prompt, *responses))


def displayed(language: str, text: str) -> str:
    """A text of a pair as people read it."""
    return text if unknown_words(language, text) else assets(language).grammar.display(text)


def run_of(store: Store, policy_id: str) -> Run | None:
    """The run that made a policy; None for one that came with the app. KeyError for a run that there is not."""
    return store.run(int(policy_id.removeprefix("run-"))) if policy_id.startswith("run-") else None


def policy(store: Store, language: str, policy_id: str) -> MiniLM:
    """A policy by its name: "start", or "run-<id>" of whatever stage as of the run's last checkpoint (before the first,
    the start). ValueError for a run in another language, or deleted."""
    return restored(language, checkpoint(store, language, policy_id))


def checkpoint(store: Store, language: str, policy_id: str) -> Checkpoint | None:
    """What a policy has been saved as; None for the start and for a run that has saved nothing yet. ValueError for a
    run that was deleted, and for one in another language: its words are not this vocabulary's."""
    if (run := run_of(store, policy_id)) is None:
        return None
    if run.status == DELETED:
        raise ValueError(f"Run {run.number} was deleted, and its model with it; choose another model.")
    if (spoken := run.inputs["language"]) != language:
        raise ValueError(f"The model of run {run.number} speaks {spoken!r}, not {language!r}; let another model write.")
    return store.checkpoint(run.id)


def beginning(store: Store, inputs: Mapping[str, Any]) -> MiniLM:
    """The policy that a run with such inputs began with."""
    start = assets(inputs["language"]).model
    if "start_policy" not in inputs:
        return start
    return with_weights(start, states.load(store.artifact(inputs["start_policy"]).data))


def restored(language: str, saved: Checkpoint | None) -> MiniLM:
    """The policy of a checkpoint; without one, the start."""
    start = assets(language).model
    return start if saved is None else with_weights(start, states.load(saved.data)["policy"])


def with_weights(start: MiniLM, weights: dict[str, Tensor]) -> MiniLM:
    """A model of the same shape with other weights; the one given stays as it is."""
    trained = copy.deepcopy(start)
    trained.load_state_dict(weights)
    return trained
