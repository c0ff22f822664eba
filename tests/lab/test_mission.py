"""Missions: labels to secret briefs, guesses, the reveal, and that nothing of it mixes with the lab's own labels."""

from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache

import pytest
import torch

from lab import labelling, models, reward, rounds
from lab import mission as missions
from lab.labelling import LabellingDesk, LabellingError
from lab.mission import BRIEFS, PAIRS, MissionDesk, MissionError
from lab.store import Lab, Mission, NewPair, Store
from rlhf_core.corpus import LANGUAGES
from rlhf_core.gold import load_judge


@lru_cache
def some_pairs() -> tuple[NewPair, ...]:
    return tuple(missions.choose_pairs("en", torch.Generator().manual_seed(3)))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hands may be as quick as a test's, the same pairs serve every test, and few questions are asked."""
    monkeypatch.setattr(labelling, "TOO_FAST", timedelta(0))
    monkeypatch.setattr(missions, "SCORED", 8)
    monkeypatch.setattr(missions, "_POOL", 150)
    pairs = some_pairs()
    monkeypatch.setattr(missions, "choose_pairs", lambda language, rng: pairs)
    missions._samples.cache_clear(), missions._attributes.cache_clear()
    yield
    missions._samples.cache_clear(), missions._attributes.cache_clear()


@pytest.fixture
def mission(store: Store, lab: Lab) -> Mission:
    return missions.begin(store, lab, 2, seed=1)


def label(store: Store, lab: Lab, mission: Mission, group: int, n: int = PAIRS) -> None:
    """A group labels n pairs to its brief."""
    desk, judge = MissionDesk(store, lab, mission, group), load_judge("en")
    values = BRIEFS[mission.briefs[group - 1]]
    for _ in range(n):
        shown = desk.current()
        prompt = models.assets("en").grammar.find(shown.prompt)
        left, right = (judge.score(prompt, text, values=values) for text in (shown.left, shown.right))
        desk.answer(shown.id, "left" if left > right else "right" if right > left else "tie")


def test_briefs_are_drawn_apart_and_read_in_their_language() -> None:
    for language in LANGUAGES:
        known = missions.briefs(language)
        assert len(known) >= 8
        assert all(set(BRIEFS[name].weights) <= set(load_judge(language).attribute_names) for name in known)


@pytest.mark.parametrize("groups", [1, 7])
def test_two_to_six_groups_take_part(store: Store, lab: Lab, groups: int) -> None:
    with pytest.raises(MissionError):
        missions.begin(store, lab, groups, seed=1)
    assert missions.current(store, lab) is None


def test_a_mission_draws_by_its_seed(store: Store, lab: Lab) -> None:
    first, again = (missions.begin(store, lab, 6, seed=4) for _ in range(2))
    assert first.briefs == again.briefs and len(set(first.briefs)) == 6
    assert (first.number, again.number) == (1, 2) and missions.current(store, lab) == again
    assert len({missions.begin(store, lab, 6, seed=seed).briefs for seed in range(4)}) > 1


def test_all_groups_label_the_same_pairs_each_for_itself(store: Store, lab: Lab, mission: Mission) -> None:
    label(store, lab, mission, 1)
    assert missions.unfinished(store, mission) == [2]
    with pytest.raises(LabellingError):
        MissionDesk(store, lab, mission, 1).current()
    label(store, lab, mission, 2)
    assert missions.unfinished(store, mission) == []
    asked = [[(x.prompt, x.response_a, x.response_b) for x in missions.labels(store, mission, g)] for g in (1, 2)]
    assert asked[0] == asked[1] == [(x.prompt, x.response_a, x.response_b) for x in some_pairs()]
    assert {x.labeler for x in missions.labels(store, mission, 2)} == {"group-2"}


def test_an_undo_takes_back_a_groups_own_last_answer_of_this_mission(store: Store, lab: Lab, mission: Mission) -> None:
    label(store, lab, mission, 1, 3)
    label(store, lab, mission, 2, 2)
    last = missions.labels(store, mission, 1)[-1]
    shown = MissionDesk(store, lab, mission, 1).undo()
    assert shown is not None and shown.prompt == last.prompt and shown.number == 3
    assert [len(missions.labels(store, mission, group)) for group in (1, 2)] == [2, 2]

    new = missions.begin(store, lab, 2, seed=2)
    desk = MissionDesk(store, lab, new, 1)
    assert desk.undo() is None and len(missions.labels(store, mission, 1)) == 2
    assert desk.current().number == 1


