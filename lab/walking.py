"""A walk through a maze, as the navigation page steers it: one maze, one or two policies in it, step by step.

A walk is its settings and the moves that were made: from these it is made anew after a reload of the page or a restart
of the server. What a policy is about to do is decided as soon as it stands somewhere, so that it can be looked at, and
its thought edited, before anything happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from lab import mazes, models
from lab.store import Store
from rlhf_core.checkpoints import THINKING
from rlhf_core.gridworld import Cell, GridWorld, Maze, maze_json, parse_maze, random_mazes
from rlhf_core.headless import generator
from rlhf_core.language_model import MiniLM
from rlhf_core.maze_language import PLANNING, Reading, Thought, as_thought, maze_tokenizer, plan_of, valid_plan
from rlhf_core.navigation import (
    RULES,
    Backend,
    Decision,
    LLMPolicy,
    ModelBackend,
    RandomBackend,
    decide,
    explain,
)
from rlhf_core.navigation_evaluation import edited as edited_thought
from rlhf_core.tokenizer import UnknownWordsError

NAME = "walk"
BASELINES = ("rule", "greedy", "memory", "bfs", "random")
MOST_TRIALS = 20
OPENING_SEED, OPENING_SIZE = 1, 8
"""The maze that a new lab finds: one in which the direct policy loses its way, as in a quarter of the hard ones."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a walk is made of."""

    maze: Maze
    seed: int = OPENING_SEED
    """Names what is hidden and every random choice."""
    hidden: float = 0.0
    """Share of the walls that is never seen, only bumped into."""
    view: int | None = None
    """How far a policy sees walls; None for all of them."""
    remember: bool = True
    """Whether what was bumped into and seen is read with the next state."""
    plans: int = 1
    """How many thoughts a model writes, of which the shortest valid plan is taken."""
    who: tuple[str, ...] = (THINKING, "none")
    """The policies, by their names (`backend_of`): one, or two side by side."""
    thinks: tuple[bool, ...] = (True, True)
    """Whether each of them may think before it acts."""


@dataclass
class Walker:
    """One policy in the maze."""

    name: str
    use_cot: bool
    backend: Backend
    policy: LLMPolicy
    world: GridWorld
    trials: list[list[str | None]] = field(default_factory=lambda: [[]])
    """The moves of each trial; the last one is going on."""
    outcomes: list[tuple[bool, int, int]] = field(default_factory=list)
    """Of each trial that is over: whether it arrived, its steps, its bumps."""
    decision: Decision | None = None
    """What it will do next; None at the end of a trial."""
    original: Decision | None = None
    """What it would have done before its thought was edited; None if it was not."""
    been: set[tuple[Cell, int, int]] = field(default_factory=set)
    """Where it stood in this trial, and how much it knew then."""
    circling: bool = False
    """Whether it stands where it stood before and has learnt nothing since: it will go the same way for ever."""

    @property
    def reading(self) -> Reading:
        """What it reads now."""
        return self.policy.read(self.world.state)

    @property
    def valid_candidates(self) -> int:
        """How many of the thoughts among which the next one was chosen hold as plans."""
        assert isinstance(self.backend, ModelBackend) and self.decision is not None
        reading, kind = self.reading, self.backend.kind
        return sum(valid_plan(plan_of(kind, thought, reading), reading) for thought in self.decision.candidates)

    @property
    def arrived(self) -> bool:
        """Whether a language model has come to the goal in any of its trials."""
        return isinstance(self.backend, ModelBackend) and any(arrived for arrived, *_ in self.outcomes)

    @property
    def follows_edit(self) -> bool:
        """Whether its thought was edited and it will make another move for it, the one that its thought names now."""
        edited = self.original is not None and self.decision is not None
        return edited and bool(self.decision.follows_plan) and self.decision.action != self.original.action

    @property
    def thinks(self) -> bool:
        """Whether its thought can be edited: a model's that was taught to think."""
        return isinstance(self.backend, ModelBackend) and self.backend.kind != "none"


