"""A vendor's stream of a message to pieces.

Theory. Blocks come one after another, and each is a part. Text, thinking and calls are told as they grow; every other block is
put together and told whole, when it is closed. The call of the tool that stands for a schema is text. Counts are cumulative: an
event says again what has changed, so what is told is all that was said.

Events come as MessagesDecoder lets them pass, whole: it has told faults and errors before.
"""

from __future__ import annotations

from typing import Any

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.anthropic.forms import Growing, Unclear
from headworks.wire.anthropic.translation.answer_reader import answer_of, answer_part, head_of
from headworks.wire.anthropic.translation.citations import citation_of
from headworks.wire.anthropic.translation.question_writer import ANSWER
from headworks.wire.anthropic.translation.words import finish_of, usage_of
from headworks.wire.hub.values import MESSAGES, only
from headworks.wire.json_text import read_json, write_json
from headworks.wire.sse import events_in, named


class _Block:
    """A block under way. part: its number among the answer's parts. growing: of a kind that is told whole."""

    __slots__ = ("growing", "is_answer", "is_empty", "kind", "part")

    def __init__(self, kind: str, part: int) -> None:
        self.kind = kind
        self.part = part
        self.is_empty = True  # a call without arguments so far
        self.is_answer = False
        self.growing: Growing | None = None


