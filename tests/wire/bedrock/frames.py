"""Streams of Converse for tests: events as AWS documents them, framed by a writer that shares nothing with the reader.

The events are those of https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html, with the padding
`p` that the service adds. Read 2026-11-30.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Any, Final

Events = Iterable[tuple[str, Any]]


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    lines = b""
    for name, value in headers.items():
        lines += len(name).to_bytes(1, "big") + name.encode() + b"\x07"
        lines += len(value.encode()).to_bytes(2, "big") + value.encode()
    prelude = (16 + len(lines) + len(payload)).to_bytes(4, "big") + len(lines).to_bytes(4, "big")
    prelude += zlib.crc32(prelude).to_bytes(4, "big")
    said = prelude + lines + payload
    return said + zlib.crc32(said).to_bytes(4, "big")


def event(kind: str, said: Any) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(said).encode())


def exception(kind: str, said: Any) -> bytes:
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps(said).encode())


def stream(events: Events) -> bytes:
    return b"".join(event(kind, said) for kind, said in events)


def delta(block: int, said: Any) -> tuple[str, Any]:
    return "contentBlockDelta", {"contentBlockIndex": block, "delta": said, "p": "abcdefgh"}


USAGE: Final = {
    "inputTokens": 30,
    "outputTokens": 12,
    "totalTokens": 642,
    "cacheReadInputTokens": 500,
    "cacheWriteInputTokens": 100,
}
METADATA: Final = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1275}, "p": "abc"})

TEXT: Final = (
    ("messageStart", {"role": "assistant", "p": "abcd"}),
    delta(0, {"text": "Hello"}),
    delta(0, {"text": " wörld"}),
    ("contentBlockStop", {"contentBlockIndex": 0, "p": "ab"}),
    ("messageStop", {"stopReason": "end_turn", "p": "a"}),
    METADATA,
)

TOOLS: Final = (
    ("messageStart", {"role": "assistant"}),
    delta(0, {"reasoningContent": {"text": "The weather "}}),
    delta(0, {"reasoningContent": {"text": "in Paris."}}),
    delta(0, {"reasoningContent": {"signature": "EqQBCkYIBxgC"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    delta(1, {"reasoningContent": {"redactedContent": "c2VjcmV0"}}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    delta(2, {"text": "Let me look."}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    (
        "contentBlockStart",
        {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "tooluse_a1", "name": "weather"}}},
    ),
    delta(3, {"toolUse": {"input": '{"city": '}}),
    delta(3, {"toolUse": {"input": '"Paris"}'}}),
    ("contentBlockStop", {"contentBlockIndex": 3}),
    ("contentBlockStart", {"contentBlockIndex": 4, "start": {"toolUse": {"toolUseId": "tooluse_b2", "name": "now"}}}),
    delta(4, {"toolUse": {"input": "{}"}}),
    ("contentBlockStop", {"contentBlockIndex": 4}),
    ("messageStop", {"stopReason": "tool_use", "additionalModelResponseFields": {"stop_sequence": None}}),
    METADATA,
)

WHOLE: Final = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "The weather in Paris.", "signature": "EqQBCkYIBxgC"}}},
                {"reasoningContent": {"redactedContent": "c2VjcmV0"}},
                {"text": "Let me look."},
                {"toolUse": {"toolUseId": "tooluse_a1", "name": "weather", "input": {"city": "Paris"}}},
                {"toolUse": {"toolUseId": "tooluse_b2", "name": "now", "input": {}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": USAGE,
    "metrics": {"latencyMs": 1275},
    "additionalModelResponseFields": {"stop_sequence": None},
}
"""The same answer whole (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html)."""
