"""The toy task by the trainers of `rlhf_core`, as they are: PPO, RLOO, GRPO and the reward model's training.

Run by `benchmarks.trl` in a process of its own: `python -m benchmarks.toy_ours ALGORITHM SEED MOST_STEPS`.
"ppo-whole" is PPO by whole returns: the task's λ of .95 leaves much to the critic, which is a linear head here and a
model of its own in TRL.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks import toy_task as task
from rlhf_core.grpo import GRPOConfig, GRPOTrainer
from rlhf_core.language_model import MiniLM, MiniLMConfig
from rlhf_core.neural_reward import NeuralReward, RewardConfig, RewardTrainer
from rlhf_core.ppo import PPOConfig, PPOTrainer
from rlhf_core.preferences import PreferenceData, PreferenceDataset
from rlhf_core.rloo import RLOOConfig, RLOOTrainer
from rlhf_core.tokenizer import SimpleTokenizer

NEVER = -1e4
"""Logit of a token that is not to be written: its probability is zero, its log-probability still a number."""
RL: dict[str, dict[str, Any]] = {
    "ppo": {
        "learning_rate": 1e-3, "epochs": task.EPOCHS, "minibatches": task.MINIBATCHES, "anneal_over": 0,
        "gae_lambda": 0.95,
    },
    "grpo": {
        "learning_rate": 1e-3, "epochs": task.EPOCHS, "minibatches": task.MINIBATCHES, "group_size": task.GROUP,
    },
    "rloo": {"learning_rate": 5e-3, "group_size": task.GROUP},
}  # fmt: skip
RL["ppo-whole"] = RL["ppo"] | {"learning_rate": 3e-3, "gae_lambda": 1.0}
REWARD_LEARNING_RATE = 1e-3


class WordsOnly(MiniLM):
    """A MiniLM that writes words alone, so that every response has its full length."""

    def logits(self, hidden: Tensor, table: Tensor | None = None) -> Tensor:
        specials = torch.arange(len(SimpleTokenizer.SPECIALS))
        return super().logits(hidden, table).index_fill(-1, specials, NEVER)


def make_model(tokenizer: SimpleTokenizer, seed: int, response_length: int = task.RESPONSE) -> MiniLM:
    """The shape of the task, its weights from nothing."""
    config = MiniLMConfig(
        vocabulary=len(tokenizer), width=task.WIDTH, layers=task.LAYERS, heads=task.HEADS,
        prompt_length=task.CONTEXT - response_length, response_length=response_length,
    )  # fmt: skip
    return WordsOnly(config, torch.Generator().manual_seed(seed))


def reward(prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
    """The task's reward, (batch,)."""
    return torch.tensor([task.reward(response) for response in responses])


def policy_gradient(algorithm: str, seed: int, most: int) -> dict[str, Any]:
    """CPU-seconds of an algorithm until a batch's mean reward reaches the target."""
    tokenizer = SimpleTokenizer(task.WORDS)
    model, prompts = make_model(tokenizer, seed), task.make_prompts(task.PROMPTS, seed)
    common: dict[str, Any] = {"batch_size": task.BATCH, "kl_coef": task.KL_COEF, "eos_penalty": 0.0}
    settings = common | RL[algorithm]
    make: dict[str, Callable[[], PPOTrainer | RLOOTrainer | GRPOTrainer]] = {
        "ppo": lambda: PPOTrainer(model, reward, prompts, tokenizer, PPOConfig(**settings), seed),
        "rloo": lambda: RLOOTrainer(model, reward, prompts, tokenizer, RLOOConfig(**settings), seed),
        "grpo": lambda: GRPOTrainer(model, reward, prompts, tokenizer, GRPOConfig(**settings), seed),
    }
    trainer = make[algorithm.partition("-")[0]]()
    rewards: list[float] = []
    for _ in range(most):
        metrics = trainer.step()
        rewards.append(metrics.reward)
        if metrics.reward >= task.TARGET:
            break
    reached = rewards[-1] >= task.TARGET
    return {
        "reached": trainer.cpu_seconds if reached else None,
        "iterations": len(rewards),
        "seconds_per_iteration": trainer.cpu_seconds / len(rewards),
        "rewards": rewards,
        "parameters": model.parameter_count,
    }


def reward_model(seed: int, most: int) -> dict[str, Any]:
    """Pairs per CPU-second of a reward model's training, and how often it orders held-out pairs as their reader did."""
    tokenizer = SimpleTokenizer(task.WORDS)
    network = NeuralReward("transformer", make_model(tokenizer, seed, task.RESPONSE + 1), tokenizer)
    pairs = PreferenceDataset(
        PreferenceData(prompt=pair.prompt, response_a=pair.chosen, response_b=pair.rejected, preferred="a")
        for pair in task.make_pairs(task.PAIRS, seed)
    )
    config = RewardConfig(learning_rate=REWARD_LEARNING_RATE, batch_size=task.PAIR_BATCH)
    trainer = RewardTrainer(network, pairs, config, seed)
    steps = min(most, task.PAIR_EPOCHS * task.PAIRS // task.PAIR_BATCH)
    for _ in range(steps):
        trainer.step()
    held = task.make_pairs(task.HELD_OUT, seed + 1000)
    prompts = [pair.prompt for pair in held]
    first, second = (network.score(prompts, [getattr(pair, side) for pair in held]) for side in ("chosen", "rejected"))
    return {
        "pairs_per_second": steps * task.PAIR_BATCH / trainer.cpu_seconds,
        "accuracy": float((first > second).float().mean()),
        "best_accuracy": task.best_accuracy(held),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    name, seed, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps(reward_model(seed, most) if name == "reward" else policy_gradient(name, seed, most)))
