"""Prints the report of `headworks plan`: the verdict in sentences, then what it rests on; the rest with `--details`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import click
from rich.text import Text

from headworks.cli.tables import Output
from headworks.core.figures import written_figure
from headworks.system.verdicts.verdict import VerdictWord
from headworks.twin.models.speed_range import SpeedOrigin
from headworks.twin.report.report import Remedy, Report, Sensitivity, effort_words, is_measurable, verdict_words
from headworks.twin.report.summary import SAME_COST, carrying_lines, cost_words, summary
from headworks.twin.screening.closed_forms import Screening
from headworks.twin.verdicts.verdict import PER_SESSION, Verdict, format_value

MOST_ASSUMED: Final = 4
"""Assumptions that are shown without `--details`."""

MOST_SHOWN: Final = 6
"""Settings in the table; `--json` and `--html` have all."""

COLOURS: Final[Mapping[VerdictWord, str]] = MappingProxyType(
    {"holds": "green", "does not hold": "red", "cannot say": "yellow", "not judged": "dim"}
)


def show(report: Report, *, is_detailed: bool = False) -> None:
    """Prints a report: the verdict in a few sentences, then what it rests on. is_detailed: and everything else, at length."""
    output = Output()
    click.echo(f"{report.system}: {report.traffic}")
    click.echo()
    output.paragraph(summary(report), COLOURS[worst(report)])
    click.echo()
    show_verdicts(report, output, is_detailed=is_detailed)
    show_constraints(report, output)
    show_rests_on(report, output)
    if report.effort.runs:
        output.title("How far it carries")
        output.items(carrying_lines(report))
    output.title("Why")
    output.items(reasons(report, is_detailed=is_detailed))
    show_remedies(report, output)
    if is_detailed:
        show_sensitivities(report, output)
        show_days(report, output)
        output.title("Assumptions [how to replace each one]")
        assumed = grouped(report)
        output.pairs([("" if at else about, line) for about, lines in assumed.items() for at, line in enumerate(lines)])
    else:
        output.title("What was assumed")
        output.items(assumed_lines(report))
    click.echo()
    click.echo(f"{verdict_words(report)}; {effort_words(report)}")
    if not is_detailed:
        click.echo(
            "`--details` shows every assumption, the effect of each setting and why each verdict is as it is; `--html FILE` draws it"
        )


def worst(report: Report) -> VerdictWord:
    """The word that the first sentence has its colour of."""
    words: list[VerdictWord] = ["does not hold", "cannot say", "holds"]
    return next((word for word in words if word == report.verdict), "cannot say")


def show_verdicts(report: Report, output: Output, *, is_detailed: bool) -> None:
    why = ["why"] if is_detailed else []
    table = output.table("objective", "alias", "requirement", "verdict", "predicted", "range", *why)
    for one in report.verdicts:
        table.add_row(
            one.id,
            one.alias or "all",
            one.objective,
            Text(one.said, style=COLOURS["cannot say" if one.said != one.verdict else one.verdict]),
            "-" if one.value is None else format_value(one.metric, one.value),
            between(one),
            *([Text(one.why)] if is_detailed else []),
        )
    output.print(table)


def reasons(report: Report, *, is_detailed: bool) -> list[str]:
    """Why: where more is asked than is carried, the bottleneck, and (unless the table has it) each verdict that is no plain "holds";
    of a quality, also what it rests on."""
    lines = [one.said for one in report.overloads]
    lines.append(report.binding.said)
    if not is_detailed:
        told = [one for one in report.verdicts if one.said != "holds" or one.quality is not None]
        lines += [f"{one.id}: {one.why}" for one in told if one.why]
    return lines


def assumed_lines(report: Report) -> list[str]:
    """What can be replaced by something better, and how much more there is."""
    replaceable = [one for one in report.assumptions if one.instead]
    lines = [f"{one.about}: {one.assumed} [{one.instead}]" for one in replaceable[:MOST_ASSUMED]]
    left = len(report.assumptions) - len(lines)
    return [*lines, f"and {left} more: `--details`"] if left else lines


def show_days(report: Report, output: Output) -> None:
    """The use of each limit over the day, by formulas, in every third hour."""
    if not report.days:
        return
    output.title("Use of each limit over the day, by formulas")
    hours = range(0, 24, 3)
    titles = [f"{hour}:00" for hour in hours]
    table = output.table("limit", *titles, right=titles)
    for one in report.days:
        table.add_row(one.name, *(f"{one.hours[hour]:.0%}" for hour in hours))
    output.print(table)


def show_constraints(report: Report, output: Output) -> None:
    """Prints the verdict on each constraint at each target."""
    if not report.constraints:
        return
    output.title("Constraints; a target that does not meet all of them is never asked, here and in the gateway")
    table = output.table("constraint", "target", "verdict", "why")
    for one in report.constraints:
        table.add_row(one.constraint, one.target, Text(one.verdict, style=COLOURS[one.verdict]), Text(one.why))
    output.print(table)


SPEED_SOURCES: Final[Mapping[SpeedOrigin, str]] = MappingProxyType(
    {"probed": "measured by `headworks probe`", "prior": "a prior, from public sources", "unknown": "unknown"}
)


def show_rests_on(report: Report, output: Output) -> None:
    """Prints which verdicts move with speeds that are neither in the file nor fitted to the ledger."""
    if not report.rests_on:
        return
    output.title("Verdicts that depend on speeds that are not in the file")
    metrics = {one.id: one for one in report.verdicts}
    table = output.table("objective", "target", "its speed is", "at the fast end", "at the slow end", "verdict")
    for one in report.rests_on:
        verdict = metrics[one.objective]
        is_unknown = one.origin == "unknown"
        ends = ["-" if end is None or is_unknown else format_value(verdict.metric, end) for end in (one.fast, one.slow)]
        said = Text(verdict.verdict, style=COLOURS[verdict.verdict])
        table.add_row(one.objective, one.target, SPEED_SOURCES[one.origin], *ends, said)
    output.print(table)


def between(one: Verdict) -> str:
    low = "?" if one.low is None else format_value(one.metric, one.low)
    high = "?" if one.high is None else format_value(one.metric, one.high)
    return "-" if one.value is None else f"{low} .. {high}"


def show_remedies(report: Report, output: Output) -> None:
    open_ones = [
        one for one in report.verdicts if one.verdict in ("does not hold", "cannot say") and one.margin is not None
    ]
    if not open_ones:
        return
    known = {one.objective: one for one in report.remedies}
    output.title("What would help: the cheapest change that meets each missed objective")
    for verdict in open_ones:
        one = known.get(verdict.id)
        if one is None:
            of_sessions = "no change is tried for a promise about sessions; what helps its calls helps it"
            why = of_sessions if verdict.metric.endswith(PER_SESSION) else "no change was found that is sure to help"
            click.echo(f"  {verdict.id}: {why}")
            continue
        cost = cost_note(report, one)
        lead = "" if one.is_enough else "no change that was tried is enough; the closest is "
        if one.is_enough and len(one.changes) > 1:
            lead = "no single change is enough, but two are: "
        click.echo(
            f"  {verdict.id}: {lead}{one.knob}: {one.said}; predicted then: {format_value(verdict.metric, one.value)}{cost}"
        )
        asked = ", which the vendor must grant" if one.kind == "limit" else ""
        broken = f"; it would break {', '.join(one.breaks)}" if one.breaks else ""
        turns = f"; it would meet {', '.join(one.turns)}" if one.turns else ""
        click.echo(f"    at {one.path}{asked}{turns}{broken}")


def cost_note(report: Report, one: Remedy) -> str:
    """What a call costs then, and what that is a month."""
    if one.cost_before is None or one.cost_after is None:
        return ""
    before, after = (format_value("cost_per_call", cost) for cost in (one.cost_before, one.cost_after))
    words = cost_words(report, one)
    if words == SAME_COST:
        return f"; cost per call {after}, about the same as now"
    return f"; cost per call {after}, was {before}: {words.removeprefix('for ')}"


def show_sensitivities(report: Report, output: Output) -> None:
    moved = [one for one in report.sensitivities if any(is_measurable(effect) for effect in one.effects)]
    if not moved:
        return
    names = [
        one.id
        for one in report.verdicts
        if any(effect.objective == one.id for change in moved for effect in change.effects)
    ]
    output.title("Effect of each setting, in % of the limit; `.` = no measurable effect")
    table = output.table("setting", "change", *names)
    for one in moved[:MOST_SHOWN]:
        table.add_row(one.knob, one.said, *effects(one, names))
    output.print(table)


def effects(one: Sensitivity, names: Sequence[str]) -> list[str]:
    known = {effect.objective: effect for effect in one.effects}
    cells = []
    for name in names:
        effect = known.get(name)
        cells.append("." if effect is None or not is_measurable(effect) else f"{effect.change * 100:+.1f}")
    return cells


def grouped(report: Report) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in report.assumptions:
        line = one.assumed + (f" [{one.instead}]" if one.instead else "")
        found.setdefault(one.about, []).append(line)
    return found


def show_screening(screening: Screening, source: str) -> None:
    """Prints the results of the queueing formulas."""
    output = Output()
    click.echo(source)
    click.echo()
    table = output.table("limit", "capacity", "offered load", "utilization")
    for one in screening.limits:
        table.add_row(one.name, f"{written_figure(one.carries)}/s", f"{written_figure(one.asked)}/s", f"{one.use:.0%}")
    if screening.limits:
        output.print(table)
    else:
        click.echo("no provider of the first tiers has a limit in the system file")
    if screening.refused:
        click.echo(
            f"\nno queueing formula applies: {screening.refused}. Run `headworks plan` without --screen to simulate it"
        )
        return
    if screening.queues:
        click.echo()
        table = output.table(
            "queue", "mean in service", "mean wait (Erlang C)", "mean wait (Allen-Cunneen)", "blocking (Erlang B)"
        )
        for queue in screening.queues:
            table.add_row(
                f"{queue.name}: {queue.places}",
                f"{queue.load:.2f}",
                "unbounded" if queue.wait is None else f"{written_figure(queue.wait * 1000)} ms",
                "unbounded" if queue.wait_corrected is None else f"{written_figure(queue.wait_corrected * 1000)} ms",
                f"{queue.turned_away:.2%}",
            )
        output.print(table)
