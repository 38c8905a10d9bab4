"""How a fake vendor speaks: the API of a request is told by its path, and refusals are said in that API's own words.

Always true: what a fake vendor writes is what the vendor's own API writes: its events, its error bodies, its way to break an event.
A filter that refuses a call is an error at some vendors, and the end of an empty answer at others (Gemini, Bedrock).
The words of errors are those of `wire/vendor_errors.py`, where their sources stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Dialect
from headworks.core.errors import VendorSaid
from headworks.core.reply import Chunk
from headworks.drill import fake_bedrock
from headworks.providers.simulated.faults import REFUSALS
from headworks.system.schema.drills import Fault
from headworks.wire.client_apis import CLIENT_APIS

_INVALID: Final = "invalid_request_error"


class Refusal(msgspec.Struct, frozen=True):
    """What is answered in place of an answer."""

    status: int
    body: bytes
    kind: bytes = b"application/json"
    headers: bytes = b""


class FakeApi(Protocol):
    """One API as a fake vendor speaks it. stream_kind: the content type of its streams. garbled: an event that cannot be read."""

    @property
    def stream_kind(self) -> bytes: ...
    @property
    def garbled(self) -> bytes: ...
    def call(self, path: str, body: bytes) -> Call:
        """What a request asks."""
        ...

    def events(self, chunks: Sequence[Chunk]) -> bytes: ...
    def body(self, chunk: Chunk) -> bytes: ...
    def refusal(self, fault: Fault | None, said: VendorSaid, *, streamed: bool) -> Refusal: ...


class Words(msgspec.Struct, frozen=True):
    """How a vendor says one error. status: where it has another than OpenAI; kind: its type; message: its words."""

    status: int
    kind: str
    message: str


_ANTHROPIC_TYPES: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: _INVALID,
        401: "authentication_error",
        404: "not_found_error",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
)
_ANTHROPIC: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "context_length": Words(400, _INVALID, "prompt is too long: 210000 tokens > 200000 maximum"),
        "content_filter": Words(400, _INVALID, "Output blocked by content filtering policy"),
        "out_of_credit": Words(400, _INVALID, "Your credit balance is too low to access the Anthropic API."),
        "denied": Words(401, "authentication_error", "invalid x-api-key"),
        "unknown_model": Words(404, "not_found_error", "model: drilled"),
        "overloaded": Words(529, "overloaded_error", "Overloaded"),
    }
)


def _anthropic(fault: Fault | None, said: VendorSaid, *, streamed: bool) -> Refusal:
    words = _ANTHROPIC.get(fault or "") or Words(
        said.status, _ANTHROPIC_TYPES.get(said.status, "api_error"), said.message
    )
    body = {"type": "error", "error": {"type": words.kind, "message": words.message}}
    return Refusal(words.status, msgspec.json.encode(body))


_GEMINI_STATUSES: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        503: "UNAVAILABLE",
    }
)
_TOO_LONG: Final = "The input token count (210000) exceeds the maximum number of tokens allowed (200000)."
_GEMINI: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "context_length": Words(400, "INVALID_ARGUMENT", _TOO_LONG),
        "denied": Words(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
        "unknown_model": Words(404, "NOT_FOUND", "models/drilled is not found for API version v1beta."),
        "overloaded": Words(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    }
)
_BLOCKED: Final = b'{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":8}}'


def _gemini(fault: Fault | None, said: VendorSaid, *, streamed: bool) -> Refusal:
    if fault == "content_filter":
        kind = b"text/event-stream" if streamed else b"application/json"
        body = b"data: %b\r\n\r\n" % _BLOCKED if streamed else _BLOCKED
        return Refusal(200, body, kind)
    words = _GEMINI.get(fault or "") or Words(said.status, _GEMINI_STATUSES.get(said.status, "UNKNOWN"), said.message)
    error = {"code": words.status, "message": words.message, "status": words.kind}
    return Refusal(words.status, msgspec.json.encode({"error": error}))


def _openai(fault: Fault | None, said: VendorSaid, *, streamed: bool) -> Refusal:
    words = REFUSALS.get(fault) if fault is not None else None  # `said` may have been told in another API's words
    told = said if words is None else words
    shown = {"message": told.message, "type": told.type, "param": told.param, "code": told.code}
    return Refusal(said.status, msgspec.json.encode({"error": shown}))


class CalledApi:
    """An API that callers of the gateway use, too: its own caller's side reads the request and writes the answer."""

    stream_kind: Final = b"text/event-stream"

    def __init__(self, dialect: Dialect, garbled: bytes) -> None:
        self.dialect = dialect
        self.garbled = garbled
        self._refusal = {"anthropic": _anthropic, "gemini": _gemini}.get(dialect.name.partition(".")[0], _openai)

    def call(self, path: str, body: bytes) -> Call:
        asked = self.dialect.read(body, path)
        return Call(
            id="drill",
            alias=asked.model,
            body=body,
            dialect=self.dialect,
            streamed=asked.streamed,
            include_usage=asked.include_usage,
        )

    def events(self, chunks: Sequence[Chunk]) -> bytes:
        return b"".join([chunk.data for chunk in chunks])

    def body(self, chunk: Chunk) -> bytes:
        return chunk.data

    def refusal(self, fault: Fault | None, said: VendorSaid, *, streamed: bool) -> Refusal:
        return self._refusal(fault, said, streamed=streamed)


