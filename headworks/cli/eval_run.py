"""Runs `headworks eval`. It needs the extra `eval`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from headworks.cli.eval_from_log import from_log
from headworks.cli.eval_session import run
from headworks.cli.eval_targets import measure_targets
from headworks.cli.exit_codes import CANNOT_SAY, FAILS, HOLDS
from headworks.cli.extra_modules import import_extra
from headworks.cli.views import eval as eval_view
from headworks.core.errors import EvalError
from headworks.evals import report
from headworks.evals.conditions import QUICK
from headworks.evals.plan import QUICK_SAMPLES, RunOptions
from headworks.evals.report import Report
from headworks.evals.results import SUFFIX
from headworks.evals.session import Session, SessionOptions, suites_of
from headworks.evals.statistics import compare as comparing
from headworks.evals.statistics import intervals as stats
from headworks.evals.statistics.compare import Comparison
from headworks.evals.statistics.table import Table
from headworks.system.load import Loaded, load
from headworks.system.starter import load_or_starter

PAGE: Final = "headworks.evals.page"


def write_page(path: Path, reports: list[Report]) -> None:
    """The HTML page: what draws its plots is imported for it alone."""
    import_extra("eval", PAGE).write_html(path, reports)


REPORTS: Final[dict[str, Callable[[Path, list[Report]], None]]] = {
    "html": write_page,
    "junit": report.write_junit,
    "markdown": report.write_markdown,
}


def evaluate(options: dict[str, Any]) -> int:
    """Runs the command and returns its exit code."""
    if options["power"] is not None:
        return power(options["power"])
    file: Path | None = options["file"]
    if options["from_log"] is not None:
        return from_log(file, options["from_log"], options["out"])
    loaded = load_or_starter(file, os.environ)
    quiet = options["as_json"]
    if not quiet:
        for warning in loaded.warnings:
            click.echo(f"warning: {warning}", err=True)
    reads = suites_of(loaded, options["suites"])
    for name in REPORTS:  # before anything is paid for, not after
        if options[name] is not None and not options[name].parent.is_dir():
            raise click.UsageError(f"--{name} {options[name]}: there is no folder {options[name].parent}")
    if options["html"] is not None:
        import_extra("eval", PAGE)
    if options["out"] is not None and len(reads) > 1:
        raise click.UsageError("--out is one file: choose one suite with --suite")
    if options["targets"] is not None:
        return measure_targets(loaded, list(reads.values()), wanted(options), options)
    sessions = [Session(loaded, read, wanted(options)) for read in reads.values()]
    for session in sessions:
        eval_view.show_estimate(session, to_err=quiet)
    if options["dry_run"]:
        return HOLDS
    reports = [one_report(session, options, quiet=quiet) for session in sessions]
    for made in reports if not quiet else ():
        eval_view.show(made)
    if quiet:
        click.echo(msgspec.json.format(msgspec.json.encode(report.as_json(reports))).decode())
    for name, write in REPORTS.items():
        if options[name] is not None:
            write(options[name], reports)
            if not quiet:
                click.echo(f"wrote {options[name]}")
    code = exit_code(reports)
    if code == CANNOT_SAY:
        click.echo(why_no_verdict(reports), err=quiet)
    return code


def wanted(options: dict[str, Any]) -> SessionOptions:
    """The options of a run, as they were given."""
    names: str | None = options["conditions"]
    conditions = tuple(name.strip() for name in names.split(",") if name.strip()) if names else ()
    samples = options["samples"]
    if options["quick"]:
        conditions, samples = conditions or QUICK, samples or QUICK_SAMPLES
    return SessionOptions(
        choices=RunOptions(conditions=conditions, samples=samples, seed=options["seed"], model=options["model"]),
        key=options["key"],
        concurrency=options["concurrency"],
        max_cost=options["max_cost"],
        fresh=options["fresh"],
        out=options["out"],
    )


def one_report(session: Session, options: dict[str, Any], *, quiet: bool) -> Report:
    """Runs a suite, and what it is held against."""
    ours, _ = run(session, quiet=quiet)
    compared: Comparison | None = None
    theirs: Table | None = None
    if options["vs"] is not None:
        theirs = comparison_results(options["vs"], session, quiet=quiet)
        compared = comparing.compare(ours, theirs, session.plan.suite, session.plan.conditions, options["margin"])
    return Report(summary=session.summary(ours), ours=ours, theirs=theirs, comparison=compared)


def comparison_results(file: Path, session: Session, *, quiet: bool) -> Table:
    """The results to compare with: from a file, or from another system, which is run now."""
    if file.suffix == SUFFIX:
        table = Table(file)
        if table.header.suite != session.plan.suite.name:
            raise EvalError(
                f"{file} has results of the suite `{table.header.suite}`, not of `{session.plan.suite.name}`"
            )
        return table
    loaded: Loaded = load(file, os.environ)
    choices = session.options.choices
    if not choices.model and session.plan.model in loaded.system.models:
        choices = msgspec.structs.replace(choices, model=session.plan.model)
    wanted = msgspec.structs.replace(session.options, choices=choices, out=None, key="")
    theirs = Session(loaded, session.read, wanted)
    eval_view.show_estimate(theirs, to_err=quiet)
    return run(theirs, quiet=quiet)[0]


def exit_code(reports: list[Report]) -> int:
    """The worst verdict decides; a run without verdicts says nothing, with a gate or without one."""
    gates = [judged for made in reports for judged in made.gates]
    if any(one.verdict == "does not hold" for one in gates):
        return FAILS
    is_unsaid = any(one.verdict == "not enough data" for one in gates) or any(one.summary.no_verdict for one in reports)
    return CANNOT_SAY if is_unsaid else HOLDS


def why_no_verdict(reports: list[Report]) -> str:
    """The last line of a run without a verdict: which suite, and why."""
    whys = [f"{one.summary.suite}: {one.summary.no_verdict}" for one in reports if one.summary.no_verdict]
    whys += [
        f"{gate.id}: {gate.why}"
        for one in reports
        for gate in one.gates
        if gate.verdict == "not enough data" and gate.why != one.summary.no_verdict
    ]
    return f"cannot say: {whys[0]}" + (f" (and {len(whys) - 1} more)" if len(whys) > 1 else "")


def power(points: float) -> int:
    """Says how many samples a difference needs."""
    if points == 0:
        raise click.UsageError("a difference of zero cannot be detected: write --power 3%")
    needed = stats.items_needed(points)
    click.echo(f"{needed} items are needed to detect a difference of {100 * points:.3g} points")
    click.echo("  (80 % power at the 5 % level, two systems asked every item once, variance of the differences 1/9;")
    click.echo("  `eval --vs` uses the variance of your own suite)")
    sys.stdout.flush()
    return HOLDS
