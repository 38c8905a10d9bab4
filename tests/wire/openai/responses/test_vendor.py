"""A vendor of Responses: what it is sent, and its answers, whole and streamed, cut at every byte."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import msgspec
import pytest

from headworks.core.errors import CallError, Cut, Filtered, Garbled, Malformed, Rejected
from headworks.core.reply import Chunk, Usage
from headworks.core.trail import Trail
from headworks.wire.openai.responses.decoder import MOST_SILENT, ResponsesDecoder
from headworks.wire.openai.responses.envelope import Sealed, sealed
from headworks.wire.openai.responses.forms import as_body, parted
from headworks.wire.openai.responses.pieces import ResponsesPieces
from headworks.wire.openai.responses.vendor import OpenAIResponses
from tests.wire.openai.responses.speaking import RECORDED, asked, encoder, events, judged

VENDOR = OpenAIResponses()
WHOLE = [name for name in RECORDED if name != "quota.sse"]


def event(kind: str, **members: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps({"type": kind, **members}).encode())


CREATED = event("response.created", response={"id": "r", "status": "in_progress"})
DELTA = event("response.output_text.delta", delta="hi", output_index=0, content_index=0, item_id="m")
DONE = event(
    "response.completed", response={"id": "r", "status": "completed", "usage": {"input_tokens": 5, "output_tokens": 2}}
)


def fed(*pieces: bytes, is_ended: bool = True) -> tuple[ResponsesDecoder, list[Chunk]]:
    decoder = ResponsesDecoder()
    chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
    return decoder, chunks + (decoder.end() if is_ended else [])


# What it is sent


def sent(body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(VENDOR.request(asked(body, **fields), b'"v"', counted=True))
    return said


@pytest.mark.parametrize("said", [{}, {"store": True}, {"store": None}, {"store": False}])
def test_nothing_is_kept_at_the_vendors_whatever_the_caller_says(said: dict[str, Any]) -> None:
    assert sent({"model": "m", "input": "hi", **said}) == {"model": "v", "input": "hi", "store": False}


def test_bytes_pass_but_for_the_model_and_what_is_ours_to_say() -> None:
    body = b'{"input" : "h\\u0069", "model":"m" , "store":false,"x":1.50}'
    expected = b'{"input" : "h\\u0069", "model":"v" , "store":false,"x":1.50}'
    assert VENDOR.request(asked(body), b'"v"', counted=False) == expected


def test_a_bound_of_ours_is_put_in() -> None:
    assert sent({"model": "m", "input": "hi"}, bound=7)["max_output_tokens"] == 7
    assert sent({"model": "m", "input": "hi", "max_output_tokens": None}, bound=7)["max_output_tokens"] == 7


def test_what_stands_in_for_another_vendors_thinking_is_not_sent() -> None:
    ours = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": sealed(Sealed("a", "hm"))}
    theirs = {**ours, "encrypted_content": "gAAA"}
    assert sent({"model": "m", "input": [ours, theirs, 5]})["input"] == [theirs, 5]
    assert sent({"model": "m", "input": [theirs, "hw1."]})["input"] == [theirs, "hw1."]
    assert sent({"model": "m", "input": "hw1."})["input"] == "hw1."
    deep = b'{"model":"m","input":["hw1.",' + b"1" * 5000 + b"]}"
    with pytest.raises(Malformed):
        VENDOR.request(asked(deep), b'"v"', counted=False)


def test_under_a_budget_the_vendors_search_is_not_asked_for() -> None:
    tools = [{"type": "web_search"}, {"type": "function", "name": "f"}, 5]
    trail = Trail()
    body = {"model": "m", "input": "hi", "tools": tools}
    assert sent(body, trail=trail)["tools"] == tools
    trail.reservation = object()  # type: ignore[assignment]
    assert sent(body, trail=trail)["tools"] == tools[1:]
    assert sent({**body, "tools": '"web_search'}, trail=trail)["tools"] == '"web_search'
    deep = b'{"model":"m","tools":[{"type":"web_search"},' + b"1" * 5000 + b"]}"
    with pytest.raises(Malformed):
        VENDOR.request(asked(deep, trail=trail), b'"v"', counted=False)


def test_under_a_budget_a_search_whose_name_is_written_with_escapes_is_not_asked_for_either() -> None:
    said = b'{"model":"m","input":"hi","tools":[{"type":"web\\u005fsearch"},{"type":"function","name":"f"}]}'
    trail = Trail()
    trail.reservation = object()  # type: ignore[assignment]
    sent = json.loads(VENDOR.request(asked(said, trail=trail), b'"v"', counted=False))
    assert sent["tools"] == [{"type": "function", "name": "f"}]


def test_where_it_is_asked_and_which_headers_pass() -> None:
    assert VENDOR.path("m", streamed=True) == b"/responses"
    assert VENDOR.forwards(b"openai-beta")
    assert VENDOR.returned([(b"x-request-id", b"r")], frozenset()) == ("r", ())
    assert not VENDOR.refuses_counting(Rejected("x"), asked())
    assert VENDOR.begun(b"{}", "message") == b"{}"
    assert VENDOR.decoder(asked()).feed(CREATED)
    assert VENDOR.pieces().feed(CREATED)
    assert VENDOR.error(400, [], b'{"error":{"message":"no"}}', 0.0).message == "no"


# Streams


@pytest.mark.parametrize("name", WHOLE)
def test_a_recorded_stream_passes_byte_for_byte_however_it_is_cut(name: str) -> None:
    stream = RECORDED[name]
    decoder, chunks = fed(stream)
    assert b"".join([chunk.data for chunk in chunks]) == stream
    assert (decoder.is_done, decoder.is_complete, decoder.fault, decoder.finish) == (True, True, None, "completed")
    last = json.loads(chunks[-1].data.partition(b"data: ")[2])["response"]
    assert decoder.usage is not None
    assert decoder.usage.input_tokens == last["usage"]["input_tokens"]
    assert decoder.usage.output_tokens == last["usage"]["output_tokens"]
    _, cut = fed(*[stream[at : at + 1] for at in range(len(stream))])
    assert cut == chunks
    for at in range(1, len(stream), 997):
        assert fed(stream[:at], stream[at:])[1] == chunks


@pytest.mark.parametrize("name", WHOLE)
def test_a_recorded_stream_has_its_body_at_its_end(name: str) -> None:
    _, chunks = fed(RECORDED[name])
    body = as_body(*parted(chunks))
    assert body is not None
    chunk = VENDOR.whole(body, asked())
    texts = "".join([one.text for one in chunks])
    assert chunk.text == texts or name == "phase.sse"  # of that one some deltas are left out
    assert (chunk.finish, chunk.usage) == ("completed", chunks[-1].usage)
    assert VENDOR.spent(body).usage == chunk.usage
    assert VENDOR.spent(RECORDED[name]).usage == chunk.usage


@pytest.mark.parametrize("name", WHOLE)
def test_a_recorded_stream_is_told_again_through_the_hub(name: str) -> None:
    pieces = ResponsesPieces()
    caller = encoder()
    data = caller.feed(pieces.feed(RECORDED[name])) + caller.end()
    told = (
        events(data) if name == "tool_search.sse" else judged(data, is_typed=False)
    )  # OpenAI's own tool has no id there
    before = json.loads(RECORDED[name].rsplit(b"data: ", 1)[1])["response"]
    after = told[-1]["response"]
    kinds = [kind for kind, _ in groupby(one["type"] for one in before["output"])]  # texts in a row are one message
    assert [one["type"] for one in after["output"]] == kinds
    assert [one["type"] for one in caller_of(before)["output"]] == kinds
    assert after["usage"] == before["usage"]


def caller_of(answer: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(encoder().whole(ResponsesPieces().whole(json.dumps(answer).encode())))
    return said


def test_what_counts_as_the_head_is_content() -> None:
    opening = [
        CREATED,
        event("response.in_progress", response={}),
        event("keepalive"),
        event("response.output_item.added", item={"type": "message"}, output_index=0),
        event("response.content_part.added", part={"type": "output_text"}, output_index=0),
        event("response.output_item.added", item={"type": "reasoning"}, output_index=0),
    ]
    decoder, chunks = fed(*opening, is_ended=False)
    assert not decoder.is_headed
    assert not any(chunk.has_content for chunk in chunks)
    [chunk] = decoder.feed(DELTA)
    assert (chunk.has_content, chunk.text, chunk.size, decoder.is_headed) == (True, "hi", 2, True)
    assert (decoder.received, decoder.uncounted) == (2, 2)


@pytest.mark.parametrize(
    ("kind", "members", "flags"),
    [
        ("response.output_item.added", {"item": {"type": "function_call"}}, (True, True, False, False)),
        ("response.output_item.added", {"item": {"type": "web_search_call"}}, (True, False, True, False)),
        ("response.output_item.added", {}, (True, False, True, False)),
        ("response.output_item.done", {"item": {"type": "function_call"}}, (False, False, False, False)),
        ("response.output_item.done", {"item": {"type": "image_generation_call"}}, (True, False, True, False)),
        ("response.function_call_arguments.delta", {"delta": "{"}, (True, True, False, False)),
        ("response.custom_tool_call_input.delta", {"delta": "{"}, (True, True, False, False)),
        ("response.reasoning_summary_text.delta", {"delta": "hm"}, (True, False, True, False)),
        ("response.refusal.delta", {"delta": "no"}, (True, False, True, True)),
        ("response.novel.event", {"delta": 5}, (True, False, True, False)),
        ("response.output_text.delta", {"delta": 5}, (True, False, False, False)),
        ("response.output_text.done", {"text": "hi"}, (False, False, False, False)),
    ],
)
def test_what_an_event_carries(kind: str, members: dict[str, Any], flags: tuple[bool, ...]) -> None:
    _, [chunk] = fed(event(kind, **members), is_ended=False)
    assert (chunk.has_content, chunk.begins_tool_call, chunk.is_mixed, chunk.is_refusal) == flags


def test_an_incomplete_answer_ends_with_its_reason_and_its_tokens() -> None:
    ended = {
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "usage": {"output_tokens": 2},
    }
    decoder, chunks = fed(DELTA, event("response.incomplete", response=ended))
    assert (decoder.finish, decoder.usage, chunks[-1].last) == ("max_output_tokens", Usage(output=2), True)
    unsaid, _ = fed(event("response.incomplete", response={"status": "incomplete"}))
    assert (unsaid.finish, unsaid.is_counted) == ("incomplete", False)


def test_nothing_follows_the_end() -> None:
    decoder, chunks = fed(DELTA, DONE + DELTA, DELTA)
    assert len(chunks) == 2
    assert decoder.end() == []
    decoder.give_up()


def test_an_end_without_its_empty_line_is_an_end() -> None:
    decoder, chunks = fed(DELTA + DONE.rstrip())
    assert (decoder.is_done, chunks[-1].last) == (True, True)


def test_the_spec_of_a_quota_in_a_stream_is_the_vendors_error_before_the_head() -> None:
    decoder, _ = fed(RECORDED["quota.sse"])
    assert isinstance(decoder.fault, CallError)
    assert decoder.fault.said is not None
    assert (decoder.fault.said.code, decoder.fault.said.status) == ("insufficient_quota", 429)
    assert not isinstance(decoder.fault, Cut)
    assert decoder.feed(DELTA) == []


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        (event("response.failed", response={"error": {"code": "server_error", "message": "broke"}}), "broke"),
        (event("response.failed", response={}), "failed"),
        (event("error", code="server_error", message="broke", param=None), "broke"),
        (event("error", error={"type": "server_error", "message": "broke"}), "broke"),
        (b'data: {"error":{"message":"broke"}}\n\n', "broke"),
    ],
)
def test_a_failure_behind_the_head_is_a_cut_with_the_vendors_words(failing: bytes, said: str) -> None:
    decoder, chunks = fed(DELTA, failing)
    assert isinstance(decoder.fault, Cut)
    assert said in decoder.fault.message
    assert len(chunks) == 1


def test_a_failure_before_the_head_is_what_its_code_means() -> None:
    failing = event("response.failed", response={"error": {"code": "content_filter", "message": "no"}})
    assert isinstance(fed(CREATED, failing)[0].fault, Filtered)


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([DELTA], Cut),
        ([CREATED], Garbled),
        ([], Garbled),
        ([DELTA, b'data: {"type":"response.outp'], Cut),
        ([DELTA, event("response.completed")], Cut),
        ([DELTA, b"data: undefined\n\n", b"data: undefined\n\n"], Cut),
        ([DELTA, b'data: {"type": \n\n'], Cut),
        ([b": " + b"x" * 5_000_000 + b"\n\n"] * 60, Garbled),
        ([DELTA, b": " + b"x" * MOST_SILENT + b"\n\n"], Cut),
        ([b"data: 5\n\n", b"data: 5\n\n"], Garbled),
        ([DELTA, b'data: {"type":"error","x":' + b"[" * 2000 + b"]" * 2000 + b"}\n\n"], Cut),
        ([DELTA, b'data: {"type":"error","x":1e999}\n\n'], Cut),
        ([b"<html>"], Garbled),
        ([b"{"], Garbled),
        ([b'{"status":"completed","output":[5]}'], Garbled),
        ([b'{"error":{"message":"no"}}'], Garbled),
    ],
)
def test_a_stream_that_ends_early_is_never_whole(pieces: list[bytes], kind: type[CallError]) -> None:
    decoder, chunks = fed(*pieces)
    assert isinstance(decoder.fault, kind)
    assert not any(chunk.last for chunk in chunks)
    assert decoder.end() == []


def test_words_of_a_proxy_between_events_are_skipped() -> None:
    decoder, chunks = fed(b"data: undefined\n\n", DELTA, DONE)
    assert (decoder.is_done, chunks[0].data) == (True, b"")


def test_an_event_or_a_body_that_is_too_long_is_a_break() -> None:
    decoder = ResponsesDecoder(100)
    decoder.feed(DELTA[:90] + b"x" * 200)
    assert isinstance(decoder.fault, Garbled)
    body = ResponsesDecoder(100)
    body.feed(b"{" + b" " * 200)
    assert isinstance(body.fault, Garbled)
    assert body.pending == 0


def test_known_members_of_other_types_are_read_all_the_same() -> None:
    odd = {
        "type": "response.completed",
        "item": "x",
        "response": {"status": 5, "usage": {"input_tokens": "7", "output_tokens": 1.0}},
    }
    decoder, _ = fed(b"data: " + json.dumps(odd).encode() + b"\n\n")
    assert (decoder.usage, decoder.finish) == (Usage(input=7, output=1), "completed")
    assert fed(event("response.completed", response={"usage": "x", "status": 5}))[0].usage is None
    assert fed(event("response.completed", response={"usage": {"input_tokens": 0}}))[0].usage is None
    assert fed(event("response.completed", item=5, response={"usage": {"input_tokens": []}}))[0].usage is None
    _, [chunk] = fed(event("response.output_item.added", item={"type": 5}), is_ended=False)
    assert chunk.has_content
    _, [half] = fed(b'data: {"type":"response.output_text.delta","delta":"\\ud83d"}\n\n', is_ended=False)
    assert (half.text, half.size) == ("\ud83d", 3)
    assert fed(b'data: {"type":5}\n\n')[0].is_headed


def test_a_body_in_place_of_a_stream_is_told_as_one() -> None:
    _, chunks = fed(RECORDED["phase.sse"])
    body = as_body(*parted(chunks))
    assert body is not None
    decoder, [chunk] = fed(body[:50], body[50:])
    assert (decoder.is_done, decoder.usage, decoder.finish) == (True, chunks[-1].usage, "completed")
    judged(chunk.data, is_typed=False)


# Whole


def whole(**members: Any) -> Chunk:
    return VENDOR.whole(json.dumps({"object": "response", "status": "completed", **members}).encode(), asked())


def test_a_whole_answer_says_what_is_in_it() -> None:
    output = [
        {"type": "reasoning", "summary": [{"text": "hm"}, 5], "content": None},
        {
            "type": "message",
            "content": [
                {"type": "output_text", "text": "hi"},
                {"type": "refusal", "refusal": "no"},
                {"type": "output_text"},
            ],
        },
        {"type": "message", "content": None},
        {"type": "function_call", "name": "f", "arguments": "{}"},
        {"type": "web_search_call"},
        5,
    ]
    chunk = whole(output=output, usage={"input_tokens": 1, "output_tokens": 1})
    assert (chunk.text, chunk.begins_tool_call, chunk.is_refusal, chunk.finish) == ("hi", True, True, "completed")
    assert chunk.size == 2 + 2 + 2 + 3 + 4
    assert whole(output=[], status="queued").finish is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", Garbled),
        (b"[1]", Garbled),
        (b'{"status":"completed"}', Garbled),
        (b'{"error":{"message":"no","code":"content_filter"}}', Filtered),
        (b'{"status":"failed","error":{"message":"no","code":"content_filter"},"output":[]}', Filtered),
        (b'{"status":"failed","output":[]}', Garbled),
        (b'{"status":"completed","error":{"message":"no"},"output":[]}', Garbled),
        (b'{"output":' + b"[" * 2000 + b"]" * 2000 + b"}", Garbled),
    ],
)
def test_a_body_that_is_no_answer_is_an_error(body: bytes, kind: type[CallError]) -> None:
    with pytest.raises(kind):
        VENDOR.whole(body, asked())
    assert VENDOR.spent(body).received == 0


def test_pieces_of_odd_events_are_told_as_far_as_they_go() -> None:
    pieces = ResponsesPieces()
    data = b"".join(
        [
            b"data: 5\n\n",
            event("response.created", response=None),
            event("response.created", response={"id": 5, "created_at": True}),
            event("response.created", response={"id": "again"}),
            event("response.output_item.added", item=5),
            event(
                "response.output_item.done",
                output_index=0,
                item={"type": "function_call", "name": "f", "arguments": "{}"},
            ),
            event(
                "response.output_item.done",
                output_index=0,
                item={"type": "function_call", "name": "f", "arguments": "{}"},
            ),
            event(
                "response.output_item.done",
                output_index=1,
                item={"type": "reasoning", "id": "r", "encrypted_content": "g"},
            ),
            event(
                "response.output_item.done",
                output_index=2,
                item={"type": "message", "content": [{"type": "output_text", "text": "a"}]},
            ),
            event("response.reasoning_summary_text.delta", delta="a", output_index=3, summary_index=0),
            event("response.reasoning_summary_text.delta", delta="b", output_index=3, summary_index=1),
            event("response.reasoning_text.delta", delta="c", output_index="x", content_index=0),
            event("response.output_text.delta", delta=5, output_index=4, content_index=0, logprobs=[{"token": "a"}]),
            event("response.novel.delta", delta="x"),
            event("response.completed", response=5),
        ]
    )
    names = [type(piece).__name__ for piece in pieces.feed(data)]
    assert names == [
        *("Started", "ChoiceStarted", "ToolCallDelta", "ToolCallDelta", "ToolCallDelta", "Whole", "Whole"),
        *("ThinkingDelta", "ThinkingDelta", "ThinkingDelta", "TextDelta", "LikelyDelta"),
    ]
    assert pieces.end() == []
    for body in (b"[1]", b"5", b"{", b'{"output":5}'):
        with pytest.raises(Garbled):
            ResponsesPieces().whole(body)
    with pytest.raises(Garbled):
        ResponsesPieces().feed(b"data: {\n\n")
    read = ResponsesPieces().whole(
        msgspec.json.encode({"output": [5, {"type": "novel"}], "created_at": 5.0, "status": "queued"})
    )
    assert (read.created, read.choices[0].finish) == (5, None)
