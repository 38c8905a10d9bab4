"""A caller's body: what policies need of it, and what no vendor takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.dialect import Weight
from headworks.core.errors import Malformed
from headworks.wire.anthropic.caller import MESSAGES
from headworks.wire.anthropic.count_tokens import COUNT, MOST_COMMAS, estimate
from headworks.wire.anthropic.ordinary import DENSE as ORDINARY
from headworks.wire.anthropic.request import MOST_OBJECTS
from headworks.wire.anthropic.weight import DENSE

HELLO = {"role": "user", "content": "Hello"}


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "a", "max_tokens": 9, "messages": [HELLO], **fields}).encode()


def test_what_a_caller_asks() -> None:
    asked = MESSAGES.read(body(stream=True, metadata={"user_id": "ann"}))
    assert (asked.model, asked.streamed, asked.include_usage) == ("a", True, True)
    assert (asked.max_output, asked.user) == (9, "ann")
    assert MESSAGES.read(b'{"model":"a","messages":[{"role":"user"}]}').max_output is None
    assert MESSAGES.read(body(metadata={"user_id": 5})).user is None
    assert COUNT.read(body(), "/v1/messages/count_tokens").model == "a"
    assert MESSAGES.read(b'{"model":"prompt/p","messages":null}').model == "prompt/p"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 5}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [HELLO, {"role": 5}]}, "messages[1].role"),
        ({"messages": [HELLO, 5]}, "messages[1]"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"system": {"text": "x"}}, "system"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"thinking": True}, "thinking"),
    ],
)
def test_what_no_vendor_takes_is_refused_with_the_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Malformed) as caught:
        MESSAGES.read(body(**fields))
    assert caught.value.param == param


def test_a_list_of_very_many_messages_is_left_to_the_vendor() -> None:
    many = b'{"model":"a","messages":[' + b",".join([b"{}"] * (MOST_OBJECTS + 1)) + b"]}"
    assert MESSAGES.read(many).model == "a"


# Budgets


def picture() -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}}


def content(*blocks: Any) -> list[Any]:
    return [{"role": "user", "content": list(blocks)}]


@pytest.mark.parametrize(
    ("fields", "weight"),
    [
        ({}, Weight()),
        ({"messages": content({"type": "text", "text": "x"}, picture(), picture())}, Weight(pictures=(0, 2))),
        ({"messages": content({"type": "tool_result", "content": [picture()]})}, Weight(pictures=(0, 1))),
        ({"messages": content({"type": "tool_result", "content": "x"})}, Weight()),
        ({"messages": content({"type": "tool_result", "content": [{"type": "novel"}]})}, Weight(unbounded="novel")),
        ({"messages": content({"type": "document", "source": {"type": "text", "data": "x"}})}, Weight()),
        (
            {"messages": content({"type": "document", "source": {"type": "content", "content": [picture()]}})},
            Weight(pictures=(0, 1)),
        ),
        (
            {"messages": content({"type": "document", "source": {"type": "base64", "data": "x"}})},
            Weight(unbounded="document"),
        ),
        ({"messages": content({"type": "container_upload"})}, Weight(unbounded="container_upload")),
        ({"messages": content(5)}, Weight(unbounded="messages")),
        ({"messages": [5]}, Weight()),
        ({"messages": 5}, Weight(unbounded="messages")),
        ({"tools": [{"name": "f"}, {"type": "custom", "name": "g"}, {"type": "bash_20250124"}]}, Weight()),
        ({"tools": [{"type": "web_search_20250305"}]}, Weight(unbounded="tools")),
        ({"tools": [5]}, Weight(unbounded="tools")),
        ({"mcp_servers": [{}]}, Weight(unbounded="mcp_servers")),
        ({"container": "c"}, Weight(unbounded="container")),
        ({"context_management": {"edits": [{"type": "clear_thinking_20251015"}, 5]}}, Weight()),
        ({"context_management": {"edits": [{"type": "compact_20260112"}]}}, Weight(unbounded="context_management")),
    ],
)
def test_what_a_body_weighs(fields: dict[str, Any], weight: Weight) -> None:
    assert MESSAGES.weigh(body(**fields)) == weight
    assert COUNT.weigh(body(**fields)) == Weight()


def test_what_cannot_be_read_is_unbounded() -> None:
    for unread in (
        b"[",
        b"[]",
        b"[" * 3000,
        b'{"messages":[' + b"{}," * DENSE + b"{}]}",
        b'{"messages":[' + b"1," * DENSE + b"1]}",
    ):
        assert MESSAGES.weigh(unread).unbounded == "messages"


# Equal questions, ordinary calls


def test_a_question_is_the_same_whoever_asks_and_however_it_is_delivered() -> None:
    plain = MESSAGES.question(body())
    assert plain is not None
    same = body(stream=True, metadata={"user_id": "ann"}, service_tier="auto", max_tokens=9.0)
    assert MESSAGES.question(same) == plain
    assert MESSAGES.question(body(model="b")) == plain
    assert MESSAGES.question(body(system="x")) != plain
    assert MESSAGES.question(body(tools=[{"name": "f"}], temperature=0)) is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0.5},
        {"container": "c"},
        {"mcp_servers": [{}]},
        {"tools": [{"type": "web_search_20250305"}]},
    ],
)
def test_an_answer_that_depends_on_chance_or_on_the_world_is_nobody_elses(fields: dict[str, Any]) -> None:
    assert MESSAGES.question(body(**fields)) is None


@pytest.mark.parametrize(
    ("fields", "is_ordinary"),
    [
        ({}, True),
        ({"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}, True),
        ({"messages": content({"type": "text", "text": "x"})}, True),
        ({"messages": content(picture())}, False),
        ({"messages": [{"role": "system", "content": "x"}]}, False),
        ({"messages": [5]}, False),
        ({"messages": 5}, False),
        ({"tools": []}, False),
        ({"system": 5}, False),
    ],
)
def test_an_ordinary_call_is_one_of_text(fields: dict[str, Any], is_ordinary: bool) -> None:
    assert MESSAGES.is_ordinary(body(**fields), [(b"anthropic-version", b"2023-06-01")]) == is_ordinary
    assert not MESSAGES.is_ordinary(body(**fields), [(b"anthropic-beta", b"x")])


def test_a_body_that_cannot_be_read_is_not_ordinary() -> None:
    for unread in (b"[", b"[]", b"[" * (ORDINARY + 1)):
        assert not MESSAGES.is_ordinary(unread, [])


# Counting


def test_of_a_body_with_too_many_values_the_length_alone_is_counted() -> None:
    many = body(messages=[""] * (MOST_COMMAS + 2))
    assert estimate(many) == -(-len(many) // 4)


def test_an_estimate_counts_what_a_model_reads_and_no_base64() -> None:
    assert estimate(body()) == 2  # five bytes
    assert estimate(body(system=[{"type": "text", "text": "x" * 400}])) == 102
    assert estimate(body(messages=content(picture()))) == 1600
    pdf = {"type": "document", "source": {"type": "base64", "data": "A" * 200_000}}
    assert estimate(body(messages=content(pdf))) == 6000
    plain = {"type": "document", "source": {"type": "text", "data": "x" * 400}}
    assert estimate(body(messages=content(plain))) == 100
    parts = {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "x" * 40}]}}
    assert estimate(body(messages=content(parts, 5, {"type": "text", "text": None}))) == 10
    assert estimate(body(tools=[{"name": "f", "input_schema": {}}])) > estimate(body())
    assert estimate(b"[]") == 1
    assert estimate(b"{" + b"x" * 7) == 2
    assert estimate(b"[" * 70_000) == 17_500
    assert json.loads(COUNT.estimated(body())) == {"input_tokens": 2}
