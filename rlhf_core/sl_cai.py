"""SL-CAI: fine-tune the language model on its own answers as the constitution revised them (Bai et al., 2022, sec. 3).

Each step asks the starting model some questions, red-team ones among them, lets `ConstitutionalAI` revise the answers,
and trains the policy on all revisions so far by next-token prediction. As in the paper, harmless questions are mixed in
so that what is learnt is to answer well, not to refuse. No label is asked of anybody.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rlhf_core.constitutional_ai import ROUNDS, VIOLATED, Chain, ConstitutionalAI
from rlhf_core.corpus import Prompt
from rlhf_core.gold import ALARMING
from rlhf_core.language_model import MiniLM
from rlhf_core.pretraining import language_model_loss, pad_responses
from rlhf_core.tokenizer import SimpleTokenizer


@dataclass(frozen=True, kw_only=True)
class SLCAIConfig:
    """How one step of SL-CAI is done."""

    learning_rate: float = 1e-3
    """AdamW's step size."""
    questions: int = 32
    """Questions that the starting model is asked each step."""
    red_team_share: float = 0.5
    """Share of them that ask for harm or about a danger."""
    rounds: int = ROUNDS
    """Critiques and revisions of an answer, at most."""
    updates: int = 4
    """Gradient steps each step."""
    batch_size: int = 64
    """Revised answers per gradient step."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "max_grad_norm"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}.")
        for name in ("questions", "rounds", "updates", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if not 0 <= self.red_team_share <= 1:
            raise ValueError(f"red_team_share must lie between 0 and 1, not {self.red_team_share}.")


@dataclass(frozen=True)
class SLCAIMetrics:
    """What one step measured. The shares are over the answers of this step, as the judge sees them."""

    step: int
    loss: float
    violations_before: float
    violations_after: float
    revised_share: float
    revisions: int
    cpu_seconds: float


class SLCAITrainer:
    """Fine-tunes a copy of `start` on revisions; `step` by `step`, saved and resumed with optimiser and random state.

    start: the model that answers, which stays as it is. ai: who revises. prompts: training prompts. seed: names the
    run; nothing global is touched.
    """

    def __init__(
        self, start: MiniLM, ai: ConstitutionalAI, prompts: Sequence[Prompt], tokenizer: SimpleTokenizer,
        config: SLCAIConfig, seed: int,
    ) -> None:  # fmt: skip
        self.start, self.ai, self.tokenizer, self.config = start, ai, tokenizer, config
        self.policy = copy.deepcopy(start).requires_grad_(True)
        self.optimizer = torch.optim.AdamW(
            self.policy.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self.rng = torch.Generator().manual_seed(seed)
        self.red_team: list[str] = [p.text for p in prompts if p.category in ALARMING]
        self.harmless: list[str] = [p.text for p in prompts if p.category not in ALARMING]
        self.learnt: list[tuple[str, str]] = []
        """Every question so far with its revised answer."""
        self.steps_done = 0
        self.cpu_seconds = 0.0
        self.chains: list[Chain] = []
        """The latest answers with their revisions, for whoever watches."""

    def __iter__(self) -> Iterator[SLCAIMetrics]:
        while True:
            yield self.step()

    def step(self, config: SLCAIConfig | None = None) -> SLCAIMetrics:
        """Ask, revise, and train. A config given here holds from this step on."""
        self.config = config = config or self.config
        began = time.process_time()
        self.chains = self._ask()
        self.learnt += [(chain.prompt, chain.revision) for chain in self.chains if chain.revision]
        loss = sum(self._update() for _ in range(config.updates)) / config.updates if self.learnt else 0.0
        self.steps_done += 1
        self.cpu_seconds += time.process_time() - began
        n = max(1, len(self.chains))
        before = [sum(c.violated for c in chain.critiques) for chain in self.chains]
        return SLCAIMetrics(
            step=self.steps_done,
            loss=loss,
            violations_before=sum(map(bool, before)) / n,
            violations_after=self._violating_share(),
            revised_share=sum(chain.revised for chain in self.chains) / n,
            revisions=len(self.learnt),
            cpu_seconds=self.cpu_seconds,
        )

    def _ask(self) -> list[Chain]:
        c = self.config
        red = round(c.questions * c.red_team_share)
        prompts = [*self._drawn(self.red_team, red), *self._drawn(self.harmless, c.questions - red)]
        answers = self.start.generate(prompts, tokenizer=self.tokenizer, rng=self.rng)
        ended = [(prompt, a.text) for prompt, a in zip(prompts, answers, strict=True) if a.ended and a.text]
        return self.ai.revise([prompt for prompt, _ in ended], [text for _, text in ended], self.rng, c.rounds)

    def _drawn(self, texts: Sequence[str], n: int) -> list[str]:
        if not n:
            return []
        drawn: list[int] = torch.randint(len(texts), (n,), generator=self.rng).tolist()
        return [texts[i] for i in drawn]

    def _violating_share(self) -> float:
        """Share of the revised answers that still violate a principle."""
        scores = self.ai.scores([c.prompt for c in self.chains], [c.revision for c in self.chains])
        return float((scores.amax(1) >= VIOLATED).float().mean()) if scores.shape[1] else 0.0

    def _update(self) -> float:
        c = self.config
        chosen = [self.learnt[i] for i in torch.randint(len(self.learnt), (c.batch_size,), generator=self.rng).tolist()]
        prompts = self.policy.encode_prompts([prompt for prompt, _ in chosen], self.tokenizer)
        tokens = torch.cat([prompts, pad_responses([self.tokenizer.encode(text) for _, text in chosen])], 1)
        loss, response_loss = language_model_loss(self.policy, tokens, prompt_weight=0.0)
        for group in self.optimizer.param_groups:
            group["lr"] = c.learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), c.max_grad_norm)
        self.optimizer.step()
        return float(response_loss.detach())

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "policy": self.policy.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.get_state(),
            "learnt": [list(pair) for pair in self.learnt],
            "steps_done": self.steps_done,
            "cpu_seconds": self.cpu_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.policy.load_state_dict(state["policy"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.set_state(state["rng"])
        self.learnt = [(prompt, text) for prompt, text in state["learnt"]]
        self.steps_done, self.cpu_seconds = state["steps_done"], state["cpu_seconds"]
