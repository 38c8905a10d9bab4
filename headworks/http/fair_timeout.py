"""A timeout that does not count the delays of our own event loop against the peer.

Theory. A peer is late when the time was ours to see it: a loop that was busy for a second with other calls finds, on its
next turn, that the instant has passed, and only after that what arrived meanwhile. On loopback a connection stands
before `connect` returns, and yet it takes some four turns to be told so; with 3,000 streams open and turns of half a second each,
a quarter of all calls ended as `no connection in time`. So the instant is approached in steps, and what a step came late
moves it. Half of a late step is counted all the same, so a silent peer is found out in a bounded number of turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

STEP = 0.1
"""Seconds of a step: most connections stand within one, so that this is one timer, set and taken back."""

LATE = 0.01
"""Seconds from which the loop was late: timers are cut to a millisecond, and a turn may take some."""

SLACK = 0.001
"""Seconds by which a timer may ring early and still count: uvloop rounds them."""


class FairTimeout:
    """Calls `on_timeout` once, at this loop instant or as much later as the loop itself is late until then."""

    __slots__ = ("_by", "_due_at", "_from", "_handle", "_loop", "_on_timeout")

    def __init__(self, loop: asyncio.AbstractEventLoop, by: float, on_timeout: Callable[[], None]) -> None:
        self._loop = loop
        self._by = by
        self._on_timeout = on_timeout
        self._arm(loop.time())

    def close(self) -> None:
        """Does not ring any more."""
        self._handle.cancel()

    def _arm(self, at: float) -> None:
        self._from = at
        self._due_at = min(at + STEP, self._by)
        self._handle = self._loop.call_at(self._due_at, self._step)

    def _step(self) -> None:
        at = self._loop.time()
        late = at - self._due_at
        if late > LATE:
            self._by += late + (self._due_at - self._from) / 2
        if at >= self._by - SLACK:
            self._on_timeout()
        else:
            self._arm(at)