class Walk:
    """See the head of this file. language: that of the thoughts."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        language: str,
        trials: Sequence[Sequence[Sequence[str | None]]] = (),
    ) -> None:
        self.store, self.settings, self.language = store, settings, language
        n = len(settings.who)
        thinks, moves = [*settings.thinks, *[True] * n], [*trials, *[()] * n]
        self.walkers = [self._walker(*one) for one in zip(settings.who, thinks, moves, strict=False)]

    def _walker(self, name: str, use_cot: bool, trials: Sequence[Sequence[str | None]]) -> Walker:
        s = self.settings
        backend = backend_of(self.store, name, s.plans)
        world = GridWorld(s.maze, hidden=s.hidden, view=s.view, seed=s.seed)
        policy = LLMPolicy(backend, self.language, remember=s.remember)
        walker = Walker(name, use_cot, backend, policy, world)
        for number, moves in enumerate(trials):
            if number:
                self._begin_trial(walker)
            for move in moves:
                self._move(walker, move)
        self._decide(walker)
        return walker

    def changed(self, **changes: Any) -> Walk:
        """The walk with other settings. Who made moves in the same maze has made them; another maze is begun anew, and
        so is another policy's walk."""
        settings = replace(self.settings, **changes)
        world = ("maze", "seed", "hidden", "view")
        if any(getattr(settings, name) != getattr(self.settings, name) for name in world):
            return Walk(self.store, settings, self.language)
        known = zip(self.walkers, settings.who, strict=False)
        trials = [walker.trials if walker.name == name else () for walker, name in known]
        return Walk(self.store, settings, self.language, trials)

    # What can be done.

    def step(self) -> bool:
        """Let every policy that has not ended make its move. Returns whether any did."""
        going = [walker for walker in self.walkers if walker.decision is not None]
        for walker in going:
            assert walker.decision is not None
            self._move(walker, walker.decision.action)
            self._decide(walker)
        return bool(going)

    def finish(self) -> None:
        """Walk on until every policy has ended."""
        while self.step():
            pass

    def next_trial(self) -> None:
        """The same maze once more, from the start; what was learnt of it stays."""
        for walker in self.walkers:
            self._begin_trial(walker)
            self._decide(walker)

    def edit(self, walker: Walker, text: str) -> None:
        """Have a policy act on another thought, in the walk's language. UnknownWordsError names words that mazes have
        not; PromptError says that it is too long."""
        assert isinstance(walker.backend, ModelBackend) and walker.decision is not None
        tokenizer = maze_tokenizer(self.language)
        words = text.split()
        if unknown := tokenizer.unknown(text):
            raise UnknownWordsError(unknown)
        choice = walker.backend.act_on(walker.reading, tokenizer.english(words))
        walker.original = walker.original or walker.decision
        walker.decision = explain(walker.reading, choice, 0.0, tokenizer)

    def suggest_edit(self, walker: Walker) -> str | None:
        """The thought with another open neighbour at its end; None where there is none."""
        before = walker.original or walker.decision
        if before is None or not isinstance(walker.backend, ModelBackend):
            return None
        found = edited_thought(walker.backend.kind, before.thought, walker.reading, before.action)
        return None if found is None else maze_tokenizer(self.language).say(found[0])

    def undo_edit(self, walker: Walker) -> None:
        """Back to the policy's own thought."""
        if walker.original is not None:
            walker.decision, walker.original = walker.original, None

    # How it is kept.

    def keep(self, lab_id: int) -> None:
        """Keep the walk for its lab, and note what was done in it for the first time."""
        s = self.settings
        if any(walker.arrived for walker in self.walkers):
            self.store.note_deed(lab_id, "walked")
        if any(walker.follows_edit for walker in self.walkers):
            self.store.note_deed(lab_id, "thought")
        self.store.keep(lab_id, NAME, {
            "maze": maze_json(s.maze), "seed": s.seed, "hidden": s.hidden, "view": s.view, "remember": s.remember,
            "plans": s.plans, "who": list(s.who), "thinks": list(s.thinks),
            "trials": [walker.trials for walker in self.walkers],
        })  # fmt: skip

    # Inside.

    def _begin_trial(self, walker: Walker) -> None:
        walker.trials = [*walker.trials[-MOST_TRIALS + 1 :], []]
        walker.policy.memory.new_trial()
        s = self.settings
        walker.world = GridWorld(s.maze, hidden=walker.world.hidden, view=s.view)
        walker.been, walker.circling = set(), False

    def _move(self, walker: Walker, move: str | None) -> None:
        if walker.world.over:
            return
        before = walker.world.state
        found = walker.world.step(move)
        walker.policy.learn_from_feedback(before, move, found.reward, found.state)
        walker.trials[-1].append(move)
        if walker.world.over:
            walker.outcomes.append((walker.world.at_goal, walker.world.steps, walker.world.bumps))

    def _decide(self, walker: Walker) -> None:
        walker.original = walker.decision = None
        if walker.world.over:
            return
        reading, memory = walker.reading, walker.policy.memory
        known = (walker.world.position, len(memory.bumps), len(memory.walls))
        walker.circling = known in walker.been and walker.name not in ("memory", "random")
        walker.been.add(known)
        seed, drawn = self.settings.seed, f"walk {len(walker.trials)} {walker.world.steps}"
        if walker.name in mazes.SHIPPED:
            walker.decision = _shipped_decision(
                walker.name, self.settings.plans, reading, walker.use_cot, self.language, seed, drawn
            )
            return
        rng = generator(seed, drawn)
        if isinstance(walker.backend, ModelBackend):
            walker.backend.rng = rng
        elif isinstance(walker.backend, RandomBackend):
            walker.backend = RandomBackend(rng.initial_seed())
        tokenizer = maze_tokenizer(self.language)
        (walker.decision,) = decide(walker.backend, [reading], use_cot=walker.use_cot, tokenizer=tokenizer)


