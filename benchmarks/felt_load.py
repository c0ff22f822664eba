"""Five people who train and thirty who label, on one server: how fast, in which order, and whether anything is lost."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from benchmarks.chromium import labelled_lab
from benchmarks.classroom import EVERY, READ, quantiles
from benchmarks.tables import Headlines, table
from benchmarks.visitor import Visitor
from lab import members
from lab.store import Lab, Run, Store, now
from tests.e2e.server import Server, wait_until

LABELS = 50
ENDED = ("finished", "failed", "stopped")
DEADLINE = 900.0


@dataclass(frozen=True)
class Crowd:
    """How many there are of each, how many iterations a run has, and how long labelling alone is looked at, in
    seconds."""

    trainers: int = 5
    labellers: int = 30
    iterations: int = 12
    alone: float = 40.0


USUAL = Crowd()
QUICK = Crowd(trainers=3, labellers=4, iterations=3, alone=8.0)


@dataclass
class Seen:
    """What all who labelled saw together; list.append is atomic."""

    opened: list[float] = field(default_factory=list)
    """Seconds from opening the class's address to the first pair."""
    answered: list[float] = field(default_factory=list)
    """Seconds from an answer to what the server says to it."""
    followed: list[float] = field(default_factory=list)
    """Seconds until the page was drawn anew after it."""
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    """Showing and side of every answer to which the server said a next pair."""
    unsure: list[tuple[str, str]] = field(default_factory=list)
    """Likewise where it left the page to see for itself."""
    refused: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ran:
    """A run of one of those who train. Seconds since it was asked for."""

    first: float
    """The first iteration's end."""
    last: float
    """The last one's."""
    pace: float
    """Iterations a second between both."""


def load(app: Server, crowd: Crowd) -> Headlines:
    """One who trains, all who label, all who train, and both together; each on the same server."""
    owner = labelled_lab(app.database, "felt-class".ljust(24, "-"), "en", 0)
    trainers = [f"felt-trainer-{i}".ljust(24, "-") for i in range(crowd.trainers)]
    labs = [labelled_lab(app.database, name, "en", 0, simulated=LABELS) for name in trainers]
    with closing(Store(app.database)) as store:
        members.start(store, owner)
        found = members.found(store, owner)
        assert found is not None
        app.start()
        runs: dict[str, list[Ran]] = {"one alone": _train(app, store, trainers[:1], labs[:1], crowd.iterations)}
        alone, both = Seen(), Seen()
        _label(app, found.key, crowd.labellers, alone, lambda: time.sleep(crowd.alone))
        runs[f"{crowd.trainers} at once"] = _train(app, store, trainers, labs, crowd.iterations)
        beside = f"{crowd.trainers} at once beside {crowd.labellers} who label"

        def train() -> None:
            runs[beside] = _train(app, store, trainers, labs, crowd.iterations)

        _label(app, found.key, crowd.labellers, both, train)
    _print_votes(app.database, owner, alone, both)
    _print_waits({"labelling alone": alone, f"beside {crowd.trainers} who train": both})
    _print_runs(runs)
    together, single = (max(one.last for one in runs[name]) for name in (beside, "one alone"))
    return {f"{beside}, until the last run is done, over one alone": together / single}


# Those who train.


def _train(app: Server, store: Store, names: Sequence[str], labs: Sequence[Lab], iterations: int) -> list[Ran]:
    """Everybody opens PPO by an address with the settings, starts at once, and watches until the last run is done."""
    query = f"lang=en&iterations={iterations}&seed={len(store.runs(labs[0].id))}"
    visitors = [Visitor(app, name, "ppo", query) for name in names]
    before = {lab.id: len(store.runs(lab.id, "ppo")) for lab in labs}
    for visitor in visitors:
        visitor.run()
    asked: list[datetime] = []
    for visitor in visitors:
        asked.append(now())
        visitor.run(press="ppo_start")
    wait_until(lambda: all(len(store.runs(lab.id, "ppo")) > before[lab.id] for lab in labs), "the runs are kept")
    ends = threading.Event()
    watching = [threading.Thread(target=_watch, args=(visitor, ends)) for visitor in visitors]
    for thread in watching:
        thread.start()

    def latest() -> list[Run]:
        return [store.runs(lab.id, "ppo")[0] for lab in labs]

    wait_until(lambda: all(run.status in ENDED for run in latest()), "the runs come to their end", DEADLINE)
    ends.set()
    for thread in watching:
        thread.join()
    for visitor in visitors:
        visitor.close()
    assert all((run.status, run.step) == ("finished", iterations) for run in latest())
    return [_ran(store, run, at) for run, at in zip(latest(), asked, strict=True)]


