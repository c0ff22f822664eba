"""How a member says things so that they arrive: what matters is repeated until it is acknowledged, within a budget.

Every member has one voice. It keeps, for every receiver, what that one should know and has not acknowledged: verdicts
on cells, of which only the last counts, and announcements (a path, a failure, a claim), of which the last of each topic
counts. Each tick it says what is due and fits in its budget of words.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rlhf_core.gridworld import Cell
from rlhf_core.labyrinth import Kind
from rlhf_core.team_messages import Channel, see

WORD_BUDGET = 60
"""Words a member says in a tick, to all others together."""
SMALLEST_BUDGET = 12


@dataclass
class _Owed:
    """What one receiver has not acknowledged. Beside each thing, the tick in which it was last said."""

    cells: dict[Cell, tuple[Kind, int | None]] = field(default_factory=dict[Cell, tuple[Kind, "int | None"]])
    announced: dict[str, tuple[tuple[str, ...], int | None]] = field(
        default_factory=dict[str, tuple[tuple[str, ...], "int | None"]]
    )
    on_the_way: dict[int, dict[Cell, Kind] | tuple[str, ...]] = field(
        default_factory=dict[int, "dict[Cell, Kind] | tuple[str, ...]"]
    )
    """What the messages said that are not acknowledged, by their numbers."""
    after: dict[Cell | str, int] = field(default_factory=dict["Cell | str", int])
    """Of each thing, the last message before it was to be said. Who acknowledges that one or an earlier one, where the
    same was said before something else was, has not acknowledged this."""

    @property
    def latest(self) -> int:
        """The last message of which it is not known whether it arrived."""
        return next(reversed(self.on_the_way), 0)


class Voice:
    """Says what a member has to say.

    name: the speaker. budget: words a tick, at least `SMALLEST_BUDGET`, so that every message but a list fits.
    """

    def __init__(self, name: str, channel: Channel, budget: int = WORD_BUDGET) -> None:
        if budget < SMALLEST_BUDGET:
            raise ValueError(f"The budget must be at least {SMALLEST_BUDGET} words a tick, not {budget}.")
        self.name, self.channel, self.budget = name, channel, budget
        self._owed: dict[str, _Owed] = {}
        self._once: list[tuple[str, tuple[str, ...]]] = []

    def tell(self, receiver: str, cell: Cell, kind: Kind) -> None:
        """A receiver should know what a cell is."""
        owed = self._owed.setdefault(receiver, _Owed())
        if owed.cells.get(cell, (None,))[0] != kind:
            owed.cells[cell], owed.after[cell] = (kind, None), owed.latest

    def announce(self, receiver: str, topic: str, words: tuple[str, ...]) -> None:
        """A receiver should know this, which replaces what was announced on the topic before."""
        owed = self._owed.setdefault(receiver, _Owed())
        if owed.announced.get(topic, (None,))[0] != words:
            owed.after[topic] = owed.latest
        owed.announced[topic] = (words, None)

    def mention(self, receiver: str, words: tuple[str, ...]) -> None:
        """Say something once, whether it arrives or not."""
        self._once.append((receiver, words))

    def acknowledged(self, receiver: str, number: int) -> None:
        """A receiver says that it has a message."""
        owed = self._owed.setdefault(receiver, _Owed())
        said = owed.on_the_way.pop(number, None)
        if isinstance(said, dict):
            for cell, kind in said.items():
                if owed.cells.get(cell, (None,))[0] == kind and number > owed.after[cell]:
                    del owed.cells[cell]
        elif said is not None:
            owed.announced = {
                topic: item
                for topic, item in owed.announced.items()
                if item[0] != said or number <= owed.after[topic]
            }

    def owes(self, receiver: str) -> bool:
        """Whether a receiver has not acknowledged something."""
        owed = self._owed.get(receiver)
        return bool(owed and (owed.cells or owed.announced))

    def speak(self, tick: int, listeners: set[str]) -> list[str]:
        """Say what is due: announcements, then what was to be mentioned, then cells, the exit first and the latest
        before older ones. Returns the names of the messages. Who is not among the listeners is told later."""
        left, said = self.budget, list[str]()
        present = [(receiver, owed) for receiver, owed in self._owed.items() if receiver in listeners]
        for receiver, owed in present:
            for topic, (words, last) in list(owed.announced.items()):
                if self._due(last, tick) and len(words) <= left:
                    left -= len(words)
                    number = self.channel.send(tick, self.name, receiver, words)
                    owed.announced[topic], owed.on_the_way[number] = (words, tick), words
                    said.append(f"{self.name}-{number}")
        for receiver, words in self._once:
            if receiver in listeners and len(words) <= left:
                left -= len(words)
                said.append(f"{self.name}-{self.channel.send(tick, self.name, receiver, words)}")
        self._once = []
        for receiver, owed in present:
            latest = reversed(owed.cells.items())
            due: dict[Cell, Kind] = {cell: kind for cell, (kind, last) in latest if self._due(last, tick)}
            room = max(0, left - 1 - len(set(due.values())))
            first = sorted(due, key=lambda cell: due[cell] not in ("exit", "load"))[:room]
            chosen: dict[Cell, Kind] = {cell: due[cell] for cell in first}
            if chosen:
                words = see(chosen)
                left -= len(words)
                number = self.channel.send(tick, self.name, receiver, words)
                for cell, kind in chosen.items():
                    owed.cells[cell] = (kind, tick)
                owed.on_the_way[number] = chosen
                said.append(f"{self.name}-{number}")
        return said

    def _due(self, last: int | None, tick: int) -> bool:
        """What was never said is; what was said is again when its acknowledgement should have come."""
        return last is None or tick - last > 2 * self.channel.delay
