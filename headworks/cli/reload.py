"""`headworks reload`: make a running gateway read its system file again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import click
import msgspec

from headworks.cli.exits import FAILS, HOLDS
from headworks.server.control_files import ControlFiles, Outcome
from headworks.system.derived.default_paths import journal_of, written
from headworks.system.starter import HERE, text
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import MOST_BYTES, Node, Scalar, compose

PATIENCE = 30.0
"""Seconds until an outcome must be there; reading a file takes a fraction of one."""


@click.command("reload")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def command(ctx: click.Context, file: Path | None, as_json: bool) -> None:
    """Make a running gateway read its system file again.

    FILE is the file it was started with (headworks.yaml by default). The whole file is checked first. A file with errors
    changes nothing; the errors are shown here and in the gateway's log. Calls in flight finish on the configuration they
    began with.

    Exit codes: 0 the new file is served; 1 it has errors; 3 no gateway serves this file, or it did not answer.
    """
    served = file or HERE
    findings = Findings(str(served))
    tree = compose(content(served, is_named=file is not None), findings)
    if tree is None:  # no gateway could read it, and where to look for one is in it
        outcome = Outcome(begun_at=time.time(), is_reloaded=False, config="", problems=findings.errors)
    else:
        outcome = asked(ControlFiles(served.parent / journal(tree, served), served), served)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(outcome)).decode())
    else:
        show(outcome, str(served) if file or served.exists() else "the starter system")
    ctx.exit(HOLDS if outcome.is_reloaded else FAILS)


def content(file: Path, *, is_named: bool) -> bytes:
    """What a gateway that was started with this file would read now."""
    if not is_named and not file.exists():
        return text().encode()
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror or error}") from error


def journal(tree: Node, file: Path) -> str:
    """The folder of the journal of a file, also where the file is wrong elsewhere: the gateway says what is."""
    node = written(tree, "log", "journal")
    return node.text if isinstance(node, Scalar) else journal_of(file)


def asked(control_files: ControlFiles, file: Path) -> Outcome:
    """Asks the gateway that serves the file, and waits until it has said what became of it."""
    pid = control_files.pid()
    if pid is None:
        raise click.ClickException(
            f"no running gateway serves {file}: looked in {control_files.folder}\n"
            "    start one with `headworks up`; a gateway that was started with another `log.journal` must be restarted"
        )
    since = time.time()
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError as error:
        raise click.ClickException(f"the gateway (process {pid}) cannot be signalled: {error.strerror}") from error
    while time.time() < since + PATIENCE:
        if outcome := control_files.outcome(since):
            return outcome
        if control_files.pid() is None:
            raise click.ClickException(f"the gateway (process {pid}) has ended")
        time.sleep(0.02)
    raise click.ClickException(f"the gateway (process {pid}) did not answer for {PATIENCE:.0f} s")


def show(outcome: Outcome, served: str) -> None:
    for problem in outcome.problems:
        click.echo(f"{click.style('error', fg='red')}: {problem}")
    for problem in outcome.warnings:
        click.echo(f"{click.style('warning', fg='yellow')}: {problem}")
    if outcome.is_reloaded:
        click.echo(f"{served} is served now; digest {outcome.config}")
    else:
        click.echo(f"Nothing has changed{f': digest {outcome.config} is still served' if outcome.config else ''}")
