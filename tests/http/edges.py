"""An edge for a test, and callers that send exactly the bytes that a test says."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from headworks.http.server import Edge, EdgeLimits, Exchange, Request

TEXT = [(b"content-type", b"text/plain")]

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def refuse(status: int, message: str) -> tuple[Sequence[tuple[bytes, bytes]], bytes]:
    """The edge's own errors, in the words of a test's application."""
    return TEXT, message.encode()


def post(body: bytes, path: bytes = b"/") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (path, len(body), body)


async def echo(request: Request, exchange: Exchange) -> None:
    """Answers with method, path and body, so that a test sees what was understood."""
    exchange.respond(200, TEXT, b"%b %b %b" % (request.method.encode(), request.path.encode(), request.body))


class Caller:
    """The caller's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of one answer with a length."""
        head = await self.head()
        length = next((line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), b":0")
        return int(head.split(b" ", 2)[1]), await self.reader.readexactly(int(length.split(b":")[1]))

    async def rest(self) -> bytes:
        """Everything until the edge ends the connection. Raises ConnectionError where it was reset."""
        return await self.reader.read(-1)

    async def is_closed(self) -> bool:
        """Whether the edge has ended the connection, cleanly or not, with nothing more to read."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True

    def end(self) -> None:
        """Sends no more; still reads."""
        self.writer.write_eof()

    def reset(self) -> None:
        """Goes away by RST, as a process that was killed with bytes unread."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        """Goes away by FIN."""
        self.writer.close()


class Served:
    """An edge that listens, and the callers that a test connects to it."""

    def __init__(self, edge: Edge, port: int) -> None:
        self.edge = edge
        self.port = port
        self._callers: list[Caller] = []

    async def caller(self) -> Caller:
        return self.adopt(Caller(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)))

    def adopt(self, caller: Caller) -> Caller:
        """Closes it at the end, as those made here."""
        self._callers.append(caller)
        return caller

    async def said(self, data: bytes) -> bytes:
        """All that the edge says to a caller who sends these bytes, until it closes."""
        caller = await self.caller()
        caller.send(data)
        return await caller.rest()

    async def leave(self) -> None:
        for caller in self._callers:
            caller.close()
        for caller in self._callers:
            try:
                await caller.writer.wait_closed()
            except OSError:
                pass  # the edge was first


@asynccontextmanager
async def serving(
    handler: Callable[[Request, Exchange], Awaitable[None]] = echo, **limits: float
) -> AsyncIterator[Served]:
    """Serves on a free port. On leaving nothing is left open and every counter is back at zero."""
    edge = Edge(handler, refuse, limits=EdgeLimits(**limits))  # type: ignore[arg-type]
    served = Served(edge, await edge.start("127.0.0.1", 0))
    try:
        yield served
    finally:
        await served.leave()
        await edge.stop(0.2)
    assert (edge.busy, edge.connections, edge.arriving, edge.buffered.size) == (0, 0, 0, 0), repr(edge)
