"""`headworks eval --targets`: a suite is asked of each target alone, and what was found is kept for `plan` and `check`.

Always true: the cost of all of it is shown and agreed to before anything is sent; what a target was found to be worth is written
before the next one is asked; what is measured already is not asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from headworks.cli.eval_session import run
from headworks.cli.exit_codes import CANNOT_SAY, HOLDS
from headworks.cli.tables import Output
from headworks.cli.views import eval as eval_view
from headworks.core.errors import EvalError
from headworks.evals.by_target import known_measurement, measured
from headworks.evals.one_target import targets_of
from headworks.evals.report import dollars
from headworks.evals.session import Session, SessionOptions
from headworks.evals.suites.suite import LoadedSuite
from headworks.system.load import Loaded
from headworks.system.verdicts.quality import CONFIDENCE, limit_at, percents, points, samples_of
from headworks.system.verdicts.quality_file import TargetQuality, keep_quality, quality_path, read_quality

WITHOUT: tuple[str, ...] = ("vs", "out", "html", "junit", "markdown")
"""Options of a run of the whole system."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One target. found: what it is worth; is_new: it was asked now; why: why there is nothing."""

    session: Session
    found: TargetQuality | None
    is_new: bool
    why: str = ""


def measure_targets(
    loaded: Loaded, reads: Sequence[LoadedSuite], wanted: SessionOptions, options: dict[str, Any]
) -> int:
    """Runs the command and returns its exit code."""
    for name in WITHOUT:
        if options[name] is not None:
            raise click.UsageError(f"--{name} is for a run of the whole system, not for --targets")
    if not wanted.choices.conditions:  # a target's quality is that of undisturbed answers: once is enough
        wanted = msgspec.structs.replace(wanted, choices=msgspec.structs.replace(wanted.choices, conditions=("none",)))
    quiet = options["as_json"]
    sessions = [one for read in reads for one in sessions_of(loaded, read, wanted, options["targets"])]
    path = quality_path(loaded.folder)
    kept = read_quality(path)
    known = [None if wanted.fresh else known_measurement(session, kept) for session in sessions]
    asking = [session for session, found in zip(sessions, known, strict=True) if found is None]
    show_costs(asking, len(sessions) - len(asking), wanted.max_cost, quiet=quiet)
    if options["dry_run"]:
        return HOLDS
    if not is_agreed(asking, options, quiet=quiet):
        return CANNOT_SAY
    if any(known):
        keep_quality(path, [found for found in known if found])  # the suite's files may have another layout
    rows = [
        Row(session=session, found=found, is_new=False) for session, found in zip(sessions, known, strict=True) if found
    ]
    rows += asked(asking, wanted.max_cost, quiet=quiet)
    if quiet:
        click.echo(msgspec.json.format(msgspec.json.encode([as_json(row) for row in rows])).decode())
    else:
        show(rows)
        click.echo(f"kept in {path}; `headworks plan` and `headworks check` judge quality by it")
    return HOLDS if all(row.found is not None and not row.found.cannot_say for row in rows) else CANNOT_SAY


def sessions_of(loaded: Loaded, read: LoadedSuite, wanted: SessionOptions, names: str) -> list[Session]:
    """A session for each target. Raises EvalError for a target that the model does not have."""
    alias = Session(loaded, read, wanted).plan.alias
    targets = targets_of(loaded.system, alias)
    chosen = targets if names.strip() == "all" else [name.strip() for name in names.split(",") if name.strip()]
    if not chosen:
        raise click.UsageError("--targets names no target: write all, or provider/model")
    return [
        Session(
            loaded,
            read,
            msgspec.structs.replace(wanted, choices=msgspec.structs.replace(wanted.choices, target=name)),
        )
        for name in chosen
    ]


def show_costs(asking: Sequence[Session], known: int, most: int | None, *, quiet: bool) -> None:
    """What will be asked of each target, and what all of it may cost."""
    for session in asking:
        eval_view.show_estimate(session, to_err=quiet)
    if known:
        click.echo(f"{known} measured already, and not asked again (--fresh asks)", err=quiet)
    if len(asking) > 1:
        total = cost_of(asking)
        said = "the price of a target is unknown" if total is None else f"about {dollars(total)} in all"
        if most is not None and total is not None and total > most:
            said += f", of which only {dollars(most)} may be spent: each is asked the same part of the samples"
        click.echo(f"{len(asking)} targets: {said}", err=quiet)


def cost_of(asking: Sequence[Session]) -> int | None:
    """Nano-dollars of all of it; None where a price is unknown."""
    costs = [session.estimate.cost_nano for session in asking]
    return None if None in costs else sum(cost or 0 for cost in costs)


def is_agreed(asking: Sequence[Session], options: dict[str, Any], *, quiet: bool) -> bool:
    """Whether the calls may be made: they are free, or --yes was given, or somebody at the terminal agrees."""
    if options["is_agreed"] or not asking or cost_of(asking) == 0:
        return True
    if quiet:
        raise click.UsageError("calls that cost money need --yes beside --json")
    try:
        return click.confirm("Ask them?", default=False)
    except click.Abort:
        click.echo()
        return False


def asked(asking: Sequence[Session], most: int | None, *, quiet: bool) -> list[Row]:
    """Asks each target. most: nano-dollars for all; each gets a part as its estimate is, so that all are asked the same share."""
    left = most
    rows = []
    for number, session in enumerate(asking):
        if left is not None:
            session.options = msgspec.structs.replace(session.options, max_cost=part_of(left, asking[number:]))
        try:
            table, spent = run(session, quiet=quiet)
        except EvalError as error:
            raise EvalError(f"{session.plan.target}: {error}") from error
        found = measured(session, table)
        left = None if left is None else max(0, left - spent)
        why = "" if found is not None else session.summary(table).no_verdict or "no answer was judged"
        if found is not None:
            keep_quality(quality_path(session.loaded.folder), [found])
        rows.append(Row(session=session, found=found, is_new=True, why=why))
    return rows


def part_of(left: int, asking: Sequence[Session]) -> int:
    """What the first of them may spend, of what is left for all."""
    costs = [session.estimate.cost_nano or 0 for session in asking]
    return left * costs[0] // sum(costs) if sum(costs) else left


def show(rows: Sequence[Row]) -> None:
    """Prints a line for each target."""
    output = Output()
    table = output.table("suite", "model", "target", "quality", "samples", "cost", "")
    for row in rows:
        plan, found = row.session.plan, row.found
        if found is None:
            table.add_row(plan.suite.name, plan.model, plan.target, "-", "0", "-", row.why)
            continue
        note = found.cannot_say or ("" if row.is_new else "measured before")
        cost = dollars(found.cost_nano)
        table.add_row(found.suite, found.model, found.target, quality(found), samples_of(found), cost, note)
    click.echo()
    output.print(table)


def quality(found: TargetQuality) -> str:
    """`91.3% [87.9, 94.0]`, with the limits of an objective that names no confidence."""
    limit = limit_at(found, CONFIDENCE)
    return points(found.value) if limit is None else percents(found.value, limit.low, limit.high)


def as_json(row: Row) -> dict[str, Any]:
    """All that is kept but the samples' scores."""
    if row.found is None:
        return {"suite": row.session.plan.suite.name, "target": row.session.plan.target, "why": row.why}
    made: dict[str, Any] = msgspec.to_builtins(row.found)
    return {name: value for name, value in made.items() if name not in ("scores", "clusters", "same", "files")}
