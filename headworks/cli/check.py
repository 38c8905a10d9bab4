"""`headworks check`: whether the system file is right, and what arithmetic says of its objectives."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click
import msgspec
from rich.text import Text

from headworks.cli.exit_codes import CANNOT_SAY, FAILS, HOLDS
from headworks.cli.param_types import SystemFileType
from headworks.cli.tables import Output, TableRows
from headworks.core.clock import wall
from headworks.core.errors import ConfigError, Problem
from headworks.core.money import Price, written_dollars
from headworks.gateway.capability_check import warn_of_gaps
from headworks.gateway.live_verdict import Live
from headworks.gateway.prices import Prices
from headworks.gateway.prompting import prompts_of
from headworks.gateway.retirements import today, warn_of_retirements
from headworks.gateway.unpriced_targets import Priced, priced
from headworks.system.checks.machine import Machine
from headworks.system.derived.proxies import proxy_descriptions
from headworks.system.load import parse_leniently
from headworks.system.schema.secrets import Sources
from headworks.system.schema.system import System
from headworks.system.speeds.measurements import MIN_ANSWERS, measurements_path, read_measurements, usable
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import MOST_BYTES
from headworks.system.syntax.scalars import written_rate
from headworks.system.verdicts.constraints import ConstraintVerdict, check_served, judge_constraints
from headworks.system.verdicts.judge import Verdict, judge
from headworks.system.verdicts.quality import known_quality
from headworks.system.verdicts.verdict import VerdictWord


class MeasuredSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """What `headworks probe` measured of a target: when (seconds since 1970), where, and how many answers. is_used: whether `plan`
    uses it: not where the file says another address or model now, or answers were too few."""

    target: str
    at: float
    place: str
    answered: int
    is_used: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints. `holds`: the file is right and no objective is known not to hold. `models` has the targets of
    each alias, tier by tier; `prices` what each charges, in nano-dollars per million tokens, or null where that is unknown;
    `proxies` how providers are asked, where somebody names a proxy."""

    file: str
    holds: bool
    errors: list[Problem]
    warnings: list[Problem]
    digest: str | None = None
    proxies: dict[str, str] = {}
    models: dict[str, list[list[str]]] = {}
    prices: dict[str, dict[str, Price | None]] = {}
    constraints: list[ConstraintVerdict] = []
    objectives: list[Verdict] = []
    speeds: list[MeasuredSpeed] = []
    live: list[Live] = []


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@click.option("--live", "is_live", is_flag=True, help="Ask each vendor whether key, model and address are right.")
@click.option("--yes", "is_agreed", is_flag=True, help="With --live: make calls that cost money without asking first.")
@click.argument(
    "file",
    default="headworks.yaml",
    type=SystemFileType(),
)
@click.pass_context
def command(ctx: click.Context, file: Path, as_json: bool, is_live: bool, is_agreed: bool) -> None:
    """Check a system file, and judge its objectives by arithmetic.

    Every mistake is reported at once, with its place and a remedy. Objectives are judged by limits, prices and the `expect:`
    of targets. Those that need a simulation or an evaluation are listed as such.

    FILE is the system file (headworks.yaml by default). Its secrets must resolve. Nothing is started, and nothing is sent
    without --live.

    With --live each vendor is asked for its list of models, which is free. Where the list does not settle it, one short
    call does; its price is shown and confirmed first.

    Exit codes: 0 the file is right and no objective fails; 1 the file is wrong or an objective does not hold; 2 --live could
    not tell; 3 there is no such file.
    """
    findings = Findings(str(file))
    system = parse_leniently(content(file), findings, Sources(os.environ, file.parent), Machine(file.parent), file)
    if system is not None:
        check_prompts(system, findings, file.parent)
    is_priced = all(findings.is_valid((part,)) for part in ("providers", "models", "keys", "groups"))
    prices = priced(system, findings) if system is not None and is_priced else {}
    if findings.errors:
        system = None
    if system is not None:
        warn_of_gaps(system, findings, file.parent)
        warn_of_retirements(system, findings, today())
    speeds = [] if system is None else measured_speeds(system, file.parent, findings)
    verdicts = [] if system is None else judge(system, Prices(system).of, known_quality(system, file.parent))
    constraints = [] if system is None else judge_constraints(system)
    said = [one.verdict for one in verdicts] + [one.verdict for one in constraints]
    holds = system is not None and "does not hold" not in said
    live: list[Live] = []
    if is_live and system is not None:
        asking = import_module("headworks.cli.check_live")  # it knows how to reach vendors: not for every check to load
        live = asking.ask_vendors(system, file.parent, is_agreed=is_agreed, is_quiet=as_json)
    holds = holds and not any(one.verdict == "wrong" for one in live)
    if as_json:
        made = msgspec.structs.replace(
            report(system, findings, prices),
            holds=holds,
            constraints=constraints,
            objectives=verdicts,
            speeds=speeds,
            live=live,
        )
        click.echo(msgspec.json.format(msgspec.json.encode(made)).decode())
    else:
        show(system, findings, prices)
        if system is not None and constraints:
            show_constraints(system, constraints)
        if verdicts:
            show_verdicts(verdicts)
        show_speeds(speeds, wall())
        if is_live:
            show_live(live, is_asked=system is not None)
    is_unsaid = any(one.verdict == "cannot say" for one in live)
    ctx.exit(FAILS if not holds else CANNOT_SAY if is_unsaid else HOLDS)


