"""A vendor's stream of Responses as chunks: each event as it came, and what policies need of it.

Theory. An event names its kind. The answer is whole when `response.completed` or `response.incomplete` came, which have its
tokens; `response.failed` and `error` are the vendor's errors. A stream that ends without any of them is cut. What only opens
something (an item, a part) carries nothing yet, but for an item that is a call. A kind that is not known carries something.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.errors import CallError, Cut, Garbled, VendorSaid
from headworks.core.reply import Chunk, Usage
from headworks.wire.openai.answer import untyped
from headworks.wire.openai.errors import error_in
from headworks.wire.openai.responses import events
from headworks.wire.openai.responses.forms import as_events
from headworks.wire.openai.responses.whole import whole_answer
from headworks.wire.openai.responses.words import UsageSaid, usage_in, word_of
from headworks.wire.openai.size import ONE_TOKEN, bytes_of
from headworks.wire.sse import MOST_BYTES, Event, Splitter

MOST_SILENT: Final = 1_000_000
"""Bytes of comments and of events without content between two contents."""

_BLANK: Final = b"\xef\xbb\xbf \t\r\n"


class _Item(msgspec.Struct):
    type: str = ""


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _Answer(msgspec.Struct):
    status: str | None = None
    usage: UsageSaid | None = None
    incomplete_details: _Incomplete | None = None


class Said(msgspec.Struct):
    """An event, as far as it is looked at."""

    type: str = ""
    delta: Any = None
    item: _Item | None = None
    response: _Answer | None = None
    error: Any = None


_SAID: Final = msgspec.json.Decoder(Said)

_SILENT: Final = frozenset(
    {
        *("response.created", "response.in_progress", "response.queued", "keepalive", "ping"),
        *(events.PART_ADDED, events.PART_DONE, events.SUMMARY_ADDED, events.SUMMARY_DONE, events.SUMMARY_TEXT_DONE),
        *(events.TEXT_DONE, events.REFUSAL_DONE, events.REASONING_DONE, events.ARGUMENTS_DONE, events.INPUT_DONE),
        "response.reasoning_summary.done",
    }
)
"""Events that say nothing which was not said before, or is said later."""

_THOUGHTS: Final = frozenset({events.SUMMARY_DELTA, events.REASONING_DELTA})
_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_OPENING: Final = frozenset({"message", "reasoning"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete"})
_FAILED: Final = frozenset({"response.failed", "response.cancelled"})


class ResponsesDecoder:
    """See StreamDecoder."""

    __slots__ = (
        *("_body", "_is_begun", "_is_noisy", "_limit", "_silent", "_splitter", "fault", "finish", "is_counted"),
        *("is_done", "is_headed", "pending", "received", "uncounted", "usage"),
    )

    def __init__(self, limit: int = MOST_BYTES) -> None:
        self._splitter = Splitter(limit)
        self._limit = limit
        self._is_begun = False
        self._is_noisy = False
        self._body: list[bytes] | None = None  # what came, where it is no stream but one body
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
        return self.is_done

    def feed(self, data: bytes, /) -> list[Chunk]:
        chunks: list[Chunk] = []
        if self.is_done or self.fault is not None:
            return chunks
        if not self._is_begun and (lead := data.lstrip(_BLANK)[:1]):
            self._is_begun = True
            if lead in b"{[<":
                self._body = []
        if self._body is not None:
            self._keep(data)
            return chunks
        splitter = self._splitter
        found = splitter.feed(data)
        self.pending = splitter.size
        for event in found:
            self._silent += event.skipped + len(event.raw)
            if (chunk := self._chunk(event)) is None:
                return chunks
            chunks.append(chunk)
            if chunk.last:
                return chunks
            if chunk.has_content:
                self._silent = 0
        if splitter.is_overrun:
            self._break("An event of the vendor's stream is too long.")
        elif splitter.skipped + splitter.dataless + self._silent > max(MOST_SILENT, 4 * self._opening()):
            self._break(f"The vendor's stream has more than {MOST_SILENT} bytes without content.")
        return chunks

    def _opening(self) -> int:
        """Before the first content an answer repeats what was asked, twice or more: that may be long."""
        return 0 if self.is_headed else self._limit

    def end(self) -> list[Chunk]:
        if self.is_done or self.fault is not None:
            return []
        if self._body is not None:
            return self._unstreamed(b"".join(self._body))
        event = self._splitter.end()
        chunk = self._chunk(event) if event is not None else None
        if chunk is not None and chunk.last:
            return [chunk]
        self._break("The vendor's stream ended before the answer did.")
        return [] if chunk is None else [chunk]

    def give_up(self) -> None:
        """Nothing is told of a body that is not whole."""

    def _chunk(self, event: Event) -> Chunk | None:
        """The event as a chunk, or None and a fault."""
        try:
            said = _read(event.data)
        except (ValueError, RecursionError):
            if self._is_noisy or b'"type"' in event.data:
                self._break("An event of the vendor's stream is not JSON.")
                return None
            self._is_noisy = True
            return Chunk(data=b"")
        kind = said.type or event.name.decode("utf-8", "replace")
        chunk = Chunk(data=event.raw)
        if kind == events.TEXT_DELTA:
            chunk.has_content = True
            chunk.text = said.delta if isinstance(said.delta, str) else ""
            chunk.size = bytes_of(chunk.text)
        elif kind in _ENDS:
            return self._ended(said, chunk, event)
        elif kind in _FAILED or kind == "error" or said.error:
            self._failed(event)
            return None
        elif kind not in _SILENT:
            self._note(kind, said, chunk)
        if chunk.has_content:
            self.is_headed = True
            self.received += chunk.size
            self.uncounted += chunk.size
        return chunk

    def _note(self, kind: str, said: Said, chunk: Chunk) -> None:
        """What an event carries that is no text."""
        item = said.item.type if said.item is not None else ""
        if kind == events.ITEM_ADDED:
            chunk.has_content = item not in _OPENING
            chunk.begins_tool_call = item in _CALLS
            chunk.is_mixed = chunk.has_content and not chunk.begins_tool_call
            return
        if kind == events.ITEM_DONE:
            # An item of a hosted tool came; of every other it was said before.
            chunk.has_content = chunk.is_mixed = item not in _OPENING and item not in _CALLS
            return
        chunk.has_content = True
        delta = said.delta if isinstance(said.delta, str) else ""
        chunk.size = bytes_of(delta) or ONE_TOKEN
        if kind in (events.ARGUMENTS_DELTA, events.INPUT_DELTA):
            chunk.begins_tool_call = True
        else:
            chunk.is_mixed = True
            chunk.is_refusal = kind == events.REFUSAL_DELTA

    def _ended(self, said: Said, chunk: Chunk, event: Event) -> Chunk | None:
        answer = said.response
        if answer is None:
            self._break("The vendor's stream ended without an answer.")
            return None
        if event.name == b"response.incomplete" or said.type == "response.incomplete":
            reason = answer.incomplete_details.reason if answer.incomplete_details is not None else None
            self.finish = reason or "incomplete"
        else:
            self.finish = "completed"
        chunk.has_content = chunk.last = True
        chunk.finish = self.finish
        if answer.usage is not None and (usage := answer.usage.usage()) is not None:
            self.usage = chunk.usage = usage
            self.is_counted = True
            self.uncounted = 0
        self.is_headed = self.is_done = True
        return chunk

    def _failed(self, event: Event) -> None:
        try:
            said = untyped(event.data)
        except (ValueError, RecursionError):
            self._break("An event of the vendor's stream is nested too deep.")
            return
        self.fault = error_in(failure_in(said), is_headed=self.is_headed)

    def _break(self, why: str) -> None:
        if self.fault is None:
            self.fault = Cut(why) if self.is_headed else Garbled(why)

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
        """The chunk of an answer that came as one body; none, and a fault, where it is no answer."""
        self.pending = 0
        if body.lstrip(_BLANK)[:1] == b"<":
            page = "The vendor answered a streamed call with a page for people (HTML)."
            self.fault = Garbled(page, said=VendorSaid(status=200))
            return []
        try:
            chunk = whole_answer(body)
        except CallError as fault:
            self.fault = fault.again()
            return []
        made = as_events(body)
        if made is None:
            self._break("The vendor answered a streamed call with a body that cannot be told as a stream.")
            return []
        self.usage, self.finish, self.received = chunk.usage, chunk.finish, chunk.size
        self.is_headed = self.is_done = True
        self.is_counted = self.usage is not None
        return [msgspec.structs.replace(chunk, data=made[0])]


def failure_in(said: Any) -> Any:
    """An error's body: of a `response.failed` what stands in the answer, else the event itself."""
    response = said.get("response") if isinstance(said, dict) else None
    if isinstance(response, dict):
        error = response.get("error")
        return {"error": error if isinstance(error, dict) else {"message": "The vendor's answer failed."}}
    if isinstance(said, dict) and not said.get("error"):
        return {"error": {name: said.get(name) for name in ("message", "code", "param")}}
    return said


