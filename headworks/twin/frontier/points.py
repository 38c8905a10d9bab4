"""The points of a frontier: which of the confirmed systems no other beats, their numbers, and what became of all the others.

Always true: a point's number follows from what was found alone: those that meet every promise come first, then the cheapest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import inf

import msgspec

from headworks import __version__
from headworks.system.schema.system import System
from headworks.twin.frontier.answer import answer, verdict_of
from headworks.twin.frontier.axes import Axes
from headworks.twin.frontier.candidates import SourceFile
from headworks.twin.frontier.confirmed import Confirmed, others
from headworks.twin.frontier.space import Space, first_tier
from headworks.twin.frontier.trial import Tried
from headworks.twin.plan import Judged
from headworks.twin.report.comparison import Column
from headworks.twin.report.frontier import Beaten, Counts, Frontier, LeftOut, Point
from headworks.twin.search.confirmation import FRESH
from headworks.twin.verdicts.verdict import Verdict


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found. chosen, plans: the finalists by name; whole: they side by side."""

    source: SourceFile
    system: System
    space: Space
    axes: Axes
    tried: Sequence[Tried]
    chosen: Mapping[str, Tried]
    plans: Mapping[str, Judged]
    whole: Confirmed
    seed: int


def frontier_of(found: Found) -> Frontier:
    """The answer."""
    whole, tried = found.whole, found.tried
    numbers, beaten = _numbered(whole, found.chosen)
    points = [_point(name, numbers, found) for name in numbers]
    left_out = _left_out(tried)
    counts = Counts(
        space=found.space.size,
        looked_at=len(tried),
        simulated=sum(one.numbers is not None for one in tried),
        confirmed=len(found.chosen),
        calls=sum(one.calls for one in tried) + sum(one.simulated for one in found.plans.values()),
    )
    return Frontier(
        headworks=__version__,
        system=found.system.name,
        digest=found.system.digest,
        traffic=whole.columns[0].traffic,
        verdict=verdict_of(points),
        said=answer(points, counts),
        knobs=[knob.name for knob in found.space.knobs],
        is_own=found.space.is_own,
        points=points,
        beaten=beaten,
        left_out=left_out,
        counts=counts,
        seed=found.seed,
        confirmed_from=found.seed + FRESH,
        assumptions=list({repr(one): one for column in whole.columns for one in column.assumptions}.values()),
        prices={name: of for column in whole.columns for name, of in column.prices.items()},
    )


def _numbered(whole: Confirmed, chosen: Mapping[str, Tried]) -> tuple[dict[str, int], list[Beaten]]:
    """The points by their numbers, and what they beat. Where a beats b, b beats c and c beats a, the last one stays."""
    left = {one.file: one for one in whole.columns}
    by: dict[str, str] = {}
    better: dict[str, list[str]] = {}
    for one in whole.dominated:
        if one.file in left and one.by in left:
            del left[one.file]
            by[one.file], better[one.file] = one.by, one.better
    numbers = {one.file: number for number, one in enumerate(sorted(left.values(), key=_rank), 1)}
    beaten = []
    for file in by:
        strong = by[file]
        while strong not in numbers:
            strong = by[strong]
        beaten.append(Beaten(changes=list(chosen[file].candidate.changes), by=numbers[strong], better=better[file]))
    return numbers, beaten


def _rank(one: Column) -> tuple[int, int, float]:
    """Those that hold for everybody, then those that may, then those that miss least; of each kind the cheapest first."""
    order = {"holds": 0 if one.served >= 1 else 1, "cannot say": 2, "does not hold": 3}
    missed = sum(verdict.verdict == "does not hold" for verdict in one.verdicts)
    return order.get(one.verdict, 2), missed, inf if one.month is None else one.month.value


def _point(name: str, numbers: Mapping[str, int], found: Found) -> Point:
    one, plan, axes = found.chosen[name], found.plans[name], found.axes
    column = next(column for column in found.whole.columns if column.file == name)
    verdicts = {verdict.id: verdict for verdict in column.verdicts}
    added = {objective.id for objective in axes.added}
    overloads = [overload.said for overload in column.overloads]
    return Point(
        number=numbers[name],
        verdict=column.verdict,
        said=column.said,
        changes=list(one.candidate.changes),
        month=column.month,
        beside_calls=found.whole.extra[name],
        first_token=_known(verdicts[axes.first_token.id], plan),
        availability=verdicts[axes.availability.id],
        quality=None if axes.quality is None else verdicts[axes.quality.id],
        verdicts=[verdict for verdict in column.verdicts if verdict.id not in added],
        gives_way=[*overloads, column.binding.said],
        rests_on=[rest for rest in plan.over.rests_on if rest.objective not in added],
        others=others(name, numbers, found.whole, axes),
        digest=one.digest,
        patch=found.source.patch(one.candidate),
    )


def _known(one: Verdict, plan: Judged) -> Verdict:
    """A first token without its number where the speed of who is asked first is unknown."""
    ranges = plan.ready.modelled.ranges
    firsts = {name for model in plan.whole.system.models.values() for name in first_tier(model)}
    unknown = sorted(name for name in firsts & ranges.keys() if ranges[name].origin == "unknown")
    if not unknown:
        return one
    why = f"the speed of {', '.join(unknown)} is unknown"
    return msgspec.structs.replace(one, value=None, low=None, high=None, margin=None, why=why)


def _left_out(tried: Sequence[Tried]) -> list[LeftOut]:
    """Why systems were not simulated, the most frequent reason first."""
    reasons: Counter[tuple[str, str]] = Counter()
    for one in tried:
        if one.numbers is None and (reason := _why_not(one)) is not None:
            reasons[reason] += 1
    return [LeftOut(systems=count, why=why, remedy=remedy) for (why, remedy), count in reasons.most_common()]


def _why_not(one: Tried) -> tuple[str, str] | None:
    if one.refused is not None:
        lead = (
            "`headworks check` refuses them"
            if one.refused.by == "check"
            else "a constraint of the file does not permit them"
        )
        return f"{lead}: {one.refused.why}", ""
    known = one.estimate
    if known is None:
        return None
    if known.gives_way is not None:
        short = known.gives_way
        return f"more arrives than they admit: {short.name}", "more of it, or another target beside it, would do"
    if not known.is_settled:
        return (
            "they would use nearly all that their last targets admit, and their queues never settle",
            "more of it would do",
        )
    if known.unknown:
        names = ", ".join(known.unknown)
        return (
            f"the speed of {names}, which they ask first, is unknown",
            "run `headworks probe`, or set `expect:` on the target",
        )
    if known.unpriced:
        return (
            f"the price of {', '.join(known.unpriced)} is unknown",
            "set `price: {input: $0.25/M, output: $2/M}` under its model",
        )
    return None
