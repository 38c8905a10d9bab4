"""Changes of one plan, each run over the same few seeds as the plan as it is.

Theory. Two runs over the same arrivals and the same random draws differ by what was changed and by little else, so a few pairs
are enough to see a change that many independent runs would drown (common random numbers; Law, Simulation Modeling and
Analysis, ch. 11).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from headworks.system.schema.requirements import Objective
from headworks.twin.models.speed_range import SpeedRange
from headworks.twin.screening.course import Course
from headworks.twin.search.changes import Change
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import Effort, Plan, Run, Task
from headworks.twin.simulation.replicator import Replicator
from headworks.twin.verdicts.money import Money
from headworks.twin.verdicts.verdict import OUTAGE_RUN_CALLS

PAIRS: Final = 3
"""Runs on each side of a comparison."""

FEWER_CALLS: Final = 2
"""A comparison's runs have this many times fewer calls than a verdict's: random draws are shared, so fewer are enough."""

MIN_CALLS: Final = 50
"""Fewest calls of a comparison's run: half of the minimum of `--calls`."""

MOST_COMPARED: Final = 120_000
MOST_WHOLE: Final = 60_000
"""Calls that are simulated at most for effects, and again as many for remedies, where the system is steady and where each run
is a whole peak: twenty and ten seconds of one core. What closed forms say to change nothing is not run then, and the
cheapest is first."""

SAME: Final = 0.01
"""The change of a growing queue, by its growth, below which a change of the system leaves it as it is."""


NO_RANGES: Final[Mapping[str, SpeedRange]] = MappingProxyType({})


def calls_compared(calls: int) -> int:
    """The measured calls of a comparison's run, by those of a verdict's."""
    return max(MIN_CALLS, calls // FEWER_CALLS)


class Comparison:
    """Tries changes of one plan, each over the same few seeds. whole: the verdict's own runs, where each is a whole peak:
    changes are compared with them; ranges: of the speeds that are not sure."""

    def __init__(
        self,
        plan: Plan,
        effort: Effort,
        busy: float,
        courses: Courses | None = None,
        whole: Sequence[Run] = (),
        ranges: Mapping[str, SpeedRange] = NO_RANGES,
    ) -> None:
        self.plan = plan
        self.effort = effort
        self.calls = calls_compared(effort.calls)
        self.short = max(50, min(OUTAGE_RUN_CALLS, effort.calls) // 3)
        self.busy = busy
        self.ranges = ranges
        self.courses = courses
        self.replicator = Replicator() if courses is None else courses.replicator
        self.is_whole = bool(whole)
        course = None if courses is None else courses.compared(plan, self.calls)
        self.base = list(whole[:PAIRS])
        self.simulated = 0
        if not whole:
            seeds = [effort.seed + number for number in range(PAIRS)]
            tasks = [Task(plan, seed, self.calls, course) for seed in seeds]
            self.replicator.ahead(tasks)
            self.base = [self.replicator.run(task) for task in tasks]
            self.simulated = sum(one.calls for one in self.base)
        self.course = self.base[0].course
        self.is_surprising = self.is_whole and course is not None and not course.is_whole
        """Whether the whole peak was run because what closed forms say of this system is wrong."""
        self.most = MOST_WHOLE if self.is_whole else MOST_COMPARED
        self.left = self.most
        self.money = Money(plan, self.base, busy)
        self.without_effect: set[str] = set()
        """Settings that changed nothing."""
        self._changed: dict[str, tuple[Plan, list[Run]]] = {}

    def course_of(self, plan: Plan) -> Course | None:
        """The course of the runs of a changed plan."""
        if self.courses is None:
            return None
        return self.course if self.is_surprising else self.courses.compared(plan, self.calls)

    def cost_of(self, change: Change) -> int:
        """How many calls it takes to try a change."""
        if self._key(change) in self._changed:
            return 0
        course = self.course_of(change.apply(self.plan))
        return PAIRS * (self.calls if course is None or course.stretch is None else course.simulated)

    def leaves_the_queue(self, change: Change) -> bool:
        """Whether a queue that grows would grow as before, by closed forms."""
        if not self.is_whole or self.is_surprising or self.courses is None:
            return False
        before, after = self.courses.capacity_of(self.plan), self.courses.capacity_of(change.apply(self.plan))
        if before.growing is None or after.growing is None:
            return False
        is_same = abs(after.growing.excess - before.growing.excess) < SAME * before.growing.excess
        return is_same and abs(after.use - before.use) < SAME * (before.use - 1)

    def affords(self, change: Change) -> bool:
        """Whether there are calls left to try a change; if so they are spent."""
        cost = self.cost_of(change)
        if cost > self.left:
            return False
        self.left -= cost
        return True

    @staticmethod
    def _key(change: Change) -> str:
        return f"{change.name}: {change.said}"

    def changed(self, change: Change) -> tuple[Plan, list[Run]]:
        """The plan after this change, and its runs."""
        name = self._key(change)
        if name not in self._changed:
            self._changed[name] = self._run(change, self.course_of(change.apply(self.plan)))
        return self._changed[name]

    def ahead(self, changes: Iterable[Change]) -> None:
        """Has the runs of changes made ahead: they will be tried, if there are calls left for them."""
        left, tasks = self.left, []
        for change in changes:
            cost = self.cost_of(change)
            if 0 < cost <= left and not self.leaves_the_queue(change):
                left -= cost
                plan = change.apply(self.plan)
                tasks += self._tasks(plan, self.course_of(plan))
        self.replicator.ahead(tasks)

    def _tasks(self, plan: Plan, course: Course | None) -> list[Task]:
        """A run of a changed plan for each of the plan as it is."""
        return [Task(plan, one.seed, self.calls, course) for one in self.base]

    def _run(self, change: Change, course: Course | None) -> tuple[Plan, list[Run]]:
        plan = change.apply(self.plan)
        tasks = self._tasks(plan, course)
        self.replicator.ahead(tasks)
        made = [self.replicator.run(task) for task in tasks]
        self.simulated += sum(one.calls for one in made)
        return plan, made

    def is_without_effect(self, change: Change, wanted: Iterable[Objective]) -> bool:
        """Whether the setting was tried and changed nothing; months depend on more than a run at the peak shows."""
        return change.name in self.without_effect and not any(one.window for one in wanted)
