"""The events of one stream, numbered without a gap, and the items that they build.

Always true: what was opened is closed, in this order: the text of a part, the part, the item. What `done` events and the
answer's end say of an item is the same object. `output_index` and `content_index` begin at 0 and grow by one.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from headworks.wire.json_text import write_json
from headworks.wire.openai.translation.message import text_in

Member: TypeAlias = dict[str, Any]

CREATED: Final = "response.created"
IN_PROGRESS: Final = "response.in_progress"
ITEM_ADDED: Final = "response.output_item.added"
ITEM_DONE: Final = "response.output_item.done"
PART_ADDED: Final = "response.content_part.added"
PART_DONE: Final = "response.content_part.done"
TEXT_DELTA: Final = "response.output_text.delta"
TEXT_DONE: Final = "response.output_text.done"
REFUSAL_DELTA: Final = "response.refusal.delta"
REFUSAL_DONE: Final = "response.refusal.done"
CITED: Final = "response.output_text.annotation.added"
SUMMARY_ADDED: Final = "response.reasoning_summary_part.added"
SUMMARY_DONE: Final = "response.reasoning_summary_part.done"
SUMMARY_DELTA: Final = "response.reasoning_summary_text.delta"
SUMMARY_TEXT_DONE: Final = "response.reasoning_summary_text.done"
REASONING_DELTA: Final = "response.reasoning_text.delta"
REASONING_DONE: Final = "response.reasoning_text.done"
ARGUMENTS_DELTA: Final = "response.function_call_arguments.delta"
ARGUMENTS_DONE: Final = "response.function_call_arguments.done"
INPUT_DELTA: Final = "response.custom_tool_call_input.delta"
INPUT_DONE: Final = "response.custom_tool_call_input.done"


class EventWriter:
    """Writes events. number: of the next one."""

    __slots__ = ("_events", "number")

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self._events: list[bytes] = []

    def say(self, kind: str, members: Member) -> None:
        said = write_json({"type": kind, "sequence_number": self.number, **members})
        self._events.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), said))
        self.number += 1

    def taken(self) -> bytes:
        """The events since the last time."""
        events, self._events = self._events, []
        return b"".join(events)

    # An item that is there at once

    def item(self, index: int, item: Member) -> None:
        """The events of a whole item."""
        id, kind = item.get("id", ""), text_in(item, "type")
        place = {"output_index": index, "item_id": id}
        self.say(ITEM_ADDED, {"output_index": index, "item": begun(item)})
        if kind == "message":
            for at, part in enumerate(_list(item, "content")):
                self.part(part, {**place, "content_index": at})
        elif kind == "reasoning":
            for at, part in enumerate(_list(item, "summary")):
                self._summary(part, {**place, "summary_index": at})
            for at, part in enumerate(_list(item, "content")):
                self.part(part, {**place, "content_index": at})
        elif kind == "function_call":
            self._grown(ARGUMENTS_DELTA, ARGUMENTS_DONE, "arguments", item, place)
        elif kind == "custom_tool_call":
            self._grown(INPUT_DELTA, INPUT_DONE, "input", item, place)
        self.say(ITEM_DONE, {"output_index": index, "item": item})

    def part(self, part: Any, place: Member) -> None:
        """A part of a message, or of a reasoning item's own text."""
        if not isinstance(part, dict):
            return
        kind = text_in(part, "type")
        if kind not in EMPTY:
            self.say(PART_ADDED, {**place, "part": part})
            self.say(PART_DONE, {**place, "part": part})
            return
        field, delta, done = DELTAS[kind]
        text = part.get(field) or ""
        self.say(PART_ADDED, {**place, "part": dict(EMPTY[kind])})
        more = {"logprobs": part.get("logprobs") or []} if kind == "output_text" else {}
        if text:
            self.say(delta, {**place, "delta": text, **more})
        for at, one in enumerate(_list(part, "annotations")):
            self.say(CITED, {**place, "annotation_index": at, "annotation": one})
        self.say(done, {**place, field: text, **more})
        self.say(PART_DONE, {**place, "part": part})

    def _summary(self, part: Any, place: Member) -> None:
        text = part.get("text", "") if isinstance(part, dict) else ""
        self.say(SUMMARY_ADDED, {**place, "part": {"type": "summary_text", "text": ""}})
        self.say(SUMMARY_DELTA, {**place, "delta": text})
        self.say(SUMMARY_TEXT_DONE, {**place, "text": text})
        self.say(SUMMARY_DONE, {**place, "part": part})

    def _grown(self, delta: str, done: str, field: str, item: Member, place: Member) -> None:
        text = item.get(field, "")
        if text:
            self.say(delta, {**place, "delta": text})
        name = {"name": item.get("name", "")} if field == "arguments" else {}
        self.say(done, {**place, **name, field: text})


class Unsaid(EventWriter):
    """Of an answer that is not streamed nobody hears events."""

    __slots__ = ()

    def say(self, kind: str, members: Member) -> None:
        pass


EMPTY: Final[dict[str, Member]] = {
    "output_text": {"type": "output_text", "text": "", "annotations": [], "logprobs": []},
    "refusal": {"type": "refusal", "refusal": ""},
    "reasoning_text": {"type": "reasoning_text", "text": ""},
}
"""A part that begins."""

DELTAS: Final[dict[str, tuple[str, str, str]]] = {
    "output_text": ("text", TEXT_DELTA, TEXT_DONE),
    "refusal": ("refusal", REFUSAL_DELTA, REFUSAL_DONE),
    "reasoning_text": ("text", REASONING_DELTA, REASONING_DONE),
}
"""A part's text, and the events in which it grows and ends."""

_GROWING: Final[dict[str, Member]] = {
    "message": {"content": []},
    "reasoning": {"summary": []},
    "function_call": {"arguments": ""},
    "custom_tool_call": {"input": ""},
}


def begun(item: Member) -> Member:
    """An item as it is when it begins."""
    kind = text_in(item, "type")
    said = {**item, **_GROWING.get(kind, {})}
    if kind == "reasoning":
        said.pop("content", None)
    if "status" in said:
        said["status"] = "in_progress"
    return said


def _list(said: Member, name: str) -> list[Any]:
    value = said.get(name)
    return value if isinstance(value, list) else []
