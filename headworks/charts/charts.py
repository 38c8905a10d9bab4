"""The plots of every report: lines over an axis, and values with the intervals that they lie in.

Always true: what lies outside an axis is drawn on its edge, so nothing leaves the plot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from headworks.charts.style import LIGHT, Colour
from headworks.charts.svg import new_figure, our_settings, page_svg

WIDTH: Final = 480.0
HEIGHT: Final = 240.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 14.0, 22.0, 38.0
"""Pixels of a plot, and of the margins that its axes are written in."""

SIDE: Final = 20.0
"""Pixels beside rows of intervals: half of the text of a tick."""

ROW: Final = 34.0
"""Pixels of a row of intervals: its name, and below it the interval."""

BEHIND: Final[Any] = {"facecolor": LIGHT["paper"], "edgecolor": "none", "pad": 1.0}
"""Behind texts, so that no line crosses them."""

MAX_NAME: Final = 74
"""Characters of a row's name, and of a bound's: more do not fit beside each other."""


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """An axis from low to high. written: a value as its tick says it; ticks: where, else round numbers are found."""

    low: float
    high: float
    written: Callable[[float], str]
    name: str = ""
    is_log: bool = False
    ticks: Sequence[float] = ()

    def inside(self, value: float) -> float:
        """The value, or the end of the axis that it is beyond."""
        return min(self.high, max(self.low, value))


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line. is_step: a value holds until the next one."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: Colour = "a"
    is_dashed: bool = False
    is_step: bool = False


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that a value should keep. along: the axis on which it lies."""

    name: str
    at: float
    along: Literal["x", "y"] = "y"


class IntervalRow(msgspec.Struct, frozen=True, kw_only=True):
    """A value in its interval; `said` is it in words."""

    name: str
    value: float
    low: float
    high: float
    said: str
    colour: Colour = "a"


class Dot(msgspec.Struct, frozen=True, kw_only=True):
    """A point with the intervals that it lies in, and its name beside it."""

    name: str
    x: float
    y: float
    x_ends: tuple[float, float]
    y_ends: tuple[float, float]
    colour: Colour = "a"


def log_axis(values: Sequence[float], written: Callable[[float], str], name: str, most_ratio: float = 1e3) -> Axis:
    """A logarithmic axis for these values; the lowest by the highest is never less than 1 / most_ratio."""
    high = max(max(values) * 1.1, 2e-6)
    low = max(min(values) * 0.9, high / most_ratio, 1e-6)
    return Axis(low=min(low, high / 2), high=high, written=written, name=name, is_log=True)


@our_settings()
def line_chart(lines: Sequence[Line], x: Axis, y: Axis, *, label: str, bounds: Sequence[Bound] = ()) -> str:
    """Lines, and the bounds that they should keep. label: the text for screen readers."""
    figure = new_figure(WIDTH, HEIGHT)
    area = (LEFT / WIDTH, BOTTOM / HEIGHT, 1 - (LEFT + RIGHT) / WIDTH, 1 - (TOP + BOTTOM) / HEIGHT)
    axes = figure.add_axes(area)
    _bare(axes)
    _set_axis(axes, x, "x")
    _set_axis(axes, y, "y")
    axes.grid(axis="y", color=LIGHT["line"], linewidth=0.8)
    for bound in bounds:
        _draw_bound(axes, bound, x if bound.along == "x" else y)
    for line in lines:
        axes.plot(
            [x.inside(at) for at, _ in line.points],
            [y.inside(value) for _, value in line.points],
            color=LIGHT[line.colour],
            linewidth=2,
            linestyle=(0, (3, 2)) if line.is_dashed else "solid",
            drawstyle="steps-post" if line.is_step else "default",
            clip_on=False,
        )
    if len(lines) > 1:
        for number, line in enumerate(lines):
            at = 0.03 + 0.09 * (len(lines) - 1 - number)
            axes.text(0.99, at, line.name, transform=axes.transAxes, ha="right", va="bottom", color=LIGHT[line.colour])
    return page_svg(figure, label)


