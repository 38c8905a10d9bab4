"""The report as one self-contained HTML page: no script, no font, no image and no outside address.

Always true: the same report gives the same bytes; every text that came from a file is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from headworks.twin.report.report import PERCENTS, Percentiles, Report, effort_words, verdict_words
from headworks.twin.report.svg import Axis, Line, Rule, bars, chart, linear, logarithmic
from headworks.twin.simulation.utilization import STEPS
from headworks.twin.verdicts.verdict import Verdict, format_value

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c1d20; --output: #fdfdfc; --soft: #6a6d75; --line: #dcdcd8; --a: #1f5fbf; --b: #c2571a; --good: #2d7d46; --bad: #b3261e; --unsure: #8a6100 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e3; --output: #17181a; --soft: #9a9da5; --line: #33353a; --a: #7fb0ff; --b: #f0a36b; --good: #7bc894; --bad: #f28b82; --unsure: #e0b64f } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--output); max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin-top: 2.2rem } h3 { font-size: 1rem; margin: 0 }
p.soft, td.soft, figcaption { color: var(--soft) }
table { border-collapse: collapse; width: 100% } th { text-align: left; font-weight: 600; color: var(--soft) }
th, td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
.holds { color: var(--good) } .does { color: var(--bad) } .cannot { color: var(--unsure) } .not { color: var(--soft) }
.verdict { font-weight: 600 } .verdict, .whole { white-space: nowrap } .binding { font-size: 1.05rem }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem } figure { margin: 0 }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif } svg text { fill: var(--soft) }
svg .y, svg .end { text-anchor: end } svg .x { text-anchor: middle }
.grid { stroke: var(--line); fill: none } .rule { stroke: var(--bad); stroke-dasharray: 5 4; fill: none }
.line { fill: none; stroke-width: 2 } .a { stroke: var(--a) } .b { stroke: var(--b); stroke-dasharray: 3 3 }
rect.good { fill: var(--good) } rect.bad { fill: var(--bad) } .whisker { stroke: var(--ink); fill: none }
""".strip()

MAX_UTILIZATION_FIGURES: Final = 12

MAX_LATENCY_RATIO: Final = 1000.0
"""The highest latency divided by the lowest that a plot shows: cached answers, which take no time, lie on its floor."""


