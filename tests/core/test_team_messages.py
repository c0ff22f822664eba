"""What a team can say, and the channel that carries it."""

import random

import pytest

from rlhf_core.gridworld import Cell
from rlhf_core.labyrinth import LARGEST, Kind
from rlhf_core.team_messages import (
    KINDS,
    MOST_MESSAGES,
    ROLES,
    Channel,
    Forgery,
    Message,
    MessageError,
    parse,
    read_cell,
    see,
    seen,
    words_in,
)

EXAMPLES = [
    "see free (1,2) (1,3) wall (2,2) exit (5,5) load (0,20)", "see wall (10,2)", "at (3,4) explorer",
    "at (3,4) planner", "fail (3,5)", "path (3,4) (3,5) (4,5)", "path (3,4)", "claim (7,8)", "claim executor", "ack 12",
    "ack 0",
]  # fmt: skip


# The grammar.


@pytest.mark.parametrize("text", EXAMPLES)
def test_both_languages_say_the_same_word_for_word(text: str) -> None:
    words = parse(text)
    assert words_in("en", words) == text
    korean = words_in("ko", words)
    assert parse(korean) == words and len(korean.split()) == len(words)
    assert not any("a" <= letter <= "z" for letter in korean)  # every word was translated


def test_languages_may_be_mixed_and_spaces_do_not_matter() -> None:
    assert parse("  보임  free (1,2)\n벽 (2,2) ") == ("see", "free", "(1,2)", "wall", "(2,2)")


def test_all_that_eyes_can_see_can_be_said_and_read() -> None:
    rng = random.Random(0)
    for _ in range(50):
        cells: dict[Cell, Kind] = {
            (rng.randrange(LARGEST), rng.randrange(LARGEST)): rng.choice(KINDS) for _ in range(rng.randint(1, 30))
        }
        words = see(cells)
        assert seen(words) == cells and parse(words_in("ko", words)) == words
        assert len(words) == 1 + len(cells) + len(set(cells.values()))  # every kind is named once


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "''"),
        ("   ", "''"),
        ("go (1,2)", "'go'"),
        ("(1,2) see", r"'\(1,2\)'"),
        ("SEE free (1,2)", "'SEE'"),
        ("see", "''"),
        ("see (1,2)", r"'\(1,2\)'"),
        ("see dog (1,2)", "'dog'"),
        ("see free (1,2) explorer (1,3)", "'explorer'"),
        ("see free (1,2) path", "'path'"),
        ("path", "at least one cell"),
        ("path (1,2) free", "'free'"),
        ("path (1,2) there", "'there'"),
        ("at (1,2)", "`at` is followed by 2 .* not 1"),
        ("at (1,2) explorer now", "not 3"),
        ("at (1,2) boss", "'boss'"),
        ("at explorer (1,2)", r"'\(1,2\)'"),
        ("at explorer explorer", "'explorer'"),
        ("fail", "`fail` is followed by 1 .* not 0"),
        ("fail (1,2) (1,3)", "not 2"),
        ("fail executor", "'executor'"),
        ("claim", "`claim` is followed by 1 .* not 0"),
        ("claim free", "'free'"),
        ("claim boss", "'boss'"),
        ("ack", "`ack` is followed by 1 .* not 0"),
        ("ack one", "'one'"),
        ("ack -1", "'-1'"),
        ("ack 1234567", "'1234567'"),
        ("ack 1 2", "not 2"),
    ],
)
def test_words_that_say_nothing_are_refused_by_name(text: str, names: str) -> None:
    with pytest.raises(MessageError, match=names):
        parse(text)


@pytest.mark.parametrize(
    "word",
    ["(1,2", "1,2", "1,2)", "(1)", "(1,2,3)", "(,)", "()", "(a,1)", "(-1,2)", "(21,0)", "(0,21)", "(100,1)", "((1,2))",
     "(1,2).", "(1.0,2)", "(²,1)"],
)  # fmt: skip
def test_what_is_no_cell_is_refused_by_name(word: str) -> None:
    with pytest.raises(MessageError) as error:
        read_cell(word)
    assert repr(word) in str(error.value)
    with pytest.raises(MessageError):
        parse(f"fail {word}")


def test_every_cell_has_one_word_that_is_read_as_it() -> None:
    for row in range(LARGEST):
        for column in range(LARGEST):
            assert read_cell(f"({row},{column})") == (row, column)


def test_every_role_can_be_played_and_claimed() -> None:
    for role in ROLES:
        assert parse(f"at (1,1) {role}")[2] == role == parse(f"claim {role}")[1]


# The channel.


def arrivals(channel: Channel, until: int) -> dict[int, list[Message]]:
    return {tick: due for tick in range(until) if (due := channel.due(tick))}


