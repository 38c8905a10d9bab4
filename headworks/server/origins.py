"""Checks `Host` and `Origin`, so that a page on the open web cannot reach a gateway on somebody's own machine.

Without keys anybody on loopback may call, so a foreign `Host` (a name rebound to 127.0.0.1) or any `Origin` that was
not listed is refused. With keys the key decides, and `cors` only tells browsers what they may read.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Protocol

from headworks.core.errors import Forbidden
from headworks.http.request_parser import Request
from headworks.server.problems import Headers

NONE: Headers = ()

EXPOSED = b", ".join(
    [
        *(b"x-request-id", b"retry-after", b"retry-after-ms", b"x-should-retry"),
        *(
            b"x-ratelimit-%b-%b" % (what, of)
            for of in (b"requests", b"tokens")
            for what in (b"limit", b"remaining", b"reset")
        ),
        *(b"x-headworks-cache", b"x-headworks-target", b"x-headworks-cost", b"x-headworks-attempts", b"age"),
        *(b"openai-processing-ms", b"openai-version", b"openai-model", b"apim-request-id", b"request-id"),
        *(b"www-authenticate", b"allow", b"accept-encoding"),
    ]
)
"""What a page may read: everything of ours that an SDK looks at, and what passes of a vendor's. Written out, for `*` does
not count where a page sends credentials."""


class Keys(Protocol):
    """The keyring, which is asked for each request: keys can be made while the gateway runs."""

    @property
    def is_open(self) -> bool:
        """Whether any caller is served, because there are no keys. False also while that is not known."""
        ...


class Origins:
    """Checks `Host` and `Origin`, and says which CORS headers an answer carries."""

    def __init__(self, allowed: Sequence[str], keys: Keys) -> None:
        self.allowed = frozenset(origin.encode() for origin in allowed)
        self.keys = keys

    def check(self, request: Request) -> Headers:
        """The answer's CORS headers, none for most callers. Raises Forbidden."""
        origin = request.get(b"origin")
        is_open = self.keys.is_open
        if is_open and not is_loopback(request.get(b"host") or b""):
            raise Forbidden(
                "This gateway has no keys, so it answers to a loopback name only: use 127.0.0.1 or localhost."
            )
        if origin is None:
            return NONE
        if origin in self.allowed or b"*" in self.allowed:
            return headers(origin)
        if is_open:
            raise Forbidden("Browsers may not call this gateway from this origin: list it under `server.cors`.")
        return NONE


def headers(origin: bytes) -> Headers:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
        (b"access-control-allow-headers", b"*, authorization, x-api-key, x-goog-api-key, content-type"),
        (b"access-control-expose-headers", EXPOSED),
        (b"access-control-max-age", b"600"),
        (b"vary", b"origin"),
    ]


def is_loopback(host: bytes) -> bool:
    """Whether a Host header names this machine: localhost, 127.0.0.0/8 or [::1], with or without a port."""
    name = host.decode("latin-1").lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
