"""Verdicts where the speed of a target is neither written nor fitted: judged at both ends of what the speed may be.

Theory. All targets with a range are at their fast ends, then all at their slow ends, over the same arrivals and draws;
what is the same at both ends is taken to be the same between them. A target that is too slow for its timeouts hurts less than
one that is barely waited for: its calls are answered by others soon. So where a slow end is beyond a timeout, the slowest speed
that still fits it is judged too. A verdict that differs between the ends is *cannot
say*. Where a speed is unknown, its ends are the fastest and the slowest of everything that public sources name: a
verdict that is the same over all of that does not rest on the speed. Any other verdict is not given, and of a latency and of
goodput the number neither.

Always true: no verdict of `holds` or `does not hold` leaves here that one end of a range contradicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Final

import msgspec

from headworks.system.schema.system import System
from headworks.system.verdicts.verdict import Served, VerdictWord, served_words
from headworks.twin.models.speed_range import SpeedOrigin, SpeedRange
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import Effort, Plan
from headworks.twin.verdicts.bottleneck import Bottleneck
from headworks.twin.verdicts.sessions import session_verdicts
from headworks.twin.verdicts.verdict import OUTAGE_RUN_CALLS, Judge, Verdict, format_value

MIN_MOVE: Final = 0.005
"""The smallest difference between the ends, as a share of the value, from which a verdict is said to rest on the speed: below
it, effects are not shown either (`cli/views/plan.py`)."""

SPEEDS: Final = frozenset({"time_to_first_token", "duration", "goodput", "duration per session"})
"""Metrics whose number is a speed, or counts who was fast enough: of an unknown speed there is none."""

WAITED_SHARE: Final = 0.5
"""The median first token of a target that is barely waited for, as a share of `timeouts.first_token`: with the spread that is assumed
of hosted models one call in eight takes longer than the timeout."""

JudgedBy = Callable[[Mapping[str, VendorModel]], Sequence[Verdict]]
"""Gives the verdict on each objective with these models."""


def unchanged(plan: Plan) -> Plan:
    return plan


class SpeedEnds:
    """Judges the objectives of a plan with other speeds of its targets, by runs of their own. turned: a change of the plan, which is
    made after the speeds are, so that a target that it copies has the same speed."""

    def __init__(
        self,
        whole: Plan,
        effort: Effort,
        busy: float,
        courses: Courses,
        turned: Callable[[Plan], Plan] = unchanged,
    ) -> None:
        self.whole = whole
        self.effort = effort
        self.busy = busy
        self.courses = courses
        self.turned = turned
        self.simulated = 0

    def judged(self, models: Mapping[str, VendorModel]) -> list[Verdict]:
        """The verdicts with these models."""
        other = self.turned(msgspec.structs.replace(self.whole, models=models))
        _, made = self.courses.runs(other, self.effort)
        short = min(OUTAGE_RUN_CALLS, self.effort.calls)
        judge = Judge(other, made, self.effort.seed, self.busy, short, self.courses)
        found = [judge.of(objective) for objective in other.system.requirements.objectives] + session_verdicts(judge)
        self.simulated += judge.simulated
        return found


class RestsOn(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict that moves with the speed of a target that nobody wrote. fast, slow: the number at both ends."""

    objective: str
    target: str
    origin: SpeedOrigin
    said: str
    fast: float | None
    slow: float | None


class OverSpeeds(msgspec.Struct, frozen=True):
    """The verdicts over all ranges, and what they rest on."""

    verdicts: list[Verdict]
    rests_on: list[RestsOn]


def judged_over_speeds(
    system: System,
    models: Mapping[str, VendorModel],
    ranges: Mapping[str, SpeedRange],
    verdicts: Sequence[Verdict],
    judged: JudgedBy,
) -> OverSpeeds:
    """The same verdicts where they are the same at both ends of every range; else `cannot say`."""
    if not ranges or all(one.verdict == "not judged" for one in verdicts):
        return OverSpeeds(list(verdicts), [])
    fast = judged({**models, **{name: one.fast for name, one in ranges.items()}})
    slow = judged({**models, **{name: one.slow for name, one in ranges.items()}})
    barely = _barely_waited_for(system, ranges)
    between = judged({**models, **barely}) if barely else slow
    found, rests_on = [], []
    for one, quick, late, tried in zip(verdicts, fast, slow, between, strict=True):
        concerned = _concerned(system, one, ranges)
        whole, moves = _over(one, (quick, late, tried), concerned)
        found.append(whole)
        if moves:
            rests_on += [
                RestsOn(
                    objective=one.id, target=name, origin=of.origin, said=of.said, fast=quick.value, slow=late.value
                )
                for name, of in concerned.items()
            ]
    return OverSpeeds(found, rests_on)


