"""What calls take of: each limit of a provider or a target, and each vendor's machine where calls slow each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

import msgspec

from headworks.system.schema.system import System, TargetOf
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.screening.limits import Limit, limits_of
from headworks.twin.workload.mix import Mix

MINUTE: Final = 60.0

MOST_RETRIED: Final = 0.9
"""The share of failed attempts that is counted at most: a vendor that fails always is asked a few times, not for ever."""


class Resource(msgspec.Struct):
    """size: units a second, or places. need: units that one call takes, by alias and target. left: what is not taken yet;
    wanted: units that are asked for; rate: calls a second that ask. is_machine: the vendor's own, at which calls wait
    whatever tier it is in."""

    limit: Limit
    size: float
    need: dict[tuple[str, str], float]
    is_machine: bool = False
    has_slots: bool = False
    left: float = 0.0
    wanted: float = 0.0
    rate: float = 0.0

    @property
    def name(self) -> str:
        """In words."""
        if not self.is_machine:
            return self.limit.name
        return f"{'slots' if self.has_slots else 'speed'} of {self.limit.of}"

    @property
    def use(self) -> float:
        return self.wanted / self.size


def resources_of(system: System, models: Mapping[str, VendorModel], mix: Sequence[Mix]) -> list[Resource]:
    """Every limit of providers and targets that this load asks for, and the machines behind them."""
    known = {one.alias: one for one in mix}
    asked = [
        (alias, target)
        for alias in known
        for target in dict.fromkeys(target for tier in system.models[alias].targets for target in tier)
    ]
    found: list[Resource] = []
    for limit in limits_of(system):
        if limit.owner not in ("provider", "target"):
            continue
        need = {
            (alias, str(target)): units(limit.unit, known[alias], models[str(target)], places_at(system, alias, target))
            for alias, target in asked
            if limit.of == (target.provider if limit.owner == "provider" else str(target))
            and limit.within in ("", alias)
        }
        size = float(limit.size) if limit.unit == "concurrency" else limit.size / MINUTE
        found.append(Resource(limit, size, need))
    for name, model in models.items():
        slots = inf if model.slots is None else float(model.slots)
        mine = [
            (alias, target)
            for alias, target in asked
            if str(target) == name
            and slots <= (places := places_at(system, alias, target))
            and (slots < inf or places == inf)
        ]
        if (
            not mine or model.is_simple
        ):  # where the gateway lets in fewer than it serves at once, its places are the limit
            continue
        need = {
            (alias, name): machine_seconds(known[alias], model, places_at(system, alias, target))
            for alias, target in mine
        }
        size = model.slots or 1
        found.append(
            Resource(
                Limit("target", name, "", "concurrency", size, ""), 1.0, need, is_machine=True, has_slots=slots < inf
            )
        )
    for one in found:
        one.left = one.size
    return [one for one in found if one.need]


def places_at(system: System, alias: str, target: TargetOf) -> float:
    """How many calls a target serves at once at most; infinite where nothing bounds them."""
    own = [one.concurrency for tier in system.models[alias].targets for one in tier if str(one) == str(target)]
    bounds = [system.providers[target.provider].concurrency, *own]
    return min((float(one) for one in bounds if one is not None), default=inf)


def attempts(model: VendorModel) -> float:
    """Attempts for each call that is answered: what fails is asked again."""
    return 1 / (1 - min(MOST_RETRIED, sum(model.faults.values())))


def units(unit: str, one: Mix, model: VendorModel, places: float) -> float:
    """What one call takes of a limit: a request, its tokens, or the seconds for which it holds a place when all are taken."""
    match unit:
        case "rpm":
            return attempts(model)
        case "tpm":
            return (one.prompt + one.output) * attempts(model)
    others = (min(places, model.slots or inf) - 1) if not model.is_simple or model.lean else 0.0
    if others == inf:  # nobody bounds how many slow each other: the machine itself is the limit
        others = 0.0
    slower = 1 + model.crowding * others
    reading = model.first.mean + model.prefill * one.prompt + model.lean * others + model.stall * one.prompt * slower
    return (reading + model.pace.mean * max(0.0, one.output - 1) * slower) * attempts(model)


def machine_seconds(one: Mix, model: VendorModel, places: float) -> float:
    """Seconds of a vendor's machine that one call takes while as many are served as can be."""
    at_once = min(places, float(model.slots) if model.slots is not None else inf)
    writing = model.pace.mean * max(0.0, one.output - 1)
    shared = writing * (model.crowding if at_once == inf else (1 + model.crowding * (at_once - 1)) / at_once)
    reading = model.first.mean + model.prefill * one.prompt
    held = 0.0 if model.slots is None else (reading + shared * at_once) / model.slots
    return max(model.stall * one.prompt + shared, held) * attempts(model)
