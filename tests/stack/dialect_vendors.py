"""Vendors that speak a dialect without a wire: what `Remote` does with bytes, over a script of chat events, on virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Final, TypeAlias

from headworks.core.call import Call
from headworks.core.errors import CallError, Failed
from headworks.core.reply import Chunk, Reply
from headworks.core.service import Opening
from headworks.drill.fake_api import FakeApi, api_at
from headworks.gateway.leaves import DIALECTS, OURS
from headworks.providers.translating import Translating
from headworks.wire.openai.chat import OpenAIChat
from headworks.wire.openai.dialect import speaking
from headworks.wire.sides import StreamDecoder, VendorDialect
from headworks.wire.translated import between
from tests.stack.speaking import DONE, counts, event, stop

VENDORS: Final[Mapping[str, VendorDialect]] = MappingProxyType(
    {
        "chat": OURS,
        "responses": speaking(("responses",)),
        "anthropic": DIALECTS["anthropic"],
        "gemini": DIALECTS["gemini"],
        "bedrock": DIALECTS["bedrock"],
    }
)

BREAKS: Final = b""
"""In a script: the connection breaks here."""

Script: TypeAlias = "Sequence[bytes] | Callable[[Call], Sequence[bytes]]"


def text(said: str) -> bytes:
    return event(
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": said}, "finish_reason": None}]}
    )


def thought(said: str) -> bytes:
    choice = {"index": 0, "delta": {"reasoning_content": said}, "finish_reason": None}
    return event({"id": "c", "model": "m", "choices": [choice]})


def tool(name: str, arguments: str) -> bytes:
    function = {"name": name, "arguments": arguments}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
    return event({"id": "c", "model": "m", "choices": [choice]})


def ended(*events: bytes, reason: str = "stop") -> list[bytes]:
    return [*events, stop(reason), counts(9, 4), DONE]


def begun_with(call: Call) -> str:
    """The beginning of the answer that a chat call ends with, "" where there is none."""
    last = json.loads(call.body)["messages"][-1]
    return str(last["content"]) if last["role"] == "assistant" else ""


class _Chat:
    """A vendor of chat that answers from scripts. asked: the calls that it got."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self.scripts = list(scripts)
        self.asked: list[Call] = []

    def open(self, call: Call) -> Opening:
        self.asked.append(call)
        script = self.scripts.pop(0)
        return _Opened(call, script(call) if callable(script) else script)


class _Opened(Reply):
    def __init__(self, call: Call, script: Sequence[bytes]) -> None:
        super().__init__(streamed=True)
        self._decoder = OpenAIChat().decoder(call)
        self._script = list(script)

    async def read(self) -> list[Chunk]:
        while self._script:
            one = self._script.pop(0)
            if one == BREAKS:
                raise Failed("The connection broke.")
            if chunks := self._decoder.feed(one):
                return chunks
        return []

    async def __aenter__(self) -> Reply:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class DialectVendor:
    """A leaf. name: of the dialect in `VENDORS`. scripts: what it says, a call at a time, as a vendor of chat would."""

    def __init__(self, name: str, *scripts: Script) -> None:
        self.dialect = VENDORS[name]
        self.chat = _Chat(scripts)
        self.inner = Translating(self.chat, OURS, "m")

    def open(self, call: Call) -> Opening:
        return _Attempt(self, call)


class _Attempt:
    def __init__(self, vendor: DialectVendor, call: Call) -> None:
        self.vendor = vendor
        self.call = call
        self._opening: Opening | None = None

    async def __aenter__(self) -> Reply:
        call = self.call
        side = between(call.dialect, self.vendor.dialect)
        assert side is not None
        sent = side.request(call, b'"m"', counted=True)
        path = side.path("m", streamed=call.streamed).decode()
        api = api_at(path)
        self._opening = self.vendor.inner.open(api.call(path, sent))
        inner = await self._opening.__aenter__()
        decoder = side.decoder(call, sent)
        assert decoder is not None
        reply = _Decoded(inner, api, decoder)
        await reply.head()
        return reply

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opening is not None:
            await self._opening.__aexit__(None, None, None)


class _Decoded(Reply):
    """Bytes of the vendor's dialect, read by its own decoder. What breaks the connection is what the decoder says of that."""

    def __init__(self, inner: Reply, api: FakeApi, decoder: StreamDecoder) -> None:
        super().__init__(streamed=True)
        self.inner = inner
        self.api = api
        self.decoder = decoder
        self.waiting: list[Chunk] = []

    async def head(self) -> None:
        while not self.decoder.is_headed:
            await self._more()

    async def read(self) -> list[Chunk]:
        while not self.waiting and not self.decoder.is_done:
            await self._more()
        told, self.waiting = self.waiting, []
        self.usage, self.finish = self.decoder.usage, self.decoder.finish
        return told

    async def _more(self) -> None:
        if self.decoder.fault is not None:
            raise self.decoder.fault
        try:
            chunks = await self.inner.read()
        except CallError:
            chunks = []
        self.waiting += self.decoder.feed(self.api.events(chunks)) if chunks else self.decoder.end()
        if self.decoder.fault is not None and not self.waiting:
            raise self.decoder.fault
