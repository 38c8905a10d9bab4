"""The frontier of a search as one page: what each system is, why its neighbours lose, and the patch that makes it.

Always true: as of a plan's page: the same frontier gives the same bytes; no script, nothing loaded; every text that came from a file
is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from headworks.charts.charts import Axis, Bound, Dot, dot_chart, log_axis
from headworks.charts.style import Colour
from headworks.twin.report.comparison import signed
from headworks.twin.report.frontier import AS_IT_IS, Frontier, Move, Other, Point
from headworks.twin.report.html import figures, items, page, table
from headworks.twin.report.plots import COLOURS, short_value
from headworks.twin.report.summary import dollars
from headworks.twin.verdicts.verdict import Verdict, format_value


def frontier_page(found: Frontier) -> str:
    """The whole page."""
    return page(f"Systems for {found.system}", "\n".join(_parts(found)))


def _parts(found: Frontier) -> Iterator[str]:
    yield f"<h1>Systems for {escape(found.system)}</h1>"
    yield f'<p class="soft">{escape(found.traffic)}</p>'
    for line in found.said:
        yield f'<p class="verdict">{escape(line)}</p>'
    yield "<h2>The systems worth having</h2>" + _points_table(found)
    if plots := list(_plots(found)):
        yield figures(plots)
    for point in found.points:
        yield from _point(point)
    if found.beaten:
        lines = [
            f"{'; '.join(one.changes) or AS_IT_IS}: #{one.by} is better at {', '.join(one.better)}, and at nothing worse"
            for one in found.beaten
        ]
        yield "<h2>Confirmed too, and beaten</h2>" + items(lines)
    if found.left_out:
        rows = [(str(one.systems), one.why, one.remedy) for one in found.left_out]
        yield "<h2>Left out</h2>" + table(("systems", "why", "remedy"), rows)
    yield "<h2>What was assumed</h2>" + table(
        ("about", "assumption", "to replace it"), [(one.about, one.assumed, one.instead) for one in found.assumptions]
    )
    counts = found.counts
    prices = "; ".join(f"{name} {of}" for name, of in found.prices.items())
    said = (
        f"{counts.looked_at} of {counts.space} systems looked at, {counts.simulated} simulated, {counts.confirmed} confirmed on fresh seeds; "
        f"seed {found.seed}; headworks {found.headworks}, digest {found.digest}; prices: {prices}"
    )
    yield f'<p class="soft">{escape(said)}</p>'


def _points_table(found: Frontier) -> str:
    rows = [
        (
            f"#{one.number}",
            one.words,
            _month(one),
            value_words(one.first_token),
            value_words(one.availability),
            "-" if one.quality is None else value_words(one.quality),
            one.said if not one.missed else f"{one.said}: {', '.join(verdict.id for verdict in one.missed)}",
        )
        for one in found.points
    ]
    return table(
        ("", "what changes in the file", "cost a month", "first token p95", "available", "quality", "all promises"),
        rows,
    )


def _month(one: Point) -> str:
    if one.month is None:
        return "unknown"
    ends = ["?" if end is None else dollars(end) for end in (one.month.low, one.month.high)]
    beside = f", {dollars(one.beside_calls)} of it beside the calls" if one.beside_calls else ""
    return f"{dollars(one.month.value)} ({ends[0]} .. {ends[1]}){beside}"


def value_words(one: Verdict) -> str:
    """A number with its interval."""
    if one.value is None:
        return "not judged" if one.verdict == "not judged" else "unknown"
    low, high = ("?" if end is None else format_value(one.metric, end) for end in (one.low, one.high))
    return f"{format_value(one.metric, one.value)} ({low} .. {high})"


def _plots(found: Frontier) -> Iterator[tuple[str, str]]:
    """Cost against each of the other axes."""
    priced = [one for one in found.points if one.month is not None]
    axes: dict[str, list[Verdict | None]] = {
        "first token p95": [one.first_token for one in priced],
        "availability": [one.availability for one in priced],
        "quality": [one.quality for one in priced],
    }
    for name, verdicts in axes.items():
        known = [(one, of) for one, of in zip(priced, verdicts, strict=True) if of is not None and of.value is not None]
        if len(known) > 1:
            yield f"cost a month and {name}", _plot([one for one, _ in known], [of for _, of in known], name)


def _plot(points: list[Point], verdicts: list[Verdict], name: str) -> str:
    metric = verdicts[0].metric
    dots = []
    for point, verdict in zip(points, verdicts, strict=True):
        month, value = point.month, verdict.value
        assert month is not None
        assert value is not None
        x_ends = (
            month.low if month.low is not None else month.value,
            month.high if month.high is not None else month.value,
        )
        y_ends = (
            verdict.low if verdict.low is not None else value,
            verdict.high if verdict.high is not None else value,
        )
        colour: Colour = COLOURS.get(point.verdict, "a")
        dots.append(Dot(name=f"#{point.number}", x=month.value, y=value, x_ends=x_ends, y_ends=y_ends, colour=colour))
    is_promised = " " not in verdicts[0].id
    bounds = (
        [Bound(name=f"bound {format_value(metric, verdicts[0].limit)}", at=verdicts[0].limit)] if is_promised else []
    )
    x = _axis([end for dot in dots for end in (dot.x, *dot.x_ends)], "cost a month", "cost")
    heights = [*(end for dot in dots for end in (dot.y, *dot.y_ends)), *(bound.at for bound in bounds)]
    if metric == "time_to_first_token":
        y = log_axis(heights, lambda value: short_value(metric, value), name)
    else:
        y = _axis(heights, name, metric)
    said = ", ".join(f"{dot.name} {dollars(dot.x)} {format_value(metric, dot.y)}" for dot in dots)
    return dot_chart(dots, x, y, label=f"{name} by cost a month: {said}", bounds=bounds)


def _axis(values: list[float], name: str, metric: str) -> Axis:
    low, high = min(values), max(values)
    room = (high - low) * 0.12 or abs(high) * 0.05 or 0.01
    top = high + room if metric == "cost" else min(1.0, high + room)
    return Axis(
        low=max(0.0, low - room), high=max(top, low + 1e-9), written=lambda value: _written(metric, value), name=name
    )


def _written(metric: str, value: float) -> str:
    return dollars(value) if metric == "cost" else short_value(metric, value)


def _point(one: Point) -> Iterator[str]:
    """What a point is, what it promises, why its neighbours lose, and its patch."""
    yield f"<h2>#{one.number}: {escape(one.words)}</h2>"
    rows = [
        (verdict.id, verdict.objective, verdict.said, value_words(verdict), verdict.why) for verdict in one.verdicts
    ]
    yield table(("objective", "requirement", "verdict", "predicted", "why"), rows)
    yield items(one.gives_way)
    if one.neighbours:
        yield "<h3>Why its neighbours lose</h3>" + table(
            ("system", "promises it does not surely keep", "loses at", "wins at", "not measurable at"),
            [_neighbour(other) for other in one.neighbours],
        )
    patch = escape(one.patch) if one.patch else "The file as it is."
    yield f"<h3>The patch</h3><pre>{patch}</pre>"


def _neighbour(one: Other) -> tuple[str, ...]:
    unclear = ", ".join(move.axis for move in one.moves if move.is_worse is None)
    return (f"#{one.number}", ", ".join(one.misses), _moves(one.loses), _moves(one.wins), unclear)


def _moves(moves: list[Move]) -> str:
    return "; ".join(f"{one.axis} by {difference_words(one)}" for one in moves)


def difference_words(one: Move) -> str:
    """A difference with its interval, in the unit of its metric: of shares in points of a hundred."""
    low, high = ("?" if end is None else signed(one.metric, end) for end in (one.low, one.high))
    return f"{signed(one.metric, one.value)} ({low} .. {high})"
