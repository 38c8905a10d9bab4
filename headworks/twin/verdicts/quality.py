"""The quality of a mix: what the targets that answer the traffic are worth together, and how sure that is.

Theory. Each target's quality is measured on one suite, with limits of its own (`system/verdicts/quality_file.py`). The mix is
the weighted sum of them, and its limits are recovered from theirs (MOVER: Zou and Donner 2008): the distance to the lower limit is
the root of the sum over all pairs of w_i d_i w_j d_j r_ij, d the distances of the parts. r is how much two targets' answers
to the same samples go together, by cluster; where nobody can know it is 1, which errs on the wide side. The shares of the
targets come from runs that differ, and that is added as an independent doubt: never surer than so many answers allow
(Wilson). A mix is between its worst and its best target, so it is never less sure than that.

Always true: with one target these are that target's limits. Quality is that of answers; a call without one is a matter of
availability. An answer of the cache counts as the others do, which it once was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Final

import msgspec
import numpy as np

from headworks.system.schema.requirements import Objective
from headworks.system.schema.system import System
from headworks.system.verdicts.quality import KnownQuality, confidence_of, day, limit_at, measured_for, points
from headworks.system.verdicts.quality_file import Limit, TargetQuality
from headworks.system.verdicts.verdict import Assessment
from headworks.twin.models.random_streams import Floats
from headworks.twin.simulation.confidence_interval import Interval, proportion_interval
from headworks.twin.simulation.observations import Observations

NOTABLE: Final = 0.00005
"""What is shown as 0.00 points is not shown as a change."""


class AnswerMix(msgspec.Struct, frozen=True, kw_only=True):
    """Who answered. answered: whole answers by calls; by: of the answers that a target gave, each one's share; count: of them."""

    answered: float
    by: dict[str, float]
    count: int


class TargetShare(msgspec.Struct, frozen=True, kw_only=True):
    """One target of a mix: the share of answers that it gives, and its own quality with its limits."""

    target: str
    share: float
    value: float
    low: float
    high: float
    samples: int
    measured_on: str


class QualityMix(msgspec.Struct, frozen=True, kw_only=True):
    """What a quality rests on. fallbacks, outages: what each changes of it, negative where it is lower for them. evaluation,
    mix: how wide the interval would be to either side with the doubt of only one of the two, on average."""

    suite: str
    model: str
    prompt: str
    targets: list[TargetShare]
    fallbacks: float
    outages: float
    evaluation: float
    mix: float


class MixQuality(msgspec.Struct, frozen=True):
    """A mix's quality with its interval."""

    found: Interval
    mix: QualityMix
    why: str


def answer_mix(seen: Observations, alias: str) -> AnswerMix:
    """Who answered the calls of an alias."""
    mine = seen.of(alias)
    whole = int(mine.is_whole.sum())
    answered = [] if mine.answered_by is None else mine.answered_by[mine.is_whole & (mine.answered_by != "")]
    names, counts = np.unique(answered, return_counts=True)
    total = int(counts.sum())
    by = {str(name): int(count) / total for name, count in zip(names, counts, strict=True)}
    return AnswerMix(answered=whole / len(mine) if len(mine) else 0.0, by=by, count=total)


def pooled(mixes: Sequence[tuple[float, AnswerMix]]) -> dict[str, float]:
    """The shares of several mixes together, each with its weight: of those that answer more, more."""
    found: dict[str, float] = {}
    for weight, one in mixes:
        for name, share in one.by.items():
            found[name] = found.get(name, 0.0) + weight * one.answered * share
    total = sum(found.values())
    return {name: share / total for name, share in found.items()} if total > 0 else {}


def mix_quality(
    objective: Objective,
    known: Mapping[str, TargetQuality],
    runs: Sequence[AnswerMix],
    states: Sequence[tuple[float, AnswerMix]],
    first_tier: Sequence[str],
) -> MixQuality:
    """The quality of the answers of all targets together. known: of the targets, with limits at the objective's confidence for every
    one that answers; runs: with all providers up; states: sets of providers that are down, with the share of time of each."""
    up = pooled([(1.0, one) for one in runs])
    above = 1 - sum(share for share, _ in states)
    shares = pooled([*((above / len(runs), one) for one in runs), *states])
    values = {name: known[name].value for name in known}
    value = mean(shares, values)
    limits = {name: needed_limit(known[name], objective) for name in shares}
    evaluation = evaluation_interval(shares, known, limits)
    mix = mix_interval(runs, values, max(0.0, 2 * confidence_of(objective) - 1))
    low = value - sqrt((evaluation.value - evaluation.low) ** 2 + (mix.value - mix.low) ** 2)
    high = value + sqrt((evaluation.high - evaluation.value) ** 2 + (mix.high - mix.value) ** 2)
    ends = [one for one in (limit_at(one, confidence_of(objective)) for one in known.values()) if one is not None]
    low = max(low, min(one.low for one in ends))
    high = min(high, max(one.high for one in ends))
    own = {name: share for name, share in up.items() if name in first_tier}
    first = mean(own, values) / sum(own.values()) if own else mean(up, values)
    fallbacks, outages = mean(up, values) - first, value - mean(up, values)
    some = next(iter(known.values()))
    made = QualityMix(
        suite=some.suite,
        model=some.model,
        prompt=some.prompt,
        targets=[
            TargetShare(
                target=name, share=share, value=values[name], low=limits[name].low, high=limits[name].high,
                samples=known[name].samples, measured_on=day(known[name].at),
            )
            for name, share in sorted(shares.items(), key=lambda one: (-one[1], one[0]))
        ],
        fallbacks=fallbacks,
        outages=outages,
        evaluation=(evaluation.high - evaluation.low) / 2,
        mix=(mix.high - mix.low) / 2,
    )  # fmt: skip
    return MixQuality(Interval(value, low, high), made, mix_words(made))


