"""Remake the figures of mazes: `python -m benchmarks.navigation [PART ...] [--seed SEED ...] [--quick]`.

The parts are policies, latency (to be run with nothing beside it), live, weighting, ppo, causality, memory and plans;
without names all of them run. Each prints tables in Markdown; together they are `benchmarks/navigation.md`, and the
first table there holds what was asked beside what was measured.

All on test mazes, whose walls no model was trained on, the same ones in every run; models take the likeliest word
unless said otherwise. Shares have 95 % intervals. One torch thread; CPU time is process time, and beside it stands the
same time scaled to a core that does 85 GFLOP/s of fp32 matrix products, measured in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import torch

from benchmarks.tables import REFERENCE_GFLOPS, Headlines, gemm_gflops, report, table, with_interval
from rlhf_core.checkpoints import SHIPPED_MAZES, THINKING, load_maze_policy
from rlhf_core.cloning import LEARNING_RATES, CloningConfig, CloningTrainer, maze_model, schedule
from rlhf_core.evaluation import Z95, Interval, wilson_interval
from rlhf_core.gridworld import Maze, episodes, random_mazes
from rlhf_core.language_model import MiniLM
from rlhf_core.maze_language import PLANNING, Thought
from rlhf_core.navigation import RULES, Backend, ModelBackend, RandomBackend
from rlhf_core.navigation_evaluation import Episode, causality, milliseconds, summarise, trials, walk
from rlhf_core.navigation_ppo import NavigationPPOConfig, NavigationPPOTrainer, annealed


@dataclass(frozen=True)
class Effort:
    """How much is done for the figures."""

    mazes: int = 400
    plan_mazes: int = 200
    """So many where sixteen plans are written for each decision."""
    seconds: float = 60.0
    """CPU time of a live training."""
    longer: float = 150.0
    """CPU time of a longer one, after which a direct policy no longer walks into walls."""
    iterations: int = 100
    """Of PPO on a direct policy, as the page has it."""
    few_iterations: int = 20
    """On one that thinks, which takes longer."""
    seeds: tuple[int, ...] = (0, 1, 2)


QUICK = Effort(mazes=20, plan_mazes=20, seconds=5.0, longer=6.0, iterations=2, few_iterations=2)
"""Enough to see that every part runs."""
LAST_STEPS = 50
"""The loss of the move is the mean over so many last steps, each on lessons that were never seen before."""
WEIGHT, PLAIN = CloningConfig.action_weight, 1.0
WAVE_BUDGET = 3
"""A wave has so many words that it is given more time."""
HIDDEN, HIDDEN_OVER_TRIALS, TRIALS = 0.3, 0.6, 4
PLANS = (1, 4, 16)

LIVE = "hard 6x6 success that thinking adds after a live training"
PPO = "hard 6x6 success that PPO adds to a direct policy that was cloned live for 150 CPU-seconds"
MEMORY = "hard 6x6 success that memory adds to the thinking policy, 30 % of walls hidden"
ASKED = {
    "success of the thinking policy on hard 6x6": "at least 0.97",
    "SPL of the thinking policy on hard 6x6": "at least 0.97",
    "CPU ms of one of its decisions on hard 6x6": "at most 30",
    "success of the thinking policy on hard 8x8": "at least 0.80",
    "SPL of the thinking policy on hard 8x8": "at least 0.80",
    "CPU ms of one of its decisions on hard 8x8": "at most 30",
    f"{LIVE}, least seed": "at least 0.40",
    f"{PPO}, least seed": "at least 0.15",
    MEMORY: "at least 0.15",
}


def test_mazes(n: int, size: int, *, hard: bool) -> list[Maze]:
    """n test mazes, the same ones in every run."""
    return random_mazes(n, size, seed=0, hard=hard, split="test")


def shipped(thought: Thought, plans: int = 1) -> ModelBackend:
    """The model that ships for a kind of thought."""
    return ModelBackend(load_maze_policy(thought), thought, plans=plans)


def name_of(thought: Thought) -> str:
    """What a shipped model is called in the tables."""
    return "direct" if thought == "none" else f"thinking ({thought})"


def policies_to_measure() -> dict[str, Backend]:
    """Who is measured, by the name in the tables."""
    models = {name_of(thought): shipped(thought) for thought in SHIPPED_MAZES}
    return {"random": RandomBackend(0), **RULES, **models}


def walked(backend: Backend, mazes: Sequence[Maze], *, hidden: float = 0.0, remember: bool = True) -> list[Episode]:
    """A walk through each maze."""
    return walk(backend, list(episodes(mazes, hidden=hidden, seed=0)), remember=remember)


def show(interval: Interval | None) -> str:
    """A share with its interval, if there is one."""
    return "-" if interval is None else with_interval(interval.rate, (interval.low, interval.high))


def share(values: Sequence[bool]) -> str:
    """How many of them are true, with an interval."""
    return with_interval(sum(values) / len(values), wilson_interval(sum(values), len(values)))


def added(before: Sequence[Episode], after: Sequence[Episode]) -> tuple[float, str]:
    """Success that is added in the same mazes: the figure, and as text with the interval of paired differences. Where
    no maze differs from another, the interval is as wide as that of a share of none."""
    differences = [float(b.success) - float(a.success) for a, b in zip(before, after, strict=True)]
    mean, n = statistics.fmean(differences), len(differences)
    half = Z95 * statistics.stdev(differences) / n**0.5 or wilson_interval(0, n)[1]
    return mean, f"{mean:+.3f} ({max(-1.0, mean - half):+.3f} to {min(1.0, mean + half):+.3f})"


def this_core() -> float:
    """Print how fast this core is; returns the factor from its time to that of the reference core."""
    scale = gemm_gflops() / REFERENCE_GFLOPS
    print(f"This core: {scale * REFERENCE_GFLOPS:.0f} GFLOP/s.\n")
    return scale


def policies(effort: Effort) -> Headlines:
    """How well does every policy find its way, and what does a decision cost?"""
    print(f"### The policies\n\n{effort.mazes} mazes of each kind. Bumps are per episode, tokens per decision.")
    print("CPU ms: of one decision made alone, the median over whole walks, and over their first decisions, which are")
    print("the farthest from the goal and have the longest thoughts. The thinking policy is the one that thinks a")
    print(f"{THINKING}; its figures are those of the first table.\n")
    scale = this_core()
    found: Headlines = {}
    for size in (6, 8, 10):
        for hard in (True, False):
            name = f"{'hard' if hard else 'easy'} {size}x{size}"
            mazes = test_mazes(effort.mazes, size, hard=hard)
            rows: list[list[object]] = []
            for policy, backend in policies_to_measure().items():
                r, took = summarise(walked(backend, mazes)), milliseconds(backend, mazes)
                first = milliseconds(backend, mazes, first=True)
                row = [show(r.success), show(r.spl), show(r.loops), r.bumps, show(r.valid_plans), show(r.faithful)]
                rows.append([policy, *row, r.tokens, took, took * scale, first])
                if policy == name_of(THINKING) and hard and size < 10:
                    found[f"success of the thinking policy on {name}"] = r.success.rate
                    found[f"SPL of the thinking policy on {name}"] = r.spl.rate
            print(f"#### {name}\n")
            head = ["policy", "success", "SPL", "loops", "bumps", "valid plans", "faithful", "tokens", "CPU ms"]
            table([*head, "CPU ms at 85 GFLOP/s", "CPU ms, first"], rows)
    return found


def latency(effort: Effort) -> Headlines:
    """What a decision costs when nothing else runs: to be started alone."""
    print("### The time of a decision\n\nCPU ms of one decision made alone, on hard mazes, with nothing else running:")
    print("the median over whole walks, and over their first decisions.\n")
    scale = this_core()
    rows: list[list[object]] = []
    found: Headlines = {}
    for size in (6, 8, 10):
        mazes = test_mazes(effort.plan_mazes, size, hard=True)
        for thought in SHIPPED_MAZES:
            took, first = (milliseconds(shipped(thought), mazes, first=which) for which in (False, True))
            rows.append([name_of(thought), f"{size}x{size}", took, took * scale, first, first * scale])
            if thought == THINKING and size < 10:
                found[f"CPU ms of one of its decisions on hard {size}x{size}"] = took
    head = ["policy", "mazes", "CPU ms", "at 85 GFLOP/s", "first decisions", "at 85 GFLOP/s"]
    table(head, rows)
    return found


@dataclass(frozen=True)
class Clone:
    """A model after a live training."""

    model: MiniLM
    thought: Thought
    steps: int
    learning_rate: float
    action_loss: float

    def walked(self, mazes: Sequence[Maze]) -> list[Episode]:
        return walked(ModelBackend(self.model, self.thought), mazes)


@lru_cache
def clone(thought: Thought, seed: int, seconds: float, action_weight: float) -> Clone:
    """Clone the planner from nothing for a number of CPU seconds; once, whichever parts ask for it."""
    print(f"cloning: {thought}, seed {seed}, {seconds:.0f} s, weight {action_weight:.0f}", file=sys.stderr)
    rate = LEARNING_RATES[thought]
    config = CloningConfig(thought=thought, learning_rate=rate, action_weight=action_weight)
    trainer = CloningTrainer(maze_model(torch.Generator().manual_seed(seed)), config, seed)
    losses: list[float] = []
    while (done := trainer.cpu_seconds / seconds) < 1:
        now = replace(config, learning_rate=rate * schedule(done, trainer.steps_done))
        losses.append(trainer.step(now).action_loss)
    loss = statistics.fmean(losses[-LAST_STEPS:])
    return Clone(trainer.model.eval(), thought, trainer.steps_done, rate, loss)


def live(effort: Effort) -> Headlines:
    """What a minute of cloning comes to, with a thought before the move and without."""
    print(f"### Cloning from nothing\n\n{effort.seconds:.0f} CPU-seconds on 6x6, the page's defaults; {effort.mazes}")
    print("hard mazes. Each kind of thought has the learning rate that suits it (the last column but one).\n")
    this_core()
    mazes = test_mazes(effort.mazes, 6, hard=True)
    runs: list[tuple[Thought, int]] = [(kind, seed) for kind in ("path", "none") for seed in effort.seeds]
    more: list[tuple[Thought, int]] = [("facts", 0), ("wave", 0)]
    found: dict[tuple[Thought, int], list[Episode]] = {}
    rows: list[list[object]] = []
    for kind, seed in runs + more:
        cloned = clone(kind, seed, effort.seconds, WEIGHT)
        found[kind, seed] = cloned.walked(mazes)
        r = summarise(found[kind, seed])
        row = [show(r.success), show(r.spl), show(r.valid_plans), r.tokens, cloned.action_loss]
        rows.append([kind, seed, cloned.learning_rate, cloned.steps, *row])
    head = ["thought", "seed", "learning rate", "steps", "success", "SPL", "valid plans", "tokens"]
    table([*head, "loss of the move"], rows)
    gains = {seed: added(found["none", seed], found["path", seed]) for seed in effort.seeds}
    print("Success that the thought adds, in the same mazes:\n")
    table(["seed", "added"], [[seed, text] for seed, (_, text) in gains.items()])
    figures = [gain for gain, _ in gains.values()]
    return {f"{LIVE}, least seed": min(figures), f"{LIVE}, mean": statistics.fmean(figures)}


def weighting(effort: Effort) -> Headlines:
    """What the weight of the move in the loss does."""
    print(f"### The weight of the move\n\nThe live training again, the move weighing {WEIGHT:.0f} words or")
    print(f"{PLAIN:.0f}; {effort.mazes} hard 6x6 mazes. The loss of the move is in nats, over the last {LAST_STEPS}")
    print("steps.\n")
    mazes = test_mazes(effort.mazes, 6, hard=True)
    runs: list[tuple[Thought, int, float]] = [("path", seed, effort.seconds) for seed in effort.seeds]
    runs.append(("wave", 0, WAVE_BUDGET * effort.seconds))
    rows: list[list[object]] = []
    gains: dict[str, list[float]] = {}
    for kind, seed, seconds in runs:
        heavy, plain = (clone(kind, seed, seconds, weight) for weight in (WEIGHT, PLAIN))
        with_weight, without = heavy.walked(mazes), plain.walked(mazes)
        gain, text = added(without, with_weight)
        gains.setdefault(kind, []).append(gain)
        shares = [show(summarise(found).success) for found in (with_weight, without)]
        rows.append([kind, seed, f"{seconds:.0f}", *shares, text, heavy.action_loss, plain.action_loss])
    head = ["thought", "seed", "CPU s", f"success at {WEIGHT:.0f}", f"success at {PLAIN:.0f}", "added by the weight"]
    table([*head, f"loss of the move at {WEIGHT:.0f}", f"at {PLAIN:.0f}"], rows)
    for kind, values in gains.items():
        mean, n = statistics.fmean(values), len(values)
        print(f"- {kind}: the weight adds {mean:+.3f} to success, the mean of {n}; the least is {min(values):+.3f}.")
    print()
    return {}


def ppo(effort: Effort) -> Headlines:
    """What reinforcement learning from the environment's reward adds to policies of either kind."""
    print("### PPO from the environment's reward\n\nAt the page's defaults;")
    print(f"{effort.mazes} hard 6x6 mazes. Added is the success in the same mazes. A policy that was cloned live was")
    print("so with the same seed; the shipped ones had half an hour.\n")
    mazes = test_mazes(effort.mazes, 6, hard=True)
    starts: list[tuple[Thought, float | None]] = [("none", effort.longer), ("none", effort.seconds), ("none", None)]
    starts += [("path", effort.seconds), ("path", None)]
    gains: dict[tuple[Thought, float | None], list[float]] = {}
    head = ["seed", "success before", "after", "added", "SPL before", "after", "valid plans before", "after", "CPU s"]
    for kind, seconds in starts:
        iterations = effort.iterations if kind == "none" else effort.few_iterations
        rows: list[list[object]] = []
        for seed in effort.seeds:
            print(f"ppo: {kind}, {seconds}, seed {seed}", file=sys.stderr)
            start = clone(kind, seed, seconds, WEIGHT).model if seconds else load_maze_policy(kind)
            before = walked(ModelBackend(start, kind), mazes)
            trainer = NavigationPPOTrainer(start, NavigationPPOConfig(), seed)
            for done in range(iterations):
                rate = NavigationPPOConfig.learning_rate * annealed(done / iterations)
                trainer.step(replace(trainer.config, learning_rate=rate))
            after = walked(ModelBackend(trainer.policy, kind), mazes)
            gain, text = added(before, after)
            gains.setdefault((kind, seconds), []).append(gain)
            b, a = summarise(before), summarise(after)
            plans = [show(r.valid_plans) for r in (b, a)]
            row = [show(b.success), show(a.success), text, show(b.spl), show(a.spl), *plans, trainer.cpu_seconds]
            rows.append([seed, *row])
        begins = f"cloned live for {seconds:.0f} CPU-seconds" if seconds else "shipped"
        print(f"#### {name_of(kind)}, {begins}: {iterations} iterations\n")
        table(head, rows)
    mean = {start: statistics.fmean(values) for start, values in gains.items()}
    return {
        f"{PPO}, least seed": min(gains["none", effort.longer]),
        f"{PPO}, mean": mean["none", effort.longer],
        "the same after 60 CPU-seconds of cloning, mean": mean["none", effort.seconds],
        "the same for the shipped direct policy, mean": mean["none", None],
        "the same for one that thinks a path, cloned live, mean": mean["path", effort.seconds],
        "the same for the shipped one that thinks a path, mean": mean["path", None],
    }


