"""What a team says: a small grammar of words, and the channel that carries it.

    see free (1,2) (1,3) wall (2,2) exit (5,5)     what a scout saw
    at (3,4) explorer                              where I am and what I do; also the sign of life
    fail (3,5)                                     I walked into a wall there
    path (3,4) (3,5) (4,5)                         go this way
    claim (7,8)     claim executor                 I explore there; I take over that role
    ack 12                                         I have your message 12

English and Korean say the same word for word. The channel delays, loses and counts; it invents nothing. What is
important is sent again until it is acknowledged (as in TCP, Postel, 1981), so no message need arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, cast, get_args

from rlhf_core.gridworld import Cell, inside, say
from rlhf_core.labyrinth import LARGEST, Kind, chance

Role = Literal["explorer", "planner", "executor"]
ROLES: tuple[Role, ...] = get_args(Role)
Verb = Literal["see", "at", "fail", "path", "claim", "ack"]
VERBS: tuple[Verb, ...] = get_args(Verb)
KINDS: tuple[Kind, ...] = get_args(Kind)

_KOREAN: Mapping[str, str] = {
    "see": "보임",
    "at": "여기",
    "fail": "막힘",
    "path": "길",
    "claim": "맡음",
    "ack": "받음",
    "free": "빈칸",
    "wall": "벽",
    "exit": "출구",
    "load": "짐",
    "explorer": "탐색자",
    "planner": "계획자",
    "executor": "실행자",
}
_ENGLISH = {korean: english for english, korean in _KOREAN.items()}
FORGED = 900_000
"""Forged messages are counted from here, so that nobody takes an answer to one for an answer to a real one."""
MOST_MESSAGES = 20_000
"""In one run; then the channel is full. Only the largest teams under the worst conditions come to it."""


class MessageError(ValueError):
    """Words that say nothing. The message names the word."""


def words_in(language: str, words: Iterable[str]) -> str:
    """English words of a message as a text in a language."""
    return " ".join(_KOREAN.get(word, word) if language == "ko" else word for word in words)


def parse(text: str) -> tuple[str, ...]:
    """The English words of a message in either language. MessageError names the word that can't stand where it does."""
    words = tuple(_ENGLISH.get(word, word) for word in text.split())
    if not words or words[0] not in VERBS:
        raise MessageError(f"A message begins with one of {', '.join(VERBS)}, not {' '.join(words[:1])!r:.40}.")
    verb, rest = words[0], words[1:]
    if verb == "see":
        _check_lists(rest)
    if verb == "path" and not rest:
        raise MessageError("A path has at least one cell, such as (3,4).")
    if verb in _COUNTS and len(rest) != _COUNTS[verb]:
        raise MessageError(f"`{verb}` is followed by {_COUNTS[verb]} word(s), not {len(rest)}.")
    if verb == "ack":
        if not rest[0].isdecimal() or len(rest[0]) > 6:
            raise MessageError(f"`ack` names the number of a message, not {rest[0]!r:.40}.")
        return words
    if verb == "at" and rest[1] not in ROLES:
        raise MessageError(f"There is no role {rest[1]!r:.40}; choose one of {', '.join(ROLES)}.")
    others: tuple[str, ...] = {"see": KINDS, "claim": ROLES}.get(verb, ())
    for word in rest[:1] if verb == "at" else rest:
        if word not in others:
            read_cell(word)
    return words


def _check_lists(words: Sequence[str]) -> None:
    """A `see` is a kind and its cells, as often as need be."""
    if not words or words[0] not in KINDS:
        raise MessageError(f"After `see` comes one of {', '.join(KINDS)}, not {' '.join(words[:1])!r:.40}.")
    for word, after in pairwise((*words, "")):
        if word in KINDS and after in (*KINDS, ""):
            raise MessageError(f"After {word!r} in a `see` comes at least one cell, such as (3,4).")


_COUNTS = {"at": 2, "fail": 1, "claim": 1, "ack": 1}
"""How many words follow, where it is always so many."""


def read_cell(word: str) -> Cell:
    """The cell that a word names. MessageError for one that names none."""
    parts = word.removeprefix("(").removesuffix(")").split(",")
    if word[:1] == "(" and word[-1:] == ")" and len(parts) == 2 and all(p.isdecimal() and len(p) < 3 for p in parts):
        cell = (int(parts[0]), int(parts[1]))
        if inside(cell, LARGEST):
            return cell
    raise MessageError(f"{word!r:.40} is no cell; write it as (3,4), rows and columns from 0 to {LARGEST - 1}.")


