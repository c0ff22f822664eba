"""A language model as the policy of a maze: it reads a state, thinks in words, then acts.

`LLMPolicy` has the face of the notebook's class of that name. Who decides is a backend: a MiniLM, or one of the rules
that a model has to be measured by. What is learnt from feedback is written to a memory that the next state's text is
read with; no weight changes (Shinn et al., 2023, "Reflexion", does this with sentences).
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import torch
from torch import Tensor

from rlhf_core.gridworld import MOVES, Cell, State, manhattan, neighbour
from rlhf_core.language_model import MiniLM, PromptError
from rlhf_core.maze_language import (
    PLANNING,
    MazeTokenizer,
    Reading,
    Thought,
    direction,
    facts,
    maze_tokenizer,
    path,
    plan_of,
    split_answer,
    state_words,
    valid_plan,
)

THINK, PLAN = "think", "plan"
FAR = 5
"""Beyond this Manhattan distance the notebook's rule plans before it acts."""
RECENT_REWARDS = 10
WORDS_EN = maze_tokenizer("en")


@dataclass(frozen=True)
class Choice:
    """What a backend makes of one reading."""

    move: str | None
    """None where an answer named none."""
    thought: tuple[str, ...] = ()
    """In English words."""
    kind: Thought = "none"
    """What kind of thought it is."""
    probabilities: Mapping[str, float] = field(default_factory=dict[str, float])
    """Of each move."""
    tokens: int = 0
    """Written to get there; 0 for a rule."""
    candidates: tuple[tuple[str, ...], ...] = ()
    """The thoughts among which this one was chosen, itself among them."""


class Backend(Protocol):
    """Who decides."""

    @property
    def name(self) -> str: ...

    def choose(self, readings: Sequence[Reading], use_cot: bool) -> list[Choice]:
        """A choice for each reading; with `use_cot`, it may think before."""
        ...


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A move and how it came about."""

    action: str | None
    internal: tuple[str, ...]
    """Steps that were taken inside before acting: `think` where there is a thought, then `plan` where it is a plan.
    Each at most once: whoever decides has to act in the end."""
    thought: tuple[str, ...]
    """In English words; `text` has them in the policy's language."""
    text: str
    plan: tuple[Cell, ...]
    """Cells from the next one to the goal; empty without a plan."""
    plan_valid: bool | None
    """Whether the plan leads to the goal through no known wall, which none at all does not; None where none is due."""
    follows_plan: bool | None
    """Whether the action goes to the first cell of the plan: is the thought what was acted on? None without a plan."""
    probabilities: Mapping[str, float]
    tokens: int
    seconds: float
    """CPU time; of decisions that were made together, each one's share."""
    candidates: tuple[tuple[str, ...], ...] = ()


def decide(
    backend: Backend, readings: Sequence[Reading], *, use_cot: bool = True, tokenizer: MazeTokenizer = WORDS_EN
) -> list[Decision]:
    """A decision for each reading, made together."""
    began = time.process_time()
    choices = backend.choose(readings, use_cot)
    seconds = (time.process_time() - began) / max(1, len(readings))
    return [
        explain(reading, choice, seconds, tokenizer) for reading, choice in zip(readings, choices, strict=True)
    ]


def explain(reading: Reading, choice: Choice, seconds: float, tokenizer: MazeTokenizer = WORDS_EN) -> Decision:
    """A choice as a decision: what it planned, whether the plan is any good, and whether it was followed."""
    plan = plan_of(choice.kind, choice.thought, reading)
    reached = None if choice.move is None else neighbour(reading.position, choice.move)
    thinks = bool(choice.thought or plan)
    return Decision(
        action=choice.move,
        internal=(THINK, PLAN)[: thinks + bool(plan)],
        thought=choice.thought,
        text=tokenizer.say(choice.thought),
        plan=plan,
        plan_valid=valid_plan(plan, reading) if choice.kind in PLANNING else None,
        follows_plan=reached == plan[0] if plan else None,
        probabilities=choice.probabilities,
        tokens=choice.tokens,
        seconds=seconds,
        candidates=choice.candidates,
    )


