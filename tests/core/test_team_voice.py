"""How a member says things so that they arrive, within its budget of words."""

import random

import pytest

from rlhf_core.gridworld import Cell, say
from rlhf_core.labyrinth import Kind
from rlhf_core.team_messages import KINDS, Channel, Message, seen
from rlhf_core.team_voice import SMALLEST_BUDGET, WORD_BUDGET, Voice

CELL: Cell = (1, 2)


def speaker(budget: int = WORD_BUDGET, delay: int = 1) -> tuple[Voice, Channel]:
    channel = Channel(delay=delay)
    return Voice("E1", channel, budget), channel


def spoken(voice: Voice, channel: Channel, tick: int, *listeners: str) -> list[Message]:
    """What a voice says in a tick."""
    before = len(channel.sent)
    names = voice.speak(tick, set(listeners or ("P1",)))
    assert names == [message.name for message in channel.sent[before:]]
    return channel.sent[before:]


def test_a_budget_too_small_for_a_message_is_refused() -> None:
    with pytest.raises(ValueError, match=f"not {SMALLEST_BUDGET - 1}"):
        speaker(SMALLEST_BUDGET - 1)


@pytest.mark.parametrize("delay", [1, 4])
@pytest.mark.parametrize("verb", ["see", "path"])
def test_what_matters_is_said_again_until_it_is_acknowledged(verb: str, delay: int) -> None:
    voice, channel = speaker(delay=delay)
    if verb == "see":
        voice.tell("P1", CELL, "wall")
    else:
        voice.announce("P1", "way", ("path", "(1,2)"))
    said = {tick: found[0] for tick in range(50) if (found := spoken(voice, channel, tick))}
    every = 2 * delay + 1  # the way there and back, and not a tick sooner
    assert list(said) == list(range(0, 50, every)) and len({message.words for message in said.values()}) == 1
    assert voice.owes("P1")
    voice.acknowledged("P1", said[every].number)  # of any of them
    assert not voice.owes("P1") and not any(spoken(voice, channel, tick) for tick in range(50, 80))


def test_an_acknowledgement_of_another_receiver_or_number_changes_nothing() -> None:
    voice, channel = speaker()
    for receiver in ("P1", "E2"):
        voice.tell(receiver, CELL, "free")
    first, second = spoken(voice, channel, 0, "P1", "E2")
    assert {first.receiver, second.receiver} == {"P1", "E2"}
    voice.acknowledged(first.receiver, second.number)
    voice.acknowledged("X1", 99)
    assert voice.owes("P1") and voice.owes("E2")
    voice.acknowledged(first.receiver, first.number)
    voice.acknowledged(first.receiver, first.number)  # twice over
    assert not voice.owes(first.receiver) and voice.owes(second.receiver)


def test_only_the_last_verdict_on_a_cell_is_said_at_once_though_another_is_on_the_way() -> None:
    voice, channel = speaker()
    voice.tell("P1", CELL, "wall")
    (old,) = spoken(voice, channel, 0)
    voice.tell("P1", CELL, "free")
    (new,) = spoken(voice, channel, 1)
    assert seen(new.words) == {CELL: "free"}
    voice.acknowledged("P1", old.number)  # of what is no longer so
    assert voice.owes("P1") and seen(spoken(voice, channel, 4)[0].words) == {CELL: "free"}
    voice.acknowledged("P1", new.number)
    assert not voice.owes("P1")


def test_what_is_told_again_unchanged_waits_for_its_acknowledgement() -> None:
    voice, channel = speaker()
    voice.tell("P1", CELL, "wall")
    assert spoken(voice, channel, 0)
    voice.tell("P1", CELL, "wall")
    assert not spoken(voice, channel, 1)


def test_only_the_last_announcement_of_a_topic_is_said() -> None:
    voice, channel = speaker()
    voice.announce("P1", "way", ("path", "(1,1)"))
    voice.announce("P1", "way", ("path", "(1,2)"))
    voice.announce("P1", "fail", ("fail", "(1,3)"))
    assert [m.words for m in spoken(voice, channel, 0)] == [("path", "(1,2)"), ("fail", "(1,3)")]
    voice.announce("P1", "way", ("path", "(1,4)"))
    (new,) = spoken(voice, channel, 1)
    assert new.words == ("path", "(1,4)")
    voice.acknowledged("P1", 1)  # the old way
    voice.acknowledged("P1", 2)
    assert [m.words for m in spoken(voice, channel, 4)] == [("path", "(1,4)")]


