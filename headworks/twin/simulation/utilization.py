"""The utilization of each limit over time.

Theory. A limit per minute is held by a bucket of one minute's size, so its use is what was admitted in a minute by the
limit. Places are held for as long as a call lasts, so their use is how many are held at once, by how many there are.
A limit that is used up shows no more than 100 %, whatever asks for it: so what it made wait, and what it turned away, is
counted beside it. A call that waits for its provider's limit has its first attempt late. Tokens are counted as they were
used, while a call takes its bound on the answer until it ends: a `tpm` may turn calls away and seem to be half empty.

Always true: read off the records of a run, as they would be in service; but which limit of a key, a group or an alias
turned a call away, which a record does not say: that comes from the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np

from headworks.core.key import Spending
from headworks.core.money import NANO
from headworks.core.record import AttemptRecord, Record
from headworks.system.schema.system import System
from headworks.twin.models.random_streams import Floats
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.screening.limits import Limit, keys_for, limits_of
from headworks.twin.workload.mix import Mix

STEPS: Final = 60
"""Points of a time series."""

FULL: Final = 0.9
"""The use from which a limit of a vendor is one that made calls wait: of the limits of one owner the record does not say which."""


class Utilization(msgspec.Struct, frozen=True, kw_only=True):
    """One limit's use. at_peak: the most that was used at once, by the limit; mean: over time. waits: seconds that calls
    waited for it on average; refused: the share of those that asked which it turned away. course: use over time."""

    name: str
    path: str
    limit: float
    at_peak: float
    mean: float
    waits: float = 0.0
    refused: float = 0.0
    course: list[float]


class LimitConsumers(msgspec.Struct):
    """Calls or attempts that took capacity of a limit. asked: how many asked for it; waits, refused: of those."""

    started: Floats
    ended: Floats
    tokens: Floats
    waits: float
    refused: float
    asked: int


def utilizations(
    system: System,
    models: Sequence[VendorModel],
    records: Iterable[Record],
    begins: float,
    ends: float,
    turned: Mapping[str, int],
) -> list[Utilization]:
    """The use of every limit, in the order of the file, and then the gateway's own. turned: by the state's names."""
    known = list(records)
    found = []
    for one in limits_of(system):
        columns = _consumers(system, one, known)
        if one.unit == "concurrency":
            course = _held_at_once(columns.started, columns.ended, begins, ends) / one.size
        else:
            amounts = columns.tokens if one.unit == "tpm" else np.ones(len(columns.started))
            course = _per_minute(columns.started, amounts, begins, ends) / one.size
        is_full = float(course.max()) >= FULL
        waits, refused = (columns.waits, columns.refused) if is_full else (0.0, 0.0)
        if one.owner in ("alias", "key", "group"):
            refused = min(1.0, turned.get(one.counter, 0) / columns.asked) if columns.asked else 0.0
        found.append(_utilization(one.name, one.path, one.size, course, waits, refused))
    for model in models:
        if model.slots is not None:
            mine = _attempt_consumers([a for record in known for a in record.attempts if a.target == model.target])
            course = _held_at_once(mine.started, mine.ended, begins, ends) / model.slots
            found.append(_utilization(f"slots of {model.target}", "", model.slots, course, 0.0, 0.0))
    arrived = np.array([record.arrived_at for record in known], dtype=float)
    last = np.array([record.last_at for record in known], dtype=float)
    course = _held_at_once(arrived, last, begins, ends) / system.server.max_in_flight
    shed = _share([record.error == "Overloaded" for record in known])
    found.append(
        _utilization("server.max_in_flight", "server.max_in_flight", system.server.max_in_flight, course, 0.0, shed)
    )
    return found


WINDOW_SECONDS: Final[Mapping[str, float]] = MappingProxyType(
    {"1h": 3600.0, "1d": 86400.0, "1w": 604800.0, "30d": 2592000.0}
)
"""How long a budget's window is; `total` has none."""


def budget_utilizations(system: System, mix: Sequence[Mix], busy: float, cost: float | None) -> list[Utilization]:
    """The share of each budget of the file that a window of this traffic uses: by the mean cost of a call, since no run is that long.
    busy: the mean load by the peak's; cost: dollars a call, None where it is unknown."""
    if cost is None:
        return []
    owners: list[tuple[str, str, Spending | None, tuple[str, ...]]] = [
        ("key", name, key.budget, (name,)) for name, key in system.keys.items()
    ]
    owners += [("group", name, group.budget, group.keys) for name, group in system.groups.items()]
    found = []
    for owner, name, budget, members in owners:
        if budget is None or budget.every not in WINDOW_SECONDS:
            continue
        rate = 0.0
        for one in mix:
            keys = keys_for(system, one.alias)
            rate += one.rate * sum(member in keys for member in members) / len(keys) if keys else 0.0
        amount = budget.amount / NANO
        taken = rate * busy * WINDOW_SECONDS[budget.every] * cost / amount
        course = np.minimum(1.0, np.linspace(0, taken, STEPS))
        refused = max(0.0, 1 - 1 / taken) if taken > 0 else 0.0
        use = _utilization(f"budget of {owner} {name}", f"{owner}s.{name}.budget.amount", amount, course, 0.0, refused)
        found.append(msgspec.structs.replace(use, at_peak=taken, mean=taken))
    return found


