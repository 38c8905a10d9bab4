"""Memory that calls have left goes back to the system.

glibc keeps what lies between two live objects: after 200 callers who had stopped reading had gone, 60 MB of 100 were free
and still ours. `malloc_trim` gives such pages back. It is asked for only when calls have become few, because it holds
the allocator for some milliseconds, and what is given back has to be fetched again by the next burst.
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

_trim: Final = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""None where the C library is not glibc."""


async def give_back() -> None:
    """Gives free memory back to the system, beside the loop; does nothing where that cannot be asked for."""
    if _trim is not None:
        await asyncio.get_running_loop().run_in_executor(None, _trim, 0)


class Thrift:
    """Sees many calls become few, and gives back what they held."""

    def __init__(self, in_flight: Callable[[], int], give_back: Callable[[], Awaitable[None]] = give_back) -> None:
        self.in_flight = in_flight
        self.give_back = give_back
        self._most = 0

    async def keep(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(LOOKED_EVERY)
            if self.is_over(self.in_flight()):
                await self.give_back()

    def is_over(self, in_flight: int) -> bool:
        """Whether a rush has ended: there were many calls since the last one, and now there are few."""
        self._most = max(self._most, in_flight)
        if self._most < MANY or in_flight > self._most * FEW:
            return False
        self._most = in_flight
        return True
