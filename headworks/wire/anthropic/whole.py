"""An answer that is not streamed, and what of it is counted."""

from __future__ import annotations

from headworks.core.errors import Garbled
from headworks.core.reply import Chunk
from headworks.wire.anthropic.answer import Message, block_size, decoded_message, is_call
from headworks.wire.error_reading import error_in, garbled
from headworks.wire.json_text import read_json
from headworks.wire.sides import Spent


def answer_chunk(body: bytes) -> Chunk:
    """Raises Garbled, or the vendor's error where a 200 carries one."""
    try:
        message = decoded_message(body)
        if message.type == "error" or message.content is None:
            raise error_in(read_json(body), is_headed=False) if message.type == "error" else _empty()
    except (ValueError, RecursionError):
        raise garbled(body) from None
    blocks = message.content
    return Chunk(
        data=body,
        has_content=True,
        text="".join([block.text or "" for block in blocks if block.type == "text"]),
        begins_tool_call=any(is_call(block.type) for block in blocks),
        is_refusal=message.stop_reason == "refusal",
        finish=message.stop_reason or None,
        usage=None if message.usage is None else message.usage.total(),
        last=True,
        size=size_of(message),
    )


def size_of(message: Message) -> int:
    """Bytes of content in a message."""
    return sum([block_size(block) for block in message.content or ()])


def spent_in(body: bytes) -> Spent:
    """What a body says was used that is not taken for an answer."""
    try:
        message = decoded_message(body)
    except (ValueError, RecursionError):
        return Spent()
    return Spent(None if message.usage is None else message.usage.total(), size_of(message))


def _empty() -> Garbled:
    return Garbled("The vendor's answer has no content.")
