"""What of a caller's body decides the answer: two bodies with the same `question` may share one.

As for chat (`wire/openai/question.py`), with this API's names. Beside whom a vendor may hold responsible and which of its
machines is warm, `store` is left out: nothing is kept, whatever it says.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from headworks.core.errors import Malformed
from headworks.wire.members import members
from headworks.wire.openai.question import DENSE, LARGE, MOST_READ, MOST_TOOLS, nested, unique
from headworks.wire.openai.translation.message import text_in

_LEFT_OUT: Final = (
    *("model", "stream", "stream_options", "store", "user", "safety_identifier", "prompt_cache_key"),
    "prompt_cache_retention",
)
_DECIDING: Final = ("temperature", "background", "tools", "prompt")
"""What has a say in whether an answer may be kept."""

_OWN: Final = frozenset({"function", "custom", "namespace"})

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def question(body: bytes, path: str = "") -> bytes | None:
    """Bytes that are the same for every body that asks the same; None where answers must not be shared."""
    try:
        if len(body) > LARGE or nested(body) > DENSE:
            found = _deciding(body)
            return body if found is not None and _is_repeatable(found) else None
        asked = _decode(body)
        if _encode(asked) != body:
            asked = json.loads(body, object_pairs_hook=unique)
        if not isinstance(asked, dict) or not _is_repeatable(asked):
            return None
        for name in _LEFT_OUT:
            asked.pop(name, None)
        return _encode_sorted(asked)
    except (Malformed, ValueError, RecursionError):
        return None


def _deciding(body: bytes) -> dict[str, Any] | None:
    """What decides whether the answer to a large body may be kept; None where that is too long to be read."""
    found = members(body)
    read: dict[str, Any] = {}
    for name in _DECIDING:
        if name in found:
            raw = bytes(found[name])
            if nested(raw) > MOST_TOOLS if name == "tools" else len(raw) > MOST_READ:
                return None
            read[name] = _decode(raw)
    return read


def _is_repeatable(asked: dict[str, Any]) -> bool:
    """Whether the same question may get the same answer again: nothing by chance, nothing of the hour, nothing kept elsewhere."""
    if asked.get("temperature") not in (None, 0) or asked.get("background") or asked.get("prompt") is not None:
        return False
    tools = asked.get("tools")
    return not isinstance(tools, list) or all(
        isinstance(tool, dict) and text_in(tool, "type") in _OWN for tool in tools
    )
