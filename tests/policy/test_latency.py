from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.policy.latency import LatencyWindow

SAMPLES = st.lists(st.tuples(st.floats(0, 50), st.floats(0, 100)), max_size=80)


def test_nothing_is_known_of_an_empty_window() -> None:
    window = LatencyWindow()
    assert len(window) == 0
    assert window.estimate(100.0) == 0.0
    assert window.percentile(95) is None


def test_one_slow_answer_is_noticed_at_once_and_forgotten_slowly() -> None:
    window = LatencyWindow(decay=10.0)
    window.record(1.0, 100.0)
    window.record(9.0, 100.1)
    assert window.estimate(100.1) == 9.0
    window.record(1.0, 110.1)
    assert window.estimate(110.1) == pytest.approx(9 * exp(-1) + 1 * (1 - exp(-1)))


def test_a_target_that_nobody_asks_looks_better_with_time() -> None:
    window = LatencyWindow(decay=10.0)
    window.record(4.0, 100.0)
    assert window.estimate(110.0) == pytest.approx(4 * exp(-1))
    assert window.estimate(99.0) == 4.0


def test_samples_of_one_instant_do_not_lower_the_peak() -> None:
    window = LatencyWindow()
    window.record(4.0, 100.0)
    window.record(1.0, 100.0)
    window.record(1.0, 99.0)
    assert window.estimate(100.0) == 4.0


@pytest.mark.parametrize(("percent", "value"), [(1, 1), (7, 7), (50, 50), (95, 95), (99.5, 100), (100, 100)])
def test_percentiles_are_nearest_ranks(percent: float, value: float) -> None:
    window = LatencyWindow()
    for sample in reversed(range(1, 101)):
        window.record(sample, 0.0)
    assert window.percentile(percent) == value


def test_only_the_latest_samples_count() -> None:
    window = LatencyWindow(size=4)
    for sample in range(1, 11):
        window.record(sample, 0.0)
    assert len(window) == 4
    assert [window.percentile(percent) for percent in (25, 50, 75, 100)] == [7, 8, 9, 10]


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_a_percentile_that_does_not_exist_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        LatencyWindow().percentile(percent)


@pytest.mark.parametrize(("size", "decay"), [(0, 1.0), (1, 0.0)])
def test_a_window_that_could_not_remember_is_refused(size: int, decay: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        LatencyWindow(size, decay)


@given(samples=SAMPLES, size=st.integers(1, 20), percent=st.floats(0.1, 100))
def test_law_a_percentile_is_the_rank_in_what_came_last(
    samples: list[tuple[float, float]], size: int, percent: float
) -> None:
    window, now = LatencyWindow(size), 0.0
    for after, seconds in samples:
        now += after
        window.record(seconds, now)
    latest = [seconds for _, seconds in samples][-size:]
    found = window.percentile(percent)
    if found is None:
        assert not latest
    else:
        assert found in latest
        assert sum(sample <= found for sample in latest) * 100 >= percent * len(latest) * (1 - 1e-12)
        assert sum(sample < found for sample in latest) * 100 < percent * len(latest) * (1 + 1e-12)


@given(samples=SAMPLES)
def test_law_the_estimate_is_at_least_the_last_sample_and_at_most_the_largest(
    samples: list[tuple[float, float]],
) -> None:
    window, now, largest = LatencyWindow(), 0.0, 0.0
    for after, seconds in samples:
        now += after
        before = window.estimate(now)
        window.record(seconds, now)
        largest = max(largest, seconds)
        estimate = window.estimate(now)
        assert min(seconds, before) * (1 - 1e-9) <= estimate <= largest * (1 + 1e-9)
        assert estimate >= seconds * (1 - 1e-9)
        assert window.estimate(now + 1.0) <= estimate


def test_the_fastest_says_something_only_of_enough_answers_and_not_for_ever() -> None:
    window = LatencyWindow()
    for number in range(19):
        window.record(1.0 + number, 10.0)
    assert window.least(10.0) == 0.0
    window.record(5.0, 10.0)
    assert window.least(10.0) == window.least(70.0) == 1.0
    assert window.least(70.1) == 0.0
