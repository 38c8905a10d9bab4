"""The clock is the running loop's."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvloop

from headworks.core.clock import now, wall
from headworks.core.vtime import VirtualLoop


async def read() -> tuple[float, float, float]:
    return now(), wall(), asyncio.get_running_loop().time()


@pytest.mark.parametrize("factory", [asyncio.SelectorEventLoop, uvloop.new_event_loop])
def test_on_a_real_loop_it_is_the_machines_and_comparable_with_the_loops_timers(factory: object) -> None:
    before, before_wall = time.monotonic(), time.time()
    with asyncio.Runner(loop_factory=factory) as runner:  # type: ignore[arg-type]
        at, wall_at, loop_at = runner.run(read())
    assert before <= at <= time.monotonic()
    assert before_wall - 0.1 <= wall_at <= time.time() + 0.1
    assert abs(at - loop_at) < 60.0


def test_on_virtual_time_it_is_the_loops() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        at, _, loop_at = runner.run(read())
    assert at == loop_at == 0.0


def test_it_is_the_machines_again_after_virtual_time_and_in_other_threads_meanwhile() -> None:
    async def elsewhere() -> float:
        with ThreadPoolExecutor(1) as threads:
            return threads.submit(now).result()

    before = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert before <= runner.run(elsewhere()) <= now() <= time.monotonic()
        assert runner.run(read())[0] == 0.0
