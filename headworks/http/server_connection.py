"""One connection of a caller: its requests are served in order, one at a time, by one task for the whole connection.

Always true: what waits for a caller or from a caller is bounded, in bytes and in time; the next request is not begun
before the last answer fits below the water mark; a caller who hangs up cancels the handler at once; the counters of the
edge are given back exactly once, whichever end comes first.

One task for a connection's life, not one for each request: measured 4 us cheaper (of 9). A task that is cancelled before
its first step never runs its `finally`; `connection_lost` gives back in its place.

**Half-closed or gone?** TCP tells of a caller's end of sending, not whether it still reads. A caller may close its side
after the request and wait for the answer; one that hangs up looks the same until something is written. So the edge
writes the beginning of what must come next anyway: a letter of `HTTP/1.1 `, or a leading zero of the next chunk's size.
Who still reads sees no difference; who is gone answers with a reset, which the next such byte finds.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from headworks.http.buffered import Buffered
from headworks.http.connection import NEVER, Connection
from headworks.http.exchange import PREFIX, Exchange
from headworks.http.limits import SLICE, EdgeLimits
from headworks.http.request_parser import BODY, HEAD, REST, Admit, Parsed, Refusal, Request, RequestParser

ANSWERING = 3
"""Beside the phases of `RequestParser`: a request is with the handler."""

OPEN, CLOSING, LINGERING = 0, 1, 2
"""Served; closed as soon as what was written is sent; nothing is written any more and what arrives is thrown away."""

HIGH_WATER, LOW_WATER = 65_536, 16_384
"""Bytes that wait for a caller before `drain` waits, and before it goes on: asyncio's own measure."""

UNSENT = 131_072
"""Bytes that the kernel takes beyond what the caller's window admits; by itself it takes megabytes (tcp_wmem)."""

BEHIND = 65_536
"""Bytes read behind a request that is being answered; then the socket is held. Below, a hang-up is seen at once."""

SLICES = 8
"""Slices parsed in one turn of the loop: a flood of tiny chunks blocks others for 3 ms, not for its length."""

PROBES, PROBED_AFTER = 8, 0.01
"""How often a caller who ended its side is probed, and seconds to the second probe, doubling: in all 1.3 s, more than
any round trip, and the first ones early enough to stop a vendor within 100 ms."""


class Host(Protocol):
    """What a connection needs of the edge: its handler, bounds and counters."""

    handler: Callable[[Request, Exchange], Awaitable[None]]
    admit: Admit | None
    limits: EdgeLimits
    draining: bool
    busy: int
    arriving: int
    buffered: Buffered

    def connection_opened(self, connection: ServerConnection) -> bool: ...

    def connection_closed(self, connection: ServerConnection, worker: asyncio.Task[None] | None) -> None: ...

    def refusal(self, status: int, message: str) -> tuple[Sequence[tuple[bytes, bytes]], bytes]: ...

    def report(self, event: str, error: BaseException | None = None) -> None: ...

    def date(self) -> bytes: ...


