"""How much content came: bytes of what a model wrote, for holding a vendor's count against it, or in place of one.

Text counts with its bytes; the same reasoning under two names counts once; a tool call with its name and arguments. What
is written in no letters (a picture, sound) says nothing about tokens by its bytes: it counts like one token.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.wire.openai.answer import Delta, Message

ONE_TOKEN: Final = 4
"""Bytes that count as a token where nothing better is known."""


class _Asked(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class _Call(msgspec.Struct):
    function: _Asked | None = None
    custom: _Asked | None = None


class _Thought(msgspec.Struct):
    text: str | None = None
    summary: str | None = None


_CALL: Final = msgspec.json.Decoder(_Call)
_THOUGHT: Final = msgspec.json.Decoder(_Thought)


def bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def content_size(message: Message) -> int:
    """Bytes of content in a message."""
    text = message.content or ""
    size = len(text) if text.isascii() else bytes_of(text)
    if message.refusal or message.reasoning_content or message.reasoning or message.tool_calls or message.function_call:
        return size + _other_size(message)
    return size + ONE_TOKEN if message.images or message.audio else size


def rest_size(delta: Delta) -> int:
    """Bytes of content in a piece beside its text, which most pieces have and nothing else."""
    size = _other_size(delta)
    if delta.reasoning_details and not (delta.reasoning_content or delta.reasoning):
        size += sum([_thought_size(part) for part in delta.reasoning_details])
    return size + ONE_TOKEN if delta.annotations or delta.is_other else size


def _other_size(message: Message) -> int:
    size = bytes_of(message.refusal) if message.refusal else 0
    if message.reasoning_content or message.reasoning:
        size += max(bytes_of(message.reasoning_content or ""), bytes_of(message.reasoning or ""))
    if message.tool_calls:
        size += sum([_call_size(call) for call in message.tool_calls])
    if message.function_call:
        size += sum([_raw_size(part) for part in message.function_call.values()])
    return size + ONE_TOKEN if message.images or message.audio else size


def _thought_size(part: msgspec.Raw) -> int:
    try:
        said = _THOUGHT.decode(part)
    except msgspec.DecodeError:
        return ONE_TOKEN
    return bytes_of(said.text or said.summary or "") or ONE_TOKEN


def _call_size(call: msgspec.Raw) -> int:
    try:
        said = _CALL.decode(call)
    except msgspec.DecodeError:
        return ONE_TOKEN
    asked = said.function or said.custom
    if asked is None:
        return ONE_TOKEN
    return sum([bytes_of(part) for part in (asked.name, asked.arguments, asked.input) if part])


def _raw_size(part: Any) -> int:
    """Bytes of a member that is a text in JSON; without its quotes."""
    return max(0, len(part) - 2)
