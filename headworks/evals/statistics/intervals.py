"""Shares and differences of shares, with their error bars.

Theory. A suite's samples stand for all the inputs like them, so a share of right answers is an estimate, and every
number here has an interval: every truth that the data does not refute. What refutes is an exact tail (`exact.py`), so one
share of independent samples has Clopper and Pearson's interval. Where samples belong together they are worth fewer
independent ones, and how many depends on the truth that is asked about (`clusters.py`). Two systems on the same samples:
each sample is its own control, so the differences are what is looked at (`paired.py`). Where the clusters are too few, or
one of them is most of the samples, an estimate says so and has no interval.

Every interval here holds for a number of samples that was fixed before anybody looked. For looks in between:
`sequential.py`. How often they hold: docs/evals/coverage.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, comb, sqrt

import msgspec
import numpy as np
from scipy.special import ndtri, stdtrit
from statsmodels.stats.contingency_tables import mcnemar

from headworks.evals.statistics import clusters as grouping
from headworks.evals.statistics import exact
from headworks.evals.statistics import paired as pairs
from headworks.evals.statistics.clusters import Clusters
from headworks.evals.statistics.exact import Floats

FEW_DISCORDANT = 25
"""Discordant pairs below which McNemar's chi-square is too far from its distribution, and the exact test is used."""

DIFFERENCE_VARIANCE = 1 / 9
"""Variance of the difference of two systems' expected scores on a sample, where nobody has measured it (Miller, 2024)."""

SCANNED = 8
"""Truths that are tried before the bound is looked for between two of them: the outermost that is not refuted counts."""

