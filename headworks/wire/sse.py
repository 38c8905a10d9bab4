"""Server-sent events: bytes in, complete events out, the same ones however the bytes are cut.

Theory (the HTML standard, "Server-sent events", which SDKs follow to differing degrees):
- a line ends in LF, CR LF or CR; an empty line ends an event; a BOM may open the stream; lines that begin with a colon
  are comments; `data` lines of one event are joined by LF; fields that nobody knows are ignored;
- an event without data is not an event: keep-alives and lone `id:` or `retry:` lines are dropped, and their bytes are
  counted. The official SDK would parse the empty string as JSON and raise;
- of all pairs of CR and LF only CR LF is one line's end, so an event ends at the first LF LF, LF CR or CR CR. Behind
  LF CR an LF may belong to it, so there the event waits for one more byte. That is the only wait. An LF behind CR CR is
  an empty line of the next event, which says nothing.

The cost is linear: a byte is searched and copied a fixed number of times, however small the pieces in which an event
comes. What came of it is kept in pieces and joined once, when its end is there; of what was searched only the line's
end at its very end is looked at again.

`raw` is the event's bytes as they came, with the empty line, so what goes to the caller is what the vendor sent.
An event at the end of the stream without its empty line is completed: some vendors end so on `[DONE]`.
"""

from __future__ import annotations

from typing import Final

import msgspec

COMMENT: Final = b": keepalive\n\n"
"""What readers of a stream pass over, and proxies count as life. The standard names comments for this."""

MOST_BYTES = 64_000_000
"""The longest event: as long as the longest answer that is no stream, for a picture in base64 comes in one event."""

MOST_LINES = 40_000
"""Lines of one event from its first data on. A JSON text of a megabyte that is written for people has as many; each costs a
step, and all of them together less than 10 ms. What comes before the first data is searched at the speed of memory."""

_LONG = 4096
"""Bytes of an event from which the lines before its first data are not read one by one."""

_LEAST = 8
"""Bytes of the shortest event that has data, with its empty line: what is shorter is not looked into."""

_BOM = b"\xef\xbb\xbf"
_MOST_RECENT = 1024
"""Pieces before they are made one: a vendor that sends byte by byte must not cost forty bytes for each."""


class Event(msgspec.Struct, gc=False):
    """raw: for the caller. data: the joined data lines. name: the `event:` field, "" where there is none.

    skipped: bytes of comments, of lines without data and of events without data that came before its data.
    """

    raw: bytes
    data: bytes
    name: bytes
    skipped: int = 0


