"""Labelling together: who may label, which pairs are shared, and what counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import torch

from lab import class_board, exchange, forecasts, labelling, members, models, reward
from lab.class_desk import ClassDesk
from lab.label_records import OWNER
from lab.labelling import LabellingDesk, LabellingError, TooFastError
from lab.members import ClassSettings, MemberError
from lab.store import Lab, MemberRow, NewPair, Store, now
from rlhf_core.formats.comparison import standing


class Clock:
    """Time that passes a second whenever it is looked at."""

    def __init__(self) -> None:
        self.time, self.step = datetime(2026, 3, 1, 9, tzinfo=UTC), timedelta(seconds=1)

    def __call__(self) -> datetime:
        self.time += self.step
        return self.time


@pytest.fixture
def key(store: Store, lab: Lab) -> str:
    """Of a class that has just begun, with pairs for all."""
    for number in range(12):
        texts = {"prompt": "hello .", "response_a": f"yes {number} .", "response_b": f"no {number} ."}
        store.add_pair(lab.id, NewPair(language="en", policy_id="start", **texts))
    members.start(store, lab)
    return key_of(store, lab)


@pytest.fixture(autouse=True)
def waiting_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pairs above are what a desk makes: what the deck makes is tested elsewhere, and costs time."""

    def make(desk: ClassDesk) -> tuple[int, NewPair]:
        found = desk.store.next_pair(desk.lab.id, desk.lab.language, desk.labeler)
        assert found is not None
        return found

    monkeypatch.setattr(ClassDesk, "_make_pair", make)


def key_of(store: Store, lab: Lab) -> str:
    found = members.found(store, lab)
    assert found is not None
    return found.key


def desk_of(store: Store, lab: Lab, key: str, who: str, clock: Clock | None = None) -> ClassDesk:
    member = members.join(store, key, who, f"Name of {who}")
    rng = torch.Generator().manual_seed(len(who))
    return ClassDesk(store, lab, key, member, clock=clock or Clock(), rng=rng)


def vote(desk: LabellingDesk, *choices: str) -> list[int]:
    """Answer one pair for each choice, a or b or another; returns the pairs."""
    pairs = []
    for choice in choices:
        showing = desk.current()
        sides = {"a": "left", "b": "right"} if showing.shown_left == "a" else {"a": "right", "b": "left"}
        pairs.append(desk.answer(showing.id, sides.get(choice, choice)).label.pair_id)
    return pairs


def refused(reason: str) -> "pytest.RaisesExc[MemberError]":
    return pytest.raises(MemberError, check=lambda error: error.reason == reason)


# Joining.


def test_names_are_proposed_and_stand_for_one_person_each(store: Store, lab: Lab, key: str) -> None:
    joined = [members.join(store, key, who, "Blue Heron") for who in ("a", "b", "c", "a")]
    assert [one.name for one in joined] == ["Blue Heron", "Blue Heron 2", "Blue Heron 3", "Blue Heron"]
    assert members.join(store, key, "d", OWNER).name == "you 2", "nobody passes for the owner"
    members.rename(store, key, "b", "  <b>수달</b>  ")
    assert [one.name for one in store.members(lab.id)] == ["Blue Heron", "<b>수달</b>", "Blue Heron 3", "you 2"]
    for taken in ("blue heron", "You", "BLUE HERON 3", "Group-1"):
        with refused("taken"):
            members.rename(store, key, "b", taken)
    for wrong in ("", "   ", "x" * 41):
        with pytest.raises(ValueError, match=r"empty|41 characters"):
            members.rename(store, key, "b", wrong)
    members.rename(store, key, "a", "BLUE heron")
    assert store.members(lab.id)[0].name == "BLUE heron", "one's own in other letters"


def test_a_new_name_takes_its_labels_along_and_nobody_elses(store: Store, lab: Lab, key: str) -> None:
    a, b = (desk_of(store, lab, key, who) for who in "ab")
    vote(a, "a", "b")
    vote(b, "a")
    open_pair = a.current().id
    members.rename(store, key, "a", "Otter")
    assert sorted(label.labeler for label in store.labels(lab.id)) == ["Name of b", "Otter", "Otter"]
    again = desk_of(store, lab, key, "a")
    assert again.labeler == "Otter" and again.current().id == open_pair and again.current().number == 3
    with pytest.raises(LabellingError):
        a.answer(open_pair, "left")  # a page drawn before labels nothing under the old name
    assert len(store.labels(lab.id)) == 3


def test_groups_are_chosen_on_joining(store: Store, lab: Lab, key: str) -> None:
    members.keep_settings(store, lab, ClassSettings(groups=2))
    assert members.join(store, key, "a", "A", 2).group == 2
    for group in (0, 3, -1):
        with pytest.raises(ValueError, match=f"no group {group}"):
            members.join(store, key, "b", "B", group)
    assert members.join(store, key, "a", "A", 1).group == 2, "who is in one stays"
    for wrong in ({"groups": 9}, {"overlap": 0}, {"overlap": 11}):
        with pytest.raises(ValueError, match=r"must lie|up to 8"):
            replace(ClassSettings(), **wrong)


