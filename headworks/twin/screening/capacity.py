"""How much of the offered load the limits carry, tier by tier, and what grows where it is too little.

Theory. The fluid limit of a queue: calls arrive as a steady flow, each limit admits as much as it has room for, and what a
tier does not admit is offered to the next one. Nobody waits before the last tier; there the rest waits, and a wait grows
by (offered / carried - 1) seconds a second (Newell, Applications of Queueing Theory, 1982). A bound on places before the
last tier turns calls away below its capacity too, by Erlang's first formula. An attempt that fails is made again.

A stable queue forgets its start after about rho / (1 - sqrt(rho))^2 calls, the relaxation of M/M/c (Cohen, The Single
Server Queue, 1982), here times half the sum of the squared coefficients of variation of gaps and of calls.

Always true: pure, no chance and no simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, inf, sqrt
from typing import Final

import msgspec

from headworks.system.schema.system import System, TargetOf
from headworks.system.verdicts.closed_forms import erlang_b, erlang_c
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.screening.quota_flow import QuotaFlow, drained_quotas, pass_quotas
from headworks.twin.screening.resources import MINUTE, Resource, resources_of
from headworks.twin.screening.shorts import Short
from headworks.twin.workload.mix import Mix

ROUNDS: Final = 3
"""How often what one target of a tier has no room for is offered to the others of the tier."""

NEVER_SHORT: Final = 1e-3
"""The chance of a wait below which a limit counts as never short of room: of 2,000 calls two wait."""

HIGHEST_SHARE: Final = 0.95
"""How much of `server.max_in_flight` calls of normal priority may fill (`policy/shedding.py`)."""


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """rate: calls a second. use: the highest use of what calls wait for; relaxation: calls until such a queue has forgotten
    its start; shorts: where demand exceeds capacity; drained: counters of the limits a minute that are used up."""

    rate: float
    use: float
    relaxation: float
    shorts: tuple[Short, ...]
    drained: tuple[tuple[str, int], ...]

    @property
    def growing(self) -> Short | None:
        """The queue that is full last, None where none grows."""
        return max((one for one in self.shorts if one.grows), key=lambda one: one.full_after, default=None)


def capacity(
    system: System,
    models: Mapping[str, VendorModel],
    mix: Sequence[Mix],
    burstiness: float,
    down: frozenset[str] = frozenset(),
) -> Capacity:
    """The fluid flow of this load. down: providers that answer nobody."""
    quotas, flow = flow_of(system, models, mix, down)
    pools = [flow.pool(one, burstiness) for one in mix if one.alias in flow.last]
    drained = [
        (one.limit.counter, one.limit.size)
        for one in flow.resources
        if one.limit.unit != "concurrency" and one.limit.counter and one.use >= 1
    ]
    return Capacity(
        rate=sum(one.rate for one in mix),
        use=max((use for use, _ in pools), default=0.0),
        relaxation=max((relaxation for _, relaxation in pools), default=0.0),
        shorts=(*quotas.shorts, *flow.spills, *flow.growing()),
        drained=(*drained, *drained_quotas(system, models, mix)),
    )


def flow_of(
    system: System, models: Mapping[str, VendorModel], mix: Sequence[Mix], down: frozenset[str] = frozenset()
) -> tuple[QuotaFlow, Flow]:
    """What the limits of keys, groups and aliases let through, and its flow through all tiers."""
    quotas = pass_quotas(system, models, mix)
    flow = Flow(system, models, mix, down)
    left = {alias: rate * (1 - cached_share(system, alias)) for alias, rate in quotas.admitted.items()}
    for number in range(max(len(model.targets) for model in system.models.values())):
        left = flow.through_tier(number, left)
    return quotas, flow


def cached_share(system: System, alias: str) -> float:
    """The share of an alias's calls that a cache answers: those that were asked before, as long as it keeps them."""
    traffic = system.requirements.traffic
    own = traffic.aliases.get(alias)
    repeated = traffic.repeated if own is None or own.repeated is None else own.repeated
    return repeated if system.models[alias].cache.exact is not None else 0.0


