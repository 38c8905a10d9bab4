"""Per-call measurements as columns, one row a call, from the records of a run or of the ledger.

Always true: only calls that arrived in the measured stretch are in it; what did not happen is nan. An objective's number
is taken here and nowhere else, for what was predicted and for what was measured.

What counts. Latency: whole answers (a call without one is a matter of availability). Availability: whole answers among
all calls but those that were the caller's own fault or that the caller left. Goodput: whole answers that meet every
latency objective of their alias, a second. Cost: of all calls that were let in. What the limits and budgets of keys, groups and
aliases turned away is in none of these: it is a share of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from headworks.core.money import NANO
from headworks.core.record import Record
from headworks.system.schema.requirements import Objective
from headworks.twin.models.random_streams import Floats

EXCLUDED_OUTCOMES = frozenset({"refused", "cancelled"})
"""Outcomes that do not count against the system: the caller's own fault, or a caller that left."""

TURNED_AWAY = frozenset({"QuotaExceeded", "InsufficientQuota"})
"""Errors of calls that the limit or the budget of a key, a group or an alias turned away."""


class Observations(msgspec.Struct, frozen=True, kw_only=True):
    """Columns. Times in seconds, cost in dollars; `seconds`: how long the stretch is; alias by its number in `names`."""

    names: list[str]
    alias: NDArray[np.int64]
    arrived: Floats
    first: Floats
    duration: Floats
    is_whole: NDArray[np.bool_]
    is_counted: NDArray[np.bool_]
    cost: Floats
    attempts: NDArray[np.int64]
    key: NDArray[np.str_]
    """Who called, "" where there are no keys."""
    is_let_in: NDArray[np.bool_]
    """Whether no limit and no budget of a key, a group or an alias turned it away."""
    seconds: float
    answered_by: NDArray[np.str_] | None = None
    """The target whose answer it was, "" where none answered: there is no whole answer, or the cache had it. None: not known."""

    def of(self, alias: str | None) -> Observations:
        """Those of one alias; all for None."""
        if alias is None:
            return self
        return self.where(self.alias == self.names.index(alias))

    def where(self, mine: NDArray[np.bool_]) -> Observations:
        """Those rows."""
        columns = {
            name: value[mine] for name in self.__struct_fields__ if isinstance(value := getattr(self, name), np.ndarray)
        }
        return msgspec.structs.replace(self, **columns)

    def __len__(self) -> int:
        return len(self.alias)


def observe(records: Iterable[Record], names: Sequence[str], begins: float, ends: float) -> Observations:
    """The columns of the records that arrived from `begins` to before `ends` (loop seconds)."""
    order = {name: number for number, name in enumerate(names)}
    rows = [record for record in records if begins <= record.arrived_at < ends and record.model in order]
    arrived = np.array([record.arrived_at for record in rows], dtype=float)
    whole = np.array([record.outcome == "ok" for record in rows], dtype=bool)
    heads = np.array([record.head_at if record.streamed else np.nan for record in rows], dtype=float)
    lasts = np.array([record.last_at for record in rows], dtype=float)
    costs = [np.nan if record.cost_nano is None else record.cost_nano / NANO for record in rows]
    return Observations(
        names=list(names),
        alias=np.array([order[record.model] for record in rows], dtype=np.int64),
        arrived=arrived,
        first=np.where(whole, heads - arrived, np.nan),
        duration=np.where(whole, lasts - arrived, np.nan),
        is_whole=whole,
        is_counted=np.array([record.outcome not in EXCLUDED_OUTCOMES for record in rows], dtype=bool),
        cost=np.array(costs, dtype=float),
        attempts=np.array([len(record.attempts) for record in rows], dtype=np.int64),
        key=np.array([record.key for record in rows], dtype=np.str_),
        is_let_in=np.array([record.error not in TURNED_AWAY for record in rows], dtype=bool),
        seconds=ends - begins,
        answered_by=np.array(
            [record.attempts[-1].target if record.outcome == "ok" and record.attempts else "" for record in rows],
            dtype=np.str_,
        ),
    )


def objective_value(objective: Objective, seen: Observations, objectives: Sequence[Objective]) -> float | None:
    """An objective's number in one run: seconds, a share, calls a second or dollars; None where nothing was seen."""
    mine = seen.of(objective.alias)
    match objective.metric:
        case "time_to_first_token" | "duration":
            known = latencies(objective, seen)
            assert objective.percentile is not None
            return float(np.percentile(known, objective.percentile)) if len(known) else None
        case "availability":
            counted = int(mine.is_counted.sum())
            return float((mine.is_whole & mine.is_counted).sum() / counted) if counted else None
        case "goodput":
            return float(is_good(seen, objectives, objective.alias).sum() / seen.seconds)
        case "cost_per_call" | "cost":
            return mean_cost(mine)
    return None


def mean_cost(seen: Observations) -> float | None:
    """Dollars of a call that was let in. One whose price is unknown makes the mean unknown, but for calls that no vendor was asked."""
    costs = seen.cost[seen.is_let_in]
    return float(costs.mean()) if len(costs) and not np.isnan(costs).any() else None


def latencies(objective: Objective, seen: Observations) -> Floats:
    """The latencies that a latency objective is about."""
    mine = seen.of(objective.alias)
    column = mine.first if objective.metric == "time_to_first_token" else mine.duration
    return column[~np.isnan(column)]


def is_good(seen: Observations, objectives: Sequence[Objective], alias: str | None) -> NDArray[np.bool_]:
    """Which calls are whole answers that meet every latency objective that is about them."""
    meets = seen.is_whole.copy()
    if alias is not None:
        meets &= seen.alias == seen.names.index(alias)
    for one in objectives:
        if one.metric not in ("time_to_first_token", "duration"):
            continue
        column = seen.first if one.metric == "time_to_first_token" else seen.duration
        late = column > float(one.limit.value)  # nan is not late: no first token was promised
        if one.alias is not None:
            late &= seen.alias == seen.names.index(one.alias)
        meets &= ~late
    return meets
