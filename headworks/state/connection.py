"""A multiplexed connection to a Valkey or Redis: commands of many tasks in one turn of the loop are sent in one write.

Theory. Requests are answered in the order in which they were sent, so a queue of futures is all that tells whose answer
comes next. Everything that was asked since the loop's last turn is one write: a hundred calls that arrive at once cost
one round trip, not a hundred connections. What is *enqueued* is delivered at least once: it is kept until it is answered,
and sent again on the next connection, so it must be idempotent.

Always true: a request that was sent is answered or refused within `RESPONSE_TIMEOUT` seconds, whatever the server does; where
there is no connection it is refused at once; a broken connection is tried again every `RECONNECT_PAUSE` seconds, for ever. On one
connection the server runs commands in the order in which they were submitted and enqueued.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import hiredis
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    parse_url,
)
from redis.exceptions import RedisError, ResponseError

from headworks.core.clock import now
from headworks.core.errors import StateAway
from headworks.core.throttled_log import LogEvent, ThrottledLog

RESPONSE_TIMEOUT: Final = 0.5
"""Seconds that a response is waited for, and twice the interval of pings on an idle connection. A decision takes 0.2 ms."""

RECONNECT_PAUSE: Final = 0.2
CONNECT_TIMEOUT: Final = 1.0
"""Seconds for the connection with its handshake."""

NEVER: Final = "not connected yet"

Argument: TypeAlias = bytes | str | int | float
Answer: TypeAlias = Any
Handshake: TypeAlias = Callable[["MultiplexedConnection"], Awaitable[None]]

log = logging.getLogger("headworks.state")


class QueuedCommand:
    """A command that is delivered at least once. then: called with its answer."""

    __slots__ = ("encoded", "then")

    def __init__(self, encoded: bytes, then: Callable[[Answer], None] | None) -> None:
        self.encoded = encoded
        self.then = then


class MultiplexedConnection:
    """The connection to one server. `url` is never logged.

    handshake: what is asked on each new connection before it counts as one; may use `execute`. trouble: why there is none, or "".
    is_logged: whether outages are logged. Of two connections to one server only one logs them.
    """

    def __init__(self, url: str, handshake: Handshake | None = None, *, is_logged: bool = True) -> None:
        self.trouble = NEVER
        self.is_connected = False
        self.reconnected = 0
        self._events = ThrottledLog(log) if is_logged else None
        self._url = url
        self._handshake = handshake
        self._connection: AbstractConnection | None = None
        self._outgoing: list[bytes] = []
        self._waiting: deque[tuple[float, asyncio.Future[Answer] | QueuedCommand]] = deque()
        self._queued: dict[QueuedCommand, None] = {}
        self._connected = asyncio.Event()
        self._arrived = asyncio.Event()
        self._arrived.set()
        self._keeper: asyncio.Task[None] | None = None
        self._broken: asyncio.Future[str] | None = None
        self._is_flushing = False

    def __repr__(self) -> str:
        return f"<MultiplexedConnection {'there' if self.is_connected else self.trouble}, {len(self._waiting)} waiting>"

    def start(self) -> None:
        """Begins to connect, and returns before there is a connection."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="state")

    async def stop(self) -> None:
        """Closes it; queued commands that were not delivered are lost."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])
        if self._events is not None:
            self._events.close()

    async def ready(self, within: float) -> bool:
        """Waits for the first connection, so many seconds at most."""
        return await wait_for(self._connected, within)

    async def drained(self, within: float) -> bool:
        """Waits until every queued command was answered."""
        return await wait_for(self._arrived, within)

    async def execute(self, *words: Argument) -> Answer:
        """Runs one command and returns its answer. Raises StateAway without a connection, ResponseError for the server's error."""
        if not self.is_connected:
            raise unavailable()
        return await self.submit(encode_command(*words))

    def submit(self, encoded: bytes) -> asyncio.Future[Answer]:
        """Sends an encoded command, together with all others of this turn of the loop."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._send(encoded, future)
        return future

    def enqueue(self, *words: Argument, then: Callable[[Answer], None] | None = None) -> None:
        """Delivers a command at least once, if need be over the next connection."""
        posted = QueuedCommand(encode_command(*words), then)
        self._queued[posted] = None
        self._arrived.clear()
        if self.is_connected:
            self._send(posted.encoded, posted)

    def _send(self, encoded: bytes, whose: asyncio.Future[Answer] | QueuedCommand) -> None:
        self._outgoing.append(encoded)
        self._waiting.append((now(), whose))
        if not self._is_flushing:
            self._is_flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        outgoing, self._outgoing = self._outgoing, []
        connection = self._connection
        if connection is not None and outgoing:
            # Of the connection's own: its method waits for the socket's buffer, and nothing here may wait.
            writer: asyncio.StreamWriter | None = connection._writer
            # One that the server has closed: what waits is told so by `_live`, which hears of it in the same turn or the next.
            if writer is not None and not writer.is_closing():
                writer.writelines(outgoing)

    async def _keep(self) -> None:
        try:
            while True:
                was_there = not self.trouble
                reason = await self._live()
                if was_there or self.trouble in ("", NEVER):
                    self._tell(logging.ERROR, "state_away", f"it cannot be reached: {reason}")
                self._away(reason)
                await asyncio.sleep(RECONNECT_PAUSE)
        finally:
            self._away("the gateway has stopped")
            await self._hang_up()

    async def _live(self) -> str:
        """One connection, from its start to its end; why it ended."""
        self._broken = broken = asyncio.get_running_loop().create_future()
        reader: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                self._connection = connection = new_connection(self._url)
                await connection.connect()  # type: ignore[no-untyped-call]
                reader = asyncio.create_task(self._read(connection, broken), name="state reader")
                if self._handshake is not None:
                    await self._handshake(self)
            self._there()
            while not broken.done():
                if not self._waiting:
                    self.submit(PING).add_done_callback(ignore_result)
                await asyncio.wait([broken], timeout=RESPONSE_TIMEOUT / 2)
                if await self._is_silent(broken):
                    return f"it said nothing for {RESPONSE_TIMEOUT} s"
            return str(broken.result())
        except TimeoutError:
            return f"it did not answer within {CONNECT_TIMEOUT:.0f} s"
        except (RedisError, OSError, StateAway) as error:
            return str(error)
        finally:
            if reader is not None:
                reader.cancel()
                await asyncio.wait([reader])
            self._refuse()
            await self._hang_up()

    async def _is_silent(self, broken: asyncio.Future[str]) -> bool:
        """Whether the oldest request is unanswered for too long, and not because our own loop was late."""
        if not self._waiting or now() - self._waiting[0][0] <= RESPONSE_TIMEOUT:
            return False
        oldest = self._waiting[0]
        await asyncio.wait([broken], timeout=RESPONSE_TIMEOUT / 10)
        return not broken.done() and bool(self._waiting) and self._waiting[0] is oldest

    async def _read(self, connection: AbstractConnection, broken: asyncio.Future[str]) -> None:
        waiting = self._waiting
        try:
            while True:
                try:
                    answer = await connection.read_response(
                        disable_decoding=True, timeout=math.inf, disconnect_on_error=False
                    )
                except ResponseError as error:
                    answer = error
                _, whose = waiting.popleft()
                if isinstance(whose, QueuedCommand):
                    self._queued.pop(whose, None)
                    if whose.then is not None:
                        whose.then(answer)
                    if not self._queued:
                        self._arrived.set()
                elif whose.done():
                    pass  # who asked has left
                elif isinstance(answer, ResponseError):
                    whose.set_exception(answer)
                else:
                    whose.set_result(answer)
        except (RedisError, OSError) as error:
            if not broken.done():
                broken.set_result(str(error) or type(error).__name__)

    def _there(self) -> None:
        if self.trouble != NEVER:
            self._tell(logging.INFO, "state_back", "it can be reached again")
        self.reconnected += 1
        self.trouble = ""
        self.is_connected = True
        self._connected.set()
        for posted in list(self._queued):
            self._send(posted.encoded, posted)

    def _tell(self, level: int, event: str, text: str) -> None:
        if self._events is not None:
            self._events.write(LogEvent(level, event, "the state", text))

    def _away(self, reason: str) -> None:
        self._connected.clear()
        self.trouble = reason
        self._refuse()

    def _refuse(self) -> None:
        """Fails every pending request; queued commands stay."""
        self._outgoing.clear()
        waiting = list(self._waiting)
        self._waiting.clear()
        self.is_connected = False
        for _, whose in waiting:
            if not isinstance(whose, QueuedCommand) and not whose.done():
                whose.set_exception(unavailable())

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


def unavailable() -> StateAway:
    """The error of a call that cannot be counted."""
    return StateAway(
        "The shared state that counts your calls cannot be reached right now; try again in a second.", retry_after=1.0
    )


async def wait_for(event: asyncio.Event, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True


def encode_command(*words: Argument) -> bytes:
    """A command in the wire format."""
    made: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its own types know tuples of one
    return made


PING: Final = encode_command("PING")


def ignore_result(future: asyncio.Future[Answer]) -> None:
    """Retrieves a future's error, so that asyncio does not log it as never retrieved."""
    if not future.cancelled():
        future.exception()


def new_connection(url: str) -> AbstractConnection:
    """A connection that is not open yet."""
    options: dict[str, Any] = dict(parse_url(url.replace("valkey", "redis", 1) if url.startswith("valkey") else url))
    kind = options.pop("connection_class", Connection)
    made: AbstractConnection = kind(
        **{"socket_connect_timeout": CONNECT_TIMEOUT, "client_name": "headworks", **options, "socket_timeout": None},
        protocol=2,
        driver_info=None,
    )
    return made
