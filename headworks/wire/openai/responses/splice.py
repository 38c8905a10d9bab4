"""Another attempt's stream, rewritten so that the caller's SDK sees one answer that never broke.

Theory. The events that were sent say which answer it is, which item was growing, and how many events there were. Of another
attempt that begins anew, what opens the answer and the items up to that one is not told again, and the rest is told with the
numbers that follow: events, items, and the id of the growing item. Its texts are told as far as they are new (`Seam`); what
its `done` events and its end say is whole, for they say all of it. An attempt whose items come in another order cannot be
gone on with. A middle cannot be gone on with at all: `done` would lack what came before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from headworks.core.dialect import Before, Seam
from headworks.core.errors import Diverged
from headworks.core.reply import Chunk
from headworks.wire.json_text import read_json, write_json
from headworks.wire.openai.responses import events
from headworks.wire.openai.translation.message import text_in
from headworks.wire.sse import events_in


class _Asked(msgspec.Struct):
    include: msgspec.Raw = msgspec.Raw(b"null")
    background: msgspec.Raw = msgspec.Raw(b"null")


_ASKED: Final = msgspec.json.Decoder(_Asked)
_NUMBERS: Final = b"logprobs"
_THOUGHTS: Final = frozenset({events.SUMMARY_DELTA, events.REASONING_DELTA})
_LIFE: Final = frozenset({events.CREATED, events.IN_PROGRESS, "response.queued"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete"})
_OPENS: Final = frozenset({events.ITEM_ADDED, events.PART_ADDED, events.SUMMARY_ADDED})
_KINDS: Final = frozenset({"message", "reasoning"})


def noted(known: bytes, chunks: Sequence[Chunk], /) -> bytes:
    """Of what was sent: the first event, which names the answer, the newest that names an item, and the newest."""
    found = [*events_in(known), *[event for chunk in chunks for event in events_in(chunk.data)]]
    item = next((event for event in reversed(found[1:-1]) if b'"output_index"' in event.data), None)
    kept = [*found[:1], *([item] if item is not None else []), *found[1:][-1:]]
    return b"".join([event.raw for event in kept])


def may_resume(body: bytes) -> bool:
    """Whether another attempt may go on with an answer to this: text, and no numbers beside each token."""
    try:
        asked = _ASKED.decode(body)
    except (ValueError, RecursionError):
        return False
    return _NUMBERS not in bytes(asked.include) and bytes(asked.background) in (b"null", b"false")


def may_continue(body: bytes) -> bool:
    return False


def reasoning_in(data: bytes) -> str | None:
    """The reasoning of a chunk's events; None where they carry something that is neither that nor text."""
    said = ""
    for event in _read(data):
        kind = text_in(event, "type")
        if kind in _THOUGHTS and isinstance(delta := event.get("delta"), str):
            said += delta
        elif not _is_known(kind, event):
            return None
    return said


def _is_known(kind: Any, event: dict[str, Any]) -> bool:
    """Whether an event is of a message or of reasoning, or of the answer itself."""
    if kind in (events.ITEM_ADDED, events.ITEM_DONE):
        item = event.get("item")
        return isinstance(item, dict) and text_in(item, "type") in _KINDS
    return kind in _LIFE or kind in _SPOKEN


_SPOKEN: Final = frozenset(
    {
        *(events.PART_ADDED, events.PART_DONE, events.TEXT_DELTA, events.TEXT_DONE, events.SUMMARY_ADDED),
        *(events.SUMMARY_DONE, events.SUMMARY_TEXT_DONE, events.REASONING_DONE),
    }
)


class _Growing(NamedTuple):
    """The item that was growing: the newest one that was sent. at: its index."""

    at: int
    id: str
    is_reasoning: bool


