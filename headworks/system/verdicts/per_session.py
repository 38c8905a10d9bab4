"""What a promise about whole sessions asks of single calls, and what single calls make of a session.

Theory. A session has N calls; N is log-normal, as the file says (`traffic.sessions.turns`), and the calls of a session are taken
to be independent of each other and of N. Then its mean cost is that of a call times the mean of N (Wald's identity), and its
availability, the share of sessions in which every call is answered, is E[a^N] for calls of which the share a is answered. Outages
strike many calls of one session at once, so fewer sessions have a failed call than this says: it errs to the safe side. A session's
duration is the time for which it waits for answers; what its client does between them is not ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from math import sqrt
from random import Random
from statistics import fmean, stdev
from typing import Final, NamedTuple, Protocol

import msgspec

from headworks.system.schema.requirements import Bound, Objective, Traffic, Turns
from headworks.system.verdicts.closed_forms import LogNormal
from headworks.system.verdicts.verdict import NEEDS_SIMULATION, Assessment, on_which_side, percent

GRID: Final = 999
"""Quantiles of N by which a mean over sessions is taken."""

SESSIONS: Final = 2000
"""Sessions that are drawn for a percentile."""

BATCHES: Final = 10
T_95: Final = 2.262
"""Student's t for 9 degrees of freedom: 95 % of the time the truth is within so many standard errors."""

NO_TURNS: Final = "write `sessions: {turns: {p50: 8, p95: 40}}` under `traffic`: how many calls a session has"


class Estimate(NamedTuple):
    """A number and its interval of 95 %."""

    value: float
    low: float
    high: float


class Judges(Protocol):
    """What judges promises about calls."""

    traffic: Traffic

    def of(self, objective: Objective) -> Assessment: ...


@lru_cache(maxsize=64)
def lengths(turns: Turns) -> tuple[int, ...]:
    """The calls of `GRID` sessions that stand for all, in ascending order. Each has one at least."""
    spread = LogNormal.of(turns.p50, turns.p95, 95)
    return tuple([max(1, round(spread.at(100 * (number + 0.5) / GRID))) for number in range(GRID)])


def mean_length(turns: Turns) -> float:
    return fmean(lengths(turns))


def all_answered(share: float, turns: Turns) -> float:
    """The share of sessions whose calls are all answered, where this share of calls is."""
    return fmean([share**count for count in lengths(turns)])


def answered_needed(share: float, turns: Turns) -> float:
    """The share of calls that must be answered so that this share of sessions has all of its calls answered."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if all_answered(middle, turns) >= share else (middle, high)
    return high


def of_calls(objective: Objective, turns: Turns) -> Objective | None:
    """The promise about single calls that one about sessions comes to; None where there is none."""
    limit = float(objective.limit.value)
    if objective.metric == "availability":
        needed = Bound("share", Decimal(repr(answered_needed(limit, turns))))
        return msgspec.structs.replace(objective, per=None, at_least=needed)
    if objective.metric == "cost" and objective.percentile is None:
        most = Bound("money", Decimal(repr(limit / mean_length(turns))))
        return msgspec.structs.replace(objective, per=None, metric="cost_per_call", at_most=most)
    return None


def percentile_of_sums(values: Sequence[float], turns: Turns, percentile: float) -> Estimate:
    """A percentile of sums over sessions whose calls are drawn from these values (of any unit). The interval is that of batches of
    the values: each draws sessions of its own. Same values, same numbers."""
    rng = Random(f"{len(values)}/{percentile}")

    def one(drawn_from: Sequence[float], sessions: int) -> float:
        counts = rng.choices(lengths(turns), k=sessions)
        sums = sorted([sum(rng.choices(drawn_from, k=count)) for count in counts])
        return sums[min(sessions - 1, int(sessions * percentile / 100))]

    value = one(values, SESSIONS)
    batches = [values[number::BATCHES] for number in range(BATCHES)]
    if not all(len(batch) > 1 for batch in batches):
        return Estimate(value, 0.0, float("inf"))
    half = T_95 * stdev([one(batch, SESSIONS // BATCHES) for batch in batches]) / sqrt(BATCHES)
    return Estimate(value, max(0.0, value - half), value + half)


def length(objective: Objective, turns: Turns) -> float:
    """The calls of a session that a promise is about: the mean, or a percentile."""
    if objective.percentile is None:
        return mean_length(turns)
    return float(lengths(turns)[min(GRID - 1, int(GRID * objective.percentile / 100))])


def assess(objective: Objective, judge: Judges) -> Assessment:
    """The verdict by arithmetic."""
    if judge.traffic.sessions is None:
        return Assessment("cannot say", NO_TURNS, "numbers")
    turns = judge.traffic.sessions.turns
    if objective.metric == "calls":
        count = length(objective, turns)
        return Assessment(
            on_which_side(objective, count, count), f"{length_words(objective, turns)}, by `traffic.sessions`"
        )
    calls = of_calls(objective, turns)
    if calls is None:
        return Assessment("cannot say", f"it depends on which calls a session has; {NEEDS_SIMULATION}", "plan")
    found = judge.of(calls)
    return Assessment(found.verdict, f"{asked_of_calls(objective, calls, turns)}; {found.why}", found.needs)


def length_words(objective: Objective, turns: Turns) -> str:
    count = length(objective, turns)
    if objective.percentile is None:
        return f"a session has {count:.3g} calls on average"
    return f"{objective.percentile:g} of 100 sessions have at most {count:.0f} calls"


def asked_of_calls(objective: Objective, calls: Objective, turns: Turns) -> str:
    """What it asks of single calls, in words."""
    limit = calls.limit
    asked = (
        f"{percent(float(limit.value))} of single calls answered"
        if calls.metric == "availability"
        else f"{limit} a call"
    )
    return f"sessions of {mean_length(turns):.3g} calls on average need {asked}"