def test_nothing_of_a_mission_gets_into_the_labs_own_labels(store: Store, lab: Lab, mission: Mission) -> None:
    desk = LabellingDesk(store, lab)
    for pair in some_pairs()[:2]:
        store.add_pair(lab.id, pair)
    desk.answer(desk.current().id, "left")
    waits = desk.current()
    label(store, lab, mission, 1)
    MissionDesk(store, lab, mission, 2).current()
    assert desk.current().id == waits.id, "each labeller has one pair before them"
    desk.answer(waits.id, "skip")
    assert store.next_pair(lab.id, "en") is None, "the lab is shown no pair of it"
    for source, n in (("human", 2), ("both", 2), ("simulated", 0)):
        assert len(store.labels(lab.id, source)) == n
    assert reward.counts(store, lab)["both"] == 2 and reward.fit(store, lab).labels_used == 1
    assert rounds.ended(desk.own_labels()) == 0 and desk.hit_rate().n == 0
    assert len(store.events(lab.id, "both", "en")) == 2 and store.sizes("a browser")[lab.id][0] == 2


def test_who_may_guess_what_and_when(store: Store, lab: Lab, mission: Mission) -> None:
    def refused(*about: object) -> str:
        with pytest.raises(MissionError) as caught:
            missions.guess(store, mission, *about)
        return caught.value.reason

    label(store, lab, mission, 1)
    assert refused(2, 2, "rude") == "own" and refused(1, 2, "rude") == "unfinished"
    assert refused(2, 1, "nobody") == refused(3, 1, "rude") == "unknown"
    missions.guess(store, mission, 2, 1, "rude")
    missions.guess(store, mission, 2, 1, "brief")
    assert store.mission_guesses(mission.id) == {(2, 1): "brief"}, "the last guess counts"
    assert missions.missing(store, mission) == 1
    with pytest.raises(MissionError):
        missions.reveal(store, mission)
    with pytest.raises(MissionError):
        missions.result(store, mission, 1)
    label(store, lab, mission, 2)
    missions.reveal(store, mission)
    assert refused(1, 2, "rude") == "revealed"
    assert store.mission_guesses(mission.id) == {(2, 1): "brief"}


def test_the_reveal_tells_the_brief_and_what_its_model_learnt(store: Store, lab: Lab) -> None:
    mission = store.begin_mission(lab.id, "en", ["flatterer", "rude"], some_pairs())
    for group in mission.groups:
        label(store, lab, mission, group)
    said = [missions.says(store, mission, group) for group in mission.groups]
    assert len(said[0]) == len(missions.SHOWN) == 6
    assert [(x.prompt, x.start) for x in said[0]] == [(x.prompt, x.start) for x in said[1]], "the same for all"
    assert [x.chosen for x in said[0]] != [x.chosen for x in said[1]]
    missions.guess(store, mission, 1, 2, "rude")
    missions.guess(store, mission, 2, 1, "polite")
    missions.reveal(store, mission)
    mission = missions.current(store, lab)
    results = [missions.result(store, mission, group) for group in mission.groups]
    assert missions.group_rate(results)[:2] == (1, 2) and [one.right for one in results] == [0, 1]
    for one, attribute, sign in zip(results, ("flattery", "politeness"), (1, -1), strict=True):
        assert one.machine in missions.briefs("en") and one.asked[attribute] == sign * 4
        assert sign * one.learnt[attribute] == max(sign * value for value in one.learnt.values())
        assert one.gain.low > 0 and one.gain.value == pytest.approx(one.chosen.value - one.start.value, abs=1e-5)


def test_a_mission_keeps_to_its_language_and_goes_with_a_copy(store: Store, lab: Lab, mission: Mission) -> None:
    label(store, lab, mission, 1, 2)
    store.set_language(lab.id, "ko")
    assert missions.current(store, store.lab(lab.id)) is None
    store.set_language(lab.id, "en")
    of_lab, rows = store.copy_out(lab.id)
    copy = store.copy_in("another", rows, name="", language="en", created_at=of_lab.created_at)
    copied = missions.current(store, copy)
    assert copied is not None and copied.briefs == mission.briefs and copied.number == 1
    assert len(missions.labels(store, copied, 1)) == 2
    assert MissionDesk(store, copy, copied, 1).current().number == 3
