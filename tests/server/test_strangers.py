"""Who has no valid key is refused by the head alone: over sockets, as a stranger meets the port."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from headworks.core.clock import wall
from headworks.core.errors import Unauthenticated
from headworks.core.key import Change, Key, secret_digest
from headworks.http.server import Edge, EdgeLimits, Request
from headworks.layers.auth import Keyring
from headworks.providers.scripted import Scripted
from headworks.server.asgi_adapter import AsgiAdapter
from headworks.system.load import read
from tests.http.edges import Caller, Served
from tests.http.peers import until
from tests.server.test_app import KEYED, OPEN, Facing, chat

LONG = 9_500_000
KEY = b"authorization: Bearer web-secret-0123456789\r\n"
CHAT = b"/v1/chat/completions"


@asynccontextmanager
async def served(facing: Facing, **limits: float) -> AsyncIterator[Served]:
    app = facing.app
    edge = Edge(app.handle, app.refuse, admit=app.admit, limits=EdgeLimits(**limits))  # type: ignore[arg-type]
    one = Served(edge, await edge.start("127.0.0.1", 0))
    try:
        yield one
    finally:
        await one.leave()
        await edge.stop(0.2)
    assert (edge.busy, edge.connections, edge.arriving) == (0, 0, 0)


def head(*lines: bytes, path: bytes = CHAT, version: bytes = b"1.1", length: int | None = LONG) -> bytes:
    framing = b"transfer-encoding: chunked\r\n" if length is None else b"content-length: %d\r\n" % length
    return b"POST %b HTTP/%b\r\nhost: 127.0.0.1\r\n%b%b\r\n" % (path, version, b"".join(lines), framing)


async def told(caller: Caller) -> bytes:
    """All that is said until the edge ends its side; the caller's own side stays open."""
    async with asyncio.timeout(60):
        return await caller.rest()


@pytest.mark.parametrize(
    "asked",
    [
        head(),
        head(length=None),
        head(b"authorization: Bearer nobody\r\n"),
        head(b"expect: 100-continue\r\n"),
        head(b"content-encoding: gzip\r\n"),
        head(b"connection: upgrade\r\nupgrade: h2c\r\n"),
        head(path=b"/v1/embeddings"),
        head(length=None) + b"1\r\n{\r\n",
        head() + b"{" * 5000,
    ],
)
def test_a_strangers_body_is_neither_read_nor_asked_for(asked: bytes) -> None:
    async def run() -> None:
        facing = Facing(Scripted([]), KEYED)
        async with served(facing) as port:
            caller = await port.caller()
            caller.send(asked.replace(b"host:", b"origin: https://app.example\r\nhost:"))
            said, _, body = (await told(caller)).partition(b"\r\n\r\n")
            assert said.startswith(b"HTTP/1.1 401 "), said
            assert b'"code":"invalid_api_key"' in body
            for line in (
                b"x-request-id: ",
                b'www-authenticate: Bearer realm="headworks"',
                b"access-control-allow-origin: https://app.example",
                b"connection: close",
            ):
                assert line in said
            assert port.edge.arriving == 0
        assert facing.strangers == 1
        assert facing.journal.records == []

    asyncio.run(run())


def test_a_stranger_who_sends_on_can_still_read_the_answer_and_then_is_closed() -> None:
    async def run() -> None:
        facing = Facing(Scripted([]), KEYED)
        async with served(facing, linger=0.3) as port:
            caller = await port.caller()
            caller.send(head())
            for _ in range(20):
                caller.send(b"x" * 65_536)
                await caller.writer.drain()
            assert (await told(caller)).startswith(b"HTTP/1.1 401 ")
            await until(lambda: port.edge.connections == 0)

    asyncio.run(run())


def test_expect_is_answered_with_100_for_who_is_known_only() -> None:
    async def run() -> None:
        facing = Facing(Scripted(["hello"]), KEYED)
        async with served(facing) as port:
            caller = await port.caller()
            body = chat()
            caller.send(head(KEY, b"expect: 100-continue\r\n", length=len(body)))
            assert await caller.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
            caller.send(body)
            assert (await caller.answer())[0] == 200

    asyncio.run(run())


def test_a_request_without_a_body_is_refused_and_its_connection_kept() -> None:
    async def run() -> None:
        facing = Facing(Scripted([]), KEYED)
        async with served(facing) as port:
            caller = await port.caller()
            for _ in range(2):
                caller.send(b"GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n")
                assert (await caller.answer())[0] == 401
            caller.send(head(length=0))
            assert (await caller.answer())[0] == 401
            caller.send(b"GET /v1/models HTTP/1.1\r\nhost: a\r\n" + KEY + b"\r\n")
            assert (await caller.answer())[0] == 200
        assert facing.strangers == 3

    asyncio.run(run())


def test_answers_stay_in_order_where_a_stranger_shares_a_connection() -> None:
    async def run() -> None:
        facing = Facing(Scripted(["hello"]), KEYED)
        async with served(facing) as port:
            caller = await port.caller()
            body = chat()
            caller.send(head(KEY, length=len(body)) + body + head() + b"{" * 100)
            assert (await caller.answer())[0] == 200
            assert (await told(caller)).startswith(b"HTTP/1.1 401 ")

    asyncio.run(run())


def test_a_foreign_page_is_refused_without_its_body_too() -> None:
    async def run() -> None:
        facing = Facing(Scripted([]), OPEN)
        async with served(facing) as port:
            caller = await port.caller()
            caller.send(head(b"origin: https://evil.example\r\n"))
            assert (await told(caller)).startswith(b"HTTP/1.1 403 ")

    asyncio.run(run())


