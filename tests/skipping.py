"""A real loop, with real sockets, whose clock a test moves on: what is slow is slow by as much as the test says, and takes no time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from headworks.core.vtime import RUNNING


class SkippingLoop(asyncio.SelectorEventLoop):
    """Later than the machine by what was skipped."""

    skipped = 0.0

    def time(self) -> float:
        return super().time() + self.skipped

    def wall(self) -> float:
        return time.time() + self.skipped


async def skip(seconds: float) -> None:
    """It is so much later; timers that are due then have rung."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SkippingLoop)
    loop.skipped += seconds
    for _ in range(3):
        await asyncio.sleep(0)


def run_skipping(main: Coroutine[Any, Any, None]) -> None:
    """Runs where `skip` can be used; `core.clock` goes by this loop's clock meanwhile."""
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        RUNNING.loop = runner.get_loop()  # type: ignore[assignment]
        try:
            runner.run(main)
        finally:
            RUNNING.loop = None
