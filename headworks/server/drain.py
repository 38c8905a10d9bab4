"""Ends the calls that outlast a drain with a readable error, and not with a cut connection.

The tasks that serve them are cancelled, so that every layer gives back what it holds, and then go on for one more write:
as `asyncio.timeout` does it, by `uncancel`. Where the caller has hung up at the same time it is left at that.
"""

from __future__ import annotations

import asyncio

from headworks.core.errors import Draining

AGAIN = 1.0
"""The Retry-After, in seconds: for another gateway, or this one after its restart."""


class OpenCalls:
    """The tasks that serve calls now. `end_all` ends each of them with an error."""

    def __init__(self) -> None:
        self.error: Draining | None = None
        self._tasks: dict[asyncio.Task[object], None] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def joined(self, task: asyncio.Task[object]) -> None:
        self._tasks[task] = None

    def left(self, task: asyncio.Task[object]) -> None:
        del self._tasks[task]

    def end_all(self, error: Draining) -> None:
        """Ends every call."""
        self.error = error
        for task in list(self._tasks):
            task.cancel()

    def taken(self, task: asyncio.Task[object]) -> Draining | None:
        """For a task that was cancelled: what to tell its caller, None where the caller itself has gone."""
        return self.error if self.error is not None and task.uncancel() == 0 else None


def draining_error() -> Draining:
    return Draining("The gateway is shutting down and this answer was not finished. Ask again.", retry_after=AGAIN)
