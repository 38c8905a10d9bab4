"""Queueing formulas, without simulation: the capacity of every limit, and the mean wait for it.

Always true: nothing is simulated; the formulas are `system/verdicts/closed_forms.py`'s, which `headworks check` uses too. Where
arrivals are too bursty for them they refuse, and say why: for on-off arrivals Erlang C says a third of a second where
the queue is half a minute long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from headworks.system.schema.system import System, TargetOf
from headworks.system.verdicts.closed_forms import allen_cunneen, erlang_b, erlang_c, too_bursty
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.screening.limits import Limit, group_keys, keys_for, limits_of
from headworks.twin.workload.mix import Mix

MAX_PEAK_TO_MEAN: Final = 1.3
"""By how much the busiest five minutes may exceed the mean: above that, stationary formulas do not apply."""


class LimitCapacity(msgspec.Struct, frozen=True, kw_only=True):
    """One limit: its capacity in calls a second, the offered load in calls a second, and their ratio (utilization).
    counter, limit: how the stack counts it, where it is a limit per minute."""

    name: str
    carries: float
    asked: float
    use: float
    counter: str = ""
    limit: int = 0


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue for `places` servers under `load` erlangs. wait: mean seconds over all calls by Erlang C, and corrected for
    burstiness (Allen-Cunneen); turned_away: the blocking probability if nobody waited (Erlang B)."""

    name: str
    places: int
    load: float
    wait: float | None
    wait_corrected: float | None
    turned_away: float


class Screening(msgspec.Struct, frozen=True, kw_only=True):
    """refused: why no queueing formula applies, or ""."""

    refused: str
    limits: list[LimitCapacity]
    queues: list[Queue]


class OfferedLoad(msgspec.Struct):
    """The load offered to one limit: calls a second, and sums over them of tokens, service seconds and their variation."""

    rate: float = 0.0
    tokens: float = 0.0
    seconds: float = 0.0
    variation: float = 0.0

    def add(self, rate: float, tokens: float, seconds: float, variation: float) -> None:
        self.rate += rate
        self.tokens += rate * tokens
        self.seconds += rate * seconds
        self.variation += rate * variation


def screen(
    system: System, models: Mapping[str, VendorModel], mix: Sequence[Mix], burstiness: float, swing: float
) -> Screening:
    """Every limit of the file under the load of the first tiers."""
    limits: list[LimitCapacity] = []
    queues: list[Queue] = []
    refused = not_stationary(burstiness, swing)
    for one in limits_of(system):
        asked = offered_load(system, models, mix, one)
        if not asked.rate:
            continue
        each = {"rpm": 60.0, "tpm": 60.0 * asked.tokens / asked.rate, "concurrency": asked.seconds / asked.rate}[
            one.unit
        ]
        carries = one.size / each
        counter = one.counter if one.unit != "concurrency" else ""
        use = asked.rate / carries
        limits.append(
            LimitCapacity(name=one.name, carries=carries, asked=asked.rate, use=use, counter=counter, limit=one.size)
        )
        if one.unit == "concurrency":
            queues.append(
                queue_estimate(f"concurrency of {one.name.partition(' of ')[2]}", one.size, asked, burstiness, refused)
            )
    for name, model in models.items():
        asked = offered_load(system, models, mix, Limit("target", name, "", "concurrency", model.slots or 0, ""))
        if model.slots is not None and asked.rate:
            queues.append(queue_estimate(f"slots of {name}", model.slots, asked, burstiness, refused))
    return Screening(refused=refused, limits=limits, queues=queues)


def offered_load(system: System, models: Mapping[str, VendorModel], mix: Sequence[Mix], limit: Limit) -> OfferedLoad:
    """The load that the first tiers offer to a limit."""
    asked = OfferedLoad()
    for one in mix:
        tier = system.models[one.alias].targets[0]
        weight = sum(target.weight for target in tier)
        keys = keys_for(system, one.alias)
        for target in tier:
            part = traffic_share(system, limit, one.alias, target, keys)
            seconds = models[str(target)].seconds(one.prompt, one.output)
            rate = one.rate * part * target.weight / weight
            asked.add(rate, one.prompt + one.output, seconds, one.output_variation)
    return asked


def traffic_share(system: System, limit: Limit, alias: str, target: TargetOf, keys: Sequence[str]) -> float:
    """The part of an alias's calls at one target that count for a limit."""
    match limit.owner:
        case "provider":
            return float(target.provider == limit.of)
        case "target":
            return float(str(target) == limit.of and limit.within in ("", alias))
        case "alias":
            return float(alias == limit.of)
        case "key":
            return 1 / len(keys) if limit.of in keys else 0.0
    return sum(name in keys for name in group_keys(system, limit.of)) / len(keys) if keys else 0.0


def queue_estimate(name: str, places: int, asked: OfferedLoad, burstiness: float, refused: str) -> Queue:
    """The queue in front of a limit, if no call were sent elsewhere."""
    seconds, load = asked.seconds / asked.rate, asked.seconds
    is_stable = load < places and not refused
    spread = asked.variation / asked.rate
    return Queue(
        name=name,
        places=places,
        load=load,
        wait=erlang_c(places, load) * seconds / (places - load) if is_stable else None,
        wait_corrected=allen_cunneen(places, load, seconds, burstiness, spread) if is_stable else None,
        turned_away=erlang_b(places, load),
    )


def not_stationary(burstiness: float, swing: float) -> str:
    """Why queueing formulas do not apply to these arrivals; "" where they do."""
    if (said := too_bursty(burstiness)) is not None:
        return said
    if swing > MAX_PEAK_TO_MEAN:
        return (
            f"the busiest 5 minutes carry {swing:.2f} times the mean load (limit {MAX_PEAK_TO_MEAN:g}): "
            "stationary formulas do not apply"
        )
    return ""
