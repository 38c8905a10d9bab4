"""Anthropic's Messages as our vendor speaks it.

Source of the forms: https://docs.anthropic.com/en/api/messages-streaming and the types of `anthropic` 2.14, read on 2026-12-01.
"""

from __future__ import annotations

import json
from typing import Any

from tools.clients.vendor.reading import data, decoded, halves, objects, text_of
from tools.clients.vendor.script import Answer, Asked, Result


def read(body: dict[str, Any], path: str) -> Asked:
    messages = objects(body.get("messages"))
    users = [one.get("content") for one in messages if one.get("role") == "user"]
    blocks = [block for one in messages for block in objects(one.get("content"))]
    texts = [one if isinstance(one, str) else [b for b in objects(one) if b.get("type") == "text"] for one in users]
    thinking = body.get("thinking")
    return Asked(
        dialect="anthropic",
        text=text_of(texts),
        tools=tuple(str(one.get("name", "")) for one in objects(body.get("tools"))),
        results=tuple(
            Result(str(one.get("tool_use_id", "")), "", text_of(one.get("content")))
            for one in blocks
            if one.get("type") == "tool_result"
        ),
        signatures=tuple(decoded(one.get("signature")) for one in blocks if one.get("type") == "thinking"),
        is_streamed=body.get("stream") is True,
        thinks=isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive"),
    )


def _blocks(answer: Answer) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if answer.signature:
        blocks.append({"type": "thinking", "thinking": "I look.", "signature": answer.signature})
    blocks.append({"type": "text", "text": answer.text})
    if answer.use:
        use = answer.use
        blocks.append({"type": "tool_use", "id": use.id, "name": use.name, "input": use.arguments})
    return blocks


def _message(answer: Answer, blocks: list[dict[str, Any]], stop: str | None, output: int) -> dict[str, Any]:
    usage = {
        "input_tokens": answer.input_tokens - answer.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.cached_tokens,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "service_tier": "standard",
    }
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": blocks,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def whole(answer: Answer) -> bytes:
    stop = "tool_use" if answer.use else "end_turn"
    return json.dumps(_message(answer, _blocks(answer), stop, answer.output_tokens)).encode()


def stream(answer: Answer) -> list[bytes]:
    said: list[bytes] = []

    def tell(kind: str, **fields: Any) -> None:
        said.append(data({"type": kind, **fields}, kind))

    tell("message_start", message=_message(answer, [], None, 1))
    tell("ping")
    for index, block in enumerate(_blocks(answer)):
        begin: dict[str, Any]
        deltas: list[dict[str, Any]]
        if block["type"] == "thinking":
            begin = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        elif block["type"] == "text":
            begin = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": word} for word in answer.words]
        else:
            begin = {**block, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": half} for half in halves(block["input"])]
        tell("content_block_start", index=index, content_block=begin)
        for delta in deltas:
            tell("content_block_delta", index=index, delta=delta)
        tell("content_block_stop", index=index)
    ending = {"stop_reason": "tool_use" if answer.use else "end_turn", "stop_sequence": None}
    tell("message_delta", delta=ending, usage={"output_tokens": answer.output_tokens})
    tell("message_stop")
    return said


ERRORS = {
    429: ("This request would exceed your rate limit.", "rate_limit_error"),
    529: ("Overloaded", "overloaded_error"),
    400: ("The request is not right.", "invalid_request_error"),
    402: ("Your credit balance is too low to access the Anthropic API.", "billing_error"),
}


def error(status: int) -> tuple[int, dict[str, str], bytes]:
    message, type_ = ERRORS[status]
    shown = {"type": "error", "error": {"type": type_, "message": message}, "request_id": "req_ours"}
    return status, {"request-id": "req_ours"}, json.dumps(shown).encode()
