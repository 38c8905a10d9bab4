"""What is understood of a caller's bytes, and what is refused: no sockets here."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headworks.http.limits import SLICE, EdgeLimits
from headworks.http.request_parser import Parsed, Refusal, Request, RequestParser

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SMALL = EdgeLimits(max_header=1024, max_headers=10, max_target=100, max_body=64)


def taken(data: bytes, cuts: list[int] | None = None, limits: EdgeLimits | None = None) -> list[Parsed]:
    """All that gets ready from bytes that are fed in pieces, as a connection feeds them."""
    intake = RequestParser(limits or EdgeLimits())
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts or []}), len(data)]
    for start, end in pairwise(edges):
        while start < end:
            step = max(SLICE, intake.awaited)
            intake.feed(data[start : min(end, start + step)])
            start += step
    return list(intake.ready)


def seen(asked: list[Parsed]) -> list[object]:
    return [
        one.status
        if isinstance(one, Refusal)
        else (one.method, one.path, one.query, one.headers, one.body, one.keep_alive)
        for one in asked
    ]


REFUSED: dict[str, tuple[int, bytes]] = {
    "bare LF after the request line": (400, b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    "bare LF after a header": (400, b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
    "bare LF as the blank line": (400, b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    "bare CR": (400, b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
    "folded line": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),
    "folded first line": (400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    "space before the colon": (400, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    "no colon": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
    "no name": (400, b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
    "a name that is no token": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n"),
    "NUL in a value": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    "control in a value": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n"),
    "DEL in a value": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n"),
    "no Host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    "two Hosts in one": (400, b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    "a Host with a path": (400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    "a Host with a user": (400, b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    "two authorizations": (400, b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nauthorization: b\r\n\r\n"),
    "CL and TE": (400, HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "TE and CL": (400, HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
    "CL twice, equal": (400, HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    "CL twice, different": (400, HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
    "CL list": (400, HEAD + b"Content-Length: 3, 3\r\n\r\nabc"),
    "CL with a sign": (400, HEAD + b"Content-Length: +3\r\n\r\nabc"),
    "negative CL": (400, HEAD + b"Content-Length: -3\r\n\r\nabc"),
    "hexadecimal CL": (400, HEAD + b"Content-Length: 0x3\r\n\r\nabc"),
    "empty CL": (400, HEAD + b"Content-Length: \r\n\r\nabc"),
    "CL beyond 64 bits": (400, HEAD + b"Content-Length: 99999999999999999999\r\n\r\nabc"),
    "TE gzip": (400, HEAD + b"Transfer-Encoding: gzip\r\n\r\nabc"),
    "TE gzip, chunked": (400, HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "TE gzip and TE chunked": (400, HEAD + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "TE chunked, identity": (400, HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    "TE xchunked": (400, HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "TE identity": (400, HEAD + b"Transfer-Encoding: identity\r\n\r\n"),
    "TE twice": (400, HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "TE behind a vertical tab": (400, HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    "TE in HTTP/1.0": (400, b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a size that is none": (400, CHUNKED + b"xyz\r\n\r\n"),
    "a negative size": (400, CHUNKED + b"-1\r\n\r\n"),
    "a size with 0x": (400, CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n"),
    "a size beyond 64 bits": (400, CHUNKED + b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
    "no size": (400, CHUNKED + b"\r\nabc\r\n0\r\n\r\n"),
    "a blank behind the size": (400, CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n"),
    "a size with LF": (400, CHUNKED + b"3\nabc\r\n0\r\n\r\n"),
    "an extension with LF": (400, CHUNKED + b"3;a\nabc\r\n0\r\n\r\n"),
    "a chunk without an end": (400, CHUNKED + b"3\r\nabc0\r\n\r\n"),
    "a chunk that ends with LF": (400, CHUNKED + b"3\r\nabc\n0\r\n\r\n"),
    "a trailer with a length": (400, CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n"),
    "absolute target of another scheme": (400, b"GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "absolute target without a host": (400, b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"),
    "absolute target with a port alone": (400, b"GET http://:80/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "absolute target with credentials": (400, b"GET http://u:p@b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "absolute target with an odd host": (400, b"GET http://b,c/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "absolute target with a fragment": (400, b"GET http://b/#c HTTP/1.1\r\nHost: a\r\n\r\n"),
    "absolute target, no Host": (400, b"GET http://b/ HTTP/1.1\r\n\r\n"),
    "absolute target, two Hosts": (400, b"GET http://b/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    "absolute target, no host in Host": (400, b"GET http://b/ HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    "target without a slash": (400, b"GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    "asterisk": (400, b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    "fragment": (400, b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "space in the target": (400, b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "control in the target": (400, b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "eight bits in the target": (400, b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n"),
    "HTTP/0.9": (505, b"GET /\r\n\r\n"),
    "HTTP/2.0": (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    "HTTP/1.2": (400, b"GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    "the preface of HTTP/2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "CONNECT": (501, b"CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "TRACE": (501, b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "RTSP": (501, b"DESCRIBE / RTSP/1.0\r\nHost: a\r\n\r\n"),
    "an unknown method": (400, b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a method in lower case": (400, b"get / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "an expectation": (417, HEAD + b"Expect: the-best\r\nContent-Length: 3\r\n\r\n"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("cut", ["whole", "byte by byte"])
def test_what_can_be_read_in_two_ways_is_refused(name: str, cut: str) -> None:
    status, data = REFUSED[name]
    got = taken(data, [] if cut == "whole" else list(range(len(data))))
    assert seen(got) == [status]
    assert isinstance(got[0], Refusal)
    assert got[0].message


@pytest.mark.parametrize(
    ("asked", "path", "query", "host"),
    [
        (b"GET http://b/v1/models?x=1 HTTP/1.1\r\nHost: a\r\n", "/v1/models", "x=1", b"b"),
        (b"GET HTTPS://b:8443/v1 HTTP/1.1\r\nHost: a\r\n", "/v1", "", b"b:8443"),
        (b"GET http://[::1]:80/ HTTP/1.1\r\nHost: a\r\n", "/", "", b"[::1]:80"),
        (b"GET http://b HTTP/1.1\r\nHost: \r\n", "/", "", b"b"),
        (b"GET http://b?x HTTP/1.1\r\nHost: a\r\n", "/", "x", b"b"),
        (b"OPTIONS http://b HTTP/1.1\r\nHost: a\r\n", "*", "", b"b"),
        (b"GET http://b/ HTTP/1.0\r\n", "/", "", b"b"),
    ],
)
def test_a_target_in_absolute_form_is_its_path_and_names_the_host(
    asked: bytes, path: str, query: str, host: bytes
) -> None:
    [request] = taken(asked + b"\r\n")
    assert isinstance(request, Request)
    assert (request.path, request.query, request.get(b"host")) == (path, query, host)
    assert [value for name, value in request.headers if name == b"host"] == [host]


def test_an_absolute_target_does_not_name_the_next_requests_host() -> None:
    both = taken(b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [one.get(b"host") for one in both if isinstance(one, Request)] == [b"b", b"a"]


def test_nothing_behind_a_refusal_is_read() -> None:
    assert seen(taken(REFUSED["CL and TE"][1] + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")) == [400]


def test_a_request_before_a_refusal_is_served() -> None:
    asked = taken(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\nHost: a\r\n\r\n")
    assert [type(one).__name__ for one in asked] == ["Request", "Refusal"]


ACCEPTED: dict[str, tuple[bytes, tuple[object, ...]]] = {
    "a query": (b"GET /a?b=c?d HTTP/1.1\r\nHost: a\r\n\r\n", ("GET", "/a", "b=c?d", b"")),
    "percent": (b"GET /%2e%2F HTTP/1.1\r\nHost: a\r\n\r\n", ("GET", "/%2e%2F", "", b"")),
    "a body": (HEAD + b"Content-Length: 3\r\n\r\nabc", ("POST", "/", "", b"abc")),
    "a length with a blank": (HEAD + b"Content-Length: 3 \r\n\r\nabc", ("POST", "/", "", b"abc")),
    "chunks": (CHUNKED + b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", ("POST", "/", "", b"abc0123456789")),
    "Chunked": (HEAD + b"Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", ("POST", "/", "", b"a")),
    "an extension": (CHUNKED + b'3;a="b"\r\nabc\r\n0\r\n\r\n', ("POST", "/", "", b"abc")),
    "a trailer": (CHUNKED + b"3\r\nabc\r\n0\r\nHost: evil\r\n\r\n", ("POST", "/", "", b"abc")),
    "blank lines before": (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ("GET", "/", "", b"")),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", ("OPTIONS", "*", "", b"")),
    "HTTP/1.0 without Host": (b"GET / HTTP/1.0\r\n\r\n", ("GET", "/", "", b"")),
    "IPv6": (b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", ("GET", "/", "", b"")),
    "GET with a body": (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", ("GET", "/", "", b"x")),
    "an offer of h2c": (
        HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
        ("POST", "/", "", b"abc"),
    ),
    "an offer of h2c, in chunks": (
        HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ("POST", "/", "", b"abc"),
    ),
    "an offer of websocket": (
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        ("GET", "/", "", b""),
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("cut", ["whole", "byte by byte"])
def test_what_is_plain_is_understood(name: str, cut: str) -> None:
    data, expected = ACCEPTED[name]
    (got,) = taken(data, [] if cut == "whole" else list(range(len(data))))
    assert not isinstance(got, Refusal), got.message
    assert (got.method, got.path, got.query, got.body) == expected


def test_names_are_in_lower_case_and_values_without_blanks_around() -> None:
    (got,) = taken(b"GET / HTTP/1.1\r\nHOST: a\r\nX-One:\t b c \t\r\nx-one: d\r\nX-Empty:\r\n\r\n")
    assert not isinstance(got, Refusal)
    assert got.headers == [(b"host", b"a"), (b"x-one", b"b c"), (b"x-one", b"d"), (b"x-empty", b"")]
    assert got.get(b"x-one") == b"b c", "the first counts"
    assert got.get(b"x-none") is None


def test_a_trailer_is_no_header() -> None:
    (got,) = taken(CHUNKED + b"1\r\na\r\n0\r\nAuthorization: Bearer evil\r\n\r\n")
    assert not isinstance(got, Refusal)
    assert got.get(b"authorization") is None
    assert got.headers == [(b"host", b"a"), (b"transfer-encoding", b"chunked")]


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n", False),
        (b"GET / HTTP/1.0\r\nHost: a\r\n", False),
        (b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n", False),
    ],
)
def test_what_follows_a_last_request_is_not_read(head: bytes, keeps: bool) -> None:
    asked = taken(head + b"\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [type(one).__name__ for one in asked] == ["Request"] * (1 + keeps)
    assert not isinstance(asked[0], Refusal)
    assert asked[0].keep_alive is keeps


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (413, HEAD + b"Content-Length: 65\r\n\r\n"),
        (413, CHUNKED + b"20\r\n" + b"x" * 32 + b"\r\n21\r\n" + b"x" * 33 + b"\r\n0\r\n\r\n"),
        (414, b"GET /" + b"x" * 100 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1024 + b"\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 10 + b"\r\n"),
        (431, b"GET /" + b"x" * 40_000),
        (431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000),
        (431, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 10_000),
        (431, CHUNKED + b"1;" + b"x" * 40_000),
        (431, CHUNKED + b"1\r\na\r\n0\r\n" + b"X: y\r\n" * 10_000),
        (431, CHUNKED + b"1\r\na\r\n0\r\nX: " + b"y" * 40_000),
    ],
)
@pytest.mark.parametrize("cut", [0, 1000])
def test_no_part_of_a_request_grows_without_bound(status: int, data: bytes, cut: int) -> None:
    assert seen(taken(data, list(range(0, len(data), cut)) if cut else [], SMALL)) == [status]


@pytest.mark.parametrize("size", [0, 1, 63, 64])
def test_up_to_the_bound_all_is_well(size: int) -> None:
    (got,) = taken(HEAD + b"Content-Length: %d\r\n\r\n" % size + b"x" * size, [], SMALL)
    assert not isinstance(got, Refusal)
    assert got.body == b"x" * size


def test_a_head_just_within_the_bound_passes_behind_another_request() -> None:
    """The slice that ends one message and begins the next is not charged to the next."""
    limits = EdgeLimits(max_header=20_000)
    first = HEAD + b"Content-Length: 8000\r\n\r\n" + b"x" * 8000
    second = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 19_900 + b"\r\n\r\n"
    for cuts in ([], list(range(0, 40_000, 700))):
        assert [type(one).__name__ for one in taken(first + second, cuts, limits)] == ["Request", "Request"]


def test_a_body_that_came_whole_is_not_copied_again() -> None:
    """httptools makes the one copy; a second piece would make another."""
    intake = RequestParser(EdgeLimits())
    intake.feed(HEAD + b"Content-Length: 6\r\n\r\nabc")
    assert intake.awaited == 3
    intake.feed(b"def")
    (got,) = intake.ready
    assert not isinstance(got, Refusal)
    assert type(got.body) is bytes
    assert got.body == b"abcdef"
    assert intake.awaited == 0


def test_a_caller_who_waits_is_told_apart_from_one_who_does_not() -> None:
    head = HEAD + b"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n"
    waiting, sending = RequestParser(EdgeLimits()), RequestParser(EdgeLimits())
    waiting.feed(head)
    sending.feed(head + b"a")
    assert waiting.expects
    assert not sending.expects


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    value = st.binary(max_size=20).map(lambda data: bytes(byte for byte in data if 33 <= byte < 127))
    headers = b"".join(b"X-%d: %b\r\n" % (number, draw(value)) for number in range(draw(st.integers(0, 4))))
    body = draw(st.binary(max_size=60))
    framing = draw(st.sampled_from(["none", "length", "chunks"]))
    head = b"POST /%b HTTP/1.1\r\nHost: a\r\n%b" % (draw(st.sampled_from([b"", b"a", b"a?b"])), headers)
    if framing == "none":
        return head + b"\r\n"
    if framing == "length":
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    size = draw(st.integers(1, 20))
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(body[at : at + size]), body[at : at + size]) for at in range(0, len(body), size)
    )
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@given(
    st.lists(requests(), min_size=1, max_size=4), st.lists(st.integers(0, 2000), max_size=12), st.binary(max_size=30)
)
def test_the_same_bytes_are_the_same_requests_however_they_are_cut(
    wire: list[bytes], cuts: list[int], junk: bytes
) -> None:
    data = b"".join(wire) + junk
    whole = seen(taken(data))
    assert len(whole) >= len(wire)
    assert seen(taken(data, cuts)) == whole
    assert seen(taken(data, list(range(len(data))))) == whole


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
@example(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 9\r\n\r\n", [])
@example(CHUNKED + b"1\r\n", [])
def test_random_bytes_give_requests_or_one_refusal_and_nothing_else(data: bytes, cuts: list[int]) -> None:
    for prefix in (b"", b"GET / HTTP/1.1\r\n", HEAD, CHUNKED):
        asked = taken(prefix + data, cuts)
        assert all(not isinstance(one, Refusal) for one in asked[:-1])