class Rewriting:
    """Rewrites chunks of one attempt. sent: of the events that the caller has, what is `noted`."""

    def __init__(self, sent: bytes, seam: Seam, before: Before | None = None) -> None:
        self._seam = seam
        self._answer: dict[str, Any] = {}
        self._number = 0
        self._growing: _Growing | None = None
        self._is_found = False  # this attempt came to that item
        self._id = ""  # of that item in this attempt
        self._shift = 0
        self._fresh = ""
        for event in _read(sent):
            self._note(event)

    def _note(self, event: dict[str, Any]) -> None:
        """What an event that was sent says of the answer."""
        number, response, kind = event.get("sequence_number"), event.get("response"), event.get("type")
        if isinstance(number, int):
            self._number = max(self._number, number + 1)
        if isinstance(response, dict) and not self._answer:
            names = ("id", "created_at", "model")
            self._answer = {name: response[name] for name in names if name in response}
        index, item = event.get("output_index"), event.get("item")
        if isinstance(index, int) and (self._growing is None or index >= self._growing.at):
            inside = item if isinstance(item, dict) else {}
            is_reasoning = "reasoning" in str(kind) or inside.get("type") == "reasoning"
            self._growing = _Growing(index, str(event.get("item_id", inside.get("id", ""))), is_reasoning)

    def chunk(self, chunk: Chunk) -> Chunk | None:
        """The chunk as the caller may see it, None where nothing of it is left. Raises what the seam raises."""
        self._fresh = ""
        data = b"".join([self._event(event) for event in _read(chunk.unasked + chunk.data)])
        if not data and chunk.usage is None and not chunk.last:
            return None
        return msgspec.structs.replace(
            chunk, data=data, unasked=b"", text=self._fresh, has_content=chunk.has_content and bool(data)
        )

    def _event(self, event: dict[str, Any]) -> bytes:
        kind = text_in(event, "type")
        if kind in _LIFE:
            return b""
        if kind in _ENDS:
            self._seam.other()
            return self._said(self._ended(event))
        index = event.get("output_index")
        if not isinstance(index, int):
            self._seam.other()
            return self._said(event)
        growing = self._growing
        if growing is None:  # nothing of any item was sent
            return self._told(event)
        if kind == events.ITEM_ADDED and not self._is_found:
            return self._began(index, event)
        if not self._is_found:
            self._hear(event)
            return b""  # of an item that the caller has
        place = index + self._shift
        event["output_index"] = place
        if place == growing.at:
            if kind in _OPENS:
                return b""
            self._rename(event, growing.id)
        return self._told(event)

    def _began(self, index: int, event: dict[str, Any]) -> bytes:
        """An item begins: it is the one that was growing, or one before it."""
        item, growing = event.get("item"), self._growing
        assert growing is not None, "something was sent"
        kind = text_in(item, "type") if isinstance(item, dict) else ""
        if kind not in _KINDS or (kind == "message" and growing.is_reasoning):
            raise Diverged("The stream went on with other items than before.")
        if (kind == "reasoning") == growing.is_reasoning:
            self._is_found = True
            self._shift = growing.at - index
            assert isinstance(item, dict), "it has a kind"
            self._id = str(item.get("id"))
        return b""

    def _hear(self, event: dict[str, Any]) -> None:
        """What an item says that the caller has: it must be the same."""
        delta = event.get("delta")
        if text_in(event, "type") in _THOUGHTS and isinstance(delta, str):
            self._seam.reasoning(delta)

    def _told(self, event: dict[str, Any]) -> bytes:
        """An event with what is new of its text; nothing where nothing is."""
        kind, delta = text_in(event, "type"), event.get("delta")
        if kind == events.TEXT_DELTA and isinstance(delta, str):
            event["delta"] = fresh = self._seam.text(delta)
            self._fresh += fresh
            return self._said(event) if fresh else b""
        if kind in _THOUGHTS and isinstance(delta, str):
            event["delta"] = fresh = self._seam.reasoning(delta)
            return self._said(event) if fresh else b""
        if not _is_known(kind, event):
            self._seam.other()
        return self._said(event)

    def _rename(self, event: dict[str, Any], id: str) -> None:
        if "item_id" in event:
            event["item_id"] = id
        item = event.get("item")
        if isinstance(item, dict) and item.get("id") == self._id:
            item["id"] = id

    def _ended(self, event: dict[str, Any]) -> dict[str, Any]:
        """The answer's end, of the answer that the caller knows."""
        response, growing = event.get("response"), self._growing
        if isinstance(response, dict):
            response.update(self._answer)
            output = response.get("output")
            items = output if isinstance(output, list) and growing is not None else ()
            for item in items:
                self._rename({"item": item}, growing.id if growing is not None else "")
        return event

    def _said(self, event: dict[str, Any]) -> bytes:
        event["sequence_number"] = self._number
        self._number += 1
        kind = str(event.get("type", "")).encode()
        return b"event: %b\ndata: %b\n\n" % (kind, write_json(event))


def _read(data: bytes) -> list[dict[str, Any]]:
    """What events say. Raises Diverged for one that cannot be read."""
    found: list[dict[str, Any]] = []
    for event in events_in(data):
        try:
            said = read_json(event.data)
        except (ValueError, RecursionError):
            raise Diverged("The stream went on with an event that cannot be told again.") from None
        if isinstance(said, dict):
            found.append(said)
    return found