def see(cells: Mapping[Cell, Kind]) -> tuple[str, ...]:
    """The message of what was seen, in the order of the cells: a kind's word stands before the first cell of its
    kind."""
    words: list[str] = ["see"]
    for kind in KINDS:
        if these := [say(cell) for cell, seen in cells.items() if seen == kind]:
            words += [kind, *these]
    return tuple(words)


def seen(words: Sequence[str]) -> dict[Cell, Kind]:
    """What a `see` says of which cells."""
    found: dict[Cell, Kind] = {}
    kind: Kind = "free"
    for word in words[1:]:
        if word in KINDS:
            kind = word
        else:
            found[read_cell(word)] = kind
    return found


@dataclass(frozen=True)
class Message:
    """One message to one receiver."""

    sender: str
    receiver: str
    number: int
    """Counted by the sender, from 1."""
    words: tuple[str, ...]
    """In English; see the head of this file."""
    tick: int
    """In which it was sent."""
    arrives: int | None
    """The tick in which it is read; None if it was lost on the way."""
    original: tuple[str, ...] | None = None
    """What its sender wrote, if somebody changed it on the way."""
    forged: bool = False
    """Whether its sender never wrote it."""

    @property
    def name(self) -> str:
        """What it is called, such as `E1-12`."""
        return f"{self.sender}-{self.number - FORGED}*" if self.forged else f"{self.sender}-{self.number}"

    @property
    def verb(self) -> Verb:
        return cast(Verb, self.words[0])


@dataclass(frozen=True)
class Forgery:
    """A message that somebody slips in, in a sender's name."""

    tick: int
    sender: str
    receiver: str
    words: tuple[str, ...]


class Channel:
    """Carries messages from member to member.

    open: whether it carries any. delay: after how many ticks a message is read, at least 1. loss: the share of messages
    that never arrives. changes: other words for some messages, by name. forgeries: messages to slip in.
    """

    def __init__(
        self,
        *,
        open: bool = True,
        delay: int = 1,
        loss: float = 0.0,
        seed: int = 0,
        changes: Mapping[str, tuple[str, ...]] | None = None,
        forgeries: Sequence[Forgery] = (),
    ) -> None:
        if delay < 1:
            raise ValueError(f"The delay must be at least 1 tick, not {delay}.")
        if not 0 <= loss <= 1:
            raise ValueError(f"The share of messages that are lost must lie between 0 and 1, not {loss}.")
        self.open, self.delay, self.loss, self.seed = open, delay, loss, seed
        self.changes, self.forgeries = dict(changes or {}), tuple(forgeries)
        self.sent: list[Message] = []
        """All that were put on the channel, in the order of time."""
        self._count: dict[str, int] = {}
        self._due: dict[int, list[Message]] = {}

    @property
    def words(self) -> int:
        """All words that were sent."""
        return sum(len(message.words) for message in self.sent)

    @property
    def full(self) -> bool:
        return len(self.sent) >= MOST_MESSAGES

    def send(self, tick: int, sender: str, receiver: str, words: tuple[str, ...]) -> int:
        """Put a message on the channel; returns its number. On a closed or full one it is gone; nobody notices."""
        number = self._count[sender] = self._count.get(sender, 0) + 1
        if self.open and not self.full:
            arrives = None if chance(self.seed, "loss", sender, number) < self.loss else tick + self.delay
            message = Message(sender, receiver, number, words, tick, arrives)
            changed = self.changes.get(message.name)
            self._put(message if changed is None else replace(message, words=changed, original=words))
        return number

    def forge(self, tick: int) -> None:
        """Slip in what is to be slipped in at this tick. It arrives like every other message, and is never lost."""
        for number, forgery in enumerate(self.forgeries, FORGED + 1):
            if forgery.tick == tick and self.open and not self.full:
                self._put(Message(
                    forgery.sender, forgery.receiver, number, forgery.words, tick, tick + self.delay, forged=True
                ))  # fmt: skip

    def due(self, tick: int) -> list[Message]:
        """The messages that are read in this tick."""
        return self._due.pop(tick, [])

    def _put(self, message: Message) -> None:
        self.sent.append(message)
        if message.arrives is not None:
            self._due.setdefault(message.arrives, []).append(message)
