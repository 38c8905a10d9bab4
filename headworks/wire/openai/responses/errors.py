"""Errors as callers of Responses read them: the body is OpenAI's, the event that ends a broken stream is this API's own.

The event is an `error` with its number, and has the error beside it as every other API of OpenAI's has it: the official SDKs
raise APIError for that, and the AI SDK reads it there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headworks.core.errors import CallError
from headworks.wire.json_text import read_json, write_json
from headworks.wire.openai.errors import problem
from headworks.wire.sse import events_in


def event(error: CallError, sent: bytes = b"", /) -> bytes:
    """sent: what the caller was sent last."""
    said = msgspec.json.decode(problem(error))["error"]
    shown = {name: said.get(name) for name in ("code", "message", "param")}
    content = {"type": "error", "sequence_number": number_after(sent), **shown, "error": said}
    return b"event: error\ndata: %b\n\n" % write_json(content)


def number_after(sent: bytes) -> int:
    """The number of the event that follows these; 0 where none of them has one."""
    found = events_in(sent)
    if not found:
        return 0
    try:
        said: Any = read_json(found[-1].data)
    except (ValueError, RecursionError):
        return 0
    number = said.get("sequence_number") if isinstance(said, dict) else None
    return number + 1 if isinstance(number, int) else 0
