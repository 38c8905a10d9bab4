"""`headworks plan`: predict whether a system meets its objectives, what fails first, and what would help."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from headworks.cli.extra_modules import import_extra
from headworks.cli.ledger_location import PlaceholderSecrets, ledger_of_file
from headworks.cli.logs import DECODE, InstantType, reading
from headworks.cli.param_types import SystemFileType
from headworks.core.errors import ConfigError
from headworks.core.record import Record
from headworks.ledger.query import Filter
from headworks.system.checks.machine import FullyInstalled
from headworks.system.load import parse, parse_chosen
from headworks.system.schema.system import System
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import MOST_BYTES
from headworks.twin.workers.workers import worker_count, workers

LONG: Final = 1_000
"""Calls of a run from which other cores are worth their start: a plan of four such runs, and of what would help, takes seconds."""

RUNS: Final = "headworks.twin.simulation.replicator"
TRIALS: Final = "headworks.twin.frontier.search"
"""What makes runs, and what tries candidates: they need the extra, and are imported by the workers alone."""


@click.command("plan")
@click.option("--fit", "is_fitted", is_flag=True, help="Fit the vendor models to the calls in the ledger.")
@click.option(
    "--since", type=InstantType(), help="With --fit or `log: true`: only calls since a time (1h, 2026-11-22)."
)
@click.option("--until", type=InstantType(), help="Likewise: only calls before a time.")
@click.option("--no-probe", "ignores_probe", is_flag=True, help="Leave out what `headworks probe` measured.")
@click.option("--screen", "only_screen", is_flag=True, help="Closed forms only: instant, no simulation.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same plan to the byte.")
@click.option("--calls", type=click.IntRange(100, 1_000_000), default=2000, show_default=True, help="Calls per run.")
@click.option(
    "--runs", type=click.IntRange(2, 1000), default=12, show_default=True, help="At most this many independent runs."
)
@click.option(
    "--html",
    "html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an HTML page with plots to this file.",
)
@click.option("--details", "is_detailed", is_flag=True, help="Print everything: every assumption, effect and reason.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object, for machines.")
@click.option(
    "--search", "is_search", is_flag=True, help="Find the systems worth having among those that `choices:` allows."
)
@click.option(
    "--candidates",
    type=click.IntRange(2, 10_000),
    default=100,
    show_default=True,
    help="With --search: systems to look at, at most.",
)
@click.option(
    "--apply",
    "applied",
    type=click.IntRange(1),
    help="With --search: print the patch that makes this system of the file.",
)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=SystemFileType())
@click.pass_context
def command(
    ctx: click.Context,
    is_fitted: bool,
    since: float | None,
    until: float | None,
    ignores_probe: bool,
    only_screen: bool,
    seed: int,
    calls: int,
    runs: int,
    html: Path | None,
    is_detailed: bool,
    is_json: bool,
    is_search: bool,
    candidates: int,
    applied: int | None,
    files: tuple[Path, ...],
) -> None:
    """Predict by simulation whether a system meets its objectives.

    The gateway's own code runs on virtual time against simulated vendors. The report names what fails first, how much each
    setting matters, and the cheapest change that would meet a missed objective. Quality is that of the targets that answer,
    where `headworks eval --targets all` has measured them.

    FILE is the system file (headworks.yaml by default). No secret is needed and nothing is sent. Several files are compared side
    by side: each objective and the cost of a month, how they differ, what gives way first in each, and which one another beats.

    With --search the file says under `choices:` what may vary; without it its own targets and settings vary. What comes out are the
    systems that no other beats in cost a month, first token, availability and quality. --apply N prints the patch for one of them.

    Exit codes: 0 every objective holds; 1 one does not; 2 one cannot be judged; 3 it could not run. Of several files,
    and of --search: 0 if every objective holds in at least one system; else 2 if one of them cannot be judged; else 1. With --apply
    0: the patch is printed.
    """
    asked = Filter(since=since, until=until)
    if applied is not None and not is_search:
        raise click.UsageError("--apply is about a system that a search found: add --search")
    is_long = not only_screen and calls >= LONG
    with workers(worker_count() if is_long else 1) as others:
        others.start(TRIALS if is_search else RUNS)
        module = import_extra("plan", "headworks.cli.plan_run")
        run = module.Run(
            is_fitted=is_fitted,
            ignores_probe=ignores_probe,
            only_screen=only_screen,
            seed=seed,
            calls=calls,
            runs=runs,
            html=html,
            is_detailed=is_detailed,
            is_json=is_json,
        )
        if is_search:
            searching = import_extra("plan", "headworks.cli.plan_search")
            options = searching.Options(candidates, applied)
            ctx.exit(searching.run(only_file(files, ctx), asked, run, options, others))
        if len(files) > 1:
            ctx.exit(import_extra("plan", "headworks.cli.plan_compare").run(files, asked, run, others))
        ctx.exit(module.run(only_file(files, ctx), asked, run, others))


def only_file(files: Sequence[Path], ctx: click.Context) -> Path:
    """The one file that is named, or `headworks.yaml`. Raises click.UsageError where there are several."""
    if len(files) > 1:
        raise click.UsageError("--search is about one file, whose `choices:` say what may vary: name one")
    return files[0] if files else Path(os.fsdecode(SystemFileType().convert("headworks.yaml", None, ctx)))


class ParsedAs(msgspec.Struct, frozen=True):
    """Reads bytes as a system file that is there: no secret is looked up, and nothing is started. is_chosen: a search made them of
    that file, whose choices were checked."""

    file: Path
    is_chosen: bool = False

    def __call__(self, content: bytes) -> System:
        """Raises ConfigError."""
        findings = Findings(str(self.file))
        folder = self.file.parent
        read = parse_chosen if self.is_chosen else parse
        system = read(content, findings, PlaceholderSecrets(os.environ, folder), FullyInstalled(folder), self.file)
        if system is None:
            raise ConfigError(findings.errors)
        return system


def read(file: Path) -> System:
    """The system of a file whose secrets nobody looks up, and of which nothing is started. Raises ConfigError, click.ClickException."""
    return ParsedAs(file)(content_of(file))


def content_of(file: Path) -> bytes:
    """The bytes of a system file. Raises click.ClickException."""
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror or error}") from error


def past(file: Path, asked: Filter) -> list[Record]:
    """The ledger's records of these calls, oldest first."""
    with reading(ledger_of_file(file)) as questions:
        return [DECODE(line) for line in questions.lines(asked)]
