"""Numbers to figures: pure functions that return plotly figures as plain dicts, ready for plotly.js.

Plain dicts, because building validated `plotly.graph_objects` several times a second costs more than drawing them; a
test holds every figure valid instead.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

Figure = dict[str, Any]
MOST_POINTS = 600
FONT = "RLHF Lab Sans, sans-serif"
SHARES: Figure = {"range": [0, 1.02], "tickformat": ".0%", "dtick": 0.25}
"""An axis of shares, from 0 to 100 %."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "x")
"""As many as are no multiple of the colours, so that both together seldom come again."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Of the first curve of a figure, the second, ...: curves differ in more than their colour."""


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Five colours that are read as text on their paper and told apart by every kind of colour vision, in the order of
    Okabe and Ito's hues, and the tones of the paper around them. style.css and the theme have the same."""

    text: str
    muted: str
    grid: str
    paper: str
    blue: str
    orange: str
    green: str
    purple: str
    amber: str

    @property
    def series(self) -> tuple[str, ...]:
        return self.blue, self.orange, self.green, self.purple, self.amber


LIGHT = Palette(
    text="#1E2A35", muted="#4F5B66", grid="#E3E6DF", paper="#FBFBF9",
    blue="#00478F", orange="#B54D00", green="#007D4C", purple="#7A2A63", amber="#4F3700",
)  # fmt: skip
DARK = Palette(
    text="#E8ECEF", muted="#A3AFB9", grid="#2C3741", paper="#14191F",
    blue="#5AA9EC", orange="#EA7B45", green="#45E09C", purple="#C585A9", amber="#FAD85A",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Series:
    """One curve, with a band (an interval) where it has one."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Mark:
    """A setting that changed at a step: drawn as a vertical line with a label."""

    x: float
    setting: str
    label: str


@dataclass(frozen=True)
class Point:
    """Something that has two measures, each a share with its interval."""

    name: str
    x: float
    y: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float


def curves(
    series: Sequence[Series],
    palette: Palette,
    *,
    marks: Sequence[Mark] = (),
    height: int = 170,
    share: bool = False,
    whole: bool = True,
    baseline: float | None = None,
    from_zero: bool = False,
    x_title: str = "",
) -> Figure:
    """Curves over steps, each in its colour and its dash. share: the values are shares, shown as percentages, the
    `whole` range of them from 0 to 100 or as far as they go. baseline: a dashed level. from_zero: the axis begins
    at 0."""
    data: list[Figure] = []
    for colour, dash, one in zip(palette.series, DASHES, series, strict=False):
        kept = _thin(len(one.x))
        x, y = [one.x[i] for i in kept], [one.y[i] for i in kept]
        if len(one.low):
            edge = {"x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
            data.append({"type": "scatter", "y": [one.low[i] for i in kept], **edge})
            data.append(
                {"type": "scatter", "y": [one.high[i] for i in kept], **edge}
                | {"fill": "tonexty", "fillcolor": _fade(colour, 0.18)}
            )
        data.append({
            "type": "scatter", "x": x, "y": y, "name": one.name,
            "line": {"color": colour, "width": 2.5, "dash": dash},
            "mode": "lines+markers" if len(x) < 3 or len(one.low) else "lines", "marker": {"size": 5, "color": colour},
            "hovertemplate": f"%{{x}}: %{{y:{'.0%' if share else '.3f'}}}<extra>{_plain(one.name)}</extra>",
        })  # fmt: skip
    layout = _layout(palette, height)
    layout["showlegend"] = len(series) > 1
    layout["annotations"] = _labels(marks, max((x for one in series for x in one.x), default=0), palette)
    if marks:
        layout["margin"]["t"] = 8 + 15 * max(label["text"].count("<br>") + 1 for label in layout["annotations"])
        if layout["showlegend"]:  # above the labels of the marks
            layout["margin"]["t"] += 24
            layout["legend"] |= {"yref": "container", "y": 1, "yanchor": "top"}
    elif layout["showlegend"]:
        layout["margin"]["t"] = 40
    layout["xaxis"]["rangemode"] = "tozero"
    if x_title:
        layout["xaxis"]["title"] = _title(x_title)
    if share:
        layout["yaxis"] |= SHARES if whole else {"tickformat": ".1%"}
    layout["shapes"] = [_vertical(mark.x, palette) for mark in marks]
    if from_zero:
        layout["yaxis"]["rangemode"] = "tozero"
    if baseline is not None:
        layout["shapes"].append({
            "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": baseline, "y1": baseline,
            "line": {"color": palette.muted, "width": 1.5, "dash": "dash"},
        })  # fmt: skip
    return {"data": data, "layout": layout}


def signed_bars(names: Sequence[str], values: Sequence[float], palette: Palette, *, height: int = 340) -> Figure:
    """Horizontal bars to either side of zero, the first on top: blue for more, orange for less."""
    layout = _layout(palette, height)
    layout["yaxis"] |= {
        "autorange": "reversed",
        "automargin": True,
        "tickfont": {"size": 15},
        "showgrid": False,
        "dtick": 1,
    }
    layout["xaxis"] |= {"zeroline": True, "zerolinecolor": palette.muted, "zerolinewidth": 1.5}
    # Room beyond the longest bars, so that no number runs into a name.
    low, high = min((0.0, *values)), max((0.0, *values))
    room = 0.16 * ((high - low) or 1.0)
    layout["xaxis"]["range"] = [low - room, high + room]
    layout["bargap"] = 0.35
    bar = {
        "type": "bar", "orientation": "h", "x": list(values), "y": [_plain(name) for name in names],
        "marker": {"color": [palette.blue if value >= 0 else palette.orange for value in values]},
        "text": [f"{value:+.2f}".replace("-", "\N{MINUS SIGN}") for value in values],
        "textposition": "outside", "cliponaxis": False,
        "hovertemplate": "%{y}: %{x:+.2f}<extra></extra>",
    }  # fmt: skip
    return {"data": [bar], "layout": layout}


def share_bars(
    names: Sequence[str], shares: Sequence[tuple[float, float, float]], marked: Sequence[bool], palette: Palette, *,
    height: int = 250, beside: Sequence[float] = (),
) -> Figure:  # fmt: skip
    """Horizontal bars of shares (share, low, high) with their intervals, the first on top, and guessing, a half, as a
    dashed level. marked: which are of the other kind, in another colour and hatched. beside: another share for each,
    as a diamond."""
    layout = _layout(palette, height)
    layout["yaxis"] |= {"autorange": "reversed", "showgrid": False, "tickfont": {"size": 15}, "dtick": 1}
    layout["xaxis"] |= SHARES
    layout["bargap"] = 0.35
    layout["shapes"] = [{
        "type": "line", "yref": "paper", "x0": 0.5, "x1": 0.5, "y0": 0, "y1": 1,
        "line": {"color": palette.muted, "width": 1.5, "dash": "dash"},
    }]  # fmt: skip
    values, lows, highs = ([share[i] for share in shares] for i in range(3))
    bar = {
        "type": "bar", "orientation": "h", "x": values, "y": [_plain(name) for name in names],
        "marker": {
            "color": [palette.orange if second else palette.blue for second in marked],
            "pattern": {"shape": ["/" if second else "" for second in marked], "fgcolor": palette.paper, "size": 8,
                        "solidity": 0.12, "fillmode": "overlay"},
        },
        "text": [f"{value:.0%}" for value in values], "textposition": "inside", "insidetextanchor": "start",
        "textfont": {"color": palette.paper, "size": 15}, "hovertemplate": "%{y}: %{x:.0%}<extra></extra>",
        "error_x": {
            "type": "data", "symmetric": False, "array": [h - v for h, v in zip(highs, values, strict=True)],
            "arrayminus": [v - low for low, v in zip(lows, values, strict=True)], "color": palette.text,
            "thickness": 1.5, "width": 5,
        },
    }  # fmt: skip
    diamonds = {
        "type": "scatter", "mode": "markers", "x": list(beside), "y": bar["y"], "cliponaxis": False,
        "marker": {
            "symbol": "diamond", "size": 11, "color": palette.amber, "line": {"color": palette.paper, "width": 1.5},
        },
        "hovertemplate": "%{y}: %{x:.0%}<extra></extra>",
    }  # fmt: skip
    return {"data": [bar, diamonds] if beside else [bar], "layout": layout}


def scatter(points: Sequence[Point], palette: Palette, *, x_title: str, y_title: str, height: int = 340) -> Figure:
    """Points between two shares, with their intervals as bars. A point has its name beside it, and a colour and a
    symbol of its own."""
    layout = _layout(palette, height)
    layout["xaxis"] |= {**SHARES, "title": _title(x_title)}
    layout["yaxis"] |= {**SHARES, "title": _title(y_title)}
    hover = f"{_plain(x_title)}: %{{x:.0%}}<br>{_plain(y_title)}: %{{y:.0%}}"
    data = [
        {
            "type": "scatter", "mode": "markers+text", "x": [one.x], "y": [one.y], "name": _plain(one.name),
            "marker": {"size": 12, "color": colour, "symbol": symbol}, "cliponaxis": False,
            "error_x": _interval(one.x, one.x_low, one.x_high, colour),
            "error_y": _interval(one.y, one.y_low, one.y_high, colour),
            "text": [_plain(one.name)], "textposition": _free_corner(one, points),
            "textfont": {"size": 14, "color": palette.text},
            "hovertemplate": f"{hover}<extra>{_plain(one.name)}</extra>",
        }
        for one, colour, symbol in zip(points, cycle(palette.series), cycle(SYMBOLS), strict=False)
    ]  # fmt: skip
    return {"data": data, "layout": layout}


def _interval(value: float, low: float, high: float, colour: str) -> Figure:
    return {
        "type": "data", "symmetric": False, "array": [high - value], "arrayminus": [value - low],
        "color": _fade(colour, 0.6), "thickness": 1.5, "width": 4,
    }  # fmt: skip


def _free_corner(point: Point, points: Sequence[Point]) -> str:
    """Where a point's name goes: between its bars, inside the figure, and as far from other points as can be."""
    sides = [("right", 0.12)] * (point.x < 0.6) + [("left", -0.12)] * (point.x > 0.4)
    levels = [("top", 0.05)] * (point.y < 0.9) + [("bottom", -0.05)] * (point.y > 0.1)
    others = [other for other in points if other is not point]
    room = {
        f"{level} {side}": min((math.hypot(o.x - point.x - across, o.y - point.y - up) for o in others), default=0)
        for side, across in sides
        for level, up in levels
    }
    return max(room, key=room.__getitem__)


def heatmap(
    across: Sequence[str], down: Sequence[str], counts: Sequence[Sequence[int | None]],
    hover: Sequence[Sequence[str]], palette: Palette, *, x_title: str, y_title: str, height: int = 260,
) -> Figure:  # fmt: skip
    """How often what came with what: a number in every cell, the darker the more. None leaves a cell empty. hover: what
    to say of each cell."""
    layout = _layout(palette, height)
    layout["xaxis"] |= {"type": "category", "showgrid": False, "title": _title(x_title), "side": "top"}
    layout["yaxis"] |= {"type": "category", "showgrid": False, "title": _title(y_title), "autorange": "reversed"}
    most = max((n for row in counts for n in row if n is not None), default=0)
    cells = {
        "type": "heatmap", "x": list(across), "y": list(down), "z": [list(row) for row in counts],
        "text": [list(row) for row in hover], "hovertemplate": "%{text}<extra></extra>", "hoverongaps": False,
        "colorscale": [[0, _fade(palette.blue, 0.06)], [1, _fade(palette.blue, 0.4)]], "showscale": False,
        "zmin": 0, "zmax": max(1, most), "xgap": 3, "ygap": 3,
    }  # fmt: skip
    layout["annotations"] = [
        {"x": x, "y": y, "text": f"{n:,}", "showarrow": False, "font": {"size": 13, "color": palette.text}}
        for y, row in zip(down, counts, strict=True) for x, n in zip(across, row, strict=True) if n is not None
    ]  # fmt: skip
    return {"data": [cells], "layout": layout}


@dataclass(frozen=True)
class Span:
    """A stretch of time in one row of a timeline."""

    row: str
    kind: str
    start: float
    end: float


def timeline(
    rows: Sequence[str], spans: Sequence[Span], names: Mapping[str, str], colours: Sequence[str], palette: Palette, *,
    x_title: str, end: float, height: int = 260,
) -> Figure:  # fmt: skip
    """A row for each thing, the first on top, in the colour and the pattern of what it was when; where a span follows
    another without a gap, a mark says that it changed. names: of the kinds, as the legend has them; colours: theirs."""
    layout = _layout(palette, height)
    layout["yaxis"] |= {"type": "category", "autorange": "reversed", "showgrid": False}
    layout["yaxis"] |= {"categoryorder": "array", "categoryarray": list(rows)}
    layout["xaxis"] |= {"title": _title(x_title), "range": [0, max(1.0, end)]}
    layout |= {"barmode": "overlay", "bargap": 0.35, "showlegend": True}
    data: list[Figure] = []
    for colour, pattern, (kind, name) in zip(colours, ("", "/", "."), names.items(), strict=False):
        own = [span for span in spans if span.kind == kind]
        data.append({
            "type": "bar", "orientation": "h", "name": _plain(name), "y": [span.row for span in own],
            "base": [span.start for span in own], "x": [span.end - span.start for span in own],
            "marker": {
                "color": colour, "line": {"width": 0},
                "pattern": {
                    "shape": pattern, "size": 6, "solidity": 0.25, "fillmode": "overlay", "fgcolor": palette.paper,
                },
            },
            "customdata": [[span.start, span.end] for span in own],
            "hovertemplate": "%{y}: %{customdata[0]}\N{EN DASH}%{customdata[1]}<extra>" + _plain(name) + "</extra>",
        })  # fmt: skip
    ends = {(span.row, span.end) for span in spans}
    turns = [span for span in spans if (span.row, span.start) in ends]
    data.append({
        "type": "scatter", "mode": "markers", "x": [span.start for span in turns], "y": [span.row for span in turns],
        "marker": {"symbol": "triangle-up", "size": 8, "color": palette.text}, "hoverinfo": "skip",
        "showlegend": False, "cliponaxis": False,
    })  # fmt: skip
    return {"data": data, "layout": layout}


def with_errors(points: Sequence[tuple[float, float, float, float]], palette: Palette, *, x_title: str, y_title: str,
                height: int = 300) -> Figure:  # fmt: skip
    """Points (x, y, low, high) on a line, each with its interval."""
    layout = _layout(palette, height)
    layout["xaxis"] |= {"title": _title(x_title), "dtick": 1}
    layout["yaxis"] |= {"title": _title(y_title), "rangemode": "tozero"}
    x, y, low, high = ([point[i] for point in points] for i in range(4))
    data = {
        "type": "scatter", "mode": "lines+markers", "x": x, "y": y, "marker": {"size": 10, "color": palette.blue},
        "line": {"color": palette.blue, "width": 2.5}, "hovertemplate": "%{x}: %{y:.1f}<extra></extra>",
        "error_y": {
            "type": "data", "symmetric": False, "array": [h - v for h, v in zip(high, y, strict=True)],
            "arrayminus": [v - b for b, v in zip(low, y, strict=True)], "color": palette.blue, "thickness": 1.5,
        },
    }  # fmt: skip
    return {"data": [data], "layout": layout}


def reliability(points: Sequence[tuple[float, float, float, float, int]], palette: Palette, *, x_title: str,
                y_title: str, height: int = 320) -> Figure:  # fmt: skip
    """How often it was right (share, low, high) when it was so sure, with how many there were of each: points
    (sure, share, low, high, n). Whoever is as often right as sure lies on the dashed diagonal."""
    layout = _layout(palette, height)
    layout["xaxis"] |= {"title": _title(x_title), "range": [0.48, 1.06], "tickformat": ".0%", "dtick": 0.1}
    lowest = min([0.42, *(point[2] for point in points)])
    layout["yaxis"] |= {**SHARES, "title": _title(y_title), "range": [lowest - 0.02, 1.04]}
    layout["shapes"] = [{
        "type": "line", "x0": 0.5, "x1": 1, "y0": 0.5, "y1": 1,
        "line": {"color": palette.muted, "width": 1.5, "dash": "dash"},
    }]  # fmt: skip
    x, y, low, high, counts = ([point[i] for point in points] for i in range(5))
    most = max(counts, default=1)
    data = {
        "type": "scatter", "mode": "lines+markers+text", "x": x, "y": y, "cliponaxis": False,
        "line": {"color": palette.blue, "width": 2},
        "marker": {"color": palette.blue, "size": [8 + 14 * math.sqrt(n / most) for n in counts]},
        "text": [f"n={n:.0f}" for n in counts],
        "textposition": ["top left" if above else "bottom right" for above in map(operator.gt, y, x)],
        "textfont": {"size": 13, "color": palette.text},
        "hovertemplate": "%{x:.0%}: %{y:.0%} (%{text})<extra></extra>",
        "error_y": {
            "type": "data", "symmetric": False, "array": [h - v for h, v in zip(high, y, strict=True)],
            "arrayminus": [v - b for b, v in zip(low, y, strict=True)], "color": _fade(palette.blue, 0.6),
            "thickness": 1.5, "width": 4,
        },
    }  # fmt: skip
    return {"data": [data], "layout": layout}


def cloud(
    x: Sequence[float], y: Sequence[float], palette: Palette, *, x_title: str, y_title: str,
    hover: Sequence[str], marked: Sequence[int] = (), slope: float | None = None, height: int = 320,
) -> Figure:  # fmt: skip
    """Many points, faint so that one sees where they crowd. hover: what to say of each; marked: the places of those
    that are numbered 1, 2, 3 in another colour; slope: a line of it through their middle."""
    layout = _layout(palette, height)
    layout["xaxis"]["title"], layout["yaxis"]["title"] = _title(x_title), _title(y_title)
    data: list[Figure] = [{
        "type": "scatter", "mode": "markers", "x": list(x), "y": list(y), "text": [_plain(text) for text in hover],
        "marker": {"size": 7, "color": _fade(palette.blue, 0.35), "line": {"color": palette.blue, "width": 1}},
        "hovertemplate": "%{text}<extra></extra>",
    }]  # fmt: skip
    if slope is not None and len(x):
        middle_x, middle_y, ends = sum(x) / len(x), sum(y) / len(y), (min(x), max(x))
        data.append({
            "type": "scatter", "mode": "lines", "x": list(ends), "hoverinfo": "skip",
            "y": [middle_y + slope * (end - middle_x) for end in ends], "line": {"color": palette.orange, "width": 3},
        })  # fmt: skip
    if marked:
        data.append({
            "type": "scatter", "mode": "markers+text", "x": [x[i] for i in marked], "y": [y[i] for i in marked],
            "text": [str(number) for number, _ in enumerate(marked, 1)], "textposition": "middle center",
            "textfont": {"size": 12, "color": palette.paper}, "marker": {"size": 19, "color": palette.orange},
            "customdata": [_plain(hover[i]) for i in marked], "hovertemplate": "%{customdata}<extra></extra>",
            "cliponaxis": False,
        })  # fmt: skip
    return {"data": data, "layout": layout}


def histogram(groups: Sequence[tuple[str, Sequence[float]]], palette: Palette, *, x_title: str, y_title: str,
              bins: int = 24, height: int = 320) -> Figure:  # fmt: skip
    """How values are spread, one or two groups (name, values) over each other in the same bins: the first in filled
    bars, the second in hatched ones, and the mean of each as a line in its colour."""
    layout = _layout(palette, height)
    layout |= {"barmode": "overlay", "bargap": 0.04, "showlegend": len(groups) > 1}
    layout["xaxis"]["title"], layout["yaxis"]["title"] = _title(x_title), _title(y_title)
    if len(groups) > 1:
        layout["margin"]["t"] = 40
    values = [value for _, group in groups for value in group] or [0.0]
    low, high = min(values), max(values)
    width = (high - low) / bins or 1.0
    data: list[Figure] = []
    for (name, group), colour, hatch in zip(groups, palette.series, ("", "/"), strict=False):
        counts = [0] * bins
        for value in group:
            counts[min(bins - 1, int((value - low) / width))] += 1
        pattern = {"shape": hatch, "size": 6, "solidity": 0.35, "fgcolor": colour, "bgcolor": _fade(colour, 0.15)}
        data.append({
            "type": "bar", "name": _plain(name), "x": [low + (i + 0.5) * width for i in range(bins)], "y": counts,
            "width": width, "hovertemplate": f"%{{x:.1f}}: %{{y}}<extra>{_plain(name)}</extra>",
            "marker": {"color": _fade(colour, 0.7), "pattern": pattern, "line": {"color": colour, "width": 1}}
            if hatch else {"color": _fade(colour, 0.7), "line": {"color": colour, "width": 1}},
        })  # fmt: skip
        if group:
            mean = sum(group) / len(group)
            line = {"color": colour, "width": 2.5, "dash": "dot" if hatch else "solid"}
            layout.setdefault("shapes", []).append(_vertical(mean, palette) | {"line": line})
    return {"data": data, "layout": layout}


def paired_bars(names: Sequence[str], first: tuple[str, Sequence[float]], second: tuple[str, Sequence[float]],
                palette: Palette, *, height: int = 300) -> Figure:  # fmt: skip
    """Two shares (name, shares) of each thing side by side as horizontal bars, the first thing on top: the first in
    hatched bars, the second in filled ones."""
    layout = _layout(palette, height)
    layout["yaxis"] |= {"autorange": "reversed", "showgrid": False, "tickfont": {"size": 15}, "dtick": 1}
    layout["xaxis"] |= {"tickformat": ".0%", "rangemode": "tozero"}
    layout |= {"barmode": "group", "bargap": 0.25, "showlegend": True}
    layout["margin"]["t"] = 40
    data = [
        {
            "type": "bar", "orientation": "h", "name": _plain(name), "x": list(shares),
            "y": [_plain(text) for text in names], "hovertemplate": f"%{{y}}: %{{x:.1%}}<extra>{_plain(name)}</extra>",
            "marker": {
                "color": _fade(colour, 0.15) if hatch else colour, "line": {"color": colour, "width": 1},
                "pattern": {"shape": hatch, "size": 6, "solidity": 0.35, "fgcolor": colour},
            },
        }
        for (name, shares), colour, hatch in ((first, palette.orange, "/"), (second, palette.blue, ""))
    ]  # fmt: skip
    return {"data": data, "layout": layout}


@dataclass(frozen=True)
class Group:
    """Points of a kind (x, y, name, whether the name stands beside it)."""

    name: str
    points: Sequence[tuple[float, float, str, bool]]


def word_map(
    groups: Sequence[Group], palette: Palette, *, x_title: str, y_title: str,
    ringed: Sequence[tuple[float, float, bool]] = (), height: int = 560,
) -> Figure:  # fmt: skip
    """Points of several kinds, each kind in a colour and a symbol of its own. ringed: points (x, y, faintly) that are
    ringed, boldly or faintly."""
    layout = _layout(palette, height)
    layout["xaxis"]["title"], layout["yaxis"]["title"] = _title(x_title), _title(y_title)
    layout["margin"]["t"] = 64
    layout["showlegend"] = True
    data: list[Figure] = [
        {
            "type": "scatter", "mode": "markers+text", "name": _plain(group.name), "cliponaxis": False,
            "x": [x for x, _, _, _ in group.points], "y": [y for _, y, _, _ in group.points],
            "text": [_plain(name) if shown else "" for _, _, name, shown in group.points],
            "textposition": "top center", "textfont": {"size": 12, "color": palette.text},
            "customdata": [_plain(name) for _, _, name, _ in group.points],
            "marker": {
                "size": 7, "color": _fade(colour, 0.6), "symbol": symbol, "line": {"color": colour, "width": 1},
            },
            "hovertemplate": f"%{{customdata}}<extra>{_plain(group.name)}</extra>",
        }
        for group, colour, symbol in zip(groups, cycle(palette.series), cycle(SYMBOLS), strict=False)
        if group.points
    ]  # fmt: skip
    for faintly, width in ((True, 1.5), (False, 3.0)):
        own = [(x, y) for x, y, faint in ringed if faint is faintly]
        data.append({
            "type": "scatter", "mode": "markers", "x": [x for x, _ in own], "y": [y for _, y in own],
            "marker": {"size": 15, "color": "rgba(0,0,0,0)", "line": {"color": palette.text, "width": width}},
            "hoverinfo": "skip", "showlegend": False, "cliponaxis": False,
        })  # fmt: skip
    return {"data": data, "layout": layout}


@dataclass(frozen=True, kw_only=True)
class Growth:
    """A capability over the years, with a band where it has one."""

    name: str
    look: int | None
    """Which colour and symbol: of its capability; None for the text's colour."""
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    milestones: Sequence[tuple[float, float]] = ()
    """Years at which levels are crossed, and the levels."""
    dash: str = "solid"
    in_legend: bool = True


def growth(
    curves: Sequence[Growth], palette: Palette, *, years: tuple[float, float], now: float, now_label: str = "",
    y_title: str = "", height: int = 320,
) -> Figure:  # fmt: skip
    """Shares over calendar years, with a line where now is. years: the first and the last that one sees. A milestone of
    a half has its year beside it."""
    layout = _layout(palette, height)
    layout["xaxis"] |= {"range": list(years), "dtick": 10, "hoverformat": ".0f"}
    layout["yaxis"] |= {"range": [-0.01, 1.02], "tickformat": ".0%", "tickvals": [0, 0.1, 0.5, 0.9, 1]}
    layout["shapes"] = [_vertical(now, palette)]
    layout["margin"]["r"] = 26  # room for the last year
    if y_title:
        layout["yaxis"]["title"] = _title(y_title)
    if now_label:
        layout["margin"]["t"] = 44
        layout["annotations"] = [_label([Mark(now, "now", now_label)], math.inf, palette) | {"xanchor": "center"}]
        layout["legend"] |= {"y": 1.07}
    layout["showlegend"] = any(one.in_legend for one in curves)
    data: list[Figure] = []
    for one in curves:
        colour = palette.text if one.look is None else palette.series[one.look]
        if len(one.low):
            edge = {"type": "scatter", "x": list(one.x), "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
            edge["showlegend"] = False
            data.append({**edge, "y": list(one.low)})
            data.append({**edge, "y": list(one.high), "fill": "tonexty", "fillcolor": _fade(colour, 0.2)})
        data.append({
            "type": "scatter", "mode": "lines", "x": list(one.x), "y": list(one.y), "name": _plain(one.name),
            "line": {"color": colour, "width": 2.5 if one.dash == "solid" else 2, "dash": one.dash},
            "showlegend": False, "hovertemplate": f"%{{x:.0f}}: %{{y:.0%}}<extra>{_plain(one.name)}</extra>",
        })  # fmt: skip
        if one.milestones:
            data.append({
                "type": "scatter", "mode": "markers+text", "name": _plain(one.name), "showlegend": one.in_legend,
                "x": [x for x, _ in one.milestones], "y": [y for _, y in one.milestones],
                "text": [f"{x:.0f}" if y == 0.5 else "" for x, y in one.milestones],
                "textposition": "bottom right", "textfont": {"size": 14, "color": palette.text},
                "marker": {"size": 10, "color": colour, "symbol": SYMBOLS[one.look or 0]}, "cliponaxis": False,
                "hovertemplate": f"%{{x:.1f}}: %{{y:.0%}}<extra>{_plain(one.name)}</extra>",
            })  # fmt: skip
    return {"data": data, "layout": layout}


@dataclass(frozen=True, kw_only=True)
class Trail:
    """A way through two measures: points in their order."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    look: int
    """Which colour and symbol."""
    mode: str = "lines+markers"
    """What is drawn of it: "lines", "markers" or both."""
    last: tuple[float, float] | None = None
    """The interval of y at the last point, which is then drawn larger."""


def trails(
    ways: Sequence[Trail], palette: Palette, *, x_title: str, y_title: str, share: bool = False,
    baseline: float | None = None, height: int = 380,
) -> Figure:  # fmt: skip
    """Ways through two measures from x = 0 on. share: y is a share. baseline: a dashed level of y."""
    layout = _layout(palette, height)
    layout |= {"showlegend": len(ways) > 1}
    layout["margin"]["t"] = 40
    layout["xaxis"] |= {"title": _title(x_title), "rangemode": "tozero"}
    layout["yaxis"]["title"] = _title(y_title)
    if share:
        layout["yaxis"]["tickformat"] = ".0%"
    if baseline is not None:
        layout["shapes"] = [{
            "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": baseline, "y1": baseline,
            "line": {"color": palette.muted, "width": 1.5, "dash": "dash"},
        }]  # fmt: skip
    data: list[Figure] = []
    for way in ways:
        colour, symbol = palette.series[way.look % 5], SYMBOLS[way.look % len(SYMBOLS)]
        kept = _thin(len(way.x))
        large = [15 if way.last and i == len(way.x) - 1 else 6 for i in kept]
        one: Figure = {
            "type": "scatter", "mode": way.mode, "name": _plain(way.name), "x": [way.x[i] for i in kept],
            "y": [way.y[i] for i in kept], "line": {"color": colour, "width": 2.5},
            "marker": {
                "color": _fade(colour, 0.45) if way.mode == "markers" else colour, "symbol": symbol, "size": large,
            },
            "hovertemplate": f"%{{x:.2f}}: %{{y:{'.0%' if share else '.2f'}}}<extra>{_plain(way.name)}</extra>",
        }  # fmt: skip
        if way.last and kept:
            zeros, value = [0.0] * (len(kept) - 1), way.y[-1]
            one["error_y"] = _interval(value, *way.last, colour) | {
                "array": [*zeros, way.last[1] - value], "arrayminus": [*zeros, value - way.last[0]],
            }  # fmt: skip
        data.append(one)
    return {"data": data, "layout": layout}


@dataclass(frozen=True, kw_only=True)
class Strip:
    """A curve with an axis and a title of its own, see `stacked`."""

    title: str
    series: Series
    share: bool = False
    baseline: float | None = None


STACKED = {"size": 28, "gap": 0.2, "line": 6}
"""Letters and lines, in pixels, that are seen from the back of a room, and the room for a title, in shares of the
figure."""


def stacked(strips: Sequence[Strip], palette: Palette, *, height: int) -> Figure:
    """Curves over the same steps, the first on top, each with its own axis below its title."""
    layout, data = _layout(palette, height), list[Figure]()
    axes: Mapping[str, Figure] = {
        name: layout.pop(name) | {"tickfont": {"size": STACKED["size"]}} for name in ("xaxis", "yaxis")
    }
    layout |= {"annotations": [], "shapes": [], "xaxis": axes["xaxis"] | {"rangemode": "tozero"}}
    layout["font"] |= {"color": palette.text}
    share_of = (1 - STACKED["gap"] * len(strips)) / max(1, len(strips))
    for place, (colour, strip) in enumerate(zip(palette.series, strips, strict=False)):
        top = 1 - STACKED["gap"] - place * (STACKED["gap"] + share_of)
        number = str(place + 1) if place else ""
        domain = [max(0.0, top - share_of), top]
        layout[f"yaxis{number}"] = axes["yaxis"] | {"domain": domain, "nticks": 4} | (SHARES if strip.share else {})
        if place == len(strips) - 1:
            layout["xaxis"]["anchor"] = f"y{number}"
        layout["annotations"].append({
            "text": f"<b>{_plain(strip.title)}</b>", "xref": "paper", "x": 0, "xanchor": "left", "yref": "paper",
            "y": top, "yanchor": "bottom", "showarrow": False, "font": {"size": 38, "color": colour},
        })  # fmt: skip
        data += _strip_data(strip.series, colour, f"y{number}")
        if strip.baseline is not None:
            layout["shapes"].append({
                "type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": f"y{number}", "y0": strip.baseline,
                "y1": strip.baseline, "line": {"color": palette.muted, "width": 3, "dash": "dash"},
            })  # fmt: skip
    return {"data": data, "layout": layout}


def _strip_data(series: Series, colour: str, axis: str) -> list[Figure]:
    kept = _thin(len(series.x))
    one = {"type": "scatter", "x": [series.x[i] for i in kept], "yaxis": axis, "name": _plain(series.name)}
    band: list[Figure] = []
    if len(series.low):
        edge = one | {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        filled = {"fill": "tonexty", "fillcolor": _fade(colour, 0.18)}
        band = [edge | {"y": [series.low[i] for i in kept]}, edge | {"y": [series.high[i] for i in kept]} | filled]
    line = {"color": colour, "width": STACKED["line"]}
    mode = "lines+markers" if len(kept) < 3 or len(series.low) else "lines"
    curve = one | {"y": [series.y[i] for i in kept], "mode": mode, "line": line, "marker": {"size": 14}}
    return [*band, curve]


def _title(text: str) -> Figure:
    return {"text": text, "font": {"size": 13}, "standoff": 4}


def _layout(palette: Palette, height: int) -> Figure:
    axis = {
        "gridcolor": palette.grid, "linecolor": palette.grid, "zeroline": False, "automargin": True,
        "tickfont": {"size": 13}, "nticks": 5,
    }  # fmt: skip
    return {
        "height": height, "margin": {"l": 8, "r": 12, "t": 8, "b": 8}, "uirevision": "keep", "hovermode": "closest",
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "dragmode": "zoom",
        "font": {"family": FONT, "color": palette.muted, "size": 13},
        "xaxis": dict(axis), "yaxis": dict(axis), "showlegend": False,
        "hoverlabel": {"font": {"family": FONT, "size": 14}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 14}},
    }  # fmt: skip


def _vertical(x: float, palette: Palette) -> Figure:
    return {
        "type": "line", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1,
        "line": {"color": palette.amber, "width": 1.5, "dash": "dot"},
    }  # fmt: skip


def _labels(marks: Sequence[Mark], width: float, palette: Palette) -> list[Figure]:
    """Labels above the marks. Marks too near to each other for two labels share one: each setting's latest value."""
    clusters: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark.x):
        if clusters and mark.x - clusters[-1][-1].x < 0.2 * max(width, mark.x):
            clusters[-1].append(mark)
        else:
            clusters.append([mark])
    return [_label(cluster, width, palette) for cluster in clusters]


def _label(cluster: Sequence[Mark], width: float, palette: Palette) -> Figure:
    latest = {mark.setting: _plain(mark.label) for mark in cluster}
    x = cluster[-1].x
    side = "left" if x < 0.15 * width else "right" if x > 0.85 * width else "center"
    return {
        "x": x, "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": side, "showarrow": False,
        "text": "<br>".join(latest.values()), "font": {"size": 12, "color": palette.amber},
    }  # fmt: skip


def _thin(n: int) -> list[int]:
    """Which of n points to draw: evenly spread, the last among them."""
    stride = -(-n // MOST_POINTS) or 1
    return sorted({*range(0, n, stride), *([n - 1] if n else [])})


def _fade(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def _plain(text: str) -> str:
    """Text that plotly shows as it is: its labels understand a few HTML tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
