"""The rules of labelling together: who may label in a lab beside its owner, and what their votes count for.

Whoever has the join address labels, under a name that is proposed to them, and sees nothing else of the lab. The
owner may close the address, open it again, change it, and mute a member: what a muted member said counts for nothing
until the owner lets them speak again. While the votes are blind the owner knows how many there are and whose, and no
member's vote counts for anything, on any page and in any file, until the owner reveals them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta

from lab import models
from lab.invitation_records import LABEL, Invitation
from lab.participants import beginning, new_key, tidy
from lab.store import Lab, MemberRow, Store

NAME = "class"
"""Under which a lab keeps its settings."""
ACTIVE = timedelta(seconds=60)
"""Who answered or was shown a pair since then is active."""
OVERLAPS, MOST_GROUPS = range(1, 11), 8


class MemberError(Exception):
    """What the state of a class forbids. `reason`: unknown, closed, muted or taken. `value`: the beginning of
    an unknown key, or the name that is taken."""

    def __init__(self, reason: str, detail: str, value: str = "") -> None:
        super().__init__(detail)
        self.reason, self.slots = reason, {"value": value}


@dataclass(frozen=True, kw_only=True)
class ClassSettings:
    """What a lab wishes of its class."""

    overlap: int = 3
    """So many people judge a pair before the next one is made; 1 shows nobody's pair to anybody else."""
    groups: int = 0
    """Into how many groups members go; 0 for none."""
    strength: bool = False
    """Whether members may say how much better an answer is."""
    writer: str = models.START
    """Who writes the answers of new pairs."""

    def __post_init__(self) -> None:
        if self.overlap not in OVERLAPS:
            raise ValueError(f"The overlap must lie between 1 and {OVERLAPS[-1]}, not {self.overlap}.")
        if not 0 <= self.groups <= MOST_GROUPS:
            raise ValueError(f"There may be up to {MOST_GROUPS} groups, not {self.groups}.")


@dataclass(frozen=True, kw_only=True)
class Class:
    """A lab's class: its address and its state."""

    lab_id: int
    key: str
    open: bool
    blind: bool
    begun: datetime


# For the owner.


def settings(store: Store, lab_id: int) -> ClassSettings:
    """What a lab wishes; the usual where it said nothing."""
    known = store.kept(lab_id, NAME) or {}
    return ClassSettings(**{one.name: known[one.name] for one in fields(ClassSettings) if one.name in known})


def keep_settings(store: Store, lab: Lab, wished: ClassSettings) -> None:
    """Keep what a lab wishes."""
    store.keep(lab.id, NAME, asdict(wished))


def found(store: Store, lab: Lab) -> Class | None:
    """The lab's class; None before it is begun."""
    return _class(store.invitation(lab.id, LABEL))


def start(store: Store, lab: Lab) -> None:
    """Begin the class under a new address. Members of before and what they said stay."""
    store.invite(lab.id, LABEL, new_key(), revealed=True)


def set_open(store: Store, lab: Lab, value: bool) -> None:
    """Let members label, or no longer."""
    store.change_invitation(lab.id, LABEL, open=value)


def change_address(store: Store, lab: Lab) -> None:
    """Give the class another address; the old one then opens nothing."""
    store.change_invitation(lab.id, LABEL, key=new_key())


def set_blind(store: Store, lab: Lab, value: bool) -> None:
    """Keep the votes blind, or reveal them."""
    store.change_invitation(lab.id, LABEL, revealed=not value)


def mute(store: Store, lab: Lab, participant: str, value: bool) -> None:
    """Let a member's labels count for nothing, or count again."""
    store.mute_member(lab.id, participant, value)


# For whoever has the address.


def joined(store: Store, key: str) -> Class:
    """The class that a key opens. MemberError if it opens none."""
    if (found := _class(store.invitation_of(key, LABEL))) is None:
        shown = beginning(key)
        raise MemberError("unknown", f"No class has the key {shown!r}; ask for the address of now.", shown)
    return found


def join(store: Store, key: str, who: str, proposed: str, group: int = 0) -> MemberRow:
    """Become a member, under the proposed name or one like it; who is one already stays as they are. MemberError if
    the class is closed to new ones. ValueError for a name or a group that can't be."""
    found = joined(store, key)
    if known := store.member(found.lab_id, who):
        return known
    if not found.open:
        raise MemberError("closed", "The class is closed and takes nobody; ask whoever opened it.")
    groups = settings(store, found.lab_id).groups
    if not (group in range(1, groups + 1) if groups else group == 0):
        raise ValueError(f"There is no group {group}; there are {groups}.")
    return store.add_member(found.lab_id, who, _name(proposed), group)


def rename(store: Store, key: str, who: str, name: str) -> None:
    """Give oneself another name. ValueError for one that can't be, MemberError for one that is somebody else's."""
    found, name = joined(store, key), _name(name)
    if not store.rename_member(found.lab_id, who, name):
        raise MemberError("taken", f"Somebody in this lab is called {name!r} already; choose another name.", name)


def may_label(store: Store, key: str, who: str) -> MemberRow:
    """The member, if they may label now. MemberError if not."""
    found = joined(store, key)
    member = store.member(found.lab_id, who)
    if member is None:
        raise MemberError("unknown", "Nobody has joined here yet; open the join address.", beginning(key))
    if not found.open:
        raise MemberError("closed", "The class is closed and takes no labels; ask whoever opened it.")
    if member.muted:
        raise MemberError("muted", "You have been muted, so nothing was labelled.")
    return member


def _name(name: str) -> str:
    name = tidy(name)
    if not name:
        raise ValueError("The name is empty; write at least one letter.")
    return name


def _class(found: Invitation | None) -> Class | None:
    return found and Class(
        lab_id=found.lab_id, key=found.key, open=found.open, blind=not found.revealed, begun=found.created_at
    )
