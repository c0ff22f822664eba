"""What the forecasts of many come to: median and spread, after the reveal."""

from __future__ import annotations

import html
from collections.abc import Callable

import numpy as np
import streamlit as st

from lab import forecasts
from lab.forecasts import Collection, Given
from lab.store import Store
from rlhf_core.outlook import CAPABILITIES, OPINION, WRITTEN, Forecast, Pool, Spread
from ui import charts, layout
from ui import outlook_forecast_view as forecast_view
from ui.charts import Growth
from ui.i18n import t
from ui.live_figure import live_figure, palette
from ui.outlook_forecast_view import YEARS


def results(store: Store, found: Collection, given: Given | None) -> None:
    """Median and spread of a collection that was revealed, beside one's own forecast and the opinion."""
    pools, own = forecasts.results(store, found.key, YEARS.tolist()), given and given.forecast
    sentence = t("outlook.results_sentence", n=found.n, year=WRITTEN)
    if own:
        sentence = f"{sentence} {t('outlook.results_yours')}"
    forecast_view.badge("opinions", sentence, found.begun.year)
    now = forecast_view.decimal_year(forecast_view.today())
    curves = [*OPINION.values(), *(own or OPINION).values()]
    years = forecast_view.shown_years([*forecast_view.ends(curves), *_ends(pools)])
    for look, (column, name) in enumerate(zip(st.columns(3, gap="medium"), CAPABILITIES, strict=True)):
        with column:
            drawn = _curves(look, name, pools[name], own)
            live_figure(
                charts.growth(drawn, palette(), years=years, now=now, height=250),
                key=f"outlook_result_{name}", name=t(f"outlook.{name}"), value=f"{pools[name].midpoint.median:.0f}",
                summary=_summary(name, pools[name]),
            )  # fmt: skip
    _table(pools, own)


def _curves(look: int, name: str, pool: Pool, own: Forecast | None) -> list[Growth]:
    low, median, high = pool.band
    opinion = Growth(
        name=t("outlook.opinion", year=WRITTEN), look=look, x=YEARS, y=OPINION[name](YEARS), dash="dot", in_legend=False
    )
    middle = Growth(
        name=t("outlook.median"), look=look, x=pool.years, y=median, low=low, high=high, in_legend=False,
        milestones=[(pool.midpoint.median, 0.5)],
    )  # fmt: skip
    if own is None:
        return [opinion, middle]
    return [
        opinion,
        middle,
        Growth(name=t("outlook.yours"), look=None, x=YEARS, y=own[name](YEARS), dash="dash", in_legend=False),
    ]


def _summary(name: str, pool: Pool) -> str:
    at = pool.midpoint
    return t("outlook.results_summary", name=t(f"outlook.{name}"), median=at.median, low=at.low, high=at.high, n=pool.n)


def _ends(pools: dict[str, Pool]) -> list[float]:
    """The years in which the bands leave 10 % and reach 90 %."""
    edges = [(level, pool.band[row]) for pool in pools.values() for row, level in ((2, 0.1), (0, 0.9))]
    return [float(np.interp(level, edge, YEARS)) for level, edge in edges]


def _table(pools: dict[str, Pool], own: Forecast | None) -> None:
    def cell(spread: Spread, say: Callable[[float], str], thought: float, mine: float | None) -> str:
        lines = [
            t("outlook.quartiles", low=say(spread.low), high=say(spread.high)),
            *([t("outlook.of_yours", value=say(mine))] if mine is not None else []),
            t("outlook.of_opinion", value=say(thought)),
        ]
        return f"{html.escape(say(spread.median))}<small>{html.escape('; '.join(lines))}</small>"

    rows: list[list[str]] = []
    for name, pool in pools.items():
        thought, mine = OPINION[name], own[name] if own else None
        rows.append([
            html.escape(t(f"outlook.{name}")),
            cell(pool.midpoint, lambda year: f"{year:.0f}", thought.midpoint, mine and mine.midpoint),
            cell(pool.duration, lambda n: t("outlook.years", n=n), thought.duration, mine and mine.duration),
        ])  # fmt: skip
    head = [t(f"outlook.{name}") for name in ("capability", "midpoint_column", "duration_column")]
    with st.container(key="outlook_results_table"):
        layout.table("lab-exam", head, rows)
