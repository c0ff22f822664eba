"""A forecast by sliders: the curves beside the opinion's, their milestones, and keeping them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import streamlit as st

from lab import forecasts
from lab.forecasts import Given
from rlhf_core.outlook import CAPABILITIES, LEVELS, OPINION, WRITTEN, Forecast, Logistic
from ui import charts, errors, layout, session
from ui.charts import Growth
from ui.i18n import t
from ui.live_figure import live_figure, palette

YEARS = np.arange(forecasts.MIDPOINTS[0], forecasts.MIDPOINTS[1] + 0.5, 0.5)
"""Where curves are drawn."""
SHOWN = (2010.0, 2050.0)
"""The years that one sees at least."""


@dataclass(frozen=True)
class Seat:
    """Whose forecast the sliders are."""

    name: str
    """Tells the sliders of one from another's."""
    kept: Given | None
    """What was last saved, or given."""

    def slider(self, quantity: str, capability: str) -> str:
        """The key of a slider. quantity: midpoint or steepness."""
        return f"outlook_{quantity}_{capability}_{self.name}"

    @property
    def start(self) -> Forecast:
        """Where the sliders start."""
        return self.kept.forecast if self.kept else OPINION

    @property
    def forecast(self) -> Forecast:
        """What the sliders say."""
        return {
            name: Logistic(
                float(session.value(self.slider("midpoint", name), curve.midpoint)),
                float(session.value(self.slider("steepness", name), curve.steepness)),
            )
            for name, curve in self.start.items()
        }

    @property
    def changed(self) -> bool:
        """Whether the sliders say something else than what is kept."""
        return self.kept is not None and self.forecast != self.kept.forecast

    def set(self, forecast: Forecast) -> None:
        """Move the sliders. From a callback."""
        for name, curve in forecast.items():
            session.put(self.slider("midpoint", name), curve.midpoint)
            session.put(self.slider("steepness", name), curve.steepness)


def badge(kind: str, sentence: str, year: int = WRITTEN) -> None:
    """Says whether what follows is fact, opinion or opinions, and of which year, and a sentence more."""
    name, more = html.escape(t(f"outlook.{kind}", year=year)), html.escape(sentence)
    st.html(f'<p class="lab-badge {kind}-badge"><b>{name}</b> {more}</p>')


def own_fragment() -> None:
    """The lab's own forecast; drawn anew alone."""
    st.fragment(errors.guard()(_own))()


def _own() -> None:
    store, lab = session.laboratory().store, session.current_lab()
    seat = Seat(f"own{lab.id}", forecasts.own(store, lab))

    def save() -> None:
        errors.attempt(lambda: forecasts.save_own(store, lab, seat.forecast))

    picture, hand = st.columns([1.6, 1], gap="large")
    with hand:
        sliders(seat)
        with st.container(horizontal=True, gap="small", key="outlook_buttons"):
            st.button(t("outlook.save"), key="outlook_save", type="primary", on_click=save)
            reset_button(seat)
        layout.note(_kept_sentence(seat), "plain" if seat.kept is None or seat.changed else "good")
        if session.session().problem:
            layout.problem(session.session().problem)
    with picture:
        figure(seat.forecast)
        milestones(seat.forecast)


def _kept_sentence(seat: Seat) -> str:
    if seat.kept is None:
        return t("outlook.unsaved")
    return t("outlook.changed" if seat.changed else "outlook.saved", date=f"{seat.kept.at:%Y-%m-%d}")


def reset_button(seat: Seat) -> None:
    """Back to the opinion."""
    st.button(
        t("outlook.reset"), key="outlook_reset", on_click=lambda: seat.set(OPINION), help=t("outlook.reset_help"),
        disabled=seat.forecast == OPINION,
    )  # fmt: skip


