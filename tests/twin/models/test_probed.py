"""What a probe's calls are fitted to: their intervals hold what is true, as often as they say."""

from __future__ import annotations

from math import exp
from random import Random

import pytest

from headworks.system.speeds.measurements import CallSample
from headworks.twin.models.probed import fit_probe, fit_spread, latencies, measured_faults

SEEDS = 1000


def test_intervals_of_twenty_calls_hold_the_truth_in_95_of_100() -> None:
    held = {"median": 0, "sigma": 0}
    for seed in range(SEEDS):
        rng = Random(seed)
        spread = fit_spread([0.3 * exp(0.5 * rng.gauss(0.0, 1.0)) for _ in range(20)])
        assert spread is not None
        held["median"] += spread.median.low <= 0.3 <= spread.median.high
        held["sigma"] += spread.sigma.low <= 0.5 <= spread.sigma.high
    # 950 are expected; 21 are three standard deviations of a binomial.
    assert all(929 <= count <= 971 for count in held.values())


def test_four_times_are_too_few() -> None:
    assert fit_spread([0.1, 0.2, 0.3, 0.4]) is None
    assert fit_spread([0.1, 0.2, 0.3, 0.4, 0.5]) is not None


def test_equal_times_have_no_spread() -> None:
    spread = fit_spread([0.25] * 20)
    assert spread is not None
    assert spread.median.value == pytest.approx(0.25)
    assert spread.median.low == pytest.approx(0.25)
    assert spread.sigma.high == 0.0


def test_the_ends_are_faster_and_steadier_and_slower_and_wilder() -> None:
    rng = Random(1)
    spread = fit_spread([exp(rng.gauss(0.0, 0.4)) for _ in range(20)])
    assert spread is not None
    value, fast, slow = latencies(spread, 2.5)
    assert fast.at(95) < value.at(95) < slow.at(95)
    assert value.tail == 2.5


def test_failures_are_counted_by_kind_and_a_429_is_no_fault_of_the_vendors() -> None:
    samples = [CallSample(prompt=1, output=9, first_token=0.1, per_token=0.01)] * 16
    samples += [CallSample(prompt=1, error=error) for error in ("Failed", "Failed", "Throttled", "Cut")]
    found = fit_probe(samples, {}, asked="", at=0.0, place="lab")
    assert (found.calls, found.answered) == (20, 16)
    assert found.failures == {"Cut": 1, "Failed": 2, "Throttled": 1}
    assert measured_faults(found) == {"cut": 0.05, "server_error": 0.1}


def test_no_failure_in_twenty_calls_says_nothing_of_rare_ones() -> None:
    found = fit_probe([CallSample(prompt=1)] * 20, {}, asked="", at=0.0, place="lab")
    assert measured_faults(found) == {}
    assert not found.is_enough
