"""Prints the progress and results of `headworks eval`."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Drawn
from rich.text import Text

from headworks.cli.tables import Output, TableRows
from headworks.evals.report import (
    Report,
    detectable,
    dollars,
    needed,
    p_value,
    pass_rate,
    percent,
    results_of,
    with_interval,
)
from headworks.evals.runner import Progress
from headworks.evals.session import Session
from headworks.evals.statistics.compare import Comparison, why_of
from headworks.evals.statistics.gate import Judged, Verdict
from headworks.evals.statistics.summary import Summary

EVERY: Final = 15.0
"""Seconds between two lines of progress where nobody looks."""

CHANGES: Final = 10
"""Changed items that are shown."""

REASONS: Final = 3
"""Reasons without a verdict that are shown."""

COLOURS: Final[Mapping[Verdict, str]] = MappingProxyType(
    {"holds": "green", "does not hold": "red", "not enough data": "yellow"}
)


def show_estimate(session: Session, *, to_err: bool) -> None:
    """What will be asked, and what it may cost."""
    plan, estimate = session.plan, session.estimate
    cost = "its price is unknown" if estimate.cost_nano is None else f"about {dollars(estimate.cost_nano)}"
    bound = session.options.max_cost
    conditions = f"{len(plan.conditions)} condition{'s' if len(plan.conditions) > 1 else ''}"
    said = f"{plan.suite.name}: {estimate.samples} samples, {conditions}, {estimate.calls} calls of {plan.target or plan.model}; {cost}"
    if bound is not None and (estimate.cost_nano or 0) > bound:
        said += f", of which only {dollars(bound)} may be spent: it will stop early"
    click.echo(said, err=to_err)


class Bar:
    """Progress on stderr: a bar where somebody looks, else a line now and then."""

    def __init__(self, name: str, *, is_shown: bool) -> None:
        self.name = name
        self.is_shown = is_shown
        self.is_seen = is_shown and sys.stderr.isatty()
        self._said_at = time.monotonic()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
        )
        self._drawn = Drawn(*columns, console=Console(stderr=True), transient=True, disable=not self.is_seen)
        self._task = self._drawn.add_task(name, total=None, said="")

    def __enter__(self) -> Bar:
        self._drawn.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drawn.stop()

    def tell(self, progress: Progress) -> None:
        """Shows how far it is."""
        if self.is_seen:
            self._drawn.update(self._task, total=progress.calls, completed=progress.done, said=said(progress))
        elif self.is_shown and time.monotonic() - self._said_at >= EVERY:
            self._said_at = time.monotonic()
            click.echo(f"{self.name}: {progress.done} of {progress.calls}, {said(progress)}", err=True)


def said(progress: Progress) -> str:
    """What passed, what it cost, and the time that is left."""
    parts = [f"{percent(progress.passed / progress.done)} pass" if progress.done else ""]
    if progress.failed or progress.unjudged:
        parts.append(f"{progress.failed + progress.unjudged} without a verdict")
    parts.append(dollars(progress.spent_nano) if progress.is_cost_known else "cost unknown")
    if (left := progress.seconds_left) is not None:
        parts.append(f"{int(left // 60)}:{int(left % 60):02d} left")
    return ", ".join(filter(None, parts))


def show(report: Report) -> None:
    """Prints a run: what got worse, the conditions, the groups, the verdicts last."""
    output = Output()
    summary = report.summary
    click.echo()
    if report.comparison is not None:
        show_comparison(output, report, report.comparison)
    output.print(conditions(summary, output))
    if summary.groups:
        output.print(groups(summary, output))
    if summary.flicker is not None:
        known = summary.flicker
        click.echo(
            f"asked {known.asked} times: at least one right {percent(known.at_least_one[known.asked])}, all right "
            f"{percent(known.all_of[known.asked])}, sometimes right {with_interval(known.unsteady)}"
        )
    show_unjudged(report)
    if not summary.is_complete:
        click.echo(
            f"stopped early: {summary.why or 'it was interrupted'}; gates are judged by bounds that hold at any stop"
        )
    click.echo(f"{detectable(summary)}; cost {dollars(summary.cost_nano)}; every answer: {summary.results}")
    if report.gates:
        click.echo()
        output.print(gates(report.gates, output))
    else:
        click.echo(
            f"no gate: no objective names this suite; add {{metric: quality, suite: {summary.suite}, at_least: 90%}}"
        )


def show_unjudged(report: Report) -> None:
    """Why items have no verdict: the reasons that most of them have."""
    if not any(row.unjudged + row.failed for row in report.summary.rows):
        return
    whys = Counter(why_of(one) for one in results_of(report.ours) if one.outcome in ("unjudged", "failed"))
    for why, count in whys.most_common(REASONS):
        click.echo(f"no verdict on {count} item{'s' if count > 1 else ''}: {printable(why)[:150]}")


def conditions(summary: Summary, output: Output) -> TableRows:
    """One row a condition."""
    table = output.table(
        "condition", "claim", "samples", "pass", "drop from plain, points", "no verdict", "p50", "p95", "cost"
    )
    for row in summary.rows:
        drop = Text(with_interval(row.drop, points=True))
        if row.drop is not None and row.drop.low > 0 and row.claim == "invariance":
            drop.stylize("red")
        table.add_row(
            row.condition, row.claim, str(row.samples), pass_rate(row.share), drop, str(row.unjudged + row.failed),
            f"{row.spread.p50:.2f} s", f"{row.spread.p95:.2f} s", dollars(row.spread.cost_nano),
        )  # fmt: skip
    return table


def groups(summary: Summary, output: Output) -> TableRows:
    """Tasks and tags, undisturbed."""
    table = output.table("plain only", "samples", "pass")
    for group in summary.groups:
        table.add_row(f"{group.kind} {group.name}", str(group.samples), pass_rate(group.share))
    return table


def gates(found: list[Judged], output: Output) -> TableRows:
    """The verdicts."""
    table = output.table("gate", "requirement", "verdict", "measured", "why")
    for one in found:
        verdict = Text(one.verdict, style=COLOURS[one.verdict])
        table.add_row(one.id, one.what, verdict, with_interval(one.estimate, points=one.bound <= 0), Text(one.why))
    return table


def show_comparison(output: Output, report: Report, compared: Comparison) -> None:
    """What changed, regressions first, then the differences."""
    click.echo(f"against {compared.theirs}: {compared.worse} items got worse, {compared.better} better")
    table = output.table("changed", "sample", "condition", "asked", "was", "is", "why")
    for item in report.changed(CHANGES):
        texts = (Text(printable(one)[:32]) for one in (item.asked, item.theirs, item.ours))
        table.add_row(item.change, printable(item.sample), item.condition, *texts, Text(printable(item.why)[:60]))
    if table.row_count:
        output.print(table)
    table = output.table(
        "condition", "pairs", "ours", "theirs", "difference, points", "better/worse", "p (Holm)", "p95", "cost"
    )
    for row in compared.rows:
        table.add_row(
            row.condition, str(row.samples), percent(row.paired.ours), percent(row.paired.theirs),
            with_interval(row.paired.difference, points=True), f"{row.paired.better}/{row.paired.worse}", p_value(row.p),
            f"{row.ours.p95:.2f}/{row.theirs.p95:.2f} s", f"{dollars(row.ours.cost_nano)}/{dollars(row.theirs.cost_nano)}",
        )  # fmt: skip
    output.print(table)
    if said := needed(compared):
        click.echo(f"{said}\n")


def printable(text: str) -> str:
    """On one line. A terminal obeys control characters; those of a model or a sample may not reach it."""
    return "".join(one if one.isprintable() else "?" for one in " ".join(text.split()))
