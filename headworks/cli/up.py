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

from headworks.gateway.gateway import Gateway
from headworks.gateway.priced import priced
from headworks.server.parent import serve_by_workers
from headworks.server.serve import serve
from headworks.system.findings import Findings
from headworks.system.schema import System
from headworks.system.starter import HERE, load_or_starter


@click.command("up")
@click.option(
    "--seed", type=int, help="Where chance comes from, so that a run can be repeated. Anew each time by default."
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def command(file: Path | None, seed: int | None) -> None:
    """Serve a system: the gateway on one port.

    FILE is the system file (headworks.yaml by default). With no file at all, the starter system is served: the embedded
    model and a simulated vendor. SIGTERM or Ctrl-C drains; a second one ends at once. SIGHUP, or `headworks reload`,
    reads the file again.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO, stream=sys.stderr)
    is_starter = file is None and not HERE.exists()
    read = partial(load_or_starter, file, os.environ)
    loaded = read()
    unpaid = Findings(str(file or HERE))
    priced(loaded.system, unpaid)  # no reason not to serve the others: what cannot be paid for is refused, call by call
    for warning in (*loaded.warnings, *unpaid.errors):
        click.echo(f"warning: {warning}", err=True)
    say = partial(greet, is_starter=is_starter)
    if loaded.system.server.workers > 1:
        uvloop.run(serve_by_workers(file or HERE, loaded, say))
    else:
        uvloop.run(serve(loaded, file or HERE, read, partial(greet_gateway, say), seed=seed))


def greet_gateway(say: Callable[..., None], gateway: Gateway) -> None:
    say(gateway.system, gateway.journal.path, gateway.keys is not None)


def greet(system: System, journal: Path, has_keys: bool, *, is_starter: bool) -> None:
    """Says on stdout where the gateway is and how to ask it."""
    url = system.server.url
    alias = next(iter(system.models))
    if is_starter:
        click.echo("No headworks.yaml here: serving the starter system.")
    click.echo(f"Headworks serves {system.name} on {url}/v1")
    click.echo(f"  models   {', '.join(system.models)}")
    click.echo(f"  callers  {'with a key' if has_keys else 'anybody on this machine (no keys)'}")
    click.echo(f"  journal  {journal}")
    key = " -H 'authorization: Bearer YOUR_KEY'" if has_keys else ""
    click.echo(f"  try      curl {url}/v1/chat/completions{key} -H 'content-type: application/json' \\")
    click.echo(f'             -d \'{{"model": "{alias}", "messages": [{{"role": "user", "content": "Hello!"}}]}}\'')
    sys.stdout.flush()
