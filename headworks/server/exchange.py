"""The interface for responses, for our own edge (`http/exchange.py`) and for ASGI servers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Protocol


class Exchange(Protocol):
    """`respond` once, or `start`, any number of `write`, `end`. Writing never waits; `drain` does."""

    @property
    def started(self) -> bool:
        """Whether the status line is given: from then on an error is an event."""
        ...

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task that serves the request."""
        ...

    def respond(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes = b"") -> None:
        """Answers whole."""
        ...

    def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Begins an answer whose length is not known."""
        ...

    def write(self, data: bytes) -> None:
        """Sends bytes of the body."""
        ...

    def end(self, data: bytes = b"") -> None:
        """Ends the body, after these last bytes."""
        ...

    def drain(self) -> Awaitable[None]:
        """Waits while the caller does not read; sends what was written."""
        ...
