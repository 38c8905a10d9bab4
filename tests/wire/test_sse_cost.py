"""What a vendor's stream costs to read, counted in bytes that were searched, stripped, split or joined; never by the clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from headworks.core.call import Call
from headworks.core.errors import Cut, Garbled
from headworks.core.reply import Chunk
from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.chat import MOST_SILENT, ChatDecoder
from headworks.wire.sse import Splitter

CALL = Call(id="r", alias="a", body=b'{"model":"a","messages":[1]}', dialect=CHAT, streamed=True)
EVENT, PIECE = 4_000_000, 6_554
"""As many pieces as an event of 40 MB has of 64 KB: what is counted is how often a byte is gone over."""
SEARCH = frozenset({"find", "rfind", "split", "splitlines", "partition", "count"})
"""Methods that go over all that they are called on; `rstrip` and `startswith` look at an end."""
ENDS = {"LF": b"\n", "CR LF": b"\r\n", "CR": b"\r"}
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}'
LONG = b"x" * 5_000
EMPTY = b'data: {"choices":[{"index":0,"delta":{"content":""}}]}'


class Cost:
    """Bytes that were searched while `run` ran, and bytes of the event under way that were joined."""

    def __init__(self) -> None:
        self.bytes = 0
        self.joins = 0

    def run(self, work: Callable[[], Any]) -> Any:
        sys.setprofile(self.note)
        try:
            return work()
        finally:
            sys.setprofile(None)

    def note(self, frame: FrameType, kind: str, called: Any) -> None:
        if kind == "c_call" and isinstance(owner := getattr(called, "__self__", None), bytes):
            if called.__name__ == "join":
                splitter = frame.f_locals.get("self")
                self.joins += splitter.size if isinstance(splitter, Splitter) else 0
            elif called.__name__ in SEARCH:
                self.bytes += len(owner)


def told(decoder: ChatDecoder, pieces: list[bytes]) -> list[Chunk]:
    return [chunk for piece in pieces for chunk in decoder.feed(piece)]


@pytest.mark.parametrize("lines", [1, 60])
@pytest.mark.parametrize("end", ENDS)
def test_an_event_in_hundreds_of_pieces_is_gone_over_a_few_times(end: str, lines: int) -> None:
    line = b"data: " + b"x" * (EVENT // lines - 6)
    stream = ENDS[end].join([line] * lines) + 2 * ENDS[end]
    pieces = [stream[at : at + PIECE] for at in range(0, len(stream), PIECE)]
    splitter, cost = Splitter(), Cost()
    events = cost.run(lambda: [event for piece in pieces for event in splitter.feed(piece)])
    [event] = events or [splitter.end()]
    assert len(event.raw) == len(stream)
    assert cost.bytes <= 10 * len(stream)
    assert cost.joins <= 3 * len(stream)


@pytest.mark.parametrize("end", ENDS)
def test_a_comment_of_950_kb_and_then_byte_by_byte_is_gone_over_a_few_times(end: str) -> None:
    comment = (b":" + b"x" * 98 + ENDS[end]) * 9_500
    drip = [b"x"] * 2_000 + [b":", b"\r", b"x"] * 500
    decoder, cost = ChatDecoder(CALL), Cost()
    assert cost.run(lambda: told(decoder, [comment, *drip])) == []
    assert decoder.fault is None
    assert cost.bytes <= 10 * (len(comment) + len(drip))
    assert cost.joins <= 3 * (len(comment) + len(drip))


# What may come between two contents


def first(*pieces: bytes) -> ChatDecoder:
    decoder = ChatDecoder(CALL)
    told(decoder, list(pieces))
    return decoder


@pytest.mark.parametrize("end", ["LF", "CR"])
@pytest.mark.parametrize(
    "said",
    [
        b": " + LONG,
        b"id: " + LONG,
        b"event: " + LONG,
        b"id: " + LONG + b"\ndata:",
        LONG,
        EMPTY + b" " * len(LONG),
    ],
)
@pytest.mark.parametrize("is_headed", [False, True])
def test_at_most_a_megabyte_of_what_says_nothing_comes_between_two_contents(
    said: bytes, end: str, is_headed: bool
) -> None:
    silent = said.replace(b"\n", ENDS[end]) + 2 * ENDS[end]
    head = [TEXT + 2 * ENDS[end]] if is_headed else []
    many = MOST_SILENT // len(silent)
    enough = [silent * (many // 2)] * 2
    assert first(*head, *enough, TEXT + 2 * ENDS[end], *enough).fault is None, "a content, and it is counted anew"
    fault = first(*head, *enough, silent, silent, silent).fault
    assert isinstance(fault, Cut if is_headed else Garbled)
    assert str(MOST_SILENT) in fault.message


@pytest.mark.parametrize("end", ["LF", "CR"])
@pytest.mark.parametrize("begin", [b"", b"id: 1", b"x"])
@pytest.mark.parametrize("said", [b": " + LONG, LONG])
def test_lines_that_say_nothing_are_counted_before_their_event_ends(begin: bytes, said: bytes, end: str) -> None:
    line = said + ENDS[end]
    enough = (
        begin + ENDS[end] + line * ((MOST_SILENT - 100) // len(line)) if begin else line * (MOST_SILENT // len(line))
    )
    assert first(enough).fault is None
    assert isinstance(first(enough, line, line, line).fault, Garbled)
    assert first(enough, TEXT + b" " * 2_000_000).fault is None, "the event under way is not counted"


def test_a_line_without_an_end_that_is_no_data_is_counted_too() -> None:
    assert isinstance(first(b"x" * MOST_SILENT, b"x").fault, Garbled)
    assert isinstance(first(b" " * MOST_SILENT, b" ").fault, Garbled)
    assert first(b"data: " + b"x" * MOST_SILENT, b"x" * MOST_SILENT).fault is None


NOTHING = [b"\r", b"\n", b"\r\n", b"\r\r\n", b":\r\r", b":\n\n", b": c\r\r", b"data\r\r", b"data:\n\n", b" \r\n\r\n"]


@pytest.mark.parametrize("shred", NOTHING)
def test_what_is_too_short_for_data_is_counted_and_not_read(shred: bytes) -> None:
    splitter = Splitter()
    called: list[str] = []

    def note(frame: FrameType, kind: str, _: Any) -> None:
        if kind == "call":
            called.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        events = splitter.feed(shred * 2_000)
    finally:
        sys.setprofile(None)
    assert events == [], shred
    assert len(called) < 8, called[:20]
    splitter.feed(b"\n\n")
    assert splitter.skipped >= 2_000 * len(shred)
    (event,) = splitter.feed(b"data:x\n\n")
    assert event.data == b"x"


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("last", [b"data: x", b"no data"])
def test_lines_before_the_first_data_are_not_read_one_by_one(end: str, last: bytes) -> None:
    """95,000 lines of comments in one event: 950 KB, which is allowed, and was 18 ms of one turn of the loop."""
    lines = [b"event: first", *[b": comment"] * 50_000, b"event: last", *[b": comment"] * 45_000, last]
    stream = ENDS[end].join(lines) + 2 * ENDS[end] + b"data: y\n\n"
    splitter = Splitter()
    steps = 0

    def note(*_: Any) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(note)
    try:
        events = splitter.feed(stream)
    finally:
        sys.setprofile(None)
    assert steps < 200
    assert [(event.data, event.name) for event in events][-2:] == ([(b"x", b"last")] if last == b"data: x" else []) + [
        (b"y", b"")
    ]
    assert sum(event.skipped for event in events) > 950_000


@pytest.mark.parametrize("before", [b"event: a", b"event:a", b"event: b\nevent: a", b"id: 1\nevent: a\nevents: b"])
@pytest.mark.parametrize("many", [1, 1_000])
def test_an_event_has_the_name_of_its_last_line_of_that_kind_however_many_lines_come_first(
    before: bytes, many: int
) -> None:
    splitter = Splitter()
    (event,) = splitter.feed(before + b"\n: comment" * many + b"\ndata: x\n\n")
    assert (event.name, event.data) == (b"a", b"x")
    (event,) = splitter.feed(b": comment\n" * many + b"data: x\n\n")
    assert event.name == b""
    (event,) = splitter.feed(b": comment\n" * many + b"event: a\ndata: x\nevent: c\n\n")
    assert event.name == b"c"
