"""The stage of the maze without a browser: a policy walks through mazes, and the report says how well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlhf_core.checkpoints import THINKING, load_maze_policy
from rlhf_core.evaluation import Interval
from rlhf_core.gridworld import GridWorld, Maze, MazeError, episodes, parse_mazes, random_mazes
from rlhf_core.headless import Progress, Report, generator
from rlhf_core.maze_language import MazeTokenizer, Thought, as_thought, direction, maze_tokenizer
from rlhf_core.navigation import RULES, Backend, Memory, ModelBackend, RandomBackend
from rlhf_core.navigation_evaluation import Episode, milliseconds, summarise, walk

POLICIES = ("direct", "thinking", "greedy", "memory", "bfs", "rule", "random")
DEFAULT_SIZE, DEFAULT_COUNT, MOST, MOST_PLANS = 6, 200, 5000, 64
SAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Navigation:
    """Who walks, and where."""

    policy: str
    seed: int = 0
    language: str = "en"
    mazes: Path | None = None
    """A file of mazes; without it they are drawn, as the next three say."""
    size: int | None = None
    count: int | None = None
    hard: bool = False
    hidden: float = 0.0
    forget: bool = False
    view: int | None = None
    plans: int = 1
    thought: str | None = None

    def __post_init__(self) -> None:
        drawn = {"--size": self.size is not None, "--count": self.count is not None, "--hard": self.hard}
        given = [name for name, is_given in drawn.items() if is_given]
        if self.mazes is not None and given:
            raise ValueError(f"--mazes brings its own mazes; leave out {' and '.join(given)}, or --mazes.")
        if self.count is not None and not 1 <= self.count <= MOST:
            raise ValueError(f"The number of mazes must lie between 1 and {MOST}, not {self.count}.")
        if not 1 <= self.plans <= MOST_PLANS:
            raise ValueError(f"The number of plans must lie between 1 and {MOST_PLANS}, not {self.plans}.")
        if self.thought is not None and self.policy != "thinking":
            raise ValueError(f"--thought chooses among the thinking policies; leave it out for {self.policy}.")
        if self.plans > 1 and (self.policy != "thinking" or self.thought == "none"):
            raise ValueError("--plans needs a policy that plans: --policy thinking, with a thought.")


def navigate(options: Navigation, progress: Progress) -> Report:
    """Let a policy walk once through every maze. Where the report says null there is no such figure: who has no plan
    has none that is valid, or followed."""
    mazes = read_mazes(options.mazes) if options.mazes is not None else draw_mazes(options)
    backend, thought = make_backend(options)

    def worlds() -> list[GridWorld]:
        return list(episodes(mazes, hidden=options.hidden, view=options.view, seed=options.seed))

    found = walk(
        backend, worlds(), remember=not options.forget, progress=lambda share: progress(0.95 * share, "walking")
    )
    result = summarise(found)
    alone = milliseconds(backend, mazes)
    progress(1.0, f"{len(mazes)} mazes")
    drawn = {} if options.mazes is not None else {"size": mazes[0].size, "hard": options.hard}
    return {
        "policy": options.policy,
        "thought": thought,
        **drawn,
        "hidden": options.hidden,
        "view": options.view,
        "memory": not options.forget,
        "plans": options.plans,
        "n": result.n,
        "success": result.success.rate,
        "success_interval": limits(result.success),
        "spl": result.spl.rate,
        "spl_interval": limits(result.spl),
        "bumps": result.bumps,
        "tokens": result.tokens,
        "loops": result.loops.rate,
        "valid_plans": rate(result.valid_plans),
        "faithful": rate(result.faithful),
        "milliseconds": alone,
        "mazes": [{"success": e.success, "path": [list(cell) for cell in e.path]} for e in found],
        "samples": [
            sample(world, episode, maze_tokenizer(options.language))
            for world, episode in zip(worlds()[:SAMPLES], found, strict=False)
        ],
    }


def read_mazes(path: Path) -> list[Maze]:
    """The mazes of a JSON file, see `parse_mazes`. MazeError names the file and what is wrong in it."""
    try:
        mazes = parse_mazes(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MazeError(f"{path}: this is no text in UTF-8 (byte {error.start}); save it as UTF-8.") from error
    except ValueError as error:
        raise MazeError(f"{path}: {error}") from error
    if len(mazes) > MOST:
        raise MazeError(f"{path}: it holds {len(mazes)} mazes; give {MOST} at most.")
    return mazes


def draw_mazes(options: Navigation) -> list[Maze]:
    """Test mazes, whose walls no model was trained on."""
    size = DEFAULT_SIZE if options.size is None else options.size
    count = DEFAULT_COUNT if options.count is None else options.count
    return random_mazes(count, size, seed=options.seed, hard=options.hard or None, split="test")


def make_backend(options: Navigation) -> tuple[Backend, Thought]:
    """Who decides, and how it thinks. CheckpointError where its model is missing."""
    if options.policy == "random":
        return RandomBackend(options.seed), "none"
    if options.policy in RULES:
        return RULES[options.policy], RULES[options.policy].kind
    thought = as_thought("none" if options.policy == "direct" else options.thought or THINKING)
    rng = generator(options.seed, "plans")
    return ModelBackend(load_maze_policy(thought), thought, plans=options.plans, rng=rng), thought


def limits(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def rate(interval: Interval | None) -> float | None:
    return None if interval is None else interval.rate


def sample(world: GridWorld, episode: Episode, tokenizer: MazeTokenizer) -> Report:
    """The first decision of an episode as texts, and the way that was gone as a drawing. world: at its beginning."""
    first = episode.decisions[0]
    return {
        "state": tokenizer.state(Memory().read(world.state)),
        "thought": tokenizer.say(first.thought),
        "action": "" if first.action is None else tokenizer.say([direction(first.action)]),
        "drawing": draw(episode.maze, episode.path),
    }


def draw(maze: Maze, path: Sequence[tuple[int, int]]) -> str:
    """A maze as lines of text, `*` where the path went."""
    rows = [list(row) for row in maze.rows()]
    for row, column in path:
        if rows[row][column] == ".":
            rows[row][column] = "*"
    return "\n".join("".join(row) for row in rows)
