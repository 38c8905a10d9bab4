"""Confidence intervals of values from a few independent runs."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log, sqrt

import msgspec
import numpy as np
from scipy.special import ndtri, stdtrit

from headworks.twin.models.random_streams import Floats

CONFIDENCE = 0.95


MOST_LOGITS = 30.0
"""How far an interval reaches at most on the logit's scale: 1e-13 of what is left."""


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


def percentile_interval(parts: Sequence[Floats], percentile: float, confidence: float = CONFIDENCE) -> Interval:
    """A percentile of all values of independent parts. Its interval: the share of values up to it is a mean of the parts' (a
    ratio, for they differ in size) with an interval by Student's t, on the logit's scale so that it stays within 0 and 1;
    what lies at its ends is the percentile's (the sectioning of Asmussen and Glynn, Stochastic Simulation, 2007, III.4).
    Never surer than so many independent values would be."""
    values = np.sort(np.concatenate(parts))
    p, count = percentile / 100, len(values)
    value = float(np.quantile(values, p))
    known = [part for part in parts if len(part)]
    if len(known) < 2:
        return Interval(value, -inf, inf)
    sizes = np.array([len(part) for part in known], dtype=float)
    shares = np.array([float((part <= value).mean()) for part in known])
    mean = float((sizes * shares).sum() / count)
    spread = float((sizes**2 * (shares - mean) ** 2).sum()) * len(known) / (len(known) - 1) / count**2
    half = max(
        float(stdtrit(len(known) - 1, (1 + confidence) / 2)) * sqrt(spread),
        float(ndtri((1 + confidence) / 2)) * sqrt(p * (1 - p) / count),
    )
    middle, half = log(p / (1 - p)), min(MOST_LOGITS, half / (p * (1 - p)))
    low, high = (1 / (1 + exp(-end)) for end in (middle - half, middle + half))
    beyond = high > 1 - 1 / count  # nobody saw such a value
    return Interval(value, float(np.quantile(values, low)), inf if beyond else float(np.quantile(values, high)))


def jackknife_interval(value: float, without: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """A value of all runs together, and its interval by what it is without each of them (the delete-one jackknife over
    independent runs, by Student's t: Asmussen and Glynn, Stochastic Simulation, 2007, III.5). Of a mean it is the interval of
    the mean; it holds for percentiles of whole runs, too. Of one run it is infinite."""
    count = len(without)
    if count < 2:
        return Interval(value, -inf, inf)
    spread = sqrt((count - 1) ** 2 / count) * float(np.std(without, ddof=1))
    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * spread
    return Interval(value, value - half, value + half)


def quantile_interval(values: Sequence[float], confidence: float = 0.90) -> Interval:
    """The median of many values, and the interval that contains `confidence` of them (a prediction interval)."""
    low, value, high = np.quantile(np.asarray(values), [(1 - confidence) / 2, 0.5, (1 + confidence) / 2])
    return Interval(float(value), float(low), float(high))
