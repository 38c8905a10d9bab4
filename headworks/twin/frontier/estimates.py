"""What closed forms say of a candidate before anything is simulated.

Theory. Of what the limits carry: the fluid flow of `screening/capacity.py`. Of the first token: a mixture of the first tiers'
distributions without any wait; by the same at the slow ends of their speeds, how far a simulated number may move.

Always true: no chance and no simulation; a candidate is left out here only where more arrives than its limits ever admit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from headworks.gateway.prices import Prices
from headworks.system.schema.system import System
from headworks.twin.frontier.space import first_tier
from headworks.twin.models.speed_range import SpeedRange
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.plan import PlanInputs, Prepared, peak_of, prepare
from headworks.twin.screening.capacity import capacity
from headworks.twin.screening.course import STABLE
from headworks.twin.screening.giving_way import GivesWay, giving_way
from headworks.twin.workload.mix import Mix

QUANTILES = 200
"""Points of each distribution: a percentile is then exact to half a point."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate by formulas. gives_way: what admits less than arrives, None where nothing does; use: of what the last targets
    admit; slower: by which factor the first token may be slower than it is simulated; unknown: first targets whose speed nobody
    knows; unpriced: targets without a price."""

    gives_way: GivesWay | None
    use: float = 0.0
    slower: float
    unknown: tuple[str, ...]
    unpriced: tuple[str, ...]

    @property
    def is_settled(self) -> bool:
        """Whether its queues settle: where they do not, only a whole peak shows what it is."""
        return self.gives_way is None and self.use < STABLE

    @property
    def shortage(self) -> float:
        """The share of what arrives that is not admitted."""
        return 0.0 if self.gives_way is None else 1 - self.gives_way.carried / self.gives_way.offered


def estimated(system: System, known: PlanInputs) -> Estimate:
    """The estimate of a system whose targets are all permitted. Raises PlanError."""
    ready = prepare(system, known)
    models, ranges = ready.modelled.models, ready.modelled.ranges
    peak = peak_of(system, ready.demand)
    short = giving_way(system, models, peak)
    slow = {**models, **{name: one.slow for name, one in ranges.items()}}
    usual = first_token(system, models, ready.demand.mix)
    return Estimate(
        gives_way=short[0] if short else None,
        use=capacity(system, models, peak.mix, peak.burstiness).use,
        slower=first_token(system, slow, ready.demand.mix) / usual if usual else 1.0,
        unknown=_unknown(system, ready, ranges),
        unpriced=_unpriced(system),
    )


def _unknown(system: System, ready: Prepared, ranges: Mapping[str, SpeedRange]) -> tuple[str, ...]:
    asked = {one.alias for one in ready.demand.mix}
    firsts = [name for alias, model in system.models.items() if alias in asked for name in first_tier(model)]
    return tuple(name for name in dict.fromkeys(firsts) if name in ranges and ranges[name].origin == "unknown")


def _unpriced(system: System) -> tuple[str, ...]:
    prices = Prices(system)
    found = [
        str(target)
        for model in system.models.values()
        for tier in model.targets
        for target in tier
        if prices.of(model, target) is None
    ]
    return tuple(dict.fromkeys(found))


def first_token(system: System, models: Mapping[str, VendorModel], mix: Sequence[Mix]) -> float:
    """The 95th percentile of the first token of all calls, if no call ever waits or fails."""
    percents = (np.arange(QUANTILES) + 0.5) / QUANTILES * 100
    values: list[float] = []
    weights: list[float] = []
    for one in mix:
        tier = system.models[one.alias].targets[0]
        whole = sum(target.weight for target in tier)
        for target in tier:
            model = models[str(target)]
            more = (model.prefill + model.stall) * one.prompt
            values += [model.first.at(percent) + more for percent in percents]
            weights += [one.rate * target.weight / whole] * QUANTILES
    order = np.argsort(values)
    reached = np.cumsum(np.array(weights)[order])
    at = int(np.searchsorted(reached, 0.95 * reached[-1]))
    return float(np.array(values)[order][min(at, len(values) - 1)])


Told = Callable[[str], None]
"""Takes a line of progress."""
