"""What every benchmark prints with: Markdown tables, rates with their intervals, and the speed of this core."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout

import torch

REFERENCE_GFLOPS = 85.0
Headlines = dict[str, float]
"""Figures of a part that the first table sets side by side, by their name there."""


def gemm_gflops(size: int = 1024, repeats: int = 8) -> float:
    """fp32 matrix product of this core, in GFLOP/s of process time; the best of some tries."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    best = 0.0
    for _ in range(repeats):
        began = time.process_time()
        a @ b
        best = max(best, 2 * size**3 / (time.process_time() - began) / 1e9)
    return best


class Speed:
    """This core's speed during a training, as a share of the reference's: it changes within seconds where others use
    the machine too."""

    EVERY = 10
    """Steps between two looks at it."""

    def __init__(self) -> None:
        self.measured: list[float] = []
        """In GFLOP/s."""
        self._steps = 0

    def __call__(self) -> float:
        """That of the step just done."""
        if self._steps % self.EVERY == 0:
            self.measured.append(gemm_gflops(repeats=2))
        self._steps += 1
        return self.measured[-1] / REFERENCE_GFLOPS

    def seconds(self, step: Callable[[], object]) -> float:
        """CPU-seconds that a step took, at the reference's speed."""
        began = time.process_time()
        step()
        return (time.process_time() - began) * self()


def table(head: list[str], rows: list[list[object]]) -> None:
    """Print rows as a Markdown table."""
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row) + " |")
    print(flush=True)


def with_interval(rate: float, interval: Sequence[float]) -> str:
    """A rate and its 95 % interval."""
    return f"{rate:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


Parts = Iterable[tuple[str, Callable[[], Headlines]]]


def report(title: str, command: str, asked: Mapping[str, str], parts: Parts) -> None:
    """Run the parts of a benchmark; print what was asked beside what was measured, then what the parts printed."""
    found: Headlines = {}
    details = io.StringIO()
    with redirect_stdout(details):
        for name, part in parts:
            print(name, file=sys.stderr)
            found |= part()
    print(f"# {title}\n\nRemade by `{command}`.\n")
    table(["figure", "asked", "measured"], [[name, asked.get(name, ""), value] for name, value in found.items()])
    print(details.getvalue().rstrip())
