"""Bedrock's Converse and ConverseStream as our vendor speaks them.

Source of the forms: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, the service's own
model in `botocore` 1.44, and https://smithy.io/2.0/aws/amazon-eventstream.html for the framing, read on 2026-12-01.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from tools.clients.vendor.reading import halves, objects, text_of
from tools.clients.vendor.script import Answer, Asked, Result


def read(body: dict[str, Any], path: str) -> Asked:
    messages = objects(body.get("messages"))
    users = [b.get("text") for one in messages if one.get("role") == "user" for b in objects(one.get("content"))]
    blocks = [block for one in messages for block in objects(one.get("content"))]
    results = [one["toolResult"] for one in blocks if isinstance(one.get("toolResult"), dict)]
    config = body.get("toolConfig")
    tools = objects(config.get("tools")) if isinstance(config, dict) else []
    return Asked(
        dialect="bedrock",
        text=text_of([one for one in users if one]),
        tools=tuple(str(one["toolSpec"].get("name", "")) for one in tools if isinstance(one.get("toolSpec"), dict)),
        results=tuple(Result(str(one.get("toolUseId", "")), "", text_of(one.get("content"))) for one in results),
        is_streamed=path.endswith("/converse-stream"),
    )


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "inputTokens": answer.input_tokens - answer.cached_tokens,
        "outputTokens": answer.output_tokens,
        "totalTokens": answer.input_tokens + answer.output_tokens,
        "cacheReadInputTokens": answer.cached_tokens,
        "cacheWriteInputTokens": 0,
    }


def whole(answer: Answer) -> bytes:
    content: list[dict[str, Any]] = [{"text": answer.text}]
    if answer.use:
        use = answer.use
        content.append({"toolUse": {"toolUseId": use.id, "name": use.name, "input": use.arguments}})
    said = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use" if answer.use else "end_turn",
        "usage": _usage(answer),
        "metrics": {"latencyMs": 12},
    }
    return json.dumps(said).encode()


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """A message of AWS's binary framing of a stream."""
    lines = b""
    for name, value in headers.items():
        lines += bytes([len(name)]) + name.encode() + b"\x07" + len(value.encode()).to_bytes(2, "big") + value.encode()
    prelude = (16 + len(lines) + len(payload)).to_bytes(4, "big") + len(lines).to_bytes(4, "big")
    prelude += zlib.crc32(prelude).to_bytes(4, "big")
    said = prelude + lines + payload
    return said + zlib.crc32(said).to_bytes(4, "big")


def _event(kind: str, said: dict[str, Any]) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(said).encode())


def stream(answer: Answer) -> list[bytes]:
    said = [_event("messageStart", {"role": "assistant"})]
    said += [_event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}}) for word in answer.words]
    said.append(_event("contentBlockStop", {"contentBlockIndex": 0}))
    if answer.use:
        begin = {"toolUse": {"toolUseId": answer.use.id, "name": answer.use.name}}
        said.append(_event("contentBlockStart", {"contentBlockIndex": 1, "start": begin}))
        for half in halves(answer.use.arguments):
            said.append(_event("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": half}}}))
        said.append(_event("contentBlockStop", {"contentBlockIndex": 1}))
    said.append(_event("messageStop", {"stopReason": "tool_use" if answer.use else "end_turn"}))
    return [*said, _event("metadata", {"usage": _usage(answer), "metrics": {"latencyMs": 12}})]


ERRORS = {
    429: ("Too many requests, please wait before trying again.", "ThrottlingException"),
    529: ("The service is temporarily unavailable.", "ServiceUnavailableException"),
    400: ("The request is not right.", "ValidationException"),
    402: ("Your account's quota is used up.", "ServiceQuotaExceededException"),
}


def error(status: int) -> tuple[int, dict[str, str], bytes]:
    message, type_ = ERRORS[status]
    real = 400 if status == 402 else status
    return real, {"x-amzn-errortype": type_}, json.dumps({"message": message}).encode()
