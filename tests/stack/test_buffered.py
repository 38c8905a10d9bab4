"""Answers that wait for their callers: bounded over all connections, and a clean 503 beyond. Over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from headworks.gateway.leaves import Leaves
from headworks.http.buffered import Buffered
from headworks.http.server import Edge
from tests.http.edges import Caller, Served, post
from tests.http.peers import until
from tests.server.test_app import Facing
from tests.stack.systems import system

PICTURE = b"A" * 3_000_000
WHOLE = b'{"choices":[{"index":0,"message":{"content":"%b"},"finish_reason":"stop"}]}' % PICTURE
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
LARGE = b'data: {"choices":[{"index":0,"delta":{"images":["%b"]}}]}\n\n' % PICTURE
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
MOST = 4_000_000


def asked(**fields: object) -> bytes:
    body = {"model": "assistant", "messages": [{"role": "user", "content": "x"}], **fields}
    request = post(json.dumps(body).encode(), b"/v1/chat/completions")
    return request.replace(b"Host: a", b"Host: 127.0.0.1")


class Vendor:
    """Answers with a picture; a stream's comes when the test says so."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.calls = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                streamed = b'"stream": true' in await reader.readexactly(length)
                self.calls += 1
                if not streamed:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(WHOLE), WHOLE))
                else:
                    writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + TEXT)
                    await self.goes_on.wait()
                    writer.write(LARGE + STOP)
                await writer.drain()
                if streamed:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def is_answered(connected: socket.socket) -> bool:
    """Whether something came, which is left unread."""
    try:
        return bool(connected.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return False


class Running(Served):
    """A gateway over that vendor."""

    def __init__(self, edge: Edge, port: int, vendor: Vendor) -> None:
        super().__init__(edge, port)
        self.vendor = vendor
        self.size = edge.buffered

    async def stalled(self) -> socket.socket:
        """A caller who has asked and reads nothing."""
        connected = socket.socket()
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connected.connect(("127.0.0.1", self.port))
        connected.send(asked())
        # Until its first byte is there, the answer is under way in the gateway, and for a moment counted nowhere.
        await until(lambda: is_answered(connected) and self.size.size > MOST / 2)
        return connected


async def start(edge: Edge) -> int:
    """Serves with small socket buffers: the kernel's own could take a whole answer, and then nothing of it waits here."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
    listening.bind(("127.0.0.1", 0))
    await edge.start_at(listening)
    return int(listening.getsockname()[1])


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    vendor = Vendor()
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    text = f'version: 1\nproviders: {{v: {{dialect: openai, base_url: "http://127.0.0.1:{port}/v1"}}}}\n'
    buffered = Buffered(MOST)
    leaves = Leaves(system(text + "models: {assistant: {targets: [v/m]}}"), Path("."), seed=1, buffered=buffered)
    facing = Facing(leaves.leaf("v", "m"))
    edge = Edge(facing.app.handle, facing.app.refuse, buffered=buffered)
    here = Running(edge, await start(edge), vendor)
    try:
        yield here
    finally:
        await here.leave()
        await edge.stop(0.2)
        await leaves.close()
        server.close()
        await server.wait_closed()
    await until(lambda: buffered.size == 0)
    assert facing.world.left_behind() == {}


def run(main: Callable[[Running], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(60.0), running() as here:
            await main(here)

    asyncio.run(within())


async def refused(caller: Caller) -> dict[str, str]:
    head = await caller.head()
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in head
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    error: dict[str, str] = json.loads(await caller.reader.readexactly(length))["error"]
    return error


def test_beyond_the_bound_a_call_gets_a_clean_503_and_once_there_is_room_an_answer() -> None:
    async def main(here: Running) -> None:
        with await here.stalled():
            caller = await here.caller()
            caller.send(asked())
            error = await refused(caller)
            assert (error["code"], error["type"]) == ("overloaded", "overloaded_error")
            assert here.vendor.calls == 2, "whose answer did not fit, no other attempt was made"
        await until(lambda: here.size.size == 0)
        caller.send(asked())
        assert await caller.answer() == (200, WHOLE)

    run(main)


def test_beyond_the_bound_no_vendor_is_asked() -> None:
    async def main(here: Running) -> None:
        with await here.stalled():
            here.size.most = 1  # what the stalled caller holds comes and goes, and is never nothing
            caller = await here.caller()
            caller.send(asked())
            assert (await refused(caller))["code"] == "overloaded"
            assert here.vendor.calls == 1

    run(main)


def test_a_stream_that_finds_no_room_ends_with_an_error_event() -> None:
    async def main(here: Running) -> None:
        caller = await here.caller()
        caller.send(asked(stream=True))
        assert TEXT in await caller.reader.readuntil(b'Hi"}}]}\n\n\r\n')
        with await here.stalled():
            here.vendor.goes_on.set()
            said = await caller.reader.readuntil(b"0\r\n\r\n")
        assert b"[DONE]" not in said
        assert b'"code":"overloaded"' in said
        assert len(said) < 1000

    run(main)


def test_an_event_of_three_megabytes_passes_as_it_came() -> None:
    async def main(here: Running) -> None:
        here.vendor.goes_on.set()
        caller = await here.caller()
        caller.send(asked(stream=True))
        said = await caller.reader.readuntil(b"0\r\n\r\n")
        assert LARGE in said
        assert b"data: [DONE]" in said

    run(main)
