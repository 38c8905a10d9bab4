"""Confidence intervals of shares, percentiles and means of calls.

Theory. Of a share: Wilson's score interval, which holds for few calls and for shares near 0 and 1, where the plain one is
empty. A percentile is judged by the share of calls within its bound, so both are the same question; its own interval is
between order statistics (the ranks between which the p-th lies). All of them take calls to be independent. Calls that
wait behind each other are not, so near saturation the truth is wider: a longer run, or `headworks plan`, says more.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, inf, sqrt
from statistics import NormalDist, fmean, stdev
from typing import Final

import msgspec

CONFIDENCE: Final = 0.95
Z: Final = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


class Interval(msgspec.Struct, frozen=True):
    """A value and its confidence interval."""

    value: float
    low: float
    high: float


def wilson(good: int, count: int) -> Interval:
    """The share of `good` among `count`; anything between 0 and 1 where there are none."""
    if not count:
        return Interval(0.0, 0.0, 1.0)
    share = good / count
    scale = 1 + Z * Z / count
    middle = (share + Z * Z / (2 * count)) / scale
    half = Z / scale * sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    # At the ends the formula is exact but for the last bit of a float.
    return Interval(share, 0.0 if not good else max(0.0, middle - half), 1.0 if good == count else middle + half)


def percentile(ordered: Sequence[float], percent: float) -> Interval | None:
    """The percentile of values in ascending order; None without values. A bound that needs more values is infinite."""
    count = len(ordered)
    if not count:
        return None
    part = percent / 100
    place = part * (count - 1)
    below = floor(place)
    above = min(below + 1, count - 1)
    value = ordered[below] + (place - below) * (ordered[above] - ordered[below])
    half = Z * sqrt(count * part * (1 - part))
    low, high = floor(count * part - half), ceil(count * part + half) + 1
    return Interval(value, ordered[low - 1] if low >= 1 else 0.0, ordered[high - 1] if high <= count else inf)


def mean(values: Sequence[float]) -> Interval | None:
    """The mean; its interval is infinite for one value."""
    if not values:
        return None
    value = fmean(values)
    half = Z * stdev(values) / sqrt(len(values)) if len(values) > 1 else inf
    return Interval(value, value - half, value + half)
