"""What a call needs of a model is read off its body, in every API."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.capability import Feature
from headworks.core.dialect import Dialect
from headworks.wire.anthropic.caller import MESSAGES
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.needs import HINTS, NOTHING, needs_of
from headworks.wire.openai.caller import CHAT, EMBEDDINGS
from headworks.wire.openai.responses.caller import RESPONSES

PNG, PDF = "iVBORw0KGgo=", "JVBERi0xLjQ="
FUNCTION = {"name": "look", "parameters": {"type": "object"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def chat(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, *parts]}], **fields}


def messages(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"max_tokens": 5, **chat(*parts, **fields)}


def responses(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    said = [{"type": "input_text", "text": "hi"}, *parts]
    return {"model": "m", "input": [{"role": "user", "content": said}], **fields}


def gemini(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "hi"}, *parts]}], **fields}


def source(kind: str, data: str) -> dict[str, str]:
    return {"type": "base64", "media_type": kind, "data": data}


CASES: list[tuple[Dialect, dict[str, Any], dict[Feature, str]]] = [
    (CHAT, chat(), {}),
    (CHAT, chat({"type": "image_url", "image_url": {"url": "https://a/b.png"}}), {"images": "image_url"}),
    (CHAT, chat({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}), {"audio": "input_audio"}),
    (
        CHAT,
        chat({"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}),
        {"documents": "file"},
    ),
    (CHAT, chat(tools=[{"type": "function", "function": FUNCTION}]), {"tools": "tools"}),
    (CHAT, chat(tools=[{"type": "function", "function": FUNCTION}], tool_choice="none"), {}),
    (
        CHAT,
        chat(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}),
        {"structured_output": "response_format.json_schema"},
    ),
    (CHAT, chat(response_format={"type": "json_object"}), {}),
    (CHAT, chat(reasoning_effort="low"), {"thinking": "reasoning_effort"}),
    (CHAT, chat(reasoning_effort="none"), {}),
    (MESSAGES, messages({"type": "image", "source": source("image/png", PNG)}), {"images": "image"}),
    (MESSAGES, messages({"type": "document", "source": source("application/pdf", PDF)}), {"documents": "document"}),
    (
        MESSAGES,
        messages({"type": "document", "source": {"type": "url", "url": "https://a/b.PDF?c=1"}}),
        {"documents": "document"},
    ),
    (
        MESSAGES,
        messages({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}}),
        {},
    ),
    (
        MESSAGES,
        messages(
            {
                "type": "tool_result",
                "tool_use_id": "t",
                "content": [{"type": "image", "source": source("image/png", PNG)}],
            }
        ),
        {"images": "image"},
    ),
    (MESSAGES, messages(tools=[{"name": "look", "input_schema": {"type": "object"}}]), {"tools": "tools"}),
    (MESSAGES, messages(tools=[{"type": "web_search_20250305", "name": "web_search"}]), {}),
    (
        MESSAGES,
        messages(thinking={"type": "enabled", "budget_tokens": 2048}),
        {"thinking": "thinking.budget_tokens"},
    ),
    (MESSAGES, messages(thinking={"type": "adaptive"}), {"thinking": "thinking.type"}),
    (MESSAGES, messages(thinking={"type": "disabled"}), {}),
    (RESPONSES, responses({"type": "input_image", "image_url": "https://a/b.png"}), {"images": "input_image"}),
    (RESPONSES, responses(tools=[{"type": "function", **FUNCTION}]), {"tools": "tools"}),
    (
        RESPONSES,
        responses(text={"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}),
        {"structured_output": "text.format"},
    ),
    (RESPONSES, responses(reasoning={"summary": "auto"}), {}),
    (RESPONSES, responses(reasoning={"effort": "high"}), {"thinking": "reasoning.effort"}),
    (GENERATE, gemini({"inlineData": {"mimeType": "image/png", "data": PNG}}), {"images": "inlineData"}),
    (GENERATE, gemini({"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}), {"audio": "inlineData"}),
    (GENERATE, gemini({"inlineData": {"mimeType": "application/pdf", "data": PDF}}), {"documents": "inlineData"}),
    (GENERATE, gemini(tools=[{"functionDeclarations": [{"name": "look"}]}]), {"tools": "functionDeclarations"}),
    (
        GENERATE,
        gemini(generationConfig={"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}}),
        {"structured_output": "generationConfig.responseJsonSchema"},
    ),
    (
        GENERATE,
        gemini(generationConfig={"thinkingConfig": {"thinkingBudget": 100}}),
        {"thinking": "thinkingConfig.thinkingBudget"},
    ),
]


def asked(dialect: Dialect, body: dict[str, Any] | bytes, **fields: Any) -> Call:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Call(id="1", alias="m", body=data, dialect=dialect, **fields)


@pytest.mark.parametrize(("dialect", "body", "features"), CASES)
def test_each_feature_is_told_by_the_field_that_asks_for_it(
    dialect: Dialect, body: dict[str, Any], features: dict[Feature, str]
) -> None:
    needs = needs_of(asked(dialect, body))
    assert set(needs.features) == set(features)
    for feature, field in features.items():
        assert field.rpartition(".")[2] in needs.features[feature]
    assert needs.dialect == dialect.name


@pytest.mark.parametrize(("dialect", "body", "features"), CASES)
def test_a_body_that_asks_for_a_feature_holds_one_of_its_hints(
    dialect: Dialect, body: dict[str, Any], features: dict[Feature, str]
) -> None:
    data = msgspec.json.encode(body)
    assert all(any(hint in data for hint in HINTS[dialect.name][feature]) for feature in features)


def test_a_document_of_another_kind_or_at_a_vendor_needs_nothing() -> None:
    stored = asked(CHAT, chat({"type": "file", "file": {"file_id": "file-1"}}))
    plain = asked(MESSAGES, messages({"type": "document", "source": {"type": "url", "url": "https://a/pdf"}}))
    assert not needs_of(stored).features
    assert not needs_of(plain).features


def test_the_bound_is_the_callers_else_the_systems() -> None:
    assert needs_of(asked(CHAT, chat(), max_output=7, bound=9)).max_output == 7
    assert needs_of(asked(CHAT, chat(), bound=9)).max_output == 9
    needs = needs_of(asked(MESSAGES, messages(), max_output=5))
    assert (needs.max_output, needs.bound_name) == (5, "max_tokens")


def test_text_is_counted_in_bytes_also_where_tools_said_it() -> None:
    said = [
        {"role": "system", "content": "é"},
        {"role": "user", "content": "abc"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "t", "content": "four"},
    ]
    assert needs_of(asked(CHAT, {"model": "m", "messages": said})).text == 2 + 3 + 2 + 4


@pytest.mark.parametrize(
    ("beta", "bound", "text"), [(b"output-128k-2025-02-19", 0, 2), (b"context-1m-2025-08-07", 9, 0)]
)
def test_a_beta_that_raises_a_bound_makes_it_unknown(beta: bytes, bound: int, text: int) -> None:
    needs = needs_of(asked(MESSAGES, messages(), max_output=9, forwarded=((b"anthropic-beta", beta),)))
    assert (needs.max_output, needs.text) == (bound, text)


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (EMBEDDINGS, b'{"model":"m","input":"image"}'),
        (CHAT, b'{"model":"m","messages":7,"image":1}'),
        (CHAT, b"no JSON with an image"),
        (CHAT, b"[" * 100_000 + b'"image"'),
    ],
)
def test_what_cannot_be_read_as_a_chat_needs_nothing(dialect: Dialect, body: bytes) -> None:
    assert needs_of(asked(dialect, body)) == NOTHING
