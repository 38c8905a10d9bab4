"""The response to one request: a head, and a body in one piece or in chunks.

Always true: exactly one head is written; nothing that the application passes can begin another line of it; what frames
the message (length, chunks, connection) is decided here alone; a body that was not ended is never made to look whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from http import HTTPStatus
from typing import Protocol

from headworks.http.connection import header_block

Header = tuple[bytes, bytes]

PREFIX = b"HTTP/1.1 "
"""How every answer begins."""

OWNED = frozenset(
    (b"content-length", b"transfer-encoding", b"connection", b"date", b"keep-alive", b"upgrade", b"trailer")
)
"""Headers that only the edge writes."""

JOINED = 32_768
"""Bytes of body up to which head and body become one buffer; above, a copy costs more than a second one."""

_LINES = {status.value: b"%b%d %b\r\n" % (PREFIX, status.value, status.phrase.encode()) for status in HTTPStatus}


class AnswerConnection(Protocol):
    """What an exchange needs of its connection."""

    transport: asyncio.Transport
    closed: bool
    said: int
    """Bytes of `PREFIX` that were written ahead of the head."""
    worker: asyncio.Task[None] | None
    """What runs the handler."""

    @property
    def leaving(self) -> bool:
        """This answer is the connection's last."""

    def date(self) -> bytes: ...

    def drain(self) -> Awaitable[None]: ...


class Exchange:
    """How the handler answers: `respond` once, or `start`, any number of `write`, `end`.

    Writing never waits and never fails: what is written after the caller has gone is dropped, and `closed` says so.
    Await `drain` between writes, or a caller who does not read makes the memory grow.
    """

    __slots__ = ("_chunked", "_connection", "_mute", "_version", "complete", "keep_alive", "started")

    def __init__(self, connection: AnswerConnection, method: str, version: str, keep_alive: bool) -> None:
        self._connection = connection
        self._mute = method == "HEAD"
        self._version = version
        self._chunked = version == "1.1"
        self.keep_alive = keep_alive
        self.started = False  # the head is written
        self.complete = False  # the end is written

    @property
    def closed(self) -> bool:
        """Nothing that is written can reach the caller any more."""
        return self._connection.closed

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What runs the handler. Asking asyncio for it is a system call in Python 3.11 (getpid), and 1 us."""
        return self._connection.worker

    @property
    def chunked(self) -> bool:
        """A chunk may follow: between two writes of a body in chunks."""
        return self.started and not self.complete and self._chunked and not self._mute

    def respond(self, status: int, headers: Sequence[Header], body: bytes = b"") -> None:
        """Answers whole, in one write. Headers without those that frame the message (`OWNED`); status 200 to 599.

        Raises ValueError where a header holds a line break or is not the application's to write, RuntimeError where the
        answer has begun already; then nothing is written.
        """
        if status == 204 or status == 304:
            body = b""
            head = self._head(status, headers, b"")
        else:
            head = self._head(status, headers, b"content-length: %d\r\n" % len(body))
        self.complete = True
        connection = self._connection
        if connection.closed:
            return
        if self._mute or not body:
            connection.transport.write(head)
        elif len(body) <= JOINED:
            connection.transport.write(head + body)
        else:
            connection.transport.write(head)
            connection.transport.write(body)

    def start(self, status: int, headers: Sequence[Header]) -> None:
        """Begins an answer whose length is not known: chunks, or for HTTP/1.0 bytes until the connection ends.

        Raises as `respond` does.
        """
        if status == 204 or status == 304:
            raise ValueError(f"{status} has no body: use `respond`")
        if not self._chunked:
            self.keep_alive = False
        head = self._head(status, headers, b"transfer-encoding: chunked\r\n" if self._chunked else b"")
        if not self._connection.closed:
            self._connection.transport.write(head)

    def write(self, data: bytes) -> None:
        """Sends bytes of the body as one chunk, in one write; no bytes are no chunk."""
        self._check_open()
        if not data or self._mute or self._connection.closed:
            return
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self._connection.transport.write(data)

    def end(self, data: bytes = b"") -> None:
        """Ends the body, after these last bytes: both in one write."""
        self._check_open()
        self.complete = True
        if self._mute or self._connection.closed:
            return
        if self._chunked:
            data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n"
        if data:
            self._connection.transport.write(data)

    def drain(self) -> Awaitable[None]:
        """Waits while the caller does not read and about 64 KB wait for it; returns at once otherwise, or once closed.

        For one task at a time.
        """
        return self._connection.drain()

    def _check_open(self) -> None:
        if not self.started or self.complete:
            raise RuntimeError("no body is being written: call `start` first, and nothing after `end`")

    def _head(self, status: int, headers: Sequence[Header], framing: bytes) -> bytes:
        if self.started:
            raise RuntimeError("the answer has begun already")
        if not 200 <= status <= 599:
            raise ValueError(f"{status} is no status of an answer")
        block = header_block(headers)
        if not OWNED.isdisjoint(map(bytes.lower, dict(headers))):
            raise ValueError(f"the edge itself writes {b', '.join(sorted(OWNED)).decode()}")
        connection = self._connection
        if connection.leaving:
            self.keep_alive = False
        if not self.keep_alive:
            framing += b"connection: close\r\n"
        elif self._version == "1.0":
            framing += b"connection: keep-alive\r\n"
        first = _LINES.get(status) or b"%b%d \r\n" % (PREFIX, status)
        self.started = True
        head = b"%b%b%b%b\r\n" % (first, block, connection.date(), framing)
        if connection.said:
            head, connection.said = head[connection.said :], 0
        return head
