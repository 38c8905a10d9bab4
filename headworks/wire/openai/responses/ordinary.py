"""Whether a caller's body is an ordinary call: one that every model can take. As for chat (`wire/openai/ordinary.py`)."""

from __future__ import annotations

from typing import Any, Final

from headworks.core.dialect import Headers
from headworks.wire.json_text import read_json
from headworks.wire.openai.ordinary import DENSE, HEADERS
from headworks.wire.openai.translation.message import text_in

_FIELDS: Final = frozenset(
    {
        *(
            "model",
            "input",
            "instructions",
            "stream",
            "stream_options",
            "max_output_tokens",
            "user",
            "store",
            "metadata",
        ),
        *("temperature", "top_p", "truncation"),
    }
)
_MESSAGE: Final = frozenset({"type", "role", "content", "id", "status"})
_ROLES: Final = frozenset({"system", "developer", "user", "assistant"})
_PART: Final = frozenset({"type", "text", "annotations", "logprobs"})
_TEXTS: Final = frozenset({"input_text", "output_text"})


def is_ordinary(data: bytes, headers: Headers) -> bool:
    """Whether nothing in a call's body (`data`) and headers can be the reason why a model is not found."""
    if any(name not in HEADERS for name, _ in headers) or data.count(b"{") + data.count(b"[") > DENSE:
        return False
    try:
        body = read_json(data)
    except (ValueError, RecursionError):
        return False
    if not isinstance(body, dict) or not body.keys() <= _FIELDS:
        return False
    said = body.get("input")
    return isinstance(said, str) or (isinstance(said, list) and all(map(_is_text, said)))


def _is_text(item: Any) -> bool:
    if not isinstance(item, dict) or not item.keys() <= _MESSAGE or text_in(item, "role") not in _ROLES:
        return False
    content = item.get("content")
    if isinstance(content, list):
        return all(
            isinstance(part, dict) and part.keys() <= _PART and text_in(part, "type") in _TEXTS for part in content
        )
    return isinstance(content, str)
