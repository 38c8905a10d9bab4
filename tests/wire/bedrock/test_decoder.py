"""A stream of ConverseStream: the same chunks however the bytes are cut, errors as events, and an end that is one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headworks.core.errors import CallError, Cut, Failed, Filtered, Garbled, Rejected, Throttled
from headworks.core.reply import Chunk, Usage
from headworks.wire.bedrock.decoder import MOST_SILENT, ConverseDecoder
from headworks.wire.bedrock.event_stream import messages_in
from tests.wire.bedrock.frames import METADATA, TEXT, TOOLS, delta, event, exception, frame, stream

COUNTED = Usage(input=30, cached_input=500, cache_write=100, output=12)


def fed(data: bytes, size: int = 1 << 20) -> tuple[list[Chunk], ConverseDecoder]:
    decoder = ConverseDecoder()
    chunks = [one for at in range(0, len(data), size) for one in decoder.feed(data[at : at + size])]
    return [*chunks, *decoder.end()], decoder


@pytest.mark.parametrize("events", [TEXT, TOOLS], ids=["text", "tools"])
def test_the_chunks_are_the_same_however_the_bytes_are_cut(events: Any) -> None:
    data = stream(events)
    whole, decoder = fed(data)
    assert [one.data for one in whole] == [one.raw for one in messages_in(data)]
    assert (decoder.usage, decoder.is_done, decoder.is_counted, decoder.fault) == (COUNTED, True, True, None)
    for size in (1, 2, 3, 7, 64, 500):
        chunks, other = fed(data, size)
        assert chunks == whole
        assert (other.received, other.uncounted, other.finish) == (decoder.received, 0, decoder.finish)


def test_a_chunk_says_what_policies_need() -> None:
    chunks, decoder = fed(stream(TEXT))
    assert "".join(one.text for one in chunks) == "Hello wörld"
    assert [one.has_content for one in chunks] == [False, True, True, False, True, False]
    assert [one.last for one in chunks] == [False] * 5 + [True]
    assert (chunks[4].finish, chunks[5].usage) == ("end_turn", COUNTED)
    assert decoder.received == len("Hello wörld".encode())
    called, _ = fed(stream(TOOLS))
    assert [one.begins_tool_call for one in called].count(True) == 2
    assert [one.is_mixed for one in called].count(True) == 4
    assert decoder.give_up() is None  # type: ignore[func-returns-value]


def test_a_stream_without_its_tokens_is_whole_and_one_without_its_end_is_cut() -> None:
    chunks, decoder = fed(stream(TEXT[:-1]))
    assert chunks[-1] == Chunk(data=b"", last=True)
    assert decoder.fault is None
    chunks, decoder = fed(stream(TEXT[:3]))
    assert isinstance(decoder.fault, Cut)
    chunks, decoder = fed(stream(TEXT[:1]))
    assert isinstance(decoder.fault, Garbled)
    assert decoder.end() == []
    assert decoder.feed(stream(TEXT)) == []


def test_every_cut_of_a_stream_is_a_fault_until_its_reason_came() -> None:
    data = stream(TEXT)
    is_whole = len(stream(TEXT[:5]))
    for ends in range(len(data)):
        chunks, decoder = fed(data[:ends])
        assert (decoder.fault is None) == (ends >= is_whole), ends
        assert bool(chunks and chunks[-1].last) == (ends >= is_whole)


@pytest.mark.parametrize(
    ("kind", "said", "error"),
    [
        ("throttlingException", {"message": "Too many requests"}, Throttled),
        ("internalServerException", {"message": "The system encountered an error"}, Failed),
        ("modelStreamErrorException", {"originalMessage": "broke", "originalStatusCode": 500}, Failed),
        ("serviceUnavailableException", {"message": "busy"}, Failed),
        ("validationException", {"message": "The format of the value is wrong"}, Rejected),
        ("modelTimeoutException", {}, Failed),
        ("somethingNewException", {"message": "?"}, Failed),
    ],
)
def test_an_exception_in_a_stream_is_the_vendors_error_before_the_head_and_a_cut_behind_it(
    kind: str, said: Any, error: type[CallError]
) -> None:
    chunks, decoder = fed(stream(TEXT[:1]) + exception(kind, said))
    assert len(chunks) == 1
    assert type(decoder.fault) is error
    assert decoder.fault.said is not None
    assert decoder.fault.said.type == kind[:1].upper() + kind[1:]
    _, decoder = fed(stream(TEXT[:2]) + exception(kind, said))
    assert isinstance(decoder.fault, Cut)


def test_an_exception_that_is_called_an_event_or_an_error_is_one_too() -> None:
    _, decoder = fed(event("throttlingException", {"message": "slow"}))
    assert isinstance(decoder.fault, Throttled)
    _, decoder = fed(frame({":message-type": "error", ":error-code": "InternalError", ":error-message": "gone"}, b""))
    assert isinstance(decoder.fault, Failed)
    assert decoder.fault.said is not None
    assert "gone" in decoder.fault.said.message


def test_a_policy_in_a_stream_is_a_refusal_of_content() -> None:
    said = {"message": "The prompt was blocked: inappropriate content", "code": "content_filter"}
    _, decoder = fed(exception("validationException", said))
    assert isinstance(decoder.fault, (Filtered, Rejected))


@pytest.mark.parametrize(
    "data",
    [
        b"<html>no stream</html>, but a page for people",
        frame({":event-type": "contentBlockDelta"}, b"no json"),
        frame({":event-type": "contentBlockDelta"}, b"[" * 200_000),
    ],
)
def test_what_is_no_stream_of_events_is_garbled(data: bytes) -> None:
    chunks, decoder = fed(data)
    assert chunks == []
    assert isinstance(decoder.fault, Garbled)


def test_good_events_come_before_the_fault_behind_them() -> None:
    chunks, decoder = fed(stream(TEXT[:3]) + b"then bytes of something else")
    assert "".join(one.text for one in chunks) == "Hello wörld"
    assert isinstance(decoder.fault, Cut)


def test_a_stream_that_says_nothing_ends() -> None:
    silent = event("contentBlockStop", {"contentBlockIndex": 0, "p": "x" * 1000})
    _, decoder = fed(silent * (MOST_SILENT // len(silent) + 2))
    assert isinstance(decoder.fault, Garbled)
    assert "without content" in str(decoder.fault)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("contentBlockDelta", {"delta": None}),
        ("contentBlockDelta", {"delta": {}}),
        ("contentBlockDelta", {"delta": {"text": ""}}),
        ("contentBlockStart", {"start": {}}),
        ("contentBlockStart", {}),
        ("metadata", {"usage": "none"}),
        ("metadata", {"usage": {"totalTokens": 1}}),
        ("somethingNew", {"a": 1}),
        ("messageStart", []),
    ],
)
def test_an_event_that_says_nothing_is_no_content(kind: str, said: Any) -> None:
    decoder = ConverseDecoder()
    [chunk] = decoder.feed(event(kind, said))
    assert not chunk.has_content
    assert chunk.usage is None
    assert not decoder.is_headed


def test_what_is_no_text_counts_as_a_token() -> None:
    decoder = ConverseDecoder()
    [chunk] = decoder.feed(event("contentBlockStart", {"start": {"image": {"format": "png", "n": 1}}}))
    assert (chunk.is_mixed, chunk.size, chunk.begins_tool_call) == (True, 7, False)
    [stop] = decoder.feed(event("messageStop", {}))
    assert stop.finish == "end_turn"
    [early] = ConverseDecoder().feed(event(*METADATA))
    assert not early.last
    assert json.loads(messages_in(event(*delta(0, {"text": "x"})))[0].payload)["delta"] == {"text": "x"}
    empty = ConverseDecoder()
    empty.feed(b"\x00\x00")
    assert empty.pending == 2
    empty = ConverseDecoder()
    assert empty.feed(frame({":event-type": "messageStart"}, b""))[0].has_content is False
