"""Prints several systems side by side: the answer, a table of verdicts, a table of differences, what gives way first, what is dominated."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

import click
from rich.text import Text

from headworks.cli.tables import Output
from headworks.cli.views.plan import COLOURS
from headworks.twin.report.comparison import ANSWERED, COST, Column, Comparison, Difference, Row, signed
from headworks.twin.verdicts.verdict import Verdict, format_value

MOST_PAIRS: Final = 3
"""Columns of differences: of three files all pairs; of more, each against the first. `--json` has all."""


def show(found: Comparison) -> None:
    """Prints a whole comparison."""
    output = Output()
    show_traffic(found)
    for line in found.said:
        click.echo(line)
    click.echo()
    show_values(found, output)
    show_differences(found, output)
    output.title("What gives way first")
    output.pairs(gives_way(found.columns))
    show_dominated(found, output)
    click.echo()
    first = found.columns[0].effort
    click.echo(
        f"seed {first.seed}, {found.simulated} calls simulated in total; headworks {found.headworks}; assumptions and remedies of one "
        "system: `headworks plan FILE`"
    )


def show_traffic(found: Comparison) -> None:
    first = found.columns[0]
    if not found.traffic:
        click.echo(f"the same traffic for all: {first.traffic}")
        click.echo()
        return
    click.echo("The traffic differs, so this comparison is not fair: give all files the same `requirements.traffic`.")
    click.echo(f"  {first.file}: {first.traffic}")
    for file, lines in found.traffic.items():
        for line in lines:
            click.echo(f"  {file}: {line}")
    click.echo()


def show_values(found: Comparison, output: Output) -> None:
    table = output.table("objective", "requirement", *(one.file for one in found.columns))
    for row in found.rows:
        if row.ids:
            cells = [value_cell(one.verdict_on(row.ids.get(one.file))) for one in found.columns]
            table.add_row(row.name, requirement(row, found.columns), *cells)
    table.add_row(COST, "", *(month(one) for one in found.columns))
    shares = ["-" if one.answered is None else format_value("availability", one.answered) for one in found.columns]
    table.add_row(f"{ANSWERED}, all providers up", "", *shares)
    table.add_row(
        "all promises",
        "",
        *(
            Text(one.said, style=COLOURS["cannot say" if one.said != one.verdict else one.verdict])
            for one in found.columns
        ),
    )
    output.print(table)


def requirement(row: Row, columns: Sequence[Column]) -> str:
    """What is asked; of each file where they ask for different things, or by another id."""
    asked = {}
    for one in columns:
        if (verdict := one.verdict_on(row.ids.get(one.file))) is not None:
            alias = "" if verdict.alias is None else f" of {verdict.alias}"
            other = "" if verdict.id == row.name else f" ({verdict.id})"
            asked[one.file] = f"{verdict.objective}{alias}{other}"
    if len(set(asked.values())) == 1:
        return next(iter(asked.values()))
    return "; ".join(f"{file}: {said}" for file, said in asked.items())


def value_cell(one: Verdict | None) -> Text:
    if one is None:
        return Text("not asked", style="dim")
    style = COLOURS["cannot say" if one.said != one.verdict else one.verdict]
    if one.value is None:
        return Text(one.said, style=style)
    return Text(f"{format_value(one.metric, one.value)} {one.said}", style=style)


def month(one: Column) -> str:
    if one.month is None:
        return "a price is unknown"
    value, low, high = (
        None if end is None else format_value("cost", end) for end in (one.month.value, one.month.low, one.month.high)
    )
    return f"{value} ({low or '?'} .. {high or '?'})"


def show_differences(found: Comparison, output: Output) -> None:
    files = [one.file for one in found.columns]
    pairs = list(combinations(files, 2))
    if len(pairs) > MOST_PAIRS:
        pairs = [pair for pair in pairs if pair[0] == files[0]]
    rows = [row for row in found.rows if row.differences]
    output.title(
        "Differences, with 95% intervals (of windows: nine in ten); `=` none, `~` not measurable, `*` not over the same calls"
    )
    table = output.table("", *(f"{after} - {before}" for before, after in pairs))
    for row in rows:
        table.add_row(row.name, *(difference_cell(row, row.between(*pair)) for pair in pairs))
    output.print(table)


def difference_cell(row: Row, one: Difference | None) -> str:
    if one is None:
        return "-"
    if one.low == one.high == 0:
        return "="
    low, high = ("?" if end is None else signed(row.metric, end) for end in (one.low, one.high))
    mark = "~ " if one.better is None else ""
    return f"{mark}{signed(row.metric, one.value)} ({low} .. {high}){'*' if one.how == 'not paired' else ''}"


def gives_way(columns: Sequence[Column]) -> list[tuple[str, str]]:
    """What is reached first in each system; a growing queue before it."""
    found = []
    for one in columns:
        lines = [*(overload.said for overload in one.overloads), one.binding.said]
        found += [(one.file if at == 0 else "", line) for at, line in enumerate(lines)]
    return found


def show_dominated(found: Comparison, output: Output) -> None:
    output.title("Dominated")
    if found.traffic:
        click.echo("  not said, because the traffic differs")
        return
    if not found.dominated:
        click.echo("  none: each is better than every other at something, or it cannot be said")
    for one in found.dominated:
        open_ones = f"; no difference is measurable at {', '.join(one.unclear)}" if one.unclear else ""
        click.echo(
            f"  {one.file} by {one.by}: that is better at {', '.join(one.better)}, and at nothing worse{open_ones}"
        )
