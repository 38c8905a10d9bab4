"""What differs in the traffic of two systems: a comparison is fair only for the same traffic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from headworks.core.figures import written_figure
from headworks.system.schema.system import System
from headworks.system.syntax.scalars import written_duration
from headworks.twin.workload.arrivals import AliasShape, Shape, Trace
from headworks.twin.workload.demand import Demand

OTHER: Final = "another trace"


def traffic_differences(system: System, asked: Demand, other: System, others: Demand) -> list[str]:
    """What the second has that the first has not, in words; nothing where the same calls come to both."""
    mine, theirs = asked.workload, others.workload
    found = []
    if isinstance(mine, Shape) and isinstance(theirs, Shape):
        found += list(_shapes(mine, theirs))
        lasts, last = (one.requirements.traffic.peak_for for one in (system, other))
        if lasts != last:
            found.append(f"the peak lasts {written_duration(last)}, not {written_duration(lasts)}")
    elif isinstance(mine, Trace) and isinstance(theirs, Trace):
        found += [f"{one}: {others.source}" if one == OTHER else one for one in _traces(mine, theirs)]
    else:
        found.append(f"{others.source}, not {asked.source}")
    if abs(others.busy - asked.busy) > 1e-9:
        found.append(f"the mean load is {written_figure(others.busy)} of the peak's, not {written_figure(asked.busy)}")
    return found


def _shapes(mine: Shape, theirs: Shape) -> Iterator[str]:
    before, after = ({one.alias: one for one in shape.aliases} for shape in (mine, theirs))
    if before.keys() != after.keys():
        yield f"calls come for {_names(after)}, not for {_names(before)}"
    for alias in [name for name in before if name in after]:
        seconds = _numbers(after[alias])
        for words, first in _numbers(before[alias]).items():
            second = seconds[words]
            if first != second:
                yield f"{words} of {alias}: {second}, not {first}"


def _names(known: dict[str, AliasShape]) -> str:
    return ", ".join(known)


def _numbers(one: AliasShape) -> dict[str, str]:
    prompt, output = (
        f"median {written_figure(spread.median, 6)}, p95 {spread.at(95):,.0f}" for spread in (one.prompt, one.output)
    )
    return {
        "calls a second": written_figure(one.rate, 6),
        "burstiness": written_figure(one.burstiness, 6),
        "prompt tokens": prompt,
        "output tokens": output,
        "streamed": written_figure(one.streamed, 4),
        "repeated": written_figure(one.repeated, 4),
    }


def _traces(mine: Trace, theirs: Trace) -> Iterator[str]:
    if len(mine.at) != len(theirs.at) or not np.array_equal(mine.at, theirs.at) or mine.sizes != theirs.sizes:
        yield OTHER
        return
    if mine.faster != theirs.faster:
        yield f"calls a second: {written_figure(theirs.rate)}, not {written_figure(mine.rate)}"
    if mine.known != theirs.known or mine.shares != theirs.shares:
        yield "the calls go to other aliases"
    if (mine.streamed, mine.repeated) != (theirs.streamed, theirs.repeated):
        yield "other shares are streamed or repeated"
