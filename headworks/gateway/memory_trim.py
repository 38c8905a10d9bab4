"""Memory trimming: gives free heap memory back to the system after a burst of calls.

glibc keeps what lies between two live objects: after 200 callers who had stopped reading had gone, 60 MB of 100 were free
and still ours. `malloc_trim` gives such pages back. It is asked for only when calls have become few, because what is given
back has to be fetched again by the next burst, and because it holds the allocator all the while: 11 ms for 100 MB that are free
(32 to 39 ms for 300 MB, 0.5 to 3 ms where nothing is). A thread of its own does not help, as the loop's next allocation waits for the same lock
(measured: its longest turn was as long as the trim, in a thread or not), and it cannot be asked for a part. So a moment is
awaited in which nobody has a call under way, for a while: a gateway that is never idle is held once a rush.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Awaitable, Callable
from typing import Final

LOOKED_EVERY: Final = 1.0
"""Seconds between two counts of the calls in flight."""

MANY: Final = 100
"""Calls at once from which there is something to give back: a call's buffers are half a megabyte at most."""

FEW: Final = 0.25
"""The part of the most calls at once that may be left when memory is given back."""

IDLE_SOUGHT_EVERY: Final = 0.05
"""Seconds between two looks for a moment without a call."""

IDLE_SOUGHT_FOR: Final = 60.0
"""Seconds after which memory is given back in spite of the calls under way: they are few, and wait for some 10 ms."""

_trim: Final = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""None where the C library is not glibc."""


async def give_back() -> None:
    """Gives free memory back to the system, where the C library can. Allocations wait meanwhile."""
    if _trim is not None:
        await asyncio.get_running_loop().run_in_executor(None, _trim, 0)


class MemoryTrim:
    """Trims the heap after each burst of calls."""

    def __init__(self, in_flight: Callable[[], int], give_back: Callable[[], Awaitable[None]] = give_back) -> None:
        self.in_flight = in_flight
        self.give_back = give_back
        self._most = 0

    async def keep(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(LOOKED_EVERY)
            if self.is_over(self.in_flight()) and await self.is_quiet():
                await self.give_back()

    def is_over(self, in_flight: int) -> bool:
        """Whether a rush has ended: there were many calls since the last one, and now there are few."""
        self._most = max(self._most, in_flight)
        if self._most < MANY or in_flight > self._most * FEW:
            return False
        self._most = in_flight
        return True

    async def is_quiet(self) -> bool:
        """Waits for a moment without a call, within bounds; False where another rush has come instead."""
        for _ in range(round(IDLE_SOUGHT_FOR / IDLE_SOUGHT_EVERY)):
            in_flight = self.in_flight()
            if in_flight >= MANY:
                self._most = in_flight
                return False
            if not in_flight:
                break
            await asyncio.sleep(IDLE_SOUGHT_EVERY)
        return True
