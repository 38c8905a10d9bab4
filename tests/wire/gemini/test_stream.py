"""A vendor's stream and its whole answers in Gemini's dialect, as they were recorded, cut at every byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.call import Call
from headworks.core.errors import Cut, Denied, Failed, Garbled, Throttled
from headworks.core.reply import Chunk, Usage
from headworks.wire.gemini.caller import GENERATE
from headworks.wire.gemini.decoder import MOST_SILENT, GenerateDecoder
from headworks.wire.gemini.usage import UsageSaid, read_usage, written_usage
from headworks.wire.gemini.vendor import GeminiGenerate
from tests.wire.gemini.corpus import ANSWERS, RECORDED, STREAMS, body

VENDOR = GeminiGenerate()
ASKED = Call(id="r", alias="a", body=b"{}", dialect=GENERATE, streamed=True)
LAST = Chunk(data=b"", last=True)


def read(stream: bytes, asked: bytes = b"{}", size: int = 0) -> tuple[list[Chunk], GenerateDecoder]:
    decoder = GenerateDecoder(asked)
    chunks: list[Chunk] = []
    for start in range(0, len(stream), size or len(stream) or 1):
        chunks += decoder.feed(stream[start : start + (size or len(stream))])
    return chunks + decoder.end(), decoder


def event(*parts: Any, finish: str | None = None, **fields: Any) -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return b"data: %b\n\n" % json.dumps({"candidates": [candidate], **fields}).encode()


HI = event({"text": "hi"})
STOP = event({"text": ""}, finish="STOP")


@pytest.mark.parametrize("name", STREAMS)
def test_the_chunks_are_the_same_however_the_bytes_are_cut(name: str) -> None:
    whole, at_once = read(STREAMS[name])
    for size in (1, 2, 7, 64):
        cut, decoder = read(STREAMS[name], size=size)
        assert cut == whole
        assert (decoder.usage, decoder.finish, decoder.received, str(decoder.fault)) == (
            *(at_once.usage, at_once.finish, at_once.received),
            str(at_once.fault),
        )


@pytest.mark.parametrize(
    ("name", "finish", "usage"),
    [
        ("short.sse", "STOP", Usage(input=7, output=10)),
        ("thinking_call.sse", "STOP", Usage(input=38, output=12, reasoning=168)),
        ("code_execution.sse", "STOP", Usage(input=264, output=126, reasoning=95)),
        ("recitation.sse", "RECITATION", Usage(input=9, output=261)),
        ("blocked.sse", "SAFETY", None),
        ("image.sse", "STOP", Usage(input=16, output=1307)),
        ("finish_message.sse", "STOP", None),
        ("signed_text.sse", "STOP", Usage(input=5, output=2, reasoning=30)),
    ],
)
def test_a_whole_stream_ends_and_its_last_count_counts(name: str, finish: str, usage: Usage | None) -> None:
    chunks, decoder = read(STREAMS[name])
    assert chunks[-1] == LAST
    assert b"".join([one.data for one in chunks]).rstrip() == STREAMS[name].rstrip()
    assert (decoder.fault, decoder.is_done, decoder.finish, decoder.usage) == (None, True, finish, usage)
    assert decoder.is_counted == (usage is not None)
    assert decoder.is_headed
    assert not decoder.feed(HI)
    assert not decoder.end()


def test_what_a_chunk_says_of_its_event() -> None:
    chunks, _ = read(STREAMS["thinking_call.sse"])
    assert [(one.is_mixed, one.begins_tool_call, one.text, one.finish) for one in chunks] == [
        (True, False, "", None),
        (True, False, "", None),
        (False, True, "", None),
        (False, False, "", "STOP"),
        (False, False, "", None),
    ]
    [text, picture, *_] = read(STREAMS["image.sse"])[0]
    assert (text.text, text.is_mixed, text.size, picture.is_mixed, picture.size) == ("Here's a", False, 8, True, 4)
    assert read(STREAMS["utf8.sse"])[0][0].size == 15


def test_every_candidate_that_was_asked_for_ends() -> None:
    two = body({"generationConfig": {"candidateCount": 2}})
    chunks, decoder = read(STREAMS["two_candidates.sse"], two)
    assert (decoder.is_done, decoder.finish, "".join([one.text for one in chunks])) == (True, "STOP", "one.")
    three = body({"generation_config": {"candidate_count": 3}})
    assert isinstance(read(STREAMS["two_candidates.sse"], three)[1].fault, Cut)


@pytest.mark.parametrize(
    ("name", "words"), [("error_mid_stream.sse", "cancelled"), ("overloaded_mid_stream.sse", "overloaded")]
)
def test_an_error_that_is_no_event_breaks_the_stream_also_behind_a_finish_reason(name: str, words: str) -> None:
    chunks, decoder = read(STREAMS[name])
    assert isinstance(decoder.fault, Cut)
    assert words in decoder.fault.message
    assert not any(one.last for one in chunks)


@pytest.mark.parametrize(
    ("stream", "kind", "words"),
    [
        (b"", Garbled, "ended before"),
        (HI, Cut, "ended before"),
        (HI + b'{"error": "half', Cut, "ended before"),
        (HI + b'{"er', Cut, "ended before"),
        (HI + b'data: {"candidates": [{"content"', Cut, "not JSON"),
        (b'data: {"text": broken}\n\n', Garbled, "not JSON"),
        (HI + b"data: ping\n\ndata: pong\n\n" + STOP, Cut, "not JSON"),
        (b"<html><title>Oh</title></html>", Garbled, "HTML"),
        (b"[5]", Garbled, "no answer"),
        (b"{}", Garbled, "ended before"),
        (b"{", Garbled, "no answer"),
        (HI + b'data: {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}\n\n', Cut, "busy"),
        (HI + b'event: error\ndata: {"message": "odd"}\n\n', Cut, "odd"),
        (b'data: {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}\n\n', Failed, "busy"),
        (b'[{"error": {"code": 429, "message": "much", "status": "RESOURCE_EXHAUSTED"}}]', Throttled, "much"),
        (RECORDED["api_key.json"], Denied, "API_KEY_INVALID"),
        (b": " + b"x" * MOST_SILENT + b"\n\n" + HI, Garbled, "without content"),
        (HI + b": " + b"x" * MOST_SILENT, Cut, "without content"),
    ],
)
def test_what_is_no_whole_answer_is_a_fault(stream: bytes, kind: type[Exception], words: str) -> None:
    _, decoder = read(stream)
    assert isinstance(decoder.fault, kind)
    assert words in str(decoder.fault)
    assert not decoder.is_done
    assert not decoder.feed(HI)
    assert not decoder.end()


def test_words_of_a_proxy_and_another_apis_end_mark_are_left_out() -> None:
    chunks, decoder = read(HI + b"data: ping\n\n" + STOP + b"data: [DONE]\n\n")
    assert decoder.is_done
    assert [one.data for one in chunks] == [HI, b"", STOP, b"", b""]


def test_half_an_event_behind_a_whole_answer_is_nothing() -> None:
    chunks, decoder = read(HI + STOP + b'data: {"candidates": [')
    assert (decoder.is_done, decoder.fault, chunks[-1]) == (True, None, LAST)
    chunks, decoder = read(HI + STOP.rstrip())
    assert (decoder.is_done, decoder.finish) == (True, "STOP")
    chunks, decoder = read(HI + STOP + b": " + b"x" * MOST_SILENT)
    assert (decoder.is_done, chunks[-1]) == (True, LAST)


def test_a_body_in_place_of_a_stream_is_told_as_events() -> None:
    listed = b"\xef\xbb\xbf [%b, %b]" % (HI[6:].rstrip(), STOP[6:].rstrip())
    for size in (0, 1):
        chunks, decoder = read(listed, size=size)
        assert decoder.is_done
        assert [one.text for one in chunks] == ["hi", "", ""]
        assert chunks[0].data.startswith(b'data: {"candidates"')
    assert read(ANSWERS["cached.json"])[1].usage == Usage(input=770, cached_input=11243, output=15, reasoning=73)


def test_a_body_that_is_too_long_is_given_up_and_what_came_is_counted() -> None:
    decoder = GenerateDecoder(b"{}", 10)
    assert decoder.feed(b'[{"x": 1}, {"y": 2}]') == []
    assert isinstance(decoder.fault, Garbled)
    decoder = GenerateDecoder(b"{}", 10)
    decoder.feed(HI)
    assert "too long" in str(decoder.fault)
    decoder = GenerateDecoder(b"{}")
    decoder.feed(ANSWERS["cached.json"])
    decoder.give_up()
    assert decoder.usage == Usage(input=770, cached_input=11243, output=15, reasoning=73)
    decoder = GenerateDecoder(b"{}")
    decoder.give_up()
    assert decoder.usage is None


def test_tokens_of_what_came_behind_the_last_count_are_told_apart() -> None:
    tokens = {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1}}
    _, decoder = read(event({"text": "abc"}, **tokens) + event({"text": "de"}))
    assert (decoder.received, decoder.uncounted, decoder.is_counted) == (5, 2, False)


@pytest.mark.parametrize(
    "said",
    [
        {"candidates": [{"content": {"parts": [{"text": "hi", "novel": 1}]}, "finishReason": "STOP", "index": "0"}]},
        {
            "candidates": [
                "odd",
                {"content": {"parts": ["odd", {"text": "hi", "thought": "no"}]}, "finishReason": "STOP"},
            ]
        },
        {
            "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": "3"},
        },
        {
            "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
            "promptFeedback": {"blockReason": 0},
        },
    ],
)
def test_fields_of_other_types_are_read_as_far_as_they_go(said: Any) -> None:
    chunks, decoder = read(b"data: %b\n\n" % json.dumps(said).encode())
    assert (decoder.is_done, decoder.finish, chunks[0].text) == (True, "STOP", "hi")


def test_calls_and_texts_of_other_types_are_content_and_nothing_is_none() -> None:
    odd = {"functionCall": {"name": 5, "args": {"a": 1}}, "thoughtSignature": 5}
    chunks, _ = read(event(odd, {"functionCall": "odd"}, {"text": None, "novel": None}) + STOP)
    assert (chunks[0].begins_tool_call, chunks[0].size) == (True, len("{'a': 1}"))
    assert read(b'data: {"candidates": 5}\n\n')[1].is_headed is False
    assert (
        read(b'data: {"candidates": [{"content": 5}], "usageMetadata": 5, "promptFeedback": 5}\n\n')[1].is_headed
        is False
    )
    assert read(event({"functionCall": {"args": {}}}) + STOP)[0][0].size == 2
    assert read(event({"functionCall": {}}) + STOP)[0][0].size == 4


# Whole


@pytest.mark.parametrize(
    ("name", "finish", "text", "calls", "usage"),
    [
        (
            "cached.json",
            "STOP",
            "For **directions**.",
            False,
            Usage(input=770, cached_input=11243, output=15, reasoning=73),
        ),
        ("parallel_calls.json", "STOP", "", True, None),
        ("blocked.json", "PROHIBITED_CONTENT", "", False, Usage(input=9)),
        ("malformed_call.json", "MALFORMED_FUNCTION_CALL", "", False, Usage(input=9)),
    ],
)
def test_a_whole_answer(name: str, finish: str, text: str, calls: bool, usage: Usage | None) -> None:
    chunk = VENDOR.whole(ANSWERS[name], ASKED)
    assert (chunk.data, chunk.last, chunk.has_content) == (ANSWERS[name], True, True)
    assert (chunk.finish, chunk.text, chunk.begins_tool_call, chunk.usage) == (finish, text, calls, usage)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (ANSWERS["no_content.json"], Garbled),
        (b"{}", Garbled),
        (b"<html></html>", Garbled),
        (b"[1]", Garbled),
        (RECORDED["quota.json"], Throttled),
        (b"[%b]" % RECORDED["api_key.json"], Denied),
        (HI, Garbled),
        (event({"text": "a"}, finish="STOP"), Garbled),
    ],
)
def test_what_is_no_answer_raises(answer: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        VENDOR.whole(answer, ASKED)


def test_a_stream_in_place_of_a_body_is_put_together() -> None:
    chunk = VENDOR.whole(STREAMS["short.sse"], ASKED)
    assert (chunk.text, chunk.usage) == ("The capital of Wyoming is **Cheyenne**.\n", Usage(input=7, output=10))


def test_what_was_spent_on_something_that_is_no_answer() -> None:
    assert VENDOR.spent(ANSWERS["cached.json"]).usage == Usage(input=770, cached_input=11243, output=15, reasoning=73)
    assert VENDOR.spent(STREAMS["short.sse"]).usage == Usage(input=7, output=10)
    assert (VENDOR.spent(b"nothing").usage, VENDOR.spent(b"[5]").received) == (None, 0)
    assert VENDOR.spent(b'[{"candidates": [{"content": {"parts": [{"text": "abc"}]}}]}]').received == 3


def test_what_passes_to_a_vendor_and_back() -> None:
    assert VENDOR.forwards(b"x-goog-api-client")
    assert not VENDOR.forwards(b"x-goog-user-project")
    headers = ((b"server-timing", b"gfet4t7; dur=1"), (b"vary", b"x"), (b"x-mine", b"y"))
    assert VENDOR.returned(headers, frozenset({b"x-mine"})) == ("", (headers[0], headers[2]))
    assert not VENDOR.refuses_counting(Throttled(), ASKED)
    assert VENDOR.begun(b"{}", "message") == b"{}"


# Tokens


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({}, None),
        ({"promptTokenCount": 5, "totalTokenCount": 9}, Usage(input=5, output=4)),
        ({"promptTokenCount": 5, "cachedContentTokenCount": 9}, Usage(cached_input=5)),
        ({"promptTokenCount": -5, "candidatesTokenCount": 10**13}, Usage(output=10**12)),
        ({"promptTokenCount": "5", "candidatesTokenCount": 2.0, "thoughtsTokenCount": "x"}, Usage(input=5, output=2)),
        ({"promptTokenCount": float("inf"), "candidatesTokenCount": [], "totalTokenCount": 3}, Usage(output=3)),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 40,
                "toolUsePromptTokenCount": 10,
                "candidatesTokenCount": 30,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 40},
                    {"modality": "AUDIO", "tokenCount": 60},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
                "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 25}, "odd"],
                "toolUsePromptTokensDetails": [{"modality": "AUDIO"}, {"modality": "AUDIO", "tokenCount": 4}],
            },
            Usage(input=26, cached_input=40, audio_input=44, output=5, audio_output=25),
        ),
    ],
)
def test_tokens_by_class(said: dict[str, Any], usage: Usage | None) -> None:
    assert read_usage(said).usage() == usage
    if usage is not None:
        assert read_usage(written_usage(usage)).usage() == usage


def test_details_without_text_are_sound_alone() -> None:
    assert written_usage(Usage(audio_input=3))["promptTokensDetails"] == [{"modality": "AUDIO", "tokenCount": 3}]
    assert UsageSaid().usage() is None
