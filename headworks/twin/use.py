"""How much of each limit is used, over time: what binds, before anything breaks.

Theory. A limit per minute is held by a bucket of one minute's size, so its use is what was admitted in a minute by the
limit. Places are held for as long as a call lasts, so their use is how many are held at once, by how many there are.
What a limit refused is counted too: a bucket that is empty half of the time shows 100 % and nothing more.

Always true: read off the records of a run; use above 1 is what was asked and refused, not what was admitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from headworks.core.record import Record
from headworks.system.schema import System
from headworks.twin.chance import Floats
from headworks.twin.vendor import VendorModel

STEPS = 60
"""Points of a course over time."""

REACHED = frozenset({"ok", "cancelled", "cut"})
"""Outcomes of an attempt without an error that reached its vendor."""


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One limit's use. at_peak: the most that was used at once, by the limit; mean: over time. refused: attempts that
    it turned away, as a share of those that asked. course: use over time, from 0 (never less) in `STEPS` steps."""

    name: str
    limit: float
    unit: str
    at_peak: float
    mean: float
    refused: float
    course: list[float]


class _Tried(msgspec.Struct):
    """Attempts at one provider, as columns."""

    started: Floats
    ended: Floats
    tokens: Floats
    throttled: Floats
    crowded: Floats


def uses(
    system: System, models: Sequence[VendorModel], records: Iterable[Record], begins: float, ends: float
) -> list[Use]:
    """The use of every limit that the file has, in its order."""
    known = list(records)
    found: list[Use] = []
    for name, provider in system.providers.items():
        tried = _tried(known, f"{name}/")
        rpm, tpm = getattr(provider, "rpm", None), getattr(provider, "tpm", None)
        answered = tried.crowded + tried.throttled == 0
        for limit, amounts, unit in (
            (rpm, np.ones(len(tried.started)), "rpm"),
            (tpm, tried.tokens, "tpm"),
        ):
            if limit is not None:
                course = _minutes(tried.started[answered], amounts[answered], begins, ends) / limit
                found.append(_use(f"{unit} of {name}", limit, "a minute", course, _share(tried.throttled)))
        if provider.concurrency is not None:
            held = _held(tried.started[tried.crowded == 0], tried.ended[tried.crowded == 0], begins, ends)
            course = held / provider.concurrency
            found.append(_use(f"concurrency of {name}", provider.concurrency, "at once", course, _share(tried.crowded)))
        for model in models:
            if model.provider == name and model.slots is not None:
                mine = _tried(known, model.target, exact=True)
                course = _held(mine.started, mine.ended, begins, ends) / model.slots
                found.append(_use(f"slots of {model.target}", model.slots, "at once", course, 0.0))
    arrived = np.array([record.arrived_at for record in known], dtype=float)
    last = np.array([record.last_at for record in known], dtype=float)
    most = system.server.max_in_flight
    shed = np.array([record.outcome == "shed" and record.error == "Overloaded" for record in known], dtype=float)
    course = _held(arrived, last, begins, ends) / most
    found.append(_use("server.max_in_flight", most, "at once", course, float(shed.mean()) if len(shed) else 0.0))
    return found


def _tried(records: Sequence[Record], name: str, *, exact: bool = False) -> _Tried:
    rows = [
        attempt
        for record in records
        for attempt in record.attempts
        if (attempt.target == name if exact else attempt.target.startswith(name))
    ]
    tokens = [0 if one.tokens is None else one.tokens.input_tokens + one.tokens.output_tokens for one in rows]
    return _Tried(
        started=np.array([one.started_at for one in rows], dtype=float),
        ended=np.array([one.ended_at for one in rows], dtype=float),
        tokens=np.array(tokens, dtype=float),
        throttled=np.array([one.error == "Throttled" for one in rows], dtype=float),
        # Refused by ours before the vendor was asked: Meter, which would have said how it ended, was never reached.
        crowded=np.array([one.error == "" and one.outcome not in REACHED for one in rows], dtype=float),
    )


def _share(refused: Floats) -> float:
    return float(refused.mean()) if len(refused) else 0.0


def _minutes(at: Floats, amounts: Floats, begins: float, ends: float) -> Floats:
    """What came in the minute before each of `STEPS` instants; scaled up where less than a minute is seen."""
    grid = np.linspace(begins, ends, STEPS + 1)[1:]
    order = np.argsort(at, kind="stable")
    at, total = at[order], np.concatenate([[0.0], np.cumsum(amounts[order])])
    upto, since = np.searchsorted(at, grid, side="right"), np.searchsorted(at, grid - 60.0, side="right")
    scale = 60.0 / np.minimum(60.0, np.maximum(grid - min(0.0, begins), 1e-9))
    made: Floats = (total[upto] - total[since]) * scale
    return made


def _held(started: Floats, ended: Floats, begins: float, ends: float) -> Floats:
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


def _use(name: str, limit: float, unit: str, course: Floats, refused: float) -> Use:
    return Use(
        name=name,
        limit=limit,
        unit=unit,
        at_peak=float(course.max()),
        mean=float(course.mean()),
        refused=refused,
        course=[round(float(point), 4) for point in course],
    )
