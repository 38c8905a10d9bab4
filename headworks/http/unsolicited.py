"""Unsolicited responses of a vendor. After two of them, each connection to it is used for one call only, for a while.

Theory. HTTP/1.1 responses have no ids: the next one on a connection belongs to the next request. An extra response on an idle
connection only costs that connection. One that arrives after the connection was reused is taken for the next caller's answer, and
that cannot be detected. But a vendor that does this sooner or later also does it on an idle connection. After the second time in
`WINDOW` seconds, connections to that vendor are not reused for `ONCE` seconds, so no caller can get another one's answer.
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
