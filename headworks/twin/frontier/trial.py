"""One candidate in a search: a short run on random numbers that all candidates share, and its outages by arithmetic.

Theory. All candidates get the same calls at the same instants, and the same target draws the same times in each (common random
numbers; Law, Simulation Modeling and Analysis, ch. 11). So one short run each is enough to see which are worth a longer look; no
verdict rests on it.

Always true: the same candidate and seed give the same numbers, whoever else is tried.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from headworks.gateway.prices import Prices
from headworks.system.schema.requirements import Objective
from headworks.system.schema.system import System
from headworks.system.verdicts.availability import AvailabilityJudge
from headworks.system.verdicts.judge import ArithmeticJudge
from headworks.twin.frontier.axes import Axes, with_axes
from headworks.twin.frontier.candidates import Candidate, Parse, Refused, admitted
from headworks.twin.frontier.estimates import Estimate, estimated
from headworks.twin.frontier.extra_prices import extra_cost, with_paid_providers
from headworks.twin.plan import PlanInputs, peak_of, prepare
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.observations import Observations
from headworks.twin.simulation.replications import Effort, Plan, Run, replicate
from headworks.twin.verdicts.differences import MONTH
from headworks.twin.verdicts.money import Money
from headworks.twin.verdicts.quality import quality_up
from headworks.twin.verdicts.verdict import Judge, margin

FEWER_CALLS: Final = 2
"""A trial's run has this many times fewer calls than a verdict's: random draws are shared, so fewer are enough."""


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate's numbers by a short run. month: with what is paid beside calls; None where nobody knows it. missed: objectives
    of the file that it misses by them; unsure: those that it would miss if its vendors were as slow as they may be."""

    month: float | None
    first_token: float | None
    availability: float
    quality: float | None
    missed: tuple[str, ...]
    unsure: tuple[str, ...]


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a candidate. refused: by `check` or a constraint; numbers: None where it was not simulated."""

    candidate: Candidate
    digest: str = ""
    refused: Refused | None = None
    estimate: Estimate | None = None
    numbers: Numbers | None = None
    calls: int = 0


class Bench(msgspec.Struct, frozen=True):
    """Tries candidates of one file."""

    parse: Parse
    known: PlanInputs
    effort: Effort
    axes: Axes

    def estimated(self, one: Candidate) -> Tried:
        """A candidate read, checked and screened. Raises PlanError."""
        system = admitted(one, self.parse)
        if isinstance(system, Refused):
            return Tried(candidate=one, refused=system)
        return Tried(candidate=one, digest=system.digest, estimate=estimated(with_paid_providers(system), self.known))

    def tried(self, screened: Tried) -> Tried:
        """The same with a run."""
        system = self.system(screened.candidate)
        assert screened.estimate is not None
        ready = prepare(system, self.known)
        asked = ready.demand
        plan = Plan(system, ready.modelled.models, asked.workload, self.known.quality)
        courses = Courses(peak_of(system, asked), asked.workload.rate)
        calls = max(50, self.effort.calls // FEWER_CALLS)
        run = replicate(plan, self.effort.seed, calls, course=courses.compared(plan, calls))
        numbers = numbers_of(plan, run, asked.busy, self.axes, screened.estimate)
        return msgspec.structs.replace(screened, numbers=numbers, calls=run.calls)

    def system(self, one: Candidate) -> System:
        """The system of a candidate that was admitted, with the objectives of the axes."""
        system = admitted(one, self.parse)
        assert isinstance(system, System), "it was admitted before"
        return with_axes(with_paid_providers(system), self.axes)


def numbers_of(plan: Plan, run: Run, busy: float, axes: Axes, estimate: Estimate) -> Numbers:
    """The numbers of a run with all providers up, and of the outages by arithmetic."""
    system, judge = plan.system, Judge(plan, [run], run.seed, busy)
    arithmetic = AvailabilityJudge(ArithmeticJudge(system, Prices(system).of, plan.quality))
    extra = extra_cost(system, provider_spend(judge.money, [run.seen]))
    month = judge.money.window(None, MONTH)
    missed, unsure = [], []
    for one in system.requirements.objectives:
        value = value_of(one, judge, arithmetic, extra)
        if value is None or one in axes.added:
            continue
        if margin(one, value) < 0 or (one.metric == "availability" and not _is_kept(one, judge, arithmetic)):
            missed.append(one.id)
        elif one.metric in ("time_to_first_token", "duration") and margin(one, value * estimate.slower) < 0:
            unsure.append(one.id)
    first = value_of(axes.first_token, judge, arithmetic, extra)
    return Numbers(
        month=None if month is None else month.cost.value + extra,
        first_token=None if estimate.unknown else first,
        availability=value_of(axes.availability, judge, arithmetic, extra) or 0.0,
        quality=None if axes.quality is None else quality_up(system, axes.quality, plan.quality, [run.seen]),
        missed=tuple(missed),
        unsure=tuple(unsure),
    )


def value_of(one: Objective, judge: Judge, arithmetic: AvailabilityJudge, extra: float) -> float | None:
    """The number of an objective by short runs: of availability with outages by arithmetic, of a cost with what is paid beside calls."""
    if one.metric == "quality":
        return quality_up(judge.plan.system, one, judge.plan.quality, [run.seen for run in judge.made])
    if one.metric == "cost":
        assert one.window is not None
        found = judge.money.window(one.alias, one.window)
        more = extra * one.window / MONTH if one.alias is None else 0.0
        return None if found is None else found.cost.value + more
    found_value = judge.estimate(one)
    if found_value is None:
        return None
    if one.metric != "availability":
        return found_value.value
    return found_value.value * arithmetic.up(rates_of(one, judge))


def rates_of(one: Objective, judge: Judge) -> dict[str, float]:
    """Calls a second of each alias of an objective."""
    return {alias: rate for alias, rate in judge.plan.workload.rates.items() if one.alias in (None, alias)}


def _is_kept(one: Objective, judge: Judge, arithmetic: AvailabilityJudge) -> bool:
    """Whether availability is kept, in single windows where the objective has one."""
    found = judge.estimate(one)
    return (
        found is not None
        and arithmetic.measured(one, rates_of(one, judge), found.value, found.value) != "does not hold"
    )


def provider_spend(money: Money, seen: list[Observations]) -> dict[str, float]:
    """Dollars that the calls of each provider cost a month: the month divided as the calls of the runs were, by who answered."""
    month = money.window(None, MONTH)
    if month is None:
        return {}
    sums: dict[str, float] = {}
    for one in seen:
        if one.answered_by is None:
            continue
        costs = np.nan_to_num(one.cost)
        for name in np.unique(one.answered_by):
            provider = str(name).partition("/")[0]
            sums[provider] = sums.get(provider, 0.0) + float(costs[one.answered_by == name].sum())
    total = sum(sums.values())
    return {name: month.cost.value * part / total for name, part in sums.items() if name} if total else {}
