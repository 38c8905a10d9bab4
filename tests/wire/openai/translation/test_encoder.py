"""What a vendor of another dialect answers, as a chat client reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core import reply
from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.openai.translation.encoder import ChatEvents
from headworks.wire.openai.translation.question_reader import question_of
from headworks.wire.sse import events_in

HEAD = {"id": "req_1", "model": "assistant", "created": 7}
CLAUDE = {"format": "anthropic-claude-v1"}


def sent(*groups: list[hub.Piece], **fields: Any) -> list[Any]:
    """The events, group for group; the last is [DONE]."""
    caller = ChatEvents(**HEAD, **fields)
    events = b"".join([*[caller.feed(group) for group in groups], caller.end()])
    found = [event.data for event in events_in(events)]
    assert found.pop() == b"[DONE]"
    return [json.loads(data) for data in found]


def deltas(*pieces: hub.Piece) -> list[Any]:
    return [event["choices"][0]["delta"] for event in sent(list(pieces))]


def message(*parts: hub.Part, **fields: Any) -> Any:
    answer = hub.Answer(choices=(hub.Choice(parts=parts, **fields),))
    return json.loads(ChatEvents(**HEAD).whole(answer))["choices"][0]["message"]


# The answer as a whole


def test_what_the_vendor_does_not_say_of_its_answer_is_ours() -> None:
    assert json.loads(ChatEvents(**HEAD).whole(hub.Answer(choices=()))) == {
        "id": "req_1",
        "object": "chat.completion",
        "created": 7,
        "model": "assistant",
        "choices": [],
    }
    assert sent([hub.TextDelta(text="a")]) == [
        {
            "id": "req_1",
            "object": "chat.completion.chunk",
            "created": 7,
            "model": "assistant",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": "a"}, "finish_reason": None}],
        }
    ]


def test_a_stream_has_one_id_and_time_whatever_comes_later() -> None:
    events = sent(
        [hub.Started(id="m1", model="claude", created=9), hub.ChoiceStarted()],
        [hub.Started(id="m2", model="claude-2", created=10, service_tier="priority"), hub.TextDelta(text="a")],
    )
    assert [(one["id"], one["created"]) for one in events] == [("m1", 9), ("m1", 9)]
    assert (events[1]["model"], events[1]["service_tier"]) == ("claude-2", "priority")
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}


USED = hub.Usage(tokens=reply.Usage(input=10, cached_input=5, cache_write=2, cache_write_1h=1, output=4, reasoning=2))
COUNTED = {
    "prompt_tokens": 18,
    "completion_tokens": 6,
    "total_tokens": 24,
    "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 0, "cache_write_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
}


def test_tokens_beside_the_input_are_counted_inside_it() -> None:
    assert json.loads(ChatEvents().whole(hub.Answer(choices=(), usage=USED)))["usage"] == COUNTED


def test_tokens_come_once_before_the_end_and_only_where_they_are_asked_for() -> None:
    pieces: list[hub.Piece] = [hub.Started(usage=hub.Usage(tokens=reply.Usage(input=1))), hub.TextDelta(text="a")]
    assert sent(pieces, [hub.Counted(usage=USED)])[-1] == {
        "id": "req_1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "assistant",
        "choices": [],
        "usage": COUNTED,
    }
    assert sent(pieces)[-1]["usage"]["prompt_tokens"] == 1
    assert all("usage" not in one for one in sent(pieces, [hub.Counted(usage=USED)], include_usage=False))


def test_what_is_said_of_the_answer_before_any_choice_waits_for_one_or_for_the_end() -> None:
    early = hub.Started(extra={hub.CHAT: {"novel": [1]}})
    assert [one.get("novel") for one in sent([early], [hub.ChoiceStarted()], [hub.TextDelta(text="a")])] == [[1], None]
    assert [one["novel"] for one in sent([early])] == [[1]]
    assert [one["novel"] for one in sent([early, early])] == [[1], [1]]


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("stop", "stop"),
        ("stop_sequence", "stop"),
        ("length", "length"),
        ("context", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("refusal", "content_filter"),
        ("pause", "stop"),
        ("malformed_call", "stop"),
        ("other", "stop"),
    ],
)
def test_every_reason_has_one_of_the_words_that_sdks_know(reason: hub.Reason, word: str) -> None:
    finish = hub.Finish(reason=reason, extra={hub.MESSAGES: {"stop_reason": "x"}})
    assert sent([hub.Finished(finish=finish)])[0]["choices"][0]["finish_reason"] == word


# Reasoning


def test_signed_thinking_survives_a_chat_client() -> None:
    parts = (
        hub.Thinking(origin=hub.MESSAGES, text="T", signature="s"),
        hub.Thinking(origin=hub.MESSAGES, redacted="cmVk"),
        hub.Thinking(origin=hub.RESPONSES, text="in short", id="rs_1", is_summary=True),
        hub.Thinking(origin="vllm", text="!"),
    )
    said = message(*parts, hub.Text(text="A"))
    assert said == {
        "role": "assistant",
        "content": "A",
        "reasoning_content": "Tin short!",
        "reasoning_details": [
            {"type": "reasoning.text", "text": "T", "signature": "s", **CLAUDE, "index": 0},
            {"type": "reasoning.encrypted", "data": "cmVk", **CLAUDE, "index": 1},
            {
                "type": "reasoning.summary",
                "summary": "in short",
                "id": "rs_1",
                "format": "openai-responses-v1",
                "index": 2,
            },
        ],
    }
    back = question_of(json.dumps({"model": "m", "messages": [said]}).encode()).turns[0].parts
    assert [
        (one.origin, one.text, one.signature, one.redacted, one.id, one.is_summary)
        for one in back
        if isinstance(one, hub.Thinking)
    ] == [
        ("anthropic.messages", "T", "s", "", "", False),
        ("anthropic.messages", "", "", "cmVk", "", False),
        ("openai.responses", "in short", "", "", "rs_1", True),
    ]


def test_thinking_comes_block_by_block() -> None:
    thinking = {"origin": hub.MESSAGES, "part": 0}
    assert deltas(
        hub.ThinkingDelta(text="a", **thinking),
        hub.ThinkingDelta(text="b", **thinking),
        hub.ThinkingDelta(signature="s", **thinking),
        hub.Whole(value=hub.Thinking(origin=hub.MESSAGES, redacted="cmVk"), part=1),
        hub.ThinkingDelta(origin="vllm", text="c", part=2),
    ) == [
        {
            "role": "assistant",
            "reasoning_content": "a",
            "reasoning_details": [{"type": "reasoning.text", "text": "a", **CLAUDE, "index": 0}],
        },
        {
            "reasoning_content": "b",
            "reasoning_details": [{"type": "reasoning.text", "text": "b", **CLAUDE, "index": 0}],
        },
        {"reasoning_details": [{"type": "reasoning.text", "text": "", "signature": "s", **CLAUDE, "index": 0}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "cmVk", **CLAUDE, "index": 1}]},
        {"reasoning_content": "c"},
    ]


# Calls


def test_a_signature_of_geminis_survives_a_chat_client() -> None:
    call = hub.ToolCall(id="c", name="f", arguments="{}", signature="s", origin=hub.GENERATE)
    signed = {"google": {"thought_signature": "s"}}
    said = message(call)
    assert said["tool_calls"][0]["extra_content"] == signed
    [delta] = deltas(hub.Whole(value=call))
    function = {"name": "f", "arguments": "{}"}
    assert delta["tool_calls"] == [
        {"index": 0, "id": "c", "type": "function", "function": function, "extra_content": signed}
    ]
    [back] = question_of(json.dumps({"model": "m", "messages": [said]}).encode()).turns[0].parts
    assert isinstance(back, hub.ToolCall)
    assert (back.signature, back.origin) == ("s", hub.GENERATE)


def test_calls_are_numbered_as_they_begin_and_may_grow_side_by_side() -> None:
    events = deltas(
        hub.TextDelta(text="a", part=0),
        hub.ToolCallDelta(part=3, id="x", name="f"),
        hub.ToolCallDelta(part=5, id="y", name="g", is_custom=True),
        hub.ToolCallDelta(part=3, arguments="{}"),
        hub.ToolCallDelta(part=5, arguments="!", is_custom=True),
    )
    assert [one["tool_calls"][0] for one in events[1:]] == [
        {"index": 0, "id": "x", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 1, "id": "y", "type": "custom", "custom": {"name": "g", "input": ""}},
        {"index": 0, "function": {"arguments": "{}"}},
        {"index": 1, "custom": {"input": "!"}},
    ]


# What stands beside the text


def test_a_citation_has_the_range_that_it_names_or_that_of_its_text() -> None:
    place = hub.Citation(url="u", title="t", start=1, end=2)
    source = hub.Citation(url="u", title="t", start=100, end=900, unit="char", text="cited")
    envelope = hub.Citation(title="envelope", unit="page", document=0)

    def cited(start: int, end: int) -> Any:
        inside = {"url": "u", "title": "t", "start_index": start, "end_index": end}
        return {"type": "url_citation", "url_citation": inside}

    texts = (hub.Text(text="abc"), hub.Text(text="de", citations=(place, source, envelope)), hub.Text(text="f"))
    assert message(*texts) == {"role": "assistant", "content": "abcdef", "annotations": [cited(1, 2), cited(3, 5)]}
    events = deltas(
        hub.TextDelta(text="abc"),
        hub.CitationDelta(citation=source, part=1),
        hub.Whole(value=hub.Text(text="de", citations=(source, envelope)), part=1),
        hub.CitationDelta(citation=envelope, part=1),
    )
    found = [one for delta in events for one in delta.get("annotations", [])]
    assert found == [cited(3, 3), cited(3, 5)]


def test_pictures_sound_and_refusals_have_their_fields() -> None:
    picture = hub.Image(source=hub.Inline("iVBO", "image/png"))
    sound = hub.Audio(source=hub.Inline("UklG", "audio/wav"), id="a", transcript="x", expires_at=5)
    shown = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}]
    heard = {"id": "a", "data": "UklG", "transcript": "x", "expires_at": 5}
    parts: tuple[hub.Part, ...] = (picture, sound, hub.Refusal(text="n"), hub.Refusal(text="o"))
    assert message(*parts) == {"role": "assistant", "content": None, "images": shown, "audio": heard, "refusal": "no"}
    assert deltas(*[hub.Whole(value=part, part=at) for at, part in enumerate(parts)]) == [
        {"role": "assistant", "images": shown},
        {"audio": heard},
        {"refusal": "n"},
        {"refusal": "o"},
    ]


def test_what_only_another_dialect_has_is_left_out() -> None:
    hosted = hub.Only(dialect=hub.MESSAGES, value={"type": "server_tool_use"})
    asked = hub.Document(source=hub.Plain("x"))
    assert message(hosted, hub.Text(text="a")) == {"role": "assistant", "content": "a"}
    assert sent([hub.Whole(value=hosted), hub.Whole(value=asked), hub.OnlyEvent(dialect=hub.MESSAGES, value={})]) == []


def test_what_comes_behind_a_field_that_is_read_later_gets_an_event_of_its_own() -> None:
    stop = hub.Finish(reason="stop")
    events = sent(
        [hub.TextDelta(text="a"), hub.Finished(finish=stop), hub.TextDelta(text="b"), hub.Finished(finish=stop)]
    )
    assert [one["choices"][0]["delta"].get("content") for one in events] == ["a", "b"]
    again = sent([hub.Finished(finish=stop), hub.Finished(finish=stop), hub.Finished(choice=1, finish=stop)])
    assert [one["choices"][0]["index"] for one in again] == [0, 0, 1]


def deep(levels: int = 2000) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def test_what_is_nested_too_deep_is_garbled() -> None:
    extra = {hub.CHAT: {"novel": deep()}}
    caller = ChatEvents()
    with pytest.raises(Garbled, match="too deep"):
        caller.whole(hub.Answer(choices=(), extra=extra))
    with pytest.raises(Garbled, match="too deep"):
        caller.feed([hub.Started(extra=extra), hub.TextDelta(text="a")])
    caller = ChatEvents()
    caller.feed([hub.Started(extra=extra)])
    with pytest.raises(Garbled, match="too deep"):
        caller.end()
