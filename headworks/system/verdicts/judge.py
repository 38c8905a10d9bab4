"""Judges each objective by arithmetic: it holds, does not hold, or needs another command to say.

Always true: `holds` and `does not hold` are said only where they follow from what is written and from the assumptions that
`why` names; in doubt it cannot be said. Nothing is measured and nothing runs. How a system behaves when calls wait for
each other is no business of this file: that needs a simulation. `docs/requirements.md` has the formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from math import ceil
from typing import Final, TypeAlias

import msgspec

from headworks.core.key import Spending
from headworks.core.money import NANO, Price, written_dollars
from headworks.core.reply import Usage
from headworks.core.state import Window
from headworks.policy.spend import LENGTHS
from headworks.system.schema.requirements import Objective
from headworks.system.schema.system import Group, Key, Model, OpenAI, Simulated, System, TargetOf
from headworks.system.syntax.scalars import written_duration
from headworks.system.verdicts import per_session
from headworks.system.verdicts.availability import AvailabilityJudge
from headworks.system.verdicts.budget_flow import budget_flows
from headworks.system.verdicts.capacity import Capacity, combined_in_parallel, combined_in_series
from headworks.system.verdicts.closed_forms import littles_law_rate, too_bursty
from headworks.system.verdicts.constraints import permitted, unserved
from headworks.system.verdicts.inputs import StatedInputs
from headworks.system.verdicts.quality import NOTHING_MEASURED, KnownQuality, judge_quality
from headworks.system.verdicts.verdict import (
    ALL_SERVED,
    NEEDS_SIMULATION,
    ROUNDING,
    Assessment,
    Needs,
    Served,
    VerdictWord,
    said_of,
    served_words,
)

Pricing: TypeAlias = Callable[[Model, TargetOf], Price | None]

SAFE_UTILIZATION: Final = 0.8
"""The share of a limit up to which bursts are taken to fit below it. Beyond, a queue forms now and then even where the
mean fits (M/M/1 at 80 %: four calls wait or run on average), and only a simulation tells how long it gets."""

COST_TOLERANCE: Final = 0.95
"""How close a bound may come to what arithmetic finds before it depends on single calls: retries cost a little, and no two
minutes bring the same number of calls."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one objective. needs: what could judge it: `numbers` in the file, `plan` or `eval`; "" where it is judged.
    served: of what is asked, the share that budgets have room for: the verdict is about that share."""

    id: str
    objective: str
    alias: str | None
    verdict: VerdictWord
    why: str
    needs: Needs = ""
    served: float = 1.0

    @property
    def said(self) -> str:
        """The verdict in words: of which share of what is asked it holds."""
        return said_of(self.verdict, self.served)


def judge(system: System, pricing: Pricing, quality: KnownQuality = NOTHING_MEASURED) -> list[Verdict]:
    """A verdict for every objective, in the order of the file. Targets that do not meet the constraints are not counted on.
    quality: what `headworks eval --targets` found."""
    if nobody := unserved(system):
        return [without_targets(one, nobody) for one in system.requirements.promises]
    bench = ArithmeticJudge(permitted(system), pricing, quality)
    return [verdict_on(one, bench) for one in system.requirements.promises]


def verdict_on(objective: Objective, bench: ArithmeticJudge) -> Verdict:
    found, served = bench.of(objective), bench.served(objective)
    why = found.why
    if found.verdict == "not judged":
        served = ALL_SERVED
    if not served.is_all:
        why = f"{served_words(found.verdict, served)}; {why}"
    return Verdict(
        id=objective.id,
        objective=str(objective),
        alias=objective.alias,
        verdict=found.verdict,
        why=why,
        needs=found.needs,
        served=served.share,
    )


def without_targets(objective: Objective, aliases: Sequence[str]) -> Verdict:
    """Nothing is served where an alias has no target that meets the constraints."""
    return Verdict(
        id=objective.id,
        objective=str(objective),
        alias=objective.alias,
        verdict="cannot say",
        why=f"no target of {', '.join(aliases)} meets the constraints",
        needs="numbers",
    )


class ArithmeticJudge(StatedInputs):
    """Judges the objectives of one system."""

    def __init__(self, system: System, pricing: Pricing, quality: KnownQuality = NOTHING_MEASURED) -> None:
        super().__init__(system)
        self.pricing = pricing
        self.quality = quality

    def of(self, objective: Objective) -> Assessment:
        if objective.per is not None or objective.metric == "calls":
            return per_session.assess(objective, self)
        aliases = [objective.alias] if objective.alias is not None else list(self.system.models)
        match objective.metric:
            case "time_to_first_token" | "duration":
                return self.latency(objective, aliases)
            case "availability":
                return AvailabilityJudge(self).of(objective, aliases)
            case "goodput":
                return self.goodput(objective, aliases)
            case "cost_per_call":
                return self.cost_per_call(objective, aliases)
            case "cost":
                return self.cost(objective, aliases)
            case "quality":
                return judge_quality(self.system, objective, self.quality)

    # Budgets.

    def served(self, objective: Objective) -> Served:
        """Of what is asked, the share that budgets have room for: all, where that is not known."""
        rates: dict[str, float] = {}
        costs: dict[str, float] = {}
        for alias in self.system.models:
            cost, peak = self.cost_range(alias), self.peak_rate(alias)
            if peak is None or isinstance(cost, Assessment) or cost[0] != cost[1] or self.repeated_share([alias]):
                return ALL_SERVED
            rates[alias] = peak * self.traffic.busy
            costs[alias] = cost[0] / NANO
        flows = budget_flows(self.system, rates, costs, {})
        aliases = [alias for alias in rates if objective.alias in (None, alias)]
        share = sum(rates[alias] * flows.share_of(self.system, alias) for alias in aliases)
        total = sum(rates[alias] for alias in aliases)
        names = tuple(one.name for one in flows.budgets if one.share < 1)
        return Served(share / total, names) if names and share < total else ALL_SERVED

    # Latency.

    def latency(self, objective: Objective, aliases: Sequence[str]) -> Assessment:
        limit, percentile = float(objective.limit.value), objective.percentile
        assert percentile is not None
        streamed = [self.streamed_share(alias) for alias in aliases]
        if objective.metric == "time_to_first_token" and not any(streamed):
            return Assessment("cannot say", "no call is streamed: `streamed` is 0%", "numbers")
        longest = max(self.system.models[alias].timeouts.total for alias in aliases)
        if limit >= longest:
            return Assessment("holds", f"every call ends within `timeouts.total`, {written_duration(longest)}")
        expected: list[tuple[float, str]] = []
        for alias in aliases:
            for target in self.targets(alias):
                value = self.expected(alias, target, objective, percentile)
                if value is None:
                    return Assessment("cannot say", f"{NEEDS_SIMULATION}; {target} has no `expect:`", "plan")
                expected.append((value, str(target)))
        best, name = min(expected)
        said = f"p{percentile:g} of {name} {'alone' if len(expected) > 1 else ''}".rstrip() + f" is {seconds(best)}"
        if best > limit * (1 + ROUNDING) and self.is_certain(aliases, percentile):
            fastest = ", the fastest of its targets" if len(expected) > 1 else ""
            return Assessment("does not hold", f"{said}{fastest}, by its `expect:`")
        return Assessment("cannot say", f"{NEEDS_SIMULATION}; {said}, without waiting, retries and fallbacks", "plan")

    def is_certain(self, aliases: Sequence[str], percentile: float) -> bool:
        """Whether nothing makes answers faster than their vendors: no cache, no timeout that ends the slow ones for good."""
        if self.repeated_share(aliases):
            return False
        slow = [
            first.at(percentile) > self.system.models[alias].timeouts.first_token
            for alias in aliases
            for target in self.targets(alias)
            if (first := self.time(target, "first_token")) is not None
        ]
        return not any(slow)

    def expected(self, alias: str, target: TargetOf, objective: Objective, percentile: float) -> float | None:
        """The least that a percentile can be at one target: of a whole answer, its longer half alone."""
        first = self.time(target, "first_token")
        if objective.metric == "time_to_first_token":
            return None if first is None else first.at(percentile)
        output, per_token = self.tokens(alias, "output_tokens"), self.time(target, "per_token")
        writing = None if output is None or per_token is None else output.at(percentile) * per_token.mean
        known = [one for one in (None if first is None else first.at(percentile), writing) if one is not None]
        return max(known) if known else None

    # Throughput.

    def goodput(self, objective: Objective, aliases: Sequence[str]) -> Assessment:
        limit = float(objective.limit.value)
        places = [self.provider_capacity(aliases, provider) for provider in self.providers(aliases)]
        doors = [self.gateway_limit(aliases), combined_in_parallel([self.own_limits(alias, None) for alias in aliases])]
        most = min(sum(one.most for one in places), *(one.most for one in doors)) / max(
            1e-9, 1 - self.repeated_share(aliases)
        )
        least = min(sum(one.least for one in places), *(one.least for one in doors))
        if most < limit:
            by = "; ".join(one.by for one in (doors[1:] if doors[1].most == most else places) if one.by)
            return Assessment(
                "does not hold", f"the limits allow only {calls(most)} calls/s: {by or 'server.max_in_flight'}"
            )
        offered = self.offered_rate(aliases)
        if offered is not None and limit > offered * (1 + ROUNDING):
            said = f"the offered load is only {calls(offered)} calls/s at the peak (`peak_rps`): lower the target"
            return Assessment("does not hold", said)
        if missing := [one for place in (*places, doors[1]) for one in place.missing]:
            return Assessment("cannot say", f"write {', '.join(dict.fromkeys(missing))}", "numbers")
        said = "no limit applies" if least == float("inf") else f"the limits allow {calls(least)} calls/s"
        others = set(self.system.models) - set(aliases)
        shared = set(self.providers(list(others))) & set(self.providers(aliases))
        if least != float("inf") and (len(aliases) > 1 or shared):
            return Assessment("cannot say", f"{said}, shared by several models; {NEEDS_SIMULATION}", "plan")
        if (bursty := too_bursty(max(map(self.burstiness, aliases)))) is not None and least != float("inf"):
            return Assessment("cannot say", f"{said}; {bursty}; {NEEDS_SIMULATION}", "plan")
        if limit > least * SAFE_UTILIZATION:
            return Assessment(
                "cannot say", f"{said}; the target is so close that bursts decide; {NEEDS_SIMULATION}", "plan"
            )
        latencies = [
            one.id
            for one in self.system.requirements.objectives
            if one.metric in ("time_to_first_token", "duration") and (one.alias is None or one.alias in aliases)
        ]
        if latencies:
            return Assessment(
                "cannot say",
                f"{said}; it depends on which calls meet {', '.join(latencies)}; {NEEDS_SIMULATION}",
                "plan",
            )
        if offered is not None and offered > least * SAFE_UTILIZATION:
            said = f"{said}, and {calls(offered)} calls/s arrive"
            return Assessment(
                "cannot say", f"{said}: the load is so close that bursts decide; {NEEDS_SIMULATION}", "plan"
            )
        return self.goodput_at_offered_load(limit, offered, said, aliases)

    def goodput_at_offered_load(
        self, limit: float, offered: float | None, said: str, aliases: Sequence[str]
    ) -> Assessment:
        """A rate of whole answers, where no limit is in its way: as many arrive, and few of them are lost."""
        if offered is None:
            if self.traffic.trace is not None or self.traffic.log:
                return Assessment(
                    "cannot say", f"{said}; the rate comes from a trace or the log; {NEEDS_SIMULATION}", "plan"
                )
            return Assessment("cannot say", f"{said}; write `peak_rps` under `traffic`", "numbers")
        lost = [self.lost_share(alias) for alias in aliases]
        known = [one for one in lost if one is not None]
        owners: list[Key | Group] = [*self.system.keys.values(), *self.system.groups.values()]
        has_doors = any((one.rpm, one.tpm, one.concurrency, one.budget) != (None, None, None, None) for one in owners)
        has_doors = has_doors or not all(map(self.fits_timeouts, aliases))
        if len(known) < len(lost) or has_doors or limit > offered * (1 - max(known)) * COST_TOLERANCE:
            return Assessment(
                "cannot say",
                f"{said}; the target is close to the offered load of {calls(offered)} calls/s; {NEEDS_SIMULATION}",
                "plan",
            )
        return Assessment("holds", said)

    def providers(self, aliases: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(target.provider for alias in aliases for target in self.targets(alias)))

    def provider_capacity(self, aliases: Sequence[str], name: str) -> Capacity:
        """The capacity of one provider for these aliases, if they do not share it."""
        provider = self.system.providers[name]
        rpm, tpm = (None, None) if not isinstance(provider, (OpenAI, Simulated)) else (provider.rpm, provider.tpm)
        places = provider.concurrency
        asked = [(alias, one) for alias in aliases for one in self.targets(alias) if one.provider == name]
        stated = [self.own_limits(alias, one) for alias, one in asked]
        is_stated = all(one.by for one in stated)
        if isinstance(provider, OpenAI) and rpm is None and tpm is None and places is None and not is_stated:
            return Capacity(0.0, float("inf"), "", (f"the limits of {name} (`rpm`, `tpm` or `concurrency`)",))
        bounds = [combined_in_parallel(stated)] if any(one.by for one in stated) else []
        if rpm is not None:
            bounds.append(Capacity(rpm / 60, rpm / 60, f"{name}: rpm"))
        if tpm is not None:
            bounds.append(self.by_tokens(aliases, name, tpm / 60))
        if places is not None:
            bounds.append(self.by_concurrency(aliases, places, f"{name}: concurrency", name))
        return combined_in_series(bounds)

    def own_limits(self, alias: str, target: TargetOf | None) -> Capacity:
        """The limits of an alias, or of one of its targets; `by` is "" where it has none."""
        one, name = (self.system.models[alias], alias) if target is None else (target, str(target))
        bounds: list[Capacity] = []
        if one.rpm is not None:
            bounds.append(Capacity(one.rpm / 60, one.rpm / 60, f"{name}: rpm"))
        if one.tpm is not None:
            provider = self.targets(alias)[0].provider if target is None else target.provider
            found = self.by_tokens([alias], provider, one.tpm / 60)
            bounds.append(msgspec.structs.replace(found, by=f"{name}: tpm"))
        if one.concurrency is not None:
            provider_name = None if target is None else target.provider
            found = self.by_concurrency([alias], one.concurrency, f"{name}: concurrency", provider_name)
            bounds.append(msgspec.structs.replace(found, by=found.by or f"{name}: concurrency"))
        return combined_in_series(bounds)

    def gateway_limit(self, aliases: Sequence[str]) -> Capacity:
        """The gateway's own limit on calls in flight."""
        found = self.by_concurrency(aliases, self.system.server.max_in_flight, "server.max_in_flight", None)
        # A bound that nobody knows how to reach is not asked for: it is far above what one gateway is given.
        return found if not found.missing else Capacity(float("inf"), float("inf"), "")

    def by_tokens(self, aliases: Sequence[str], name: str, per_second: float) -> Capacity:
        sizes = []
        for alias in aliases:
            if any(target.provider == name for target in self.targets(alias)):
                asked, said = self.tokens(alias, "prompt_tokens"), self.tokens(alias, "output_tokens")
                if asked is None or said is None:
                    missing = ("`prompt_tokens` and `output_tokens` under `traffic`",)
                    return Capacity(0.0, float("inf"), "", missing)
                sizes.append(asked.mean + said.mean)
        by = f"{name}: tpm, {min(sizes):,.0f} tokens per call"
        return Capacity(per_second / max(sizes), per_second / min(sizes), by)

    def by_concurrency(self, aliases: Sequence[str], places: int, by: str, name: str | None) -> Capacity:
        """By Little's law: places, by how long a call takes one."""
        lengths = []
        for alias in aliases:
            output = self.tokens(alias, "output_tokens")
            for target in self.targets(alias):
                if name is not None and target.provider != name:
                    continue
                first, per_token = self.time(target, "first_token"), self.time(target, "per_token")
                if output is None:
                    return Capacity(0.0, float("inf"), "", ("`output_tokens` under `traffic`",))
                if first is None or per_token is None:
                    missing = (f"`expect: {{first_token: ..., per_token: ...}}` beside {target}",)
                    return Capacity(0.0, float("inf"), "", missing)
                lengths.append(first.mean + output.mean * per_token.mean)
        least, most = littles_law_rate(places, max(lengths)), littles_law_rate(places, min(lengths))
        return Capacity(least, most, f"{by}, {places} calls at once of {seconds(min(lengths))} each")

    # Cost.

    def cost_per_call(self, objective: Objective, aliases: Sequence[str]) -> Assessment:
        limit = int(objective.limit.value * NANO)
        costs = [self.cost_range(alias) for alias in aliases]
        for cost in costs:
            if isinstance(cost, Assessment):
                return cost
        known = [cost for cost in costs if not isinstance(cost, Assessment)]
        least, most = min(low for low, _ in known), max(high for _, high in known)
        said = f"{dollars(most)} by prices and mean tokens of the first tier"
        if least != most:
            said = f"{dollars(least)} to {said}"
        dear = self.most_expensive(aliases)
        if max(most, dear) <= limit * COST_TOLERANCE:
            return Assessment("holds", said)
        if min(least, self.cheapest(aliases)) * (1 - self.repeated_share(aliases)) * COST_TOLERANCE > limit:
            return Assessment("does not hold", said)
        close = "the cost of retries and fallbacks" if most <= limit else "which target answers"
        return Assessment(
            "cannot say", f"{said}; the limit is so close that {close} decides; {NEEDS_SIMULATION}", "plan"
        )

    def most_expensive(self, aliases: Sequence[str]) -> float:
        """The cost at the most expensive target that a call may fall back to."""
        return max(self.costs(aliases), default=0.0)

    def cheapest(self, aliases: Sequence[str]) -> float:
        return min(self.costs(aliases), default=float("inf"))

    def costs(self, aliases: Sequence[str]) -> list[float]:
        """The cost of a call at each target below the first tier; at every target, where limits may shift load."""
        below = 0 if self.has_limits(aliases) else 1
        found: list[float] = []
        for alias in aliases:
            asked, said = self.tokens(alias, "prompt_tokens"), self.tokens(alias, "output_tokens")
            for target in chain.from_iterable(self.system.models[alias].targets[below:]):
                price = self.pricing(self.system.models[alias], target)
                if asked is not None and said is not None and price is not None:
                    cost = price.cost(Usage(input=round(asked.mean), output=round(said.mean)))
                    found += [] if cost is None else [float(cost)]
        return found

    def cost(self, objective: Objective, aliases: Sequence[str]) -> Assessment:
        limit = int(objective.limit.value * NANO)
        assert objective.window is not None
        most = self.budget_total(aliases, objective.window)
        if most is not None and most <= limit:
            said = f"at most {dollars(most)} in {written_duration(objective.window)}, by the budgets of all keys in the file"
            return Assessment("holds", f"{said}; further keys must be created in their groups")
        least = total = dear = 0.0
        for alias in aliases:
            cost, peak = self.cost_range(alias), self.peak_rate(alias)
            if isinstance(cost, Assessment):
                return cost
            if peak is None:
                return Assessment("cannot say", f"write `peak_rps` of {alias} under `traffic.aliases`", "numbers")
            calls = peak * self.traffic.busy * objective.window
            total += cost[1] * calls
            dear += max(cost[1], self.most_expensive([alias])) * calls
            least += min(cost[0], self.cheapest([alias])) * calls
        of = "by `daily`" if self.traffic.daily else "if the load were always at its peak"
        said = f"{dollars(total)} in {written_duration(objective.window)} {of}"
        if dear <= limit * COST_TOLERANCE:
            return Assessment("holds", said)
        if not self.traffic.daily and total > limit * COST_TOLERANCE:
            return Assessment(
                "cannot say", f"{said}; it depends on the load at other times; {NEEDS_SIMULATION}", "plan"
            )
        if least * (1 - self.repeated_share(aliases)) * COST_TOLERANCE > limit and not self.has_limits(aliases):
            return Assessment("does not hold", said)
        return Assessment("cannot say", f"{said}; it depends on which targets answer; {NEEDS_SIMULATION}", "plan")

    def budget_total(self, aliases: Sequence[str], window: float) -> int | None:
        """Nano-dollars that the budgets of all callers let through in a window; None where somebody has none."""
        system = self.system
        if not system.keys:
            return None
        groups = {key: name for name, group in system.groups.items() for key in group.keys}
        found: dict[str, Spending] = {}
        for name, key in system.keys.items():
            if key.models and not set(key.models) & set(aliases):
                continue
            group = system.groups.get(groups.get(name, ""))
            if group is not None and group.budget is not None:
                found[f"group {groups[name]}"] = group.budget
            elif key.budget is not None:
                found[f"key {name}"] = key.budget
            else:
                return None
        return sum(one.amount * windows_within(one.every, window) for one in found.values())

    def cost_range(self, alias: str) -> tuple[float, float] | Assessment:
        """The least and the most that a call of mean size costs in the first tier, in nano-dollars."""
        if self.traffic.trace is not None or self.traffic.log:
            of = "a trace" if self.traffic.trace is not None else "that of the ledger"
            return Assessment("cannot say", f"the traffic is {of}; {NEEDS_SIMULATION}", "plan")
        if self.traffic.sessions is not None and self.traffic.sessions.pause is not None:
            return Assessment(
                "cannot say", f"what sessions find in prompt caches decides it; {NEEDS_SIMULATION}", "plan"
            )
        asked, said = self.tokens(alias, "prompt_tokens"), self.tokens(alias, "output_tokens")
        if asked is None or said is None:
            return Assessment("cannot say", "write `prompt_tokens` and `output_tokens` under `traffic`", "numbers")
        usage = Usage(input=round(asked.mean), output=round(said.mean))
        model = self.system.models[alias]
        costs: list[tuple[float, float]] = []
        for target in model.targets[0]:
            price = self.pricing(model, target)
            cost = None if price is None else price.cost(usage)
            if cost is None:
                remedy = f"write `price: {{input: $0.25/M, output: $2/M}}` under {alias}"
                return Assessment("cannot say", f"the price of {target} is unknown: {remedy}", "numbers")
            costs.append((target.weight, cost))
        if model.balance in ("weighted", "sticky"):  # sessions go by the weights
            mean = sum(weight * cost for weight, cost in costs) / sum(weight for weight, _ in costs)
            return mean, mean
        return min(cost for _, cost in costs), max(cost for _, cost in costs)


def windows_within(every: Window, window: float) -> int:
    """The most windows of a budget that a period can overlap: it may begin within one and end within another."""
    return 1 if every == "total" else ceil(window / LENGTHS[every]) + 1


def seconds(value: float) -> str:
    return f"{value * 1000:.0f}ms" if value < 1 else f"{value:,.1f}s"


def calls(rate: float) -> str:
    return f"{rate:.1f}" if rate < 100 else f"{rate:,.0f}"


def dollars(nano: float) -> str:
    """Two digits are enough for an estimate, cents for more than a dollar."""
    return written_dollars(int(float(f"{nano:.1e}"))) if nano < NANO else f"${nano / NANO:,.2f}"
