"""The verdict on each objective from a load, and the comparison with a prediction.

Always true: *holds* and *does not hold* need the whole interval on one side of the limit. What counts is what
`headworks plan` counts: latency of whole answers, availability without the caller's own faults, goodput of whole answers
that meet every latency objective about them. A window's cost is a call's mean cost times the calls that the traffic has in it.
A load of minutes contains no outage of a vendor, so those that `headworks check` and `headworks plan` assume are added. Calls
that limits or budgets of keys reject are in no number: they are a share of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import inf

import msgspec

from headworks.core.figures import written_figure
from headworks.core.money import NANO
from headworks.load.call import CallResult
from headworks.load.stats import Interval, mean, percentile, wilson
from headworks.system.schema.requirements import Objective, Traffic
from headworks.system.verdicts.availability import AvailabilityJudge
from headworks.system.verdicts.inputs import StatedInputs
from headworks.system.verdicts.verdict import (
    ALL_SERVED,
    Served,
    VerdictWord,
    on_which_side,
    overall,
    said_of,
    served_words,
)


class Costs(msgspec.Struct, frozen=True):
    """The cost of calls, by request id, in nano-dollars (None: unknown); those that were the caller's own fault; and among these
    the ones that a limit or a budget of a key, a group or an alias rejected."""

    nano: Mapping[str, int | None] = {}
    refused: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    why_not: str = "the ledger of this system was not read"


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The measured calls, and over how many seconds. rate: offered calls a second. mean_rates: calls a second of each alias, on
    average over a window of the traffic. inputs: the system's, for its outages."""

    calls: Sequence[CallResult]
    seconds: float
    costs: Costs = Costs()
    objectives: Sequence[Objective] = ()
    mean_rates: Mapping[str, float] = {}
    inputs: StatedInputs | None = None

    @property
    def rate(self) -> float:
        return len(self.calls) / self.seconds if self.seconds > 0 else 0.0

    def of(self, alias: str | None) -> Sequence[CallResult]:
        return self.calls if alias is None else [one for one in self.calls if one.alias == alias]

    def served(self, alias: str | None) -> Served:
        """The share of these calls that no limit and no budget rejected."""
        mine = self.of(alias)
        rejected = sum([one.request_id in self.costs.rejected for one in mine])
        return Served(1 - rejected / len(mine)) if rejected else ALL_SERVED


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The measurement of one objective. value, low, high, limit: seconds, shares, calls a second or dollars, null where
    there is no number. calls: those that it rests on. served: the share of calls that no limit and no budget of a key, a group
    or an alias rejected: the verdict is about that share."""

    id: str
    objective: str
    alias: str | None
    metric: str
    verdict: VerdictWord
    limit: float
    value: float | None = None
    low: float | None = None
    high: float | None = None
    calls: int = 0
    served: float = 1.0
    why: str = ""

    @property
    def said(self) -> str:
        """The verdict in words: of which share of what was asked it holds."""
        return said_of(self.verdict, self.served)


class Judgement(msgspec.Struct, frozen=True):
    """A verdict with its interval, before the objective is attached."""

    verdict: VerdictWord
    interval: Interval | None
    calls: int
    why: str = ""


def judge(objective: Objective, seen: Measured, traffic: Traffic) -> Verdict:
    """Judges one objective."""
    match objective.metric:
        case "time_to_first_token" | "duration":
            found = latency(objective, seen)
        case "availability":
            found = availability(objective, seen)
        case "goodput":
            found = goodput(objective, seen)
        case "cost_per_call" | "cost":
            found = cost(objective, seen, traffic)
        case _:
            found = Judgement("not judged", None, 0, quality_elsewhere(objective))
    interval, served = found.interval, seen.served(objective.alias)
    verdict, why = found.verdict, found.why
    if not served.is_all and verdict != "not judged":
        verdict = verdict if served.share > 0 else "does not hold"
        why = f"{served_words(verdict, served)}; {why}"
    return Verdict(
        id=objective.id,
        objective=str(objective),
        alias=objective.alias,
        metric=objective.metric,
        verdict=verdict,
        limit=float(objective.limit.value),
        value=None if interval is None else interval.value,
        low=None if interval is None or interval.low == -inf else interval.low,
        high=None if interval is None or interval.high == inf else interval.high,
        calls=found.calls,
        served=served.share,
        why=why,
    )


def quality_elsewhere(objective: Objective) -> str:
    """Who judges a quality: made-up calls have no right answer."""
    suite = f" --suite {objective.suite}" if objective.suite else ""
    return f"a load's calls have no right answers: `headworks plan` judges it, by what `headworks eval --targets all{suite}` found"


def latency_values(objective: Objective, calls: Sequence[CallResult]) -> list[float]:
    """Seconds of the whole answers that a latency objective is about, in ascending order."""
    if objective.metric == "duration":
        return sorted([one.duration for one in calls if one.is_whole])
    return sorted([one.first for one in calls if one.is_whole and one.streamed and one.first_at])


def latency(objective: Objective, seen: Measured) -> Judgement:
    values = latency_values(objective, seen.of(objective.alias))
    assert objective.percentile is not None
    interval = percentile(values, objective.percentile)
    if interval is None:
        none = "no streamed call was answered" if objective.metric == "time_to_first_token" else "no call was answered"
        return Judgement("cannot say", None, 0, none)
    within = sum([value <= float(objective.limit.value) for value in values])
    share = wilson(within, len(values))
    part = objective.percentile / 100
    said: VerdictWord = "holds" if share.low >= part else "does not hold" if share.high < part else "cannot say"
    why = f"{within} of {len(values)} within the limit"
    if said == "cannot say":
        why += f": {100 * share.low:.4g} to {100 * share.high:.4g} %; more calls are needed"
    return Judgement(said, interval, len(values), why)


def is_own_fault(one: CallResult, costs: Costs) -> bool:
    """Whether a call is the caller's own fault: by the ledger where it has the call, else by the status."""
    return one.ended == "refused" or one.request_id in costs.refused


