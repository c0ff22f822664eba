"""The panel: simulated annotators with values and slips of their own, who label in a person's place.

A lab keeps one in each language of its model, together with what came of its last labelling. Disagreement moves each
member's values by chance, always in the same way, so that what a member values can be read before it labels anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

import torch

from lab import agreement, models
from lab.labelling import MOST_SIMULATED, LabellingDesk
from lab.store import Lab, Label, NewPair, Store, now
from rlhf_core.annotators import Annotator, annotator_values
from rlhf_core.gold import Values
from rlhf_core.notebook_pairs import NAME as NOTEBOOK
from rlhf_core.notebook_pairs import notebook_pairs

MOST_MEMBERS = 5
MOST_PAIRS = 500
MOST_NOISE = 0.5
MOST_DISAGREEMENT = 3.0
WEIGHTS = 6.0
"""Sliders of values go so far to either side, in points of score per unit of an attribute."""
LONGEST_NAME = 40
OWN = "own"
"""Instead of a preset: values set by hand."""
_NAME, _LAST = "panel", "panel_last"


class PanelError(ValueError):
    """A panel that can't label. `reason`: name or twice. `slots`: whose "name"."""

    def __init__(self, reason: str, name: str) -> None:
        super().__init__(f"The name {name!r} can't be used ({reason}).")
        self.reason, self.slots = reason, {"name": name}


@dataclass(frozen=True, kw_only=True)
class Member:
    """A simulated annotator as a lab wishes it."""

    name: str
    preset: str = "default"
    """Whose values it started from; `OWN` once they were changed."""
    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    """Points of score per unit of each attribute, before any disagreement."""
    noise: float = 0.0
    """Share of answers that come out the wrong way round."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Who labels, and how much."""

    members: tuple[Member, ...]
    pairs: int = 50
    overlap: int = 1
    """How many members judge each pair."""
    disagreement: float = 0.0
    """Standard deviation of what is added to each weight of a member, in points of score."""

    @property
    def labels(self) -> int:
        """How many labels it will give."""
        return self.pairs * self.overlap

    def check(self) -> None:
        """PanelError for a name that is missing, taken or too long; ValueError for a number out of range."""
        names = [member.name for member in self.members]
        for name in names:
            if not name or name == NOTEBOOK or len(name) > LONGEST_NAME:
                raise PanelError("name", name)
            if names.count(name) > 1:
                raise PanelError("twice", name)
        if not 1 <= len(names) <= MOST_MEMBERS or not 1 <= self.overlap <= len(names):
            raise ValueError(f"{self.overlap} of {len(names)} annotators can't judge each pair.")
        if not 1 <= self.pairs <= MOST_PAIRS or self.labels > MOST_SIMULATED:
            raise ValueError(f"The number of pairs must lie between 1 and {MOST_PAIRS}, not {self.pairs}.")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """What came of a labelling, as far as its labels stand."""

    members: tuple[Member, ...]
    """With the values that they had, disagreement included."""
    counts: Mapping[str, int]
    """Standing labels, by name."""
    agreed: agreement.Agreed


# The panel of a lab.


def proposed(language: str, names: tuple[str, ...], n: int) -> tuple[Member, ...]:
    """n members with the reference values and the first of these names."""
    return tuple(of_preset(Member(name=name), "default", language) for name in names[:n])


def of_preset(member: Member, preset: str, language: str) -> Member:
    """The member with the values of a named annotator. ValueError if the language has none of that name."""
    weights = annotator_values(preset, language)
    names = models.assets(language).judge.attribute_names
    return replace(member, preset=preset, weights={name: weights[name] for name in names})


def kept(store: Store, lab: Lab) -> Panel | None:
    """The lab's panel in its language; None before anything was changed."""
    found = (store.kept(lab.id, _NAME) or {}).get(lab.language)
    return found and Panel(**found | {"members": tuple(Member(**member) for member in found["members"])})