# What is remembered.


@dataclass
class Memory:
    """What a policy remembers of a maze: walls seen, walls bumped into, cells visited, and every experience."""

    walls: set[Cell] = field(default_factory=set[Cell])
    bumps: set[Cell] = field(default_factory=set[Cell])
    visits: Counter[Cell] = field(default_factory=Counter[Cell])
    experiences: list[tuple[State, str | None, float, State]] = field(
        default_factory=list[tuple[State, str | None, float, State]]
    )

    def read(self, state: State) -> Reading:
        """A state together with what is remembered."""
        visits = Counter(self.visits)
        visits[state.position] = max(1, visits[state.position])
        return Reading(
            state.size,
            state.position,
            state.goal,
            state.walls | self.walls - self.bumps,
            frozenset(self.bumps),
            visits,
        )

    def learn(self, state: State, action: str | None, reward: float, next_state: State) -> None:
        """Keep an experience. Who acted and did not move has walked into something, if it is in the grid."""
        if not self.visits:
            self.visits[state.position] += 1
        self.visits[next_state.position] += 1
        self.walls |= state.walls | next_state.walls
        if action is not None and next_state.position == state.position:
            blocked = neighbour(state.position, action)
            if 0 <= blocked[0] < state.size and 0 <= blocked[1] < state.size and blocked not in self.walls:
                self.bumps.add(blocked)
        self.experiences.append((state, action, reward, next_state))

    def new_trial(self) -> None:
        """Begin the same maze again: walls and bumps stay, what was visited is forgotten."""
        self.visits.clear()

    @property
    def recent_reward(self) -> float | None:
        """Mean of the last ten rewards; None before the first."""
        recent = [reward for _, _, reward, _ in self.experiences[-RECENT_REWARDS:]]
        return sum(recent) / len(recent) if recent else None


class LLMPolicy:
    """The notebook's policy: it thinks, acts, and remembers.

    remember: whether what was learnt is read with the next state. Without it, each state is read as if it were the
    first.
    """

    action_space = (*MOVES, THINK, PLAN)

    def __init__(self, backend: Backend, language: str = "en", *, remember: bool = True) -> None:
        self.backend, self.tokenizer, self.remember = backend, maze_tokenizer(language), remember
        self.memory = Memory()

    def read(self, state: State) -> Reading:
        """A state as this policy reads it, memory included if it is switched on."""
        return (self.memory if self.remember else Memory()).read(state)

    def decide(self, state: State, use_cot: bool = True) -> Decision:
        """What to do in a state, and why. ValueError at the goal: there the episode has ended."""
        if state.position == state.goal:
            raise ValueError("The agent is at the goal, so the episode has ended; reset it.")
        (decision,) = decide(self.backend, [self.read(state)], use_cot=use_cot, tokenizer=self.tokenizer)
        return decision

    def get_action(self, state: State, use_cot: bool = True) -> str | None:
        """The move to make in a state; None where an answer named none. `think` and `plan` are steps on the way, see
        `Decision.internal`: they are never all that comes out. ValueError at the goal."""
        return self.decide(state, use_cot).action

    def learn_from_feedback(self, state: State, action: str | None, reward: float, next_state: State) -> None:
        """Remember what came of an action. It changes what is read with the next states, and no weight."""
        self.memory.learn(state, action, reward, next_state)

    @property
    def advice(self) -> str | None:
        """The notebook's advice on the mean of the last ten rewards: "keep" what is done while it is above zero, else
        "explore"; None before the first."""
        mean = self.memory.recent_reward
        return None if mean is None else "keep" if mean > 0 else "explore"


# The language model.


