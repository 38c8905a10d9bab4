"""Every limit of a system file as one list: its owner, its unit, and the counter that the stack keeps it by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from headworks.system.schema.system import Group, Key, Model, Provider, System, TargetOf

Owner = Literal["provider", "target", "alias", "key", "group"]
Unit = Literal["rpm", "tpm", "concurrency"]


class Limit(msgspec.Struct, frozen=True):
    """One limit. name: in words; of: the owner's name; within: of a target the alias, else ""; size: the limit itself."""

    owner: Owner
    of: str
    within: str
    unit: Unit
    size: int
    path: str

    @property
    def name(self) -> str:
        if self.owner == "provider":
            return f"{self.unit} of {self.of}"
        return f"{self.unit} of {self.of}" if self.owner == "target" else f"{self.unit} of {self.owner} {self.of}"

    @property
    def counter(self) -> str:
        """The state's name for it (`gateway/quotas.py`, `layers/quota.py`)."""
        unit = "places" if self.unit == "concurrency" else self.unit
        return f"{unit}/{self.owner}/{f'{self.within}/' if self.within else ''}{self.of}"


def limits_of(system: System) -> list[Limit]:
    """Every limit of calls, tokens and places: providers', targets', aliases', keys' and groups'."""
    found: list[Limit] = []
    for name, provider in system.providers.items():
        found += _limits_at("provider", name, "", provider, f"providers.{name}")
    for alias, model in system.models.items():
        found += _limits_at("alias", alias, "", model, f"models.{alias}")
        for number, tier in enumerate(model.targets):
            for position, target in enumerate(tier):
                where = f"models.{alias}.targets[{number}][{position}]"
                found += _limits_at("target", str(target), alias, target, where)
    for name, key in system.keys.items():
        found += _limits_at("key", name, "", key, f"keys.{name}")
    for name, group in system.groups.items():
        found += _limits_at("group", name, "", group, f"groups.{name}")
    return found


def _limits_at(
    owner: Owner, name: str, within: str, part: Provider | Model | TargetOf | Key | Group, path: str
) -> Iterator[Limit]:
    units: tuple[Unit, ...] = ("rpm", "tpm", "concurrency")
    for unit in units:
        size: int | None = getattr(part, unit, None)
        if size is not None:
            yield Limit(owner, name, within, unit, size, f"{path}.{unit}")


def keys_for(system: System, alias: str) -> list[str]:
    """The keys that may call an alias."""
    return [name for name, key in system.keys.items() if not key.models or alias in key.models]


def group_keys(system: System, group: str) -> tuple[str, ...]:
    """The keys of the file in a group."""
    return system.groups[group].keys
