"""The gate: does what was promised hold, not hold, or can nobody say yet, and how many samples are missing?

Theory. A verdict is two one-sided tests at the same bound. "Holds" needs a share that is shown to be above it, "does not
hold" one that is shown to be below; in between lies "not enough data", which is no pass. Several gates at once are
adjusted by Holm, on each side for itself, so that one wrong pass (or one wrong alarm) among all of them is as rare as it
would be for one gate. Items without a verdict (a judge failed, a call failed) are never dropped: they count as wrong
where a share is to be shown high and as right where it is to be shown low, and beyond their own budget nobody can say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from headworks.evals.statistics import intervals as stats
from headworks.evals.statistics import sequential
from headworks.evals.statistics.intervals import FEWEST_CLUSTERS, Estimate, Floats

Verdict: TypeAlias = Literal["holds", "does not hold", "not enough data"]
Clusters: TypeAlias = NDArray[np.intp]

MOST_MISSING = 10_000_000
"""Samples beyond which nobody collects: the share is at the bound."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate looks at: scores by sample, in the order in which they were asked.

    low, high: each score where what has no verdict counts as wrong, and where it counts as right; within 0 and 1, or -1
    and 1 for differences. is_gap: differences of pairs. many_looks: the number of samples was not fixed before.
    trouble: why nobody can say whatever the numbers are, or "".
    """

    low: Floats
    high: Floats
    clusters: NDArray[np.intp] | None = None
    is_gap: bool = False
    many_looks: bool = False
    trouble: str = ""


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A promise: at least `bound`, with this confidence on either side."""

    id: str
    what: str
    bound: float
    confidence: float
    evidence: Evidence


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A gate's verdict. missing: more samples (or clusters) that would decide if what was seen went on; None: none would.

    p_holds, p_fails: adjusted for all gates that were judged together.
    """

    id: str
    what: str
    bound: float
    confidence: float
    verdict: Verdict
    why: str
    estimate: Estimate
    p_holds: float
    p_fails: float
    missing: int | None = None


def judge(gates: Sequence[Gate]) -> list[Judged]:
    """Verdicts of gates that are looked at together."""
    raw = [_tests(gate) for gate in gates]
    holds, fails = stats.holm([one[0] for one in raw]), stats.holm([one[1] for one in raw])
    return [
        _verdict(gate, p_holds, p_fails, len(gates)) for gate, p_holds, p_fails in zip(gates, holds, fails, strict=True)
    ]


def _tests(gate: Gate) -> tuple[float, float]:
    """The two p-values: that it is above the bound, that it is below. 1 where nobody can say."""
    seen = gate.evidence
    if seen.trouble or _few(seen):
        return 1.0, 1.0
    if seen.many_looks:
        low, high, bound = _unit_range(gate)
        return sequential.p_above(low, bound), sequential.p_below(high, bound)
    if seen.is_gap:
        return (
            stats.p_gap_above(stats.difference(seen.low, seen.clusters), gate.bound),
            stats.p_gap_below(stats.difference(seen.high, seen.clusters), gate.bound),
        )
    return (
        stats.p_above(stats.share(seen.low, seen.clusters), gate.bound),
        stats.p_below(stats.share(seen.high, seen.clusters), gate.bound),
    )


def _few(seen: Evidence) -> int:
    """How many clusters are missing to say anything; 0 where clusters are not named or are enough."""
    if seen.clusters is None:
        return 0
    return max(0, FEWEST_CLUSTERS - len(np.unique(seen.clusters)))


def _units(values: Floats, seen: Evidence) -> Floats:
    """What is independent of each other: samples, or the means of clusters."""
    if seen.clusters is None:
        return values
    _, index = np.unique(seen.clusters, return_inverse=True)
    means: Floats = np.bincount(index, weights=values) / np.bincount(index)
    return means


def _unit_range(gate: Gate) -> tuple[Floats, Floats, float]:
    """What is independent of each other, and the bound, all within 0 and 1."""
    seen = gate.evidence
    low, high = _units(seen.low, seen), _units(seen.high, seen)
    return ((low + 1) / 2, (high + 1) / 2, (gate.bound + 1) / 2) if seen.is_gap else (low, high, gate.bound)


def estimate(seen: Evidence, confidence: float) -> Estimate:
    """The share or difference with its interval; without a verdict means wrong at the lower end and right at the upper."""
    many = seen.many_looks
    low, high = (_one(values, seen, confidence, many=many) for values in (seen.low, seen.high))
    return msgspec.structs.replace(low, high=max(high.high, low.low), value=low.value)


def _one(values: Floats, seen: Evidence, confidence: float, *, many: bool) -> Estimate:
    found = (
        stats.difference(values, seen.clusters, confidence)
        if seen.is_gap
        else stats.share(values, seen.clusters, confidence)
    )
    if not many or not len(values):
        return found
    units = _units(values, seen)
    low, high = sequential.interval((units + 1) / 2 if seen.is_gap else units, confidence)
    if seen.is_gap:
        low, high = 2 * low - 1, 2 * high - 1
    return msgspec.structs.replace(found, low=low, high=high)


def _verdict(gate: Gate, p_holds: float, p_fails: float, together: int) -> Judged:
    level = 1 - gate.confidence
    seen = gate.evidence
    verdict: Verdict = "not enough data"
    missing: int | None = None
    if few := _few(seen):
        why, missing = f"only {FEWEST_CLUSTERS - few} clusters: {FEWEST_CLUSTERS} at least", few
    elif seen.trouble:
        why = seen.trouble
    elif not len(seen.low):
        why, missing = "no sample was asked", 1
    elif p_holds <= level:
        verdict, why = "holds", "shown to be above"
    elif p_fails <= level:
        verdict, why = "does not hold", "shown to be below"
    else:
        missing = _missing(gate, level / together)
        what = "clusters" if seen.clusters is not None else "samples"
        why = (
            f"{missing} more {what} like these would decide"
            if missing
            else "the share is at the bound: no number would decide"
        )
    return Judged(
        id=gate.id, what=gate.what, bound=gate.bound, confidence=gate.confidence, verdict=verdict, why=why,
        # Both sides hold with the gate's confidence, so the interval that shows the verdict is that of both.
        estimate=estimate(seen, 2 * gate.confidence - 1), p_holds=p_holds, p_fails=p_fails, missing=missing,
    )  # fmt: skip


def _missing(gate: Gate, level: float) -> int | None:
    """How many more samples (or clusters) would decide, if those to come were like those that came."""
    units = len(_units(gate.evidence.low, gate.evidence))
    tests = _betting(gate) if gate.evidence.many_looks else _scaling(gate)
    most = MOST_MISSING / units
    if min(tests(most)) > level:
        return None
    low, high = 1.0, most
    while (high - low) * units > 0.5:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if min(tests(middle)) <= level else (middle, high)
    return max(1, round(high * units) - units)


Tests: TypeAlias = Callable[[float], tuple[float, float]]
"""The two p-values if there were so many times the samples, with the same shares."""


def _betting(gate: Gate) -> Tests:
    low, high, bound = _unit_range(gate)
    return lambda times: (
        sequential.p_above(low, bound, times),
        sequential.p_above(1 - high, 1 - bound, times),
    )


def _scaling(gate: Gate) -> Tests:
    seen, bound = gate.evidence, gate.bound
    make = stats.difference if seen.is_gap else stats.share
    low, high = (make(values, seen.clusters) for values in (seen.low, seen.high))

    def scaled(found: Estimate, times: float) -> Estimate:
        clusters, n = round(found.clusters * times), round(found.n * times)
        return msgspec.structs.replace(found, n=n, clusters=clusters, se=found.se / times**0.5)

    if seen.is_gap:
        return lambda times: (
            stats.p_gap_above(scaled(low, times), bound),
            stats.p_gap_below(scaled(high, times), bound),
        )
    return lambda times: (stats.p_above(scaled(low, times), bound), stats.p_below(scaled(high, times), bound))
