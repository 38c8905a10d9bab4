"""Prints the report of `headworks load`: verdicts, latencies, and whether the generator kept its schedule."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import click
import msgspec
from rich.text import Text

from headworks.cli.tables import Output
from headworks.core.figures import written_figure
from headworks.load.max_rate import RateSearch
from headworks.load.run import Latency, Report
from headworks.load.verdict import ComparedValue
from headworks.system.verdicts.verdict import VerdictWord
from headworks.twin.verdicts.verdict import format_value

COLOURS: Final[Mapping[VerdictWord, str]] = {
    "holds": "green",
    "does not hold": "red",
    "cannot say": "yellow",
    "not judged": "dim",
}


def as_json(report: Report) -> bytes:
    """One object, indented. What is infinite is null."""
    return msgspec.json.format(msgspec.json.encode(_finite(msgspec.to_builtins(report))))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return value


def show(report: Report) -> None:
    """Prints a whole report."""
    output = Output()
    click.echo(f"{report.system} at {report.url}: {report.traffic}")
    whole = report.ended.get("ok", 0)
    others = ", ".join(f"{count} {ended}" for ended, count in report.ended.items() if ended != "ok")
    click.echo(
        f"{report.calls} calls in {report.seconds:.1f} s ({written_figure(report.rate, 4)}/s): {whole} ok"
        + (f", {others}" if others else "")
        + f"; goodput {written_figure(report.goodput, 4)}/s, {report.tokens_per_second:,.0f} tokens/s"
    )
    if report.codes:
        click.echo("errors: " + ", ".join(f"{count} x {code}" for code, count in report.codes.items()))
    if report.found:
        click.echo("cache: " + ", ".join(f"{count} {found}" for found, count in sorted(report.found.items())))
    if len(report.dialects) > 1:
        told = [f"{word} {one.ok} of {one.calls} ok" for word, one in report.dialects.items()]
        click.echo("by dialect: " + ", ".join(told))
    if report.verdicts:
        click.echo()
        table = output.table("objective", "alias", "requirement", "verdict", "measured", "95% interval", "why")
        for one in report.verdicts:
            table.add_row(
                one.id,
                one.alias or "all",
                one.objective,
                Text(one.said, style=COLOURS["cannot say" if one.said != one.verdict else one.verdict]),
                "" if one.value is None else format_value(one.metric, one.value),
                between(one.metric, one.low, one.high),
                Text(one.why),
            )
        output.print(table)
    show_times(output, report)
    if report.searched is not None:
        show_search(output, report.searched)
    if report.compared:
        show_compared(output, report.compared, report.prediction)
    generator = report.generator
    click.echo()
    click.echo(
        f"load generator: sends were {1000 * generator.late_p50:.2f} ms late (p50), {1000 * generator.late_p99:.2f} ms (p99); "
        f"the limit is {1000 * generator.tolerated:.0f} ms; it used {generator.busy:.0%} of a core"
    )
    if report.why:
        click.echo(click.style(f"{report.verdict}: {report.why}", fg="red"))
    elif not report.verdicts:
        click.echo("the file has no objectives: add requirements.objectives, and load judges them")


def between(metric: str, low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return (
        f"{'?' if low is None else format_value(metric, low)} .. {'?' if high is None else format_value(metric, high)}"
    )


def seconds(value: float) -> str:
    """A time with the precision of the measurement."""
    return f"{1000 * value:.2f} ms" if value < 0.01 else format_value("duration", value)


def show_times(output: Output, report: Report) -> None:
    table = output.table("latency", "alias", "calls", *[f"p{part:g}" for part in report.percents])
    for one in report.latencies:
        table.add_row(*row(one))
    if len(report.pace) == len(report.percents):
        table.add_row("between tokens", "all", "", *[seconds(value) for value in report.pace])
    if table.row_count:
        click.echo()
        output.print(table)


def row(one: Latency) -> list[str]:
    name = "time to first token" if one.metric == "time_to_first_token" else "whole answer"
    return [name, one.alias or "all", str(one.calls), *[seconds(value) for value in one.at]]


def show_search(output: Output, searched: RateSearch) -> None:
    output.title("Maximum rate that meets every objective")
    table = output.table("rate", "verdict", "calls", "why")
    for one in searched.probes:
        said = {True: "holds", False: "fails", None: "unclear"}[one.holds]
        table.add_row(written_figure(one.rate, 4), said, str(one.calls), Text(one.why))
    output.print(table)
    if searched.holds is None:
        click.echo("no rate was shown to meet every objective")
        return
    beyond = "" if searched.fails is None else f"; {written_figure(searched.fails, 4)}/s does not, or was not shown to"
    click.echo(
        f"{written_figure(searched.holds, 4)}/s meets every objective{beyond}. The numbers above were measured at {written_figure(searched.holds, 4)}/s."
    )


def show_compared(output: Output, rows: list[ComparedValue], prediction: str) -> None:
    output.title("Measured against the plan")
    table = output.table("what", "metric", "predicted", "measured", "error", "loads of this length", "this load")
    for one in rows:
        points = one.metric == "availability"
        error = f"{100 * one.error:+.3f} points" if points else f"{one.error:+.0%}" if isfinite(one.error) else "?"
        place = "" if one.within is None else "inside" if one.within else Text("outside", style="red")
        table.add_row(
            one.what,
            one.metric,
            format_value(one.metric, one.predicted),
            format_value(one.metric, one.measured),
            error,
            between(one.metric, one.low, one.high),
            place,
        )
    output.print(table)
    outside = sum([one.within is False for one in rows])
    if any(one.within is not None for one in rows):
        click.echo(f"{outside} outside: the plan and this load differ" if outside else "the load is as the plan says")
    if prediction:
        click.echo(prediction)
