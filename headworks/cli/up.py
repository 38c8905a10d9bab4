"""`headworks up`: serve a system until it is told to stop."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import uvloop

from headworks import __version__
from headworks.cli.exit_codes import COULD_NOT_RUN, FAILS, HOLDS
from headworks.cli.log_format import format_of, log, log_failure, log_problems, write_log
from headworks.core.errors import HeadworksError
from headworks.core.throttled_log import log_fields
from headworks.gateway.gateway import Gateway
from headworks.gateway.unpriced_targets import priced
from headworks.server.serve import serve
from headworks.server.workers.parent import serve_by_workers
from headworks.system.schema.system import System
from headworks.system.starter import DEFAULT_FILE, load_or_starter
from headworks.system.syntax.findings import Findings


@click.command("up")
@click.option(
    "--seed",
    type=int,
    help="Seed of all random choices, so that a run can be repeated. A new one each time by default.",
)
@click.option(
    "--new-ledger",
    is_flag=True,
    help="Accept a ledger that is not the one used before. Keys, revocations and spending of the former one are lost. Use it"
    " once, by hand; never in a service's unit file.",
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def command(file: Path | None, seed: int | None, new_ledger: bool) -> int:
    """Serve a system: the gateway on one port.

    FILE is the system file (headworks.yaml by default). With no file at all, the starter system is served: the embedded
    model and a simulated vendor.

    SIGTERM or Ctrl-C drains: calls in flight finish first. A second signal stops at once. SIGHUP, or `headworks reload`,
    reads the file again.

    Exit codes: 0 stopped normally; 1 records of answered calls were lost; 3 it could not start.
    """
    form = format_of(file or DEFAULT_FILE)
    write_log(form)
    if form == "text":
        return up(file, seed, is_json=False, new_ledger=new_ledger)
    try:
        return up(file, seed, is_json=True, new_ledger=new_ledger)
    except HeadworksError as error:
        log_failure(error)
        return COULD_NOT_RUN


def up(file: Path | None, seed: int | None, *, is_json: bool, new_ledger: bool) -> int:
    """Serves until told to stop, and says how it ended. is_json: nothing is printed that is no line of the log. Raises
    HeadworksError."""
    is_starter = file is None and not DEFAULT_FILE.exists()
    read = partial(load_or_starter, file, os.environ)
    loaded = read()
    unpaid = Findings(str(file or DEFAULT_FILE))
    priced(loaded.system, unpaid)  # no reason not to serve the others: what cannot be paid for is refused, call by call
    warnings = (*loaded.warnings, *unpaid.errors)
    if is_json:
        log_problems(warnings, logging.WARNING, "config_warning")
    else:
        for warning in warnings:
            click.echo(f"warning: {warning}", err=True)
    say = tell_start if is_json else partial(greet, is_starter=is_starter)
    if loaded.system.server.workers > 1:
        is_whole = uvloop.run(serve_by_workers(file or DEFAULT_FILE, loaded, say, new_ledger=new_ledger))
    else:
        ready = partial(greet_gateway, say)
        is_whole = uvloop.run(serve(loaded, file or DEFAULT_FILE, read, ready, seed=seed, new_ledger=new_ledger))
    return HOLDS if is_whole else FAILS


def tell_start(system: System, journal: Path, has_keys: bool) -> None:
    """Says in the log what is served, and where."""
    log.info(
        "Headworks serves %s on http://%s/v1",
        system.name,
        system.server.listen,
        extra=log_fields(
            "serving",
            name=system.name,
            url=f"http://{system.server.listen}/v1",
            models=list(system.models),
            callers="with a key" if has_keys else "anybody",
            journal=str(journal),
            workers=system.server.workers,
            config=system.digest,
            version=__version__,
        ),
    )


def greet_gateway(say: Callable[..., None], gateway: Gateway) -> None:
    if not gateway.ring.is_read:
        log.warning("the key store was not read yet: callers without a key of the system file get 503 until it is")
    say(gateway.system, gateway.journal.path, gateway.keys is not None)


def greet(system: System, journal: Path, has_keys: bool, *, is_starter: bool) -> None:
    """Says on stdout where the gateway is and how to ask it."""
    url = system.server.url
    alias = next(iter(system.models))
    if is_starter:
        click.echo("No headworks.yaml here: serving the starter system.")
    click.echo(f"Headworks serves {system.name} on {url}/v1")
    click.echo(f"  models   {', '.join(system.models)}")
    click.echo(f"  callers  {'with a key' if has_keys else 'anyone on this machine (no keys)'}")
    click.echo(f"  journal  {journal}")
    key = " -H 'authorization: Bearer YOUR_KEY'" if has_keys else ""
    click.echo(f"  try      curl {url}/v1/chat/completions{key} -H 'content-type: application/json' \\")
    click.echo(f'             -d \'{{"model": "{alias}", "messages": [{{"role": "user", "content": "Hello!"}}]}}\'')
    sys.stdout.flush()
