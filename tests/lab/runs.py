"""A run of PPO that nobody trained: its model is the start with some noise on its weights."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from lab import models, ppo, states
from lab.store import Lab, Run, Store
from rlhf_core.language_model import MiniLM
from rlhf_core.ppo import PPOConfig
from rlhf_core.reward_model import RewardModel


def noisy(start: MiniLM, noise: float, seed: int = 0) -> MiniLM:
    """A model like another, whose weights are off by normal noise."""
    rng = torch.Generator().manual_seed(seed)
    weights = start.state_dict()
    off = {name: value + noise * torch.randn(value.shape, generator=rng) for name, value in weights.items()}
    return models.with_weights(start, off)


def add_ppo_run(store: Store, lab: Lab, *, noise: float = 0.02, step: int = 5, **values: Any) -> Run:
    """A stopped run with a checkpoint; its reward model has learnt nothing."""
    made = {"seed": 0, "config": {}, "inputs": {}, "status": "stopped"} | values
    config = {**asdict(PPOConfig()), "iterations": 40, **made["config"]}
    inputs = {"lab": lab.id, "language": lab.language, "source": "both", "features": "attributes"}
    inputs |= {"labels_used": 12, "simulated_used": 12, **made["inputs"]}
    if "reward_model" not in inputs:
        untaught = RewardModel(models.extractor(lab.language, inputs["features"]))
        inputs["reward_model"] = ppo.keep_reward_model(store, lab.id, untaught, {"features": inputs["features"]})
    run_id = store.add_run(
        lab.id, stage="ppo", config=config, inputs=inputs, seed=made["seed"], status=made["status"], pace=None
    )
    start = models.assets(lab.language).model
    for at in range(1, step + 1):
        said = {"prompts": ["hello ."], "before": ["yes ."], "now": ["yes ." + " no ." * at]}
        rate = {"win_rate": 0.6, "win_rate_low": 0.5, "win_rate_high": 0.7, "win_rate_n": 64} if at % 5 == 0 else {}
        store.add_step(run_id, at, {"reward": at / 10, "gold": float(at), "kl": 0.1 * at, **rate}, said)
    state = {"policy": noisy(start, noise).state_dict(), "optimizer": {}, "steps_done": step}
    store.save_checkpoint(run_id, step, states.dump(state))
    return store.run(run_id)
