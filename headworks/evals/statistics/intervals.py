"""Shares and differences of shares, with their error bars.

Theory. A suite's samples stand for all the inputs like them, so a share of right answers is an estimate, and every
number here has an interval. One share: Wilson's interval, which inverts the score test and keeps its coverage near 0 and
1, where p ± 1.96 SE does not. Where samples belong together (clusters), they are not independent: the standard error is
that of the clusters' sums (Liang and Zeger, with C / (C - 1)), and t with C - 1 degrees of freedom replaces the normal.
Two systems on the same samples: each sample is its own control, so the differences are what is looked at (Miller, "Adding
Error Bars to Evals", 2024), and McNemar's test looks at the discordant pairs alone. Several verdicts at once: Holm.

Every interval here holds for a number of samples that was fixed before anybody looked. For looks in between:
`sequential.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, comb, sqrt
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

Floats: TypeAlias = NDArray[np.float64]

FEWEST_CLUSTERS = 10
"""Below, clustered standard errors are too small whatever t is used (Cameron and Miller, 2015): nobody can say."""

FEW_DISCORDANT = 25
"""Discordant pairs below which McNemar's chi-square is too far from its distribution, and the exact test is used."""

SPREAD = 1 / 9
"""Variance of the difference of two systems' expected scores on a sample, where nobody has measured it (Miller, 2024)."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A share or a difference with its interval. n: samples. clusters: 0 where none are named."""

    value: float
    low: float
    high: float
    se: float
    n: int
    clusters: int = 0


def wilson(passed: float, n: int, confidence: float = 0.95) -> Estimate:
    """One share of independent samples. `passed` may be a mean times n, where samples were asked several times."""
    if n == 0:
        return Estimate(value=0.0, low=0.0, high=1.0, se=0.5, n=0)
    share = passed / n
    low, high = proportion_confint(passed, n, alpha=1 - confidence, method="wilson")
    return Estimate(value=share, low=float(low), high=float(high), se=sqrt(share * (1 - share) / n), n=n)


def clustered(values: Floats, clusters: NDArray[np.intp], confidence: float = 0.95) -> Estimate:
    """A mean of samples that belong together: t with C - 1 degrees of freedom."""
    n = len(values)
    mean = float(values.mean())
    _, index = np.unique(clusters, return_inverse=True)
    count = int(index.max()) + 1
    sums = np.bincount(index, weights=values - mean)
    se = sqrt(float((sums**2).sum()) * count / max(1, count - 1)) / n
    wide = float(stdtrit(max(1, count - 1), (1 + confidence) / 2)) * se
    return Estimate(value=mean, low=mean - wide, high=mean + wide, se=se, n=n, clusters=count)


def share(values: Floats, clusters: NDArray[np.intp] | None, confidence: float = 0.95) -> Estimate:
    """A share: Wilson's where samples are independent, else the clustered one, within 0 and 1.

    Where every sample ended alike, its clusters have no spread to see; then each cluster counts as one sample of Wilson's.
    """
    if clusters is None or not len(values):
        return wilson(float(values.sum()), len(values), confidence)
    found = clustered(values, clusters, confidence)
    if found.se == 0:
        bound = wilson(found.value * found.clusters, found.clusters, confidence)
        return msgspec.structs.replace(bound, n=len(values), clusters=found.clusters, se=0.0)
    return msgspec.structs.replace(found, low=max(0.0, found.low), high=min(1.0, found.high))


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """Two systems on the same samples, `ours` minus `theirs`.

    se_unpaired: what the standard error were if the samples were not the same. better, worse: the discordant pairs.
    chi2, p: McNemar's test, uncorrected. p_exact: the binomial test on the discordant pairs.
    """

    difference: Estimate
    ours: float
    theirs: float
    correlation: float
    se_unpaired: float
    better: int
    worse: int
    chi2: float
    p: float
    p_exact: float


def paired(ours: Floats, theirs: Floats, clusters: NDArray[np.intp] | None = None, confidence: float = 0.95) -> Paired:
    """The difference of two systems on the same samples, and whether it may be chance."""
    gap = ours - theirs
    better, worse = int((gap > 0).sum()), int((gap < 0).sum())
    both = int(((gap == 0) & (ours > 0)).sum())
    table = [[both, better], [worse, len(gap) - both - better - worse]]
    plain = mcnemar(table, exact=False, correction=False) if better + worse else None
    exact = mcnemar(table, exact=True) if better + worse else None
    spread = float(ours.std() * theirs.std())
    return Paired(
        difference=difference(gap, clusters, confidence),
        ours=float(ours.mean()),
        theirs=float(theirs.mean()),
        correlation=float(np.mean((ours - ours.mean()) * (theirs - theirs.mean())) / spread) if spread else 0.0,
        se_unpaired=sqrt(float(ours.var(ddof=1) + theirs.var(ddof=1)) / len(ours)) if len(ours) > 1 else 0.0,
        better=better,
        worse=worse,
        chi2=float(plain.statistic) if plain else 0.0,
        p=float(plain.pvalue) if plain else 1.0,
        p_exact=float(exact.pvalue) if exact else 1.0,
    )


