"""What of a chat is its prompt, in blocks, as a prompt cache compares them.

Always true: marks are no part of a block, so a mark that moves on with the conversation changes no prefix. Text is the same block
whether it is written as text or as the one part of a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from headworks.providers.simulated.prompt_cache import Block, Mark

MARK: Final = "cache_control"
MARKS: Final = frozenset({MARK, "prompt_cache_breakpoint"})
"""What the callers' APIs call a mark. An API without marks has it among what was left out: then the whole prompt is marked."""

MOST_BLOCKS: Final = 8192
"""Blocks of one prompt that are looked at, and parts of one message that are taken apart: what is beyond is not cached."""

_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_PART: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MARK: Final = msgspec.json.Decoder(dict[str, Any])
_TEXT: Final = frozenset({"type", "text"})


def blocks_of(messages: Sequence[tuple[str, msgspec.Raw]]) -> list[Block]:
    """messages: a role and content each. Content of another form than text or parts is one block."""
    blocks: list[Block] = []
    for role, content in messages:
        if len(blocks) >= MOST_BLOCKS:
            break
        said = bytes(content)
        parts = _parts(said) if said.startswith(b"[") else None
        if parts is None:
            blocks.append(Block(role.encode() + said))
            continue
        for part in parts:
            mark = mark_of(part.pop(MARK, None))
            blocks.append(Block(role.encode() + _data(part), mark))
    return blocks


def mark_of(raw: msgspec.Raw | None) -> Mark:
    """For how long a mark asks for; "" where there is none."""
    if raw is None or bytes(raw) == b"null":
        return ""
    try:
        return "1h" if _MARK.decode(raw).get("ttl") == "1h" else "5m"
    except msgspec.DecodeError:
        return ""


def _parts(said: bytes) -> list[dict[str, msgspec.Raw]] | None:
    """None where it is a list of something else, or a very long one: that is known before its parts are made."""
    try:
        found = _LIST.decode(said)
        return None if len(found) > MOST_BLOCKS else [_PART.decode(one) for one in found]
    except msgspec.DecodeError:
        return None


def _data(part: Mapping[str, msgspec.Raw]) -> bytes:
    if part.keys() == _TEXT:
        return bytes(part["text"])
    return b",".join([name.encode() + b":" + bytes(value) for name, value in part.items()])
