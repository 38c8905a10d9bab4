"""A stream as one body and a body as a stream: exactly, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.reply import Chunk, Usage
from headworks.wire.openai.forms import DONE, as_body, as_events, ends, is_finished, is_whole, parted

OWN = ends(is_bounded=False)
STAMP = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "m", "system_fingerprint": "fp"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "prompt_tokens_details": {"cached_tokens": 2}}


def event(*choices: Any, **fields: Any) -> bytes:
    return b"data: " + json.dumps({**STAMP, "choices": list(choices), **fields}).encode() + b"\n\n"


def choice(delta: Any, index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish, **fields}


COUNTS = event(usage=USAGE)


def body_of(*events: bytes) -> dict[str, Any]:
    body = as_body(b"".join(events), COUNTS)
    assert body is not None
    made: dict[str, Any] = json.loads(body)
    return made


def test_text_refusal_and_logprobs_are_put_together() -> None:
    made = body_of(
        event(choice({"role": "assistant", "content": "", "refusal": None}, logprobs=None), obfuscation="x8"),
        event(choice({"content": "Hel"}, logprobs={"content": [{"token": "Hel", "logprob": -0.1}], "refusal": None})),
        event(choice({"content": "lo"}, logprobs={"content": [{"token": "lo", "logprob": -0.1}], "refusal": None})),
        event(choice({}, finish="stop", logprobs=None)),
    )
    assert made == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "system_fingerprint": "fp",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "logprobs": {
                    "content": [{"token": "Hel", "logprob": -0.1}, {"token": "lo", "logprob": -0.1}],
                    "refusal": None,
                },
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }


def test_a_refusal_has_no_content() -> None:
    made = body_of(
        event(choice({"role": "assistant", "content": None, "refusal": ""})),
        event(choice({"refusal": "I can"})),
        event(choice({"refusal": "not."})),
        event(choice({}, finish="stop")),
    )
    assert made["choices"][0]["message"] == {"role": "assistant", "content": None, "refusal": "I cannot."}


def test_tool_calls_are_put_together_by_their_index() -> None:
    def call(index: int, **fields: Any) -> dict[str, Any]:
        return {"tool_calls": [{"index": index, **fields}]}

    made = body_of(
        event(choice({"role": "assistant", "content": None})),
        event(choice(call(0, id="a", type="function", function={"name": "f", "arguments": ""}))),
        event(choice(call(0, function={"arguments": '{"x'}))),
        event(choice(call(1, id="b", type="custom", custom={"name": "g", "input": "1"}))),
        event(choice(call(0, function={"arguments": '":1}'}))),
        event(choice(call(1, custom={"input": "1"}))),
        event(choice({}, finish="tool_calls")),
    )
    assert made["choices"][0]["message"]["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "custom", "custom": {"name": "g", "input": "11"}},
    ]
    assert made["choices"][0]["finish_reason"] == "tool_calls"


def test_several_choices_keep_apart() -> None:
    made = body_of(
        event(choice({"role": "assistant", "content": "a"}, 1), choice({"role": "assistant", "content": "x"})),
        event(choice({"content": "b"}, 1)),
        event(choice({}, 0, "stop")),
        event(choice({}, 1, "stop")),
    )
    assert [one["message"]["content"] for one in made["choices"]] == ["x", "ab"]


def test_reasoning_and_what_is_said_once_or_again_the_same_is_kept() -> None:
    made = body_of(
        event(choice({"role": "assistant", "reasoning_content": "hm"}), citations=["u"], x={"id": "r"}),
        event(choice({"role": "assistant", "reasoning_content": "m"}), citations=["u"], x={"more": 1}),
        event(choice({"content": "42", "novel": {"a": 1}}), citations=["u"]),
        event(choice({}, finish="stop"), citations=["u"]),
    )
    message = made["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "42", "reasoning_content": "hmm", "novel": {"a": 1}}
    assert made["citations"] == ["u"]
    assert made["x"] == {"id": "r", "more": 1}


HELLO = event(choice({"role": "assistant", "content": "Hello"}))
STOP = event(choice({}, finish="stop"))


@pytest.mark.parametrize(
    "events",
    [
        [HELLO, event(choice({"novel": "a"})), event(choice({"novel": "b"})), STOP],
        [event(choice({"role": "assistant", "content": ["part"]})), event(choice({"content": "text"})), STOP],
        [HELLO, event(choice({}, moderation={"ok": [1]})), event(choice({}, moderation={"ok": [2]})), STOP],
        [HELLO, event(choice({"tool_calls": [{"id": "a"}]})), STOP],
        [HELLO, event(choice({"tool_calls": ["a"]})), STOP],
        [HELLO, event(choice({"tool_calls": [{"index": 0, "id": "a"}, {"index": 0, "id": "b"}]})), STOP],
        [HELLO, event("choice"), STOP],
        [HELLO, event({"delta": {}}), STOP],
        [HELLO, event(choice("delta")), STOP],
        [HELLO],
        [HELLO, STOP, event(choice({"content": "x"}, 2, "stop"))],
        [b"data: [1]\n\n"],
        [b"data: nonsense\n\n"],
        [b"data: " + b"[" * 100_000 + b"]" * 100_000 + b"\n\n"],
    ],
)
def test_what_cannot_be_told_for_certain_is_not_told(events: list[bytes]) -> None:
    assert as_body(b"".join(events), COUNTS) is None


def test_without_the_tokens_there_is_no_body() -> None:
    assert as_body(HELLO + STOP, b"") is None
    assert as_body(HELLO + STOP, event(usage="many")) is None


WHOLE: dict[str, Any] = {
    "id": "chatcmpl-2",
    "object": "chat.completion",
    "created": 9,
    "model": "m",
    "service_tier": "default",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "refusal": None, "annotations": []},
            "logprobs": {"content": [{"token": "Hi"}]},
            "finish_reason": "stop",
        },
        {
            "index": 1,
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            "finish_reason": "tool_calls",
        },
    ],
    "usage": USAGE,
}


def test_a_body_becomes_a_stream_that_becomes_the_same_body() -> None:
    made = as_events(json.dumps(WHOLE).encode())
    assert made is not None
    events, counts = made
    assert events.count(b"\n\n") == 4
    assert b'"usage"' not in events
    first = json.loads(events.split(b"\n\n")[0].removeprefix(b"data: "))
    assert first["object"] == "chat.completion.chunk"
    assert first["service_tier"] == "default"
    assert json.loads(counts.removeprefix(b"data: "))["choices"] == []
    body = as_body(events, counts)
    assert body is not None
    assert json.loads(body) == WHOLE


@pytest.mark.parametrize(
    "broken",
    [
        {"usage": None},
        {"choices": None},
        {"choices": ["x"]},
        {"choices": [{"index": 0}]},
        {"choices": [{"index": 0, "message": {"tool_calls": ["x"]}}]},
    ],
)
def test_a_body_that_lacks_something_is_no_stream(broken: dict[str, Any]) -> None:
    assert as_events(json.dumps({**WHOLE, **broken}).encode()) is None
    assert as_events(b"[]") is None
    assert as_events(b"nonsense") is None


def test_the_two_events_that_end_a_stream_are_parted_from_the_rest() -> None:
    hidden = [
        Chunk(data=HELLO),
        Chunk(data=STOP),
        Chunk(data=b"", unasked=COUNTS, usage=Usage()),
        Chunk(data=DONE, last=True),
    ]
    shown = [Chunk(data=HELLO + STOP), Chunk(data=COUNTS, usage=Usage()), Chunk(data=DONE, last=True)]
    at_once = [Chunk(data=HELLO + STOP), Chunk(data=COUNTS + DONE, usage=Usage(), last=True)]
    for chunks in (hidden, shown, at_once):
        assert parted(chunks) == (HELLO + STOP, COUNTS)


def test_tokens_beside_content_stay_where_they_are() -> None:
    both = event(choice({}, finish="stop"), usage=USAGE)
    odd = Chunk(data=b"data: nonsense\n\n", usage=Usage())
    assert parted([Chunk(data=both, usage=Usage()), odd, Chunk(data=DONE, last=True)]) == (both + odd.data, b"")
    assert as_body(HELLO + both, b"") is not None


@pytest.mark.parametrize(
    ("finishes", "choices", "whole"),
    [
        (["stop"], 1, True),
        (["stop", "tool_calls"], 2, True),
        (["stop"], 2, False),
        (["stop", "length"], 2, False),
        (["content_filter"], 1, False),
    ],
)
def test_an_answer_is_whole_when_every_choice_came_to_its_own_end(
    finishes: list[str], choices: int, whole: bool
) -> None:
    made = {**WHOLE, "choices": [{"index": n, "message": {}, "finish_reason": f} for n, f in enumerate(finishes)]}
    assert is_whole(json.dumps(made).encode(), OWN, streamed=False, choices=choices) is whole
    events = b"".join(event(choice({}, number, finish)) for number, finish in enumerate(finishes))
    assert is_whole(HELLO + events, OWN, streamed=True, choices=choices) is whole
    assert not is_whole(b"nonsense", OWN, streamed=False, choices=choices)


def test_an_answer_that_stopped_at_the_callers_own_bound_is_what_was_asked_for() -> None:
    assert "length" in ends(is_bounded=True) > OWN
    assert "content_filter" not in ends(is_bounded=True)


# What says nothing, halves, and lines that end otherwise


@pytest.mark.parametrize("nothing", ["", "null", None])
def test_a_finish_reason_that_says_nothing_is_none(nothing: str | None) -> None:
    said = event(choice({"role": "assistant", "content": "a"}, finish=nothing))
    ended = event(choice({"content": "b"}, finish="stop"))
    made = body_of(said, ended)
    assert made["choices"][0]["finish_reason"] == "stop"
    assert made["choices"][0]["message"]["content"] == "ab"
    assert is_whole(said + ended, OWN, streamed=True, choices=1)
    assert not is_whole(said, OWN, streamed=True, choices=1)
    assert as_body(said, COUNTS) is None
    body = json.dumps({"choices": [{"message": {}, "finish_reason": nothing}]}).encode()
    assert not is_whole(body, OWN, streamed=False, choices=1)


def test_a_name_that_is_empty_at_first_is_the_one_that_follows() -> None:
    made = body_of(
        event(model="", id="", prompt_filter_results=[]),
        event(choice({"role": "assistant", "content": "a", "annotations": []}), model="m"),
        event(choice({"role": "", "content": ""}, finish="stop"), model="m"),
    )
    assert (made["model"], made["id"]) == ("m", "chatcmpl-1")
    assert made["choices"][0]["message"]["role"] == "assistant"


def test_halves_of_a_surrogate_pair_meet_in_the_body_and_stay_halves_where_they_do_not() -> None:
    pieces = [event(choice({"role": "assistant", "content": "a\ud83d"})), event(choice({"content": "\ude00"}))]
    ended = event(choice({"content": "\ud83d"}, finish="stop"))
    body = as_body(b"".join(pieces) + ended, COUNTS)
    assert body is not None
    assert rb"a\ud83d\ude00\ud83d" in body
    parts = as_events(body)
    assert parts is not None
    assert rb"a\ud83d\ude00\ud83d" in parts[0]


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\r\r"])
def test_lines_may_end_otherwise(end: bytes) -> None:
    events = event(choice({"role": "assistant", "content": "a"})) + event(choice({}, finish="stop"))
    other, counts = events.replace(b"\n\n", end), COUNTS.replace(b"\n\n", end)
    assert as_body(other, counts) == as_body(events, COUNTS)
    chunks = [
        Chunk(data=other),
        Chunk(data=b"", unasked=counts, usage=Usage(input=9)),
        Chunk(data=b"data: [DONE]" + end, last=True),
    ]
    assert parted(chunks) == (other, counts)


def test_a_name_that_is_each_events_own_is_the_first_ones_in_the_body() -> None:
    made = body_of(
        event(choice({"role": "assistant", "content": "a"}), id="c1"),
        event(choice({"content": "b"}), id="c2"),
        event(choice({}, finish="stop"), id="c3"),
    )
    assert made["id"] == "c1"
    assert made["choices"][0]["message"]["content"] == "ab"


def test_what_a_proxy_says_between_the_pieces_is_nothing_of_the_answer() -> None:
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    assert "type" not in body_of(HELLO, ping, STOP)


def test_an_answer_is_finished_once_every_choice_that_was_asked_for_is() -> None:
    one, two = b'{"messages":[1]}', b'{"messages":[1],"n":2}'
    half = b'{"choices":[{"message":{},"finish_reason":"stop"}]}'
    assert is_finished(one, half, "stop", streamed=False, is_bounded=False)
    assert not is_finished(one, half, "length", streamed=False, is_bounded=False)
    assert is_finished(one, half, "length", streamed=False, is_bounded=True)
    assert not is_finished(two, half, "stop", streamed=False, is_bounded=False)
