"""What `headworks plan a.yaml b.yaml` does: the systems are compared, and the comparison is printed. It needs the extra `plan`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from headworks.cli.exit_codes import CANNOT_SAY, COULD_NOT_RUN, FAILS, HOLDS
from headworks.cli.plan_run import NO_OBJECTIVES, Run, inputs, progress, seldom_collected, silent
from headworks.cli.views.plan_compare import show
from headworks.ledger.query import Filter
from headworks.twin.compare import compare
from headworks.twin.report.comparison import Comparison, comparison_json
from headworks.twin.simulation.replications import Effort
from headworks.twin.workers.workers import Workers

MOST_FILES: Final = 8
"""Files that are compared at once: more columns fit no screen."""


def run(files: Sequence[Path], asked: Filter, way: Run, others: Workers) -> int:
    """Compares systems, prints what was found, and gives the exit code. others: who makes runs ahead of time. Raises
    click.ClickException."""
    if len(files) > MOST_FILES:
        raise click.UsageError(f"{len(files)} files are too many to read side by side: name {MOST_FILES} at most")
    if len({file.resolve() for file in files}) < len(files):
        raise click.UsageError("a file is named twice: a system is compared with others, not with itself")
    if way.html is not None or way.only_screen or way.is_detailed:
        option = "--screen" if way.only_screen else "--details" if way.is_detailed else "--html"
        raise click.UsageError(f"{option} is about one system: name one file, or leave {option} out")
    with silent(), seldom_collected():
        systems = {name: inputs(file, asked, way) for name, file in named(files).items()}
        for name, (system, _) in systems.items():
            if not system.requirements.promises:
                click.echo(NO_OBJECTIVES.format(file=name), err=True)
                return COULD_NOT_RUN
        found = compare(systems, Effort(calls=way.calls, runs=way.runs, seed=way.seed), progress, others)
    if way.is_json:
        click.echo(comparison_json(found).decode())
    else:
        show(found)
    return exit_code(found)


def named(files: Sequence[Path]) -> dict[str, Path]:
    """Each file by its name, or as it was typed where names are the same."""
    names = [file.name for file in files]
    return {file.name if names.count(file.name) == 1 else str(file): file for file in files}


def exit_code(found: Comparison) -> int:
    """Whether one of them would do."""
    verdicts = {one.verdict for one in found.columns}
    return HOLDS if "holds" in verdicts else CANNOT_SAY if "cannot say" in verdicts else FAILS
