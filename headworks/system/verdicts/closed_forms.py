"""Closed forms for a system that has not run yet: means of log-normals, queues (Erlang), common-cause outages.

Always true: pure; nothing here knows where a number comes from. Sources: the log-normal shape of token counts and of
latencies is what production traces show (BurstGPT, arXiv 2401.17644); Little's law (1961); Erlang's two formulas (1917);
Allen and Cunneen's correction (Allen 1978, "Probability, Statistics and Queueing Theory"); the beta factor (Fleming 1975;
IEC 61508-6 annex D, where it lies between 1 % and 10 %).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import exp, log, prod
from statistics import NormalDist
from typing import Final

import msgspec

from headworks.core.figures import written_figure

NORMAL: Final = NormalDist()

ASSUMED_UNAVAILABILITY: Final = 0.01
"""The share of calls that a target fails where nothing is said: hosted models' status pages show 99 % to 99.9 %."""

BETA_FACTOR: Final = 0.10
"""The share of outages that providers have in common where no common cause is written: the upper end of IEC 61508-6."""

MOST_CAUSES_AT_ONCE: Final = 3
"""Common causes that strike at once in the sum; four at once are rarer than anything else here is exact."""


class LogNormal(msgspec.Struct, frozen=True):
    """A log-normal quantity: half are at most `median`; `sigma` is the standard deviation of its logarithm."""

    median: float
    sigma: float

    @classmethod
    def of(cls, p50: float, high: float, percentile: float) -> LogNormal:
        """From its median and one higher percentile: `Spread.of(900, 3200, 95)`."""
        return cls(p50, log(high / p50) / NORMAL.inv_cdf(percentile / 100))

    @property
    def mean(self) -> float:
        """Above the median, the more so the wider it is: 900 and 3200 (p95) have a mean of 1211."""
        return self.median * exp(self.sigma**2 / 2)

    def at(self, percentile: float) -> float:
        """The value that so many of 100 do not exceed."""
        return self.median * exp(self.sigma * NORMAL.inv_cdf(percentile / 100))

    def above(self, value: float) -> float:
        """The share that exceeds a value."""
        if not self.sigma:
            return float(self.median > value)
        return 1 - NORMAL.cdf(log(value / self.median) / self.sigma)

    def smaller(self, other: LogNormal) -> LogNormal:
        """The smaller of two independent quantities: the log-normal through its median and its 95th percentile."""
        found: list[float] = []
        for percentile in (50.0, 95.0):
            low, high = 0.0, min(self.at(percentile), other.at(percentile))
            for _ in range(60):
                middle = (low + high) / 2
                if self.above(middle) * other.above(middle) > 1 - percentile / 100:
                    low = middle
                else:
                    high = middle
            found.append(high)
        return LogNormal.of(found[0], max(found), 95)


class Cause(msgspec.Struct, frozen=True):
    """A common cause of failure: a share of the outages of each of these providers."""

    providers: frozenset[str]
    share: float


def unavailability(outages: Mapping[str, float], causes: Sequence[Cause]) -> float:
    """The share of calls that none of these providers answers.

    outages: the share of calls that each fails. Of the outages of a provider the shares of its causes are common, the
    rest its own. For n providers of one Q and one cause of share beta this is ((1 - beta) Q)^n + beta Q: with Q = 1 %
    and beta = 10 % two providers fail 1.08e-3 of the calls and three 1.00e-3, so a third one buys next to nothing. The
    sum counts overlaps twice, which errs to the safe side. Where providers differ a cause strikes as the worst of them.
    """
    met = [(cause, cause.providers & outages.keys()) for cause in causes]
    met = [(cause, struck) for cause, struck in met if struck]
    own = {
        name: max(0.0, 1 - sum(cause.share for cause, struck in met if name in struck)) * outage
        for name, outage in outages.items()
    }
    total = 0.0
    for count in range(min(len(met), MOST_CAUSES_AT_ONCE) + 1):
        for chosen in combinations(met, count):
            struck: frozenset[str] = frozenset().union(*(names for _, names in chosen))
            common = prod(cause.share * max(outages[name] for name in names) for cause, names in chosen)
            total += common * prod(outage for name, outage in own.items() if name not in struck)
    return min(1.0, total)


def littles_law_rate(places: float, seconds: float) -> float:
    """The most calls per second with so many places, each taken for so many seconds: Little's law."""
    return places / seconds


TOO_BURSTY: Final = 2.0
"""The squared coefficient of variation of gaps up to which Allen and Cunneen's correction is near the truth."""


def too_bursty(burstiness: float) -> str | None:
    """Why no closed form is said of such arrivals; None where one may be."""
    if burstiness <= TOO_BURSTY:
        return None
    return f"arrivals are too bursty for closed forms: the SCV of the gaps is {written_figure(burstiness)}, more than {written_figure(TOO_BURSTY)}"


def erlang_b(places: int, load: float) -> float:
    """The share of Poisson arrivals that finds every place taken, where nobody waits. load: arrivals in a mean stay."""
    refused = 1.0
    for place in range(1, places + 1):
        refused = load * refused / (place + load * refused)
    return refused


def erlang_c(places: int, load: float) -> float:
    """The share of Poisson arrivals that must wait, where everybody does. 1 where the places cannot carry the load."""
    if load >= places:
        return 1.0
    lost = erlang_b(places, load)
    return lost / (1 - load / places * (1 - lost))


def allen_cunneen(places: int, load: float, seconds: float, arrivals: float, stays: float) -> float:
    """Seconds that a call waits on average. seconds: a mean stay; arrivals, stays: squared coefficients of variation of
    gaps and of stays. With 1 and 1 it is Erlang's; infinite where the places cannot carry the load."""
    if load >= places:
        return float("inf")
    return erlang_c(places, load) * seconds / (places - load) * (arrivals + stays) / 2