@our_settings()
def interval_chart(rows: Sequence[IntervalRow], x: Axis, *, label: str, bounds: Sequence[Bound] = ()) -> str:
    """A row for each value: its name, below it the interval as a line and the value as a dot, and both in words."""
    top = TOP if bounds else 4.0
    height = top + ROW * len(rows) + BOTTOM
    figure = new_figure(WIDTH, height)
    axes = figure.add_axes((SIDE / WIDTH, BOTTOM / height, 1 - 2 * SIDE / WIDTH, 1 - (BOTTOM + top) / height))
    _bare(axes)
    _set_axis(axes, x, "x")
    axes.set_ylim(len(rows), 0)
    axes.yaxis.set_major_locator(NullLocator())
    axes.grid(axis="x", color=LIGHT["line"], linewidth=0.8)
    for bound in bounds:
        _draw_bound(axes, bound, x)
    across = axes.get_yaxis_transform()
    for number, row in enumerate(rows):
        colour, middle = LIGHT[row.colour], number + 0.7
        ends = [x.inside(row.low), x.inside(row.high)]
        axes.plot(ends, [middle, middle], color=colour, linewidth=5, alpha=0.4, clip_on=False, solid_capstyle="butt")
        width = (x.high - x.low) / 220
        at = x.inside(row.value)
        axes.plot([at - width, at + width], [middle, middle], color=colour, linewidth=10, clip_on=False, solid_capstyle="butt")  # fmt: skip
        words: Any = {"transform": across, "va": "top", "bbox": BEHIND}
        axes.text(0, number + 0.08, shortened(row.name), color=LIGHT["ink"], **words)
        axes.text(1, number + 0.08, row.said, ha="right", color=LIGHT["soft"], **words)
    return page_svg(figure, label)


@our_settings()
def dot_chart(dots: Sequence[Dot], x: Axis, y: Axis, *, label: str, bounds: Sequence[Bound] = ()) -> str:
    """Points over two axes, each with its name and its intervals, and the bounds that they should keep."""
    figure = new_figure(WIDTH, HEIGHT)
    area = (LEFT / WIDTH, BOTTOM / HEIGHT, 1 - (LEFT + RIGHT) / WIDTH, 1 - (TOP + BOTTOM) / HEIGHT)
    axes = figure.add_axes(area)
    _bare(axes)
    _set_axis(axes, x, "x")
    _set_axis(axes, y, "y")
    axes.grid(color=LIGHT["line"], linewidth=0.8)
    for bound in bounds:
        _draw_bound(axes, bound, x if bound.along == "x" else y)
    for dot in dots:
        colour, at = LIGHT[dot.colour], (x.inside(dot.x), y.inside(dot.y))
        faint: Any = {"color": colour, "linewidth": 1.5, "alpha": 0.4, "clip_on": False}
        axes.plot([x.inside(end) for end in dot.x_ends], [at[1], at[1]], **faint)
        axes.plot([at[0], at[0]], [y.inside(end) for end in dot.y_ends], **faint)
        # A line of no length with round ends is a disc: the page copies lines, and no markers.
        axes.plot([at[0], at[0]], [at[1], at[1]], color=colour, linewidth=8, solid_capstyle="round", clip_on=False)
        axes.annotate(dot.name, at, (6, 4), textcoords="offset points", color=colour, bbox=BEHIND)
    return page_svg(figure, label)


def shortened(text: str) -> str:
    """At most `MAX_NAME` characters of it."""
    return text if len(text) <= MAX_NAME else f"{text[: MAX_NAME - 1]}…"


def _bare(axes: Axes) -> None:
    """Without a frame, tick marks and a background."""
    axes.set_facecolor("none")
    axes.patch.set_visible(False)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=6, colors=LIGHT["soft"])


def _set_axis(axes: Axes, one: Axis, which: Literal["x", "y"]) -> None:
    """Writes an axis: its scale, ends, name and ticks."""
    if which == "x":
        axes.set_xscale("log" if one.is_log else "linear")
        axes.set_xlim(one.low, one.high)
        axes.set_xlabel(one.name, color=LIGHT["soft"])
    else:
        axes.set_yscale("log" if one.is_log else "linear")
        axes.set_ylim(one.low, one.high)
        axes.set_ylabel(one.name, color=LIGHT["soft"])
    axis = axes.xaxis if which == "x" else axes.yaxis
    if one.ticks:
        axis.set_major_locator(FixedLocator(list(one.ticks)))
    elif one.is_log:
        subs = (1.0, 2.0, 5.0) if one.high / one.low < 300 else (1.0,)
        axis.set_major_locator(LogLocator(subs=subs, numticks=20))
    else:
        axis.set_major_locator(MaxNLocator(5))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: one.written(float(f"{value:.6g}"))))


def _draw_bound(axes: Axes, bound: Bound, axis: Axis) -> None:
    """A dashed line with its name at its end, on the side that has more room."""
    at = axis.inside(bound.at)
    style: Any = {"color": LIGHT["bad"], "linewidth": 1.2, "linestyle": (0, (5, 3)), "clip_on": False}
    name = shortened(bound.name)
    if bound.along == "y":
        axes.plot([0, 1], [at, at], transform=axes.get_yaxis_transform(), **style)
        along: Any = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points"}
        axes.annotate(name, (0.0, at), (4, 3), va="bottom", color=LIGHT["bad"], **along)
        return
    axes.plot([at, at], [0, 1], transform=axes.get_xaxis_transform(), **style)
    place = axes.transAxes.inverted().transform(axes.transData.transform((at, 1)))[0]
    align = "left" if place < 0.5 else "right"
    axes.text(at, 1.02, name, transform=axes.get_xaxis_transform(), ha=align, va="bottom", color=LIGHT["bad"])
