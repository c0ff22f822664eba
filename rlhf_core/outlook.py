"""The forecast's numbers: logistic growth, its milestones, and what many forecasts come to.

A capability that grows in proportion to what it has reached and to what is left, f' = k f (1 - f), follows the logistic
curve (Verhulst, 1838, "Notice sur la loi que la population suit dans son accroissement"). Two numbers say all of it:
the midpoint m, a year, and the steepness k, per year. That a capability follows such a curve at all is an assumption,
and `OPINION` is one opinion of its time.

Many forecasts are pooled by their median, which no single wild guess can move far (Galton, 1907, "Vox populi"), with
the quartiles as spread. They are worth most when nobody saw the others' before giving theirs, as in the Delphi method
(Dalkey and Helmer, 1963).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

WRITTEN = 2026
"""The year in which the opinion was written down."""
LEVELS = (0.1, 0.5, 0.9)
"""The levels whose crossing is a milestone."""


@dataclass(frozen=True)
class Logistic:
    """A capability over the years: the share of the tasks of its kind that AI does as well as a skilled person."""

    midpoint: float
    """The calendar year at which half is reached."""
    steepness: float
    """Per year: at the midpoint the curve rises by a quarter of it in a year."""

    def __call__(self, years: ArrayLike) -> NDArray[np.float64]:
        """The share reached, 0 to 1, in each of these calendar years: 1 / (1 + exp(-k (t - m))). Shapes: any, equal."""
        # By tanh, which does not overflow far from the midpoint.
        return (1 + np.tanh(self.steepness * (np.asarray(years, dtype=np.float64) - self.midpoint) / 2)) / 2

    def crossing(self, level: float) -> float:
        """The year at which the curve crosses a level. ValueError for one that it never does."""
        if not 0 < level < 1:
            raise ValueError(f"A logistic curve never crosses {level}; choose a level between 0 and 1.")
        return self.midpoint + math.log(level / (1 - level)) / self.steepness

    @property
    def duration(self) -> float:
        """Years from 10 to 90 %."""
        return self.crossing(0.9) - self.crossing(0.1)


Forecast = Mapping[str, Logistic]
"""A curve for each of `CAPABILITIES`."""
OPINION: Forecast = {
    "language": Logistic(2022.0, 1.0),
    "reasoning": Logistic(2027.0, 0.6),
    "autonomy": Logistic(2033.0, 0.4),
}
"""One opinion, of the year `WRITTEN`: understanding and writing text; solving problems of many steps; working alone on
a task for days."""
CAPABILITIES = tuple(OPINION)


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of one quantity over many forecasts."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Pool:
    """What several forecasts of one capability come to."""

    n: int
    years: NDArray[np.float64]
    """(years,): where the band was taken."""
    band: NDArray[np.float64]
    """(3, years): first quartile, median and third quartile of the curves, year by year. The median of the curves is
    not the curve of the median numbers."""
    midpoint: Spread
    """Calendar years."""
    duration: Spread
    """Years from 10 to 90 %."""


def quartiles(values: ArrayLike) -> NDArray[np.float64]:
    """First quartile, median and third quartile along the first axis, interpolated linearly (type 7 of Hyndman and Fan,
    1996). Shapes: (n, ...) gives (3, ...). ValueError without values."""
    array = np.asarray(values, dtype=np.float64)
    if not len(array):
        raise ValueError("There are no quartiles of no values; give at least one.")
    return np.quantile(array, (0.25, 0.5, 0.75), axis=0)


def pool(curves: Sequence[Logistic], years: ArrayLike) -> Pool:
    """Pool forecasts of one capability over some calendar years, shape (years,). ValueError without a forecast."""
    at = np.asarray(years, dtype=np.float64)
    return Pool(
        n=len(curves),
        years=at,
        band=quartiles([curve(at) for curve in curves]),
        midpoint=_spread([curve.midpoint for curve in curves]),
        duration=_spread([curve.duration for curve in curves]),
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(*map(float, quartiles(values)))
