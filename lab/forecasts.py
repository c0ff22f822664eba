"""The rules of forecasts: what one may be, and who sees whose.

A lab's owner has a forecast of their own and may collect those of others under an unguessable address. Whoever has the
address gives a forecast and sees nothing but their own, and the owner sees how many and whose names have come in, until
the owner reveals the collection. From then on everybody sees what all forecasts together come to: median and spread. A
revealed collection takes no more, for a forecast would no longer be blind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from lab.forecast_records import OWNER, ForecastRow
from lab.invitation_records import FORECAST, Invitation
from lab.participants import beginning, new_key, tidy
from lab.store import Lab, Store
from rlhf_core.outlook import CAPABILITIES, Forecast, Logistic, Pool, pool

MIDPOINTS = (2000.0, 2100.0)
"""Calendar years."""
STEEPNESSES = (0.05, 3.0)
"""Per year."""
REVEALED = "The collection has been revealed and takes no more forecasts; a new one has to be started."


class ForecastError(Exception):
    """Something that the state of a collection forbids. `reason`: unknown, closed, revealed, hidden or empty. `key`: of
    one that is unknown, its beginning."""

    def __init__(self, reason: str, detail: str, key: str = "") -> None:
        super().__init__(detail)
        self.reason, self.key = reason, key


@dataclass(frozen=True)
class Given:
    """One's own forecast, as it was last saved or given."""

    forecast: Forecast
    name: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Collection:
    """What may be known of a collection at any time: nothing of what was given."""

    key: str
    open: bool
    revealed: bool
    n: int
    """How many people have given a forecast."""
    begun: datetime


# One's own.


def own(store: Store, lab: Lab) -> Given | None:
    """The forecast that the lab's owner saved last."""
    return _given(store.forecast(lab.id, OWNER))


def save_own(store: Store, lab: Lab, forecast: Forecast) -> None:
    """Keep a forecast of the lab's owner. ValueError for one that can't be."""
    store.add_forecast(lab.id, OWNER, "", _plain(forecast))


# For the owner of a collection.


def collection(store: Store, lab: Lab) -> Collection | None:
    """The lab's collection."""
    return _collection(store, store.invitation(lab.id, FORECAST))


def names(store: Store, lab: Lab) -> list[str]:
    """The names under which forecasts have come in, the oldest first; "" of those who gave none."""
    return [row.name for row in _others(store, lab.id)]


def start(store: Store, lab: Lab) -> None:
    """Begin a new collection under a new address. What was collected before is deleted."""
    store.collect(lab.id, new_key(), keeping=OWNER)


def set_open(store: Store, lab: Lab, value: bool) -> None:
    """Let the collection take forecasts, or no longer. ForecastError if it is revealed."""
    if (found := store.invitation(lab.id, FORECAST)) and found.revealed:
        raise ForecastError("revealed", REVEALED)
    store.change_invitation(lab.id, FORECAST, open=value)


def change_address(store: Store, lab: Lab) -> None:
    """Give the collection another address; the old one then opens nothing."""
    store.change_invitation(lab.id, FORECAST, key=new_key())


def reveal(store: Store, lab: Lab) -> None:
    """Let everybody see what the forecasts come to, for good, and take no more. ForecastError if there are none."""
    if not _others(store, lab.id):
        raise ForecastError("empty", "Nobody has given a forecast yet; reveal the collection once somebody has.")
    store.change_invitation(lab.id, FORECAST, open=False, revealed=True)


# For whoever has the address.


def joined(store: Store, key: str) -> Collection:
    """The collection that a key opens. ForecastError if it opens none."""
    found = _collection(store, store.invitation_of(key, FORECAST))
    if found is None:
        raise _unknown(key)
    return found


def give(store: Store, key: str, who: str, name: str, forecast: Forecast) -> None:
    """Add a participant's forecast to a collection, in place of what they gave before. ValueError for a forecast or a
    name that can't be, ForecastError if the collection takes none."""
    found = store.give_forecast(key, who, tidy(name), _plain(forecast))
    if found is None:
        raise _unknown(key)
    if found.revealed:
        raise ForecastError("revealed", REVEALED)
    if not found.open:
        raise ForecastError("closed", "The collection is closed and takes no forecasts; ask whoever opened it.")


def given(store: Store, key: str, who: str) -> Given | None:
    """What a participant gave to the collection of a key. ForecastError if the key opens none."""
    found = store.invitation_of(key, FORECAST)
    if found is None:
        raise _unknown(key)
    return _given(store.forecast(found.lab_id, who))


# For everybody, after the reveal.


def results(store: Store, key: str, years: Sequence[float]) -> dict[str, Pool]:
    """What all forecasts of a collection come to, by capability, over some calendar years. ForecastError before the
    reveal, and for a key that opens no collection."""
    found = store.invitation_of(key, FORECAST)
    if found is None:
        raise _unknown(key)
    if not found.revealed:
        raise ForecastError("hidden", "The forecasts are hidden until whoever opened the collection reveals them.")
    every = [read(row.curves) for row in _others(store, found.lab_id)]
    return {name: pool([forecast[name] for forecast in every], years) for name in CAPABILITIES}


# What a forecast is.


def check(forecast: Forecast) -> Forecast:
    """The forecast, if it can be one. ValueError with the value that can't be."""
    if set(forecast) != set(CAPABILITIES):
        raise ValueError(f"A forecast has the curves {', '.join(CAPABILITIES)}, not {', '.join(forecast) or 'none'}.")
    for name, curve in forecast.items():
        for what, value, (low, high), unit in (
            ("midpoint", curve.midpoint, MIDPOINTS, ""), ("steepness", curve.steepness, STEEPNESSES, " per year"),
        ):  # fmt: skip
            if not math.isfinite(value) or not low <= value <= high:
                raise ValueError(f"The {what} {value:g} of {name} is out of range; use {low:g} to {high:g}{unit}.")
    return forecast


def _plain(forecast: Forecast) -> dict[str, Any]:
    return {name: asdict(curve) for name, curve in check(forecast).items()}


def read(curves: dict[str, Any]) -> Forecast:
    """A forecast as it was kept. KeyError or TypeError for what is none, ValueError for one that can't be."""
    return check({name: Logistic(**curves[name]) for name in CAPABILITIES})


def _given(row: ForecastRow | None) -> Given | None:
    return row and Given(read(row.curves), row.name, row.given_at)


def _others(store: Store, lab_id: int) -> list[ForecastRow]:
    return [row for row in store.forecasts(lab_id) if row.participant != OWNER]


def _collection(store: Store, found: Invitation | None) -> Collection | None:
    if found is None:
        return None
    n = len(_others(store, found.lab_id))
    return Collection(key=found.key, open=found.open, revealed=found.revealed, n=n, begun=found.created_at)


def _unknown(key: str) -> ForecastError:
    shown = beginning(key)
    return ForecastError("unknown", f"No collection has the key {shown!r}; ask for the address of now.", shown)
