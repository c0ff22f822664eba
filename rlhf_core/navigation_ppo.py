"""PPO from the environment's reward: the policy walks, and what it wrote before good moves becomes likelier.

It is the algorithm of `ppo.py` with four differences. An episode is a walk of many decisions, so the advantage is
estimated over decisions (a decision's words share it) and the value is the critic's word on the state, before anything
is written. A walk that is cut off could have gone on: the value of where it stands counts as its further reward (Pardo
et al., 2018). The reward is the environment's: no person and no model judges. The price of leaving the reference is
taken from a decision's reward as a whole.

The critic may know more than the policy, for it is needed in training alone (Pinto et al., 2017, "Asymmetric actor
critic"): beside the policy's hidden state it sees how long the shortest way to the goal is. What that is worth it has
to learn from the rewards. Without it, the critic had to learn to plan before it could be of use.
"""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from rlhf_core.advantages import generalized_advantages, masked_mean, whiten
from rlhf_core.gridworld import LARGEST, SMALLEST, GridWorld, random_maze
from rlhf_core.kl import k1
from rlhf_core.language_model import EOS, PAD, MiniLM, laid_out
from rlhf_core.maze_language import maze_tokenizer, split_answer, state_words
from rlhf_core.navigation import Memory
from rlhf_core.ppo import clipped_policy_loss
from rlhf_core.rollout import compare, hidden_states, score_tokens


@dataclass(frozen=True, kw_only=True)
class NavigationPPOConfig:
    """How one iteration is done."""

    learning_rate: float = 3e-4
    """AdamW's step size."""
    value_learning_rate: float = 0.01
    """That of the value head, which begins with nothing."""
    kl_coef: float = 0.02
    """Price of one nat of KL to the reference, in units of reward."""
    clip_range: float = 0.2
    """The ratio of new to old probability earns nothing beyond 1 +- this."""
    temperature: float = 0.3
    """Sampling temperature of the policy. In use it takes the likeliest move, so it should meet in training what then
    happens: at 1 it seldom stands before a wall for ever, and doesn't unlearn it."""
    episodes: int = 48
    """Walks per iteration."""
    max_steps: int = 14
    """A walk is cut off after so many moves."""
    size: int = 6
    """Cells a side of the mazes."""
    hard_share: float = 0.7
    """So many mazes' shortest paths go round something."""
    epochs: int = 2
    """Passes over each batch."""
    minibatch_size: int = 128
    """Decisions per gradient step."""
    gamma: float = 0.97
    """Discount of later rewards, a move."""
    gae_lambda: float = 0.9
    """Between one-step bootstrapping (0) and whole returns (1)."""
    value_coef: float = 0.1
    """Weight of the value loss."""
    max_grad_norm: float = 0.5
    """Gradients are scaled down to this norm."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "value_learning_rate", "clip_range", "temperature", "max_grad_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}.")
        for name in ("kl_coef", "value_coef"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or more, not {getattr(self, name)}.")
        for name in ("gamma", "gae_lambda", "hard_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not {getattr(self, name)}.")
        if not SMALLEST <= self.size <= LARGEST:
            raise ValueError(f"size must lie between {SMALLEST} and {LARGEST}, not {self.size}.")
        for name in ("episodes", "max_steps", "epochs", "minibatch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}.")


@dataclass(frozen=True)
class NavigationPPOMetrics:
    """What one iteration measured, on the walks that it learnt from, before learning from them."""

    step: int
    policy_loss: float
    value_loss: float
    kl: float
    """A decision."""
    reward: float
    """The environment's, summed over a walk; mean over the walks."""
    success: float
    """Share of walks that arrived."""
    entropy: float
    clip_fraction: float
    response_length: float
    """Words a decision."""
    cpu_seconds: float


@dataclass(frozen=True)
class Walks:
    """Experience: every decision of every walk, in the order of time. Tensors are (decisions, time) unless said
    otherwise."""

    prompt_ids: Tensor
    tokens: Tensor
    mask: Tensor
    log_probs: Tensor
    reference_log_probs: Tensor
    entropy: Tensor
    nearness: Tensor
    """(decisions, 1): how near the goal is by the shortest way, see `nearness`."""
    values: Tensor
    """(decisions,)."""
    place: tuple[Tensor, Tensor]
    """Of each decision, its walk and its move within it."""
    rewards: Tensor
    """(walks, moves): the environment's."""
    happened: Tensor
    """(walks, moves): True where a move was made."""
    arrived: Tensor
    """(walks,)."""
    further: Tensor
    """(walks,): the value of the state in which a walk was cut off; 0 for one that arrived."""

    def all_rewards(self, kl: Tensor, kl_coef: float, gamma: float) -> Tensor:
        """Rewards (walks, moves) with the price of the KL (decisions,), and at the end what is further expected."""
        rewards = self.rewards - kl_coef * self.laid_out(kl)
        last = self.happened.sum(1) - 1
        rewards[torch.arange(len(last)), last] += gamma * self.further
        return rewards

    def laid_out(self, values: Tensor) -> Tensor:
        """Values of decisions, (decisions,), as (walks, moves)."""
        places = values.new_zeros(self.rewards.shape)
        places[self.place] = values
        return places


