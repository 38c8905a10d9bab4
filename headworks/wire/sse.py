"""Server-sent events: bytes in, complete events out, the same ones however the bytes are cut.

Theory (the HTML standard, "Server-sent events", which SDKs follow to differing degrees):
- a line ends in LF, CR LF or CR; an empty line ends an event; a BOM may open the stream; lines that begin with a colon
  are comments; `data` lines of one event are joined by LF; fields that nobody knows are ignored;
- an event without data is not an event: keep-alives and lone `id:` or `retry:` lines are dropped. The official SDK
  would parse the empty string as JSON and raise;
- a CR at the very end of what came may be half of CR LF, so the event waits for one more byte. That is the only wait.

`raw` is the event's bytes as they came, with the empty line, so what goes to the caller is what the vendor sent.
An event at the end of the stream without its empty line is completed: some vendors end so on `[DONE]`.
"""

from __future__ import annotations

import re

import msgspec

MOST_BYTES = 1_000_000
"""The longest event. A second of audio is about 64 kB in base64; nothing that streams text comes near."""

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")
_EVENT_END = re.compile(rb"(?>\r\n|\r|\n){2}")  # atomic: CR LF must not be read as two ends
_PARTIAL_END = 3  # bytes of an event's end that may have come already: CR LF CR


class Event(msgspec.Struct, gc=False):
    """raw: for the caller. data: the joined data lines. name: the `event:` field, "" where there is none."""

    raw: bytes
    data: bytes
    name: bytes


class Splitter:
    """Cuts a stream of bytes into events. `is_overrun` once an event was too long: nothing follows."""

    __slots__ = ("_has_begun", "_limit", "is_overrun", "tail")

    def __init__(self, limit: int = MOST_BYTES) -> None:
        self._limit = limit
        self._has_begun = False
        self.tail = b""
        self.is_overrun = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if self.tail:
            data = self.tail + data
        if not self._has_begun:
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self.tail = data
                return []
            self._has_begun = True
            data = data.removeprefix(_BOM)
        if b"\r" in data:
            return self._feed_any(data)
        if (
            data.find(b"\n") == len(data) - 2
            and data[:6] == b"data: "
            and data[-1:] == b"\n"
            and 8 < len(data) <= self._limit
        ):
            self.tail = b""
            return [Event(data, data[6:-2], b"")]  # one event, whole: how most tokens come
        parts = data.split(b"\n\n")
        self.tail = parts.pop()
        limit = self._limit
        events: list[Event] = []
        for part in parts:
            if len(part) > limit:
                self.is_overrun = True
                return events
            if part[:6] == b"data: " and b"\n" not in part:
                if payload := part[6:]:
                    events.append(Event(part + b"\n\n", payload, b""))
            elif (event := _parsed(part, b"\n\n")) is not None:
                events.append(event)
        if len(self.tail) > limit + _PARTIAL_END:
            self.is_overrun = True
        return events

    def _feed_any(self, data: bytes) -> list[Event]:
        """The same for streams in which CR occurs."""
        at = 0
        events: list[Event] = []
        while (match := _EVENT_END.search(data, at)) is not None:
            if match.end() == len(data) and data.endswith(b"\r"):
                break
            if match.start() - at > self._limit:
                self.is_overrun = True
                return events
            event = _parsed(data[at : match.start()], match[0])
            if event is not None:
                events.append(event)
            at = match.end()
        self.tail = data[at:]
        if len(self.tail) > self._limit + _PARTIAL_END:
            self.is_overrun = True
        return events

    def end(self) -> Event | None:
        """The event that was begun when the stream ended, if it has data."""
        part, self.tail = self.tail.rstrip(b"\r\n"), b""
        if len(part) > self._limit:
            self.is_overrun = True
            return None
        return _parsed(part, b"\n\n")


def _parsed(part: bytes, ending: bytes) -> Event | None:
    data: list[bytes] = []
    name = b""
    for line in _LINE_END.split(part):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    joined = b"\n".join(data)
    return Event(part + ending, joined, name) if joined else None
