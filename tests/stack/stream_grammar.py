"""The grammar of a whole stream in each API in which callers ask: `said` raises where it is broken, and gives what is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from headworks.wire.sse import events_in
from tests.wire.anthropic.accumulated import accumulated
from tests.wire.openai.responses.speaking import judged


class Said(NamedTuple):
    text: str
    reasoning: str
    finish: str


def events(data: bytes) -> list[Any]:
    return [json.loads(one.data) for one in events_in(data) if one.data != b"[DONE]"]


def chat(data: bytes) -> Said:
    """One id, one finish reason, nothing behind it but the tokens, and the end mark."""
    assert data.endswith(b"data: [DONE]\n\n")
    found = events(data)
    assert len({one["id"] for one in found}) == 1
    choices = [choice for one in found for choice in one["choices"]]
    finishes = [one["finish_reason"] for one in choices if one["finish_reason"]]
    assert len(finishes) == 1
    assert choices[-1]["finish_reason"] == finishes[0]
    deltas = [one["delta"] for one in choices]
    reasoning = "".join([one.get("reasoning_content") or "" for one in deltas])
    return Said("".join([one.get("content") or "" for one in deltas]), reasoning, finishes[0])


def messages(data: bytes) -> Said:
    """One message; blocks that are opened with the type of their deltas, closed in order, and counted without a gap."""
    found = events(data)
    kinds = [one["type"] for one in found if one["type"] != "ping"]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("message_start") == kinds.count("message_delta") == kinds.count("message_stop") == 1
    open_block: tuple[int, str] | None = None
    blocks = 0
    takes = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}
    for one in found:
        if one["type"] == "content_block_start":
            assert open_block is None
            assert one["index"] == blocks
            open_block, blocks = (one["index"], one["content_block"]["type"]), blocks + 1
        elif one["type"] == "content_block_delta":
            assert open_block == (one["index"], takes[one["delta"]["type"]])
        elif one["type"] == "content_block_stop":
            assert open_block is not None
            assert one["index"] == open_block[0]
            open_block = None
    assert open_block is None
    message = accumulated(data)
    parts = message["content"]
    reasoning = "".join([one["thinking"] for one in parts if one["type"] == "thinking"])
    return Said("".join([one["text"] for one in parts if one["type"] == "text"]), reasoning, message["stop_reason"])


def responses(data: bytes) -> Said:
    """Judged by the SDK: numbers without a gap, items opened and closed, the same id from the first to the last."""
    found = judged(data)
    response = found[-1]["response"]
    assert {one["response"]["id"] for one in found if "response" in one} == {response["id"]}
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    thoughts = [part for item in response["output"] if item["type"] == "reasoning" for part in item["summary"]]
    text = "".join([part["text"] for part in parts])
    assert text == "".join([one["delta"] for one in found if one["type"] == "response.output_text.delta"])
    return Said(text, "".join([part["text"] for part in thoughts]), response["status"])


def gemini(data: bytes) -> Said:
    """Data only, one id, one finish reason, the tokens with the last event, and no end mark."""
    assert b"[DONE]" not in data
    found = events(data)
    assert len({one["responseId"] for one in found}) == 1
    candidates = [one["candidates"][0] for one in found if one.get("candidates")]
    finishes = [one["finishReason"] for one in candidates if one.get("finishReason")]
    assert len(finishes) == 1
    assert "usageMetadata" in found[-1]
    parts = [part for one in candidates for part in one.get("content", {}).get("parts", [])]
    reasoning = "".join([part.get("text", "") for part in parts if part.get("thought")])
    return Said("".join([part.get("text", "") for part in parts if not part.get("thought")]), reasoning, finishes[0])


GRAMMARS: Final[Mapping[str, Callable[[bytes], Said]]] = MappingProxyType(
    {"chat": chat, "messages": messages, "responses": responses, "gemini": gemini}
)
"""By the word of the API."""
