"""SIGKILL at random moments: `python -m benchmarks.kills [PART ...] [--moments N] [--seed N]`.

A process is killed, its database opened again, and what it had acknowledged is looked for: each label once, each step
of a run once, each checkpoint whole; then the next process goes on. The parts are "labelling", where the killed process
is the server and several phones label over HTTP, and every kind of training (`KINDS`), where it is what the server has
of itself for runs. A run that was killed again and again makes a few more steps, and its curve is laid beside that of a
run that nobody disturbed. `benchmarks/kills.md` is what this prints.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from websockets.exceptions import WebSocketException

from benchmarks.tables import table
from lab import cloning, mazes, members, pretraining, stages
from lab import jobs as jobs_module
from lab.jobs import Jobs, JobSpec
from lab.labelling import LabellingDesk
from lab.store import Lab, Store
from rlhf_core.cloning import CloningConfig
from rlhf_core.navigation_ppo import NavigationPPOConfig
from rlhf_core.neural_reward import RewardConfig
from rlhf_core.ppo import PPOConfig
from rlhf_core.pretraining import PretrainConfig
from rlhf_core.sl_cai import SLCAIConfig
from tests.e2e.phone import Phone, answer
from tests.e2e.server import Server

ROOT = Path(__file__).parents[1]
OWNER = "the-owner's-browser-----"
CHECKPOINT_SECONDS = 0.2
"""Between two checkpoints of a run here: a tenth of the usual, so that the kills find many."""
LABELLING = "labelling"
PHONES, READ = 6, 0.3
"""How many label together, and the seconds that each looks at a pair: within .25 an answer is refused."""
PATIENCE = 240.0
"""Seconds until a process that says nothing is given up."""


# What is trained: each kind as small as it gets.


def _spec(stage: str, config: Any, **inputs: Any) -> JobSpec:
    settings = config if isinstance(config, dict) else asdict(config)
    return JobSpec(stage=stage, config={**settings, "iterations": None}, inputs=inputs, seed=3)


_labels = {"source": "both", "features": "attributes"}
KINDS: Mapping[str, JobSpec] = {
    "pretraining": _spec("pretrain", PretrainConfig(batch_size=4), architecture="gpt", size="small"),
    "neural reward model": _spec(
        "reward", RewardConfig(batch_size=4), source="both", network="lstm", sees_prompt=True
    ),
    "PPO": _spec("ppo", PPOConfig(batch_size=8), **_labels),
    "RLOO": _spec("algorithm", {"batch_size": 8}, algorithm="rloo", **_labels),
    "GRPO": _spec("algorithm", {"batch_size": 8}, algorithm="grpo", **_labels),
    "DPO": _spec("algorithm", {}, algorithm="dpo", **_labels),
    "best of n": replace(_spec("best_of_n", {}, **_labels), config={"iterations": 16}),
    "SL-CAI": _spec("sl", SLCAIConfig(questions=4, rounds=1, updates=1, batch_size=4)),
    "RLAIF": _spec("rlaif", PPOConfig(batch_size=8), labels=20),
    "maze cloning": _spec("cloning", CloningConfig(batch_size=4, smallest=5, largest=5)),
    "maze PPO": _spec("navigation", NavigationPPOConfig(episodes=4, max_steps=2, size=5, epochs=1), start="none"),
}  # fmt: skip


def prepare(url: str, kinds: Sequence[str]) -> dict[str, int]:
    """A lab with labels and a queued run of each kind. Returns the runs' ids."""
    with closing(Store(url)) as store:
        lab = store.open_lab(OWNER, "en")
        LabellingDesk(store, lab).simulate(20, "default", 0.0, seed=1)
        return {kind: _add(store, lab, KINDS[kind]) for kind in kinds}


def _add(store: Store, lab: Lab, spec: JobSpec) -> int:
    made = stages.prepare(replace(spec, inputs={"lab": lab.id, **spec.inputs}), store)
    return store.add_run(lab.id, **vars(made), status="queued", pace=None)


# The process that is killed.


