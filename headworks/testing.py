"""Test helpers: a mock service that a test answers by hand, calls to open it with, and virtual time.

    @virtual
    async def test_a_refused_call_reaches_nobody() -> None:
        service, handle = mock()
        asking = asyncio.create_task(ask(Limit(service, slots), call("hello")))
        arrival = await handle.next_call()      # see the call arrive
        arrival.reply("hi")                     # answer it
        assert (await asking).text == "hi"
        assert arrival.left                     # and it was given back

The idea: tower-test's `mock`. `arrival.error(...)` answers with an error, `arrival.chunk(...)` and `.end()` answer in
pieces, `.fail(...)` breaks a stream. Nothing here sleeps: what a test waits for is made to happen by the test.
"""

from __future__ import annotations

from asyncio import CancelledError, Future, get_running_loop
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now, wall
from headworks.core.errors import CallError
from headworks.core.reply import Chunk, Reply, Usage
from headworks.core.service import Opening, Service
from headworks.core.vtime import Deadlock, Spinning, VirtualLoop, run_virtual
from headworks.providers.completions import Choice, Envelope
from headworks.providers.scripted import Scripted
from headworks.providers.waiting import gap_bound, head_bound, hear
from headworks.wire.own_dialect import OWN

__all__ = [
    "Answer",
    "Arrival",
    "Deadlock",
    "Handle",
    "Scripted",
    "Spinning",
    "VirtualLoop",
    "ask",
    "call",
    "mock",
    "run_virtual",
    "settle",
    "virtual",
]

P = ParamSpec("P")
T = TypeVar("T")


