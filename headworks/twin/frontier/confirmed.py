"""Finalists as points: each with the numbers of its own plan on fresh seeds, and with the differences between them.

Always true: what is paid beside calls is in every cost of a whole system, in its verdict and in its differences; a cost of a call is that of
calls alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from headworks.system.schema.requirements import Objective
from headworks.system.schema.system import System
from headworks.system.verdicts.verdict import on_which_side, overall
from headworks.twin.compare import dominated
from headworks.twin.frontier.axes import Axes
from headworks.twin.frontier.extra_prices import extra_cost
from headworks.twin.frontier.trial import provider_spend
from headworks.twin.plan import Judged
from headworks.twin.report.comparison import COST, Column, Comparison, Difference, Dominated, Month, Row
from headworks.twin.report.frontier import Move, Other
from headworks.twin.verdicts.differences import MONTH
from headworks.twin.verdicts.verdict import Verdict, margin


class Confirmed(msgspec.Struct, frozen=True):
    """Systems side by side, with what is paid beside their calls."""

    columns: list[Column]
    rows: list[Row]
    dominated: list[Dominated]
    extra: Mapping[str, float]


def confirmed(
    compared: Comparison, found: Mapping[str, Judged], systems: Mapping[str, System], axes: Axes
) -> Confirmed:
    """The same comparison with what is paid beside calls; verdicts are on the file's own objectives."""
    extra = {
        name: extra_cost(systems[name], provider_spend(one.judge.money, [run.seen for run in one.made]))
        for name, one in found.items()
    }
    objectives = {one.id: one for system in systems.values() for one in system.requirements.promises}
    columns = [_with_extra(one, extra[one.file], objectives, axes) for one in compared.columns]
    rows = [_shifted(row, objectives, extra) for row in compared.rows]
    return Confirmed(columns, rows, dominated(columns, rows), extra)


def _with_extra(one: Column, extra: float, objectives: Mapping[str, Objective], axes: Axes) -> Column:
    verdicts = [_verdict_with(verdict, extra, objectives[verdict.id]) for verdict in one.verdicts]
    added = {objective.id for objective in axes.added}
    month = one.month
    if month is not None:
        month = Month(value=month.value + extra, low=_plus(month.low, extra), high=_plus(month.high, extra))
    return msgspec.structs.replace(
        one,
        verdicts=verdicts,
        month=month,
        verdict=overall(
            [verdict.verdict for verdict in verdicts if verdict.id not in added]
            + [constraint.verdict for constraint in one.constraints]
        ),
    )


def _verdict_with(one: Verdict, extra: float, objective: Objective) -> Verdict:
    """A verdict on the cost of a whole system, with what is paid beside its calls."""
    if (
        not extra
        or objective.metric != "cost"
        or objective.per is not None
        or objective.alias is not None
        or objective.window is None
    ):
        return one
    more = extra * objective.window / MONTH
    value, low, high = (_plus(end, more) for end in (one.value, one.low, one.high))
    if value is None:
        return one
    verdict = one.verdict
    if (
        one.margin is not None and low is not None and high is not None
    ):  # without a margin it rests on a speed that is too rough
        verdict = on_which_side(objective, low, high)
    return msgspec.structs.replace(
        one,
        verdict=verdict,
        value=value,
        low=low,
        high=high,
        mean=_plus(one.mean, more),
        margin=None if one.margin is None else margin(objective, value),
        why=f"{one.why}; ${more:,.2f} of it beside the calls" if one.why else f"${more:,.2f} of it beside the calls",
    )


def _plus(value: float | None, more: float) -> float | None:
    return None if value is None else value + more


def _shifted(row: Row, objectives: Mapping[str, Objective], extra: Mapping[str, float]) -> Row:
    """A row of costs, whose differences have those of what is paid beside calls in them."""
    if row.metric != "cost" or row.alias is not None:
        return row
    window = MONTH if row.name == COST else objectives[next(iter(row.ids.values()))].window or MONTH
    return msgspec.structs.replace(row, differences=[_moved(one, extra, window) for one in row.differences])


def _moved(one: Difference, extra: Mapping[str, float], window: float) -> Difference:
    more = (extra[one.after] - extra[one.before]) * window / MONTH
    low, high = _plus(one.low, more), _plus(one.high, more)
    better = one.better
    if more:
        better = one.before if low is not None and low > 0 else one.after if high is not None and high < 0 else None
    return msgspec.structs.replace(one, value=one.value + more, low=low, high=high, better=better)


def others(file: str, numbers: Mapping[str, int], found: Confirmed, axes: Axes) -> list[Other]:
    """The other points, as one sees them."""
    return [
        Other(number=number, moves=_moves(file, other, found, axes), misses=_misses(file, other, found, axes))
        for other, number in numbers.items()
        if other != file
    ]


def _moves(file: str, other: str, found: Confirmed, axes: Axes) -> list[Move]:
    ids = [axes.first_token.id, axes.availability.id, *([axes.quality.id] if axes.quality is not None else [])]
    names = {COST: COST, **dict(zip(ids, ("first token", "availability", "quality"), strict=False))}
    moves = []
    for row in found.rows:
        one = row.between(file, other)
        if row.name not in names or one is None:
            continue
        sign = 1 if one.before == file else -1
        ends = [None if end is None else sign * end for end in (one.low, one.high)]
        low, high = ends if sign > 0 else reversed(ends)
        moves.append(
            Move(
                axis=names[row.name],
                metric=row.metric,
                value=sign * one.value,
                low=low,
                high=high,
                is_worse=None if one.better is None else one.better == file,
                how=one.how,
            )
        )
    return moves


def _misses(file: str, other: str, found: Confirmed, axes: Axes) -> list[str]:
    """The promises that this system keeps and the other one does not surely keep."""
    mine, theirs = (next(one for one in found.columns if one.file == name) for name in (file, other))
    kept = {one.id for one in mine.verdicts if one.verdict == "holds"} - {one.id for one in axes.added}
    return [one.id for one in theirs.verdicts if one.id in kept and one.verdict in ("does not hold", "cannot say")]
