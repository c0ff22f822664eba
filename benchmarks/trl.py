"""Ours beside TRL on the toy task of `benchmarks.toy_task`: `python -m benchmarks.trl [--seeds N] [--quick]`.

TRL is no dependency of the project. The command makes two virtual environments for it in a cache folder
(`RLHF_LAB_CACHE`, or ~/.cache/rlhf-lab), one with the last TRL that has a PPO trainer and one with the newest, both on
the project's own torch; they stay there for the next time. Every run is a process of its own with one thread, ours and
theirs in turn on the same machine, and its time is scaled by the speed of the core beside it. The table is
`benchmarks/trl.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from benchmarks import toy_task as task
from benchmarks.tables import REFERENCE_GFLOPS, Headlines, gemm_gflops, report, table

RELEASES: dict[str, tuple[str, ...]] = {
    "trl-ppo": ("trl==1.12.0", "transformers==5.23.0", "datasets==5.2.0", "accelerate==1.15.0"),
    "trl-newest": ("trl", "transformers", "datasets", "accelerate"),
}
"""What is installed in each environment: TRL 1.12 is the last with a PPO trainer."""
ENVIRONMENTS = {"ppo": "trl-ppo", "grpo": "trl-newest", "rloo": "trl-newest", "reward": "trl-newest"}
"""Where TRL's side of each run takes place."""
ALGORITHMS = ("ppo", "grpo", "rloo")
NAMES = {name: name.upper() for name in ALGORITHMS} | {"ppo-whole": "PPO, λ 1"}
"""What is trained: with the task's settings by both sides, and PPO with another λ by ours."""
SEEDS, MOST, QUICK = 3, 60, 2
"""Seeds, and the most iterations of a run (PPO of TRL took 36 to the target); of reward models it is steps."""
TIME = f"CPU-seconds to reward {task.TARGET}, best of ours over best of TRL's"
PAIRS = "reward-model pairs per CPU-second, ours over TRL's"
ASKED = {TIME: "at most 0.50", PAIRS: "at least 1.30"}


@cache
def python_of(environment: str) -> str:
    """The interpreter of one of TRL's environments, which is made if it is not there."""
    folder = Path(os.environ.get("RLHF_LAB_CACHE", Path.home() / ".cache" / "rlhf-lab")) / environment
    python, done = folder / "bin" / "python", folder / "installed.txt"
    if not done.exists():
        print(f"installing {' '.join(RELEASES[environment])} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]
        packages = Path(subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip())
        (packages / "project.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")  # the same torch as ours
        subprocess.run([python, "-m", "pip", "install", "--quiet", *RELEASES[environment]], check=True)
        frozen = subprocess.run([python, "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
        done.write_text(frozen)
    return str(python)


def versions(environment: str) -> str:
    """Which releases an environment holds, in words."""
    wanted = [name.split("==")[0] for name in RELEASES[environment]]
    held = Path(python_of(environment)).parents[1] / "installed.txt"
    return ", ".join(line for line in held.read_text().splitlines() if line.split("==")[0] in wanted)


def run(side: str, algorithm: str, seed: int, most: int) -> dict[str, Any]:
    """What one run reports, its times at 85 GFLOP/s."""
    python, module = {
        "ours": lambda: (sys.executable, "benchmarks.toy_ours"),
        "TRL": lambda: (python_of(ENVIRONMENTS[algorithm]), "benchmarks.toy_trl"),
    }[side]()
    print(f"{side} {algorithm} seed {seed}", file=sys.stderr)
    environment = os.environ | {
        "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error",
        "TRL_EXPERIMENTAL_SILENCE": "1", "TOKENIZERS_PARALLELISM": "false",
    }  # fmt: skip
    before = gemm_gflops()
    done = subprocess.run(
        [python, "-m", module, algorithm, str(seed), str(most)], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{side}'s {algorithm} failed:\n{done.stderr[-2000:]}")
    scale = (before + gemm_gflops()) / 2 / REFERENCE_GFLOPS
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    for name in ("reached", "seconds_per_iteration"):
        if found.get(name) is not None:
            found[name] *= scale
    if "pairs_per_second" in found:
        found["pairs_per_second"] /= scale
    return found


def to_target(seeds: int, most: int) -> Headlines:
    """CPU-seconds to the target by each algorithm of both sides."""
    print(f"### To a mean reward of {task.TARGET}\n")
    print(f"{task.LAYERS} layers of width {task.WIDTH}, about 667 thousand parameters, from nothing; batches of")
    print(f"{task.BATCH}, KL coefficient {task.KL_COEF}; TRL, our PPO and our GRPO in {task.EPOCHS} epochs of ", end="")
    print(f"{task.MINIBATCHES} minibatches, our RLOO in one step a batch; λ .95.")
    print("CPU-seconds of training at 85 GFLOP/s, without imports.")
    print(f"A run ends at {most} iterations. TRL: PPO {versions('trl-ppo')}; others {versions('trl-newest')}.\n")
    rows: list[list[object]] = []
    means: dict[str, list[float]] = {"ours": [], "TRL": []}
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for seed in range(seeds):
        for algorithm in NAMES:
            for side in means if algorithm in ALGORITHMS else ("ours",):
                found.setdefault((side, algorithm), []).append(run(side, algorithm, seed, most))
    for (side, algorithm), runs in sorted(found.items()):
        reached = [one["reached"] for one in runs if one["reached"] is not None]
        if len(reached) == seeds and algorithm in ALGORITHMS:
            means[side].append(fmean(reached))
        rows.append([
            f"{side} {NAMES[algorithm]}",
            ", ".join("not reached" if one["reached"] is None else f"{one['reached']:.1f}" for one in runs),
            fmean(reached) if len(reached) == seeds else "",
            ", ".join(str(one["iterations"]) for one in runs),
            fmean(one["seconds_per_iteration"] for one in runs),
        ])  # fmt: skip
    table(["trainer", "CPU s by seed", "mean", "iterations", "CPU s an iteration"], rows)
    if not all(means.values()):
        return {}
    return {TIME: min(means["ours"]) / min(means["TRL"])}


def pairs(seeds: int, most: int) -> Headlines:
    """Speed and success of the reward models' training."""
    print(f"### Reward models\n\n{task.PAIRS} pairs in batches of {task.PAIR_BATCH}, {task.PAIR_EPOCHS} epochs;")
    print(f"accuracy on {task.HELD_OUT} held-out pairs, whose labels are noisy: the last column is the most.\n")
    rows: list[list[object]] = []
    speeds: dict[str, list[float]] = {"ours": [], "TRL": []}
    for seed in range(seeds):
        for side, found in speeds.items():
            one = run(side, "reward", seed, most)
            found.append(one["pairs_per_second"])
            rows.append([side, seed, round(one["pairs_per_second"]), one["accuracy"], one["best_accuracy"]])
    table(["trainer", "seed", "pairs per CPU-second", "held-out accuracy", "the most there is"], rows)
    return {PAIRS: fmean(speeds["ours"]) / fmean(speeds["TRL"])}


PARTS: dict[str, Callable[[int, int], Headlines]] = {"policies": to_target, "pairs": pairs}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trl", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], default=[], help="by default all")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--quick", action="store_true", help="a smoke test: few steps, figures of no worth")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seeds = 1 if arguments.quick else arguments.seeds
    most = {"policies": QUICK if arguments.quick else MOST, "pairs": QUICK if arguments.quick else 10**6}
    chosen = [(name, partial(PARTS[name], seeds, most[name])) for name in arguments.part or PARTS]
    report("Beside TRL", "python -m benchmarks.trl", ASKED, chosen)


if __name__ == "__main__":
    main()
