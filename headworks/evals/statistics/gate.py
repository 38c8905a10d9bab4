"""The gate: does what was promised hold, not hold, or can nobody say yet, and how many samples are missing?

Theory. A verdict is two one-sided tests at the same bound. "Holds" needs a share that is shown to be above it, "does not
hold" one that is shown to be below; in between lies "not enough data", which is no pass. Several gates at once are
adjusted by Holm, on each side for itself, so that one wrong pass (or one wrong alarm) among all of them is as rare as it
would be for one gate. Items without a verdict (a judge failed, a call failed) are never dropped: they count against whatever
the gate must prove, and beyond their own budget nobody can say. Nor can anybody where the clusters of the samples are too
few, or one of them is most of the samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Literal, TypeAlias

import msgspec

from headworks.evals.statistics import clusters as grouping
from headworks.evals.statistics import intervals as stats
from headworks.evals.statistics import sequential
from headworks.evals.statistics.clusters import Clusters
from headworks.evals.statistics.exact import Floats
from headworks.evals.statistics.intervals import ClusterSums, Estimate

Verdict: TypeAlias = Literal["holds", "does not hold", "not enough data"]

MOST_MISSING = 10_000_000
"""Samples beyond which nobody collects: the share is at the bound."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate looks at: scores by sample, in the order in which they were asked.

    low, high: each score where what has no verdict counts as wrong, and where it counts as right; within 0 and 1, or -1
    and 1 for differences. is_difference: differences of pairs. many_looks: the number of samples was not fixed before.
    reason_for_no_verdict: why nobody can say whatever the numbers are, or "".
    """

    low: Floats
    high: Floats
    clusters: Clusters | None = None
    is_difference: bool = False
    many_looks: bool = False
    reason_for_no_verdict: str = ""


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
    raw = [_p_values(gate) for gate in gates]
    holds, fails = stats.holm([one[0] for one in raw]), stats.holm([one[1] for one in raw])
    return [
        _verdict(gate, p_holds, p_fails, len(gates)) for gate, p_holds, p_fails in zip(gates, holds, fails, strict=True)
    ]


Tests: TypeAlias = Callable[[float], tuple[float, float]]
"""The p-values that it is above the bound and that it is below, if there were so many times the samples, with the same shares."""


def _p_values(gate: Gate) -> tuple[float, float]:
    """That it is above the bound, that it is below. 1 where nobody can say."""
    seen = gate.evidence
    if seen.reason_for_no_verdict or not len(seen.low) or cannot_say(seen):
        return 1.0, 1.0
    return _tests(gate)(1.0)


def cannot_say(seen: Evidence) -> str:
    """Why the clusters of the samples admit no verdict; "" where they do, or none are named."""
    return "" if seen.clusters is None else stats.cluster_sums(seen.low, seen.clusters).cannot_say


def _tests(gate: Gate) -> Tests:
    seen, bound = gate.evidence, gate.bound
    if seen.many_looks:
        low, high, bound = _unit_range(gate)
        return lambda times: (
            sequential.p_above(low.sums, low.sizes, bound, times),
            sequential.p_below(high.sums, high.sizes, bound, times),
        )
    if seen.is_difference:
        worst, best = stats.changes(seen.low, seen.clusters), stats.changes(seen.high, seen.clusters)
        return lambda times: (
            stats.difference_p_values(worst, bound, times)[0],
            stats.difference_p_values(best, bound, times)[1],
        )
    wrong, right = stats.cluster_sums(seen.low, seen.clusters), stats.cluster_sums(seen.high, seen.clusters)
    return lambda times: (
        stats.share_p_values(wrong, bound, times)[0],
        stats.share_p_values(right, bound, times)[1],
    )


def _unit_range(gate: Gate) -> tuple[ClusterSums, ClusterSums, float]:
    """Both evidences by cluster, and the bound, all within 0 and 1."""
    seen = gate.evidence
    low, high = _within(seen.low, seen), _within(seen.high, seen)
    return low, high, (gate.bound + 1) / 2 if seen.is_difference else gate.bound


def _within(values: Floats, seen: Evidence) -> ClusterSums:
    """Scores by cluster; differences moved to 0 to 1."""
    return stats.cluster_sums((values + 1) / 2 if seen.is_difference else values, seen.clusters)


def estimate(seen: Evidence, confidence: float) -> Estimate:
    """The share or difference with its interval; without a verdict means wrong at the lower end and right at the upper."""
    low, high = (_one(values, seen, confidence) for values in (seen.low, seen.high))
    return msgspec.structs.replace(low, high=max(high.high, low.low), value=low.value)


def _one(values: Floats, seen: Evidence, confidence: float) -> Estimate:
    make = stats.difference if seen.is_difference else stats.share
    found = make(values, seen.clusters, confidence)
    if not seen.many_looks or not len(values) or found.cannot_say:
        return found
    units = _within(values, seen)
    low, high = sequential.interval(units.sums, units.sizes, confidence)
    if seen.is_difference:
        low, high = 2 * low - 1, 2 * high - 1
    return msgspec.structs.replace(found, low=low, high=high)


def _verdict(gate: Gate, p_holds: float, p_fails: float, together: int) -> Judged:
    level = 1 - gate.confidence
    seen = gate.evidence
    verdict: Verdict = "not enough data"
    missing: int | None = None
    if seen.reason_for_no_verdict:
        why = seen.reason_for_no_verdict
    elif not len(seen.low):
        why, missing = "no sample was asked", 1
    elif why := cannot_say(seen):
        missing = max(0, grouping.FEWEST - len(stats.cluster_sums(seen.low, seen.clusters).sizes)) or None
    elif p_holds <= level:
        verdict, why = "holds", "shown to be above the bound"
    elif p_fails <= level:
        verdict, why = "does not hold", "shown to be below the bound"
    else:
        missing = _missing(gate, level / together)
        why = _undecided(missing, "samples" if seen.clusters is None else "clusters")
    return Judged(
        id=gate.id, what=gate.what, bound=gate.bound, confidence=gate.confidence, verdict=verdict, why=why,
        # Both sides hold with the gate's confidence, so the interval that shows the verdict is that of both.
        estimate=estimate(seen, 2 * gate.confidence - 1), p_holds=p_holds, p_fails=p_fails, missing=missing,
    )  # fmt: skip


def _undecided(missing: int | None, units: str) -> str:
    if missing is None:
        return f"too close to the bound: no number of {units} would decide"
    return f"{missing} more {units if missing > 1 else units[:-1]} like these would decide"


def _missing(gate: Gate, level: float) -> int | None:
    """How many more samples (or clusters) would decide, if those to come were like those that came."""
    units = len(stats.cluster_sums(gate.evidence.low, gate.evidence.clusters).sizes)
    tests = _tests(gate)
    most = MOST_MISSING / units
    if min(tests(most)) > level:
        return None
    low, high = 1.0, most
    while (high - low) * units > 0.1:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if min(tests(middle)) <= level else (middle, high)
    return max(1, ceil(high * units - 0.1) - units)
