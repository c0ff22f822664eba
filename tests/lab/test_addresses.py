"""Addresses that let others in: no near miss opens anything, and none can be counted up to or guessed."""

import string
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import pytest

from lab import forecasts, members
from lab.forecasts import ForecastError
from lab.members import MemberError
from lab.store import Lab, Store
from ui import addresses, session
from ui.addresses import Addresses
from ui.browser import browser_name
from ui.session import Session

ALPHABET = string.ascii_letters + string.digits + "-_"
BITS = 96


def class_key(store: Store, lab: Lab) -> str:
    members.start(store, lab)
    found = members.found(store, lab)
    assert found is not None
    return found.key


def forecast_key(store: Store, lab: Lab) -> str:
    forecasts.start(store, lab)
    found = forecasts.collection(store, lab)
    assert found is not None
    return found.key


def put_on_a_page() -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "session", Session)
        return Addresses("/things/").put("key", "thing").removeprefix("/things/")


MAKE: dict[str, Callable[[Store, Lab], str]] = {
    "class": class_key,
    "collection of forecasts": forecast_key,
    "lab": lambda store, lab: store.new_lab("another browser", "en").key,
    "browser without cookies": lambda store, lab: Session().browser,
    "thing on a page": lambda store, lab: put_on_a_page(),
}


@pytest.mark.parametrize("name", MAKE)
def test_a_key_has_96_bits_of_chance_in_every_place(name: str, store: Store, lab: Lab) -> None:
    """A counter, a time or a name of the lab in it would leave places that hardly change."""
    keys = [MAKE[name](store, lab) for _ in range(60)]
    assert len(set(keys)) == 60
    assert all(set(key) <= set(ALPHABET) and len(key) * 6 >= BITS for key in keys)
    places = [len({key[i] for key in keys}) for i in range(min(map(len, keys)))]
    assert min(places) > 20, "of 64 signs, 60 draws show some 39"
    ordered = sum(a < b for a, b in pairwise(keys))
    assert 12 < ordered < 47, "neither rising nor falling"


def near_misses(key: str, lab: Lab) -> Iterator[str]:
    """What somebody would try who knows nearly all of it."""
    for i, sign in enumerate(key):
        yield key[:i] + ("B" if sign == "A" else "A") + key[i + 1 :]
        yield key[:i] + key[i + 1 :]
        if sign.swapcase() != sign:
            yield key[:i] + sign.swapcase() + key[i + 1 :]
    yield from ("", " ", "%", "_" * len(key), "*", "' OR 1=1 --", "0", "1", "2", str(lab.id), lab.key, "None", "\0")
    yield from (key[:-1] + "%", f"{key} ", f" {key}", f"{key}\n", key + key, key.upper(), key.lower(), key[::-1])
    yield from (f"{key}\0", key[:-1] + "\N{CYRILLIC SMALL LETTER A}", f"{key}/../{key}", f"{key}?x=1", f'"{key}"')


def test_a_near_miss_opens_nothing(store: Store, lab: Lab) -> None:
    keys = {members.joined: class_key(store, lab), forecasts.joined: forecast_key(store, lab)}
    for open_one, key in keys.items():
        open_one(store, key)
        for missed in [*near_misses(key, lab), *(other for other in keys.values() if other != key)]:
            if missed != key:
                with pytest.raises((MemberError, ForecastError)):
                    open_one(store, missed)
    assert store.members(lab.id) == []


def test_a_near_miss_finds_nothing_of_a_page(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ballots and files to take away stand at such addresses."""
    monkeypatch.setattr(session, "session", partial(lambda own: own, Session()))
    things: Addresses[str] = Addresses("/things/")
    name = things.put("key", "thing").removeprefix("/things/")
    assert things.find(name) == "thing"
    for missed in near_misses(name, lab):
        if missed != name:
            assert things.find(missed) is None


def test_the_oldest_things_of_pages_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "session", partial(lambda own: own, Session()))
    monkeypatch.setattr(addresses, "MOST", 2)
    things: Addresses[int] = Addresses("/things/")
    first, second = (things.put(key, n).removeprefix("/things/") for n, key in enumerate("ab"))
    assert things.put("a", 7) == f"/things/{first}", "drawn again: its address stays, and it is the newest"
    things.put("c", 2)
    assert (things.find(first), things.find(second)) == (7, None)


def test_a_browsers_near_miss_is_another_browser(store: Store, lab: Lab) -> None:
    own = store.open_lab("Zk3-q_9aVtYb0LmNsW2xRgAb", "en")
    for missed in near_misses("Zk3-q_9aVtYb0LmNsW2xRgAb", own):
        named = browser_name(missed)
        assert named is None or own not in store.labs(named)
