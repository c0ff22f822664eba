"""The panel of simulated annotators, and the notebook's pairs."""

from dataclasses import replace

import pytest
import torch

from lab import panel as panels
from lab import reward
from lab.labelling import LabellingDesk
from lab.panel import Member, Panel, PanelError
from lab.store import Lab, Store
from rlhf_core.corpus import LANGUAGES, load_grammar
from rlhf_core.gold import load_judge
from rlhf_core.notebook_pairs import notebook_pairs

NAMES = ("Ada", "Ben", "Chloe")


def panel_of(n: int, **wished: object) -> Panel:
    return Panel(members=panels.proposed("en", NAMES, n), **wished)


def test_every_pair_is_judged_by_so_many_who_take_turns(store: Store, lab: Lab) -> None:
    wished = panel_of(3, pairs=6, overlap=2)
    assert panels.label(LabellingDesk(store, lab), wished, seed=1) == wished.labels == 12
    labels = store.labels(lab.id)
    by_pair = [{x.labeler for x in labels if x.pair_id == pair} for pair in {x.pair_id for x in labels}]
    assert len(by_pair) == 6 and all(len(names) == 2 for names in by_pair)
    assert len({frozenset(names) for names in by_pair}) == 3, "everybody judges with everybody"
    assert {x.labeler_kind for x in labels} == {"simulated"}
    found = panels.labelled(store, lab)
    assert found is not None and set(found.counts.values()) == {4}
    assert found.agreed.share.value == 1, "they have the same values and make no slips"

    store.delete_labeler(lab.id, "Ada", "simulated")
    found = panels.labelled(store, lab)
    assert found is not None and found.counts == {"Ada": 0, "Ben": 4, "Chloe": 4}


def test_opposite_values_disagree_on_whatever_they_decide(store: Store, lab: Lab) -> None:
    wished = panel_of(2, pairs=12, overlap=2)
    one, other = wished.members
    opposite = replace(other, weights={name: -weight for name, weight in other.weights.items()})
    panels.label(LabellingDesk(store, lab), replace(wished, members=(one, opposite)), seed=2)
    by_pair: dict[int, list[str]] = {}
    for x in store.labels(lab.id):
        by_pair.setdefault(x.pair_id, []).append(x.choice)
    assert all((a == b) == (a == "tie") for a, b in by_pair.values()) and len(by_pair) == 12
    assert any(a != "tie" for a, _ in by_pair.values())


def test_disagreement_moves_each_members_values_always_alike() -> None:
    calm, moved = panel_of(2), panel_of(2, disagreement=2.0)
    assert panels.values(calm, 0).as_dict() == panels.values(calm, 1).as_dict()
    first, second = panels.values(moved, 0), panels.values(moved, 1)
    assert first.as_dict() != second.as_dict()
    assert first.as_dict() == panels.values(moved, 0).as_dict()
    weights = moved.members[0].weights
    steps = torch.tensor(
        [panels.values(replace(moved, members=(moved.members[0],) * 40), i)[name] - weights[name]
         for i in range(40) for name in weights]
    )  # fmt: skip
    assert float(steps.std()) == pytest.approx(2.0, rel=0.15) and abs(float(steps.mean())) < 0.3


def test_each_language_keeps_its_panel(store: Store, lab: Lab) -> None:
    assert panels.kept(store, lab) is None
    english = panel_of(2, pairs=7, overlap=2, disagreement=0.5)
    korean = Panel(members=panels.proposed("ko", ("가은",), 1))
    panels.keep(store, lab, english)
    panels.keep(store, replace(lab, language="ko"), korean)
    assert panels.kept(store, lab) == english and panels.kept(store, replace(lab, language="ko")) == korean
    assert set(korean.members[0].weights) == set(load_judge("ko").attribute_names)


@pytest.mark.parametrize(
    ("wished", "reason"),
    [
        (panel_of(1, pairs=0), None),
        (panel_of(2, overlap=3), None),
        (Panel(members=(Member(name=""),)), "name"),
        (Panel(members=(Member(name="notebook"),)), "name"),
        (Panel(members=(Member(name="Ada"), Member(name="Ada"))), "twice"),
    ],
)
def test_a_panel_that_cannot_label_says_why(store: Store, lab: Lab, wished: Panel, reason: str | None) -> None:
    with pytest.raises(ValueError) as caught:
        panels.label(LabellingDesk(store, lab), wished, seed=1)
    assert getattr(caught.value, "reason", None) == reason and isinstance(caught.value, PanelError) == bool(reason)
    assert store.labels(lab.id) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notebooks_pairs_prefer_the_polite_and_helpful_answer(language: str) -> None:
    pairs, grammar, judge = notebook_pairs(language), load_grammar(language), load_judge(language)
    assert len(pairs) == len({(x.prompt, frozenset((x.response_a, x.response_b))) for x in pairs}) == 200
    assert 80 <= sum(x.preferred == "a" for x in pairs) <= 120
    for pair in pairs:
        prompt = grammar.find(pair.prompt)
        assert prompt is not None and prompt.split == "train"
        a, b = (judge.attributes(prompt, text) for text in (pair.response_a, pair.response_b))
        better, worse = (a, b) if pair.preferred == "a" else (b, a)
        assert better["politeness"] == 1 and better["help"] > worse["help"]
        assert worse["politeness"] <= 0 and better["invalid"] == worse["invalid"] == 0


def test_the_notebooks_pairs_are_loaded_once_and_taken_out_whole(store: Store, lab: Lab) -> None:
    desk = LabellingDesk(store, lab)
    assert panels.load_notebook(store, lab) == 200 and panels.load_notebook(store, lab) == 0
    labels = panels.notebook_labels(store, lab)
    assert len(labels) == len(store.labels(lab.id)) == 200
    assert {(x.labeler, x.labeler_kind) for x in labels} == {("notebook", "simulated")}
    assert reward.fit(store, lab).train_accuracy > 0.95
    assert panels.unload_notebook(store, lab) == 200
    assert store.labels(lab.id) == [] and store.next_pair(lab.id, "en") is None, "none of its pairs waits to be shown"

    panels.load_notebook(store, lab)
    store.delete_labeler(lab.id, "notebook", "simulated")
    assert panels.load_notebook(store, lab) == 200 and store.next_pair(lab.id, "en") is None
    shown = desk.current()
    assert shown.prompt and panels.unload_notebook(store, lab) == 200
