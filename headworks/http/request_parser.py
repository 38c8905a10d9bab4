"""The HTTP request parser: bytes become requests, or a refusal that ends the connection. No I/O here.

Always true: the same bytes give the same requests however they are cut; what can be read in two ways is refused, never
guessed (RFC 9112 section 11.2, request smuggling); after a refusal, or a request that closes, nothing more is read.

httptools refuses by itself: bare LF and CR, folded lines, blanks before a colon, NUL and controls in values, CL with TE,
several CL, bad sizes of chunks. It accepts, and this file refuses: several or missing Host, `gzip, chunked`, chunked in
HTTP/1.0, versions 0.9 and 2.0, RTSP, absolute targets of other schemes or with credentials, asterisk targets but for
OPTIONS, heads and trailers without a bound. It leaves the body of a request with `Upgrade` unread; this file reads on.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from headworks.http.limits import SLICE, EdgeLimits

REST, HEAD, BODY = 0, 1, 2
"""What of a request has come in part: nothing, some of its head, its head."""

METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}

SINGLE = (b"host", b"content-length", b"transfer-encoding", b"expect", b"authorization", b"content-type")
"""Said twice, these leave it to each reader which one counts."""

SELDOM = frozenset((b"transfer-encoding", b"expect", b"upgrade"))
"""What must be looked at where it comes; one step tells that none of them did."""

ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#@\\:][^/?#@\\]*)([/?].*)?", re.DOTALL)
"""A target in absolute form, as proxies send it: its host and port, then path and query. Credentials there are refused."""

HOST_CHARACTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%:[]!$&'()*+;="
"""RFC 3986 section 3.2.2, without the comma: `Host: a, b` is what some proxies make of two hosts."""


class Refusal(Exception):
    """Why a request is not served: `status` and `message` for the caller. The connection ends with it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class _Unread(Exception):
    """The body is not read: the request was handed on without it."""


class Request:
    """A whole request.

    `path` and `query` are as they came (not percent-decoded; the query without its `?`). `headers` are in the order of
    the wire with names in lower case. `peer` is the caller's address, empty on a unix socket. `admitted` is the
    application's: what it found out by the head alone.
    """

    __slots__ = (
        "admitted",
        "body",
        "get",
        "headers",
        "keep_alive",
        "method",
        "names",
        "path",
        "peer",
        "query",
        "version",
    )

    def __init__(
        self,
        method: str,
        target: str,
        headers: list[tuple[bytes, bytes]],
        lookup: dict[bytes, bytes],
        version: str,
    ) -> None:
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.names: Collection[bytes] = lookup
        """The headers' names in lower case, each once."""
        self.get: Callable[[bytes], bytes | None] = lookup.get
        """The value of a header by its name in lower case; the first where it came several times. The dictionary's own, as each
        call asks for five of them."""
        self.version = version
        self.keep_alive = True
        self.body = b""
        self.peer = ""
        self.admitted: Any = None

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path} {len(self.headers)} headers, {len(self.body)} bytes>"


Parsed: TypeAlias = Request | Refusal

Admit: TypeAlias = Callable[[Request], bool]
"""Whether a request is answered by more than its head: False, and its body is not read, nor waited for, nor asked for."""


