"""A message in its other form: a stream as one body, a body as a stream. For answers that are kept or shared.

Theory. A stream opens a block, adds to it and closes it; `message_delta` says why it ended and what was used. Nothing is ever
guessed into an answer: a delta that is not known here is a reason to give up, and the vendor is asked. The tokens stand in an
event that says more, so there is none that only has them; a body has to say them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from headworks.core.reply import Chunk
from headworks.wire.anthropic.answer import is_call
from headworks.wire.json_text import read_json, write_json
from headworks.wire.sse import events_in

STOP: Final = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

PING: Final = b'event: ping\ndata: {"type":"ping"}\n\n'

_OWN_END: Final = frozenset({"end_turn", "stop_sequence", "tool_use"})
_OWN_OR_BOUND: Final = _OWN_END | {"max_tokens"}

_ENDING: Final = ("stop_reason", "stop_sequence", "stop_details", "container")
"""Members of a message that its last event tells."""


_BESIDE: Final = ("context_management",)
"""Members of a message that stand beside the delta of that event."""


class Unclear(Exception):
    """What this answer would be in the other form cannot be told for certain."""


def is_finished(asked: bytes, answer: bytes, finish: str | None, *, streamed: bool, is_bounded: bool) -> bool:
    """Whether the answer lacks nothing that was asked for. `max_tokens` is what was asked for where the call has a bound."""
    return finish in (_OWN_OR_BOUND if is_bounded else _OWN_END)


def event(name: str, content: Mapping[str, Any]) -> bytes:
    """An event as Anthropic writes one."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), write_json({"type": name, **content}))


def parted(chunks: Sequence[Chunk]) -> tuple[bytes, bytes]:
    """A stream's events without the one that ends it. None has only the tokens."""
    events = [chunk.unasked + chunk.data for chunk in chunks if not chunk.last]
    for chunk in chunks:
        if chunk.last:
            events += [one.raw for one in events_in(chunk.data) if b'"message_stop"' not in one.data]
    return b"".join(events), b""


# A stream as a body


def as_body(events: bytes, counts: bytes) -> bytes | None:
    """A stream as the body of an answer, or None where that cannot be told for certain."""
    try:
        return write_json(_joined([read_json(one.data) for one in events_in(events + counts)]))
    except (Unclear, ValueError, RecursionError):
        return None


def _joined(pieces: Iterable[Any]) -> dict[str, Any]:
    message: dict[str, Any] = {}
    is_begun = False
    blocks: list[Growing] = []
    for piece in pieces:
        kind = _members(piece).get("type")
        if kind == "message_start":
            message, is_begun = dict(_members(piece.get("message"))), True
        elif kind == "content_block_start":
            if piece.get("index") != len(blocks):
                raise Unclear
            blocks.append(Growing(_members(piece.get("content_block"))))
        elif kind == "content_block_delta":
            _at(blocks, piece).add(_members(piece.get("delta")))
        elif kind == "message_delta":
            _end(message, piece)
        elif kind not in ("content_block_stop", "ping", "message_stop"):
            raise Unclear
    if not is_begun or not isinstance(message.get("usage"), dict) or message.get("stop_reason") is None:
        raise Unclear
    message["content"] = [block.made() for block in blocks]
    return message


def _end(message: dict[str, Any], piece: dict[str, Any]) -> None:
    more = {name: value for name, value in piece.items() if name not in ("type", "delta", "usage")}
    message.update(more)
    message.update(_members(piece.get("delta")))
    said = {name: value for name, value in _members(piece.get("usage") or {}).items() if value is not None}
    message["usage"] = {**_members(message.get("usage") or {}), **said}


def _at(blocks: list[Growing], piece: dict[str, Any]) -> Growing:
    index = piece.get("index")
    if type(index) is not int or not 0 <= index < len(blocks):
        raise Unclear
    return blocks[index]


def _members(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unclear
    return value


class Growing:
    """A block under way. Texts that grow are joined once, at its end."""

    __slots__ = ("_block", "_citations", "_texts")

    def __init__(self, block: dict[str, Any]) -> None:
        self._block = dict(block)
        self._texts: dict[str, list[str]] = {}
        self._citations: list[Any] = []

    def add(self, delta: dict[str, Any]) -> None:
        kind = delta.get("type")
        if kind == "citations_delta":
            self._citations.append(delta.get("citation"))
            return
        if kind == "compaction_delta":  # its text grows, what is encrypted is told once
            if delta.get("content"):
                self._block["content"] = f"{self._block.get('content') or ''}{delta['content']}"
            if delta.get("encrypted_content"):
                self._block["encrypted_content"] = delta["encrypted_content"]
            return
        name = _GROWS.get(kind) if isinstance(kind, str) else None
        if name is None or not isinstance(text := delta.get(name), str):
            raise Unclear
        self._texts.setdefault(name, []).append(text)

    def made(self) -> dict[str, Any]:
        block, texts = dict(self._block), self._texts
        for name in ("text", "thinking"):
            if name in texts:
                block[name] = f"{block.get(name) or ''}{''.join(texts[name])}"
        if "signature" in texts:
            block["signature"] = texts["signature"][-1]
        if said := "".join(texts.get("partial_json", ())):
            block["input"] = read_json(said.encode("utf-8", "surrogatepass"))
        if self._citations:
            block["citations"] = [*(block.get("citations") or ()), *self._citations]
        return block


_GROWS: Final[Mapping[str, str]] = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}


# A body as a stream


def as_events(body: bytes) -> tuple[bytes, bytes] | None:
    """An answer's body as the events of a stream, or None. The end mark is not among them."""
    try:
        message = read_json(body)
        if not isinstance(message, dict):
            return None
        return b"".join(_told(message)), b""
    except (Unclear, ValueError, RecursionError):
        return None


def _told(message: dict[str, Any]) -> list[bytes]:
    content, usage = message.get("content"), message.get("usage")
    if not isinstance(content, list) or not isinstance(usage, dict) or message.get("stop_reason") is None:
        raise Unclear
    ending = {name: message[name] for name in _ENDING if name in message}
    beside = {name: message[name] for name in _BESIDE if name in message}
    message = {name: value for name, value in message.items() if name not in _BESIDE}
    head = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    events = [event("message_start", {"message": head})]
    for index, block in enumerate(content):
        events += [event(name, {"index": index, **said}) for name, said in block_events(_members(block))]
    events.append(event("message_delta", {"delta": ending, "usage": usage, **beside}))
    return events


def block_events(block: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """A whole block as the events that tell it, without its number."""
    kind = block.get("type")
    opened, deltas = dict(block), list[dict[str, Any]]()
    if kind == "text":
        opened["text"] = ""
        deltas.append({"type": "text_delta", "text": block.get("text")})
        if isinstance(citations := block.get("citations"), list):
            opened["citations"] = []
            deltas += [{"type": "citations_delta", "citation": one} for one in citations]
    elif kind == "thinking":
        opened |= {"thinking": "", "signature": ""}
        deltas.append({"type": "thinking_delta", "thinking": block.get("thinking")})
        if block.get("signature"):
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif isinstance(kind, str) and is_call(kind) and "input" in block:
        opened["input"] = {}
        deltas.append({"type": "input_json_delta", "partial_json": write_json(block["input"]).decode()})
    said: list[tuple[str, dict[str, Any]]] = [("content_block_start", {"content_block": opened})]
    said += [("content_block_delta", {"delta": delta}) for delta in deltas]
    return [*said, ("content_block_stop", {})]