def test_a_closed_class_takes_nobody_and_nothing_until_it_reopens(store: Store, lab: Lab, key: str) -> None:
    desk = desk_of(store, lab, key, "a")
    showing = desk.current()
    members.set_open(store, lab, False)
    with refused("closed"):
        desk.answer(showing.id, "left")
    with refused("closed"):
        members.join(store, key, "b", "B")
    assert store.labels(lab.id) == [] and len(store.members(lab.id)) == 1
    members.set_open(store, lab, True)
    assert desk.current().id == showing.id, "the pair waited"
    desk.answer(showing.id, "left")
    assert len(store.labels(lab.id)) == 1


def test_an_old_address_opens_nothing_and_the_new_one_finds_whom_it_knows(store: Store, lab: Lab, key: str) -> None:
    desk = desk_of(store, lab, key, "a")
    vote(desk, "a")
    showing = desk.current()
    members.change_address(store, lab)
    new = key_of(store, lab)
    assert new != key and len(new) >= 32
    for ask in (
        lambda: members.joined(store, key),
        lambda: members.join(store, key, "a", "A"),
        lambda: desk.answer(showing.id, "left"),
        lambda: members.rename(store, key, "a", "B"),
    ):
        with refused("unknown"):
            ask()
    assert members.join(store, new, "a", "Somebody").name == "Name of a"
    assert len(store.labels(lab.id)) == 1


def test_the_address_of_another_purpose_or_lab_opens_nothing(store: Store, lab: Lab, key: str) -> None:
    forecasts.start(store, lab)
    collection = forecasts.collection(store, lab)
    assert collection is not None
    with refused("unknown"):
        members.joined(store, collection.key)
    with pytest.raises(forecasts.ForecastError):
        forecasts.joined(store, key)
    other = store.open_lab("another browser", "en")
    with refused("unknown"):
        members.joined(store, other.key)
    assert members.found(store, other) is None


# Which pair.


def test_a_pair_is_shown_to_as_many_people_as_the_lab_wishes(store: Store, lab: Lab, key: str) -> None:
    desks = [desk_of(store, lab, key, who) for who in "abcd"]
    shown = [desk.current().pair_id for desk in desks]
    assert shown[0] == shown[1] == shown[2] != shown[3], "three before a new one; a pair on a screen counts"
    assert len({desk.current().id for desk in desks}) == 4, "each has a showing of their own"
    members.keep_settings(store, lab, ClassSettings(overlap=1))
    alone = [desk_of(store, lab, key, who) for who in "ef"]
    assert len({*shown, *(desk.current().pair_id for desk in alone)}) == 4


def test_nobody_judges_a_pair_twice_and_a_skip_leaves_room_for_another(store: Store, lab: Lab, key: str) -> None:
    a, b, c = (desk_of(store, lab, key, who) for who in "abc")
    assert len(set(vote(a, *"abab"))) == 4
    first = vote(b, "skip")[0]
    vote(c, "a")
    assert b.current().pair_id != first, "whoever skipped is not asked again"
    assert desk_of(store, lab, key, "d").current().pair_id == first, "a skip is no vote"


def test_members_are_also_shown_what_the_owner_judged_but_not_its_repeats(store: Store, lab: Lab, key: str) -> None:
    owner = LabellingDesk(store, lab, clock=Clock())
    [pair] = vote(owner, "a")
    again = NewPair(
        language="en", prompt="hello .", response_a="no 0 .", response_b="yes 0 .", policy_id="start", why="repeat",
        repeat_of=pair,
    )  # fmt: skip
    repeat = store.add_pair(lab.id, again)
    store.show(lab.id, repeat, shown_left="a", guess=None, at=now())
    desk = desk_of(store, lab, key, "a")
    assert vote(desk, "a") == [pair]
    assert desk.current().pair_id != repeat


def test_a_members_pair_is_not_the_owners(store: Store, lab: Lab, key: str) -> None:
    owner, desk = LabellingDesk(store, lab, clock=Clock()), desk_of(store, lab, key, "a")
    theirs = desk.current()
    mine = owner.current()
    assert mine.pair_id != theirs.pair_id, "what somebody has before them is nobody else's new pair"
    for one, showing in ((owner, theirs), (desk, mine)):
        with pytest.raises(LabellingError, match="never shown"):
            one.answer(showing.id, "left")
    vote(desk, "a")
    assert owner.current() == mine and owner.own_labels() == []
    assert [label.labeler for label in store.labels(lab.id)] == ["Name of a"]


