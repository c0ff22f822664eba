"""Remake the figures of missions: `python -m benchmarks.mission [--language en|ko] [--seeds N] [--quick]`.

A simulated group labels the 20 pairs of a mission to its brief. Its reward model picks from 16 answers to six
questions, and a simple guesser, which reads these picks alone (`lab.mission.best_match`), names the brief. Together the
tables are `benchmarks/mission.md`.

Briefs and guesser were chosen on seeds other than these; the questions are the same in every mission, so they were read
then too. A brief "do no harm" was dropped: hardly any answer does, so the guesser always took it for another.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from functools import partial

import torch

from benchmarks.tables import Headlines, report, table, with_interval
from lab import mission, models
from lab.store import NewPair
from rlhf_core.annotators import Annotator
from rlhf_core.corpus import LANGUAGES
from rlhf_core.evaluation import wilson_interval
from rlhf_core.preferences import target
from rlhf_core.reward_model import RewardModel

NOISES = (0.0, 0.1)
SEEDS, FIRST_SEED = 10, 1000


@dataclass(frozen=True)
class Group:
    """A simulated group: its brief, and what the guesser took it for."""

    brief: str
    guessed: str


def learnt(language: str, pairs: list[NewPair], brief: str, noise: float, rng: torch.Generator) -> RewardModel:
    """The reward model of a group that labels pairs to a brief."""
    assets = models.assets(language)
    group = Annotator(brief, mission.BRIEFS[brief], assets.judge, noise)
    asked, a, b = ([getattr(pair, name) for pair in pairs] for name in ("prompt", "response_a", "response_b"))
    prompts = [assets.grammar.find(text) for text in asked]
    said = group.compare([prompt for prompt in prompts if prompt], a, b, rng)
    model = RewardModel(models.extractor(language, "attributes"))
    first, second = (models.features(language, "attributes", asked, texts) for texts in (a, b))
    model.fit(first - second, torch.tensor([target(one) for one in said]))
    return model


def groups(language: str, noise: float, seeds: int, chosen: bool) -> list[Group]:
    """One group for each brief and seed. chosen: they label the pairs of a mission, else as many drawn by chance."""
    found: list[Group] = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        rng = torch.Generator().manual_seed(seed)
        pairs = mission.choose_pairs(language, rng) if chosen else mission.random_pairs(language, rng)
        for brief in mission.briefs(language):
            model = learnt(language, pairs, brief, noise, rng)
            found.append(Group(brief, mission.best_match(language, model)))
    return found


def guessed(language: str, seeds: int) -> Headlines:
    """How often the guesser names the brief."""
    known, found = mission.briefs(language), Headlines()
    rows: list[list[object]] = []
    for chosen, pairs in ((True, "chosen to tell briefs apart"), (False, "drawn by chance")):
        for noise in NOISES:
            every = groups(language, noise, seeds, chosen)
            right = sum(group.guessed == group.brief for group in every)
            rate = right / len(every)
            shown = with_interval(rate, wilson_interval(right, len(every)))
            rows.append([pairs, f"{noise:.0%}", shown, len(every), 1 / len(known)])
            if chosen:
                found[f"brief named, {noise:.0%} of the labels wrong, {language}"] = rate
                detail = every
    print(f"### Briefs named, {language}\n")
    print(f"Share of groups whose brief the guesser names among {len(known)}, 95 % interval (Wilson); every brief with")
    print(f"each of {seeds} seeds. Labels are wrong where the brief prefers one of the answers.\n")
    table(["pairs", "labels wrong", "named", "n", "chance"], rows)
    print(f"By brief, pairs chosen, {NOISES[-1]:.0%} of the labels wrong:\n")
    by_brief = [[name, *_named(detail, name)] for name in known]
    table(["brief", "named", "of", "else taken for"], by_brief)
    return found


def _named(every: list[Group], brief: str) -> list[object]:
    taken = Counter(group.guessed for group in every if group.brief == brief)
    others = ", ".join(f"{name} {n}" for name, n in taken.most_common() if name != brief)
    return [taken[brief], taken.total(), others]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mission", description=__doc__)
    parser.add_argument("--language", choices=LANGUAGES, help="by default both")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--quick", action="store_true", help="a smoke test: one seed, figures of no worth")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seeds = 1 if arguments.quick else arguments.seeds
    languages = [arguments.language] if arguments.language else list(LANGUAGES)
    parts = [(language, partial(guessed, language, seeds)) for language in languages]
    report("Figures of missions", "python -m benchmarks.mission", {}, parts)


if __name__ == "__main__":
    main()
