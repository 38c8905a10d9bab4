"""The same events however the bytes are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headworks.providers.remote import MOST_ANSWER
from headworks.wire.sse import MOST_BYTES, MOST_LINES, Event, Splitter, events_in

PIECES = st.sampled_from(
    [
        *(b"data: x", b"data:y", b"data", b": ping", b"event: error", b"id: 7", b"retry: 10", b"x"),
        *(b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n", b"\xef\xbb\xbf", "é".encode(), b" "),
    ]
)
STREAMS = st.lists(PIECES, max_size=14).map(b"".join)


def split(stream: bytes, cuts: list[int], limit: int = 1000) -> tuple[list[Event], bool]:
    splitter = Splitter(limit)
    events = []
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        events += splitter.feed(stream[start:end])
        if splitter.is_overrun:
            return events, True
    last = splitter.end()
    if last is not None:
        events.append(last)
    return events, splitter.is_overrun


@given(STREAMS, st.lists(st.integers(0, 200), max_size=8))
@example(b"data: x\r\n\r\ndata:y\r\n\r\n", [8, 9, 10, 11])
@example(b"\xef\xbb\xbfdata: x\n\n", [1, 2])
@example(b"data: x\n\n\ndata: x", [9])
def test_any_cut_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    assert split(stream, cuts) == split(stream, [])
    assert split(stream, list(range(len(stream)))) == split(stream, [])


@given(STREAMS, st.lists(st.integers(0, 200), max_size=8))
def test_any_cut_finds_the_same_event_too_long(stream: bytes, cuts: list[int]) -> None:
    assert split(stream, cuts, limit=12) == split(stream, [], limit=12)


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"\r"]), min_size=1, max_size=6), st.sampled_from([b"\n", b"\r\n"]))
def test_any_line_end_will_do(ends: list[bytes], last: bytes) -> None:
    stream = b"".join(b"data: %d" % number + end + end for number, end in enumerate(ends)) + b"data: x" + last * 2
    events, _ = split(stream, [])
    assert [event.data for event in events] == [b"%d" % number for number in range(len(ends))] + [b"x"]


def test_an_ordinary_stream_keeps_its_bytes() -> None:
    stream = b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n'
    events = Splitter().feed(stream)
    assert b"".join(event.raw for event in events) == stream
    assert [event.data for event in events] == [b'{"a":1}', b'{"b":2}', b"[DONE]"]


@pytest.mark.parametrize(
    ("stream", "data", "name"),
    [
        (b"data: a\ndata: b\n\n", b"a\nb", b""),
        (b"event: error\ndata: x\n\n", b"x", b"error"),
        (b": OPENROUTER PROCESSING\ndata: x\n\n", b"x", b""),
        (b"id: 1\r\nevent: chunk\r\ndata: x\r\n\r\n", b"x", b"chunk"),
        (b"data:x\n\n", b"x", b""),
        (b"data:  x\n\n", b" x", b""),
        (b"dat: y\ndata: x\n\n", b"x", b""),
        (b"\n\n\ndata: x\n\n", b"x", b""),
    ],
)
def test_one_event(stream: bytes, data: bytes, name: bytes) -> None:
    (event,) = split(stream, [])[0]
    assert (event.data, event.name) == (data, name)


@pytest.mark.parametrize(
    "stream", [b": ping\n\n", b"\n\n\n", b"event: ping\n\n", b"id: 1\n\n", b"data:\n\n", b"data: \n\n", b""]
)
def test_what_has_no_data_is_no_event(stream: bytes) -> None:
    assert split(stream, []) == ([], False)


def test_an_event_whose_cr_may_be_half_of_crlf_waits_for_one_byte_more() -> None:
    splitter = Splitter()
    assert splitter.feed(b"data: x\r\n\r") == []
    assert [event.raw for event in splitter.feed(b"\n")] == [b"data: x\r\n\r\n"]


def test_an_event_at_the_end_is_completed() -> None:
    splitter = Splitter()
    assert splitter.feed(b"data: [DONE]\n") == []
    event = splitter.end()
    assert event is not None
    assert event.raw == b"data: [DONE]\n\n"
    assert splitter.end() is None


def test_an_event_too_long_ends_everything_before_it_is_all_there() -> None:
    splitter = Splitter(limit=100)
    assert len(splitter.feed(b"data: x\n\ndata: " + b"y" * 200)) == 1
    assert splitter.is_overrun


# Long events, and what is no event


ENDS = [b"\n\n", b"\r\n\r\n", b"\r\r"]


@pytest.mark.parametrize("end", ENDS)
def test_an_event_is_as_long_as_the_longest_answer(end: bytes) -> None:
    assert MOST_BYTES == MOST_ANSWER == 64_000_000
    picture = b'{"image":"%b"}' % (b"A" * 1_400_000)
    stream = b"data: " + picture + end + b"data: [DONE]" + end
    splitter = Splitter()
    events = [event for at in range(0, len(stream), 65_536) for event in splitter.feed(stream[at : at + 65_536])]
    last = splitter.end()
    assert [event.data for event in [*events, *([last] if last else [])]] == [picture, b"[DONE]"]
    assert events[0].raw == b"data: " + picture + end


@pytest.mark.parametrize("line", [b"", b"\n", b"\r\n", b"\r"])
def test_what_came_of_an_event_is_neither_joined_nor_searched_again_because_more_came(line: bytes) -> None:
    splitter = Splitter()
    pieces = [b"data: x", *[line + b"data: " + b"x" * 1000 for _ in range(100)]]
    for piece in pieces:
        assert splitter.feed(piece) == []
        assert splitter._edge == b"", "what is searched again with the next piece: nothing but a line's end"
    assert [id(piece) for piece in splitter._recent] == [id(piece) for piece in pieces], "the pieces themselves"
    assert splitter.size == sum(map(len, pieces))
    splitter.feed(line)
    assert splitter._edge == line


def test_a_vendor_that_sends_byte_by_byte_costs_no_object_for_each() -> None:
    splitter = Splitter()
    stream = b"data: " + b"x" * 20_000
    for at in range(len(stream)):
        splitter.feed(stream[at : at + 1])
    assert len(splitter._pieces) + len(splitter._recent) < 1100
    assert splitter.tail == stream
    assert [event.data for event in splitter.feed(b"\n\n")] == [stream[6:]]


def test_where_cr_alone_ends_a_line_an_event_comes_with_its_own_last_byte() -> None:
    splitter = Splitter()
    assert [event.raw for event in splitter.feed(b"data: x\r\r")] == [b"data: x\r\r"]
    assert [event.data for event in splitter.feed(b"\ndata: y\r\r")] == [b"y"], "an LF behind it says nothing"


@given(STREAMS)
def test_bytes_that_are_all_there_are_read_as_a_stream_that_has_ended(stream: bytes) -> None:
    assert events_in(stream) == split(stream, [], len(stream) + 1)[0]


def test_an_event_that_lacks_half_of_its_end_keeps_its_bytes() -> None:
    assert [event.raw for event in events_in(b"data: x\r\n\r")] == [b"data: x\r\n\r"]


@given(STREAMS, st.lists(st.integers(0, 200), max_size=8))
def test_every_byte_is_an_events_or_counted_as_none(stream: bytes, cuts: list[int]) -> None:
    splitter = Splitter()
    events = []
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        events += splitter.feed(stream[start:end])
    inside = sum(
        min(place for line in (b"\ndata", b"\rdata") if (place := event.raw.find(line)) >= 0) + 1
        for event in events
        if event.raw[:4] != b"data"
    )
    counted = sum(len(event.raw) + event.skipped for event in events) + splitter.skipped + len(splitter.tail) - inside
    assert counted == len(stream.removeprefix(b"\xef\xbb\xbf") if len(stream) > 2 else stream)


def test_comments_are_counted_before_they_end_and_data_is_not() -> None:
    splitter = Splitter()
    splitter.feed(b": ping\n\n")
    assert splitter.skipped == 8
    splitter.feed(b": pong\n: pong")
    assert splitter.dataless == 13
    splitter.feed(b"\nda")
    splitter.feed(b"ta: x")
    assert splitter.dataless == 0
    [event] = splitter.feed(b"\n\n")
    assert (event.data, event.skipped, splitter.skipped) == (b"x", 8 + 14, 0)


def test_an_event_of_too_many_lines_is_too_long() -> None:
    splitter = Splitter()
    assert splitter.feed(b"data: x\n" * (MOST_LINES + 1) + b"\n") == []
    assert splitter.is_overrun


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_bound_on_an_event_s_lines_is_one_number_whatever_ends_them(end: bytes) -> None:
    splitter = Splitter()
    (event,) = splitter.feed(b": comment" + end + (b"data: x" + end) * (MOST_LINES - 1) + end)
    assert event.data.count(b"x") == MOST_LINES - 1
    assert splitter.feed((b"data: x" + end) * MOST_LINES + end) == []
    assert splitter.is_overrun
