"""The answer of a search in sentences that a manager understands: the cheapest that meets all, the fastest, and what nothing meets.

Always true: every number in a sentence is one of a point's.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

from headworks.system.verdicts.verdict import VerdictWord
from headworks.twin.report.comparison import Month
from headworks.twin.report.frontier import Counts, Point
from headworks.twin.report.summary import dollars, plain_value

BEST: Final = {"fastest": "first token", "most available": "availability", "best answers": "quality"}
"""What the best point of each axis is called."""

MORE_IS_BETTER: Final = frozenset({"availability", "goodput", "quality"})


def verdict_of(points: Sequence[Point]) -> VerdictWord:
    """Whether one of them would do."""
    known = {one.verdict for one in points if meets_all(one) or one.verdict != "holds"}
    return "holds" if "holds" in known else "cannot say" if "cannot say" in known else "does not hold"


def meets_all(one: Point) -> bool:
    """Whether a point keeps every promise to everybody."""
    return one.verdict == "holds" and all(verdict.served >= 1 for verdict in one.verdicts if verdict.verdict == "holds")


def answer(points: Sequence[Point], counts: Counts) -> list[str]:
    """The answer, a sentence or two a line."""
    good = [one for one in points if meets_all(one)]
    lines = list(_best(good)) if good else [_none(points, counts), *_nearest(points)]
    return [*lines, *_rough(good or points), *_unmeasured(points)]


def _best(good: Sequence[Point]) -> Sequence[str]:
    """Of those that meet all promises: the cheapest, and those that are best at something else."""
    count = sum(verdict.verdict == "holds" for verdict in good[0].verdicts)
    promises = "the promise" if count == 1 else "both promises" if count == 2 else f"all {count} promises"
    cheapest = min(good, key=_month)
    found = [
        f"Cheapest that meets {promises}: {_named(cheapest)}, {month_words(cheapest.month)} a month ({_numbers(cheapest)})."
    ]
    titles: dict[int, list[str]] = {}
    for title, axis in BEST.items():
        better = [one for one in good if one is not cheapest and _is_better(cheapest, one, axis)]
        if better:
            best = min(better, key=lambda one: (_goal(one, axis), one.number))
            titles.setdefault(best.number, []).append(title)
    for one in good:
        if one.number in titles:
            title = " and ".join(titles[one.number]).capitalize()
            found.append(
                f"{title} that meets {promises}: {_named(one)}, {month_words(one.month)} a month ({_numbers(one)})."
            )
    return found


def _is_better(cheapest: Point, one: Point, axis: str) -> bool:
    """Whether a point is surely better along an axis than the cheapest."""
    return any(move.axis == axis for move in cheapest.other(one.number).wins)


def _goal(one: Point, axis: str) -> float:
    """The number of an axis, to be small."""
    if axis == "first token":
        return inf if one.first_token.value is None else one.first_token.value
    found = one.availability if axis == "availability" else one.quality
    return inf if found is None or found.value is None else -found.value


def _month(one: Point) -> float:
    return inf if one.month is None else one.month.value


def _named(one: Point) -> str:
    return f"#{one.number}, {one.words}"


def month_words(month: Month | None) -> str:
    return "an unknown price" if month is None else dollars(month.value)


def _numbers(one: Point) -> str:
    """First token and availability, in words."""
    parts = []
    if one.first_token.value is not None:
        parts.append(f"first token {plain_value('time_to_first_token', one.first_token.value)} at p95")
    if one.availability.value is not None:
        parts.append(f"{plain_value('availability', one.availability.value)} available")
    if one.quality is not None and one.quality.value is not None:
        parts.append(f"{plain_value('quality', one.quality.value)} right")
    return ", ".join(parts)


def _none(points: Sequence[Point], counts: Counts) -> str:
    if verdict_of(points) == "does not hold":
        return f"No: of {counts.looked_at} systems none meets every promise."
    return f"Not certain: of {counts.looked_at} systems none surely meets every promise, but {_named(points[0])}, may."


def _nearest(points: Sequence[Point]) -> Sequence[str]:
    """The promises that no point keeps, and who comes nearest to each."""
    if not points:
        return []
    found = []
    for at, objective in enumerate(points[0].verdicts):
        here = [one.verdicts[at] for one in points]
        if any(verdict.verdict in ("holds", "not judged") for verdict in here):
            continue
        known = [one for one in points if one.verdicts[at].value is not None]
        said = f"Nothing {'surely ' if any(one.verdict == 'cannot say' for one in here) else ''}meets `{objective.id}` ({objective.objective})"
        if not known:
            found.append(f"{said}: {here[0].why or 'nothing is known of it'}.")
            continue
        sign = 1 if objective.metric in MORE_IS_BETTER else -1
        values = {one.number: sign * (one.verdicts[at].value or 0.0) for one in known}
        best = max(known, key=lambda one: values[one.number])
        value = sign * values[best.number]
        price = "" if objective.metric == "cost" else f" for {month_words(best.month)} a month"
        found.append(f"{said}: the nearest is #{best.number}, with {plain_value(objective.metric, value)}{price}.")
    if not found:
        first = points[0]
        missed = ", ".join(f"`{one.id}`" for one in first.missed)
        found.append(
            f"Each promise is kept by some system, but all by none. The nearest is {_named(first)}: it leaves {missed} open."
        )
    return found


def _rough(points: Sequence[Point]) -> Sequence[str]:
    """Which verdicts rest on speeds that nobody measured."""
    targets = {rest.target: rest.origin for one in points for rest in one.rests_on}
    priors = [name for name, origin in targets.items() if origin == "prior"]
    unknown = [name for name, origin in targets.items() if origin == "unknown"]
    found = []
    if priors:
        found.append(
            f"The speed of {_list(priors)} is known from public sources only; verdicts hold over all of that interval. "
            "`headworks probe` measures it once you have the vendors' keys."
        )
    if unknown:
        found.append(
            f"The speed of {_list(unknown)} is unknown, and no verdict rests on it: run `headworks probe`, or set `expect:`."
        )
    return found


def _unmeasured(points: Sequence[Point]) -> Sequence[str]:
    """What nobody measured."""
    if all(one.quality is None for one in points):
        return [
            "How good the answers are is not judged: the file promises no quality. Write an objective with `metric: quality`, and "
            "`headworks eval --targets all` measures each target."
        ]
    ids = dict.fromkeys(verdict.id for one in points for verdict in one.verdicts if verdict.verdict == "not judged")
    if not ids:
        return []
    return [
        f"Not judged: {', '.join(f'`{id}`' for id in ids)}, because a target was not measured: run `headworks eval --targets all`."
    ]


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
