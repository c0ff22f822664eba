"""The agent team as its page steers it: settings, interventions, and the tick at which one looks.

A run follows from its seed, its settings and what was done to it, so these are all that is kept: after a reload of the
page, or a restart of the server, the run is made anew up to the same tick. An intervention in the past (another text
for a message) is the same: all is run again, with it, up to the tick at which one stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

from lab import mazes, models
from lab.store import Store
from rlhf_core.agent_team import Change, Events, MultiAgentSystem, Outcome, TeamConfig, TickRecord, changed_decisions
from rlhf_core.labyrinth import Labyrinth, random_labyrinths
from rlhf_core.maze_language import PLANNING, Reading, as_thought
from rlhf_core.navigation import Choice, ModelBackend
from rlhf_core.team_members import Decision, Mind
from rlhf_core.team_messages import Forgery, Message, parse, words_in
from rlhf_core.team_minds import ModelMind

NAME = "team"
RULES = "rules"
OPENING_SEED, OPENING_SIZE = 1, 15
HORIZON = 30
"""Ticks after an intervention for which two runs are compared while a language model decides; rules are quick, and
compared to the end."""
MOST_RECALLED = 5000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run is made of, but for the interventions."""

    size: int = OPENING_SIZE
    seed: int = OPENING_SEED
    """Names the labyrinth and every random choice."""
    config: TeamConfig = field(default_factory=TeamConfig)
    planner_mind: str = RULES
    """Who finds the planners' ways: `RULES` or a policy of the mazes that thinks plans."""
    executor_mind: str = RULES
    """Who follows ways for the executors: `RULES` or a policy of the mazes."""

    @property
    def thinks(self) -> bool:
        """Whether a language model decides anything."""
        return self.planner_mind != RULES or self.executor_mind != RULES


@dataclass(frozen=True)
class Lost:
    """A member that was taken away."""

    member: str
    tick: int


@dataclass(frozen=True)
class Changed:
    """A message that was given other words."""

    name: str
    words: tuple[str, ...]


Intervention = Lost | Changed | Forgery


@dataclass(frozen=True)
class Comparison:
    """The run without and with the last message that was changed or forged."""

    about: Changed | Forgery
    changes: tuple[Change, ...]
    """The decisions that came out otherwise."""
    before: Outcome
    after: Outcome
    until: int
    """The tick up to which the two were compared."""
    whole: bool
    """Whether both came to their ends."""


@dataclass(frozen=True)
class Led:
    """A decision that a message led to."""

    tick: int
    decision: Decision


