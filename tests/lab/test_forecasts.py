"""Forecasts: what may be given, what counts, and who sees whose."""

from dataclasses import asdict

import pytest

from lab import forecasts
from lab.forecast_records import OWNER
from lab.forecasts import ForecastError, Given
from lab.participants import participant, proposal
from lab.store import Lab, Store
from rlhf_core.outlook import CAPABILITIES, OPINION, Forecast, Logistic

YEARS = [2020.0, 2030.0, 2040.0]


def expect(midpoint: float = 2030.0, steepness: float = 0.5) -> Forecast:
    return dict.fromkeys(CAPABILITIES, Logistic(midpoint, steepness))


def key_of(store: Store, lab: Lab) -> str:
    found = forecasts.collection(store, lab)
    assert found is not None
    return found.key


@pytest.fixture
def key(store: Store, lab: Lab) -> str:
    """Of a collection that has just begun."""
    forecasts.start(store, lab)
    return key_of(store, lab)


def refused(reason: str) -> "pytest.RaisesExc[ForecastError]":
    return pytest.raises(ForecastError, check=lambda error: error.reason == reason)


# One's own.


def test_ones_own_forecast_survives_and_the_newest_counts(store: Store, url: str, lab: Lab) -> None:
    assert forecasts.own(store, lab) is None
    forecasts.save_own(store, lab, expect(2031))
    forecasts.save_own(store, lab, expect(2044, 1.25))
    again = Store(url)
    found = forecasts.own(again, lab)
    assert isinstance(found, Given) and found.forecast == expect(2044, 1.25) and found.at.tzinfo is not None
    assert [row.participant for row in again.forecasts(lab.id)] == [OWNER]
    again.close()


