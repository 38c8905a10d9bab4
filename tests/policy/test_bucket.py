from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.policy.bucket import TokenBucket

SIZES = st.integers(1, 2_000_000)
STEPS = st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50)), max_size=60)
STARTS = st.floats(0, 1e7)


def test_it_starts_full_and_gives_what_it_holds_at_once() -> None:
    bucket = TokenBucket(3)
    assert [bucket.take(1, 100.0) for _ in range(4)] == [True, True, True, False]


def test_it_refills_evenly_and_not_beyond_its_size() -> None:
    bucket = TokenBucket(60)
    assert bucket.take(60, 0.0)
    assert not bucket.take(1, 0.9)
    assert bucket.take(1, 1.0)
    assert bucket.take(60, 3600.0)
    assert not bucket.take(1, 3600.0)


def test_what_is_refused_costs_nothing() -> None:
    bucket = TokenBucket(10)
    assert not bucket.take(11, 0.0)
    assert bucket.take(10, 0.0)


def test_nothing_can_always_be_taken() -> None:
    bucket = TokenBucket(1)
    assert bucket.take(1, 0.0)
    assert bucket.take(0, 0.0)


@pytest.mark.parametrize(
    ("taken", "amount", "now", "wait"),
    [
        (0, 10, 0.0, 0.0),
        (10, 0, 0.0, 0.0),
        (10, 1, 0.0, 6.0),
        (10, 10, 0.0, 60.0),
        (10, 1, 4.0, 2.0),
        (10, 1, 100.0, 0.0),
        (0, 11, 0.0, float("inf")),
    ],
)
def test_the_wait_is_the_time_until_enough_has_flowed_in(taken: int, amount: int, now: float, wait: float) -> None:
    bucket = TokenBucket(10)
    assert bucket.take(taken, 0.0)
    assert bucket.wait_for(amount, now) == pytest.approx(wait)


def test_a_period_of_its_own() -> None:
    bucket = TokenBucket(10, period=1.0)
    assert bucket.take(10, 0.0)
    assert bucket.wait_for(1, 0.0) == pytest.approx(0.1)


@pytest.mark.parametrize(("size", "period"), [(0, 60.0), (-1, 60.0), (1, 0.0)])
def test_a_bucket_that_could_never_pay_is_refused(size: float, period: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        TokenBucket(size, period)


@given(size=SIZES, start=STARTS, steps=STEPS)
def test_law_never_more_than_the_size_and_what_flowed_in(
    size: int, start: float, steps: list[tuple[float, int]]
) -> None:
    """From any payment to any later one: at most size + size * t / period, within a microsecond's refill."""
    bucket, now = TokenBucket(size), start
    paid: list[tuple[float, int]] = []
    for after, amount in steps:
        now += after
        if bucket.take(amount, now):
            paid.append((now, amount))
    slack = Fraction(size, 60) / 500_000
    for first, (since, _) in enumerate(paid):
        total = 0
        for at, amount in paid[first:]:
            total += amount
            assert total <= size + Fraction(size, 60) * (Fraction(at) - Fraction(since)) + slack


@given(size=SIZES, start=STARTS, steps=STEPS)
def test_law_it_decides_as_a_bucket_that_is_counted(size: int, start: float, steps: list[tuple[float, int]]) -> None:
    """The instant stands for a level: exactly counted, the same calls conform (but within a microsecond's refill)."""
    bucket, now = TokenBucket(size), start
    level, seen_at = Fraction(size), Fraction(start)
    slack = Fraction(size, 60) / 500_000
    for after, amount in steps:
        now += after
        level = min(Fraction(size), level + (Fraction(now) - seen_at) * Fraction(size, 60))
        seen_at = Fraction(now)
        if bucket.take(amount, now):
            assert amount <= level + slack
            level -= amount
        else:
            assert amount > level - slack


@given(size=st.integers(1, 100_000), start=STARTS, steps=STEPS, amount=st.integers(1, 60))
def test_law_who_waits_as_long_as_told_is_let_in(
    size: int, start: float, steps: list[tuple[float, int]], amount: int
) -> None:
    bucket, now = TokenBucket(size), start
    for after, step in steps:
        now += after
        bucket.take(step, now)
    wait = bucket.wait_for(amount, now)
    assert wait >= 0
    if amount > size:
        assert wait == float("inf")
        assert not bucket.take(amount, now + 1e9)
    else:
        assert wait == 0 or not bucket.take(amount, now + wait - 1e-5)
        assert bucket.take(amount, now + wait)


@given(size=st.integers(1, 1000), instants=st.lists(st.floats(0, 1000), min_size=2, max_size=80))
def test_law_a_clock_that_goes_back_pays_nothing_out_twice(size: int, instants: list[float]) -> None:
    """In any order of instants no more is paid than had they come in order, with all that flowed in to the latest."""
    bucket = TokenBucket(size)
    paid = sum(bucket.take(1, now) for now in instants)
    assert paid <= size + Fraction(size, 60) * (Fraction(max(instants)) - Fraction(min(instants))) + 1


@given(size=st.integers(1, 1000), back=st.floats(0, 1e6))
def test_law_once_the_clock_is_where_it_was_all_is_as_before(size: int, back: float) -> None:
    bucket = TokenBucket(size)
    assert bucket.take(size, 1e6)
    assert not bucket.take(1, 1e6 - back)
    assert bucket.take(size, 1e6 + 60.0)


def test_a_long_busy_run_does_not_drift() -> None:
    """Sixteen thousand payments at the limit: the instant is added to, and what rounding adds stays below one token."""
    bucket, paid = TokenBucket(6000), 0
    instants = [step * 0.001 for step in range(100_000)]
    for now in instants:
        while bucket.take(1, now):
            paid += 1
    assert abs(paid - (6000 + 6000 * instants[-1] / 60)) <= 1
