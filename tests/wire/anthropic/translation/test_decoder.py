"""A vendor's message as pieces, and what cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.errors import Garbled
from headworks.core.reply import Usage
from headworks.wire import hub
from headworks.wire.anthropic.translation.answer_reader import answer_of
from headworks.wire.anthropic.translation.decoder import MessagesPieces
from headworks.wire.hub.values import MESSAGES
from tests.wire.anthropic.test_decoder import END, OPEN, START, STREAMS, WORD, event

TOKENS = Usage(input=7, output=3)


def pieces_of(*events: bytes) -> list[hub.Piece]:
    decoder = MessagesPieces()
    return [piece for one in events for piece in decoder.feed(one)] + decoder.end()


@pytest.mark.parametrize("name", STREAMS)
def test_the_pieces_are_the_same_however_events_come_together(name: str) -> None:
    stream = STREAMS[name].partition(b"event: error")[0]
    events = [one + b"\n\n" for one in stream.split(b"\n\n") if one]
    assert pieces_of(*events) == pieces_of(stream)


def test_tools_thinking_and_a_vendors_own_are_told_by_part() -> None:
    calls = [piece for piece in pieces_of(STREAMS["tools"]) if isinstance(piece, hub.ToolCallDelta)]
    assert [(one.part, one.id, one.name, one.arguments) for one in calls] == [
        (1, "toolu_01", "get_weather", ""),
        (1, "", "", '{"loc'),
        (1, "", "", 'ation": "Pa'),
        (1, "", "", 'ris"}'),
        (2, "toolu_02", "get_time", ""),
        (2, "", "", "{}"),  # nothing came: it has no arguments
    ]
    assert calls[4].extra == {MESSAGES: {"caller": {"type": "direct"}}}
    thoughts = [piece for piece in pieces_of(STREAMS["thinking"]) if isinstance(piece, (hub.ThinkingDelta, hub.Whole))]
    assert [getattr(one, "text", "") for one in thoughts] == ["Lorem ", "dolor", "", ""]
    last = thoughts[-1]
    assert isinstance(last, hub.Whole)
    assert last.value == hub.Thinking(origin=MESSAGES, redacted="EmwKAhgB")
    searched = pieces_of(STREAMS["web_search"])
    own = [piece.value for piece in searched if isinstance(piece, hub.Whole)]
    assert [one.value["type"] for one in own if isinstance(one, hub.Only)] == [
        "server_tool_use",
        "web_search_tool_result",
    ]
    assert isinstance(own[0], hub.Only)
    assert own[0].value["input"] == {"query": "lorem"}
    [cited] = [piece for piece in searched if isinstance(piece, hub.CitationDelta)]
    assert (cited.part, cited.citation.url) == (3, "https://example.com/a")


def test_what_a_block_says_when_it_is_opened_is_said() -> None:
    text = event("content_block_start", index=0, content_block={"type": "text", "text": "Hi", "citations": [{}]})
    thinking = event(
        "content_block_start", index=1, content_block={"type": "thinking", "thinking": "hm", "signature": "s"}
    )
    call = event(
        "content_block_start", index=2, content_block={"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
    )
    answer = event(
        "content_block_start",
        index=3,
        content_block={"type": "tool_use", "id": "t", "name": "headworks_answer", "input": {"a": 1}},
    )
    found = pieces_of(START, text, thinking, call, event("content_block_stop", index=2), answer)
    assert [type(piece).__name__ for piece in found[2:]] == [
        *("TextDelta", "CitationDelta", "ThinkingDelta", "ToolCallDelta", "TextDelta")
    ]


def test_the_call_that_is_the_answer_grows_as_text() -> None:
    opened = event(
        "content_block_start",
        index=0,
        content_block={"type": "tool_use", "id": "t", "name": "headworks_answer", "input": {}},
    )
    grown = event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": '{"a":1}'})
    ending = event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 3})
    found = pieces_of(START, opened, grown, event("content_block_stop", index=0), ending)
    assert [piece.text for piece in found if isinstance(piece, hub.TextDelta)] == ['{"a":1}']
    assert [piece.finish.reason for piece in found if isinstance(piece, hub.Finished)] == ["stop"]


def test_what_is_odd_says_nothing_and_what_is_new_is_kept() -> None:
    found = pieces_of(
        event("message_start", message=5),
        event("content_block_start", index=0, content_block=5),
        event("content_block_delta", index=7, delta={}),
        event("content_block_delta", index=0, delta=5),
        event("content_block_stop", index=7),
        event("content_block_stop", index=0),
        OPEN,
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "novel_delta"}),
        event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": ""}),
        event("message_delta", delta=5),
        event("message_delta", delta={}, usage=5),
        b"data: [DONE]\n\n",
        event("ping"),
        event("novel", x=1),
    )
    assert found == [
        hub.Started(),
        hub.ChoiceStarted(),
        hub.Whole(value=hub.Only(dialect=MESSAGES, value={}), part=0),
        hub.OnlyEvent(dialect=MESSAGES, value={"type": "novel", "x": 1}, name="novel"),
    ]


@pytest.mark.parametrize(
    "events",
    [
        (b"data: {\n\n",),
        (b"data: []\n\n",),
        (b"data: " + b"[" * 3000 + b"\n\n",),
        (
            event("content_block_start", index=0, content_block={"type": "novel"}),
            event("content_block_delta", index=0, delta={"type": "novel_delta"}),
        ),
    ],
)
def test_what_cannot_be_read_is_garbled(events: tuple[bytes, ...]) -> None:
    with pytest.raises(Garbled):
        pieces_of(START, *events)


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b"[" * 3000])
def test_what_is_no_answer_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled):
        answer_of(body)


def test_an_answer_keeps_what_is_not_known() -> None:
    said: dict[str, Any] = {
        "id": 5,
        "novel": 1,
        "nothing": None,
        "content": [
            "odd",
            {"type": "tool_result", "tool_use_id": "t"},
            {"type": "thinking", "thinking": "", "signature": "hw1.x"},
        ],
        "stop_reason": None,
        "usage": 5,
    }
    answer = answer_of(json.dumps(said).encode())
    assert [type(part).__name__ for part in answer.choices[0].parts] == ["Only", "Only", "Thinking"]
    assert answer.choices[0].finish is None
    assert answer.extra == {MESSAGES: {"id": 5, "novel": 1, "usage": 5}}
    assert pieces_of(START, OPEN, WORD, END)[-1] == hub.Counted(
        usage=hub.Usage(tokens=TOKENS, extra={MESSAGES: {"input_tokens": 7, "output_tokens": 3}})
    )
