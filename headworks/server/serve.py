"""The public port from its start to its end: bind, answer, drain, stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random

from headworks.core.errors import ConfigError, Problem
from headworks.gateway.gateway import Gateway
from headworks.http.server import Edge, EdgeLimits
from headworks.server.app import App
from headworks.server.origins import Origins
from headworks.system.schema import Server, System

log = logging.getLogger("headworks.server")


async def serve(system: System, folder: Path, ready: Callable[[Gateway], None]) -> None:
    """Serves a system until SIGTERM or SIGINT, then drains. `ready` is called once the port answers.

    Raises ConfigError where the port or the journal cannot be had. A second signal ends the draining.
    """
    chance = Random()
    gateway = Gateway(system, folder, seed=chance.getrandbits(64))
    try:
        origins = Origins(system.server.cors, has_keys=gateway.keys is not None)
        app = App(gateway, origins, chance.getrandbits)
        edge = Edge(app.handle, app.refuse, limits=EdgeLimits(max_body=system.server.max_body))
        await bind(edge, system.server)
        await gateway.start()
        # What was built at the start lives until the end: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        ready(gateway)
        asked = stops()
        await asked.get()
        await drain(gateway, edge, system.server.drain, asked)
    finally:
        await gateway.stop()


async def bind(edge: Edge, server: Server) -> None:
    address = server.listen
    try:
        await edge.start(address.host, address.port)
    except OSError as error:
        raise ConfigError(
            [
                Problem(
                    path="server.listen",
                    problem=f"{address} cannot be listened on: {error.strerror or error}",
                    remedy="end whatever listens there, or name another port, e.g. `server: {listen: 127.0.0.1:8090}`",
                )
            ]
        ) from error


async def drain(gateway: Gateway, edge: Edge, patience: float, asked: asyncio.Queue[None]) -> None:
    """Accepts nothing new and lets what runs finish, `patience` seconds at most or until a second signal."""
    gateway.is_draining = True
    log.info("draining: %d calls in flight, at most %.0f s", gateway.in_flight, patience)
    edge.drain()
    again = asyncio.ensure_future(asked.get())
    stopping = asyncio.ensure_future(edge.stop(patience))
    await asyncio.wait([again, stopping], return_when=asyncio.FIRST_COMPLETED)
    again.cancel()
    if not stopping.done():
        stopping.cancel()
        await edge.stop(0.0)


def stops() -> asyncio.Queue[None]:
    """A queue that gets an item for each SIGTERM or SIGINT."""
    asked: asyncio.Queue[None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.put_nowait, None)
    return asked
