"""Samples that belong together: how many independent samples they are worth.

Theory. Answers about one document are right or wrong together, so 600 answers about 20 documents say less than 600 answers
about 600. If the shares of right answers of the clusters are beta-distributed, two answers of one cluster have the same
intraclass correlation r everywhere, and n answers are worth n / (1 + (m - 1) r) independent ones, where m = sum of squared
sizes / n (Kish). r is the one that makes the data most likely if the share were at the bound that is tested: at the bound,
not at the share that was seen. Where few answers are wrong the data that was seen says nearly nothing of r; what would have
to be true for the bound to hold does. On top of it stands the cluster-robust variance CR2 (Bell and McCaffrey, 2002), which
assumes no distribution: where it is larger, it counts.

Always true: never worth more than the samples that there are. Functions take many evaluations at once, one a row, so that
the simulations of `tests/soak` run the code that judges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from headworks.evals.statistics.exact import Floats

Clusters = NDArray[np.intp]

FEWEST = 5
"""Clusters below which nothing is said: the simulated tables begin here."""

LARGEST = 0.5
"""The share of the samples that one cluster may hold: beyond it the result is that of one cluster, whatever the others say."""

CORRELATIONS: Floats = np.array(
    [1e-6, .004, .008, .012, .02, .03, .04, .05, .065, .08, .1, .12, .15, .18, .21, .25, .3, .35, .4, .45, .5, .55, .6, .65,
     .7, .8, .9, .97, .9999]
)  # fmt: skip
"""Where the likelihood of r is looked at; between them a parabola finds its top."""


def sums_and_sizes(values: Floats, clusters: Clusters) -> tuple[Floats, Floats]:
    """The clusters' sums of scores, and their sizes."""
    _, index = np.unique(clusters, return_inverse=True)
    sums: Floats = np.bincount(index, weights=values).astype(np.float64)
    return sums, np.bincount(index).astype(np.float64)


def cannot_say(sizes: Floats) -> str:
    """Why nothing is said of samples in such clusters; "" where something is."""
    if 0 < len(sizes) < FEWEST:
        return f"only {len(sizes)} cluster{'s' if len(sizes) > 1 else ''}: {FEWEST} at least"
    if len(sizes) and (largest := sizes.max() / sizes.sum()) > LARGEST:
        return f"{100 * largest:.0f} % of the samples are one cluster"
    return ""


def mean_size(sizes: Floats) -> float:
    """The size of the cluster of a sample drawn at random: what Kish's design effect grows with."""
    return float((sizes**2).sum() / sizes.sum())


def intraclass_correlation(sums: Floats, sizes: Floats, share: Floats | float) -> Floats:
    """The most likely intraclass correlation of each row of `sums`, if its true share were `share`."""
    return most_likely(likelihoods(sums, sizes, share))


def likelihoods(sums: Floats, sizes: Floats, share: Floats | float) -> Floats:
    """The log-likelihood of each row of `sums` at each of CORRELATIONS. A share of 0 or 1 says nothing of them."""
    many = sizes > 1
    likely = np.zeros((len(sums), len(CORRELATIONS)))
    at = np.broadcast_to(np.asarray(share, dtype=np.float64), (len(sums),))
    for one in np.unique(at) if many.any() else ():
        if 0 < one < 1:
            chosen = at == one
            likely[chosen] = _likelihoods(sums[chosen][:, many], sizes[many], float(one))
    return likely


def most_likely(likely: Floats) -> Floats:
    """The correlation at each row's highest likelihood: the top of a parabola through the highest and its neighbours."""
    best = likely.argmax(axis=1)
    middle = np.clip(best, 1, len(CORRELATIONS) - 2)
    row = np.arange(len(likely))
    before, top, after = (likely[row, middle + step] for step in (-1, 0, 1))
    bend = before - 2 * top + after
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = np.where(bend < 0, np.clip(0.5 * (before - after) / bend, -1, 1), 0.0)
    found = np.interp(middle + shift, np.arange(len(CORRELATIONS)), CORRELATIONS)
    return np.where(best == 0, 0.0, np.where(best == len(CORRELATIONS) - 1, CORRELATIONS[-1], found))


def _likelihoods(sums: Floats, sizes: Floats, share: float) -> Floats:
    """The beta-binomial log-likelihood of each row at each correlation. Equal clusters are looked up, not counted again."""
    kinds, index = np.unique(sizes * 2.0**24 + sums, return_inverse=True)
    size = np.floor(kinds / 2.0**24)
    right = (kinds - size * 2.0**24)[:, None]
    strength = 1 / CORRELATIONS - 1
    a, b = share * strength, (1 - share) * strength
    size = size[:, None]
    table = gammaln(right + a) - gammaln(a) + gammaln(size - right + b) - gammaln(b)
    table += gammaln(strength) - gammaln(size + strength)
    rows, each = len(sums), len(kinds)
    flat = (np.arange(rows)[:, None] * each + index.reshape(sums.shape)).ravel()
    found: Floats = np.bincount(flat, minlength=rows * each).reshape(rows, each) @ table
    return found


def robust_variance(sums: Floats, sizes: Floats) -> Floats:
    """CR2, the variance of each row's mean: unbiased where samples are independent, whatever the clusters' sizes."""
    weights = sizes / sizes.sum()
    means = sums.sum(axis=1, keepdims=True) / sizes.sum()
    off = sums / sizes - means
    found: Floats = (off**2) @ (weights**2 / np.maximum(1 - weights, 1e-12))
    return found


def effective_samples(sums: Floats, sizes: Floats, share: Floats | float) -> Floats:
    """How many independent samples each row is worth where its true share is `share`."""
    n = sizes.sum()
    if sizes.max() == 1:
        return np.full(len(sums), n)
    worth = n / (1 + (mean_size(sizes) - 1) * intraclass_correlation(sums, sizes, share))
    seen = sums.sum(axis=1) / n
    spread = robust_variance(sums, sizes)
    with np.errstate(invalid="ignore", divide="ignore"):
        robust = np.where(spread > 0, seen * (1 - seen) / spread, n)
    least: Floats = np.minimum(worth, np.where(robust > 0, robust, n))
    return least
