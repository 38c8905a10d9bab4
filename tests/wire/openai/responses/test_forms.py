"""An answer of Responses in its other form, and a broken stream that goes on: the SDK takes both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.dialect import Before
from headworks.core.errors import Diverged
from headworks.core.reply import Chunk, Usage
from headworks.policy.midstream import ReplayFilter
from headworks.wire import hub
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.openai.responses.decoder import ResponsesDecoder
from headworks.wire.openai.responses.forms import as_body, as_events, is_finished, parted
from headworks.wire.openai.responses.splice import Rewriting, may_continue, may_resume, noted, reasoning_in
from tests.wire.openai.responses.speaking import asked, encoder, judged, kinds

STOP = hub.Finished(finish=hub.Finish(reason="stop"))
COUNTED = hub.Counted(usage=hub.Usage(tokens=Usage(input=5, output=2)))
PARTS = (
    hub.Thinking(origin=hub.RESPONSES, text="so", is_summary=True),
    hub.Thinking(origin=hub.CHAT, text="hm"),
    hub.Text(text="Hello", citations=(hub.Citation(url="https://x.example", title="t"),)),
    hub.Refusal(text="no"),
    hub.ToolCall(id="c", name="f", arguments='{"a":1}'),
    hub.ToolCall(id="d", name="g", arguments="x", is_custom=True),
    hub.ToolCall(id="e", name="h", arguments=""),
    hub.Image(source=hub.Inline("iVBO", "image/png")),
)


def whole(reason: hub.Reason = "stop", parts: tuple[hub.Part, ...] = PARTS) -> bytes:
    usage = hub.Usage(tokens=Usage(input=5, output=2))
    return encoder().whole(
        hub.Answer(choices=(hub.Choice(parts=parts, finish=hub.Finish(reason=reason)),), usage=usage)
    )


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_a_body_as_a_stream_is_one_that_the_sdk_takes_and_has_the_body_at_its_end(reason: hub.Reason) -> None:
    body = whole(reason)
    made = as_events(body)
    assert made is not None
    events, counts = made
    assert counts == b""
    judged(events)
    again = as_body(events, counts)
    assert again is not None
    assert json.loads(again) == json.loads(body)


def test_a_stream_that_was_kept_is_given_as_the_same_body() -> None:
    caller = encoder()
    data = caller.feed([hub.TextDelta(text="a"), STOP, COUNTED]) + caller.end()
    body = as_body(*parted([Chunk(data=data[:50]), Chunk(data=data[50:], usage=Usage(), last=True)]))
    assert body is not None
    assert json.loads(body)["output"][0]["content"][0]["text"] == "a"
    assert RESPONSES.forms.end == b""


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1]",
        b'{"status":"queued","output":[]}',
        b'{"status":"completed"}',
        b'{"status":"completed","output":[5]}',
    ],
)
def test_a_body_that_is_no_answer_is_no_stream(body: bytes) -> None:
    assert as_events(body) is None


@pytest.mark.parametrize(
    "events",
    [
        b"",
        b"data: {}\n\n",
        b'data: {"type":"x","response":"response.completed","y":"response.completed"}\n\n',
        b'data: {"response.completed"\n\n',
    ],
)
def test_a_stream_without_its_end_is_no_body(events: bytes) -> None:
    assert as_body(events, b"") is None


def test_parts_that_nobody_knows_are_told_whole() -> None:
    output = [
        {"type": "message", "id": "m", "content": [{"type": "novel", "x": 1}, 5, {"type": "refusal", "refusal": ""}]},
        {"type": "reasoning", "id": "r", "summary": [5], "content": 5},
        {"type": 5},
    ]
    made = as_events(json.dumps({"id": "r", "status": "completed", "output": output}).encode())
    assert made is not None
    assert b'"type":"novel"' in made[0]


@pytest.mark.parametrize(
    ("finish", "is_bounded", "is_whole"),
    [
        ("completed", False, True),
        ("max_output_tokens", True, True),
        ("max_output_tokens", False, False),
        ("content_filter", True, False),
    ],
)
def test_an_answer_lacks_nothing_that_stopped_by_itself_or_at_its_bound(
    finish: str, is_bounded: bool, is_whole: bool
) -> None:
    assert is_finished(b"", b"", finish, streamed=True, is_bounded=is_bounded) is is_whole


# A stream that broke


def stream(*pieces: hub.Piece, ends: bool = True) -> list[Chunk]:
    """The chunks of one attempt: those of a vendor that speaks the same, each event one."""
    caller = encoder()
    data = b"".join([caller.feed([piece]) for piece in pieces]) + (caller.end() if ends else b"")
    return ResponsesDecoder().feed(data)


def thought(text: str) -> hub.ThinkingDelta:
    return hub.ThinkingDelta(origin=hub.CHAT, text=text)


def resumed(first: list[Chunk], second: list[Chunk]) -> list[dict[str, Any]]:
    """What the caller sees: the first attempt, and of the second what is new."""
    text = "".join([chunk.text for chunk in first])
    reasoning = "".join([reasoning_in(chunk.data) or "" for chunk in first])
    rewriting = Rewriting(noted(noted(b"", first[:2]), first[2:]), ReplayFilter(text, reasoning))
    shown = [fresh for chunk in second if (fresh := rewriting.chunk(chunk)) is not None]
    assert shown[-1].last
    return judged(b"".join([chunk.data for chunk in (*first, *shown)]))


def test_a_text_that_broke_goes_on_with_what_is_new_under_the_same_names() -> None:
    first = stream(hub.TextDelta(text="Hel"), ends=False)
    second = stream(hub.TextDelta(text="He"), hub.TextDelta(text="llo"), hub.TextDelta(text="!"), STOP, COUNTED)
    found = resumed(first, second)
    deltas = [one["delta"] for one in found if one["type"] == "response.output_text.delta"]
    assert deltas == ["Hel", "lo", "!"]
    assert kinds(found).count("output_item.added") == kinds(found).count("created") == 1
    assert found[-1]["response"]["output"][0]["content"][0]["text"] == "Hello!"


def test_thinking_that_broke_goes_on_too_and_so_does_a_text_behind_it() -> None:
    first = stream(thought("hm "), ends=False)
    whole_one = stream(thought("hm so"), hub.TextDelta(text="Hello", part=1), STOP)
    found = resumed(first, whole_one)
    assert [one["delta"] for one in found if "delta" in one] == ["hm ", "so", "Hello"]
    later = stream(thought("hm so"), hub.TextDelta(text="He", part=1), ends=False)
    found = resumed(later, whole_one)
    assert [one["delta"] for one in found if "delta" in one] == ["hm so", "He", "llo"]


def test_an_attempt_without_hidden_thinking_goes_on_with_the_text_at_its_place() -> None:
    hidden = hub.ThinkingDelta(origin=hub.MESSAGES, redacted="x")
    first = stream(hidden, hub.TextDelta(text="He", part=1), ends=False)
    second = stream(hub.TextDelta(text="Hello"), STOP)
    rewriting = Rewriting(noted(b"", first), ReplayFilter("He", ""))
    shown = [fresh.data for chunk in second if (fresh := rewriting.chunk(chunk)) is not None]
    [delta] = [json.loads(one.partition(b"data: ")[2]) for one in shown if b"output_text.delta" in one]
    assert (delta["delta"], delta["output_index"]) == ("llo", 1)


def test_other_items_than_before_are_no_way_to_go_on() -> None:
    thinking = stream(thought("hm"), ends=False)
    with pytest.raises(Diverged):
        resumed(thinking, stream(hub.TextDelta(text="Hello"), STOP))
    texts = stream(hub.TextDelta(text="He"), ends=False)
    with pytest.raises(Diverged):
        resumed(texts, stream(hub.ToolCallDelta(id="c", name="f", arguments="{}"), STOP))
    with pytest.raises(Diverged):
        resumed(texts, stream(hub.TextDelta(text="Other"), STOP))
    with pytest.raises(Diverged):
        resumed(texts, [Chunk(data=b"data: {\n\n")])


def test_a_call_behind_the_text_is_told_with_its_own_numbers() -> None:
    first = stream(hub.TextDelta(text="He"), ends=False)
    second = stream(hub.TextDelta(text="He"), hub.ToolCallDelta(id="c", name="f", arguments="{}", part=1), STOP)
    found = resumed(first, second)
    assert [one["type"] for one in found[-1]["response"]["output"]] == ["message", "function_call"]


def test_ids_of_a_vendors_own_become_those_that_the_caller_knows() -> None:
    first = stream(hub.TextDelta(text="He"), ends=False)
    second = stream(hub.TextDelta(text="Hello"), STOP)
    ours = json.loads(first[0].data.partition(b"data: ")[2])["response"]["id"].removeprefix("resp_")
    other = [Chunk(data=one.data.replace(ours.encode(), b"theirs"), last=one.last, has_content=True) for one in second]
    found = resumed(first, other)
    assert "theirs" not in json.dumps(found)


def test_what_is_odd_in_another_attempt_passes_behind_what_was_said() -> None:
    first = stream(hub.TextDelta(text="He"), ends=False)
    assert noted(b"", [Chunk(data=b"")]) == b""
    keepalive = Chunk(data=b'data: {"type":"keepalive","sequence_number":9}\n\n')
    assert noted(noted(b"", first), [keepalive]).count(b"data: ") == 3
    rewriting = Rewriting(noted(b"", first), ReplayFilter("He", ""), Before())
    assert rewriting.chunk(Chunk(data=b"data: 5\n\n")) is None
    assert rewriting.chunk(Chunk(data=b"", usage=Usage())) is not None
    with pytest.raises(Diverged):
        rewriting.chunk(Chunk(data=b'data: {"type":"novel"}\n\n'))
    fresh = Rewriting(b'data: {"type":"novel","response":5}\n\n', ReplayFilter("", ""))
    told = fresh.chunk(Chunk(data=b'data: {"type":"response.output_item.added","output_index":0,"item":5}\n\n'))
    assert told is not None
    ended = fresh.chunk(Chunk(data=b'data: {"type":"response.completed","response":5}\n\n', last=True))
    assert ended is not None
    named = fresh.chunk(Chunk(data=b'data: {"type":"response.novel","x":1}\n\n'))
    assert named is not None


def test_which_answers_another_attempt_may_go_on_with() -> None:
    assert may_resume(asked().body)
    assert not may_resume(b'{"include":["message.output_text.logprobs"]}')
    assert not may_resume(b'{"background":true}')
    assert not may_resume(b"[")
    assert not may_continue(asked().body)
    with pytest.raises(AssertionError):
        RESPONSES.splice.prefilled(b"{}", "", "none")
    assert RESPONSES.splice.rewriting(b"", ReplayFilter("", ""), None) is not None


def test_what_is_neither_text_nor_reasoning_is_told_apart() -> None:
    [call] = stream(hub.ToolCallDelta(id="c", name="f"), ends=False)[-1:]
    assert reasoning_in(call.data) is None
    assert reasoning_in(b'data: {"type":"response.output_item.done","item":5}\n\n') is None