def sliders(seat: Seat) -> None:
    """Midpoint and steepness of each curve."""
    with st.container(key="outlook_sliders", gap=None):
        for look, (name, curve) in enumerate(seat.start.items()):
            title, text = t(f"outlook.{name}"), html.escape(t(f"outlook.{name}_text"))
            st.html(f'<p class="lab-curve look{look}"><i></i><b>{html.escape(title)}</b> <small>{text}</small></p>')
            left, right = st.columns(2, gap="medium")
            left.slider(
                t("outlook.midpoint", name=title), *forecasts.MIDPOINTS, step=1.0, format="%.0f",
                help=t("outlook.midpoint_help"), key=session.keep(seat.slider("midpoint", name), curve.midpoint),
            )  # fmt: skip
            right.slider(
                t("outlook.steepness", name=title), *forecasts.STEEPNESSES, step=0.05, format="%.2f",
                help=t("outlook.steepness_help"), key=session.keep(seat.slider("steepness", name), curve.steepness),
            )  # fmt: skip


def figure(forecast: Forecast) -> None:
    """The forecast's curves, solid, over the opinion's, dotted."""
    drawn: list[Growth] = []
    for look, name in enumerate(CAPABILITIES):
        thought, own = OPINION[name], forecast[name]
        title = t(f"outlook.{name}")
        opinion = f"{title}, {t('outlook.opinion', year=WRITTEN)}"
        drawn += [
            Growth(name=opinion, look=look, x=YEARS, y=thought(YEARS), dash="dot", in_legend=False),
            Growth(name=title, look=look, x=YEARS, y=own(YEARS), milestones=milestones_of(own)),
        ]
    live_figure(
        charts.growth(
            drawn, palette(), years=shown_years(ends(forecast.values())), now=decimal_year(today()),
            now_label=t("outlook.today", date=f"{today():%Y-%m-%d}"), y_title=t("outlook.axis"),
        ),
        key="outlook_figure", name=t("outlook.figure"), value=t("outlook.opinion", year=WRITTEN),
        sentence=t("outlook.axis_sentence", year=WRITTEN),
        summary=" ".join(
            t("outlook.summary", name=t(f"outlook.{name}"), own=forecast[name].midpoint, opinion=OPINION[name].midpoint)
            for name in CAPABILITIES
        ),
    )  # fmt: skip


def milestones_of(curve: Logistic) -> list[tuple[float, float]]:
    """Year and level of each milestone."""
    return [(curve.crossing(level), level) for level in LEVELS]


def today() -> date:
    """The date where the server is."""
    return date.today()


def decimal_year(day: date) -> float:
    """A date as a calendar year with its fraction."""
    begin, end = date(day.year, 1, 1), date(day.year + 1, 1, 1)
    return day.year + (day - begin) / (end - begin)


def ends(curves: Iterable[Logistic]) -> list[float]:
    """The years in which curves cross 10 and 90 %."""
    return [curve.crossing(level) for curve in curves for level in (0.1, 0.9)]


def shown_years(events: Sequence[float]) -> tuple[float, float]:
    """The years to show, in whole decades, so that one sees those in which something happens."""
    low, high = forecasts.MIDPOINTS
    first, last = min(events) // 10 * 10, -(-max(events) // 10) * 10
    return max(low, min(SHOWN[0], first)), min(high, max(SHOWN[1], last))


def milestones(forecast: Forecast) -> None:
    """The years of the milestones as a table, the opinion's below each."""
    head = [t("outlook.capability"), *(t("outlook.level", level=level) for level in LEVELS), t("outlook.duration")]

    def cells(name: str) -> list[str]:
        own, thought = forecast[name], OPINION[name]
        pairs = [(f"{own.crossing(level):.0f}", f"{thought.crossing(level):.0f}") for level in LEVELS]
        pairs.append((t("outlook.years", n=own.duration), t("outlook.years", n=thought.duration)))
        return [
            f"{html.escape(value)}<small>{html.escape(t('outlook.of_opinion', value=opinion))}</small>"
            for value, opinion in pairs
        ]

    with st.container(key="outlook_milestones"):
        layout.table("lab-exam", head, [[html.escape(t(f"outlook.{name}")), *cells(name)] for name in CAPABILITIES])