def call(
    text: str = "hello",
    *,
    alias: str = "assistant",
    streamed: bool = False,
    include_usage: bool = False,
    max_output: int | None = None,
    fields: dict[str, Any] | None = None,
) -> Call:
    """A chat call with one message, whose deadline is never. `fields` are further fields of its body.

    For other fields of the call: `msgspec.structs.replace(call(), tenant="web")`.
    """
    body: dict[str, Any] = {"model": alias, "messages": [{"role": "user", "content": text}]}
    if streamed:
        body["stream"] = True
    if include_usage:
        body["stream_options"] = {"include_usage": True}
    if max_output is not None:
        body["max_tokens"] = max_output
    body.update(fields or {})
    return Call(
        id="call-1",
        alias=alias,
        body=msgspec.json.encode(body),
        dialect=OWN,
        streamed=streamed,
        include_usage=include_usage,
        max_output=max_output,
    )


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back for one call: the text and the bytes as one, and the chunks as they came."""

    text: str
    data: bytes
    chunks: list[Chunk]
    finish: str | None
    usage: Usage | None
    streamed: bool
    headers: tuple[tuple[bytes, bytes], ...]


async def ask(service: Service, call: Call) -> Answer:
    """Opens a call, reads it to its last chunk, leaves it; raises whatever opening or reading raises."""
    chunks: list[Chunk] = []
    async with service.open(call) as reply:
        while not (chunks and chunks[-1].last):
            came = await reply.read()
            assert came, "a reply ended without a last chunk"
            chunks += came
    return Answer(
        text="".join(chunk.text for chunk in chunks),
        data=b"".join(chunk.data for chunk in chunks),
        chunks=chunks,
        finish=reply.finish,
        usage=reply.usage,
        streamed=reply.streamed,
        headers=reply.headers,
    )


class Arrival:
    """A call that arrived at a mock, and the way to answer it.

    left: the caller gave it back, after an answer or not. cancelled: it was given back by a cancellation.
    left_with: the error it was given back with, if any. answered: there is a head, or an error in its place.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.arrived_at = now()
        self.left = False
        self.cancelled = False
        self.left_with: BaseException | None = None
        self.answered = False
        self._envelope = Envelope("chatcmpl-mock", call.alias, int(wall()))
        self._waiting: deque[Chunk] = deque()
        self._error: BaseException | None = None
        self._words = 0
        self._ended = False
        self._news: Future[bool] | None = None
        self._gone: Future[None] = get_running_loop().create_future()

    def reply(self, text: str = "ok", *, usage: Usage | None = None, finish: str = "stop") -> None:
        """The whole answer at once: one body, or a stream whose text is one chunk."""
        if self.call.streamed:
            self.chunk(text)
            self.end(finish, usage=usage)
            return
        usage = usage or self._usage(text)
        data = self._envelope.whole([Choice(text=text, finish=finish)], usage)
        self._put(Chunk(data=data, has_content=True, text=text, finish=finish, usage=usage, last=True))

    def chunk(self, text: str) -> None:
        """The next piece of a stream; the first is the head."""
        assert self.call.streamed, "only a streamed call is answered in chunks"
        role = b"" if self.answered else self._envelope.role()
        self._words += len(text.split())
        self._put(Chunk(data=role + self._envelope.text(text), has_content=True, text=text))

    def end(self, finish: str = "stop", *, usage: Usage | None = None) -> None:
        """The end of a stream: its finish reason, then the tokens and the end mark."""
        self._put(Chunk(data=self._envelope.finish(finish), has_content=True, finish=finish))
        self._put(self._envelope.ending(usage or self._usage(""), asked=self.call.include_usage))

    def put(self, chunk: Chunk) -> None:
        """A chunk of the test's own making."""
        self._put(chunk)

    def error(self, error: BaseException) -> None:
        """Raised in place of a head; after the head, where the reader reads next."""
        assert not self._ended, "this call is answered already"
        self._error = error
        self.answered = self._ended = True
        self._tell()

    fail = error

    async def gone(self) -> None:
        """Waits until the call is given back."""
        await self._gone

    def _usage(self, text: str) -> Usage:
        return Usage(input=len(self.call.body) // 4, output=self._words + len(text.split()))

    def _put(self, chunk: Chunk) -> None:
        assert not self._ended, "this call is answered already"
        self._waiting.append(chunk)
        self._ended = chunk.last
        self.answered = self.answered or chunk.has_content or chunk.last
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(True)

    async def _head(self) -> Reply:
        limit = head_bound(self.call)
        while not self.answered:
            self._news = get_running_loop().create_future()
            await hear(self._news, limit)
        if self._error is not None and not self._waiting:
            raise another(self._error)
        if self.call.attempt is not None:
            self.call.attempt.head_at = now()
            self.call.attempt.vendor_status = 200
        return _ArrivalReply(self)

    def _leave(self, error: BaseException | None) -> None:
        assert not self.left, "a call was left twice"
        self.left = True
        self.left_with = error
        self.cancelled = isinstance(error, CancelledError)
        if not self._gone.done():
            self._gone.set_result(None)


class _ArrivalReply(Reply):
    __slots__ = ("_arrival",)

    def __init__(self, arrival: Arrival) -> None:
        super().__init__(streamed=arrival.call.streamed)
        self._arrival = arrival

    async def read(self) -> list[Chunk]:
        arrival = self._arrival
        limit = gap_bound(arrival.call, now())
        while not arrival._waiting:
            if arrival._error is not None:
                raise another(arrival._error)
            if arrival._ended:
                return []
            arrival._news = get_running_loop().create_future()
            await hear(arrival._news, limit)
        chunks = list(arrival._waiting)
        arrival._waiting.clear()
        for chunk in chunks:
            self.finish = chunk.finish or self.finish
            self.usage = chunk.usage or self.usage
        if arrival.call.attempt is not None:
            arrival.call.attempt.usage = self.usage
        return chunks


class _Opened:
    __slots__ = ("_arrival", "_call", "_handle")

    def __init__(self, handle: Handle, call: Call) -> None:
        self._handle = handle
        self._call = call
        self._arrival: Arrival | None = None

    async def __aenter__(self) -> Reply:
        arrival = self._arrival = Arrival(self._call)
        self._handle._arrive(arrival)
        try:
            return await arrival._head()
        except BaseException as error:
            arrival._leave(error)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._arrival is not None
        self._arrival._leave(error)


class Handle:
    """The other end of a mock: the calls that arrived, in order, and the next that will."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self._seen = 0
        self._waiting: Future[None] | None = None

    @property
    def open_calls(self) -> int:
        """How many calls have arrived and were not given back."""
        return sum(not arrival.left for arrival in self.arrivals)

    async def next_call(self) -> Arrival:
        """Waits for the next call that was not seen yet; on virtual time a call that never comes is a Deadlock."""
        while self._seen == len(self.arrivals):
            self._waiting = get_running_loop().create_future()
            await self._waiting
        self._seen += 1
        return self.arrivals[self._seen - 1]

    @property
    def latest(self) -> Arrival:
        """The call that `next_call` returned last."""
        return self.arrivals[self._seen - 1]

    def reply(self, text: str = "ok", *, usage: Usage | None = None, finish: str = "stop") -> None:
        """Answers the latest call whole."""
        self.latest.reply(text, usage=usage, finish=finish)

    def error(self, error: BaseException) -> None:
        """Answers the latest call with an error."""
        self.latest.error(error)

    def _arrive(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class _Mock:
    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def open(self, call: Call) -> Opening:
        return _Opened(self._handle, call)


def mock() -> tuple[Service, Handle]:
    """A service that answers what the test tells it to, and the handle to tell it by."""
    handle = Handle()
    return _Mock(handle), handle


def another(error: BaseException) -> BaseException:
    """The same error, to be raised: a test may keep the one that it wrote, and what was raised knows every frame of the call."""
    return error.again() if isinstance(error, CallError) else error


async def settle(turns: int = 10) -> None:
    """Lets every task that is ready run, some turns of the loop long, without moving the clock."""
    for _ in range(turns):
        await _turn()


def _turn() -> Awaitable[None]:
    loop = get_running_loop()
    future: Future[None] = loop.create_future()
    loop.call_soon(future.set_result, None)
    return future


def virtual(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Decorator: runs an async test on virtual time."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_virtual(test(*args, **kwargs))

    return run
