"""The buffer limit for answers: bytes that wait in this process, over all connections.

Each connection has limits of its own: 64 KB received, one event under way, and what waits for a slow caller. Ten thousand of them
together would still be too much. So all code that buffers such bytes counts them here, and subtracts what was passed on: a
vendor's connection what was not read, its reader the event under way, a caller's connection what the socket does not take. Above
the limit no more calls are sent to vendors, and a call whose answer still brings bytes is ended.
"""

from __future__ import annotations

from headworks.core.errors import Crowded

AGAIN = 1.0
"""Seconds after which a call that found no room may come back: callers who read empty it at once."""


class Buffered:
    """size: bytes that wait now. most: how many there may be."""

    __slots__ = ("most", "size")

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = 0

    def __repr__(self) -> str:
        return f"Buffered({self.size} of {self.most} bytes)"


def crowded(buffered: Buffered, *, was_sent: bool) -> Crowded:
    """The error of a call when the buffer is full. was_sent: its vendor has been asked."""
    return Crowded(
        f"The gateway's buffer for answers that callers have not read yet is full ({buffered.most} bytes).",
        retry_after=AGAIN,
        was_sent=was_sent,
    )
