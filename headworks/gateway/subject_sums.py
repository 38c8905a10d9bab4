"""What users and sessions have spent before a gateway starts, for those limits that outlive it: budgets, and calls of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from headworks.core.key import Allowance
from headworks.core.state import Spent, Subject, Window
from headworks.layers.bounds import LIFE_WITHOUT_NAME, Part, parts_of, subject_name
from headworks.ledger.store import Store
from headworks.ledger.subjects import Column, Subtotal, subtotals
from headworks.policy.spend import window_start
from headworks.policy.subjects import CALLS, MOST

Named: TypeAlias = tuple[str, Window]
"""A budget: its name in the state (of users and sessions what stands before theirs), and its window."""


def parts_in(allowances: Iterable[tuple[str, Allowance]]) -> dict[Named, Part]:
    """The limits of users and sessions that are summed from the ledger, by their names."""
    found: dict[Named, Part] = {}
    for name, allowance in allowances:
        for part in parts_of(name, allowance):
            if part.spending is not None:
                found[part.owner, part.spending.every] = part
            if part.calls is not None:
                found[f"{CALLS}{part.owner}", "total"] = part
    return found


def subject_sums(
    store: Store, parts: Mapping[Named, Part], members: Callable[[str], Sequence[str]], at: float
) -> list[Spent]:
    """members: the names of a group's keys."""
    found: list[Spent] = []
    for (name, window), part in parts.items():
        kind, scope, owner = part.owner.split("/", 2)
        keys = [owner] if scope == "key" else members(owner)
        column: Column = "enduser" if kind == "user" else "session"
        if window == "total":
            found += _spent(name, window, part, subtotals(store, column, keys, at - part.forget, is_whole=True), at)
            day = subtotals(store, column, keys, window_start(LIFE_WITHOUT_NAME, at))
            found += _spent(name, LIFE_WITHOUT_NAME, part, [one for one in day if not one.name], at)
        else:
            found += _spent(name, window, part, subtotals(store, column, keys, window_start(window, at)), at)
    return found


def _spent(name: str, window: Window, part: Part, sums: Sequence[Subtotal], at: float) -> list[Spent]:
    start = window_start(window, at)
    before = CALLS if name.startswith(CALLS) else ""
    # Of more than are told apart those who called last have their own accounts: they are known first.
    return [
        Spent(
            before,
            window,
            start,
            one.calls if before else one.cost,
            part.forget,
            Subject(part.owner, subject_name(one.name), one.at, part.lasts(one.at)),
        )
        for one in [*sums[-MOST:], *sums[:-MOST]]
    ]
