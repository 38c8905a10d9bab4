"""Pieces to the events of a message's stream.

Theory. A block is opened, grows and is closed before the next one is opened. Other APIs have calls side by side: what comes of
another call while one is not over is held back until it is, which its arguments show, for they are JSON. The first event says
what is known of the tokens, the last but one says all of them, and the reason why it ended. What another vendor wants back is
sealed into a block that clients send back (`sealed.py`). What this API has no words for is left out: pictures, sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.anthropic.forms import STOP, block_events, event
from headworks.wire.anthropic.translation.answer_writer import NO_USAGE, call_id, message_head, written_answer
from headworks.wire.anthropic.translation.block_writer import carrier, written
from headworks.wire.anthropic.translation.citations import written_citation
from headworks.wire.anthropic.translation.sealed import Sealed, sealed
from headworks.wire.anthropic.translation.words import written_finish, written_usage
from headworks.wire.hub.values import MESSAGES, own
from headworks.wire.json_text import read_json, write_json

_Placed: TypeAlias = (
    hub.TextDelta | hub.CitationDelta | hub.ThinkingDelta | hub.RefusalDelta | hub.ToolCallDelta | hub.Whole
)

_PLACED: Final = (
    hub.TextDelta,
    hub.CitationDelta,
    hub.ThinkingDelta,
    hub.RefusalDelta,
    hub.ToolCallDelta,
    hub.Whole,
)


_TEXT: Final = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":%b}}\n\n'
)


class _Open:
    """The block under way. key: of which part, and of what kind. thought: what is known of another vendor's thinking."""

    __slots__ = ("arguments", "carried", "key", "thought")

    def __init__(self, key: tuple[int, str]) -> None:
        self.key = key
        self.arguments: list[str] | None = [] if key[1] == "tool_use" else None
        self.thought: dict[str, Any] | None = None
        self.carried: Sealed | None = None  # goes into a block behind it


