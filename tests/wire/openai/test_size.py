"""How much content came, by what is written: text, reasoning, tool calls."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.wire.openai.answer import Delta, decoded
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.chat import ChatDecoder
from headworks.wire.openai.size import bytes_of, content_size, rest_size


def delta(said: Any) -> Delta:
    [choice] = decoded(msgspec.json.encode({"choices": [{"delta": said}]})).choices or []
    assert choice.delta is not None
    return choice.delta


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ({"content": "Hello"}, 5),
        ({"content": "wörld"}, 6),
        ({"refusal": "nö"}, 3),
        ({"reasoning": "think", "reasoning_content": "think"}, 5),
        ({"reasoning": "thinking", "content": "x"}, 9),
        ({"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "f", "arguments": '{"a":1}'}}]}, 8),
        ({"tool_calls": [{"index": 0, "custom": {"name": "sql", "input": "select 1"}}]}, 11),
        ({"tool_calls": [{"index": 0}, {"index": 1, "function": {"arguments": None}}]}, 4),
        ({"tool_calls": [7]}, 4),
        ({"tool_calls": [{"function": {"arguments": {"a": 1}}}]}, 4),
        ({"function_call": {"name": "f", "arguments": "ab"}}, 3),
        ({"audio": {"data": "A" * 64_000}}, 4),
        ({"role": "assistant", "content": ""}, 0),
        ({"content": [{"type": "text", "text": "So"}]}, 2),
        ({"content": [{"type": "thinking", "thinking": "..."}]}, 4),
        ({"images": [{"image_url": {"url": "data:" + "A" * 9000}}]}, 4),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "think"}, {"summary": "so"}, {"data": "x"}, 7]}, 15),
        ({"reasoning_details": [{"text": "think"}], "reasoning": "think"}, 5),
        ({"video": {"data": "A" * 9000}}, 4),
    ],
)
def test_content_counts_by_what_is_written(said: Any, size: int) -> None:
    piece = delta(said)
    assert bytes_of(piece.content or "") + rest_size(piece) == size


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ({"content": "wörld"}, 6),
        ({"content": None, "refusal": "no"}, 2),
        ({"content": "x", "reasoning": "think"}, 6),
        ({"content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}, 3),
        ({"content": None, "function_call": {"name": "f", "arguments": "ab"}}, 3),
        ({"content": "", "images": [{"image_url": {"url": "data:" + "A" * 9000}}]}, 4),
        ({"content": None, "audio": {"data": "A" * 9000}}, 4),
    ],
)
def test_a_whole_message_counts_in_the_same_way(said: Any, size: int) -> None:
    [choice] = decoded(msgspec.json.encode({"choices": [{"message": said}]})).choices or []
    assert choice.message is not None
    assert content_size(choice.message) == size


def test_a_stream_knows_what_came_and_what_came_after_it_was_counted() -> None:
    decoder = ChatDecoder(Call(id="r", alias="a", body=b'{"messages":[1]}', dialect=CHAT, streamed=True))
    usage = ',"usage":{"prompt_tokens":3,"completion_tokens":1}'
    steps = [
        ('"choices":[{"index":0,"delta":{"content":"ab"}}]', 2, 2),
        ('"choices":[{"index":0,"delta":{"content":"cd"}}]' + usage, 4, 0),
        ('"choices":[{"index":0,"delta":{"reasoning":"e"}},{"index":1,"delta":{"content":"f"}}]', 6, 2),
        ('"choices":[]' + usage, 6, 0),
        ('"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]', 6, 0),
        ('"choices":[],"usage":{}', 6, 0),
    ]
    for event, received, uncounted in steps:
        decoder.feed(b"data: {" + event.encode() + b"}\n\n")
        assert (decoder.received, decoder.uncounted) == (received, uncounted)
