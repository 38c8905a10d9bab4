"""The clock is the running loop's, so that the same layers run on real and on virtual time."""

from __future__ import annotations

import time

from headworks.core.vtime import RUNNING


def now() -> float:
    """Seconds on the running loop's clock: for durations and deadlines, comparable only within one loop.

    On a real loop this is `time.monotonic()` itself, the clock below `loop.time()`: uvloop's own reading is cached for
    a whole iteration and cut to milliseconds, too coarse for a record. The running loop itself is not asked for: in
    Python 3.11 that is a system call (getpid), 1 us of a busy process, seven times a call.
    """
    virtual = RUNNING.loop
    return time.monotonic() if virtual is None else virtual.time()


def wall() -> float:
    """Seconds since 1970: for the calendar only. On a virtual loop its epoch plus its virtual time."""
    virtual = RUNNING.loop
    return time.time() if virtual is None else virtual.wall()
