from math import ceil
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.policy.budget import EMPTY, INFINITE, AttemptBudget, RetryBudget
from headworks.policy.circuit import Breaking, Circuit


def circuit() -> Circuit:
    return Circuit(Breaking(failures=1), Random(1))


def trip(broken: Circuit, now: float) -> None:
    broken.end(broken.enter(now), "failure", now)


def paid(retry_budget: RetryBudget, times: int, now: float) -> int:
    return sum(retry_budget.withdraw(now) for _ in range(times))


def test_a_pool_that_is_seldom_asked_has_its_reserve() -> None:
    budget = AttemptBudget()
    assert paid(budget, 20, 1000.0) == 10
    assert paid(budget, 20, 1000.5) == 5
    assert paid(budget, 200, 2000.0) == 10


def test_every_call_that_went_well_pays_for_one() -> None:
    budget = AttemptBudget()
    for _ in range(30):
        budget.deposit(1000.0)
    assert paid(budget, 100, 1000.0) == 30 + 10
    assert repr(budget) == "AttemptBudget(30 paid, 30 deposited in 10 s)"


def test_a_deposit_is_good_for_ten_seconds() -> None:
    for after, good in ((0.0, True), (9.9, True), (10.0, False), (500.0, False)):
        budget = AttemptBudget()
        for _ in range(5):
            budget.deposit(1000.0)
        assert paid(budget, 100, 1000.0 + after) == (15 if good else 10)


def test_while_a_circuit_is_open_a_fifth_and_what_was_paid_before_counts() -> None:
    broken = circuit()
    budget = AttemptBudget([circuit(), broken])
    for _ in range(100):
        budget.deposit(1000.0)
    assert paid(budget, 15, 1000.0) == 15
    trip(broken, 1000.0)
    assert paid(budget, 100, 1000.0) == 5 + 10
    broken.end(broken.enter(1006.0), "success", 1006.0)
    assert paid(budget, 200, 1006.0) == 80 + 10


def test_an_instant_before_the_latest_counts_as_the_latest() -> None:
    budget = AttemptBudget(reserve=1)
    budget.deposit(1000.0)
    budget.deposit(900.0)
    assert paid(budget, 10, 1009.9) == 2 + 1
    assert paid(budget, 10, 900.0) == 0
    budget.deposit(900.0)
    assert repr(budget) == "AttemptBudget(2 paid, 3 deposited in 10 s)"
    budget.deposit(1010.0)
    assert repr(budget) == "AttemptBudget(2 paid, 2 deposited in 10 s)"


def test_a_clock_that_goes_back_a_little_does_not_shorten_a_deposits_time() -> None:
    budget = AttemptBudget(reserve=1)
    budget.deposit(1000.0)
    budget.deposit(999.5)
    assert paid(budget, 3, 999.5) == 2 + 1
    assert repr(budget) == "AttemptBudget(2 paid, 2 deposited in 10 s)"
    budget.deposit(1009.5)
    assert repr(budget) == "AttemptBudget(2 paid, 3 deposited in 10 s)"
    assert budget.withdraw(1000.0)
    assert repr(budget) == "AttemptBudget(3 paid, 3 deposited in 10 s)"
    assert budget.withdraw(1010.0), "from the reserve"
    assert repr(budget) == "AttemptBudget(1 paid, 1 deposited in 10 s)"


@pytest.mark.parametrize(("retry_budget", "pays", "name"), [(EMPTY, False, "EMPTY"), (INFINITE, True, "INFINITE")])
def test_the_constants_stay_what_they_are(retry_budget: RetryBudget, pays: bool, name: str) -> None:
    for _ in range(100):
        retry_budget.deposit(0.0)
        assert retry_budget.withdraw(0.0) is pays
    assert repr(retry_budget) == name


STEPS = st.lists(st.tuples(st.floats(0, 4), st.integers(0, 30), st.integers(0, 60)), min_size=1, max_size=40)


@given(steps=STEPS, is_open=st.booleans(), start=st.floats(0, 1e6))
def test_law_what_is_paid_is_bounded_in_any_time(
    steps: list[tuple[float, int, int]], is_open: bool, start: float
) -> None:
    """paid <= share * deposits in the time or the ten seconds before + reserve * (t + 1)"""
    broken, now = circuit(), start
    if is_open:
        trip(broken, start)
    budget = AttemptBudget([broken])
    history: list[tuple[float, int, int]] = []
    for after, deposits, wanted in steps:
        now += after
        for _ in range(deposits):
            budget.deposit(now)
        history.append((now, deposits, paid(budget, wanted, now)))
    share = 0.2 if is_open else 1.0
    for first, (since, _, _) in enumerate(history):
        total = 0
        for last in range(first, len(history)):
            until = history[last][0]
            total += history[last][2]
            deposited = sum(deposits for at, deposits, _ in history[: last + 1] if at > since - 10.0)
            assert total <= share * deposited + 10 * (until - since + 1) + 1e-3


@given(
    calls=st.lists(
        st.tuples(st.floats(0, 0.2), st.sampled_from([0.0, 0.3, 1.0]), st.integers(1, 3)), min_size=1, max_size=150
    ),
    seed=st.integers(0, 99),
)
def test_law_attempts_stay_below_twice_the_calls_and_ten_a_second(
    calls: list[tuple[float, float, int]], seed: int
) -> None:
    """The way in which layers use it: one attempt, paid retries in each of `tiers`, the first fallback free."""
    budget, rng, now, attempts = AttemptBudget(), Random(seed), 50.0, 0
    for after, failing, tiers in calls:
        now += after
        made, fails = 0, True
        for tier in range(tiers):
            if tier > 1 and not budget.withdraw(now):
                break
            made += 1
            fails = rng.random() < failing
            for _ in range(2):
                if not fails or not budget.withdraw(now):
                    break
                made += 1
                fails = rng.random() < failing
            if not fails:
                break
        if made == 1 and not fails:
            budget.deposit(now)
        attempts += made
    assert attempts <= 2 * len(calls) + 10 * ceil(now - 50.0 + 1)


def test_a_deposit_is_taken_back_where_the_answer_broke_off() -> None:
    retry_budget = AttemptBudget(reserve=1)
    retry_budget.deposit(0.5)
    retry_budget.deposit(1.5)
    retry_budget.retract(0.5)
    assert [retry_budget.withdraw(1.6) for _ in range(3)] == [True, True, False]  # what is left, and the reserve


def test_a_deposit_that_has_lapsed_or_never_was_is_not_taken_back() -> None:
    retry_budget = AttemptBudget(reserve=1)
    retry_budget.deposit(0.5)
    retry_budget.deposit(20.5)
    retry_budget.retract(0.5)
    retry_budget.retract(19.5)
    assert retry_budget._deposited == 1
    EMPTY.retract(0.0)
