"""The stages that can be run: what makes a spec fit to be kept, and what makes its trainer."""

from __future__ import annotations

from collections.abc import Callable

from lab import algorithms, best_of_n, cloning, navigation_ppo, ppo, pretraining, reward_training, rlaif, sl_cai
from lab.jobs import JobSpec, Trainer
from lab.store import Store

STAGES: dict[str, tuple[Callable[[JobSpec, Store], JobSpec], Callable[[JobSpec, Store], Trainer]]] = {
    pretraining.STAGE: (pretraining.prepare, pretraining.build),
    reward_training.STAGE: (reward_training.prepare, reward_training.build),
    ppo.STAGE: (ppo.prepare, ppo.build),
    algorithms.STAGE: (algorithms.prepare, algorithms.build),
    best_of_n.STAGE: (best_of_n.prepare, best_of_n.build),
    sl_cai.STAGE: (sl_cai.prepare, sl_cai.build),
    rlaif.STAGE: (rlaif.prepare, ppo.build),
    cloning.STAGE: (cloning.prepare, cloning.build),
    navigation_ppo.STAGE: (navigation_ppo.prepare, navigation_ppo.build),
}


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    """See `Jobs`. ValueError for a stage that there is not, and for what the stage refuses."""
    if spec.stage not in STAGES:
        raise ValueError(f"There is no stage {spec.stage!r}; choose one of {', '.join(STAGES)}.")
    return STAGES[spec.stage][0](spec, store)


def build(spec: JobSpec, store: Store) -> Trainer:
    """See `Jobs`: the trainer of a spec that `prepare` returned."""
    return STAGES[spec.stage][1](spec, store)
