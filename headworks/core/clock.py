"""The clock is the running loop's, so that the same layers run on real and on virtual time."""

from __future__ import annotations

import time
from asyncio import get_running_loop

from headworks.core.vtime import VirtualLoop


def now() -> float:
    """Seconds on the running loop's clock: for durations and deadlines, comparable only within one loop.

    On a real loop this is `time.monotonic()` itself, the clock below `loop.time()`: uvloop's own reading is cached for
    a whole iteration and cut to milliseconds, too coarse for a record.
    """
    loop = get_running_loop()
    if type(loop) is VirtualLoop:
        return loop.time()
    return time.monotonic()


def wall() -> float:
    """Seconds since 1970: for the calendar only. On the virtual loop it is its start plus the time that was leapt."""
    loop = get_running_loop()
    if type(loop) is VirtualLoop:
        return loop.wall()
    return time.time()
