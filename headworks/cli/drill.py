"""`headworks drill`: inject faults into a copy of the system, and judge what callers saw."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click
import msgspec

from headworks.cli.check import counted
from headworks.cli.dialect_words import DialectWord
from headworks.cli.exit_codes import CANNOT_SAY, FAILS, HOLDS
from headworks.cli.tables import Output
from headworks.drill.library import QUICK, library, load
from headworks.drill.report import DrillOutcome, Report, junit, overall, table
from headworks.drill.run import JOBS, Run, expected_seconds, run_in_real_time, run_in_virtual_time
from headworks.drill.system_copy import DrilledSystem, load_system
from headworks.drill.timeline import LEGEND, timeline
from headworks.drill.verdict import Said
from headworks.system.schema.drills import Drill
from headworks.system.syntax.findings import suggestion

COLOURS: Final[Mapping[Said, str]] = MappingProxyType(
    {"holds": "green", "does not hold": "red", "cannot say": "yellow"}
)
EXITS: Final[Mapping[Said, int]] = MappingProxyType({"holds": HOLDS, "does not hold": FAILS, "cannot say": CANNOT_SAY})


class Names(click.ParamType[tuple[str, ...]]):
    """Names of drills, with commas between them."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        return value if isinstance(value, tuple) else tuple(filter(None, str(value).split(",")))


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the command."""

    only: tuple[tuple[str, ...], ...] = ()
    drills: Path | None = None
    quick: bool = False
    virtual: bool = False
    alias: str | None = None
    dialect: str = "chat"
    seed: int = 0
    jobs: int = JOBS
    as_json: bool = False
    as_table: bool = False
    junit: Path | None = None
    as_list: bool = False


@click.command("drill", epilog="What callers see for each fault, and how to write a drill: docs/failure.md.")
@click.option("--only", type=Names(), multiple=True, metavar="NAME,...", help="Run only these drills.")
@click.option("--list", "as_list", is_flag=True, help="List the drills, and run none.")
@click.option("--quick", is_flag=True, help=f"A few seconds only: {', '.join(QUICK)}.")
@click.option(
    "--virtual",
    is_flag=True,
    help="Run the vendor drills on virtual time: in a second, with the same result each time.",
)
@click.option("--drills", type=click.Path(dir_okay=False, path_type=Path), help="A file with your own drills.")
@click.option("--alias", help="The model to call, where a drill names none.")
@click.option(
    "--dialect",
    type=DialectWord(),
    default="chat",
    show_default=True,
    help="The API in which callers ask: chat, messages, responses, gemini or completions.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all random choices.")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=JOBS, show_default=True, help="Drills that run at once, on real time."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@click.option("--table", "as_table", is_flag=True, help="Print what callers saw as a Markdown table.")
@click.option(
    "--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit report into this file, for CI."
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def command(ctx: click.Context, /, file: Path | None, **options: Any) -> None:
    """Inject faults into a copy of the system, and judge what its callers saw.

    The faults strike the vendors, the gateway itself, and the machine below it. FILE is the system file (headworks.yaml by
    default; the starter system where there is none).

    The copy runs on this machine, in a temporary folder, with fake vendors. Nothing is sent to a real vendor, no secret is
    looked up, and a running gateway is not touched.

    Exit codes: 0 every hypothesis holds; 1 one does not; 2 one cannot be judged; 3 nothing could be run.
    """
    way = Options(**options)
    system = load_system(file)
    if way.alias is not None and way.alias not in system.system.models:
        raise click.UsageError(
            f"there is no model {way.alias}: {suggestion(way.alias, system.system.models, 'models')}"
        )
    chosen = choice(system, way)
    if way.as_list:
        show_list(chosen, as_json=way.as_json)
        return
    run = Run(drilled=system, drills=chosen, seed=way.seed, alias=way.alias, jobs=way.jobs, dialect=way.dialect)
    is_told = not way.as_json and not way.as_table
    if system.differences:
        click.echo(f"the copy: {'; '.join(system.differences)}", err=not is_told)
    if way.virtual:
        outcomes = list(run_in_virtual_time(run))
        if is_told:
            for one in outcomes:
                show(one)
    else:
        click.echo(f"{counted(len(chosen), 'drill')} on the real loop: about {expected_seconds(run):.0f} s", err=True)
        outcomes = run_in_real_time(run, show if is_told else lambda one: None)
    report = Report(
        system=system.system.name,
        copy=list(system.differences),
        loop="virtual" if way.virtual else "real",
        seed=way.seed,
        dialect=way.dialect,
        verdict=overall(outcomes),
        drills=outcomes,
    )
    if way.as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    elif way.as_table:
        click.echo("\n".join(table(outcomes)))
    else:
        show_end(report)
    if way.junit is not None:
        write(way.junit, junit(report))
    ctx.exit(EXITS[report.verdict])


def choice(system: DrilledSystem, way: Options) -> dict[str, Drill]:
    """The drills that are run. Raises click.UsageError for a name that is none, ConfigError for a file that is wrong."""
    known = {**library(), **system.system.drills}
    if way.drills is not None:
        known |= load(way.drills, system.targets)
    names = [name for some in way.only for name in some]
    for name in names:
        if name not in known:
            raise click.UsageError(f"there is no drill {name}: {suggestion(name, known, 'drills')}")
        if way.virtual and known[name].trouble is not None:
            raise click.UsageError(f"{name} needs real time: leave out --virtual")
    if names:
        return {name: known[name] for name in dict.fromkeys(names)}
    return {
        name: drill
        for name, drill in known.items()
        if not (way.quick and name not in QUICK) and not (way.virtual and drill.trouble is not None)
    }


def write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}") from error


def show_list(drills: Mapping[str, Drill], *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(drills)).decode())
        return
    whats = [one.trouble.what if one.trouble is not None else one.faults[0].fault for one in drills.values()]
    Output().pairs(zip(drills, whats, [one.shows for one in drills.values()], strict=True), margin=0)


def show(one: DrillOutcome) -> None:
    """Prints one verdict with its timeline."""
    click.echo(f"{click.style(one.verdict, fg=COLOURS[one.verdict])}: {click.style(one.name, bold=True)}: {one.shows}")
    for line in timeline(one) if one.calls else ():
        click.echo(f"  {line}")
    if one.calls:
        click.echo(f"  {summed(one)}")
    for why in one.why:
        click.echo(f"  {click.style('why', fg=COLOURS[one.verdict])}: {why}")
    click.echo()
    sys.stdout.flush()


def summed(one: DrillOutcome) -> str:
    """The figures in a line."""
    seen = one.figures
    said = [f"{seen.whole} of {seen.meanwhile} calls during the fault were complete"]
    said += [f"{count} x {code}" for code, count in seen.codes.items()]
    said += [f"{count} {kind}" for kind, count in seen.ended.items() if kind not in ("whole", "error")]
    if seen.per_call is not None:
        said.append(f"{seen.per_call:.1f} attempts per call")
    if seen.added is not None:
        said.append(f"{seen.added:.1f} s longer")
    if seen.cost is not None:
        said.append(f"cost x {seen.cost:.1f}")
    if seen.recovery is not None:
        said.append(f"recovered after {seen.recovery:.1f} s")
    return ", ".join(said)


def show_end(report: Report) -> None:
    for line in LEGEND:
        click.echo(click.style(line, dim=True))
    callers = "" if report.dialect == "chat" else f", callers of {report.dialect}"
    click.echo(f"{report.system}, {report.loop} loop, seed {report.seed}{callers}: {_counts(report.drills)}")


def _counts(outcomes: Sequence[DrillOutcome]) -> str:
    counts = Counter(one.verdict for one in outcomes)
    said = ", ".join(f"{verdict} {counts[verdict]}" for verdict in COLOURS if counts[verdict])
    return f"{counted(len(outcomes), 'drill')}: {said or 'none ran'}"
