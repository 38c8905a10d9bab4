"""How late the event loop is: what every call waits for beside its own work."""

from __future__ import annotations

import asyncio
from typing import Final

from headworks.core.clock import now
from headworks.telemetry.histogram import Histogram

EVERY: Final = 0.1
"""Seconds between two looks: a stall of 100 ms is never missed, and ten timers a second cost nothing."""

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Watchdog:
    """Sleeps, and notes how much later than asked it was woken. uvloop's timers are exact to a millisecond."""

    def __init__(self) -> None:
        self.lags = Histogram(BOUNDS)

    async def watch(self) -> None:
        """Runs until cancelled."""
        while True:
            asleep_at = now()
            await asyncio.sleep(EVERY)
            self.lags.add(max(0.0, now() - asleep_at - EVERY))
