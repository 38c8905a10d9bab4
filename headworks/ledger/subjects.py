"""What each user and each session of some keys has spent, from the calls in the store and those that are still running."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from headworks.ledger.facts import opened
from headworks.ledger.store import HIDDEN, SHIFT, Store, key_at

Column = Literal["enduser", "session"]


class Subtotal(NamedTuple):
    """name: of the user or session, "" for all who named none. cost: nano-dollars. calls: those that were let in. at: when the last
    of them came, in seconds since 1970."""

    name: str
    cost: int
    calls: int
    at: float


def subtotals(
    store: Store, column: Column, keys: Sequence[str], since: float, *, is_whole: bool = False
) -> list[Subtotal]:
    """The sums of calls with these keys from an instant on, by the column, who was silent for longest first.

    is_whole: for those with a name of whom there was a call from that instant on, the sums of all their calls. Calls of users who were
    purged are nobody's.
    """
    numbers = _numbers(store, "key", keys)
    if not numbers:
        return _with_running(store, column, keys, since, [])
    mine = f"key IN ({', '.join(map(str, numbers))}) AND request <> {HIDDEN}"  # more than a question takes values
    values = (_number(store, "targets", ""), _number(store, "outcome", "lost"), key_at(since))
    if is_whole:
        mine += f" AND {column} > 0 AND {column} IN (SELECT {column} FROM calls WHERE {mine} AND id >= ?)"
    else:
        mine += " AND id >= ?"
    rows = store.rows(
        f"SELECT coalesce((SELECT name FROM names WHERE names.id = calls.{column}), ''), CAST(coalesce(sum(cost), 0) AS BIGINT),"
        f" sum(CASE WHEN is_failed = 1 AND targets = ? AND outcome <> ? THEN 0 ELSE 1 END), max(id)"
        f" FROM calls WHERE {mine} GROUP BY calls.{column} ORDER BY 4",
        values,
    )
    found = [Subtotal(name, cost, int(calls), (last >> SHIFT) / 1e6) for name, cost, calls, last in rows]
    return _with_running(store, column, keys, since, found)


def _with_running(
    store: Store, column: Column, keys: Sequence[str], since: float, found: list[Subtotal]
) -> list[Subtotal]:
    """The same, with what calls that have no record yet have reserved."""
    sums = {one.name: one for one in found}
    among = set(keys)
    for (line,) in store.rows("SELECT line FROM opened"):
        call = opened(line)
        if call is None or call.key not in among or call.at < since:
            continue
        name = (call.user if column == "enduser" else call.session) or ""
        was = sums.pop(name, Subtotal(name, 0, 0, 0.0))
        sums[name] = Subtotal(name, was.cost + call.reserved_nano, was.calls + 1, max(was.at, call.at))
    return list(sums.values())


def _numbers(store: Store, kind: str, names: Sequence[str]) -> list[int]:
    found: list[int] = []
    for start in range(0, len(names), 500):  # a store takes so many values a question
        some = names[start : start + 500]
        marks = ", ".join("?" * len(some))
        rows = store.rows(f"SELECT id FROM names WHERE kind = ? AND name IN ({marks})", (kind, *some))
        found += [number for (number,) in rows]
    return found


def _number(store: Store, kind: str, name: str) -> int:
    """The number of a name; one that none has where it is not known."""
    return next(iter(_numbers(store, kind, [name])), -1)
