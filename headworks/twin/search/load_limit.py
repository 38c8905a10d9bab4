"""Up to which load the objectives hold: closed forms say where to look, and short runs confirm it where that is cheap.

Always true: over the same seed as the verdicts; never more than `MOST_CALLS` simulated calls, and nothing where the closed
forms alone are affordable (a long trace, a queue that needs the whole peak).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from headworks.twin.screening.giving_way import Carrying, carrying
from headworks.twin.search.changes import scale_traffic
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import Effort, Plan, Task
from headworks.twin.verdicts.verdict import Verdict, margin

MOST_CALLS: Final = 8_000
"""Simulated calls that are spent on it: little more than a second of one core."""

PROBES: Final = 3
"""Loads that are tried: each halves what is not known, so three leave an eighth."""

LOWEST: Final = 0.1
"""The lowest load that is tried, by today's."""

DEPEND: Final = frozenset({"time_to_first_token", "duration"})
"""Metrics that depend on the load: outages and prices are the same at every load, and the good calls of less load are fewer."""


def is_met(verdict: Verdict) -> bool:
    """Whether today's load is one at which the objective is met in the middle of its range: a speed that is not sure leaves the verdict
    open at every load."""
    if verdict.verdict == "cannot say" and verdict.margin is not None:
        return verdict.margin >= 0
    return verdict.verdict == "holds"


class LoadSearch:
    """Tries loads of one plan, one run each."""

    def __init__(self, plan: Plan, effort: Effort, courses: Courses) -> None:
        self.plan = plan
        self.effort = effort
        self.courses = courses
        self.calls = max(50, effort.calls // 2)
        self.objectives = [one for one in plan.system.requirements.objectives if one.metric in DEPEND]
        self.simulated = 0
        self._tasks: dict[float, Task] = {}

    def carrying(self, verdicts: Sequence[Verdict]) -> Carrying:
        """How far the plan carries: by closed forms and, where it is cheap, by runs."""
        closed = carrying(self.plan.system, self.plan.models, self.courses.peak_of(self.plan))
        if not self.objectives:
            return closed
        ceiling = 10.0 if closed.capacity is None else min(10.0, closed.capacity / closed.rate)
        if ceiling <= LOWEST:
            return closed
        known = {one.id: one for one in verdicts}
        open_ones = [one.id for one in self.objectives if not is_met(known[one.id])]
        is_beyond = not open_ones and ceiling > 1
        low, high = (1.0, ceiling) if is_beyond else (LOWEST, min(1.0, ceiling))
        holds_to = low if is_beyond else None
        missed, missed_at = (open_ones[0] if open_ones else closed.first), None
        for number in range(PROBES):
            factor = (low + high) / 2
            is_last = number == PROBES - 1
            self.ahead(factor, *(() if is_last else ((low + factor) / 2, (factor + high) / 2)))
            said = self.missed_at(factor)
            if said is None:
                break
            if said:
                high, missed, missed_at = factor, said, factor
            else:
                low = holds_to = factor
        rate = closed.rate
        return msgspec.structs.replace(
            closed,
            holds_to=None if holds_to is None else holds_to * rate,
            missed=missed,
            missed_at=None if missed_at is None else missed_at * rate,
        )

    def ahead(self, *factors: float) -> None:
        """Has the runs at these loads made ahead, as far as there are calls left for them: the first is tried now, and one of the
        others next."""
        left, tasks = MOST_CALLS - self.simulated, []
        for factor in factors:
            task = self.task(factor)
            left -= task.cost
            if left >= 0:
                tasks.append(task)
        self.courses.replicator.ahead(tasks)

    def task(self, factor: float) -> Task:
        """The run at a load."""
        if factor not in self._tasks:
            plan = scale_traffic(self.plan, factor)
            self._tasks[factor] = Task(plan, self.effort.seed, self.calls, self.courses.compared(plan, self.calls))
        return self._tasks[factor]

    def missed_at(self, factor: float) -> str | None:
        """The objective that is missed first at a load, "" where all hold; None where a run would take too many calls."""
        task = self.task(factor)
        if self.simulated + task.cost > MOST_CALLS:
            return None
        run = self.courses.replicator.run(task)
        self.simulated += run.calls
        margins = [(margin(one, run.values[one.id]), one.id) for one in self.objectives if one.id in run.values]
        worst = min(margins, default=(0.0, ""))
        return worst[1] if worst[0] < 0 else ""
