"""One member of the team: what it notices and hears, which role it plays, what it says and does.

A member knows what it saw and what it was told, nothing else. Its role says what it does in a tick: an explorer walks
to the nearest frontier and looks, and once a way out is known looks for a shorter one; a planner stands over its map
and sends ways from where a carrier will be when it reads them; an executor carries. With fixed roles
each plays its own. With adaptive ones who is idle or needed takes another (response thresholds: Bonabeau, Theraulaz and
Deneubourg, 1996): a planner scouts where frontiers wait, the next in line plans when the planner falls silent, and the
nearest fetches the load of a carrier that fell silent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from typing import Literal

from rlhf_core.gridworld import MOVES, Cell, manhattan, neighbour, say
from rlhf_core.labyrinth import CARRY_PERIOD, LOOK, STAY, TAKE, Kind, Sight, outer_wall
from rlhf_core.team_map import TeamMap, trace
from rlhf_core.team_messages import ROLES, Message, Role, read_cell, seen
from rlhf_core.team_voice import Voice

Why = Literal[
    "look", "scout", "recheck", "plan", "follow", "own_way", "alone", "wait", "rest", "fetch", "take", "out", "watch"
]
"""Why a member does what it does; the page has a sentence for each."""

MEMORY = 20
"""Messages that a member remembers word for word; what they said stays in its map."""
SIGN_OF_LIFE = 2
"""Every so many ticks a member says where it is."""
LOST_AFTER = 12
"""Ticks of silence, beyond the way there and back, after which a member is taken for lost."""
PATIENCE, LONG_PATIENCE = 14, 40
"""Ticks that a carrier waits for a way: when it hears nothing at all, and when it hears that others are at work."""
HYSTERESIS = 2
"""A scout gives up its claim only for a frontier that is so many steps nearer."""
CLAIM_RADIUS = 1
"""Frontiers so near to another's claim are left to it."""
GAIN = 0.4
"""Steps that a scout goes further for a cell more to be seen."""
THEIRS = 5
"""Steps that a scout goes further rather than to a frontier to which another scout is nearer."""
LEAD_SHARE = 0.5
"""While the exit is unknown the carrier is led as far as this share of what is unknown lies ahead: a step in vain costs
twice what a step's wait does, so going on pays from one half on."""
CLAIM_LOAD = ("claim", "executor")
"""The message of who goes for a load that nobody carries."""
NEAR_END = 4
"""Cells of a way that are left when a carrier is told how it goes on."""

Route = Callable[[TeamMap, Cell, Cell], "list[Cell] | None"]
"""Finds a way on a map, both ends included: a planner's mind."""
Drive = Callable[[TeamMap, Cell, Sequence[Cell]], "Cell | None"]
"""Chooses the next cell from the map, where one is, and the way ahead: an executor's mind."""


def shortest_route(known: TeamMap, source: Cell, target: Cell) -> list[Cell] | None:
    """The rule's planner: breadth-first search."""
    return known.way(source, target)


def next_cell(known: TeamMap, here: Cell, ahead: Sequence[Cell]) -> Cell | None:
    """The rule's executor: the next cell of the way."""
    return ahead[0] if ahead else None


@dataclass(frozen=True)
class Mind:
    """How a member plans ways and follows them."""

    route: Route = shortest_route
    drive: Drive = next_cell


RULES = Mind()


@dataclass(frozen=True)
class Decision:
    """What a member does in a tick, and why."""

    member: str
    role: Role
    action: str
    why: Why
    aim: Cell | None = None
    """Where it wants to get in the end."""
    because: tuple[str, ...] = ()
    """The messages without which it would not know what it acts on."""
    says: tuple[str, ...] = ()
    """The messages that it sends."""


@dataclass(frozen=True)
class _Plan:
    """What a planner has just told."""

    aim: Cell
    because: tuple[str, ...]


@dataclass(frozen=True)
class _Told:
    """The way that a planner told a carrier."""

    whole: list[Cell]
    said: list[Cell]
    """The first stretch of it, as far as the budget of words goes."""
    tick: int
    cell: Cell
    """Where the carrier was last heard."""
    followed_from: int
    """The tick in which it can first act on this way, or on those before that began in the same way."""


