"""What is said first of a system of which more is asked than it carries: where, by how much, and how long it holds.

Always true: how fast a queue grows is said by closed forms; how long a promise holds is read off the runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

import msgspec

from headworks.core.figures import written_figure
from headworks.system.schema.requirements import Objective
from headworks.system.syntax.scalars import written_duration
from headworks.twin.screening.capacity import Capacity
from headworks.twin.screening.shorts import Short
from headworks.twin.simulation.confidence_interval import Interval
from headworks.twin.simulation.observations import objective_value
from headworks.twin.simulation.replications import Run
from headworks.twin.simulation.steady_state import joined, split

STEPS: Final = 60
"""Parts of a peak in which a promise is looked at: minutes of an hour."""


LATE: Final = 0.25
"""The end of a run in which a queue that grows is looked for, and how much of the wait that it would have counts as long."""


class Overload(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of which more is asked than it admits. offered, carried: calls a second; grows: whether the rest waits; wait:
    seconds that a call waits at the end of the peak; full_after: seconds until calls wait as long as they may, null where
    the peak ends before; said: all of it in words."""

    name: str
    offered: float
    carried: float
    grows: bool
    wait: float | None
    full_after: float | None
    said: str


def overloads(load: Capacity, peak: float, made: Sequence[Run]) -> list[Overload]:
    """Growing queues first. peak: how many seconds it lasts; made: runs in which a queue that is said to grow is seen."""
    found = [_overload(one, peak) for one in load.shorts if not one.grows or is_seen(one, load.rate, made)]
    return sorted(found, key=lambda one: (not one.grows, one.carried - one.offered))


def _overload(one: Short, peak: float) -> Overload:
    unit, _, owner = one.name.partition(" of ")
    lead = f"more arrives than `{owner}` admits (its {unit})"
    if not one.grows:
        said = (
            f"{lead}: {written_figure(one.excess, 2)} of {written_figure(one.offered)} calls a second go to {one.goes}"
        )
        return Overload(
            name=one.name, offered=one.offered, carried=one.carried, grows=False, wait=None, full_after=None, said=said
        )
    wait = one.wait_after(peak)
    is_full = one.full_after <= peak
    end = (
        f"after {_length(one.full_after)} a call waits {_length(wait)}, the longest that it may"
        if is_full
        else (f"after {_length(peak)}, when the peak ends, a call waits {_length(wait)}")
    )
    return Overload(
        name=one.name,
        offered=one.offered,
        carried=one.carried,
        grows=True,
        wait=wait,
        full_after=one.full_after if is_full else None,
        said=f"{lead}: the queue grows by {_calls(one.excess)} a second; {end}",
    )


def is_seen(one: Short, rate: float, made: Sequence[Run]) -> bool:
    """Whether the runs end as the growth of this queue says: a steady flow knows nothing of small calls that find room where
    large ones do not. At the end of a run half of the calls that it is offered have failed, or have waited for long."""
    late = total = 0
    for run in made:
        seen = run.measured
        end = seen.arrived >= run.begins + (1 - LATE) * seen.seconds
        long = seen.duration > LATE * one.wait_after((1 - LATE) * seen.seconds)
        late += int((end & (long | ~seen.is_whole)).sum())
        total += int(end.sum())
    return bool(total) and late / total >= one.offered / rate / 2


def _calls(rate: float) -> str:
    """Calls a second to two digits."""
    said = written_figure(rate, 2)
    return "1 call" if said == "1" else f"{said} calls"


def _length(seconds: float) -> str:
    """A time to two digits, as a person says it."""
    if seconds < 100:
        return written_duration(float(f"{seconds:.2g}"))
    return f"{seconds / 60:.0f}m" if seconds < 5400 else f"{seconds / 3600:.1f}h"


def held_for(objective: Objective, objectives: Sequence[Objective], made: Sequence[Run]) -> float | None:
    """Seconds into the peak up to which a promise holds in each part of it; None where it holds in all of them."""
    first = made[0]
    if first.course is None or not first.course.is_whole:
        return None
    limit = float(objective.limit.value)
    parts = [split(one.measured, one.begins, STEPS) for one in made]
    for step in range(STEPS):
        value = objective_value(objective, joined([one[step] for one in parts]), objectives)
        if value is not None and (value > limit if objective.at_most is not None else value < limit):
            return step * first.measured.seconds / STEPS
    return None


def how_long(objective: Objective, objectives: Sequence[Objective], made: Sequence[Run]) -> str:
    """How long a promise that is missed holds, in words; "" where the peak was not run from its beginning."""
    held = held_for(objective, objectives, made)
    if held is None:
        return ""
    return f"; it holds for the first {_length(held)} of the peak" if held else "; it does not hold even at first"


def left_open(objective: Objective, found: Interval, made: Sequence[Run]) -> tuple[Interval, str]:
    """The interval of a promise at the peak, and a note; open to the worse side where only the peak's beginning was simulated."""
    course = made[0].course
    if course is None or not course.is_cut or course.stretch is None:
        return found, ""
    note = (
        f"; of the peak only the first {_length(course.stretch.seconds)} are simulated, {course.calls} calls a run: "
        "a shorter `peak_for` is simulated whole"
    )
    if objective.at_most is not None:
        return Interval(found.value, found.low, inf), note
    return Interval(found.value, 0.0, found.high), note