def check_prompts(system: System, findings: Findings, folder: Path) -> None:
    """Notes what is wrong with the templates and schemas of prompts."""
    try:
        prompts_of(system, folder)
    except ConfigError as error:
        findings.add_problems(("prompts",), error.problems)


def content(file: Path) -> bytes:
    """The file's bytes, or the first of too many. Raises click.ClickException when it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror or error}") from error


def report(system: System | None, findings: Findings, prices: Priced) -> Report:
    models = system.models if system is not None else {}
    return Report(
        file=findings.file,
        holds=system is not None,
        errors=findings.errors,
        warnings=findings.warnings,
        digest=None if system is None else system.digest,
        proxies={} if system is None else proxy_descriptions(system, os.environ),
        models={alias: [list(map(str, tier)) for tier in model.targets] for alias, model in models.items()},
        prices=prices,
    )


def show(system: System | None, findings: Findings, prices: Priced) -> None:
    """Prints for people: problems first, then what the system is."""
    for problem in findings.errors:
        click.echo(f"{click.style('error', fg='red')}: {problem}")
    for problem in findings.warnings:
        click.echo(f"{click.style('warning', fg='yellow')}: {problem}")
    if system is None:
        click.echo(f"{findings.file} has {counted(len(findings.errors), 'error')}")
        return
    output = Output()
    output.print(tiers(system, prices, output))
    callers = counted(len(system.keys), "key") if system.keys else "no keys: anyone on this machine may call"
    if not system.keys and findings.is_written(("keys",)):
        callers = "only the keys made by `headworks keys`"
    click.echo(
        f"{findings.file} is right: {counted(len(system.models), 'model')}, "
        f"{counted(len(system.providers), 'provider')}, {callers}"
    )
    if dates := sorted({price.at for known in prices.values() for price in known.values() if price and price.at}):
        click.echo(f"prices are from the bundled table, dated {dates[-1]}")
    for name, way in proxy_descriptions(system, os.environ).items():
        click.echo(f"{name} is reached {way}")
    click.echo(f"listens on {listens(system)}; digest {system.digest}")


def listens(system: System) -> str:
    """The address that it listens on; a URL where that is https."""
    return str(system.server.listen) if system.server.tls is None else system.server.url


LIVE_COLOURS: Final[Mapping[str, str]] = MappingProxyType({"right": "green", "wrong": "red", "cannot say": "yellow"})
COLOURS: Final[Mapping[VerdictWord, str]] = MappingProxyType(
    {"holds": "green", "does not hold": "red", "cannot say": "yellow", "not judged": "dim"}
)


def show_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Prints the verdict on each objective, and how many there are of each."""
    output = Output()
    table = output.table("objective", "alias", "requirement", "verdict", "why")
    for one in verdicts:
        said = Text(one.said, style=COLOURS["cannot say" if one.said != one.verdict else one.verdict])
        table.add_row(one.id, one.alias or "all", one.objective, said, Text(one.why))
    click.echo()
    output.print(table)
    counts = Counter(one.verdict for one in verdicts)
    summed = ", ".join(f"{verdict} {counts[verdict]}" for verdict in COLOURS if counts[verdict])
    click.echo(f"objectives, judged by arithmetic: {summed}")


