"""An answer in its other form, and a stream that goes on with another attempt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from headworks.core.dialect import Before
from headworks.core.errors import Diverged
from headworks.core.reply import Chunk, Usage
from headworks.policy.midstream import ReplayFilter
from headworks.wire.anthropic import forms
from headworks.wire.anthropic.caller import MESSAGES
from headworks.wire.anthropic.forms import STOP
from headworks.wire.sse import events_in
from tests.wire.anthropic.accumulated import accumulated
from tests.wire.anthropic.test_decoder import END, OPEN, RECORDED, START, STREAMS, WHOLE, WORD, event, read

FORMS = MESSAGES.forms
SPLICE = MESSAGES.splice
EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


@pytest.mark.parametrize("name", WHOLE)
def test_a_stream_as_a_body_and_back_says_the_same(name: str) -> None:
    _, chunks = read(STREAMS[name])
    events, counts = FORMS.parted(chunks)
    assert counts == b""
    assert events + FORMS.end == STREAMS[name]
    body = FORMS.as_body(events, counts)
    assert body is not None
    told = FORMS.as_events(body)
    assert told is not None
    again = FORMS.as_body(*told)
    assert again is not None
    assert json.loads(again) == json.loads(body)
    if name not in ("compaction", "no_usage_at_start"):  # betas, and a vendor whom the SDK's types do not know
        assert accumulated(events + FORMS.end) == accumulated(told[0] + FORMS.end)


def test_a_stream_whose_end_came_with_its_last_event_is_parted_all_the_same() -> None:
    last = Chunk(data=END + STOP, last=True)
    assert FORMS.parted([Chunk(data=START), last]) == (START + END, b"")


def test_a_whole_message_as_a_stream_is_accumulated_to_itself() -> None:
    body = (RECORDED / "message.json").read_bytes()
    told = FORMS.as_events(body)
    assert told is not None
    made = accumulated(told[0] + FORMS.end)
    said = json.loads(body)
    assert made["content"] == said["content"]
    assert made["usage"]["output_tokens"] == said["usage"]["output_tokens"]


@pytest.mark.parametrize(
    "events",
    [
        START + OPEN + WORD,
        START + WORD + END,
        START + OPEN + event("content_block_delta", index=0, delta={"type": "novel_delta"}) + END,
        START + OPEN + event("content_block_delta", index="0", delta={"type": "text_delta", "text": "x"}) + END,
        START + event("content_block_start", index=1, content_block={}) + END,
        START + event("novel") + END,
        event("message_start", message=5),
        END,
        b"data: []\n\n",
        b"data: {\n\n",
    ],
)
def test_what_a_stream_would_be_as_a_body_is_never_guessed(events: bytes) -> None:
    assert FORMS.as_body(events, b"") is None


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"content":[]}',
        b'{"content":[],"usage":{}}',
        b'{"content":[5],"usage":{},"stop_reason":"end_turn"}',
    ],
)
def test_what_a_body_would_be_as_a_stream_is_never_guessed(body: bytes) -> None:
    assert FORMS.as_events(body) is None


def test_what_is_encrypted_of_a_compaction_is_told_once() -> None:
    delta = event("content_block_delta", index=0, delta={"type": "compaction_delta", "encrypted_content": "e"})
    opened = event("content_block_start", index=0, content_block={"type": "compaction", "content": None})
    made = FORMS.as_body(START + opened + delta + delta + END, b"")
    assert made is not None
    assert json.loads(made)["content"] == [{"type": "compaction", "content": None, "encrypted_content": "e"}]


def test_an_answer_is_finished_where_it_lacks_nothing_that_was_asked_for() -> None:
    for finish, unbounded, bounded in (
        ("end_turn", True, True),
        ("tool_use", True, True),
        ("max_tokens", False, True),
        ("refusal", False, False),
        ("pause_turn", False, False),
        (None, False, False),
    ):
        for is_bounded, is_finished in ((False, unbounded), (True, bounded)):
            found = FORMS.is_finished(b"", b"", finish, streamed=True, is_bounded=is_bounded)
            assert found == is_finished


def test_a_citation_stands_where_it_was_cited() -> None:
    body = json.dumps(
        {
            "content": [
                {"type": "text", "text": "x", "citations": [{"type": "page_location"}]},
                {"type": "novel"},
                {"type": "thinking", "thinking": "x", "signature": ""},
            ],
            "usage": {"output_tokens": 1},
            "stop_reason": "end_turn",
        }
    ).encode()
    told = FORMS.as_events(body)
    assert told is not None
    again = FORMS.as_body(*told)
    assert again is not None
    assert json.loads(again)["content"] == json.loads(body)["content"]


# Resumed streams


def text(index: int, *pieces: str) -> list[bytes]:
    deltas = [event("content_block_delta", index=index, delta={"type": "text_delta", "text": one}) for one in pieces]
    return [event("content_block_start", index=index, content_block={"type": "text", "text": ""}), *deltas]


def thought(index: int, *pieces: str) -> list[bytes]:
    deltas = [
        event("content_block_delta", index=index, delta={"type": "thinking_delta", "thinking": one}) for one in pieces
    ]
    return [
        event("content_block_start", index=index, content_block={"type": "thinking", "thinking": "", "signature": ""}),
        *deltas,
    ]


def signed(index: int, signature: str = "s") -> bytes:
    return event("content_block_delta", index=index, delta={"type": "signature_delta", "signature": signature})


def stop(index: int) -> bytes:
    return event("content_block_stop", index=index)


def tool(index: int) -> list[bytes]:
    opened = event(
        "content_block_start", index=index, content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}}
    )
    grown = event("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": "{}"})
    return [opened, grown, stop(index)]


ENDING = [END, event("message_stop")]


def resumed(
    sent: Sequence[bytes], again: Sequence[bytes], *, before: Before | None = None, said: str = "", thinks: str = ""
) -> tuple[bytes, str]:
    """What the caller has of both attempts, and the text of the second one that was new."""
    _, first = read(START + b"".join(sent))
    known = SPLICE.noted(SPLICE.noted(b"", first[:2]), first[2:])
    rewriting = SPLICE.rewriting(known, ReplayFilter(said, thinks), before)
    _, second = read(START + b"".join(again))
    shown = [one for chunk in second if (one := rewriting.chunk(chunk)) is not None]
    return START + b"".join(sent) + b"".join([one.data for one in shown]), "".join([one.text for one in shown])


def blocks(stream: bytes) -> list[Any]:
    """The blocks of a stream that the SDK takes; each of its events is of the SDK's types."""
    for one in events_in(stream):
        if one.name != b"ping":
            EVENT.validate_json(one.data) if b"message_start" not in one.data else None
    opened: list[int] = []
    for one in events_in(stream):
        content = json.loads(one.data)
        if content["type"] == "content_block_start":
            assert content["index"] == (max(opened, default=-1) + 1)
            opened.append(content["index"])
        elif content["type"] in ("content_block_delta", "content_block_stop"):
            assert content["index"] == opened[-1]
    body = forms.as_body(stream, b"")
    assert body is not None
    return [block.get("text") or block.get("thinking") or block.get("name") for block in json.loads(body)["content"]]


