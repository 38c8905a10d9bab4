"""Prints what `headworks probe` will cost, and what it found; and how old that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click
import msgspec
from rich.text import Text

from headworks.cli.tables import Output
from headworks.core.figures import written_figure
from headworks.core.money import written_dollars
from headworks.system.schema.system import System
from headworks.system.speeds.measurements import MIN_ANSWERS, Measurement, Spread
from headworks.system.verdicts.closed_forms import LogNormal


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """The calls to one target: how many, their tokens in all, and nano-dollars at most."""

    target: str
    calls: int
    prompt: int
    output: int
    cost_nano: int | None


def show_costs(planned: Sequence[Planned]) -> None:
    """Prints the calls that would be made."""
    output = Output()
    table = output.table("target", "calls", "prompt tokens", "answer tokens at most", "cost at most")
    for one in planned:
        cost = "unknown" if one.cost_nano is None else written_dollars(one.cost_nano)
        table.add_row(one.target, str(one.calls), f"about {one.prompt}", str(one.output), cost)
    output.print(table)


def show(system: System, measured: Mapping[str, Measurement]) -> None:
    """Prints what was measured, with 95 % intervals, and what the vendors said of limits."""
    output = Output()
    table = output.table("target", "answered", "first token p50", "p95", "tokens/s", "failures")
    for name, one in measured.items():
        first, pace = one.first_token, one.per_token
        table.add_row(
            name,
            f"{one.answered} of {one.calls}",
            median(first),
            "-" if first is None else seconds(at_95(first)),
            "-" if pace is None else rate(pace),
            Text(", ".join(f"{count} {error}" for error, count in one.failures.items()) or "none"),
        )
    click.echo()
    output.print(table)
    for name, one in measured.items():
        if not one.is_enough:
            click.echo(f"{name} was not measured: fewer than {MIN_ANSWERS} answers that can be timed")
        for header, value in sorted(one.limits.items()):
            click.echo(f"{name} says {header}: {''.join(c if c.isprintable() else ' ' for c in value)}")
        if warned := limit_warning(system, name, one):
            click.echo(warned)


def limit_warning(system: System, target: str, measured: Measurement) -> str:
    """Where the vendor's own limit of tokens is below the file's. Requests are per minute at one vendor and per day at
    another, so nothing is said of them."""
    written: int | None = getattr(system.providers[target.partition("/")[0]], "tpm", None)
    said = measured.limits.get("x-ratelimit-limit-tokens", "")
    if written is None or not said.isdecimal() or int(said) >= written:
        return ""
    return f"the file says tpm: {written} of {target.partition('/')[0]}, but the vendor says {said}"


def median(spread: Spread | None) -> str:
    if spread is None:
        return "-"
    one = spread.median
    return f"{seconds(one.value)} ({seconds(one.low)} .. {seconds(one.high)})"


def rate(pace: Spread) -> str:
    one = pace.median
    return f"{written_figure(1 / one.value)} ({written_figure(1 / one.high)} .. {written_figure(1 / one.low)})"


def at_95(spread: Spread) -> float:
    """The 95th percentile of a log-normal."""
    return LogNormal(spread.median.value, spread.sigma.value).at(95)


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
