"""A vendor's answer of Responses to the hub's words, streamed and whole.

Theory. A part of the hub is a part of a message, a reasoning item or a call; it is told by its deltas, and by what is `done` as
far as no delta told it. What only a hosted tool did comes at once, when it is done. Names of items, their states and what the
answer repeats of the question are not told: they mean something to this API only.
"""

from __future__ import annotations

from typing import Any, Final

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.hub.values import RESPONSES
from headworks.wire.json_text import read_json
from headworks.wire.openai.responses import events
from headworks.wire.openai.responses.content import citation_of, parts_of
from headworks.wire.openai.responses.items import call_of, thinking_of
from headworks.wire.openai.responses.words import finish_of, usage_of, word_of
from headworks.wire.openai.translation.message import text_in
from headworks.wire.openai.translation.words import likely_of
from headworks.wire.sse import events_in

_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete"})


class ResponsesPieces(hub.Decoder):
    """See hub.Decoder."""

    __slots__ = ("_has_calls", "_is_started", "_parts", "_told")

    def __init__(self) -> None:
        self._parts: dict[tuple[int, int], int] = {}  # an item's index and a part's, and the number of the part here
        self._told: set[tuple[int, int]] = set()  # of which a delta came
        self._has_calls = False
        self._is_started = False

    def feed(self, data: bytes) -> list[hub.Piece]:
        pieces: list[hub.Piece] = []
        try:
            for event in events_in(data):
                said = read_json(event.data)
                if isinstance(said, dict):
                    self._add(said, pieces)
        except (ValueError, RecursionError):
            raise Garbled(
                "An event of the vendor's stream cannot be read: it is no JSON, or nested too deep."
            ) from None
        return pieces

    def end(self) -> list[hub.Piece]:
        return []

    def whole(self, body: bytes) -> hub.Answer:
        return answer_of(body)

    def _add(self, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        kind = text_in(said, "type")
        if kind == events.TEXT_DELTA:
            self._text(said, pieces)
        elif kind in (events.CREATED, events.IN_PROGRESS, "response.queued"):
            self._start(said.get("response"), pieces)
        elif kind in _ENDS:
            self._finish(said.get("response"), pieces)
        elif kind in (events.ITEM_ADDED, events.ITEM_DONE):
            item = said.get("item")
            if isinstance(item, dict):
                self._item(_number(said, "output_index"), item, pieces, is_done=kind == events.ITEM_DONE)
        elif isinstance(delta := said.get("delta"), str) and delta:
            self._grow(kind, said, delta, pieces)
        elif kind == events.CITED:
            part, _ = self._part(said, "content_index")
            pieces.append(hub.CitationDelta(citation=citation_of(said.get("annotation")), part=part))

    def _part(self, said: dict[str, Any], field: str = "") -> tuple[int, bool]:
        """The number of a part, and whether something of it was told."""
        place = (_number(said, "output_index"), _number(said, field) if field else 0)
        was_told = place in self._told
        self._told.add(place)
        return self._parts.setdefault(place, len(self._parts)), was_told

    def _start(self, said: Any, pieces: list[hub.Piece]) -> None:
        if self._is_started or not isinstance(said, dict):
            return
        self._is_started = True
        pieces.append(hub.Started(**head_of(said)))
        pieces.append(hub.ChoiceStarted())

    def _text(self, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        text = said.get("delta")
        part, _ = self._part(said, "content_index")
        pieces.append(hub.TextDelta(text=text if isinstance(text, str) else "", part=part))
        if (logprobs := said.get("logprobs")) and (likely := likely_of(logprobs)):
            pieces.append(hub.LikelyDelta(likely=likely))

    def _grow(self, kind: Any, said: dict[str, Any], delta: str, pieces: list[hub.Piece]) -> None:
        if kind == events.REFUSAL_DELTA:
            part, _ = self._part(said, "content_index")
            pieces.append(hub.RefusalDelta(text=delta, part=part))
        elif kind in (events.ARGUMENTS_DELTA, events.INPUT_DELTA):
            part, _ = self._part(said)
            pieces.append(hub.ToolCallDelta(part=part, arguments=delta, is_custom=kind == events.INPUT_DELTA))
        elif kind in (events.SUMMARY_DELTA, events.REASONING_DELTA):
            is_summary = kind == events.SUMMARY_DELTA
            index = _number(said, "summary_index" if is_summary else "content_index")
            part, _ = self._part(said)
            if index and (_number(said, "output_index"), -index) not in self._told:
                self._told.add((_number(said, "output_index"), -index))
                delta = f"\n\n{delta}"  # another paragraph of it
            pieces.append(hub.ThinkingDelta(origin=RESPONSES, text=delta, part=part, is_summary=is_summary))

    def _item(self, index: int, item: dict[str, Any], pieces: list[hub.Piece], *, is_done: bool) -> None:
        kind, place = text_in(item, "type"), {"output_index": index}
        if kind in _CALLS:
            self._call(index, item, pieces, is_done=is_done)
        elif not is_done:
            return
        elif kind == "message":
            for at, one in enumerate(parts_of(item.get("content"))):
                if (index, at) not in self._told:
                    part, _ = self._part({**place, "content_index": at}, "content_index")
                    pieces.append(hub.Whole(value=one, part=part))
        elif kind == "reasoning":
            part, was_told = self._part(place)
            thought = thinking_of(item)
            if was_told:
                pieces.append(_rest(thought, part))
            else:
                pieces.append(hub.Whole(value=thought, part=part))
        else:
            part, _ = self._part(place)
            pieces.append(hub.Whole(value=hub.Only(dialect=RESPONSES, value=item), part=part))

    def _call(self, index: int, item: dict[str, Any], pieces: list[hub.Piece], *, is_done: bool) -> None:
        call = call_of(item)
        is_new = (index, 0) not in self._parts
        was_told = (index, 0) in self._told
        part = self._parts.setdefault((index, 0), len(self._parts))
        self._has_calls = True
        if is_new:
            pieces.append(hub.ToolCallDelta(part=part, id=call.id, name=call.name, is_custom=call.is_custom))
        if is_done and not was_told and call.arguments:
            pieces.append(hub.ToolCallDelta(part=part, arguments=call.arguments, is_custom=call.is_custom))

    def _finish(self, said: Any, pieces: list[hub.Piece]) -> None:
        self._start(said, pieces)
        answer = said if isinstance(said, dict) else {}
        if (word := word_of(answer)) is not None:
            pieces.append(hub.Finished(finish=finish_of(word, calls=self._has_calls)))
        if (usage := usage_of(answer.get("usage"))) is not None:
            pieces.append(hub.Counted(usage=usage))


def _rest(thought: hub.Thinking, part: int) -> hub.ThinkingDelta:
    """What of a thought comes at its end: its id, and what only its vendor can read."""
    return hub.ThinkingDelta(
        origin=RESPONSES, part=part, redacted=thought.redacted, id=thought.id, is_summary=thought.is_summary
    )


# Whole


def answer_of(body: bytes) -> hub.Answer:
    """Raises Garbled for what is no answer."""
    try:
        said = read_json(body.removeprefix(b"\xef\xbb\xbf"))
        if not isinstance(said, dict) or not isinstance(said.get("output"), list):
            raise Garbled("The vendor's answer has no output.")
        return _answer(said)
    except (ValueError, RecursionError):
        raise Garbled("The vendor's answer cannot be read: it is no JSON, or nested too deep.") from None


def _answer(said: dict[str, Any]) -> hub.Answer:
    items = [item for item in said["output"] if isinstance(item, dict)]
    parts = tuple([part for item in items for part in _parts(item)])
    word = word_of(said)
    calls = any(isinstance(part, hub.ToolCall) for part in parts)
    choice = hub.Choice(parts=parts, finish=None if word is None else finish_of(word, calls=calls))
    return hub.Answer(choices=(choice,), usage=usage_of(said.get("usage")), **head_of(said))


def _parts(item: dict[str, Any]) -> tuple[hub.Part, ...]:
    kind = text_in(item, "type")
    if kind == "message":
        return parts_of(item.get("content"))
    if kind == "reasoning":
        return (thinking_of(item),)
    return (call_of(item),) if kind in _CALLS else (hub.Only(dialect=RESPONSES, value=item),)


def head_of(said: dict[str, Any]) -> dict[str, Any]:
    """What an answer says of itself."""
    head: dict[str, Any] = {
        name: said[name] for name in ("id", "model", "service_tier") if isinstance(said.get(name), str)
    }
    created = said.get("created_at")
    if isinstance(created, (int, float)) and not isinstance(created, bool):
        head["created"] = int(created)
    return head


def _number(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) else 0
