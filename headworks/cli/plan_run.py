"""What `headworks plan` does: the plan is made, printed and written. It needs the extra `plan`."""

from __future__ import annotations

import contextlib
import gc
import logging
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
import msgspec

from headworks.cli.exit_codes import CANNOT_SAY, COULD_NOT_RUN, FAILS, HOLDS
from headworks.cli.extra_modules import import_extra
from headworks.cli.plan import past, read
from headworks.cli.views.plan import show, show_screening
from headworks.ledger.query import Filter
from headworks.system.schema.system import System
from headworks.system.speeds.measurements import Measurements, measurements_path, read_measurements
from headworks.system.verdicts.quality import known_quality
from headworks.twin.plan import PlanInputs, plan, prepare
from headworks.twin.report.report import as_json, round_floats
from headworks.twin.simulation.replications import Effort
from headworks.twin.workers.workers import Workers

COLLECTED_AFTER = 20_000
"""New objects after which the garbage collector looks at the youngest: some two hundred calls of a run."""

PAGE = "headworks.twin.report.html"
"""What draws the page: imported when one is asked for."""
NO_OBJECTIVES = "{file} has no objectives: add requirements.objectives, and plan judges them"

ENDS = {"holds": HOLDS, "does not hold": FAILS, "cannot say": CANNOT_SAY}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """How it is made and told."""

    is_fitted: bool
    ignores_probe: bool = False
    only_screen: bool
    seed: int
    calls: int
    runs: int
    html: Path | None
    is_detailed: bool
    is_json: bool


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Nothing is logged: the stack tells operators of budgets that are used up, and of made-up calls nobody needs to know."""
    logger = logging.getLogger("headworks")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """The garbage collector leaves alone what was imported, and comes by less often: a run keeps thousands of waiting calls, and
    all of them were looked at again and again. A tenth of the time of a plan."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def run(file: Path, asked: Filter, way: Run, others: Workers) -> int:
    """Makes a plan, prints it, and gives the exit code. asked: the ledger's calls that count; others: who makes runs ahead of time.
    Raises click.ClickException."""
    with silent(), seldom_collected():
        return planned(file, asked, way, others)


def inputs(file: Path, asked: Filter, way: Run) -> tuple[System, PlanInputs]:
    """The system of a file, and the inputs of its plan. Raises ConfigError, click.ClickException."""
    system = read(file)
    asks_ledger = way.is_fitted or system.requirements.traffic.log
    if not asks_ledger and (asked.since is not None or asked.until is not None):
        raise click.UsageError(
            "--since and --until choose among the ledger's calls: add --fit, or `log: true` under traffic"
        )
    known = PlanInputs(
        read=partial(read_beside, file.parent),
        records=past(file, asked) if asks_ledger else None,
        is_fitted=way.is_fitted,
        measured=Measurements() if way.ignores_probe else read_measurements(measurements_path(system, file.parent)),
        quality=known_quality(system, file.parent),
    )
    return system, known


def read_beside(folder: Path, path: str) -> bytes:
    """The bytes of a file that the system file names."""
    return (folder / path).read_bytes()


def planned(file: Path, asked: Filter, way: Run, others: Workers) -> int:
    system, known = inputs(file, asked, way)
    if way.only_screen:
        ready = prepare(system, known)
        if way.is_json:
            made = round_floats(msgspec.to_builtins(ready.screening))
            click.echo(msgspec.json.format(msgspec.json.encode(made)).decode())
        else:
            show_screening(ready.screening, ready.demand.source)
        return HOLDS
    if not system.requirements.promises:
        click.echo(NO_OBJECTIVES.format(file=file), err=True)
        return COULD_NOT_RUN
    page = None if way.html is None else import_extra("plan", PAGE)
    report = plan(system, known, Effort(calls=way.calls, runs=way.runs, seed=way.seed), progress, others)
    if page is not None and way.html is not None:
        try:
            way.html.write_text(page.html_report(report), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{way.html} cannot be written: {error.strerror or error}") from error
    if way.is_json:
        click.echo(as_json(report).decode())
    else:
        show(report, is_detailed=way.is_detailed)
        if way.html is not None:
            click.echo(f"the page is {way.html}")
    return ENDS[report.verdict]


def progress(line: str) -> None:
    """What is being done, where somebody waits at a terminal."""
    if sys.stderr.isatty():
        click.echo(click.style(line, dim=True), err=True)