def test_http_1_0_is_refused_likewise() -> None:
    async def run() -> None:
        facing = Facing(Scripted([]), KEYED)
        async with served(facing) as port:
            caller = await port.caller()
            caller.send(head(version=b"1.0"))
            assert (await told(caller)).startswith(b"HTTP/1.1 401 ")

    asyncio.run(run())


class Counting(Keyring):
    """A keyring that counts how often a key was looked up."""

    def __init__(self, keys: list[Key]) -> None:
        self.looks = 0
        super().__init__(keys)

    def find(self, secret: str | None) -> Key:
        self.looks += 1
        return super().find(secret)


def counted(facing: Facing, *keys: Key) -> Counting:
    ring = Counting(list(keys))
    auth = facing.world.assembled.front.inner
    auth.keys = facing.ring = facing.app.origins.keys = ring  # type: ignore[attr-defined]
    return ring


def web(expires_at: float = float("inf")) -> Key:
    return Key(name="web", digest=secret_digest("web-secret-0123456789"), expires_at=expires_at)


@pytest.mark.parametrize("expires", [False, True])
def test_a_key_is_looked_up_once_a_call(expires: bool) -> None:
    async def run() -> None:
        facing = Facing(Scripted(["hello"]), KEYED)
        ring = counted(facing, web(wall() + 1000) if expires else web())
        async with served(facing) as port:
            caller = await port.caller()
            body = chat()
            caller.send(head(KEY, length=len(body)) + body)
            assert (await caller.answer())[0] == 200
        assert ring.looks == 1

    asyncio.run(run())


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_key_that_ends_while_a_body_arrives_opens_nothing(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        facing = Facing(Scripted(["hello"]), KEYED)
        ring = counted(facing, web(wall() + 1000) if how == "expired" else web())
        async with served(facing) as port:
            caller = await port.caller()
            body = chat()
            caller.send(head(KEY, length=len(body)) + body[:5])
            await until(lambda: port.edge.arriving == 5)
            if how == "revoked":
                ring.change([Change(kind="revoked", name="web", is_revoked=True)])
            else:
                monkeypatch.setattr("headworks.layers.auth.wall", lambda: wall() + 2000)
            caller.send(body[5:])
            status, said = await caller.answer()
            assert (status, b"invalid_api_key" in said) == (401, True)

    asyncio.run(run())


def test_while_nobody_can_say_whether_there_are_keys_everybody_waits() -> None:
    async def run() -> None:
        facing = Facing(Scripted(["hello"]), OPEN)
        facing.ring.is_read = False
        async with served(facing) as port:
            for key in (b"", KEY):
                caller = await port.caller()
                caller.send(head(key))
                said, _, body = (await told(caller)).partition(b"\r\n\r\n")
                assert said.startswith(b"HTTP/1.1 503 ")
                assert b"retry-after: 1" in said
                assert b'"code":"keys_unavailable"' in body
            caller = await port.caller()
            caller.send(b"GET /healthz HTTP/1.1\r\nhost: gateway.example\r\n\r\n")
            assert (await caller.answer())[0] == 200
            facing.ring.is_read = True
            caller = await port.caller()
            caller.send(b"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            assert (await caller.answer())[0] == 200

    asyncio.run(run())


def test_whether_there_are_keys_is_asked_at_each_request() -> None:
    async def run() -> None:
        facing = Facing(Scripted(["hello"]), OPEN)
        foreign = b"GET /v1/models HTTP/1.1\r\nhost: gateway.example\r\n%b\r\n"
        async with served(facing) as port:
            caller = await port.caller()
            caller.send(foreign % b"")
            assert (await caller.answer())[0] == 403
            facing.ring.change([Change(kind="key", name="web", key=web())])
            caller.send(foreign % KEY)
            assert (await caller.answer())[0] == 200
            caller.send(foreign % b"")
            assert (await caller.answer())[0] == 401

    asyncio.run(run())


def test_in_an_asgi_server_a_strangers_body_is_not_received(tmp_path: Path) -> None:
    text = KEYED.replace("{dialect: simulated}", "{dialect: simulated, first_token: {p50: 1ms, p99: 2ms}}")

    async def run() -> None:
        app = AsgiAdapter(lambda: read(text.encode(), file="test.yaml", folder=tmp_path, env={}))
        sent: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            raise AssertionError("the body was asked for")

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/chat/completions",
            "headers": [(b"host", b"a"), (b"content-length", b"9500000")],
            "http_version": "1.1",
        }
        try:
            await app(scope, receive, send)  # type: ignore[arg-type]
        finally:
            await app.stop()
        assert sent[0]["status"] == 401

    asyncio.run(run())


def test_of_a_stranger_nothing_is_left_for_the_collector() -> None:
    async def run() -> None:
        facing = Facing(Scripted([]), KEYED)
        async with served(facing) as port:
            caller = await port.caller()
            for number in range(3):
                if number == 1:  # the first makes what is made once
                    gc.collect()
                    gc.disable()
                    gc.set_debug(gc.DEBUG_SAVEALL)
                caller.send(b"GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n")
                assert (await caller.answer())[0] == 401
            gc.collect()
            gc.set_debug(0)
            gc.enable()
            left = [one for one in gc.garbage if isinstance(one, (Request, Unauthenticated))]
            gc.garbage.clear()
        assert left == []

    asyncio.run(run())
