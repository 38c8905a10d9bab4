"""Bedrock's Converse and ConverseStream as a fake vendor speaks them: text only, which is all that a drill asks for.

Bodies, events and errors are those of
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html (read on 2026-12-01); frames are those of
https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote
from zlib import crc32

import msgspec

from headworks.core.call import Call
from headworks.core.errors import VendorSaid
from headworks.core.reply import Chunk, Usage
from headworks.system.schema.drills import Fault
from headworks.wire.own_dialect import OWN

STOP_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {"stop": "end_turn", "length": "max_tokens", "content_filter": "content_filtered"}
)
"""By the word of a chat."""

KINDS: Final[Mapping[int, tuple[int, str]]] = MappingProxyType(
    {
        400: (400, "ValidationException"),
        401: (403, "AccessDeniedException"),
        404: (404, "ResourceNotFoundException"),
        429: (429, "ThrottlingException"),
        500: (500, "InternalServerException"),
        503: (503, "ServiceUnavailableException"),
        529: (503, "ServiceUnavailableException"),
    }
)
"""Bedrock's status and type for each status of the faults."""

MESSAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "context_length": "Input is too long for requested model.",
        "denied": "You don't have access to the model with the specified model ID.",
    }
)


class _Said(msgspec.Struct):
    role: str
    content: list[dict[str, Any]]


class _Bound(msgspec.Struct, frozen=True, rename="camel"):
    max_tokens: int | None = None


class _Converse(msgspec.Struct, rename="camel"):
    messages: list[_Said]
    system: list[dict[str, Any]] = []
    inference_config: _Bound = _Bound()


_DECODE: Final = msgspec.json.Decoder(_Converse).decode


def call(path: str, body: bytes) -> Call:
    """A request of Converse as a chat, which is what fake targets answer."""
    model, _, operation = path.partition("/model/")[2].rpartition("/")
    asked = _DECODE(body)
    messages = [{"role": "system", "content": _text(asked.system)}] if asked.system else []
    messages += [{"role": one.role, "content": _text(one.content)} for one in asked.messages]
    chat: dict[str, Any] = {"messages": messages}
    if (bound := asked.inference_config.max_tokens) is not None:
        chat["max_tokens"] = bound
    streamed = operation == "converse-stream"
    encoded = msgspec.json.encode({**chat, "stream": streamed})
    return Call(id="drill", alias=unquote(model), body=encoded, dialect=OWN, streamed=streamed, include_usage=True)


def _text(content: Sequence[Mapping[str, Any]]) -> str:
    return "".join([str(block.get("text", "")) for block in content])


def body(chunk: Chunk) -> bytes:
    """A whole answer of a fake target as Converse tells it."""
    content = [{"text": chunk.text}] if chunk.text else []
    return msgspec.json.encode(
        {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": _stop_reason(chunk.finish),
            "usage": _counts(chunk.usage or Usage()),
            "metrics": {"latencyMs": 1},
        }
    )


def events(chunks: Sequence[Chunk]) -> bytes:
    """Chunks of a fake target's stream as messages of ConverseStream."""
    made = b""
    for chunk in chunks:
        if chunk.text:
            made += _event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": chunk.text}})
        if chunk.finish:
            made += _event("contentBlockStop", {"contentBlockIndex": 0})
            made += _event("messageStop", {"stopReason": _stop_reason(chunk.finish)})
        if chunk.last:
            made += _event("metadata", {"usage": _counts(chunk.usage or Usage()), "metrics": {"latencyMs": 1}})
    return made


def error(fault: Fault | None, said: VendorSaid) -> tuple[int, str, str]:
    """The status, the type and the words of a refusal."""
    status, kind = KINDS.get(said.status, (said.status, "ModelErrorException"))
    return status, kind, MESSAGES.get(fault or "", said.message)


def _stop_reason(finish: str | None) -> str:
    return STOP_REASONS.get(finish or "stop", "end_turn")


def _counts(usage: Usage) -> dict[str, int]:
    asked, answered = usage.input_tokens, usage.output_tokens
    return {"inputTokens": asked, "outputTokens": answered, "totalTokens": asked + answered}


def _event(kind: str, said: Mapping[str, Any]) -> bytes:
    """One message: a prelude with its lengths and their checksum, its headers, its payload, and a checksum over all of it."""
    headers = b""
    for name, value in ((":event-type", kind), (":content-type", "application/json"), (":message-type", "event")):
        headers += b"%c%b\x07%b%b" % (len(name), name.encode(), len(value).to_bytes(2, "big"), value.encode())
    payload = msgspec.json.encode(said)
    prelude = (16 + len(headers) + len(payload)).to_bytes(4, "big") + len(headers).to_bytes(4, "big")
    message = prelude + crc32(prelude).to_bytes(4, "big") + headers + payload
    return message + crc32(message).to_bytes(4, "big")