def _concerned(system: System, verdict: Verdict, ranges: Mapping[str, SpeedRange]) -> dict[str, SpeedRange]:
    """The targets with a range that answer calls of a verdict's alias."""
    aliases = system.models if verdict.alias is None else [verdict.alias]
    targets = chain.from_iterable(tier for alias in aliases for tier in system.models[alias].targets)
    return {name: ranges[name] for name in dict.fromkeys(map(str, targets)) if name in ranges}


def _barely_waited_for(system: System, ranges: Mapping[str, SpeedRange]) -> dict[str, VendorModel]:
    """The slow ends, each no slower than its timeout lets through; empty where all of them are."""
    found = {name: one.slow for name, one in ranges.items()}
    changed = False
    for model in system.models.values():
        for name in map(str, chain.from_iterable(model.targets)):
            most = WAITED_SHARE * model.timeouts.first_token
            if name in found and found[name].first.median > most:
                first = msgspec.structs.replace(found[name].first, median=most)
                found[name] = msgspec.structs.replace(found[name], first=first)
                changed = True
    return found if changed else {}


def _over(
    verdict: Verdict, points: tuple[Verdict, Verdict, Verdict], concerned: Mapping[str, SpeedRange]
) -> tuple[Verdict, bool]:
    """The verdict over all of it, and whether it, or its number, moves between the ends."""
    if verdict.verdict == "not judged" or not concerned:
        return verdict, False
    fast, slow, barely = points
    is_same = {_kept(verdict, one) for one in points} == {verdict.verdict}
    moves = not is_same or _moves(fast.value, slow.value) or _moves(fast.value, barely.value)
    unknown = [name for name, one in concerned.items() if one.origin == "unknown"]
    if is_same and verdict.verdict != "cannot say":
        return (_widened(verdict, points) if moves else verdict), moves and not unknown
    if not moves:
        return verdict, False
    # Of what could not be said anyway, its own reason is kept, which begins with the share that is served.
    is_blank = bool(unknown) and verdict.metric in SPEEDS
    rest = f"; {verdict.why}" if verdict.verdict == "cannot say" and verdict.why and not is_blank else ""
    served = "" if verdict.served >= 1 or rest else f"{served_words('cannot say', Served(verdict.served))}; "
    if unknown:
        why = f"{served}the speed of {', '.join(unknown)} is unknown: run `headworks probe`, or set `expect:`{rest}"
        found = _widened(verdict, points)
        if is_blank:
            found = msgspec.structs.replace(found, value=None, low=None, high=None, mean=None, windows=None)
        return msgspec.structs.replace(found, verdict="cannot say", margin=None, why=why), True
    at = f"{_said(fast)} at the fast end, {_said(slow)} at the slow end"
    if barely is not slow and barely.value != slow.value:
        at += f", {_said(barely)} where it barely fits its timeout"
    why = f"{served}the speed of {', '.join(concerned)} is known too roughly: {at}; run `headworks probe`, or set `expect:`{rest}"
    made = msgspec.structs.replace(_widened(verdict, points), verdict="cannot say", margin=None, why=why)
    return made, True


def _kept(verdict: Verdict, point: Verdict) -> VerdictWord:
    """The verdict at one speed. Where nobody was answered there is no number: then no promise on a latency is kept."""
    is_missed = verdict.verdict == "does not hold" and point.value is None and verdict.metric in SPEEDS
    return "does not hold" if is_missed else point.verdict


def _moves(fast: float | None, slow: float | None) -> bool:
    if fast is None or slow is None:
        return fast is not slow
    return abs(fast - slow) > MIN_MOVE * max(abs(fast), abs(slow))


def _widened(verdict: Verdict, points: tuple[Verdict, ...]) -> Verdict:
    """Its range with that of all speeds that were judged."""
    lows = [one.low for one in (verdict, *points) if one.low is not None]
    highs = [one.high for one in (verdict, *points) if one.high is not None]
    return msgspec.structs.replace(verdict, low=min(lows, default=verdict.low), high=max(highs, default=verdict.high))


def _said(verdict: Verdict) -> str:
    return "no number" if verdict.value is None else format_value(verdict.metric, verdict.value)


def rests_on_unknown(system: System, alias: str, ranges: Mapping[str, SpeedRange]) -> bool:
    """Whether the speed of a target in an alias's first tier is unknown: then its latencies are nobody's."""
    first = system.models[alias].targets[0]
    return any(ranges[str(one)].origin == "unknown" for one in first if str(one) in ranges)


def noting_unknown(binding: Bottleneck, ranges: Mapping[str, SpeedRange]) -> Bottleneck:
    """The bottleneck, with a note where it is a limit on calls at once and how long a call takes is unknown."""
    unknown = [name for name, one in ranges.items() if one.origin == "unknown"]
    if not unknown or not binding.name.startswith("concurrency"):
        return binding
    said = f"{binding.said}; by a made-up speed: that of {', '.join(unknown)} is unknown"
    return msgspec.structs.replace(binding, said=said)