HALVINGS = 18


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A share or a difference with its interval. n: samples. clusters: 0 where none are named.

    effective: the independent samples that they are worth. cannot_say: why there is no interval (it is the whole range
    then), or "".
    """

    value: float
    low: float
    high: float
    se: float
    n: int
    clusters: int = 0
    effective: float = 0.0
    cannot_say: str = ""


class ClusterSums(msgspec.Struct, frozen=True):
    """Scores by cluster: sums and sizes. Without clusters each sample is one of its own. is_named: there are clusters."""

    sums: Floats
    sizes: Floats
    is_named: bool

    @property
    def n(self) -> int:
        return int(self.sizes.sum())

    @property
    def mean(self) -> float:
        return float(self.sums.sum() / self.sizes.sum())

    @property
    def cannot_say(self) -> str:
        return grouping.cannot_say(self.sizes) if self.is_named else ""


def cluster_sums(values: Floats, clusters: Clusters | None) -> ClusterSums:
    """Scores by cluster."""
    if clusters is None:
        return ClusterSums(values, np.ones(len(values)), False)
    return ClusterSums(*grouping.sums_and_sizes(values, clusters), True)


def share(values: Floats, clusters: Clusters | None, confidence: float = 0.95) -> Estimate:
    """A share with its interval. `values` may be means, where samples were asked several times."""
    seen = cluster_sums(values, clusters)
    count = len(seen.sizes) if seen.is_named else 0
    if not len(values):
        return Estimate(value=0.0, low=0.0, high=1.0, se=0.5, n=0)
    worth = effective_samples(seen)
    value = seen.mean
    known = Estimate(
        value=value, low=0.0, high=1.0, se=_share_error(seen), n=seen.n, clusters=count, effective=worth,
        cannot_say=seen.cannot_say,
    )  # fmt: skip
    if known.cannot_say:
        return known
    if seen.sizes.max() == 1:
        low, high = exact.clopper_pearson(value, seen.n, confidence)
    else:
        tail = (1 - confidence) / 2
        low = _interval_end(lambda truth: share_p_values(seen, truth)[0], 0.0, value, tail)
        high = _interval_end(lambda truth: share_p_values(seen, truth)[1], 1.0, value, tail)
    return msgspec.structs.replace(known, low=low, high=high)


def _share_error(seen: ClusterSums) -> float:
    if not seen.is_named:
        return sqrt(max(0.0, seen.mean * (1 - seen.mean)) / seen.n)
    return sqrt(float(grouping.robust_variance(seen.sums[None], seen.sizes)[0]))


def effective_samples(seen: ClusterSums) -> float:
    """The independent samples that these are worth, if the share that was seen is the truth."""
    if not 0 < seen.mean < 1:  # all alike: so may all samples of a cluster be
        return seen.n / grouping.mean_size(seen.sizes)
    return float(grouping.effective_samples(seen.sums[None], seen.sizes, seen.mean)[0])


def share_p_values(seen: ClusterSums, bound: float, times: float = 1.0) -> tuple[float, float]:
    """How probable a share so high is, and one so low, if the truth is at the bound. Small says that it is above, or below.

    times: as if there were so many times the clusters, with the same shares.
    """
    worth = times * grouping.effective_samples(seen.sums[None], seen.sizes, bound)
    at = np.array([seen.mean])
    return float(exact.p_above(at, worth, bound)[0]), float(exact.p_below(at, worth, bound)[0])


def difference(gap: Floats, clusters: Clusters | None, confidence: float = 0.95) -> Estimate:
    """The mean of paired differences."""
    seen = cluster_sums(gap, clusters)
    count = len(seen.sizes) if seen.is_named else 0
    if not len(gap):
        return Estimate(value=0.0, low=-1.0, high=1.0, se=0.5, n=0)
    value, n = seen.mean, seen.n
    error = sqrt(float(grouping.robust_variance(seen.sums[None], seen.sizes)[0])) if len(seen.sizes) > 1 else 0.0
    variance = float(np.abs(gap).sum()) / n - value**2
    worth = min(float(n), variance / error**2) if error else n / grouping.mean_size(seen.sizes)
    known = Estimate(
        value=value, low=-1.0, high=1.0, se=error, n=n, clusters=count, effective=worth, cannot_say=seen.cannot_say
    )
    if known.cannot_say:
        return known
    changed = changes(gap, clusters)
    tail = (1 - confidence) / 2
    low = _interval_end(lambda truth: difference_p_values(changed, truth)[0], -1.0, value, tail)
    high = _interval_end(lambda truth: difference_p_values(changed, truth)[1], 1.0, value, tail)
    return msgspec.structs.replace(known, low=low, high=high)


def changes(gap: Floats, clusters: Clusters | None) -> tuple[ClusterSums, ClusterSums]:
    """What got better and what got worse, by cluster."""
    return cluster_sums(np.maximum(gap, 0.0), clusters), cluster_sums(np.maximum(-gap, 0.0), clusters)


def difference_p_values(
    changed: tuple[ClusterSums, ClusterSums], bound: float, times: float = 1.0
) -> tuple[float, float]:
    """As `share_p_values`, of paired differences."""
    better, worse = (one.sums[None] for one in changed)
    sizes = changed[0].sizes
    return (
        float(pairs.p_above(better, worse, sizes, bound, times)[0]),
        float(pairs.p_below(better, worse, sizes, bound, times)[0]),
    )


def _interval_end(tail_at: Callable[[float], float], end: float, seen: float, tail: float) -> float:
    """The truth between `end` and what was seen that is farthest from it and not refuted."""
    refuted, kept = end, seen
    for step in range(SCANNED):
        truth = end + (seen - end) * step / SCANNED
        if tail_at(truth) > tail:
            kept = truth
            break
        refuted = truth
    for _ in range(HALVINGS):
        middle = (refuted + kept) / 2
        refuted, kept = (refuted, middle) if tail_at(middle) > tail else (middle, kept)
    return kept


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """Two systems on the same samples, `ours` minus `theirs`.

    se_unpaired: what the standard error were if the samples were not the same. better, worse: the discordant pairs.
    chi2: McNemar's test, uncorrected; p_exact: the binomial test on the discordant pairs; neither knows clusters, so they are
    None where there are any. p: of the one of these two that fits their number; with clusters, of the test that knows them;
    None where nothing can be said.
    """

    difference: Estimate
    ours: float
    theirs: float
    correlation: float
    se_unpaired: float
    better: int
    worse: int
    chi2: float | None
    p: float | None
    p_exact: float | None


def paired(ours: Floats, theirs: Floats, clusters: Clusters | None = None, confidence: float = 0.95) -> Paired:
    """The difference of two systems on the same samples, and whether it may be chance."""
    gap = ours - theirs
    better, worse = int((gap > 0).sum()), int((gap < 0).sum())
    found = difference(gap, clusters, confidence)
    known: tuple[float | None, float | None, float | None]
    if clusters is None:
        known = _mcnemar(better, worse)
    else:
        known = (None, None if found.cannot_say else p_of_change(gap, clusters), None)
    spread = float(ours.std() * theirs.std())
    errors = [_mean_error(one, clusters) for one in (ours, theirs)]
    return Paired(
        difference=found,
        ours=float(ours.mean()),
        theirs=float(theirs.mean()),
        correlation=float(np.mean((ours - ours.mean()) * (theirs - theirs.mean())) / spread) if spread else 0.0,
        se_unpaired=sqrt(errors[0] + errors[1]),
        better=better,
        worse=worse,
        chi2=known[0],
        p=known[1],
        p_exact=known[2],
    )


def _mcnemar(better: int, worse: int) -> tuple[float, float, float]:
    """McNemar's chi-square, the p-value to show, and the exact one. Pairs that agree do not count in any of them."""
    if not better + worse:
        return 0.0, 1.0, 1.0
    table = [[0, better], [worse, 0]]
    plain, binomial = mcnemar(table, exact=False, correction=False), mcnemar(table, exact=True)
    shown = binomial if better + worse < FEW_DISCORDANT else plain
    return float(plain.statistic), float(shown.pvalue), float(binomial.pvalue)