def test_a_reload_shows_the_same_pair_and_an_answer_counts_once(store: Store, lab: Lab, key: str) -> None:
    clock = Clock()
    desk = desk_of(store, lab, key, "a", clock)
    showing = desk.current()
    assert desk_of(store, lab, key, "a", clock).current() == showing
    clock.step = timedelta(milliseconds=100)
    with pytest.raises(TooFastError):
        desk.answer(showing.id, "left")
    clock.step = timedelta(seconds=1)
    first = desk.answer(showing.id, "left")
    assert desk.answer(showing.id, "right") == first
    assert len(store.labels(lab.id)) == 1


def test_undo_takes_back_ones_own_last_answer_alone(store: Store, lab: Lab, key: str) -> None:
    clock = Clock()
    owner = LabellingDesk(store, lab, clock=clock)
    a, b = (desk_of(store, lab, key, who, clock) for who in "ab")
    vote(owner, "a")
    mine = vote(a, "a", "b")
    vote(b, "a")
    clock.step = timedelta(milliseconds=50)  # at the same moment as somebody else's
    assert b.undo() is not None and a.undo() is not None
    assert a.current().pair_id == mine[-1], "it comes again at once"
    clock.step = timedelta(seconds=1)
    assert sorted(label.labeler for label in store.labels(lab.id)) == ["Name of a", OWNER]
    assert a.undo() is not None and a.undo() is None
    assert [label.labeler for label in store.labels(lab.id)] == [OWNER]


def test_a_change_of_language_puts_the_pairs_of_members_aside(store: Store, lab: Lab, key: str) -> None:
    desk = desk_of(store, lab, key, "a")
    showing = desk.current()
    store.set_language(lab.id, "ko")
    with pytest.raises(LabellingError):
        desk.answer(showing.id, "left")
    store.set_language(lab.id, "en")
    assert desk.current().pair_id == showing.pair_id


# What counts.


def test_a_muted_members_labels_count_for_nothing_until_unmuted(store: Store, lab: Lab, key: str) -> None:
    a, b = (desk_of(store, lab, key, who) for who in "ab")
    vote(a, "a", "b")
    vote(b, "a")
    waiting = a.current()
    members.mute(store, lab, "a", True)
    assert [label.labeler for label in store.labels(lab.id)] == ["Name of b"]
    assert store.sizes("a browser") == {lab.id: (1, 0)}
    with refused("muted"):
        a.answer(waiting.id, "left")
    written = exchange.comparisons(store, lab, "human", with_undone=True)
    assert [one.labeler for one in standing(written)] == ["Name of b"]
    mutes = [one for one in written if one.kind == "mute"]
    assert {one.retracts for one in mutes} == {one.event_id for one in written if one.labeler == "Name of a"}
    assert [one.labeler for one in mutes] == [OWNER, OWNER]
    members.mute(store, lab, "a", False)
    assert len(store.labels(lab.id)) == 3


def test_blind_votes_count_and_show_nowhere_until_they_are_revealed(store: Store, lab: Lab, key: str) -> None:
    owner, a = LabellingDesk(store, lab, clock=Clock()), desk_of(store, lab, key, "a")
    vote(owner, "a")
    members.set_blind(store, lab, True)
    vote(a, "a", "b")
    assert [label.labeler for label in store.labels(lab.id)] == [OWNER]
    assert len(exchange.comparisons(store, lab, "both", with_undone=True)) == 1
    assert class_board.verdict(store, lab).agreed.share.items == 0
    room = class_board.room(store, lab)
    assert (len(room.votes), room.seats[0].votes) == (2, 2), "how many and whose is known"
    assert not any(choice in repr(room) for choice in ("choice", "response"))
    _, rows = store.copy_out(lab.id)
    assert rows["member"] == [] and {row["labeler"] for row in rows["event"]} == {OWNER}
    members.set_blind(store, lab, False)
    assert len(store.labels(lab.id)) == 3
    _, rows = store.copy_out(lab.id)
    assert len(rows["member"]) == 1 and len(rows["event"]) == 3


def test_the_owners_rounds_and_hit_rate_are_the_owners(store: Store, lab: Lab, key: str) -> None:
    owner, a = LabellingDesk(store, lab, clock=Clock()), desk_of(store, lab, key, "a")
    vote(a, *"aaaaaa")
    assert owner.own_labels() == [] and owner.current().number == 1


# The board.


