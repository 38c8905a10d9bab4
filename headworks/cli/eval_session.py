"""Runs one session of `headworks eval`, with its progress on stderr."""

from __future__ import annotations

import asyncio

import click
import uvloop

from headworks.cli.views import eval as eval_view
from headworks.evals.runner import Progress
from headworks.evals.session import Session
from headworks.evals.statistics.table import Table


def run(session: Session, *, quiet: bool) -> tuple[Table, int]:
    """Runs a suite, and returns its numbers and the nano-dollars that it spent, as far as they are known."""
    results = session.results()
    spent = 0
    with eval_view.Bar(session.plan.suite.name, is_shown=not quiet) as bar:

        def tell(progress: Progress) -> None:
            nonlocal spent
            spent = progress.spent_nano
            bar.tell(progress)

        try:
            uvloop.run(session.run(results, tell))
        except (KeyboardInterrupt, asyncio.CancelledError):
            click.echo(f"stopped; run the same command again to resume {results.path}", err=True)
            raise KeyboardInterrupt from None
    return Table(results.path), spent
