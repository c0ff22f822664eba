"""Remake the figures of speed as it is felt: `python -m benchmarks.felt [PART] [--language en|ko] [--loads N]`.

`paint` opens every page in Chromium beside an empty app, with a warm cache and a cold one; `start` starts both servers;
`click` clicks (another view, an answer, a step, a label) beside the empty app's button; `load` has five people train
and thirty label at once. What is measured in the browser is a ratio to the empty app's, taken by turns in one run. The
tables are `benchmarks/felt.md`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from benchmarks import felt_click, felt_load, felt_paint
from benchmarks.chromium import chromium, servers
from benchmarks.tables import REFERENCE_GFLOPS, Headlines, gemm_gflops, report
from rlhf_core.corpus import LANGUAGES
from tests.e2e.server import Server

PARTS = ("paint", "start", "click", "load")


@dataclass(frozen=True)
class Effort:
    """How much is done for the figures: loads of each page with a warm cache and with a cold one, starts, blocks of
    clicks."""

    warm: int = 7
    cold: int = 5
    starts: int = 5
    blocks: int = 3
    crowd: felt_load.Crowd = felt_load.USUAL


QUICK = Effort(warm=2, cold=1, starts=1, blocks=1, crowd=felt_load.QUICK)


@contextmanager
def started() -> Iterator[tuple[Server, Server]]:
    """Our app and the empty one, running."""
    with servers() as (app, empty):
        for server in (app, empty):
            server.start()
        yield app, empty


def measure(part: str, languages: list[str], effort: Effort) -> Headlines:
    """One part, on servers of its own."""
    print(f"## {part.capitalize()}\n\n{machine()}\n")
    match part:
        case "paint":
            with started() as (app, empty), chromium() as browser:
                return felt_paint.paint(browser, app, empty, languages, effort.warm, effort.cold)
        case "start":
            with servers() as (app, empty), chromium() as browser:
                return felt_paint.start(browser, app, empty, effort.starts)
        case "click":
            with started() as (app, empty), chromium() as browser:
                return felt_click.clicks(browser, app, empty, languages, effort.blocks)
        case _:
            with servers() as (app, _):
                return felt_load.load(app, effort.crowd)


def machine() -> str:
    """What else went on when a part began."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"This core: {gemm_gflops():.0f} GFLOP/s (reference {REFERENCE_GFLOPS:.0f}), one of {os.cpu_count()}. "
        f"Load of other work before it began: {load} (1, 5, 15 minutes)."
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.felt", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, help="by default all, one after the other")
    parser.add_argument("--language", choices=LANGUAGES, help="by default both")
    parser.add_argument("--quick", action="store_true", help="a smoke test: few of each, figures of no worth")
    parser.add_argument("--loads", type=int, help="of each page, with either cache")
    arguments = parser.parse_args()
    effort = QUICK if arguments.quick else Effort()
    if arguments.loads:
        effort = replace(effort, warm=arguments.loads, cold=arguments.loads)
    languages = [arguments.language] if arguments.language else list(LANGUAGES)
    asked = {
        felt_paint.ASKED.format(page=page, language=language, cache=cache): "at most 2.5"
        for page in felt_paint.OWN for language in languages for cache in ("warm", "cold")
    }  # fmt: skip
    parts = [arguments.part] if arguments.part else PARTS
    command = " ".join(["python -m benchmarks.felt", *sys.argv[1:]])
    report("Speed as it is felt", command, asked, [(part, partial(measure, part, languages, effort)) for part in parts])


if __name__ == "__main__":
    main()
