"""A worker process. Its parent tells it what to serve. It ends when told, or when the parent ends.

Always true: it takes connections from sockets that the parent holds, so one that waits there while this process is started
again is not lost; a parent that is gone, whatever it died of, drains it as SIGTERM does.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from headworks.core.errors import ConfigError, Problem
from headworks.core.throttled_log import log_fields
from headworks.gateway.counting import Member
from headworks.gateway.gateway import Gateway
from headworks.gateway.gateway import Prepared as PreparedSystem
from headworks.http.server import Edge, EdgeLimits, Listener
from headworks.server.admin_view import snapshot_of
from headworks.server.app import App
from headworks.server.origins import Origins
from headworks.server.serve import SWITCH, certificates_of, drain, signals
from headworks.server.workers.channel import (
    Adopt,
    Channel,
    Cover,
    Ended,
    Failed,
    Leaving,
    Look,
    Prepare,
    Prepared,
    Ready,
    Seen,
    Start,
)
from headworks.system.load import read

log = logging.getLogger("headworks.worker")


async def work(number: int, channel_end: int, listening: Sequence[Sequence[int]]) -> None:
    """Serves until told to end. channel_end, listening: sockets that were inherited, the latter of each worker."""
    channel = await Channel.over(socket.socket(fileno=channel_end))
    start = await channel.hear()
    assert isinstance(start, Start)
    asked = signals(signal.SIGTERM)
    for passed in (signal.SIGINT, signal.SIGHUP):  # the parent's to hear: a terminal sends them to all
        signal.signal(passed, signal.SIG_IGN)
    try:
        worker = Worker(start, channel, [[socket.socket(fileno=os.dup(one)) for one in own] for own in listening])
        await worker.begin(number)
    except ConfigError as error:
        with contextlib.suppress(ConnectionError):
            await channel.say(Failed(list(error.problems)))
        return
    await worker.serve(asked)


class Worker:
    """The gateway of this process, as its parent sees it."""

    def __init__(self, start: Start, channel: Channel, listening: Sequence[Sequence[socket.socket]]) -> None:
        self.listening = listening
        self.channel = channel
        self.start = start
        loaded = read(start.content, file=Path(start.file), folder=Path(start.folder), env=start.env)
        chance = Random()
        member = Member(owner=start.owner, state=start.state, models=start.models)
        self.gateway = Gateway(loaded.system, loaded.folder, seed=start.seed, member=member)
        server = loaded.system.server
        origins = Origins(server.cors, self.gateway.ring)
        self.app = App(self.gateway, origins, chance.getrandbits)
        self.certificates = certificates_of(loaded)
        limits, buffered = EdgeLimits(max_body=server.max_body), self.gateway.buffered
        self.edge = Edge(
            self.app.handle,
            self.app.refuse,
            admit=self.app.admit,
            limits=limits,
            certificates=self.certificates,
            buffered=buffered,
        )
        self.prepared: PreparedSystem | None = None
        self.taking: dict[int, list[Listener]] = {}

    async def begin(self, number: int) -> None:
        """Starts to answer calls that come to its own sockets."""
        await self.gateway.start()
        await self.cover(number, is_on=True)
        gc.collect()
        gc.freeze()
        sys.setswitchinterval(SWITCH)

    async def serve(self, asked: asyncio.Queue[None]) -> None:
        """Answers calls, and the parent, until one of them ends it."""
        hearing = asyncio.create_task(self.hear(asked), name="parent")
        try:
            async with contextlib.AsyncExitStack() as held:
                if self.certificates is not None:
                    await held.enter_async_context(self.certificates.watched())
                with contextlib.suppress(ConnectionError):
                    await self.channel.say(Ready(snapshot_of(self.gateway)))
                await asked.get()
            with contextlib.suppress(ConnectionError):
                await self.channel.say(Leaving())
            await drain(self.gateway, self.app, self.edge, asked)
            await self.gateway.stop()
            with contextlib.suppress(ConnectionError):
                await self.channel.say(Ended(snapshot_of(self.gateway)))
        finally:
            hearing.cancel()
            await asyncio.wait([hearing])
            self.channel.close()

    async def hear(self, asked: asyncio.Queue[None]) -> None:
        while (message := await self.channel.hear()) is not None:
            with contextlib.suppress(ConnectionError):
                match message:
                    case Look():
                        await self.channel.say(Seen(snapshot_of(self.gateway)))
                    case Prepare():
                        await self.channel.say(Prepared(await self.prepare(message)))
                    case Adopt():
                        await self.adopt(is_taken=message.is_taken)
                        await self.channel.say(Seen(snapshot_of(self.gateway)))
                    case Cover():
                        await self.cover(message.number, is_on=message.is_on)
                        await self.channel.say(Seen(snapshot_of(self.gateway)))
                    case _:
                        raise AssertionError(f"a parent does not say {type(message).__name__}")
        log.error("the parent is gone: draining", extra=log_fields("parent_gone"))
        asked.put_nowait(None)

    async def cover(self, number: int, *, is_on: bool) -> None:
        """Takes connections from the sockets of a worker, or no more."""
        for server in self.taking.pop(number, []):
            self.edge.close_listener(server)
        if is_on:
            self.taking[number] = [await self.edge.start_at(again(one)) for one in self.listening[number]]

    async def prepare(self, message: Prepare) -> list[Problem]:
        """Why the other system cannot be served; nothing where it can, at once."""
        await self.adopt(is_taken=False)
        loop = asyncio.get_running_loop()
        start = self.start
        try:
            loaded = await loop.run_in_executor(
                None, lambda: read(message.content, file=Path(start.file), folder=Path(start.folder), env=message.env)
            )
            self.prepared = await self.gateway.prepared(loaded.system, message.models)
        except ConfigError as error:
            return list(error.problems)
        except OSError as error:
            return [Problem(problem=f"the machine refuses: {error.strerror or error}")]
        return []

    async def adopt(self, *, is_taken: bool) -> None:
        prepared, self.prepared = self.prepared, None
        if prepared is None:
            return
        if is_taken:
            self.gateway.adopt(prepared)
            self.app.origins = Origins(prepared.system.server.cors, self.gateway.ring)
        else:
            await self.gateway.abandon(prepared)


def again(one: socket.socket) -> socket.socket:
    """Duplicates a socket for another server, which closes the duplicate."""
    made = one.dup()
    made.setblocking(False)
    return made
