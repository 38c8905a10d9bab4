"""The plots of a plan's page: each objective with its bound, the use of each limit, the effect of each setting.

Always true: every number in a plot is one of the report's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headworks.charts.charts import Axis, Bound, IntervalRow, Line, interval_chart, line_chart, log_axis
from headworks.charts.style import Colour
from headworks.core.figures import written_figure
from headworks.twin.report.report import PERCENTS, Distribution, Report, is_measurable
from headworks.twin.simulation.utilization import STEPS, Utilization
from headworks.twin.verdicts.verdict import Verdict, format_value

MAX_LIMITS: Final = 12
"""Limits that are drawn, the fullest first."""

MAX_EFFECTS: Final = 8
"""Settings in the plot of one objective, those that move it most first; the table of settings has all."""

COLOURS: Final[dict[str, Colour]] = {"holds": "good", "does not hold": "bad", "cannot say": "unsure"}

Figures = Iterator[tuple[str, str]]
"""A title and a plot each."""


def objective_figures(report: Report) -> Figures:
    """Each objective's distribution, or the interval that its value lies in, with its bound."""
    spread = {one.objective: one for one in report.distributions}
    for verdict in report.verdicts:
        if verdict.value is None:
            continue
        title = f"{verdict.id}: {verdict.objective}"
        if (one := spread.get(verdict.id)) is not None and len(set(one.values)) > 1:
            yield title, distribution_plot(report, verdict, one)
        else:
            yield title, value_plot(verdict)


def distribution_plot(report: Report, verdict: Verdict, one: Distribution) -> str:
    """Which share of the calls, or of the windows, has at most which value."""
    measured = [
        known.measured
        for known in report.latencies
        if known.measured is not None and known.metric == verdict.metric and verdict.alias in (None, known.alias)
    ]
    lines = [Line(name="predicted", points=cumulative(one.values))]
    if len(measured) == 1:
        lines.append(Line(name="measured", points=cumulative(measured[0]), colour="b", is_dashed=True))
    values = [value for line in lines for value, _ in line.points]

    def written(value: float) -> str:
        return short_value(verdict.metric, value)

    if one.over == "calls":
        x = log_axis([*values, verdict.limit], written, f"{verdict.metric}, share of the calls that have at most this")
    else:
        low, high = min(*values, verdict.limit), max(*values, verdict.limit)
        room = (high - low) * 0.05 or 1e-6
        x = Axis(
            low=low - room,
            high=min(1.0, high + room),
            written=written,
            name="share of the windows that have at most this",
        )
    y = Axis(low=0.0, high=1.0, written=lambda share: f"{share:.0%}")
    bounds = [Bound(name=f"bound {format_value(verdict.metric, verdict.limit)}", at=verdict.limit, along="x")]
    percentile = verdict.objective.partition(" of ")[0]
    if one.over == "calls" and percentile.startswith("p") and percentile[1:].replace(".", "", 1).isdigit():
        bounds.append(Bound(name=percentile, at=float(percentile[1:]) / 100))
    said = ", ".join(
        f"p{percent:g} {format_value(verdict.metric, value)}"
        for percent, value in zip(PERCENTS, one.values, strict=True)
        if percent in (5, 50, 95, 99)
    )
    return line_chart(lines, x, y, label=f"{verdict.id} over {one.over}: {said}", bounds=bounds)


def cumulative(values: list[float]) -> list[tuple[float, float]]:
    """Points of a cumulative distribution."""
    return [(value, percent / 100) for percent, value in zip(PERCENTS, values, strict=True)]


def value_plot(verdict: Verdict) -> str:
    """A value in its interval, and the bound."""
    assert verdict.value is not None
    low = verdict.value if verdict.low is None else verdict.low
    high = verdict.value if verdict.high is None else verdict.high
    least, most = min(low, verdict.limit), max(high, verdict.limit)
    room = (most - least) * 0.15 or abs(most) * 0.05 or 0.01
    begin = max(0.0, least - room)
    end = min(1.0, most + room) if verdict.metric in ("availability", "quality") else most + room
    x = Axis(low=begin, high=max(end, begin + 1e-9), written=lambda value: short_value(verdict.metric, value))
    said = f"{format_value(verdict.metric, low)} .. {format_value(verdict.metric, high)}"
    row = IntervalRow(
        name=f"predicted {format_value(verdict.metric, verdict.value)}",
        value=verdict.value,
        low=low,
        high=high,
        said=said,
        colour=COLOURS.get(verdict.verdict, "a"),
    )
    bound = Bound(name=f"bound {format_value(verdict.metric, verdict.limit)}", at=verdict.limit, along="x")
    return interval_chart([row], x, label=f"{verdict.id}: {row.name}, {said}, {bound.name}", bounds=[bound])


