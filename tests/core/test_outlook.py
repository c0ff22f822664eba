"""The forecast's numbers, by values worked out by hand."""

import math

import numpy as np
import pytest

from rlhf_core.outlook import CAPABILITIES, LEVELS, OPINION, Logistic, Spread, pool, quartiles


def test_the_curve_has_the_values_worked_out_by_hand() -> None:
    curve = Logistic(2030.0, math.log(3))  # each year multiplies the odds by three
    assert curve([2028, 2029, 2030, 2031, 2032]) == pytest.approx([1 / 10, 1 / 4, 1 / 2, 3 / 4, 9 / 10])
    assert curve(2031).shape == () and curve(np.zeros((2, 5))).shape == (2, 5)


def test_far_from_the_midpoint_the_curve_is_flat_and_finite() -> None:
    assert Logistic(2050.0, 3.0)([-1e6, 1e6]).tolist() == [0.0, 1.0]


def test_milestones_are_where_the_curve_crosses() -> None:
    curve = Logistic(2030.0, math.log(3))
    assert [curve.crossing(level) for level in LEVELS] == pytest.approx([2028, 2030, 2032])
    assert curve.duration == pytest.approx(4.0)
    assert Logistic(2030.0, 1.0).duration == pytest.approx(2 * math.log(9))
    for level in (0.01, 0.37, 0.99):
        assert float(curve(curve.crossing(level))) == pytest.approx(level)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 1.5])
def test_a_level_that_is_never_crossed_is_named(level: float) -> None:
    with pytest.raises(ValueError, match=str(level)):
        Logistic(2030.0, 1.0).crossing(level)


def test_quartiles_by_hand() -> None:
    assert quartiles([1, 2, 3, 4, 5]).tolist() == [2, 3, 4]
    assert quartiles([1, 2, 3, 4]).tolist() == [1.75, 2.5, 3.25]
    assert quartiles([7]).tolist() == [7, 7, 7]
    assert quartiles([[1, 10], [3, 30], [2, 20]]).tolist() == [[1.5, 15], [2, 20], [2.5, 25]]
    with pytest.raises(ValueError, match="no values"):
        quartiles([])


def test_a_pool_is_the_median_of_the_curves_year_by_year() -> None:
    curves = [Logistic(2028.0, 1.0), Logistic(2030.0, 0.5), Logistic(2100.0, 2.0)]
    found = pool(curves, [2020, 2030, 2040])
    assert found.n == 3 and found.band.shape == (3, 3)
    assert found.midpoint == Spread(2029.0, 2030.0, 2065.0), "one wild guess does not move the median"
    assert found.duration.median == pytest.approx(2 * math.log(9))
    for column, year in enumerate((2020, 2030, 2040)):
        assert found.band[1, column] == pytest.approx(sorted(float(curve(year)) for curve in curves)[1])
    assert (np.diff(found.band, axis=0) >= 0).all()


def test_one_forecast_is_its_own_pool() -> None:
    curve = Logistic(2030.0, 0.7)
    found = pool([curve], [2025, 2035])
    assert np.allclose(found.band, curve([2025, 2035])) and found.midpoint == Spread(2030.0, 2030.0, 2030.0)


def test_the_opinion_has_three_curves_in_their_order() -> None:
    assert CAPABILITIES == ("language", "reasoning", "autonomy")
    assert [OPINION[name].midpoint for name in CAPABILITIES] == sorted(curve.midpoint for curve in OPINION.values())
