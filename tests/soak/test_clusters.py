"""Do the error bars of evaluations in clusters keep their word? Simulated: the tables of docs/evals/coverage.md (`-s`).

About 20 minutes on one core. 10,000 runs a cell where nothing else is said, so a share of 5 % has a standard error of 0.22
points and one of 95 % the same; a bound that a cell must keep has three of them beside it. Seeds are fixed.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import stdtrit

from headworks.evals.statistics import clusters as grouping
from headworks.evals.statistics import exact, sequential
from headworks.evals.statistics import intervals as stats
from headworks.evals.statistics import paired as pairs
from tests.soak import clustered

pytestmark = pytest.mark.soak

RUNS = 10_000
MARGIN = 3 * (0.05 * 0.95 / RUNS) ** 0.5
"""Three standard errors of a share of 5 % over RUNS."""
MARGIN_OF_POWER = 3 * (0.1 * 0.9 / RUNS) ** 0.5
"""Three of a share of 90 %."""

COUNTS = (5, 8, 10, 15, 20, 30, 40, 57)
SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""The other half, to .98, is the same with right and wrong exchanged: a test of the suite holds them equal."""
CORRELATIONS = (0.0, 0.05, 0.1, 0.3, 0.5)


def say(row: str) -> None:
    print(row, flush=True)  # noqa: T201  # the table is what `make soak ARGS=-s` is run for


def share_cell(
    rng: np.random.Generator, sizes: clustered.Floats, p: float, icc: float, kind: str = "beta"
) -> tuple[float, float, float]:
    """How often 95 % intervals cover, and how often a gate at the truth is wrong in each direction."""
    sums = clustered.answers(rng, RUNS, sizes, p, icc, kind)
    seen = sums.sum(axis=1) / sizes.sum()
    worth = grouping.effective_samples(sums, sizes, p)
    above, below = exact.p_above(seen, worth, p), exact.p_below(seen, worth, p)
    covered = float(np.mean((above > 0.025) & (below > 0.025)))
    return covered, float(np.mean(above <= 0.05)), float(np.mean(below <= 0.05))


@pytest.mark.parametrize("count", COUNTS)
def test_a_share_in_clusters_is_covered_and_its_gates_are_rarely_wrong(count: int) -> None:
    """About 6 minutes for all numbers of clusters."""
    rng = np.random.default_rng(count)
    for kind in clustered.SIZES:
        sizes = clustered.sizes_of(kind, count)
        assert not grouping.cannot_say(sizes)
        for icc in CORRELATIONS:
            cells = [share_cell(rng, sizes, p, icc) for p in SHARES]
            least, wrong = min(one[0] for one in cells), max(max(one[1:]) for one in cells)
            each = " ".join(f"{100 * one[0]:.1f}" for one in cells)
            say(f"| {count} | {kind} | {icc:g} | {each.replace(' ', ' | ')} | {100 * wrong:.1f} |")
            assert least >= 0.93
            assert wrong <= 0.05 + MARGIN


@pytest.mark.parametrize("kind", ["logit-normal", "copied"])
def test_clusters_of_other_kinds(kind: str) -> None:
    """About 2 minutes. Where few clusters are of another kind, none of them may have come: no method sees that."""
    rng = np.random.default_rng(len(kind))
    for count, size, icc in product((10, 20, 57), ("10 each", "30 each"), (0.1, 0.3, 0.5)):
        sizes = clustered.sizes_of(size, count)
        cells = [share_cell(rng, sizes, p, icc, kind) for p in SHARES]
        each = " | ".join(f"{100 * one[0]:.1f}" for one in cells)
        wrong = " | ".join(f"{100 * max(one[1:]):.1f}" for one in cells)
        say(f"| {kind} | {count} | {size} | {icc:g} | {each} | {wrong} |")
        for p, cell in zip(SHARES, cells, strict=True):
            if kind == "logit-normal" or (1 - p) ** count < 0.001:
                assert cell[0] >= 0.93