def short_value(metric: str, value: float) -> str:
    """A value as a tick says it."""
    match metric:
        case "time_to_first_token" | "duration":
            return f"{written_figure(value * 1000, 6)} ms" if value < 1 else f"{written_figure(value, 6)} s"
        case "availability" | "quality":
            return f"{value * 100:.6g}%"
        case "goodput":
            return f"{written_figure(value, 6)} rps"
    return format_value(metric, value)


def limit_figures(report: Report) -> Figures:
    """The use of each limit: over the hours of a day by formulas or, of a trace, over its time in the first run."""
    hourly = {one.name: one.hours for one in report.days}
    for one in sorted(report.uses, key=lambda one: -one.at_peak)[:MAX_LIMITS]:
        title = f"{one.name}: {one.at_peak:.0%} at peak"
        hours = hourly.get(one.name)
        yield title, (run_plot(one, title) if hours is None else day_plot(one, hours, title))


def day_plot(one: Utilization, hours: list[float], title: str) -> str:
    """What calls ask of a limit in each hour, by the limit."""
    points = [(float(hour), share) for hour, share in enumerate([*hours, hours[-1]])]
    x = Axis(
        low=0.0,
        high=24.0,
        written=lambda hour: f"{hour:g}:00",
        name="hour of the day (mean of each, by formulas)",
        ticks=(0, 6, 12, 18, 24),
    )
    line = Line(name=one.name, points=points, is_step=True)
    label = f"{title}; asked of it in the busiest hour {max(hours):.0%}, on average {sum(hours) / len(hours):.0%}"
    return line_chart(
        [line], x, share_axis(max(*hours, one.at_peak)), label=label, bounds=[Bound(name="limit", at=1.0)]
    )


def run_plot(one: Utilization, title: str) -> str:
    """The use of a limit over the first run."""
    points = [(float(step), share) for step, share in enumerate(one.course)]
    x = Axis(
        low=0.0,
        high=float(STEPS - 1),
        written=lambda step: "start" if step == 0 else "end",
        name="one window of the budget" if one.name.startswith("budget of ") else "time, first run",
        ticks=(0, STEPS - 1),
    )
    label = f"{title}, {one.mean:.0%} on average, {one.refused:.2%} of the calls that asked rejected"
    bounds = [Bound(name="limit", at=1.0)]
    return line_chart([Line(name=one.name, points=points)], x, share_axis(one.at_peak), label=label, bounds=bounds)


def share_axis(most: float) -> Axis:
    """From nothing to the limit, or to the most if that is more."""
    return Axis(low=0.0, high=max(1.0, most) * 1.12, written=lambda share: f"{share:.0%}")


def effect_figures(report: Report) -> Figures:
    """For each objective the settings that move it most."""
    for verdict in report.verdicts:
        found = [
            (f"{change.knob}: {change.said}", effect)
            for change in report.sensitivities
            for effect in change.effects
            if effect.objective == verdict.id and is_measurable(effect)
        ]
        found.sort(key=lambda pair: -abs(pair[1].change))
        if not found:
            continue
        rows = [
            IntervalRow(
                name=name,
                value=effect.change,
                low=effect.low,
                high=effect.high,
                said=f"{effect.change * 100:+.1f}%",
                colour="good" if effect.change > 0 else "bad",
            )
            for name, effect in found[:MAX_EFFECTS]
        ]
        most = max(max(abs(row.low), abs(row.high)) for row in rows)
        x = Axis(
            low=-most,
            high=most,
            written=lambda share: f"{share * 100:+.4g}%",
            name="in % of the limit; right is better",
        )
        title = f"effect on {verdict.id}"
        label = f"{title}, in % of its limit: {'; '.join(f'{row.name} {row.said}' for row in rows)}"
        yield title, interval_chart(rows, x, label=label, bounds=[Bound(name="no effect", at=0.0, along="x")])
