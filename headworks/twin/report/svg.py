"""Line charts and bar charts as SVG, for the report's page.

Always true: pure text from numbers; no script, no font and no address is in it, so a page with it stands alone; colours
are those of the page's style by class, so that it works in dark mode and on paper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import ceil, floor, log10

import msgspec

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 16, 34

MAX_HALF_DECADES = 4.0
"""Decades, 13 labels of 16 pixels, from which on only whole ones are written."""


class Line(msgspec.Struct, frozen=True):
    """A line: its name and its points. style: a CSS class of the page."""

    name: str
    points: Sequence[tuple[float, float]]
    style: str


class Rule(msgspec.Struct, frozen=True):
    """A horizontal reference line, for a limit."""

    name: str
    at: float


class Axis(msgspec.Struct, frozen=True):
    """One axis: which positions have a label, and where a value lies (0 to 1)."""

    ticks: Sequence[tuple[float, str]]
    place: Callable[[float], float]


def linear(low: float, high: float, written: Callable[[float], str], most: int = 6) -> Axis:
    """An even axis whose ticks are round numbers."""
    high = high if high > low else low + 1
    step = 10 ** floor(log10((high - low) / most))
    step = next(step * factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= most)
    first = ceil(low / step - 1e-9)
    ticks = [(number * step, written(number * step)) for number in range(first, floor(high / step + 1e-9) + 1)]
    return Axis(ticks, lambda value: (value - low) / (high - low))


def logarithmic(low: float, high: float, written: Callable[[float], str]) -> Axis:
    """Decades, and within them where they are few enough for their labels. What is below `low` lies at the bottom."""
    low, high = max(low, 1e-6), max(high, low * 2, 2e-6)
    begin, end = log10(low), log10(high)
    ticks = []
    factors = (1, 2, 5) if end - begin <= MAX_HALF_DECADES else (1,)
    for decade in range(floor(begin), ceil(end) + 1):
        for factor in factors:
            value = factor * 10**decade
            if low * 0.999 <= value <= high * 1.001:
                ticks.append((value, written(value)))
    return Axis(ticks, lambda value: (log10(max(value, low)) - begin) / (end - begin))


def chart(lines: Sequence[Line], x: Axis, y: Axis, *, rules: Sequence[Rule] = (), x_name: str = "", label: str) -> str:
    """A line chart. label: the text for screen readers."""
    inner, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(value: float) -> float:
        return LEFT + inner * min(1.0, max(0.0, x.place(value)))

    def down(value: float) -> float:
        return TOP + tall * (1 - min(1.0, max(0.0, y.place(value))))

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label, quote=True)}">']
    for value, text in y.ticks:
        parts.append(f'<path class="grid" d="M{LEFT} {down(value):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{down(value) + 4:.1f}" class="y">{escape(text)}</text>')
    for value, text in x.ticks:
        parts.append(f'<text x="{across(value):.1f}" y="{HEIGHT - BOTTOM + 15}" class="x">{escape(text)}</text>')
    if x_name:
        parts.append(f'<text x="{LEFT + inner / 2:.1f}" y="{HEIGHT - 3}" class="x">{escape(x_name)}</text>')
    for rule in rules:
        parts.append(f'<path class="rule" d="M{LEFT} {down(rule.at):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT + 6}" y="{down(rule.at) - 4:.1f}">{escape(rule.name)}</text>')
    for line in lines:
        path = "L".join(f"{across(a):.1f} {down(b):.1f}" for a, b in line.points)
        parts.append(f'<path class="line {line.style}" d="M{path}"><title>{escape(line.name)}</title></path>')
    return "".join([*parts, "</svg>"])


def bars(rows: Sequence[tuple[str, float, float, float]], written: Callable[[float], str], label: str) -> str:
    """Horizontal bars from zero, each below its name and with the interval that it lies in: name, value, low, high."""
    tall = 38 * len(rows) + 8
    most = max((max(abs(value), abs(low), abs(high)) for _, value, low, high in rows), default=1.0) or 1.0
    middle, half = 240, 230
    parts = [f'<svg viewBox="0 0 {WIDTH} {tall}" role="img" aria-label="{escape(label, quote=True)}">']
    for number, (name, value, low, high) in enumerate(rows):
        y = 38 * number + 18
        left, right = sorted((middle, middle + half * value / most))
        begin, end = (middle + half * max(-most, min(most, one)) / most for one in (low, high))
        style = "good" if value >= 0 else "bad"
        parts.append(f'<text x="4" y="{y - 4}">{escape(name)}</text>')
        parts.append(f'<rect class="{style}" x="{left:.1f}" y="{y}" width="{max(0.5, right - left):.1f}" height="16"/>')
        parts.append(f'<path class="whisker" d="M{begin:.1f} {y + 8}H{end:.1f}"/>')
        parts.append(f'<text x="{WIDTH - 4}" y="{y + 13}" class="end">{escape(written(value))}</text>')
        parts.append(f'<path class="grid" d="M{middle} {y - 1}V{y + 17}"/>')
    return "".join([*parts, "</svg>"])
