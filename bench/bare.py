"""The ceiling: a proxy with nothing in it but a server, a client and one task a request, on the same parser and loop.

    python bench/bare.py PORT UPSTREAM_PORT

It checks no key, writes no record, has no timeouts and no backpressure: what it leaves out is what the product adds.
"""

from __future__ import annotations

import asyncio
import gc
import sys

import httptools
import uvloop


class Upstream(asyncio.Protocol):
    """One kept-alive connection to the vendor; bytes of the answer's body go to whoever `asked`."""

    def __init__(self) -> None:
        self.caller: Caller | None = None
        self.done: asyncio.Future[None] | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self.done is not None and not self.done.done():
            self.done.set_exception(error or ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        self.pieces: list[bytes] = []
        self.is_complete = False
        self.parser.feed_data(data)
        if self.caller is not None and self.pieces:
            self.caller.piece(b"".join(self.pieces))
        if self.is_complete:
            self.parser = httptools.HttpResponseParser(self)
            if self.done is not None and not self.done.done():
                self.done.set_result(None)

    def on_body(self, data: bytes) -> None:
        self.pieces.append(data)

    def on_message_complete(self) -> None:
        self.is_complete = True


class Proxy:
    """The idle connections to one vendor."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.idle: list[Upstream] = []

    async def forward(self, caller: Caller, body: bytes) -> None:
        loop = asyncio.get_running_loop()
        upstream: Upstream | None = None
        while self.idle and upstream is None:
            candidate = self.idle.pop()
            upstream = candidate if candidate.is_open else None
        if upstream is None:
            _, upstream = await loop.create_connection(Upstream, "127.0.0.1", self.port)
        upstream.caller = caller
        upstream.done = loop.create_future()
        upstream.transport.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )
        await upstream.done
        caller.end()
        self.idle.append(upstream)


class Caller(asyncio.Protocol):
    """One connection of a caller."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.body: list[bytes] = []
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self.body.append(data)

    def on_message_complete(self) -> None:
        body = b"".join(self.body)
        self.body = []
        self.is_started = False
        self.task = asyncio.get_running_loop().create_task(self.proxy.forward(self, body))

    def piece(self, data: bytes) -> None:
        head = b""
        if not self.is_started:
            self.is_started = True
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        self.transport.write(b"%b%x\r\n%b\r\n" % (head, len(data), data))

    def end(self) -> None:
        self.transport.write(b"0\r\n\r\n")


async def main(port: int, upstream: int) -> None:
    proxy = Proxy(upstream)
    server = await asyncio.get_running_loop().create_server(lambda: Caller(proxy), "127.0.0.1", port, backlog=8192)
    await server.serve_forever()


if __name__ == "__main__":
    gc.freeze()
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
