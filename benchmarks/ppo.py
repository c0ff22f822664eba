"""Remake the figures of PPO: `python -m benchmarks.ppo [PART ...] [--language en|ko] [--quick]`.

The parts: iteration, what one iteration costs, part by part; labels, what fifty labels come to in 25 seconds of one
core, over seeds; prices, the same over the price of KL; words, what the price of KL holds off where the reward sees
words alone; presets, what each preset of the page comes to. Without names all run. The tables are `benchmarks/ppo.md`.
"""

from __future__ import annotations

import argparse

import torch

from benchmarks import ppo_iteration, ppo_labels, ppo_presets
from benchmarks.tables import report
from rlhf_core.corpus import LANGUAGES

PARTS = {
    "iteration": ppo_iteration.parts,
    "labels": ppo_labels.parts,
    "prices": ppo_labels.price_parts,
    "words": ppo_presets.words,
    "presets": ppo_presets.parts,
}
"""Of (language, quick): the parts of the report and their names."""
ASKED = ppo_iteration.ASKED | ppo_labels.ASKED | ppo_presets.ASKED


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ppo", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], default=[], help="by default all")
    parser.add_argument("--language", choices=LANGUAGES, help="by default both")
    parser.add_argument("--quick", action="store_true", help="a smoke test: few steps, figures of no worth")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    languages = [arguments.language] if arguments.language else list(LANGUAGES)
    chosen = arguments.part or PARTS
    parts = [p for name in chosen for language in languages for p in PARTS[name](language, arguments.quick)]
    asked = {f"{name}, {language}": what for name, what in ASKED.items() for language in languages}
    report("Figures of PPO", f"python -m benchmarks.ppo {' '.join(arguments.part)}".strip(), asked, parts)


if __name__ == "__main__":
    main()
