"""The team in the labyrinth: it gets out, members know only what they saw or were told, and messages matter."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from rlhf_core.agent_team import SIGHTED, Events, MultiAgentSystem, TeamConfig, TickRecord, changed_decisions
from rlhf_core.gridworld import Cell, manhattan
from rlhf_core.labyrinth import MOST_TICKS, Labyrinth, outer_wall, random_labyrinths
from rlhf_core.team_members import RULES, Member
from rlhf_core.team_messages import MOST_MESSAGES, Channel, Forgery, Message, MessageError, Role, read_cell, seen
from rlhf_core.team_voice import Voice

LABYRINTHS = random_labyrinths(5, 11, seed=7)
PLACE = LABYRINTHS[0]
FIXED = TeamConfig(adaptive=False)


def run(
    labyrinth: Labyrinth = PLACE, config: TeamConfig | None = None, *, seed: int = 0, events: Events | None = None
) -> MultiAgentSystem:
    team = MultiAgentSystem(labyrinth, config, seed=seed, events=events)
    team.collaborate()
    return team


# It gets out.


@pytest.mark.parametrize(
    "config",
    [
        TeamConfig(),
        FIXED,
        TeamConfig(explorers=3, executors=2),
        TeamConfig(planners=0),
        TeamConfig(explorers=0),
        TeamConfig(loss=0.3, delay=3, noise=0.1),
        replace(FIXED, loss=0.3, delay=3),
        TeamConfig(communication=False, max_ticks=2000),
    ],
)
def test_the_team_escapes_and_no_faster_than_its_load_allows(config: TeamConfig) -> None:
    for i, labyrinth in enumerate(LABYRINTHS):
        outcome = run(labyrinth, config, seed=i).outcome
        assert outcome.success and outcome.ticks >= 2 * labyrinth.shortest - 1
        assert (outcome.messages > 0) is config.communication


@pytest.mark.parametrize("lost", ["E1", "P1", "X1"])
@pytest.mark.parametrize("when", [0, 9, 20])
def test_an_adaptive_team_that_loses_a_member_still_gets_every_load_out(lost: str, when: int) -> None:
    for config in (TeamConfig(), TeamConfig(loss=0.3, noise=0.1)):
        for i, labyrinth in enumerate(LABYRINTHS):
            team = run(labyrinth, config, seed=i, events=Events(lost_at={lost: when}))
            assert team.outcome.success, (i, config)
            (record,) = [record for record in team.records if record.lost]
            assert (record.tick, record.lost) == (when, (lost,)) and lost not in record.positions
            if lost == "X1":
                assert any(decision.why == "take" for record in team.records for decision in record.decisions)


@pytest.mark.parametrize("when", [0, 20])
def test_with_fixed_roles_nobody_takes_up_the_load_but_without_a_planner_the_carrier_feels_its_way(when: int) -> None:
    for i, labyrinth in enumerate(LABYRINTHS[:3]):
        lost = run(labyrinth, FIXED, seed=i, events=Events(lost_at={"X1": when})).outcome
        assert (lost.success, lost.ticks) == (False, MOST_TICKS)  # a failure counts as the cap
        patient = replace(FIXED, max_ticks=1000)
        assert run(labyrinth, patient, seed=i, events=Events(lost_at={"P1": when})).outcome.success


@pytest.mark.parametrize(
    ("place", "config", "lost"),
    [
        (4, FIXED, {"P1": 20}),  # the carrier goes on alone, and not back to the way that it was told
        (0, TeamConfig(), {"X1": 20}),  # the load lies beside where its carrier was last heard
        (12, TeamConfig(loss=0.3, noise=0.1), {"X1": 0}),  # who takes it mistook a cell of the way for a wall
        (2, TeamConfig(loss=0.3, noise=0.1), {"X1": 0}),
        (5, TeamConfig(loss=0.6), {"X1": 7}),
    ],
)
def test_where_teams_once_stood_still_until_the_time_was_up(
    place: int, config: TeamConfig, lost: dict[str, int]
) -> None:
    labyrinth = random_labyrinths(20, 9, seed=1)[place]
    assert run(labyrinth, config, seed=place, events=Events(lost_at=lost)).outcome.ticks < 200


def test_the_single_agent_that_sees_looks_twice_at_what_it_may_have_mistaken() -> None:
    for i, labyrinth in enumerate(random_labyrinths(10, 11, seed=1)):
        assert run(labyrinth, replace(SIGHTED, noise=0.3), seed=i).outcome.success


def test_when_nobody_is_left_the_run_is_over_and_nothing_more_is_sent() -> None:
    team = run(events=Events(lost_at={"P1": 4, "E1": 4, "X1": 4}))
    assert team.over and not team.outcome.success and len(team.records) == 5
    last = team.records[-1]
    assert (last.positions, last.decisions, last.sent, last.lost) == ({}, (), (), ("P1", "E1", "X1"))
    with pytest.raises(ValueError, match="over"):
        team.tick()


@pytest.mark.parametrize(
    "config",
    [
        TeamConfig(loss=0.9, delay=10, noise=0.3, word_budget=12, explorers=6, planners=2, executors=3, max_ticks=60),
        TeamConfig(noise=0.45, word_budget=1000, explorers=6, planners=2, executors=3, radius=10, max_ticks=60),
        TeamConfig(loss=1, delay=20, adaptive=False, planners=2, executors=3, carry_period=10, max_ticks=90),
        TeamConfig(explorers=0, planners=0, executors=3, max_ticks=60),
    ],
)
def test_ticks_messages_and_words_stay_under_their_caps(config: TeamConfig) -> None:
    for i, labyrinth in enumerate(random_labyrinths(1, 21, seed=2)):
        events = Events(lost_at={"X1": 20, "X2": 25})
        team = run(labyrinth, config, seed=i, events=events)
        assert len(team.records) == team.world.tick <= config.max_ticks
        assert team.outcome.messages == sum(len(record.sent) for record in team.records) <= MOST_MESSAGES
        for record in team.records:
            words = Counter[str]()
            for message in record.sent:
                words[message.sender] += len(message.words)
            assert all(count <= config.word_budget for count in words.values())
            for decision in record.decisions:
                mine = [message.name for message in record.sent if message.sender == decision.member]
                assert list(decision.says) == mine


def test_settings_out_of_range_are_refused_by_name() -> None:
    for name, value in [
        ("explorers", 7), ("planners", -1), ("executors", 0), ("loss", 1.1), ("delay", 0), ("word_budget", 11),
        ("noise", 0.5), ("radius", 0), ("carry_period", 11), ("max_ticks", 2001),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=f"{name} must lie .* not {value}\\."):
            TeamConfig(**{name: value})  # type: ignore[arg-type]


# What members know.


def cells_of(message: Message) -> set[Cell]:
    return {read_cell(word) for word in message.words if word.startswith("(")}


@pytest.mark.parametrize("config", [FIXED, TeamConfig(explorers=2), TeamConfig(executors=2, loss=0.3)])
def test_no_member_knows_what_it_neither_saw_nor_was_told(config: TeamConfig) -> None:
    for labyrinth in LABYRINTHS[:3]:
        team = MultiAgentSystem(labyrinth, config)
        known = {name: {labyrinth.start} | outer_wall(11) for name in team.members}
        for record in team:
            for message in record.read:
                known[message.receiver] |= cells_of(message)
            for name in record.positions:
                sight = team.members[name].sight
                known[name] |= {sight.position, *sight.cells, *({sight.bumped} if sight.bumped else ())}
                believed = team.map_of(name).known
                assert believed.keys() <= known[name]
                assert all((kind == "wall") == (cell in labyrinth.walls) for cell, kind in believed.items())
                assert team.map_of(name).exit in (None, labyrinth.exit)


def test_a_planner_that_looks_at_nothing_learns_the_exit_in_the_tick_in_which_it_is_told() -> None:
    team = MultiAgentSystem(PLACE, FIXED)
    for record in team:
        told = [m for m in record.read if m.receiver == "P1" and m.verb == "see" and "exit" in m.words]
        if team.map_of("P1").exit is not None:
            assert told
            break
        assert not told
    assert record.tick > 1 and team.map_of("E1").exit == PLACE.exit and not team.over


def test_without_communication_nobody_is_told_anything() -> None:
    team = run(config=replace(FIXED, communication=False))
    assert team.channel.sent == [] and not any(record.read or record.sent for record in team.records)
    assert set(team.map_of("P1").known) == outer_wall(11) | {PLACE.start}


def test_messages_are_read_after_the_delay_by_who_is_there() -> None:
    team = run(config=TeamConfig(delay=3, loss=0.2), events=Events(lost_at={"E1": 12}))
    read = {(m.name, m.receiver): record.tick for record in team.records for m in record.read}
    for message in team.channel.sent:
        there = message.arrives is not None and message.arrives <= team.records[-1].tick
        if there and (message.receiver != "E1" or message.arrives < 12):
            assert read.pop((message.name, message.receiver)) == message.tick + 3 == message.arrives
    assert read == {}


def test_what_a_decision_names_as_its_reason_had_arrived() -> None:
    team = run(config=TeamConfig(explorers=2))
    arrived = set[tuple[str, str]]()
    named = 0
    for record in team.records:
        arrived |= {(m.receiver, m.name) for m in record.read}
        for decision in record.decisions:
            named += len(decision.because)
            assert {(decision.member, name) for name in decision.because} <= arrived
    assert named > 20


# Ways.


@pytest.mark.parametrize("carry_period", [1, 2, 3])
def test_who_is_told_a_way_stands_on_it_when_it_reads_that(carry_period: int) -> None:
    read = 0
    for labyrinth in LABYRINTHS:
        for record in run(labyrinth, TeamConfig(carry_period=carry_period)).records:
            for message in record.read:
                if message.verb == "path":
                    read += 1
                    assert record.positions["X1"] in cells_of(message)
    assert read > 20


@pytest.mark.parametrize(("blocked", "why", "aims"), [(False, "scout", {(1, 1), (1, 7)}), (True, "watch", {None})])
def test_once_a_way_is_known_a_scout_looks_for_a_shorter_one_where_there_may_be_one(
    blocked: bool, why: str, aims: set[Cell | None]
) -> None:
    roster: dict[str, Role] = {"E1": "explorer", "X1": "executor"}
    scout = Member("E1", roster, (7, 1), 9, Voice("E1", Channel()), adaptive=False)
    for row in range(1, 8):  # the known way is the long way round: down, along the bottom and up
        scout.map.stood((row, 1))
        scout.map.stood((row, 7))
    for column in range(2, 7):
        scout.map.stood((7, column))
        scout.map.bumped((6, column))
    for row in range(1 if blocked else 2, 6):
        scout.map.bumped((row, 2))
        scout.map.bumped((row, 6))
    scout.heard["X1"] = (0, (1, 1), "executor")
    scout.map.hear((1, 7), "exit", "P1", "P1-1")
    decision = scout.act(1, True)
    assert (decision.why, decision.aim in aims) == (why, True)


# Messages matter.


def test_the_same_seed_gives_the_same_run_and_another_another() -> None:
    config = TeamConfig(explorers=2, loss=0.3, noise=0.1)
    events = Events(lost_at={"X1": 20})
    first, again, other = (run(config=config, seed=seed, events=events).records for seed in (3, 3, 4))
    assert first == again and first != other


def test_a_run_is_the_same_in_every_process() -> None:
    program = (
        "from tests.core.test_agent_team import *\n"
        "config = TeamConfig(executors=3, explorers=3)\n"
        "team = run(config=config, events=Events(lost_at={'X1': 12, 'X2': 12, 'X3': 14}))\n"
        "import zlib; print(team.outcome.success, zlib.crc32(repr(team.records).encode()))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


def first_path(records: list[TickRecord]) -> Message:
    return next(m for record in records for m in record.sent if m.verb == "path" and len(m.words) > 4)


def test_a_changed_message_changes_what_is_done_after_it_and_nothing_before() -> None:
    plain = run(config=FIXED)
    path = first_path(plain.records)
    changed = run(config=FIXED, events=Events(changes={path.name: ("path", path.words[1])}))
    changes = changed_decisions(plain.records, changed.records)
    assert path.arrives is not None and changes
    assert all(change.tick >= path.arrives for change in changes) and changes[0].member == path.receiver
    assert plain.records[: path.tick] == changed.records[: path.tick]
    (there,) = [m for m in changed.channel.sent if m.name == path.name]
    assert (there.words, there.original) == (("path", path.words[1]), path.words)


def test_a_message_that_is_changed_to_itself_changes_no_decision() -> None:
    plain = run(config=TeamConfig(loss=0.2, noise=0.1))
    path = first_path(plain.records)
    same = run(config=TeamConfig(loss=0.2, noise=0.1), events=Events(changes={path.name: path.words}))
    assert changed_decisions(plain.records, same.records) == [] and len(plain.records) == len(same.records)


def test_a_forged_word_on_the_exit_leads_the_team_astray_unless_nobody_listens() -> None:
    forged = Forgery(2, "E1", "P1", ("see", "exit", "(5,5)"))
    for communication in (True, False):
        config = replace(FIXED, communication=communication)
        team = MultiAgentSystem(PLACE, config, events=Events(forgeries=(forged,)))
        for _ in range(4):
            team.tick()
        assert team.map_of("P1").exit == ((5, 5) if communication else None)
        assert any(m.forged for m in team.records[2].sent) is communication


def test_a_carrier_that_stands_where_the_exit_was_said_to_be_no_longer_believes_it() -> None:
    row, column = PLACE.start
    lie = Forgery(1, "E1", "X1", ("see", "exit", f"({row},{column})"))
    team = MultiAgentSystem(PLACE, FIXED, events=Events(forgeries=(lie,)))
    for _ in range(5):
        team.tick()
    assert team.map_of("X1").exit is None
    assert team.collaborate().success


def test_without_communication_a_changed_message_changes_nothing() -> None:
    path = first_path(run().records)
    silent = TeamConfig(communication=False)
    changed = run(config=silent, events=Events(changes={path.name: ("path", path.words[1])}))
    assert run(config=silent).records == changed.records


# The notebook's face.


def test_what_is_said_in_a_members_name_reaches_all_others_and_is_acted_on() -> None:
    team = MultiAgentSystem(PLACE, FIXED)
    sent = team.communicate("E1", "보임 출구 (5,5)")
    assert [(m.sender, m.receiver, m.words) for m in sent] == [
        ("E1", name, ("see", "exit", "(5,5)")) for name in ("P1", "X1")
    ]
    assert team.map_of("P1").exit is None
    team.tick()
    record = team.tick()
    assert set(sent) <= set(record.read) and team.map_of("P1").exit == (5, 5) == team.map_of("X1").exit


def test_what_says_nothing_or_is_said_by_nobody_is_refused_and_nothing_is_sent() -> None:
    team = MultiAgentSystem(PLACE, events=Events(lost_at={"E1": 0}))
    with pytest.raises(MessageError, match="'hello'"):
        team.communicate("P1", "hello team")
    with pytest.raises(ValueError, match=r"'E9' is not there; present are P1, E1, X1\."):
        team.communicate("E9", "fail (1,2)")
    team.tick()
    before = len(team.channel.sent)
    with pytest.raises(ValueError, match=r"'E1' is not there; present are P1, X1\."):
        team.communicate("E1", "fail (1,2)")
    assert len(team.channel.sent) == before
    assert MultiAgentSystem(PLACE, TeamConfig(communication=False)).communicate("P1", "fail (1,2)") == []


def test_collaborate_goes_on_to_the_end_and_begins_anew_in_another_labyrinth() -> None:
    team = MultiAgentSystem(PLACE, seed=2)
    team.tick()
    outcome = team.collaborate()
    assert outcome == run(seed=2).outcome and team.collaborate() == outcome
    assert outcome.ticks == len(team.records) and outcome.words == sum(len(m.words) for m in team.channel.sent)
    moved = Counter(
        name
        for a, b in pairwise(team.records)
        for name in b.positions
        if a.positions[name] != b.positions[name]
    )  # fmt: skip
    assert moved.total() + 1 <= outcome.moves <= moved.total() + 3  # the last tick's are in no later record
    other = LABYRINTHS[1]
    assert team.collaborate(other) == run(other, seed=2).outcome and team.labyrinth == other
    assert team.records == run(other, seed=2).records


def test_members_move_a_cell_at_a_time_over_free_cells_and_carriers_every_other_tick() -> None:
    team = run(config=TeamConfig(explorers=2, executors=2))
    for a, b in pairwise(team.records):
        for name, cell in b.positions.items():
            assert manhattan(a.positions[name], cell) <= 1 and cell not in PLACE.walls
            if name in a.carrying and a.tick % 2:
                assert cell == a.positions[name]


def test_who_plays_which_role_is_measured() -> None:
    for use in run(config=FIXED).emergent_behavior():
        assert use.shares == {use.home: 1.0} and use.switches == 0
    team = run(events=Events(lost_at={"P1": 4}))
    for use in team.emergent_behavior():
        roles = [record.roles[use.member] for record in team.records if use.member in record.roles]
        assert sum(use.shares.values()) == pytest.approx(1)
        assert use.shares == {role: pytest.approx(roles.count(role) / len(roles)) for role in set(roles)}
    by_name = {use.member: use for use in team.emergent_behavior()}
    assert by_name["P1"].shares["explorer"] > 0 and by_name["E1"].shares["planner"] > 0  # each filled a gap
    assert by_name["E1"].switches >= 1
    assert all(use.shares == {} for use in MultiAgentSystem(PLACE).emergent_behavior())  # before the first tick


@pytest.mark.parametrize(
    ("minds", "events"),
    [
        ({"E2": RULES}, Events()),
        ({}, Events(lost_at={"E2": 3})),
        ({}, Events(forgeries=(Forgery(1, "E2", "P1", ("ack", "1")),))),
        ({}, Events(forgeries=(Forgery(1, "P1", "E2", ("ack", "1")),))),
    ],
)
def test_events_and_minds_of_nobody_are_refused(minds: dict[str, object], events: Events) -> None:
    with pytest.raises(ValueError, match=r"no member 'E2'; the team has P1, E1, X1\."):
        MultiAgentSystem(PLACE, minds=minds, events=events)  # type: ignore[arg-type]


def test_what_was_seen_is_told_once_it_is_acknowledged_and_not_again() -> None:
    team = run(config=FIXED)
    told = Counter(
        (m.sender, m.receiver, cell) for m in team.channel.sent if m.verb == "see" for cell in seen(m.words)
    )  # fmt: skip
    assert told and max(told.values()) == 1  # without loss every cell is told to each but once
