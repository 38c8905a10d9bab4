"""Error bars that hold at every look, however often somebody looks.

Theory. Who looks at Wilson's interval after each batch and stops when it says yes is wrong far more often than one time
in twenty. A test by betting is not (Waudby-Smith and Ramdas, 2023): against "the mean is at most m" a gambler with one
dollar bets a share of it on each sample, K *= 1 + b (x - m). If the claim is true, K is a fair game or a losing one
whatever b in [0, 1/m] is, so it ever reaches 1 / a with a chance of at most a (Ville); if it is false, K grows without
bound. Nobody knows the best b, so the dollar is split evenly over a grid of them: still fair. With fixed bets K depends on
how often each value came and not on the order, so only counts are kept. What is bounded but not 0 or 1 (a difference of
two systems, a cluster's mean) needs nothing else.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

BETS = np.geomspace(0.005, 0.99, 32)
"""Shares of the largest bet that can be lost: from nearly nothing (a small difference, many samples) to nearly all."""

STEPS = 40
"""Halvings when a bound is looked for: 1e-12."""


def evidence(values: Floats, bound: float, times: float = 1.0) -> float:
    """The logarithm of what a dollar has become that was bet against "the mean of these is at most `bound`".

    values: within 0 and 1. times: as if each had come so many times. At most log(1 / a) with a chance of a, at any look, where the claim is true.
    """
    if not len(values) or bound >= 1:
        return 0.0
    kinds, counts = np.unique(values, return_counts=True)
    bets = BETS / max(bound, 1e-12)
    if bound <= 0:  # any sample above zero refutes it
        return float("inf") if kinds[-1] > 0 else 0.0
    grown = np.log1p(np.outer(bets, kinds - bound)) @ (counts * times)
    most = float(grown.max())
    return most + float(np.log(np.mean(np.exp(grown - most))))


def p_above(values: Floats, bound: float, times: float = 1.0) -> float:
    """As `stats.p_above`, valid at any look."""
    return float(np.exp(-max(0.0, evidence(values, bound, times))))


def p_below(values: Floats, bound: float) -> float:
    """As `stats.p_below`, valid at any look."""
    return p_above(1 - values, 1 - bound)


def interval(values: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """Bounds of the mean that hold at all looks together, both with the chance `confidence`."""
    least = float(np.log(2 / (1 - confidence)))
    return _lowest(values, least), 1 - _lowest(1 - values, least)


def _lowest(values: Floats, least: float) -> float:
    """The highest bound that the mean is shown to be above."""
    low, high = 0.0, float(values.mean()) if len(values) else 0.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if evidence(values, middle) >= least else (low, middle)
    return low