class Member:
    """See the head of this file.

    name: one of the roster. roster: the home role of every member, planners first: the order in which they stand in for
    a planner that is lost.
    """

    def __init__(
        self, name: str, roster: dict[str, Role], start: Cell, size: int, voice: Voice, *, adaptive: bool,
        carry_period: int = CARRY_PERIOD, mind: Mind = RULES,
    ) -> None:  # fmt: skip
        self.name, self.roster, self.voice = name, roster, voice
        self.adaptive, self.carry_period, self.mind = adaptive, carry_period, mind
        self.role: Role = roster[name]
        self.map = TeamMap(size)
        self.map.stood(start)
        self.sight = Sight(start, roster[name] == "executor")
        self.memory: deque[Message] = deque(maxlen=MEMORY)
        self.heard: dict[str, tuple[int, Cell, Role]] = {
            other: (0, start, role) for other, role in roster.items() if other != name
        }
        """Of every other, when it was last heard, where it was then, and what it did."""
        self._placed: dict[str, int] = {}
        """In which tick every other said where it was."""
        self.claims: dict[str, tuple[str, Cell]] = {}
        """What every other said last that it explores, and in which message."""
        self.claim: Cell | None = None
        self.way: list[Cell] = []
        """The way that it was told."""
        self.way_from: str | None = None
        """The message that told it."""
        self._way_sender = ""
        self._way_tick = 0
        self._moved_at = 0
        self._on_its_own = False
        self._told: dict[str, _Told] = {}
        self._fetching = False
        self._fetchers: dict[str, int] = {}
        """The others that said they fetch a load, and when that was heard."""
        self._missed_since = 0
        """The last tick in which it knew of no load that nobody carries."""
        self._searched: set[tuple[str, Cell | None]] = set()
        """The lost carriers whose load was not where they were last heard, nor between there and the exit, and the
        exit as it was known then."""
        self._heeded: list[str] = []
        self._tick = 0
        self._delay = voice.channel.delay
        self._facts: dict[Cell, Kind] = {}
        self._outer = outer_wall(size)

    @property
    def here(self) -> Cell:
        return self.sight.position

    # What reaches it.

    def notice(self, sight: Sight) -> None:
        """What the world shows after a tick."""
        if sight.position != self.here:
            self._moved_at = self._tick
        self.sight = sight
        self.map.stood(sight.position)
        for cell, kind in sight.cells.items():
            self.map.look(cell, kind)
        if sight.bumped is not None:
            self.map.bumped(sight.bumped)
            if sight.bumped in self.way:
                self.way = []
            for other in self._audience():
                self.voice.announce(other, f"fail {sight.bumped}", ("fail", say(sight.bumped)))

    def receive(self, message: Message, tick: int) -> None:
        """Read a message."""
        if message.sender not in self.heard:
            return
        self.memory.append(message)
        _, cell, role = self.heard[message.sender]
        self.heard[message.sender] = (tick, cell, role)
        {
            "see": self._hear_see, "at": self._hear_at, "fail": self._hear_fail, "path": self._hear_path,
            "claim": self._hear_claim, "ack": self._hear_ack,
        }[message.verb](message, tick)  # fmt: skip
        if message.verb in ("see", "fail", "path") or message.words == CLAIM_LOAD:
            self.voice.mention(message.sender, ("ack", str(message.number)))

    def _hear_see(self, message: Message, tick: int) -> None:
        for cell, kind in seen(message.words).items():
            self.map.hear(cell, kind, message.sender, message.name)

    def _hear_at(self, message: Message, tick: int) -> None:
        sender, cell = message.sender, read_cell(message.words[1])
        role: Role = next(role for role in ROLES if role == message.words[2])
        self.heard[sender] = (tick, cell, role)
        self._placed[sender] = message.tick
        self.map.stood(cell)
        self._searched -= {searched for searched in self._searched if searched[0] == sender}
        if role == "executor" and (sender in self._fetchers or cell == self.map.load):
            self._fetchers.pop(sender, None)
            self.map.load = None

    def _hear_fail(self, message: Message, tick: int) -> None:
        cell = read_cell(message.words[1])
        self.map.bumped(cell)
        self.map.because[cell] = message.name

    def _hear_claim(self, message: Message, tick: int) -> None:
        if message.words == CLAIM_LOAD:
            self._fetchers[message.sender] = tick
        elif message.words[1] not in ROLES:
            self.claims[message.sender] = (message.name, read_cell(message.words[1]))

    def _hear_ack(self, message: Message, tick: int) -> None:
        self.voice.acknowledged(message.sender, int(message.words[1]))

    def _hear_path(self, message: Message, tick: int) -> None:
        """Follow the newest word of one planner; that of another only when there is nothing left to follow. A way with
        a gap is none."""
        way = [read_cell(word) for word in message.words[1:]]
        if any(manhattan(a, b) != 1 for a, b in pairwise(way)):
            return
        same = message.sender == self._way_sender
        if (same and message.tick < self._way_tick) or (not same and self._ahead() and way[-1] != self.map.exit):
            return
        for cell in way:
            if self.map.free(cell) is None:
                self.map.hear(cell, "free", message.sender, message.name)
        self._on_its_own &= way == self.way
        self.way, self.way_from, self._way_sender, self._way_tick = way, message.name, message.sender, message.tick

    # What it believes of the others.

    def lost(self, other: str) -> bool:
        """Whether another has been silent for so long that it is taken for lost."""
        return self._tick - self.heard[other][0] > LOST_AFTER + 2 * self._delay

    def _audience(self) -> list[str]:
        """Those who gather what is known: all but carriers at work."""
        return [other for other, (_, _, role) in self.heard.items() if role != "executor"]

    def _planning(self) -> bool:
        """Whether it is this member that plans: the first of the roster that may and is not lost."""
        may = [n for n, role in self.roster.items() if role == "planner" or (self.adaptive and role == "explorer")]
        present = [n for n in may if n == self.name or not (self.lost(n) or self.heard[n][2] == "executor")]
        return present[:1] == [self.name]

    def _carriers(self) -> dict[str, Cell]:
        """The others that carry, as far as is known, and where they were last heard."""
        return {n: cell for n, (_, cell, role) in self.heard.items() if role == "executor" and not self.lost(n)}

    # What it says and does.

    def act(self, tick: int, may_move: bool) -> Decision:
        """Decide on one tick: say what is to be said, and return what to do. may_move: whether a carrier can move in
        this tick."""
        self._tick = tick
        planned = self._plan() if not self.sight.carrying and self._planning() else None
        if self.sight.carrying:
            self.role = "executor"
            decision = self._carry(may_move)
        elif self.adaptive:
            decision = self._adapt(planned)
        elif self.role == "explorer":
            decision = self._scout()
        elif self.role == "planner":
            decision = self._planned(planned) if planned else self._decision(STAY, "wait")
        else:
            decision = self._decision(STAY, "out")
        self._share(tick)
        present = {other for other in self.heard if not self.lost(other) or tick % LOST_AFTER == 0}
        says = self.voice.speak(tick, present)
        return replace(decision, says=tuple(says))

    def _planned(self, plan: _Plan) -> Decision:
        return self._decision(STAY, "plan", plan.aim, plan.because)

    def _decision(self, action: str, why: Why, aim: Cell | None = None, because: Sequence[str] = ()) -> Decision:
        return Decision(self.name, self.role, action, why, aim, tuple(dict.fromkeys(because)))

    def _share(self, tick: int) -> None:
        """Owe the others what has become known, and a sign of life."""
        audience = self._audience()
        for cell in (cell for cell in self.sight.cells if cell not in self._outer):
            kind = "load" if cell == self.map.load else self.map.kind(cell)
            if kind is not None and self._facts.get(cell) != kind:
                self._facts[cell] = kind
                for other in audience:
                    self.voice.tell(other, cell, kind)
        if tick % SIGN_OF_LIFE == 0:
            others = list(self.heard)
            first = tick // SIGN_OF_LIFE % max(1, len(others))  # whom a small budget leaves out is not always the same
            for other in others[first:] + others[:first]:
                self.voice.mention(other, ("at", say(self.here), self.role))

    # Planning.

    def _plan(self) -> _Plan | None:
        """Tell every carrier a way that is worth telling. None if no carrier was told any."""
        rests: list[str] = []
        aim = None
        for carrier, cell in self._carriers().items():
            gone = self._gone(carrier, cell)
            way = self._kept(carrier, gone[-1], self._way_for(gone[-1]))
            if way is None or len(way) < 2 or not self._worth_telling(carrier, way, cell):
                continue
            followed_from = self._tick + self._delay
            if not set(gone[:-1]) & set(way):  # who has not come so far yet finds itself on the way all the same
                way = gone[:-1] + way
                followed_from = self._told[carrier].followed_from if len(gone) > 1 else followed_from
            aim, said = way[-1], way[: self.voice.budget // 2]
            self._told[carrier] = _Told(way, said, self._tick, cell, followed_from)
            self.voice.announce(carrier, "path", ("path", *map(say, said)))
            rests += [self.map.because[c] for c in said if c in self.map.because]
        return None if aim is None else _Plan(aim, tuple(rests))

    def _gone(self, carrier: str, cell: Cell) -> list[Cell]:
        """The cells from where a carrier was last heard to where it will be when it reads what is said now, if it
        follows what it was told (dead reckoning)."""
        told = self._told.get(carrier)
        if told is None or cell not in told.said:
            return [cell]
        since, until = max(self._placed.get(carrier, 0), told.followed_from), self._tick + self._delay
        moves = sum(tick % self.carry_period == 0 for tick in range(since, until))
        ahead = told.said[told.said.index(cell) :]
        return [cell, *takewhile(lambda c: self.map.free(c) is not False, ahead[1 : moves + 1])]

    def _way_for(self, cell: Cell) -> list[Cell] | None:
        """The way to the exit. While none is known, the way that leads towards it most probably."""
        if self.map.exit is not None:
            found = self.mind.route(self.map, cell, self.map.exit)
            if found is not None:
                return found
        reached = self.map.reach(cell)
        if self.map.exit in reached:
            return None  # there is a way, but the mind found none that holds
        if not self._scouts():
            return self._into_the_unknown(reached)
        return self._lead(cell, reached)

    def _lead(self, cell: Cell, reached: dict[Cell, Cell]) -> list[Cell]:
        """The way over cells that can be reached, as far as the exit, or most of what is unknown while it may be
        anywhere, lies ahead."""
        before = self.map.hopeful(cell)
        exit_ = self.map.exit
        ahead = {c: int(self.map.free(c) is None if exit_ is None else c == exit_) for c in before}
        for here, back in reversed(before.items()):
            if here != back:
                ahead[back] += ahead[here]
        way = [cell]
        while True:
            nexts = [c for c in self.map.around(way[-1]) if c in reached and c not in way and before[c] == way[-1]]
            best = max(nexts, key=lambda c: ahead[c], default=None)
            if best is None or ahead[best] < LEAD_SHARE * max(1, ahead[cell]):
                return way
            way.append(best)

    def _scouts(self) -> bool:
        """Whether anybody explores, as far as is known."""
        others = any(role == "explorer" and not self.lost(n) for n, (_, _, role) in self.heard.items())
        return others or self.adaptive

    def _into_the_unknown(self, reached: dict[Cell, Cell]) -> list[Cell] | None:
        """To the nearest cell of which nothing is known: without scouts the carrier has to feel its way, and the
        planner remembers for it."""
        frontier = next(iter(self.map.frontiers(reached)), None)
        if frontier is None:
            return None
        unknown = next(near for near in self.map.around(frontier) if self.map.free(near) is None)
        return [*(trace(reached, frontier) or []), unknown]

    def _kept(self, carrier: str, cell: Cell, way: list[Cell] | None) -> list[Cell] | None:
        """What is left of the way to the exit that a carrier is on, unless it leads into a wall or a new one is
        shorter: of two ways that are as good, one has to be gone."""
        told = self._told.get(carrier)
        if told is None or told.whole[-1] != self.map.exit or cell not in told.whole:
            return way
        rest = told.whole[told.whole.index(cell) :]
        blocked = any(self.map.free(c) is False for c in rest)
        return way if blocked or (way is not None and len(rest) > len(way)) else rest

    def _worth_telling(self, carrier: str, way: list[Cell], cell: Cell) -> bool:
        """Whether to tell a way to a carrier that was last heard in a cell: if what it was told leads into a wall, or
        elsewhere, or is nearly at its end. The beginning of a way that was told whole is no news."""
        told = self._told.get(carrier)
        if told is None or any(self.map.free(c) is False for c in told.said):
            return True
        since = self._tick - told.tick
        if cell == told.cell and since > PATIENCE + 2 * self._delay:
            return True  # it has not moved: what it heard must have been something else
        if way[0] not in told.said:
            return since > 2 * self._delay
        if way[-1] == self.map.exit != told.whole[-1]:
            return True
        rest = told.said[told.said.index(way[0]) :]
        if rest == way[: len(rest)]:
            return len(rest) <= NEAR_END and len(way) > len(rest)
        return way != rest[: len(way)]

    # Adapting.

    def _adapt(self, plan: _Plan | None) -> Decision:
        """Play the role that is needed most: fetch a load, or scout. Talking takes no time: who has a way to tell tells
        it as it walks, and is a planner in that tick, as is who has nothing left to scout and stands by."""
        self.role = "explorer"
        if fetched := self._fetch():
            return fetched
        decision = self._scout()
        if plan is not None:
            self.role = "planner"
            return replace(decision, role=self.role, why="plan", aim=plan.aim, because=plan.because)
        if decision.why == "watch" and self._planning():
            self.role = "planner"
            return replace(decision, role=self.role, why="wait")
        return decision

    def _fetch(self) -> Decision | None:
        """Go for a load that nobody carries. Who is nearest claims it and goes on until it is done; of two that claim
        at once, the first in the roster goes. Where each takes another for the nearest, they do not wait for ever."""
        where = self._abandoned()
        if where is None or self._leaves_it_to_another(where):
            self._fetching = False
            return None
        if not self._fetching:
            for other in self._audience():
                self.voice.announce(other, "claim", CLAIM_LOAD)
        self._fetching = True
        if self.here == where:
            if self.map.load == where:
                return self._decision(TAKE, "take", where)
            if not self.sight.cells:
                return self._decision(LOOK, "fetch", where)
            self._search_on(where)
            where = self._abandoned()
            if where is None:
                self._fetching = False
                return None
        way = self.map.way(self.here, where)
        return None if way is None else self._decision(_move(self.here, way[1]), "fetch", where)

    def _leaves_it_to_another(self, where: Cell) -> bool:
        """Whether another fetches a load, or should, because it is nearer."""
        order = list(self.roster)
        rivals = [n for n, heard in self._fetchers.items() if not self.lost(n) and self._tick - heard < LONG_PATIENCE]
        if self._fetching:
            rivals = [other for other in rivals if order.index(other) < order.index(self.name)]
        if rivals or self._fetching or self._tick - self._missed_since >= PATIENCE:
            return bool(rivals)
        near = [(manhattan(self.heard[n][1], where), n) for n in self._audience() if not self.lost(n)]
        return bool(near) and min(near) < (manhattan(self.here, where), self.name)

    def _search_on(self, where: Cell) -> None:
        """No load is to be seen where a carrier fell silent: it may have come further on its way to the exit."""
        way = self.map.exit and self.map.way(where, self.map.exit)
        for name, (tick, cell, role) in self.heard.items():
            if cell == where and role == "executor" and self.lost(name):
                if way and len(way) > 1:
                    self.heard[name] = (tick, way[1], role)
                else:
                    self._searched.add((name, self.map.exit))

    def _abandoned(self) -> Cell | None:
        """Where a load lies, or where a carrier was when it fell silent, unless another has taken its place."""
        if self.map.load is not None:
            return self.map.load
        carriers = [n for n, (_, _, role) in self.heard.items() if role == "executor"]
        silent = [n for n in carriers if self.lost(n) and (n, self.map.exit) not in self._searched]
        stand_ins = [n for n in carriers if self.roster[n] != "executor" and not self.lost(n)]
        if len(silent) > len(stand_ins):
            return self.heard[silent[0]][1]
        self._missed_since = self._tick
        return None

    # Scouting.

    def _scout(self) -> Decision:
        """Walk to the nearest frontier that no other claims."""
        if not self.sight.cells and self.map.frontier(self.here):
            return self._decision(LOOK, "look", self.here)
        reached = self.map.reach(self.here)
        why: Why = "scout"
        frontiers: list[Cell] = []
        if self.map.exit in reached:
            frontiers = self._shortcuts(reached)
        elif not (frontiers := self.map.frontiers(reached)):
            why, frontiers = "recheck", self.map.doubts(reached)
        if not frontiers:
            self.claim = None
            return self._decision(STAY, "watch")
        target = self._target(frontiers, reached)
        way = trace(reached, target)
        assert way is not None
        if target != self.claim:
            self.claim = target
            for other in self._audience():
                self.voice.mention(other, ("claim", say(target)))
        because = [self.map.because[cell] for cell in way if cell in self.map.because]
        because += self._heeded
        if len(way) == 1:
            return self._decision(LOOK, why, target, because)
        return self._decision(_move(self.here, way[1]), why, target, because)

    def _shortcuts(self, reached: dict[Cell, Cell]) -> list[Cell]:
        """The frontiers that lie on what may be a shorter way to the exit for some carrier than the known one: were all
        unknown cells free (the free-space assumption), it would be shorter."""
        assert self.map.exit is not None
        frontiers = self.map.frontiers(reached)
        to_exit = self._hoped(self.map.exit)
        found: dict[Cell, None] = {}
        for cell in self._carriers().values() if frontiers else ():
            way = self.map.way(cell, self.map.exit)
            if way is not None:
                from_cell = self._hoped(cell)
                found |= dict.fromkeys(f for f in frontiers if from_cell[f] + to_exit[f] < len(way) - 1)
        return list(found)

    def _hoped(self, source: Cell) -> dict[Cell, int]:
        """Steps to every cell if all of which nothing is known were free."""
        return _steps(self.map.reach(source, lambda cell: self.map.free(cell) is not False))

    def _target(self, frontiers: list[Cell], reached: dict[Cell, Cell]) -> Cell:
        """The frontier that costs least: the steps to it, less what is to be seen there, more if another scout is
        nearer or if the exit, seen from afar, lies elsewhere. The old one if no other is much better; others' claims
        last."""
        taken = self._taken(frontiers)
        open_ = [f for f in frontiers if all(manhattan(f, claim) > CLAIM_RADIUS for claim in taken)] or frontiers
        steps = _steps(reached)
        costs = {cell: steps[cell] - GAIN * self._unknown(cell) for cell in open_}
        order = list(self.roster)
        for other in self._other_scouts():
            theirs = _steps(self.map.reach(self.heard[other][1]))
            for cell in open_:
                if cell in theirs and (theirs[cell], order.index(other)) < (steps[cell], order.index(self.name)):
                    costs[cell] += THEIRS
        if self.map.exit is not None:
            for cell in open_:
                costs[cell] += manhattan(cell, self.map.exit)
        best = min(open_, key=lambda cell: costs[cell])
        if self.claim in costs and costs[self.claim] <= costs[best] + HYSTERESIS:
            return self.claim
        return best

    def _unknown(self, cell: Cell) -> int:
        """How many cells within two of one nothing is known of."""
        rows, columns = (range(max(0, x - 2), min(self.map.size, x + 3)) for x in cell)
        return sum(self.map.free((row, column)) is None for row in rows for column in columns)

    def _other_scouts(self) -> list[str]:
        """The other scouts that have claimed something, as far as is known."""
        return [n for n in self.claims if not self.lost(n) and self.heard[n][2] != "executor"]

    def _taken(self, frontiers: list[Cell]) -> list[Cell]:
        """The frontiers that are another's: of two claims that are close, that of the first in the roster holds."""
        order = list(self.roster)
        found: list[Cell] = []
        self._heeded = []
        for other, (message, cell) in self.claims.items():
            mine = self.claim is not None and manhattan(self.claim, cell) > CLAIM_RADIUS
            if cell in frontiers and not self.lost(other) and (mine or order.index(other) < order.index(self.name)):
                found.append(cell)
                self._heeded.append(message)
        return found

    # Carrying.

    def _ahead(self) -> list[Cell]:
        """What is left of the way that it was told, from where it stands."""
        return self.way[self.way.index(self.here) + 1 :] if self.here in self.way else []

    def _carry(self, may_move: bool) -> Decision:
        """Follow the own way to the exit, or the one that was told; then wait for more. Who was told nothing yet, or
        has waited long enough, tries alone."""
        if not may_move:
            return self._decision(STAY, "rest")
        because = [self.way_from] if self.way_from else []
        if self.map.exit == self.here:
            self.map.exit = None  # a lie: with its load it would be out
        if self.map.exit is not None and (own := self.map.way(self.here, self.map.exit)):
            return self._drive(own[1:], "own_way")
        ahead = [] if self._on_its_own else self._ahead()
        if not self._on_its_own and not ahead and self.way and self.here not in self.way:
            reached = self.map.reach(self.here)
            steps = _steps(reached)
            near = min((c for c in self.way if c in reached), key=lambda c: steps[c], default=None)
            ahead = (trace(reached, near) or [])[1:] if near else []
        if ahead and not any(self.map.free(cell) is False and self.map.certain(cell) for cell in ahead):
            return self._drive(ahead, "follow", because)
        if self.sight.cells or self.way_from is None or self._alone():
            return self._feel()
        return self._decision(STAY, "wait")

    def _drive(self, ahead: list[Cell], why: Why, because: Sequence[str] = ()) -> Decision:
        chosen = self.mind.drive(self.map, self.here, ahead)
        if chosen is None:
            return self._decision(STAY, "wait", ahead[-1], because)
        return self._decision(_move(self.here, chosen), why, ahead[-1], because)

    def _alone(self) -> bool:
        """Whether waiting has no sense any more. Who once went on alone goes on so until it is told another way."""
        news = max((tick for tick, _, role in self.heard.values() if role != "executor"), default=-PATIENCE)
        waited = self._tick - self._moved_at
        self._on_its_own |= waited > LONG_PATIENCE or (waited > 1 and self._tick - news > PATIENCE)
        return self._on_its_own

    def _feel(self) -> Decision:
        """Try the nearest cell of which nothing is known, straight on where there is a choice; where none is left, the
        nearest wall that may be none."""
        reached = self.map.reach(self.here)
        why: Why = "scout" if self.sight.cells else "alone"
        frontiers = self.map.frontiers(reached) or self.map.doubts(reached)
        if not frontiers:
            return self._decision(STAY, "wait")
        target = self._target(frontiers, reached) if self.sight.cells else frontiers[0]
        way = trace(reached, target)
        assert way is not None
        if len(way) > 1:
            return self._decision(_move(self.here, way[1]), why, target)
        near = self.map.around(self.here)
        tried = [cell for cell in near if self.map.free(cell) is None] or [c for c in near if self.map.doubtful(c)]
        return self._decision(_move(self.here, tried[0]), why, tried[0])


def _move(here: Cell, there: Cell) -> str:
    """The move from a cell to the one beside it."""
    return next((move for move in MOVES if neighbour(here, move) == there), STAY)


def _steps(reached: dict[Cell, Cell]) -> dict[Cell, int]:
    """Steps to every cell that `TeamMap.reach` found."""
    steps: dict[Cell, int] = {}
    for cell, before in reached.items():
        steps[cell] = 0 if cell == before else steps[before] + 1
    return steps
