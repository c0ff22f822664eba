"""The notebook's MultiAgentSystem, with messages that matter: a team escapes from a labyrinth no member sees whole.

Read `labyrinth` (the world), `team_messages` (what is said), `team_map` (what is believed) and `team_members` (what is
done) first; here they are put together, tick by tick:

    read what arrives -> decide and speak -> move -> notice

Everything that is drawn at random depends on the seed and on what it is drawn for, so a run with one message changed
differs from the other in what that message changed, and in nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rlhf_core.gridworld import Cell
from rlhf_core.labyrinth import CARRY_PERIOD, MOST_TICKS, RADIUS, Labyrinth, TeamWorld
from rlhf_core.team_map import TeamMap
from rlhf_core.team_members import RULES, Decision, Member, Mind
from rlhf_core.team_messages import Channel, Forgery, Message, Role, parse
from rlhf_core.team_voice import SMALLEST_BUDGET, WORD_BUDGET, Voice

LETTERS: Mapping[Role, str] = {"planner": "P", "explorer": "E", "executor": "X"}
MOST_EXPLORERS, MOST_PLANNERS, MOST_EXECUTORS = 6, 2, 3


@dataclass(frozen=True, kw_only=True)
class TeamConfig:
    """Who is in the team, and under which conditions it works."""

    explorers: int = 1
    planners: int = 1
    executors: int = 1
    adaptive: bool = True
    """Whether who is idle or needed takes another role."""
    communication: bool = True
    loss: float = 0.0
    """Share of the messages that never arrives."""
    delay: int = 1
    """Ticks from sending to reading."""
    word_budget: int = WORD_BUDGET
    """Words that a member can say in a tick."""
    noise: float = 0.0
    """Share of the cells that a look mistakes."""
    radius: int = RADIUS
    """How many rows and columns away an explorer sees."""
    carry_period: int = CARRY_PERIOD
    """Whoever carries moves every so many ticks."""
    sighted_carriers: bool = False
    """Whether a carrier sees like an explorer: the single agent that the team is compared with."""
    max_ticks: int = MOST_TICKS

    def __post_init__(self) -> None:
        ranges: dict[str, tuple[float, float]] = {
            "explorers": (0, MOST_EXPLORERS),
            "planners": (0, MOST_PLANNERS),
            "executors": (1, MOST_EXECUTORS),
            "loss": (0, 1),
            "delay": (1, 20),
            "word_budget": (SMALLEST_BUDGET, 1000),
            "noise": (0, 0.45),
            "radius": (1, 10),
            "carry_period": (1, 10),
            "max_ticks": (1, 2000),
        }
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie between {least} and {most}, not {getattr(self, name)}.")

    @property
    def roster(self) -> dict[str, Role]:
        """The members' home roles, planners first."""
        counts: dict[Role, int] = {
            "planner": self.planners, "explorer": self.explorers, "executor": self.executors
        }  # fmt: skip
        return {f"{LETTERS[role]}{i + 1}": role for role, n in counts.items() for i in range(n)}


BLIND = TeamConfig(explorers=0, planners=0)
"""The single agent that carries and feels."""
SIGHTED = TeamConfig(explorers=0, planners=0, sighted_carriers=True)
"""The single agent that carries and sees."""


@dataclass(frozen=True)
class Events:
    """What happens to a team from outside: the interventions of whoever watches."""

    lost_at: Mapping[str, int] | None = None
    """The tick in which a member is lost, by name."""
    changes: Mapping[str, tuple[str, ...]] | None = None
    """Other words for a message, by its name."""
    forgeries: tuple[Forgery, ...] = ()


@dataclass(frozen=True)
class TickRecord:
    """All that happened in one tick."""

    tick: int
    positions: Mapping[str, Cell]
    """Of those who are present, before they move."""
    roles: Mapping[str, Role]
    carrying: tuple[str, ...]
    read: tuple[Message, ...]
    """Messages that arrived."""
    decisions: tuple[Decision, ...]
    sent: tuple[Message, ...]
    """Since the tick before."""
    bumps: tuple[str, ...]
    """Who walked into a wall."""
    lost: tuple[str, ...]
    """Who was lost."""
    out: int
    """Loads that are out, after the moves."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended. A failure counts as the cap of ticks."""

    success: bool
    ticks: int
    moves: int
    bumps: int
    messages: int
    words: int


@dataclass(frozen=True)
class RoleUse:
    """What one member did with its time: the roles of the timeline, measured."""

    member: str
    home: Role
    shares: Mapping[Role, float]
    """Of its ticks in each role."""
    switches: int
    """How often it changed its role."""


