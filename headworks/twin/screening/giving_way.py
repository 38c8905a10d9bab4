"""How much load a system carries, what gives way first beyond that, and how much of each limit a day uses.

Theory. The fluid flow of `capacity.py`, asked again at other loads. A limit gives way where a queue before it grows for as long as
the load lasts, or where it refuses calls for good. What spills to the next tier is no failure. The gateway itself holds so
many calls at once: by Little's law, the rate by the mean duration.

Always true: pure, no chance and no simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from headworks.system.schema.system import System
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.screening.capacity import HIGHEST_SHARE, capacity, flow_of
from headworks.twin.screening.course import Peak

MULTIPLES: Final = (2.0, 5.0, 10.0)
"""Loads of which a report says what gives way first, by today's peak."""

MOST_FACTOR: Final = 1000.0
"""The highest load that is looked at, by today's peak: beyond, nothing in the file bounds it."""

STEPS: Final = 40
"""Halvings of the search for a capacity: from a factor of 1,000 to a billionth."""

GATEWAY: Final = "server.max_in_flight"


class GivesWay(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that gives way. offered, carried: calls a second that it is asked for, and that it admits."""

    name: str
    offered: float
    carried: float


class LoadMultiple(msgspec.Struct, frozen=True, kw_only=True):
    """A load, by today's peak and in calls a second, and what gives way under it: what is most short of room first."""

    factor: float
    rate: float
    gives_way: list[GivesWay]


class Carrying(msgspec.Struct, frozen=True, kw_only=True):
    """How far a system carries. rate: today's peak, calls a second. capacity: calls a second above which something gives way by
    closed forms, null where nothing in the file does; first: what that is. holds_to: the highest load that was simulated at which every
    objective that depends on the load holds, null where none was; missed: what is missed at the lowest simulated load above
    that, at `missed_at` calls a second."""

    rate: float
    capacity: float | None
    first: str
    multiples: list[LoadMultiple]
    holds_to: float | None = None
    missed: str = ""
    missed_at: float | None = None


class DayUse(msgspec.Struct, frozen=True, kw_only=True):
    """The use of one limit in each hour of a day, by the limit: what calls ask of it, so it may exceed 1."""

    name: str
    hours: list[float]


def carrying(system: System, models: Mapping[str, VendorModel], peak: Peak) -> Carrying:
    """What closed forms say."""
    rate = sum(one.rate for one in peak.mix)

    def gives_way(factor: float) -> list[GivesWay]:
        return giving_way(system, models, peak.scaled(factor))

    multiples = [LoadMultiple(factor=one, rate=rate * one, gives_way=gives_way(one)) for one in MULTIPLES]
    if not gives_way(MOST_FACTOR):
        return Carrying(rate=rate, capacity=None, first="", multiples=multiples)
    low, high = 0.0, MOST_FACTOR
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if gives_way(middle) else (middle, high)
    return Carrying(rate=rate, capacity=rate * low, first=gives_way(high)[0].name, multiples=multiples)


def giving_way(system: System, models: Mapping[str, VendorModel], peak: Peak) -> list[GivesWay]:
    """What gives way under a load that lasts, what is most short of room first."""
    load = capacity(system, models, peak.mix, peak.burstiness)
    found = [
        GivesWay(name=one.name, offered=one.offered, carried=one.carried)
        for one in load.shorts
        if one.grows or one.goes.startswith("nobody")
    ]
    at_once = calls_at_once(system, models, peak)
    held = HIGHEST_SHARE * system.server.max_in_flight
    if at_once > held:
        found.append(GivesWay(name=GATEWAY, offered=load.rate, carried=load.rate * held / at_once))
    return sorted(found, key=lambda one: (one.carried / one.offered, one.name))


def calls_at_once(system: System, models: Mapping[str, VendorModel], peak: Peak) -> float:
    """How many calls the gateway holds at once on average, if none waits: the rate by the mean duration (Little)."""
    return sum(one.rate * seconds_of(system, models, one.alias, one.prompt, one.output) for one in peak.mix)


def seconds_of(system: System, models: Mapping[str, VendorModel], alias: str, prompt: float, output: float) -> float:
    """The mean duration of an alias's calls at its first tier, without load."""
    tier = system.models[alias].targets[0]
    weight = sum(target.weight for target in tier)
    return sum(models[str(target)].seconds(prompt, output) * target.weight for target in tier) / weight


def day_uses(system: System, models: Mapping[str, VendorModel], peak: Peak, daily: Sequence[float]) -> list[DayUse]:
    """The use of every limit of providers, of targets and of the gateway in each hour. daily: the load of each hour, by the peak."""
    uses: dict[str, list[float]] = {}
    for share in daily:
        _, flow = flow_of(system, models, peak.scaled(share).mix)
        for one in flow.resources:
            uses.setdefault(one.name, []).append(one.use)
        held = calls_at_once(system, models, peak.scaled(share)) / system.server.max_in_flight
        uses.setdefault(GATEWAY, []).append(held)
    return [DayUse(name=name, hours=hours) for name, hours in uses.items() if len(hours) == len(daily)]
