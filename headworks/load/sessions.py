"""Verdicts on promises about whole sessions from a load: what its single calls say of them (`system/verdicts/per_session.py`)."""

from __future__ import annotations

from math import inf

import msgspec

from headworks.core.money import NANO
from headworks.load.stats import Interval
from headworks.load.verdict import Judgement, Measured, Verdict, judge, verdict_of
from headworks.system.schema.requirements import Objective, Traffic, Turns
from headworks.system.verdicts.per_session import (
    NO_TURNS,
    all_answered,
    asked_of_calls,
    length,
    length_words,
    mean_length,
    of_calls,
    percentile_of_sums,
)


def judge_sessions(objective: Objective, seen: Measured, traffic: Traffic) -> Verdict:
    """Judges one promise about sessions."""
    if traffic.sessions is None:
        return _verdict(objective, Judgement("cannot say", None, 0, NO_TURNS))
    turns = traffic.sessions.turns
    if objective.metric == "calls":
        count = length(objective, turns)
        interval = Interval(count, count, count)
        why = f"{length_words(objective, turns)}, by `traffic.sessions`: a load sends single calls"
        return _verdict(objective, Judgement(verdict_of(objective, interval), interval, 0, why))
    if (calls := of_calls(objective, turns)) is not None:
        return _by_calls(objective, calls, judge(calls, seen, traffic), turns)
    return _verdict(objective, _by_drawing(objective, seen, turns), seen.served(objective.alias).share)


def _by_calls(objective: Objective, calls: Objective, found: Verdict, turns: Turns) -> Verdict:
    numbers: list[float | None] = []
    for one in (found.value, found.low, found.high):
        if one is None:
            numbers.append(None)
        elif objective.metric == "availability":
            numbers.append(all_answered(min(1.0, max(0.0, one)), turns))
        else:
            numbers.append(one * mean_length(turns))
    return msgspec.structs.replace(
        found,
        objective=str(objective),
        metric=_metric(objective),
        limit=float(objective.limit.value),
        value=numbers[0],
        low=numbers[1],
        high=numbers[2],
        why=f"{asked_of_calls(objective, calls, turns)}; {found.why}",
    )


def _by_drawing(objective: Objective, seen: Measured, turns: Turns) -> Judgement:
    """A percentile over sessions whose calls are drawn from those of the load."""
    mine = seen.of(objective.alias)
    if objective.metric == "cost":
        paid = [one.request_id for one in mine if one.request_id not in seen.costs.rejected]
        nano = [seen.costs.nano[one] for one in paid if one in seen.costs.nano]
        if any(one is None for one in nano):
            return Judgement("cannot say", None, len(nano), "a target's price is unknown")
        values = [one / NANO for one in nano if one is not None]
        none = seen.costs.why_not
    else:
        values, none = [one.duration for one in mine if one.is_whole], "no call was answered"
    if not values:
        return Judgement("cannot say", None, 0, none)
    assert objective.percentile is not None
    found = percentile_of_sums(values, turns, objective.percentile)
    interval = Interval(found.value, found.low, found.high)
    why = f"sessions of {mean_length(turns):.3g} calls on average, drawn from {len(values)} calls"
    return Judgement(verdict_of(objective, interval), interval, len(values), why)


def _verdict(objective: Objective, found: Judgement, served: float = 1.0) -> Verdict:
    interval = found.interval
    return Verdict(
        id=objective.id,
        objective=str(objective),
        alias=objective.alias,
        metric=_metric(objective),
        verdict=found.verdict,
        limit=float(objective.limit.value),
        value=None if interval is None else interval.value,
        low=None if interval is None else interval.low,
        high=None if interval is None or interval.high == inf else interval.high,
        calls=found.calls,
        served=served,
        why=found.why,
    )


def _metric(objective: Objective) -> str:
    return f"{objective.metric} per session"
