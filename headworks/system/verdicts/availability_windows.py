"""In how many windows of time (of 30 days, say) a promise of availability is kept, by outages alone.

Theory. Outages of a source (a provider's own, or what strikes several at once) come apart and last `LASTING` on average,
so what falls into a window is a compound Poisson sum: a Poisson number of spells, each exponential. An alias is down while
sources that strike all of its providers are down together; while k of them are, a spell is k times shorter and, for its
share of time, k times as frequent. Spells of different lengths are taken as one kind with the same mean and variance.
`twin/verdicts/outages.py` draws the same outages one by one, with what the stack answers meanwhile; it was held against this
(`tests/twin/verdicts/test_one_judge.py`). What is not sure here is left to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import exp, lgamma, log, prod, sqrt
from typing import Final

import msgspec

from headworks.system.verdicts.closed_forms import NORMAL, TOGETHER, Cause

LASTING: Final = 1800.0
"""Seconds that an outage lasts on average: status pages of hosted models show from ten minutes to several hours."""

SURE: Final = 0.97
"""The share of windows from which this approximation is believed. 95 of 100 must keep a promise (nine in ten lie between the
ends of the plan's interval, and half of the rest is better); between the two the windows are to be drawn."""

MANY: Final = 400.0
"""Outages in a window from which their sum is as good as normal."""


class Spell(msgspec.Struct, frozen=True):
    """One way in which nobody answers. share: of all time; seconds: how long it lasts on average."""

    share: float
    seconds: float


def spells(outages: Mapping[str, float], causes: Sequence[Cause]) -> list[Spell]:
    """The ways in which all of these providers are down at once; overlaps count twice, which errs to the safe side."""
    met = [(cause, cause.providers & outages.keys()) for cause in causes]
    met = [(cause, struck) for cause, struck in met if struck]
    found = []
    for count in range(min(len(met), TOGETHER) + 1):
        for chosen in combinations(met, count):
            struck: frozenset[str] = frozenset().union(*(names for _, names in chosen))
            shares = [cause.share * max(outages[name] for name in names) for cause, names in chosen]
            for name, outage in outages.items():
                if name not in struck:
                    common = sum(cause.share for cause, names in met if name in names)
                    shares.append(max(0.0, 1 - common) * outage)
            if (share := prod(shares)) > 0:
                found.append(Spell(share, LASTING / len(shares)))
    return found


def kept(known: Sequence[Spell], window: float, most: float) -> float:
    """The share of windows of so many seconds in which nobody answers for at most the share `most` of the time."""
    if most < 0:
        return 0.0
    total = sum(one.share for one in known)
    if total <= 0 or most >= 1:
        return 1.0
    seconds = sum(one.share * one.seconds for one in known) / total
    return _sum_at_most(total * window / seconds, most * window / seconds)


def _sum_at_most(mean: float, bound: float) -> float:
    """P(the sum of a Poisson number of exponential lengths <= bound), both in units of one length's mean."""
    if mean > MANY:
        return NORMAL.cdf((bound - mean) / sqrt(2 * mean))
    chance = exp(-mean)  # no outage at all
    count, last = 0, 1.0
    while count < mean or last > 1e-9:
        count += 1
        last = exp(count * log(mean) - mean - lgamma(count + 1))
        chance += last * _erlang(count, bound)
    return min(1.0, chance)


def _erlang(count: int, bound: float) -> float:
    """P(so many exponential lengths add up to at most this much): that a Poisson count of that mean reaches it."""
    if bound <= 0:
        return 0.0
    below = sum(exp(number * log(bound) - bound - lgamma(number + 1)) for number in range(count))
    return max(0.0, 1 - below)
