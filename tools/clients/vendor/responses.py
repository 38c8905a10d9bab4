"""OpenAI's Responses as our vendor speaks it.

Source of the forms: https://platform.openai.com/docs/api-reference/responses-streaming and the types of `openai` 3.57, read on
2026-12-01.
"""

from __future__ import annotations

import json
from typing import Any

from tools.clients.vendor.chat import error
from tools.clients.vendor.reading import data, decoded, halves, objects, text_of
from tools.clients.vendor.script import Answer, Asked, Result

__all__ = ["error", "read", "stream", "whole"]

OUTPUTS = ("function_call_output", "custom_tool_call_output")


def read(body: dict[str, Any], path: str) -> Asked:
    items = objects(body.get("input"))
    told: Any = body.get("input") if isinstance(body.get("input"), str) else ""
    said = [one.get("content") for one in items if one.get("role") == "user"]
    return Asked(
        dialect="responses",
        text=text_of([told, *said]),
        tools=tuple(str(one.get("name", one.get("type", ""))) for one in objects(body.get("tools"))),
        results=tuple(
            Result(str(one.get("call_id", "")), "", text_of(one.get("output")))
            for one in items
            if one.get("type") in OUTPUTS
        ),
        signatures=tuple(decoded(one.get("encrypted_content")) for one in items if one.get("type") == "reasoning"),
        is_streamed=body.get("stream") is True,
        lost=sum(one.get("type") == "item_reference" for one in items) if body.get("store") is False else 0,
        thinks="reasoning.encrypted_content" in (body.get("include") or ()),
    )


def _items(answer: Answer) -> list[dict[str, Any]]:
    """The items of the answer, each as it is when it is done."""
    items: list[dict[str, Any]] = []
    if answer.signature:
        summary: list[Any] = []
        items.append(
            {"id": f"rs_{answer.id}", "type": "reasoning", "summary": summary, "encrypted_content": answer.signature}
        )
    part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
    items.append(
        {"id": f"msg_{answer.id}", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    )
    if answer.use:
        called = {"call_id": answer.use.id, "name": answer.use.name, "arguments": json.dumps(answer.use.arguments)}
        items.append({"id": f"fc_{answer.id}", "type": "function_call", "status": "completed", **called})
    return items


def _response(answer: Answer, status: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    usage = {
        "input_tokens": answer.input_tokens,
        "input_tokens_details": {"cached_tokens": answer.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": 1_796_000_000,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": answer.model,
        "output": items,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage if status == "completed" else None,
    }


def whole(answer: Answer) -> bytes:
    return json.dumps(_response(answer, "completed", _items(answer))).encode()


def stream(answer: Answer) -> list[bytes]:
    said: list[bytes] = []

    def tell(kind: str, **fields: Any) -> None:
        said.append(data({"type": kind, "sequence_number": len(said), **fields}, kind))

    tell("response.created", response=_response(answer, "in_progress", []))
    tell("response.in_progress", response=_response(answer, "in_progress", []))
    items = _items(answer)
    for index, item in enumerate(items):
        place = {"item_id": item["id"], "output_index": index}
        if item["type"] == "reasoning":
            tell("response.output_item.added", output_index=index, item={**item, "encrypted_content": ""})
        elif item["type"] == "message":
            part = item["content"][0]
            tell(
                "response.output_item.added", output_index=index, item={**item, "status": "in_progress", "content": []}
            )
            tell("response.content_part.added", **place, content_index=0, part={**part, "text": ""})
            for word in answer.words:
                tell("response.output_text.delta", **place, content_index=0, delta=word, logprobs=[])
            tell("response.output_text.done", **place, content_index=0, text=part["text"], logprobs=[])
            tell("response.content_part.done", **place, content_index=0, part=part)
        elif answer.use:
            tell(
                "response.output_item.added",
                output_index=index,
                item={**item, "status": "in_progress", "arguments": ""},
            )
            for half in halves(answer.use.arguments):
                tell("response.function_call_arguments.delta", **place, delta=half)
            arguments = item["arguments"]
            tell("response.function_call_arguments.done", **place, arguments=arguments)
        tell("response.output_item.done", output_index=index, item=item)
    tell("response.completed", response=_response(answer, "completed", items))
    return said
