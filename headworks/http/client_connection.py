"""One connection to a server, and the response that arrives on it.

Always true: it ends as WHOLE or with a `failure`, never neither, once the loop has told of the end; bytes that nobody
asked for are never kept, and cost the connection. It knows no pool beyond the list in which it rests.

httptools' traps are handled here: it knows no bound on headers, ends a message at a 1xx response, never ends a body
that lasts until the connection does, and would take bytes after an answer for the next one.
"""

from __future__ import annotations

import asyncio
import re
import select
from collections.abc import Callable
from typing import TypeAlias

from httptools import HttpParserError, HttpResponseParser

from headworks.core.errors import Crowded, Garbled
from headworks.http.buffered import Buffered, crowded
from headworks.http.connection import NEVER, Broken, Connection, TimedOut, nobody
from headworks.http.unsolicited import is_idle_close

Headers: TypeAlias = list[tuple[bytes, bytes]]

HIGH_WATER = 65_536
"""Bytes that wait for a reader before the socket is held. A caller who stops reading costs several times as much: what
one turn of the loop reads beyond it, the chunks made of that, and what waits to be written. At most 1 MB is promised."""

MOST_READ = 16_384
"""Bytes of body that a reader is given in one turn of the loop. Of a stream each byte may cost half a microsecond (comments,
events of ten bytes), and one read of the socket brings 256 KB."""

JOINED = 32_768
"""Bytes of body up to which head and body are joined into one write: below, a copy is cheaper than a second buffer."""

MOST_PIECES = 1024
"""Pieces of a body before they are made one: a server that sends byte by byte must not cost forty bytes for each."""

PROBED_AFTER = 0.1
"""Seconds of rest after which a connection's socket is asked whether it is still open: a poll is 1.5 us, an idle vendor
may have closed it since the loop last looked, and under load a connection never rests that long."""

LOOKED_AFTER, LOOK = 16, 0.005
"""One answer in LOOKED_AFTER on a connection is followed by a wait of LOOK seconds for bytes behind it, before the connection is
lent again. Under load it would otherwise be lent at once, each time: an extra answer of the vendor's would be taken for
the next caller's, that one's for the answer after it, and nobody would ever see bytes that nobody asked for."""

HEAD, BODY, WHOLE = 0, 1, 2
"""What of a response has come: nothing or a part of its head, its head, everything. A resting link is WHOLE."""

_TIMEOUT = re.compile(rb"(?:^|[ ,;])timeout=(\d{1,6})(?:$|[ ,;])", re.IGNORECASE)


