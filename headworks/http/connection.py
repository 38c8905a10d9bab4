"""What both ends of HTTP/1.1 share: one socket, its one timer, both directions of backpressure.

Always true: a connection has at most one timer, however many waits it bounds; writing is never refused, only
`drain` waits; `abort` closes at once and drops what was not written. This file knows no HTTP beyond a header's lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

NEVER = float("inf")

SLACK = 0.002
"""Seconds by which a timer may ring early and still count: uvloop rounds timers and caches its clock to 1 ms."""


class TimedOut(Exception):
    """The instant given to a wait has passed. The connection is as it was; giving up on it is the caller's decision."""


class Broken(Exception):
    """The peer went away, or said what is not HTTP, before the message was whole.

    sent: the peer may have seen the request (False is certain: nothing left this machine). received: bytes of its
    answer had arrived.
    """

    def __init__(self, reason: str, *, sent: bool, received: bool) -> None:
        super().__init__(reason)
        self.sent = sent
        self.received = received


def nobody() -> None:
    """A callback that does nothing: of a timer that was closed."""


class DeadlineTimer:
    """One timer for many deadlines: `on_expiry` is called when the last one `set` has passed.

    Moving the deadline later costs nothing: the timer rings at the old instant and only then goes on to the new one.
    A call_at and its cancel for each wait are 1.1 us; deadlines mostly move forward, so this is nearly always 0.1.
    """

    __slots__ = ("_fires_at", "_handle", "_loop", "_on_expiry", "due_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_expiry: Callable[[], None]) -> None:
        self._loop = loop
        self._on_expiry = on_expiry
        self._handle: asyncio.TimerHandle | None = None
        self._fires_at = NEVER
        self.due_at = NEVER

    def set(self, at: float) -> None:
        """Rings at this loop instant (seconds) instead of any other; 0 is never."""
        self.due_at = at = at or NEVER
        if at < self._fires_at:
            self._arm(at)

    def clear(self) -> None:
        """Does not ring until `set` again; the timer underneath is left to run out, which is cheaper."""
        self.due_at = NEVER

    def close(self) -> None:
        """Disarms the timer for good, and drops its references, which would form a cycle."""
        self._on_expiry = nobody
        self.due_at = self._fires_at = NEVER
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self, at: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._fires_at = at
        self._handle = self._loop.call_at(at, self._fire)

    def _fire(self) -> None:
        self._handle = None
        self._fires_at = NEVER
        due_at = self.due_at
        if due_at == NEVER:
            return
        if due_at > self._loop.time() + SLACK:
            self._arm(due_at)
            return
        self.due_at = NEVER
        self._on_expiry()


class Connection(asyncio.Protocol):
    """A socket with backpressure in both directions and one timer.

    Subclasses implement `data_received` and `on_timeout`, and call `super().connection_lost(error)`. `transport` may be
    exchanged for one that encrypts before the first byte of HTTP.
    """

    __slots__ = ("_room", "closed", "deadline_timer", "is_reading_paused", "loop", "transport", "writable")

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.deadline_timer = DeadlineTimer(loop, self.on_timeout)
        self.closed = False  # nothing more will be read or written
        self.writable = True  # the transport's buffer is below its water mark
        self.is_reading_paused = False  # the socket is not read
        self._room: asyncio.Future[None] | None = None

    def on_timeout(self) -> None:
        """The instant that `deadline_timer` was set to has passed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self.deadline_timer.close()
        self._wake()

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        self._wake()

    def _wake(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    async def drain(self) -> None:
        """Returns once the peer reads: at once unless the transport's buffer is over its water mark.

        For one task at a time. Returns too when the connection is lost: `closed` says so.
        """
        while not self.writable and not self.closed:
            self._room = self.loop.create_future()
            try:
                await self._room
            finally:
                self._room = None

    def pause_reading(self) -> None:
        """Reads no more from the socket until `resume_reading`: the peer's own writes come to a stop."""
        if not self.is_reading_paused and not self.closed:
            self.is_reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Reads again."""
        if self.is_reading_paused and not self.closed:
            self.is_reading_paused = False
            self.transport.resume_reading()

    def abort(self) -> None:
        """Closes at once; what was not yet written is dropped. `connection_lost` follows on the loop's next turn."""
        if not self.closed:
            self.closed = True
            self.deadline_timer.close()
            self.transport.abort()


def header_block(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Ready "name: value" lines, each with its CRLF. Raises ValueError where a name or value would start a new line.

    One count over the joined block, not a check per header: a value with a line break must never become a header.
    """
    lines = len(headers)
    if not lines:
        return b""
    block = b"\r\n".join(map(b": ".join, headers)) + b"\r\n"
    if block.count(b"\n") != lines or block.count(b"\r") != lines or b"\0" in block:
        raise ValueError("a header's name or value holds a line break or a NUL")
    return block