class _Telling(Store):
    """Says on standard output what has been written down, once it has been."""

    def add_step(self, run_id: int, step: int, metrics: dict[str, Any], samples: dict[str, Any] | None) -> None:
        super().add_step(run_id, step, metrics, samples)
        _say(f"step {run_id} {step}")

    def save_checkpoint(self, run_id: int, step: int, data: bytes) -> None:
        super().save_checkpoint(run_id, step, data)
        _say(f"checkpoint {run_id} {step}")


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # so short a write is never torn


def shorten() -> None:
    """Make the longest steps short: of those that are many optimiser steps in one, and that walk through many mazes."""
    cloning.STEPS_PER_ITERATION, pretraining.STEPS_PER_ITERATION, mazes.MEASURED_MAZES = 1, 2, 2


def train(url: str) -> None:
    """Go on with every unfinished run, all at once, as the server does at its start."""
    shorten()
    jobs_module.CHECKPOINT_SECONDS = CHECKPOINT_SECONDS
    store = _Telling(url)
    store.claim()
    Jobs(store, stages.build, stages.prepare, workers=len(KINDS)).resume_unfinished()
    threading.Event().wait()


@dataclass
class Told:
    """What a process acknowledged: the last step and the last checkpoint of each run, and its first step."""

    first: dict[int, int] = field(default_factory=dict)
    step: dict[int, int] = field(default_factory=dict)
    checkpoint: dict[int, int] = field(default_factory=dict)
    lines: list[float] = field(default_factory=list)
    """When each line came, in seconds of the clock."""

    def hear(self, line: str) -> None:
        what, run_id, step = line.split()
        self.lines.append(time.monotonic())
        if what == "step":
            self.first.setdefault(int(run_id), int(step))
            self.step[int(run_id)] = int(step)
        else:
            self.checkpoint[int(run_id)] = int(step)


