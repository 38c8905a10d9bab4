"""Error bars that hold at every look, however often somebody looks.

Theory. Who looks at an interval for a fixed number of samples after each batch, and stops when it says yes, is wrong far
more often than one time in twenty. A test by betting is not (Waudby-Smith and Ramdas, 2023): against "the mean is at most m"
a gambler with one dollar bets on each sample, K *= 1 + b (x - m). If the claim is true, K is a fair game or a losing one
whatever b in [0, 1/m] is, so it ever reaches 1 / a with a chance of at most a (Ville); if it is false, K grows without
bound. Nobody knows the best b, so the dollar is split evenly over a grid of them: still fair. With fixed bets K depends on
how often each value came and not on the order, so only counts are kept.

Samples of one cluster are one bet: K *= 1 + b (s - m n) for a sum s over n samples, b up to 1 / (m times the largest n).
A cluster so weighs as many samples as it has, and the mean is that of the samples.
"""

from __future__ import annotations

import numpy as np

from headworks.evals.statistics.exact import Floats

BETS = np.geomspace(0.005, 0.99, 32)
"""Shares of the largest bet that can be lost: from nearly nothing (a small difference, many samples) to nearly all."""

STEPS = 40
"""Halvings when a bound is looked for: 1e-12."""


def evidence(sums: Floats, sizes: Floats, bound: float, times: float = 1.0) -> float:
    """The logarithm of what a dollar has become that was bet against "the mean of these is at most `bound`".

    sums, sizes: of each cluster, or of each sample with sizes of 1; scores are within 0 and 1. times: as if each had come so
    many times. At most log(1 / a) with a chance of a, at any look, where the claim is true.
    """
    if not len(sums) or bound >= 1:
        return 0.0
    if bound <= 0:  # any sample above zero refutes it
        return float("inf") if sums.max() > 0 else 0.0
    kinds, counts = np.unique((sums - bound * sizes) / sizes.max(), return_counts=True)
    grown = np.log1p(np.outer(BETS / bound, kinds)) @ (counts * times)
    most = float(grown.max())
    return most + float(np.log(np.mean(np.exp(grown - most))))


def p_above(sums: Floats, sizes: Floats, bound: float, times: float = 1.0) -> float:
    """How probable is a mean so high, if the truth is at the bound? Valid at any look."""
    return float(np.exp(-max(0.0, evidence(sums, sizes, bound, times))))


def p_below(sums: Floats, sizes: Floats, bound: float, times: float = 1.0) -> float:
    """How probable is a mean so low? Valid at any look."""
    return p_above(sizes - sums, sizes, 1 - bound, times)


def interval(sums: Floats, sizes: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """Bounds of the mean that hold at all looks together, both with the chance `confidence`. They contain what was seen."""
    least = float(np.log(2 / (1 - confidence)))
    return _lowest(sums, sizes, least), 1 - _lowest(sizes - sums, sizes, least)


def _lowest(sums: Floats, sizes: Floats, least: float) -> float:
    """The highest bound that the mean is shown to be above."""
    low, high = 0.0, float(sums.sum() / sizes.sum()) if len(sums) else 0.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if evidence(sums, sizes, middle) >= least else (low, middle)
    return low