class MessagesEvents(hub.Encoder):
    """See hub.Encoder. id, model: for an answer whose vendor says none."""

    __slots__ = (
        "_ending",
        "_events",
        "_fallback",
        "_finish",
        "_head",
        "_held",
        "_index",
        "_is_begun",
        "_open",
        "_usage",
    )

    def __init__(self, *, id: str = "", model: str = "") -> None:
        self._fallback = {"id": id, "model": model}
        self._head: dict[str, Any] = {}  # what the first event says beside that
        self._is_begun = False
        self._usage: hub.Usage | None = None
        self._finish: hub.Finish | None = None
        self._ending: dict[str, Any] = {}
        self._open: _Open | None = None
        self._index = 0
        self._held: list[_Placed] = []  # of other parts, while a call is not over
        self._events: list[bytes] = []

    def feed(self, pieces: Sequence[hub.Piece]) -> bytes:
        try:
            for piece in pieces:
                self._add(piece)
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None
        return self._flushed()

    def end(self) -> bytes:
        self._over()
        ending = {**written_finish(self._finish or hub.Finish(reason="other")), **own(self._ending, "delta")}
        usage = NO_USAGE if self._usage is None else written_usage(self._usage)
        self._begin()
        self._events += [event("message_delta", {"delta": ending, "usage": usage, **own(self._ending, "event")}), STOP]
        return self._flushed()

    def whole(self, answer: hub.Answer) -> bytes:
        try:
            return write_json(written_answer(answer, self._fallback))
        except RecursionError:
            raise Garbled("The vendor's answer is nested too deep.") from None

    def _flushed(self) -> bytes:
        events, self._events = self._events, []
        return b"".join(events)

    # Pieces

    def _add(self, piece: hub.Piece) -> None:
        if isinstance(piece, _PLACED):
            if piece.choice == 0:
                self._place(piece)
        elif isinstance(piece, hub.Started):
            self._start(piece)
        elif isinstance(piece, hub.Finished):
            if piece.choice == 0:
                self._over()
                self._finish = piece.finish
        elif isinstance(piece, hub.Counted):
            self._usage = piece.usage
        elif isinstance(piece, hub.ChoiceExtra):
            said = own(piece.extra, MESSAGES)
            delta = {name: value for name, value in said.items() if name == "container"}
            self._ending = {"delta": delta, "event": {name: said[name] for name in said if name not in delta}}
        elif isinstance(piece, hub.OnlyEvent) and piece.dialect == MESSAGES:
            self._begin()
            name = ascii(piece.value.get("type"))[1:-1]  # a vendor's own word: one line, whatever it is
            self._events.append(event(name, piece.value))

    def _start(self, piece: hub.Started) -> None:
        if piece.usage is not None:
            self._usage = piece.usage
        if not self._is_begun:
            said = {name: value for name, value in (("id", piece.id), ("model", piece.model)) if value}
            self._head |= {**said, **own(piece.extra, MESSAGES)}

    def _begin(self) -> None:
        if self._is_begun:
            return
        self._is_begun = True
        head = {**self._fallback, **self._head}
        message = {
            **message_head(head.pop("id"), head.pop("model")),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": NO_USAGE if self._usage is None else written_usage(self._usage),
            **head,
        }
        self._events.append(event("message_start", {"message": message}))

    # Blocks

    def _place(self, piece: _Placed) -> None:
        now = self._open
        if now is not None and now.arguments is not None and piece.part != now.key[0] and not _is_json(now.arguments):
            self._held.append(piece)
            return
        self._say(piece)
        if self._held and (self._open is None or self._open.arguments is None or _is_json(self._open.arguments)):
            held, self._held = self._held, []
            for one in held:
                self._place(one)

    def _over(self) -> None:
        """Nothing more comes of the call under way: what waited for its end is told."""
        while self._held:
            self._close()
            held, self._held = self._held, []
            for one in held:
                self._place(one)
        self._close()

    def _say(self, piece: _Placed) -> None:
        if isinstance(piece, hub.TextDelta):
            self._text(piece)
        elif isinstance(piece, hub.ToolCallDelta):
            self._call(piece)
        elif isinstance(piece, hub.ThinkingDelta):
            self._think(piece)
        elif isinstance(piece, hub.RefusalDelta):
            self._text(hub.TextDelta(text=piece.text, part=piece.part))
        elif isinstance(piece, hub.CitationDelta):
            said = written_citation(piece.citation)
            if said is not None:
                self._block(piece.part, "text", {"text": ""})
                self._delta({"type": "citations_delta", "citation": said})
        else:
            self._whole(piece)

    def _block(self, part: int, kind: str, more: dict[str, Any]) -> _Open:
        """The block of this part, which is opened where it is not the one under way."""
        now = self._open
        if now is None or now.key != (part, kind):
            self._close()
            self._begin()
            now = self._open = _Open((part, kind))
            self._events.append(
                event("content_block_start", {"index": self._index, "content_block": {"type": kind, **more}})
            )
        return now

    def _delta(self, delta: dict[str, Any]) -> None:
        self._events.append(event("content_block_delta", {"index": self._index, "delta": delta}))

    def _close(self) -> None:
        now, self._open = self._open, None
        if now is None:
            return
        if now.thought is not None:
            self._delta({"type": "signature_delta", "signature": sealed(Sealed(**now.thought))})
        self._events.append(event("content_block_stop", {"index": self._index}))
        self._index += 1
        if now.carried is not None:
            self._put(carrier(now.carried))

    def _put(self, block: dict[str, Any]) -> None:
        """A block that comes whole."""
        self._close()
        self._begin()
        for name, said in block_events(block):
            self._events.append(event(name, {"index": self._index, **said}))
        self._index += 1

    def _text(self, piece: hub.TextDelta) -> None:
        if piece.text:
            now = self._open
            if now is None or now.key != (piece.part, "text"):
                self._block(piece.part, "text", {"text": ""})
            self._events.append(_TEXT % (self._index, write_json(piece.text)))  # how most tokens go
        if piece.signature and piece.origin != MESSAGES:
            now = self._block(piece.part, "text", {"text": ""})
            now.carried = Sealed(piece.origin, "text", piece.signature)

    def _call(self, piece: hub.ToolCallDelta) -> None:
        now = self._open
        if now is None or now.key != (piece.part, "tool_use"):
            if piece.signature and piece.origin != MESSAGES:
                self._put(carrier(Sealed(piece.origin, "call", piece.signature)))
            self._close()
            id = call_id(piece.id, self._fallback["id"], self._index)
            more = {"id": id, "name": piece.name, "input": {}, **own(piece.extra, MESSAGES)}
            now = self._block(piece.part, "tool_use", more)
        if piece.arguments and now.arguments is not None:
            now.arguments.append(piece.arguments)
            said = write_json({"input": piece.arguments}).decode("utf-8", "surrogatepass")
            partial = said if piece.is_custom else piece.arguments
            self._delta({"type": "input_json_delta", "partial_json": partial})

    def _think(self, piece: hub.ThinkingDelta) -> None:
        if piece.redacted:
            origin, id = piece.origin, piece.id
            part = hub.Thinking(origin=origin, redacted=piece.redacted, id=id, signature=piece.signature)
            for block in written(part, is_answer=True):
                self._put(block)
            return
        now = self._block(piece.part, "thinking", {"thinking": "", "signature": ""})
        if piece.text:
            self._delta({"type": "thinking_delta", "thinking": piece.text})
        if piece.origin == MESSAGES:
            if piece.signature:
                self._delta({"type": "signature_delta", "signature": piece.signature})
            return
        known = now.thought or {"origin": piece.origin, "kind": "thinking"}
        said = {"signature": piece.signature, "id": piece.id, "is_summary": piece.is_summary}
        now.thought = {**known, **{name: value for name, value in said.items() if value}}

    def _whole(self, piece: hub.Whole) -> None:
        for block in written(piece.value, is_answer=True):
            if not isinstance(block, dict):
                continue
            if block.get("type") == "tool_use":
                block["id"] = call_id(str(block.get("id") or ""), self._fallback["id"], self._index)
            self._put(block)


def _is_json(pieces: list[str]) -> bool:
    """Whether these are arguments to their end: an object that is closed."""
    if not pieces or not pieces[-1].rstrip().endswith("}"):
        return False
    if len(pieces) > 1:
        pieces[:] = ["".join(pieces)]
    try:
        read_json(pieces[0].encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return False
    return True
