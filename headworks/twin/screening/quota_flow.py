"""What the limits of keys, groups and aliases let through: they refuse, and nobody waits for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from headworks.system.schema.system import System
from headworks.system.verdicts.closed_forms import erlang_b
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.screening.limits import Limit, group_keys, keys_for, limits_of
from headworks.twin.screening.resources import MINUTE
from headworks.twin.screening.shorts import Short
from headworks.twin.workload.mix import Mix


class QuotaFlow(msgspec.Struct, frozen=True, kw_only=True):
    """admitted: calls a second by alias; shorts: the limits that refuse some."""

    admitted: dict[str, float]
    shorts: list[Short]


def asked_of(
    system: System, models: Mapping[str, VendorModel], mix: Sequence[Mix], limit: Limit
) -> tuple[float, float]:
    """Calls a second, and units a second (or places), that are asked of the limit of a key, a group or an alias."""
    rate = wanted = 0.0
    for one in mix:
        keys = keys_for(system, one.alias)
        match limit.owner:
            case "alias":
                part = float(one.alias == limit.of)
            case "key":
                part = (limit.of in keys) / len(keys) if keys else 0.0
            case _:
                part = sum(name in keys for name in group_keys(system, limit.of)) / len(keys) if keys else 0.0
        seconds = models[str(system.models[one.alias].targets[0][0])].seconds(one.prompt, one.output)
        each = {"rpm": 1.0, "tpm": one.prompt + one.output, "concurrency": seconds}[limit.unit]
        rate += one.rate * part
        wanted += one.rate * part * each
    return rate, wanted


def pass_quotas(system: System, models: Mapping[str, VendorModel], mix: Sequence[Mix]) -> QuotaFlow:
    """What is left of each alias's calls after its keys', their groups' and its own limits."""
    let: dict[tuple[str, str], float] = {}
    shorts: list[Short] = []
    for limit in limits_of(system):
        if limit.owner not in ("alias", "key", "group"):
            continue
        rate, wanted = asked_of(system, models, mix, limit)
        if not wanted:
            continue
        size = limit.size / MINUTE
        passed = 1 - erlang_b(limit.size, wanted) if limit.unit == "concurrency" else min(1.0, size / wanted)
        owner = (limit.owner, limit.of)
        let[owner] = min(passed, let.get(owner, 1.0))
        if wanted > (limit.size if limit.unit == "concurrency" else size):
            shorts.append(Short(name=limit.name, offered=rate, carried=rate * passed, goes="nobody: they are refused"))
    groups = {key: name for name, group in system.groups.items() for key in group.keys}
    admitted: dict[str, float] = {}
    for one in mix:
        keys = keys_for(system, one.alias)
        passing = [let.get(("key", key), 1.0) * let.get(("group", groups.get(key, "")), 1.0) for key in keys]
        share = sum(passing) / len(passing) if passing else 1.0
        admitted[one.alias] = one.rate * share * let.get(("alias", one.alias), 1.0)
    return QuotaFlow(admitted=admitted, shorts=shorts)


def drained_quotas(system: System, models: Mapping[str, VendorModel], mix: Sequence[Mix]) -> list[tuple[str, int]]:
    """Counters of the limits a minute of keys, groups and aliases that are used up."""
    found: list[tuple[str, int]] = []
    for limit in limits_of(system):
        if limit.owner in ("alias", "key", "group") and limit.unit != "concurrency":
            _, wanted = asked_of(system, models, mix, limit)
            if wanted >= limit.size / MINUTE:
                found.append((limit.counter, limit.size))
    return found
