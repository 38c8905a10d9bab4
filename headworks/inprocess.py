"""A system in your own process: the stack that `headworks up` serves, asked without a port.

    async with headworks.open("headworks.yaml") as system:
        answer = await system.chat(model="assistant", messages=[{"role": "user", "content": "Hello!"}])

Always true: a call passes the same layers as one over HTTP (keys, retries, fallback, the record) and leaves them exactly
once, also when a stream is abandoned. Errors are those of `headworks.core.errors`; those before the first content are
raised by `chat` itself. The body that goes in is OpenAI's JSON, made from the arguments.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Literal, Protocol, TypeAlias, TypedDict, Unpack, overload

import msgspec

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.dialect import Asked
from headworks.core.digest import digest
from headworks.core.errors import Refused
from headworks.core.record import MOST_TEXT
from headworks.core.reply import Chunk, Reply, Usage
from headworks.core.request_id import request_id
from headworks.core.service import Opening, Service
from headworks.core.session import Session
from headworks.gateway.gateway import Gateway
from headworks.gateway.lock import forgotten, hold_lock
from headworks.system.derived.same_as import SameAs
from headworks.system.load import Loaded, read
from headworks.system.starter import load_or_starter
from headworks.wire.own_dialect import OWN

__all__ = ["Answer", "Chunk", "Opened", "Options", "Stream", "System", "Usage", "open"]

log = logging.getLogger("headworks")

Message: TypeAlias = Mapping[str, Any]
"""OpenAI's: `{"role": "user", "content": "Hello!"}`."""


class Options(TypedDict, total=False):
    """Fields of OpenAI's chat request, beside `model`, `messages` and `stream`; they go to the vendor as they are."""

    audio: Mapping[str, Any]
    frequency_penalty: float
    logit_bias: Mapping[str, float]
    logprobs: bool
    max_completion_tokens: int
    max_tokens: int
    metadata: Mapping[str, str]
    modalities: Sequence[str]
    n: int
    parallel_tool_calls: bool
    presence_penalty: float
    prompt: Mapping[str, Any]
    reasoning_effort: str
    response_format: Mapping[str, Any]
    seed: int
    service_tier: str
    stop: str | Sequence[str]
    stream_options: Mapping[str, Any]
    temperature: float
    tool_choice: str | Mapping[str, Any]
    tools: Sequence[Mapping[str, Any]]
    top_logprobs: int
    top_p: float
    user: str
    verbosity: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer.

    text: the first choice's. usage: tokens in disjoint classes, None where the vendor did not say. finish: the first
    choice's finish reason. data: the vendor's JSON, byte for byte; tool calls and further choices are in it.
    request_id: the record's.
    """

    text: str
    usage: Usage | None
    finish: str | None
    data: bytes
    request_id: str


class Stream:
    """An answer in pieces: `async for chunk in stream`. Its first content is there already.

    It is left at its last chunk, at an error, at the end of `async with stream`, by `close`, or when the system closes:
    whatever comes first. `usage` and `finish` are the newest known. Raises Cut, Garbled or Expired where the answer
    cannot be completed, so what ended without an error is whole.
    """

    def __init__(self, opening: Opening, reply: Reply, request_id: str, open_streams: dict[Stream, None]) -> None:
        self.request_id = request_id
        self._opening: Opening | None = opening
        self._reply = reply
        self._chunks: list[Chunk] = []
        self._open_streams = open_streams
        open_streams[self] = None

    @property
    def usage(self) -> Usage | None:
        return self._reply.usage

    @property
    def finish(self) -> str | None:
        return self._reply.finish

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Chunk:
        """The next chunk. `chunk.data` is the event as a caller over HTTP gets it."""
        if not self._chunks:
            if self._opening is None:
                raise StopAsyncIteration
            try:
                self._chunks = (await self._reply.read())[::-1]
            except BaseException as error:
                await self._leave(error)
                raise
            if not self._chunks or self._chunks[0].last:
                await self._leave(None)
            if not self._chunks:
                raise StopAsyncIteration
        return self._chunks.pop()

    async def close(self) -> None:
        """Leaves the call; a vendor that is still answering is stopped at once. Twice is as good as once."""
        self._chunks = []
        await self._leave(None)

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._chunks = []
        await self._leave(error)

    async def _leave(self, error: BaseException | None) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            del self._open_streams[self]
            await opening.__aexit__(type(error) if error is not None else None, error, None)


class Running(Protocol):
    """What is asked of a gateway."""

    @property
    def front(self) -> Service: ...
    @property
    def same_as(self) -> SameAs | None: ...
    def aliases(self, credential: str | None) -> Sequence[str]: ...


class System:
    """A running system, to be asked. Made by `headworks.open`."""

    def __init__(self, gateway: Running, rng: Random) -> None:
        self._gateway = gateway
        self._rng = rng
        self._streams: dict[Stream, None] = {}
        self._is_closed = False

    def aliases(self, key: str | None = None) -> Sequence[str]:
        """The models that may be asked, with this key where the system has keys. Raises Unauthenticated."""
        return self._gateway.aliases(key)

    @overload
    async def chat(
        self,
        *,
        model: str,
        messages: Sequence[Message],
        stream: Literal[False] = False,
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Answer: ...
    @overload
    async def chat(
        self,
        *,
        model: str,
        messages: Sequence[Message],
        stream: Literal[True],
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Stream: ...
    async def chat(
        self,
        *,
        model: str,
        messages: Sequence[Message],
        stream: bool = False,
        key: str | None = None,
        deadline: float | None = None,
        extra: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> Answer | Stream:
        """Asks an alias. Returns when the whole answer is there, or with `stream=True` when its first content is.

        key: the secret of a caller, needed where the system file has `keys`. deadline: seconds from now after which the
        answer is worth nothing; it only shortens `timeouts.total`. extra: fields of the body that OpenAI does not have. Raises a CallError; which one says whose turn it is.
        """
        if self._is_closed:  # its journal is closed too: a call would leave no record
            raise RuntimeError("this system was closed: ask it inside `async with headworks.open(...) as system`")
        fields = {**(extra or {}), **options, "model": model, "messages": messages, "stream": stream}
        call = self.call(msgspec.json.encode(fields), key)
        if deadline is not None:
            call = msgspec.structs.replace(call, deadline_at=call.arrived_at + deadline)
        opening = self.front.open(call)
        reply = await opening.__aenter__()
        if call.streamed:
            return Stream(opening, reply, call.id, self._streams)
        try:
            [chunk] = await reply.read()
        except BaseException as error:
            await opening.__aexit__(type(error), error, error.__traceback__)
            raise
        await opening.__aexit__(None, None, None)
        return Answer(text=chunk.text, usage=reply.usage, finish=reply.finish, data=chunk.data, request_id=call.id)

    @property
    def front(self) -> Service:
        """What answers: for who opens calls by himself, such as those of `call`."""
        return self._gateway.front

    def call(self, body: bytes, key: str | None = None) -> Call:
        """The call that a body of OpenAI's chat request is, arriving now; its trail is what became of it."""
        refusal: Refused | None = None
        same_as = self._gateway.same_as
        try:
            asked = OWN.read(body)
            refusal = asked.unkept
        except Refused as error:  # raised by Route, so that it is authenticated and recorded like any other call
            asked, refusal = Asked(model=""), error
        return Call(
            id=request_id(self._rng.getrandbits),
            alias=asked.model if same_as is None else same_as.alias(asked.model),
            body=body,
            dialect=OWN,
            streamed=asked.streamed,
            include_usage=asked.include_usage,
            max_output=asked.max_output,
            user=asked.user,
            session=Session(asked.session[:MOST_TEXT]) if asked.session else None,
            credential=key,
            arrived_at=now(),
            digest=digest(body),
            refusal=refusal,
        )

    async def close(self) -> None:
        """Takes no call any more, and leaves every stream that nobody read to its end."""
        self._is_closed = True
        for stream in list(self._streams):
            await stream.close()