class RequestParser:
    """The parser of one connection: feed it, then take what is `ready`, oldest first.

    A request that `admit` says no to is ready as soon as its head is here, without its body; nothing behind it is read.
    """

    __slots__ = (
        "_admit",
        "_authority",
        "_body",
        "_fields",
        "_framing",
        "_length",
        "_limits",
        "_parser",
        "_request",
        "_target",
        "_upgrade",
        "arrived",
        "expects",
        "is_done",
        "is_unread",
        "phase",
        "ready",
    )

    def __init__(self, limits: EdgeLimits, admit: Admit | None = None) -> None:
        self._limits = limits
        self._admit = admit
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self.ready: deque[Parsed] = deque()
        self.phase = REST
        self.is_done = False  # a refusal or a closing request has been read: what follows it does not count
        self.expects = False  # the caller waits for "100 Continue" before it sends the body
        self.is_unread = False  # the body of the last request was left where it is
        self.arrived = 0  # bytes of the body that is arriving
        self._body: bytes | bytearray = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._target = b""
        self._authority = b""  # of a target in absolute form
        self._framing = 0
        self._length = -1
        self._request: Request | None = None
        self._upgrade = False

    @property
    def awaited(self) -> int:
        """Bytes that are certainly the rest of a body: they may be fed at once, all others in slices."""
        return self._length - self.arrived if self.phase == BODY and self._length > 0 else 0

    def feed(self, data: bytes | memoryview) -> None:
        """Takes the next bytes: at most `SLICE`, or `awaited` if that is more. Never raises."""
        parser = self._parser
        if parser is None or self.is_done:
            return
        arrived = self.arrived
        try:
            parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._stay(data, upgrade.args[0])
        except HttpParserCallbackError as error:
            cause = error.__context__
            if isinstance(cause, Refusal):
                self.refuse(cause.status, cause.message)
            elif not isinstance(cause, _Unread):
                raise
        except HttpParserError as error:
            if not self.is_done:
                self.refuse(400, f"This is not HTTP/1.1 as we accept it: {error}.")
        if self.phase != REST and self._length < 0:
            self._weigh(len(data) if self.arrived == arrived else 0)

    def refuse(self, status: int, message: str) -> None:
        """Ends the reading: the refusal is the last thing that gets ready."""
        self.is_done = True
        self.phase = REST
        self.expects = False
        self.ready.append(Refusal(status, message))
        self.close()

    def close(self) -> None:
        """Drops the inner parser, which refers back to this object."""
        self._parser = None
        self._request = None
        self._body = b""
        self._fields = []

    def _weigh(self, size: int) -> None:
        """Bounds what carries no body: heads, extensions of chunks, trailers. httptools would gather any amount."""
        self._framing = self._framing + size if size else 0
        if self._framing > self._limits.max_header:
            self.refuse(431, f"A head of more than {self._limits.max_header} bytes.")

    def _stay(self, data: bytes | memoryview, offset: int) -> None:
        """Goes on with HTTP/1.1 where a caller offered another protocol, as RFC 9110 section 7.8 allows.

        The parser has stopped before the body. A second one reads it behind a head of our own; the connection closes
        after this request, so it never meets another head.
        """
        request = self._request
        if request is None:
            return
        parser = self._parser = HttpRequestParser(_Rest(self))
        self._upgrade = False
        request.keep_alive = False
        framing = (
            b"transfer-encoding: chunked"
            if request.get(b"transfer-encoding")
            else b"content-length: %d" % max(self._length, 0)
        )
        parser.feed_data(b"POST / HTTP/1.1\r\nconnection: close\r\n%b\r\n\r\n" % framing)
        if not self.is_done and offset < len(data):
            self.feed(data[offset:])

    # What httptools calls, in the order in which it calls.

    def on_message_begin(self) -> None:
        self.phase = HEAD
        self._fields = []
        self._target = self._authority = b""
        self._length = -1
        # The slice may have begun with another message, so this head is charged one slice less than came.
        self._framing = -SLICE

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        # httptools leaves blanks behind a value; that there is no other white space in it was checked there.
        self._fields.append((name.lower(), value.rstrip()))

    def on_headers_complete(self) -> None:
        parser, limits = self._parser, self._limits
        assert parser is not None
        headers = self._fields
        self._fields = []  # for the trailers, which nobody may mistake for headers
        if self._framing > limits.max_header - 2 * SLICE or len(headers) > limits.max_headers:
            self._measure(headers)
        lookup = dict(headers)
        if len(lookup) != len(headers):
            lookup = _firsts(headers)
        method = METHODS.get(parser.get_method())
        if method is None:
            raise Refusal(501, "This method is not served.")
        target = self._target
        if target[:1] != b"/" or b"#" in target or len(target) > limits.max_target:
            self._check_target(method)
        version = parser.get_http_version()
        if version != "1.1" and version != "1.0":
            raise Refusal(505, "Only HTTP/1.1 and HTTP/1.0 are served.")
        host = lookup.get(b"host")
        if self._authority:
            host = self._named(headers, lookup, version)
        if host is None:
            if version == "1.1":
                raise Refusal(400, "The Host header is missing.")
        elif host.translate(None, HOST_CHARACTERS):
            raise Refusal(400, "The Host header is no host.")
        request = self._request = Request(method, self._target.decode("latin-1"), headers, lookup, version)
        request.keep_alive = parser.should_keep_alive()
        self.phase = BODY
        self.arrived = 0
        self._body = b""
        length = lookup.get(b"content-length")
        self._length = 0 if length is None else int(length)
        if self._length > limits.max_body:
            raise Refusal(413, f"A body of {self._length} bytes: at most {limits.max_body} are accepted.")
        if not SELDOM.isdisjoint(lookup):
            self._check_seldom(request, parser)
        if self._admit is not None and not self._admit(request) and self._length != 0:
            self._leave_unread(request)

    def _leave_unread(self, request: Request) -> None:
        """Hands a request on without its body, as the connection's last."""
        request.keep_alive = False
        self.is_unread = True
        self.is_done = True
        self.phase = REST
        self.expects = False
        self.ready.append(request)
        self.close()
        raise _Unread

    def _measure(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Holds a long head against the bounds to the byte, now that all of it is here."""
        limits = self._limits
        if len(headers) > limits.max_headers:
            raise Refusal(431, f"More than {limits.max_headers} headers.")
        if len(self._target) + sum([len(name) + len(value) + 4 for name, value in headers]) > limits.max_header:
            raise Refusal(431, f"A head of more than {limits.max_header} bytes.")

    def _check_target(self, method: str) -> None:
        target = self._target
        if len(target) > self._limits.max_target:
            raise Refusal(414, f"A target of more than {self._limits.max_target} bytes.")
        if b"#" in target:
            raise Refusal(400, "A fragment is not for servers.")
        if target == b"*" and method == "OPTIONS":
            return
        absolute = ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise Refusal(400, "A target is a path that begins with a slash, or an http URL with a host.")
        self._authority, path = absolute[1], absolute[2] or b""
        if path[:1] != b"/":  # RFC 9112, section 3.2.4: without a path OPTIONS asks about the whole server
            path = b"*" if method == "OPTIONS" and not path else b"/" + path
        self._target = path

    def _named(self, headers: list[tuple[bytes, bytes]], lookup: dict[bytes, bytes], version: str) -> bytes | None:
        """The host of a target in absolute form, which counts in place of the header (RFC 9112, section 3.2.2). The header
        must be there all the same but in HTTP/1.0, and is replaced: nobody behind this can mistake one for the other."""
        host = lookup.get(b"host")
        if (host is None and version != "1.0") or (host or b"").translate(None, HOST_CHARACTERS):
            return host
        headers[:] = [(b"host", self._authority), *(pair for pair in headers if pair[0] != b"host")]
        lookup[b"host"] = self._authority
        return self._authority

    def _check_seldom(self, request: Request, parser: HttpRequestParser) -> None:
        coding = request.get(b"transfer-encoding")
        if coding is not None:
            if coding.lower() != b"chunked" or request.version == "1.0":
                raise Refusal(400, "Only `Transfer-Encoding: chunked` is understood, and only in HTTP/1.1.")
            self._length = -1
            self._framing = 0
        expected = request.get(b"expect")
        if expected is not None and request.version == "1.1":
            if expected.lower() != b"100-continue":
                raise Refusal(417, "Only `Expect: 100-continue` is understood.")
            self.expects = self._length != 0
        self._upgrade = request.get(b"upgrade") is not None and parser.should_upgrade()

    def on_body(self, data: bytes) -> None:
        if not self.arrived:
            self._body = data
        else:
            if type(self._body) is bytes:
                # A list of pieces would cost forty bytes for each one-byte chunk.
                self._body = bytearray(self._body)
            self._body += data
        self.arrived += len(data)
        self.expects = False  # it did not wait
        if self.arrived > self._limits.max_body:
            raise Refusal(413, f"A body of more than {self._limits.max_body} bytes.")

    def on_message_complete(self) -> None:
        request = self._request
        if self._upgrade or request is None:
            return
        body = self._body
        request.body = body if type(body) is bytes else bytes(body)
        self._request = None
        self._body = b""
        self.arrived = 0
        self.expects = False
        self.phase = REST
        self.is_done = not request.keep_alive
        self.ready.append(request)


class _Rest:
    """Hears only the body, for the parser that reads on behind a head which was read already."""

    __slots__ = ("on_body", "on_message_complete")

    def __init__(self, intake: RequestParser) -> None:
        self.on_body = intake.on_body
        self.on_message_complete = intake.on_message_complete


def _firsts(fields: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    lookup: dict[bytes, bytes] = {}
    for name, value in fields:
        if name in lookup:
            if name in SINGLE:
                raise Refusal(400, f"Several {name.decode('latin-1')} headers.")
        else:
            lookup[name] = value
    return lookup
