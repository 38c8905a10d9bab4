"""Memory is given back when many calls have become few, and at no other time."""

from __future__ import annotations

import asyncio

import pytest

from headworks.core.clock import now
from headworks.core.vtime import run_virtual
from headworks.gateway.memory_trim import MemoryTrim, give_back


@pytest.mark.parametrize(
    ("counts", "given"),
    [
        ([0, 1, 0], []),
        ([99, 0], []),
        ([100, 99, 26, 25, 0], [25]),
        ([400, 100, 90, 0, 0], [100, 0]),
        ([400, 0, 300, 0], [0, 0]),
    ],
)
def test_memory_is_given_back_once_a_rush_is_over(counts: list[int], given: list[int]) -> None:
    kept = MemoryTrim(lambda: 0)
    assert [count for count in counts if kept.is_over(count)] == given


@pytest.mark.parametrize(
    ("later", "given"),
    [
        ([(4.12, 0)], [4.15]),  # the first moment without a call
        ([(4.12, 100), (4.2, 0)], [5.15]),  # another rush: its own end is awaited
        ([], [63.0]),  # never idle: all the same, after a while
    ],
)
def test_a_moment_without_calls_is_awaited_until_it_is_cancelled(
    later: list[tuple[float, int]], given: list[float]
) -> None:
    found: list[float] = []
    counts = [(0.0, 200), (2.5, 3), *later]
    began = 0.0

    def in_flight() -> int:
        return [count for at, count in counts if now() - began >= at][-1]

    async def give_back() -> None:
        found.append(round(now() - began, 3))

    async def run() -> None:
        nonlocal began
        began = now()
        task = asyncio.create_task(MemoryTrim(in_flight, give_back).keep())
        await asyncio.sleep(100)
        task.cancel()

    run_virtual(run())
    assert found == given


def test_the_c_library_is_asked_where_there_is_one() -> None:
    asyncio.run(give_back())
