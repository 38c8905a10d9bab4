"""Measures the lag of the event loop."""

from __future__ import annotations

import asyncio
from typing import Final

from headworks.core.clock import now
from headworks.core.vtime import RUNNING
from headworks.telemetry.histogram import Histogram
from headworks.telemetry.stall import StallWatcher

EVERY: Final = 0.05
"""Seconds between two looks: a stall of 50 ms is never missed, and twenty timers a second cost nothing."""

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Watchdog:
    """Sleeps again and again, and records how late it was woken. uvloop's timers are exact to a millisecond.

    On a real loop a thread looks meanwhile at what holds it, where something does (`stall.py`).
    """

    def __init__(self) -> None:
        self.lags = Histogram(BOUNDS)
        self.beaten_at = 0.0

    async def watch(self) -> None:
        """Runs until cancelled."""
        self.beaten_at = now()
        watcher = StallWatcher(EVERY, lambda: self.beaten_at) if RUNNING.loop is None else None
        try:
            while True:
                asleep_at = now()
                await asyncio.sleep(EVERY)
                self.beaten_at = now()
                self.lags.add(max(0.0, self.beaten_at - asleep_at - EVERY))
        finally:
            if watcher is not None:
                watcher.stop()
