"""Fits what `headworks probe` saw: log-normal times with the 95 % intervals of their median and of their spread.

Theory. The logarithms of log-normal times are normal: Student's t gives the interval of their mean, chi-squared that of
their standard deviation. Twenty calls know the median to some 20 % and the spread to some 40 %, and nothing of the tail
beyond the 95th percentile; so a hosted model keeps the tail that is assumed of all of them (`building.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import exp, log, sqrt
from statistics import fmean, stdev

from scipy.special import chdtri, stdtrit

from headworks.system.schema.system import Fault
from headworks.system.speeds.measurements import MIN_ANSWERS, CallSample, Estimate, Measurement, Spread
from headworks.twin.models.fit import FAULTS
from headworks.twin.models.vendor_model import Latency

CONFIDENCE = 0.95


def fit_spread(seconds: Sequence[float]) -> Spread | None:
    """The log-normal of some times; None where there are fewer than `MIN_ANSWERS`."""
    count = len(seconds)
    if count < MIN_ANSWERS:
        return None
    logs = [log(max(one, 1e-6)) for one in seconds]
    middle, sigma = fmean(logs), stdev(logs)
    reach = float(stdtrit(count - 1, 0.5 + CONFIDENCE / 2)) * sigma / sqrt(count)
    ends = [float(chdtri(count - 1, 0.5 - sign * CONFIDENCE / 2)) for sign in (1, -1)]
    low, high = (sigma * sqrt((count - 1) / one) for one in ends)
    return Spread(
        median=Estimate(value=exp(middle), low=exp(middle - reach), high=exp(middle + reach)),
        sigma=Estimate(value=sigma, low=low, high=high),
    )


def fit_probe(
    samples: Sequence[CallSample], limits: dict[str, str], *, asked: str, at: float, place: str
) -> Measurement:
    """What is kept of the calls to one target."""
    return Measurement(
        asked=asked,
        at=at,
        place=place,
        calls=len(samples),
        answered=sum(1 for one in samples if not one.error),
        first_token=fit_spread([one.first_token for one in samples if one.first_token is not None]),
        per_token=fit_spread([one.per_token for one in samples if one.per_token is not None]),
        failures=dict(sorted(Counter(one.error for one in samples if one.error).items())),
        limits=limits,
        samples=list(samples),
    )


def latencies(spread: Spread, tail: float | None) -> tuple[Latency, Latency, Latency]:
    """The time as it was measured, and at the fast and the slow end of its intervals."""
    median, sigma = spread.median, spread.sigma
    return (
        Latency(median=median.value, sigma=sigma.value, tail=tail),
        Latency(median=median.low, sigma=sigma.low, tail=tail),
        Latency(median=median.high, sigma=sigma.high, tail=tail),
    )


def measured_faults(measured: Measurement) -> dict[Fault, float]:
    """The shares of failures that were seen; empty where none was. A 429 is about the limits of an account, and those are in the
    file."""
    seen: dict[Fault, float] = {}
    for error, count in measured.failures.items():
        kind = FAULTS.get(error)
        if kind is not None and kind != "rate_limited":
            seen[kind] = seen.get(kind, 0.0) + count / measured.calls
    return seen
