"""A system in which one target answers an alias alone, so that a suite can be asked of it and of nothing else.

Always true: no call falls back to another target; who grades is the alias as it was, the same for every target that is asked,
so that no target grades itself.
"""

from __future__ import annotations

from typing import Final

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.core.errors import EvalError
from headworks.system.schema.system import System
from headworks.system.syntax.findings import suggestion
from headworks.system.verdicts.constraints import permitted

GRADER: Final = "{} (grader)"
"""The name of the alias that grades: no system file has one with a space in it."""

ATTEMPTS: Final = 5
"""Attempts at the one target at least: there is no other to fall back to, and a call without an answer says nothing of answers."""


def alias_behind(model: str, system: System) -> str:
    """The alias that answers: itself, or that of a prompt."""
    is_prompt = model.startswith(PROMPT_PREFIX)
    return system.prompts[model.removeprefix(PROMPT_PREFIX)].alias if is_prompt else model


def targets_of(system: System, alias: str) -> list[str]:
    """The targets of an alias that may be asked, tier by tier."""
    return list(dict.fromkeys(str(target) for tier in permitted(system).models[alias].targets for target in tier))


def with_one_target(system: System, alias: str, name: str) -> tuple[str, System]:
    """The alias that grades, and the system in which `name` alone answers `alias`. Raises EvalError for a target that it does not have."""
    model = system.models[alias]
    known = targets_of(system, alias)
    if name not in known:
        raise EvalError(f"{alias} has no target `{name}`\n    {suggestion(name, known, 'targets')}")
    one = next(target for tier in model.targets for target in tier if str(target) == name)
    grader = GRADER.format(alias)
    retry = msgspec.structs.replace(model.retry, attempts=max(model.retry.attempts, ATTEMPTS))
    alone = msgspec.structs.replace(model, targets=((one,),), retry=retry)
    keys = {
        key: msgspec.structs.replace(found, models=(*found.models, grader)) if alias in found.models else found
        for key, found in system.keys.items()
    }
    models = {**system.models, alias: alone, grader: model}
    return grader, msgspec.structs.replace(system, models=models, keys=keys)
