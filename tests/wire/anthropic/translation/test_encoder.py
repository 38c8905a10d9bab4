"""Answers of other vendors as a message: blocks one after another, calls side by side, and what another vendor wants back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core import reply
from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.anthropic.translation.answer_reader import answer_of
from headworks.wire.anthropic.translation.encoder import MessagesEvents
from headworks.wire.anthropic.translation.question_reader import question_of
from headworks.wire.anthropic.translation.question_writer import body_of
from headworks.wire.hub.values import CHAT, GENERATE, MESSAGES, RESPONSES
from headworks.wire.sse import events_in
from tests.wire.anthropic.accumulated import accumulated

USED = hub.Usage(
    tokens=reply.Usage(input=10, cached_input=5, cache_write=2, cache_write_1h=1, output=4, reasoning=2, audio_input=1)
)
COUNTS = {
    "input_tokens": 11,
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": 5,
    "output_tokens": 6,
}
DONE = hub.Finished(finish=hub.Finish(reason="stop"))


def streamed(*pieces: hub.Piece, step: int = 1) -> dict[str, Any]:
    """The message that the SDK makes of what is written for these pieces."""
    return accumulated(written(*pieces, step=step))


def written(*pieces: hub.Piece, step: int = 1) -> bytes:
    encoder = MessagesEvents(id="msg_r", model="alias")
    return b"".join([encoder.feed(pieces[at : at + step]) for at in range(0, len(pieces), step)]) + encoder.end()


def whole(*parts: hub.Part, **fields: Any) -> dict[str, Any]:
    choice = hub.Choice(parts=parts, **fields)
    made: dict[str, Any] = json.loads(MessagesEvents(id="msg_r", model="alias").whole(hub.Answer(choices=(choice,))))
    return made


def sent_back(content: list[Any]) -> tuple[hub.Part, ...]:
    """What a client's next question has of an answer."""
    body = {"model": "m", "messages": [{"role": "assistant", "content": content}]}
    return question_of(json.dumps(body).encode()).turns[0].parts


def test_every_event_is_of_the_sdks_types_and_adds_up() -> None:
    pieces: list[hub.Piece] = [
        hub.Started(id="chatcmpl-1", model="gpt", usage=None),
        hub.ChoiceStarted(),
        hub.ThinkingDelta(origin=CHAT, text="I th"),
        hub.ThinkingDelta(origin=CHAT, text="ink"),
        hub.TextDelta(text="It ", part=1),
        hub.TextDelta(text="is.", part=1),
        hub.CitationDelta(citation=hub.Citation(url="https://x.example", title="t"), part=1),
        hub.CitationDelta(citation=hub.Citation(title="of a document"), part=1),
        hub.LikelyDelta(likely=()),
        hub.ToolCallDelta(part=2, id="call_1", name="f"),
        hub.ToolCallDelta(part=2, arguments='{"a":1}'),
        hub.TextDelta(text="other", choice=1),
        hub.Finished(finish=hub.Finish(reason="stop"), choice=1),
        hub.Finished(finish=hub.Finish(reason="tool_calls")),
        hub.Counted(usage=USED),
    ]
    for step in (1, 3, 99):
        made = streamed(*pieces, step=step)
        assert (made["id"], made["model"], made["stop_reason"]) == ("chatcmpl-1", "gpt", "tool_use")
        assert [block["type"] for block in made["content"]] == ["thinking", "text", "tool_use"]
        assert made["content"][0]["thinking"] == "I think"
        assert made["content"][1]["text"] == "It is."
        assert [one["url"] for one in made["content"][1]["citations"]] == ["https://x.example"]
        assert (made["content"][2]["id"], made["content"][2]["input"]) == ("call_1", {"a": 1})
        assert made["usage"].items() >= COUNTS.items()


def test_an_answer_of_which_nothing_is_known_is_a_message_all_the_same() -> None:
    made = streamed()
    assert (made["id"], made["model"], made["content"], made["stop_reason"]) == ("msg_r", "alias", [], "end_turn")
    assert whole()["usage"] == {"input_tokens": 0, "output_tokens": 0}
    empty = json.loads(MessagesEvents(id="msg_r", model="alias").whole(hub.Answer(choices=())))
    assert (empty["content"], empty["stop_reason"]) == ([], "end_turn")


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("stop", "end_turn"),
        ("stop_sequence", "stop_sequence"),
        ("length", "max_tokens"),
        ("context", "model_context_window_exceeded"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
        ("refusal", "refusal"),
        ("pause", "pause_turn"),
        ("malformed_call", "end_turn"),
        ("other", "end_turn"),
    ],
)
def test_each_reason_has_a_word_that_clients_know(reason: Any, word: str) -> None:
    finish = hub.Finish(reason=reason, detail="why", stop_sequence="x")
    made = streamed(hub.Finished(finish=finish))
    assert (made["stop_reason"], made["stop_sequence"]) == (word, "x")
    details = {"type": "refusal", "category": None, "explanation": "why"} if word == "refusal" else None
    assert made.get("stop_details") == details