def test_a_restarted_text_goes_on_in_the_callers_block() -> None:
    stream, fresh = resumed(text(0, "Hel"), [*text(0, "He", "llo"), stop(0), *ENDING], said="Hel")
    assert (blocks(stream), fresh) == (["Hello"], "lo")
    assert stream.count(b"event: content_block_stop") == 1


def test_a_break_between_two_blocks_opens_the_next_one() -> None:
    again = [*text(0, "Hello"), stop(0), *text(1, "World"), stop(1), *ENDING]
    for sent in ([*text(0, "Hello")], [*text(0, "Hello"), stop(0)], [*text(0, "Hello"), stop(0), *text(1)]):
        stream, fresh = resumed(sent, again, said="Hello")
        assert (blocks(stream), fresh) == (["Hello", "World"], "World")


def test_a_break_in_a_later_block_goes_on_in_that_one() -> None:
    again = [*text(0, "Hello"), stop(0), *text(1, "World"), stop(1), *text(2, "!"), stop(2), *ENDING]
    stream, fresh = resumed([*text(0, "Hello"), stop(0), *text(1, "Wor")], again, said="HelloWor")
    assert (blocks(stream), fresh) == (["Hello", "World", "!"], "ld!")


def test_thinking_is_told_once_with_one_signature() -> None:
    again = [*thought(0, "I th", "ink"), signed(0, "other"), stop(0), *text(1, "Hi"), stop(1), *ENDING]
    for sent, thinks, signature in (
        (thought(0, "I"), "I", "other"),
        (thought(0, "I think"), "I think", "other"),
        ([*thought(0, "I think"), signed(0)], "I think", "s"),
        ([*thought(0, "I think"), signed(0), stop(0)], "I think", "s"),
        (thought(0), "", "other"),
    ):
        stream, _ = resumed(sent, again, thinks=thinks)
        assert blocks(stream) == ["I think", "Hi"]
        body = forms.as_body(stream, b"")
        assert body is not None
        assert json.loads(body)["content"][0]["signature"] == signature
        assert stream.count(b"signature_delta") == 1