def show_constraints(system: System, constraints: Sequence[ConstraintVerdict]) -> None:
    """Prints the verdict on each constraint at each target, and what follows for the gateway."""
    output = Output()
    table = output.table("constraint", "target", "verdict", "why")
    for one in constraints:
        table.add_row(one.constraint, one.target, Text(one.verdict, style=COLOURS[one.verdict]), Text(one.why))
    click.echo()
    output.print(table)
    outside = list(dict.fromkeys(one.target for one in constraints if one.verdict != "holds"))
    if outside:
        click.echo(f"never asked: {', '.join(outside)}")
    try:
        check_served(system)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(f"`headworks up` will not start: {problem.problem}")


def measured_speeds(system: System, folder: Path, findings: Findings) -> list[MeasuredSpeed]:
    """What was measured of this system's targets. A file that cannot be read is a warning: it changes nothing about the system file."""
    try:
        known = read_measurements(measurements_path(system, folder))
    except ConfigError as error:
        for problem in error.problems:
            findings.warn(("log",), f"{problem.file}: {problem.problem}", problem.remedy)
        return []
    used = usable(system, known)
    targets = {str(one) for model in system.models.values() for tier in model.targets for one in tier}
    return [
        MeasuredSpeed(target=name, at=one.at, place=one.place, answered=one.answered, is_used=name in used)
        for name, one in known.targets.items()
        if name in targets
    ]


def show_speeds(speeds: Sequence[MeasuredSpeed], at: float) -> None:
    """Prints how old measurements are."""
    for one in speeds:
        unused = (
            ""
            if one.is_used
            else "; not used: answers were too few"
            if one.answered < MIN_ANSWERS
            else "; not used: the file says another address, model or settings"
        )
        click.echo(
            f"speed of {one.target}: asked {age(at - one.at)} ago at {one.place}, {counted(one.answered, 'answer')}{unused}"
        )


def age(seconds: float) -> str:
    """A duration as people say it: 5 minutes, 3 hours, 12 days."""
    for noun, length in (("day", 86400.0), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= length:
            return counted(int(seconds // length), noun)
    return "less than a minute"


def show_live(live: Sequence[Live], *, is_asked: bool) -> None:
    """Prints what the vendors said of each target."""
    click.echo()
    if not is_asked:
        click.echo("no vendor was asked: the file has errors")
        return
    if not live:
        click.echo("no vendor to ask: every provider is local or simulated")
        return
    output = Output()
    table = output.table("target", "live", "cost", "why")
    for one in live:
        cost = "unknown" if one.cost_nano is None else written_dollars(one.cost_nano)
        why = "".join(c if c.isprintable() else " " for c in one.why)
        table.add_row(one.target, Text(one.verdict, style=LIVE_COLOURS[one.verdict]), cost, Text(why))
    output.print(table)


def tiers(system: System, prices: Priced, output: Output) -> TableRows:
    """A table of the targets of each alias, in the order in which they are tried."""
    table = output.table("model", "tier", "target", "share", "price")
    for alias, model in system.models.items():
        for number, tier in enumerate(model.targets, 1):
            total = sum(target.weight for target in tier)
            for target in tier:
                table.add_row(
                    alias,
                    str(number),
                    str(target),
                    f"{target.weight / total:.0%}",
                    format_price(prices[alias][str(target)]),
                )
    return table


def format_price(price: Price | None) -> str:
    """A price in few words: what input and output cost."""
    if price is None:
        return "unknown"
    rates = price.rates
    if not rates.input and not rates.output:
        return "free"
    said = f"{written_rate(rates.input)} in"
    if rates.output is not None:
        said += f", {written_rate(rates.output)} out"
    return f"{said}; more above {price.tiers[0].above} tokens" if price.tiers else said


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