def _read(data: bytes) -> Said:
    """Raises ValueError where the bytes are no JSON object, RecursionError where they are nested too deep."""
    try:
        return _SAID.decode(data)
    except msgspec.ValidationError:
        pass
    except msgspec.DecodeError:
        if b"\\ud" not in data and b"\\uD" not in data:
            raise
    return _lenient(untyped(data))


def _lenient(said: Any) -> Said:
    """What can be understood of an event whose known members have other types. Raises ValueError for no object."""
    if not isinstance(said, dict):
        raise ValueError("not an object")
    item, response, kind = said.get("item"), said.get("response"), said.get("type")
    answer = None
    if isinstance(response, dict):
        reason = word_of({**response, "status": "incomplete"})
        counts = response.get("usage")
        answer = _Answer(usage=_counted(counts), incomplete_details=_Incomplete(reason))
    item_kind = item.get("type") if isinstance(item, dict) else ""
    return Said(
        type=kind if isinstance(kind, str) else "",
        delta=said.get("delta"),
        item=_Item(item_kind if isinstance(item_kind, str) else ""),
        response=answer,
        error=said.get("error"),
    )


def _counted(said: Any) -> UsageSaid | None:
    usage = usage_in(said)
    if usage is None:
        return None
    return msgspec.convert(said, UsageSaid, strict=False)
