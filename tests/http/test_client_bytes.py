"""A law: how a response's bytes are cut changes nothing about what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headworks.core.errors import Garbled
from headworks.http.buffered import Buffered
from headworks.http.client import Client, Exchange
from headworks.http.client_connection import HEAD, MOST_READ, WHOLE, ClientConnection
from headworks.http.connection import Broken
from tests.http.peers import CHUNKED, OK

Outcome: TypeAlias = tuple[object, ...]


class Wire(asyncio.Transport):
    """A transport that swallows what is written."""

    def write(self, data: object) -> None: ...

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0


def outcome(pieces: Sequence[bytes], *, eof: bool) -> Outcome:
    """All that a reader could learn of a response that comes in these pieces."""
    loop = asyncio.new_event_loop()
    try:
        link = ClientConnection(loop, [], 300, Buffered(1 << 62))
        link.connection_made(Wire())
        assert link.begin(b"GET / HTTP/1.1\r\n\r\n", b"")
        for piece in pieces:
            if link.phase == WHOLE or link.failure:
                break  # what follows is another test's: it may come with the answer or after it
            link.data_received(piece)
        if eof and not link.failure:
            link.eof_received()
        known = link.phase, type(link.fault()) if link.failure else None, link.keep and not link.closed
        if link.phase == HEAD or link.failure:
            return known
        return *known, link.status, link.headers, link.taken()
    finally:
        loop.close()


ANSWERS = [
    OK,
    CHUNKED + b"3;a=b\r\none\r\n10\r\nsixteen bytes...\r\n0\r\nx-trailer: 1\r\n\r\n",
    CHUNKED + b"0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
    b"HTTP/1.1 204 No Content\r\nX-Empty:\r\nX-Spaces:   a b  \r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\nuntil the end",
    b"HTTP/1.1 200\r\nconnection: close\r\ncontent-length: 5\r\n\r\n\r\n\0\r\n",
    b"HTTP/1.1 500 Internal Server Error\r\ntransfer-encoding: gzip\r\n\r\nuntil the end",
    b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\ncut",
    CHUNKED + b"5\r\ncut",
    CHUNKED + b"5\r\nlonger than five\r\n0\r\n\r\n",
    CHUNKED + b"2\r\nok\r\n0\r\nx: " + b"y" * 400 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx: " + b"y" * 400 + b"\r\ncontent-length: 1\r\n\r\nz",
    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nabc",
    b"garbage",
    b"",
]


@given(
    data=st.sampled_from(ANSWERS),
    cuts=st.lists(st.integers(0, 500), max_size=12),
    eof=st.booleans(),
)
@example(data=ANSWERS[1], cuts=list(range(200)), eof=False)
@example(data=ANSWERS[3], cuts=list(range(200)), eof=False)
@example(data=ANSWERS[6], cuts=list(range(200)), eof=True)
def test_a_response_says_the_same_however_its_bytes_are_cut(data: bytes, cuts: list[int], eof: bool) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in pairwise(places)]
    one = outcome([data], eof=eof)
    if data is ANSWERS[12] and one[0] == WHOLE:
        return  # the bound on trailers counts reads, not bytes: what comes in one read has cost its memory already
    assert outcome(pieces, eof=eof) == one


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_no_bytes_raise_anything_of_their_own(data: bytes, cuts: list[int]) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n", CHUNKED, CHUNKED + b"5\r\n", OK[:-1]):
        whole = start + data
        places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
        phase, failure, *_ = outcome([whole[a:b] for a, b in pairwise(places)], eof=True)
        assert phase == WHOLE or cast(type, failure) in (Broken, Garbled)


def test_a_body_that_comes_byte_by_byte_costs_no_object_for_each() -> None:
    loop = asyncio.new_event_loop()
    try:
        buffered = Buffered(1 << 62)
        link = ClientConnection(loop, [], 300, buffered)
        link.connection_made(Wire())
        link.begin(b"GET / HTTP/1.1\r\n\r\n", b"")
        link.bound(1 << 20)
        link.data_received(CHUNKED)
        body = bytes(range(1, 251)) * 40
        for byte in body:
            link.data_received(b"1\r\n%c\r\n" % byte)
        assert len(link.pieces) < 1040
        assert (buffered.size, link.size) == (len(body), len(body))
        assert link.taken() == body
        assert (buffered.size, link.size, link.pieces) == (0, 0, [])
        link.data_received(b"1\r\nx\r\n")
        assert link.taken() == b"x"
    finally:
        loop.close()


@pytest.mark.parametrize("sizes", [[200_000], [MOST_READ, 1], [MOST_READ + 1], [1] * 40_000, [10_000, 70_000, 3]])
def test_a_turn_of_the_loop_reads_a_portion_of_a_stream_and_another_turn_the_next(sizes: list[int]) -> None:
    body = [bytes([at % 251]) * size for at, size in enumerate(sizes)]

    async def main() -> None:
        link = ClientConnection(asyncio.get_running_loop(), [], 300, Buffered(1 << 62))
        link.connection_made(Wire())
        assert link.begin(b"GET / HTTP/1.1\r\n\r\n", b"")
        link.data_received(CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in body))
        exchange = Exchange(cast(Client, None), link)
        turns, read = 0, [await exchange.read()]

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        others = asyncio.create_task(count())
        while link.size:
            assert link.is_reading_paused == (link.size > 65_536)
            read.append(await exchange.read())
        others.cancel()
        assert b"".join(read) == b"".join(body)
        assert max(map(len, read)) <= MOST_READ
        assert turns >= len(read) - 1
        assert link._buffered.size == 0

    asyncio.run(main())


def test_who_is_cancelled_between_two_portions_closes_the_connection() -> None:
    async def main() -> None:
        link = ClientConnection(asyncio.get_running_loop(), [], 300, Buffered(1 << 62))
        link.connection_made(Wire())
        assert link.begin(b"GET / HTTP/1.1\r\n\r\n", b"")
        link.data_received(CHUNKED + b"%x\r\n%b\r\n" % (40_000, bytes(40_000)))
        exchange = Exchange(cast(Client, None), link)
        await exchange.read()
        reading = asyncio.create_task(exchange.read())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert reading.cancelled()
        assert link.closed

    asyncio.run(main())