@contextmanager
def trainer(url: str) -> Iterator[tuple[subprocess.Popen[str], Iterator[str]]]:
    """A process that trains, and what it says; killed in the end, whatever happens."""
    command = [sys.executable, "-m", "benchmarks.kills", "--child", url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        watch = threading.Timer(PATIENCE, process.kill)
        watch.start()
        try:
            assert process.stdout is not None
            yield process, iter(process.stdout.readline, "")
        finally:
            watch.cancel()
            process.kill()


def kill_once(url: str, enough: Callable[[Told], bool], rng: random.Random) -> Told:
    """Let a process train until it has said enough, and kill it at a moment up to half as long again after that."""
    told = Told()
    with trainer(url) as (process, lines):
        began = time.monotonic()
        for line in lines:
            told.hear(line)
            if enough(told):
                time.sleep(rng.random() * min(1.0, 0.5 * (time.monotonic() - (told.lines or [began])[0])))
                break
        process.kill()
        for line in lines:  # what it had said by then counts
            told.hear(line)
        assert process.stderr is not None
        if not told.lines:
            raise RuntimeError(process.stderr.read())
    return told


# What has to hold afterwards.


def damage(url: str) -> list[str]:
    """What is wrong with a database file as such."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as raw:
        found = [row[0] for row in raw.execute("PRAGMA integrity_check") if row[0] != "ok"]
        return found + [f"{row[0]} refers to nothing" for row in raw.execute("PRAGMA foreign_key_check")]


def run_problems(url: str, runs: Mapping[str, int], before: Mapping[int, int], told: Told) -> list[str]:
    """What a kill broke, of a run with its kind before it. before: the step of each run's checkpoint when the killed
    process began."""
    found = damage(url)
    with closing(Store(url)) as store:
        for kind, run_id in runs.items():
            steps, saved = [row["step"] for row in store.metrics(run_id)], store.checkpoint(run_id)
            if steps != list(range(1, len(steps) + 1)):
                found.append(f"{kind}: its steps are {steps}")
            if len(steps) < told.step.get(run_id, 0):
                found.append(f"{kind}: step {told.step[run_id]} was acknowledged, and {len(steps)} are there")
            if told.first.get(run_id, before[run_id] + 1) != before[run_id] + 1:
                found.append(f"{kind}: went on with step {told.first[run_id]} after a checkpoint of {before[run_id]}")
            if (saved.step if saved else 0) < told.checkpoint.get(run_id, 0):
                found.append(f"{kind}: the checkpoint of step {told.checkpoint[run_id]} is gone")
            if saved is not None and zipfile.ZipFile(io.BytesIO(saved.data)).testzip() is not None:
                found.append(f"{kind}: its checkpoint is damaged")
            if store.run(run_id).status not in ("running", "queued", "finished"):
                found.append(f"{kind}: is {store.run(run_id).status}: {store.run(run_id).error}")
    return found


def checkpoints(url: str, runs: Mapping[str, int]) -> dict[int, int]:
    """The step of each run's checkpoint; 0 without one."""
    with closing(Store(url)) as store:
        saved = {run_id: store.checkpoint(run_id) for run_id in runs.values()}
    return {run_id: checkpoint.step if checkpoint else 0 for run_id, checkpoint in saved.items()}


# A kind of training from the first kill to the end.


@dataclass
class Killed:
    """What became of a part."""

    kills: int = 0
    acknowledged: int = 0
    """Labels, or steps, one of them counted once."""
    repeated: int = 0
    """Steps that were lost with the process and made anew."""
    problems: list[str] = field(default_factory=list)
    same: bool | None = None
    """Whether the curve is that of a run that nobody disturbed."""


def training(folder: Path, kinds: Sequence[str], moments: int, rng: random.Random) -> dict[str, Killed]:
    """Kill a process that trains a run of each kind so many times, let each make a few more steps, and look at its
    curve."""
    shorten()
    url = f"sqlite:///{folder}/lab.sqlite3"
    runs = prepare(url, kinds)
    found = {kind: Killed() for kind in kinds}
    for _ in range(moments):
        before = checkpoints(url, runs)
        going = [kind for kind in kinds if not _finished(url, runs[kind])]
        if not going:
            break
        told = kill_once(url, _many(rng.randrange(1, 8 * len(going))), rng)
        after, problems = checkpoints(url, runs), run_problems(url, runs, before, told)
        for kind in going:
            found[kind].kills += 1
            found[kind].repeated += max(0, told.step.get(runs[kind], 0) - after[runs[kind]])
            found[kind].problems += [problem for problem in problems if problem.startswith(f"{kind}:")]
        found[kinds[0]].problems += [problem for problem in problems if problem.partition(":")[0] not in kinds]
        print(f"{[one.kills for one in found.values()]} {problems}", file=sys.stderr)
    for kind, one in found.items():
        one.acknowledged, one.same = _to_the_end(url, kind, runs[kind])
    return found


def _many(lines: int) -> Callable[[Told], bool]:
    return lambda told: len(told.lines) >= lines


def _finished(url: str, run_id: int) -> bool:
    with closing(Store(url)) as store:
        return store.run(run_id).status == "finished"


def _to_the_end(url: str, kind: str, run_id: int) -> tuple[int, bool]:
    """Let a run make two more steps, if it has any left. Returns how many it made in all, and whether a run from the
    beginning that nobody disturbs measures the same."""
    with closing(Store(url)) as store:
        jobs = Jobs(store, stages.build, stages.prepare)
        for _ in range(2):
            if store.run(run_id).status != "finished":
                jobs.step_once(run_id, wait=PATIENCE)
        rows, again = store.metrics(run_id), jobs.reset(run_id)
        jobs.resume(again)
        while store.run(again).step < len(rows) and store.run(again).status in ("queued", "running"):
            time.sleep(0.05)
        jobs.close()
        return len(rows), _curve(rows) == _curve(store.metrics(again))[: len(rows)]


def _curve(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "cpu_seconds"} for row in rows]


# Labelling.