def test_an_old_acknowledgement_does_not_stand_for_what_was_said_anew() -> None:
    """wall, free, wall: that the first `wall` arrived does not mean that the last one did."""
    voice, channel = speaker()
    for tick, kind in enumerate(("wall", "free", "wall")):
        voice.tell("P1", CELL, kind)  # type: ignore[arg-type]
        voice.announce("P1", "way", ("path", "(1,2)" if kind == "wall" else "(2,1)"))
        assert len(spoken(voice, channel, tick)) == 2
    for number in (1, 2, 3, 4):
        voice.acknowledged("P1", number)
    last_path, last_see = channel.sent[4:]
    assert [m.words for m in spoken(voice, channel, 5)] == [last_path.words, last_see.words]
    voice.acknowledged("P1", last_path.number)
    voice.acknowledged("P1", last_see.number)
    assert not voice.owes("P1")


def test_what_is_mentioned_is_said_once_or_never() -> None:
    voice, channel = speaker()
    voice.mention("P1", ("ack", "1"))
    voice.mention("X1", ("ack", "2"))  # who does not listen
    assert [(m.receiver, m.words) for m in spoken(voice, channel, 0)] == [("P1", ("ack", "1"))]
    assert not any(spoken(voice, channel, tick, "P1", "X1") for tick in range(1, 20))


def test_who_does_not_listen_is_told_when_it_does() -> None:
    voice, channel = speaker()
    voice.tell("P1", CELL, "free")
    voice.announce("P1", "way", ("path", "(1,2)"))
    assert not spoken(voice, channel, 0, "E2")
    assert len(spoken(voice, channel, 1, "P1")) == 2


def test_exit_and_load_come_first_then_the_latest_cells() -> None:
    voice, channel = speaker(SMALLEST_BUDGET)
    voice.tell("P1", (9, 9), "exit")
    for column in range(20):
        voice.tell("P1", (1, column), "free" if column % 2 else "wall")
    voice.tell("P1", (8, 8), "load")
    order: list[set[Cell]] = []
    for tick in range(20):
        for message in spoken(voice, channel, tick):
            order.append(set(seen(message.words)))
            voice.acknowledged("P1", message.number)
    assert {(9, 9), (8, 8)} < order[0]
    columns = [sorted((column for row, column in cells if row == 1), reverse=True) for cells in order]
    assert [column for part in columns for column in part] == list(range(19, -1, -1))
    assert not voice.owes("P1")


def test_announcements_come_before_mentions_and_mentions_before_cells() -> None:
    voice, channel = speaker()
    voice.tell("P1", CELL, "free")
    voice.mention("P1", ("ack", "1"))
    voice.announce("P1", "way", ("path", "(1,2)"))
    assert [m.verb for m in spoken(voice, channel, 0)] == ["path", "ack", "see"]


def say_something(voice: Voice, rng: random.Random, receiver: str) -> dict[tuple[str, Cell], Kind]:
    """Give a voice something of everything to say; returns what the receiver should know of cells in the end."""
    cells: dict[Cell, Kind] = {
        (rng.randrange(1, 5), rng.randrange(1, 5)): rng.choice(KINDS) for _ in range(rng.randint(0, 6))
    }
    for cell, kind in cells.items():
        voice.tell(receiver, cell, kind)
    if rng.random() < 0.3:
        voice.announce(receiver, "way", ("path", *[say((1, i)) for i in range(rng.randint(1, voice.budget - 1))]))
    if rng.random() < 0.5:
        voice.mention(receiver, ("at", "(1,1)", "explorer"))
    return {(receiver, cell): kind for cell, kind in cells.items()}


@pytest.mark.parametrize("case", range(40))
def test_the_budget_of_a_tick_is_never_exceeded_and_the_truth_arrives_in_the_end(case: int) -> None:
    """Whatever is lost on the way, and however late an acknowledgement comes."""
    rng = random.Random(case)
    voice, channel = speaker(rng.choice([SMALLEST_BUDGET, SMALLEST_BUDGET + 1, 20, WORD_BUDGET]), rng.randint(1, 3))
    listeners = ["P1", "E2", "X1"][: rng.randint(1, 3)]
    truth: dict[tuple[str, Cell], Kind] = {}
    heard: dict[tuple[str, Cell], Kind] = {}
    acknowledgements: dict[int, list[Message]] = {}
    for tick in range(500):
        for message in acknowledgements.get(tick, []):
            voice.acknowledged(message.receiver, message.number)
        for receiver in listeners if tick < 60 else ():
            truth |= say_something(voice, rng, receiver)
        said = spoken(voice, channel, tick, *listeners)
        assert sum(len(message.words) for message in said) <= voice.budget
        for message in said:
            if rng.random() < 0.5:  # it arrives
                if message.verb == "see":
                    heard |= {(message.receiver, cell): kind for cell, kind in seen(message.words).items()}
                if rng.random() < 0.6:  # its acknowledgement as well
                    acknowledgements.setdefault(tick + rng.randint(1, 6), []).append(message)
    assert heard == truth
    assert not any(voice.owes(receiver) for receiver in listeners)
