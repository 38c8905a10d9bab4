"""What Bedrock's errors mean: by status and `x-amzn-errortype` before a stream, by their name within one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from headworks.core.dialect import Headers
from headworks.core.errors import CallError
from headworks.wire.bedrock.event_stream import Message
from headworks.wire.json_text import read_json
from headworks.wire.openai.errors import error_in, vendor_error

STATUSES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "validationException": 400,
        "modelErrorException": 424,
        "modelStreamErrorException": 424,
        "throttlingException": 429,
        "modelNotReadyException": 429,
        "internalServerException": 500,
        "serviceUnavailableException": 503,
        "modelTimeoutException": 408,
    }
)
"""Of the exceptions that come as events, the status that each has outside of a stream (the service's model in botocore 1.44.8)."""

_MESSAGES: Final = ("message", "Message", "originalMessage")


def error_of(status: int, headers: Headers, body: bytes, wall: float) -> CallError:
    """An answer that is not 200. The type stands in a header, with an address behind it."""
    kind = next((value for name, value in headers if name == b"x-amzn-errortype"), b"").partition(b":")[0]
    if kind:
        said = {"message": _words(body), "type": kind.decode("latin-1")}
        body = msgspec.json.encode({"error": said})
    return vendor_error(status, headers, body, wall)


def exception_in(message: Message, *, is_headed: bool) -> CallError:
    """An exception that came within a stream."""
    kind = message.kind
    status = STATUSES.get(kind[:1].lower() + kind[1:], 500)
    words = _words(message.payload) or message.headers.get(":error-message", "") or "The stream ended with an error."
    # As the tables of errors have it: with a capital letter.
    error = {"message": words, "type": kind[:1].upper() + kind[1:], "status": status}
    return error_in({"error": error}, is_headed=is_headed)


def _words(body: bytes) -> str:
    try:
        said: Any = read_json(body)
    except (ValueError, RecursionError):
        return body[:2000].decode("utf-8", "replace").strip()
    if not isinstance(said, dict):
        return ""
    return next((said[name] for name in _MESSAGES if isinstance(said.get(name), str) and said[name]), "")
