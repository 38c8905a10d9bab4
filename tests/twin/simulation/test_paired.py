"""The interval of a difference over pairs of runs."""

from __future__ import annotations

import numpy as np
import pytest

from headworks.twin.models.random_streams import generator
from headworks.twin.simulation.confidence_interval import jackknife_interval, mean_interval


def test_of_means_it_is_the_paired_t_interval() -> None:
    pairs = np.array([0.3, -0.1, 0.25, 0.4])
    without = [float(np.delete(pairs, at).mean()) for at in range(4)]
    mine, theirs = jackknife_interval(float(pairs.mean()), without), mean_interval(pairs.tolist())
    assert [mine.low, mine.high] == pytest.approx([theirs.low, theirs.high])


def test_of_one_pair_nothing_is_known() -> None:
    assert jackknife_interval(1.0, []).low == float("-inf")


def test_it_covers_the_difference_of_two_percentiles_in_95_of_100() -> None:
    """Two log-normal latencies that share half of their luck, four runs of 300: 600 times."""
    rng = generator(1, "a test of pairs")
    shared, own, others = rng.standard_normal((3, 600, 4, 300))
    one = np.exp(0.7 * (shared + own) / 2**0.5)
    other = 1.2 * np.exp(0.7 * (shared + others) / 2**0.5)
    truth = 0.2 * np.exp(0.7 * 1.6448536)

    def p95(
        values: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.percentile(values.reshape(600, -1), 95, axis=1)

    whole = p95(other) - p95(one)
    without = [p95(np.delete(other, at, axis=1)) - p95(np.delete(one, at, axis=1)) for at in range(4)]
    held = 0
    for number in range(600):
        found = jackknife_interval(float(whole[number]), [float(part[number]) for part in without])
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 600 <= 0.975  # the standard error of 600 is 0.9 points
