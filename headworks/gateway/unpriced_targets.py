"""Reports targets whose price is unknown: for `headworks check`, and at the start of `headworks up`."""

from __future__ import annotations

from typing import TypeAlias

from headworks.core.money import Price
from headworks.gateway.prices import Prices
from headworks.system.checks.system import aliases_under_budget
from headworks.system.schema.system import OpenAI, System
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.scalars import shown

Priced: TypeAlias = dict[str, dict[str, Price | None]]
"""By alias and target."""


def priced(system: System, findings: Findings) -> Priced:
    """The price of each target. An unknown price of a vendor is a warning (nobody is billed for a simulated one), and
    an error where a key with a budget may call it: its calls would be refused."""
    prices = Prices(system)
    funded = aliases_under_budget(system)
    known: Priced = {}
    for alias, model in system.models.items():
        known[alias] = {}
        for index, tier in enumerate(model.targets):
            for position, target in enumerate(tier):
                price = known[alias][str(target)] = prices.of(model, target)
                where = ("models", alias, "targets", index, position)
                meant = prices.meant(target)
                if meant is not None:
                    problem = f"the vendor of {shown(str(target))} has no such model that we know"
                    findings.warn(where, problem, f"did you mean `{target.provider}/{meant}`?")
                if price is None and alias in funded:
                    problem = f"the price of {shown(str(target))} is unknown, and the budget of `{funded[alias]}` must pay for it"
                    remedy = "write it under the alias: price: {input: $0.25/M, output: $2/M}"
                    findings.error(where, problem, remedy)
                elif price is None and meant is None and isinstance(system.providers[target.provider], OpenAI):
                    problem = f"the price of {shown(str(target))} is unknown, and so what its calls cost"
                    remedy = "write it under the alias: price: {input: $0.25/M, output: $2/M}"
                    findings.warn(where, problem, remedy)
    return known
