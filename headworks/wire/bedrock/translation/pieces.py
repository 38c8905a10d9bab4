"""An answer of Converse, whole or streamed, as the hub's.

Theory. Each block has a number, and blocks of a stream are parts of the hub in the order in which they begin. A stream starts a
block only where it is a tool's; text and thinking begin with their first delta. Whole answers are told by the same readers.
"""

from __future__ import annotations

from typing import Any

from headworks.core.errors import Garbled
from headworks.wire import hub
from headworks.wire.bedrock.event_stream import Splitter, Unframed
from headworks.wire.bedrock.translation.citations import citation_of
from headworks.wire.bedrock.translation.words import finish_of, usage_of
from headworks.wire.hub.values import CONVERSE, only
from headworks.wire.json_text import read_json, write_json

_UNREAD = "An event of the vendor's stream cannot be read."


class ConversePieces(hub.Decoder):
    """See hub.Decoder."""

    __slots__ = ("_has_begun", "_parts", "_splitter")

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._has_begun = False
        self._parts: dict[tuple[int, str], int] = {}

    def feed(self, events: bytes) -> list[hub.Piece]:
        pieces: list[hub.Piece] = []
        try:
            for message in self._splitter.feed(events):
                said = read_json(message.payload) if message.payload else {}
                if not isinstance(said, dict):
                    raise Garbled(_UNREAD)
                self._event(message.kind, said, pieces)
        except (Unframed, ValueError, RecursionError):
            raise Garbled(_UNREAD) from None
        return pieces

    def end(self) -> list[hub.Piece]:
        return []

    def whole(self, body: bytes) -> hub.Answer:
        try:
            said = read_json(body)
        except (ValueError, RecursionError):
            raise Garbled("The vendor's answer is not JSON.") from None
        return answer_of(said)

    def _event(self, kind: str, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        if not self._has_begun:
            self._has_begun = True
            pieces += [hub.Started(), hub.ChoiceStarted()]
        if kind == "contentBlockDelta":
            self._delta(_index(said), said.get("delta"), pieces)
        elif kind == "contentBlockStart":
            self._start(_index(said), said.get("start"), pieces)
        elif kind == "messageStop":
            fields = said.get("additionalModelResponseFields")
            if fields is not None:
                extra = only(CONVERSE, {"additionalModelResponseFields": fields})
                pieces.append(hub.ChoiceExtra(extra=extra))
            pieces.append(hub.Finished(finish=finish_of(said.get("stopReason"))))
        elif kind == "metadata" and (usage := usage_of(said.get("usage"))) is not None:
            pieces.append(hub.Counted(usage=usage))

    def _part(self, block: int, kind: str) -> int:
        return self._parts.setdefault((block, kind), len(self._parts))

    def _start(self, block: int, start: Any, pieces: list[hub.Piece]) -> None:
        if not isinstance(start, dict):
            return
        call = start.get("toolUse")
        if isinstance(call, dict):
            pieces.append(
                hub.ToolCallDelta(part=self._part(block, "call"), id=_text(call, "toolUseId"), name=_text(call, "name"))
            )
        elif start:
            pieces.append(hub.Whole(value=hub.Only(dialect=CONVERSE, value=start), part=self._part(block, "only")))

    def _delta(self, block: int, delta: Any, pieces: list[hub.Piece]) -> None:
        if not isinstance(delta, dict):
            return
        if text := _text(delta, "text"):
            pieces.append(hub.TextDelta(text=text, part=self._part(block, "text")))
        call = delta.get("toolUse")
        if isinstance(call, dict) and (arguments := _text(call, "input")):
            pieces.append(hub.ToolCallDelta(part=self._part(block, "call"), arguments=arguments))
        thought = delta.get("reasoningContent")
        if isinstance(thought, dict):
            self._think(block, thought, pieces)
        cited = delta.get("citation")
        if isinstance(cited, dict):
            pieces.append(hub.CitationDelta(citation=citation_of(cited), part=self._part(block, "text")))

    def _think(self, block: int, said: dict[str, Any], pieces: list[hub.Piece]) -> None:
        text, signature, redacted = (_text(said, name) for name in ("text", "signature", "redactedContent"))
        if text or signature or redacted:
            pieces.append(
                hub.ThinkingDelta(
                    origin=CONVERSE,
                    text=text,
                    signature=signature,
                    redacted=redacted,
                    part=self._part(block, "thinking"),
                )
            )


# Whole


def answer_of(said: Any) -> hub.Answer:
    """Raises Garbled for what is no answer."""
    output = said.get("output") if isinstance(said, dict) else None
    message = output.get("message") if isinstance(output, dict) else None
    if not isinstance(message, dict):
        raise Garbled("The vendor's answer has no message.")
    content = message.get("content")
    parts = [part for block in content for part in _parts(block)] if isinstance(content, list) else []
    fields = said.get("additionalModelResponseFields")
    extra = only(CONVERSE, {} if fields is None else {"additionalModelResponseFields": fields})
    choice = hub.Choice(parts=tuple(parts), finish=finish_of(said.get("stopReason")), extra=extra)
    return hub.Answer(choices=(choice,), usage=usage_of(said.get("usage")))


def _parts(block: Any) -> list[hub.Part]:
    if not isinstance(block, dict):
        return []
    if isinstance(text := block.get("text"), str):
        return [hub.Text(text=text)] if text else []
    if isinstance(call := block.get("toolUse"), dict):
        arguments = write_json(call.get("input", {})).decode()
        return [hub.ToolCall(id=_text(call, "toolUseId"), name=_text(call, "name"), arguments=arguments)]
    if isinstance(thought := block.get("reasoningContent"), dict):
        return [_thought(thought)]
    if isinstance(cited := block.get("citationsContent"), dict):
        return [_cited(cited)]
    return [hub.Only(dialect=CONVERSE, value=block)] if block else []


def _thought(said: dict[str, Any]) -> hub.Thinking:
    inside = said.get("reasoningText")
    inside = inside if isinstance(inside, dict) else {}
    return hub.Thinking(
        origin=CONVERSE,
        text=_text(inside, "text"),
        signature=_text(inside, "signature"),
        redacted=_text(said, "redactedContent"),
    )


def _cited(said: dict[str, Any]) -> hub.Text:
    content, citations = said.get("content"), said.get("citations")
    texts = [_text(one, "text") for one in content if isinstance(one, dict)] if isinstance(content, list) else []
    found = tuple([citation_of(one) for one in citations]) if isinstance(citations, list) else ()
    return hub.Text(text="".join(texts), citations=found)


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _index(said: dict[str, Any]) -> int:
    value = said.get("contentBlockIndex")
    return value if isinstance(value, int) else 0
