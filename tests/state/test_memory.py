"""The state of one process: the contract, and budgets and places under any interleaving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core.clock import wall
from headworks.core.state import Bounds, Budget, Claim, Granted, Places, Rate
from headworks.core.vtime import run_virtual
from headworks.state.memory import Memory
from tests.laws import examples
from tests.state.contract import CHECKS, Check


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_contract(check: Check) -> None:
    async def run() -> None:
        await check(Memory())

    run_virtual(run())


async def caller(
    state: Memory, number: int, rng: Random, bounds: Bounds, spent: dict[int, int], look: Callable[[], None]
) -> None:
    """One call over several attempts, which costs at most what it reserved, and may die without a word. Looks after each step."""
    await asyncio.sleep(rng.random() * 7200)
    at = wall()
    amount = rng.randrange(1, 400)
    one = Claim(str(number), bounds, rng.randrange(1, 100), (amount, amount), at)
    found = await state.take(one)
    look()
    if not isinstance(found, Granted):
        return
    for _ in range(rng.randrange(3)):
        await asyncio.sleep(rng.random() * 100)
        if await state.reserve(one, (amount + 100, amount + 100)) is None:
            amount += 100
        look()
    await asyncio.sleep(rng.random() * 100)
    cost = None if rng.random() < 0.1 else rng.randrange(amount + 1)
    spent[number] = amount if cost is None else cost
    state.settle(one, found, tokens=rng.randrange(100), costs=None if cost is None else (cost, cost))
    look()


@settings(max_examples=examples(40), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_law_overrun_is_zero_under_any_interleaving(seed: int) -> None:
    state = Memory()
    bounds = Bounds(
        rates=(Rate("rpm", 60), Rate("tpm", 2000, "tokens")),
        places=(Places("places", 5),),
        budgets=(Budget("hour", 1500, "1h"), Budget("all", 4000, "total")),
    )
    spent: dict[int, int] = {}
    most = {"places": 0}

    def look() -> None:
        most["places"] = max(most["places"], state.in_use.get("places", 0))
        for budget in bounds.budgets:
            assert sum(state.spent(budget, wall())) <= budget.limit

    async def run() -> None:
        callers = [caller(state, number, Random(f"{seed}/{number}"), bounds, spent, look) for number in range(150)]
        await asyncio.gather(*callers)

    run_virtual(run())
    assert sum(spent.values()) <= 4000
    assert 0 < most["places"] <= 5
    assert state.held == {}
    assert state.in_use["places"] == 0
    assert state.spent(bounds.budgets[1], 0.0) == (sum(spent.values()), 0)


def test_accounts_of_windows_that_passed_are_dropped() -> None:
    state = Memory()
    bounds = Bounds(budgets=(Budget("b", 10, "1h"),))
    for hour in range(100):
        one = Claim(str(hour), bounds, 0, (10,), hour * 3600.0)

        async def run(one: Claim = one) -> None:
            found = await state.take(one)
            assert isinstance(found, Granted)
            state.settle(one, found)

        run_virtual(run())
    assert len(state._accounts) <= 3