def causal(effort: Effort) -> Headlines:
    """Is the thought what is acted on?"""
    print(f"### Interventions in the thought\n\nThe first move in {effort.mazes} hard mazes. Optimal: it lies on a")
    print("shortest path, after the policy's own thought, after none, and after that of another maze. Edited: it goes")
    print("where the edited end of the thought says; unedited: it went there before the edit.\n")
    rows: list[list[object]] = []
    for kind in PLANNING:
        for size in (6, 8):
            c = causality(shipped(kind), test_mazes(effort.mazes, size, hard=True))
            shares = [show(i) for i in (c.optimal, c.suppressed, c.another, c.edited, c.unedited)]
            rows.append([kind, f"{size}x{size}", *shares, c.edited.n])
    head = ["thought", "mazes", "optimal", "thought suppressed", "of another maze", "edited", "unedited", "edits"]
    table(head, rows)
    return {}


def memory(effort: Effort) -> Headlines:
    """What remembering bumps is worth where walls are hidden, in one walk and over trials."""
    print(f"### Memory\n\n{HIDDEN:.0%} of the walls are hidden; {effort.mazes} 6x6 mazes of each kind. Added is the")
    print("success that memory adds in the same mazes. No weight changes: bumps are read with the state.\n")
    named: dict[str, Backend] = {name_of(thought): shipped(thought) for thought in SHIPPED_MAZES}
    named |= {name: RULES[name] for name in ("bfs", "memory")}
    found: Headlines = {}
    for hard in (True, False):
        mazes = test_mazes(effort.mazes, 6, hard=hard)
        rows: list[list[object]] = []
        for name, backend in named.items():
            on, off = (walked(backend, mazes, hidden=HIDDEN, remember=remember) for remember in (True, False))
            with_it, without, (gain, text) = summarise(on), summarise(off), added(off, on)
            row = [show(with_it.success), show(without.success), text, show(with_it.spl), show(without.spl)]
            rows.append([name, *row, with_it.bumps, without.bumps])
            if hard and name == name_of(THINKING):
                found[MEMORY] = gain
        print(f"#### {'hard' if hard else 'easy'} 6x6\n")
        table(["policy", "success", "success without", "added", "SPL", "SPL without", "bumps", "bumps without"], rows)
    over_trials(effort, named)
    return found


