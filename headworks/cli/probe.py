"""`headworks probe`: how fast each target is, by asking it."""

from __future__ import annotations

from pathlib import Path

import click

from headworks.cli.extra_modules import import_extra
from headworks.cli.param_types import SystemFileType
from headworks.system.speeds.measurements import PROBE_CALLS


@click.command("probe")
@click.option(
    "--calls", type=click.IntRange(5, 1000), default=PROBE_CALLS, show_default=True, help="Calls to each target."
)
@click.option("--target", "targets", multiple=True, help="Only this target (provider/model); may be repeated.")
@click.option("--place", default=None, help="Where it is measured from, for the report. Default: this machine's name.")
@click.option("--yes", "is_agreed", is_flag=True, help="Make the calls without asking first.")
@click.option(
    "--json", "is_json", is_flag=True, help="Print one JSON object, for machines. Needs --yes where calls cost."
)
@click.argument("file", default="headworks.yaml", type=SystemFileType())
@click.pass_context
def command(
    ctx: click.Context,
    calls: int,
    targets: tuple[str, ...],
    place: str | None,
    is_agreed: bool,
    is_json: bool,
    file: Path,
) -> None:
    """Measure how fast each target is, for `headworks plan`.

    Each target is asked some calls, streamed, with prompts and answers as long as those of the file's traffic. What it costs
    at most is shown and confirmed first. First token, pace, their spread, failures and the vendor's limits are kept beside the
    ledger; `plan` uses them, and `check` says how old they are.

    FILE is the system file (headworks.yaml by default). Its secrets must resolve. Targets that do not meet the file's
    constraints are not asked.

    Exit codes: 0 every target was measured; 2 one was not; 3 it could not run.
    """
    module = import_extra("probe", "headworks.cli.probe_run")
    run = module.Run(calls=calls, targets=targets, place=place, is_agreed=is_agreed, is_json=is_json)
    ctx.exit(module.run(file, run))