def _mean_error(values: Floats, clusters: Clusters | None) -> float:
    """The variance of a mean."""
    seen = cluster_sums(values, clusters)
    return float(grouping.robust_variance(seen.sums[None], seen.sizes)[0]) if len(seen.sizes) > 1 else 0.0


def p_of_change(gap: Floats, clusters: Clusters | None) -> float:
    """How probable a difference so large is by chance, two-sided."""
    return min(1.0, 2 * min(difference_p_values(changes(gap, clusters), 0.0)))


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


def standard_errors(clusters: float = 0, confidence: float = 0.95, power: float = 0.8) -> float:
    """Standard errors that a true difference must be away from nothing to be seen with this power."""
    chances = ((1 + confidence) / 2, power)
    return float(sum(stdtrit(clusters - 1, one) if clusters > 1 else ndtri(one) for one in chances))


def items_needed(
    gap: float, variance: float = DIFFERENCE_VARIANCE, confidence: float = 0.95, power: float = 0.8
) -> int:
    """Samples with which a true difference of `gap` is seen four times in five: ((z_a + z_b) / gap)^2 variance."""
    return ceil(standard_errors(0, confidence, power) ** 2 * variance / gap**2)


def detectable_difference(
    n: float, clusters: float = 0, variance: float = DIFFERENCE_VARIANCE, confidence: float = 0.95, power: float = 0.8
) -> float:
    """The smallest true difference that `n` independent samples, or samples worth so many, see four times in five.

    clusters: as many of one size as these are worth, where there are any; few of them add the doubt about their own spread.
    """
    return min(1.0, standard_errors(clusters, confidence, power) * sqrt(variance / n))


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """What some samples can show. clusters: 0 where none are named. effective: the independent samples that they are worth.
    gap_seen: the smallest difference that can be detected; None where the clusters say nothing."""

    clusters: int
    effective: float
    gap_seen: float | None


def power_of(values: Floats, clusters: Clusters | None) -> Power:
    """What these samples can show of a difference, if differences belong together as much as the scores do."""
    if not len(values):
        return Power(clusters=0, effective=0.0, gap_seen=1.0)
    seen = cluster_sums(values, clusters)
    worth = effective_samples(seen)
    if not seen.is_named:
        return Power(clusters=0, effective=worth, gap_seen=detectable_difference(worth))
    balanced = seen.n / grouping.mean_size(seen.sizes)
    found = None if seen.cannot_say else detectable_difference(worth, balanced)
    return Power(clusters=len(seen.sizes), effective=worth, gap_seen=found)
