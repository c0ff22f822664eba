"""Remake the figures of labelling: `python -m benchmarks.labelling [PART ...] [--language en|ko] [--quick]`.

The parts are labels, cost and encoder; without names all of them run, in both languages. Each prints tables in
Markdown; together they are `benchmarks/labelling.md`, and the first table there holds what was asked beside what was
measured.

Labels are simulated, by the reference values; accuracy is on test pairs (`headless.test_pairs`), on which nothing was
tuned.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from benchmarks.tables import REFERENCE_GFLOPS, Headlines, gemm_gflops, report, table
from rlhf_core import evaluation, headless
from rlhf_core.annotators import Annotator
from rlhf_core.attribute_encoder import response_ids
from rlhf_core.checkpoints import LanguageAssets, load_start
from rlhf_core.checkpoints.make import corrupt
from rlhf_core.corpus import LANGUAGES, Prompt
from rlhf_core.gold import REFERENCE_VALUES
from rlhf_core.pair_selection import least_shown, select
from rlhf_core.preferences import target
from rlhf_core.reward_model import RewardModel

POOL = 200
"""Candidates that a pair is chosen from, as on the page; each that is labelled makes room for a new one."""
GOAL, IN_A_ROW, MOST = 0.90, 3, 200
"""The accuracy to reach, the refits in a row that have to have it, and what a run that does not reach it counts as."""
NOISE = 0.10
"""Share of decided labels that are wrong in the noisy runs."""
ASKED = {
    "labels to .90 without noise, uncertain with strength, {language}": "at most 30",
    "labels to .90 with 10 % wrong, uncertain with strength, {language}": "at most 60",
    "refit and choice of the next pair at 200 labels, ms CPU, {language}": "at most 10",
    "R² of repetition, {language}": "0.7",
    "R² of validity, {language}": "0.7",
}


@dataclass(frozen=True)
class Effort:
    """How much is done for the figures."""

    seeds: int = 10
    texts: int = 2000
    most: int = MOST


QUICK = Effort(seeds=2, texts=100, most=20)


class Stream:
    """Pairs of answers by the starting model to training prompts, with what the reward model reads of them."""

    def __init__(self, assets: LanguageAssets, n: int, seed: int) -> None:
        rng, prompts = headless.generator(seed, "stream"), assets.grammar.split("train")
        self.prompts: list[Prompt] = [prompts[i] for i in torch.randint(len(prompts), (n,), generator=rng).tolist()]
        asked = [prompt.text for prompt in self.prompts]
        self.a, self.b = (
            [g.text for g in assets.model.generate(asked, tokenizer=assets.tokenizer, rng=rng)] for _ in "ab"
        )
        extractor = assets.extractor("attributes")
        self.differences = extractor.features(asked, self.a) - extractor.features(asked, self.b)


def utility_noise(assets: LanguageAssets, stream: Stream) -> float:
    """The standard deviation of the error of an annotator who is wrong on `NOISE` of the pairs that are not even."""
    sure = Annotator("reference", REFERENCE_VALUES, assets.judge)
    margins = torch.tensor([sure.margin(*pair) for pair in zip(stream.prompts, stream.a, stream.b, strict=True)])
    margins = margins[margins.abs() > 0.1]
    errors = torch.randn(len(margins), 200, generator=headless.generator(0, "utility noise"))
    low, high = 0.0, 10.0
    for _ in range(30):
        middle = (low + high) / 2
        wrong = ((margins[:, None] + middle * errors).sign() != margins.sign()[:, None]).float().mean()
        low, high = (middle, high) if wrong < NOISE else (low, middle)
    return low


def labels_needed(
    assets: LanguageAssets, stream: Stream, held_out: tuple[Tensor, Tensor], annotator: Annotator, way: str,
    graded: bool, seed: int, most: int,
) -> int:  # fmt: skip
    """How many labels until the first of three refits in a row that have the accuracy; `most` if they never do."""
    rng = headless.generator(seed, "labels")
    order = torch.randperm(len(stream.prompts), generator=rng).tolist()
    pool, waiting = order[:POOL], iter(order[POOL:])
    model = RewardModel(assets.extractor("attributes"))
    shown: Counter[str] = Counter()
    chosen: list[int] = []
    targets: list[float] = []
    reached = 0
    while len(chosen) < most:
        fair = least_shown([stream.prompts[i].category for i in pool], shown)
        at = fair[select(way, stream.differences[[pool[i] for i in fair]], model.weights, rng)]
        picked, pool[at] = pool[at], next(waiting)
        shown[stream.prompts[picked].category] += 1
        preferred, strength = annotator.grades(stream.prompts[picked], stream.a[picked], stream.b[picked], rng)
        chosen.append(picked)
        targets.append(target(preferred, strength if graded else 0))
        model.fit(stream.differences[chosen], torch.tensor(targets))
        found = evaluation.accuracy(held_out[0] @ model.weights, held_out[1]).interval.rate
        reached = reached + 1 if found >= GOAL else 0
        if reached == IN_A_ROW:
            return len(chosen) - IN_A_ROW + 1
    return most


def labels(language: str, effort: Effort) -> Headlines:
    """Labels to .90 for ways of choosing, by an annotator without noise and by noisy ones."""
    assets = load_start(language)
    stream = Stream(assets, POOL + effort.most, seed=0)
    pairs = headless.test_pairs(assets)
    held_out = pairs.differences(assets.extractor("attributes")), pairs.margins(assets.judge, REFERENCE_VALUES)
    annotators = {
        "none": Annotator("reference", REFERENCE_VALUES, assets.judge),
        "10 % wrong, of an unsure annotator": Annotator(
            "reference", REFERENCE_VALUES, assets.judge, utility_noise=utility_noise(assets, stream)
        ),
        "10 % slips, however clear the pair": Annotator("reference", REFERENCE_VALUES, assets.judge, NOISE),
    }
    ways = {
        "random": ("random", False),
        "uncertain": ("uncertain", False),
        "uncertain, with strength": ("uncertain", True),
    }
    print(f"### Labels to {GOAL} held-out accuracy, {language}\n")
    print(f"The first of {IN_A_ROW} refits in a row at or above it; never counts as {effort.most}. Chosen from {POOL}")
    print("candidates, of the categories that came least often so far. A tie is a label, and half each way. Mean, and")
    print("all seeds.\n")
    rows: list[list[object]] = []
    found: Headlines = {}
    for noise, annotator in annotators.items():
        for name, (way, graded) in ways.items():
            needed = [
                labels_needed(assets, stream, held_out, annotator, way, graded, seed, effort.most)
                for seed in range(effort.seeds)
            ]
            rows.append([noise, name, statistics.mean(needed), " ".join(map(str, sorted(needed)))])
            if graded and "slips" not in noise:
                said = "without noise" if noise == "none" else "with 10 % wrong"
                found[f"labels to .90 {said}, uncertain with strength, {language}"] = statistics.mean(needed)
    table(["noise", "choice", "labels", "by seed"], rows)
    return found


def cost(language: str, effort: Effort) -> Headlines:
    """CPU time of what a click makes the core do: fit anew to 200 labels, and choose among the candidates."""
    assets = load_start(language)
    stream = Stream(assets, MOST + POOL, seed=1)
    model = RewardModel(assets.extractor("attributes"))
    rng = headless.generator(0, "cost")
    targets = torch.randint(2, (MOST,), generator=rng).float()
    times: list[float] = []
    for _ in range(effort.seeds):
        began = time.process_time()
        model.fit(stream.differences[:MOST], targets)
        select("uncertain", stream.differences[MOST:], model.weights, rng)
        times.append(1000 * (time.process_time() - began))
    speed = gemm_gflops()
    took = statistics.median(times)
    scaled = took * speed / REFERENCE_GFLOPS
    print(f"### Refit and choice, {language}\n\n{MOST} labels, {POOL} candidates; median of {effort.seeds}.\n")
    table(["ms CPU", "GFLOP/s of this core", f"ms at {REFERENCE_GFLOPS:.0f} GFLOP/s"], [[took, speed, scaled]])
    return {f"refit and choice of the next pair at 200 labels, ms CPU, {language}": scaled}


def encoder(language: str, effort: Effort) -> Headlines:
    """How well the encoder reads each attribute, in answers to test prompts, half of which were damaged."""
    assets, rng, noise = load_start(language), headless.generator(2, "encoder"), random.Random(2)
    reader, prompts = assets.extractor("attributes").encoder, assets.grammar.split("test")
    asked = [prompts[i] for i in torch.randint(len(prompts), (effort.texts,), generator=rng).tolist()]
    prompt_ids = assets.model.encode_prompts([prompt.text for prompt in asked], assets.tokenizer)
    own = [g.text for g in assets.model.generate([p.text for p in asked], tokenizer=assets.tokenizer, rng=rng)]
    half = [corrupt(text, noise, assets.grammar.words) if i % 2 else text for i, text in enumerate(own)]
    shares: list[Tensor] = []
    for texts in (own, half):
        ids = response_ids([assets.tokenizer.encode(text) for text in texts], assets.model.config.response_length)
        with torch.no_grad():
            read = reader(prompt_ids, ids)
        judged = [assets.judge.attributes(prompt, text) for prompt, text in zip(asked, texts, strict=True)]
        meant = torch.tensor([[one[name] for name in reader.names] for one in judged])
        residual = (meant - meant.mean(0)) - (read - read.mean(0))  # it reads how far an answer lies from the usual
        shares.append(1 - residual.var(0) / meant.var(0))
    print(f"### What the encoder reads, {language}\n\nR² on {effort.texts} answers of the starting model to test")
    print("prompts, and with every second of them damaged (`checkpoints.make.corrupt`).\n")
    rows = [[name, *(float(share[i]) for share in shares)] for i, name in enumerate(reader.names)]
    table(["attribute", "own answers", "half damaged"], rows)
    by_name = dict(zip(reader.names, shares[1].tolist(), strict=True))
    return {f"R² of repetition, {language}": by_name["repetition"], f"R² of validity, {language}": by_name["invalid"]}


def main() -> None:
    """The command line."""
    parts = {"labels": labels, "cost": cost, "encoder": encoder}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labelling", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--language", choices=LANGUAGES, help="by default both")
    parser.add_argument("--quick", action="store_true", help="a smoke test: few seeds, figures of no worth")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(parts):
        parser.error(f"there is no part {unknown.pop()!r}; choose of {', '.join(parts)}.")
    torch.set_num_threads(1)
    effort = QUICK if arguments.quick else Effort()
    languages = [arguments.language] if arguments.language else list(LANGUAGES)
    asked = {name.format(language=language): what for name, what in ASKED.items() for language in languages}
    chosen = [
        (f"{name} {language}", partial(parts[name], language, effort))
        for name in arguments.parts or parts
        for language in languages
    ]
    report("Figures of labelling", "python -m benchmarks.labelling", asked, chosen)


if __name__ == "__main__":
    main()
