"""The public port from its start to its end: bind, answer, reload, drain, stop; and the admin port beside it.

The admin port comes second: what it stands on takes a quarter of a second to import (`docs/adr/0022`), which no caller
should wait for. Its address is claimed with the public one, so that a conflict is known before anything is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from pathlib import Path
from random import Random
from typing import TypeAlias

from headworks.core.errors import ConfigError, Problem
from headworks.core.notices import named
from headworks.core.private_folders import is_open_to_others
from headworks.gateway.gateway import Gateway
from headworks.gateway.hold import holding
from headworks.http.certificates import Certificates, complaint
from headworks.http.server import Edge, EdgeLimits
from headworks.server.admin_view import AdminView, Single
from headworks.server.app import App
from headworks.server.control_files import ControlFiles
from headworks.server.drain import goodbye
from headworks.server.open_files import allow_open_files
from headworks.server.origins import Origins
from headworks.server.reloading import Reloading, replacing
from headworks.system.load import Loaded
from headworks.system.schema.notations import Address
from headworks.system.schema.system import ADMIN, Server

Held: TypeAlias = contextlib.AbstractAsyncContextManager[None]

log = logging.getLogger("headworks.server")

SWITCH = 0.0005
"""Seconds after which a thread that computes must let the loop on. Python's 5 ms is what a call may wait for a scrape
of the metrics, which is written in a thread."""

COLLECTED = (10_000, 20, 50)
"""How many more objects there must be before the collector looks for circles. Python's 700 are ten calls in flight, which
are no circles: 5 % of a call's time went into looking at them. 10,000 young objects are looked at in half a millisecond."""


async def serve(
    loaded: Loaded,
    file: Path,
    read: Callable[[], Loaded],
    ready: Callable[[Gateway], None],
    *,
    seed: int | None = None,
    new_ledger: bool = False,
) -> bool:
    """Serves a system until SIGTERM or SIGINT, then drains; SIGHUP serves what `read` reads then.

    `file` is what `headworks reload` will call it; `ready` is called once the port answers. Raises ConfigError where a
    port, the journal or the ledger cannot be had. A second signal ends the draining. `seed` is the stack's; None draws one.
    new_ledger: the store that is there is the right one, whichever was before. False where records of calls are missing
    at the end.
    """
    loaded.settle()
    server = loaded.system.server
    chance = Random()
    allow_open_files()
    async with contextlib.AsyncExitStack() as held:
        hold = await held.enter_async_context(holding(loaded, always=True, new_ledger=new_ledger))
        admin = held.enter_context(contextlib.closing(taken)) if (taken := claimed(server)) is not None else None
        gateway = Gateway(loaded.system, loaded.folder, seed=chance.getrandbits(64) if seed is None else seed)
        held.push_async_callback(gateway.stop)
        gateway.access.hold = hold
        app = App(gateway, Origins(server.cors, gateway.ring), chance.getrandbits)
        certificates = certificates_of(loaded)
        limits = EdgeLimits(max_body=server.max_body)
        edge = Edge(
            app.handle,
            app.refuse,
            admit=app.admit,
            limits=limits,
            certificates=certificates,
            buffered=gateway.buffered,
        )
        if certificates is not None:
            await held.enter_async_context(certificates.watched())
        await bind(edge, server)
        await gateway.start()
        control_files = ControlFiles(loaded.folder / loaded.system.log.journal, file)
        reloading = Reloading(gateway, replacing(gateway, app, read), control_files)
        asked, again = signals(signal.SIGTERM, signal.SIGINT), signals(signal.SIGHUP)
        light(control_files)
        warn_of_open_folders(control_files.folder)
        held.callback(control_files.put_out)
        await held.enter_async_context(kept(reloading, again))
        # What was built at the start lives until the end: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTED)
        sys.setswitchinterval(SWITCH)
        ready(gateway)
        if admin is not None:
            await held.enter_async_context(await opened(Single(gateway, reloading), admin))
        await asked.get()
        await drain(gateway, app, edge, asked)
    return gateway.is_whole


