"""How long a caller may take over a head, a body, a rest or an answer: on virtual time, over a transport that is none.

That the edge's timers ring over sockets, on both loops, is in `test_server_bounds.py`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from headworks.core.clock import now
from headworks.http.limits import EdgeLimits
from headworks.http.server import Edge, Exchange, Request
from headworks.http.server_connection import ServerConnection
from headworks.testing import virtual
from tests.http.edges import GET, TEXT, echo, post, refuse


class Wire(asyncio.Transport):
    """A caller who takes what is written when the test says so; at once where it does not."""

    def __init__(self, edge: Edge) -> None:
        super().__init__()
        self.said = b""
        self.unread = 0
        self.reads = True
        self.is_closed = asyncio.Event()
        self._closing = False
        self._high = self._low = 0
        self.connection = ServerConnection(edge, asyncio.get_running_loop())
        self.connection.connection_made(self)

    def send(self, data: bytes) -> None:
        if not self._closing:
            self.connection.data_received(data)

    def take(self, size: int) -> None:
        """Reads some of what was written."""
        self.unread = max(0, self.unread - size)
        if self.unread <= self._low and not self.connection.writable:
            self.connection.resume_writing()
        self._end()

    def write(self, data: Any) -> None:
        self.said += data
        if not self.reads:
            self.unread += len(data)
            if self.unread > self._high and self.connection.writable:
                self.connection.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high, self._low = high or 0, low or 0

    def get_write_buffer_size(self) -> int:
        return self.unread

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def write_eof(self) -> None: ...

    def close(self) -> None:
        self._closing = True
        self._end()

    def abort(self) -> None:
        self._closing = True
        self.unread = 0
        self._end()

    def _end(self) -> None:
        if self._closing and not self.unread and not self.is_closed.is_set():
            self.is_closed.set()
            self.connection.loop.call_soon(self.connection.connection_lost, None)

    def status(self) -> int:
        """Of the last answer."""
        return int(re.findall(rb"HTTP/1\.1 (\d{3}) ", self.said)[-1])


@asynccontextmanager
async def called(
    handler: Callable[[Request, Exchange], Awaitable[None]] = echo, **limits: float
) -> AsyncIterator[tuple[Edge, Wire]]:
    """One caller of an edge; on leaving every counter is back at zero."""
    edge = Edge(handler, refuse, limits=EdgeLimits(**limits))  # type: ignore[arg-type]
    caller = Wire(edge)
    yield edge, caller
    caller.abort()
    await edge.stop(0.0)
    assert (edge.busy, edge.connections, edge.arriving, edge.buffered.size) == (0, 0, 0, 0), repr(edge)


async def drip(caller: Wire, data: bytes, gap: float) -> None:
    for byte in data:
        caller.send(bytes([byte]))
        await asyncio.sleep(gap)


@pytest.mark.parametrize("is_warm", [False, True])
@virtual
async def test_a_head_that_drips_is_given_up_after_the_time_of_a_whole_head(is_warm: bool) -> None:
    async with called(header_timeout=10.0) as (_, caller):
        if is_warm:
            caller.send(GET)
            await asyncio.sleep(30.0)
            assert caller.status() == 200
        began = now()
        dripping = asyncio.create_task(drip(caller, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1000, gap=0.1))
        await caller.is_closed.wait()
        assert caller.status() == 408
        assert now() - began == pytest.approx(10.0 + caller.connection._host.limits.linger)
        await dripping
    async with called(header_timeout=10.0) as (_, caller):
        await drip(caller, GET, gap=9.9 / len(GET))
        assert caller.status() == 200


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n"])
@virtual
async def test_a_connection_that_never_asks_is_closed_without_a_word_after_the_time_of_a_head(data: bytes) -> None:
    async with called(header_timeout=10.0, idle_timeout=75.0) as (_, caller):
        caller.send(data)
        await caller.is_closed.wait()
        assert now() == 10.0
        assert caller.said == b""


@virtual
async def test_an_idle_connection_is_closed_and_blank_lines_do_not_keep_it() -> None:
    async with called(idle_timeout=75.0) as (_, caller):
        caller.send(GET)
        dripping = asyncio.create_task(drip(caller, b"\r\n" * 100, gap=1.0))
        await caller.is_closed.wait()
        assert now() == 75.0
        dripping.cancel()


@virtual
async def test_a_body_that_stalls_is_given_up() -> None:
    async with called(body_timeout=30.0) as (_, caller):
        caller.send(post(b"abc")[:-1])
        await asyncio.sleep(29.9)
        assert caller.said == b""
        await asyncio.sleep(0.2)
        assert caller.status() == 408
        await caller.is_closed.wait()


@virtual
async def test_a_long_body_has_the_time_it_earns() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n"
    async with called(body_timeout=30.0, min_body_rate=10_000) as (_, caller):
        caller.send(head)
        for _ in range(60):
            caller.send(b"x" * 10_000)
            await asyncio.sleep(1.0)
        assert caller.status() == 200
        began = now()
        caller.send(head)
        dripping = asyncio.create_task(drip(caller, b"x" * 1000, gap=0.01))  # 100 B/s, for 10 s
        await caller.is_closed.wait()
        assert caller.status() == 408
        assert now() - began == pytest.approx(30.1 + caller.connection._host.limits.linger)
        await dripping


@virtual
async def test_a_timer_that_rings_while_a_request_is_answered_is_ignored() -> None:
    async def handler(request: Request, exchange: Exchange) -> None:
        await asyncio.sleep(1000.0)
        await echo(request, exchange)

    async with called(handler, header_timeout=10.0, idle_timeout=10.0, body_timeout=10.0) as (edge, caller):
        caller.send(GET)
        await asyncio.sleep(999.0)
        assert edge.busy == 1
        await asyncio.sleep(2.0)
        assert caller.status() == 200
        assert not caller.connection.closed


@virtual
async def test_a_slow_reader_is_not_a_dead_one() -> None:
    """Progress, not speed: each byte taken winds the clock again."""

    async def handler(_: Request, exchange: Exchange) -> None:
        exchange.respond(200, TEXT, b"x" * 1_500_000)

    async with called(handler, write_timeout=30.0) as (_, caller):
        caller.reads = False
        caller.send(b"GET / HTTP/1.0\r\n\r\n")
        for _ in range(100):
            await asyncio.sleep(29.0)
            caller.take(1)
        assert not caller.connection.closed
        await asyncio.sleep(61.0)
        assert caller.connection.closed, "the same caller, once he takes nothing"


@virtual
async def test_a_caller_who_stays_after_a_refusal_is_dropped() -> None:
    async with called(linger=2.0) as (edge, caller):
        caller.send(b"nonsense\r\n\r\n")
        assert caller.status() == 400
        await asyncio.sleep(1.9)
        assert edge.connections == 1
        await asyncio.sleep(0.2)
        assert edge.connections == 0
