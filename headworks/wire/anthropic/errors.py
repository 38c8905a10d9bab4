"""Anthropic's error shape, both ways: what vendors' errors mean, and how errors are shown to callers.

Theory. What a vendor of this API said is shown again byte for byte, for clients look for its words (Claude Code compacts a
conversation on `prompt is too long`), except where it refuses *us*: that may hold parts of our key. An error of another API, or
of ours, is told by the type that goes with its status (https://platform.claude.com/docs/en/api/errors), and a question that
was too long for anybody in the words that clients know.

A budget that is spent is 402 `billing_error`: no client tries again. What is shed is 529 `overloaded_error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.core.dialect import Headers
from headworks.core.errors import (
    CallError,
    Denied,
    Garbled,
    InsufficientQuota,
    Shed,
    TooLong,
    Upstream,
)
from headworks.wire import error_reading

_TYPES: Final[Mapping[int, str]] = MappingProxyType(
    {
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        405: "invalid_request_error",
        413: "request_too_large",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
)
"""By status; else `invalid_request_error` below 500, and `api_error` from there on."""

KNOWN: Final = frozenset({*_TYPES.values(), "invalid_request_error", "api_error"})
"""The types of this API."""

_TOO_LONG: Final = "prompt is too long"
_BILLING: Final = 402
_OVERLOADED: Final = 529

MOST_RAW: Final = 16_000
"""Bytes of a vendor's error that are shown as they came."""


class _Shown(msgspec.Struct, frozen=True):
    type: str
    message: str


class _Problem(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    error: _Shown
    request_id: str | None


def vendor_error(status: int, headers: Headers, body: bytes, wall: float) -> CallError:
    """What an answer that is not 200 means. wall: seconds since 1970, for waits that are given as dates."""
    error = error_reading.vendor_error(status, headers, body, wall)
    if error.said is not None and error.said.type in KNOWN and len(body) <= MOST_RAW:
        error.said = msgspec.structs.replace(error.said, raw=body)
    return error


def status_of(error: CallError) -> int:
    """The status of an error answer."""
    if isinstance(error, InsufficientQuota):
        return _BILLING
    shown = error.shown_status
    return _OVERLOADED if isinstance(error, Shed) and shown == 503 else shown


def problem(error: CallError, request_id: str = "") -> bytes:
    """The body of an error answer, as the official SDKs read it. request_id: ours."""
    said = error.said
    is_theirs = said is not None and isinstance(error, Upstream) and not isinstance(error, (Denied, Garbled))
    if said is not None and is_theirs and said.raw:
        return said.raw
    message = said.message if said is not None and is_theirs else error.message
    if isinstance(error, Denied):
        message = (
            "The upstream provider refused the gateway, not your request: its operator has to look at the provider's key, "
            "credit and model name."
        )
    if isinstance(error, TooLong) and not message.startswith(_TOO_LONG):
        message = f"{_TOO_LONG}: {message}"
    kind = said.type if said is not None and is_theirs and said.type in KNOWN else type_of(status_of(error))
    return msgspec.json.encode(_Problem(_Shown(kind or "", message), request_id or None))


def type_of(status: int) -> str:
    """What this API calls an error of this status."""
    return _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")


def event(error: CallError) -> bytes:
    """The event that ends a stream which broke: the official SDKs raise APIStatusError on it."""
    return b"event: error\ndata: %b\n\n" % b" ".join(problem(error).splitlines())
