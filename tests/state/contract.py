"""What every twin of the state must do, whatever it stands on and whichever clock it has: `CHECKS`, each given a fresh one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from headworks.core.clock import wall
from headworks.core.state import Bounds, Budget, Claim, Granted, Places, Rate, Refusal, Spent, State, Subject

AT = 1_800_000_000.0
Check = Callable[[State], Awaitable[None]]


def claim(id: str, *, tokens: int = 0, amount: int = 0, limit: int = 100, places: int = 100, at: float = AT) -> Claim:
    """Of two budgets (the second twice as large), two rates and one kind of place."""
    bounds = Bounds(
        rates=(Rate("rpm/key/a", 100), Rate("tpm/key/a", 1000, "tokens")),
        places=(Places("places/key/a", places),),
        budgets=(Budget("budget/key/a", limit, "1d"), Budget("budget/group/g", 2 * limit, "total")),
    )
    return Claim(id, bounds, tokens, (amount, amount), at)


async def granted(state: State, one: Claim) -> Granted:
    found = await state.take(one)
    assert isinstance(found, Granted), found
    return found


async def refused(state: State, one: Claim) -> Refusal:
    found = await state.take(one)
    assert isinstance(found, Refusal), found
    return found


async def check_what_is_left_is_said(state: State) -> None:
    found = await granted(state, claim("1", tokens=300, amount=40))
    assert found.left == (99, 700)
    assert found.spent == (40, 40)
    assert 0 < found.resets[0] <= 0.61
    assert 0 < found.resets[1] <= 18.01


async def check_a_claim_is_taken_whole_or_not_at_all(state: State) -> None:
    await granted(state, claim("1", tokens=1000, amount=40))
    found = await refused(state, claim("2", tokens=10, amount=40))
    assert found.bound == Rate("tpm/key/a", 1000, "tokens")
    assert found.wait is not None
    assert 0 < found.wait <= 0.61
    assert found.left[0] == 99
    last = await granted(state, claim("3", amount=60))
    assert last.spent == (100, 100)
    assert last.left[0] == 98


async def check_a_place_is_taken_until_it_is_settled_and_settling_twice_is_once(state: State) -> None:
    one = claim("1", places=1)
    first = await granted(state, one)
    found = await refused(state, claim("2", places=1))
    assert found.bound == Places("places/key/a", 1)
    assert found.wait is None
    state.settle(one, first)
    state.settle(one, first)
    await granted(state, claim("3", places=1))
    await refused(state, claim("4", places=1))


async def check_a_budget_admits_its_last_cent_once(state: State) -> None:
    await granted(state, claim("1", amount=100))
    found = await refused(state, claim("2", amount=1))
    assert found.bound == Budget("budget/key/a", 100, "1d")
    assert found.wait is not None
    assert 0 < found.wait <= 86400


async def check_money_is_settled_at_what_it_was(state: State) -> None:
    one = claim("1", amount=100)
    state.settle(one, await granted(state, one), costs=(30, 30))
    assert (await granted(state, claim("2", amount=70))).spent == (100, 100)


async def check_money_that_nobody_knows_of_is_spent_as_reserved(state: State) -> None:
    one = claim("1", amount=80)
    state.settle(one, await granted(state, one))
    assert (await granted(state, claim("2", amount=20))).spent == (100, 100)
    await refused(state, claim("3", amount=1))


async def check_a_reservation_grows_where_there_is_room_in_all_budgets(state: State) -> None:
    one = claim("1", amount=40)
    first = await granted(state, one)
    assert await state.reserve(one, (90, 90)) is None
    assert await state.reserve(one, (101, 101)) == Budget("budget/key/a", 100, "1d")
    await refused(state, claim("2", amount=11))
    state.settle(one, first, costs=(0, 0))
    await granted(state, claim("3", amount=100))


async def check_more_than_was_reserved_is_counted_too(state: State) -> None:
    one = claim("1", amount=10)
    state.settle(one, await granted(state, one), costs=(150, 150))
    await refused(state, claim("2", amount=1))


async def check_a_new_window_begins_anew_and_a_total_never(state: State) -> None:
    await granted(state, claim("1", amount=100))
    await granted(state, claim("2", amount=100, at=AT + 86400))
    found = await refused(state, claim("3", amount=1, at=AT + 2 * 86400))
    assert found.bound == Budget("budget/group/g", 200, "total")
    assert found.wait == float("inf")


async def check_tokens_that_were_not_used_are_given_back(state: State) -> None:
    one = claim("1", tokens=1000)
    state.settle(one, await granted(state, one), tokens=100)
    found = await granted(state, claim("2", tokens=800))
    assert 100 <= found.left[1] <= 120


async def check_tokens_beyond_the_estimate_are_owed(state: State) -> None:
    one = claim("1", tokens=10)
    state.settle(one, await granted(state, one), tokens=1500)
    found = await refused(state, claim("2", tokens=1))
    assert found.wait is not None
    assert found.wait > 25


async def check_what_the_records_say_is_spent(state: State) -> None:
    day = int(AT // 86400) * 86400
    await state.restore([Spent("budget/key/a", "1d", day, 95), Spent("budget/group/g", "total", 0, 120)])
    await refused(state, claim("1", amount=6))
    assert (await granted(state, claim("2", amount=5))).spent == (100, 125)


async def check_a_subject_has_one_account_whoever_asks(state: State) -> None:
    ada, nobody = Subject("user/key/a", "ada".ljust(32, "0"), AT, 60.0), Subject("user/key/a", "", AT, 60.0)
    for _ in range(2):
        assert await state.admit((ada, nobody)) == (f"user/key/a/{ada.name}", "user/key/a/")
    assert await state.admit(()) == ()


async def check_what_a_session_spent_counts_in_its_account(state: State) -> None:
    one = Subject("session/key/a", "5e".ljust(32, "0"), AT, 7 * 86400.0)
    await state.restore([Spent("", "total", 0, 60, 604800, one), Spent("calls/", "total", 0, 3, 604800, one)])
    [account] = await state.admit((one,))
    budgets = (Budget(account, 100, "total", 604800), Budget(f"calls/{account}", 4, "total", 604800))
    first = Claim("1", Bounds(budgets=budgets), 0, (40, 1), AT)
    assert (await granted(state, first)).spent == (100, 4)
    found = await refused(state, Claim("2", Bounds(budgets=budgets), 0, (0, 1), AT))
    assert (found.bound, found.wait) == (budgets[1], float("inf"))


async def check_a_session_that_was_silent_for_its_life_begins_anew(state: State) -> None:
    async def asked(name: str, number: int, at: float) -> Granted | Refusal:
        [account] = await state.admit((Subject("session/key/a", name.ljust(32, "0"), at, 3600.0),))
        bounds = Bounds(budgets=(Budget(account, 100, "total", 3600), Budget(f"calls/{account}", 2, "total", 3600)))
        one = Claim(str(number), bounds, 0, (40, 1), at)
        found = await state.take(one)
        if isinstance(found, Granted):
            state.settle(one, found, costs=(40, 1))
        return found

    at = wall()
    for number, ago in enumerate((100, 90)):
        assert isinstance(await asked("a", number, at - ago), Granted)
    assert isinstance(await asked("a", 3, at - 80), Refusal)
    for number, ago in ((4, 8000), (5, 0)):
        found = await asked("5e", number, at - ago)
        assert isinstance(found, Granted)
        assert found.spent == (40, 1)


async def check_all_that_was_spent_is_restored_however_much_it_is(state: State) -> None:
    subjects = [Subject("user/key/a", f"{number:032x}", AT, 7 * 86400.0) for number in range(2500)]
    await state.restore([Spent("", "total", 0, 60, 604800, one) for one in subjects])
    for one in (subjects[0], subjects[1200], subjects[-1]):
        [account] = await state.admit((one,))
        bounds = Bounds(budgets=(Budget(account, 100, "total", 604800),))
        assert (await granted(state, Claim(one.name, bounds, 0, (10,), AT))).spent == (70,)


CHECKS: tuple[Check, ...] = tuple(found for name, found in sorted(globals().items()) if name.startswith("check_"))
