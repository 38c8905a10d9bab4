"""A vendor's stream of a message: see StreamDecoder.

Always true: the chunks are the same however the bytes are cut; each chunk's `data` is the event as it came; an answer that ends
early is never made to look whole. It is whole when `message_stop` came after a stop reason, or when it ended after one: the
event that is missing then is put in for the caller's SDK. A piece of a block that was not opened with its type is a break: it
ends clients, and what it belongs to is not known.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.errors import CallError, Cut, Garbled, VendorSaid
from headworks.core.reply import Chunk, Usage
from headworks.wire.anthropic.answer import ONE_TOKEN, Block, Delta, Piece, bytes_of, decoded_piece, is_call
from headworks.wire.anthropic.forms import STOP, as_events
from headworks.wire.anthropic.usage import UsageSaid
from headworks.wire.anthropic.whole import answer_chunk, spent_in
from headworks.wire.error_reading import error_in
from headworks.wire.json_text import read_json
from headworks.wire.sse import MOST_BYTES, Event, Splitter

MOST_SILENT: Final = 1_000_000
"""Bytes of comments and of events without content between two contents. The event under way is not counted."""

BLANK: Final = b"\xef\xbb\xbf \t\r\n"
"""What may stand before the first byte of a body: a BOM, and spaces, which some vendors send while they wait."""

_BLOCKS: Final = {"text_delta": "text", "citations_delta": "text", "thinking_delta": "thinking"}
"""In which block a delta may come; others are not looked at, for new ones come every few months."""


class MessagesDecoder:
    __slots__ = (
        "_body",
        "_is_begun",
        "_limit",
        "_open",
        "_said",
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

    def __init__(self, limit: int = MOST_BYTES) -> None:
        self._splitter = Splitter(limit)
        self._limit = limit
        self._is_begun = False  # a byte came that is no space: from then on it is known whether it is a stream
        self._body: list[bytes] | None = None  # what came, where it is no stream but one body
        self._open: dict[int, str] = {}  # the blocks under way, by number
        self._said = UsageSaid()
        self._silent = 0  # bytes since the last content
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
        return self.finish is not None

    def feed(self, data: bytes, /) -> list[Chunk]:
        chunks: list[Chunk] = []
        if self.is_done or self.fault is not None:
            return chunks
        if not self._is_begun and (lead := data.lstrip(BLANK)[:1]):
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
            if chunk.last:
                return chunks
            self._silent = 0 if chunk.has_content else self._silent + len(event.raw)
        if splitter.is_overrun:
            self._break("An event of the vendor's stream is too long.")
        elif splitter.skipped + splitter.dataless + self._silent > MOST_SILENT:
            return self._hushed(chunks)
        return chunks

    def _hushed(self, chunks: list[Chunk]) -> list[Chunk]:
        """The end of a stream in which nothing is said any more: of a whole answer nothing is missing."""
        if self.is_complete:
            return [*chunks, self._end()]
        self._break(f"The vendor's stream has more than {MOST_SILENT} bytes without content.")
        return chunks

    def _end(self) -> Chunk:
        self.is_done = True
        return Chunk(data=STOP, last=True)

    def end(self) -> list[Chunk]:
        if self.is_done or self.fault is not None:
            return []
        if self._body is not None:
            return self._unstreamed(b"".join(self._body))
        event = self._splitter.end()
        was_complete = self.is_complete
        chunk = self._chunk(event) if event is not None else None
        chunks = [] if chunk is None else [chunk]
        if chunk is not None and chunk.last:
            return chunks
        if was_complete or self.is_complete:
            self.fault = None  # half an event behind a whole answer: nothing of the answer is missing
            chunks.append(self._end())
        else:
            self._break("The vendor's stream ended before the answer did.")
        return chunks

    def give_up(self) -> None:
        """What came as a stream is counted already, event by event."""
        if self._body is not None and not self.is_done:
            spent = spent_in(b"".join(self._body))
            self.usage, self.received = spent.usage, spent.received

    def _break(self, why: str) -> None:
        if self.fault is None:
            self.fault = Cut(why) if self.is_headed else Garbled(why)

    # Events

    def _chunk(self, event: Event) -> Chunk | None:
        """The event as a chunk, or None and a fault."""
        if event.data[:6] == b"[DONE]":  # what proxies of OpenAI's API end with
            return Chunk(data=b"")
        try:
            piece = decoded_piece(event.data)
            failure = read_json(event.data) if piece.type == "error" or event.name == b"error" else None
        except (ValueError, RecursionError):
            self._break("An event of the vendor's stream is not JSON.")
            return None
        chunk = Chunk(data=event.raw)
        kind = piece.type
        if failure is not None:
            self.fault = error_in(failure, is_headed=self.is_headed)
        elif kind == "content_block_delta":
            self._grow(piece, piece.delta or Delta(), chunk)
        elif kind == "content_block_start":
            self._begin(piece, piece.content_block or Block(), chunk)
        elif kind == "content_block_stop":
            self._open.pop(piece.index, None)
        elif kind == "message_delta":
            self._finish(piece, chunk)
        elif kind == "message_start":
            if piece.message is not None and piece.message.usage is not None:
                self._count(piece.message.usage, chunk)
        elif kind == "message_stop":
            self._stop(chunk)
        if self.fault is not None:
            return None
        if chunk.has_content:
            self.is_headed = True
            self.received += chunk.size
            self.uncounted = 0 if chunk.usage is not None else self.uncounted + chunk.size
        return chunk

    def _begin(self, piece: Piece, block: Block, chunk: Chunk) -> None:
        self._open[piece.index] = block.type
        if block.type == "text":
            chunk.text = block.text or ""
            chunk.has_content = bool(block.text)
            chunk.size = bytes_of(block.text)
            return
        chunk.has_content = True  # whoever begins to think is talking
        if is_call(block.type):
            chunk.begins_tool_call = True
            chunk.size = bytes_of(block.name)
        else:
            chunk.is_mixed = True
            chunk.size = bytes_of(block.thinking) if block.type == "thinking" else ONE_TOKEN

    def _grow(self, piece: Piece, delta: Delta, chunk: Chunk) -> None:
        kind = self._open.get(piece.index)
        if kind is None or _BLOCKS.get(delta.type, kind) != kind:
            self._break("The vendor's stream has a piece of a block that was not opened with its type.")
            return
        chunk.has_content = True
        if delta.type == "text_delta":
            chunk.text = text = delta.text or ""
            chunk.size = len(text) if text.isascii() else bytes_of(text)
            chunk.has_content = bool(text)
        elif delta.type == "input_json_delta":
            chunk.begins_tool_call = True
            chunk.size = bytes_of(delta.partial_json)
        else:
            chunk.is_mixed = True
            chunk.size = bytes_of(delta.thinking) if delta.type in ("thinking_delta", "signature_delta") else ONE_TOKEN

    def _finish(self, piece: Piece, chunk: Chunk) -> None:
        if piece.usage is not None:
            self._count(piece.usage, chunk)
        reason = piece.delta.stop_reason if piece.delta is not None else None
        if reason:
            self.finish = chunk.finish = reason
            chunk.has_content = True
            chunk.is_refusal = reason == "refusal"
            self.is_counted = chunk.usage is not None

    def _count(self, said: UsageSaid, chunk: Chunk) -> None:
        self._said = self._said.joined(said)
        if (usage := self._said.total()) is not None:
            self.usage = chunk.usage = usage
            self.uncounted = 0

    def _stop(self, chunk: Chunk) -> None:
        if self.finish is None:
            before = "a stop reason" if self.is_headed else "any content"
            self._break(f"The vendor's stream ended before {before}.")
            return
        self.is_done = chunk.last = True

    # A body instead of a stream

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
        """The chunks of an answer that came as one body; none, and a fault, where it is no answer."""
        self.pending = 0
        if body.lstrip(BLANK)[:1] == b"<":
            page = "The vendor answered a streamed call with a page for people (HTML)."
            self.fault = Garbled(page, said=VendorSaid(status=200))
            return []
        try:
            answer = answer_chunk(body)
        except CallError as fault:
            self.fault = fault.again()
            return []
        self.usage, self.finish, self.received = answer.usage, answer.finish, answer.size
        made = as_events(body)
        if made is None:
            self.fault = Garbled("The vendor answered a streamed call with a body that cannot be told as a stream.")
            return []
        self.is_headed = self.is_done = True
        self.is_counted = self.usage is not None
        return [msgspec.structs.replace(answer, data=made[0], last=False), Chunk(data=STOP, last=True)]
