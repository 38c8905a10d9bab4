"""The child's side of HTTP: chat completions in OpenAI's format, from an engine that blocks in threads.

Theory. The loop reads requests and writes events; each generation has a thread, for llama.cpp blocks in one. A slot is
taken before the thread begins and given back when it has left, however the caller went: so llama.cpp never has more
work than slots, and none of it waits where it could not be cancelled.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol
from uuid import uuid4

import msgspec

from headworks.core.errors import CallError, Malformed, UnknownPath
from headworks.http.server import Exchange, Request
from headworks.providers.completions import DONE, Choice, Envelope
from headworks.providers.local.chat_template import ChatFormat
from headworks.providers.local.llama_answer import LlamaAnswer
from headworks.providers.local.request import ParsedRequest, parse_request

JSON = ((b"content-type", b"application/json"),)
EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"))

FIRST = b'{"messages":[{"role":"user","content":"Hello!"}],"max_tokens":1}'


class ModelSizes(msgspec.Struct, frozen=True, kw_only=True):
    """slots: answers at once. context: tokens of one conversation. threads, prompt_threads: that write and read.

    Writing, one core is left to the gateway. Two threads on two busy cores wait for each other at each step of the
    model: 20 tokens/s were measured, and 36 of one thread (65 and 36 where the machine had nothing else to do). A batch
    of a prompt has more to compute between two steps, and all cores read it sooner in every case.
    """

    slots: int
    context: int
    threads: int
    prompt_threads: int


class Engine(Protocol):
    def generate(self, generation: bytes, hear: Callable[[bytes], bool]) -> None:
        """Blocks until the answer has ended or `hear`, called with each event, returns True.

        Raises ValueError where the request cannot be done.
        """
        ...


class App:
    """Answers the requests of one loaded model. `busy` counts slots that are taken."""

    def __init__(self, engine: Engine, manner: ChatFormat, sizes: ModelSizes) -> None:
        self.engine = engine
        self.manner = manner
        self.sizes = sizes
        self.busy = 0
        self._slots = asyncio.Semaphore(sizes.slots)
        self._warming: Generation | None = None
        self._threads = ThreadPoolExecutor(sizes.slots, thread_name_prefix="generation")

    async def handle(self, request: Request, exchange: Exchange) -> None:
        """Answers one request; cancelled when the caller hangs up, and then the generation stops."""
        try:
            if request.path == "/health":
                exchange.respond(200, JSON, msgspec.json.encode({"slots": self.sizes.slots, "busy": self.busy}))
            elif request.path == "/v1/chat/completions" and request.method == "POST":
                await self._chat(parse_request(request.body, self.manner, self.sizes.context), exchange)
            else:
                raise UnknownPath(f"A local model serves POST /v1/chat/completions, not {request.path[:64]}.")
        except CallError as error:
            if exchange.started:
                exchange.end(b"data: %b\n\n" % problem(error))
            else:
                exchange.respond(error.shown_status, JSON, problem(error))

    async def warm(self) -> None:
        """Reads what every prompt begins with, once, unless a call comes first: it takes a second or two."""
        self._warming = run = await self._begin(parse_request(FIRST, self.manner, self.sizes.context))
        try:
            while await run.next() is not None:
                pass
        finally:
            run.stop()

    async def _chat(self, asked: ParsedRequest, exchange: Exchange) -> None:
        if self._warming is not None:
            self._warming.stop()
        run = await self._begin(asked)
        try:
            envelope = Envelope(f"chatcmpl-{uuid4().hex}", asked.model, int(time.time()))
            answer = LlamaAnswer(asked, self.sizes.context)
            await (_stream if asked.streamed else _whole)(asked, run, answer, envelope, exchange)
        finally:
            run.stop()

    async def _begin(self, asked: ParsedRequest) -> Generation:
        await self._slots.acquire()
        self.busy += 1
        return Generation(self.engine, asked.generation, self._threads, self._left)

    def _left(self) -> None:
        self.busy -= 1
        self._slots.release()


class Generation:
    """One generation in a thread: its events come out in the loop. left: called in the loop when the thread is free."""

    def __init__(
        self, engine: Engine, generation: bytes, threads: ThreadPoolExecutor, left: Callable[[], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        self._left = left
        self._is_stopped = False
        threads.submit(engine.generate, generation, self._hear).add_done_callback(self._done)

    async def next(self) -> bytes | None:
        """The next event, or None at the end. Raises Malformed where llama.cpp refuses the request."""
        event = await self._events.get()
        if isinstance(event, ValueError):
            raise Malformed(f"llama.cpp cannot do this: {event}")
        if isinstance(event, BaseException):
            raise event
        return event

    def stop(self) -> None:
        """Ends the generation at its next event: after one batch, or one token."""
        self._is_stopped = True

    # In the thread.

    def _hear(self, event: bytes) -> bool:
        if not self._is_stopped:
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
        return self._is_stopped

    def _done(self, future: Future[None]) -> None:
        self._loop.call_soon_threadsafe(self._end, future.exception())

    # In the loop again.

    def _end(self, error: BaseException | None) -> None:
        self._events.put_nowait(error)
        self._left()


async def _stream(
    asked: ParsedRequest, run: Generation, answer: LlamaAnswer, envelope: Envelope, exchange: Exchange
) -> None:
    """Writes each piece as it comes. The head waits for the first, so that what is refused has its own status."""
    while (event := await run.next()) is not None:
        if piece := answer.feed(event):
            exchange.write(_start_stream(envelope, exchange) + envelope.text(piece))
            await exchange.drain()
    ending = envelope.finish(_finish_reason(answer))
    if asked.include_usage:
        ending += envelope.usage(answer.usage)
    exchange.end(_start_stream(envelope, exchange) + ending + DONE)


async def _whole(
    asked: ParsedRequest, run: Generation, answer: LlamaAnswer, envelope: Envelope, exchange: Exchange
) -> None:
    while (event := await run.next()) is not None:
        answer.feed(event)
    choice = Choice(text=answer.text, finish=_finish_reason(answer))
    exchange.respond(200, JSON, envelope.whole([choice], answer.usage))


def _start_stream(envelope: Envelope, exchange: Exchange) -> bytes:
    """Begins the answer unless it has begun; returns the event that every stream begins with."""
    if exchange.started:
        return b""
    exchange.start(200, EVENTS)
    return envelope.role()


def _finish_reason(answer: LlamaAnswer) -> str:
    if answer.finish is None:
        raise CallError("llama.cpp ended the answer without a reason.")
    return answer.finish


def problem(error: CallError) -> bytes:
    """An error in OpenAI's shape."""
    said = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return msgspec.json.encode({"error": said})
