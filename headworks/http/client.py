"""The HTTP client: a pool of keep-alive connections to one origin, with one exchange at a time on each.

Always true:
- a request is written once. What cannot be sent on a kept-alive connection (it was closed meanwhile) goes to a fresh
  one; once a byte may have left, whatever happens is `Broken` and says so: asking again is a policy's decision;
- a connection goes back to the pool only when the answer was whole, nothing followed it, both sides keep it open and
  the request was written to its end. In every other case it is closed at once, which is what stops a vendor;
- a connection that came back is lent again two turns of the loop later at the earliest, and after its first answer a moment
  later, so that what a vendor sent behind its answer is read first; who does that twice gets each connection used once
  (`unsolicited.py`);
- every wait takes the loop instant by which it must end (seconds; 0 is never) and raises `TimedOut` then.

The last to come back is the first to go out, so that a burst's connections can grow old and close.
"""

from __future__ import annotations

import asyncio
import resource
import ssl
from functools import partial
from typing import Self

from headworks.core.errors import Garbled, Unreachable
from headworks.http.buffered import Buffered
from headworks.http.client_connection import BODY, HEAD, LOOK, MOST_READ, WHOLE, ClientConnection, Headers
from headworks.http.dial import Origin, dial, trust
from headworks.http.proxy import Proxy
from headworks.http.unsolicited import Unsolicited

MAX_IDLE, MAX_IDLE_TLS = 4096, 1024
"""Connections that rest in a pool: as many as there are calls in flight by default, so that the next burst finds those of the
last one. Go's transport keeps 100, but one that rests is 2.8 KB here, and 42 KB where it is encrypted; a new one costs a
burst its round trips, and 0.07 ms (1 ms encrypted) of the processor. They were open a moment ago: at rest they add nothing to the peak."""

IDLE_SHARE = 4
"""The part of the files that a process may have open, as a divisor, that one pool's resting connections take at most."""

IDLE_TIMEOUT = 30.0
"""Seconds that a connection may be idle: half of the usual 60 s of load balancers, so that we close first."""

HEADER_LIMIT = 65_536
"""Bytes of a response's head, and of what may follow its body. curl takes 300 KB, nginx 4-8, aiohttp 8 a line."""

LINGER, LINGER_LIMIT = 1.0, 65_536
"""Seconds and bytes that the end of an answer may still take when its reader has all it wants."""

UNBOUNDED = 1 << 62
"""The buffer limit where none is configured."""

TURNS = 3
"""Turns of the loop after which most connections that came back may be lent again, whatever the loop."""

DISTRUSTED = "its vendor sends answers that nobody asked for, and this may be one"

RELEASED = "an exchange that was released has nothing to read: its connection may be another call's by now"


