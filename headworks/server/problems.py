"""Turns errors into HTTP responses, here and nowhere else: the status, the headers that SDKs read, and the body in the caller's shape."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TypeAlias

from headworks.core.dialect import Dialect
from headworks.core.errors import CallError, InsufficientQuota, QuotaExceeded, UnknownCoding

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")

CHALLENGE = (b"www-authenticate", b'Bearer realm="headworks"')
"""What every 401 carries (RFC 9110, section 15.5.2)."""


def answer(error: CallError, request_id: str, cors: Headers, dialect: Dialect) -> tuple[int, Headers, bytes]:
    """Status, headers and body of an error that came before anything was sent. dialect: the API in which the caller asked."""
    headers = [JSON, (b"x-request-id", request_id.encode()), *cors]
    if dialect.id_header:
        headers.append((dialect.id_header, request_id.encode()))
    status = dialect.status(error)
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % ceil(error.retry_after)))
        headers.append((b"retry-after-ms", b"%d" % ceil(error.retry_after * 1000)))
    if status == 401:
        headers.append(CHALLENGE)
    if isinstance(error, WrongMethod):
        headers.append((b"allow", error.allow.encode()))
        if error.upgrade:
            headers.append((b"upgrade", error.upgrade))
    if isinstance(error, UnknownCoding):
        headers.append((b"accept-encoding", b"gzip"))
    if (
        error.blame == "vendor"
        or isinstance(error, InsufficientQuota)  # until the budget's next window nothing helps
        or (isinstance(error, QuotaExceeded) and error.is_final)
    ):
        # Our own attempts are spent: an SDK that tries again on top would multiply them, a 429's after its wait too.
        headers.append((b"x-should-retry", b"false"))
    return status, headers, dialect.problem(error, request_id)


class WrongMethod(CallError):
    """A path that is served, asked in a way that it is not. allow: the methods that it takes (RFC 9110, section 10.2.1). upgrade: the
    protocol that it is served in, where another one was asked for (section 15.5.22)."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"
    blame = "caller"
    upgrade = b""

    def __init__(self, message: str, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


class EdgeRefusal(CallError):
    """A refusal of the HTTP edge itself: bytes that are no HTTP, too slow, too large."""

    type = "invalid_request_error"
    code = "bad_request"
    blame = "caller"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
