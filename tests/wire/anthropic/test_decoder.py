"""A vendor's stream of a message: the same chunks however its bytes are cut, what is known of each, and how it breaks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headworks.core.errors import Cut, Failed, Garbled
from headworks.core.reply import Chunk, Usage
from headworks.wire.anthropic.decoder import MOST_SILENT, MessagesDecoder
from headworks.wire.anthropic.forms import STOP

RECORDED = Path(__file__).parent / "recorded"
STREAMS = {path.stem: path.read_bytes() for path in sorted(RECORDED.glob("*.sse"))}
WHOLE = [name for name in STREAMS if name != "overloaded"]


def event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


START = event("message_start", message={"id": "m", "content": [], "usage": {"input_tokens": 7, "output_tokens": 1}})
OPEN = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
WORD = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hi"})
END = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3})


def read(*pieces: bytes) -> tuple[MessagesDecoder, list[Chunk]]:
    decoder = MessagesDecoder()
    chunks: list[Chunk] = []
    for piece in pieces:
        chunks += decoder.feed(piece)
    return decoder, [*chunks, *decoder.end()]


@pytest.mark.parametrize("name", STREAMS)
def test_the_chunks_are_the_same_however_the_bytes_are_cut(name: str) -> None:
    stream = STREAMS[name]
    decoder, chunks = read(stream)
    assert b"".join([chunk.data for chunk in chunks]) == stream[: sum([len(chunk.data) for chunk in chunks])]
    one, apart = read(*[stream[at : at + 1] for at in range(len(stream))])
    assert apart == chunks
    assert (one.usage, one.finish, one.received) == (decoder.usage, decoder.finish, decoder.received)
    for at in range(0, len(stream), 7):
        cut, found = read(stream[:at], stream[at:])
        assert found == chunks
        assert str(cut.fault) == str(decoder.fault)


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_stream_is_done_and_passes_as_it_came(name: str) -> None:
    decoder, chunks = read(STREAMS[name])
    assert (decoder.fault, decoder.is_done, decoder.is_complete, decoder.is_counted) == (None, True, True, True)
    assert b"".join([chunk.data for chunk in chunks]) == STREAMS[name]
    assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_ends_early_is_never_whole(name: str) -> None:
    stream = STREAMS[name]
    complete = stream.find(b"event: message_stop")
    for at in range(0, len(stream) if complete < 0 else complete, 13):
        decoder, chunks = read(stream[:at])
        if decoder.fault is None:  # its stop reason is there: nothing of the answer is missing
            assert decoder.is_complete
            assert chunks[-1].data == STOP
        else:
            assert not any(chunk.last for chunk in chunks)
            assert isinstance(decoder.fault, Cut if decoder.is_headed else Garbled)


def test_what_is_known_of_text() -> None:
    decoder, chunks = read(STREAMS["text"])
    assert "".join([chunk.text for chunk in chunks]) == "Lorem ipsum é"
    assert decoder.received == len("Lorem ipsum é".encode())
    assert decoder.usage == Usage(input=25, cached_input=5, cache_write=10, cache_write_1h=20, output=15)
    assert [chunk.finish for chunk in chunks if chunk.finish] == ["end_turn"]
    assert [chunk.has_content for chunk in chunks] == [*[False] * 4, *[True] * 3, False, True, False]


def test_what_is_known_of_tools_and_thinking() -> None:
    _, chunks = read(STREAMS["tools"])
    assert sum([chunk.begins_tool_call for chunk in chunks]) == 6  # two opened, and four pieces of one
    decoder, chunks = read(STREAMS["thinking"])
    mixed = [chunk for chunk in chunks if chunk.is_mixed]
    assert [chunk.size for chunk in mixed] == [0, 6, 5, 0, 4]  # what is encrypted counts like a token
    assert decoder.usage is not None
    assert (decoder.usage.output, decoder.usage.reasoning) == (10, 30)


def test_what_a_vendors_tools_and_a_compaction_took_is_counted() -> None:
    decoder, _ = read(STREAMS["web_search"])
    assert decoder.usage == Usage(input=10682, cache_write=10, cache_write_1h=20, output=510)
    decoder, _ = read(STREAMS["compaction"])
    assert decoder.usage == Usage(input=1030, output=108)
    decoder, _ = read(STREAMS["no_usage_at_start"])
    assert decoder.usage == Usage(input=11, cached_input=5, cache_write=3, output=1)


def test_counts_of_nothing_are_no_counts() -> None:
    nothing = event("message_start", message={"usage": {"input_tokens": 0, "output_tokens": 0}})
    decoder, _ = read(nothing, OPEN, WORD, event("message_delta", delta={"stop_reason": "end_turn"}, usage={}))
    assert (decoder.usage, decoder.is_counted, decoder.is_done) == (None, False, True)
    split = {"cache_creation": {"ephemeral_5m_input_tokens": 4}, "output_tokens": -1, "input_tokens": 10**30}
    decoder, _ = read(event("message_start", message={"usage": split}), OPEN, WORD, END)
    assert decoder.usage == Usage(input=10**12, cache_write=4, output=3)


def test_a_refusal_is_said_to_be_one() -> None:
    decoder, chunks = read(STREAMS["refusal"])
    assert decoder.finish == "refusal"
    assert [chunk.is_refusal for chunk in chunks][-2:] == [True, False]


def test_an_error_in_mid_stream_is_a_cut_with_the_vendors_words() -> None:
    decoder, chunks = read(STREAMS["overloaded"])
    assert isinstance(decoder.fault, Cut)
    assert decoder.fault.said is not None
    assert (decoder.fault.said.status, decoder.fault.said.message) == (529, "Overloaded")
    assert "".join([chunk.text for chunk in chunks]) == "Lorem"
    early, _ = read(
        START, b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n'
    )
    assert isinstance(early.fault, Failed)
    deep = b'{"type":"error","error":' + b"[" * 3000 + b"]" * 3000 + b"}"
    for data in (b"[" * 3000, deep):
        unread, _ = read(START, OPEN, WORD, b"event: error\ndata: " + data + b"\n\n")
        assert isinstance(unread.fault, Cut)


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ((START, WORD), "not opened"),
        ((START, event("content_block_start", index=0, content_block={"type": "thinking"}), WORD), "not opened"),
        ((START, OPEN, event("content_block_stop", index=0), WORD), "not opened"),
        ((START, OPEN, event("content_block_delta", index=1, delta={"type": "text_delta"})), "not opened"),
        ((START, b"event: content_block_delta\ndata: {nothing\n\n"), "not JSON"),
        ((START, b"data: []\n\n"), "not JSON"),
        ((START, OPEN, event("message_stop")), "before any content"),
        ((START, OPEN, WORD, event("message_stop")), "before a stop reason"),
        ((START, OPEN), "before the answer did"),
        ((b"event: error\ndata: {nothing\n\n",), "not JSON"),
    ],
)
def test_a_stream_that_cannot_be_an_answer_breaks(events: tuple[bytes, ...], why: str) -> None:
    decoder, _ = read(*events)
    assert decoder.fault is not None
    assert why in str(decoder.fault)
    assert decoder.feed(WORD) == []


def test_what_is_new_in_a_stream_passes() -> None:
    new = event("content_block_start", index=0, content_block={"type": "novel"})
    grown = event("content_block_delta", index=0, delta={"type": "novel_delta", "novel": 1})
    decoder, chunks = read(START, new, grown, event("novel"), END, event("message_stop"))
    assert decoder.fault is None
    assert [chunk.is_mixed for chunk in chunks] == [False, True, True, False, False, False]
    odd = event("message_delta", delta={"stop_reason": 5}, index="x", usage={"output_tokens": "4"})
    decoder, _ = read(START, OPEN, event("content_block_delta", index=0, delta={"type": "text_delta", "text": 5}), odd)
    assert decoder.usage == Usage(input=7, output=4)


def test_a_mark_of_openais_behind_the_answer_says_nothing() -> None:
    decoder, chunks = read(START, OPEN, WORD, END, b"data: [DONE]\n\n")
    assert decoder.is_done
    assert [chunk.data for chunk in chunks][-2:] == [b"", STOP]


def test_silence_without_end_is_a_break_and_behind_a_whole_answer_its_end() -> None:
    noise = event("ping", filler="x" * 10_000) * (MOST_SILENT // 10_000 + 2)
    decoder, _ = read(START, OPEN, WORD, noise)
    assert isinstance(decoder.fault, Cut)
    decoder, chunks = read(START, OPEN, WORD, END, noise)
    assert (decoder.fault, decoder.is_done, chunks[-1].data) == (None, True, STOP)
    decoder, chunks = read(START, OPEN, WORD, END, b": " + b"x" * MOST_SILENT + b"\n\n")
    assert (decoder.fault, decoder.is_done) == (None, True)
    decoder = MessagesDecoder(100)
    decoder.feed(b"data: " + b"x" * 200)
    assert "too long" in str(decoder.fault)


def test_half_an_event_behind_a_whole_answer_takes_nothing_away() -> None:
    decoder, chunks = read(START, OPEN, WORD, END, b"event: message_stop\ndata: {")
    assert (decoder.fault, chunks[-1].data) == (None, STOP)
    decoder, chunks = read(START, OPEN, WORD, END, b'event: message_stop\ndata: {"type":"message_stop"}')
    assert (decoder.is_done, chunks[-1].last) == (True, True)


# A body instead of a stream


def test_one_body_where_a_stream_was_asked_for_is_told_as_one() -> None:
    body = (RECORDED / "message.json").read_bytes()
    decoder, chunks = read(body[:50], body[50:])
    assert (decoder.fault, decoder.is_done, decoder.is_counted, decoder.finish) == (None, True, True, "tool_use")
    assert [chunk.last for chunk in chunks] == [False, True]
    again, parts = read(b"".join([chunk.data for chunk in chunks]))
    assert again.fault is None
    assert "".join([part.text for part in parts]) == "Ipsum é."


def test_a_body_that_is_no_answer_is_a_fault() -> None:
    for body, why in (
        (b"<html>busy</html>", "page for people"),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', "Overloaded"),
        (b'{"content":[{"type":"text","text":"x"}],"stop_reason":"end_turn"}', "cannot be told as a stream"),
        (b"{nothing", "not JSON"),
    ):
        decoder, chunks = read(body)
        assert chunks == []
        assert why in str(decoder.fault)
    decoder = MessagesDecoder(10)
    decoder.feed(b"{" * 20)
    assert "too long" in str(decoder.fault)


def test_what_came_of_one_body_is_counted_where_nobody_waits_for_its_end() -> None:
    decoder = MessagesDecoder()
    decoder.feed((RECORDED / "message.json").read_bytes())
    assert decoder.pending > 0
    decoder.give_up()
    assert decoder.usage is not None
    assert decoder.received > 0
    half = MessagesDecoder()
    half.feed(b'{"content":[')
    half.give_up()
    assert (half.usage, half.received) == (None, 0)
    stream = MessagesDecoder()
    stream.feed(START)
    stream.give_up()
    assert stream.usage == Usage(input=7, output=1)
