"""Steady states, what stands for what, and intervals of percentiles."""

from __future__ import annotations

import numpy as np
import pytest

from headworks.twin.models.random_streams import Floats, generator
from headworks.twin.simulation.confidence_interval import percentile_interval
from headworks.twin.simulation.observations import Observations
from headworks.twin.simulation.steady_state import full_since, is_settled, mser_cut, split, standing_for


def seen(duration: Floats, seconds: float = 100.0) -> Observations:
    """Calls that arrive evenly from 10 s on."""
    count = len(duration)
    return Observations(
        names=["a"],
        alias=np.zeros(count, dtype=np.int64),
        arrived=10 + np.arange(count) * seconds / count,
        first=duration,
        duration=duration,
        is_whole=np.ones(count, dtype=bool),
        is_counted=np.ones(count, dtype=bool),
        cost=np.zeros(count),
        attempts=np.ones(count, dtype=np.int64),
        key=np.full(count, "", dtype=np.str_),
        is_let_in=np.ones(count, dtype=bool),
        seconds=seconds,
    )


def noise(count: int, seed: int = 1) -> Floats:
    return generator(seed, "noise").exponential(1.0, count)


def test_a_series_that_grows_is_not_steady_and_one_that_has_grown_is() -> None:
    growing = [seen(noise(2000, seed) + np.linspace(0, 5, 2000)) for seed in range(3)]
    grown = [seen(noise(2000, seed) + np.minimum(5, np.linspace(0, 25, 2000))) for seed in range(3)]
    steady = [seen(noise(2000, seed)) for seed in range(3)]
    assert [is_settled(runs, [10.0] * 3, 0.0) for runs in (growing, grown, steady)] == [False, True, True]
    assert is_settled(growing, [10.0] * 3, 99.0)  # its last second


def test_what_is_cut_off_is_the_start_that_differs() -> None:
    assert mser_cut(np.array([9.0, 5.0, 1.0, 1.1, 0.9, 1.0, 1.1, 1.0])) == 2
    assert mser_cut(np.array([1.0])) == 0


def test_a_queue_is_full_when_a_call_first_waits_about_as_long_as_it_may() -> None:
    run = seen(np.minimum(50.0, np.arange(100.0)))
    assert full_since(run, 10.0, 50.0) == 45.0
    assert full_since(run, 10.0, 60.0) is None


def test_the_steady_part_stands_for_the_rest_of_the_peak() -> None:
    run = seen(np.arange(100.0))  # one call a second: forty seconds of a ramp, sixty that are steady
    peak = standing_for(run, 10.0, 40.0, 190.0)
    assert (len(peak), peak.seconds) == (190, 190.0)
    assert [int((peak.duration == value).sum()) for value in (0, 39, 40, 69, 70, 99)] == [1, 1, 3, 3, 2, 2]


def test_parts_are_equal_stretches_of_time() -> None:
    parts = split(seen(np.arange(100.0)), 10.0, 4)
    assert [(len(part), part.seconds, part.duration[0]) for part in parts] == [
        (25, 25.0, 0.0), (25, 25.0, 25.0), (25, 25.0, 50.0), (25, 25.0, 75.0),
    ]  # fmt: skip


def correlated(count: int, seed: int) -> Floats:
    """Exponential values of which neighbours are alike for some hundred (a Gaussian copula of an autoregression)."""
    rng = generator(seed, "correlated")
    steps, value, part = rng.standard_normal(count).tolist(), float(rng.standard_normal()), 0.99
    values = []
    for step in steps:
        value = part * value + (1 - part**2) ** 0.5 * step
        values.append(value)
    made: Floats = np.exp(np.array(values))
    return made


def test_an_interval_of_a_percentile_holds_the_length_though_calls_are_alike() -> None:
    truth = float(np.exp(1.6448536269514722))
    inside = narrow = 0
    for number in range(50):
        parts = [correlated(2000, 4 * number + part) for part in range(4)]
        found = percentile_interval(parts, 95)
        inside += found.low <= truth <= found.high
        alone = percentile_interval([np.concatenate(parts)[at::4] for at in range(4)], 95)
        narrow += alone.low <= truth <= alone.high
    assert inside >= 44  # of 50
    assert narrow < 35  # as if the calls were independent


def test_an_interval_that_nobody_saw_the_end_of_is_open() -> None:
    assert percentile_interval([noise(50), noise(50, 2)], 99.9).high == float("inf")
    found = percentile_interval([noise(5000, seed) for seed in range(4)], 99)
    assert found.low < found.value < found.high < 8
    assert found.value == pytest.approx(-np.log(0.01), rel=0.1)