def availability(objective: Objective, seen: Measured) -> Judgement:
    counted = [one for one in seen.of(objective.alias) if not is_own_fault(one, seen.costs) and one.ended != "left"]
    if not counted:
        return Judgement("cannot say", None, 0, "no call counted")
    whole = sum([one.is_whole for one in counted])
    share = wilson(whole, len(counted))
    why = f"{whole} of {len(counted)} complete"
    if seen.inputs is not None:
        return with_outages(objective, seen.inputs, Counter(one.alias for one in counted), share, why)
    if verdict_of(objective, share) == "cannot say":
        why += "; more calls are needed"
    if objective.window is not None:
        why += "; a load of minutes has no vendor outage in it: headworks plan includes them"
    return Judgement(verdict_of(objective, share), share, len(counted), why)


def with_outages(
    objective: Objective, inputs: StatedInputs, calls: Mapping[str, int], share: Interval, why: str
) -> Judgement:
    """Availability over all time: the measured share, and the outages that every command assumes."""
    judge = AvailabilityJudge(inputs)
    up = judge.up(calls)
    verdict = judge.measured(objective, calls, share.low, share.high)
    if verdict == "cannot say" and judge.measured(objective, calls, share.value, share.value) != verdict:
        why += "; more calls would tell"
    interval = Interval(share.value * up, share.low * up, share.high * up)
    return Judgement(verdict, interval, sum(calls.values()), f"{why}; {judge.outages_alone(list(calls))}")


def count_good(calls: Sequence[CallResult], objectives: Sequence[Objective]) -> int:
    """How many are whole answers that meet every latency objective that is about them."""
    latencies = [one for one in objectives if one.metric in ("time_to_first_token", "duration")]
    return sum([one.is_whole and not any(is_late(one, by) for by in latencies) for one in calls])


def is_late(one: CallResult, objective: Objective) -> bool:
    if objective.alias is not None and objective.alias != one.alias:
        return False
    limit = float(objective.limit.value)
    if objective.metric == "duration":
        return one.duration > limit
    return one.streamed and one.first_at > 0 and one.first > limit


def goodput(objective: Objective, seen: Measured) -> Judgement:
    calls = seen.of(objective.alias)
    if not calls:
        return Judgement("cannot say", None, 0, "no call was sent")
    offered = len(calls) / seen.seconds
    share = wilson(count_good(calls, seen.objectives), len(calls))
    interval = Interval(share.value * offered, share.low * offered, share.high * offered)
    if offered < float(objective.limit.value):
        return Judgement(
            "cannot say",
            interval,
            len(calls),
            f"only {written_figure(offered, 4)} calls/s were offered: use a higher --rate",
        )
    why = f"{100 * share.value:.4g} % of {written_figure(offered, 4)} calls/s meet every latency objective"
    return Judgement(verdict_of(objective, interval), interval, len(calls), why)


