"""The share of calls that the budgets of keys and groups have room for, from the mean cost of a call.

Theory. A budget lets calls in until it is spent, and then none until its window ends. So the share that it serves is its amount
divided by the cost of all calls of a window, and at most 1. A budget by the hour may be spent in the busy hours of a day and not
in the quiet ones, so each hour counts by itself. The calls that a key's own budget lets in then ask its group's.

Always true: a share is between 0 and 1; what is served costs no more than the amount.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from headworks.core.key import Spending
from headworks.core.money import NANO
from headworks.policy.spend import LENGTHS
from headworks.system.schema.system import System


class BudgetFlow(msgspec.Struct, frozen=True, kw_only=True):
    """One budget. amount, asked, most: dollars of the budget, and what all calls of a window would cost, on average and in the
    busiest window. share: of the calls that ask, the share that it serves. lasts: seconds until a `total` is spent, else None."""

    name: str
    path: str
    amount: float
    asked: float
    most: float
    share: float
    lasts: float | None = None


class BudgetFlows(msgspec.Struct, frozen=True, kw_only=True):
    """shares: of the calls of each key, the share that its own and its group's budget serve together."""

    budgets: list[BudgetFlow]
    shares: dict[str, float]

    def share_of(self, system: System, alias: str) -> float:
        """The share of an alias's calls that budgets serve; its keys make equal shares of them."""
        callers = callers_of(system, alias)
        return sum(self.shares[caller] for caller in callers) / len(callers) if callers else 1.0


def callers_of(system: System, alias: str) -> list[str]:
    """The keys that may call an alias."""
    return [name for name, key in system.keys.items() if not key.models or alias in key.models]


def budget_flows(
    system: System,
    rates: Mapping[str, float],
    costs: Mapping[str, float],
    let_in: Mapping[tuple[str, str], float],
) -> BudgetFlows:
    """Every budget of the file. rates: calls a second of each alias, on average over a long time; costs: dollars a call; let_in:
    by alias and key, the share of its calls that limits let in (1 where nothing is said)."""
    asked = dict.fromkeys(system.keys, 0.0)
    for alias, rate in rates.items():
        callers = callers_of(system, alias)
        for caller in callers:
            asked[caller] += rate / len(callers) * let_in.get((alias, caller), 1.0) * costs.get(alias, 0.0)
    day = system.requirements.traffic.daily
    budgets: list[BudgetFlow] = []
    shares: dict[str, float] = {}
    for name, key in system.keys.items():
        flow = _flow(f"budget of key {name}", f"keys.{name}.budget.amount", key.budget, asked[name], day)
        shares[name] = 1.0 if flow is None else flow.share
        budgets += [] if flow is None else [flow]
    for name, group in system.groups.items():
        left = sum(asked[key] * shares[key] for key in group.keys if key in asked)
        flow = _flow(f"budget of group {name}", f"groups.{name}.budget.amount", group.budget, left, day)
        if flow is not None:
            budgets.append(flow)
            shares |= {key: shares[key] * flow.share for key in group.keys if key in shares}
    return BudgetFlows(budgets=budgets, shares=shares)


def _flow(name: str, path: str, budget: Spending | None, rate: float, day: Sequence[float]) -> BudgetFlow | None:
    """rate: dollars a second that are asked of it, on average."""
    if budget is None:
        return None
    amount = budget.amount / NANO
    if budget.every == "total":
        lasts = amount / rate if rate > 0 else None
        return BudgetFlow(name=name, path=path, amount=amount, asked=0.0, most=0.0, share=1.0, lasts=lasts)
    mean = rate * LENGTHS[budget.every]
    windows = [mean]
    if budget.every == "1h" and sum(day) > 0:
        windows = [mean * one * len(day) / sum(day) for one in day]
    served = sum(min(one, amount) for one in windows)
    share = served / sum(windows) if sum(windows) > 0 else 1.0
    return BudgetFlow(name=name, path=path, amount=amount, asked=mean, most=max(windows), share=min(1.0, share))
