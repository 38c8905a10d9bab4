"""Independent replications of one plan: until every verdict is clear, or as many as were allowed.

Theory. Each run has a seed of its own, so runs are independent and Student's t gives an interval of their mean; calls
within a run are not, and are never counted as if they were. A steady run is as many as it has parts that are longer than
its queues remember (batch means). A percentile is taken of all calls together, for that of a short stretch misses the rare
bad ones; its interval is that of the share of calls beyond it. Looking after every run whether all is clear, and stopping
then, would make intervals too short; so "clear" is judged with 99 % while 95 % is what is reported. Effort is counted in
calls and not in seconds: the same plan must end at the same run on a slow machine.

Two plans are compared run by run over the same arrivals and the same draws (common random numbers): the difference is
then surer than either number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, inf, isfinite
from typing import Final, Protocol

import msgspec

from headworks.core.record import Record
from headworks.system.schema.requirements import Objective
from headworks.system.schema.system import System
from headworks.system.verdicts.quality import NOTHING_MEASURED, KnownQuality
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.screening.course import Course
from headworks.twin.simulation.confidence_interval import (
    Interval,
    mean_interval,
    percentile_interval,
    proportion_interval,
)
from headworks.twin.simulation.observations import Observations, latencies, objective_value, observe
from headworks.twin.simulation.run import simulate
from headworks.twin.simulation.steady_state import split, standing_for
from headworks.twin.simulation.utilization import Utilization, utilizations
from headworks.twin.workload.arrivals import Workload

SIMULATED_METRICS: Final = frozenset(
    {"time_to_first_token", "duration", "availability", "goodput", "cost_per_call", "cost"}
)
"""Metrics that a run has a number for. `availability` and `cost` over a window are carried on from there."""

STOP_CONFIDENCE: Final = 0.99
"""Confidence at which a verdict is clear enough to stop."""

MIN_RUNS: Final = 4

MIN_WHOLE: Final = 3
"""Runs of whole peaks at least, however long they are."""

ENOUGH_WHOLE: Final = 8
LEAST_CALLS: Final = 20_000
"""Runs of whole peaks at least where they are short: as long as fewer calls are simulated than take three seconds of one core. The
spread of three runs is a bad guess at that of all: one time in ten it is less than a third of it, and then the runs would
stop there. Of eight it is so one time in four hundred."""

MOST_CALLS: Final = 200_000
"""Calls of whole peaks that are simulated for one verdict at most, after the first runs: they take 40 s of one core."""


class Plan(msgspec.Struct, frozen=True):
    """A plan to simulate: a system, the models of its targets, and its workload. A change makes another one of it. quality: what
    evaluations found of the targets, which no run changes."""

    system: System
    models: Mapping[str, VendorModel]
    workload: Workload
    quality: KnownQuality = NOTHING_MEASURED


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How much is simulated: measured calls a run at least, and runs at most. seed: the first run's."""

    calls: int = 2000
    runs: int = 12
    seed: int = 1


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The results of one run. seen: of the peak, or of a stretch of a steady one; course: what was simulated; begins: when
    what is measured began. values: by objective id. parts: stretches that count as independent, and their values. calls:
    all that were simulated."""

    seed: int
    seen: Observations
    values: dict[str, float]
    uses: list[Utilization]
    calls: int
    begins: float = 0.0
    shown: Observations | None = None
    """What was measured, where `seen` is of a longer stretch that it stands for."""
    course: Course | None = None
    parts: tuple[Part, ...] = ()

    @property
    def measured(self) -> Observations:
        """The calls that were simulated, each once."""
        return self.seen if self.shown is None else self.shown


class Part(msgspec.Struct, frozen=True):
    """An independent part of a run, and its values by objective id."""

    seen: Observations
    values: dict[str, float]


def replicate(
    plan: Plan,
    seed: int,
    calls: int,
    *,
    down: frozenset[str] = frozenset(),
    course: Course | None = None,
) -> Run:
    """One run. course: how much of the peak; without one, so many calls at its rate."""
    arrivals = plan.workload.draw(seed, calls, course.stretch if course else None)
    drained = course.drained if course else ()
    world = simulate(plan.system, plan.models, arrivals, seed, down=down, drained=drained)
    records: list[Record] = [record for record in world.sink.records if record is not None]
    begins = arrivals.begins
    measured = observe(records, list(plan.system.models), begins, arrivals.ends)
    seen, shown = measured, None
    if course and course.full_from is not None:
        seen, shown = standing_for(measured, begins, course.full_from, course.peak), measured
    objectives = plan.system.requirements.objectives
    until = min(arrivals.ends, arrivals.at[-1])
    using = utilizations(plan.system, list(plan.models.values()), records, begins, until, world.state.turned)
    pieces = split(seen, begins, course.batches if course else 1)
    return Run(
        seed=seed,
        seen=seen,
        values=values_of(objectives, seen),
        uses=using,
        calls=len(arrivals.at),
        begins=begins,
        shown=shown,
        course=course or None,
        parts=tuple([Part(piece, values_of(objectives, piece)) for piece in pieces]),
    )


def values_of(objectives: Sequence[Objective], seen: Observations) -> dict[str, float]:
    """The number of each objective that has one, by its id."""
    values: dict[str, float] = {}
    for one in objectives:
        if one.metric in SIMULATED_METRICS and (value := objective_value(one, seen, objectives)) is not None:
            values[one.id] = value
    return values


class Task(msgspec.Struct, frozen=True):
    """One run: the arguments of `replicate`."""

    plan: Plan
    seed: int
    calls: int
    course: Course | None = None
    down: frozenset[str] = frozenset()

    @property
    def cost(self) -> int:
        """About how many calls it simulates."""
        return self.calls if self.course is None else self.course.simulated

    def is_same(self, other: Task) -> bool:
        """Whether it is the same run. Workloads are the same object, or others."""
        mine, theirs = self.plan, other.plan
        return (
            (self.seed, self.calls, self.down) == (other.seed, other.calls, other.down)
            and mine.workload is theirs.workload
            and self.course == other.course
            and (mine.system is theirs.system or mine.system == theirs.system)
            and (mine.models is theirs.models or mine.models == theirs.models)
        )


def done(task: Task) -> Run:
    """The run of a task."""
    return replicate(task.plan, task.seed, task.calls, down=task.down, course=task.course)


class RunSource(Protocol):
    """Whoever makes runs (`replicator.py`). count: how many at once."""

    @property
    def count(self) -> int: ...

    def ahead(self, tasks: Iterable[Task]) -> None:
        """Begins runs that will be asked for."""
        ...

    def run(self, task: Task) -> Run: ...


def fewest(course: Course | None) -> int:
    """Runs that a verdict needs at least."""
    if course is None or not course.is_whole:
        return MIN_RUNS
    return min(ENOUGH_WHOLE, max(MIN_WHOLE, ceil(LEAST_CALLS / max(1, course.simulated))))


def first_tasks(plan: Plan, effort: Effort, course: Course | None) -> list[Task]:
    """The runs that a verdict takes in any case."""
    seeds = [effort.seed + number for number in range(min(effort.runs, fewest(course)))]
    return [Task(plan, seed, effort.calls, course) for seed in seeds]


def replicate_until_clear(
    plan: Plan, effort: Effort, course: Course | None = None, source: RunSource | None = None
) -> list[Run]:
    """Runs until every objective is clear, at most as many as the effort allows. source: who makes them, else this process."""
    is_whole = course is not None and course.is_whole
    least, most = fewest(course), MOST_CALLS if is_whole else inf
    if source is not None:
        source.ahead(first_tasks(plan, effort, course))
    made: list[Run] = []
    tasks = [Task(plan, effort.seed + number, effort.calls, course) for number in range(effort.runs)]
    for number, task in enumerate(tasks):
        if source is not None and number >= least:
            source.ahead(tasks[number : number + source.count])
        made.append(done(task) if source is None else source.run(task))
        if len(made) < least:
            continue
        spent = sum(one.calls for one in made)
        if spent + made[-1].calls > most or all(is_clear(one, made) for one in plan.system.requirements.objectives):
            break
    return made


def is_clear(objective: Objective, made: Sequence[Run]) -> bool:
    """Whether more runs would not change the verdict on an objective."""
    found = estimate(objective, made, STOP_CONFIDENCE)
    if found is None or objective.metric == "cost" or (objective.metric == "availability" and objective.window):
        return True  # judged by another method, or by none
    limit = float(objective.limit.value)
    return not found.low <= limit <= found.high


def estimate(objective: Objective, made: Sequence[Run], confidence: float = 0.95) -> Interval | None:
    """The estimate of an objective's value over the runs; None where a run has none."""
    if not made or any(objective.id not in one.values for one in made):
        return None
    parts = [part for one in made for part in one.parts]
    if any(objective.id not in part.values for part in parts):  # too few calls for parts
        parts = [Part(one.seen, one.values) for one in made]
    if objective.percentile is not None:
        return percentile_interval(
            [latencies(objective, part.seen) for part in parts], objective.percentile, confidence
        )
    values = [part.values[objective.id] for part in parts]
    if objective.metric == "availability":
        counted = sum(int(one.measured.of(objective.alias).is_counted.sum()) for one in made)
        return proportion_interval(values, counted, confidence)
    found = mean_interval(values, confidence)
    # Student's t knows of no floor, and two runs reach far: but no latency, rate or cost is below nothing.
    return msgspec.structs.replace(found, low=max(0.0, found.low)) if isfinite(found.low) else found
