"""Google's error shape, both ways: `{"error": {"code", "message", "status", "details"}}`.

What a vendor's error means is looked up as for everybody (`wire/error_meaning.py`); here stands what only Google says. A wrong key of
ours is a 400 whose details name `API_KEY_INVALID`, and no fault of the caller's (ai.google.dev/gemini-api/docs/troubleshooting and
google.rpc.ErrorInfo, read 2026-11-30). How long to wait is a `RetryInfo` among the details, both ways.

A stream that breaks ends with the error as JSON that is no event: that is how Google sends it, and `google-genai` and
`@google/genai` read every line that does not begin with `data: ` for it. In an event of its own the latter does not see it.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from headworks.core.dialect import Headers
from headworks.core.errors import (
    CallError,
    Cut,
    Denied,
    Garbled,
    InsufficientQuota,
    Upstream,
    VendorSaid,
)
from headworks.wire import error_reading as common
from headworks.wire.json_text import read_json

_STATUS: Final[dict[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""google.rpc.Code by the status that it has in HTTP (cloud.google.com/apis/design/errors), and ours that Google does not send."""

_CODES: Final = frozenset({*_STATUS.values(), "OUT_OF_RANGE", "ALREADY_EXISTS", "DATA_LOSS", "UNKNOWN"})

_OUR_KEY: Final = frozenset(
    {
        *("API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED"),
        *("API_KEY_ANDROID_APP_BLOCKED", "API_KEY_IOS_APP_BLOCKED", "ACCESS_TOKEN_EXPIRED", "CONSUMER_INVALID"),
        *("CONSUMER_SUSPENDED", "BILLING_DISABLED", "SERVICE_DISABLED"),
    }
)
"""Reasons (google.api.ErrorReason) that speak of our account, whatever the status."""

_REASON: Final = re.compile(r"[A-Z][A-Z0-9_]{2,62}")


# From vendors


def vendor_error(status: int, headers: Headers, body: bytes, wall: float) -> CallError:
    """What an answer that is not 200 means."""
    error = common.vendor_error(status, headers, body, wall)
    return _told(error, reason_in(body))


def error_in(content: Any, *, is_headed: bool) -> CallError:
    """What an error means that came with status 200."""
    error = common.error_in(content, is_headed=is_headed)
    return error if isinstance(error, Cut) else _told(error, _reason(content))


def reason_in(body: bytes) -> str:
    """The reason in an error's details (google.rpc.ErrorInfo), or ""."""
    try:
        return _reason(read_json(body))
    except (ValueError, RecursionError):
        return ""


def _reason(content: Any) -> str:
    if isinstance(content, list) and content:
        content = content[0]
    error = content.get("error") if isinstance(content, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for one in details[:8] if isinstance(details, list) else ():
        reason = one.get("reason") if isinstance(one, dict) else None
        if isinstance(reason, str) and _REASON.fullmatch(reason):
            return reason
    return ""


def _told(error: CallError, reason: str) -> CallError:
    said = error.said
    if said is None or not reason:
        return error
    said = msgspec.structs.replace(said, code=reason)
    refusal = f"The vendor refuses us: {said.status} ({reason})."
    if reason in _OUR_KEY and not isinstance(error, Denied):
        denied = Denied(refusal, said=said)
        denied.words = frozenset(said.message.split()[: common.MOST_WORDS])
        return denied
    error.said = said
    if isinstance(error, Denied):
        error.args = (refusal,)
    return error


# To callers


class _Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    code: int
    message: str
    status: str
    details: tuple[dict[str, Any], ...] = ()


class _Problem(msgspec.Struct, frozen=True):
    error: _Shown


_DENIED: Final = (
    "The upstream provider refused the gateway, not your request: its operator has to look at the provider's key, credit "
    "and model name."
)


def status(error: CallError) -> int:
    """The status of an error answer."""
    return error.shown_status


_A_DAY: Final = 86_400.0
"""At least how long a client waits, in seconds, where a budget will never have room. Without a time Gemini CLI takes a 429 for a
crowd, and asks ten times over minutes; above 300 s it stops (0.61.0, its `classifyGoogleError`)."""


def problem(error: CallError, request_id: str = "") -> bytes:
    """The body of an error answer, as `google-genai` reads it: ClientError for 4xx, ServerError for 5xx. The id stands in a
    header only.

    A vendor's own words where it speaks to the caller; never its words to us.
    """
    code = error.shown_status
    said = error.said if isinstance(error, Upstream) and not isinstance(error, Denied) else None
    message = _DENIED if isinstance(error, Denied) else error.message
    if said is not None and not isinstance(error, Garbled):
        message = said.message
    return msgspec.json.encode(_Problem(_Shown(code, message, _word(code, said), tuple(_details(error, said)))))


def event(error: CallError) -> bytes:
    """What ends a stream that broke: the error alone on its line."""
    return problem(error) + b"\n"


def _word(status: int, said: VendorSaid | None) -> str:
    if said is not None and said.type in _CODES:
        return said.type
    return _STATUS.get(status) or ("INVALID_ARGUMENT" if status < 500 else "INTERNAL")


def _details(error: CallError, said: VendorSaid | None) -> list[dict[str, Any]]:
    """Google's details: the reason, the field, and how long to wait."""
    found: list[dict[str, Any]] = []
    if said is not None and said.code is not None and _REASON.fullmatch(said.code):
        found.append(_info(said.code, "googleapis.com"))
    elif said is None and isinstance(error, InsufficientQuota):
        found.append(_info(error.code.upper(), "headworks"))
    if said is None and error.param:
        broken = {"field": error.param, "description": error.message}
        found.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [broken]})
    after = error.retry_after
    if after is None and said is None and isinstance(error, InsufficientQuota):
        after = _A_DAY
    if after is not None:
        wait = f"{after:.3f}".rstrip("0").rstrip(".")
        found.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait}s"})
    return found


def _info(reason: str, domain: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain}
