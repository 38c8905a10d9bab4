"""Exact tails: of a count of right answers, and of a difference of two systems on the same samples.

Theory. k of n independent answers are right. How probable are so many if the true share is the bound? The binomial
distribution says it, and the bounds at which the answer is 2.5 % are Clopper and Pearson's interval; as a beta
distribution both exist for any real k and n, so that n may be an effective number (Korn and Graubard, 1998).
A difference of paired answers counts b that got better and c that got worse. What it would look like at the bound is the
most likely pair of shares that differ by the bound (Tango, 1998). Tango takes the normal distribution for the rest, and
that is wrong where changes are few and go one way. Here the tail is Poisson's with the same three first moments; where one
of the two shares is zero at the bound, it is the binomial's, exactly.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, gammainc, gammaincc, ndtr

Floats: TypeAlias = NDArray[np.float64]

TINY = 1e-12
SYMMETRIC = 1e6
"""Poisson means beyond which the normal distribution is the same."""


def p_above(share: Floats, n: Floats, bound: Floats | float) -> Floats:
    """How probable is a share so high among `n`, if the truth is at the bound?"""
    right = np.clip(share, 0, 1) * n
    inside = np.clip(bound, TINY, 1 - TINY)
    found = np.where(right > TINY, betainc(np.maximum(right, TINY), np.maximum(n - right, 0) + 1, inside), 1.0)
    return np.where(np.asarray(bound) >= 1, 1.0, np.where((np.asarray(bound) <= 0) & (right > 0), 0.0, found))


def p_below(share: Floats, n: Floats, bound: Floats | float) -> Floats:
    """How probable is a share so low?"""
    return p_above(1 - share, n, 1 - np.asarray(bound, dtype=np.float64))


def clopper_pearson(share: float, n: float, confidence: float) -> tuple[float, float]:
    """The bounds at which either tail is (1 - confidence) / 2."""
    right, tail = share * n, (1 - confidence) / 2
    low = float(betaincinv(right, n - right + 1, tail)) if right > TINY else 0.0
    high = float(1 - betaincinv(n - right, right + 1, tail)) if n - right > TINY else 1.0
    return low, high


def restricted_mle(better: Floats, worse: Floats, bound: float) -> tuple[Floats, Floats]:
    """The most likely shares of better and of worse whose difference is `bound` (-1 < bound < 1)."""
    linear = better * (1 + 3 * bound) + worse * (1 + bound) + 2 * (1 - better - worse) * bound
    root = np.sqrt(np.maximum(linear**2 - 8 * better * bound * (1 + bound), 0))
    up = np.clip((linear + root) / 4, max(0.0, bound), (1 + bound) / 2)
    return up, up - bound


def p_gap_above(gap: Floats, up: Floats, down: Floats, n: Floats) -> Floats:
    """How probable is a difference so high among `n` pairs, if better and worse are truly `up` and `down`?"""
    bound, changed = up - down, up + down
    variance = changed - bound**2
    skew = bound - 3 * bound * changed + 2 * bound**3
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # Differences come in steps of 1 / n, Poisson's in smaller ones: half of what is missing of the correction for it.
        step = 1 - np.minimum(1, np.abs(skew) / np.maximum(variance, TINY))
        gap = gap - np.where((up > TINY) & (down > TINY), step / (4 * n), 0)
        normal = ndtr((bound - gap) / np.sqrt(variance / n))
        rate = n * variance**3 / skew**2
        count = rate + (gap - bound) * n * variance / skew
        high = np.where(count > 0, gammainc(np.maximum(count, TINY), rate), 1.0)
        low = np.where(count > -1, gammaincc(np.maximum(count + 1, TINY), rate), 0.0)
        found = np.where((rate > SYMMETRIC) | ~np.isfinite(rate), normal, np.where(skew > 0, high, low))
    found = np.where(up <= TINY, p_below(np.clip(-gap, 0, 1), n, down), found)
    found = np.where(down <= TINY, p_above(np.clip(gap, 0, 1), n, up), found)
    return np.where(variance <= TINY, np.where(gap > bound + TINY, 0.0, 1.0), np.nan_to_num(found, nan=1.0))
