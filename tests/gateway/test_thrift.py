"""Memory is given back when many calls have become few, and at no other time."""

from __future__ import annotations

import asyncio

import pytest

from headworks.core.clock import now
from headworks.core.vtime import run_virtual
from headworks.gateway.thrift import Thrift, give_back


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
    kept = Thrift(lambda: 0)
    assert [count for count in counts if kept.is_over(count)] == given


def test_it_looks_until_it_is_cancelled() -> None:
    counts = iter([200, 200, 3, 2])
    given: list[float] = []

    async def give_back() -> None:
        given.append(now())

    async def run() -> None:
        task = asyncio.create_task(Thrift(lambda: next(counts), give_back).keep())
        await asyncio.sleep(4.5)
        task.cancel()

    run_virtual(run())
    assert given == [3.0]


def test_the_c_library_is_asked_where_there_is_one() -> None:
    asyncio.run(give_back())