@pytest.mark.parametrize("delay", [1, 2, 7])
def test_a_message_is_read_once_after_the_delay(delay: int) -> None:
    channel = Channel(delay=delay)
    assert [channel.send(3, "E1", "P1", ("ack", str(i))) for i in range(3)] == [1, 2, 3]
    assert channel.send(4, "P1", "E1", ("fail", "(1,2)")) == 1  # each sender counts its own
    found = arrivals(channel, 30)
    assert list(found) == [3 + delay, 4 + delay]
    assert [m.name for m in found[3 + delay]] == ["E1-1", "E1-2", "E1-3"]  # in the order in which they were sent
    assert arrivals(channel, 30) == {}
    assert channel.words == 4 * 2 and len(channel.sent) == 4


def test_the_share_that_is_lost_is_that_of_the_setting() -> None:
    for loss in (0.0, 0.1, 0.5, 0.9, 1.0):
        channel = Channel(loss=loss, seed=3)
        for tick in range(4000):
            channel.send(tick, "E1", "P1", ("ack", "1"))
        lost = sum(message.arrives is None for message in channel.sent) / 4000
        assert abs(lost - loss) <= 4 * (loss * (1 - loss) / 4000) ** 0.5  # four standard deviations
        assert sum(map(len, arrivals(channel, 4001).values())) == 4000 - round(4000 * lost)


def test_seeds_lose_others() -> None:
    def lost(seed: int) -> list[bool]:
        channel = Channel(loss=0.5, seed=seed)
        for tick in range(64):
            channel.send(tick, "E1", "P1", ("ack", "1"))
        return [message.arrives is None for message in channel.sent]

    assert lost(1) == lost(1) != lost(2)


def test_a_closed_channel_carries_nothing_and_numbers_as_an_open_one() -> None:
    channel = Channel(open=False, forgeries=[Forgery(0, "E1", "P1", ("ack", "1"))])
    channel.forge(0)
    assert [channel.send(0, "E1", "P1", ("ack", "1")) for _ in range(2)] == [1, 2]
    assert channel.sent == [] and channel.words == 0 and arrivals(channel, 5) == {}


def test_a_full_channel_takes_no_more() -> None:
    channel = Channel(forgeries=[Forgery(1, "E1", "P1", ("ack", "1"))])
    for _ in range(MOST_MESSAGES + 5):
        channel.send(0, "E1", "P1", ("ack", "1"))
    channel.forge(1)
    assert channel.full and len(channel.sent) == MOST_MESSAGES == len(channel.due(1))


def test_a_changed_message_keeps_its_name_and_what_its_sender_wrote() -> None:
    channel = Channel(changes={"E1-2": ("see", "wall", "(1,2)")})
    for i in range(3):
        channel.send(0, "E1", "P1", ("see", "free", f"(1,{i})"))
    first, second, third = channel.due(1)
    assert (second.name, second.words, second.original) == ("E1-2", ("see", "wall", "(1,2)"), ("see", "free", "(1,1)"))
    assert first.original is None and third.original is None and third.words == ("see", "free", "(1,2)")


def test_a_forged_message_comes_in_a_senders_name_and_is_known_as_forged() -> None:
    forged = Forgery(2, "E1", "P1", ("see", "exit", "(1,2)"))
    channel = Channel(loss=1.0, delay=3, forgeries=[forged])
    for tick in range(5):
        channel.forge(tick)
        channel.send(tick, "E1", "P1", ("ack", "1"))
    (message,) = [m for due in arrivals(channel, 20).values() for m in due]  # all but the forged one are lost
    assert (message.sender, message.receiver, message.words) == ("E1", "P1", forged.words)
    assert (message.tick, message.arrives, message.forged) == (2, 5, True)
    assert message.name not in {m.name for m in channel.sent if not m.forged}


def test_changing_or_forging_one_message_leaves_every_other_draw_as_it_was() -> None:
    def fates(channel: Channel) -> dict[str, int | None]:
        for tick in range(200):
            channel.forge(tick)
            channel.send(tick, "E1", "P1", ("ack", "1"))
            channel.send(tick, "P1", "X1", ("ack", "2"))
        return {m.name: m.arrives for m in channel.sent if not m.forged}

    plain = fates(Channel(loss=0.4, seed=1))
    assert fates(Channel(loss=0.4, seed=1, changes={"E1-5": ("path", "(1,1)", "(1,2)")})) == plain
    assert fates(Channel(loss=0.4, seed=1, forgeries=[Forgery(7, "P1", "E1", ("ack", "3"))])) == plain


def test_what_else_is_said_moves_no_other_senders_draw() -> None:
    def fates(extra: bool) -> list[int | None]:
        channel = Channel(loss=0.4, seed=1)
        for tick in range(100):
            if extra:
                channel.send(tick, "P1", "X1", ("ack", "2"))
            channel.send(tick, "E1", "P1", ("ack", "1"))
        return [m.arrives for m in channel.sent if m.sender == "E1"]

    assert fates(False) == fates(True)


def test_settings_out_of_range_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"delay .* not 0"):
        Channel(delay=0)
    for loss in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=f"not {loss}"):
            Channel(loss=loss)
