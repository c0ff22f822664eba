"""Who comes by an address that lets others into a lab: neither names nor keys tell who they are elsewhere."""

from __future__ import annotations

import hashlib
import secrets

LONGEST_NAME = 40


def participant(browser: str, turn: int) -> str:
    """The participant who is the turn-th person at a browser. The browser's name opens its labs, so it is not to be
    read from this."""
    return hashlib.sha256(f"{browser}:{turn}".encode()).hexdigest()[:24]


def proposal(who: str, many: int) -> int:
    """Which of `many` names to propose to a participant: the same one whenever they are asked."""
    return int.from_bytes(hashlib.sha256(who.encode()).digest()[:8]) % many


def tidy(name: str) -> str:
    """A name on one line. ValueError for one that is too long."""
    name = " ".join(name.split())
    if len(name) > LONGEST_NAME:
        raise ValueError(f"The name {name!r:.60} has {len(name)} characters; use at most {LONGEST_NAME}.")
    return name


def new_key() -> str:
    """The key of an address, not to be guessed."""
    return secrets.token_urlsafe(24)


def beginning(key: str) -> str:
    """As much of a key as a sentence repeats."""
    return key if len(key) <= 12 else f"{key[:12]}\N{HORIZONTAL ELLIPSIS}"
