"""Prints the frontier of a search: the answer, the table of systems, why their neighbours lose, and what was left out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from rich.text import Text

from headworks.cli.tables import Output
from headworks.cli.views.plan import COLOURS, SPEED_SOURCES, between
from headworks.system.verdicts.verdict import VerdictWord
from headworks.twin.report.comparison import signed
from headworks.twin.report.frontier import AS_IT_IS, Frontier, Move, Other, Point
from headworks.twin.report.summary import dollars
from headworks.twin.verdicts.verdict import Verdict, format_value

MOST_CONFIRMED: Final = 4
"""Systems that another one beats which are listed; `--json` has all."""

MOST_ASSUMED: Final = 4


def show(found: Frontier, file: Path, *, is_detailed: bool) -> None:
    """Prints a whole frontier."""
    output = Output()
    click.echo(f"{found.system}: {found.traffic}")
    click.echo()
    for line in found.said:
        output.paragraph(line, style=COLOURS[found.verdict] if line is found.said[0] else "")
    if decisive := [one for one in found.assumptions if one.decides]:
        output.title("Assumed, and another system may be right where it is not so")
        output.items(f"{one.about}: {one.assumed} [{one.instead}]" for one in decisive)
    click.echo()
    show_points(found, output)
    show_neighbours(found, output)
    if found.beaten:
        output.title("Confirmed too, and beaten")
        output.items(
            f"{'; '.join(one.changes) or AS_IT_IS}: #{one.by} is better at {', '.join(one.better)}, and at nothing worse"
            for one in found.beaten[:MOST_CONFIRMED]
        )
    if found.left_out:
        output.title("Left out")
        output.items(left_out_lines(found))
    show_rests_on(found, output)
    if is_detailed:
        show_details(found, output)
    click.echo()
    click.echo(counts_words(found))
    named = "" if str(file) == "headworks.yaml" else f" {shlex.quote(str(file))}"
    first = found.points[0]
    if first.patch:
        asked = f"headworks plan --search --apply {first.number}{named} > best.patch && patch {shlex.quote(str(file))} best.patch"
        click.echo(f"to have #{first.number} in the file: `{asked}`")
    more = "" if is_detailed else "`--details` shows each system's promises and assumptions; "
    click.echo(f"{more}`--html FILE` draws it, and says of each system why its neighbours lose")


def show_points(found: Frontier, output: Output) -> None:
    """The systems worth having, a row each."""
    has_quality = any(one.quality is not None for one in found.points)
    titles = [
        "#",
        "what changes in the file",
        "cost a month",
        "first token p95",
        "available",
        *(["quality"] if has_quality else []),
    ]
    table = output.table(*titles, "all promises", right=["#", "cost a month", "first token p95", "available"])
    for one in found.points:
        quality = [axis_cell(one.quality)] if one.quality is not None else ["-"] if has_quality else []
        table.add_row(
            str(one.number),
            one.words,
            "unknown" if one.month is None else dollars(one.month.value),
            axis_cell(one.first_token),
            axis_cell(one.availability),
            *quality,
            promises_cell(one),
        )
    output.print(table)


def axis_cell(one: Verdict) -> str:
    """The number of an axis."""
    if one.value is None:
        return "not judged" if one.verdict == "not judged" else "unknown"
    return format_value(one.metric, one.value)


def promises_cell(one: Point) -> Text:
    """Whether it meets all, and what it misses."""
    style = COLOURS["cannot say" if one.said != one.verdict else one.verdict]
    words: dict[VerdictWord, str] = {"does not hold": "misses", "cannot say": "may miss"}
    parts = [
        f"{said} {', '.join(verdict.id for verdict in one.verdicts if verdict.verdict == word)}"
        for word, said in words.items()
        if any(verdict.verdict == word for verdict in one.verdicts)
    ]
    return Text("; ".join(parts) or one.said, style=style)


def show_neighbours(found: Frontier, output: Output) -> None:
    """Why the neighbours of each point lose."""
    pairs = [
        (f"#{one.number}" if at == 0 else "", neighbour_words(neighbour))
        for one in found.points
        for at, neighbour in enumerate(n for n in one.neighbours if n.number > one.number)
    ]
    if pairs:
        output.title("Beside the next one, with 95% intervals (of windows: nine in ten)")
        output.pairs(pairs)


def neighbour_words(one: Other) -> str:
    """Where another point loses, and where it wins."""
    lead = f"#{one.number}"
    parts = []
    if one.misses:
        parts.append(f"does not surely keep {', '.join(one.misses)}")
    if one.loses:
        parts.append(f"loses at {'; '.join(map(move_words, one.loses))}")
    if one.wins:
        parts.append(f"wins at {'; '.join(map(move_words, one.wins))}")
    return f"{lead} {', '.join(parts) if parts else 'is not measurably better or worse at anything'}"


def move_words(one: Move) -> str:
    low, high = ("?" if end is None else signed(one.metric, end) for end in (one.low, one.high))
    return f"{one.axis}: {signed(one.metric, one.value)} ({low} .. {high})"


def left_out_lines(found: Frontier) -> Iterator[str]:
    for one in found.left_out:
        remedy = f" [{one.remedy}]" if one.remedy else ""
        yield f"{one.systems} {'system' if one.systems == 1 else 'systems'}: {one.why}{remedy}"


def show_rests_on(found: Frontier, output: Output) -> None:
    """Which promises move with speeds that are not in the file, target by target."""
    known: dict[str, tuple[str, dict[str, None]]] = {}
    for point in found.points:
        for rest in point.rests_on:
            known.setdefault(rest.target, (SPEED_SOURCES[rest.origin], {}))[1][rest.objective] = None
    if known:
        output.title("Speeds that are not in the file, and the promises that move with them")
        output.pairs([(target, f"{said}: {', '.join(ids)}") for target, (said, ids) in known.items()])


def show_details(found: Frontier, output: Output) -> None:
    """Each system's promises, and everything that was assumed."""
    for one in found.points:
        output.title(f"#{one.number}: {one.words}")
        table = output.table("objective", "requirement", "verdict", "predicted", "range", "why")
        for verdict in one.verdicts:
            value = "-" if verdict.value is None else format_value(verdict.metric, verdict.value)
            said = Text(
                verdict.said, style=COLOURS["cannot say" if verdict.said != verdict.verdict else verdict.verdict]
            )
            table.add_row(verdict.id, verdict.objective, said, value, between(verdict), verdict.why)
        output.print(table)
        output.items(one.gives_way)
    output.title("What was assumed")
    output.items(f"{one.about}: {one.assumed}{f' [{one.instead}]' if one.instead else ''}" for one in found.assumptions)


def counts_words(found: Frontier) -> str:
    """How much was looked at."""
    counts = found.counts
    own = (
        "the file's own settings varied, for it has no `choices:`"
        if found.is_own
        else f"{', '.join(found.knobs)} varied"
    )
    return (
        f"{counts.looked_at} of {counts.space} systems looked at, {counts.simulated} simulated, {counts.confirmed} confirmed on fresh seeds; "
        f"{own}; seed {found.seed}, {counts.calls} calls simulated in total; headworks {found.headworks}"
    )
