"""The utilization of each limit over time.

Theory. A limit per minute is held by a bucket of one minute's size, so its use is what was admitted in a minute by the
limit. Places are held for as long as a call lasts, so their use is how many are held at once, by how many there are.
Waits and rejections are counted beside the use. A call that waits for its provider's limit has its first attempt late. Tokens
are counted as they were used, while a call reserves its output limit until it ends: a `tpm` may reject calls and seem half empty.
A limit rejects a call that asked for it and never got in, also if another target answered the call.

Always true: read off the records of a run, as they would be in service; but which limit turned a call away, which a record
does not say: that comes from the state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from headworks.core.record import AttemptRecord, Record
from headworks.system.schema.system import System
from headworks.system.verdicts.budget_flow import BudgetFlow
from headworks.twin.models.random_streams import Floats
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.screening.limits import Limit, limits_of
from headworks.twin.simulation.observations import TURNED_AWAY

STEPS: Final = 60
"""Points of a time series."""

FULL: Final = 0.9
"""The use from which a limit of a vendor is one that made calls wait: of the limits of one owner the record does not say which."""

MOST_A_MINUTE: Final = 2.0
"""The most of a limit a minute that is ever used in a minute: a bucket that was full, and what refills it meanwhile."""


class Utilization(msgspec.Struct, frozen=True, kw_only=True):
    """One limit's use. at_peak: the most that was used at once, by the limit; mean: over time. waits: seconds that calls
    waited for it on average; refused: the share of the calls that asked for it which it rejected; elsewhere: the share which it
    rejected and another target answered. course: use over time."""

    name: str
    path: str
    limit: float
    at_peak: float
    mean: float
    waits: float = 0.0
    refused: float = 0.0
    elsewhere: float = 0.0
    course: list[float]


class LimitConsumers(msgspec.Struct):
    """Calls or attempts that took capacity of a limit, and how long calls waited for it on average."""

    started: Floats
    ended: Floats
    tokens: Floats
    waits: float = 0.0


class Refusals(msgspec.Struct, frozen=True):
    """Of the calls that asked for a limit, the share that it rejected, and the share that it rejected and another target answered."""

    refused: float = 0.0
    elsewhere: float = 0.0


NOBODY: Final = Refusals()


def utilizations(
    system: System,
    models: Sequence[VendorModel],
    records: Iterable[Record],
    begins: float,
    ends: float,
    turned: Mapping[str, Collection[str]],
) -> list[Utilization]:
    """The use of every limit, in the order of the file, and then the gateway's own. turned: ids of the calls that each limit rejected
    at least once, by the state's name for it."""
    known = list(records)
    found = []
    for one in limits_of(system):
        columns = _consumers(system, one, known)
        if one.unit == "concurrency":
            course = _held_at_once(columns.started, columns.ended, begins, ends) / one.size
        else:
            amounts = columns.tokens if one.unit == "tpm" else np.ones(len(columns.started))
            course = np.minimum(MOST_A_MINUTE, _per_minute(columns.started, amounts, begins, ends) / one.size)
        is_full = float(course.max()) >= FULL
        refusals = _refusals(one, known, frozenset(turned.get(one.counter, ())), is_full=is_full)
        found.append(_utilization(one.name, one.path, one.size, course, columns.waits if is_full else 0.0, refusals))
    for model in models:
        if model.slots is not None:
            mine = _attempt_consumers([a for record in known for a in record.attempts if a.target == model.target])
            course = _held_at_once(mine.started, mine.ended, begins, ends) / model.slots
            found.append(_utilization(f"slots of {model.target}", "", model.slots, course))
    arrived = np.array([record.arrived_at for record in known], dtype=float)
    last = np.array([record.last_at for record in known], dtype=float)
    course = _held_at_once(arrived, last, begins, ends) / system.server.max_in_flight
    shed = Refusals(_share([record.error == "Overloaded" for record in known]))
    most = system.server.max_in_flight
    found.append(_utilization("server.max_in_flight", "server.max_in_flight", most, course, 0.0, shed))
    return found


