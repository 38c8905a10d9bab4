"""What could be changed, one thing at a time: for asking how much it matters, and for finding what would help.

Always true: a knob changes a plan and nothing else; every change that is offered as a remedy can be made in the system
file, except a vendor's own limits, which have to be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import msgspec

from headworks.system.schema.system import Model, OpenAI, Provider, Simulated, TargetOf
from headworks.system.syntax.scalars import written_count, written_duration
from headworks.twin.limits import Bounded, bounded
from headworks.twin.simulate import Plan
from headworks.twin.vendor import VendorModel
from headworks.twin.workload import Shape, Trace

Kind = Literal["file", "limit", "vendor", "traffic"]
"""A change of the file alone; of a limit that a vendor must grant; another vendor or model; the traffic, which nobody
sets but which may come otherwise."""

EFFORT: Final[tuple[Kind, ...]] = ("file", "limit", "vendor")
"""Remedies, the easier first."""

LADDER: Final = (1.25, 1.5, 2.0, 3.0, 5.0)
"""By how much a limit is raised: what is offered is the lowest step that is enough."""


CACHED_FOR: Final = 3600.0
"""Seconds that answers are kept where a cache is tried."""


class Knob(msgspec.Struct, frozen=True):
    """One change. name: what is turned; said: from what to what; path: where in the file, "" where it is not there."""

    name: str
    said: str
    kind: Kind
    path: str
    turn: Callable[[Plan], Plan]
    is_remedy: bool = True


def sensitivities(plan: Plan) -> Iterator[Knob]:
    """Each knob turned once, by a usual amount."""
    yield from traffic(plan)
    yield from speeds(plan)
    for knobs in limits(plan).values():
        yield knobs[1]
    yield from settings(plan)


def remedies(plan: Plan) -> Iterator[list[Knob]]:
    """Changes that may help, each as a ladder from the least to the most of it; the easier kinds first."""
    for knob in settings(plan):
        yield [knob]
    yield from limits(plan).values()
    yield from ([knob] for knob in vendors(plan))


# The traffic, and the vendors' speed: not ours to set.


def faster(plan: Plan, factor: float) -> Plan:
    """The same calls, closer together."""
    workload = plan.workload
    if isinstance(workload, Shape):
        shapes = [msgspec.structs.replace(one, rate=one.rate * factor) for one in workload.aliases]
        return Plan(plan.system, plan.models, Shape(shapes))
    assert isinstance(workload, Trace)
    return Plan(plan.system, plan.models, workload.scaled(factor))


def traffic(plan: Plan) -> Iterator[Knob]:
    rate = plan.workload.rate
    yield Knob(
        "load", f"{rate:.3g} -> {rate * 1.2:.3g} rps", "traffic", "requirements.traffic.peak_rps",
        lambda plan: faster(plan, 1.2), False,
    )  # fmt: skip
    if isinstance(plan.workload, Shape):
        most = max(one.burstiness for one in plan.workload.aliases)

        def burstier(plan: Plan) -> Plan:
            assert isinstance(plan.workload, Shape)
            shapes = [msgspec.structs.replace(one, burstiness=one.burstiness * 3) for one in plan.workload.aliases]
            return Plan(plan.system, plan.models, Shape(shapes))

        path = "requirements.traffic.burstiness"
        yield Knob("burstiness", f"{most:g} -> {most * 3:g}", "traffic", path, burstier, False)


def speeds(plan: Plan) -> Iterator[Knob]:
    for name in plan.models:
        yield Knob(
            f"first token of {name}",
            "20% shorter",
            "vendor",
            "",
            _of_target(name, lambda one: scaled(one, first=0.8)),
            False,
        )
        yield Knob(
            f"pace of {name}", "20% faster", "vendor", "", _of_target(name, lambda one: scaled(one, pace=0.8)), False
        )


def scaled(model: VendorModel, *, first: float = 1.0, pace: float = 1.0) -> VendorModel:
    return msgspec.structs.replace(
        model,
        first=msgspec.structs.replace(model.first, median=model.first.median * first),
        prefill=model.prefill * first,
        stall=model.stall * first,
        pace=msgspec.structs.replace(model.pace, median=model.pace.median * pace),
    )


def _of_target(name: str, change: Callable[[VendorModel], VendorModel]) -> Callable[[Plan], Plan]:
    def turn(plan: Plan) -> Plan:
        return Plan(plan.system, {**plan.models, name: change(plan.models[name])}, plan.workload)

    return turn


# Limits.


def limits(plan: Plan) -> dict[str, list[Knob]]:
    """Each limit of the file, as a ladder."""
    found: dict[str, list[Knob]] = {}
    for one in bounded(plan.system):
        kind: Kind = "limit" if one.owner in ("provider", "target") and one.unit != "concurrency" else "file"
        ladder = []
        for factor in LADDER:
            more = round(one.size * factor)
            said = f"{written_count(one.size)} -> {written_count(more)}"
            ladder.append(Knob(one.name, said, kind, one.path, _limit(one, more)))
        found[one.name] = ladder
    return found


def _limit(one: Bounded, more: int) -> Callable[[Plan], Plan]:
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
        return Plan(system, models, plan.workload)

    return turn


# Settings of the file.


def settings(plan: Plan) -> Iterator[Knob]:
    for alias, model in plan.system.models.items():
        yield from _tries(alias, model)
        yield from _order(alias, model)
        yield from _waits(alias, model)
        yield from _layers(alias, model)


def _tries(alias: str, model: Model) -> Iterator[Knob]:
    attempts = model.retry.attempts
    for more in (1, attempts + 2):
        if more != attempts:
            retry = msgspec.structs.replace(model.retry, attempts=more)
            path = f"models.{alias}.retry.attempts"
            yield Knob(f"retry.attempts of {alias}", f"{attempts} -> {more}", "file", path, _model(alias, retry=retry))


def _order(alias: str, model: Model) -> Iterator[Knob]:
    tiers = model.targets
    if any(len(tier) > 1 for tier in tiers):
        for balance in ("least_busy", "fastest", "cheapest"):
            if balance != model.balance and balance in _literals("balance"):
                turn = _model(alias, balance=balance)
                path = f"models.{alias}.balance"
                yield Knob(f"balance of {alias}", f"{model.balance} -> {balance}", "file", path, turn)
    if len(tiers) > 1:
        swapped = (tiers[1], tiers[0], *tiers[2:])
        said = f"{_names(tiers[1])} first, then {_names(tiers[0])}"
        yield Knob(f"order of {alias}'s tiers", said, "file", f"models.{alias}.targets", _model(alias, targets=swapped))
        together = (tiers[0] + tiers[1], *tiers[2:])
        said = f"{_names(tiers[0])} and {_names(tiers[1])} share the load in one tier"
        if len({str(target) for target in together[0]}) == len(together[0]):
            yield Knob(f"tiers of {alias}", said, "file", f"models.{alias}.targets", _model(alias, targets=together))


def _literals(field: str) -> tuple[str, ...]:
    kind = next(one for one in msgspec.structs.fields(Model) if one.name == field)
    return getattr(kind.type, "__args__", ())


def _waits(alias: str, model: Model) -> Iterator[Knob]:
    first = model.timeouts.first_token
    timeouts = msgspec.structs.replace(model.timeouts, first_token=first / 2)
    said = f"{written_duration(first)} -> {written_duration(first / 2)}"
    path = f"models.{alias}.timeouts.first_token"
    yield Knob(f"timeouts.first_token of {alias}", said, "file", path, _model(alias, timeouts=timeouts))


def _layers(alias: str, model: Model) -> Iterator[Knob]:
    """Layers that are off."""
    if model.mid_stream == "error":
        path = f"models.{alias}.mid_stream"
        yield Knob(f"mid_stream of {alias}", "error -> restart", "file", path, _model(alias, mid_stream="restart"))
    if model.cache.exact is None:
        cache = msgspec.structs.replace(model.cache, exact=CACHED_FOR)
        path = f"models.{alias}.cache.exact"
        said = f"off -> {written_duration(CACHED_FOR)}"
        yield Knob(f"cache of {alias}", said, "file", path, _model(alias, cache=cache))


def _names(tier: tuple[TargetOf, ...]) -> str:
    return " + ".join(map(str, tier))


def _model(alias: str, **changed: Any) -> Callable[[Plan], Plan]:
    def turn(plan: Plan) -> Plan:
        model = msgspec.structs.replace(plan.system.models[alias], **changed)
        system = msgspec.structs.replace(plan.system, models={**plan.system.models, alias: model})
        return Plan(system, plan.models, plan.workload)

    return turn


# Another vendor.


def vendors(plan: Plan) -> Iterator[Knob]:
    """One more provider behind each alias, as good as its first."""
    for alias, model in plan.system.models.items():
        first = model.targets[0][0]
        said = f"one more provider behind {alias}, as good as {first.provider} and as dear, as its last tier"
        yield Knob(f"another provider for {alias}", said, "vendor", f"models.{alias}.targets", _another(alias, first))


def _another(alias: str, like: TargetOf) -> Callable[[Plan], Plan]:
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
        return Plan(system, {**plan.models, str(target): made}, plan.workload)

    return turn