def test_who_is_active_and_how_long_they_took(
    store: Store, lab: Lab, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    a = desk_of(store, lab, key, "a", clock)
    members.join(store, key, "b", "B")
    vote(a, "a", "b", "tie")
    monkeypatch.setattr(class_board, "now", lambda: clock.time + timedelta(seconds=59))
    first, second = class_board.room(store, lab).seats
    assert (first.votes, first.active, first.seconds) == (3, True, 1.0)
    assert (second.votes, second.active, second.seconds) == (0, False, None)
    monkeypatch.setattr(class_board, "now", lambda: clock.time + timedelta(seconds=61))
    assert class_board.room(store, lab).active == 0


def test_agreement_by_hand(store: Store, lab: Lab, key: str) -> None:
    """Three people, five pairs; a and b judged all but the last, which a alone judged, c the first two."""
    a, b, c = (desk_of(store, lab, key, who) for who in "abc")
    vote(a, *"aabba")
    vote(b, *"aaab")
    vote(c, *"ab")
    found = class_board.verdict(store, lab)
    # Equal pairs of votes: 3 of 3, 1 of 3, 0 of 1, 1 of 1, together 5 of 8.
    assert found.agreed.share.value == pytest.approx(5 / 8)
    assert (found.agreed.share.items, found.single, found.agreed.labelers) == (4, 1, 3)
    # All answers differ, so the votes for each are counted apart: 3, 2 + 1, 1 + 1, 2. Unequal ordered pairs by votes
    # less one: 0 + 4 / 2 + 2 / 1 + 0 = 4; by chance 100 - (9 + 4 + 1 + 1 + 1 + 4) = 80; alpha = 1 - 9 * 4 / 80 = .55.
    assert found.agreed.alpha.value == pytest.approx(1 - 9 * 4 / 80)
    low, high = found.agreed.share.low, found.agreed.share.high
    assert low is not None and high is not None and 0 <= low < 5 / 8 < high <= 1
    # With most of the others: a on 1 (of 1, 2, 3 and 4 the others are split on 2) and 4, not on 3.
    shares = {name: (share.k, share.n) for name, share in found.by_member.items()}
    assert shares == {"Name of a": (2, 3), "Name of b": (2, 3), "Name of c": (1, 2)}
    # Kappa of a and b: equal on 3 of 4, by chance (2 answers of one, else apart) 1/16 + 1/16 + 0 + 1/16.
    kappa = class_board.kappa(store, lab, "Name of a", "Name of b")
    assert kappa.value == pytest.approx((3 / 4 - 3 / 16) / (1 - 3 / 16)) and kappa.items == 4
    assert class_board.pairings(store, lab)[0] == ("Name of a", "Name of b")
    members.mute(store, lab, "c", True)
    assert class_board.verdict(store, lab).agreed.share.value == pytest.approx(3 / 4)


def test_reward_models_by_labeller_by_group_and_by_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of texts that the model can read; who gave fewer than eight labels has none."""
    rng = torch.Generator().manual_seed(0)  # the true reference pairs cost seconds
    reference = torch.randn(50, len(models.extractor("en", "attributes").names), generator=rng), torch.ones(50)
    monkeypatch.setattr(reward, "reference", lambda *_: reference)
    lab = store.open_lab("a third browser", "en")
    LabellingDesk(store, lab).simulate(12, "default", 0.0, seed=1)
    members.start(store, lab)
    key = key_of(store, lab)
    members.keep_settings(store, lab, ClassSettings(groups=2, overlap=10))
    rows = {who: members.join(store, key, who, who, group) for who, group in (("a", 1), ("b", 1), ("c", 2))}
    pairs = [label.pair_id for label in store.labels(lab.id)]
    for who, choices in (("a", "a" * 10), ("b", "ab" * 4), ("c", "abb")):
        for pair, choice in zip(pairs, choices, strict=False):
            _judge(store, lab, rows[who], pair, choice)
    found = class_board.taught(store, lab)
    assert [(one.kind, one.name, one.labels) for one in found] == [
        ("all", "", 21), ("group", "1", 18), ("member", "a", 10), ("member", "b", 8),
    ]  # fmt: skip
    assert all(one.gold.low <= one.gold.rate <= one.gold.high and one.gold.n == 50 for one in found)
    assert class_board.taught(store, lab) is found, "nothing is fitted anew while no label comes"
    members.mute(store, lab, "a", True)
    assert [one.kind for one in class_board.taught(store, lab)] == ["all", "group", "member"]


def _judge(store: Store, lab: Lab, member: MemberRow, pair: int, choice: str) -> None:
    shown = store.show(lab.id, pair, shown_left="a", guess=None, at=now(), labeler=member.name, shared=True)
    assert shown is not None
    store.answer(shown.id, choice=choice, strength=0, rationale="", labeler=member.name, answered_at=now())


def test_a_real_desk_makes_pairs_of_the_deck(store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(labelling, "TOO_FAST", timedelta(0))
    members.start(store, lab)
    desk = desk_of(store, lab, key_of(store, lab), "a")
    seen = [store.showing(desk.current().id)]
    for _ in range(2):
        desk.answer(desk.current().id, "left")
        seen.append(store.showing(desk.current().id))
    assert all(one and one.why == "uncertain" and one.guess is None for one in seen)