def html_report(report: Report) -> str:
    """The whole page."""
    body = "\n".join(_parts(report))
    title = escape(f"Plan of {report.system}")
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style></head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _parts(report: Report) -> Iterator[str]:
    yield f"<h1>Plan of {escape(report.system)}: {escape(verdict_words(report))}</h1>"
    yield f'<p class="soft">{escape(report.traffic)}</p>'
    for overload in report.overloads:
        yield f'<p class="binding">{escape(overload.said)}</p>'
    yield "<h2>Objectives</h2>" + _verdict_table(report.verdicts)
    if report.constraints:
        rows = [(one.constraint, one.target, one.verdict, one.why) for one in report.constraints]
        yield "<h2>Constraints</h2>" + _table(("constraint", "target", "verdict", "why"), rows)
    if report.rests_on:
        rests = [(one.objective, one.target, one.origin, one.said) for one in report.rests_on]
        yield "<h2>Verdicts that depend on speeds that are not in the file</h2>" + _table(
            ("objective", "target", "its speed is", "by"), rests
        )
    yield f'<h2>Bottleneck</h2><p class="binding">{escape(report.binding.said)}</p>'
    if report.remedies:
        yield "<h2>Cheapest single change that meets each missed objective</h2>" + _remedy_table(report)
    if report.latencies:
        yield "<h2>Latency</h2>" + _figures(_latency_figures(report))
    if report.uses:
        yield "<h2>Utilization of each limit</h2>" + _figures(_utilization_figures(report))
    yield "<h2>Effect of each setting</h2>" + _figures(_sensitivity_figures(report))
    yield "<h2>Assumptions</h2>" + _table(
        ("about", "assumption", "to replace it"), [(one.about, one.assumed, one.instead) for one in report.assumptions]
    )
    prices = "; ".join(f"{name} {of}" for name, of in report.prices.items())
    yield f'<p class="soft">{escape(effort_words(report))}; prices: {escape(prices)}</p>'


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _verdict_table(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for one in verdicts:
        value = "-" if one.value is None else format_value(one.metric, one.value)
        low = "?" if one.low is None else format_value(one.metric, one.low)
        high = "?" if one.high is None else format_value(one.metric, one.high)
        between = "" if one.value is None else f"{low} .. {high}"
        style = "cannot" if one.said != one.verdict else one.verdict.split(" ")[0]
        rows.append(
            f'<tr><td class="whole">{escape(one.id)}</td><td>{escape(one.alias or "all")}</td><td>{escape(one.objective)}</td>'
            f'<td class="verdict {style}">{escape(one.said)}</td><td class="whole">{value}</td><td class="whole">{between}</td>'
            f'<td class="soft">{escape(one.why)}</td></tr>'
        )
    head = "".join(
        f"<th>{title}</th>" for title in ("objective", "alias", "requirement", "verdict", "predicted", "range", "why")
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _remedy_table(report: Report) -> str:
    metrics = {one.id: one.metric for one in report.verdicts}
    rows = [
        (
            one.objective,
            f"{one.knob}: {one.said}" + ("" if one.is_enough else " (not enough alone, but the closest)"),
            format_value(metrics[one.objective], one.value),
            "unknown" if one.cost_after is None else format_value("cost_per_call", one.cost_after),
            ", ".join(one.breaks),
        )
        for one in report.remedies
    ]
    return _table(("objective", "change", "predicted then", "cost per call", "objectives it breaks"), rows)


def _figures(figures: Iterator[tuple[str, str]]) -> str:
    made = [f"<figure><h3>{escape(title)}</h3>{plot}</figure>" for title, plot in figures]
    return f'<div class="plots">{"".join(made)}</div>' if made else "<p>No measurable effect.</p>"


def _seconds(value: float) -> str:
    return f"{value * 1000:g} ms" if value < 1 else f"{value:g} s"


def _latency_figures(report: Report) -> Iterator[tuple[str, str]]:
    for one in report.latencies:
        known = [*one.predicted, *(one.measured or ())]
        bounds = [
            verdict
            for verdict in report.verdicts
            if verdict.metric == one.metric and verdict.alias in (None, one.alias)
        ]
        known += [bound.limit for bound in bounds]
        x = Axis([(float(percent), f"{percent:g}") for percent in (1, 50, 80, 90, 95, 99, 99.9)], _percentile_position)
        y = logarithmic(max(min(known), max(known) / MAX_LATENCY_RATIO), max(known), _seconds)
        lines = [Line("predicted", list(zip(PERCENTS, one.predicted, strict=True)), "a")]
        legend = "predicted"
        if one.measured is not None:
            lines.append(Line("measured", list(zip(PERCENTS, one.measured, strict=True)), "b"))
            legend = "predicted (line), measured (dots)"
        rules = [Rule(f"{bound.id}: {_seconds(bound.limit)}", bound.limit) for bound in bounds]
        title = f"{one.metric} of {one.alias}"
        yield f"{title}, {legend}", chart(lines, x, y, rules=rules, x_name="percentile", label=_alt_text(title, one))


def _percentile_position(percent: float) -> float:
    """The position of a percentile on the x axis: evenly spaced, so that the tail is readable."""
    return PERCENTS.index(percent) / (len(PERCENTS) - 1) if percent in PERCENTS else 0.0


def _alt_text(title: str, one: Percentiles) -> str:
    return f"{title}: " + ", ".join(
        f"p{percent:g} {_seconds(float(f'{value:.3g}'))}"
        for percent, value in zip(PERCENTS, one.predicted, strict=True)
        if percent in (50, 95, 99)
    )


def _utilization_figures(report: Report) -> Iterator[tuple[str, str]]:
    shown = sorted(report.uses, key=lambda one: -one.at_peak)[:MAX_UTILIZATION_FIGURES]
    for one in shown:
        points = [(float(step), value) for step, value in enumerate(one.course)]
        y = linear(0.0, max(1.0, one.at_peak), lambda value: f"{value:.0%}")
        x = Axis([(0.0, "start"), (float(STEPS - 1), "end")], lambda value: value / (STEPS - 1))
        title = f"{one.name}: {one.at_peak:.0%} at peak"
        label = f"{title}, {one.mean:.0%} on average, {one.refused:.2%} of the calls that asked rejected"
        yield (
            title,
            chart(
                [Line(one.name, points, "a")],
                x,
                y,
                rules=[Rule("limit", 1.0)],
                x_name="time, first run",
                label=label,
            ),
        )


def _sensitivity_figures(report: Report) -> Iterator[tuple[str, str]]:
    for verdict in report.verdicts:
        rows = []
        for change in report.sensitivities:
            for effect in change.effects:
                is_seen = abs(effect.change) >= 0.005 and (effect.low > 0 or effect.high < 0)
                if effect.objective == verdict.id and is_seen:
                    rows.append((f"{change.knob}: {change.said}"[:88], effect.change, effect.low, effect.high))
        rows.sort(key=lambda row: -abs(row[1]))
        if rows:
            title = f"effect on {verdict.id}, in % of its limit"
            yield title, bars(rows[:8], lambda value: f"{value * 100:+.1f}", title)