def test_calls_side_by_side_are_told_one_after_another() -> None:
    pieces: list[hub.Piece] = [
        hub.ToolCallDelta(part=0, id="a", name="f"),
        hub.ToolCallDelta(part=0, arguments='{"x":'),
        hub.ToolCallDelta(part=1, id="b", name="g"),
        hub.ToolCallDelta(part=1, arguments='{"y":'),
        hub.ToolCallDelta(part=0, arguments="1}"),
        hub.ToolCallDelta(part=1, arguments="2}"),
        hub.ToolCallDelta(part=2, id="c", name="h"),
        hub.ToolCallDelta(part=3, id="d", name="i", arguments="{}"),
        DONE,
    ]
    for step in (1, 2, 99):
        made = streamed(*pieces, step=step)
        assert [(one["id"], one["name"], one["input"]) for one in made["content"]] == [
            ("a", "f", {"x": 1}),
            ("b", "g", {"y": 2}),
            ("c", "h", {}),
            ("d", "i", {}),
        ]
    kinds = [event.name for event in events_in(written(*pieces)) if b"block" in event.name]
    begin, grow, end = b"content_block_start", b"content_block_delta", b"content_block_stop"
    assert kinds == [*[begin, grow, grow, end] * 2, begin, end, begin, grow, end]


def test_arguments_that_never_become_json_end_with_the_answer() -> None:
    encoder = MessagesEvents(id="msg_r", model="alias")
    said = encoder.feed([hub.ToolCallDelta(part=0, id="a", name="f", arguments='{"x":}')])
    said += encoder.feed([hub.ToolCallDelta(part=1, id="b", name="g", arguments="{}"), hub.TextDelta(text="x", part=2)])
    said += encoder.end()
    assert [b'"index":%d' % index in said for index in range(4)] == [True, True, True, False]


def test_a_call_without_an_id_is_given_one() -> None:
    made = streamed(hub.ToolCallDelta(id="", name="f", arguments="{}"), DONE)
    assert made["content"][0]["id"] == "toolu_r_0"
    made = whole(
        hub.Text(text="x"),
        hub.ToolCall(id="", name="f", arguments="x"),
        hub.ToolCall(id="a:b", name="g", arguments="5"),
    )
    assert [block.get("id") for block in made["content"]] == [None, "toolu_r_1", "a_b"]
    assert [block.get("input") for block in made["content"]] == [None, {"arguments": "x"}, {"arguments": 5}]
    assert streamed(hub.Whole(value=hub.ToolCall(id="", name="f", arguments=""), part=0), DONE)["content"][0]["id"]


def test_what_another_vendor_thought_is_shown_and_comes_back_to_it() -> None:
    thought = hub.Thinking(origin=RESPONSES, text="hm", id="rs_1", signature="s", is_summary=True)
    hidden = hub.Thinking(origin=RESPONSES, redacted="enc", id="rs_2")
    call = hub.ToolCall(id="c", name="f", arguments="{}", signature="gs", origin=GENERATE)
    text = hub.Text(text="Hi", signature="ts", origin=GENERATE)
    made = whole(thought, hidden, text, call)
    assert [block["type"] for block in made["content"]] == [
        *("thinking", "redacted_thinking", "text", "thinking", "thinking", "tool_use")
    ]
    assert sent_back(made["content"]) == (thought, hidden, text, call)
    pieces: list[hub.Piece] = [
        hub.ThinkingDelta(origin=RESPONSES, text="h", id="rs_1", is_summary=True),
        hub.ThinkingDelta(origin=RESPONSES, text="m", signature="s"),
        hub.ThinkingDelta(origin=RESPONSES, redacted="enc", id="rs_2", part=1),
        hub.TextDelta(text="H", part=2),
        hub.TextDelta(text="i", part=2, signature="ts", origin=GENERATE),
        hub.ToolCallDelta(part=3, id="c", name="f", arguments="{}", signature="gs", origin=GENERATE),
        DONE,
    ]
    assert sent_back(streamed(*pieces)["content"]) == (thought, hidden, text, call)
    lone = streamed(hub.TextDelta(text="", signature="ts", origin=GENERATE), DONE)
    assert sent_back(lone["content"]) == (hub.Text(text="", signature="ts", origin=GENERATE),)


