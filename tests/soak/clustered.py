"""Simulated evaluations in clusters, and the other methods that ours is held against."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, expit, ndtri, stdtrit

from headworks.evals.statistics import clusters as grouping

Floats = NDArray[np.float64]

SIZES = ("10 each", "30 each", "1 to 19", "log-normal", "one 30 %", "one 50 %")


def sizes_of(kind: str, clusters: int) -> Floats:
    """How many samples each cluster has; 10 in the mean where nothing else is said."""
    if kind == "1 to 19":
        return np.maximum(1, np.round(np.linspace(1, 19, clusters)))
    if kind == "log-normal":
        return np.maximum(1, np.round(10 * np.exp(ndtri((np.arange(clusters) + 0.5) / clusters) - 0.5)))
    if kind.startswith("one "):
        part = float(kind.split()[1]) / 100
        others = (clusters - 1) * 10
        return np.r_[np.floor(others * part / (1 - part)), np.full(clusters - 1, 10.0)]
    return np.full(clusters, float(kind.split()[0]))


def shares(rng: np.random.Generator, shape: tuple[int, int], p: float, icc: float, kind: str = "beta") -> Floats:
    """The clusters' own shares of right answers: mean p, and two samples of one cluster have the correlation `icc`.

    beta: beta-distributed. logit-normal: normal on the scale of the logit. copied: each sample repeats its cluster's coin with
    a chance of sqrt(icc) (Lunn and Davies, 1998), so that a share `p` of the clusters is of another kind than the rest.
    """
    if icc == 0 or p in (0, 1):
        return np.full(shape, p)
    if kind == "copied":
        part = icc**0.5
        return part * (rng.random(shape) < p) + (1 - part) * p
    if kind == "logit-normal":
        middle, wide = _logit_normal(p, icc)
        return expit(middle + wide * rng.standard_normal(shape))
    strength = 1 / icc - 1
    return rng.beta(p * strength, (1 - p) * strength, shape)


def _logit_normal(p: float, icc: float) -> tuple[float, float]:
    """Mean and spread of the logit that give this share and correlation: by halving, inside halving."""
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()

    def middle_of(wide: float) -> float:
        low, high = -60.0, 60.0
        for _ in range(60):
            at = (low + high) / 2
            low, high = (at, high) if float(weights @ expit(at + wide * points)) < p else (low, at)
        return at

    low, high = 0.0, 12.0
    for _ in range(40):
        wide = (low + high) / 2
        spread = float(weights @ (expit(middle_of(wide) + wide * points) - p) ** 2)
        low, high = (wide, high) if spread < icc * p * (1 - p) else (low, wide)
    return middle_of(wide), wide


def answers(rng: np.random.Generator, runs: int, sizes: Floats, p: float, icc: float, kind: str = "beta") -> Floats:
    """How many answers are right in each cluster, a row a run."""
    found = shares(rng, (runs, len(sizes)), p, icc, kind)
    return rng.binomial(sizes.astype(np.int64), found).astype(np.float64)


def satterthwaite(sizes: Floats) -> float:
    """The degrees of freedom of CR2, the fewer of those without and with full correlation (Imbens and Kolesar, 2016)."""
    w = sizes / sizes.sum()
    a = w**2 / (1 - w)
    found = []
    for variance in (1 / sizes, np.ones(len(sizes))):
        cross = (w**2 * variance).sum() - (w * variance)[:, None] - (w * variance)[None, :]
        g = np.sqrt(np.outer(a, a)) * (np.diag(variance) + cross)
        found.append(float(np.trace(g) ** 2 / (g**2).sum()))
    return min(found)


def t_interval(sums: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """CR2 with Satterthwaite's degrees of freedom, 95 %."""
    mean = sums.sum(axis=1) / sizes.sum()
    wide = stdtrit(satterthwaite(sizes), 0.975) * np.sqrt(grouping.robust_variance(sums, sizes))
    return np.maximum(0, mean - wide), np.minimum(1, mean + wide)


def korn_graubard(sums: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """Clopper and Pearson's with the effective number that CR2 gives, and t for the normal (Korn and Graubard, 1998)."""
    n = sizes.sum()
    mean = sums.sum(axis=1) / n
    spread = grouping.robust_variance(sums, sizes)
    with np.errstate(invalid="ignore", divide="ignore"):
        worth = np.where(spread > 0, np.minimum(n, mean * (1 - mean) / spread), n / grouping.mean_size(sizes))
    worth *= (ndtri(0.975) / stdtrit(satterthwaite(sizes), 0.975)) ** 2
    right = mean * worth
    low = np.where(right > 0, betaincinv(np.maximum(right, 1e-9), worth - right + 1, 0.025), 0)
    high = np.where(right < worth, 1 - betaincinv(np.maximum(worth - right, 1e-9), right + 1, 0.025), 1)
    return low, high


def wild_p(sums: Floats, sizes: Floats, truth: Floats, signs: Floats) -> Floats:
    """The wild cluster bootstrap-t with the null imposed and Rademacher's weights, symmetric, of equal clusters."""
    off = sums / sizes - truth[:, None]
    count = off.shape[1]
    mean = off.mean(axis=1)
    error = np.sqrt(np.maximum(off.var(axis=1, ddof=1) / count, 1e-18))
    drawn = off @ signs.T / count
    squares = (off**2).mean(axis=1)[:, None]
    errors = np.sqrt(np.maximum((squares - drawn**2) / (count - 1), 1e-18))
    found: Floats = (np.abs(drawn / errors) >= np.abs(mean / error)[:, None] - 1e-9).mean(axis=1)
    return found


def wild_width(sums: Floats, sizes: Floats, signs: Floats) -> float:
    """The mean width of its 95 % interval."""
    mean = sums.sum(axis=1) / sizes.sum()
    ends = []
    for end in (np.zeros(len(mean)), np.ones(len(mean))):
        refuted, kept = end, mean
        for _ in range(14):
            middle = (refuted + kept) / 2
            is_kept = wild_p(sums, sizes, middle, signs) > 0.05
            refuted, kept = np.where(is_kept, refuted, middle), np.where(is_kept, middle, kept)
        ends.append(kept)
    return float((ends[1] - ends[0]).mean())


def exact_bound(p: float, n: float, *, above: bool) -> float | None:
    """The bound at which an exact test of `n` independent answers, whose truth is `p`, has a power of 95 %: the nearest one
    on that side."""
    number = round(n)
    count = np.arange(number + 1.0)
    chances = betainc(np.maximum(count, 1e-9), number - count + 1, p) * (count > 0) + (count == 0)
    for bound in _outward(p, above=above):
        if above:
            refutes = (
                np.where(count < number, betainc(np.maximum(number - count, 1e-9), count + 1, 1 - bound), 1) <= 0.05
            )
            power = 1 - chances[int(refutes.sum())] if refutes.any() and refutes.sum() <= number else 0.0
        else:
            refutes = np.where(count > 0, betainc(np.maximum(count, 1e-9), number - count + 1, bound), 1) <= 0.05
            power = chances[number + 1 - int(refutes.sum())] if refutes.any() else 0.0
        if power >= 0.95:
            return bound
    return None


def _outward(p: float, *, above: bool) -> Iterator[float]:
    step = 0.002
    at = p
    while step < at < 1 - step:
        at += step if above else -step
        yield at
