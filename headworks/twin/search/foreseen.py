"""The runs that a search will ask for, where closed forms say so: of a system that is asked for more than it carries.

Theory. The runs of such a system are whole peaks, three of them, and a machine has two cores or four. So some have nothing to do
while the last peak is simulated. What the search asks for afterwards is known well: each limit that would carry the load by
its lowest step that does and by its largest, and the first of them on the seeds that confirm it.

Always true: a run that is foreseen and not asked for changes nothing but the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from headworks.twin.search.changes import Change, limit_changes
from headworks.twin.search.comparison import PAIRS, calls_compared
from headworks.twin.search.confirmation import FRESH
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import MIN_RUNS, Effort, Plan, Task

MOST: Final = 3
"""Limits whose runs are foreseen at most: behind the first one that is used up there are seldom more."""


def foreseen(plan: Plan, effort: Effort, courses: Courses) -> list[Task]:
    """The runs, in the order in which they will be asked for. Nothing where verdicts do not rest on whole peaks."""
    if not courses.of(plan, effort.calls).is_whole:
        return []
    enough = [steps for ladder in limit_changes(plan).values() if (steps := carrying(ladder, plan, courses))]
    tried: list[Task] = []
    confirmed: list[Task] = []
    for steps in islice(enough, MOST):
        for step in dict.fromkeys([0, len(steps) - 1]):
            tried += compared(steps[step], effort, courses)
        course = courses.of(steps[0], effort.calls)
        seeds = [effort.seed + FRESH + number for number in range(MIN_RUNS)]
        confirmed += [Task(steps[0], seed, effort.calls, course) for seed in seeds]
    return tried + confirmed


def carrying(ladder: Sequence[Change], plan: Plan, courses: Courses) -> list[Plan]:
    """The plans after those steps of a limit with which no queue grows."""
    changed: Iterator[Plan] = (step.apply(plan) for step in ladder)
    return [one for one in changed if not courses.of(one, 1).is_whole]


def compared(changed: Plan, effort: Effort, courses: Courses) -> list[Task]:
    """The runs of a comparison with a changed plan."""
    calls = calls_compared(effort.calls)
    course = courses.compared(changed, calls)
    return [Task(changed, effort.seed + number, calls, course) for number in range(PAIRS)]
