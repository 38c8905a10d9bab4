"""Costs, and the share of calls that own limits and budgets reject: one arithmetic for every place that shows either.

Theory. The cost of a window is the number of its calls, multiplied by the share of them that is let in and by the cost of one.
The number of calls follows from the traffic (the load at the peak, multiplied by the load factor), not from how many a run
happened to draw. The share that limits let in is counted in the runs; that of budgets is computed (`system/verdicts/budget_flow.py`).
The cost of one is the mean over the calls of the runs that were let in; aliases are weighted by their share of the traffic. The
beginning of a trace warms a run up and is not measured, but it is known what it asked: the mean is scaled by the list price of all
calls of the trace, divided by that of the measured ones (a ratio estimate).

The interval has three parts, added as variances: the runs differ (Student's t); a trace is a sample of its traffic, and its
stretches differ (batch means; for the cost of a call, the ratio of two sums); a window has a random number of calls of random
sizes.

Always true: a window's cost is the calls that are let in multiplied by the cost of a call, and at most what budgets let through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite, sqrt
from typing import Final

import msgspec
import numpy as np
from scipy.special import stdtrit

from headworks.core.reply import Usage
from headworks.gateway.prices import Prices
from headworks.system.verdicts.budget_flow import BudgetFlow, BudgetFlows, budget_flows
from headworks.twin.models.random_streams import Floats
from headworks.twin.screening.limits import keys_for
from headworks.twin.simulation.confidence_interval import CONFIDENCE, Interval, mean_interval
from headworks.twin.simulation.observations import Observations, mean_cost
from headworks.twin.simulation.replications import Plan, Run
from headworks.twin.workload.arrivals import Shape, Trace, squared_cv

BATCHES: Final = 20
"""Stretches that a trace is cut into: ten to thirty are enough (Schmeiser, Batch size effects in the analysis of simulation output,
Operations Research 30, 1982)."""

NORMAL_95: Final = 1.96
"""The 97.5th percentile of the normal distribution."""

ALL: Final = 1 - 1e-9
"""The share from which everything is served: the rest is rounding."""


class WindowCost(msgspec.Struct, frozen=True):
    """The cost of a window, and the number of calls that are let in during it."""

    cost: Interval
    calls: float


class Money:
    """The costs of a plan by its runs. busy: the mean load over a window by the load at the peak."""

    def __init__(self, plan: Plan, made: Sequence[Run], busy: float) -> None:
        self.plan = plan
        self._prices = Prices(plan.system)
        self.seen = [one.seen for one in made]
        self.rates = {alias: rate * busy for alias, rate in plan.workload.rates.items() if alias in plan.system.models}
        """Calls a second of each alias, on average over a window."""
        self.let_in = let_in_shares(plan, self.seen)
        self._scales = {alias: self._whole_trace(alias) for alias in self.rates}
        self.costs = self._costs()
        self.flows: BudgetFlows = budget_flows(plan.system, self.rates, self.costs, self.let_in)
        self.names = self._who_refuses(made)

    def _who_refuses(self, made: Sequence[Run]) -> list[str]:
        """The budgets and limits that refuse somebody, by name."""
        names = [one.name for one in self.flows.budgets if one.share < ALL] + limits_that_refuse(made)
        if not names and any(share < ALL for share in self.let_in.values()):
            names = [f"{one.name}, which calls in flight have reserved" for one in self.flows.budgets]
        return names

    def _costs(self) -> dict[str, float]:
        """The mean cost of a call of each alias that was let in, over all runs; those are left out whose cost nobody knows."""
        found: dict[str, float] = {}
        for alias in self.rates:
            known = [one.of(alias) for one in self.seen]
            counts = [int(one.is_let_in.sum()) for one in known]
            sums = [float(one.cost[one.is_let_in].sum()) for one in known]
            if sum(counts) and isfinite(sum(sums)):
                found[alias] = sum(sums) / sum(counts) * self._scales[alias]
        return found

    def _whole_trace(self, alias: str) -> float:
        """The list price of a trace's calls divided by that of the measured ones; 1 for a shape, or without a price."""
        workload = self.plan.workload
        model = self.plan.system.models[alias]
        price = self._prices.of(model, model.targets[0][0])
        if not isinstance(workload, Trace) or price is None:
            return 1.0
        listed = np.array(
            [price.cost(Usage(input=one.prompt, output=one.output)) or 0 for one in workload.sizes], float
        )
        mine = np.array([one[0] == alias for one in workload.known]) if workload.known is not None else listed >= 0
        is_measured = mine & (workload.at / workload.faster >= float(self.seen[0].arrived.min(initial=inf)))
        if not listed[is_measured].sum():
            return 1.0
        return float(listed[mine].mean() / listed[is_measured].mean())

    @property
    def budgets(self) -> list[BudgetFlow]:
        """The budgets, where every price is known: else nobody knows what is left of them."""
        return self.flows.budgets if self.costs.keys() == self.rates.keys() else []

    def aliases(self, alias: str | None) -> list[str]:
        """The aliases of an objective that any call comes for."""
        return [name for name in self.rates if alias in (None, name)]

    def budget_share(self, alias: str) -> float:
        """Of an alias's calls that limits let in, the share that budgets have room for."""
        callers = keys_for(self.plan.system, alias)
        if not callers:
            return 1.0
        weights = [self.let_in.get((alias, caller), 1.0) for caller in callers]
        shares = [self.flows.shares[caller] for caller in callers]
        total = sum(weights)
        return sum(weight * share for weight, share in zip(weights, shares, strict=True)) / total if total else 1.0

    def alias_share(self, alias: str) -> float:
        """Of an alias's calls the share that limits and budgets let in."""
        callers = keys_for(self.plan.system, alias) or [""]
        limits = sum(self.let_in.get((alias, caller), 1.0) for caller in callers) / len(callers)
        return limits * self.budget_share(alias)

    def served_share(self, alias: str | None) -> float:
        """Of what is asked of an objective's aliases, the share that limits and budgets let in: 1 where they refuse nobody."""
        names = self.aliases(alias)
        total = sum(self.rates[name] for name in names)
        share = sum(self.rates[name] * self.alias_share(name) for name in names) / total if total else 1.0
        return 1.0 if share >= ALL else max(0.0, share)

    def cost_per_call(self, alias: str | None) -> Interval | None:
        """Dollars of a call that is let in; None where a price is unknown, or nobody was let in."""
        weights = {name: self.rates[name] * self.alias_share(name) for name in self.aliases(alias)}
        total = sum(weights.values())
        if not total or any(name not in self.costs for name, weight in weights.items() if weight):
            return None
        by_runs = self._mean_over_runs({name: weight / total for name, weight in weights.items()})
        return self._wider(by_runs, self._trace_noise(alias, is_a_call=True))

    def window(self, alias: str | None, seconds: float) -> WindowCost | None:
        """What so many seconds cost; None where a price is unknown, or nobody was let in."""
        per_call = self.cost_per_call(alias)
        if per_call is None:
            return None
        names = self.aliases(alias)
        calls = sum(self.rates[name] * self.alias_share(name) for name in names) * seconds
        weights = {name: self.rates[name] * self.alias_share(name) / calls * seconds for name in names}
        by_runs = self._mean_over_runs(weights)
        own = NORMAL_95 * sqrt(self._dispersion(alias) / calls)
        found = self._wider(by_runs, self._trace_noise(alias, is_a_call=False), own)
        return WindowCost(self._within_budgets(alias, seconds, found), calls)

    def _within_budgets(self, alias: str | None, seconds: float, per_call: Interval) -> Interval:
        """A window's cost at each end of what a call may cost: the dearer they are, the fewer a budget lets in."""

        def at(cost: float) -> float:
            factor = cost / per_call.value if per_call.value else 1.0
            if not isfinite(factor):
                return cost
            costs = {name: one * factor for name, one in self.costs.items()}
            shares = budget_flows(self.plan.system, self.rates, costs, self.let_in).shares
            spent = 0.0
            for name in self.aliases(alias):
                callers = keys_for(self.plan.system, name) or [""]
                for caller in callers:
                    share = self.let_in.get((name, caller), 1.0) * shares.get(caller, 1.0)
                    spent += self.rates[name] / len(callers) * share * costs.get(name, 0.0)
            return spent * seconds

        value = at(per_call.value)
        return Interval(value, min(value, at(per_call.low)), max(value, at(per_call.high)))

    def _mean_over_runs(self, weights: Mapping[str, float]) -> Interval:
        """The mean of what each run says of a mix of aliases; where a run has no call of one, all runs together say it."""
        values = []
        for seen in self.seen:
            known = {name: mean_cost(seen.of(name)) for name in weights}
            each = {
                name: self.costs.get(name, 0.0) if cost is None else cost * self._scales[name]
                for name, cost in known.items()
            }
            values.append(sum(weight * each[name] for name, weight in weights.items()))
        found = mean_interval(values)
        value = sum(weight * self.costs.get(name, 0.0) for name, weight in weights.items())
        half = found.value - found.low
        return Interval(value, max(0.0, value - half) if isfinite(half) else -inf, value + half)

    @staticmethod
    def _wider(found: Interval, *parts: float) -> Interval:
        """An interval with further noise in it, as half widths by the value."""
        more = sqrt(sum(part**2 for part in parts)) * found.value
        low = found.value - sqrt((found.value - found.low) ** 2 + more**2)
        high = found.value + sqrt((found.high - found.value) ** 2 + more**2)
        return Interval(found.value, max(0.0, low) if isfinite(low) else low, high)

    def _trace_noise(self, alias: str | None, *, is_a_call: bool) -> float:
        """How far a trace may be from the traffic that it is a sample of, as a half width by the value: of the cost of a call, or
        of the cost of a second. A shape is no sample: its numbers are the traffic's."""
        if isinstance(self.plan.workload, Shape):
            return 0.0
        seen = self.seen[0].of(alias)
        sums, counts = batches(seen)
        if len(sums) < 2 or not sums.sum():
            return inf if sums.sum() else 0.0
        residuals = sums - counts * (sums.sum() / counts.sum()) if is_a_call else sums - sums.mean()
        half = float(stdtrit(len(sums) - 1, (1 + CONFIDENCE) / 2)) * float(residuals.std(ddof=1)) / sqrt(len(sums))
        return half / float(sums.mean())

    def _dispersion(self, alias: str | None) -> float:
        """The variance of the cost of many calls, by their number and the square of what one costs: of how many come in a time
        (of a renewal process it is the gaps' squared variation) and of what each costs."""
        workload = self.plan.workload
        if isinstance(workload, Shape):
            gaps = max((one.burstiness for one in workload.aliases if alias in (None, one.alias)), default=1.0)
        else:
            gaps = squared_cv(self.seen[0].of(alias).arrived)
        seen = [one.of(alias) for one in self.seen]
        costs = np.concatenate([one.cost[one.is_let_in] for one in seen])
        mean = float(costs.mean()) if len(costs) else 0.0
        return gaps + (float(costs.var()) / mean**2 if mean else 0.0)