@lru_cache(256)
def _shipped_decision(
    name: str, plans: int, reading: Reading, use_cot: bool, language: str, seed: int, drawn: str
) -> Decision:
    """What a shipped model does, which its weights never change: a class that opens one maze has it decided once.
    drawn: names the random numbers of a seed."""
    thought = as_thought(name)
    backend = _thinker(models.maze_policy(thought), thought, plans)
    backend.rng = generator(seed, drawn)
    (decision,) = decide(backend, [reading], use_cot=use_cot, tokenizer=maze_tokenizer(language))
    return decision


def backend_of(store: Store, name: str, plans: int = 1) -> Backend:
    """Who decides, by its name: a rule (`BASELINES`), a shipped model by its kind of thought, or "run-<id>"."""
    if name == "random":
        return RandomBackend()
    if name in RULES:
        return RULES[name]
    return _thinker(*mazes.policy(store, name), plans)


def _thinker(model: MiniLM, thought: Thought, plans: int) -> ModelBackend:
    return ModelBackend(model, thought, plans=plans if thought in PLANNING else 1)


def kept_walk(store: Store, lab_id: int, language: str) -> Walk | None:
    """The walk that a lab left, at the step where it was; None if there is none that can still be made."""
    value = store.kept(lab_id, NAME)
    if value is None:
        return None
    try:
        settings = Settings(
            maze=parse_maze(value["maze"]), seed=value["seed"], hidden=value["hidden"], view=value["view"],
            remember=value["remember"], plans=value["plans"], who=tuple(value["who"]), thinks=tuple(value["thinks"]),
        )  # fmt: skip
        return Walk(store, settings, language, value["trials"])
    except (KeyError, TypeError, ValueError):
        return None  # kept by another version, or a run that is gone


def opening(seed: int = OPENING_SEED, size: int = OPENING_SIZE, hard: bool = True) -> Maze:
    """The maze of a seed, from the validation split: no policy was trained on its walls."""
    return random_mazes(1, size, seed=seed, hard=hard, split="validation")[0]


def with_cell(maze: Maze, cell: Cell, tool: str) -> Maze:
    """A maze after a click: its wall opened or closed ("wall"), or its "start" or "goal" moved there. MazeError where
    the result is none."""
    if tool == "wall":
        return replace(maze, walls=maze.walls ^ {cell})
    return replace(maze, **{tool: cell})
