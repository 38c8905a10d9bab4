"""The course of each plan's runs: how much of the peak is simulated, for the system as it is and for each change of it.

Always true: what closed forms say is looked at again after the first runs; a run that was taken for steady and is not is
made longer, up to the whole peak.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf
from typing import Final

import msgspec

from headworks.system.verdicts.availability_windows import MEAN_OUTAGE_SECONDS
from headworks.twin.screening.capacity import Capacity, capacity
from headworks.twin.screening.course import MOST_CALLS, RELAXATIONS, RELAXATIONS_COMPARED, Course, Peak, course_of
from headworks.twin.simulation.replications import Effort, Plan, Run, replicate_until_clear
from headworks.twin.simulation.replicator import Replicator
from headworks.twin.simulation.steady_state import full_since, is_settled
from headworks.twin.workload.arrivals import Shape, Trace

LONGER: Final = 4
"""How many times longer a run becomes that was not steady: its second half is then seen for twice as long as all of it was."""

AFTER_LATEST: Final = 1.25
"""By how much later than in the latest run a queue is taken to be full: the next runs may be later."""


class Courses:
    """Gives each plan its course. peak: of the plan that nobody has changed, whose workload has this `rate`; replicator: who
    makes the runs."""

    def __init__(self, peak: Peak, rate: float, replicator: Replicator | None = None) -> None:
        self.peak = peak
        self.rate = rate
        self.replicator = Replicator() if replicator is None else replicator

    def peak_of(self, plan: Plan) -> Peak:
        """The peak of a plan whose traffic may be another."""
        workload = plan.workload
        factor = workload.rate / self.rate
        peak = self.peak.scaled(factor)
        if isinstance(workload, Shape):
            peak = msgspec.structs.replace(peak, burstiness=max(one.burstiness for one in workload.aliases))
        slowest = max((one.bursts.lasting for one in plan.models.values() if one.bursts is not None), default=0.0)
        return msgspec.structs.replace(peak, slowest=slowest)

    def capacity_of(self, plan: Plan, down: frozenset[str] = frozenset()) -> Capacity:
        """What the limits of a plan carry at its peak."""
        peak = self.peak_of(plan)
        return capacity(plan.system, plan.models, peak.mix, peak.burstiness, down)

    def of(self, plan: Plan, calls: int, down: frozenset[str] = frozenset()) -> Course:
        """The course of the runs that a verdict rests on. down: providers that answer nobody, for as long as an outage lasts."""
        return self._of(plan, calls, RELAXATIONS, down)

    def compared(self, plan: Plan, calls: int) -> Course:
        """The course of runs that are compared with others over the same random numbers."""
        return self._of(plan, calls, RELAXATIONS_COMPARED, frozenset())

    def _of(self, plan: Plan, calls: int, relaxations: int, down: frozenset[str]) -> Course:
        peak = self.peak_of(plan)
        if isinstance(plan.workload, Trace):  # it is replayed as it was, from where its mean load leaves the limits
            usual = capacity(plan.system, plan.models, peak.scaled(peak.busy).mix, peak.burstiness, down)
            return Course(stretch=None, calls=len(plan.workload.at), drained=usual.drained)
        if down:
            peak = msgspec.structs.replace(peak, seconds=MEAN_OUTAGE_SECONDS)
            relaxations = RELAXATIONS_COMPARED  # one share of calls that are answered, and no percentile
        return course_of(plan.system, plan.models, peak, calls, relaxations, down)

    def runs(self, plan: Plan, effort: Effort) -> tuple[Course, list[Run]]:
        """Runs until every objective is clear, over a course on which they are steady, or over the whole peak."""
        course = self.of(plan, effort.calls)
        made = replicate_until_clear(plan, effort, course, self.replicator)
        while (longer := self.longer(course, made)) is not None:
            course = longer
            made = replicate_until_clear(plan, effort, course, self.replicator)
        return course, made

    def longer(self, course: Course, made: Sequence[Run]) -> Course | None:
        """A longer course where these runs were not steady though they should be; None where nothing is left to do."""
        if course.stretch is None or (course.is_whole and course.full_from is None):
            return None
        whole = min(self.peak.seconds, MOST_CALLS * course.stretch.seconds / course.calls)
        if course.full_from is not None and (latest := filled_at(course, made)) > course.full_from:
            return full_later(course, latest, whole) or self.whole(course, whole)
        if is_settled([one.measured for one in made], [one.begins for one in made], course.full_from or 0.0):
            return None
        seconds = course.stretch.seconds * LONGER
        if course.is_whole or seconds >= whole:
            if not course.is_whole and course.stretch.seconds >= whole:
                return None
            return self.whole(course, whole)
        stretch = msgspec.structs.replace(course.stretch, seconds=seconds, before=course.stretch.before * LONGER)
        return msgspec.structs.replace(course, stretch=stretch, calls=course.calls * LONGER)

    def whole(self, course: Course, seconds: float) -> Course:
        """The peak from its beginning, every call of these seconds."""
        assert course.stretch is not None
        return msgspec.structs.replace(
            course,
            stretch=msgspec.structs.replace(course.stretch, seconds=seconds),
            calls=ceil(course.calls / course.stretch.seconds * seconds),
            batches=1,
            is_whole=True,
            full_from=None,
            peak=self.peak.seconds,
            is_cut=seconds < self.peak.seconds,
        )


def filled_at(course: Course, made: Sequence[Run]) -> float:
    """Seconds after which the queue of every run has been full; infinite where one never was."""
    filled = [full_since(one.measured, one.begins, course.longest) for one in made]
    return max(inf if one is None else one for one in filled)


def full_later(course: Course, latest: float, whole: float) -> Course | None:
    """The same course with a queue that is full later than the fluid said, which knows nothing of small calls that find room where large
    ones do not; None where the peak is over by then."""
    assert course.stretch is not None
    assert course.full_from is not None
    seconds = course.stretch.seconds + AFTER_LATEST * latest - course.full_from
    if seconds >= whole:
        return None
    calls = ceil(course.calls / course.stretch.seconds * seconds)
    stretch = msgspec.structs.replace(course.stretch, seconds=seconds)
    return msgspec.structs.replace(course, stretch=stretch, calls=calls, full_from=AFTER_LATEST * latest)
