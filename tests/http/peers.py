"""Servers that say exactly what a test tells them to, byte by byte, and the two loops every test runs on."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import uvloop

from headworks.http.client import Client
from headworks.http.dial import Origin

T = TypeVar("T")

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def run(loop: str, main: Coroutine[Any, Any, T]) -> T:
    """Runs on the loop of that name, for at most 60 s: a test that hangs is a test that fails."""

    async def bounded() -> T:
        async with asyncio.timeout(60):
            return await main

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(bounded())


class Caller:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number
        """Which connection this is, from 0."""

    async def request(self) -> bytes:
        """One whole request; EOFError when the client has closed."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except ConnectionError as error:
            raise EOFError from error
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        return head + await self.reader.readexactly(length)

    async def say(self, data: bytes) -> None:
        if self.writer.transport.is_closing():
            raise ConnectionResetError  # uvloop would raise RuntimeError
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Waits for the client to close."""
        try:
            while await self.reader.read(65_536):
                pass
        except ConnectionError:
            pass

    def reset(self) -> None:
        """Closes with RST, not FIN."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


Script = Callable[[Caller], Awaitable[None]]


class Peer:
    """A listening server that runs a script on each connection, and the port where it does."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.callers: list[Caller] = []
        self.scripts: list[asyncio.Task[None]] = []
        self.clients: list[Client] = []

    async def over(self, *, within: float = 30.0) -> None:
        """Returns when every script has ended; one that ends with `gone` says that the client has closed."""
        await until(lambda: all(script.done() for script in self.scripts), within=within)

    def client(self, **options: Any) -> Client:
        self.clients.append(Client(Origin(host="127.0.0.1", port=self.port), **options))
        return self.clients[-1]


@asynccontextmanager
async def peer(script: Script) -> AsyncIterator[Peer]:
    """Serves until left; what went wrong in a script goes wrong in the test."""
    faults: list[BaseException] = []

    async def converse(caller: Caller) -> None:
        try:
            await script(caller)
        except (EOFError, ConnectionError):
            pass  # the client went away: that is for the test to judge
        except Exception as error:  # noqa: BLE001 - raised again below, where the test sees it
            faults.append(error)
        finally:
            caller.writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = Caller(reader, writer, len(here.callers))
        here.callers.append(caller)
        here.scripts.append(asyncio.get_running_loop().create_task(converse(caller)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=1 << 24)
    here = Peer(server.sockets[0].getsockname()[1])
    try:
        yield here
    finally:
        server.close()
        for _ in range(5):
            await asyncio.sleep(0)  # what was accepted on the last turn becomes a script now, or is never closed
        for task in here.scripts:
            task.cancel()
        await asyncio.gather(*here.scripts, return_exceptions=True)
        await server.wait_closed()
    if faults:
        raise faults[0]
    for client in here.clients:
        assert client.busy or client.lingering or not client.buffered.size, client.buffered


def answering(*answers: bytes) -> Script:
    """Gives these answers in turn on each connection, then closes it."""

    async def script(caller: Caller) -> None:
        for answer in answers:
            await caller.request()
            await caller.say(answer)
        await caller.gone()

    return script


async def ask(client: Client, body: bytes = b"{}", *, by: float = 50.0, limit: int = 1_000_000) -> tuple[int, bytes]:
    """One exchange from end to end; `by` seconds from now for the whole answer."""
    by += asyncio.get_running_loop().time()
    exchange = await client.send(b"POST", b"/v1/x", b"content-type: application/json\r\n", body, by)
    try:
        status, _, data = await exchange.whole(by, limit)
    finally:
        exchange.release()
    return status, data


TICK = 0.001
"""Seconds between two looks at what a test waits for."""


async def until(holds: Callable[[], bool], *, within: float = 30.0) -> None:
    """Lets the loop turn until it holds; fails after `within` seconds, of which a pause of the machine is one tick."""
    for _ in range(round(within / TICK)):
        if holds():
            return
        await asyncio.sleep(TICK)
    assert holds(), "it never came to hold"


class Stopwatch:
    """Seconds in which this loop ran, in ticks, while it is open. A machine that stands still, as shared ones do for a second, adds
    one tick: so what should take a moment has a bound, and no test fails by its neighbours. It is a tenth to a half slower than
    the clock."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def __aenter__(self) -> Self:
        self._ticking = asyncio.get_running_loop().create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ticking.cancel()
        await asyncio.wait([self._ticking])

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.seconds += TICK
