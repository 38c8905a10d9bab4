"""A vendor's stream in Gemini's dialect: each event is a `GenerateContentResponse`.

Always true: the chunks are the same however the bytes are cut; each chunk's `data` is the event as it came; an answer that ends
early is never made to look whole. There is no end mark: an answer is whole when the bytes end after every candidate had its
finish reason, or after the vendor said why the prompt is blocked. `usageMetadata` comes with every event; the last counts.

An error in mid-stream comes as JSON that is no event (`errors.py`), and so does a body where no stream was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from headworks.core.errors import CallError, Cut, Garbled, VendorSaid
from headworks.core.reply import Chunk, Usage
from headworks.wire.gemini.answer import Candidate, Response, decoded, parts_of, reason_of, size_of
from headworks.wire.gemini.body import choices_asked
from headworks.wire.gemini.errors import error_in
from headworks.wire.json_text import read_json, write_json
from headworks.wire.sse import MOST_BYTES, Event, Splitter

MOST_SILENT: Final = 1_000_000
"""Bytes of comments and of events without content between two contents. The event under way is not counted."""

_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_PIECES: Final = (b'"candidates"', b'"parts"', b'"text"', b'"error"', b'"finishReason"')
"""What a piece of an answer has in it, even where it is no JSON any more."""


class GenerateDecoder:
    """See StreamDecoder. body: what was asked."""

    __slots__ = (
        "_asked",
        "_blocked",
        "_body",
        "_finished",
        "_is_begun",
        "_is_noisy",
        "_limit",
        "_silent",
        "_splitter",
        "fault",
        "finish",
        "is_counted",
        "is_done",
        "is_headed",
        "pending",
        "received",
        "uncounted",
        "usage",
    )

    def __init__(self, body: bytes, limit: int = MOST_BYTES) -> None:
        self._asked = body
        self._splitter = Splitter(limit)
        self._limit = limit
        self._finished: set[int] = set()
        self._blocked = False
        self._is_begun = False
        self._body: list[bytes] | None = None  # what came, where it is no stream but one body
        self._is_noisy = False
        self._silent = 0
        self.received = 0
        self.uncounted = 0
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.fault: CallError | None = None
        self.is_headed = False
        self.is_counted = False
        self.is_done = False
        self.pending = 0

    @property
    def is_complete(self) -> bool:
        return self._blocked or len(self._finished) >= choices_asked(self._asked)

    def feed(self, data: bytes, /) -> list[Chunk]:
        chunks: list[Chunk] = []
        if self.is_done or self.fault is not None:
            return chunks
        if not self._is_begun and (lead := data.lstrip(_BLANK)[:1]):
            self._is_begun = True
            if lead in b"{[<":  # one body: no line of a stream can begin so
                self._body = []
        if self._body is not None:
            self._keep(data)
            return chunks
        splitter = self._splitter
        events = splitter.feed(data)
        self.pending = splitter.size
        for event in events:
            self._silent += event.skipped
            if self._silent > MOST_SILENT:
                return self._hushed(chunks)
            if (chunk := self._chunk(event)) is None:
                return chunks
            chunks.append(chunk)
            self._silent = 0 if chunk.has_content else self._silent + len(event.raw)
        if splitter.is_overrun:
            self._break("An event of the vendor's stream is too long.")
        elif splitter.skipped + splitter.dataless + self._silent > MOST_SILENT:
            return self._hushed(chunks)
        return chunks

    def _hushed(self, chunks: list[Chunk]) -> list[Chunk]:
        """The end of a stream in which nothing is said any more: of a whole answer nothing is missing."""
        if self.is_complete:
            return [*chunks, self._ended()]
        self._break(f"The vendor's stream has more than {MOST_SILENT} bytes without content.")
        return chunks

    def end(self) -> list[Chunk]:
        if self.is_done or self.fault is not None:
            return []
        if self._body is not None:
            return self._unstreamed(b"".join(self._body))
        tail = self._splitter.tail
        event = self._splitter.end()
        if event is None and (error := _error(tail)) is not None:
            self.fault = error_in(
                error, is_headed=self.is_headed
            )  # also behind a finish reason: older models send one with every event
            return []
        was_complete = self.is_complete
        chunk = self._chunk(event) if event is not None else None
        chunks = [] if chunk is None else [chunk]
        if was_complete or self.is_complete:
            self.fault = None  # half an event behind a whole answer: nothing of the answer is missing
            return [*chunks, self._ended()]
        self._break("The vendor's stream ended before the answer did.")
        return chunks

    def _ended(self) -> Chunk:
        self.is_done = True
        return Chunk(data=b"", last=True)

    def _chunk(self, event: Event) -> Chunk | None:
        """The event as a chunk, or None and a fault."""
        data = event.data
        try:
            piece = decoded(data)
        except (ValueError, RecursionError):
            if data[:6] == b"[DONE]":  # a proxy's: this API has no end mark, and its SDKs read none
                return Chunk(data=b"")
            if self._is_noisy or any(name in data for name in _PIECES):
                self._break("An event of the vendor's stream is not JSON.")
                return None
            self._is_noisy = True
            return Chunk(data=b"")
        if piece.error or event.name == b"error":
            self.fault = error_in(_value(data), is_headed=self.is_headed)
            return None
        chunk = Chunk(data=event.raw)
        self._note(piece, chunk)
        return chunk

    def _note(self, piece: Response, chunk: Chunk) -> None:
        for candidate in piece.candidates or ():
            self._candidate(candidate, chunk)
        if blocked := piece.blocked:
            chunk.has_content = self._blocked = True
            self.finish = chunk.finish = blocked
        said = piece.usage_metadata
        if said is not None and (usage := said.usage()) is not None:
            self.usage = chunk.usage = usage
            self.uncounted = 0
        if chunk.has_content:
            self.is_headed = True
            self.received += chunk.size
            if chunk.usage is None:
                self.uncounted += chunk.size
        if chunk.usage is not None and (self._finished or self._blocked):
            self.is_counted = True

    def _candidate(self, candidate: Candidate, chunk: Chunk) -> None:
        index = candidate.index or 0
        for part in parts_of(candidate):
            if part.function_call is not None:
                chunk.has_content = chunk.begins_tool_call = True
            if part.thought or part.other:
                chunk.has_content = chunk.is_mixed = True
            if part.text and not part.thought:
                chunk.has_content = True
                if index == 0:
                    chunk.text += part.text
            chunk.size += size_of(part)
        if (reason := reason_of(candidate)) is not None:
            chunk.has_content = True
            self._finished.add(index)
            self.is_counted = False  # by this event, or by one that follows
            if index == 0:
                self.finish = chunk.finish = reason

    def _break(self, why: str) -> None:
        if self.fault is None:
            self.fault = Cut(why) if self.is_headed else Garbled(why)

    # A body instead of a stream

    def give_up(self) -> None:
        if self._body is not None and not self.is_done:
            self._count(b"".join(self._body))

    def _count(self, body: bytes) -> None:
        for piece in pieces_in(body):
            self._note(piece, Chunk(data=b""))

    def _keep(self, data: bytes) -> None:
        assert self._body is not None
        self._limit -= len(data)
        self.pending += len(data)
        self._body.append(data)
        if self._limit < 0:
            self._body.clear()
            self.pending = 0
            self._break("The vendor answered a streamed call with a body that is too long.")

    def _unstreamed(self, body: bytes) -> list[Chunk]:
        """The chunks of an answer that came as one body, or as the list of a stream's events; none, and a fault, where it is no
        answer."""
        self.pending = 0
        if body.lstrip(_BLANK)[:1] == b"<":
            page = "The vendor answered a streamed call with a page for people (HTML)."
            self.fault = Garbled(page, said=VendorSaid(status=200))
            return []
        content = _value(body)
        chunks: list[Chunk] = []
        for one in content if isinstance(content, list) else [content]:
            if isinstance(one, dict) and one.get("error"):
                self.fault = error_in(one, is_headed=self.is_headed)
                return chunks
            data = write_json(one)
            if not isinstance(one, dict) or (chunk := self._chunk(Event(b"data: %b\n\n" % data, data, b""))) is None:
                self._break("The vendor answered a streamed call with a body that is no answer.")
                return chunks
            chunks.append(chunk)
        if self.is_complete:
            return [*chunks, self._ended()]
        self._break("The vendor's stream ended before the answer did.")
        return chunks


def pieces_in(body: bytes) -> Iterator[Response]:
    """What can be read of a body: one answer, or a list of pieces."""
    content = _value(body)
    for one in content if isinstance(content, list) else [content]:
        if isinstance(one, dict):
            yield decoded(write_json(one))


def _value(data: bytes) -> Any:
    """The JSON value; None where it is none."""
    try:
        return read_json(data.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return None


def _error(tail: bytes) -> Any:
    """The error that stands at a stream's end and is no event; None where there is none."""
    at = tail.find(b"{")
    content = _value(tail[at:]) if at >= 0 and b'"error"' in tail else None
    return content if isinstance(content, dict) and content.get("error") else None
