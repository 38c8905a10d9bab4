"""Differences of two systems on the same samples: against the likelihood itself, and a fixed part of tests/soak's tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from headworks.evals.statistics import exact, paired
from headworks.evals.statistics import intervals as stats
from tests.soak import clustered
from tests.soak.test_clusters import changed


@pytest.mark.parametrize("bound", [-0.3, -0.03, 0.0, 0.2])
def test_at_the_bound_the_shares_are_the_most_likely_ones(bound: float) -> None:
    for better, worse in ((0.05, 0.1), (0.0, 0.02), (0.3, 0.0), (0.25, 0.25)):
        up, down = exact.restricted_mle(np.array([better]), np.array([worse]), bound)

        def unlikely(at: float, better: float = better, worse: float = worse) -> float:
            shares = np.maximum([at, at - bound, 1 - 2 * at + bound], 1e-12)
            return -float(np.dot([better, worse, 1 - better - worse], np.log(shares)))

        best = minimize_scalar(unlikely, bounds=(max(0.0, bound), (1 + bound) / 2), method="bounded")
        assert up[0] == pytest.approx(best.x, abs=2e-4)
        assert up[0] - down[0] == pytest.approx(bound)


def test_intervals_are_near_the_published_ones_of_tango() -> None:
    """6 better, 16 worse of 161: -12.40 to -0.54 points (Fagerland, Lydersen and Laake, 2017, chapter 8; Cavo et al., 2012).

    Tango's takes the normal distribution; ours has the skew and half of the correction for steps of 1 / n.
    """
    found = stats.difference(np.r_[np.ones(6), -np.ones(16), np.zeros(139)], None)
    assert found.low == pytest.approx(-0.1240, abs=0.004)
    assert found.high == pytest.approx(-0.0054, abs=0.004)


def test_without_a_change_the_tail_is_the_binomial_one() -> None:
    nothing, sizes = np.zeros((1, 100)), np.ones(100)
    assert paired.p_above(nothing, nothing, sizes, -0.03)[0] == pytest.approx(0.97**100)
    assert paired.p_below(nothing, nothing, sizes, 0.03)[0] == pytest.approx(0.97**100)
    assert paired.p_above(nothing, nothing, sizes, 0.0)[0] == 1.0
    assert paired.p_above(nothing, nothing, sizes, 1.0)[0] == 1.0
    assert paired.p_above(nothing, nothing, sizes, -1.0)[0] == 0.0


@pytest.mark.parametrize("n", [50, 95, 142, 400])
@pytest.mark.parametrize("up", [0.0, 0.02, 0.1])
def test_not_three_points_worse_is_rarely_said_of_what_is(n: int, up: float) -> None:
    """One-sided changes too: all of those that changed got worse."""
    rng = np.random.default_rng(n)
    runs = 4000
    counts = rng.multinomial(n, [up, up + 0.03, 1 - 2 * up - 0.03], runs)
    kinds, index = np.unique(counts[:, :2], axis=0, return_inverse=True)
    better, worse = (np.c_[one, np.zeros((len(kinds), n - 1))] for one in kinds.T.astype(np.float64))
    holds = paired.p_above(better, worse, np.ones(n), -0.03)[index.ravel()] <= 0.05
    assert holds.mean() <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5


@pytest.mark.parametrize(
    ("kind", "count", "size"),
    [("equal 0.7", 20, "10 each"), ("only worse 0.03", 20, "30 each"), ("2 % and 5 %", 10, "1 to 19")],
)
@pytest.mark.parametrize("icc", [0.0, 0.3])
def test_a_difference_of_clusters_at_its_bound_is_rarely_judged(kind: str, count: int, size: str, icc: float) -> None:
    rng = np.random.default_rng(count)
    runs, sizes = 300, clustered.sizes_of(size, count)
    better, worse, truth = changed(rng, kind, sizes, icc, runs)
    for tail in (paired.p_above, paired.p_below):
        assert np.mean(tail(better, worse, sizes, truth) <= 0.05) <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5


def test_a_difference_of_clusters_is_seen_where_there_is_one() -> None:
    rng = np.random.default_rng(9)
    sizes = clustered.sizes_of("10 each", 40)
    better, worse, _ = changed(rng, "2 % and 5 %", sizes, 0.0, 200)
    assert np.mean(paired.p_above(better, worse, sizes, -0.1) <= 0.05) > 0.95
    assert np.mean(paired.p_below(better, worse, sizes, 0.05) <= 0.05) > 0.95
