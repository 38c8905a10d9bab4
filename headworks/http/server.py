"""The HTTP edge: its listeners, and the counters of its connections. One connection is `server_connection.py`, its parser `request_parser.py`.

Always true: `busy` is the number of requests with the handler, and is zero when nobody waits; every worker's task is
awaited by `stop`; errors of the edge's own have the application's words, through `refuse`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from collections.abc import Awaitable, Callable, Sequence
from email.utils import formatdate
from heapq import nsmallest
from operator import itemgetter
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from headworks.core.throttled_log import LogEvent, ThrottledLog
from headworks.http.buffered import Buffered
from headworks.http.certificates import Certificates
from headworks.http.connection import NEVER
from headworks.http.exchange import Exchange
from headworks.http.limits import EdgeLimits
from headworks.http.request_parser import Admit, Request
from headworks.http.server_connection import ServerConnection
from headworks.http.tls_listener import TlsListener

__all__ = ["Edge", "EdgeLimits", "Exchange", "Request"]

BACKLOG = 2048
"""Connections that the kernel keeps for us between two turns of the loop: a burst of new callers is not refused."""

SPARE = 100
"""Connections above the limit that still get a 503. Beyond these, connections are closed without an answer."""

EVICTED = 64
"""The part of all connections, as a divisor, that makes room at once where every place is taken."""

LAST_WORDS = 1.0
"""Seconds in which what handlers say at the end must have reached callers who read."""

UNWIND = 5.0
"""Seconds that cancelled handlers are given to clean up."""

_log = logging.getLogger("headworks.http")

Handler = Callable[[Request, Exchange], Awaitable[None]]
Refuse = Callable[[int, str], tuple[Sequence[tuple[bytes, bytes]], bytes]]


class Listener(Protocol):
    """A listening socket that accepts connections."""

    def close(self) -> None: ...


class Edge:
    """Serves HTTP/1.1 on any number of addresses with one handler.

    handler: answers one request; is cancelled when the caller hangs up. Its exceptions become 500, or a cut where the
    answer has begun. admit: tells by the head alone whether the body is read; without it every body is. refuse: gives headers and
    body for a status and a message of the edge's own. certificates: TCP is served by TLS with them. buffered: where bytes that wait for callers are counted; those who make them keep to its bound.
    """

    def __init__(
        self,
        handler: Handler,
        refuse: Refuse,
        *,
        admit: Admit | None = None,
        limits: EdgeLimits | None = None,
        certificates: Certificates | None = None,
        buffered: Buffered | None = None,
    ) -> None:
        self.handler = handler
        self.admit = admit
        self.limits = limits or EdgeLimits()
        self._events = ThrottledLog(_log)
        self.draining = False
        self.busy = 0  # requests with the handler
        self.arriving = 0  # bytes of bodies that are not whole yet
        self.certificates = certificates
        self.buffered = Buffered(0) if buffered is None else buffered
        self._refuse = refuse
        self._servers: list[Listener] = []
        self._paths: list[Path] = []
        self._open: dict[ServerConnection, bool] = {}  # False: one too many, being told so
        self._serving = 0
        self._leaving: dict[asyncio.Task[None], None] = {}  # workers that outlive their connection while they clean up
        self.handshakes: dict[asyncio.Task[None], None] = {}  # TLS handshakes
        self._closed: asyncio.Future[None] | None = None
        self._date = b""
        self._date_until = 0.0

    def __repr__(self) -> str:
        return f"<Edge {self._serving} connections, {self.busy} busy, {self.arriving} bytes arriving>"

    @property
    def connections(self) -> int:
        """Open connections, idle ones too; without those that are being turned away."""
        return self._serving

    async def start(self, host: str, port: int) -> int:
        """Listens on a TCP address; port 0 takes a free one. Returns the port. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self.certificates is not None:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            taken = _listening(list(dict.fromkeys((one[0], one[4]) for one in found)))
            for one in taken:
                await self.start_at(one)
            return int(taken[0].getsockname()[1])
        server = await loop.create_server(lambda: ServerConnection(self, loop), host, port, backlog=BACKLOG)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def start_at(self, listening: socket.socket) -> Listener:
        """Takes connections from a socket that listens already, and may be shared with other processes; closes it at the end."""
        loop = asyncio.get_running_loop()
        server: Listener
        if self.certificates is None:
            server = await loop.create_server(lambda: ServerConnection(self, loop), sock=listening, backlog=BACKLOG)
        else:
            server = TlsListener(listening, lambda: ServerConnection(self, loop), self.certificates, self)
        self._servers.append(server)
        if self.draining:
            server.close()
        return server

    def close_listener(self, server: Listener) -> None:
        """Takes no more connections there; those that were taken stay."""
        self._servers.remove(server)
        server.close()

    async def start_unix(self, path: str) -> None:
        """Listens on a unix socket that only this user may open. Raises OSError."""
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(
            lambda: ServerConnection(self, loop), sock=_private(Path(path)), backlog=BACKLOG
        )
        self._servers.append(server)
        self._paths.append(Path(path))

    def drain(self) -> None:
        """Accepts nothing new and closes what is idle; answers in progress end whole, with `connection: close`."""
        if self.draining:
            return
        self.draining = True
        for server in self._servers:
            server.close()
        for task in self.handshakes:
            task.cancel()
        for path in self._paths:
            path.unlink(missing_ok=True)
        for connection in list(self._open):
            connection.retire()

    async def stop(self, grace: float, before_cut: Callable[[], None] | None = None) -> None:
        """Drains for up to `grace` seconds, then cuts what is left. Afterwards nothing of the edge runs.

        before_cut: called before anything is cut; handlers that end by it have a moment to be heard.
        """
        self.drain()
        if self.handshakes:
            await asyncio.wait(self.handshakes)
        await self._wait_until_closed(grace)
        if before_cut is not None and self._open:
            before_cut()
            await self._wait_until_closed(LAST_WORDS)
        for connection in list(self._open):
            connection.abort()
        await self._wait_until_closed(UNWIND)
        if self._leaving:
            self.report("handlers_stuck")
        self._events.close()

    async def _wait_until_closed(self, within: float) -> None:
        """Waits until nothing is open and no worker runs, for at most that many seconds."""
        if not self._open and not self._leaving:
            return
        loop = asyncio.get_running_loop()
        self._closed = quiet = loop.create_future()
        timer = loop.call_later(within, self._all_closed)
        try:
            await quiet
        finally:
            timer.cancel()
            if self._closed is quiet:  # not where a later `stop` waits already: a cancelled one ends after it
                self._closed = None

    def date(self) -> bytes:
        """The Date header, made once a second."""
        now = monotonic()
        if now >= self._date_until:
            self._date = b"date: %b\r\n" % formatdate(usegmt=True).encode()
            self._date_until = now + 1.0
        return self._date

    # What connections tell.

    def connection_opened(self, connection: ServerConnection) -> bool:
        """Counts a new connection; False if it is one too many: all places are taken by connections that are being answered.

        Where some are silent, the one that was silent longest makes room: a stranger who opens connections and says nothing
        keeps nobody out.
        """
        admitted = self._serving < self.limits.max_connections or self._make_room()
        self._open[connection] = admitted
        self._serving += admitted
        if not admitted and len(self._open) - self._serving > SPARE:
            connection.abort()
        return admitted

    def _make_room(self) -> bool:
        """Closes the connections that were silent longest, some at once: looking for them takes a moment where there are many."""
        silent = [(connection.silent_since, connection) for connection, admitted in self._open.items() if admitted]
        found = nsmallest(max(1, len(silent) // EVICTED), silent, key=itemgetter(0))
        evicted = [connection for since, connection in found if since != NEVER]
        for connection in evicted:
            connection.abort()
            self._open[connection] = False
        self._serving -= len(evicted)
        return bool(evicted)

    def connection_closed(self, connection: ServerConnection, worker: asyncio.Task[None] | None) -> None:
        """Forgets a connection; its worker only when it has ended."""
        self._serving -= self._open.pop(connection)
        if worker is not None and not worker.done():
            self._leaving[worker] = None
            worker.add_done_callback(self._gone)
        elif self._closed is not None:
            self._check_closed()

    def refusal(self, status: int, message: str) -> tuple[Sequence[tuple[bytes, bytes]], bytes]:
        """Headers and body of an answer of the edge's own."""
        return self._refuse(status, message)

    def report(self, event: str, error: BaseException | None = None) -> None:
        """Logs what should not happen. Of an error its class and place: its text may quote what a caller sent."""
        subject, place = "a request", "it was not answered to its end"
        if error is not None:
            subject = type(error).__qualname__
            place = "\n" + "".join(traceback.format_tb(error.__traceback__)).rstrip()
        self._events.write(LogEvent(logging.ERROR, event, subject, place))

    def _gone(self, worker: asyncio.Task[None]) -> None:
        del self._leaving[worker]
        if not worker.cancelled():
            error = worker.exception()
            if error is not None:
                self.report("worker_failed", error)
        if self._closed is not None:
            self._check_closed()

    def _check_closed(self) -> None:
        if not self._open and not self._leaving:
            self._all_closed()

    def _all_closed(self) -> None:
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)


def _listening(addresses: Sequence[tuple[int, tuple[Any, ...]]]) -> list[socket.socket]:
    """A socket that listens for each address, or none where one cannot be had."""
    taken: list[socket.socket] = []
    try:
        for family, where in addresses:
            taken.append(socket.create_server(where[:2], family=family, backlog=BACKLOG))
    except OSError:
        for one in taken:
            one.close()
        raise
    return taken


def _private(path: Path) -> socket.socket:
    """A unix socket bound to the path, in place of one that was left there; closed to others before it listens."""
    if path.is_socket():
        path.unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        path.chmod(0o600)
    except OSError:
        bound.close()
        raise
    return bound
