"""AWS's framing: botocore's vectors and botocore itself, any cut, and bytes that are no message."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from headworks.wire.bedrock import event_stream
from headworks.wire.bedrock.event_stream import MOST_BYTES, Message, Splitter, Unframed, messages_in
from tests.wire.bedrock.frames import TOOLS, event, frame, stream

# https://github.com/boto/botocore/blob/1.44.8/tests/unit/test_eventstream.py, read 2026-11-30
EMPTY = b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2H\xeb}\x98\xc8\xff"
NO_HEADERS = b"\x00\x00\x00\x1d\x00\x00\x00\x00\xfdR\x8cZ{'foo':'bar'}\xc3e96"
INT_HEADER = b"\x00\x00\x00+\x00\x00\x00\x0e4\x8b\xec{\x08event-id\x04\x00\x00\xa0\x0c{'foo':'bar'}\xd3\x89\x02\x85"
TEXT_HEADER = b"\x00\x00\x00=\x00\x00\x00 \x07\xfd\x83\x96\x0ccontent-type\x07\x00\x10application/json{'foo':'bar'}\x8d\x9c\x08\xb1"


@pytest.mark.parametrize(
    ("raw", "headers", "payload"),
    [
        (EMPTY, {}, b""),
        (NO_HEADERS, {}, b"{'foo':'bar'}"),
        (INT_HEADER, {}, b"{'foo':'bar'}"),
        (TEXT_HEADER, {"content-type": "application/json"}, b"{'foo':'bar'}"),
    ],
)
def test_the_vectors_of_botocore(raw: bytes, headers: dict[str, str], payload: bytes) -> None:
    assert messages_in(raw) == [Message(headers, payload, raw)]
    assert messages_in(raw + raw)[1].raw == raw


@given(
    headers=st.dictionaries(st.text("abc:-", min_size=1, max_size=9), st.text(max_size=20), max_size=4),
    payload=st.binary(max_size=300),
    size=st.integers(1, 50),
)
def test_a_message_is_read_as_botocore_reads_it_however_it_is_cut(
    headers: dict[str, str], payload: bytes, size: int
) -> None:
    raw = frame(headers, payload) * 2
    theirs = EventStreamBuffer()
    theirs.add_data(raw)
    expected = [(one.headers, one.payload) for one in theirs]
    splitter = Splitter()
    ours = [one for at in range(0, len(raw), size) for one in splitter.feed(raw[at : at + size])]
    assert [(dict(one.headers), one.payload) for one in ours] == expected
    assert b"".join(one.raw for one in ours) == raw
    assert splitter.pending == 0


def test_a_stream_of_converse_is_read_by_botocore_too() -> None:
    theirs = EventStreamBuffer()
    theirs.add_data(stream(TOOLS))
    said = [(one.headers[":event-type"], json.loads(one.payload)) for one in theirs]
    assert said == [(kind, value) for kind, value in TOOLS]
    assert [(one.kind, json.loads(one.payload)) for one in messages_in(stream(TOOLS))] == said


def broken(at: int, value: int, raw: bytes = TEXT_HEADER) -> bytes:
    return raw[:at] + bytes([value]) + raw[at + 1 :]


def summed(prelude: bytes, rest: bytes) -> bytes:
    """A message whose sums are right, whatever it says."""
    made = frame({}, b"")
    crc = event_stream.crc32
    head = prelude + crc(prelude).to_bytes(4, "big")
    return head + rest + crc(head + rest).to_bytes(4, "big") if made else b""


def lengths(size: int, headers: int) -> bytes:
    return size.to_bytes(4, "big") + headers.to_bytes(4, "big")


@pytest.mark.parametrize(
    "raw",
    [
        broken(3, 0x3C),  # its length
        broken(9, 0),  # the sum of its prelude
        broken(40, 0),  # its payload
        broken(-1 % len(TEXT_HEADER), 0),  # its sum
        b"data: {}\n\nthis is no event stream",
        summed(lengths(12, 0), b""),
        summed(lengths(MOST_BYTES + 1, 0), b""),
        summed(lengths(200_000, 190_000), b""),
        summed(lengths(20, 16), b"1234"),
        *(
            summed(lengths(16 + len(headers), len(headers)), headers)
            for headers in (
                b"\x09short",
                b"\x01a\x07\x00",
                b"\x01a\x07\x00\x09x",
                b"\x01a\x0axx",
                b"\x01a\x05\x00",
                b"\xff",
            )
        ),
    ],
)
def test_bytes_that_are_no_message_are_told(raw: bytes) -> None:
    with pytest.raises(Unframed):
        messages_in(raw)


def test_each_type_of_header_has_its_width() -> None:
    widths = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
    headers = b"".join(b"\x01a" + bytes([kind]) + bytes(width) for kind, width in widths.items())
    headers += b"\x01b\x06\x00\x02xx" + b"\x01c\x07\x00\x01y"
    [message] = messages_in(summed(lengths(16 + len(headers), len(headers)), headers))
    assert message.headers == {"c": "y"}
    assert message.kind == ""
    assert message.is_event


def test_what_came_before_a_wrong_byte_is_given_first() -> None:
    splitter = Splitter()
    good = event("messageStart", {"role": "assistant"})
    assert [one.kind for one in splitter.feed(good + b"no message at all")] == ["messageStart"]
    for _ in range(2):
        with pytest.raises(Unframed):
            splitter.feed(b"")


def test_headers_that_are_remembered_are_bounded() -> None:
    splitter = Splitter()
    for at in range(2 * event_stream.MOST_KNOWN):
        for raw in (event(f"kind-{at}", {}), frame({"long": "x" * event_stream.MOST_KEPT}, b"")):
            assert splitter.feed(raw) == messages_in(raw)
    assert len(splitter._known) == event_stream.MOST_KNOWN


def test_a_long_message_is_not_looked_at_again_with_every_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = frame({}, b"x" * 20_000)
    looked: list[int] = []
    crc = event_stream.crc32

    def counted(data: Any) -> int:
        looked.append(len(data))
        return crc(data)

    monkeypatch.setattr(event_stream, "crc32", counted)
    splitter = Splitter()
    found = [one for at in range(len(raw)) for one in splitter.feed(raw[at : at + 1])]
    assert len(found) == 1
    assert looked == [8, len(raw) - 4]
