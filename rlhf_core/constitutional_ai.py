"""ConstitutionalAI: judge an answer by every principle, criticise it, revise it, and do so again (Bai et al., 2022).

The judge of a principle (`principle_judge`) decides whether an answer violates it; the critic (`critic`), a language
model, then writes the critique and the revision. Several rounds: each takes the first principle that is still surely
violated. A revision is adopted if the judge finds the principle better kept and the whole constitution better served;
else it is put aside. The paper keeps whatever the model writes. With more than one candidate the judge picks among
sampled revisions.

A principle that is turned round (a negative weight) asks for no revision: it acts where answers are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf_core.constitution import Principle
from rlhf_core.critic import Critic
from rlhf_core.principle_judge import ConstitutionJudge

VIOLATED = 0.5
"""From this P(breaks) on an answer violates a principle."""
SURE = 0.85
"""It is revised where the judge is sure: where P(breaks) comes to this share of what it gives the example that it is
surest of. Where it is in doubt, an answer is better left alone: on validation prompts 96 of 100 answers that break
nothing stay as they are, and nine of ten violations are revised."""
ROUNDS = 4
CANDIDATE_TEMPERATURE = 0.7
"""At which revisions are sampled when the judge is to choose; a single one takes the likeliest words."""


@dataclass(frozen=True)
class Critique:
    """What one principle says of an answer. score: the judge's P(breaks). critique: tokens that the critic wrote."""

    principle: str
    violated: bool
    score: float
    critique: str


@dataclass(frozen=True)
class Revision:
    """One round: the critique, and the answer before and after it. Scores are P(breaks) of this principle by the judge;
    `adopted` is whether the judge found the revision better; if not, the answer stays as it was."""

    critique: Critique
    before: str
    proposal: str
    score_after: float
    adopted: bool

    @property
    def after(self) -> str:
        return self.proposal if self.adopted else self.before


@dataclass(frozen=True)
class Chain:
    """An answer and what became of it, round by round. critiques: of the first answer, by every principle in force."""

    prompt: str
    response: str
    critiques: tuple[Critique, ...]
    revisions: tuple[Revision, ...]

    @property
    def revision(self) -> str:
        """The answer after the last round."""
        return self.revisions[-1].after if self.revisions else self.response

    @property
    def revised(self) -> bool:
        return self.revision != self.response


