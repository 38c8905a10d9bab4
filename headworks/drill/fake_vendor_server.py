"""Fake vendors behind real sockets: one small HTTP server for each provider, which fails in every way a vendor does.

Theory. A simulated vendor raises what a leaf would make of a fault; here that is turned back into what happens on the
wire: a reset is a TCP reset, a cut ends the connection inside a chunked body, a garbled event is bytes that are no JSON,
a refusal is a status with a vendor's words. All of it is in the API in which it was asked (`fake_api.py`). So both loops run the same fake target, and what the gateway's client makes of
the wire is tried on top.

Not the gateway's own server: that one does not know how to misbehave.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import CallError
from headworks.core.reply import Reply
from headworks.drill.fake_api import FakeApi, api_at
from headworks.drill.fake_target import FakeTarget
from headworks.system.schema.drills import Fault

RESETS: Final = frozenset({"refused", "reset", "reset_after_head"})
"""Faults that end with a TCP reset; others close the connection in order, if too early."""

HTML_PAGE: Final = b"<!doctype html><html><head><title>We will be right back</title></head><body>Sorry.</body></html>"
JUNK: Final = b"x" * 65_536


class FakeVendorServer:
    """One provider's fake target, listening on a port of loopback. fake_targets: by the model's name."""

    def __init__(self, fake_targets: Mapping[str, FakeTarget], tls: ssl.SSLContext | None = None) -> None:
        self.targets = fake_targets
        self.tls = tls
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.WriteTransport, bool] = {}  # True while a request is answered
        self._last: set[asyncio.WriteTransport] = set()  # connections whose answer is their last

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/v1"

    async def listen(self) -> None:
        """Listens: the first time on any free port, then on the same. Raises OSError."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
            self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """From now on connections are refused; answers that have begun end, and their connections with them."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Ends every connection, after the answer that has begun on it."""
        for transport, is_busy in list(self._open.items()):
            if is_busy:
                self._last.add(transport)
            else:
                transport.abort()

    async def follow_downtimes(self, closings: list[tuple[float, float]], began_at: float) -> None:
        """Is closed in each of these windows (seconds after `began_at`)."""
        for begins, ends in sorted(set(closings)):
            await asyncio.sleep(max(0.0, began_at + begins - now()))
            self.close()
            await asyncio.sleep(max(0.0, began_at + ends - now()))
            while self._server is None:
                with suppress(OSError):  # another process may hold the port for a moment
                    await self.listen()
                    break
                await asyncio.sleep(0.05)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer.transport] = False
        try:
            while await self._exchange(reader, writer) and writer.transport not in self._last:
                self._open[writer.transport] = False
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the gateway has hung up
        finally:
            self._open.pop(writer.transport, None)
            self._last.discard(writer.transport)
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; whether another may follow on this connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(
            int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        self._open[writer.transport] = True
        body = await reader.readexactly(size)
        path = head.split(b" ", 2)[1].decode("latin-1")
        api = api_at(path)
        call = api.call(path, body)
        answering = asyncio.ensure_future(_Answer(writer, call, api).send(self.targets[call.alias]))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait([answering, gone], return_when=asyncio.FIRST_COMPLETED)
            return answering.done() and await answering
        finally:
            for task in (answering, gone):
                task.cancel()
            await asyncio.wait([answering, gone])


class _Answer:
    """How one request is answered on the wire."""

    def __init__(self, writer: asyncio.StreamWriter, call: Call, api: FakeApi) -> None:
        self.writer = writer
        self.call = call
        self.api = api

    async def send(self, target: FakeTarget) -> bool:
        """Answers, or breaks as the fault says; whether the connection can be used again."""
        fault, opening = target.attempt(self.call)
        is_begun = False
        try:
            async with opening as reply:
                is_begun = self.call.streamed
                await self._send_reply(reply)
            return True
        except CallError as error:
            return await self._break(error, fault, is_begun)

    async def _send_reply(self, reply: Reply) -> None:
        if not self.call.streamed:
            [chunk] = await reply.read()
            self._respond(200, b"application/json", self.api.body(chunk))
            return
        self._head(200, self.api.stream_kind, b"transfer-encoding: chunked\r\n")
        while chunks := await reply.read():
            self._chunk(self.api.events(chunks))
            await self.writer.drain()
            if chunks[-1].last:
                break
        self.writer.write(b"0\r\n\r\n")

    async def _break(self, error: CallError, fault: Fault | None, is_begun: bool) -> bool:
        if error.said is not None:
            wait = b"" if error.retry_after is None else b"retry-after: %d\r\n" % round(error.retry_after)
            refusal = self.api.refusal(fault, error.said, streamed=self.call.streamed)
            self._respond(refusal.status, refusal.kind, refusal.body, wait + refusal.headers)
            return True
        if fault in RESETS:
            self._reset()
            return False
        match fault:
            case "empty" | "no_content":
                self._respond(200, b"application/json", b"")
                return True
            case "html":
                self._respond(200, b"text/html", HTML_PAGE)
                return True
            case "huge_body":
                await self._send_endless_body()
            case "garbled_event" if is_begun:
                self._chunk(self.api.garbled)
                self.writer.write(b"0\r\n\r\n")
                return True
            case "missing_end" if is_begun:
                self.writer.write(b"0\r\n\r\n")
                return True
            case "garbled_event" | "missing_end":
                self._respond(200, b"application/json", b'{"choices": [{"index": 0, "mess')
                return True
            case "cut" if not is_begun:
                self._head(200, b"application/json", b"content-length: 1000\r\n")
                self.writer.write(b'{"choices": [')
        await self.writer.drain()
        self.writer.close()
        return False

    async def _send_endless_body(self) -> None:
        """A body without an end, until the gateway has had enough."""
        kind = self.api.stream_kind if self.call.streamed else b"application/json"
        self._head(200, kind, b"transfer-encoding: chunked\r\n")
        while not self.writer.is_closing():
            self._chunk(JUNK)
            await self.writer.drain()

    def _reset(self) -> None:
        raw = self.writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def _respond(self, status: int, kind: bytes, body: bytes, more: bytes = b"") -> None:
        self._head(status, kind, b"content-length: %d\r\n%b" % (len(body), more))
        self.writer.write(body)

    def _head(self, status: int, kind: bytes, more: bytes) -> None:
        self.writer.write(b"HTTP/1.1 %d Drill\r\ncontent-type: %b\r\n%b\r\n" % (status, kind, more))

    def _chunk(self, data: bytes) -> None:
        if data:
            self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
