"""Do the labellers of a lab agree? Of the pairs that several of them judged; see `rlhf_core.agreement`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from lab.store import Label
from rlhf_core.agreement import Agreement, krippendorff_alpha, percent_agreement


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """How far the labellers agree, as a share and beyond chance."""

    share: Agreement
    alpha: Agreement
    labelers: int
    """Who judged a pair that another one judged too."""


def among(labels: Iterable[Label]) -> Agreed:
    """Agreement among labels, oldest first, all in one language. Skipped pairs say nothing; what a labeller said last
    of a pair counts."""
    items = [item for item in votes(labels) if len(item) > 1]
    return Agreed(
        share=percent_agreement(items, np.random.default_rng(0)),
        alpha=krippendorff_alpha(items, np.random.default_rng(0)),
        labelers=len({labeler for item in items for labeler in item}),
    )


def votes(labels: Iterable[Label]) -> list[Mapping[str, str]]:
    """For each two answers to a question what each labeller said of them: the answer they preferred, or another choice.
    The same two count as one pair whichever is a."""
    found: dict[tuple[str, frozenset[str]], dict[str, str]] = {}
    for label in labels:
        if label.choice == "skip":
            continue
        answers = {"a": label.response_a, "b": label.response_b}
        # An answer may be the word "tie".
        said = f"answer {answers[label.choice]}" if label.choice in answers else label.choice
        pair = found.setdefault((label.prompt, frozenset(answers.values())), {})
        pair[f"{label.labeler_kind} {label.labeler}"] = said
    return list(found.values())