def most_idle(origin: Origin) -> int:
    """How many idle connections to an origin are kept, so that file descriptors are left for callers."""
    most = MAX_IDLE_TLS if origin.tls else MAX_IDLE
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if allowed == resource.RLIM_INFINITY else min(most, allowed // IDLE_SHARE)


class Client:
    """A pool of connections to one origin, made as needed: how many at once is for the layers to limit.

    context: how TLS is checked; None trusts what the system trusts. proxy: what to go through. max_idle (None: `most_idle`),
    idle_timeout (seconds): what the pool keeps. buffered: where bytes that wait are counted; it may be shared with others.
    busy counts requests that were begun and not given back, connecting included.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        context: ssl.SSLContext | None = None,
        proxy: Proxy | None = None,
        max_idle: int | None = None,
        idle_timeout: float = IDLE_TIMEOUT,
        header_limit: int = HEADER_LIMIT,
        buffered: Buffered | None = None,
    ) -> None:
        self.origin = origin
        self.busy = 0
        self.proxy = proxy
        self.buffered = Buffered(UNBOUNDED) if buffered is None else buffered
        self._context = context or (trust() if origin.tls else None)
        self._max_idle = most_idle(origin) if max_idle is None else max_idle
        self._idle_timeout = idle_timeout
        self._header_limit = header_limit
        self._idle: list[ClientConnection] = []
        self._lingering: dict[ClientConnection, None] = {}  # by age, like everything here
        self._again: dict[ClientConnection, None] = {}  # lent, and not for the first time
        self.unsolicited = Unsolicited()
        self._waiting = 0  # calls that wait for one of those that rest
        self._closed = False
        self._before = b""  # what stands before each target
        self._host = b"host: %b\r\naccept-encoding: identity\r\n" % origin.authority.encode()
        if proxy is not None and not origin.tls:
            self._before = str(origin).encode()
            self._host += proxy.header

    def __repr__(self) -> str:
        return f"Client({self.origin}, busy={self.busy}, idle={self.idle}, lingering={self.lingering})"

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def lingering(self) -> int:
        """Connections whose reader has finished, and whose answer's end is awaited."""
        return len(self._lingering)

    async def send(
        self, method: bytes, target: bytes, headers: bytes, body: bytes = b"", connect_by: float = 0.0
    ) -> Exchange:
        """Writes a request on an idle connection or a new one. The exchange must be released.

        method: any but HEAD and CONNECT, whose answers have another shape. target: the whole path, the origin's base
        too. headers: ready lines (`header_block`), without host, content-length, accept-encoding. connect_by: for
        name, TCP and TLS together. Raises Unreachable or Expired (phase connect): nothing was sent then.
        """
        head = self._head(method, target, headers, body)
        exchange = self._resume(head, body)
        if exchange is None and self._waiting < len(self._idle):
            exchange = await self._await_rest(head, body)
        return exchange or await self._dial(head, body, connect_by)

    def resume(self, method: bytes, target: bytes, headers: bytes, body: bytes = b"") -> Exchange | None:
        """As `send`, where a connection rests; None where none does, and `send` would have to make one.

        Not a coroutine: making one and waiting for it takes 2 us of each call.
        """
        return self._resume(self._head(method, target, headers, body), body) if self._idle else None

    def _head(self, method: bytes, target: bytes, headers: bytes, body: bytes) -> bytes:
        named = (method, self._before, target, self._host, headers, len(body))
        return b"%b %b%b HTTP/1.1\r\n%b%bcontent-length: %d\r\n\r\n" % named

    def _resume(self, head: bytes, body: bytes) -> Exchange | None:
        idle = self._idle
        at = len(idle)
        while at:
            at -= 1
            connection = idle[at]
            if connection.is_fresh:
                continue
            del idle[at]
            if connection.begin(head, body):
                self.busy += 1
                self._again[connection] = None
                return Exchange(self, connection)
            connection.is_idle = False
            connection.abort()
        return None

    async def _await_rest(self, head: bytes, body: bytes) -> Exchange | None:
        """Waits a moment for an idle connection that is not reusable yet: less time than a new one takes."""
        self.busy += 1
        self._waiting += 1
        try:
            for turn in range(2 * TURNS):
                await asyncio.sleep(LOOK if turn == TURNS else 0)
                if (exchange := self._resume(head, body)) is not None:
                    return exchange
            return None
        finally:
            self._waiting -= 1
            self.busy -= 1

    async def _dial(self, head: bytes, body: bytes, connect_by: float) -> Exchange:
        self.busy += 1
        try:
            connection = await self.connect(connect_by)
            if connection.begin(head, body):
                return Exchange(self, connection)
            connection.abort()
            raise Unreachable("the connection was closed before anything was asked").at(str(self.origin))
        except BaseException:
            self.busy -= 1
            raise

    async def connect(self, by: float) -> ClientConnection:
        """A new connection. Raises Unreachable or Expired (phase connect)."""
        loop = asyncio.get_running_loop()
        make = partial(ClientConnection, loop, self._idle, self._header_limit, self.buffered, self._unasked)
        return await dial(self.origin, make, self._context, by, self.proxy)

    async def close(self) -> None:
        """Closes what rests, now; exchanges that run go on, and their connections are closed when they are released."""
        self._closed = True
        for connection in [*self._idle, *self._lingering]:
            connection.discard()
        await asyncio.sleep(0)  # both loops close a socket on their next turn

    def take_back(self, connection: ClientConnection) -> None:
        """Returns a connection to the pool if it can be reused, else closes it at once."""
        self.busy -= 1
        self._again.pop(connection, None)
        if connection.pieces or connection.charged:
            connection.drop_body()
        at = connection.loop.time()
        if (
            connection.phase == WHOLE
            and connection.keep
            and not connection.closed
            and not self._closed
            and len(self._idle) < self._max_idle
            and at >= self.unsolicited.until
            and not connection.transport.get_write_buffer_size()
        ):
            connection.make_idle(at, self._idle_timeout)
        else:
            connection.abort()

    def linger(self, connection: ClientConnection) -> None:
        """As `take_back`, but an answer that lacks only its end may bring it first."""
        if connection.phase == WHOLE or connection.closed or self._closed:
            self.take_back(connection)
            return
        self.busy -= 1
        self._again.pop(connection, None)
        connection.drop_body()
        self._lingering[connection] = None
        connection.bound(LINGER_LIMIT)
        connection.arrival(WHOLE, connection.loop.time() + LINGER).add_done_callback(
            lambda end: self._ended(connection, end)
        )

    def _ended(self, connection: ClientConnection, end: asyncio.Future[None]) -> None:
        end.exception()  # too late is nobody's error: the connection is closed below
        del self._lingering[connection]
        self.busy += 1
        self.take_back(connection)

    def _unasked(self) -> None:
        """Counts an unsolicited response. After too many, connections are used for one call each."""
        if self.unsolicited.tell(asyncio.get_running_loop().time()):
            for connection in [*self._idle]:
                connection.discard()
            for connection in [*self._again]:
                connection.distrust(DISTRUSTED)


class Exchange:
    """One request that was written, and its response. For one reader at a time.

    A wait that is cancelled closes the connection at once. One that times out leaves it as it is: more can be waited
    for, and `release` closes it. Broken and Garbled are final.
    """

    __slots__ = ("_client", "_connection", "_has_more")

    def __init__(self, client: Client, connection: ClientConnection) -> None:
        self._client = client
        self._has_more = False  # the last read left some
        self._connection: ClientConnection | None = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    async def head(self, by: float = 0.0) -> tuple[int, Headers]:
        """Status and headers (names in lower case), interim responses left out. Raises TimedOut or Broken."""
        connection = self._connection
        if connection is None:
            raise RuntimeError(RELEASED)
        if connection.phase == HEAD and not connection.failure:
            try:
                await connection.arrival(BODY, by)
            except asyncio.CancelledError:
                connection.abort()
                raise
        if connection.phase == HEAD:
            raise connection.fault()
        return connection.status, connection.headers

    async def read(self, by: float = 0.0) -> bytes:
        """Bytes of the body that are here, or the next to come; b"" at its end. Raises TimedOut or Broken.

        What arrived before the connection broke is read first. Where more is here than one turn of the loop is for, the next
        read begins in another.
        """
        connection = self._connection
        if connection is None:
            raise RuntimeError(RELEASED)
        if self._has_more:
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                connection.abort()
                raise
        while not connection.pieces:
            if connection.phase == WHOLE:
                return b""
            if connection.failure:
                raise connection.fault()
            try:
                await connection.arrival(BODY, by)
            except asyncio.CancelledError:
                connection.abort()
                raise
        if connection.size <= MOST_READ:
            self._has_more = False
            return connection.taken()
        self._has_more = True
        return connection.portion()

    def charge(self, size: int) -> None:
        """Counts bytes that were read and are still kept, instead of those that were counted before."""
        if self._connection is not None:
            self._connection.charge(size)

    async def whole(self, by: float = 0.0, limit: int = 1_000_000) -> tuple[int, Headers, bytes]:
        """Status, headers and the whole body in one wait. Raises TimedOut, Broken, or Garbled beyond `limit` bytes."""
        connection = self._connection
        if connection is None:
            raise RuntimeError(RELEASED)
        if connection.phase != WHOLE and not connection.failure and connection.size <= limit:
            connection.bound(limit)
            try:
                await connection.arrival(WHOLE, by)
            except asyncio.CancelledError:
                connection.abort()
                raise
        if connection.phase != WHOLE and connection.failure:
            raise connection.fault()
        if connection.size > limit:
            raise Garbled(f"The answer has more than {limit} bytes.")
        return connection.status, connection.headers, connection.taken()

    def arrived(self) -> bytes:
        """Takes the unread part of the body that has arrived, for a reader that gives up on the rest."""
        return self._connection.taken() if self._connection is not None and self._connection.pieces else b""

    async def body(self, by: float = 0.0, limit: int = 1_000_000) -> bytes:
        """The rest of the body, after `head`."""
        return (await self.whole(by, limit))[2]

    def release(self) -> None:
        """Gives the connection back if the answer was whole, else closes it at once. A second time does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._client.take_back(connection)

    def finish(self) -> None:
        """As `release`, after the last event of interest: the end of the answer may take a second before the connection closes.

        A stream's last event and the empty chunk that ends its body are often two packets: releasing between them
        would cost the connection. Never for a reader that gave up: his vendor would not be stopped.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            self._client.linger(connection)
