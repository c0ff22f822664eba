"""Figures are valid plotly figures, and show what they are given."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from rlhf_core.ppo import PPOConfig
from ui import charts, controls
from ui.charts import DARK, LIGHT, Growth, Mark, Palette, Point, Series, Span


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_curves_are_valid_figures(palette: Palette) -> None:
    line = Series(name="<b>estimate</b>", x=[1, 2, 3], y=[0.1, 0.2, 0.3])
    band = Series(name="win rate", x=[1, 5], y=[0.5, 0.6], low=[0.4, 0.5], high=[0.6, 0.7])
    figure = charts.curves(
        [line, band], palette, marks=[Mark(2, "kl_coef", "KL 0")], share=True, baseline=0.5, x_title="iteration"
    )
    drawn = go.Figure(figure)
    assert len(drawn.data) == 4  # a line, the two edges of the band, and its line
    assert [shape.x0 for shape in drawn.layout.shapes] == [2, 0]
    assert drawn.layout.annotations[0].text == "KL 0"
    assert drawn.data[0].hovertemplate.count("<b>") == 0
    assert drawn.layout.uirevision == "keep"


def test_marks_that_crowd_share_a_label() -> None:
    line = Series(name="loss", x=[1, 50, 100], y=[1, 2, 3])
    marks = [Mark(10, "kl_coef", "KL 0.1"), Mark(11, "kl_coef", "KL 0"), Mark(12, "temperature", "T 1.2")]
    drawn = go.Figure(charts.curves([line], LIGHT, marks=[*marks, Mark(90, "kl_coef", "KL 0.5")]))
    assert len(drawn.layout.shapes) == 4
    assert [label.text for label in drawn.layout.annotations] == ["KL 0<br>T 1.2", "KL 0.5"]


def test_strips_stand_one_above_the_other_without_touching() -> None:
    rate = Series(name="win rate", x=[1, 5], y=[0.5, 0.6], low=[0.4, 0.5], high=[0.6, 0.7])
    strips = [
        charts.Strip(title="Reward 3 <b>", series=Series(name="reward", x=[1, 2, 3], y=[1, 2, 3]), baseline=0.0),
        charts.Strip(title="Win rate 60%", series=rate, share=True),
        charts.Strip(title="Loss", series=Series(name="loss", x=[], y=[])),
    ]
    for n in (1, 2, 3):
        drawn = go.Figure(charts.stacked(strips[:n], LIGHT, height=560))
        ends = [end for place in range(n) for end in drawn.layout[f"yaxis{place + 1 if place else ''}"].domain[::-1]]
        assert ends == sorted(ends, reverse=True) and 0.0 <= ends[-1] and ends[0] < 1.0
        assert len(drawn.layout.annotations) == n
    assert drawn.layout.annotations[0].text == "<b>Reward 3 &lt;b&gt;</b>"
    assert [curve.yaxis for curve in drawn.data] == ["y", "y2", "y2", "y2", "y3"], "the win rate has its band"


def test_no_points_are_a_figure_too() -> None:
    assert len(go.Figure(charts.curves([Series(name="loss", x=[], y=[])], LIGHT)).data) == 1


def test_long_curves_are_thinned_to_their_ends() -> None:
    n = 5000
    data = charts.curves([Series(name="loss", x=range(n), y=range(n))], LIGHT)["data"][0]
    assert len(data["x"]) <= charts.MOST_POINTS + 1
    assert (data["x"][0], data["x"][-1]) == (0, n - 1)


def test_bars_leave_room_for_their_numbers() -> None:
    drawn = go.Figure(charts.signed_bars(["help", "harm"], [2.0, -1.0], LIGHT))
    low, high = drawn.layout.xaxis.range
    assert low < -1.3 and high > 2.3
    assert list(drawn.data[0].text) == ["+2.00", "\N{MINUS SIGN}1.00"]


def test_points_have_their_intervals_names_colours_and_symbols() -> None:
    points = [
        Point("<b>start</b>", 0.7, 0.5, 0.6, 0.75, 0.4, 0.6),
        Point("SL-CAI", 0.98, 0.62, 0.9, 1.0, 0.5, 0.7),
        Point("RLAIF", 0.1, 0.95, 0.05, 0.2, 0.9, 1.0),
    ]
    drawn = go.Figure(charts.scatter(points, DARK, x_title="harmless", y_title="helpful"))
    assert [trace.text[0] for trace in drawn.data] == ["&lt;b&gt;start&lt;/b&gt;", "SL-CAI", "RLAIF"]
    assert len({trace.marker.color for trace in drawn.data}) == len({trace.marker.symbol for trace in drawn.data}) == 3
    first = drawn.data[0]
    assert (first.error_x.arrayminus[0], first.error_x.array[0]) == pytest.approx((0.1, 0.05))
    assert (first.error_y.arrayminus[0], first.error_y.array[0]) == pytest.approx((0.1, 0.1))
    assert drawn.layout.xaxis.range == drawn.layout.yaxis.range == (0, 1.02)
    assert (drawn.layout.xaxis.title.text, drawn.layout.yaxis.title.text) == ("harmless", "helpful")


def test_names_of_points_keep_inside_the_figure_and_away_from_other_points() -> None:
    def corners(*places: tuple[float, float]) -> list[str]:
        points = [Point("run", x, y, x, x, y, y) for x, y in places]
        drawn = charts.scatter(points, LIGHT, x_title="harmless", y_title="helpful")["data"]
        return [one["textposition"] for one in drawn]

    assert corners((0.0, 1.0)) == ["bottom right"]
    assert corners((1.0, 0.0)) == ["top left"]
    assert corners((0.5, 0.5), (0.55, 0.5)) == ["top left", "top right"]
    assert corners((0.8, 0.5), (0.85, 0.55)) == ["bottom left", "top left"]


@pytest.mark.parametrize("name", controls.RANGES)
def test_every_stop_of_a_slider_is_a_valid_setting(name: str) -> None:
    for stop in controls.RANGES[name]:
        assert getattr(PPOConfig(**{name: stop}), name) == stop
    assert getattr(PPOConfig(), name) in controls.RANGES[name]
    assert list(controls.RANGES[name]) == sorted(set(controls.RANGES[name]))


def test_counts_are_written_into_their_cells() -> None:
    counts = [[None, 3], [0, None]]
    drawn = go.Figure(
        charts.heatmap("AB", "AB", counts, [["", "3 words"], ["", ""]], LIGHT, x_title="to", y_title="from")
    )
    assert [(label.x, label.y, label.text) for label in drawn.layout.annotations] == [("B", "A", "3"), ("A", "B", "0")]
    assert drawn.data[0].zmax == 3 and drawn.data[0].text[0][1] == "3 words"
    assert go.Figure(charts.heatmap("", "", [], [], DARK, x_title="", y_title="")).data[0].zmax == 1


def test_a_timeline_marks_where_a_row_changes_and_leaves_gaps() -> None:
    spans = [
        Span("E1", "explorer", 0, 4), Span("E1", "planner", 4, 6), Span("P1", "planner", 0, 3),
        Span("P1", "planner", 5, 6),
    ]  # fmt: skip
    names = {"explorer": "<i>Explorer</i>", "planner": "Planner"}
    drawn = go.Figure(charts.timeline(["P1", "E1"], spans, names, ["#0067A3", "#A8487F"], LIGHT, x_title="tick", end=6))
    explorers, planners, turns = drawn.data
    assert (list(explorers.x), list(planners.base)) == ([4], [4, 0, 5])
    assert explorers.marker.pattern.shape != planners.marker.pattern.shape
    assert (list(turns.x), list(turns.y)) == ([4], ["E1"])
    assert "<i>" not in explorers.hovertemplate


def test_points_on_a_line_have_their_intervals() -> None:
    drawn = go.Figure(charts.with_errors([(0, 80, 70, 95), (1, 60, 55, 66)], DARK, x_title="n", y_title="ticks"))
    assert (list(drawn.data[0].error_y.array), list(drawn.data[0].error_y.arrayminus)) == ([15, 6], [10, 5])


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_growth_has_its_milestones_its_bands_and_today(palette: Palette) -> None:
    years, rise = [2010.0, 2030.0, 2050.0], [0.1, 0.5, 0.9]
    milestones = list(zip(years, rise, strict=True))
    curves = [
        Growth(name="<i>language</i>", look=0, x=years, y=rise, dash="dot", in_legend=False),
        Growth(name="autonomy", look=2, x=years, y=rise, low=rise, high=rise, milestones=milestones),
        Growth(name="yours", look=None, x=years, y=rise, in_legend=False),
    ]
    drawn = go.Figure(charts.growth(curves, palette, years=(2010, 2050), now=2026.9, now_label="today"))
    opinion, *band, median, marks, own = drawn.data
    assert (opinion.line.dash, median.line.dash) == ("dot", "solid") and len(band) == 2
    assert list(marks.text) == ["", "2030", ""] and list(marks.x) == years
    assert marks.marker.symbol == charts.SYMBOLS[2] and own.line.color == palette.text
    assert [one.name for one in drawn.data if one.showlegend] == ["autonomy"]
    assert "<i>" not in opinion.name
    assert drawn.layout.shapes[0].x0 == 2026.9 and drawn.layout.annotations[0].text == "today"
