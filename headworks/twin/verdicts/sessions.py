"""Verdicts on promises about whole sessions: by the same runs as those about calls (`system/verdicts/per_session.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import msgspec
import numpy as np

from headworks.system.schema.requirements import Objective, Turns
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
from headworks.twin.simulation.confidence_interval import CONFIDENCE, Interval, proportion_interval
from headworks.twin.verdicts.verdict import PER_SESSION, Judge, Verdict, margin, unjudged, verdict_of


def session_verdicts(judge: Judge) -> list[Verdict]:
    """A verdict on each promise about sessions, in the order of the file."""
    return [on_sessions(one, judge) for one in judge.plan.system.requirements.session_objectives]


def on_sessions(objective: Objective, judge: Judge) -> Verdict:
    """By the runs or, where arithmetic settles it, as `headworks check` says; of the calls that are let in."""
    blank = msgspec.structs.replace(unjudged(objective, ""), metric=f"{objective.metric}{PER_SESSION}")
    sessions = judge.plan.system.requirements.traffic.sessions
    if sessions is None:
        return msgspec.structs.replace(blank, why=NO_TURNS)
    seen = from_runs(blank, objective, sessions.turns, judge)
    return judge.with_served(objective, judge.with_arithmetic(objective, seen))


def from_runs(blank: Verdict, objective: Objective, turns: Turns, judge: Judge) -> Verdict:
    if objective.metric == "calls":
        count = length(objective, turns)
        return judged(
            blank, objective, Interval(count, count, count), f"{length_words(objective, turns)}, by `traffic.sessions`"
        )
    calls = of_calls(objective, turns)
    if calls is None:
        return by_drawing(blank, objective, turns, judge)
    found, why = answered(calls, judge) if calls.metric == "availability" else (judge.estimate(calls), "")
    if found is None:
        return msgspec.structs.replace(blank, why=judge.unknown(calls))
    if calls.metric == "availability":
        ends = [all_answered(min(1.0, max(0.0, one)), turns) for one in (found.value, found.low, found.high)]
    else:
        ends = [mean_length(turns) * one for one in (found.value, found.low, found.high)]
    said = "; ".join(filter(None, (asked_of_calls(objective, calls, turns), why)))
    return judged(blank, objective, Interval(*ends), said)


def answered(calls: Objective, judge: Judge) -> tuple[Interval | None, str]:
    """The share of calls that are answered, over all time."""
    mine = [one.measured.of(calls.alias) for one in judge.made]
    counted = [int(one.is_counted.sum()) for one in mine]
    if not all(counted):
        return None, ""
    shares = [float((one.is_whole & one.is_counted).sum()) / count for one, count in zip(mine, counted, strict=True)]
    return judge.with_outages(calls, proportion_interval(shares, sum(counted), CONFIDENCE), judge.rests_on(calls))


def by_drawing(blank: Verdict, objective: Objective, turns: Turns, judge: Judge) -> Verdict:
    """A percentile over sessions whose calls are drawn from those of the runs."""
    values = drawn(objective, judge)
    if values is None:
        return msgspec.structs.replace(blank, why=judge.unknown(objective))
    assert objective.percentile is not None
    found = percentile_of_sums(values, turns, objective.percentile)
    why = f"sessions of {mean_length(turns):.3g} calls on average, drawn from {len(values)} calls"
    return judged(blank, objective, Interval(*found), why)


def drawn(objective: Objective, judge: Judge) -> Sequence[float] | None:
    """What the calls of a session are drawn from: the costs or durations of the runs' calls; None where one is unknown, or none is."""
    mine = [one.measured.of(objective.alias) for one in judge.made]
    if objective.metric == "cost":
        values = np.concatenate([one.cost[one.is_let_in] for one in mine])
        return None if not len(values) or np.isnan(values).any() else values.tolist()
    whole = np.concatenate([one.duration[one.is_whole] for one in mine])
    return whole.tolist() if len(whole) else None


def judged(blank: Verdict, objective: Objective, found: Interval, why: str) -> Verdict:
    return msgspec.structs.replace(
        blank,
        verdict=verdict_of(objective, found),
        value=found.value,
        low=found.low,
        high=None if found.high == inf else found.high,
        margin=margin(objective, found.value),
        why=why,
    )