@pytest.mark.parametrize(
    ("forecast", "said"),
    [
        (expect(1999.9), "1999.9"),
        (expect(2100.5), "2100.5"),
        (expect(steepness=0.04), "0.04"),
        (expect(steepness=3.01), "3.01"),
        (expect(float("nan")), "nan"),
        (expect(steepness=float("inf")), "inf"),
        ({"language": Logistic(2030, 1)}, "not language"),
        ({}, "not none"),
    ],
)
def test_a_forecast_out_of_range_is_refused_with_the_value(
    store: Store, lab: Lab, key: str, forecast: Forecast, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        forecasts.save_own(store, lab, forecast)
    with pytest.raises(ValueError, match=said):
        forecasts.give(store, key, "a:0", "", forecast)
    assert store.forecasts(lab.id) == []


def test_the_limits_themselves_and_the_opinion_are_allowed(store: Store, lab: Lab) -> None:
    for forecast in (expect(2000, 0.05), expect(2100, 3.0), OPINION):
        assert forecasts.check(forecast) == forecast


# Collecting.


def test_the_address_is_unguessable_and_another_each_time(store: Store, lab: Lab, key: str) -> None:
    assert len(key) >= 32 and key != lab.key
    forecasts.start(store, lab)
    assert key_of(store, lab) != key


def test_before_the_reveal_nothing_gives_another_persons_values(store: Store, lab: Lab, key: str) -> None:
    forecasts.save_own(store, lab, expect(2077))
    forecasts.give(store, key, "a:0", "Ann", expect(2041, 0.31))
    forecasts.give(store, key, "b:0", "", expect(2056, 0.47))

    told = (
        forecasts.collection(store, lab), forecasts.joined(store, key), forecasts.names(store, lab),
        forecasts.own(store, lab), forecasts.given(store, key, "a:0"), forecasts.given(store, key, "c:0"),
    )  # fmt: skip
    assert "2056" not in repr(told) and "0.47" not in repr(told)
    assert forecasts.given(store, key, "c:0") is None
    assert forecasts.names(store, lab) == ["Ann", ""]
    assert asdict(forecasts.joined(store, key)).keys() == {"key", "open", "revealed", "n", "begun"}
    assert forecasts.joined(store, key).n == 2
    with refused("hidden"):
        forecasts.results(store, key, YEARS)
    forecasts.set_open(store, lab, False)
    with refused("hidden"):
        forecasts.results(store, key, YEARS)


def test_the_reveal_shows_the_median_of_others_to_all_and_ends_the_collection(store: Store, lab: Lab, key: str) -> None:
    forecasts.save_own(store, lab, expect(2099))
    for who, midpoint in (("a:0", 2030), ("b:0", 2034), ("c:0", 2090)):
        forecasts.give(store, key, who, "", expect(midpoint))
    forecasts.reveal(store, lab)
    found = forecasts.results(store, key, YEARS)
    assert list(found) == list(CAPABILITIES)
    assert (found["language"].n, found["language"].midpoint.median) == (3, 2034.0), "the owner's is not counted"
    with refused("revealed"):
        forecasts.give(store, key, "d:0", "", expect())
    with refused("revealed"):
        forecasts.set_open(store, lab, True)
    assert forecasts.joined(store, key).n == 3 and forecasts.joined(store, key).revealed


def test_nothing_cannot_be_revealed(store: Store, lab: Lab, key: str) -> None:
    forecasts.save_own(store, lab, expect())
    with refused("empty"):
        forecasts.reveal(store, lab)
    assert not forecasts.joined(store, key).revealed


def test_giving_again_replaces_ones_own_and_a_turn_is_another_person(store: Store, lab: Lab, key: str) -> None:
    first, second = participant("browser", 0), participant("browser", 1)
    forecasts.give(store, key, first, "Ann", expect(2030))
    forecasts.give(store, key, second, "Bob", expect(2040))
    forecasts.give(store, key, first, "Anna", expect(2050))
    assert forecasts.names(store, lab) == ["Bob", "Anna"]
    found = forecasts.given(store, key, first)
    assert found is not None and found.forecast == expect(2050) and found.name == "Anna"
    forecasts.reveal(store, lab)
    assert forecasts.results(store, key, YEARS)["reasoning"].midpoint.median == 2045.0


def test_a_closed_collection_takes_nothing_until_it_is_opened_again(store: Store, lab: Lab, key: str) -> None:
    forecasts.set_open(store, lab, False)
    with refused("closed"):
        forecasts.give(store, key, "a:0", "", expect())
    assert store.forecasts(lab.id) == []
    forecasts.set_open(store, lab, True)
    forecasts.give(store, key, "a:0", "", expect())
    assert forecasts.joined(store, key).n == 1


def test_an_old_address_opens_nothing_and_what_was_given_stays(store: Store, lab: Lab, key: str) -> None:
    forecasts.give(store, key, "a:0", "Ann", expect())
    forecasts.change_address(store, lab)
    for ask in (
        lambda: forecasts.joined(store, key),
        lambda: forecasts.given(store, key, "a:0"),
        lambda: forecasts.give(store, key, "a:0", "", expect()),
        lambda: forecasts.results(store, key, YEARS),
    ):
        with refused("unknown"):
            ask()
    now = key_of(store, lab)
    assert now != key and forecasts.joined(store, now).n == 1
    given = forecasts.given(store, now, "a:0")
    assert given is not None and given.name == "Ann"


def test_a_new_collection_begins_empty_and_leaves_ones_own(store: Store, lab: Lab, key: str) -> None:
    forecasts.save_own(store, lab, expect(2044))
    forecasts.give(store, key, "a:0", "Ann", expect())
    forecasts.reveal(store, lab)
    forecasts.start(store, lab)
    found = forecasts.collection(store, lab)
    assert found is not None and (found.open, found.revealed, found.n) == (True, False, 0)
    own = forecasts.own(store, lab)
    assert own is not None and own.forecast == expect(2044)
    with refused("unknown"):
        forecasts.joined(store, key)


def test_two_labs_collect_apart(store: Store, lab: Lab, key: str) -> None:
    other = store.open_lab("another browser", "ko")
    assert forecasts.collection(store, other) is None and forecasts.names(store, other) == []
    forecasts.start(store, other)
    forecasts.give(store, key, "a:0", "Ann", expect())
    assert forecasts.joined(store, key_of(store, other)).n == 0
    forecasts.start(store, other)
    assert forecasts.names(store, lab) == ["Ann"]


def test_a_collection_survives_a_restart_and_goes_with_its_lab(store: Store, url: str, lab: Lab, key: str) -> None:
    forecasts.give(store, key, "a:0", "Ann", expect(2041))
    again = Store(url)
    given = forecasts.given(again, key, "a:0")
    assert given is not None and given.forecast == expect(2041)
    again.delete_lab(lab.id)
    with refused("unknown"):
        forecasts.joined(again, key)
    again.close()


# Names.


def test_a_name_may_be_anything_short(store: Store, lab: Lab, key: str) -> None:
    forecasts.give(store, key, "a:0", "  푸른   왜가리 <b> ", expect())
    forecasts.give(store, key, "b:0", "x" * 40, expect())
    assert forecasts.names(store, lab) == ["푸른 왜가리 <b>", "x" * 40]
    with pytest.raises(ValueError, match="41 characters"):
        forecasts.give(store, key, "c:0", "x" * 41, expect())
    assert forecasts.joined(store, key).n == 2


def test_the_same_name_is_proposed_whenever_one_comes_back() -> None:
    numbers = [proposal(participant("browser", turn), 500) for turn in range(30)]
    assert numbers == [proposal(participant("browser", turn), 500) for turn in range(30)]
    assert len(set(numbers)) > 20 and all(0 <= number < 500 for number in numbers)