class TeamRun:
    """See the head of this file. tick: how far to run at once."""

    def __init__(
        self, store: Store, settings: Settings, interventions: Sequence[Intervention] = (), tick: int = 0
    ) -> None:
        self.store, self.settings, self.interventions = store, settings, tuple(interventions)
        self.team = self._team(self.interventions)
        self._compared: Comparison | None = None
        advance(self.team, tick)

    def _team(self, interventions: Sequence[Intervention]) -> MultiAgentSystem:
        s = self.settings
        return MultiAgentSystem(
            labyrinth_of(s.size, s.seed), s.config, seed=s.seed, minds=minds_of(self.store, s),
            events=events_of(interventions),
        )  # fmt: skip

    # What can be seen.

    @property
    def tick(self) -> int:
        return self.team.world.tick

    @property
    def over(self) -> bool:
        return self.team.over

    @property
    def record(self) -> TickRecord | None:
        """The tick that passed last."""
        return self.team.records[-1] if self.team.records else None

    @property
    def lost(self) -> dict[str, int]:
        """When which member was lost."""
        return {one.member: one.tick for one in self.interventions if isinstance(one, Lost)}

    @property
    def present(self) -> list[str]:
        """The members that are there and can be lost."""
        return [] if self.over else [name for name in self.team.world.agents if name not in self.lost]

    @property
    def messages(self) -> list[Message]:
        """All that were sent, the newest last."""
        return self.team.channel.sent

    @property
    def read(self) -> set[str]:
        """The names of the messages that somebody read."""
        return {message.name for record in self.team.records for message in record.read}

    def message(self, name: str | None) -> Message | None:
        """A message by its name; None where there is none."""
        return next((message for message in self.messages if message.name == name), None)

    def led_to(self, name: str) -> list[Led]:
        """The decisions that would have lacked something without a message."""
        return [
            Led(record.tick, decision)
            for record in self.team.records for decision in record.decisions if name in decision.because
        ]  # fmt: skip

    def compare(self) -> Comparison | None:
        """What the last changed or forged message did; None if there is none."""
        if self._compared is None and (about := self._last_said()) is not None:
            without = list(self.interventions)
            del without[len(without) - 1 - without[::-1].index(about)]
            runs = [self._team(without), self._team(self.interventions)]
            begins = about.tick if isinstance(about, Forgery) else self._sent_at(about.name)
            cap = self.settings.config.max_ticks
            until = min(cap, max(begins + HORIZON, self.tick)) if self.settings.thinks else cap
            for run in runs:
                advance(run, until)
            first, second = (run.records for run in runs)
            found = (*changed_decisions(first, second), *_tail(first, second))
            self._compared = Comparison(
                about, found, runs[0].outcome, runs[1].outcome, max(run.world.tick for run in runs),
                all(run.over for run in runs),
            )  # fmt: skip
        return self._compared

    def _last_said(self) -> Changed | Forgery | None:
        return next((one for one in reversed(self.interventions) if not isinstance(one, Lost)), None)

    def _sent_at(self, name: str) -> int:
        found = self.message(name)
        return found.tick if found else self.tick

    # What can be done.

    def step(self) -> bool:
        """Let a tick pass. Returns whether there was one left."""
        if self.over:
            return False
        self.team.tick()
        return True

    def finish(self) -> None:
        """Go on to the end."""
        advance(self.team, self.settings.config.max_ticks)

    def lose(self, member: str) -> TeamRun:
        """The run in which a member is gone from now on. ValueError for one that is not there."""
        if member not in self.present:
            raise ValueError(f"{member!r} is not there; present are {', '.join(self.present) or 'none'}.")
        return self._with(*self.interventions, Lost(member, self.tick))

    def edit(self, name: str, text: str) -> TeamRun:
        """The run in which a message had other words. MessageError for words that say nothing, ValueError for a message
        that there is not."""
        if self.message(name) is None:
            raise ValueError(f"There is no message {name!r} in this run.")
        return self._with(*self.interventions, Changed(name, parse(text)))

    def restore(self, name: str) -> TeamRun:
        """The run in which a message has the words that its sender wrote."""
        return self._with(*(one for one in self.interventions if not (isinstance(one, Changed) and one.name == name)))

    def forge(self, sender: str, receiver: str, text: str) -> TeamRun:
        """The run in which, now, somebody is told something in another's name. MessageError for words that say nothing;
        ValueError for members that are not in the team, or one and the same."""
        if sender == receiver:
            raise ValueError("Nobody writes to themselves; choose two members.")
        return self._with(*self.interventions, Forgery(self.tick, sender, receiver, parse(text)))

    def undo(self) -> TeamRun:
        """The run without the last intervention."""
        return self._with(*self.interventions[:-1])

    def undo_all(self) -> TeamRun:
        """The run that nobody interfered with."""
        return self._with()

    def _with(self, *interventions: Intervention) -> TeamRun:
        return TeamRun(self.store, self.settings, interventions, self.tick)

    # How it is kept.

    def keep(self, lab_id: int) -> None:
        """Keep the run for its lab, and note the first time that a team which talks has escaped."""
        s = self.settings
        if self.team.world.success and s.config.communication and len(s.config.roster) > 1:
            self.store.note_deed(lab_id, "escaped")
        self.store.keep(lab_id, NAME, {
            "size": s.size, "seed": s.seed, "config": asdict(s.config), "planner_mind": s.planner_mind,
            "executor_mind": s.executor_mind, "interventions": [_plain(one) for one in self.interventions],
            "tick": self.tick,
        })  # fmt: skip


