"""Whether a caller's body is an ordinary call: one that every model of its kind can take.

Always true: what an ordinary call is refused with a 404 cannot follow from its body. It has text only (no picture, no tool,
no file), no field that we do not know, no field that sends it another way, and no header of the caller's that tells the
vendor something. Looked at only after such a refusal.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headworks.core.dialect import Headers, Operation

_CHAT: Final = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "user", "n", "stop"),
        *("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty"),
    }
)
_EMBEDDINGS: Final = frozenset({"model", "input", "user", "encoding_format"})
_MESSAGE: Final = frozenset({"role", "content", "name"})
_ROLES: Final = frozenset({"system", "developer", "user", "assistant"})
_PART: Final = frozenset({"type", "text"})
HEADERS: Final = frozenset({b"traceparent", b"idempotency-key"})

DENSE: Final = 20_000
"""Lists and objects from which nobody reads a body for this: each takes 0.2 us, and no ordinary call has as many."""

_ANY = msgspec.json.Decoder()


def is_ordinary(operation: Operation, data: bytes, headers: Headers) -> bool:
    """Whether nothing in a call's body (`data`) and headers can be the reason why a model is not found."""
    if any(name not in HEADERS for name, _ in headers):
        return False
    if data.count(b"{") + data.count(b"[") > DENSE:
        return False
    try:
        body = _ANY.decode(data)
    except (ValueError, RecursionError):
        return False
    if not isinstance(body, dict):
        return False
    if operation == "embeddings":
        return body.keys() <= _EMBEDDINGS
    messages = body.get("messages")
    return body.keys() <= _CHAT and isinstance(messages, list) and all(map(_is_text, messages))


def _is_text(message: Any) -> bool:
    if not isinstance(message, dict) or not message.keys() <= _MESSAGE or message.get("role") not in _ROLES:
        return False
    content = message.get("content")
    if isinstance(content, list):
        return all(isinstance(part, dict) and part.keys() <= _PART and part.get("type") == "text" for part in content)
    return isinstance(content, str)
