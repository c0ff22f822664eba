"""Reward models side by side, taught by the same labels: heads over what was trained beforehand, and whole networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.evaluation import Accuracy, HeldOutPairs, accuracy
from rlhf_core.neural_reward import LEARNING_RATES, NETWORKS, NeuralReward, RewardConfig, RewardTrainer
from rlhf_core.preferences import PreferenceDataset
from rlhf_core.reward_model import RewardModel

MOST_STEPS = 300
Score = Callable[[Sequence[str], Sequence[str]], Tensor]
"""Of prompts and responses: rewards (batch,)."""


@dataclass(frozen=True)
class Contender:
    """A reward model by what it is made of: a head on `attributes` or `words`, or one of `NETWORKS`."""

    name: str
    sees_prompt: bool = True
    """Of a network; heads always see it."""


CONTENDERS = (
    *(Contender(name) for name in ("attributes", "words")),
    *(Contender(name, sees) for name in NETWORKS for sees in (True, False)),
)


def steps_for(labels: int) -> int:
    """Gradient steps that suit so many labels: some passes over few, and fewer passes over many."""
    return min(MOST_STEPS, 40 + labels // 2)


def taught(
    contender: Contender,
    assets: LanguageAssets,
    labels: PreferenceDataset,
    seed: int = 0,
    steps: int | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Score:
    """What a contender makes of labels. steps: of a network; by default `steps_for` them."""
    if contender.name in NETWORKS:
        reward = NeuralReward(
            contender.name, assets.model, assets.tokenizer, sees_prompt=contender.sees_prompt, seed=seed
        )
        config = RewardConfig(learning_rate=LEARNING_RATES[contender.name])
        trainer = RewardTrainer(reward, labels, config, seed)
        steps = steps_for(len(labels)) if steps is None else steps
        for i in range(steps):
            progress(i / steps)
            trainer.step()
        return reward.score
    model = RewardModel(assets.extractor(contender.name))
    a, b = (model.extractor.features(labels.prompts, answers) for answers in (labels.responses_a, labels.responses_b))
    model.fit(a - b, labels.targets)
    return model.score


def pair_accuracy(score: Score, pairs: HeldOutPairs, margins: Tensor) -> Accuracy:
    """How often rewards order held-out pairs as the margins (pairs,) do, see `HeldOutPairs.margins`."""
    prompts = [prompt.text for prompt in pairs.prompts]
    return accuracy(score(prompts, pairs.first) - score(prompts, pairs.second), margins)