def bare(index: int, signature: str) -> list[bytes]:
    """A block of thinking without words: how the signature of another vendor's call is told."""
    return [thought(index)[0], signed(index, signature), stop(index)]


def contents(stream: bytes) -> list[Any]:
    blocks(stream)
    body = forms.as_body(stream, b"")
    assert body is not None
    return list(json.loads(body)["content"])


def test_the_signature_of_a_tool_call_is_told_though_its_block_says_nothing() -> None:
    """Gemini 3 refuses a call that comes back without its signature."""
    again = [*text(0, "Step ", "1."), stop(0), *bare(1, "hw1.call"), *tool(2), *ENDING]
    stream, _ = resumed(text(0, "Step "), again, said="Step ")
    said, thinking, call = contents(stream)
    assert (said["text"], thinking["signature"], call["type"]) == ("Step 1.", "hw1.call", "tool_use")


def test_the_signature_of_a_tool_call_is_told_once() -> None:
    sent = [*text(0, "Step"), stop(0), *bare(1, "first")]
    stream, _ = resumed(sent, [*text(0, "Step"), stop(0), *bare(1, "second"), *tool(2), *ENDING], said="Step")
    assert [one.get("signature") for one in contents(stream)] == [None, "first", None]


def test_the_signature_of_thinking_without_words_before_a_text_is_not_told_again() -> None:
    sent = [*bare(0, "first"), *text(1, "Hel")]
    stream, _ = resumed(sent, [*bare(0, "second"), *text(1, "Hel", "lo"), stop(1), *ENDING], said="Hel")
    assert [one.get("signature") or one["text"] for one in contents(stream)] == ["first", "Hello"]


def test_a_tool_call_behind_the_repeated_text_is_told_under_the_callers_numbers() -> None:
    again = [*thought(0, "hm"), signed(0), stop(0), *text(1, "Hello"), stop(1), *tool(2), *ENDING]
    stream, _ = resumed([*thought(0, "hm"), signed(0), stop(0), *text(1, "Hel")], again, said="Hel", thinks="hm")
    assert blocks(stream) == ["hm", "Hello", "f"]
    with pytest.raises(Diverged):
        resumed(text(0, "Hello"), [*tool(0), *ENDING], said="Hello")


def test_another_text_ends_the_stream() -> None:
    with pytest.raises(Diverged):
        resumed(text(0, "Hello"), [*text(0, "Hullo"), stop(0), *ENDING], said="Hello")
    rewriting = SPLICE.rewriting(b"", ReplayFilter(""), None)
    with pytest.raises(Diverged):
        rewriting.chunk(Chunk(data=b"data: {nothing\n\n"))


def test_a_text_that_was_begun_by_hand_goes_on_and_its_tokens_are_added() -> None:
    before = Before(asked=Usage(input=5, cached_input=2), said=3, handed=2)
    stream, fresh = resumed(text(0, "Hello "), [*text(0, " ", " World"), stop(0), *ENDING], before=before)
    assert (blocks(stream), fresh) == (["Hello World"], "World")
    ending = json.loads(events_in(stream)[-2].data)
    assert ending["usage"] == {"output_tokens": 6, "input_tokens": 5, "cache_read_input_tokens": 2}
    unknown = Before(asked=None, said=3, handed=2)
    end = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"input_tokens": 9, "output_tokens": 1})
    stream, _ = resumed(text(0, "Hello"), [*text(0, "!"), stop(0), end, ENDING[1]], before=unknown)
    assert json.loads(events_in(stream)[-2].data)["usage"] == {"input_tokens": 7, "output_tokens": 4}
    bare = event("message_delta", delta={"stop_reason": "end_turn"})
    assert b'"stop_reason":"end_turn"' in resumed(text(0, "a"), [*text(0, "b"), bare, ENDING[1]], before=before)[0]