def budget_utilizations(budgets: Sequence[BudgetFlow]) -> list[Utilization]:
    """The share of each budget that a window of the traffic uses. A `total` has no window."""
    found = []
    for one in budgets:
        if one.lasts is not None or not one.amount:
            continue
        peak, mean = one.most / one.amount, one.asked / one.amount
        course = np.minimum(1.0, np.linspace(0, peak, STEPS))
        use = _utilization(one.name, one.path, one.amount, course, 0.0, Refusals(1 - one.share))
        found.append(msgspec.structs.replace(use, at_peak=peak, mean=mean))
    return found


def _consumers(system: System, one: Limit, records: Sequence[Record]) -> LimitConsumers:
    mine = _callers(one, records)
    if one.owner not in ("provider", "target"):
        return _call_consumers(mine)
    made = _attempt_consumers([a for record in mine for a in record.attempts if _is_at(one, a.target)])
    first = [
        record.attempts[0].started_at - record.arrived_at
        for record in mine
        if record.attempts and _is_at(one, record.attempts[0].target)
    ]
    made.waits = float(np.mean(first)) if first else 0.0
    return made


def _callers(one: Limit, records: Sequence[Record]) -> list[Record]:
    """The calls that may ask a limit."""
    match one.owner:
        case "provider" | "target":
            return [record for record in records if not one.within or record.model == one.within]
        case "alias":
            return [record for record in records if record.model == one.of]
        case "key":
            return [record for record in records if record.key == one.of]
    return [record for record in records if record.group == one.of]


def _is_at(one: Limit, target: str) -> bool:
    return target.startswith(f"{one.of}/") if one.owner == "provider" else target == one.of


def _refusals(one: Limit, records: Sequence[Record], turned: frozenset[str], *, is_full: bool) -> Refusals:
    """The calls that a limit rejected. Two kinds do not say which limit it was, and count for those that are full: a provider that
    answers 429 by itself, and a call that found others waiting."""
    mine = _callers(one, records)
    if one.owner not in ("provider", "target"):
        return Refusals(len(turned & {record.request_id for record in mine}) / len(mine)) if mine else NOBODY
    asked = away = answered = 0
    for record in mine:
        at = [attempt for attempt in record.attempts if _is_at(one, attempt.target) and attempt.ended_at]
        if any(attempt.error != "Throttled" for attempt in at):
            asked += 1
            continue
        said = record.reason.rstrip(".").split(" ") if record.error == "AtLimit" else ()
        waited_in_vain = any(_is_at(one, word) for word in said)
        if at or waited_in_vain or record.request_id in turned:
            asked += 1
            if record.request_id in turned or is_full:
                away += 1
                answered += record.outcome == "ok"
    return Refusals(away / asked, answered / asked) if asked else NOBODY


def _attempt_consumers(rows: Sequence[AttemptRecord]) -> LimitConsumers:
    # Refused before the vendor was asked (an open circuit): Meter was never reached, and nothing was taken.
    reached = [one for one in rows if one.ended_at and one.error != "Throttled"]
    tokens = [0 if one.tokens is None else one.tokens.input_tokens + one.tokens.output_tokens for one in reached]
    return LimitConsumers(
        np.array([one.started_at for one in reached], dtype=float),
        np.array([one.ended_at for one in reached], dtype=float),
        np.array(tokens, dtype=float),
    )


def _call_consumers(rows: Sequence[Record]) -> LimitConsumers:
    taken = [record for record in rows if record.error not in TURNED_AWAY]
    tokens = [0 if one.tokens is None else one.tokens.input_tokens + one.tokens.output_tokens for one in taken]
    return LimitConsumers(
        np.array([one.arrived_at for one in taken], dtype=float),
        np.array([one.last_at for one in taken], dtype=float),
        np.array(tokens, dtype=float),
    )


def _share(found: Sequence[bool]) -> float:
    return sum(found) / len(found) if found else 0.0


def _per_minute(at: Floats, amounts: Floats, begins: float, ends: float) -> Floats:
    """What came in the minute before each of `STEPS` instants; scaled up where less than a minute is seen (`MOST_A_MINUTE`)."""
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


def _utilization(
    name: str, path: str, limit: float, course: Floats, waits: float = 0.0, refusals: Refusals = NOBODY
) -> Utilization:
    return Utilization(
        name=name,
        path=path,
        limit=limit,
        at_peak=float(course.max()),
        mean=float(course.mean()),
        waits=waits,
        refused=refusals.refused,
        elsewhere=refusals.elsewhere,
        course=[round(float(point), 4) for point in course],
    )