class BedrockApi:
    """Converse and ConverseStream, in which nobody calls a gateway."""

    stream_kind: Final = b"application/vnd.amazon.eventstream"
    garbled: Final = b"\x00\x00\x00\x20\x00\x00\x00\x00\xff\xff\xff\xff" + bytes(20)

    def call(self, path: str, body: bytes) -> Call:
        return fake_bedrock.call(path, body)

    def events(self, chunks: Sequence[Chunk]) -> bytes:
        return fake_bedrock.events(chunks)

    def body(self, chunk: Chunk) -> bytes:
        return fake_bedrock.body(chunk)

    def refusal(self, fault: Fault | None, said: VendorSaid, *, streamed: bool) -> Refusal:
        if fault == "content_filter":
            filtered = Chunk(data=b"", finish="content_filter", last=True)
            if not streamed:
                return Refusal(200, fake_bedrock.body(filtered))
            return Refusal(200, fake_bedrock.events([filtered]), self.stream_kind)
        status, kind, message = fake_bedrock.error(fault, said)
        named = b"x-amzn-errortype: %b\r\n" % kind.encode()
        return Refusal(status, msgspec.json.encode({"message": message}), headers=named)


_CHAT_HALF: Final = b'data: {"choices": [{"index": 0, "delta": {"con\n\n'
_BY_PATH: Final[Mapping[str, FakeApi]] = MappingProxyType(
    {
        "/chat/completions": CalledApi(CLIENT_APIS["chat"].caller, _CHAT_HALF),
        "/completions": CalledApi(CLIENT_APIS["completions"].caller, _CHAT_HALF),
        "/responses": CalledApi(
            CLIENT_APIS["responses"].caller,
            b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","del\n\n',
        ),
        "/messages": CalledApi(
            CLIENT_APIS["messages"].caller,
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n',
        ),
        "GenerateContent": CalledApi(CLIENT_APIS["gemini"].caller, b'data: {"candidates": [{"content": {"par\r\n\r\n'),
        "/converse": BedrockApi(),
        "/converse-stream": BedrockApi(),
    }
)
"""By the end of the path. The longest that fits: `/completions` is the end of `/chat/completions`, too."""


def api_at(path: str) -> FakeApi:
    """The API of a request. Raises ValueError where no vendor of ours speaks it."""
    place = path.partition("?")[0]
    if place.endswith(":generateContent"):
        return _BY_PATH["GenerateContent"]
    found = max([end for end in _BY_PATH if place.endswith(end)], key=len, default=None)
    if found is None:
        raise ValueError(f"no fake vendor speaks the API of {place}")
    return _BY_PATH[found]
