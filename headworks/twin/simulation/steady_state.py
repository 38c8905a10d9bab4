"""Whether a run has come to a steady state, what its steady part stands for, and which parts of it count as independent.

Theory. MSER (White 1997; White, Cobb and Spratt 2000): of a series of batch means, cut off at the front as many as make the
standard error of the rest smallest. Where a series still drifts, each further cut makes it smaller, so the best cut is
the last one that is allowed, half of the series: then it is not steady. The series is the mean of the runs', so that
chance drifts of single runs are averaged out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from headworks.twin.models.random_streams import Floats
from headworks.twin.simulation.observations import Observations

SERIES: Final = 20
"""Batches of a series: enough for a cut at a twentieth, few enough that each has many calls."""

NOTABLE: Final = 0.02
"""The drift, by the mean, below which a series counts as steady whatever the best cut: a verdict is no finer."""


def chosen(seen: Observations, rows: NDArray[Any], seconds: float) -> Observations:
    """Some rows of the observations, of a stretch of so many seconds."""
    columns = {
        name: value[rows] for name in seen.__struct_fields__ if isinstance(value := getattr(seen, name), np.ndarray)
    }
    return msgspec.structs.replace(seen, **columns, seconds=seconds)


def split(seen: Observations, begins: float, parts: int) -> list[Observations]:
    """Equal stretches of time, in order."""
    if parts == 1:
        return [seen]
    seconds = seen.seconds / parts
    number = np.clip(((seen.arrived - begins) // seconds).astype(int), 0, parts - 1)
    return [chosen(seen, np.flatnonzero(number == part), seconds) for part in range(parts)]


def joined(seen: Sequence[Observations]) -> Observations:
    """The same stretch of several runs as one: as long as all of them together."""
    columns = {
        name: np.concatenate([getattr(one, name) for one in seen])
        for name in seen[0].__struct_fields__
        if isinstance(getattr(seen[0], name), np.ndarray)
    }
    return msgspec.structs.replace(seen[0], **columns, seconds=sum(one.seconds for one in seen))


def standing_for(seen: Observations, begins: float, full_from: float, seconds: float) -> Observations:
    """A stretch of `seconds` whose course is this run's up to `full_from`, and after that the same again and again."""
    lasts = seen.seconds - full_from
    before = np.flatnonzero(seen.arrived < begins + full_from)
    after = np.flatnonzero(seen.arrived >= begins + full_from)
    times = (seconds - full_from) / lasts
    again = [after] * int(times)
    again.append(after[: round((times - int(times)) * len(after))])
    return chosen(seen, np.concatenate([before, *again]), seconds)


FULL: Final = 0.9
"""The part of the longest wait from which on a queue counts as full."""


def full_since(seen: Observations, begins: float, longest: float) -> float | None:
    """Seconds after which a call first waited about as long as it may; None where none did."""
    waited = np.where(np.isnan(seen.first), seen.duration, seen.first)
    late = seen.arrived[waited >= FULL * longest]
    return float(late.min()) - begins if len(late) else None


def is_settled(seen: Sequence[Observations], begins: Sequence[float], since: float) -> bool:
    """Whether these runs are steady from so many seconds after their beginning on."""
    for series in (mean_series(seen, begins, since, "duration"), mean_series(seen, begins, since, "is_whole")):
        mean = float(np.mean(series)) if len(series) else 0.0
        if not mean or mser_cut(series) < len(series) // 2:
            continue
        half = len(series) // 2
        if abs(float(series[half:].mean() - series[:half].mean())) > NOTABLE * abs(mean):
            return False
    return True


def mean_series(seen: Sequence[Observations], begins: Sequence[float], since: float, column: str) -> Floats:
    """The means of a column in equal stretches of time, over all runs; stretches without a value are left out."""
    sums, counts = np.zeros(SERIES), np.zeros(SERIES)
    for one, begin in zip(seen, begins, strict=True):
        length = (one.seconds - since) / SERIES
        values = np.asarray(getattr(one, column), dtype=float)
        number = np.floor((one.arrived - begin - since) / length).astype(int)
        known = ~np.isnan(values) & (number >= 0) & (number < SERIES)
        sums += np.bincount(number[known], values[known], SERIES)
        counts += np.bincount(number[known], minlength=SERIES)
    made: Floats = sums[counts > 0] / counts[counts > 0]
    return made


def mser_cut(series: Floats) -> int:
    """How many values at the front are cut off, half of them at most."""
    count = len(series)
    if count < 2:
        return 0
    errors = [float(series[cut:].var()) / (count - cut) for cut in range(count // 2 + 1)]
    return int(np.argmin(errors))
