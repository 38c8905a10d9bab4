"""Names that callers use for an alias of the file: `models: {'claude-*': {same_as: assistant}}`.

Always true: a name that is an alias is that alias; of several patterns that fit, the longest counts. So what answers never
depends on the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.system.schema.system import System
from headworks.system.syntax.findings import Findings, KeyPath, suggestion
from headworks.system.syntax.scalars import shown

ANY = "*"

MOST_LISTED = 500
"""Names that one system shows beside its aliases: a pattern may fit thousands."""


class SameAs:
    """The names of a system: which alias answers each.

    same_as: by the name, in which one `*` stands for any characters, the alias that it means.
    """

    def __init__(self, aliases: Iterable[str], same_as: Mapping[str, str]) -> None:
        self.aliases = frozenset(aliases)
        self.exact = {name: alias for name, alias in same_as.items() if ANY not in name}
        patterns = sorted((name for name in same_as if ANY in name), key=lambda name: (-len(name), name))
        self.patterns = [(*name.split(ANY, 1), same_as[name]) for name in patterns]

    def alias(self, name: str) -> str:
        """The alias that a name means; the name itself where it means none."""
        if name in self.aliases:
            return name
        if (alias := self.exact.get(name)) is not None:
            return alias
        for before, after, alias in self.patterns:
            if len(name) >= len(before) + len(after) and name.startswith(before) and name.endswith(after):
                return alias
        return name

    def listed(self, known: Iterable[str]) -> list[str]:
        """The names to show beside the aliases: those without a `*`, and those of `known` that a pattern fits."""
        fitting = [name for name in known if name not in self.aliases and self.alias(name) != name]
        return list(dict.fromkeys([*self.exact, *fitting]))[:MOST_LISTED]


def without_same_as(system: System, findings: Findings) -> System:
    """The system whose `models` are those with targets; what `same_as` said stands apart. Reports what is wrong with it."""
    models = {alias: model for alias, model in system.models.items() if model.same_as is None}
    same_as: dict[str, str] = {}
    for name, model in system.models.items():
        where: KeyPath = ("models", name)
        if (alias := model.same_as) is None:
            if ANY in name:
                problem, remedy = f"the name {shown(name)} has a `*`, but targets of its own", "name it without `*`"
                findings.error(where, problem, f"{remedy}, or write {{same_as: ALIAS}}", findings.names[where])
            elif not findings.is_written((*where, "targets")):
                findings.error((*where, "targets"), "`targets` is missing", "add it: targets: [provider/model]")
            continue
        _check(system, name, alias, findings)
        same_as[name] = alias
    return msgspec.structs.replace(system, models=models, same_as=same_as)


def _check(system: System, name: str, alias: str, findings: Findings) -> None:
    where: KeyPath = ("models", name)
    others = [key for key in msgspec.structs.asdict(system.models[name]) if findings.is_written((*where, key))]
    for key in others:
        if key != "same_as":
            problem = f"`{key}` beside `same_as` would do nothing: the settings are those of {shown(alias)}"
            findings.error((*where, key), problem, f"remove it, or write it under `{alias}`")
    if name.count(ANY) > 1:
        findings.error(where, f"{shown(name)} has more than one `*`", "write one", findings.names[where])
    prompts = [PROMPT_PREFIX + one for one in findings.names_in(("prompts",))]
    known = [one for one, model in system.models.items() if model.same_as is None]
    if alias not in known and alias not in prompts:
        problem = f"there is no model {shown(alias)}"
        if alias in system.models:
            problem = f"{shown(alias)} is itself another name for a model"
        findings.error((*where, "same_as"), problem, suggestion(alias, known, "models"))
