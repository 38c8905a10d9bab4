"""The structs of `choices:`: what `headworks plan --search` may vary, and the prices of what is no call.

Always true: nothing here changes how calls are served, and the system's digest does not know it. A value is kept as it stands in
the file; whether the reader takes it where it is to be put is checked while loading (`checks/choices.py`).
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from headworks.core.units import Count, Seconds

Alias: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "alias"})]
Setting: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "setting"})]
Money: TypeAlias = Annotated[int, msgspec.Meta(ge=0, extra={"unit": "money"})]
Weight: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]

MONTH = 30 * 86400.0


class TargetChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The targets that an alias may have: any of them, one after the other, in any order. weights: two of them may also share
    the load of the first tier, each with one of these."""

    any_of: tuple[msgspec.Raw, ...]
    at_least: Count = 1
    at_most: Count | None = None
    weights: tuple[Weight, ...] = ()


class ExtraPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What is paid beside the calls: `costs` for what is there, or `at_least` for the calls of a provider."""

    of: Setting
    costs: Money | None = None
    at_least: Money | None = None
    per: Seconds = MONTH
    each: Count | None = None
    when: str | None = None


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What may vary, and what it costs beside the calls."""

    targets: dict[Alias, TargetChoice] = {}
    vary: dict[Setting, tuple[msgspec.Raw, ...]] = {}
    prices: tuple[ExtraPrice, ...] = ()

    @property
    def providers(self) -> set[str]:
        """The providers that a value may name, and perhaps names that are none."""
        found: set[str] = set()
        values = [one for choice in self.targets.values() for one in choice.any_of]
        values += [one for offered in self.vary.values() for one in offered]
        for value in values:
            _add_providers(msgspec.json.decode(value), found)
        return found


def _add_providers(value: object, found: set[str]) -> None:
    if isinstance(value, str):
        found.add(value.partition("/")[0])
    for one in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        _add_providers(one, found)