def cost(objective: Objective, seen: Measured, traffic: Traffic) -> Judgement:
    asked = seen.of(objective.alias)
    calls = [one for one in asked if one.request_id in seen.costs.nano and one.request_id not in seen.costs.rejected]
    if not calls:
        return Judgement("cannot say", None, 0, seen.costs.why_not)
    known = [seen.costs.nano[one.request_id] for one in calls]
    priced = [nano / NANO for nano in known if nano is not None]
    if len(priced) < len(known):
        return Judgement("cannot say", None, len(calls), "a target's price is unknown")
    interval = mean(priced)
    assert interval is not None
    why = f"{len(priced)} calls in the ledger"
    if objective.metric == "cost":
        assert objective.window is not None
        rate = sum([rate for alias, rate in seen.mean_rates.items() if objective.alias in (None, alias)])
        rate = rate or len(asked) / seen.seconds * traffic.busy
        times = rate * objective.window * seen.served(objective.alias).share
        interval = Interval(interval.value * times, interval.low * times, interval.high * times)
        why = f"{times:,.0f} calls in the window; {why}"
    return Judgement(verdict_of(objective, interval), interval, len(calls), why)


def verdict_of(objective: Objective, found: Interval) -> VerdictWord:
    """The verdict: on which side of the limit the interval lies."""
    return on_which_side(objective, found.low, found.high)


def overall_verdict(verdicts: Sequence[Verdict]) -> VerdictWord:
    """`does not hold` if any objective is missed, else `cannot say` if any is unclear, else `holds`. Unjudged ones do not count."""
    return overall(one.verdict for one in verdicts)


# Beside a prediction


class Predicted(msgspec.Struct, frozen=True, kw_only=True):
    """One objective in a plan's JSON: the fields that are used. mean: over all windows, where it has one; value: of the median one."""

    id: str
    metric: str
    value: float | None = None
    mean: float | None = None


class PredictedLatency(msgspec.Struct, frozen=True, kw_only=True):
    """A predicted latency distribution in a plan's JSON: seconds at its `percents`."""

    alias: str
    metric: str
    predicted: list[float | None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a plan's JSON that are used."""

    verdicts: list[Predicted]
    latencies: list[PredictedLatency] = []
    percents: list[float] = []
    digest: str = ""


class ComparedValue(msgspec.Struct, frozen=True, kw_only=True):
    """A number that was predicted and measured. error: measured by predicted, less one; of availability the difference of
    the shares. low, high: where loads of this length lie if the plan is right (`prediction.py`), and within: whether this one
    does; None where that is not known."""

    what: str
    metric: str
    predicted: float
    measured: float
    error: float
    low: float | None = None
    high: float | None = None
    within: bool | None = None


COMPARED_PERCENTILES = (50.0, 95.0, 99.0)
"""Percentiles of predicted latencies that are compared with measured ones."""


def compare(plan: Plan, verdicts: Sequence[Verdict], seen: Measured) -> list[ComparedValue]:
    """Every number that the plan and the load have in common."""
    known = {one.id: one for one in plan.verdicts}
    rows: list[ComparedValue] = []
    for one in verdicts:
        told = known.get(one.id)
        if told is None or told.value is None or one.value is None or told.metric != one.metric:
            continue
        foretold = told.value if told.mean is None else told.mean
        rows.append(_compare_value(one.id, one.metric, foretold, one.value))
    for course in plan.latencies:
        for percent, predicted in zip(plan.percents, course.predicted, strict=False):
            if percent not in COMPARED_PERCENTILES or predicted is None:
                continue
            found = percentile(measured_values(course.alias, course.metric, seen), percent)
            if found is not None:
                what = percentile_name(course.alias, percent)
                rows.append(_compare_value(what, course.metric, predicted, found.value))
    return rows


def percentile_name(alias: str, percent: float) -> str:
    return f"p{percent:g} of {alias or 'all'}"


def measured_values(alias: str, metric: str, seen: Measured) -> list[float]:
    """Seconds of the whole answers of an alias ("" for all), in ascending order."""
    whole = [one for one in seen.of(alias or None) if one.is_whole]
    if metric == "duration":
        return sorted([one.duration for one in whole])
    return sorted([one.first for one in whole if one.streamed and one.first_at])


def _compare_value(what: str, metric: str, predicted: float, measured: float) -> ComparedValue:
    if metric == "availability":
        error = measured - predicted
    else:
        error = measured / predicted - 1 if predicted else (0.0 if measured == predicted else inf)
    return ComparedValue(what=what, metric=metric, predicted=predicted, measured=measured, error=error)