def test_what_is_new_in_another_attempt_is_told_as_it_came() -> None:
    cited = event("content_block_delta", index=0, delta={"type": "citations_delta", "citation": {"type": "x"}})
    odd = event("content_block_delta", index=0, delta=5)
    begun = event("content_block_start", index=0, content_block={"type": "text", "text": "Hello"})
    rewriting = SPLICE.rewriting(b"", ReplayFilter(""), None)
    chunks = [rewriting.chunk(Chunk(data=one, has_content=True)) for one in (begun, cited, odd, event("novel"))]
    assert [chunk is None for chunk in chunks] == [False, False, True, True]
    kept = rewriting.chunk(Chunk(data=b"", usage=Usage(input=1)))
    assert kept is not None


@pytest.mark.parametrize(
    ("data", "reasoning"),
    [
        (b"".join(text(0, "Hi")), ""),
        (b"".join([*thought(0, "I ", "think"), signed(0), stop(0)]), "I think"),
        (event("ping"), ""),
        (b"".join(tool(0)), None),
        (event("content_block_delta", index=0, delta={"type": "citations_delta"}), None),
        (b"data: []\n\n", ""),
        (event("content_block_start", index=0, content_block=5), None),
    ],
)
def test_what_can_be_compared_is_text_and_thinking(data: bytes, reasoning: str | None) -> None:
    assert SPLICE.reasoning_in(data) == reasoning


def test_a_delta_of_a_block_that_is_repeated_is_not_told() -> None:
    grown = event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": "{}"})
    sent = event("content_block_delta", index=0, delta={"type": "novel_delta"})
    again = [*thought(0, "hm"), sent, stop(0), *text(1, "Hi"), stop(1)]
    rewriting = SPLICE.rewriting(
        SPLICE.noted(b"", [Chunk(data=b"".join(thought(0, "hm more")))]), ReplayFilter("", "hm more"), None
    )
    assert [rewriting.chunk(Chunk(data=one)) for one in again[:3]] == [None, None, None]
    assert SPLICE.rewriting(b"", ReplayFilter(""), None).chunk(Chunk(data=grown)) is None
    none = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": None})
    kept = SPLICE.rewriting(b"", ReplayFilter(""), Before(said=1)).chunk(Chunk(data=none, last=True))
    assert kept is not None
    assert b'"usage":{"output_tokens":null}' in kept.data


def test_what_may_be_gone_on_with() -> None:
    for fields, may_continue in (
        ({}, True),
        ({"thinking": {"type": "disabled"}}, True),
        ({"thinking": {"type": "adaptive"}}, False),
        ({"tool_choice": {"type": "any"}}, False),
        ({"output_config": {"effort": "low"}}, True),
        ({"output_config": {"format": {"type": "json_schema"}}}, False),
        ({"output_format": {"type": "json_schema"}}, False),
    ):
        body = json.dumps({"messages": [], **fields}).encode()
        assert SPLICE.may_resume(body)
        assert SPLICE.may_continue(body) == may_continue
    assert not SPLICE.may_resume(b"[")


def test_the_beginning_of_an_answer_is_the_last_message_and_its_bound_is_lowered() -> None:
    body = b'{"model":"a","max_tokens":50,"messages":[{"role":"user","content":"x"}]}'
    made = json.loads(SPLICE.prefilled(body, "Hello there \n", "message"))
    assert made["messages"][1] == {"role": "assistant", "content": "Hello there"}
    assert made["max_tokens"] == 50 - 4
    assert json.loads(SPLICE.prefilled(body.replace(b'"max_tokens":50,', b""), "x", "prefix"))["messages"][1:]
    assert json.loads(SPLICE.prefilled(body.replace(b"50", b"1"), "x" * 90, "message"))["max_tokens"] == 1
