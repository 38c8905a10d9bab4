"""The admin port over sockets: a stranger costs it no memory and keeps no probe out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from socket import create_server

from headworks.server.admin import LIMITS
from tests.server.test_admin import CLOSED, tried

GET = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


class Port:
    """An admin port that is served, and who connects to it."""

    def __init__(self, number: int) -> None:
        self.number = number

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def on_a_port(folder: Path, test: Callable[[Port], Awaitable[None]]) -> None:
    async def run() -> None:
        async with tried(folder, CLOSED) as it:
            listening = create_server(("127.0.0.1", 0))
            number = listening.getsockname()[1]
            async with it.admin.serving(listening):
                await test(Port(number))

    asyncio.run(run())


def test_a_head_without_an_end_is_bounded(tmp_path: Path) -> None:
    async def test(port: Port) -> None:
        async with port.connected() as (reader, writer):
            writer.write(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n")
            with contextlib.suppress(ConnectionError):
                for _ in range(2 * LIMITS.max_header // 1024):
                    writer.write(b"x" * 1024 + b": y\r\n")
                    await writer.drain()
            assert (await reader.read()).startswith(b"HTTP/1.1 431 ")

    on_a_port(tmp_path, test)


def test_silent_connections_keep_no_probe_out(tmp_path: Path) -> None:
    async def test(port: Port) -> None:
        async with contextlib.AsyncExitStack() as held:
            for _ in range(70):
                await held.enter_async_context(port.connected())
            for _ in range(3):
                async with port.connected() as (reader, writer):
                    writer.write(GET)
                    answer = await reader.read()
                    assert answer.startswith(b"HTTP/1.1 200 ")
                    assert b'"status":"ready"' in answer

    on_a_port(tmp_path, test)


def test_a_body_is_bounded_and_a_wrong_method_is_told(tmp_path: Path) -> None:
    async def test(port: Port) -> None:
        for said, status in (
            (b"POST /reload HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000\r\n\r\n", b"413"),
            (b"POST /readyz HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", b"405"),
            (b"HEAD /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", b"200"),
        ):
            async with port.connected() as (reader, writer):
                writer.write(said)
                assert (await reader.read()).split(b" ")[1] == status

    on_a_port(tmp_path, test)