class MultiAgentSystem:
    """A team in a labyrinth.

    minds: how members plan and follow ways, by name; whoever is not named uses the rules. events: what happens from
    outside. ValueError for an event that names nobody.
    """

    def __init__(
        self,
        labyrinth: Labyrinth,
        config: TeamConfig | None = None,
        *,
        seed: int = 0,
        minds: Mapping[str, Mind] | None = None,
        events: Events | None = None,
    ) -> None:
        self.labyrinth, self.config, self.seed = labyrinth, config or TeamConfig(), seed
        self.minds, self.events = dict(minds or {}), events or Events()
        c, roster = self.config, self.config.roster
        forged = [name for forgery in self.events.forgeries for name in (forgery.sender, forgery.receiver)]
        for name in [*self.minds, *(self.events.lost_at or {}), *forged]:
            if name not in roster:
                raise ValueError(f"There is no member {name!r}; the team has {', '.join(roster)}.")
        self.channel = Channel(
            open=c.communication, delay=c.delay, loss=c.loss, seed=seed, changes=self.events.changes,
            forgeries=self.events.forgeries,
        )  # fmt: skip
        self.world = TeamWorld(
            labyrinth, members=list(roster), carriers=[name for name, role in roster.items() if role == "executor"],
            radius=c.radius, carry_period=c.carry_period, noise=c.noise, sighted_carriers=c.sighted_carriers,
            max_ticks=c.max_ticks, seed=seed,
        )  # fmt: skip
        self.members = {
            name: Member(
                name, roster, labyrinth.start, labyrinth.size, Voice(name, self.channel, c.word_budget),
                adaptive=c.adaptive, carry_period=c.carry_period, mind=self.minds.get(name, RULES),
            )
            for name in roster
        }  # fmt: skip
        for name, sight in self.world.reset()[0].items():
            if c.adaptive or roster[name] != "planner":  # who only plans has eyes for the map alone
                self.members[name].notice(sight)
        self.records: list[TickRecord] = []
        self._recorded = 0
        """So many messages stand in the records."""

    def __iter__(self) -> Iterator[TickRecord]:
        while not self.over:
            yield self.tick()

    @property
    def over(self) -> bool:
        return self.world.over

    def tick(self) -> TickRecord:
        """Let one tick pass. ValueError after the end."""
        if self.over:
            raise ValueError("The run is over; begin another.")
        now, world = self.world.tick, self.world
        for name, when in (self.events.lost_at or {}).items():
            if when == now:
                world.lose(name)
        present = list(world.agents)
        if not present:
            return self._record(now, {}, (), [], ())
        positions, carrying = {name: world.positions[name] for name in present}, tuple(world.holds)
        read = [message for message in self.channel.due(now) if message.receiver in present]
        for message in read:
            self.members[message.receiver].receive(message, now)
        decisions = [self.members[name].act(now, world.may_move(name)) for name in present]
        self.channel.forge(now)
        found = world.step({decision.member: decision.action for decision in decisions})
        for name in present:
            self.members[name].notice(found.observations[name])
        bumps = tuple(name for name in present if found.infos[name]["bumped"])
        return self._record(now, positions, carrying, decisions, tuple(read), bumps)

    def _record(
        self, now: int, positions: dict[str, Cell], carrying: tuple[str, ...], decisions: Sequence[Decision],
        read: tuple[Message, ...], bumps: tuple[str, ...] = (),
    ) -> TickRecord:  # fmt: skip
        lost = tuple(name for name, when in (self.events.lost_at or {}).items() if when == now)
        roles: dict[str, Role] = {decision.member: decision.role for decision in decisions}
        before, self._recorded = self._recorded, len(self.channel.sent)
        record = TickRecord(
            now, positions, roles, carrying, read, tuple(decisions), tuple(self.channel.sent[before:]), bumps, lost,
            len(self.world.out),
        )  # fmt: skip
        self.records.append(record)
        return record

    @property
    def outcome(self) -> Outcome:
        """How the run stands; a run that is over without success counts as the cap of ticks."""
        world = self.world
        failed = self.over and not world.success
        return Outcome(
            world.success,
            self.config.max_ticks if failed else world.tick,
            sum(world.moves.values()),
            sum(world.bumps.values()),
            len(self.channel.sent),
            self.channel.words,
        )

    def map_of(self, name: str) -> TeamMap:
        """What a member believes of the labyrinth."""
        return self.members[name].map

    # The notebook's face.

    def communicate(self, sender_id: str, message: str) -> list[Message]:
        """Say something in a member's name, to all others, now. Returns the messages as they were put on the channel,
        none if it is closed. MessageError for words that say nothing; ValueError for a member that is not there."""
        if sender_id not in self.world.agents:
            raise ValueError(f"{sender_id!r} is not there; present are {', '.join(self.world.agents)}.")
        words, before = parse(message), len(self.channel.sent)
        for receiver in self.world.agents:
            if receiver != sender_id:
                self.channel.send(self.world.tick, sender_id, receiver, words)
        return self.channel.sent[before:]

    def collaborate(self, task: Labyrinth | None = None) -> Outcome:
        """Escape: let ticks pass until all loads are out or the time is up. task: a labyrinth to begin anew in."""
        if task is not None:
            self.__init__(task, self.config, seed=self.seed, minds=self.minds, events=self.events)
        for _ in self:
            pass
        return self.outcome

    def emergent_behavior(self) -> list[RoleUse]:
        """Who played which role for how long: what nobody prescribed, measured."""
        found: list[RoleUse] = []
        for name, home in self.config.roster.items():
            roles: list[Role] = [record.roles[name] for record in self.records if name in record.roles]
            counts: Counter[Role] = Counter(roles)
            shares: dict[Role, float] = {role: n / len(roles) for role, n in counts.items()}
            found.append(RoleUse(name, home, shares, sum(a != b for a, b in pairwise([home, *roles]))))
        return found


@dataclass(frozen=True)
class Change:
    """A decision that came out otherwise in another run of the same team."""

    tick: int
    member: str
    before: Decision | None
    """None where the member was not there, or the run had ended."""
    after: Decision | None


def changed_decisions(before: Sequence[TickRecord], after: Sequence[TickRecord]) -> list[Change]:
    """What was done otherwise: every tick and member whose action differs, in the order of time, as far as both runs
    have records. What is said is left out: a changed message would change the next one's number."""
    found: list[Change] = []
    for a, b in zip(before, after, strict=False):
        first, second = ({d.member: d for d in record.decisions} for record in (a, b))
        for member in {**first, **second}:
            one, other = first.get(member), second.get(member)
            if one is None or other is None or one.action != other.action:
                found.append(Change(a.tick, member, one, other))
    return found