class MessagesPieces(hub.Decoder):
    """See hub.Decoder."""

    __slots__ = ("_blocks", "_has_answer", "_parts", "_usage")

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._parts = 0
        self._usage: dict[str, Any] = {}
        self._has_answer = False

    def feed(self, events: bytes) -> list[hub.Piece]:
        pieces: list[hub.Piece] = []
        try:
            if events[:7] == b"event: " and events[-2:] == b"\n\n" and (at := named(events[:-2])) > 0:
                self._event(read_json(events[at + 7 : -2]), events[7:at], pieces)  # one event: how most tokens come
                return pieces
            for event in events_in(events):
                if event.data[:6] != b"[DONE]":
                    self._event(read_json(event.data), event.name, pieces)
        except (ValueError, RecursionError):
            raise Garbled(
                "An event of the vendor's stream cannot be read: it is no JSON, or nested too deep."
            ) from None
        return pieces

    def end(self) -> list[hub.Piece]:
        return []

    def whole(self, body: bytes) -> hub.Answer:
        return answer_of(body)

    def _event(self, said: Any, name: bytes, pieces: list[hub.Piece]) -> None:
        if not isinstance(said, dict):
            raise ValueError("not an object")
        kind = said.get("type")
        if kind == "content_block_delta":
            self._grow(said, pieces)
        elif kind == "content_block_start":
            self._begin(said, pieces)
        elif kind == "content_block_stop":
            self._close(said, pieces)
        elif kind == "message_delta":
            self._finish(said, pieces)
        elif kind == "message_start":
            self._start(said.get("message"), pieces)
        elif kind not in ("ping", "message_stop"):
            pieces.append(hub.OnlyEvent(dialect=MESSAGES, value=said, name=name.decode("utf-8", "replace")))

    def _start(self, message: Any, pieces: list[hub.Piece]) -> None:
        said = dict(message) if isinstance(message, dict) else {}
        usage = self._counted(said.pop("usage", None))
        for name in ("content", "stop_reason", "stop_sequence"):
            said.pop(name, None)
        head = head_of(said)
        pieces += [hub.Started(usage=usage, extra=only(MESSAGES, said), **head), hub.ChoiceStarted()]

    def _counted(self, said: Any) -> hub.Usage | None:
        if not isinstance(said, dict):
            return None
        self._usage = {**self._usage, **{name: value for name, value in said.items() if value is not None}}
        return usage_of(self._usage)

    # Blocks

    def _begin(self, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        content = said.get("content_block")
        content = content if isinstance(content, dict) else {}
        kind = content.get("type")
        block = self._blocks[_index(said)] = _Block(kind if isinstance(kind, str) else "", self._parts)
        self._parts += 1
        if kind == "text" and isinstance(content.get("text"), str) and content.keys() <= {"type", "text", "citations"}:
            if content["text"]:
                pieces.append(hub.TextDelta(text=content["text"], part=block.part))
            self._cite(content.get("citations"), block, pieces)
        elif kind == "thinking" and content.keys() <= {"type", "thinking", "signature"}:
            self._think(block, content.get("thinking"), content.get("signature"), pieces)
        elif kind == "tool_use" and isinstance(content.get("id"), str) and isinstance(content.get("name"), str):
            self._call(block, dict(content), pieces)
        else:
            block.kind = ""
            block.growing = Growing(content)

    def _call(self, block: _Block, content: dict[str, Any], pieces: list[hub.Piece]) -> None:
        id, name, given = content.pop("id"), content.pop("name"), content.pop("input", None)
        content.pop("type")
        arguments = write_json(given).decode("utf-8", "surrogatepass") if given else ""
        block.is_empty = not arguments
        if name == ANSWER:
            block.is_answer = self._has_answer = True
            if arguments:
                pieces.append(hub.TextDelta(text=arguments, part=block.part))
            return
        rest = {name: value for name, value in content.items() if value is not None}
        pieces.append(
            hub.ToolCallDelta(part=block.part, id=id, name=name, arguments=arguments, extra=only(MESSAGES, rest))
        )

    def _cite(self, said: Any, block: _Block, pieces: list[hub.Piece]) -> None:
        found = said if isinstance(said, list) else ()
        pieces += [hub.CitationDelta(citation=citation_of(one), part=block.part) for one in found]

    def _think(self, block: _Block, text: Any, signature: Any, pieces: list[hub.Piece]) -> None:
        text, signature = (one if isinstance(one, str) else "" for one in (text, signature))
        if text or signature:
            pieces.append(hub.ThinkingDelta(origin=MESSAGES, text=text, signature=signature, part=block.part))

    def _grow(self, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        block, delta = self._blocks.get(_index(said)), said.get("delta")
        if block is None or not isinstance(delta, dict):
            return
        kind = delta.get("type")
        if block.growing is not None:
            try:
                block.growing.add(delta)
            except Unclear:
                raise Garbled("The vendor's stream has a piece of a block that is not known.") from None
        elif kind == "text_delta":
            if isinstance(text := delta.get("text"), str) and text:
                pieces.append(hub.TextDelta(text=text, part=block.part))
        elif kind == "input_json_delta":
            if isinstance(text := delta.get("partial_json"), str) and text:
                block.is_empty = False
                piece = hub.TextDelta if block.is_answer else None
                pieces.append(
                    hub.ToolCallDelta(part=block.part, arguments=text)
                    if piece is None
                    else piece(text=text, part=block.part)
                )
        elif kind == "citations_delta":
            self._cite([delta.get("citation")], block, pieces)
        else:
            self._think(block, delta.get("thinking"), delta.get("signature"), pieces)

    def _close(self, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        block = self._blocks.pop(_index(said), None)
        if block is None:
            return
        if block.growing is not None:
            part = answer_part(block.growing.made())
            pieces.append(hub.Whole(value=part, part=block.part))
        elif block.kind == "tool_use" and block.is_empty and not block.is_answer:
            pieces.append(hub.ToolCallDelta(part=block.part, arguments="{}"))

    def _finish(self, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        delta = said.get("delta")
        delta = dict(delta) if isinstance(delta, dict) else {}
        finish = finish_of(delta)
        for name in ("stop_reason", "stop_sequence", "stop_details"):
            delta.pop(name, None)
        beside = {name: value for name, value in said.items() if name not in ("type", "delta", "usage")}
        extra = {name: value for name, value in {**delta, **beside}.items() if value is not None}
        if extra:
            pieces.append(hub.ChoiceExtra(extra={MESSAGES: extra}))
        if finish is not None:
            if self._has_answer and finish.reason == "tool_calls":
                finish = hub.Finish(reason="stop")
            pieces.append(hub.Finished(finish=finish))
        if (usage := self._counted(said.get("usage"))) is not None:
            pieces.append(hub.Counted(usage=usage))


def _index(said: dict[str, Any]) -> int:
    index = said.get("index")
    return index if isinstance(index, int) else 0
