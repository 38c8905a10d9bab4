"""OpenAI's error shape, as callers are shown errors. What vendors' errors mean is read in `wire/error_reading.py`."""

from __future__ import annotations

import msgspec

from headworks.core.errors import CallError, Denied, Garbled, Upstream
from headworks.wire.error_reading import error_in as error_in
from headworks.wire.error_reading import garbled as garbled
from headworks.wire.error_reading import said_in as said_in
from headworks.wire.error_reading import vendor_error as vendor_error


class _Shown(msgspec.Struct, frozen=True):
    message: str
    type: str | None
    param: str | None
    code: str | None


class _Problem(msgspec.Struct, frozen=True):
    error: _Shown


def status(error: CallError) -> int:
    """The status of an error answer."""
    return error.shown_status


def problem(error: CallError, request_id: str = "") -> bytes:
    """The body of an error answer, as the official SDKs read it: `{"error": {message, type, param, code}}`. The id stands in a header only.

    A vendor's own words where it speaks to the caller; never its words to us.
    """
    said = error.said
    if said is not None and isinstance(error, Garbled):  # a piece of an answer is no message: ours says what it is
        shown = _Shown(error.message, said.type or error.type, said.param, said.code or error.code)
    elif said is not None and isinstance(error, Upstream) and not isinstance(error, Denied):
        shown = _Shown(said.message, said.type or error.type, said.param, said.code)
    elif isinstance(error, Denied):
        shown = _Shown(
            "The upstream provider refused the gateway, not your request: its operator has to look at the provider's key, credit "
            "and model name.",
            error.type,
            None,
            error.code,
        )
    else:
        shown = _Shown(error.message, error.type, error.param, error.code)
    return msgspec.json.encode(_Problem(shown))


def event(error: CallError) -> bytes:
    """The event that ends a stream which broke: the official SDKs raise APIError on it."""
    return b"data: " + problem(error) + b"\n\n"