def difference(gap: Floats, clusters: NDArray[np.intp] | None, confidence: float = 0.95) -> Estimate:
    """The mean of paired differences. Each sample is a cluster of its own where none are named."""
    found = clustered(gap, np.arange(len(gap)) if clusters is None else clusters, confidence)
    if found.se == 0:  # no discordant pair: as many as could be there and not be seen
        room = 1 - ((1 - confidence) / 2) ** (1 / max(1, found.clusters))
        found = msgspec.structs.replace(found, low=found.value - room, high=found.value + room)
    low, high = max(-1.0, found.low), min(1.0, found.high)
    return msgspec.structs.replace(found, low=low, high=high, clusters=0 if clusters is None else found.clusters)


def p_above(found: Estimate, bound: float) -> float:
    """How probable so high a share (or difference) is where the truth is at the bound: small says that it is above."""
    if found.n == 0:
        return 1.0
    if found.clusters:
        if found.se == 0:
            return _score(found.value, found.clusters, bound)
        return float(stdtr(found.clusters - 1, (bound - found.value) / found.se))
    return _score(found.value, found.n, bound)


def p_below(found: Estimate, bound: float) -> float:
    """How probable so low a share is where the truth is at the bound."""
    return p_above(msgspec.structs.replace(found, value=1 - found.value), 1 - bound)


def _score(value: float, n: int, bound: float) -> float:
    """The score test, which Wilson's interval inverts. At a bound of 0 or 1 one sample decides or none does."""
    se = sqrt(bound * (1 - bound) / n)
    if se == 0:
        return 1.0 if value <= bound else 0.0
    return float(ndtr((bound - value) / se))


def p_gap_above(found: Estimate, bound: float) -> float:
    """As `p_above`, of a paired difference."""
    count = found.clusters or found.n
    if found.se == 0:  # all alike: if the truth were `gap` away, so many pairs would hide it with this chance
        gap = found.value - bound
        return 1.0 if gap <= 0 else max(0.0, 1 - gap) ** count
    return float(stdtr(max(1, count - 1), (bound - found.value) / found.se))


def p_gap_below(found: Estimate, bound: float) -> float:
    """As `p_below`, of a paired difference."""
    mirrored = msgspec.structs.replace(found, value=-found.value, low=-found.high, high=-found.low)
    return p_gap_above(mirrored, -bound)


def holm(values: Sequence[float]) -> list[float]:
    """The same p-values, adjusted so that a wrong verdict among all of them is as rare as it would be for one (Holm).

    statsmodels has it too (a test holds this against it), and collects the interpreter's garbage in each call: 40 ms.
    """
    adjusted = [0.0] * len(values)
    highest = 0.0
    for rank, at in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        highest = max(highest, min(1.0, values[at] * (len(values) - rank)))
        adjusted[at] = highest
    return adjusted


def pass_at(right: int, asked: int, k: int) -> float:
    """The chance that at least one of `k` answers is right, from `right` of `asked` (Chen et al., 2021; unbiased)."""
    return 1 - comb(asked - right, k) / comb(asked, k)


def pass_all(right: int, asked: int, k: int) -> float:
    """pass^k: the chance that all of `k` answers are right (Yao et al., 2024; unbiased)."""
    return comb(right, k) / comb(asked, k)


def items_needed(gap: float, variance: float = SPREAD, confidence: float = 0.95, power: float = 0.8) -> int:
    """Samples with which a true difference of `gap` is seen four times in five: ((z_a + z_b) / gap)^2 variance."""
    reach = float(ndtri((1 + confidence) / 2) + ndtri(power))
    return ceil(reach**2 * variance / gap**2)


def gap_seen(n: int, variance: float = SPREAD, confidence: float = 0.95, power: float = 0.8) -> float:
    """The smallest true difference that `n` samples see four times in five."""
    reach = float(ndtri((1 + confidence) / 2) + ndtri(power))
    return reach * sqrt(variance / n)