class Splitter:
    """Cuts a stream of bytes into events. `is_overrun` once an event was too long: nothing follows.

    size: bytes of the event under way. skipped: bytes without data since the last event. dataless: bytes of the event under
    way as long as no line of it is data.
    """

    __slots__ = (
        "_edge",
        "_has_begun",
        "_limit",
        "_pieces",
        "_recent",
        "_seen",
        "dataless",
        "is_overrun",
        "size",
        "skipped",
    )

    def __init__(self, limit: int = MOST_BYTES) -> None:
        self._limit = limit
        self._has_begun = False
        self._pieces: list[bytes] = []  # of the event under way; each is many of those that came
        self._recent: list[bytes] = []  # behind them
        self._edge = b""  # a line's end at the very end, or a part of a BOM: to be searched again with what comes
        self._seen = b""  # the end of what came, as long as none of it is data
        self.size = 0
        self.skipped = 0
        self.dataless = 0
        self.is_overrun = False

    @property
    def tail(self) -> bytes:
        """What came of the event under way."""
        return b"".join([*self._pieces, *self._recent, self._edge])

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if self._edge:
            data = self._edge + data
            self._edge = b""
        if not self._has_begun:
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._edge = data
                return []
            self._has_begun = True
            data = data.removeprefix(_BOM)
        if b"\r" in data:
            return self._feed_any(data)
        if (
            data.find(b"\n") == len(data) - 2
            and data[:6] == b"data: "
            and data[-1:] == b"\n"
            and not self.size
            and not self.skipped
            and 8 < len(data) <= self._limit
        ):
            return [Event(data, data[6:-2], b"")]  # one event, whole: how most tokens come
        parts = data.split(b"\n\n")
        rest = parts.pop()
        events: list[Event] = []
        for part in parts:
            if self.size + len(part) > self._limit:
                self.is_overrun = True
                return events
            if part[:6] == b"data: " and len(part) > 6 and b"\n" not in part and not self.size and not self.skipped:
                events.append(Event(part + b"\n\n", part[6:], b""))
            elif part[:7] == b"event: " and not self.size and not self.skipped and (at := named(part)) > 0:
                events.append(Event(part + b"\n\n", part[at + 7 :], part[7:at], at + 1))
            elif not self.size and (len(part) < _LEAST - 2 or (part[:1] == b":" and b"\n" not in part)):
                self.skipped += len(part) + 2  # a read may bring thousands of them
            else:
                self._add(self._whole(part, b"\n\n"), events)
        if rest:
            self._keep(rest)
        return events

    def _feed_any(self, data: bytes) -> list[Event]:
        """The same for streams in which CR occurs."""
        size = len(data)
        events: list[Event] = []
        at = 0
        ends = dict.fromkeys((b"\n\n", b"\n\r", b"\r\r"), -1)
        while True:
            for pair, place in ends.items():  # each looks on from where it was, so none searches a byte twice
                if place < at:
                    ends[pair] = found if (found := data.find(pair, at)) >= 0 else size
            end = min(ends.values()) + 2
            if end > size or (end == size and ends[b"\n\r"] == end - 2):
                break
            if ends[b"\n\r"] == end - 2 and data[end : end + 1] == b"\n":
                end += 1
            if end - at < _LEAST and not self.size:
                self.skipped += end - at
                at = end
                continue
            if self.size + len(data[at:end].rstrip(b"\r\n")) > self._limit:
                self.is_overrun = True
                return events
            self._add(self._whole(data[at:end]), events)
            at = end
        if at < size:
            self._keep(data[at:])
        return events

    def _whole(self, *last: bytes) -> bytes:
        """The event under way with its last bytes."""
        raw = b"".join([*self._pieces, *self._recent, *last])
        self._clear()
        return raw

    def _clear(self) -> None:
        if self.size:
            self._pieces, self._recent, self._seen = [], [], b""
            self.size = self.dataless = 0

    def _add(self, raw: bytes, events: list[Event]) -> None:
        """Adds the event that these bytes are, or counts them where they are none."""
        if len(raw) > MOST_LINES and (first := _first_data(raw)) >= 0 and _has_many_lines(raw, first):
            self.is_overrun = True
            return
        event = _parsed(raw)
        if event is None:
            self.skipped += len(raw)
        else:
            event.skipped, self.skipped = self.skipped + _first_data(raw), 0
            events.append(event)

    def _keep(self, rest: bytes) -> None:
        """Takes what came of the next event."""
        if rest[-1:] in (b"\n", b"\r"):
            inside = rest.rstrip(b"\r\n")
            self._edge = rest[len(inside) :]
            rest = inside
        if rest:
            if not self.size and rest[:4] != b"data":
                self._seen = b"\n"
            self.size += len(rest)
            if self._seen:
                self._listen(rest)
            self._recent.append(rest)
            if len(self._recent) == _MOST_RECENT:
                self._pieces.append(b"".join(self._recent))
                self._recent = []
        if self.size > self._limit:
            self.is_overrun = True

    def _listen(self, rest: bytes) -> None:
        """Whether nothing that has come of the event under way is data."""
        heard = self._seen + rest
        if b"\ndata" in heard or b"\rdata" in heard:
            self._seen = b""
            self.dataless = 0
        else:
            self._seen = heard[-4:]
            self.dataless = self.size

    def end(self) -> Event | None:
        """The event that was begun when the stream ended, if it has data."""
        raw = self.tail
        part = raw.rstrip(b"\r\n")
        is_whole = self._edge[-2:] == b"\n\r"
        self._clear()
        self._edge = b""
        events: list[Event] = []
        self._add(raw if is_whole else part + b"\n\n", events)
        return events[0] if events else None


def named(part: bytes) -> int:
    """Where the first of two lines ends, if the second one is data and says something; else 0. For `event: ...` and one line of
    data, as APIs write it that name their events."""
    at = part.find(b"\n")
    is_data = part[at + 1 : at + 7] == b"data: " and part.find(b"\n", at + 7) < 0
    return at if is_data and len(part) > at + 7 else 0


def events_in(data: bytes) -> list[Event]:
    """The events of bytes that are all there."""
    splitter = Splitter(len(data) + 1)
    events = splitter.feed(data)
    rest = splitter.end()
    return [*events, rest] if rest is not None else events


def _first_data(raw: bytes) -> int:
    """Where the first line of an event is that begins as data does; -1 where none does."""
    if raw[:4] == b"data":
        return 0
    return min([place + 1 for line in (b"\ndata", b"\rdata") if (place := raw.find(line)) >= 0], default=-1)


def _has_many_lines(raw: bytes, at: int) -> bool:
    ends = raw.count(b"\n", at) + raw.count(b"\r", at)
    return ends > MOST_LINES and ends - raw.count(b"\r\n", at) > MOST_LINES


def _last_name(before: bytes) -> bytes:
    """The `event:` field of the lines before the first data."""
    _, found, rest = before.replace(b"\r", b"\n").rpartition(b"\nevent:")
    if not found:
        rest = before[6:] if before[:6] == b"event:" else b""
    return rest.splitlines()[0].removeprefix(b" ") if rest else b""


def _parsed(raw: bytes) -> Event | None:
    if raw[:6] == b"data: ":
        end = raw.find(b"\n")
        if (other := raw.find(b"\r", 0, end if end >= 0 else len(raw))) >= 0:
            end = other
        if end > 6 and not raw[end : end + 5].strip(b"\r\n") and len(raw) <= end + 4:
            return Event(raw, raw[6:end], b"")  # one line: copied once, as it may be a picture
    elif b"data" not in raw:
        return None
    data: list[bytes] = []
    name = b""
    lines = raw
    if len(raw) > _LONG:
        first = _first_data(raw)
        if first < 0:
            return None
        if first > _LONG:
            name, lines = _last_name(raw[:first]), raw[first:]
    for line in lines.splitlines():  # of bytes: at CR, LF and CR LF only
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    joined = data[0] if len(data) == 1 else b"\n".join(data)
    return Event(raw, joined, name) if joined else None
