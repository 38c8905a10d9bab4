"""TLS: who is trusted, and that nothing else about an exchange is different."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from headworks.core.errors import Expired, Unreachable
from headworks.http.client import Client
from headworks.http.client_connection import PROBED_AFTER
from headworks.http.connection import Broken
from headworks.http.dial import Origin, trust
from tests.http.peers import CHUNKED, OK, Caller, Stopwatch, answering, ask, peer, run, until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


class Served:
    def __init__(self, port: int) -> None:
        self.port = port
        self.callers: list[Caller] = []

    def client(self, ca_file: str | None, host: str = "localhost") -> Client:
        return Client(Origin(host=host, port=self.port, tls=True), context=trust(ca_file))


@asynccontextmanager
async def encrypted(
    authority: trustme.CA, script: Callable[[Caller], Awaitable[None]], name: str = "localhost"
) -> AsyncIterator[Served]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    tasks: list[asyncio.Task[None]] = []

    async def converse(caller: Caller) -> None:
        try:
            await script(caller)
        except (EOFError, ConnectionError):
            pass
        finally:
            caller.writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = Caller(reader, writer, len(here.callers))
        here.callers.append(caller)
        tasks.append(asyncio.get_running_loop().create_task(converse(caller)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context, limit=1 << 24)
    here = Served(server.sockets[0].getsockname()[1])
    try:
        yield here
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def test_a_server_signed_by_the_file_is_trusted_and_its_connection_kept(
    loop: str, authority: trustme.CA, ca_file: str
) -> None:
    big = b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n" + b"x" * 3_000_000

    async def main() -> None:
        async with encrypted(authority, answering(OK, big, OK, OK)) as here:
            client = here.client(ca_file)
            assert await ask(client) == (200, b"ok")
            assert await ask(client, b"y" * 3_000_000, limit=4_000_000) == (200, b"x" * 3_000_000)
            client._idle[0].idle_since -= PROBED_AFTER  # it rested: it is probed
            assert await ask(client) == (200, b"ok")
            assert len(here.callers) == 1
            assert (client.busy, client.idle) == (0, 1)
            await client.close()

    run(loop, main())


def test_a_stranger_is_not_trusted(loop: str, authority: trustme.CA) -> None:
    async def main() -> None:
        async with encrypted(authority, answering(OK)) as here:
            client = here.client(None)
            with pytest.raises(Unreachable, match="certificate is not trusted"):
                await ask(client)
            assert (client.busy, client.idle) == (0, 0)
            assert here.callers == []

    run(loop, main())


def test_another_authority_is_not_trusted(loop: str, authority: trustme.CA, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))

    async def main() -> None:
        async with encrypted(authority, answering(OK)) as here:
            client = here.client(str(other))
            with pytest.raises(Unreachable, match="certificate is not trusted"):
                await ask(client)
            assert client.busy == 0

    run(loop, main())


def test_a_certificate_for_another_host_is_not_trusted(loop: str, authority: trustme.CA, ca_file: str) -> None:
    async def main() -> None:
        async with encrypted(authority, answering(OK)) as here:
            client = here.client(ca_file, host="127.0.0.1")
            with pytest.raises(Unreachable, match="certificate is not trusted") as caught:
                await ask(client)
            assert "127.0.0.1" not in caught.value.message
            assert "not valid for '127.0.0.1'" in caught.value.place
            assert client.busy == 0

    run(loop, main())


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        trust(str(wrong))
    with pytest.raises(FileNotFoundError):
        trust(str(tmp_path / "missing.pem"))


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x03", OK, b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_handshake_that_is_cut_is_unreachable(loop: str, said: bytes) -> None:
    async def script(caller: Caller) -> None:
        await caller.reader.read(100)
        await caller.say(said)

    async def main() -> None:
        async with peer(script) as here:
            client = Client(Origin(host="localhost", port=here.port, tls=True))
            with pytest.raises(Unreachable):
                await ask(client)
            assert (client.busy, client.idle) == (0, 0)

    run(loop, main())


def test_a_handshake_that_stalls_is_bounded_by_connect_and_closed_at_once(loop: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.gone()

    async def main() -> None:
        running = asyncio.get_running_loop()
        async with peer(script) as here:
            client = Client(Origin(host="localhost", port=here.port, tls=True))
            async with Stopwatch() as taken:
                with pytest.raises(Expired) as caught:
                    await ask(client, by=0.1)
            assert caught.value.phase == "connect"
            assert taken.seconds < 1
            assert (client.busy, client.idle) == (0, 0)
            await here.over(within=0.5)

            connecting = running.create_task(ask(client))
            await until(lambda: len(here.callers) == 2)
            await asyncio.sleep(0.02)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            assert client.busy == 0
            await here.over(within=0.5)

    run(loop, main())


def test_a_cancelled_wait_stops_an_encrypted_server_at_once(loop: str, authority: trustme.CA, ca_file: str) -> None:
    reads = left = False

    async def script(caller: Caller) -> None:
        nonlocal left
        await caller.request()
        await caller.say(CHUNKED + b"5\r\nfirst\r\n")
        await caller.gone()
        left = True

    async def visit(client: Client) -> None:
        nonlocal reads
        with await client.send(b"POST", b"/", b"") as exchange:
            assert await exchange.read() == b"first"
            reads = True
            await exchange.read()

    async def main() -> None:
        running = asyncio.get_running_loop()
        async with encrypted(authority, script) as here:
            client = here.client(ca_file)
            visiting = running.create_task(visit(client))
            await until(lambda: reads)
            async with Stopwatch() as taken:
                visiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await visiting
                await until(lambda: left)
            assert taken.seconds < 0.1
            assert (client.busy, client.idle) == (0, 0)

    run(loop, main())


def test_an_encrypted_answer_that_is_cut_is_broken(loop: str, authority: trustme.CA, ca_file: str) -> None:
    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.say(CHUNKED + b"5\r\nfir")

    async def main() -> None:
        async with encrypted(authority, script) as here:
            client = here.client(ca_file)
            with pytest.raises(Broken) as caught:
                await ask(client)
            assert caught.value.received
            assert (client.busy, client.idle) == (0, 0)

    run(loop, main())


def test_a_reader_that_stops_stops_an_encrypted_server(loop: str, authority: trustme.CA, ca_file: str) -> None:
    written = 0

    async def script(caller: Caller) -> None:
        nonlocal written
        await caller.request()
        await caller.say(b"HTTP/1.1 200 OK\r\ncontent-length: 32768000\r\n\r\n")
        for _ in range(2000):
            await caller.say(b"x" * 16_384)
            written += 16_384
        await caller.gone()

    async def main() -> None:
        async with encrypted(authority, script) as here:
            client = here.client(ca_file)
            exchange = await client.send(b"POST", b"/", b"")
            await exchange.head()
            before = -1
            while before != written:
                before = written
                await asyncio.sleep(0.05)
            assert before < 32_768_000
            size = 0
            while data := await exchange.read():
                size += len(data)
            assert size == 32_768_000
            exchange.release()
            assert (client.busy, client.idle) == (0, 1)
            await client.close()

    run(loop, main())
