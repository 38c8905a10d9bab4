"""A vendor's chat stream as pieces: which part each belongs to, whatever the vendor's habits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core import reply
from headworks.wire import hub
from headworks.wire.openai.translation.calls import LEGACY
from headworks.wire.openai.translation.decoder import ChatPieces


def pieces(*deltas: Any, **fields: Any) -> list[hub.Piece]:
    """What these deltas of one choice say, without the choice's own beginning."""
    vendor = ChatPieces()
    found: list[hub.Piece] = []
    for delta in deltas:
        said = {"id": "", "choices": [{"index": 0, "delta": delta, **fields}]}
        found.extend(vendor.feed(b"data: %b\n\n" % json.dumps(said).encode()))
    assert found.pop(0) == hub.ChoiceStarted()
    return [*found, *vendor.end()]


def call(**fields: Any) -> Any:
    return {"tool_calls": [fields]}


def calls_in(*deltas: Any) -> list[tuple[int, str, str, str]]:
    found = [piece for piece in pieces(*deltas) if isinstance(piece, hub.ToolCallDelta)]
    return [(one.part, one.id, one.name, one.arguments) for one in found]


def test_text_behind_thinking_or_a_call_is_a_new_part() -> None:
    function = {"name": "f", "arguments": "{}"}
    found = pieces(
        {"reasoning_content": "T"},
        {"reasoning_content": "t"},
        {"content": "a"},
        {"content": "b"},
        call(index=0, id="x", function=function),
        {"content": "c"},
        {"refusal": "no"},
    )
    assert [(type(one).__name__, one.part) for one in found if not isinstance(one, hub.ChoiceStarted)] == [
        ("ThinkingDelta", 0),
        ("ThinkingDelta", 0),
        ("TextDelta", 1),
        ("TextDelta", 1),
        ("ToolCallDelta", 2),
        ("TextDelta", 3),
        ("RefusalDelta", 4),
    ]


def test_an_id_and_a_name_are_told_once_however_often_they_are_said() -> None:
    f = {"name": "f", "arguments": "{"}
    assert calls_in(
        call(index=0, id="x", function=f), call(index=0, id="x", function={"name": "f", "arguments": "}"})
    ) == [
        (0, "x", "f", "{"),
        (0, "", "", "}"),
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"index": 0, "id": "x"}, {"index": 0, "id": "y"}),  # Gemini's compatible API calls every index 0
        ({"id": "x"}, {"id": "y"}),
        ({}, {}),
        ({"index": None, "id": None}, {"index": None, "id": None}),
    ],
)
def test_two_whole_calls_are_two_whatever_tells_them_apart(first: dict[str, Any], second: dict[str, Any]) -> None:
    function = {"name": "f", "arguments": "{}"}
    x, y = first.get("id") or "", second.get("id") or ""
    assert calls_in(call(**first, function=function), call(**second, function=function)) == [
        (0, x, "f", "{}"),
        (1, y, "f", "{}"),
    ]


def test_a_call_without_an_index_grows_by_what_follows() -> None:
    assert calls_in(call(id="x", function={"name": "f"}), call(function={"arguments": "{}"})) == [
        (0, "x", "f", ""),
        (0, "", "", "{}"),
    ]


def test_arguments_that_are_an_object_become_their_text() -> None:
    [(_, _, _, arguments)] = calls_in(call(index=0, id="x", function={"name": "f", "arguments": {"a": [1]}}))
    assert arguments == '{"a":[1]}'


def test_the_deprecated_call_has_no_id() -> None:
    [found] = pieces({"function_call": {"name": "f", "arguments": "{}"}})
    assert found == hub.ToolCallDelta(name="f", arguments="{}", extra=LEGACY)


def test_blocks_of_reasoning_are_parts_of_their_own() -> None:
    def detail(index: int, **fields: Any) -> Any:
        return {"reasoning_details": [{"index": index, "format": "anthropic-claude-v1", **fields}]}

    found = pieces(
        detail(0, type="reasoning.text", text="a"),
        detail(0, type="reasoning.text", signature="s"),
        detail(1, type="reasoning.encrypted", data="ZA=="),
    )
    assert [
        (one.part, one.text, one.signature, one.redacted, one.origin)
        for one in found
        if isinstance(one, hub.ThinkingDelta)
    ] == [
        (0, "a", "", "", hub.MESSAGES),
        (0, "", "s", "", hub.MESSAGES),
        (1, "", "", "ZA==", hub.MESSAGES),
    ]


def test_tokens_are_told_by_class_with_the_vendors_own_count_beside() -> None:
    said = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2}, "cost": 1}
    [counted] = ChatPieces().feed(b'data: {"choices":[],"usage":%b}\n\n' % json.dumps(said).encode())
    usage = hub.Usage(tokens=reply.Usage(input=7, cached_input=2, output=4), extra={hub.CHAT: said})
    assert counted == hub.Counted(usage=usage)


@pytest.mark.parametrize(
    "event",
    [
        b'{"choices":[{"index":0,"delta":{},"usage":{"prompt_tokens":3,"completion_tokens":2}}]}',  # Moonshot
        b'{"choices":[],"id":"c","x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":2}}}',
    ],
)
def test_tokens_are_found_where_the_vendor_says_them(event: bytes) -> None:
    last = ChatPieces().feed(b"data: %b\n\n" % event)[-1]
    assert isinstance(last, hub.Counted)
    assert last.usage.tokens == reply.Usage(input=3, output=2)


def test_what_every_event_says_again_is_told_when_it_changes() -> None:
    vendor = ChatPieces()
    event = b'data: {"id":"%b","created":%d,"model":"%b","system_fingerprint":null,"provider":"p","choices":[]}\n\n'
    assert vendor.feed(event % (b"", 0, b"")) == [hub.Started(extra={hub.CHAT: {"provider": "p"}})]
    assert vendor.feed(event % (b"c", 5, b"m")) == [hub.Started(id="c", created=5, model="m")]
    assert vendor.feed(event % (b"d", 6, b"m")) == []
    assert vendor.feed(event % (b"c", 5, b"n")) == [hub.Started(model="n")]
    assert vendor.feed(b"data: [DONE]\n\n") == vendor.end() == []


def test_an_event_that_is_no_piece_of_an_answer_is_kept_as_it_is() -> None:
    assert ChatPieces().feed(b': hm\n\nevent: note\ndata: {"type":"ping"}\n\n') == [
        hub.OnlyEvent(dialect=hub.CHAT, value={"type": "ping"}, name="note")
    ]