def over_trials(effort: Effort, named: dict[str, Backend]) -> None:
    """The same maze again and again: what was bumped into stays known."""
    print(f"#### Trials\n\nThe same {effort.mazes} hard 6x6 mazes {TRIALS} times over, {HIDDEN_OVER_TRIALS:.0%} of the")
    print("walls hidden; what was learnt of a maze stays for the next trial.\n")
    mazes = test_mazes(effort.mazes, 6, hard=True)
    rows: list[list[object]] = []
    for name in (name_of(THINKING), "bfs"):
        walks = trials(named[name], mazes, TRIALS, hidden=HIDDEN_OVER_TRIALS)
        for number, r in enumerate(map(summarise, walks), 1):
            rows.append([name, number, show(r.success), show(r.spl), r.bumps])
    table(["policy", "trial", "success", "SPL", "bumps"], rows)


def plans(effort: Effort) -> Headlines:
    """What it is worth to write several plans and to check them."""
    print("### Best of several plans\n\nThe policy that thinks a path, which leaves room for it, on")
    print(f"{effort.plan_mazes} hard 10x10 mazes. Of the plans it writes, the likeliest and others at temperature 1,")
    print("it acts on the shortest that is valid. First plan valid: the share of mazes in which there is a valid one")
    print("before the first move.\n")
    scale = this_core()
    mazes = test_mazes(effort.plan_mazes, 10, hard=True)
    rows: list[list[object]] = []
    for n in PLANS:
        backend = shipped("path", n)
        found = walked(backend, mazes)
        r, took = summarise(found), milliseconds(backend, mazes)
        first = share([bool(episode.decisions[0].plan_valid) for episode in found])
        rows.append([n, first, show(r.success), show(r.spl), r.tokens, took, took * scale])
    table(["plans", "first plan valid", "success", "SPL", "tokens", "CPU ms", "CPU ms at 85 GFLOP/s"], rows)
    return {}


PARTS: dict[str, Callable[[Effort], Headlines]] = {
    "policies": policies,
    "latency": latency,
    "live": live,
    "weighting": weighting,
    "ppo": ppo,
    "causality": causal,
    "memory": memory,
    "plans": plans,
}


def main() -> None:
    """Run the parts that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--seed", type=int, nargs="+", default=Effort.seeds, help="of everything that is trained")
    parser.add_argument("--quick", action="store_true", help="few mazes and little training: to see that it runs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    effort = replace(QUICK if arguments.quick else Effort(), seeds=tuple(arguments.seed))
    chosen = [(name, partial(PARTS[name], effort)) for name in arguments.parts or PARTS]
    report("Figures of mazes", "python -m benchmarks.navigation", ASKED, chosen)


if __name__ == "__main__":
    main()
