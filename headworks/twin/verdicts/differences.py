"""Differences between two systems, on common random numbers.

Theory. Two systems that get the same calls, and whose vendors draw the same numbers where they are the same, differ by what was built
and by little else (common random numbers; Law, Simulation Modeling and Analysis, ch. 11). Runs are paired by seed and are equally
long. A difference is that of the numbers of all paired runs; its interval comes from what the difference is without each pair.
What differs from month to month (availability over a window) is compared window by window, and the interval contains nine in ten.

A share that differs in no call of a few thousand may still differ in one of a million, so its interval is never narrower than that
many calls allow; but where every call went the same way, to the digit, there is no difference.

Always true: a difference is about the same number as the verdict: with outages, and with what budgets let through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, sqrt
from typing import Final, Literal

import msgspec
import numpy as np

from headworks.system.schema.requirements import Objective
from headworks.twin.simulation.confidence_interval import Interval, jackknife_interval, quantile_interval
from headworks.twin.simulation.replications import SIMULATED_METRICS, Run
from headworks.twin.verdicts.verdict import Judge, Verdict

MONTH: Final = 30 * 86400.0
"""Seconds of the month that costs and changes of them are said for."""

Statistic = Callable[[Judge], "float | None"]
"""A number of some runs of a system; None where they have none."""

How = Literal["paired", "windows", "not paired"]
"""How a difference was taken: over the same calls, over the same windows, or from two intervals that know nothing of each other."""


class Compared(msgspec.Struct, frozen=True):
    """One side of a comparison. judge: of the verdict's own runs; paired: of the runs that are paired by seed, all of them and without each;
    empty where none are."""

    judge: Judge
    paired: tuple[Judge, ...] = ()


def compared(judge: Judge, runs: Sequence[Run]) -> Compared:
    """A side whose runs of the same seeds are these; none where there is nothing to pair."""
    if not runs:
        return Compared(judge)
    parts = [list(runs), *([*runs[:at], *runs[at + 1 :]] for at in range(len(runs)))]
    return Compared(judge, tuple([Judge(judge.plan, part, judge.seed, judge.busy) for part in parts if part]))


def statistic_of(objective: Objective) -> Statistic:
    """The number of an objective by some runs: of availability with all providers up."""
    if objective.metric == "cost":
        window = objective.window
        assert window is not None
        return lambda judge: cost_of(judge, objective.alias, window)

    def of(judge: Judge) -> float | None:
        found = judge.estimate(objective) if objective.metric in SIMULATED_METRICS else None
        return None if found is None else found.value

    return of


def cost_of(judge: Judge, alias: str | None, seconds: float) -> float | None:
    """What so many seconds cost, in dollars."""
    found = judge.money.window(alias, seconds)
    return None if found is None else found.cost.value


def monthly_cost(judge: Judge) -> float | None:
    return cost_of(judge, None, MONTH)


def answered_share(judge: Judge) -> float | None:
    """Of all calls that are asked the share that gets a whole answer, while all providers are up."""
    counted = sum(int(one.seen.is_counted.sum()) for one in judge.made)
    whole = sum(int((one.seen.is_whole & one.seen.is_counted).sum()) for one in judge.made)
    return whole / counted * judge.money.served_share(None) if counted else None


def paired(of: Statistic, one: Compared, other: Compared) -> Interval | None:
    """What `other` has more than `one`, over the pairs; None where there are none, or one has no number."""
    if not one.paired or len(one.paired) != len(other.paired):
        return None
    found = []
    for mine, theirs in zip(one.paired, other.paired, strict=True):
        before, after = of(mine), of(theirs)
        if before is None or after is None:
            return None
        found.append(after - before)
    return jackknife_interval(found[0], found[1:])


def is_same_course(one: Compared, other: Compared) -> bool:
    """Whether every call went the same way on both sides, to the digit: then nothing is left to chance."""
    runs = zip(one.paired[0].made, other.paired[0].made, strict=True)
    columns = ("arrived", "first", "duration", "is_whole", "attempts")
    return all(
        np.array_equal(getattr(mine.seen, name), getattr(theirs.seen, name), equal_nan=True)
        for mine, theirs in runs
        for name in columns
    )


def at_least_as_wide(found: Interval, one: Compared, other: Compared, whole: float = 1.0) -> Interval:
    """A difference, never surer than the number of calls allows: what none of n calls showed may still be so of 1 - 0.025^(1/n) of
    them (Clopper and Pearson 1934; the rule of three). whole: what all calls are together: a share of 1, a load, a cost."""
    if is_same_course(one, other):
        return found
    count = sum(len(run.measured) for run in one.paired[0].made)
    half = (1 - 0.025 ** (1 / max(1, count))) * whole
    return Interval(found.value, min(found.low, found.value - half), max(found.high, found.value + half))


def alone(of: Statistic, one: Compared) -> Interval | None:
    """The number of one side, and its interval over its runs."""
    found = [of(judge) for judge in one.paired]
    known = [value for value in found if value is not None]
    return jackknife_interval(known[0], known[1:]) if found and len(known) == len(found) else None


def unpaired(before: Interval, after: Interval) -> Interval:
    """The difference of two numbers whose intervals are independent."""
    value = after.value - before.value
    down = sqrt((after.value - after.low) ** 2 + (before.high - before.value) ** 2)
    up = sqrt((after.high - after.value) ** 2 + (before.value - before.low) ** 2)
    return Interval(value, value - down, value + up)


def interval_of(verdict: Verdict) -> Interval | None:
    """The number of a verdict with its interval."""
    if verdict.value is None:
        return None
    low, high = verdict.low, verdict.high
    return Interval(verdict.value, -inf if low is None else low, inf if high is None else high)


def objective_difference(
    objectives: tuple[Objective, Objective], verdicts: tuple[Verdict, Verdict], one: Compared, other: Compared
) -> tuple[Interval, How] | None:
    """What the second system has more than the first of one objective's number; None where one has no number."""
    before, after = map(interval_of, verdicts)
    if before is None or after is None:
        return None
    mine, theirs = objectives
    if mine.metric == "availability" and mine.window is not None:
        return window_difference(objectives, one, other), "windows"
    of = statistic_of(mine)
    found = paired(of, one, other) if mine.alias == theirs.alias else None
    if found is None:
        return unpaired(before, after), "not paired"
    if mine.percentile is None:
        wholes = {"availability": 1.0, "goodput": sum(one.judge.plan.workload.rates.values())}
        found = at_least_as_wide(found, one, other, wholes.get(mine.metric, max(before.value, after.value)))
    if mine.metric == "availability":  # the verdict is over all time, the runs have all providers up
        ups = [of(side.judge) for side in (one, other)]
        down = (after.value - (ups[1] or 0.0)) - (before.value - (ups[0] or 0.0))
        found = Interval(found.value + down, found.low + down, found.high + down)
    return found, "paired"


def window_difference(objectives: tuple[Objective, Objective], one: Compared, other: Compared) -> Interval:
    """The difference of single windows. What strikes both systems for the same share of time has its outages at the same times;
    everything else has its own."""
    mine, theirs = objectives
    before = np.array(one.judge.availability(mine).values)
    after = np.array(other.judge.availability(theirs).values)
    return quantile_interval((after - before).tolist())


def is_better(found: Interval, *, is_lower_better: bool) -> bool | None:
    """Whether the second is surely better, or surely worse (False); None where the interval has zero in it."""
    if found.low > 0:
        return not is_lower_better
    return is_lower_better if found.high < 0 else None
