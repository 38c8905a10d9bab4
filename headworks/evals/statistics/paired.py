"""Two systems on the same samples: what got better less what got worse, in clusters or not.

Theory. Each sample is its own control, so only the samples that changed are looked at (Miller, 2024). Better and worse are
two shares; at the bound that is tested they are the most likely ones that differ by it (Tango, 1998), each has the
intraclass correlation of its own clusters there, and CR2 of the differences stands on top as it does for one share.
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
    up, down = exact.restricted(b, c, bound)
    return exact.p_gap_above(b - c, up, down, times * effective(better, worse, sizes, up, down))


def p_below(better: Floats, worse: Floats, sizes: Floats, bound: float, times: float = 1.0) -> Floats:
    """How probable is a difference so low?"""
    return p_above(worse, better, sizes, -bound, times)


def effective(better: Floats, worse: Floats, sizes: Floats, up: Floats, down: Floats) -> Floats:
    """How many independent pairs each row is worth, if better and worse are truly `up` and `down`."""
    n = sizes.sum()
    if sizes.max() == 1:
        return np.full(len(better), n)
    grown = grouping.mean_size(sizes) - 1
    design_up = 1 + grown * grouping.correlation(better, sizes, up)
    design_down = 1 + grown * grouping.correlation(worse, sizes, down)
    variance = up + down - (up - down) ** 2
    both = up * (1 - up) * design_up + down * (1 - down) * design_down
    both += 2 * up * down * np.sqrt(design_up * design_down)
    gaps = better - worse
    changed, seen = (better + worse).sum(axis=1) / n, gaps.sum(axis=1) / n
    spread = grouping.robust_variance(gaps, sizes)
    with np.errstate(invalid="ignore", divide="ignore"):
        modelled = np.where(both > 0, n * variance / both, n)
        robust = np.where(spread > 0, (changed - seen**2) / spread, n)
    least: Floats = np.minimum(n, np.minimum(modelled, np.where(robust > 0, robust, n)))
    return least
