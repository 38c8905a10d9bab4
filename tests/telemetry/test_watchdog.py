"""The event loop's lag, on virtual time: a loop that never lags, and one that is held."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from headworks.telemetry.watchdog import BOUNDS, EVERY, Watchdog
from headworks.testing import virtual


@virtual
async def test_a_free_loop_has_no_lag() -> None:
    watchdog = Watchdog()
    task = asyncio.create_task(watchdog.watch())
    await asyncio.sleep(100.5 * EVERY)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert watchdog.lags.counts == [100] + [0] * len(BOUNDS)
    assert watchdog.lags.sum < 1e-6


def test_a_loop_that_is_held_is_noticed() -> None:
    watchdog = Watchdog()

    async def hold() -> None:
        task = asyncio.create_task(watchdog.watch())
        await asyncio.sleep(0)
        time.sleep(EVERY + 0.15)  # noqa: ASYNC251  # what is measured
        await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(hold())
    assert watchdog.lags.sum > 0.14