class ClientConnection(Connection):
    """A connection, and one response at a time."""

    __slots__ = (
        "_bound",
        "_buffered",
        "_head_limit",
        "_is_crowded",
        "_is_over",
        "_mute",
        "_packed",
        "_parser",
        "_pool",
        "_timeout",
        "_unasked",
        "_used",
        "_waiter",
        "_want",
        "charged",
        "failure",
        "headers",
        "idle_since",
        "is_fresh",
        "is_idle",
        "keep",
        "phase",
        "pieces",
        "size",
        "status",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pool: list[ClientConnection],
        head_limit: int,
        buffered: Buffered,
        unasked: Callable[[], None] = nobody,
    ) -> None:
        super().__init__(loop)
        self._unasked = unasked  # told of bytes that are no answer to anything
        self._pool = pool
        self._head_limit = head_limit
        self._buffered = buffered
        self.charged = 0  # bytes that its reader took and has not passed on
        self._bound = HIGH_WATER
        self._mute = 0  # bytes since there was any body: of a head, of chunk extensions, of trailers
        self._parser = HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._want = HEAD
        self.failure = ""  # why the answer will never be whole
        self._is_over = False
        self._is_crowded = False
        self.status = 0
        self.headers: Headers = []
        self.pieces: list[bytes] = []
        self._packed = 0  # how many of the pieces are many of those that came
        self.size = 0  # of the pieces
        self.phase = WHOLE  # bytes before a request are as unasked for as bytes after an answer
        self._timeout = 0.0  # how long it may rest; 0 until its first answer says so
        self.keep = True
        self.is_idle = False
        self.is_fresh = False  # it came back a moment ago: what follows its answer may not have come yet
        self._used = 0  # requests so far
        self.idle_since = 0.0

    # -- the request

    def begin(self, head: bytes, body: bytes) -> bool:
        """Writes a request. False when nothing of it left this machine: the connection was closed before."""
        transport = self.transport
        # uvloop closes a socket in which it met an error before it tells, and then `write` raises.
        if self.closed or transport.is_closing():
            return False
        if self.is_idle and self.loop.time() - self.idle_since >= PROBED_AFTER and not self._is_open():
            return False
        self.is_idle = False
        self.phase = HEAD
        self.headers = []
        self._bound = HIGH_WATER
        self._want = HEAD
        self._used += 1
        self._mute = 0
        if len(body) <= JOINED:
            transport.write(head + body)
        else:
            transport.writelines((head, body))
        # Both loops write at once: a write that failed has closed the transport before it returns.
        return not transport.is_closing()

    def _is_open(self) -> bool:
        """Whether the server has kept a rested connection open, as far as this machine knows."""
        probe = select.poll()
        probe.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not probe.poll(0)

    # -- the response, as the loop brings it

    def data_received(self, data: bytes) -> None:
        phase = self.phase
        if phase == WHOLE:
            self._refuse(data)
            return
        size = self.size
        wrong = ""
        self._mute += len(data)
        try:
            if phase == BODY or self._mute <= self._head_limit:
                self._parser.feed_data(data)
            else:
                self._feed_end_of_head(data)
        except HttpParserError as error:
            self.keep = False  # an answer, and then something else: the answer is good
            if self.phase != WHOLE:
                wrong = f"it does not speak HTTP/1.1: {error.__context__ or error}"
            else:
                self._unasked()
        if self.size != size:
            self._mute = 0
            buffered = self._buffered
            buffered.size += self.size - size
            if len(self.pieces) - self._packed > MOST_PIECES:
                self._pack()
            if self.size > self._bound:
                self._overflow()
            if buffered.size > buffered.most and self.phase != WHOLE:
                self._is_crowded = True
                self._fail("too many bytes wait in this process")
        elif phase == BODY and self._mute > self._head_limit:
            self._fail("it sends endless trailers")
        if wrong:
            self._fail(wrong)
        waiter = self._waiter
        if waiter is not None and self.phase >= self._want:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def _refuse(self, data: bytes) -> None:
        """Handles unsolicited bytes: closes the connection, as they are not the answer to the next request."""
        if self.closed:
            return
        counts = self.status and not (self.is_idle and is_idle_close(data))
        self.discard()
        if counts:
            self._unasked()

    def _feed_end_of_head(self, data: bytes) -> None:
        """One read may bring the end of a head and a long body: only what exceeds the bound before that end is too much."""
        excess = self._mute - self._head_limit
        self._parser.feed_data(data[:-excess])
        if self.phase == HEAD:
            self._fail("its headers are too large")
        else:
            self._parser.feed_data(data[-excess:])

    def on_message_begin(self) -> None:
        if self.phase == WHOLE:
            raise ValueError("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.phase == HEAD:  # else a trailer
            self.headers.append((name.lower(), value.rstrip()))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status
            self.phase = BODY
        elif status == 100 or status > 101:
            self.headers = []  # of an interim response: the real one follows
        else:
            raise ValueError(f"status {status}")

    def on_body(self, data: bytes) -> None:
        self.pieces.append(data)
        self.size += len(data)

    def _pack(self) -> None:
        """Makes one of the pieces that came since the last time: each byte is copied once more, however many there are."""
        self.pieces[self._packed :] = [b"".join(self.pieces[self._packed :])]
        self._packed += 1

    def on_message_complete(self) -> None:
        if self.phase == BODY:  # else an interim response
            self.phase = WHOLE
            self.keep = self._parser.should_keep_alive()

    def eof_received(self) -> None:
        self.keep = False
        if self.phase == BODY and self._is_until_eof():
            self.phase = WHOLE
            self._notify()
        elif self.phase == WHOLE:
            self.discard()
        else:
            self._fail("it closed the connection")

    def connection_lost(self, error: Exception | None) -> None:
        self.discard()
        if self.phase != WHOLE:
            self._fail(f"the connection was lost: {error}" if error else "the connection was closed")
        super().connection_lost(error)
        del self._parser  # it knows this object's methods: a circle, which only the garbage collector would find

    def on_timeout(self) -> None:
        if self.is_idle:
            self.discard()
            return
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(TimedOut())

    # -- what its exchange asks of it

    def arrival(self, want: int, by: float) -> asyncio.Future[None]:
        """Done when `want` is here, or a byte more of it, or the connection has failed; TimedOut by then."""
        self._want = want
        self._waiter = waiter = self.loop.create_future()
        self.deadline_timer.set(by)
        return waiter

    def bound(self, limit: int) -> None:
        """From now on more than `limit` bytes of body are too many."""
        self._bound = limit
        if self.is_reading_paused:
            self.resume_reading()

    def taken(self) -> bytes:
        """All bytes of the body that are here and not yet taken."""
        pieces, self.pieces = self.pieces, []
        self._buffered.size -= self.size
        self.size = self._packed = 0
        if self.is_reading_paused:
            self.resume_reading()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def portion(self) -> bytes:
        """Takes at most `MOST_READ` bytes of the body, so that a reader can yield to the loop between two reads."""
        pieces = self.pieces
        if len(pieces[0]) > MOST_READ:  # cut once into all its parts: no byte is copied for each of them
            first = pieces[0]
            pieces[:1] = [first[at : at + MOST_READ] for at in range(0, len(first), MOST_READ)]
        size = count = 0
        while size + len(pieces[count]) <= MOST_READ:
            size += len(pieces[count])
            count += 1
        given = b"".join(pieces[:count])
        del pieces[:count]
        self._packed = 0  # what was made one may be made so once more
        self.size -= size
        self._buffered.size -= size
        if self.is_reading_paused and self.size <= self._bound:
            self.resume_reading()
        return given

    def charge(self, size: int) -> None:
        """Sets how many bytes the reader has taken and not passed on."""
        self._buffered.size += size - self.charged
        self.charged = size

    def drop_body(self) -> None:
        """Drops the buffered body: the reader has left."""
        if self.charged:
            self.charge(0)
        if self.pieces:
            del self.pieces[1:]  # nobody reads them: not to be joined for nothing
            self.taken()

    def make_idle(self, now: float, timeout: float) -> None:
        """Waits in the pool for at most `timeout` seconds, or for less where the server says how long it waits."""
        if self._timeout == 0.0:
            self._timeout = min(timeout, _keep_alive_of(self.headers))
        self.is_idle = self.is_fresh = True
        self.idle_since = now
        # Two turns of the loop without a frame of ours: what the first one reads is looked at before the second ends.
        loop = self.loop
        if self._used % LOOKED_AFTER == 1:
            loop.call_later(LOOK, loop.call_soon, loop.call_soon, setattr, self, "is_fresh", False)
        else:
            loop.call_soon(loop.call_soon, setattr, self, "is_fresh", False)
        self.deadline_timer.set(now + self._timeout)
        self._pool.append(self)

    # -- endings

    def _overflow(self) -> None:
        """Handles a body above the limit: fails a reader that waits for the whole, else pauses reading from the socket."""
        if self._waiter is None or self._want != WHOLE:
            self.pause_reading()
        elif self.phase != WHOLE:
            self._is_over = True
            self._end(f"The answer has more than {self._bound} bytes.")

    def _fail(self, reason: str) -> None:
        if self.phase != WHOLE:
            self._end(reason)

    def _end(self, failure: str) -> None:
        self.failure = self.failure or failure
        self.abort()
        if self._is_over:  # nobody reads what is too long; of what broke off its reader may want what it says was used
            self.drop_body()
        self._notify()

    def fault(self) -> Broken | Garbled | Crowded:
        """The failure as an error: a new one each time, as its traceback would know this link, and the link it."""
        if self._is_crowded:
            return crowded(self._buffered, was_sent=True)
        if self._is_over:
            return Garbled(self.failure)
        return Broken(self.failure, sent=True, received=self.phase == BODY or self._mute > 0)

    def distrust(self, why: str) -> None:
        """Fails the response, since it may belong to another request. A reader that has begun to read it may go on."""
        self.keep = False
        if self.phase == HEAD or (self._want == WHOLE and (self.phase == BODY or self.pieces)):
            self.phase = min(self.phase, BODY)  # whole, and not taken yet: it is nobody's
            self._fail(why)

    def discard(self) -> None:
        """Closes the connection while no exchange uses it."""
        self.keep = False
        if self.is_idle:
            self.is_idle = False
            self._pool.remove(self)
        self.abort()

    def _notify(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _is_until_eof(self) -> bool:
        """Whether only the end of the connection ends this body (RFC 9112, section 6.3)."""
        codings = b""
        for name, value in self.headers:
            if name == b"content-length":
                return False
            if name == b"transfer-encoding":
                codings = value
        return codings.rpartition(b",")[2].strip().lower() != b"chunked"


def _keep_alive_of(headers: Headers) -> float:
    """How long a server says that it keeps a resting connection, less a second for the way. Node closes after 5 s, and
    says so; a request that crosses that close would be Broken."""
    for name, value in headers:
        if name == b"keep-alive" and (found := _TIMEOUT.search(value)):
            return max(float(found[1]) - 1.0, 0.5)
    return NEVER
