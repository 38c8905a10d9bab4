"""Answers in a real Valkey: shared, bounded, and no reason to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from secrets import token_hex

import pytest
from redis.exceptions import ResponseError

from headworks.core.reply import Usage
from headworks.policy.freshness import CachedAnswer
from headworks.state.connection import MultiplexedConnection
from headworks.state.shared_answers import OVERHEAD, SharedAnswers
from tests.servers import ValkeyServer


def answer(size: int, text: str = "hi") -> CachedAnswer:
    return CachedAnswer(streamed=True, body=b"x" * size, text=text, usage=Usage(input=3), finish="stop", made_at=12.5)


def with_line(server: ValkeyServer, run: Callable[[MultiplexedConnection], Awaitable[None]]) -> None:
    async def whole() -> None:
        line = MultiplexedConnection(server.url)
        line.start()
        assert await line.ready(60.0)
        try:
            await run(line)
        finally:
            await line.stop()

    asyncio.run(whole())


def test_what_one_process_keeps_another_finds(valkey_server: ValkeyServer) -> None:
    async def run(line: MultiplexedConnection) -> None:
        prefix = token_hex(8)
        one, other = (SharedAnswers(line, prefix, "assistant", 10**6, 60.0) for _ in range(2))
        assert await other.find(b"a") is None
        await one.keep(b"a", answer(100, "h\N{SNOWMAN}"))
        assert await other.find(b"a") == answer(100, "h\N{SNOWMAN}")
        assert await SharedAnswers(line, prefix, "other", 10**6, 60.0).find(b"a") is None
        assert await SharedAnswers(line, token_hex(8), "assistant", 10**6, 60.0).find(b"a") is None

    with_line(valkey_server, run)


def test_the_longest_unused_goes_first_and_the_bytes_are_never_above_the_bound(valkey_server: ValkeyServer) -> None:
    async def run(line: MultiplexedConnection) -> None:
        prefix = token_hex(8)
        answers = SharedAnswers(line, prefix, "assistant", 10_000, 60.0)
        await answers.keep(b"0", answer(1000))
        one = answers.held[1]
        assert one > 1000 + OVERHEAD
        room = 10_000 // one
        for number in range(1, room):
            await asyncio.sleep(0.002)  # the server's clock tells what is older
            await answers.keep(b"%d" % number, answer(1000))
        assert (answers.held, answers.evicted) == ((room, room * one), 0)
        await asyncio.sleep(0.002)
        assert await answers.find(b"0") is not None
        await answers.keep(b"new", answer(1000))
        assert (answers.held, answers.evicted) == ((room, room * one), 1)
        assert await answers.find(b"1") is None
        assert await answers.find(b"0") is not None
        await answers.keep(b"new", answer(2000))  # in its own place
        assert answers.held[1] <= 10_000
        await answers.keep(b"larger than all", answer(10_000))
        assert await answers.find(b"larger than all") is None

    with_line(valkey_server, run)


def test_everything_is_dropped_when_it_is_too_old_for_anybody(valkey_server: ValkeyServer) -> None:
    async def run(line: MultiplexedConnection) -> None:
        prefix = token_hex(8)
        answers = SharedAnswers(line, prefix, "assistant", 10_000, 0.05)
        await answers.keep(b"a", answer(10))
        async with asyncio.timeout(60):
            while await line.execute("EXISTS", f"{{{prefix}}}answers/assistant/kept"):
                await asyncio.sleep(0.01)
        await answers.keep(b"b", answer(10))
        assert answers.held[0] == 1
        assert (len(answers), answers.bytes) == (0, 0)

    with_line(valkey_server, run)


def test_a_server_that_is_away_has_nothing_and_keeps_nothing() -> None:
    async def run() -> None:
        answers = SharedAnswers(MultiplexedConnection("redis://127.0.0.1:1"), "p", "assistant", 10_000, 60.0)
        await answers.keep(b"a", answer(10))
        assert await answers.find(b"a") is None

    asyncio.run(run())


class Full(MultiplexedConnection):
    """A line to a server that keeps nothing more."""

    async def execute(self, *words: object) -> object:
        raise ResponseError("OOM command not allowed")


def test_a_server_that_refuses_answers_is_said_once_for_all_calls(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        answers = SharedAnswers(Full("redis://127.0.0.1:1"), "p", "assistant", 10_000, 60.0)
        for _ in range(50):
            await answers.keep(b"f", answer(10))

    asyncio.run(run())
    assert [record.getMessage() for record in caplog.records] == [
        "answers_not_kept: answers of assistant: the state does not store them: OOM command not allowed"
    ]


def test_what_another_version_wrote_is_not_there(valkey_server: ValkeyServer) -> None:
    async def run(line: MultiplexedConnection) -> None:
        prefix = token_hex(8)
        answers = SharedAnswers(line, prefix, "assistant", 10_000, 60.0)
        await answers.keep(b"a", answer(10))
        await line.execute("HSET", f"{{{prefix}}}answers/assistant/kept", b"a", b"\xc1nonsense")
        assert await answers.find(b"a") is None
        await line.execute("SET", f"{{{prefix}}}answers/assistant/kept", b"no hash")
        assert await answers.find(b"a") is None  # the server says no: a cache is no reason to fail

    with_line(valkey_server, run)
