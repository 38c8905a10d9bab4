"""The maximum rate that meets every objective: probes by doubling and bisection, each ended as soon as it is clear.

Theory. A rate *holds* when each latency objective's share of calls within its bound, and the share of whole answers, are
shown to be what they have to be: the whole Wilson interval on the good side. It *fails* when one interval lies on the
bad side, or the load goes over its capacity. A probe goes on until one of both, or its time is over: then the rate was
not shown to hold, and only the way on follows from which side its shares lie on. Rates double until one is too much (or
halve until one is not), then the gap is halved on a scale of ratios.

Calls of a probe are judged once the largest bound has passed since they were due, answered or not: judging the answered
ones alone would take the fast ones first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from math import sqrt
from typing import Final

import msgspec

from headworks.core.clock import now
from headworks.load.call import CallResult
from headworks.load.open_loop import OpenLoop
from headworks.load.stats import Z, wilson
from headworks.load.verdict import is_late
from headworks.system.schema.requirements import Objective

MAX_WHOLE_SHARE: Final = 0.95
"""The highest share of complete answers that a probe has to show: 73 calls without a failure do. A load of a minute cannot
show 99.9 %; what it has to show is that the load itself breaks nothing."""

MAX_PROBE_SECONDS: Final = 90.0
"""Longest time of a probe, however few calls come."""

RATE_RESOLUTION: Final = 1.1
"""The search ends when the ratio of failing to holding rate is below this."""

MAX_PROBES: Final = 14
MIN_CALLS: Final = 50
WARM_UP: Final = 2.0
"""Seconds of warm-up of a probe, whose calls are not judged: connections open, and queues reach their steady length."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One rate. holds: None where its time was over before it was resolved; leans: whether its shares lay on the good
    side. why: what resolved it."""

    rate: float
    holds: bool | None
    leans: bool
    calls: int
    seconds: float
    why: str


class RateSearch(msgspec.Struct, frozen=True, kw_only=True):
    """The highest rate that was shown to hold (None if none was), and the lowest that failed (None if none did)."""

    holds: float | None
    fails: float | None
    probes: list[Probe]


class Criterion(msgspec.Struct, frozen=True):
    """A share of calls that must meet one objective."""

    said: str
    share: float
    objective: Objective | None


def rate_criteria(objectives: Sequence[Objective]) -> list[Criterion]:
    """The criteria that a rate must meet."""
    found = [
        Criterion(one.id, one.percentile / 100, one)
        for one in objectives
        if one.metric in ("time_to_first_token", "duration") and one.percentile is not None
    ]
    shares = [float(one.limit.value) for one in objectives if one.metric == "availability"]
    return [*found, Criterion("complete answers", min([MAX_WHOLE_SHARE, *shares]), None)]


def calls_needed(kept: Sequence[Criterion]) -> int:
    """One and a half times the calls that show the strictest criterion if all of them meet it."""
    strictest = max(one.share for one in kept)
    return round(1.5 * Z * Z * strictest / (1 - strictest))


class ProbeState(msgspec.Struct, frozen=True):
    """The verdict of a probe so far."""

    holds: bool | None
    leans: bool
    why: str


def probe_state(calls: Sequence[CallResult], kept: Sequence[Criterion]) -> ProbeState:
    """Whether these calls show that every criterion is met, or that one is not."""
    is_open, leans = "", True
    for one in kept:
        about = [call for call in calls if applies_to(one, call)]
        if not about:
            continue
        share = wilson(sum([is_met(one, call) for call in about]), len(about))
        told = f"{one.said}: {100 * share.value:.4g} % of {len(about)} calls, {100 * one.share:.4g} % required"
        if share.high < one.share and len(calls) >= MIN_CALLS:
            return ProbeState(False, False, told)
        if share.low < one.share:
            is_open = is_open or told
            leans = leans and share.value >= one.share
    if is_open or len(calls) < MIN_CALLS:
        return ProbeState(None, leans, is_open or f"only {len(calls)} calls")
    return ProbeState(True, True, f"{len(calls)} calls meet every objective")


def applies_to(promise: Criterion, call: CallResult) -> bool:
    objective = promise.objective
    if objective is None:
        return call.ended != "refused"
    if objective.alias is not None and objective.alias != call.alias:
        return False
    return objective.metric == "duration" or call.streamed


def is_met(promise: Criterion, call: CallResult) -> bool:
    if promise.objective is None:
        return call.is_whole or not call.has_ended  # still under way, and not late: nothing broke
    if not call.has_ended:  # its bound has passed; a stream may have begun in time
        return (
            promise.objective.metric == "time_to_first_token"
            and call.first_at > 0
            and not is_late(call, promise.objective)
        )
    return call.is_whole and not is_late(call, promise.objective)


def judgeable_calls(loop: OpenLoop, bound: float) -> list[CallResult]:
    """The calls of a probe that can be judged now: those that were due at least `bound` seconds ago, or all once none is in flight."""
    since = loop.began_at + WARM_UP
    is_over = not loop.in_flight and len(loop.results) == len(loop.arrivals)
    until = now() if is_over else now() - bound
    return [one for one in loop.results if since <= one.due_at <= until]


ProbeRate = Callable[[float], Awaitable[Probe]]


async def search_max_rate(start: float, most: float, probing: ProbeRate) -> RateSearch:
    """Finds the highest rate that holds, from `start` on and up to `most` calls a second."""
    probes: list[Probe] = []
    low: float | None = None
    high: float | None = None
    rate = start
    while len(probes) < MAX_PROBES:
        probe = await probing(rate)
        probes.append(probe)
        if probe.leans:
            low = rate
        else:
            high = rate
        if low is not None and high is not None:
            if high / low <= RATE_RESOLUTION:
                break
            rate = sqrt(low * high)
        elif low is not None:
            if rate >= most:
                break
            rate = min(2 * rate, most)
        else:
            if rate <= start / 64:
                break
            rate /= 2
    shown = [one.rate for one in probes if one.holds]
    return RateSearch(holds=max(shown, default=None), fails=high, probes=probes)