@pytest.mark.parametrize(("count", "size"), list(product((20, 40), (10, 30))))
def test_with_twenty_balanced_clusters_the_interval_is_narrow(count: int, size: int) -> None:
    """About 6 minutes. Widths are of 60 runs, the wild bootstrap's coverage of 2,000."""
    rng = np.random.default_rng(100 * count + size)
    sizes = np.full(count, float(size))
    signs = rng.choice([-1.0, 1.0], size=(399, count))
    index = np.repeat(np.arange(count), size)
    for icc, p in product((0.0, 0.1, 0.3, 0.5), (0.1, 0.2, 0.3, 0.5)):
        sums = clustered.answers(rng, RUNS, sizes, p, icc)
        found = []
        for row in sums[:60]:
            values = (np.tile(np.arange(size), count) < np.repeat(row, size)).astype(np.float64)
            known = stats.share(values, index)
            assert not known.cannot_say
            found.append(known.high - known.low)
        ours = float(np.mean(found))
        others: dict[str, tuple[float, float]] = {}
        for name, method in (("CR2", clustered.t_interval), ("Korn-Graubard", clustered.korn_graubard)):
            low, high = method(sums, sizes)
            others[name] = float(np.mean((low <= p) & (p <= high))), float((high - low)[:60].mean())
        kept = np.concatenate(
            [clustered.wild_p(part, sizes, np.full(len(part), p), signs) > 0.05 for part in np.split(sums[:2000], 4)]
        )
        others["wild"] = float(kept.mean()), clustered.wild_width(sums[:60], sizes, signs)
        covering = {name: width for name, (covered, width) in others.items() if covered >= 0.93}
        narrowest = min(covering.values(), default=ours)
        said = " | ".join(f"{100 * covered:.1f} {100 * width:.1f}" for covered, width in others.values())
        say(f"| {count} | {size} | {icc:g} | {p:g} | {100 * ours:.1f} | {said} | {ours / narrowest:.2f} |")
        assert ours <= 1.3 * narrowest


@pytest.mark.parametrize(("count", "size"), list(product((20, 30, 57), (10, 30))))
def test_a_gate_decides_nearly_as_often_as_an_exact_test_that_knows_the_correlation(count: int, size: int) -> None:
    """About 1 minute. The bound is where an exact test of as many independent answers as these are truly worth has 95 %."""
    rng = np.random.default_rng(1000 * count + size)
    sizes = np.full(count, float(size))
    for icc, p in product((0.0, 0.1, 0.3, 0.5), (0.1, 0.2, 0.3, 0.5)):
        worth = sizes.sum() / (1 + (size - 1) * icc)
        sums = clustered.answers(rng, RUNS, sizes, p, icc)
        seen = sums.sum(axis=1) / sizes.sum()
        right = []
        for above, tail in ((True, exact.p_below), (False, exact.p_above)):
            bound = clustered.exact_bound(p, worth, above=above)
            if bound is None:
                right.append(("-", 1.0))
                continue
            share = float(np.mean(tail(seen, grouping.effective_samples(sums, sizes, bound), bound) <= 0.05))
            right.append((f"{100 * share:.1f} at {bound:.3f}", share))
        say(f"| {count} | {size} | {icc:g} | {p:g} | {right[0][0]} | {right[1][0]} |")
        # With a share of 10 % and few clusters, the exact test is told what the data hardly says: the correlation.
        assert min(one[1] for one in right) >= (0.9 - MARGIN_OF_POWER if p >= 0.2 else 0.8)


def changed(
    rng: np.random.Generator, kind: str, sizes: clustered.Floats, icc: float, runs: int
) -> tuple[clustered.Floats, clustered.Floats, float]:
    """What got better and worse in each cluster, and the true difference."""
    shape = (runs, len(sizes))
    if kind.startswith("equal"):
        p = float(kind.split()[1])
        ours, theirs = (clustered.shares(rng, shape, p, icc) for _ in range(2))
        up, down, truth = ours * (1 - theirs), theirs * (1 - ours), 0.0
    elif kind.startswith("only worse"):
        truth = -float(kind.split()[2])
        up, down = np.zeros(shape), clustered.shares(rng, shape, -truth, icc)
    else:
        up = clustered.shares(rng, shape, 0.02, icc)
        down, truth = (1 - up) * clustered.shares(rng, shape, 0.05 / 0.98, icc), -0.03
    whole = sizes.astype(np.int64)
    better = rng.binomial(whole, up)
    worse = rng.binomial(whole - better, np.clip(down / np.maximum(1 - up, 1e-12), 0, 1))
    return better.astype(np.float64), worse.astype(np.float64), truth


@pytest.mark.parametrize("kind", ["equal 0.7", "equal 0.93", "only worse 0.03", "only worse 0.1", "2 % and 5 %"])
def test_a_difference_at_its_bound_is_rarely_judged(kind: str) -> None:
    """About 5 minutes."""
    rng = np.random.default_rng(len(kind))
    for count, size in product((5, 10, 20, 57), ("10 each", "30 each", "1 to 19", "one 30 %")):
        sizes = clustered.sizes_of(size, count)
        wrong = []
        for icc in (0.0, 0.1, 0.3, 0.5):
            better, worse, truth = changed(rng, kind, sizes, icc, RUNS)
            above, below = (tail(better, worse, sizes, truth) for tail in (pairs.p_above, pairs.p_below))
            wrong += [float(np.mean(above <= 0.05)), float(np.mean(below <= 0.05))]
        each = " | ".join(f"{100 * a:.1f} / {100 * b:.1f}" for a, b in zip(wrong[::2], wrong[1::2], strict=True))
        say(f"| {kind} | {count} | {size} | {each} |")
        assert max(wrong) <= 0.06


