"""Constraints on providers that no number expresses: which targets meet them, and the system without the others.

Always true: what a provider does not state counts as not met, whatever else is known of it. Nothing here asks anybody:
that a vendor does as its part of the file says is its owner's word. `gateway/assemble.py` builds no target that does not
meet every constraint, so no route, fallback or retry can reach one; the plan simulates the same stack.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

import msgspec

from headworks.core.errors import ConfigError, Problem
from headworks.system.schema.notations import written_retention
from headworks.system.schema.requirements import Constraint
from headworks.system.schema.system import Model, Provider, System, TargetOf
from headworks.system.verdicts.verdict import VerdictWord

CONSTRAINTS: Final = "requirements.constraints"


class ConstraintVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one constraint at one target. provider: which part of the file states it."""

    constraint: str
    target: str
    provider: str
    verdict: VerdictWord
    why: str


def judge_constraints(system: System) -> list[ConstraintVerdict]:
    """A verdict for each constraint and each target, in the order of the file."""
    targets = dict.fromkeys(_targets(system))
    return [
        ConstraintVerdict(
            constraint=said,
            target=name,
            provider=provider,
            verdict="holds" if not problem else "does not hold",
            why=problem or f"stated by `providers.{provider}`",
        )
        for one in system.requirements.constraints
        for name, provider in targets
        for said, problem in _judged(one, system.providers[provider], provider)
    ]


def permitted(system: System) -> System:
    """The same system without the targets that do not meet every constraint; an alias may be left without any."""
    if not system.requirements.constraints:
        return system
    models = {alias: _permitted(system, model) for alias, model in system.models.items()}
    return msgspec.structs.replace(system, models=models)


def is_permitted(system: System, target: TargetOf) -> bool:
    """Whether a target meets every constraint."""
    return not _why_not(system, target.provider)


def unserved(system: System) -> list[str]:
    """The aliases of which no target meets every constraint."""
    return [alias for alias, model in permitted(system).models.items() if not model.targets]


def check_served(system: System) -> None:
    """Raises ConfigError where an alias has no target that meets every constraint, or a path passes to a provider that does not."""
    problems = [
        Problem(
            path=f"models.{alias}.targets",
            problem=f"no target of `{alias}` meets `{CONSTRAINTS}`: {'; '.join(_reasons(system, alias))}",
            remedy="state `region:` and `retention:` of a provider where they are so, or name another target",
        )
        for alias in unserved(system)
    ]
    problems += [
        Problem(
            path=f"passthrough.{word}",
            problem=f"`{name}` does not meet `{CONSTRAINTS}`: {'; '.join(_why_not(system, name))}",
            remedy="state `region:` and `retention:` of the provider where they are so, or name another one",
        )
        for word, name in system.passthrough.items()
        if _why_not(system, name)
    ]
    if problems:
        raise ConfigError(problems)


def left_out(system: System) -> list[Problem]:
    """A warning for each target that will never be asked."""
    judged = [one for one in judge_constraints(system) if one.verdict != "holds"]
    return [
        Problem(
            path=f"providers.{one.provider}",
            problem=f"{one.target} is never asked: {one.why} (constraint `{one.constraint}`)",
            remedy="state it of the provider if it is so, or remove the target",
        )
        for one in judged
    ]


def _targets(system: System) -> Iterator[tuple[str, str]]:
    for model in system.models.values():
        for target in chain.from_iterable(model.targets):
            yield str(target), target.provider
    for word, name in system.passthrough.items():
        yield f"/v1/{word}", name


def _permitted(system: System, model: Model) -> Model:
    tiers = [tuple(target for target in tier if is_permitted(system, target)) for tier in model.targets]
    return msgspec.structs.replace(model, targets=tuple(tier for tier in tiers if tier))


def _reasons(system: System, alias: str) -> list[str]:
    mine = {str(target) for target in chain.from_iterable(system.models[alias].targets)}
    return list(
        dict.fromkeys(one.why for one in judge_constraints(system) if one.target in mine and one.verdict != "holds")
    )


def _why_not(system: System, name: str) -> list[str]:
    """Why a provider does not meet the constraints; empty where it does."""
    judged = (_judged(one, system.providers[name], name) for one in system.requirements.constraints)
    return [problem for _, problem in chain.from_iterable(judged) if problem]


def _judged(constraint: Constraint, provider: Provider, name: str) -> Iterator[tuple[str, str]]:
    """Each part of a constraint in words, and why a provider does not meet it: "" where it does."""
    if constraint.region:
        outside = [one for one in provider.region if one not in constraint.region]
        problem = "" if provider.region else f"`providers.{name}` states no `region`"
        yield f"region: {_list(constraint.region)}", f"`{name}` is in {', '.join(outside)}" if outside else problem
    if (most := constraint.retention) is not None:
        kept = provider.retention
        problem = f"`providers.{name}` states no `retention`"
        if kept is not None:
            problem = f"`{name}` keeps what it is sent for {written_retention(kept)}" if kept > most else ""
        yield f"retention: {written_retention(most)}", problem


def _list(regions: tuple[str, ...]) -> str:
    return regions[0] if len(regions) == 1 else f"[{', '.join(regions)}]"