def kept_team(store: Store, lab_id: int) -> TeamRun | None:
    """The run that a lab left, at the tick where it was; None if there is none that can still be made."""
    value = store.kept(lab_id, NAME)
    if value is None:
        return None
    try:
        settings = Settings(
            size=value["size"], seed=value["seed"], config=TeamConfig(**value["config"]),
            planner_mind=value["planner_mind"], executor_mind=value["executor_mind"],
        )  # fmt: skip
        return TeamRun(store, settings, [_intervention(one) for one in value["interventions"]], int(value["tick"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # kept by another version, or a run that is gone


def _plain(one: Intervention) -> dict[str, Any]:
    return {"kind": type(one).__name__, **asdict(one)}


def _intervention(value: Mapping[str, Any]) -> Intervention:
    fields = {name: item for name, item in value.items() if name != "kind"}
    if "words" in fields:
        fields["words"] = parse(" ".join(fields["words"]))
    return {"Lost": Lost, "Changed": Changed, "Forgery": Forgery}[value["kind"]](**fields)


def events_of(interventions: Sequence[Intervention]) -> Events:
    """Interventions as the core takes them; of two texts for one message the later holds."""
    return Events(
        lost_at={one.member: one.tick for one in interventions if isinstance(one, Lost)},
        changes={one.name: one.words for one in interventions if isinstance(one, Changed)},
        forgeries=tuple(one for one in interventions if isinstance(one, Forgery)),
    )


def labyrinth_of(size: int, seed: int) -> Labyrinth:
    """The labyrinth of a seed, from the validation split: the team's rules are measured on others."""
    return random_labyrinths(1, size, seed=seed, split="validation")[0]


def advance(team: MultiAgentSystem, tick: int) -> None:
    """Let ticks pass up to one, or to the end."""
    while not team.over and team.world.tick < tick:
        team.tick()


def _tail(before: Sequence[TickRecord], after: Sequence[TickRecord]) -> list[Change]:
    """The decisions of the longer of two runs after the other's end."""
    n = min(len(before), len(after))
    first = [Change(r.tick, d.member, d, None) for r in before[n:] for d in r.decisions]
    return first + [Change(r.tick, d.member, None, d) for r in after[n:] for d in r.decisions]


def suggestion(message: Message, language: str) -> str:
    """A message turned into its contrary, where it has one: a free cell a wall, a way one that ends half way."""
    words = message.words
    if message.verb == "see":
        turned = {"free": "wall", "wall": "free", "exit": "wall"}
        return words_in(language, [turned.get(word, word) for word in words])
    if message.verb == "path":
        return words_in(language, words[: max(2, len(words) // 2)])
    return words_in(language, words)


# Minds.


def planner_minds(store: Store, lab_id: int) -> list[str]:
    """What can find a planner's ways: rules, and the policies that think plans."""
    return [RULES, *(name for name in mazes.choices(store, lab_id) if _thought(store, name) in PLANNING)]


def executor_minds(store: Store, lab_id: int) -> list[str]:
    """What can follow ways: rules, and every policy of the mazes."""
    return [RULES, *mazes.choices(store, lab_id)]


def _thought(store: Store, name: str) -> str:
    return name if name in mazes.SHIPPED else as_thought(store.run(int(name.removeprefix("run-"))).inputs["thought"])


def minds_of(store: Store, settings: Settings) -> dict[str, Mind]:
    """The minds of one run: what a mind remembers is of that run alone. ValueError for a policy that there is not, or a
    planner's that writes no plans."""
    minds: dict[str, Mind] = {}
    for name, role in settings.config.roster.items():
        if role == "planner" and settings.planner_mind != RULES:
            minds[name] = ModelMind(_backend(store, settings.planner_mind)).planner()
        if role == "executor" and settings.executor_mind != RULES:
            minds[name] = ModelMind(_backend(store, settings.executor_mind)).executor()
    return minds


class _Recalling(ModelBackend):
    """A backend that is asked only once about what it has read before: a run is made anew at every intervention, and
    most of it is as it was."""

    def __init__(self, backend: ModelBackend) -> None:
        super().__init__(backend.model, backend.kind)
        self.known: dict[Reading, Choice] = {}

    def choose(self, readings: Sequence[Reading], use_cot: bool) -> list[Choice]:
        """See `Backend`."""
        found = {reading: choice for reading in readings if (choice := self.known.get(reading))}
        new = [reading for reading in dict.fromkeys(readings) if reading not in found]
        if new:
            found.update(zip(new, super().choose(new, use_cot), strict=True))
            if len(self.known) > MOST_RECALLED:
                self.known.clear()
            self.known.update(found)
        return [found[reading] for reading in readings]


def _backend(store: Store, name: str) -> ModelBackend:
    if name in mazes.SHIPPED:
        return shipped_backend(name)
    return _Recalling(ModelBackend(*mazes.policy(store, name)))


@lru_cache
def shipped_backend(name: str) -> ModelBackend:
    """A shipped policy as a mind; one for the whole process, so that it recalls what it was asked."""
    thought = as_thought(name)
    return _Recalling(ModelBackend(models.maze_policy(thought), thought))


def changed_settings(settings: Settings, **changes: Any) -> Settings:
    """Settings with some others: of the run, or of the team's `TeamConfig`."""
    own = {name: value for name, value in changes.items() if name in Settings.__dataclass_fields__}
    team = {name: value for name, value in changes.items() if name not in own}
    return replace(settings, config=replace(settings.config, **team), **own)