class ModelBackend:
    """A MiniLM that writes its thought, then its move.

    kind: the kind of thought that it was taught. temperature: of the thought; 0 takes the likeliest word. plans: how
    many thoughts to write, the likeliest and plans - 1 sampled ones; the shortest valid plan among them is acted on,
    or, if none is valid, the likeliest thought. rng: for sampling.
    """

    name = "minilm"
    BATCH = 128

    def __init__(
        self,
        model: MiniLM,
        kind: Thought,
        *,
        temperature: float = 0.0,
        plans: int = 1,
        rng: torch.Generator | None = None,
    ) -> None:
        if plans < 1:
            raise ValueError(f"The number of plans must be at least 1, not {plans}.")
        self.model, self.temperature, self.plans = model, temperature, plans
        self.kind: Thought = kind
        self.rng = rng or torch.Generator().manual_seed(0)
        self._act = WORDS_EN.id("act")
        self._longest = model.config.response_length - 1  # room for "act"
        self._moves = torch.tensor([WORDS_EN.id(direction(move)) for move in MOVES])

    def choose(self, readings: Sequence[Reading], use_cot: bool) -> list[Choice]:
        """See `Backend`. Without `use_cot`, and for a model that was taught none, the thought is empty."""
        found: list[Choice] = []
        kind: Thought = self.kind if use_cot else "none"
        for first in range(0, len(readings), self.BATCH):
            part = readings[first : first + self.BATCH]
            if kind != "none":
                candidates = list(zip(*self._candidates(part), strict=True))
            else:
                candidates = [((),)] * len(part)
            chosen = [
                self._best(reading, thoughts) for reading, thoughts in zip(part, candidates, strict=True)
            ]
            found += [
                self._choice(thought, row, thoughts, kind)
                for thought, row, thoughts in zip(chosen, self.probabilities(part, chosen), candidates, strict=True)
            ]
        return found

    def act_on(self, reading: Reading, thought: Sequence[str]) -> Choice:
        """The choice after a given thought, in English words. PromptError where it is too long, UnknownWordsError for
        words that mazes don't have."""
        WORDS_EN.encode(" ".join(thought))
        if len(thought) > self._longest:
            raise PromptError(f"The thought has {len(thought)} words; the model reads at most {self._longest}.")
        row = self.probabilities([reading], [tuple(thought)])[0]
        return self._choice(tuple(thought), row, (), self.kind if thought else "none")

    @torch.inference_mode()
    def probabilities(self, readings: Sequence[Reading], thoughts: Sequence[Sequence[str]]) -> Tensor:
        """Probability of each of the four moves after each reading and thought, (batch, 4)."""
        prompts = self._prompts(readings)
        answers = [[*map(WORDS_EN.id, thought), self._act] for thought in thoughts]
        longest = max(map(len, answers))
        tokens = torch.tensor([ids + [WORDS_EN.PAD] * (longest - len(ids)) for ids in answers])
        start = int((prompts != WORDS_EN.PAD).any(0).int().argmax())
        hidden = self.model(torch.cat([prompts[:, start:], tokens], 1), start)
        at = torch.tensor([prompts.shape[1] - start + len(ids) - 1 for ids in answers])
        logits = self.model.logits(hidden[torch.arange(len(at)), at])
        return logits[:, self._moves].softmax(-1)

    @torch.inference_mode()
    def think(self, readings: Sequence[Reading], temperature: float = 0.0) -> list[tuple[str, ...]]:
        """A thought for each reading, in English words. One that finds no end is cut where no planner's goes on, two
        words a cell of the grid, and where `act` would have no room."""
        room = [min(self._longest, 2 * reading.size**2) for reading in readings]
        found = self.model.sample(
            self._prompts(readings), rng=self.rng, temperature=temperature, until=self._act, longest=max(room) + 1
        )
        rows = [cast(list[int], row[mask].tolist()) for row, mask in zip(found.tokens, found.mask, strict=True)]
        thoughts = [split_answer([WORDS_EN.words[i] for i in row])[0] for row in rows]
        return [thought[:most] for thought, most in zip(thoughts, room, strict=True)]

    def _candidates(self, readings: Sequence[Reading]) -> list[list[tuple[str, ...]]]:
        drawn = [self.think(readings, self.temperature or 1.0) for _ in range(self.plans - 1)]
        return [self.think(readings, 0.0 if drawn else self.temperature), *drawn]

    def _best(self, reading: Reading, thoughts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
        plans = {thought: plan_of(self.kind, thought, reading) for thought in thoughts}
        valid = [thought for thought in thoughts if valid_plan(plans[thought], reading)]
        return min(valid, key=lambda thought: len(plans[thought])) if valid else thoughts[0]

    def _choice(
        self, thought: tuple[str, ...], row: Tensor, candidates: tuple[tuple[str, ...], ...], kind: Thought
    ) -> Choice:
        probabilities = dict(zip(MOVES, cast(list[float], row.tolist()), strict=True))
        move = max(probabilities, key=probabilities.__getitem__)
        written = sum(len(candidate) + 1 for candidate in candidates) or len(thought) + 1
        return Choice(move, thought, kind, probabilities, written + 1, candidates if len(candidates) > 1 else ())

    def _prompts(self, readings: Sequence[Reading]) -> Tensor:
        return self.model.encode_prompts([" ".join(state_words(reading)) for reading in readings], WORDS_EN)


# The rules.


@dataclass(frozen=True)
class RuleBackend:
    """A function of the reading alone. thought: what it says it thinks, in English words; of which kind."""

    name: str
    rule: Callable[[Reading], str]
    thought: Callable[[Reading], list[str] | None]
    kind: Thought

    def choose(self, readings: Sequence[Reading], use_cot: bool) -> list[Choice]:
        """See `Backend`."""
        return [self._choice(reading, use_cot) for reading in readings]

    def _choice(self, reading: Reading, use_cot: bool) -> Choice:
        move = self.rule(reading)
        words = self.thought(reading) if use_cot else None
        thought, kind = (split_answer(words)[0], self.kind) if words else ((), "none")
        return Choice(move, thought, kind, {name: float(name == move) for name in MOVES})


class RandomBackend:
    """Any move, whatever the state."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._rng = random.Random(seed)

    def choose(self, readings: Sequence[Reading], use_cot: bool) -> list[Choice]:
        """See `Backend`."""
        even = dict.fromkeys(MOVES, 1 / len(MOVES))
        return [Choice(self._rng.choice(list(MOVES)), probabilities=even) for _ in readings]


def notebook_rule(reading: Reading) -> str:
    """The notebook's rule, mended: to the goal's column, then to its row. Where that cell is known to be blocked it
    takes the other way, else any that is open; the notebook's walked into it."""
    (row, column), (goal_row, goal_column) = reading.position, reading.goal
    wished = {
        "move_right": column < goal_column,
        "move_left": column > goal_column,
        "move_down": row < goal_row,
        "move_up": row > goal_row,
    }
    order = sorted(wished, key=lambda move: not wished[move])
    return next((move for move in order if reading.allows(neighbour(reading.position, move))), order[0])


def greedy_rule(reading: Reading) -> str:
    """To the open neighbour that is nearest to the goal by Manhattan distance."""
    return _nearest(reading, 0)


def memory_rule(reading: Reading) -> str:
    """As greedy, a visit to a cell counting as two steps more: it fills dead ends and gets out."""
    return _nearest(reading, 2)


def _nearest(reading: Reading, per_visit: int) -> str:
    def cost(move: str) -> tuple[bool, int]:
        cell = neighbour(reading.position, move)
        return not reading.allows(cell), manhattan(cell, reading.goal) + per_visit * reading.visits.get(cell, 0)

    return min(MOVES, key=cost)


def planner_rule(reading: Reading) -> str:
    """The first move of the shortest path that it says, by breadth-first search over what is known; towards the goal if
    there is none."""
    words = path(reading)
    return split_answer(words or ())[1] or greedy_rule(reading)


RULES: Mapping[str, RuleBackend] = {
    "rule": RuleBackend("rule", notebook_rule, facts, "facts"),
    "greedy": RuleBackend("greedy", greedy_rule, facts, "facts"),
    "memory": RuleBackend("memory", memory_rule, facts, "facts"),
    "bfs": RuleBackend("bfs", planner_rule, path, "path"),
}
