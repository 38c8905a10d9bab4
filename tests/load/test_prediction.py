"""Intervals in which a further run lies, whatever the shape of its numbers and whatever they have in common."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from headworks.load.prediction import RUNS, Row, Spread, prediction_intervals, with_intervals
from headworks.load.verdict import ComparedValue

TIME, SHARE, COST = ("p95", "duration"), ("up", "availability"), ("each", "cost_per_call")


def run(rng: Random) -> dict[Row, float]:
    """Skewed times, a share that is seldom below one, and a cost that goes with the time."""
    slow = rng.gauss(0.0, 0.5)
    lost = 0.002 * (rng.random() < 0.1)
    return {TIME: 2.0 * 2.718**slow, SHARE: 1.0 - lost, COST: 0.01 * (1 + 0.05 * slow + 0.02 * rng.random())}


def test_all_numbers_of_a_further_run_lie_inside_19_times_of_20() -> None:
    rng = Random(1)
    outside = 0
    for _ in range(60):
        runs, further = [run(rng) for _ in range(RUNS)], run(rng)
        intervals = prediction_intervals(runs, [TIME, SHARE, COST])
        outside += any(not low <= further[row] <= high for row, (low, high) in intervals.items())
    assert 0.01 <= outside / 60 <= 0.10


def test_the_intervals_are_not_wider_than_that_needs() -> None:
    rng = Random(2)
    intervals = prediction_intervals([run(rng) for _ in range(RUNS)], [TIME])
    low, high = intervals[TIME]
    # 95 of 100 lie between 0.75 and 5.3.
    assert 0.4 < low < 1.0
    assert 4.0 < high < 9.0


def test_a_number_that_never_varies_has_no_width_and_one_that_differs_is_outside() -> None:
    runs = [{SHARE: 1.0}] * RUNS
    assert prediction_intervals(runs, [SHARE]) == {SHARE: (1.0, 1.0)}
    rows = [
        ComparedValue(what="up", metric="availability", predicted=1.0, measured=measured, error=0.0)
        for measured in (1.0, 0.99)
    ]
    assert [one.within for one in with_intervals(rows, runs)] == [True, False]


def test_a_share_ends_at_one() -> None:
    rng = Random(3)
    runs = [{SHARE: 0.9 + 0.1 * rng.random()} for _ in range(RUNS)]
    assert prediction_intervals(runs, [SHARE])[SHARE][1] == 1.0


def test_values_around_zero_are_compared_by_their_differences() -> None:
    runs = [{TIME: float(number)} for number in range(RUNS)]
    low, high = prediction_intervals(runs, [TIME])[TIME]
    assert 0 <= low < 3
    assert 55 < high < 80


def test_what_some_run_does_not_have_has_no_interval_and_too_few_runs_have_none() -> None:
    runs: list[dict[Row, float]] = [{TIME: 1.0 + number, COST: 1.0} for number in range(RUNS)]
    del runs[7][TIME]
    assert set(prediction_intervals(runs, [TIME, COST, SHARE])) == {COST}
    row = ComparedValue(what="p95", metric="duration", predicted=1.0, measured=1.0, error=0.0)
    assert with_intervals([row], runs)[0].within is None
    assert prediction_intervals(runs[:18], [COST]) == {}
    assert prediction_intervals([], [COST]) == {}


def test_a_spread_has_two_sides() -> None:
    spread = Spread.of([1.0, 2.0, 2.0, 2.0, 6.0])
    assert (spread.middle, spread.deviation(2.0)) == (2.0, 0.0)
    assert spread.deviation(4.0) == pytest.approx(2.0 / spread.above)
    assert spread.above == pytest.approx(4 * spread.below)
    assert Spread.of([2.0, 2.0]).deviation(3.0) == inf
