"""What `headworks plan --search` does: the frontier is searched, printed and drawn, or one of its points is printed as a patch. It needs the
extra `plan`, and `search` where there are more systems than are looked at."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from headworks.cli.exit_codes import CANNOT_SAY, COULD_NOT_RUN, FAILS, HOLDS
from headworks.cli.extra_modules import import_extra
from headworks.cli.plan import ParsedAs, content_of
from headworks.cli.plan_run import NO_OBJECTIVES, Run, inputs, progress, seldom_collected, silent
from headworks.cli.views.plan_search import show
from headworks.ledger.query import Filter
from headworks.twin.frontier.candidates import SourceFile
from headworks.twin.frontier.sampler import Sampler
from headworks.twin.frontier.search import Search, search
from headworks.twin.frontier.space import Space
from headworks.twin.report.frontier import Frontier, frontier_json
from headworks.twin.simulation.replications import Effort
from headworks.twin.workers.workers import Workers

PAGE = "headworks.twin.report.frontier_html"
"""What draws the page: imported when one is asked for."""

PROPOSALS = "headworks.twin.frontier.proposals"
"""What proposes systems: imported where there are more than are looked at."""

ENDS = {"holds": HOLDS, "does not hold": FAILS, "cannot say": CANNOT_SAY}


class Options(msgspec.Struct, frozen=True):
    """What only a search asks. applied: the number of the point whose patch is wanted."""

    candidates: int
    applied: int | None


def run(file: Path, asked: Filter, way: Run, options: Options, others: Workers) -> int:
    """Searches, prints what was found, and gives the exit code. others: who tries candidates. Raises click.ClickException."""
    if way.only_screen:
        raise click.UsageError("--screen simulates nothing, and a search needs it: leave one of the two out")
    with silent(), seldom_collected():
        system, known = inputs(file, asked, way)
        if not system.requirements.promises:
            click.echo(NO_OBJECTIVES.format(file=file), err=True)
            return COULD_NOT_RUN
        page = None if way.html is None else import_extra("plan", PAGE)
        wanted = Search(
            source=SourceFile.of(file.name, content_of(file)),
            system=system,
            known=known,
            parse=ParsedAs(file, is_chosen=True),
            effort=Effort(calls=way.calls, runs=way.runs, seed=way.seed),
            wanted=options.candidates,
        )
        found = search(wanted, others, proposals, progress)
    if page is not None and way.html is not None:
        try:
            way.html.write_text(page.frontier_page(found), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{way.html} cannot be written: {error.strerror or error}") from error
    if options.applied is not None:
        return apply(found, options.applied)
    if way.is_json:
        click.echo(frontier_json(found).decode())
    else:
        show(found, file, is_detailed=way.is_detailed)
        if way.html is not None:
            click.echo(f"the page is {way.html}")
    return ENDS[found.verdict]


def proposals(space: Space, wanted: int, seed: int, goals: int) -> Sampler:
    """A sampler by optuna. Raises click.ClickException where it is not installed."""
    made: Sampler = import_extra("plan --search", PROPOSALS).Proposals(space, wanted, seed, goals)
    return made


def apply(found: Frontier, number: int) -> int:
    """Prints the patch of a point, for `patch`. The exit code says that there is one: `&& patch` may follow."""
    point = next((one for one in found.points if one.number == number), None)
    if point is None:
        raise click.ClickException(f"there is no system {number}: the search found {len(found.points)}, from 1")
    click.echo(point.patch, nl=False)
    if not point.patch:
        click.echo(f"system {number} is the file as it is: there is nothing to change", err=True)
    return HOLDS