@dataclass
class Votes:
    """What phones sent, and what was acknowledged: showings with the side that was chosen."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def _label(port: int, browser: str, query: dict[str, str], rng: random.Random, votes: Votes) -> None:
    """Answer pairs until the server is gone; list.append is atomic."""
    try:
        with closing(Phone(port, browser, "label", **query)) as phone:
            paper = phone.ballot()
            while paper is not None:
                time.sleep(READ)
                vote = paper["showing"], rng.choice(("left", "right"))
                votes.sent.append(vote)
                following = answer(port, paper["address"], *vote)
                if following is not None:
                    votes.acknowledged.append(vote)
                paper = phone.ballot() if following is None else {**paper, **following}
    except (OSError, HTTPException, WebSocketException):
        return  # killed
    except Exception as error:
        votes.errors.append(f"{type(error).__name__}: {error}")


def labelling(folder: Path, moments: int, rng: random.Random) -> Killed:
    """Kill the server so many times while its owner and a class label."""
    server, found, votes = Server(folder), Killed(), Votes()
    with closing(Store(server.database)) as store:
        lab = store.open_lab(OWNER, "en")
        members.start(store, lab)
        joined = members.found(store, lab)
        assert joined is not None
    visitors = [(OWNER, {}), *((f"phone-{i}".ljust(24, "-"), {"join": joined.key}) for i in range(PHONES))]
    for _ in range(moments):
        goal = len(votes.acknowledged) + rng.randrange(PHONES, 6 * PHONES)
        server.start()
        try:
            threads = [
                threading.Thread(target=_label, args=(server.port, *who, random.Random(rng.random()), votes))
                for who in visitors
            ]
            for thread in threads:
                thread.start()
            ends = time.monotonic() + PATIENCE
            while len(votes.acknowledged) < goal and time.monotonic() < ends and any(t.is_alive() for t in threads):
                time.sleep(0.01)
            time.sleep(rng.random() * READ)
        finally:
            server.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
        found.kills += 1
        found.problems += label_problems(server.database, votes)
        print(f"{LABELLING}: {found.kills} {len(votes.acknowledged)} {found.problems}", file=sys.stderr)
    found.problems += votes.errors
    found.acknowledged = len(votes.acknowledged)
    return found


def label_problems(url: str, votes: Votes) -> list[str]:
    """What a kill broke."""
    found = damage(url)
    query = (
        "SELECT showing_id, CASE choice WHEN shown_left THEN 'left' ELSE 'right' END "
        "FROM event JOIN showing ON showing.id = showing_id WHERE kind = 'label'"
    )
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as raw:
        kept = Counter(raw.execute(query).fetchall())
    for vote in votes.acknowledged:
        if kept[vote] != 1:
            found.append(f"the answer {vote} was acknowledged, and is there {kept[vote]} times")
    found += [f"nobody gave the answer {vote}" for vote in kept.keys() - set(votes.sent)]
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join((LABELLING, *KINDS)))
    parser.add_argument("--moments", type=int, default=10, help="kills of each part")
    parser.add_argument("--seed", type=int, default=0, help="names the moments")
    parser.add_argument("--child", metavar="URL", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.child:
        return train(asked.child)
    if unknown := set(asked.parts) - {LABELLING, *KINDS}:
        parser.error(f"there is no part {unknown.pop()!r}; choose of {', '.join((LABELLING, *KINDS))}.")
    rows: list[list[object]] = []
    problems: list[str] = []
    parts = asked.parts or [LABELLING, *KINDS]
    results: dict[str, Killed] = {}
    rng = random.Random(f"{asked.seed} {parts[0]}")
    if LABELLING in parts:
        with tempfile.TemporaryDirectory() as folder:
            results[LABELLING] = labelling(Path(folder), asked.moments, rng)
    if kinds := [kind for kind in parts if kind != LABELLING]:
        with tempfile.TemporaryDirectory() as folder:
            results |= training(Path(folder), kinds, asked.moments, rng)
    for part, found in results.items():
        same = {None: "", True: "yes", False: "no"}[found.same]
        rows.append([part, found.kills, found.acknowledged, found.repeated, len(found.problems), same])
        problems += found.problems
    print(f"# Kills\n\nRemade by `python -m benchmarks.kills --moments {asked.moments} --seed {asked.seed}`.\n")
    print("Each kill is a SIGKILL at a random moment.")
    print(f"Labelling: to the server, while its owner and {PHONES} phones of a class label over HTTP;")
    print("all labels that were acknowledged before any kill are looked for after each.")
    print("Training: to a process that trains a run of each kind with tiny settings, all at once, so that each kill")
    print("meets every kind at another point of its step; it keeps their states every")
    print(f"{CHECKPOINT_SECONDS:g} s (the app: {jobs_module.CHECKPOINT_SECONDS:g} s). Steps that came after the last")
    print("checkpoint are made anew. In the end the curve is laid beside that of a run that nobody disturbed.\n")
    head = ["part", "kills", "labels or steps acknowledged", "steps made anew", "lost, twice or damaged", "same curve"]
    table(head, rows)
    print(*problems, sep="\n")


if __name__ == "__main__":
    main()