class ConstitutionalAI:
    """The notebook's class: a constitution at work. Texts are tokens of the grammar.

    candidates: revisions sampled a round, of which the judge picks the one that the whole constitution likes best; 1
    takes the critic's likeliest words.
    """

    def __init__(self, judge: ConstitutionJudge, critic: Critic, *, candidates: int = 1) -> None:
        if candidates < 1:
            raise ValueError(f"The number of candidates must be at least 1, not {candidates}.")
        self.judge, self.critic, self.candidates = judge, critic, candidates
        self._places = [
            i for i, p in enumerate(judge.constitution.principles) if p.enabled and not p.turned_round
        ]
        self.sure: list[float] = (SURE * judge.surest[self._places]).clamp(min=VIOLATED).tolist()
        """For each principle that answers are criticised by the P(breaks) from which on they are revised."""

    @property
    def principles(self) -> tuple[Principle, ...]:
        """The principles that answers are criticised by: those in force that are not turned round."""
        return tuple(self.judge.constitution.principles[i] for i in self._places)

    def critiques(
        self, prompts: Sequence[str], responses: Sequence[str], rng: torch.Generator
    ) -> list[tuple[Critique, ...]]:
        """What every principle says of each answer."""
        scores = self.scores(prompts, responses)  # (batch, principles)
        asked = [(i, j) for i in range(len(prompts)) for j in range(len(self.principles))]
        found = self._criticise(prompts, responses, scores, asked, rng)
        width = len(self.principles)
        return [tuple(found[i * width : (i + 1) * width]) for i in range(len(prompts))]

    def step(
        self, prompts: Sequence[str], responses: Sequence[str], passed_over: Sequence[frozenset[str]],
        rng: torch.Generator,
    ) -> list[Revision | None]:  # fmt: skip
        """One round: for each answer the first principle that it surely violates, its critique and its revision; None
        where nothing is left to revise. passed_over: for each answer the principles tried in vain before, by name."""
        before = self.judge.probabilities(prompts, responses)  # by every principle, (batch, principles)
        scores = before[:, self._places]
        asked: list[tuple[int, int]] = []
        for i, row in enumerate(scores.tolist()):
            left = [
                j
                for j, principle in enumerate(self.principles)
                if row[j] >= self.sure[j] and principle.name not in passed_over[i]
            ]
            asked += [(i, left[0])] if left else []
        found: list[Revision | None] = [None] * len(prompts)
        critiques = self._criticise(prompts, responses, scores, asked, rng)
        proposals = self._propose(prompts, responses, critiques, asked, rng)
        after = self.judge.probabilities([prompts[i] for i, _ in asked], proposals)
        gain = self.judge.worth(after) - self.judge.worth(before[[i for i, _ in asked]])
        for k, (i, j) in enumerate(asked):
            score = float(after[k, self._places[j]])
            better = bool(proposals[k]) and score < critiques[k].score and float(gain[k]) > 0
            found[i] = Revision(critiques[k], responses[i], proposals[k], score, better)
        return found

    def revise(
        self, prompts: Sequence[str], responses: Sequence[str], rng: torch.Generator, rounds: int = ROUNDS
    ) -> list[Chain]:
        """Criticise each answer and revise it for at most so many rounds, until no principle is surely violated."""
        first = self.critiques(prompts, responses, rng)
        done: list[list[Revision]] = [[] for _ in prompts]
        live = list(range(len(prompts)))
        for _ in range(rounds):
            now = [done[i][-1].after if done[i] else responses[i] for i in live]
            vain = [frozenset(r.critique.principle for r in done[i] if not r.adopted) for i in live]
            found = self.step([prompts[i] for i in live], now, vain, rng) if live else []
            for i, revision in zip(live, found, strict=True):
                if revision is not None:
                    done[i].append(revision)
            live = [i for i, revision in zip(live, found, strict=True) if revision is not None]
        return [
            Chain(prompt, response, critiques, tuple(revisions))
            for prompt, response, critiques, revisions in zip(prompts, responses, first, done, strict=True)
        ]

    def scores(self, prompts: Sequence[str], responses: Sequence[str]) -> Tensor:
        """P(breaks) of each answer by the principles that it is criticised by, (batch, principles)."""
        return self.judge.probabilities(prompts, responses)[:, self._places]

    def _criticise(
        self, prompts: Sequence[str], responses: Sequence[str], scores: Tensor, asked: Sequence[tuple[int, int]],
        rng: torch.Generator,
    ) -> list[Critique]:  # fmt: skip
        """Critiques of the answers i by the principles j of `asked`."""
        rows = [(prompts[i], responses[i], self.principles[j], float(scores[i, j])) for i, j in asked]
        texts = self.critic.critique(
            [row[0] for row in rows], [row[1] for row in rows], [row[2].critique_request for row in rows],
            [row[3] >= VIOLATED for row in rows], rng=rng,
        )  # fmt: skip
        return [
            Critique(principle.name, score >= VIOLATED, score, text)
            for (_, _, principle, score), text in zip(rows, texts, strict=True)
        ]

    def _propose(
        self, prompts: Sequence[str], responses: Sequence[str], critiques: Sequence[Critique],
        asked: Sequence[tuple[int, int]], rng: torch.Generator,
    ) -> list[str]:  # fmt: skip
        """A revision of each answer; empty where the critic came to no end."""
        n = self.candidates
        rows = [(prompts[i], responses[i], c, self.principles[j]) for (i, j), c in zip(asked, critiques, strict=True)]
        rows = [row for row in rows for _ in range(n)]
        written = self.critic.revise(
            [row[0] for row in rows], [row[1] for row in rows], [row[2].critique for row in rows],
            [row[3].revision_request for row in rows], rng=rng, temperature=CANDIDATE_TEMPERATURE if n > 1 else 0.0,
        )  # fmt: skip
        texts = [generation.text if generation.ended else "" for generation in written]
        if n == 1 or not rows:
            return texts
        liked = self.judge.scores([row[0] for row in rows], texts)
        liked[[not text for text in texts]] = -torch.inf
        best = liked.view(-1, n).argmax(1).tolist()
        return [texts[k * n + best[k]] for k in range(len(asked))]
