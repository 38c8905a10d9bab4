"""What is written for an answer: over a transport that only notes it."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.http.exchange import OWNED, Exchange, Header

DATE = b"date: Mon, 23 Nov 2026 12:00:00 GMT\r\n"


class Written:
    """Notes what an exchange writes; stands in for the connection and for its transport."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.transport = cast(asyncio.Transport, self)
        self.closed = False
        self.said = 0
        self.leaving = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def date(self) -> bytes:
        return DATE

    async def drain(self) -> None:
        pass


def test_a_whole_answer_is_one_write() -> None:
    line = Written()
    exchange = Exchange(line, "POST", "1.1", True)
    exchange.respond(200, [(b"content-type", b"application/json")], b"{}")
    assert line.writes == [
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + DATE + b"content-length: 2\r\n\r\n{}"
    ]
    assert exchange.started
    assert exchange.complete
    assert exchange.keep_alive


def test_a_large_body_is_not_copied() -> None:
    line = Written()
    body = b"x" * 100_000
    Exchange(line, "POST", "1.1", True).respond(200, [], body)
    assert line.writes[1] is body


def test_a_streamed_answer_is_a_head_a_write_a_chunk_and_an_end() -> None:
    line = Written()
    exchange = Exchange(line, "POST", "1.1", True)
    exchange.start(200, [])
    exchange.write(b"x" * 26)
    exchange.write(b"")
    exchange.end(b"last")
    assert line.writes == [
        b"HTTP/1.1 200 OK\r\n" + DATE + b"transfer-encoding: chunked\r\n\r\n",
        b"1a\r\n" + b"x" * 26 + b"\r\n",
        b"4\r\nlast\r\n0\r\n\r\n",
    ]


def test_an_end_without_a_last_chunk() -> None:
    line = Written()
    exchange = Exchange(line, "POST", "1.1", True)
    exchange.start(200, [])
    exchange.end()
    assert line.writes[1:] == [b"0\r\n\r\n"]


def test_a_caller_of_http_1_0_gets_bytes_until_the_end_and_no_chunks() -> None:
    line = Written()
    exchange = Exchange(line, "GET", "1.0", True)
    exchange.start(200, [])
    exchange.write(b"a")
    exchange.end(b"b")
    assert b"".join(line.writes) == b"HTTP/1.1 200 OK\r\n" + DATE + b"connection: close\r\n\r\nab"
    assert not exchange.keep_alive


def test_a_caller_of_http_1_0_is_told_that_it_may_ask_again() -> None:
    line = Written()
    Exchange(line, "GET", "1.0", True).respond(200, [])
    assert b"\r\nconnection: keep-alive\r\n" in line.writes[0]


def test_head_is_answered_with_the_length_and_nothing_else() -> None:
    line = Written()
    Exchange(line, "HEAD", "1.1", True).respond(200, [], b"abc")
    exchange = Exchange(line, "HEAD", "1.1", True)
    exchange.start(200, [])
    exchange.write(b"abc")
    exchange.end(b"def")
    assert line.writes[0].endswith(b"content-length: 3\r\n\r\n")
    assert line.writes[1].endswith(b"transfer-encoding: chunked\r\n\r\n")
    assert len(line.writes) == 2


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none_and_no_length(status: int) -> None:
    line = Written()
    Exchange(line, "GET", "1.1", True).respond(status, [], b"abc")
    assert b"content-length" not in line.writes[0]
    assert line.writes[0].endswith(b"\r\n\r\n")
    with pytest.raises(ValueError, match="no body"):
        Exchange(line, "GET", "1.1", True).start(status, [])


def test_the_last_answer_of_a_leaving_edge_says_so() -> None:
    line = Written()
    line.leaving = True
    exchange = Exchange(line, "GET", "1.1", True)
    exchange.respond(200, [])
    assert b"\r\nconnection: close\r\n" in line.writes[0]
    assert not exchange.keep_alive


@pytest.mark.parametrize("status", [299, 599])
def test_a_status_without_a_name_is_written_all_the_same(status: int) -> None:
    line = Written()
    Exchange(line, "GET", "1.1", True).respond(status, [])
    assert line.writes[0].startswith(b"HTTP/1.1 %d \r\n" % status)


@pytest.mark.parametrize("status", [0, 100, 199, 600, -200])
def test_a_status_that_is_no_answer_is_refused(status: int) -> None:
    line = Written()
    with pytest.raises(ValueError, match="no status"):
        Exchange(line, "GET", "1.1", True).respond(status, [])
    assert line.writes == []


@pytest.mark.parametrize("name", sorted(OWNED))
def test_framing_is_not_for_the_application(name: bytes) -> None:
    line = Written()
    for spelled in (name, name.upper(), name.title()):
        exchange = Exchange(line, "GET", "1.1", True)
        with pytest.raises(ValueError, match="edge itself"):
            exchange.start(200, [(spelled, b"1")])
        assert not exchange.started
    assert line.writes == []


NAMES = st.binary(max_size=8).filter(lambda name: name.lower() not in OWNED)

EVIL = st.lists(
    st.tuples(NAMES, st.binary(max_size=8))
    | st.sampled_from([(b"a", b"b\r\nc: d"), (b"a\r\nb", b"c"), (b"a", b"b\n"), (b"a\r", b""), (b"a", b"\0")]),
    max_size=4,
)


@given(EVIL)
def test_no_header_can_become_two(headers: list[Header]) -> None:
    line = Written()
    exchange = Exchange(line, "GET", "1.1", True)
    evil = any(byte in name + value for name, value in headers for byte in b"\r\n\0")
    if evil:
        with pytest.raises(ValueError, match="line break"):
            exchange.respond(200, headers)
        assert line.writes == []
        assert not exchange.started
    else:
        exchange.respond(200, headers)
        assert line.writes[0].count(b"\r\n") == len(headers) + 4


def test_an_answer_begins_once_and_nothing_follows_its_end() -> None:
    exchange = Exchange(Written(), "GET", "1.1", True)
    with pytest.raises(RuntimeError):
        exchange.write(b"x")
    exchange.start(200, [])
    with pytest.raises(RuntimeError):
        exchange.respond(200, [])
    exchange.end()
    with pytest.raises(RuntimeError):
        exchange.end()
    with pytest.raises(RuntimeError):
        exchange.write(b"x")
    with pytest.raises(RuntimeError):
        exchange.start(200, [])


def test_what_is_written_for_a_caller_who_left_is_dropped() -> None:
    line = Written()
    line.closed = True
    exchange = Exchange(line, "GET", "1.1", True)
    exchange.start(200, [])
    exchange.write(b"x")
    exchange.end(b"y")
    Exchange(line, "GET", "1.1", True).respond(200, [], b"x")
    assert line.writes == []
    assert exchange.closed


def test_a_head_goes_on_behind_what_was_said_ahead_of_it() -> None:
    line = Written()
    line.said = 3
    Exchange(line, "GET", "1.1", True).respond(200, [])
    Exchange(line, "GET", "1.1", True).respond(200, [])
    assert line.writes[0].startswith(b"P/1.1 200 OK\r\n")
    assert line.writes[1].startswith(b"HTTP/1.1 200 OK\r\n")