def batches(seen: Observations) -> tuple[Floats, Floats]:
    """The cost of each of `BATCHES` stretches of equal length, and its calls that were let in; fewer where there are few calls."""
    count = min(BATCHES, len(seen) // 2)
    if count < 1:
        return np.zeros(0), np.zeros(0)
    begin, end = float(seen.arrived.min()), float(seen.arrived.max())
    number = np.minimum(((seen.arrived - begin) / max(end - begin, 1e-9) * count).astype(np.int64), count - 1)
    sums = np.bincount(number, np.where(seen.is_let_in, np.nan_to_num(seen.cost), 0.0), count)
    return sums.astype(float), np.bincount(number[seen.is_let_in], minlength=count).astype(float)


def let_in_shares(plan: Plan, seen: Sequence[Observations]) -> dict[tuple[str, str], float]:
    """By alias and key: of the calls of all runs, the share that limits (and budgets, by what is reserved at once) let in."""
    found: dict[tuple[str, str], float] = {}
    for alias in plan.system.models:
        mine = [one.of(alias) for one in seen]
        for caller in keys_for(plan.system, alias) or [""]:
            known = [one.is_let_in[one.key == caller] for one in mine]
            asked = sum(len(one) for one in known)
            if asked:
                found[alias, caller] = sum(int(one.sum()) for one in known) / asked
    return found


def limits_that_refuse(made: Sequence[Run]) -> list[str]:
    """The limits of keys, groups and aliases that turned somebody away, by name."""
    owners = (" of key ", " of group ", " of alias ")
    found = [use.name for one in made for use in one.uses if use.refused and any(owner in use.name for owner in owners)]
    return list(dict.fromkeys(found))
