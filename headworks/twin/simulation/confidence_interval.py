"""Confidence intervals of values from a few independent runs."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt

import msgspec
import numpy as np
from scipy.special import ndtri, stdtrit

CONFIDENCE = 0.95


class Interval(msgspec.Struct, frozen=True):
    """A value and its confidence interval."""

    value: float
    low: float
    high: float


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The mean of independent runs, by Student's t. The interval of one run is infinite."""
    value = float(np.mean(values))
    if len(values) < 2:
        return Interval(value, -inf, inf)
    half = float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * float(np.std(values, ddof=1)) / sqrt(len(values))
    return Interval(value, value - half, value + half)


def proportion_interval(values: Sequence[float], counted: int, confidence: float = CONFIDENCE) -> Interval:
    """The mean of shares over runs of `counted` calls in all: never surer than that many calls allow (Wilson)."""
    by_runs = mean_interval(values, confidence)
    p, z = by_runs.value, float(ndtri((1 + confidence) / 2))
    middle = (p + z * z / (2 * counted)) / (1 + z * z / counted)
    half = z / (1 + z * z / counted) * sqrt(p * (1 - p) / counted + z * z / (4 * counted * counted))
    low, high = min(by_runs.low, middle - half), max(by_runs.high, middle + half)
    return Interval(p, max(0.0, low), min(1.0, high))


def quantile_interval(values: Sequence[float], confidence: float = 0.90) -> Interval:
    """The median of many values, and the interval that contains `confidence` of them (a prediction interval)."""
    low, value, high = np.quantile(np.asarray(values), [(1 - confidence) / 2, 0.5, (1 + confidence) / 2])
    return Interval(float(value), float(low), float(high))