def _consumers(system: System, one: Limit, records: Sequence[Record]) -> LimitConsumers:
    match one.owner:
        case "provider" | "target":
            prefix = f"{one.of}/" if one.owner == "provider" else one.of
            mine = [record for record in records if not one.within or record.model == one.within]
            made = _attempt_consumers([a for record in mine for a in record.attempts if a.target.startswith(prefix)])
            first = [
                record.attempts[0].started_at - record.arrived_at
                for record in mine
                if record.attempts and record.attempts[0].target.startswith(prefix)
            ]
            made.waits = float(np.mean(first)) if first else 0.0
            at_limit = sum(record.error == "AtLimit" and record.reason.startswith(prefix) for record in mine)
            throttled = sum(
                a.error == "Throttled" for record in mine for a in record.attempts if a.target.startswith(prefix)
            )
            asked = len(made.started) + at_limit
            made.refused = (at_limit + throttled) / asked if asked else 0.0
            made.asked = asked
            return made
        case "alias":
            return _call_consumers([record for record in records if record.model == one.of])
        case "key":
            return _call_consumers([record for record in records if record.key == one.of])
    return _call_consumers([record for record in records if record.group == one.of])


def _attempt_consumers(rows: Sequence[AttemptRecord]) -> LimitConsumers:
    # Refused before the vendor was asked (an open circuit): Meter was never reached, and nothing was taken.
    reached = [one for one in rows if one.ended_at and one.error != "Throttled"]
    tokens = [0 if one.tokens is None else one.tokens.input_tokens + one.tokens.output_tokens for one in reached]
    return LimitConsumers(
        np.array([one.started_at for one in reached], dtype=float),
        np.array([one.ended_at for one in reached], dtype=float),
        np.array(tokens, dtype=float),
        0.0,
        0.0,
        len(rows),
    )


def _call_consumers(rows: Sequence[Record]) -> LimitConsumers:
    turned = [record.error in ("QuotaExceeded", "InsufficientQuota") for record in rows]
    taken = [record for record, is_refused in zip(rows, turned, strict=True) if not is_refused]
    tokens = [0 if one.tokens is None else one.tokens.input_tokens + one.tokens.output_tokens for one in taken]
    return LimitConsumers(
        np.array([one.arrived_at for one in taken], dtype=float),
        np.array([one.last_at for one in taken], dtype=float),
        np.array(tokens, dtype=float),
        0.0,
        _share(turned),
        len(rows),
    )


def _share(found: Sequence[bool]) -> float:
    return sum(found) / len(found) if found else 0.0


def _per_minute(at: Floats, amounts: Floats, begins: float, ends: float) -> Floats:
    """The amount in the minute before each of `STEPS` points in time; scaled up where the run covers less than a minute."""
    grid = np.linspace(begins, ends, STEPS + 1)[1:]
    order = np.argsort(at, kind="stable")
    at, total = at[order], np.concatenate([[0.0], np.cumsum(amounts[order])])
    upto, since = np.searchsorted(at, grid, side="right"), np.searchsorted(at, grid - 60.0, side="right")
    made: Floats = (total[upto] - total[since]) * 60.0 / np.clip(grid, 1e-9, 60.0)
    return made


def _held_at_once(started: Floats, ended: Floats, begins: float, ends: float) -> Floats:
    """How many are held: the most within each of `STEPS` stretches."""
    instants = np.concatenate([started, ended])
    moves = np.concatenate([np.ones(len(started)), -np.ones(len(ended))])
    order = np.lexsort((moves, instants))
    instants, level = instants[order], np.cumsum(moves[order])
    grid = np.linspace(begins, ends, STEPS + 1)
    at = np.searchsorted(instants, grid, side="right")
    course = np.zeros(STEPS)
    for step in range(STEPS):
        before = level[at[step] - 1] if at[step] else 0.0
        inside = level[at[step] : at[step + 1]]
        course[step] = max(before, inside.max() if len(inside) else 0.0)
    return course


def _utilization(name: str, path: str, limit: float, course: Floats, waits: float, refused: float) -> Utilization:
    return Utilization(
        name=name,
        path=path,
        limit=limit,
        at_peak=float(course.max()),
        mean=float(course.mean()),
        waits=waits,
        refused=refused,
        course=[round(float(point), 4) for point in course],
    )
