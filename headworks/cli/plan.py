"""`headworks plan`: will this system keep its promises, what gives way first, and what would help?"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import click
import msgspec

from headworks.cli.exits import CANNOT_SAY, COULD_NOT_RUN, FAILS, HOLDS
from headworks.cli.ledger_place import Unasked, place
from headworks.cli.logs import DECODE, Instant, reading
from headworks.cli.plan_view import show, show_screening
from headworks.core.errors import ConfigError
from headworks.core.record import Record
from headworks.ledger.query import Filter
from headworks.system.check import Machine
from headworks.system.findings import Findings
from headworks.system.load import examine
from headworks.system.nodes import MOST_BYTES
from headworks.system.schema import System
from headworks.twin.page import page
from headworks.twin.plan import Known, plan, prepare
from headworks.twin.report import as_json, rounded
from headworks.twin.simulate import Effort

ENDS = {"met": HOLDS, "missed": FAILS, "cannot say": CANNOT_SAY}


@click.command("plan")
@click.option("--fit", "is_fitted", is_flag=True, help="Make the vendors' models of what the ledger recorded.")
@click.option("--since", type=Instant(), help="With --fit or `log: true`: only calls from then on (1h, 2026-11-22).")
@click.option("--until", type=Instant(), help="Likewise: only calls before then.")
@click.option("--screen", "only_screen", is_flag=True, help="Closed forms only: instant, and nothing is simulated.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same plan to the byte.")
@click.option("--calls", type=click.IntRange(100, 1_000_000), default=2000, show_default=True, help="Calls a run.")
@click.option("--runs", type=click.IntRange(2, 1000), default=12, show_default=True, help="Independent runs at most.")
@click.option("--html", "html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with plots here.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object, for machines.")
@click.argument("file", default="headworks.yaml", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_context
def command(
    ctx: click.Context,
    is_fitted: bool,
    since: float | None,
    until: float | None,
    only_screen: bool,
    seed: int,
    calls: int,
    runs: int,
    html: Path | None,
    is_json: bool,
    file: Path,
) -> None:
    """Predict every objective of a system before it serves: the serving stack itself runs on virtual time over vendors
    made of numbers. Names what gives way first, how much each knob matters, and the cheapest single change that would meet what is missed.

    FILE is the system file (headworks.yaml by default). No secret is needed and nothing is sent. Exits with 0 when every
    objective is met, 1 when one is missed, 2 when one cannot be said, 3 when it could not run. Objectives of quality are
    not judged here.
    """
    # The stack tells operators of vendors that refuse us: of made-up ones nobody needs to know.
    logging.getLogger("headworks").setLevel(logging.CRITICAL)
    system = read(file)
    asks_ledger = is_fitted or system.requirements.traffic.log
    if not asks_ledger and (since is not None or until is not None):
        raise click.UsageError(
            "--since and --until choose among the ledger's calls: add --fit, or `log: true` under traffic"
        )
    known = Known(
        read=lambda path: (file.parent / path).read_bytes(),
        records=past(file, Filter(since=since, until=until)) if asks_ledger else None,
        is_fitted=is_fitted,
    )
    if only_screen:
        ready = prepare(system, known)
        if is_json:
            made = rounded(msgspec.to_builtins(ready.screening))
            click.echo(msgspec.json.format(msgspec.json.encode(made)).decode())
        else:
            show_screening(ready.screening, ready.demand.source)
        return
    if not system.requirements.objectives:
        click.echo(f"{file} promises nothing: write requirements.objectives, and plan says whether they hold", err=True)
        ctx.exit(COULD_NOT_RUN)
    effort = Effort(calls=calls, runs=runs, seed=seed)
    report = plan(system, known, effort, progress)
    if html is not None:
        try:
            html.write_text(page(report), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{html} cannot be written: {error.strerror or error}") from error
    if is_json:
        click.echo(as_json(report).decode())
    else:
        show(report)
        if html is not None:
            click.echo(f"the page is {html}")
    ctx.exit(ENDS[report.verdict])


def progress(line: str) -> None:
    """What is being done, where somebody waits at a terminal."""
    if sys.stderr.isatty():
        click.echo(click.style(line, dim=True), err=True)


def read(file: Path) -> System:
    """The system of a file whose secrets nobody looks up. Raises ConfigError, click.ClickException."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror or error}") from error
    findings = Findings(str(file))
    system = examine(content, findings, Unasked(os.environ, file.parent), Machine(file.parent))
    if system is None:
        raise ConfigError(findings.errors)
    return system


def past(file: Path, asked: Filter) -> list[Record]:
    """What the ledger has of these calls, oldest first."""
    with reading(place(file)) as questions:
        return [DECODE(line) for line in questions.lines(asked)]