class Opened:
    """A system that starts when it is entered and stops when it is left: `async with headworks.open(...) as system`."""

    def __init__(self, loaded: Loaded, *, is_apart: bool = False) -> None:
        """is_apart: its ledger is its own and nobody's budget is read off it, as an evaluation's: any ledger will do, and it runs
        beside whoever serves the same system."""
        self._loaded = loaded
        self._is_apart = is_apart
        self._held = AsyncExitStack()
        self._system: System | None = None

    async def __aenter__(self) -> System:
        for warning in self._loaded.warnings:
            log.warning("%s", warning)
        self._loaded.pin_default_folder()
        rng = Random()
        async with AsyncExitStack() as held:
            lock = None
            if self._is_apart:
                forgotten(self._loaded.folder / self._loaded.system.log.journal)
            else:
                lock = await held.enter_async_context(hold_lock(self._loaded, always=False))
            gateway = Gateway(self._loaded.system, self._loaded.folder, seed=rng.getrandbits(64))
            held.push_async_callback(gateway.stop)
            gateway.access.lock = lock
            await gateway.start()
            self._held = held.pop_all()
        self._system = System(gateway, rng)
        return self._system

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        system = self._system
        assert system is not None
        try:
            await system.close()
        finally:
            await self._held.aclose()


def open(file: str | os.PathLike[str] | None = None, *, text: str | None = None) -> Opened:
    """A system, read and checked; entering it starts it.

    file: a system file. text: its content instead; relative paths start from the current folder. Neither: headworks.yaml
    here, or the starter system where there is none, as `headworks up` does. Secrets come from the environment.
    Raises ConfigError with everything that is wrong with it.
    """
    if text is not None:
        if file is not None:
            raise TypeError("a system is opened from a file or from text, not from both")
        return Opened(read(text.encode(), file="text", folder=Path(), env=os.environ))
    return Opened(load_or_starter(None if file is None else Path(file), os.environ))