def keep(store: Store, lab: Lab, panel: Panel) -> None:
    """Keep the lab's panel in its language."""
    store.keep(lab.id, _NAME, (store.kept(lab.id, _NAME) or {}) | {lab.language: asdict(panel)})


def resized(panel: Panel, members: tuple[Member, ...]) -> Panel:
    """The panel with other members; each pair is judged by at most all of them."""
    return replace(panel, members=members, overlap=min(panel.overlap, len(members)))


def values(panel: Panel, place: int) -> Values:
    """What the member at a place values, its share of the disagreement included: always the same."""
    rng = torch.Generator().manual_seed(place)
    weights = panel.members[place].weights
    moved = panel.disagreement * torch.randn(len(weights), generator=rng)
    pairs = zip(weights.items(), moved.tolist(), strict=True)
    return Values({name: round(weight + by, 2) for (name, weight), by in pairs})


# Labelling.


def label(
    desk: LabellingDesk, panel: Panel, seed: int, progress: Callable[[int, int], None] | None = None
) -> int:  # fmt: skip
    """Let the panel label new pairs of a desk; every label says that it is simulated, and by whom. Returns how many.
    PanelError or ValueError for a panel that can't."""
    panel.check()
    judge = models.assets(desk.lab.language).judge
    held = [values(panel, place) for place in range(len(panel.members))]
    people = [Annotator(m.name, v, judge, m.noise) for m, v in zip(panel.members, held, strict=True)]
    at = desk.clock()
    members = [replace(m, weights=dict(v.weights)) for m, v in zip(panel.members, held, strict=True)]
    last = {"at": at.isoformat(), "members": [asdict(member) for member in members]}
    n = desk.simulate_many(panel.pairs, people, panel.overlap, seed, progress, at)
    desk.store.keep(desk.lab.id, _LAST, (desk.store.kept(desk.lab.id, _LAST) or {}) | {desk.lab.language: last})
    return n


def labelled(store: Store, lab: Lab) -> Labelled | None:
    """What came of the lab's last labelling by a panel in its language; None if there is none, or nothing of it."""
    last = (store.kept(lab.id, _LAST) or {}).get(lab.language)
    if last is None:
        return None
    at, members = datetime.fromisoformat(last["at"]), tuple(Member(**member) for member in last["members"])
    names = {member.name for member in members}
    of_it = [x for x in store.labels(lab.id, "simulated", lab.language) if x.answered_at == at and x.labeler in names]
    counts = {member.name: sum(x.labeler == member.name for x in of_it) for member in members}
    return Labelled(members=members, counts=counts, agreed=agreement.among(of_it)) if of_it else None


# The notebook's pairs.


def load_notebook(store: Store, lab: Lab) -> int:
    """Add the notebook's pairs and labels, reconstructed in the lab's language. Returns how many; 0 if they are in."""
    if notebook_labels(store, lab):
        return 0
    pairs = notebook_pairs(lab.language)
    judged = [
        (
            NewPair(language=lab.language, prompt=one.prompt, response_a=one.response_a, response_b=one.response_b,
                    policy_id=NOTEBOOK, why=NOTEBOOK),
            {NOTEBOOK: one.preferred},
        )
        for one in pairs
    ]  # fmt: skip
    store.delete_unshown(lab.id, NOTEBOOK)  # those whose labels were deleted
    store.add_judged(lab.id, judged, at=now())
    return len(judged)


def unload_notebook(store: Store, lab: Lab) -> int:
    """Take the notebook's pairs and labels out again, in every language. Returns how many labels stood."""
    n = store.delete_labeler(lab.id, NOTEBOOK, "simulated")
    store.delete_unshown(lab.id, NOTEBOOK)
    return n


def notebook_labels(store: Store, lab: Lab) -> list[Label]:
    """The notebook's labels that stand in the lab's language."""
    return [x for x in store.labels(lab.id, "simulated", lab.language) if x.policy_id == x.labeler == NOTEBOOK]


