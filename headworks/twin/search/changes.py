"""Single changes of a plan, for sensitivity analysis and for finding remedies.

Always true: a change makes a new plan and nothing else; every change that is offered as a remedy can be made in the system
file, except a vendor's own limits, which the vendor must grant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import msgspec

from headworks.core.figures import written_figure
from headworks.system.schema.system import Model, OpenAI, Provider, Simulated, TargetOf
from headworks.system.syntax.scalars import written_count, written_duration
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.screening.limits import Limit, limits_of
from headworks.twin.simulation.replications import Plan
from headworks.twin.workload.arrivals import Shape, Trace

Kind = Literal["file", "limit", "vendor", "traffic"]
"""Who can make a change: `file` is a setting in the system file, `limit` a limit that a vendor must grant, `vendor` another
vendor or model, `traffic` the load, which may turn out different."""

KINDS_BY_EFFORT: Final[tuple[Kind, ...]] = ("file", "limit", "vendor")
"""Kinds of remedies, the easiest first."""

LIMIT_FACTORS: Final = (1.25, 1.5, 2.0, 3.0, 5.0)
"""Factors by which a limit is raised: the smallest one that is enough is offered."""


CACHED_FOR: Final = 3600.0
"""Seconds for which a cache that is tried keeps answers."""


class Change(msgspec.Struct, frozen=True):
    """One change. name: the setting; said: from what to what; path: where in the file, "" where it is not in the file; parts: the
    changes that it is made of, where they are several."""

    name: str
    said: str
    kind: Kind
    path: str
    apply: Callable[[Plan], Plan]
    is_remedy: bool = True
    parts: tuple[Change, ...] = ()


def sensitivity_changes(plan: Plan) -> Iterator[Change]:
    """Each setting changed once, by a usual amount."""
    yield from traffic_changes(plan)
    yield from vendor_speed_changes(plan)
    for changes in limit_changes(plan).values():
        yield changes[1]
    yield from setting_changes(plan)


def remedy_ladders(plan: Plan) -> Iterator[list[Change]]:
    """Changes that may help, each as a list from the smallest step to the largest; the easier kinds first."""
    for change in setting_changes(plan):
        yield [change]
    yield from limit_changes(plan).values()
    yield from ([change] for change in vendor_changes(plan))


# The traffic and the vendors' speed, which no setting controls.


def scale_traffic(plan: Plan, factor: float) -> Plan:
    """The same calls, closer together."""
    workload = plan.workload
    if isinstance(workload, Shape):
        shapes = [msgspec.structs.replace(one, rate=one.rate * factor) for one in workload.aliases]
        return msgspec.structs.replace(plan, workload=Shape(shapes))
    assert isinstance(workload, Trace)
    return msgspec.structs.replace(plan, workload=workload.scaled(factor))


def traffic_changes(plan: Plan) -> Iterator[Change]:
    rate = plan.workload.rate
    yield Change(
        "load", f"{written_figure(rate)} -> {written_figure(rate * 1.2)} rps", "traffic", "requirements.traffic.peak_rps",
        lambda plan: scale_traffic(plan, 1.2), False,
    )  # fmt: skip
    if isinstance(plan.workload, Shape):
        most = max(one.burstiness for one in plan.workload.aliases)

        def burstier(plan: Plan) -> Plan:
            assert isinstance(plan.workload, Shape)
            shapes = [msgspec.structs.replace(one, burstiness=one.burstiness * 3) for one in plan.workload.aliases]
            return msgspec.structs.replace(plan, workload=Shape(shapes))

        path = "requirements.traffic.burstiness"
        yield Change("burstiness", f"{most:g} -> {most * 3:g}", "traffic", path, burstier, False)


def vendor_speed_changes(plan: Plan) -> Iterator[Change]:
    for name in plan.models:
        yield Change(
            f"time to first token of {name}",
            "20% shorter",
            "vendor",
            "",
            _change_target(name, lambda one: scale_latency(one, first=0.8)),
            False,
        )
        yield Change(
            f"time per token of {name}",
            "20% shorter",
            "vendor",
            "",
            _change_target(name, lambda one: scale_latency(one, pace=0.8)),
            False,
        )


def scale_latency(model: VendorModel, *, first: float = 1.0, pace: float = 1.0) -> VendorModel:
    return msgspec.structs.replace(
        model,
        first=msgspec.structs.replace(model.first, median=model.first.median * first),
        prefill=model.prefill * first,
        stall=model.stall * first,
        pace=msgspec.structs.replace(model.pace, median=model.pace.median * pace),
    )


def _change_target(name: str, change: Callable[[VendorModel], VendorModel]) -> Callable[[Plan], Plan]:
    def turn(plan: Plan) -> Plan:
        return msgspec.structs.replace(plan, models={**plan.models, name: change(plan.models[name])})

    return turn


# Limits.


def limit_changes(plan: Plan) -> dict[str, list[Change]]:
    """Each limit of the file, raised step by step."""
    found: dict[str, list[Change]] = {}
    for one in limits_of(plan.system):
        kind: Kind = "limit" if one.owner in ("provider", "target") and one.unit != "concurrency" else "file"
        ladder = []
        steps = {
            max(one.size + 1, round(one.size * factor)) for factor in LIMIT_FACTORS
        }  # a few places have fewer steps
        for more in sorted(steps):
            said = f"{written_count(one.size)} -> {written_count(more)}"
            ladder.append(Change(one.name, said, kind, one.path, _set_limit(one, more)))
        found[one.name] = ladder
    return found


def _set_limit(one: Limit, more: int) -> Callable[[Plan], Plan]:
    changed: Any = {one.unit: more}

    def turn(plan: Plan) -> Plan:
        system, models = plan.system, dict(plan.models)
        match one.owner:
            case "provider":
                provider: Provider = msgspec.structs.replace(system.providers[one.of], **changed)
                system = msgspec.structs.replace(system, providers={**system.providers, one.of: provider})
                for target, known in models.items():
                    if known.provider == one.of and isinstance(provider, Simulated):
                        models[target] = msgspec.structs.replace(known, rpm=provider.rpm, tpm=provider.tpm)
            case "key":
                key = msgspec.structs.replace(system.keys[one.of], **changed)
                system = msgspec.structs.replace(system, keys={**system.keys, one.of: key})
            case "group":
                group = msgspec.structs.replace(system.groups[one.of], **changed)
                system = msgspec.structs.replace(system, groups={**system.groups, one.of: group})
            case "alias":
                model = msgspec.structs.replace(system.models[one.of], **changed)
                system = msgspec.structs.replace(system, models={**system.models, one.of: model})
            case "target":
                model = system.models[one.within]
                tiers = tuple(
                    tuple(
                        msgspec.structs.replace(target, **changed) if str(target) == one.of else target
                        for target in tier
                    )
                    for tier in model.targets
                )
                model = msgspec.structs.replace(model, targets=tiers)
                system = msgspec.structs.replace(system, models={**system.models, one.within: model})
        return msgspec.structs.replace(plan, system=system, models=models)

    return turn


# Settings of the file.


def setting_changes(plan: Plan) -> Iterator[Change]:
    for alias, model in plan.system.models.items():
        yield from _retry_changes(alias, model)
        yield from _target_changes(alias, model)
        yield from _timeout_changes(alias, model)
        yield from _layer_changes(alias, model)


def _retry_changes(alias: str, model: Model) -> Iterator[Change]:
    attempts = model.retry.attempts
    for more in (1, attempts + 2):
        if more != attempts:
            retry = msgspec.structs.replace(model.retry, attempts=more)
            path = f"models.{alias}.retry.attempts"
            yield Change(
                f"retry.attempts of {alias}", f"{attempts} -> {more}", "file", path, _set_model(alias, retry=retry)
            )


def _target_changes(alias: str, model: Model) -> Iterator[Change]:
    tiers = model.targets
    if any(len(tier) > 1 for tier in tiers):
        for balance in ("least_busy", "fastest", "cheapest"):
            if balance != model.balance and balance in _choices("balance"):
                turn = _set_model(alias, balance=balance)
                path = f"models.{alias}.balance"
                yield Change(f"balance of {alias}", f"{model.balance} -> {balance}", "file", path, turn)
    if len(tiers) > 1:
        swapped = (tiers[1], tiers[0], *tiers[2:])
        said = f"{_tier_names(tiers[1])} first, then {_tier_names(tiers[0])}"
        yield Change(
            f"order of {alias}'s tiers", said, "file", f"models.{alias}.targets", _set_model(alias, targets=swapped)
        )
        together = (tiers[0] + tiers[1], *tiers[2:])
        said = f"{_tier_names(tiers[0])} and {_tier_names(tiers[1])} share the load in one tier"
        if len({str(target) for target in together[0]}) == len(together[0]):
            yield Change(
                f"tiers of {alias}", said, "file", f"models.{alias}.targets", _set_model(alias, targets=together)
            )


def _choices(field: str) -> tuple[str, ...]:
    kind = next(one for one in msgspec.structs.fields(Model) if one.name == field)
    return getattr(kind.type, "__args__", ())


def _timeout_changes(alias: str, model: Model) -> Iterator[Change]:
    first = model.timeouts.first_token
    timeouts = msgspec.structs.replace(model.timeouts, first_token=first / 2)
    said = f"{written_duration(first)} -> {written_duration(first / 2)}"
    path = f"models.{alias}.timeouts.first_token"
    yield Change(f"timeouts.first_token of {alias}", said, "file", path, _set_model(alias, timeouts=timeouts))


def _layer_changes(alias: str, model: Model) -> Iterator[Change]:
    """Layers that are off."""
    if model.mid_stream == "error":
        path = f"models.{alias}.mid_stream"
        yield Change(
            f"mid_stream of {alias}", "error -> restart", "file", path, _set_model(alias, mid_stream="restart")
        )
    if model.cache.exact is None:
        cache = msgspec.structs.replace(model.cache, exact=CACHED_FOR)
        path = f"models.{alias}.cache.exact"
        said = f"off -> {written_duration(CACHED_FOR)}"
        yield Change(f"cache of {alias}", said, "file", path, _set_model(alias, cache=cache))


def _tier_names(tier: tuple[TargetOf, ...]) -> str:
    return " + ".join(map(str, tier))


def _set_model(alias: str, **changed: Any) -> Callable[[Plan], Plan]:
    def turn(plan: Plan) -> Plan:
        model = msgspec.structs.replace(plan.system.models[alias], **changed)
        system = msgspec.structs.replace(plan.system, models={**plan.system.models, alias: model})
        return msgspec.structs.replace(plan, system=system)

    return turn


# Another vendor.


def vendor_changes(plan: Plan) -> Iterator[Change]:
    """One more provider for each alias, like its first one."""
    for alias, model in plan.system.models.items():
        first = model.targets[0][0]
        said = f"add a provider like {first.provider} (same speed, same price) as the last tier"
        yield Change(
            f"another provider for {alias}", said, "vendor", f"models.{alias}.targets", _add_provider(alias, first)
        )


def _add_provider(alias: str, like: TargetOf) -> Callable[[Plan], Plan]:
    def turn(plan: Plan) -> Plan:
        name = "another"
        while name in plan.system.providers:
            name += "-one"
        provider = plan.system.providers[like.provider]
        if isinstance(provider, (OpenAI, Simulated)):
            provider = msgspec.structs.replace(provider, rpm=None, tpm=None, concurrency=None)
        target = msgspec.structs.replace(like, provider=name)
        model = plan.system.models[alias]
        model = msgspec.structs.replace(model, targets=(*model.targets, (target,)))
        system = msgspec.structs.replace(
            plan.system,
            providers={**plan.system.providers, name: provider},
            models={**plan.system.models, alias: model},
        )
        known = plan.models[str(like)]
        made = msgspec.structs.replace(known, target=str(target), rpm=None, tpm=None)
        return msgspec.structs.replace(plan, system=system, models={**plan.models, str(target): made})

    return turn
