"""Whether a caller's body is an ordinary call: one that every model of this API can take. Looked at only after a 404.

Always true: what an ordinary call is refused with a 404 cannot follow from its body: text only, no field that we do not know,
and no header of the caller's that tells the vendor something.
"""

from __future__ import annotations

from typing import Any, Final

from headworks.core.dialect import Headers
from headworks.wire.anthropic.headers import VERSION
from headworks.wire.json_text import read_json

_BODY: Final = frozenset(
    {
        *("model", "messages", "system", "stream", "max_tokens", "metadata", "stop_sequences"),
        *("temperature", "top_p", "top_k"),
    }
)
_MESSAGE: Final = frozenset({"role", "content"})
_ROLES: Final = frozenset({"user", "assistant"})
_BLOCK: Final = frozenset({"type", "text", "cache_control"})
_HEADERS: Final = frozenset({b"traceparent", b"idempotency-key", VERSION})

DENSE: Final = 20_000
"""Lists and objects from which nobody reads a body for this: each takes 0.2 us, and no ordinary call has as many."""


def is_ordinary(data: bytes, headers: Headers) -> bool:
    """Whether nothing in a call's body (`data`) and headers can be the reason why a model is not found."""
    if any(name not in _HEADERS for name, _ in headers) or data.count(b"{") + data.count(b"[") > DENSE:
        return False
    try:
        body = read_json(data)
    except (ValueError, RecursionError):
        return False
    if not isinstance(body, dict) or not body.keys() <= _BODY or not _is_text(body.get("system", "")):
        return False
    messages = body.get("messages")
    return isinstance(messages, list) and all(map(_is_plain, messages))


def _is_plain(message: Any) -> bool:
    if not isinstance(message, dict) or not message.keys() <= _MESSAGE or message.get("role") not in _ROLES:
        return False
    return _is_text(message.get("content"))


def _is_text(content: Any) -> bool:
    if isinstance(content, list):
        return all(isinstance(one, dict) and one.keys() <= _BLOCK and one.get("type") == "text" for one in content)
    return isinstance(content, str)
