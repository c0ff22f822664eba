"""Generated bad inputs: `python -m benchmarks.bad_inputs [TARGET ...] [--share X] [--seed N]`.

Whatever people can type, upload, paste or send gets inputs that are wrong in every way that `tests.hostile` knows. Each
must end within its deadline, either taken or refused by an exception that is documented, whose message is one sentence;
anything else is a finding. `benchmarks/bad_inputs.md` is what this prints.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import torch

from benchmarks.bad_input_targets import DEADLINE, TARGETS, Refused, no_sentence
from benchmarks.tables import table
from tests.hostile import Hostile


class TooSlow(BaseException):
    """An input was not done with by its deadline."""


@dataclass
class Outcome:
    """What became of the inputs of a target."""

    taken: int = 0
    refused: int = 0
    longest: float = 0.0
    findings: list[str] = field(default_factory=list)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """TooSlow after so many seconds; in the main thread, as signals are."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooSlow(f"not done after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    others = signal.setitimer(signal.ITIMER_REAL, seconds)  # of whoever watches over us
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *others)


def attack(name: str, n: int, seed: int, folder: Path) -> Outcome:
    """Send a target n bad inputs."""
    target, found = TARGETS[name], Outcome()
    attempt = target.prepare(folder)
    for number in range(n):
        began = time.monotonic()
        try:
            with deadline(target.deadline):
                attempt(Hostile(f"{seed} {name} {number}"))
            found.taken += 1
        except (*target.errors, Refused) as error:
            found.refused += 1
            if wrong := no_sentence(str(error)):
                found.findings.append(f"{name} {number}: {type(error).__name__}, {wrong}: {str(error)!r:.200}")
        except (Exception, TooSlow) as error:
            found.findings.append(f"{name} {number}: {type(error).__name__}: {str(error)!r:.300}")
        found.longest = max(found.longest, time.monotonic() - began)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bad_inputs", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--share", type=float, default=1.0, help="of a whole round, which has 10,000 and more")
    parser.add_argument("--seed", type=int, default=0, help="names the inputs")
    asked = parser.parse_args()
    if unknown := set(asked.targets) - set(TARGETS):
        parser.error(f"there is no target {unknown.pop()!r}; choose of {', '.join(TARGETS)}.")
    torch.set_num_threads(1)
    rows: list[list[object]] = []
    findings: list[str] = []
    for name in asked.targets or TARGETS:
        print(name, file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            os.environ["RLHF_LAB_DATABASE"] = f"sqlite:///{folder}/page.sqlite3"
            n = max(1, round(TARGETS[name].many * asked.share))
            found = attack(name, n, asked.seed, Path(folder))
        rows.append([name, n, found.taken, found.refused, found.longest, len(found.findings)])
        findings += found.findings
    print("# Bad inputs\n\nRemade by `python -m benchmarks.bad_inputs`.\n")
    print(f"{sum(row[1] for row in rows)} generated inputs, seed {asked.seed}. Taken: an input that is none so bad, or")
    print("that the target reads as far as it can. Refused: by a documented exception whose message is one sentence. A")
    print(f"finding is anything else, and whatever takes longer than {DEADLINE:g} s (a page's first drawing: 30 s).\n")
    table(["target", "inputs", "taken", "refused", "longest, s", "findings"], rows)
    print(*findings, sep="\n")


if __name__ == "__main__":
    main()
