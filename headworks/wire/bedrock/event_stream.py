"""AWS's binary framing of a stream (`application/vnd.amazon.eventstream`): bytes to messages.

A message is a prelude (its length, that of its headers, a CRC of both), headers, a payload and a CRC of everything before it
(https://smithy.io/2.0/aws/amazon-eventstream.html, read in November 2026). Always true: the same messages however the bytes are
cut; each byte is looked at once; a message is as long as it says, at most MOST_BYTES, and both of its sums are right.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Mapping
from struct import Struct
from types import MappingProxyType
from typing import Final

import msgspec

MOST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of one message, as the specification bounds them."""

MOST_HEADERS: Final = 128 * 1024

MOST_KNOWN: Final = 32
MOST_KEPT: Final = 1024
"""Headers of different kinds that a stream's reader remembers, and bytes of one: Converse has a dozen kinds of events."""

_PRELUDE: Final = Struct(">III")
_CRC: Final = Struct(">I")
_LENGTH: Final = Struct(">H")
_SMALLEST: Final = 16

_WIDTHS: Final[Mapping[int, int]] = MappingProxyType({0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16})
"""Bytes of a header's value, by its type. Types 6 (bytes) and 7 (text) say their own."""
_SIZED: Final = (6, 7)
_TEXT: Final = 7


class Message(msgspec.Struct, frozen=True):
    """headers: those that are text. raw: the message as it came."""

    headers: Mapping[str, str]
    payload: bytes
    raw: bytes

    @property
    def kind(self) -> str:
        """What it is about: the type of its event, exception or error."""
        headers = self.headers
        return headers.get(":event-type") or headers.get(":exception-type") or headers.get(":error-code") or ""

    @property
    def is_event(self) -> bool:
        return self.headers.get(":message-type", "event") == "event"


class Unframed(ValueError):
    """Bytes that are no message."""


class Splitter:
    """Cuts a stream into messages. Raises Unframed from the first byte on that cannot be one; nothing follows it."""

    __slots__ = ("_buffer", "_known", "_wanted")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._known: dict[bytes, Mapping[str, str]] = {}  # headers that were read: those of a stream are a handful
        self._wanted = 0  # bytes of the message under way, once its prelude is there

    @property
    def pending(self) -> int:
        """Bytes of the message under way."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Message]:
        """The messages that these bytes complete. What came before a byte that is wrong is given first: the error comes with
        the next call, or with this one where there is nothing else."""
        buffer = self._buffer
        buffer += data
        messages: list[Message] = []
        at = 0
        try:
            while True:
                if not self._wanted:
                    if len(buffer) - at < _PRELUDE.size:
                        break
                    self._wanted = _size_of(buffer, at)
                if len(buffer) - at < self._wanted:
                    break
                messages.append(self._message(bytes(buffer[at : at + self._wanted])))
                at += self._wanted
                self._wanted = 0
        except Unframed:
            if not messages:
                raise
        del buffer[:at]
        return messages

    def _message(self, raw: bytes) -> Message:
        size, width, _ = _PRELUDE.unpack_from(raw)
        if crc32(memoryview(raw)[:-4]) != _CRC.unpack_from(raw, size - 4)[0]:
            raise Unframed("the sum of a message is wrong")
        ends = _PRELUDE.size + width
        said = raw[_PRELUDE.size : ends]
        headers = self._known.get(said)
        if headers is None:
            headers = _headers(raw, ends)
            if len(self._known) < MOST_KNOWN and width <= MOST_KEPT:
                self._known[said] = headers
        return Message(headers, raw[ends:-4], raw)


def messages_in(data: bytes) -> list[Message]:
    """Whole messages, one behind the other. Raises Unframed."""
    return Splitter().feed(data)


def _size_of(buffer: bytearray, at: int) -> int:
    size, headers, crc = _PRELUDE.unpack_from(buffer, at)
    if crc32(buffer[at : at + 8]) != crc:
        raise Unframed("the sum of a message's prelude is wrong")
    if not _SMALLEST + headers <= size <= MOST_BYTES or headers > MOST_HEADERS:
        raise Unframed("a message's lengths are wrong")
    return int(size)


def _headers(raw: bytes, ends: int) -> dict[str, str]:
    found: dict[str, str] = {}
    at = _PRELUDE.size
    while at < ends:
        named = at + 1 + raw[at]
        if named >= ends:
            raise Unframed("a header is longer than the headers")
        kind = raw[named]
        begins = named + 1
        if kind in _SIZED:
            if begins + 2 > ends:
                raise Unframed("a header is longer than the headers")
            width = _LENGTH.unpack_from(raw, begins)[0]
            begins += 2
        elif kind in _WIDTHS:
            width = _WIDTHS[kind]
        else:
            raise Unframed("a header has an unknown type")
        if begins + width > ends:
            raise Unframed("a header is longer than the headers")
        if kind == _TEXT:
            name = raw[at + 1 : named].decode("utf-8", "replace")
            found[name] = raw[begins : begins + width].decode("utf-8", "replace")
        at = begins + width
    return found
