"""Same labels, which algorithm? The ways from labels to a policy, side by side.

PPO, RLOO and GRPO pay a policy for what a reward model of the labels thinks of its answers; DPO learns from the labels
themselves; best of n leaves the policy as it is and chooses among its answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlhf_core.dpo import DPOConfig, DPOTrainer
from rlhf_core.grpo import GRPOConfig, GRPOTrainer
from rlhf_core.language_model import MiniLM
from rlhf_core.ppo import PPOConfig, PPOTrainer
from rlhf_core.preferences import PreferenceDataset
from rlhf_core.rloo import RLOOConfig, RLOOTrainer
from rlhf_core.rollout import RewardFunction
from rlhf_core.tokenizer import SimpleTokenizer

BEST_OF_N = "best-of-n"
CONFIGS: Mapping[str, type[Any]] = {"ppo": PPOConfig, "rloo": RLOOConfig, "grpo": GRPOConfig, "dpo": DPOConfig}
"""The settings of each algorithm that trains; their defaults are what suits it here."""
TRAINED = tuple(CONFIGS)
ALGORITHMS = (*TRAINED, BEST_OF_N)
ITERATIONS: Mapping[str, int] = {"ppo": 100, "rloo": 200, "grpo": 90, "dpo": 80, BEST_OF_N: 0}
"""Of PPO as many as its step size falls over, of the others about as many CPU-seconds at most; DPO has learnt its
labels by heart long before."""
Trainer = PPOTrainer | RLOOTrainer | GRPOTrainer | DPOTrainer


@dataclass(frozen=True, kw_only=True)
class Task:
    """What all of them are given."""

    start: MiniLM
    tokenizer: SimpleTokenizer
    prompts: Sequence[str]
    """To be answered in training; DPO takes none but its labels'."""
    labels: PreferenceDataset
    """For DPO, and what the reward was fitted to."""
    reward: RewardFunction


def price_of_kl(algorithm: str) -> str:
    """The name of the setting that keeps a policy near its start."""
    return "beta" if algorithm == "dpo" else "kl_coef"


def make_trainer(algorithm: str, task: Task, config: Any, seed: int) -> Trainer:
    """The trainer of one of `TRAINED`, at its first step. config: its settings, of the class in `CONFIGS`."""
    if algorithm == "dpo":
        return DPOTrainer(task.start, task.labels, task.tokenizer, config, seed)
    given = (task.start, task.reward, task.prompts, task.tokenizer, config, seed)
    match algorithm:
        case "ppo":
            return PPOTrainer(*given)
        case "rloo":
            return RLOOTrainer(*given)
        case "grpo":
            return GRPOTrainer(*given)
        case _:
            raise ValueError(f"There is no algorithm {algorithm!r} that trains; choose one of {', '.join(TRAINED)}.")
