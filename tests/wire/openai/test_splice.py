"""Another attempt's events look like the first one's, and hold only what is new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headworks.core.call import Call
from headworks.core.dialect import Before
from headworks.core.errors import Diverged
from headworks.core.reply import Chunk, Usage
from headworks.core.text import joined
from headworks.policy.midstream import ReplayFilter
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.chat import ChatDecoder
from headworks.wire.openai.splice import SEAL, Rewriting, may_continue, may_resume, reasoning_in, stamp_of
from headworks.wire.sse import Splitter

RECORDED = {path.name: path.read_bytes() for path in (Path(__file__).parent / "recorded").glob("*.sse")}
STAMP = {"id": "chatcmpl-first", "created": 1, "model": "first"}
FIRST = b"data: " + json.dumps(STAMP).encode() + b"\n\n"
DONE = b"data: [DONE]\n\n"


def chunks(stream: bytes, *, include_usage: bool = True) -> list[Chunk]:
    asked = Call(id="r", alias="a", body=b'{"messages":[1]}', dialect=CHAT, streamed=True, include_usage=include_usage)
    decoder = ChatDecoder(asked)
    found = decoder.feed(stream) + decoder.end()
    assert decoder.fault is None
    return found


def event(delta: Any, finish: str | None = None, **fields: Any) -> bytes:
    content = {"id": "other", "created": 2, "model": "second", "object": "chat.completion.chunk", **fields}
    content["choices"] = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def spliced(stream: bytes, said: str = "", reasoning: str = "", before: Before | None = None) -> list[Chunk]:
    splice = Rewriting(FIRST, ReplayFilter(said, reasoning), before)
    return [fresh for chunk in chunks(stream) if (fresh := splice.chunk(chunk)) is not None]


def counted(event: bytes, before: Before) -> Any:
    """The usage of an event, as a caller sees it."""
    fresh = Rewriting(FIRST, ReplayFilter(""), before).chunk(Chunk(data=event))
    assert fresh is not None
    return contents([fresh])[0]["usage"]


def contents(shown: list[Chunk]) -> list[Any]:
    events = Splitter().feed(b"".join(chunk.data for chunk in shown))
    return [json.loads(one.data) for one in events if one.data != b"[DONE]"]


WHOLE = (
    event({"role": "assistant", "content": ""})
    + event({"content": "Hello"})
    + event({"content": " world"})
    + event({}, "stop")
    + b'data: {"id":"other","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
    + DONE
)


@pytest.mark.parametrize("end", range(len("Hello world") + 1))
def test_wherever_it_broke_the_rest_follows_exactly(end: int) -> None:
    said = "Hello world"[:end]
    shown = spliced(WHOLE, said)
    assert said + "".join(chunk.text for chunk in shown) == "Hello world"
    texts = [one["choices"][0]["delta"].get("content") or "" for one in contents(shown) if one["choices"]]
    assert said + "".join(texts) == "Hello world"
    assert shown[-1].last
    assert shown[-1].data == DONE
    assert all(
        one["id"] == "chatcmpl-first" and one["created"] == 1 and one["model"] == "first" for one in contents(shown)
    )
    assert not any("role" in choice["delta"] for one in contents(shown) for choice in one["choices"])
    assert [chunk.finish for chunk in shown if chunk.finish] == ["stop"]
    assert [chunk.usage for chunk in shown if chunk.usage] == [Usage(input=3, output=2)]


def test_other_words_diverge() -> None:
    with pytest.raises(Diverged):
        spliced(WHOLE, "Hallo")
    with pytest.raises(Diverged):
        spliced(WHOLE, "Hello world, and more")


def test_a_tool_call_may_follow_once_everything_was_repeated() -> None:
    call = {"index": 0, "id": "1", "type": "function", "function": {"name": "f", "arguments": ""}}
    stream = event({"content": "Hello"}) + event({"tool_calls": [call]}) + event({}, "tool_calls") + DONE
    shown = spliced(stream, "Hel")
    assert [chunk.text for chunk in shown] == ["lo", "", "", ""]
    assert shown[1].begins_tool_call
    assert contents(shown)[1]["choices"][0]["delta"]["tool_calls"] == [call]
    with pytest.raises(Diverged):
        spliced(stream, "Hello there")


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_compared_too(name: str) -> None:
    stream = event({name: "two and"}) + event({name: " two"}) + event({"content": "4"}) + event({}, "stop") + DONE
    assert reasoning_in(event({"role": "assistant", name: "hm", "content": ""})) == "hm"
    assert "".join(chunk.text for chunk in spliced(stream, "4", "two and two")) == ""
    half = contents(spliced(stream, "", "two"))
    assert "".join(one["choices"][0]["delta"].get(name, "") for one in half) == " and two"
    with pytest.raises(Diverged):
        spliced(stream, "4", "two and three")


def test_a_vendor_that_says_its_reasoning_under_both_names_says_it_once() -> None:
    both = event({"reasoning": "hm", "reasoning_content": "hm"})
    assert reasoning_in(both) == "hm"
    assert spliced(both + event({"content": "4"}, "stop") + DONE, "4", "hm")[-1].last


@pytest.mark.parametrize("delta", [{"refusal": "no"}, {"audio": {"id": "1"}}, {"tool_calls": [{"index": 0}]}])
def test_what_is_neither_text_nor_reasoning_is_told(delta: Any) -> None:
    assert reasoning_in(event(delta)) is None


def test_events_in_one_chunk_are_told_apart() -> None:
    splice = Rewriting(FIRST, ReplayFilter("Hello w"))
    joined = Chunk(data=WHOLE, has_content=True, text="Hello world", finish="stop", last=True)
    fresh = splice.chunk(joined)
    assert fresh is not None
    assert (fresh.text, fresh.finish, fresh.last) == ("orld", "stop", True)
    assert [one["choices"][0]["delta"].get("content") for one in contents([fresh])[:1]] == ["orld"]


def test_text_as_a_list_of_parts_is_text() -> None:
    stream = event({"content": [{"type": "text", "text": "So"}, {"type": "thinking"}]}) + event({}, "stop") + DONE
    assert [chunk.text for chunk in spliced(stream, "S")] == ["o", "", ""]


@pytest.mark.parametrize("name", sorted(set(RECORDED) - {"openrouter_error.sse", "two_choices.sse", "tools.sse"}))
def test_real_vendors_streams_can_be_retold(name: str) -> None:
    whole = chunks(RECORDED[name])
    text = "".join(chunk.text for chunk in whole)
    thoughts = "".join(
        reasoning_in(chunk.data) or "" for chunk in whole if chunk.has_content and not chunk.text and chunk.data
    )
    for end in range(len(text) + 1):
        said = thoughts if end else ""
        assert text[:end] + "".join(chunk.text for chunk in spliced(RECORDED[name], text[:end], said)) == text


def test_odd_events_are_dropped_or_pass() -> None:
    odd = b'data: {"object":"ping"}\n\n' + event({"role": "assistant"}) + event(None)
    assert [chunk.text for chunk in spliced(odd + event({"content": "x"}, "stop") + DONE)] == ["x", ""]
    assert Rewriting(FIRST, ReplayFilter("")).chunk(Chunk(data=b"data: 7\n\n")) is None
    hidden = Rewriting(FIRST, ReplayFilter("")).chunk(Chunk(data=b"", usage=Usage(input=1)))
    assert hidden is not None
    assert hidden.usage == Usage(input=1)


def test_tokens_that_were_handed_on_are_answer_and_not_question() -> None:
    before = Before(None, said=4, handed=4)
    assert before.joined(Usage(input=10, output=2)) == Usage(input=6, output=6)
    assert before.joined(Usage(input=3, output=2)) == Usage(input=0, output=6)
    shown = spliced(WHOLE, before=Before(None, said=2, handed=2))
    [usage] = [one["usage"] for one in contents(shown) if one.get("usage")]
    assert usage == {"prompt_tokens": 1, "completion_tokens": 4, "total_tokens": 5}
    odd = b'data: {"choices":[],"usage":{"prompt_tokens":null}}\n\n' + event({"content": "x"}, "stop") + DONE
    assert spliced(odd, before=before)[-1].last
    bare = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\n'
    assert counted(bare, before) == {"prompt_tokens": 5, "completion_tokens": 5}


def test_the_question_is_what_the_first_attempt_read_of_it() -> None:
    asked = Usage(input=3, cached_input=2, output=7)
    before = Before(asked, said=7, handed=6)
    assert before.joined(Usage(input=12, reasoning=1, output=2)) == Usage(
        input=3, cached_input=2, reasoning=1, output=9
    )
    said = b'{"prompt_tokens":12,"completion_tokens":2,"total_tokens":20,"prompt_tokens_details":{"cached_tokens":8,"x":[1]}}'
    assert counted(b'data: {"choices":[],"usage":' + said + b"}\n\n", before) == {
        "prompt_tokens": 5,
        "completion_tokens": 9,
        "total_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 5, "x": [1]},
    }


def test_an_event_with_tokens_that_the_caller_did_not_ask_for_is_spliced_too() -> None:
    counts = b'data: {"id":"other","model":"second","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
    hidden = Rewriting(FIRST, ReplayFilter("")).chunk(Chunk(data=b"", usage=Usage(input=3, output=2), unasked=counts))
    assert hidden is not None
    assert hidden.data == b""
    [event] = contents([Chunk(data=hidden.unasked)])
    assert (event["id"], event["model"]) == (STAMP["id"], STAMP["model"])


def test_the_stamp_is_what_every_event_repeats() -> None:
    assert stamp_of(event({"content": "x"}, system_fingerprint="fp"))["system_fingerprint"] == "fp"
    assert stamp_of(DONE) == {}
    assert stamp_of(b"data: 7\n\n") == {}


@pytest.mark.parametrize(
    ("fields", "resumes", "continues"),
    [
        ({}, True, True),
        ({"n": 1, "logprobs": False, "modalities": ["text"], "response_format": {"type": "text"}}, True, True),
        ({"n": None, "logprobs": None, "tools": [{}], "response_format": None}, True, True),
        ({"response_format": {"type": "json_object"}}, True, False),
        ({"n": 1.0, "modalities": [], "response_format": "text"}, True, True),
        ({"n": 2}, False, True),
        ({"n": 2.0}, False, True),
        ({"modalities": ["text"] * 1000}, False, True),
        ({"logprobs": True}, False, True),
        ({"top_logprobs": 3}, False, True),
        ({"audio": {"voice": "x"}}, False, True),
        ({"modalities": ["text", "audio"]}, False, True),
    ],
)
def test_what_may_be_resumed_and_continued(fields: dict[str, Any], resumes: bool, continues: bool) -> None:
    body = json.dumps({"model": "a", "messages": [1], **fields}).encode()
    assert (may_resume(body), may_continue(body)) == (resumes, continues)


def test_a_body_of_odd_types_is_not_resumed() -> None:
    assert not may_resume(b'{"n":"many"}')
    assert not may_resume(b"[")
    assert not may_resume(b'{"messages":' + b"[" * 5000)


# What is not text


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "a", "images": [PICTURE]},
        {"content": [{"type": "text", "text": "a"}, PICTURE]},
        {"content": "a", "tomorrow": 0},
        {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"reasoning": "", "reasoning_details": [{"type": "reasoning.encrypted"}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "", "signature": "s"}, 7]},
    ],
)
def test_what_cannot_be_compared_is_told_beside_text_too(delta: Any) -> None:
    assert reasoning_in(event(delta)) is None


def test_another_choice_cannot_be_compared() -> None:
    assert reasoning_in(event({"content": "a"}).replace(b'"index": 0', b'"index": 1')) is None


def test_thinking_in_parts_is_reasoning() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm, "}, {"type": "reference"}, 7]}]
    assert reasoning_in(event({"content": parts})) == "hm, "
    assert reasoning_in(event({"content": [{"type": "thinking", "thinking": None}]})) == ""
    stream = event({"content": parts}) + event({"content": [*parts, {"type": "text", "text": "4"}]}, "stop") + DONE
    shown = contents(spliced(stream, "", "hm, h"))
    rest = {"type": "thinking", "thinking": [{"type": "text", "text": "m, "}]}
    assert [one["choices"][0]["delta"]["content"] for one in shown] == [[{"type": "text", "text": "4"}, rest]]


def test_a_picture_that_nobody_has_seen_is_shown_once_everything_was_repeated() -> None:
    for delta in ({"content": "ab", "images": [PICTURE]}, {"content": [{"type": "text", "text": "ab"}, PICTURE]}):
        shown = spliced(event(delta) + event({}, "stop") + DONE, "a")
        assert json.dumps(PICTURE).replace(" ", "").encode() in shown[0].data
        assert (shown[0].text, shown[0].is_mixed) == ("b", True)
        with pytest.raises(Diverged):
            spliced(event(delta) + event({}, "stop") + DONE, "abc")


def test_reasoning_in_details_alone_is_nothing_to_compare() -> None:
    details = event({"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]})
    assert [chunk.is_mixed for chunk in spliced(details + event({"content": "a"}, "stop") + DONE)] == [
        True,
        False,
        False,
    ]
    with pytest.raises(Diverged):
        spliced(details + event({"content": "a"}, "stop") + DONE, "a")


SEALS = [
    [{"type": "reasoning.text", "text": "", "signature": "s"}],
    [{"type": "reasoning.encrypted", "data": "x"}],
]


@pytest.mark.parametrize("seal", SEALS)
def test_a_seal_of_the_thinking_is_told_once_and_the_answer_goes_on(seal: Any) -> None:
    """A signature of another attempt is another one: it is not compared, and not told a second time."""
    sealing = event({"reasoning": "", "reasoning_details": seal})
    assert reasoning_in(sealing) == SEAL
    stream = event({"reasoning": "hm"}) + sealing + event({"content": "abc"}, "stop") + DONE

    def told(text: str, reasoning: str) -> tuple[str, int]:
        shown = spliced(stream, text, reasoning)
        return "".join(one.text for one in shown), sum(b'"reasoning_details"' in one.data for one in shown)

    assert told("", "h") == ("abc", 1)
    assert told("", "hm") == ("abc", 1)
    assert told("", "hm" + SEAL) == ("abc", 0)
    assert told("a", "hm" + SEAL) == ("bc", 0)
    assert told("a", "hm") == ("bc", 0)
    with pytest.raises(Diverged):
        spliced(stream, "b", "hm" + SEAL)
    with pytest.raises(Diverged):
        spliced(stream, "a", "hmm")


@pytest.mark.parametrize("nothing", ["", "null"])
def test_a_finish_reason_that_says_nothing_does_not_end_the_retelling(nothing: str) -> None:
    stream = (
        event({"content": "a"}, nothing) + event({"content": "b"}, nothing) + event({"content": "c"}, "stop") + DONE
    )
    assert "".join(chunk.text for chunk in spliced(stream, "ab")) == "c"


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\r\r"])
def test_lines_may_end_otherwise(end: bytes) -> None:
    stream = WHOLE.replace(b"\n\n", end)
    shown = spliced(stream, "Hel")
    assert "".join(chunk.text for chunk in shown) == "lo world"
    assert shown[-1].last
    assert stamp_of(event({"content": "x"}).replace(b"\n\n", end))["id"] == "other"
    assert reasoning_in(event({"reasoning": "hm"}).replace(b"\n\n", end)) == "hm"


def test_a_stamp_has_no_empty_names() -> None:
    first = event({}, id="", model="", created=0)
    assert stamp_of(first) == {"created": 0, "object": "chat.completion.chunk"}


def test_a_character_in_two_halves_is_the_same_character() -> None:
    halves = event({"content": "\ud83d"}) + event({"content": "\ude00!"}) + event({}, "stop") + DONE
    for said, rest in (("", rb"\ud83d"), ("\ud83d", rb"\ude00!"), ("\N{GRINNING FACE}", b'"!"')):
        shown = spliced(halves, said)
        assert rest in shown[0].data
        assert said + joined(chunk.text for chunk in shown) in ("\N{GRINNING FACE}!", "\ud83d\ude00!")


@pytest.mark.parametrize("odd", [b"1e999", b'"\xff"', b"9" * 5000], ids=["1e999", "no text", "digits"])
def test_an_event_that_cannot_be_read_a_second_time_ends_what_is_told(odd: bytes) -> None:
    data = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}],"odd":%b}\n\n' % odd
    assert ChatDecoder(Call(id="r", alias="a", body=b"{}", dialect=CHAT, streamed=True)).feed(data)[0].text == "x"
    assert reasoning_in(data) is None
    assert stamp_of(data + event({"content": "x"}, id="c"))["id"] == "c"
    with pytest.raises(Diverged):
        Rewriting(FIRST, ReplayFilter("")).chunk(Chunk(data=data))