def _watch(visitor: Visitor, ends: threading.Event) -> None:
    """The page redraws what lives as often as it asks for."""
    while visitor.again and not ends.wait(visitor.again[0]):
        visitor.run(fragment=visitor.again[1])


def _ran(store: Store, run: Run, asked: datetime) -> Ran:
    times = [at for _, at in sorted(store.step_times(run.id).items())]
    first, last = ((at - asked).total_seconds() for at in (times[0], times[-1]))
    return Ran(first, last, (len(times) - 1) / (last - first))


# Those who label.


def _label(app: Server, key: str, n: int, seen: Seen, meanwhile: Callable[[], None]) -> None:
    """n people label for as long as something else takes."""
    ends = threading.Event()
    threads = [threading.Thread(target=_labeller, args=(app, key, i, ends, seen)) for i in range(n)]
    for thread in threads:
        thread.start()
    meanwhile()
    ends.set()
    for thread in threads:
        thread.join()


def _labeller(app: Server, key: str, number: int, ends: threading.Event, seen: Seen) -> None:
    """Opens the class's address, then answers a pair every few seconds."""
    rng = random.Random(number)
    if ends.wait(rng.random() * EVERY):
        return
    try:
        began = time.monotonic()
        with closing(Visitor(app, f"felt-labeller-{number}".ljust(24, "-"), "label", f"join={key}&lang=en")) as visitor:
            visitor.run()
            seen.opened.append(time.monotonic() - began)
            while not ends.wait(max(READ, EVERY - (time.monotonic() - began))):
                began = time.monotonic()
                _answer(visitor, rng.choice(("left", "right")), seen)
    except Exception as error:
        seen.errors.append(f"{type(error).__name__}: {error}")


def _answer(visitor: Visitor, side: str, seen: Seen) -> None:
    began, asked = time.monotonic(), visitor.ballot["showing"]
    following = visitor.answer(side)
    seen.answered.append(time.monotonic() - began)
    if following is None:
        seen.unsure.append((asked, side))
    elif following["showing"] == asked:
        seen.refused += 1
    else:
        seen.acknowledged.append((asked, side))
    visitor.follow_ballot()
    seen.followed.append(time.monotonic() - began)


# What came of it.


def _print_votes(database: str, owner: Lab, *all_seen: Seen) -> None:
    """Read the votes back from the file by a store of its own, and set them beside what was acknowledged."""
    with closing(Store(database)) as store:
        labels = store.labels(owner.id, "human")
    stored = Counter((one.showing_id, "left" if one.choice == one.shown_left else "right") for one in labels)
    said = [vote for seen in all_seen for vote in seen.acknowledged]
    unsure = {vote for seen in all_seen for vote in seen.unsure}
    once = sum(stored[vote] == 1 for vote in said)
    rows: list[list[object]] = [
        ["acknowledged", len(said)],
        ["of these stored exactly once, as given", once],
        ["stored without having been acknowledged", len(stored.keys() - set(said) - unsure)],
        ["answers to which the page had to see for itself", len(unsure)],
        ["refused as too quick", sum(seen.refused for seen in all_seen)],
        ["errors", sum(len(seen.errors) for seen in all_seen)],
    ]
    print("### Votes\n")
    table(["votes", ""], rows)
    for line in dict.fromkeys(error for seen in all_seen for error in seen.errors):
        print(line)


def _print_waits(all_seen: dict[str, Seen]) -> None:
    print(f"### What those who label wait for, a vote every {EVERY:.0f} s, milliseconds\n")
    rows: list[list[object]] = []
    for when, seen in all_seen.items():
        for what in ("opened", "answered", "followed"):
            if found := getattr(seen, what):
                rows.append([NAMES[what], when, *quantiles(found)])
    table(["what", "when", "n", "p50", "p95", "longest"], rows)


NAMES = {
    "opened": "the class's address, to the first pair",
    "answered": "an answer, to the next pair",
    "followed": "an answer, to the whole page drawn anew",
}


def _print_runs(runs: dict[str, list[Ran]]) -> None:
    print("### Those who train: seconds since each was asked for, and iterations a second\n")
    rows: list[list[object]] = []
    for when, found in runs.items():
        for number, ran in enumerate(found, start=1):
            rows.append([when, number, f"{ran.first:.1f}", f"{ran.last:.1f}", f"{ran.pace:.2f}"])
    table(["when", "run", "first iteration", "last", "iterations a second"], rows)