class ServerConnection(Connection):
    """Serves one connection."""

    __slots__ = (
        "_arriving",
        "_backlog",
        "_begun",
        "_body_since",
        "_charged",
        "_ended",
        "_exchange",
        "_host",
        "_is_encrypted",
        "_mode",
        "_parser",
        "_peer",
        "_phase",
        "_probed",
        "_probes",
        "_pumps",
        "_request",
        "_rest",
        "_turn",
        "date",
        "said",
        "worker",
    )

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._host = host
        self.date = host.date
        self._parser = RequestParser(host.limits, host.admit)
        self._phase = HEAD  # a new connection is given the time of a head, not of a rest
        self._mode = OPEN
        self._request: Request | None = None
        self._exchange: Exchange | None = None
        self.worker: asyncio.Task[None] | None = None
        self._turn: asyncio.Future[None] | None = None
        self._begun = False  # the worker has run
        self._rest: bytes | memoryview = b""  # read, not yet parsed
        self._pumps: asyncio.Handle | None = None
        self._arriving = 0
        self._body_since = 0.0
        self._backlog = 0
        self._charged = 0  # bytes that wait for a caller who does not read
        self._ended = False  # the caller sends no more
        self._is_encrypted = False
        self._probes = 0
        self._probed: asyncio.TimerHandle | None = None
        self._peer = ""
        self.said = 0

    @property
    def leaving(self) -> bool:
        return self._host.draining

    @property
    def idle(self) -> bool:
        """Nothing of a request is here, and nothing of an answer is left to send."""
        return (
            self._exchange is None
            and self._mode == OPEN
            and self._parser.phase == REST
            and not self._rest
            and not self.transport.get_write_buffer_size()
        )

    @property
    def silent_since(self) -> float:
        """The loop instant from which on it keeps us waiting; NEVER while a request is answered, or an answer is written."""
        if self._exchange is not None or self._mode != OPEN or not self.writable:
            return NEVER
        limits = self._host.limits
        if self._phase == BODY:
            return self._body_since
        return self.deadline_timer.due_at - (limits.idle_timeout if self._phase == REST else limits.header_timeout)

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER, low=LOW_WATER)
        self._is_encrypted = transport.get_extra_info("ssl_object") is not None
        name = transport.get_extra_info("peername")
        if isinstance(name, tuple):
            self._peer = str(name[0])
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        self.deadline_timer.set(self.loop.time() + self._host.limits.header_timeout)
        if not self._host.connection_opened(self):
            self._refuse(503, "Too many connections are open.")

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        for handle in (self._probed, self._pumps):
            if handle is not None:
                handle.cancel()
        worker, self.worker, self._turn = self.worker, None, None  # a task that failed holds its frame, and that us
        if worker is not None:
            worker.cancel()
        if not self._begun:
            self._give_back()
        self._forget_body()
        if self._charged:
            self._charge(0)
        self._rest = b""
        self._parser.close()
        self._host.connection_closed(self, worker)

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if self._mode != OPEN or parser.is_done:
            return
        if self._exchange is None and not self._rest and len(data) <= SLICE and self.writable:
            parser.feed(data)
            if parser.ready:
                self._next(parser.ready.popleft())
            else:
                self._await_more()
            return
        self._rest = bytes(self._rest) + data if self._rest else data
        if self._exchange is None and self._pumps is None and self.writable:
            self._advance()
        elif len(self._rest) > BEHIND:
            self.pause_reading()

    def eof_received(self) -> bool:
        self._ended = True
        if self._is_encrypted:
            return False  # TLS has no half-closed connections here: who ends his side is gone
        if self._mode != OPEN:
            self._close()
        elif self._exchange is not None:
            self._probe()
        else:
            self._advance()
        return True  # `_close` decides when, not the loop

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_progress()
        self._charge(self._backlog)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._charge(0)
        if self._mode == OPEN:
            self.deadline_timer.clear()
            self._advance()

    def on_timeout(self) -> None:
        # Never while a request is answered and the caller reads: `_begin` and `resume_writing` clear the alarm.
        limits = self._host.limits
        if not self.writable or self._mode == CLOSING:
            if 0 < self.transport.get_write_buffer_size() < self._backlog:
                self._await_progress()
                if not self.writable:
                    self._charge(self._backlog)
            else:
                self.abort()
        elif self._mode == LINGERING:
            self.abort()
        elif self._parser.phase == REST:
            self._close()
            if self.transport.get_write_buffer_size():
                self.abort()  # it had all the idle time to read its answer
        elif self._parser.phase == HEAD:
            self._refuse(408, f"The head took more than {limits.header_timeout:g} s.")
        else:
            due_at = self._body_since + limits.body_timeout + self._parser.arrived / limits.min_body_rate
            if self.loop.time() < due_at:
                self.deadline_timer.set(due_at)
            else:
                self._refuse(408, "The body came too slowly.")

    # What happens next.

    def _advance(self) -> None:
        """Goes on as far as it can now: begins the next request, reads on, closes, or waits for the caller."""
        parser = self._parser
        slices = SLICES
        while self._exchange is None and self._mode == OPEN and self.writable and not self.closed:
            if parser.ready:
                self._next(parser.ready.popleft())
            elif self._rest:
                if not slices:
                    self.pause_reading()
                    self._pumps = self.loop.call_soon(self._pump)
                    return
                slices -= 1
                size = max(SLICE, parser.awaited)
                rest = memoryview(self._rest)
                self._rest = rest[size:]
                parser.feed(rest[:size])
            elif not self._ended:
                self.resume_reading()
                self._await_more()
                return
            elif parser.phase != REST:
                parser.refuse(400, "The request ended before it was whole.")
            else:
                self._close()

    def _pump(self) -> None:
        self._pumps = None
        self._advance()

    def _await_more(self) -> None:
        """Bounds the wait for the next bytes: from the beginning of each phase, not from the last byte."""
        parser = self._parser
        phase = parser.phase
        if phase == REST and self._phase == HEAD:
            return  # blank lines before the first request earn no idle time
        if phase != self._phase:
            self._phase = phase
            limits = self._host.limits
            now = self.loop.time()
            if phase == REST:
                self.deadline_timer.set(now + limits.idle_timeout)
            elif phase == HEAD:
                self.deadline_timer.set(now + limits.header_timeout)
            else:
                self._body_since = now
                self.deadline_timer.set(now + limits.body_timeout)
        if phase == BODY:
            if parser.expects:
                parser.expects = False
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._count_body(parser.arrived)

    def _await_progress(self) -> None:
        self._backlog = self.transport.get_write_buffer_size()
        self.deadline_timer.set(self.loop.time() + self._host.limits.write_timeout)

    def _charge(self, size: int) -> None:
        self._host.buffered.size += size - self._charged
        self._charged = size

    def _count_body(self, arrived: int) -> None:
        self._host.arriving += arrived - self._arriving
        self._arriving = arrived
        if self._host.arriving > self._host.limits.max_arriving:
            self._refuse(503, "Too many bytes are arriving.")

    def _forget_body(self) -> None:
        if self._arriving:
            self._host.arriving -= self._arriving
            self._arriving = 0

    # One request.

    def _next(self, asked: Parsed) -> None:
        if isinstance(asked, Request):
            self._begin(asked)
        else:
            self._turn_away(asked)

    def _begin(self, request: Request) -> None:
        request.peer = self._peer
        self._phase = ANSWERING
        self.deadline_timer.clear()
        self._request = request
        self._exchange = Exchange(self, request.method, request.version, request.keep_alive)
        self._host.busy += 1
        turn = self._turn
        if turn is not None:
            self._turn = None
            if not turn.done():
                turn.set_result(None)
        elif self.worker is None:
            self.worker = self.loop.create_task(self._work())
        if self._ended and self._probed is None:
            self._probe()

    async def _work(self) -> None:
        """Answers request after request until the connection ends; cancelled when it is lost."""
        self._begun = True
        host = self._host
        try:
            while True:
                request, exchange = self._request, self._exchange
                if request is None or exchange is None:
                    if self.closed or self._mode != OPEN:
                        return
                    self._turn = self.loop.create_future()
                    await self._turn
                    continue
                try:
                    await host.handler(request, exchange)
                except Exception as error:  # noqa: BLE001  the server's edge (HOUSE 5): whatever it was, the caller is told
                    host.report("handler_failed", error)
                else:
                    if not exchange.complete and not self.closed:
                        host.report("handler_left_early")
                self._finish(exchange)
        finally:
            self._give_back()

    def _finish(self, exchange: Exchange) -> None:
        if not exchange.complete and not self.closed:
            if exchange.started:
                self.abort()  # a cut must look like one
            else:
                self._say(exchange, 500, "An internal error occurred in the gateway.")
        self._exchange = self._request = None
        self._host.busy -= 1
        self._forget_body()
        if self.closed:
            return
        if not exchange.keep_alive or self._host.draining:  # a head from before the drain did not say so
            self._close()
        elif self._rest or self._parser.phase != REST or self._parser.ready or self._ended or not self.writable:
            self._advance()
        else:
            self._phase = REST
            self.deadline_timer.set(self.loop.time() + self._host.limits.idle_timeout)

    def _give_back(self) -> None:
        """Ends a request whose handler was stopped: what is open is cut."""
        if self._exchange is not None:
            self._exchange = self._request = None
            self._host.busy -= 1
            self._forget_body()
            self.abort()

    def _probe(self) -> None:
        exchange = self._exchange
        self._probed = None
        if exchange is None or self.closed or self._probes == PROBES:
            return
        if not self.transport.get_write_buffer_size():
            if not exchange.started:
                self.transport.write(PREFIX[self.said : self.said + 1])
                self.said += 1
            elif exchange.chunked:
                self.transport.write(b"0")
        self._probed = self.loop.call_later(PROBED_AFTER * 2**self._probes, self._probe)
        self._probes += 1

    # Endings.

    def retire(self) -> None:
        """Closes if idle; else the answer in progress is the last."""
        if self.idle:
            self._close()

    def _refuse(self, status: int, message: str) -> None:
        self._parser.refuse(status, message)
        self._advance()

    def _turn_away(self, refusal: Refusal) -> None:
        self._forget_body()
        self._say(Exchange(self, "GET", "1.1", False), refusal.status, refusal.message)
        self._linger()

    def _say(self, exchange: Exchange, status: int, message: str) -> None:
        try:
            headers, body = self._host.refusal(status, message)
            exchange.respond(status, headers, body)
        except Exception as error:  # noqa: BLE001  the server's edge (HOUSE 5): the words for an error failed themselves
            self._host.report("refusal_failed", error)
            self.abort()

    def _close(self) -> None:
        """Closes once all is sent, and gives up when sending makes no progress."""
        if self.closed or self._mode == CLOSING:
            return
        if (self._rest or self._parser.is_unread) and self._mode == OPEN:
            self._linger()
            return
        self._mode = CLOSING
        self._await_progress()
        self.transport.close()

    def _linger(self) -> None:
        """Ends our side and throws away what still comes: closing with bytes unread would reset the connection, and the
        caller would see that instead of the answer."""
        if self.closed:
            return
        self._rest = b""
        if self._ended:
            self._mode = LINGERING
            self._close()
            return
        self._mode = LINGERING
        if not self._is_encrypted:
            self.transport.write_eof()
        self.deadline_timer.set(self.loop.time() + self._host.limits.linger)
        self.resume_reading()
