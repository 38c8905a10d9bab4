"""The number of a bucket: never more than N at once, nor N + N * t / period in t seconds, also where estimates are put right."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.policy.gcra import EMPTY, corrected, left, taken, wait


def test_a_full_bucket_pays_out_its_size_at_once_and_then_one_an_interval() -> None:
    number = EMPTY
    for _ in range(60):
        assert wait(number, 1, 60, 60.0, 100.0) == 0.0
        number = taken(number, 1, 1.0, 100.0)
    assert wait(number, 1, 60, 60.0, 100.0) == pytest.approx(1.0)
    assert wait(number, 1, 60, 60.0, 101.0) == 0.0


def test_more_than_the_size_is_never_paid_out() -> None:
    assert wait(EMPTY, 61, 60, 60.0, 0.0) == float("inf")


def test_left_says_what_could_be_taken() -> None:
    number = taken(EMPTY, 20, 1.0, 5.0)
    assert left(EMPTY, 60, 60.0, 5.0) == 60
    assert left(number, 60, 60.0, 5.0) == 40
    assert left(number, 60, 60.0, 15.5) == 50
    assert left(taken(number, 60, 1.0, 5.0), 60, 60.0, 5.0) == 0


def test_what_was_not_used_is_given_back_at_once() -> None:
    number = taken(EMPTY, 50, 1.0, 0.0)
    assert left(corrected(number, 50, 10, 1.0, 0.0, 0.0), 60, 60.0, 0.0) == 50


def test_what_was_refilled_meanwhile_is_not_given_back_again() -> None:
    number = taken(EMPTY, 60, 1.0, 0.0)
    number = taken(number, 6, 1.0, 50.0)
    # Had nothing been taken at 0, the bucket would have been full at 50, and would now hold 54.
    assert left(corrected(number, 60, 0, 1.0, 0.0, 50.0), 60, 60.0, 50.0) == 54


def test_what_was_used_beyond_the_estimate_is_a_debt() -> None:
    number = taken(EMPTY, 60, 1.0, 0.0)
    number = corrected(number, 60, 90, 1.0, 0.0, 0.0)
    assert left(number, 60, 60.0, 0.0) == 0
    assert wait(number, 1, 60, 60.0, 0.0) == pytest.approx(31.0)


@given(
    size=st.integers(1, 50),
    calls=st.lists(
        st.tuples(st.floats(0, 20), st.integers(1, 50), st.floats(0, 1), st.floats(0, 100)), min_size=1, max_size=25
    ),
)
def test_law_what_is_used_never_exceeds_the_bucket_whatever_is_taken_and_given_back(
    size: int, calls: list[tuple[float, int, float, float]]
) -> None:
    """Each call: seconds after the one before it, tokens it takes, the part it uses, seconds until that is known."""
    period = 60.0
    interval = period / size
    number, at = EMPTY, 0.0
    pending: list[tuple[float, float, int, float]] = []
    used: list[tuple[float, float]] = []
    for pause, amount, part, after in calls:
        at += pause
        for known in sorted(one for one in pending if one[0] <= at):
            number = corrected(number, known[2], known[3], interval, known[1], known[0])
        pending = [one for one in pending if one[0] > at]
        if wait(number, amount, size, period, at) > 0:
            continue
        number = taken(number, amount, interval, at)
        used.append((at, amount * part))
        pending.append((at + after, at, amount, amount * part))
    for first, last in combinations(range(len(used)), 2):
        span = used[last][0] - used[first][0]
        total = sum(amount for _, amount in used[first : last + 1])
        assert total <= size + size * span / period + 1e-4
    assert all(amount <= size + 1e-4 for _, amount in used)
