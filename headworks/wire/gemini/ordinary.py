"""Whether a caller's body is an ordinary call: one that every model can take. Looked at only after a model was not found."""

from __future__ import annotations

from typing import Any, Final

from headworks.core.dialect import Headers
from headworks.wire.json_text import read_json

_BODY: Final = frozenset({"contents", "systemInstruction", "generationConfig"})
_CONFIG: Final = frozenset({"temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "seed"})
_HEADERS: Final = frozenset({b"traceparent", b"x-goog-api-client", b"x-server-timeout"})
_ROLES: Final = frozenset({"user", "model", None})

DENSE: Final = 20_000
"""Lists and objects from which nobody reads a body for this."""


def is_ordinary(data: bytes, headers: Headers, /) -> bool:
    """Whether nothing in a call's body (`data`) and headers can be the reason why a model is not found."""
    if any(name not in _HEADERS for name, _ in headers):
        return False
    if data.count(b"{") + data.count(b"[") > DENSE:
        return False
    try:
        body = read_json(data)
    except (ValueError, RecursionError):
        return False
    if not isinstance(body, dict) or not body.keys() <= _BODY:
        return False
    config = body.get("generationConfig", {})
    contents = body.get("contents")
    return (
        (isinstance(config, dict) and config.keys() <= _CONFIG)
        and (isinstance(contents, list) and all(map(_is_text, contents)))
        and ("systemInstruction" not in body or _is_text(body["systemInstruction"]))
    )


def _is_text(content: Any) -> bool:
    if not isinstance(content, dict) or not content.keys() <= {"role", "parts"}:
        return False
    parts = content.get("parts")
    return (
        (content.get("role") in _ROLES)
        and isinstance(parts, list)
        and all(isinstance(part, dict) and part.keys() == {"text"} for part in parts)
    )