def certificates_of(loaded: Loaded) -> Certificates | None:
    """What the public port shows in TLS; None where it speaks plain http. Raises ConfigError."""
    tls = loaded.system.server.tls
    if tls is None:
        return None
    try:
        return Certificates(loaded.folder / tls.cert, loaded.folder / tls.key)
    except (OSError, ValueError) as error:
        problem = f"the certificate cannot be served: {complaint(error)}"
        remedy = "write PEM files that belong together, relative to the system file's folder"
        raise ConfigError([Problem(path="server.tls", problem=problem, remedy=remedy)]) from error


async def bind(edge: Edge, server: Server) -> None:
    address = server.listen
    try:
        await edge.start(address.host, address.port)
    except OSError as error:
        raise unlistenable(address, error) from error


def unlistenable(address: Address, error: OSError) -> ConfigError:
    """What is said of a public port that cannot be had."""
    return ConfigError(
        [
            Problem(
                path="server.listen",
                problem=f"{address} cannot be listened on: {error.strerror or error}",
                remedy="end whatever listens there, or name another port, e.g. `server: {listen: 127.0.0.1:8090}`",
            )
        ]
    )


def claimed(server: Server) -> socket.socket | None:
    """The admin port, listening; None where nobody asked for it by name and another process has it."""
    address = server.admin or ADMIN
    try:
        family, _, _, _, where = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family)
    except OSError as error:
        if server.admin is None:
            log.warning("no admin port: %s is taken (%s); name one by `server.admin`", address, error.strerror or error)
            return None
        raise ConfigError(
            [
                Problem(
                    path="server.admin",
                    problem=f"{address} cannot be listened on: {error.strerror or error}",
                    remedy="end whatever listens there, or name another port, e.g. `server: {admin: 127.0.0.1:8091}`",
                )
            ]
        ) from error


async def opened(shown: AdminView, listening: socket.socket) -> Held:
    """The admin port, to be entered. Imported by name and off the loop, while calls are served already."""
    module = await asyncio.get_running_loop().run_in_executor(None, import_module, "headworks.server.admin")
    serving: Held = module.Admin(shown).serving(listening)
    gc.freeze()
    return serving


def warn_of_open_folders(journal: Path) -> None:
    """Says which folders of ours others on this machine may look into. They are left so: somebody may have meant it."""
    for folder in (journal, *(one for one in journal.parents if one.name == ".headworks")):
        if is_open_to_others(folder):
            log.warning("others on this machine may look into %s: chmod 700 %s", folder, folder)


def light(control_files: ControlFiles) -> None:
    """Without it only `headworks reload` does not work: no reason not to serve."""
    try:
        if not control_files.light():
            log.warning("another gateway serves this file: `headworks reload` will find that one; SIGHUP works")
    except OSError as error:
        log.warning("`headworks reload` will not find this gateway: %s; SIGHUP works", error)


@contextlib.asynccontextmanager
async def kept(reloading: Reloading, asked: asyncio.Queue[None]) -> AsyncIterator[None]:
    """Reloads for every item of the queue, until left."""
    task = asyncio.create_task(reloading.serve(asked), name="reload")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def drain(gateway: Gateway, app: App, edge: Edge, asked: asyncio.Queue[None]) -> None:
    """Accepts nothing new and lets what runs finish, `server.drain` seconds at most or until a second signal.

    What runs on after that is ended with an error that its caller can read.
    """
    patience = gateway.system.server.drain

    def farewell() -> None:
        if gateway.in_flight:
            fields = named("drain_ended", in_flight=gateway.in_flight)
            log.warning("drained for too long: %d calls are ended with an error", gateway.in_flight, extra=fields)
        error = goodbye()
        gateway.end(error)
        app.open_calls.say(error)

    gateway.is_draining = True
    fields = named("draining", in_flight=gateway.in_flight, at_most=patience)
    log.info("draining: %d calls in flight, at most %.0f s", gateway.in_flight, patience, extra=fields)
    edge.drain()
    again = asyncio.ensure_future(asked.get())
    stopping = asyncio.ensure_future(edge.stop(patience, farewell))
    await asyncio.wait([again, stopping], return_when=asyncio.FIRST_COMPLETED)
    again.cancel()
    if not stopping.done():
        stopping.cancel()
        await edge.stop(0.0, farewell)


def signals(*numbers: signal.Signals) -> asyncio.Queue[None]:
    """A queue that gets an item for each of these signals."""
    asked: asyncio.Queue[None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, asked.put_nowait, None)
    return asked
