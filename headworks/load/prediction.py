"""Whether a load lies where its plan puts loads of its length.

Theory. A plan's interval is that of a mean over long runs. A load is one short sample, and its calls are not independent:
they wait behind each other. So the load is compared with what it would be if the plan were right: many simulated loads of
the same length, rate and warm-up, on seeds of their own. They hold all the noise of so short a load, and hold it once.

Several numbers of one load are compared at once, and an interval of 95 % for each would leave one of ten outside. So the
intervals hold together: each number's deviation is measured by its spread among the other runs, the largest deviation of
each run is taken, and the intervals are as wide as 95 % of these need (max-T of Westfall and Young 1993, each run left out
of its own yardstick as in Barber et al. 2021). Spreads are those of logarithms, one above and one below the median, for
waiting times are skewed.

Always true: no distribution and no independence of calls is assumed; the same runs give the same intervals.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, exp, inf, isclose, log, sqrt
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from headworks.load.stats import Z, percentile
from headworks.load.verdict import (
    COMPARED_PERCENTILES,
    ComparedValue,
    Measured,
    Verdict,
    measured_values,
    percentile_name,
)

Row: TypeAlias = tuple[str, str]
"""What is compared, and its metric: `ComparedValue.what` and `.metric`."""

RUNS: Final = 59
"""Simulated loads. With 59 the interval that 57 of them and of any further one stay within is that of 95 %."""

CONFIDENCE: Final = 0.95

NOTHING: Final[Mapping[Row, float]] = MappingProxyType({})

ROUNDING: Final = 1e-9
"""By which a number may differ from one that is computed in another order."""


class Spread(msgspec.Struct, frozen=True):
    """The middle of some values, and their root mean squared distance from it on either side."""

    middle: float
    below: float
    above: float

    @classmethod
    def of(cls, ordered: Sequence[float], least: float = 0.0) -> Spread:
        """Of values in ascending order; at least so much on either side."""
        count, half = len(ordered), len(ordered) // 2
        middle = (ordered[half] + ordered[count - half - 1]) / 2
        below = sqrt(sum([(middle - one) ** 2 for one in ordered[:half]]) * 2 / count)
        above = sqrt(sum([(one - middle) ** 2 for one in ordered[count - half :]]) * 2 / count)
        return cls(middle, max(below, least), max(above, least))

    def deviation(self, value: float) -> float:
        """How many spreads a value is away; infinite where no value differs, and this one does."""
        if isclose(value, self.middle, rel_tol=ROUNDING, abs_tol=ROUNDING):
            return 0.0
        spread = self.above if value > self.middle else self.below
        return abs(value - self.middle) / spread if spread else inf

    def reach(self, deviation: float) -> tuple[float, float]:
        """The values that are so many spreads away."""
        below = deviation * self.below if self.below else 0.0
        return self.middle - below, self.middle + (deviation * self.above if self.above else 0.0)


def numbers(verdicts: Sequence[Verdict], seen: Measured, aliases: Sequence[str]) -> dict[Row, float]:
    """Every number of a load that a plan may have too."""
    found: dict[Row, float] = {(one.id, one.metric): one.value for one in verdicts if one.value is not None}
    for alias in aliases:
        for metric in ("time_to_first_token", "duration"):
            values = measured_values(alias, metric, seen)
            for percent in COMPARED_PERCENTILES:
                if (at := percentile(values, percent)) is not None:
                    found[percentile_name(alias, percent), metric] = at.value
    return found


def prediction_intervals(
    runs: Sequence[Mapping[Row, float]], rows: Iterable[Row], floor: Mapping[Row, float] = NOTHING
) -> dict[Row, tuple[float, float]]:
    """The intervals in which all of these numbers of a further run lie, with 95 % together. A number that some run does not
    have (nothing was streamed in it) has none. floor: the least spread of a number, as a part of it."""
    rank = ceil((len(runs) + 1) * CONFIDENCE)
    if rank > len(runs):
        return {}
    columns = {row: [one[row] for one in runs] for row in dict.fromkeys(rows) if all(row in one for one in runs)}
    scales = {row: _is_ratio(values) for row, values in columns.items()}
    largest, spreads = [0.0] * len(runs), {}
    for row, values in columns.items():
        if scales[row]:
            values = [log(one) for one in values]
        ordered, least = sorted(values), floor.get(row, 0.0) if scales[row] else 0.0
        spreads[row] = Spread.of(ordered, least)
        for number, value in enumerate(values):
            at = bisect_left(ordered, value)
            deviation = Spread.of(ordered[:at] + ordered[at + 1 :], least).deviation(value)
            largest[number] = max(largest[number], deviation)
    width = sorted(largest)[rank - 1]
    found: dict[Row, tuple[float, float]] = {}
    for row, spread in spreads.items():
        low, high = spread.reach(max(width, Z) if row in floor else width)
        if scales[row]:
            low, high = exp(low), exp(high)
        found[row] = low, min(1.0, high) if row[1] == "availability" else high
    return found


def _is_ratio(values: Sequence[float]) -> bool:
    """Whether values differ by factors and not by amounts: times, rates and costs do, as long as none is zero."""
    return min(values) > 0


def with_intervals(
    rows: Sequence[ComparedValue], runs: Sequence[Mapping[Row, float]], floor: Mapping[Row, float] = NOTHING
) -> list[ComparedValue]:
    """The rows, each with the interval of such loads, and whether the load lies in it."""
    intervals = prediction_intervals(runs, [(row.what, row.metric) for row in rows], floor)
    made: list[ComparedValue] = []
    for row in rows:
        found = intervals.get((row.what, row.metric))
        if found is not None:
            low, high = found
            within = low * (1 - ROUNDING) <= row.measured <= high * (1 + ROUNDING)
            row = msgspec.structs.replace(row, low=low, high=high, within=within)
        made.append(row)
    return made
