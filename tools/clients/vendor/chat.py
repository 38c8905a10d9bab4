"""OpenAI's Chat Completions, also Azure's, as our vendor speaks it.

Source of the forms: https://platform.openai.com/docs/api-reference/chat and the types of `openai` 3.57, read on 2026-12-01.
"""

from __future__ import annotations

import json
from typing import Any

from tools.clients.vendor.reading import data, halves, objects, text_of
from tools.clients.vendor.script import Answer, Asked, Result


def read(body: dict[str, Any], path: str) -> Asked:
    messages = objects(body.get("messages"))
    return Asked(
        dialect="chat",
        text=text_of([one.get("content") for one in messages if one.get("role") == "user"]),
        tools=tuple(str(one.get("function", {}).get("name", "")) for one in objects(body.get("tools"))),
        results=tuple(
            Result(str(one.get("tool_call_id", "")), "", text_of(one.get("content")))
            for one in messages
            if one.get("role") == "tool"
        ),
        is_streamed=body.get("stream") is True,
    )


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens},
    }


def whole(answer: Answer) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.use:
        function = {"name": answer.use.name, "arguments": json.dumps(answer.use.arguments)}
        message["tool_calls"] = [{"id": answer.use.id, "type": "function", "function": function}]
    finish = "tool_calls" if answer.use else "stop"
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    made = {"id": f"chatcmpl-{answer.id}", "object": "chat.completion", "created": 1_796_000_000, "model": answer.model}
    return json.dumps({**made, "choices": [choice], "usage": _usage(answer)}).encode()


def stream(answer: Answer) -> list[bytes]:
    made = {
        "id": f"chatcmpl-{answer.id}",
        "object": "chat.completion.chunk",
        "created": 1_796_000_000,
        "model": answer.model,
    }

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        return data({**made, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    said = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": word}) for word in answer.words)]
    if answer.use:
        first, second = halves(answer.use.arguments)
        begin = {"id": answer.use.id, "type": "function", "function": {"name": answer.use.name, "arguments": ""}}
        said.append(chunk({"tool_calls": [{"index": 0, **begin}]}))
        said += [chunk({"tool_calls": [{"index": 0, "function": {"arguments": one}}]}) for one in (first, second)]
    said.append(chunk({}, "tool_calls" if answer.use else "stop"))
    return [*said, data({**made, "choices": [], "usage": _usage(answer)}), b"data: [DONE]\n\n"]


ERRORS = {
    429: ("Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
    529: ("The engine is overloaded.", "server_error", "overloaded"),
    400: ("The request is not right.", "invalid_request_error", None),
    402: ("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota"),
}  # fmt: skip


def error(status: int) -> tuple[int, dict[str, str], bytes]:
    message, type_, code = ERRORS[status]
    shown = {"message": message, "type": type_, "param": None, "code": code}
    return (429 if status == 402 else status), {}, json.dumps({"error": shown}).encode()
