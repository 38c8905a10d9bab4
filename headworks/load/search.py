"""The highest rate that holds: probes, each ended as soon as it is resolved.

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
from headworks.load.call import Fared
from headworks.load.open_loop import Loop
from headworks.load.stats import Z, wilson
from headworks.load.verdict import is_late
from headworks.system.schema.requirements import Objective

WHOLE: Final = 0.95
"""The most that has to be shown of the share of whole answers: 73 calls without a fault do. A load of a minute cannot
show 99.9 %; what it has to show is that nothing breaks by the load."""

MOST_SECONDS: Final = 90.0
"""A probe takes no longer, however few calls come."""

CLOSE: Final = 1.1
"""Rates nearer to each other than this are not told apart."""

MOST_PROBES: Final = 14
LEAST_CALLS: Final = 50
WARM: Final = 2.0
"""Seconds at the begin of a probe whose calls are not judged: connections are made, queues find their length."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One rate. holds: None where its time was over before it was resolved; leans: whether its shares lay on the good
    side. why: what resolved it."""

    rate: float
    holds: bool | None
    leans: bool
    calls: int
    seconds: float
    why: str


class Searched(msgspec.Struct, frozen=True, kw_only=True):
    """The highest rate that was shown to hold (None: none was), and the lowest that was too much (None: none was)."""

    holds: float | None
    fails: float | None
    probes: list[Probe]


class Promise(msgspec.Struct, frozen=True):
    """A share of calls that must be good in one way."""

    said: str
    share: float
    objective: Objective | None


def promises(objectives: Sequence[Objective]) -> list[Promise]:
    """What a rate must keep."""
    found = [
        Promise(one.id, one.percentile / 100, one)
        for one in objectives
        if one.metric in ("time_to_first_token", "duration") and one.percentile is not None
    ]
    shares = [float(one.limit.value) for one in objectives if one.metric == "availability"]
    return [*found, Promise("whole answers", min([WHOLE, *shares]), None)]


def needed(kept: Sequence[Promise]) -> int:
    """How many calls, all of them good, show the strictest promise, and a half more."""
    strictest = max(one.share for one in kept)
    return round(1.5 * Z * Z * strictest / (1 - strictest))


class Resolved(msgspec.Struct, frozen=True):
    """What a probe shows so far."""

    holds: bool | None
    leans: bool
    why: str


def resolved(calls: Sequence[Fared], kept: Sequence[Promise]) -> Resolved:
    """Whether these calls show that every promise is kept, or that one is not."""
    is_open, leans = "", True
    for one in kept:
        about = [call for call in calls if is_about(one, call)]
        if not about:
            continue
        share = wilson(sum([is_kept(one, call) for call in about]), len(about))
        told = f"{one.said}: {100 * share.value:.4g} % of {len(about)} calls, {100 * one.share:.4g} % wanted"
        if share.high < one.share and len(calls) >= LEAST_CALLS:
            return Resolved(False, False, told)
        if share.low < one.share:
            is_open = is_open or told
            leans = leans and share.value >= one.share
    if is_open or len(calls) < LEAST_CALLS:
        return Resolved(None, leans, is_open or f"only {len(calls)} calls")
    return Resolved(True, True, f"{len(calls)} calls keep every promise")


def is_about(promise: Promise, call: Fared) -> bool:
    objective = promise.objective
    if objective is None:
        return call.ended != "refused"
    if objective.alias is not None and objective.alias != call.alias:
        return False
    return objective.metric == "duration" or call.streamed


def is_kept(promise: Promise, call: Fared) -> bool:
    if promise.objective is None:
        return call.is_whole or not call.is_over  # still under way, and not late: nothing broke
    if not call.is_over:  # its bound has passed; a stream may have begun in time
        return (
            promise.objective.metric == "time_to_first_token"
            and call.first_at > 0
            and not is_late(call, promise.objective)
        )
    return call.is_whole and not is_late(call, promise.objective)


def judged(loop: Loop, bound: float) -> list[Fared]:
    """The calls of a probe that can be judged now: all that were due so long ago, and all once none is under way."""
    since = loop.began_at + WARM
    is_over = not loop.under_way and len(loop.fared) == len(loop.arrivals)
    until = now() if is_over else now() - bound
    return [one for one in loop.fared if since <= one.due_at <= until]


Probing = Callable[[float], Awaitable[Probe]]


async def search(start: float, most: float, probing: Probing) -> Searched:
    """Finds the highest rate that holds, from `start` on and up to `most` calls a second."""
    probes: list[Probe] = []
    low: float | None = None
    high: float | None = None
    rate = start
    while len(probes) < MOST_PROBES:
        probe = await probing(rate)
        probes.append(probe)
        if probe.leans:
            low = rate
        else:
            high = rate
        if low is not None and high is not None:
            if high / low <= CLOSE:
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
    return Searched(holds=max(shown, default=None), fails=high, probes=probes)
