"""A stream of ConverseStream, see StreamDecoder: messages to chunks, each with the bytes of one message.

Always true: it is whole when `messageStop` came; the tokens come behind it, in `metadata`, and end it. An exception is an event:
before the first content it is the vendor's error, behind it a cut.
"""

from __future__ import annotations

from typing import Any, Final

from headworks.core.errors import CallError, Cut, Garbled
from headworks.core.reply import Chunk, Usage
from headworks.wire.bedrock.errors import exception_in
from headworks.wire.bedrock.event_stream import Message, Splitter, Unframed
from headworks.wire.bedrock.usage import usage_of
from headworks.wire.json_text import read_json

MOST_SILENT: Final = 1_000_000
"""Bytes of events without content between two contents, as for other vendors."""

PICTURE: Final = 4
"""Bytes that what is no text counts as: about a token."""


class ConverseDecoder:
    """Gives chunks whose `data` are messages."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._silent = 0
        self.received = 0
        self.uncounted = 0
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.fault: CallError | None = None
        self.is_headed = False
        self.is_counted = False
        self.is_done = False

    @property
    def is_complete(self) -> bool:
        return self.finish is not None

    @property
    def pending(self) -> int:
        return self._splitter.pending

    def feed(self, data: bytes, /) -> list[Chunk]:
        chunks: list[Chunk] = []
        if self.is_done or self.fault is not None:
            return chunks
        while True:
            try:
                messages = self._splitter.feed(data)
            except Unframed as error:
                self._break(f"The vendor's stream is no event stream: {error}.")
                return chunks
            if not messages:
                return chunks
            for message in messages:
                if (chunk := self._chunk(message)) is None:
                    return chunks
                chunks.append(chunk)
                if chunk.last:
                    return chunks
            data = b""  # what follows the last whole message: half a one, or bytes that are none

    def end(self) -> list[Chunk]:
        if self.is_done or self.fault is not None:
            return []
        if self.is_complete:
            self.is_done = True
            return [Chunk(data=b"", last=True)]
        self._break("The vendor's stream ended before the answer did.")
        return []

    def give_up(self) -> None:
        """Every message was told as it came."""

    def _chunk(self, message: Message) -> Chunk | None:
        """The message as a chunk, or None and a fault."""
        if not message.is_event:
            self.fault = exception_in(message, is_headed=self.is_headed)
            return None
        if message.kind.endswith("Exception"):  # some servers call them events
            self.fault = exception_in(message, is_headed=self.is_headed)
            return None
        try:
            said = read_json(message.payload) if message.payload else {}
        except (ValueError, RecursionError):
            self._break("An event of the vendor's stream is not JSON.")
            return None
        chunk = Chunk(data=message.raw)
        if isinstance(said, dict):
            self._note(message.kind, said, chunk)
        self._silent = 0 if chunk.has_content else self._silent + len(message.raw)
        if self._silent > MOST_SILENT:
            self._break(f"The vendor's stream has more than {MOST_SILENT} bytes without content.")
            return None
        if chunk.has_content:
            self.is_headed = True
            self.received += chunk.size
            self.uncounted += chunk.size
        if chunk.usage is not None:
            self.usage = chunk.usage
            self.uncounted = 0
            self.is_counted = self.is_complete
        self.is_done = chunk.last
        return chunk

    def _note(self, kind: str, said: dict[str, Any], chunk: Chunk) -> None:
        if kind == "contentBlockDelta":
            _delta(said.get("delta"), chunk)
        elif kind == "contentBlockStart":
            start = said.get("start")
            if isinstance(start, dict) and start:
                chunk.has_content = True
                chunk.begins_tool_call = "toolUse" in start
                chunk.is_mixed = not chunk.begins_tool_call
                chunk.size = _size(start)
        elif kind == "messageStop":
            reason = said.get("stopReason")
            self.finish = chunk.finish = reason if isinstance(reason, str) and reason else "end_turn"
            chunk.has_content = True
        elif kind == "metadata":
            chunk.usage = usage_of(said.get("usage"))
            chunk.last = self.is_complete

    def _break(self, why: str) -> None:
        self.fault = Cut(why) if self.is_headed else Garbled(why)


def _delta(delta: Any, chunk: Chunk) -> None:
    if not isinstance(delta, dict) or not delta:
        return
    chunk.has_content = True
    text = delta.get("text")
    if isinstance(text, str) and len(delta) == 1:
        chunk.has_content = bool(text)
        chunk.text = text
    elif "toolUse" not in delta:
        chunk.is_mixed = True
    chunk.size = _size(delta)


def _size(value: Any) -> int:
    """Bytes of text in a piece; what is none counts as a token."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, dict):
        return sum(_size(one) for one in value.values())
    return PICTURE
