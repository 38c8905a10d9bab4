"""What vendors' answers mean, whole and streamed, and that a cut answer never looks whole."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.call import Call
from headworks.core.errors import CallError, Cut, Denied, Failed, Garbled, Rejected, Throttled
from headworks.core.reply import Chunk, Usage
from headworks.core.text import joined
from headworks.wire.openai.caller import CHAT as CALLER
from headworks.wire.openai.chat import ChatDecoder, OpenAIChat

CHAT = OpenAIChat()
DONE = b"data: [DONE]\n\n"

RECORDED = {path.name: path.read_bytes() for path in (Path(__file__).parent / "recorded").iterdir()}
OPENAI_STREAM = RECORDED["openai.sse"]
OPENROUTER_ERROR = RECORDED["openrouter_error.sse"]
OPENAI_ANSWER = RECORDED["openai.json"]
HTML_502 = RECORDED["bad_gateway.html"]
STREAMS = {name: stream for name, stream in RECORDED.items() if name.endswith(".sse")} | {
    "headed, then an error": RECORDED["openrouter.sse"][:-14] + OPENROUTER_ERROR,
    "crlf": OPENAI_STREAM.replace(b"\n", b"\r\n"),
    "cut": OPENAI_STREAM[:1500],
    "no done": OPENAI_STREAM[:-14],
}


def call(*, include_usage: bool = False, body: bytes = b'{"model":"a","messages":[1]}') -> Call:
    return Call(id="r", alias="a", body=body, dialect=CALLER, streamed=True, include_usage=include_usage)


def decode(
    stream: bytes, cuts: tuple[int, ...] = (), *, asked: Call | None = None, limit: int | None = None
) -> tuple[list[Chunk], CallError | None]:
    decoder = ChatDecoder(asked or call(), limit) if limit else CHAT.decoder(asked or call())
    chunks: list[Chunk] = []
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        chunks += decoder.feed(stream[start:end])
    chunks += decoder.end()
    assert decoder.is_done == (bool(chunks) and chunks[-1].last)
    assert decoder.is_done != (decoder.fault is not None)
    assert decoder.end() == decoder.feed(b"data: x\n\n") == []
    return chunks, decoder.fault


def whole(stream: bytes, *, include_usage: bool = False) -> list[Chunk]:
    chunks, fault = decode(stream, asked=call(include_usage=include_usage))
    assert fault is None
    return chunks


# Streams


@given(st.sampled_from(sorted(STREAMS)), st.lists(st.integers(0, 5000), max_size=12))
def test_any_cut_gives_the_same_chunks(name: str, cuts: list[int]) -> None:
    chunks, fault = decode(STREAMS[name], tuple(cuts))
    wanted, wanted_fault = decode(STREAMS[name])
    assert chunks == wanted
    assert (type(fault), str(fault)) == (type(wanted_fault), str(wanted_fault))


@given(st.integers(0, len(OPENAI_STREAM)))
def test_a_stream_that_ends_early_never_looks_whole(end: int) -> None:
    finished_at = OPENAI_STREAM.index(b'"stop"')
    chunks, fault = decode(OPENAI_STREAM[:end])
    if fault is None:
        assert end > finished_at
        assert chunks[-1].last
        assert chunks[-1].data == DONE
    else:
        is_headed = any(chunk.has_content for chunk in chunks)
        assert isinstance(fault, Cut if is_headed else Garbled)
        assert not any(chunk.last for chunk in chunks)


def test_openai() -> None:
    chunks = whole(OPENAI_STREAM)
    assert [chunk.has_content for chunk in chunks] == [False, True, True, True, False, False]
    assert "".join(chunk.text for chunk in chunks) == "Hello wörld"
    assert chunks[3].finish == "stop"
    assert chunks[4].usage == Usage(input=11, cached_input=8, output=6, reasoning=4)
    assert chunks[4].data == b"", "the caller did not ask for it"
    assert chunks[5].last
    shown = OPENAI_STREAM.split(b"\n\n")
    assert b"".join(chunk.data for chunk in chunks) == b"\n\n".join(shown[:4] + shown[5:])


def test_a_caller_who_asks_for_usage_gets_every_byte() -> None:
    chunks = whole(OPENAI_STREAM, include_usage=True)
    assert b"".join(chunk.data for chunk in chunks) == OPENAI_STREAM


@pytest.mark.parametrize(
    "name", ["azure.sse", "tools.sse", "mistral_thinking.sse", "openai.sse", "vllm.sse", "llama_cpp.sse"]
)
def test_an_answer_that_was_counted_for_the_caller_keeps_its_bytes(name: str) -> None:
    assert b"".join(chunk.data for chunk in whole(STREAMS[name], include_usage=True)) == STREAMS[name]


def test_azure_opens_with_an_event_about_the_prompt() -> None:
    chunks = whole(RECORDED["azure.sse"])
    assert [chunk.has_content for chunk in chunks] == [False, False, True, True, False]
    assert b"prompt_filter_results" in chunks[0].data


def test_vllm() -> None:
    chunks = whole(RECORDED["vllm.sse"])
    assert [chunk.finish for chunk in chunks] == [None, None, "length", None, None]
    assert chunks[3].usage == Usage(input=11, output=2)


def test_openrouters_comments_are_dropped_and_its_reasoning_is_content() -> None:
    chunks = whole(RECORDED["openrouter.sse"])
    assert [chunk.has_content for chunk in chunks] == [True, True, False, False]
    assert chunks[2].data, "it has a choice, so it is not the extra event"
    assert chunks[2].usage == Usage(input=70, output=8, reasoning=12)
    assert not any(b"PROCESSING" in chunk.data for chunk in chunks)


def test_deepseek_reasons_before_it_answers() -> None:
    chunks = whole(RECORDED["deepseek.sse"])
    assert [chunk.has_content for chunk in chunks] == [False, True, True, True, False]
    assert [chunk.text for chunk in chunks] == ["", "", "4", "", ""]
    assert chunks[3].usage == Usage(input=15, output=2, reasoning=28)


def test_a_tool_call_is_seen_from_its_first_event() -> None:
    chunks = whole(RECORDED["tools.sse"])
    assert [chunk.begins_tool_call for chunk in chunks] == [True, True, False, False]
    assert chunks[2].finish == "tool_calls"


def test_text_as_a_list_of_parts_is_text() -> None:
    chunks = whole(RECORDED["mistral_thinking.sse"])
    assert [(chunk.has_content, chunk.text) for chunk in chunks] == [(True, ""), (True, "So"), (True, ""), (False, "")]


def test_of_many_choices_the_first_ones_text_is_noted() -> None:
    asked = call(body=b'{"model":"a","messages":[1],"n":2}')
    chunks, fault = decode(RECORDED["two_choices.sse"], asked=asked)
    assert fault is None
    assert [(chunk.text, chunk.finish) for chunk in chunks] == [
        ("", None),
        ("A", None),
        ("", None),
        ("", "stop"),
        ("", None),
    ]
    assert chunks[-1].data == DONE


def test_a_stream_is_not_whole_before_every_choice_is() -> None:
    asked = call(body=b'{"model":"a","messages":[1],"n":3}')
    _, fault = decode(RECORDED["two_choices.sse"], asked=asked)
    assert isinstance(fault, Cut)


@pytest.mark.parametrize("n", [b"null", b'"many"', b"-1", b"1"])
def test_where_no_number_of_choices_is_asked_for_there_is_one(n: bytes) -> None:
    asked = call(body=b'{"model":"a","messages":[1],"n":' + n + b"}")
    chunks, _ = decode(OPENAI_STREAM[: -len(DONE)], asked=asked)
    assert chunks[-1].last


@pytest.mark.parametrize("end", [b"data: [DONE]", b"data: [DONE]\n", b"data:[DONE]\r\n\r"])
def test_done_needs_no_empty_line(end: bytes) -> None:
    chunks = whole(OPENAI_STREAM[: -len(DONE)] + end)
    assert [chunk.last for chunk in chunks] == [False] * 5 + [True]


def test_without_done_an_answer_that_finished_is_completed() -> None:
    chunks = whole(OPENAI_STREAM[: -len(DONE)])
    assert chunks[-1] == Chunk(data=DONE, last=True)
    assert chunks[-2].usage is not None


def test_half_an_event_behind_a_whole_answer_is_not_missed() -> None:
    chunks = whole(OPENAI_STREAM[: OPENAI_STREAM.index(b'"choices":[],')])
    assert chunks[-1] == Chunk(data=DONE, last=True)


def test_nothing_follows_done() -> None:
    assert len(whole(OPENAI_STREAM + OPENAI_STREAM)) == 6


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        DONE,
        b": ping\n\n",
        b"data: {\n\n",
        b'data: "text"\n\n',
        b"data: [1]\n\n",
        b"data: " + b"[" * 5000 + b"\n\n",
        b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n' + DONE,
        HTML_502,
        OPENAI_ANSWER[:-2],
        b'{"half": ',
        b"plain text",
        b"data: " + b"x" * 3000,
        b"data: \xff\n\n",
    ],
)
def test_what_ends_before_its_first_content_is_garbled(stream: bytes) -> None:
    chunks, fault = decode(stream, limit=2000)
    assert isinstance(fault, Garbled)
    assert not any(chunk.has_content for chunk in chunks)


def test_a_page_in_place_of_a_stream_is_called_one() -> None:
    _, fault = decode(HTML_502)
    assert isinstance(fault, Garbled)
    assert "HTML" in fault.message


HEADED = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
END = FINISH + DONE
NOISE = [b"data: {\n\n", b"data: 7\n\n", b"data: <html>\n\n", b"data: ping\n\n", b"data: \xff\n\n"]
PIECE = b'data: {"id":"c","choices":[{"index":0,"delta":{"conte\n\n'


@pytest.mark.parametrize("noise", [*NOISE, PIECE, b"data: " + b"x" * 3000])
def test_what_breaks_after_content_is_a_cut(noise: bytes) -> None:
    chunks, fault = decode(HEADED + noise, limit=2000)
    assert isinstance(fault, Cut)
    assert "".join(chunk.text for chunk in chunks) == "x"


@pytest.mark.parametrize("noise", NOISE)
def test_one_bad_event_in_a_stream_that_goes_on_is_skipped(noise: bytes) -> None:
    assert b"".join(chunk.data for chunk in whole(HEADED + noise + HEADED + END)) == HEADED + HEADED + END
    assert b"".join(chunk.data for chunk in whole(noise + HEADED + END)) == HEADED + END


@pytest.mark.parametrize("noise", NOISE)
def test_a_second_bad_event_is_a_break(noise: bytes) -> None:
    chunks, fault = decode(HEADED + noise + HEADED + noise + HEADED + END)
    assert isinstance(fault, Cut)
    assert b"".join(chunk.data for chunk in chunks) == HEADED + HEADED


def test_a_piece_of_the_answer_that_cannot_be_read_is_a_hole_in_it_and_not_skipped() -> None:
    chunks, fault = decode(HEADED + PIECE + HEADED + END)
    assert isinstance(fault, Cut)
    assert len(chunks) == 1


def test_an_end_mark_without_a_finish_reason_is_a_cut() -> None:
    chunks, fault = decode(HEADED + DONE)
    assert isinstance(fault, Cut)
    assert [chunk.last for chunk in chunks] == [False]


@pytest.mark.parametrize(
    ("event", "kind", "status"),
    [
        (OPENROUTER_ERROR, Failed, 502),
        (b'data: {"error":{"object":"error","message":"bad","type":"BadRequestError","code":400}}\n\n', Rejected, 400),
        (b'data: {"error":{"message":"slow","type":"tokens","code":"rate_limit_exceeded"}}\n\n', Throttled, 429),
        (b'data: {"error":{"message":"no","type":"insufficient_quota","code":"insufficient_quota"}}\n\n', Denied, 502),
        (b'data: {"error":{"message":"oops","type":"server_error","code":null}}\n\n', Failed, 500),
        (b'data: {"error":{"message":"oops"}}\n\n', Garbled, 502),
        (b'data: {"error":"oops"}\n\n', Garbled, 502),
        (b'event: error\ndata: {"message":"oops","status":"503"}\n\n', Failed, 503),
        (b'{"error":{"message":"no","type":"authentication_error"}}', Denied, 502),
        (b'[{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}]', Failed, 503),
    ],
)
def test_an_error_in_a_stream_means_what_it_says_before_the_head_and_is_a_cut_after(
    event: bytes, kind: type[CallError], status: int
) -> None:
    chunks, fault = decode(event)
    assert chunks == []
    assert type(fault) is kind
    assert fault.shown_status == status
    assert fault.said is not None
    assert fault.said.message
    if event.startswith((b"data", b"event")):
        chunks, fault = decode(HEADED + event + DONE)
        assert len(chunks) == 1
        assert type(fault) is Cut
        assert fault.said is not None


@pytest.mark.parametrize("nothing", [b"null", b'""', b"{}", b"false"])
def test_an_error_that_is_none_is_none(nothing: bytes) -> None:
    event = (
        b'data: {"error":' + nothing + b',"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'
    )
    assert len(whole(event + DONE)) == 2


@pytest.mark.parametrize(
    "delta",
    [
        b'{"refusal":"no"}',
        b'{"reasoning_content":"hm"}',
        b'{"reasoning":"hm"}',
        b'{"audio":{"data":"AAAA"}}',
        b'{"function_call":{"name":"f"}}',
        b'{"tool_calls":[{"index":0}]}',
        b'{"content":"x"}',
        b'{"content":["x"]}',
        b'{"content":7,"reasoning":{"text":"hm"}}',
    ],
)
def test_content_is_content_in_every_form(delta: bytes) -> None:
    chunks, _ = decode(b'data: {"choices":[{"index":0,"delta":' + delta + b',"finish_reason":null}]}\n\n')
    assert [chunk.has_content for chunk in chunks] == [True]


@pytest.mark.parametrize(
    "delta",
    [
        b"{}",
        b"null",
        b'{"content":""}',
        b'{"tool_calls":[]}',
        b'{"function_call":null,"audio":null}',
        b'{"content":[]}',
        b"7",
    ],
)
def test_what_says_nothing_is_no_content(delta: bytes) -> None:
    chunks, _ = decode(b'data: {"choices":[{"index":0,"delta":' + delta + b',"finish_reason":null}]}\n\n')
    assert [chunk.has_content for chunk in chunks] == [False]


@pytest.mark.parametrize(
    "usage",
    [b'{"prompt_tokens":3.0,"completion_tokens":2}', b'{"prompt_tokens":3,"completion_tokens":2,"total_tokens":"5"}'],
)
def test_counts_of_another_type_are_counted_as_far_as_they_can_be(usage: bytes) -> None:
    chunks, _ = decode(HEADED + b'data: {"choices":[],"usage":' + usage + b"}\n\n" + END)
    assert chunks[1].usage == Usage(input=3, output=2)
    assert chunks[1].data == b""


@pytest.mark.parametrize(
    "event",
    [
        b'{"choices":{},"usage":[]}',
        b'{"choices":[7]}',
        b'{"object":"ping"}',
        b'{"choices":[{"index":"0","finish_reason":""}]}',
    ],
)
def test_events_of_odd_types_pass(event: bytes) -> None:
    chunks, fault = decode(b"data: " + event + b"\n\n" + HEADED + END)
    assert fault is None
    assert chunks[0].data == b"data: " + event + b"\n\n"


# Whole answers


def test_a_whole_answer_keeps_its_bytes() -> None:
    chunk = CHAT.whole(OPENAI_ANSWER, call())
    assert chunk == Chunk(
        data=OPENAI_ANSWER,
        has_content=True,
        text="Hello!",
        finish="stop",
        usage=Usage(input=19, output=6, reasoning=4),
        last=True,
        size=6,
    )


@pytest.mark.parametrize(
    ("body", "text", "is_tool_call"),
    [
        (b'{"choices":[{"message":{"content":null,"tool_calls":[{"id":"1"}]}}]}', "", True),
        (b'{"choices":[{"message":{"function_call":{"name":"f"}}}]}', "", True),
        (b'{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}]}', "ab", False),
        (b'{"choices":[{}],"usage":{"prompt_tokens":1.0}}', "", False),
    ],
)
def test_answers_of_other_forms(body: bytes, text: str, is_tool_call: bool) -> None:
    chunk = CHAT.whole(body, call())
    assert (chunk.text, chunk.begins_tool_call, chunk.last) == (text, is_tool_call, True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        HTML_502,
        b"ok",
        b"null",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":null}',
        OPENAI_ANSWER[:200],
        b'{"error":{"message":"oops"}}',
        b'{"choices":[{"finish_reason":"error"}],"error":{"message":"oops"}}',
        b"\xff\xfe",
        b"[" * 5000,
    ],
)
def test_a_200_that_is_no_answer_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled) as caught:
        CHAT.whole(body, call())
    assert len(caught.value.message) < 300


def test_a_200_that_carries_an_error_with_a_status_is_that_error() -> None:
    with pytest.raises(Throttled) as caught:
        CHAT.whole(b'{"error":{"message":"slow down","code":429}}', call())
    assert caught.value.shown_status == 429


# Counting


@pytest.mark.parametrize(
    ("status", "body", "is_counting"),
    [
        (400, b'{"error":{"message":"Unrecognized request argument supplied: stream_options"}}', True),
        (400, b'{"error":{"message":"Unknown parameter.","param":"stream_options.include_usage"}}', True),
        (422, b'{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}', True),
        (400, b'{"error":{"message":"Invalid temperature","param":"temperature"}}', False),
        (500, b'{"error":{"message":"stream_options"}}', False),
    ],
)
def test_a_vendor_that_does_not_count_is_told_from_others(status: int, body: bytes, is_counting: bool) -> None:
    assert CHAT.refuses_counting(CHAT.error(status, [], body, 0.0), call()) is is_counting
    assert not CHAT.refuses_counting(Failed(), call())


def test_a_vendor_that_refuses_the_callers_own_stream_options_does_not_refuse_to_count() -> None:
    asked = call(body=b'{"model":"a","messages":[1],"stream_options":{"new":1}}')
    error = CHAT.error(400, [], b'{"error":{"message":"Unknown parameter","param":"stream_options.new"}}', 0.0)
    assert not CHAT.refuses_counting(error, asked)


def test_a_body_in_answer_to_a_streamed_call_is_bounded_and_the_same_however_it_is_cut() -> None:
    chunks, fault = decode(OPENAI_ANSWER, limit=len(OPENAI_ANSWER) - 1)
    assert not chunks
    assert isinstance(fault, Garbled)
    assert "too long" in str(fault)
    wanted, fault = decode(OPENAI_ANSWER)
    assert fault is None
    assert [chunk.text for chunk in wanted] == ["Hello!", "", ""]
    for at in range(len(OPENAI_ANSWER)):
        assert decode(OPENAI_ANSWER, (at,)) == (wanted, None)
    assert decode(b"\xef\xbb\xbf \r\n\n" + OPENAI_ANSWER, (1, 4, 6))[1] is None


def test_a_stream_in_answer_to_a_call_that_is_not_streamed_is_its_body() -> None:
    for name in ("openai.sse", "azure.sse", "vllm.sse", "deepseek.sse", "tools.sse", "openrouter.sse"):
        body = CHAT.whole(STREAMS[name], call())
        chunks = whole(STREAMS[name], include_usage=True)
        assert body.text == "".join(chunk.text for chunk in chunks)
        assert body.usage == CHAT.spent(STREAMS[name]).usage
        assert (body.usage is None) == (name in ("azure.sse", "tools.sse"))
    with pytest.raises(Garbled):
        CHAT.whole(b": nothing\n\n", call())


def test_what_was_used_is_found_in_what_is_no_answer() -> None:
    assert CHAT.spent(b'{"usage": {"prompt_tokens": 3}}').usage == Usage(input=3)
    assert CHAT.spent(b'data: {"choices":[],"usage":{"prompt_tokens":3}}\n\n').usage == Usage(input=3)
    for nothing in (b"{}", b"<html>", b"[1]", b'{"usage": {}}'):
        assert CHAT.spent(nothing).usage is None


def test_an_answer_that_cannot_be_told_in_the_other_form_is_none() -> None:
    odd = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}],"mood":"glad"}\n\n'
    odd += b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"mood":"sad"}\n\n' + DONE
    with pytest.raises(Garbled, match="put together"):
        CHAT.whole(odd, call())
    chunks, fault = decode(b'{"choices": [{"index": 0, "text": "Hi", "finish_reason": "stop"}]}')
    assert not chunks
    assert isinstance(fault, Garbled)
    assert "cannot be told as a stream" in str(fault)


def test_a_body_without_tokens_is_told_without_their_event_and_with_them_to_who_asked() -> None:
    bare = b'{"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}'
    chunks, fault = decode(bare)
    assert fault is None
    assert [chunk.data[:6] for chunk in chunks] == [b"data: ", b"data: "]
    asked, fault = decode(OPENAI_ANSWER, asked=call(include_usage=True))
    assert fault is None
    assert b'"usage"' in asked[1].data
    assert not asked[1].unasked


def test_tokens_in_a_choice_or_in_a_member_of_its_own_are_the_streams() -> None:
    for where in (
        '"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":%s}]',
        '"choices":[{"index":0,"delta":{}}],"x_groq":{"usage":%s}',
    ):
        event = where.replace("%s", '{"prompt_tokens":3,"completion_tokens":1}')
        decoder = ChatDecoder(call())
        decoder.feed(b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\ndata: {' + event.encode() + b"}\n\n")
        assert decoder.usage == Usage(input=3, output=1)
        assert decoder.uncounted == 0


def test_content_of_every_choice_of_a_whole_answer_counts() -> None:
    two = b'{"choices": [{"message": {"content": "ab"}}, {"index": 1, "message": {"content": "cde"}}, {"index": 2}]}'
    assert CHAT.whole(two, call()).size == 5


def test_a_stream_that_breaks_in_answer_to_a_call_that_is_not_streamed_is_no_answer() -> None:
    with pytest.raises(Garbled, match="ended before the answer did"):
        CHAT.whole(b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n', call())


# What says nothing, and what says something


@pytest.mark.parametrize("nothing", [b'""', b'"null"', b'"None"', b"null", b"0", b"{}"])
def test_a_finish_reason_that_says_nothing_is_none_so_a_cut_is_a_cut(nothing: bytes) -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":' + nothing + b"}]}\n\n"
    for stream in (event * 3, event * 3 + DONE):
        chunks, fault = decode(stream)
        assert isinstance(fault, Cut)
        assert [chunk.finish for chunk in chunks] == [None] * 3
    answer = CHAT.whole(b'{"choices":[{"message":{"content":"x"},"finish_reason":' + nothing + b"}]}", call())
    assert answer.finish is None


def test_a_function_call_of_nothing_begins_none() -> None:
    empty = b'{"content":"x","function_call":{"name":"","arguments":""}}'
    for body in (empty, empty[:-1] + b',"vendors_own":null}'):
        [chunk], _ = decode(b'data: {"choices":[{"index":0,"delta":' + body + b"}]}\n\n")
        assert (chunk.text, chunk.begins_tool_call) == ("x", False)
    answer = CHAT.whole(b'{"choices":[{"message":' + empty + b"}]}", call())
    assert not answer.begins_tool_call


@pytest.mark.parametrize(
    "member",
    [
        b'"reasoning_details":[{"type":"reasoning.text","text":"hm"}]',
        b'"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]',
        b'"annotations":[{"type":"url_citation"}]',
        b'"thinking_blocks":[{"type":"thinking"}]',
        b'"video":{"id":"v"}',
        b'"a_member_of_tomorrow":"x"',
        b'"a_member_of_tomorrow":0',
        b'"content":[{"type":"image_url","image_url":{"url":"data:"}}]',
    ],
)
def test_any_member_of_a_delta_is_content_that_is_not_text(member: bytes) -> None:
    for text in (b"", b"hi"):
        said = b"" if b"content" in member else b'"content":"%b",' % text
        [chunk], _ = decode(b'data: {"choices":[{"index":0,"delta":{"role":"assistant",' + said + member + b"}}]}\n\n")
        assert (chunk.has_content, chunk.is_mixed) == (True, True)
        assert chunk.text == ("" if b"content" in member else text.decode())


@pytest.mark.parametrize("nothing", [b'""', b"null", b"[]", b"{}", b'[{"text":""}]'])
def test_a_member_that_says_nothing_is_no_content_whatever_it_is_called(nothing: bytes) -> None:
    delta = b'{"role":"assistant","content":"","name":' + nothing + b',"tomorrow":' + nothing + b"}"
    [chunk], _ = decode(b'data: {"choices":[{"index":0,"delta":' + delta + b"}]}\n\n")
    assert (chunk.has_content, chunk.is_mixed) == (False, False)


def test_text_alone_is_not_mixed() -> None:
    chunks = whole(HEADED + END)
    assert [chunk.is_mixed for chunk in chunks] == [False] * len(chunks)


# Halves of surrogate pairs


def test_half_of_a_surrogate_pair_passes_as_the_bytes_that_came() -> None:
    halves = [
        b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % half for half in (rb"a\ud83d", rb"\uDE00b")
    ]
    chunks = whole(b"".join(halves) + END)
    assert [chunk.data for chunk in chunks[:2]] == halves
    assert joined(chunk.text for chunk in chunks) == "a\N{GRINNING FACE}b"
    body = rb'{"choices":[{"message":{"content":"a\ud83d"},"finish_reason":"length"}]}'
    assert CHAT.whole(body, call()).data == body


@pytest.mark.parametrize(
    "noise", [rb'{"x":"\ud8', rb'{"x":"\ud83d",}', rb'{"x":"\ud83d","y":NaN}', b'{"x":"\\ud83d\xff"}']
)
def test_what_is_no_json_beside_a_half_is_no_json(noise: bytes) -> None:
    _, fault = decode(HEADED + (b"data: " + noise + b"\n\n") * 2 + END)
    assert isinstance(fault, Cut)


# Silence


PING = b": ping" + b"." * 1017 + b"\n\n"
NOTHING = b'data: {"choices":[{"index":0,"delta":{"content":""}}]}'.ljust(1022) + b"\n\n"


@pytest.mark.parametrize("silence", [PING, NOTHING, PING[:-1]])
def test_a_megabyte_without_content_is_a_break(silence: bytes) -> None:
    _, fault = decode(silence * 970 + HEADED + silence * 970 + HEADED + END)
    assert fault is None, "content in between"
    _, fault = decode(silence * 1000 + HEADED + END)
    assert isinstance(fault, Garbled)
    _, fault = decode(HEADED + silence * 1000)
    assert isinstance(fault, Cut)
    assert "1000000 bytes" in fault.message


def test_a_megabyte_of_comments_is_a_break_wherever_the_bytes_are_cut() -> None:
    stream = PING * 1000 + HEADED + END
    for cuts in ((), tuple(range(0, len(stream), 70_000)), (len(stream) - len(HEADED + END), 7)):
        chunks, fault = decode(stream, cuts)
        assert not chunks
        assert isinstance(fault, Garbled)


def test_silence_behind_a_whole_answer_is_its_end() -> None:
    chunks, fault = decode(HEADED + FINISH + PING * 1000)
    assert fault is None
    assert chunks[-1] == Chunk(data=DONE, last=True)


def test_the_event_under_way_is_not_counted_as_silence() -> None:
    picture = b'data: {"choices":[{"index":0,"delta":{"images":["%b"]}}]}\n\n' % (b"A" * 1_400_000)
    decoder = CHAT.decoder(call())
    for at in range(0, len(picture), 65_536):
        assert decoder.pending == at
        chunks = decoder.feed(picture[at : at + 65_536])
    assert decoder.fault is None
    assert [chunk.data for chunk in chunks] == [picture]
    assert decoder.pending == 0


# Tokens behind the answer

COUNTED = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'


@pytest.mark.parametrize(
    ("stream", "is_counted"),
    [
        (b"", False),
        (b'data: {"choices":[],"usage":{"prompt_tokens":25,"completion_tokens":1}}\n\n' + HEADED + FINISH, False),
        (HEADED + FINISH, False),
        (HEADED + FINISH + COUNTED, True),
        (HEADED + FINISH.replace(b"}]}", b'}],"usage":{"prompt_tokens":3}}'), True),
        (HEADED + FINISH + COUNTED + HEADED + FINISH, False),
    ],
)
def test_the_tokens_are_the_whole_answers_where_they_came_with_its_end(stream: bytes, is_counted: bool) -> None:
    decoder = CHAT.decoder(call())
    decoder.feed(stream)
    assert decoder.is_counted == is_counted


def test_who_gives_up_on_a_body_is_told_what_it_said_and_a_stream_has_told_it_already() -> None:
    said = b'{"choices":[{"index":0,"message":{"content":"Hello"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}}'
    kept = CHAT.decoder(call())
    kept.feed(said)
    kept.give_up()
    assert (kept.usage, kept.received) == (Usage(input=3, output=2), 5)
    stream = CHAT.decoder(call())
    stream.feed(b'data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n')
    stream.give_up()
    assert (stream.usage, stream.received, stream.fault) == (None, 3, None)


@pytest.mark.parametrize("two", [b"2", b"2.0", b"2e0", b"20e-1"])
def test_a_stream_of_two_choices_is_not_whole_after_one_however_two_is_written(two: bytes) -> None:
    asked = call(body=b'{"model":"a","messages":[1],"n":' + two + b"}")
    _, fault = decode(HEADED + FINISH, asked=asked)
    assert isinstance(fault, Cut)
    second = FINISH.replace(b'"index":0', b'"index":1')
    chunks, fault = decode(HEADED + FINISH + second, asked=asked)
    assert fault is None
    assert chunks[-1].last