def relaxed_after(use: float, variation: float) -> float:
    """Calls until a queue of this use has forgotten its start. variation: half the sum of both squared variations."""
    if abs(use - 1) < 1e-6:
        return inf
    return use / (1 - sqrt(use)) ** 2 * max(1.0, variation)


class Flow:
    """The flow through the tiers. last: by alias, calls a second that its last tier is offered, and how many it carries."""

    def __init__(
        self, system: System, models: Mapping[str, VendorModel], mix: Sequence[Mix], down: frozenset[str]
    ) -> None:
        self.system = system
        self.models = models
        self.down = down
        self.rate = sum(one.rate for one in mix)
        self.resources = resources_of(system, models, mix)
        self.last: dict[str, tuple[float, float]] = {}
        self.spills: list[Short] = []

    def through_tier(self, number: int, offered: Mapping[str, float]) -> dict[str, float]:
        """Offers each alias's flow to its tier of this number; what is left of it."""
        tiers = {
            alias: model.targets[number] for alias, model in self.system.models.items() if number < len(model.targets)
        }
        left = {alias: rate for alias, rate in offered.items() if alias in tiers and rate > 0}
        begun = dict(left)
        for turn in range(ROUNDS):
            parts = self.parts(left, tiers)
            self.ask(parts, is_first=not turn)
            for (alias, target), rate in self.admitted(parts, number, tiers).items():
                for one in self.resources:
                    one.left -= rate * one.need.get((alias, target), 0.0)
                left[alias] = max(0.0, left[alias] - rate)
            if not any(rate > 1e-9 and len(tiers[alias]) > 1 for alias, rate in left.items()):
                break
        for alias, rate in begun.items():
            if number == len(self.system.models[alias].targets) - 1:
                self.last[alias] = (rate, rate - left[alias])
            elif left[alias] > 1e-9 and (busiest := self.busiest(alias, tiers[alias])) is not None and busiest.use > 1:
                spilled = Short(name=busiest.name, offered=rate, carried=rate - left[alias], goes="the next tier")
                self.spills.append(spilled)
        return {**dict.fromkeys(offered, 0.0), **{a: r for a, r in offered.items() if a not in tiers}, **left}

    def parts(self, left: Mapping[str, float], tiers: Mapping[str, Sequence[TargetOf]]) -> dict[tuple[str, str], float]:
        """Calls a second that each target is asked for: by weight, among those that have room."""
        found: dict[tuple[str, str], float] = {}
        for alias, rate in left.items():
            up = [one for one in tiers[alias] if one.provider not in self.down]
            able = [one for one in up if self.room(alias, str(one)) > 0] or up
            weight = sum(one.weight for one in able)
            for target in able:
                name = (alias, str(target))
                found[name] = found.get(name, 0.0) + rate * target.weight / weight
        return found

    def ask(self, parts: Mapping[tuple[str, str], float], *, is_first: bool) -> None:
        """Notes what is asked for: what one target had no room for and another is asked for is not asked for twice."""
        for one in self.resources:
            rate = sum(rate for name, rate in parts.items() if name in one.need)
            units = sum(rate * one.need[name] for name, rate in parts.items() if name in one.need)
            if is_first:
                one.rate += rate
                one.wanted += units
            else:
                one.wanted += min(units, max(0.0, one.left))

    def admitted(
        self, parts: Mapping[tuple[str, str], float], number: int, tiers: Mapping[str, Sequence[TargetOf]]
    ) -> dict[tuple[str, str], float]:
        """Calls a second that each target has room for."""
        share: list[tuple[Resource, float]] = []
        for one in self.resources:
            units = sum(rate * one.need[name] for name, rate in parts.items() if name in one.need)
            if not units:
                continue
            fits = min(1.0, max(0.0, one.left) / units)
            is_last = all(
                number == len(self.system.models[alias].targets) - 1
                for alias, target in parts
                if (alias, target) in one.need
            )
            if one.limit.unit == "concurrency" and not one.is_machine and not is_last:
                fits = min(fits, 1 - erlang_b(one.limit.size, units))
            share.append((one, fits))
        return {
            name: rate * min((fits for one, fits in share if name in one.need), default=1.0)
            for name, rate in parts.items()
        }

    def room(self, alias: str, target: str) -> float:
        """Calls a second for which a target has room left."""
        return min(
            (max(0.0, one.left) / need for one in self.resources if (need := one.need.get((alias, target)))),
            default=inf,
        )

    def busiest(self, alias: str, tier: Sequence[TargetOf]) -> Resource | None:
        """The limit of a tier's targets that is used most."""
        names = {(alias, str(one)) for one in tier}
        return max((one for one in self.resources if names & one.need.keys()), key=lambda one: one.use, default=None)

    def growing(self) -> list[Short]:
        """The queues that grow before last tiers."""
        found: list[Short] = []
        for alias, (offered, carried) in self.last.items():
            if offered <= carried * (1 + 1e-6):
                continue
            tier = self.system.models[alias].targets[-1]
            busiest = self.busiest(alias, tier)
            name = busiest.name if busiest is not None else f"targets of {alias}"
            longest = self.longest_wait(alias, carried, is_machine=busiest is not None and busiest.is_machine)
            full_after = longest / (offered / carried - 1) if carried else longest
            found.append(
                Short(name=name, offered=offered, carried=carried, grows=True, longest=longest, full_after=full_after)
            )
        return found

    def longest_wait(self, alias: str, carried: float, *, is_machine: bool) -> float:
        """Seconds that a call waits at most: to its deadline, and as many calls as the gateway holds."""
        model = self.system.models[alias]
        longest = model.timeouts.total
        if is_machine:  # the attempt has begun: its first token is waited for, and then asked for again
            longest = min(longest, model.timeouts.first_token * model.retry.attempts)
        held = HIGHEST_SHARE * self.system.server.max_in_flight
        return min(longest, held / carried) if carried else longest

    def pool(self, one: Mix, burstiness: float) -> tuple[float, float]:
        """The use of an alias's last tier, where its calls wait, and the calls after which that queue has forgotten its start."""
        offered, carried = self.last[one.alias]
        tier = self.system.models[one.alias].targets[-1]
        names = [(one.alias, str(target)) for target in tier if target.provider not in self.down]
        bounding = [resource for resource in self.resources if any(name in resource.need for name in names)]
        if not names or not offered:
            return 0.0, 0.0
        if offered > carried * (1 + 1e-6):
            use = offered / carried if carried else inf
        else:
            spare = sum(self.room(*name) for name in names)
            shared = [resource.use for resource in bounding if all(name in resource.need for name in names)]
            use = max([offered / (offered + spare), *shared])
        if not use or (use < 1 and not any(is_ever_short(resource, use, one, burstiness) for resource in bounding)):
            return use, 0.0
        part = self.rate / offered  # calls of every alias in the time of one that waits
        return use, part * relaxed_after(use, (burstiness + one.output_variation) / 2) if use < inf else 0.0


def is_ever_short(resource: Resource, use: float, one: Mix, burstiness: float) -> bool:
    """Whether calls wait for a limit now and then. A bucket of a minute is empty with the chance that a random walk with
    this drift is ever so far from full (exponential, as the virtual wait of a queue in heavy traffic: Kingman 1962)."""
    if resource.is_machine:
        return True
    if resource.limit.unit == "concurrency":
        return erlang_c(resource.limit.size, use * resource.limit.size) >= NEVER_SHORT
    variation = burstiness + (one.output_variation if resource.limit.unit == "tpm" else 0.0)
    calls = resource.size * MINUTE / max(resource.need.values())
    return exp(-2 * (1 - use) * calls / (use * variation)) >= NEVER_SHORT
