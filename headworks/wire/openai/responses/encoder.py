"""Pieces to the events of Responses.

Theory. Here an answer is a row of items, and a text a part of an item, and each is opened and closed. So what is open is known
here: one message or one reasoning item, or calls, which may grow side by side. A call is closed when its arguments are whole
JSON and something else begins, the others at the end. There is one answer: of other choices nothing is told.

Thinking of another vendor's API is told as the text of a reasoning item; what that vendor wants back with it stands in an
`envelope.py`. A signature of a call or a text gets an item of its own. Tools of a namespace, and those that take free text,
have their own names and forms again (`ToolNames`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.hub.values import RESPONSES
from headworks.wire.json_text import read_json, write_json
from headworks.wire.openai.responses import events
from headworks.wire.openai.responses.content import annotation_of
from headworks.wire.openai.responses.envelope import TEXT, Sealed, sealed
from headworks.wire.openai.responses.events import EventWriter, Member, Unsaid
from headworks.wire.openai.responses.head import Head
from headworks.wire.openai.responses.items import written_item
from headworks.wire.openai.responses.tools import ToolNames
from headworks.wire.openai.responses.words import COMPLETED, INCOMPLETE, finish_word, written_usage
from headworks.wire.openai.translation.words import written_likely


class _Message:
    """A message that is open, and the part of it that grows."""

    __slots__ = ("annotations", "closed", "id", "index", "kind", "likely", "part", "texts")

    def __init__(self, id: str, index: int) -> None:
        self.id = id
        self.index = index
        self.closed: list[Member] = []
        self.part = -1
        self.kind = ""  # of the part: "" where none is open
        self.texts: list[str] = []
        self.annotations: list[Any] = []
        self.likely: list[Any] = []

    @property
    def place(self) -> Member:
        return {"item_id": self.id, "output_index": self.index, "content_index": len(self.closed)}


class _Thought:
    """A reasoning item that is open."""

    __slots__ = ("id", "index", "is_summary", "origin", "part", "redacted", "signature", "texts", "their_id")

    def __init__(self, id: str, index: int, part: int, origin: str, *, is_summary: bool) -> None:
        self.id = id
        self.index = index
        self.part = part
        self.origin = origin
        self.is_summary = is_summary
        self.texts: list[str] = []
        self.signature = ""
        self.redacted = ""
        self.their_id = ""

    @property
    def place(self) -> Member:
        at = "summary_index" if self.is_summary else "content_index"
        return {"item_id": self.id, "output_index": self.index, at: 0}


class _Call:
    """A tool call that is open. is_free: it takes free text, and the vendor writes that as JSON."""

    __slots__ = ("id", "index", "is_free", "item", "pieces", "signature")

    def __init__(self, id: str, index: int, item: Member, *, is_free: bool) -> None:
        self.id = id
        self.index = index
        self.item = item
        self.is_free = is_free
        self.pieces: list[str] = []
        self.signature: Sealed | None = None


class ResponsesEvents(hub.Encoder):
    """See hub.Encoder. head: what an answer says of itself and of what was asked. names: of the caller's tools."""

    __slots__ = ("_calls", "_finish", "_has_begun", "_head", "_items", "_names", "_open", "_usage", "_writer")

    def __init__(self, head: Head, names: ToolNames) -> None:
        self._head = head
        self._names = names
        self._writer = EventWriter()
        self._items: dict[int, Member] = {}  # those that are closed, by their index
        self._open: _Message | _Thought | None = None
        self._calls: dict[int, _Call] = {}  # those that are open, by the number of their part
        self._usage: hub.Usage | None = None
        self._finish: hub.Finish | None = None
        self._has_begun = False

    def feed(self, pieces: Sequence[hub.Piece]) -> bytes:
        try:
            for at, piece in enumerate(pieces):
                self._add(piece, pieces[at + 1] if at + 1 < len(pieces) else None)
            self._begin()
            return self._writer.taken()
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None

    def end(self) -> bytes:
        try:
            self._begin()
            self._close_all()
            status = self._status()
            self._writer.say(f"response.{status}", {"response": self._response(status)})
            return self._writer.taken()
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None

    def whole(self, answer: hub.Answer) -> bytes:
        self._writer = Unsaid()
        try:
            self._add(hub.Started(id=answer.id, model=answer.model, created=answer.created), None)
            self._head.service_tier = answer.service_tier
            for choice in answer.choices[:1]:
                for number, part in enumerate(choice.parts):
                    self._whole_part(hub.Whole(value=part, part=number), choice.likely)
                self._finish = choice.finish
            self._usage = answer.usage
            self._close_all()
            return write_json(self._response(self._status()))
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None

    # The answer

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            response = self._head.response("in_progress", [], None)
            self._writer.say(events.CREATED, {"response": response})
            self._writer.say(events.IN_PROGRESS, {"response": response})

    def _status(self) -> str:
        return COMPLETED if self._finish is None or finish_word(self._finish) == COMPLETED else INCOMPLETE

    def _response(self, status: str) -> Member:
        usage = None if self._usage is None else written_usage(self._usage)
        response = self._head.response(status, [self._items[at] for at in sorted(self._items)], usage)
        if status == INCOMPLETE and self._finish is not None:
            response["incomplete_details"] = {"reason": finish_word(self._finish)}
        return response

    def _opened(self) -> int:
        """The index of an item that begins now."""
        open_ones = len(self._calls) + (self._open is not None)
        return len(self._items) + open_ones

    def _item_status(self) -> str:
        return INCOMPLETE if self._status() == INCOMPLETE else COMPLETED

    # Pieces

    def _add(self, piece: hub.Piece, following: hub.Piece | None) -> None:
        if isinstance(piece, hub.TextDelta):
            if piece.choice == 0:
                self._text(piece, following)
        elif isinstance(piece, hub.Started):
            self._head.started(piece)
            self._usage = piece.usage or self._usage
        elif isinstance(piece, hub.Counted):
            self._usage = piece.usage
        elif isinstance(piece, hub.OnlyEvent):
            return  # an event of another API
        elif piece.choice == 0:
            self._add_rare(piece)

    def _add_rare(
        self,
        piece: hub.ChoiceStarted
        | hub.CitationDelta
        | hub.ThinkingDelta
        | hub.RefusalDelta
        | hub.ToolCallDelta
        | hub.AudioDelta
        | hub.Whole
        | hub.LikelyDelta
        | hub.ChoiceExtra
        | hub.Finished,
    ) -> None:
        if isinstance(piece, hub.ThinkingDelta):
            self._think(piece)
        elif isinstance(piece, hub.ToolCallDelta):
            self._call(piece)
        elif isinstance(piece, hub.Finished):
            self._finish = piece.finish
        elif isinstance(piece, hub.RefusalDelta):
            message = self._message("refusal", piece.part)
            message.texts.append(piece.text)
            self._writer.say(events.REFUSAL_DELTA, {**message.place, "delta": piece.text})
        elif isinstance(piece, hub.CitationDelta):
            self._cite(piece)
        elif isinstance(piece, hub.Whole):
            self._whole_part(piece, None)

    # Messages

    def _message(self, kind: str, part: int) -> _Message:
        """The message that is open, in which this part is open."""
        message = self._open
        if not isinstance(message, _Message):
            self._close_open()
            self._close_calls(whole_only=True)
            self._begin()
            index = self._opened()
            message = self._open = _Message(self._head.item_id("msg", index), index)
            item = {"id": message.id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
            self._writer.say(events.ITEM_ADDED, {"output_index": index, "item": item})
        if message.part != part or message.kind != kind:
            self._close_part(message)
            message.part, message.kind = part, kind
            self._writer.say(events.PART_ADDED, {**message.place, "part": events.EMPTY[kind]})
        return message

    def _text(self, piece: hub.TextDelta, following: hub.Piece | None) -> None:
        message = self._open
        if not isinstance(message, _Message) or message.part != piece.part or message.kind != "output_text":
            message = self._message("output_text", piece.part)
        likely: list[Any] = []
        if isinstance(following, hub.LikelyDelta) and following.likely is not None:
            likely = written_likely(following.likely)
            message.likely += likely
        message.texts.append(piece.text)
        self._writer.say(events.TEXT_DELTA, {**message.place, "delta": piece.text, "logprobs": likely})
        if piece.signature and piece.origin:
            self._sign(Sealed(piece.origin, signature=piece.signature, of=TEXT))

    def _cite(self, piece: hub.CitationDelta) -> None:
        message = self._message("output_text", piece.part)
        said = annotation_of(piece.citation, sum(map(len, message.texts)))
        if said is not None:
            place = {**message.place, "annotation_index": len(message.annotations)}
            message.annotations.append(said)
            self._writer.say(events.CITED, {**place, "annotation": said})

    def _close_part(self, message: _Message) -> None:
        if not message.kind:
            return
        text = "".join(message.texts)
        part: Member
        if message.kind == "refusal":
            part = {"type": "refusal", "refusal": text}
            self._writer.say(events.REFUSAL_DONE, {**message.place, "refusal": text})
        else:
            likely = message.likely
            part = {"type": "output_text", "text": text, "annotations": message.annotations, "logprobs": likely}
            self._writer.say(events.TEXT_DONE, {**message.place, "text": text, "logprobs": likely})
        self._writer.say(events.PART_DONE, {**message.place, "part": part})
        message.closed.append(part)
        message.kind = ""
        message.texts, message.annotations, message.likely = [], [], []

    # Thinking

    def _think(self, piece: hub.ThinkingDelta) -> None:
        thought = self._open
        if not isinstance(thought, _Thought) or thought.part != piece.part:
            self._close_open()
            self._close_calls(whole_only=True)
            self._begin()
            index = self._opened()
            id = self._head.item_id("rs", index)
            thought = _Thought(id, index, piece.part, piece.origin, is_summary=piece.is_summary)
            self._open = thought
            self._writer.say(
                events.ITEM_ADDED, {"output_index": index, "item": {"id": id, "type": "reasoning", "summary": []}}
            )
        thought.signature = piece.signature or thought.signature
        thought.redacted = piece.redacted or thought.redacted
        thought.their_id = piece.id or thought.their_id
        if not piece.text:
            return
        if not thought.texts:
            added, kind = events.PART_ADDED, "reasoning_text"
            if thought.is_summary:
                added, kind = events.SUMMARY_ADDED, "summary_text"
            self._writer.say(added, {**thought.place, "part": {"type": kind, "text": ""}})
        thought.texts.append(piece.text)
        delta = events.SUMMARY_DELTA if thought.is_summary else events.REASONING_DELTA
        self._writer.say(delta, {**thought.place, "delta": piece.text})

    def _close_thought(self, thought: _Thought) -> None:
        text = "".join(thought.texts)
        item: Member = {"id": thought.id, "type": "reasoning", "summary": []}
        if text and thought.is_summary:
            part = {"type": "summary_text", "text": text}
            item["summary"] = [part]
            self._writer.say(events.SUMMARY_TEXT_DONE, {**thought.place, "text": text})
            self._writer.say(events.SUMMARY_DONE, {**thought.place, "part": part})
        elif text:
            part = {"type": "reasoning_text", "text": text}
            item["content"] = [part]
            self._writer.say(events.REASONING_DONE, {**thought.place, "text": text})
            self._writer.say(events.PART_DONE, {**thought.place, "part": part})
        if thought.origin == RESPONSES:
            item["encrypted_content"] = thought.redacted or None
        else:
            item["encrypted_content"] = sealed(
                Sealed(
                    thought.origin,
                    text,
                    signature=thought.signature,
                    redacted=thought.redacted,
                    id=thought.their_id,
                    is_summary=thought.is_summary,
                )
            )
        self._done(thought.index, item)

    def _sign(self, said: Sealed) -> None:
        """An item for the signature of what stands before it."""
        self._close_open()
        index = self._opened()
        item = {"id": self._head.item_id("rs", index), "type": "reasoning", "summary": []}
        item["encrypted_content"] = sealed(said)
        self._whole_item(index, item)

    # Calls

    def _call(self, piece: hub.ToolCallDelta) -> None:
        call = self._calls.get(piece.part)
        if call is None:
            if not piece.name and not piece.id:
                return  # what is left of a call that is closed: nothing can be added to whole arguments
            self._close_open()
            self._close_calls(whole_only=True)
            call = self._calls[piece.part] = self._open_call(piece)
        if piece.signature and piece.origin:
            call.signature = Sealed(piece.origin, signature=piece.signature, of=call.item["call_id"])
        if piece.arguments:
            call.pieces.append(piece.arguments)
            if not call.is_free:
                self._grow(call, piece.arguments)

    def _open_call(self, piece: hub.ToolCallDelta) -> _Call:
        self._begin()
        index = self._opened()
        is_custom = piece.is_custom or piece.name in self._names.custom
        prefix, kind, field = (
            ("ctc", "custom_tool_call", "input") if is_custom else ("fc", "function_call", "arguments")
        )
        id = self._head.item_id(prefix, index)
        item: Member = {"id": id, "type": kind, "status": "in_progress", "call_id": piece.id or f"call_{id[3:]}"}
        group = self._names.groups.get(piece.name)
        if group is not None:
            item["namespace"], item["name"] = group
        else:
            item["name"] = piece.name
        item[field] = ""
        self._writer.say(events.ITEM_ADDED, {"output_index": index, "item": item})
        return _Call(id, index, item, is_free=is_custom and not piece.is_custom)

    def _grow(self, call: _Call, text: str) -> None:
        is_custom = "input" in call.item
        kind = events.INPUT_DELTA if is_custom else events.ARGUMENTS_DELTA
        self._writer.say(kind, {"item_id": call.id, "output_index": call.index, "delta": text})

    def _close_call(self, call: _Call) -> None:
        text = "".join(call.pieces)
        if call.is_free:
            text = free_text(text)
            if text:
                self._grow(call, text)
        place = {"item_id": call.id, "output_index": call.index}
        item = {**call.item, "status": self._item_status()}
        if "input" in item:
            item["input"] = text
            self._writer.say(events.INPUT_DONE, {**place, "input": text})
        else:
            item["arguments"] = text
            self._writer.say(events.ARGUMENTS_DONE, {**place, "name": item["name"], "arguments": text})
        self._done(call.index, item)

    # What ends

    def _done(self, index: int, item: Member) -> None:
        self._items[index] = item
        self._writer.say(events.ITEM_DONE, {"output_index": index, "item": item})

    def _whole_item(self, index: int, item: Member) -> None:
        self._begin()
        self._writer.item(index, item)
        self._items[index] = item

    def _close_open(self) -> None:
        thing, self._open = self._open, None
        if isinstance(thing, _Message):
            self._close_part(thing)
            message = {"id": thing.id, "type": "message", "status": self._item_status(), "role": "assistant"}
            self._done(thing.index, {**message, "content": thing.closed})
        elif thing is not None:
            self._close_thought(thing)

    def _close_calls(self, *, whole_only: bool) -> None:
        """whole_only: those to which nothing can be added any more."""
        for part, call in list(self._calls.items()):
            if not whole_only or is_whole(call.pieces, is_json=call.is_free or "arguments" in call.item):
                del self._calls[part]
                self._close_call(call)
                if call.signature is not None:
                    self._sign(call.signature)

    def _close_all(self) -> None:
        self._close_open()
        self._close_calls(whole_only=False)

    def _whole_part(self, piece: hub.Whole, likely: tuple[hub.Likely, ...] | None) -> None:
        """A part that came at once, as the deltas that it is."""
        value, part = piece.value, piece.part
        if isinstance(value, hub.Text):
            told = None if likely is None else hub.LikelyDelta(likely=likely)
            self._text(hub.TextDelta(text=value.text, part=part), told)
            for citation in value.citations:
                self._cite(hub.CitationDelta(citation=citation, part=part))
            if value.signature and value.origin:
                self._sign(Sealed(value.origin, signature=value.signature, of=TEXT))
        elif isinstance(value, hub.Refusal):
            self._add_rare(hub.RefusalDelta(text=value.text, part=part))
        elif isinstance(value, hub.Thinking):
            names = ("origin", "text", "signature", "redacted", "id", "is_summary")
            self._think(hub.ThinkingDelta(part=part, **{name: getattr(value, name) for name in names}))
        elif isinstance(value, hub.ToolCall):
            names = ("id", "name", "arguments", "is_custom", "signature", "origin")
            self._call(hub.ToolCallDelta(part=part, **{name: getattr(value, name) for name in names}))
        else:
            self._other(value)

    def _other(self, value: hub.Part) -> None:
        """A picture as what OpenAI's own tool makes of one; what only Responses has, as it stands there."""
        item: Member | None = None
        if isinstance(value, hub.Image) and isinstance(value.source, hub.Inline):
            item = {"type": "image_generation_call", "status": COMPLETED, "result": value.source.data}
        elif isinstance(value, hub.Only):
            item = written_item(value)
        if item is not None:
            self._close_open()
            self._close_calls(whole_only=True)
            index = self._opened()
            self._whole_item(index, {"id": self._head.item_id("ig", index), **item})


def is_whole(pieces: Sequence[str], *, is_json: bool) -> bool:
    """Whether nothing can be added to a call's arguments: an object of JSON is whole at its last brace."""
    if not is_json or not pieces or not pieces[-1].rstrip().endswith("}"):
        return False
    try:
        return isinstance(read_json("".join(pieces).encode("utf-8", "surrogatepass")), dict)
    except (ValueError, RecursionError):
        return False


def free_text(arguments: str) -> str:
    """The free text that a function's arguments hold: its one text, else all of them."""
    try:
        said = read_json(arguments.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return arguments
    if isinstance(said, dict) and isinstance(text := said.get("input", next(iter(said.values()), None)), str):
        return text
    return said if isinstance(said, str) else arguments
