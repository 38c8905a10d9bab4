"""What a system costs a month beside its calls: `choices.prices`.

Always true: a price of a provider is paid once, and only where a target of it is in the system.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

import msgspec

from headworks.core.money import NANO
from headworks.system.schema.choices import MONTH, ExtraPrice
from headworks.system.schema.notations import NOTATIONS
from headworks.system.schema.system import System
from headworks.system.syntax.findings import KeyPath
from headworks.system.syntax.scalars import Unreadable
from headworks.system.syntax.setting_path import setting_path


def extra_cost(system: System, spent: Mapping[str, float]) -> float:
    """Dollars a month. spent: what the calls of each provider cost a month."""
    if system.choices is None:
        return 0.0
    used = {target.provider for model in system.models.values() for tier in model.targets for target in tier}
    total = 0.0
    for one in system.choices.prices:
        path = setting_path(one.of)
        if path[0] == "providers" and path[1] not in used:
            continue
        if one.at_least is not None:
            total += max(0.0, one.at_least / NANO * MONTH / one.per - spent.get(str(path[1]), 0.0))
        elif one.costs is not None:
            total += one.costs / NANO * MONTH / one.per * _times(system, one, path)
    return total


def with_paid_providers(system: System) -> System:
    """The same system, whose calls at a provider that is paid for otherwise (a machine by the hour) cost nothing where no table has a
    price for them."""
    if system.choices is None:
        return system
    paths = [setting_path(one.of) for one in system.choices.prices if one.costs is not None]
    paid = dict.fromkeys(str(path[1]) for path in paths if path[0] == "providers")
    return msgspec.structs.replace(system, paid_otherwise=tuple(paid))


def _times(system: System, one: ExtraPrice, path: KeyPath) -> int:
    """How often an amount is paid."""
    if path[0] == "providers" and len(path) == 2:
        return 1
    found = _setting(system, path)
    if one.when is not None and not _is(found, one.when):
        return 0
    if one.each is None:
        return 1
    return ceil(found / one.each) if isinstance(found, int | float) else 0


def _setting(system: System, path: KeyPath) -> Any:
    """What a system has at a path, written or by default; None where there is nothing."""
    found: Any = system
    for step in path:
        if isinstance(step, int):
            found = found[step] if isinstance(found, tuple) and step < len(found) else None
        else:
            found = found.get(step) if isinstance(found, dict) else getattr(found, step, None)
    return found


def _is(found: object, text: str) -> bool:
    """Whether a setting has the value that a text says, in any notation."""
    if str(found) == text:
        return True
    readers: list[Callable[[str], object]] = [NOTATIONS[unit].read for unit in ("count", "seconds", "share", "bytes")]
    for read in readers:
        try:
            if read(text) == found:
                return True
        except Unreadable:
            continue
    return False