class NavigationPPOTrainer:
    """Fine-tunes a copy of `start`; `step` after `step`, saved and resumed with optimiser and random state."""

    def __init__(self, start: MiniLM, config: NavigationPPOConfig, seed: int) -> None:
        self.reference, self.config = start, config
        self.policy = copy.deepcopy(start).requires_grad_(True)
        self.value_head = nn.Linear(start.config.width + 1, 1)
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)
        groups = [{"params": [*part.parameters()]} for part in (self.policy, self.value_head)]
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=0.0)
        self.rng = torch.Generator().manual_seed(seed)
        self.mazes = random.Random(seed)
        self.tokenizer = maze_tokenizer("en")
        self.steps_done = 0
        self.cpu_seconds = 0.0

    def __iter__(self) -> Iterator[NavigationPPOMetrics]:
        while True:
            yield self.step()

    def step(self, config: NavigationPPOConfig | None = None) -> NavigationPPOMetrics:
        """One iteration. A config given here holds from this iteration on."""
        c = self.config = config or self.config
        began = time.process_time()
        walks = self.collect()
        kl = (k1(walks.log_probs, walks.reference_log_probs) * walks.mask).sum(1)  # (decisions,)
        advantages, returns = generalized_advantages(
            walks.all_rewards(kl, c.kl_coef, c.gamma),
            walks.laid_out(walks.values),
            walks.happened,
            gamma=c.gamma,
            gae_lambda=c.gae_lambda,
        )
        advantage, target = whiten(advantages, walks.happened)[walks.place], returns[walks.place]
        policy_loss, value_loss, clipped = self._update(walks, advantage, target)
        self.steps_done += 1
        self.cpu_seconds += time.process_time() - began
        return NavigationPPOMetrics(
            step=self.steps_done,
            policy_loss=policy_loss,
            value_loss=value_loss,
            kl=float(kl.mean()),
            reward=float(walks.rewards.sum(1).mean()),
            success=float(walks.arrived.float().mean()),
            entropy=float(masked_mean(walks.entropy, walks.mask)),
            clip_fraction=clipped,
            response_length=float(walks.mask.sum(1).float().mean()),
            cpu_seconds=self.cpu_seconds,
        )

    @torch.no_grad()
    def collect(self) -> Walks:
        """Let the policy walk through mazes of the training split, all at once, and have everyone comment."""
        c = self.config
        worlds = [
            GridWorld(
                random_maze(self.mazes, c.size, hard=self.mazes.random() < c.hard_share, split="train"),
                max_steps=c.max_steps,
            )
            for _ in range(c.episodes)
        ]
        rewards = torch.zeros(c.episodes, c.max_steps)
        happened = torch.zeros(c.episodes, c.max_steps, dtype=torch.bool)
        prompts: list[Tensor] = []
        answers: list[Tensor] = []
        place: list[tuple[int, int]] = []
        near: list[Tensor] = []
        for t in range(c.max_steps):
            going = [i for i, world in enumerate(worlds) if not world.over]
            if not going:
                break
            ids = self._read([worlds[i] for i in going])
            near.append(nearness([worlds[i] for i in going], c.gamma))
            drawn = self.policy.sample(ids, rng=self.rng, temperature=c.temperature)
            for i, prompt, tokens in zip(going, ids, drawn.tokens, strict=True):
                rewards[i, t] = worlds[i].step(self._move(tokens)).reward
                happened[i, t] = True
                prompts.append(prompt)
                answers.append(tokens)
                place.append((i, t))
        decisions = (torch.stack(prompts), torch.stack(answers), torch.cat(near))
        return self._commented(worlds, *decisions, place, rewards, happened)

    def _read(self, worlds: Sequence[GridWorld]) -> Tensor:
        """The states of some worlds, (worlds, prompt_length)."""
        texts = [" ".join(state_words(Memory().read(world.state))) for world in worlds]
        return self.policy.encode_prompts(texts, self.tokenizer)

    def _further(self, worlds: Sequence[GridWorld]) -> Tensor:
        """The value of the state in which each world is; 0 at the goal."""
        ids = self._read(worlds)
        start = int((ids != PAD).any(0).int().argmax())
        values = self._value(self.policy(ids[:, start:], start)[:, -1], nearness(worlds, self.config.gamma))
        return values * torch.tensor([not world.at_goal for world in worlds])

    def _value(self, hidden: Tensor, near: Tensor) -> Tensor:
        """The critic's word, (decisions,), on states (decisions, width) and how near their goals are."""
        return self.value_head(torch.cat([hidden, near], 1))[:, 0]

    def _move(self, tokens: Tensor) -> str | None:
        words = [self.tokenizer.words[i] for i in cast(list[int], tokens.tolist())]
        return split_answer(words)[1]

    def _commented(
        self,
        worlds: Sequence[GridWorld],
        prompts: Tensor,
        tokens: Tensor,
        near: Tensor,
        place: Sequence[tuple[int, int]],
        rewards: Tensor,
        happened: Tensor,
    ) -> Walks:
        """Log-probabilities, values and entropies of every decision, in batches that hold decisions of like length."""
        ends = (tokens == EOS).int()
        mask = (ends.cumsum(1) - ends) == 0
        longest = int(mask.sum(1).max())
        tokens, mask = tokens[:, :longest], mask[:, :longest]
        own, other, spread = (torch.zeros(mask.shape) for _ in range(3))
        values = torch.zeros(len(tokens))
        for rows in self._alike(prompts, mask, torch.arange(len(tokens))):
            cut = int(mask[rows].sum(1).max())
            part = mask[rows, :cut]
            hidden, reference_hidden = (
                hidden_states(model, prompts[rows], tokens[rows, :cut], part) for model in (self.policy, self.reference)
            )
            said = compare(
                self.policy, self.reference, hidden, reference_hidden, tokens[rows, :cut][part], self.config.temperature
            )
            for kept, found in ((own, said.log_probs), (other, said.reference_log_probs), (spread, said.entropy)):
                kept[rows, :cut] = laid_out(found, part)
            values[rows] = self._value(hidden[first_of_each(part)], near[rows])
        walk, move = torch.tensor(place).T
        arrived = torch.tensor([world.at_goal for world in worlds])
        further = self._further(worlds)
        return Walks(
            prompts, tokens, mask, own, other, spread, near, values, (walk, move), rewards, happened, arrived, further
        )

    def _update(self, walks: Walks, advantages: Tensor, returns: Tensor) -> tuple[float, float, float]:
        """The gradient steps of one iteration. Returns the means of policy loss, value loss and clip fraction."""
        c = self.config
        for group, rate in zip(self.optimizer.param_groups, (c.learning_rate, c.value_learning_rate), strict=True):
            group["lr"] = rate
        seen: list[Tensor] = []
        for _ in range(c.epochs):
            order = torch.randperm(len(advantages), generator=self.rng)
            for rows in order.split(c.minibatch_size):
                cut = int(walks.mask[rows].sum(1).max())
                mask = walks.mask[rows, :cut]
                new = score_tokens(self.policy, walks.prompt_ids[rows], walks.tokens[rows, :cut], mask, c.temperature)
                old = walks.log_probs[rows, :cut][mask]  # (tokens,)
                advantage = advantages[rows].repeat_interleave(mask.sum(1))  # (tokens,)
                policy_loss = clipped_policy_loss(new.log_probs, old, advantage, c.clip_range).mean()
                values = self._value(new.hidden[first_of_each(mask)], walks.nearness[rows])
                value_loss = ((values - returns[rows]) ** 2).mean()
                self.optimizer.zero_grad(set_to_none=True)
                (policy_loss + c.value_coef * value_loss).backward()
                torch.nn.utils.clip_grad_norm_(self._parameters(), c.max_grad_norm)
                self.optimizer.step()
                moved = ((new.log_probs - old).exp() - 1).abs() > c.clip_range
                seen.append(torch.stack([policy_loss, value_loss, moved.float().mean()]).detach())
        policy, value, clipped = torch.stack(seen).mean(0).tolist()
        return policy, value, clipped

    def _alike(self, prompts: Tensor, mask: Tensor, rows: Tensor) -> Sequence[Tensor]:
        """Rows in batches of like length, so that little of a batch is padding."""
        length = (prompts != PAD).sum(1) + mask.sum(1)
        return rows[length[rows].argsort()].split(self.config.minibatch_size)

    def _parameters(self) -> list[nn.Parameter]:
        return [*self.policy.parameters(), *self.value_head.parameters()]

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "policy": self.policy.state_dict(),
            "value_head": self.value_head.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.get_state(),
            "mazes": self.mazes.getstate(),
            "steps_done": self.steps_done,
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.policy.load_state_dict(state["policy"])
        self.value_head.load_state_dict(state["value_head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.set_state(state["rng"])
        self.mazes.setstate(state["mazes"])
        self.steps_done, self.cpu_seconds = state["steps_done"], state["cpu_seconds"]


def annealed(progress: float) -> float:
    """Factor of the learning rate after a share of the iterations: linear to 0 (Huang et al., 2022, "The 37
    implementation details of proximal policy optimization", detail 4)."""
    return 1.0 - progress


def nearness(worlds: Sequence[GridWorld], gamma: float) -> Tensor:
    """The discount of a reward that is a shortest way off, (worlds, 1): gamma to the power of its length. What the best
    policy can expect is a straight line in it."""
    return torch.tensor([[gamma ** world.maze.to_goal[world.position]] for world in worlds])


def first_of_each(mask: Tensor) -> Tensor:
    """Of the tokens that count, one row's after the other's, the index of each row's first. mask: (rows, time)."""
    lengths = mask.sum(1)
    return lengths.cumsum(0) - lengths
