"""A class at work: `python -m benchmarks.classroom [--phones N] [--seconds S] [--alone S]`.

So many simulated phones vote every three seconds while a PPO run trains and the owner's board is looked at every two.
All of it happens in one process, as in the server: each phone is a thread at a desk of its own (`lab.class_desk`) on
the server's store, the run is a job of the server's. What Streamlit adds to a click, the script run and the websocket,
is not in it. What was acknowledged is read back at the end from the file, by another store.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.tables import REFERENCE_GFLOPS, gemm_gflops, table
from lab import class_board, members
from lab.app import Laboratory
from lab.class_desk import ClassDesk
from lab.jobs import JobSpec
from lab.labelling import LabellingDesk
from lab.store import Lab, Store
from rlhf_core.ppo import PPOConfig

EVERY, READ, LOOK = 3.0, 0.5, 2.0
"""Seconds between two votes of a phone, that reading a pair takes at least, and between two looks at the board."""
LANGUAGE = "en"


@dataclass
class Phones:
    """What all phones together saw."""

    joined: list[float] = field(default_factory=list)
    """Seconds from joining to the first pair."""
    waits: list[float] = field(default_factory=list)
    """Seconds from an answer to the next pair."""
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    """Showing and choice (a or b) of every answer that came back."""
    errors: list[str] = field(default_factory=list)


def phone(store: Store, lab: Lab, key: str, number: int, ends: float, seen: Phones) -> None:
    """Join, then answer a pair every three seconds; list.append is atomic."""
    rng = random.Random(number)
    time.sleep(rng.random() * EVERY)
    try:
        began = time.monotonic()
        member = members.join(store, key, f"phone {number}", "Phone")
        showing = ClassDesk(store, lab, key, member).current()
        seen.joined.append(time.monotonic() - began)
        clicked = time.monotonic()
        while True:
            # Every three seconds; whoever was kept waiting longer reads the pair first.
            due = max(clicked + EVERY, time.monotonic() + READ)
            if due > ends:
                return
            time.sleep(due - time.monotonic())
            clicked = time.monotonic()
            desk = ClassDesk(store, lab, key, member)  # as each script run makes one
            label = desk.answer(showing.id, rng.choice(("left", "right"))).label
            seen.acknowledged.append((showing.id, label.choice))
            showing = desk.current()
            seen.waits.append(time.monotonic() - clicked)
    except Exception as error:
        seen.errors.append(f"{type(error).__name__}: {error}")


def board(store: Store, lab: Lab, ends: float, looks: list[float]) -> None:
    """The owner's board, looked at again and again."""
    while time.monotonic() < ends:
        began = time.monotonic()
        class_board.room(store, lab)
        class_board.verdict(store, lab)
        looks.append(time.monotonic() - began)
        time.sleep(LOOK)


def rate(store: Store, run_id: int, seconds: float) -> float:
    """Iterations a second of a run, over some seconds from now."""
    before, began = store.run(run_id).step, time.monotonic()
    time.sleep(seconds)
    return (store.run(run_id).step - before) / (time.monotonic() - began)


def quantiles(seconds: list[float]) -> list[object]:
    """n, p50, p95 and the longest, in ms."""
    p50, p95 = np.quantile(seconds, [0.5, 0.95]) * 1000
    return [len(seconds), f"{p50:.0f}", f"{p95:.0f}", f"{max(seconds) * 1000:.0f}"]


def classroom(folder: Path, phones: int, seconds: float, alone: float) -> None:
    """Measure, and print the tables."""
    url = f"sqlite:///{folder}/lab.sqlite3"
    laboratory = Laboratory(url)
    store = laboratory.store
    lab = store.open_lab("the owner's browser of this benchmark", LANGUAGE)
    LabellingDesk(store, lab).simulate(50, "default", 0.0, seed=1)
    members.start(store, lab)
    found = members.found(store, lab)
    assert found is not None
    config = {**asdict(PPOConfig()), "iterations": None}
    inputs = {"lab": lab.id, "source": "simulated", "features": "attributes"}
    run_id = laboratory.jobs.start(lab.id, JobSpec(stage="ppo", config=config, inputs=inputs, seed=1))
    rate(store, run_id, 5.0)  # until it is warm
    before = rate(store, run_id, alone)
    ends, seen, looks = time.monotonic() + seconds, Phones(), list[float]()
    threads = [
        threading.Thread(target=phone, args=(store, lab, found.key, number, ends, seen)) for number in range(phones)
    ]
    threads.append(threading.Thread(target=board, args=(store, lab, ends, looks)))
    for thread in threads:
        thread.start()
    beside = rate(store, run_id, seconds)
    for thread in threads:
        thread.join()
    after = rate(store, run_id, alone)
    laboratory.close()
    with_all(url, lab, seen, looks, (before, beside, after), phones)


def with_all(
    url: str, lab: Lab, seen: Phones, looks: list[float], rates: tuple[float, float, float], phones: int
) -> None:  # fmt: skip
    """Read the votes back, and print what was seen."""
    again = Store(url)
    stored = [(label.showing_id, label.choice) for label in again.labels(lab.id, "human")]
    judges = Counter(label.pair_id for label in again.labels(lab.id, "human"))
    again.close()
    times = Counter(stored)
    once = sum(times[vote] == 1 for vote in seen.acknowledged)
    print("| votes | |\n| --- | ---: |")
    print(f"| acknowledged | {len(seen.acknowledged)} |\n| of these stored exactly once, as given | {once} |")
    print(f"| stored without having been acknowledged | {len(set(stored) - set(seen.acknowledged))} |")
    print(f"| errors | {len(seen.errors)} |\n| pairs, and people a pair (mean) | {len(judges)}, "
          f"{sum(judges.values()) / max(1, len(judges)):.2f} |\n")  # fmt: skip
    print(*dict.fromkeys(seen.errors), sep="\n")
    rows = [["answer, and the next pair", *quantiles(seen.waits)]]
    rows += [["join, and the first pair", *quantiles(seen.joined)], ["a look at the board", *quantiles(looks)]]
    table(["milliseconds", "n", "p50", "p95", "longest"], rows)
    before, beside, after = rates
    whole = (before + after) / 2
    rows = [["alone, before", f"{before:.2f}"], [f"beside {phones} phones", f"{beside:.2f}"]]
    rows += [["alone, after", f"{after:.2f}"], ["beside, as a share of alone", f"{beside / whole:.2f}"]]
    table(["PPO, iterations a second", ""], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--phones", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--alone", type=float, default=20.0)
    asked = parser.parse_args()
    print("# A class at work\n\nRemade by `python -m benchmarks.classroom`.\n")
    print(f"{asked.phones} simulated phones vote every {EVERY:.0f} s for {asked.seconds:.0f} s while a PPO run trains")
    print(f"and the board is looked at every {LOOK:.0f} s, all in one process on one store: threads at `ClassDesk`,")
    print("without the script runs and websockets of Streamlit. The votes are read back by another store.\n")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    speed = f"{gemm_gflops():.0f} GFLOP/s (reference {REFERENCE_GFLOPS:.0f})"
    print(f"This core at the time: {speed}, one of {os.cpu_count()}.")
    print(f"Load of other work before it began: {load} (1, 5, 15 minutes); above the number of cores all waits.\n")
    with tempfile.TemporaryDirectory() as folder:
        classroom(Path(folder), asked.phones, asked.seconds, asked.alone)


if __name__ == "__main__":
    main()
