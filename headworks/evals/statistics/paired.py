"""Two systems on the same samples: what got better less what got worse, in clusters or not.

Theory. Each sample is its own control, so only the samples that changed are looked at (Miller, 2024). Better and worse are
two shares; at the bound that is tested they are the most likely ones that differ by it (Tango, 1998). One intraclass
correlation is the most likely of both together there, and CR2 of the differences stands on top as it does for one share.
"""

from __future__ import annotations

import numpy as np

from headworks.evals.statistics import clusters as grouping
from headworks.evals.statistics import exact
from headworks.evals.statistics.exact import Floats


def p_above(better: Floats, worse: Floats, sizes: Floats, bound: float, times: float = 1.0) -> Floats:
    """How probable is a difference so high, if the truth is at the bound? A row an evaluation, a column a cluster.

    times: as if there were so many times the clusters.
    """
    n = sizes.sum()
    b, c = better.sum(axis=1) / n, worse.sum(axis=1) / n
    if not -1 < bound < 1:
        return np.where(b - c > bound, 0.0, 1.0)
    up, down = exact.restricted_mle(b, c, bound)
    return exact.p_gap_above(b - c, up, down, times * effective_pairs(better, worse, sizes, up, down))


def p_below(better: Floats, worse: Floats, sizes: Floats, bound: float, times: float = 1.0) -> Floats:
    """How probable is a difference so low?"""
    return p_above(worse, better, sizes, -bound, times)


def effective_pairs(better: Floats, worse: Floats, sizes: Floats, up: Floats, down: Floats) -> Floats:
    """How many independent pairs each row is worth, if better and worse are truly `up` and `down`."""
    n = sizes.sum()
    if sizes.max() == 1:
        return np.full(len(better), n)
    size = grouping.mean_size(sizes)
    likely = grouping.likelihoods(better, sizes, up) + grouping.likelihoods(worse, sizes, down)
    modelled = n / (1 + (size - 1) * grouping.most_likely(likely))
    gaps = better - worse
    changed, seen = (better + worse).sum(axis=1) / n, gaps.sum(axis=1) / n
    spread = grouping.robust_variance(gaps, sizes)
    with np.errstate(invalid="ignore", divide="ignore"):
        robust = np.where(spread > 0, (changed - seen**2) / spread, n)
    least = np.minimum(modelled, np.where(robust > 0, np.minimum(robust, n), n))
    found: Floats = least * (1 - size / n)  # a few clusters say little of their own spread
    return found
