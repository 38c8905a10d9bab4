"""The report of an evaluation as one HTML page: numbers, plots, and items that can be searched.

Always true: texts of a model or of a sample are escaped wherever they stand; the page loads nothing from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

import jinja2
import msgspec

from headworks.charts.charts import Axis, Bound, IntervalRow, interval_chart
from headworks.charts.style import PAGE_STYLE, Colour
from headworks.evals.report import (
    Report,
    detectable,
    dollars,
    p_value,
    pass_rate,
    percent,
    results_of,
    with_interval,
    write_parts,
)
from headworks.evals.results import Result
from headworks.evals.statistics.compare import Changed, Comparison, why_of
from headworks.evals.statistics.summary import Summary

MAX_ROWS: Final = 5000
"""Items that the page lists: a browser filters this many without a pause. Failures come first."""

MAX_PLOTTED: Final = 40
"""Rows of a plot; the tables have all."""

MAX_SHOWN_CHARACTERS: Final = 1200
"""Characters of an input and an answer on the page."""


def share_plot(said: Summary) -> str:
    """The share that passes under each condition, and of each group; "" where none has an interval."""
    named = [(row.condition, row.share) for row in said.rows]
    named += [(f"{group.kind} {group.name}, plain only", group.share) for group in said.groups]
    rows = [
        IntervalRow(name=name, value=share.value, low=share.low, high=share.high, said=with_interval(share))
        for name, share in named
        if share is not None and not share.cannot_say
    ]
    if not rows:
        return ""
    axis = Axis(low=0.0, high=1.0, written=lambda share: f"{share:.0%}", name="share that passes")
    label = f"share that passes: {'; '.join(f'{row.name} {row.said}' for row in rows[:MAX_PLOTTED])}"
    return interval_chart(rows[:MAX_PLOTTED], axis, label=label)


def difference_plot(compared: Comparison) -> str:
    """Ours minus theirs under each condition, in points; "" where no difference has an interval."""
    rows = []
    for row in compared.rows:
        found = row.paired.difference
        if found.cannot_say:
            continue
        colour: Colour = "good" if found.low > 0 else "bad" if found.high < 0 else "a"
        said = with_interval(found, points=True)
        rows.append(
            IntervalRow(name=row.condition, value=found.value, low=found.low, high=found.high, said=said, colour=colour)
        )
    if not rows:
        return ""
    most = max(max(abs(row.low), abs(row.high)) for row in rows) or 0.01
    axis = Axis(low=-most, high=most, written=lambda share: f"{100 * share:+.3g}", name="ours minus theirs, in points")
    label = f"ours minus theirs, in points: {'; '.join(f'{row.name} {row.said}' for row in rows[:MAX_PLOTTED])}"
    return interval_chart(rows[:MAX_PLOTTED], axis, label=label, bounds=[Bound(name="equal", at=0.0, along="x")])


def write_html(path: Path, reports: list[Report]) -> None:
    """One page: numbers, and items that can be searched and filtered by outcome and condition."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"ranged": with_interval, "passing": pass_rate, "percent": percent, "dollars": dollars}
    environment.filters |= {"detectable": detectable, "p_value": p_value}
    template = environment.from_string(files("headworks.evals").joinpath("report.html").read_text(encoding="utf-8"))
    shown = [
        {
            "said": one.summary,
            "gates": one.gates,
            "compared": one.comparison,
            "items": list(_items(one)),
            "shares": share_plot(one.summary),
            "differences": "" if one.comparison is None else difference_plot(one.comparison),
        }
        for one in reports
    ]
    write_parts(path, template.generate(reports=shown, most=MAX_ROWS, style=PAGE_STYLE))


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An item as the page lists it. change: how it ended in the other run, or ""."""

    sample: str
    condition: str
    outcome: str
    change: str
    asked: str
    answer: str
    theirs: str
    why: str


def _items(one: Report) -> Iterator[Item]:
    """Items that got worse, then those that did not pass, then the rest, up to `MAX_ROWS`."""
    changed = {(item.sample, item.condition, item.repeat): item for item in one.changed(MAX_ROWS)}
    left = MAX_ROWS
    for is_wanted in (_is_worse, _is_wrong, _is_right):
        for result in results_of(one.ours):
            change = changed.get((result.sample, result.condition, result.repeat))
            if left and is_wanted(result, change):
                left -= 1
                yield Item(
                    sample=result.sample,
                    condition=result.condition,
                    outcome=result.outcome,
                    change=change.change if change else "",
                    asked=result.asked[:MAX_SHOWN_CHARACTERS],
                    answer=result.answer[:MAX_SHOWN_CHARACTERS],
                    theirs=change.theirs[:MAX_SHOWN_CHARACTERS] if change else "",
                    why=why_of(result) if result.outcome != "pass" else "",
                )


def _is_worse(result: Result, change: Changed | None) -> bool:
    return change is not None and change.change == "worse"


def _is_wrong(result: Result, change: Changed | None) -> bool:
    return result.outcome != "pass" and not _is_worse(result, change)


def _is_right(result: Result, change: Changed | None) -> bool:
    return result.outcome == "pass" and not _is_worse(result, change)