def test_parts_that_come_whole_are_blocks_where_there_is_such_a_block() -> None:
    made = streamed(
        hub.Whole(value=hub.Text(text="a", citations=(hub.Citation(url="u", text="t"),)), part=0),
        hub.Whole(value=hub.Only(dialect=MESSAGES, value={"type": "container_upload", "file_id": "f"}), part=1),
        hub.Whole(value=hub.Only(dialect=CHAT, value={}), part=2),
        hub.Whole(value=hub.Image(source=hub.Inline("QQ==", "image/png")), part=3),
        hub.Whole(value=hub.Refusal(text="no"), part=4),
        hub.RefusalDelta(text="never", part=5),
        DONE,
    )
    assert [block.get("text", block["type"]) for block in made["content"]] == ["a", "container_upload", "no", "never"]
    assert whole(hub.Refusal(text=""), hub.Audio(id="a"))["content"] == []


def test_what_this_api_alone_says_is_told_where_it_stands() -> None:
    encoder = MessagesEvents(id="msg_r", model="alias")
    extra = {MESSAGES: {"container": {"id": "c"}, "context_management": {"applied_edits": []}}}
    said = encoder.feed(
        [
            hub.OnlyEvent(dialect=MESSAGES, value={"type": "novel", "x": 1}),
            hub.OnlyEvent(dialect=CHAT, value={}),
            hub.Started(id="late"),
            hub.ChoiceExtra(extra=extra),
            hub.Counted(usage=hub.Usage(tokens=reply.Usage(), extra={MESSAGES: {"output_tokens": 9, "novel": 1}})),
        ]
    )
    said += encoder.end()
    start, novel, ending, _ = [json.loads(event.data) for event in events_in(said)]
    assert (start["message"]["id"], novel) == ("msg_r", {"type": "novel", "x": 1})
    assert ending["delta"]["container"] == {"id": "c"}
    assert ending["context_management"] == {"applied_edits": []}
    assert ending["usage"] == {"output_tokens": 9, "novel": 1}


def test_an_answer_that_is_nested_too_deep_is_garbled() -> None:
    deep: Any = 1
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(Garbled):
        MessagesEvents(id="x", model="y").whole(
            hub.Answer(choices=(hub.Choice(parts=(hub.Only(dialect=MESSAGES, value=deep),)),))
        )
    with pytest.raises(Garbled):
        MessagesEvents(id="x", model="y").feed([hub.OnlyEvent(dialect=MESSAGES, value={"type": "a", "x": deep})])


def test_the_call_of_the_tool_that_stands_for_a_schema_is_the_answer() -> None:
    body = {
        "content": [{"type": "tool_use", "id": "t", "name": "headworks_answer", "input": {"a": 1}}],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    answer = answer_of(json.dumps(body).encode())
    assert answer.choices[0].parts == (hub.Text(text='{"a":1}'),)
    assert answer.choices[0].finish == hub.Finish(reason="stop")
    cut = answer_of(json.dumps({**body, "stop_reason": "max_tokens"}).encode())
    assert cut.choices[0].finish == hub.Finish(reason="length")


def test_a_vendors_word_for_an_event_is_one_line_whatever_it_is() -> None:
    for word in ("a\n\nevent: b", "\ud83d", "é"):
        piece = hub.OnlyEvent(dialect=MESSAGES, value={"type": word}, name=word)
        said = MessagesEvents(id="x", model="y").feed([piece])
        assert len(events_in(said)) == 2
        assert json.loads(events_in(said)[1].data)["type"] == word


def test_blocks_of_this_api_that_are_odd_pass_as_far_as_they_can() -> None:
    call = hub.Only(dialect=MESSAGES, value={"type": "tool_use", "name": "f"})
    odd = hub.Only(dialect=MESSAGES, value=5)
    assert [block["id"] for block in whole(call)["content"]] == ["toolu_r_0"]
    made = written(hub.Whole(value=call, part=0), hub.Whole(value=odd, part=1), DONE)
    assert made.count(b"event: content_block_start") == 1
    said = hub.ToolResult(call_id="t", parts=(hub.Text(text=""),))
    turn = hub.Turn(role="user", parts=(said, hub.ToolResult(call_id="u", parts=())))
    sent = json.loads(body_of(hub.Question(model="m", turns=(turn,), origin=MESSAGES), "m"))
    assert [block.get("content") for block in sent["messages"][0]["content"]] == ["", None]
