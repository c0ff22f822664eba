"""Remake the shipped policies of the maze: `python -m rlhf_core.checkpoints.make_mazes [--only path] [--directory
DIR]`.

Each is cloned from the planner on mazes of every size, with its kind of thought. With no thought and with a path they
differ in that alone: the same shape, the same number of lessons, the same seed. A wave is long, so its model has a
layer less and fewer lessons; it needs no more. Nothing here sees a validation or a test maze.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from rlhf_core.checkpoints import HERE, SHIPPED_MAZES, maze_path
from rlhf_core.cloning import LEARNING_RATES, CloningConfig, CloningTrainer, maze_model, schedule
from rlhf_core.gridworld import LARGEST, SMALLEST
from rlhf_core.language_model import MiniLM
from rlhf_core.maze_language import Thought, as_thought

STEPS: Mapping[Thought, int] = {"none": 10_000, "path": 10_000, "wave": 4000}
LAYERS: Mapping[Thought, int] = {"none": 4, "path": 4, "wave": 3}


def make_policy(thought: Thought, steps: int, seed: int = 0) -> MiniLM:
    """Clone the planner with a kind of thought, for a number of steps."""
    model = maze_model(torch.Generator().manual_seed(seed), layers=LAYERS[thought])
    rate = LEARNING_RATES[thought]
    config = CloningConfig(
        thought=thought, smallest=SMALLEST, largest=LARGEST, batch_size=64, learning_rate=rate
    )
    trainer = CloningTrainer(model, config, seed)
    for step in range(steps):
        metrics = trainer.step(replace(config, learning_rate=rate * schedule(step / steps, step)))
        if metrics.step % 200 == 0:
            print(
                f"{thought}: step {metrics.step}, loss {metrics.loss:.3f}, move {metrics.action_loss:.3f},"
                f" {metrics.cpu_seconds:.0f} s",
                flush=True,
            )
    return model.eval()


def main() -> None:
    """Remake the policies that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SHIPPED_MAZES, default=SHIPPED_MAZES, help="these alone")
    parser.add_argument("--steps", type=int, help="fewer make a worse model sooner")
    parser.add_argument("--directory", type=Path, default=HERE, help="where to write them")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for thought in map(as_thought, arguments.only):
        make_policy(thought, arguments.steps or STEPS[thought]).save(maze_path(thought, arguments.directory))


if __name__ == "__main__":
    main()
