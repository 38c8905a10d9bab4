"""Unsolicited responses of a vendor. After two of them, each connection to it is used for one call only, for a while.

Theory. HTTP/1.1 has no number on an answer: the next one on a connection is the next request's. So an extra answer that comes
while its connection rests costs that connection, and nothing else; one that comes after the connection was lent again is
taken for that caller's, and nobody can tell. What can be told is that the vendor does such things: sooner or later such bytes
come where no answer is awaited. After the second time in `WINDOW` seconds nothing of that vendor is lent twice for `ONCE`
seconds, so there is no next caller whose answer it could be.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

WINDOW: Final = 600.0
"""Seconds in which two are one too many: once may be a proxy that was restarted."""

ONCE: Final = 3600.0
"""Seconds for which connections are used once each after that. Each call costs a handshake then."""

_GOODBYE: Final = re.compile(rb"HTTP/1\.[01] 408[ \r]")


class Unsolicited:
    """The unsolicited responses of one vendor. until: the loop instant up to which each connection is used for one call only.

    observer: told whenever such a time begins.
    """

    __slots__ = ("_last_at", "count", "observer", "until")

    def __init__(self) -> None:
        self.count = 0
        self.until = 0.0
        self.observer: Callable[[], None] | None = None
        self._last_at = -WINDOW

    def tell(self, at: float) -> bool:
        """Counts one. Whether connections are used once each from now on."""
        self.count += 1
        is_too_many = at - self._last_at < WINDOW
        self._last_at = at
        if is_too_many:
            has_begun = at >= self.until
            self.until = at + ONCE
            if has_begun and self.observer is not None:
                self.observer()
        return at < self.until


def is_idle_close(data: bytes) -> bool:
    """Whether this is how load balancers close a connection that rests: 408 with `Connection: close` (HAProxy, `timeout
    http-request`; RFC 9110, section 15.5.9). Nobody would take it for an answer that he may keep."""
    if _GOODBYE.match(data) is None:
        return False
    lines = data[:4096].partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    return any(
        name == b"connection" and b"close" in value for name, _, value in (line.partition(b":") for line in lines)
    )