def quality_up(
    system: System, objective: Objective, quality: KnownQuality, seen: Sequence[Observations]
) -> float | None:
    """A mix's quality while all providers are up; None where a target that answers was not measured."""
    measured = measured_for(system, objective, quality)
    if isinstance(measured, Assessment):
        return None
    shares = pooled([(1.0, answer_mix(one, measured.alias)) for one in seen])
    values = {name: one.value for name, one in measured.by_target.items()}
    return mean(shares, values) if shares and shares.keys() <= values.keys() else None


def mean(shares: Mapping[str, float], values: Mapping[str, float]) -> float:
    return sum(share * values[name] for name, share in shares.items())


def needed_limit(one: TargetQuality, objective: Objective) -> Limit:
    found = limit_at(one, confidence_of(objective))
    assert found is not None, "a target without limits is not mixed"
    return found


def evaluation_interval(
    shares: Mapping[str, float], known: Mapping[str, TargetQuality], limits: Mapping[str, Limit]
) -> Interval:
    """The mix with the doubt of the evaluation alone: the shares are what they are."""
    names = list(shares)
    value = sum(shares[name] * known[name].value for name in names)
    down = np.array([shares[name] * (known[name].value - limits[name].low) for name in names])
    up = np.array([shares[name] * (limits[name].high - known[name].value) for name in names])
    together = np.array([[1.0 if a == b else correlation(known[a], known[b]) for b in names] for a in names])
    return Interval(value, value - sqrt(float(down @ together @ down)), value + sqrt(float(up @ together @ up)))


def correlation(one: TargetQuality, other: TargetQuality) -> float:
    """How much two targets' results go together, over the clusters of the same samples; 1 where they were not asked the same,
    or one of them always did as well."""
    if not one.scores or one.same != other.same or len(one.scores) != len(other.scores):
        return 1.0
    mine, theirs = residuals(one), residuals(other)
    spread = sqrt(float(mine @ mine) * float(theirs @ theirs))
    return min(1.0, max(0.0, float(mine @ theirs) / spread)) if spread > 0 else 1.0


def residuals(one: TargetQuality) -> Floats:
    """By cluster, how far its samples are from the mean in all."""
    scores = (np.frombuffer(one.scores.encode(), dtype=np.uint8) == ord("1")).astype(float)
    away: Floats = scores - scores.mean()
    if not one.clusters:
        return away
    found: Floats = np.bincount(np.asarray(one.clusters), away).astype(float)
    return found


def mix_interval(runs: Sequence[AnswerMix], values: Mapping[str, float], confidence: float) -> Interval:
    """The mix with the doubt of the shares alone: each target is worth what was measured."""
    low, high = min(values.values()), max(values.values())
    by_run = [mean(one.by, values) for one in runs if one.count]
    if high <= low:
        return Interval(low, low, low)
    parts = [(one - low) / (high - low) for one in by_run]
    found = proportion_interval(parts, sum(one.count for one in runs), confidence)
    return Interval(*(low + (high - low) * end for end in (found.value, found.low, found.high)))


def mix_words(made: QualityMix) -> str:
    """Who answers how much, and what fallbacks and outages do to it."""
    if len(made.targets) == 1:
        return f"{made.targets[0].target} gives all answers"
    parts = [
        f"{one.target} gives {share_words(one.share)} of the answers ({points(one.value)})" for one in made.targets
    ]
    return f"{', '.join(parts)}; {change_words(made.fallbacks, made.outages)}"


def share_words(share: float) -> str:
    """To the digits of a rare fallback."""
    return f"{100 * share:.1f}%" if 0.001 <= share <= 0.999 or share == 1 else f"{100 * share:.3f}%"


def change_words(fallbacks: float, outages: float) -> str:
    """`fallbacks lower it by 2.74 points, outages by 0.49`."""
    if abs(fallbacks) < NOTABLE and abs(outages) < NOTABLE:
        return "fallbacks and outages change it by less than 0.01 points"
    said = [f"{cause} {_change(change)}" for cause, change in (("fallbacks", fallbacks), ("outages", outages))]
    return ", ".join(said)


def _change(change: float) -> str:
    if abs(change) < NOTABLE:
        return "do not change it by 0.01 points"
    return f"{'lower' if change < 0 else 'raise'} it by {abs(100 * change):.2f} points"
