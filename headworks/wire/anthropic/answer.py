"""An answer in Anthropic's dialect, whole or a piece of a stream: the few fields that are looked at.

An event costs one decode into these. Any known field of another type is no reason to fail: it is read again without types,
and what is no value of its kind is left out, for an answer that is good for the caller must not fail for a field that only we
look at. Half of a surrogate pair, which JSON's grammar allows and the fast decoder does not, is read by the slow one.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.wire.anthropic.usage import UsageSaid, read_usage
from headworks.wire.json_text import read_json

ONE_TOKEN: Final = 4
"""Bytes that count as a token where nothing better is known."""


class Block(msgspec.Struct):
    """A block of an answer. input: of a tool's call, as JSON text."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw()


class Delta(msgspec.Struct):
    """What an event adds to a block, or to the message."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class Message(msgspec.Struct):
    """A whole answer, or what the first event of a stream says of it."""

    type: str = ""
    content: list[Block] | None = None
    stop_reason: str | None = None
    usage: UsageSaid | None = None


class Piece(msgspec.Struct):
    """An event of a stream."""

    type: str = ""
    index: int = 0
    message: Message | None = None
    content_block: Block | None = None
    delta: Delta | None = None
    usage: UsageSaid | None = None


_PIECE: Final = msgspec.json.Decoder(Piece)
_MESSAGE: Final = msgspec.json.Decoder(Message)


def decoded_piece(data: bytes) -> Piece:
    """Raises ValueError where the bytes are no JSON object, RecursionError where they are nested too deep."""
    try:
        return _PIECE.decode(data)
    except msgspec.DecodeError:
        return _lenient_piece(_object(data))


def decoded_message(data: bytes) -> Message:
    """Raises ValueError where the bytes are no JSON object, RecursionError where they are nested too deep."""
    try:
        return _MESSAGE.decode(data)
    except msgspec.DecodeError:
        return _lenient_message(_object(data))


def bytes_of(text: str | None) -> int:
    if not text:
        return 0
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def block_size(block: Block) -> int:
    """Bytes of content in a block of a whole answer; what is neither text nor a call counts like one token."""
    if block.type == "text":
        return bytes_of(block.text)
    if block.type == "thinking":
        return bytes_of(block.thinking)
    if is_call(block.type):
        return bytes_of(block.name) + len(block.input)
    return ONE_TOKEN


def is_call(kind: str) -> bool:
    """Whether a block of this type calls a tool: `tool_use`, `server_tool_use`, `mcp_tool_use`."""
    return kind.endswith("tool_use")


def _object(data: bytes) -> dict[str, Any]:
    said = read_json(data)
    if not isinstance(said, dict):
        raise ValueError("not an object")
    return said


def _text(said: Any) -> str | None:
    return said if isinstance(said, str) else None


def _lenient_piece(said: dict[str, Any]) -> Piece:
    index = said.get("index")
    message, block, delta = (said.get(name) for name in ("message", "content_block", "delta"))
    return Piece(
        type=_text(said.get("type")) or "",
        index=index if isinstance(index, int) else 0,
        message=_lenient_message(message) if isinstance(message, dict) else None,
        content_block=_lenient_block(block) if isinstance(block, dict) else None,
        delta=_lenient_delta(delta) if isinstance(delta, dict) else None,
        usage=_usage(said),
    )


def _lenient_message(said: dict[str, Any]) -> Message:
    content = said.get("content")
    return Message(
        type=_text(said.get("type")) or "",
        content=[_lenient_block(one) for one in content if isinstance(one, dict)]
        if isinstance(content, list)
        else None,
        stop_reason=_text(said.get("stop_reason")),
        usage=_usage(said),
    )


def _lenient_block(said: dict[str, Any]) -> Block:
    found: dict[str, Any] = {name: _text(said.get(name)) for name in ("text", "thinking", "name")}
    return Block(type=_text(said.get("type")) or "", **found)


def _lenient_delta(said: dict[str, Any]) -> Delta:
    found = {name: _text(said.get(name)) for name in ("text", "thinking", "partial_json", "stop_reason")}
    return Delta(type=_text(said.get("type")) or "", **found)


def _usage(said: dict[str, Any]) -> UsageSaid | None:
    usage = said.get("usage")
    return read_usage(usage) if isinstance(usage, dict) else None
