"""Answers that nobody asked for: what they cost a connection, and how a vendor that sends them is no danger to the next caller.

On virtual time, over transports that are none: the instant of each byte is the test's.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

import pytest

from headworks.core.clock import now
from headworks.http.client import Client, Exchange
from headworks.http.client_connection import LOOK, LOOKED_AFTER, ClientConnection
from headworks.http.connection import Broken, TimedOut
from headworks.http.dial import Origin
from headworks.http.unsolicited import ONCE, WINDOW, Unsolicited, is_idle_close
from headworks.testing import settle, virtual

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
GOODBYE = b"HTTP/1.0 408 Request Time-out\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n<html>408</html>"
KEPT_408 = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


class Wire(asyncio.Transport):
    """A transport over no socket: what is written goes to the vendor."""

    def __init__(self, link: ClientConnection, vendor: Callable[[ClientConnection, bytes], None]) -> None:
        super().__init__()
        self.link = link
        self.vendor = vendor
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.vendor(self.link, bytes(data))

    def abort(self) -> None:
        if not self.is_aborted:
            self.is_aborted = True
            self.link.loop.call_soon(self.link.connection_lost, None)

    def is_closing(self) -> bool:
        return self.is_aborted

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: object = None) -> object:
        return SILENT[0] if name == "socket" else default


SILENT = socket.socketpair()
"""What is looked at where a connection that rested for long is asked whether it is still open."""


@pytest.fixture(scope="module", autouse=True)
def _closing() -> Iterator[None]:
    yield
    for one in SILENT:
        one.close()


class Wired(Client):
    """A client whose connections go nowhere. Each is in `links`."""

    def __init__(self, vendor: Callable[[ClientConnection, bytes], None]) -> None:
        super().__init__(Origin.parse("http://vendor/v1"), idle_timeout=1e9)
        self.vendor = vendor
        self.links: list[ClientConnection] = []

    async def connect(self, by: float) -> ClientConnection:
        await asyncio.sleep(0)
        link = ClientConnection(asyncio.get_running_loop(), self._idle, 65_536, self.buffered, self._unasked)
        link.connection_made(Wire(link, self.vendor))
        self.links.append(link)
        return link


def say(link: ClientConnection, data: bytes) -> None:
    """What the vendor sends, unless the connection is closed."""
    if not link.closed:
        link.data_received(data)


def mute(link: ClientConnection, data: bytes) -> None:
    """A vendor that says nothing by itself."""


def prompt(link: ClientConnection, data: bytes) -> None:
    """A vendor that answers on the next turn."""
    link.loop.call_soon(say, link, OK)


async def ask(client: Client, body: bytes = b"{}") -> bytes:
    with await client.send(b"POST", b"/", b"", body) as exchange:
        return (await exchange.whole())[2]


async def rested(client: Wired) -> ClientConnection:
    """A connection that has answered and may be lent again."""
    assert await ask(client) == b"ok"
    await asyncio.sleep(LOOK)
    await settle(3)
    [link] = client._idle
    return link


def asked(client: Client) -> Exchange | None:
    return client.resume(b"POST", b"/", b"", b"{}")


# Lent again


@virtual
async def test_a_connection_is_not_lent_again_in_the_turn_in_which_it_came_back() -> None:
    client = Wired(prompt)
    await rested(client)
    assert await ask(client) == b"ok"
    assert client.idle == 1
    assert asked(client) is None
    await settle(2)
    exchange = asked(client)
    assert exchange is not None
    exchange.release()


@virtual
async def test_what_lies_behind_an_answer_is_read_before_its_connection_is_lent_again() -> None:
    client = Wired(prompt)
    await rested(client)
    assert await ask(client) == b"ok"
    client.links[0].loop.call_soon(say, client.links[0], answer(b"not yours"))
    assert await ask(client) == b"ok"
    assert len(client.links) == 2
    assert client.unsolicited.count == 1


@virtual
async def test_after_its_first_answer_a_connection_is_looked_at_for_a_moment_and_now_and_then_again() -> None:
    client = Wired(prompt)
    looked: list[int] = []
    for number in range(2 * LOOKED_AFTER + 1):
        assert await ask(client) == b"ok"
        await settle(2)
        if all(link.is_fresh for link in client._idle):
            looked.append(number)
            await asyncio.sleep(LOOK)
            await settle(3)
    assert looked == [0, LOOKED_AFTER, 2 * LOOKED_AFTER]
    assert len(client.links) == 1


@virtual
async def test_who_finds_more_waiting_than_there_is_to_wait_for_takes_a_connection_of_his_own() -> None:
    client = Wired(prompt)
    assert await ask(client) == b"ok"
    began = now()
    assert await asyncio.gather(ask(client), ask(client)) == [b"ok", b"ok"]
    assert len(client.links) == 2
    assert now() - began == pytest.approx(LOOK)


@virtual
async def test_who_asks_in_that_turn_waits_for_it_and_makes_no_other_connection() -> None:
    client = Wired(prompt)
    for _ in range(5):
        assert await ask(client) == b"ok"
    assert len(client.links) == 1


# What counts


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (OK, 1),
        (b"HTT", 1),
        (b"\0", 1),
        (b"\r\n", 1),
        (KEPT_408, 1),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 1),
        (GOODBYE, 0),
        (b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: Close\r\n\r\n", 0),
    ],
)
@virtual
async def test_bytes_on_a_connection_that_rests_close_it_and_count_but_for_a_goodbye(data: bytes, count: int) -> None:
    client = Wired(prompt)
    link = await rested(client)
    say(link, data)
    assert link.closed
    assert (client.idle, client.unsolicited.count) == (0, count)
    assert await ask(client) == b"ok"


@pytest.mark.parametrize("extra", [OK, b"HTT", b"\0", GOODBYE])
@pytest.mark.parametrize("is_together", [True, False])
@virtual
async def test_bytes_behind_an_answer_close_its_connection_and_count(extra: bytes, is_together: bool) -> None:
    client = Wired(mute)
    exchange = await client.send(b"POST", b"/", b"")
    [link] = client.links
    say(link, OK + extra if is_together else OK)
    if not is_together:
        say(link, extra)
    assert (await exchange.whole())[2] == b"ok"
    exchange.release()
    assert (client.idle, client.unsolicited.count) == (0, 1)


@virtual
async def test_bytes_before_any_request_and_answers_that_are_cut_or_garbled_do_not_count() -> None:
    client = Wired(mute)
    link = await client.connect(0)
    say(link, OK)
    assert link.closed
    for said in (b"nonsense\r\n\r\n", HEAD + b"o", b"HTTP/1.1 101 Switching\r\n\r\n"):
        exchange = await client.send(b"POST", b"/", b"")
        say(client.links[-1], said)
        exchange.release()
        await settle()
    assert client.unsolicited.count == 0


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (GOODBYE, True),
        (b"HTTP/1.1 408 \r\nconnection: close\r\n\r\n", True),
        (b"HTTP/1.1 408\r\nx: y\r\nCONNECTION:close, x\r\n\r\n", True),
        (KEPT_408, False),
        (b"HTTP/1.1 408 x\r\ncontent-length: 19\r\n\r\nconnection: close\r\n", False),
        (b"HTTP/1.1 4080 x\r\nconnection: close\r\n\r\n", False),
        (b"HTTP/1.1 400 x\r\nconnection: close\r\n\r\n", False),
        (b"HTTP/1.1 408", False),
        (b"", False),
    ],
)
def test_a_goodbye_is_a_408_that_closes(data: bytes, is_one: bool) -> None:
    assert is_idle_close(data) == is_one


# The second


def test_the_second_within_ten_minutes_is_one_too_many_for_an_hour() -> None:
    begun: list[str] = []
    unsolicited = Unsolicited()
    unsolicited.observer = partial(begun.append, "once")
    assert not unsolicited.tell(100.0)
    assert not unsolicited.tell(100.0 + WINDOW)
    assert begun == []
    assert unsolicited.tell(99.0 + 2 * WINDOW)
    assert unsolicited.until == 99.0 + 2 * WINDOW + ONCE
    assert unsolicited.tell(100.0 + 2 * WINDOW), "one more makes it an hour from then"
    assert unsolicited.until == 100.0 + 2 * WINDOW + ONCE
    assert unsolicited.tell(100.0 + 4 * WINDOW), "one alone, in the hour: it goes on, and no longer"
    assert unsolicited.until == 100.0 + 2 * WINDOW + ONCE
    assert begun == ["once"]
    assert not unsolicited.tell(unsolicited.until)
    assert unsolicited.tell(unsolicited.until + 1.0)
    assert begun == ["once", "once"]


@virtual
async def test_after_the_second_no_connection_is_lent_twice_for_an_hour() -> None:
    client = Wired(prompt)
    for _ in range(2):
        say(await rested(client), OK)
    made = len(client.links)
    for _ in range(3):
        assert await ask(client) == b"ok"
        assert client.idle == 0
        await settle()
    assert len(client.links) == made + 3
    assert all(link.closed for link in client.links)
    await asyncio.sleep(ONCE)
    assert await ask(client) == b"ok"
    assert client.idle == 1


@virtual
async def test_with_the_second_what_rests_is_closed_and_an_answer_that_may_be_anothers_is_broken() -> None:
    client = Wired(prompt)
    assert await asyncio.gather(*[ask(client) for _ in range(6)]) == [b"ok"] * 6
    await asyncio.sleep(LOOK)
    await settle(3)
    for link in client.links:
        link.transport.vendor = mute  # type: ignore[attr-defined]
    begun, whole, *silent = [one for one in (asked(client) for _ in range(4)) if one is not None]
    say(client._idle[0], OK)
    assert (client.idle, client.unsolicited.count) == (1, 1)
    say(client.links[-1], HEAD + b"o")
    assert (await begun.head())[0] == 200
    waiting = asyncio.create_task(whole.whole())
    await settle(1)
    say(client.links[-2], OK)
    say(client._idle[0], OK)
    assert client.idle == 0
    with pytest.raises(Broken, match="nobody asked for"):
        await waiting  # it is here, and nobody has taken it
    for exchange in silent:
        with pytest.raises(Broken, match="nobody asked for"):
            await exchange.whole()
    say(client.links[-1], b"k")
    assert await begun.read() == b"ok", "who has begun to read it goes on"
    for exchange in (begun, whole, *silent):
        exchange.release()
    assert (client.busy, client.idle, client.buffered.size) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(3))
@virtual
async def test_of_a_thousand_calls_none_is_wrong_once_the_second_was_counted(seed: int) -> None:
    """A vendor that answers each request twice, the second time 2 ms later: 331 of 1,000 calls had another's answer."""
    rng = Random(seed)

    def vendor(link: ClientConnection, data: bytes) -> None:
        said = answer(data.partition(b"\r\n\r\n")[2])
        after = rng.uniform(0.0005, 0.008)
        link.loop.call_later(after, say, link, said)
        link.loop.call_later(after + 0.002, say, link, said)

    client = Wired(vendor)
    numbers = iter(range(1000))
    wrong: list[bool] = []
    broken = 0

    async def caller() -> None:
        nonlocal broken
        for number in numbers:
            body = b"%d" % number
            try:
                said = await ask(client, body)
            except Broken:
                broken += 1
            else:
                if said != body:
                    wrong.append(client.unsolicited.until > now())

    await asyncio.gather(*[caller() for _ in range(16)])
    assert client.unsolicited.count >= 2
    assert not any(wrong), "after the second was counted"
    assert len(wrong) + broken <= 16, "no more than were in flight"
    assert client.busy == 0


# Deadlines, whatever comes


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nx: ", b"x"),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    ],
)
@virtual
async def test_an_answer_that_drips_ends_at_its_deadline(start: bytes, again: bytes) -> None:
    client = Wired(mute)
    with await client.send(b"POST", b"/", b"") as exchange:
        [link] = client.links
        say(link, start)

        def drip() -> None:
            say(link, again)
            if not link.closed:
                link.loop.call_later(0.002, drip)

        link.loop.call_soon(drip)
        with pytest.raises(TimedOut):
            await exchange.whole(now() + 4.0, 10_000_000)
        assert now() == pytest.approx(4.0, abs=0.01)
    assert link.closed
    assert link.pieces == []