@pytest.mark.parametrize("kind", ["equal 0.7", "equal 0.9", "2 % and 5 %"])
def test_with_twenty_balanced_clusters_the_interval_of_a_difference_is_narrow(kind: str) -> None:
    """About 1 minute. Widths are of 20 runs; with few changes ("2 % and 5 %") they are only shown."""
    rng = np.random.default_rng(len(kind) + 1)
    for count, icc in product((20, 40), (0.0, 0.1, 0.3, 0.5)):
        sizes = np.full(count, 10.0)
        better, worse, truth = changed(rng, kind, sizes, icc, RUNS)
        gaps = better - worse
        wide = stdtrit(count - 1, 0.975) * np.sqrt(grouping.robust_variance(gaps, sizes))
        covered = float(np.mean(np.abs(gaps.sum(axis=1) / sizes.sum() - truth) <= wide))
        found = []
        for up, down in zip(better[:20].astype(int), worse[:20].astype(int), strict=True):
            values = [np.r_[np.ones(b), -np.ones(c), np.zeros(10 - b - c)] for b, c in zip(up, down, strict=True)]
            known = stats.difference(np.concatenate(values), np.repeat(np.arange(count), 10))
            found.append(known.high - known.low)
        ours, other = float(np.mean(found)), float(2 * wide[:20].mean())
        say(
            f"| {kind} | {count} | {icc:g} | {100 * ours:.1f} | {100 * other:.1f} | {100 * covered:.1f} "
            f"| {ours / other:.2f} |"
        )
        assert kind.startswith("2 %") or ours <= 1.35 * other


@pytest.mark.parametrize("n", [20, 50, 100, 200, 1000])
def test_a_difference_of_independent_pairs_at_its_bound_is_rarely_judged(n: int) -> None:
    """A few seconds."""
    rng = np.random.default_rng(n)
    sizes = np.ones(n)
    for truth in (-0.1, -0.05, -0.03, 0.0):
        wrong = []
        for up in (0.0, 0.01, 0.03, 0.1, 0.2):
            counts = rng.multinomial(n, [up, up - truth, 1 - 2 * up + truth], RUNS)
            kinds, index = np.unique(counts[:, :2], axis=0, return_inverse=True)
            rows = [np.zeros((len(kinds), n)) for _ in range(2)]
            for row, column in zip(rows, kinds.T, strict=True):
                row[:, 0] = column  # only the sums count
            tails = [tail(rows[0], rows[1], sizes, truth) for tail in (pairs.p_above, pairs.p_below)]
            wrong += [float(np.mean((one <= 0.05)[index.ravel()])) for one in tails]
        say(f"| {n} | {truth:g} | {100 * max(wrong[::2]):.1f} | {100 * max(wrong[1::2]):.1f} |")
        assert max(wrong) <= 0.05 + MARGIN


@pytest.mark.parametrize("order", ["samples at random", "cluster by cluster"])
@pytest.mark.parametrize(("count", "kind"), [(10, "10 each"), (40, "10 each"), (20, "one 30 %")])
def test_looking_twenty_times_at_clusters_is_rarely_wrong(count: int, kind: str, order: str) -> None:
    """About 4 minutes for all, 1,000 runs a cell: a share of 5 % has a standard error of 0.7 points."""
    rng = np.random.default_rng(count)
    sizes = clustered.sizes_of(kind, count).astype(np.int64)
    index = np.repeat(np.arange(count), sizes)
    n, runs = len(index), 1000
    for p, icc, is_gap in ((0.8, 0.3, False), (0.95, 0.5, False), (0.7, 0.3, True)):
        wrong = 0
        for _ in range(runs):
            ours, theirs = clustered.shares(rng, (2, count), p, icc)
            values = (rng.random(n) < ours[index]).astype(np.float64)
            if is_gap:
                values = (values - (rng.random(n) < theirs[index]) + 1) / 2
            bound = 0.5 if is_gap else p
            drawn = rng.permutation(n) if order.startswith("samples") else np.argsort(rng.permutation(count)[index])
            wrong += any(_is_judged(values[part], index[part], bound) for part in _looks(drawn))
        what = "equal systems" if is_gap else f"share {p:g}"
        say(f"| {count} | {kind} | {order} | {what}, {icc:g} | {100 * wrong / runs:.1f} |")
        assert wrong / runs <= 0.05


def _looks(drawn: np.ndarray) -> list[np.ndarray]:
    return [drawn[: len(drawn) * look // 20] for look in range(1, 21)]


def _is_judged(values: clustered.Floats, index: grouping.Clusters, bound: float) -> bool:
    sums, sizes = grouping.sums_and_sizes(values, index)
    return min(sequential.p_above(sums, sizes, bound), sequential.p_below(sums, sizes, bound)) <= 0.05
