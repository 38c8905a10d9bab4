"""What samples in clusters are worth: against reference implementations, and a fixed part of the tables of tests/soak."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import betabinom

from headworks.evals.statistics import clusters as grouping
from headworks.evals.statistics import exact, sequential
from headworks.evals.statistics import intervals as stats
from tests.soak import clustered


def test_the_correlation_is_the_most_likely_one_of_beta_binomial_clusters() -> None:
    rng = np.random.default_rng(1)
    sizes = clustered.sizes_of("1 to 19", 20)
    sums = clustered.answers(rng, 4, sizes, 0.7, 0.3)
    for bound in (0.5, 0.7, 0.9):
        found = grouping.intraclass_correlation(sums, sizes, bound)
        for row, mine in zip(sums, found, strict=True):

            def unlikely(icc: float, row: clustered.Floats = row, bound: float = bound) -> float:
                strength = 1 / icc - 1
                return -float(betabinom.logpmf(row, sizes, bound * strength, (1 - bound) * strength).sum())

            best = minimize_scalar(unlikely, bounds=(1e-4, 0.999), method="bounded")
            assert mine == pytest.approx(best.x, abs=0.01)


def test_the_robust_variance_is_cr2() -> None:
    rng = np.random.default_rng(2)
    sizes = clustered.sizes_of("1 to 19", 9)
    sums = clustered.answers(rng, 1, sizes, 0.6, 0.2)
    index = np.repeat(np.arange(9), sizes.astype(int))
    values = np.concatenate([np.arange(n) < right for n, right in zip(sizes, sums[0], strict=True)]).astype(np.float64)
    n = len(values)
    residuals = values - values.mean()
    meat = 0.0
    for one in range(9):  # Bell and McCaffrey: residuals of a cluster times (I - H)^(-1/2)
        mine = residuals[index == one]
        roots, vectors = np.linalg.eigh(np.eye(len(mine)) - np.full((len(mine), len(mine)), 1 / n))
        meat += float((vectors @ np.diag(roots**-0.5) @ vectors.T @ mine).sum()) ** 2
    assert grouping.robust_variance(sums, sizes)[0] == pytest.approx(meat / n**2)


def test_right_and_wrong_may_be_exchanged() -> None:
    rng = np.random.default_rng(3)
    sizes = clustered.sizes_of("log-normal", 12)
    sums = clustered.answers(rng, 20, sizes, 0.85, 0.3)
    worth = grouping.effective_samples(sums, sizes, 0.8)
    assert worth == pytest.approx(grouping.effective_samples(sizes - sums, sizes, 0.2))
    share = sums.sum(axis=1) / sizes.sum()
    assert exact.p_above(share, worth, 0.8) == pytest.approx(exact.p_below(1 - share, worth, 0.2))


def test_samples_are_never_worth_more_than_they_are() -> None:
    rng = np.random.default_rng(4)
    sizes = clustered.sizes_of("30 each", 10)
    for icc in (0.0, 0.5):
        worth = grouping.effective_samples(clustered.answers(rng, 200, sizes, 0.4, icc), sizes, 0.4)
        assert worth.max() <= 300
    assert worth.mean() < 60


@pytest.mark.parametrize(
    ("count", "kind", "p", "icc"),
    [
        (5, "10 each", 0.1, 0.5),
        (8, "30 each", 0.05, 0.3),
        (10, "10 each", 0.9, 0.3),
        (20, "10 each", 0.9, 0.5),
        (20, "one 50 %", 0.3, 0.3),
        (30, "30 each", 0.02, 0.5),
        (57, "1 to 19", 0.98, 0.3),
    ],
)
def test_a_share_in_clusters_is_covered_and_its_gates_are_rarely_wrong(
    count: int, kind: str, p: float, icc: float
) -> None:
    rng = np.random.default_rng(count)
    runs, sizes = 1000, clustered.sizes_of(kind, count)
    sums = clustered.answers(rng, runs, sizes, p, icc)
    share = sums.sum(axis=1) / sizes.sum()
    worth = grouping.effective_samples(sums, sizes, p)
    above, below = exact.p_above(share, worth, p), exact.p_below(share, worth, p)
    assert np.mean((above > 0.025) & (below > 0.025)) >= 0.93
    noise = 3 * (0.05 * 0.95 / runs) ** 0.5
    assert np.mean(above <= 0.05) <= 0.05 + noise
    assert np.mean(below <= 0.05) <= 0.05 + noise


def test_an_interval_ends_where_its_tails_do() -> None:
    rng = np.random.default_rng(6)
    sizes = clustered.sizes_of("10 each", 20)
    row = clustered.answers(rng, 1, sizes, 0.7, 0.2)[0]
    seen = stats.ClusterSums(row, sizes, True)
    values = (np.tile(np.arange(10), 20) < np.repeat(row, 10)).astype(np.float64)
    found = stats.share(values, np.repeat(np.arange(20), 10))
    assert stats.share_p_values(seen, found.low)[0] == pytest.approx(0.025, abs=1e-3)
    assert stats.share_p_values(seen, found.high)[1] == pytest.approx(0.025, abs=1e-3)


@pytest.mark.parametrize("p", [0.02, 0.05, 0.08, 0.5])
@pytest.mark.parametrize("n", [20, 50, 200])
def test_a_share_of_independent_samples_is_covered_however_rare(n: int, p: float) -> None:
    right = np.arange(n + 1)
    chances = np.array([stats_pmf(k, n, p) for k in right])
    known = [exact.clopper_pearson(k / n, n, 0.95) for k in right]
    covered = sum(chance for chance, (low, high) in zip(chances, known, strict=True) if low <= p <= high)
    assert covered >= 0.95  # Wilson's: 83 % at worst


def stats_pmf(right: int, n: int, p: float) -> float:
    """The binomial chance of so many, as a difference of two of our tails."""
    tails = exact.p_above(np.array([right / n, (right + 1) / n]), np.array([float(n)]), p)
    return float(tails[0] - tails[1]) if right < n else float(tails[0])


@pytest.mark.parametrize("order", ["samples at random", "cluster by cluster"])
def test_looks_at_clusters_of_any_size_are_rarely_wrong(order: str) -> None:
    rng = np.random.default_rng(7)
    sizes = clustered.sizes_of("one 30 %", 12).astype(int)
    index, runs, wrong = np.repeat(np.arange(12), sizes), 40, 0
    for _ in range(runs):
        values = (rng.random(len(index)) < clustered.shares(rng, (1, 12), 0.8, 0.3)[0][index]).astype(np.float64)
        drawn = rng.permutation(len(index)) if order.startswith("s") else np.argsort(rng.permutation(12)[index])
        for look in (0.25, 0.5, 0.75, 1):
            part = drawn[: int(look * len(drawn))]
            sums, counts = grouping.sums_and_sizes(values[part], index[part])
            wrong += min(sequential.p_above(sums, counts, 0.8), sequential.p_below(sums, counts, 0.8)) <= 0.05
    assert wrong <= 2  # of 160; one look in twenty would be 8


def test_a_cluster_weighs_as_many_samples_as_it_has() -> None:
    sums, sizes = np.r_[[100.0] * 6, [1.0] * 60], np.r_[[200.0] * 6, [1.0] * 60]
    low, high = sequential.interval(sums, sizes)
    assert low < 660 / 1260 < high
    assert sequential.p_below(sums, sizes, 0.9) < 0.05  # the mean of the clusters' means is 95 %
    assert sequential.p_above(sums, sizes, 0.9) == 1.0
