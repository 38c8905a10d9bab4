"""Compares several systems: the plan of each, differences on common random numbers, and which system another one dominates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, permutations
from math import ceil, isfinite
from typing import Final

import msgspec

from headworks import __version__
from headworks.core.errors import PlanError
from headworks.system.schema.requirements import Objective
from headworks.system.schema.system import System
from headworks.system.verdicts.constraints import ConstraintVerdict, judge_constraints
from headworks.system.verdicts.verdict import overall
from headworks.twin.plan import Judged, PlanInputs, judged, noted, price_sources, spent
from headworks.twin.report.comparison import ANSWERED, COST, Column, Comparison, Difference, Dominated, Month, Row
from headworks.twin.screening.course import Course
from headworks.twin.simulation.confidence_interval import Interval
from headworks.twin.simulation.replications import Effort, Run, Task
from headworks.twin.simulation.replicator import Replicator
from headworks.twin.verdicts.differences import (
    MONTH,
    Compared,
    How,
    Statistic,
    alone,
    answered_share,
    at_least_as_wide,
    compared,
    is_better,
    monthly_cost,
    objective_difference,
    paired,
    unpaired,
)
from headworks.twin.verdicts.verdict import format_value
from headworks.twin.workers.workers import Workers
from headworks.twin.workload.arrivals import Stretch
from headworks.twin.workload.traffic_differences import traffic_differences

MOST_PAIRED: Final = 60_000
"""Calls that are simulated at most to make runs equally long: twelve seconds of one core. Beyond, systems whose runs differ in length
are compared by their intervals."""

LOWER: Final = frozenset({"time_to_first_token", "duration", "cost", "cost_per_call"})
"""Metrics of which less is better."""


Traffic = Mapping[tuple[str, str], list[str]]
"""What differs in the traffic of two files; nothing where the same calls come to both."""


class Side(msgspec.Struct, frozen=True):
    """One of the systems that are compared. runs: those that are paired with the other systems' by seed; compared: by how many of
    them are."""

    file: str
    found: Judged
    runs: list[Run]
    compared: dict[int, Compared]

    def first(self, count: int) -> Compared:
        """The side with so many of its runs."""
        if count not in self.compared:
            self.compared[count] = compared(self.found.judge, self.runs[:count])
        return self.compared[count]


def compare(
    systems: Mapping[str, tuple[System, PlanInputs]],
    effort: Effort,
    told: Callable[[str], None] = lambda line: None,
    workers: Workers | None = None,
) -> Comparison:
    """Compares systems, by the name of their file. told: is given a line of progress now and then; workers: who makes runs ahead
    of time. Raises PlanError."""
    found: dict[str, Judged] = {}
    replicator = Replicator(workers)
    for file, (system, known) in systems.items():
        told(file)
        try:
            found[file] = judged(system, known, effort, told, replicator)
        except PlanError as error:
            raise PlanError(f"{file}: {error}") from error
    told("comparing")
    return compare_judged({file: system for file, (system, _) in systems.items()}, found, effort)


def compare_judged(systems: Mapping[str, System], found: Mapping[str, Judged], effort: Effort) -> Comparison:
    """The same of systems that were judged. systems: as their files have them."""
    traffic = {(one, other): differing(found[one], found[other]) for one, other in combinations(found, 2)}
    first = next(iter(found))
    same = [file for file in found if file == first or not traffic[first, file]]
    runs, more = runs_of_one_length({file: found[file] for file in same}, effort)
    sides = [Side(file, one, runs.get(file, one.made), {}) for file, one in found.items()]
    rows = [
        *(
            objective_row(row, sides, traffic)
            for row in matched({file: one.whole.system for file, one in found.items()})
        ),
        fixed_row(COST, "cost", monthly_cost, sides, traffic),
        fixed_row(ANSWERED, "availability", answered_share, sides, traffic),
    ]
    columns = [column(side, judge_constraints(systems[side.file]), effort) for side in sides]
    return Comparison(
        headworks=__version__,
        traffic={file: traffic[first, file] for file in found if file not in same},
        said=answer(columns, rows[-2]),
        columns=columns,
        rows=rows,
        dominated=[] if any(traffic.values()) else dominated(columns, rows),
        simulated=sum(one.simulated for one in found.values()) + more,
    )


def differing(one: Judged, other: Judged) -> list[str]:
    """What differs in the traffic of two systems."""
    return traffic_differences(one.whole.system, one.ready.demand, other.whole.system, other.ready.demand)


def runs_of_one_length(found: Mapping[str, Judged], effort: Effort) -> tuple[dict[str, list[Run]], int]:
    """Runs of each system over the same stretch, by seed, and how many calls that took beside the verdicts. A system whose verdict
    rests on such runs has them already. Where the others would take too long, each keeps its own."""
    made = {file: list(one.made) for file, one in found.items()}
    stretches = [one.course.stretch for one in found.values() if one.course.stretch is not None]
    if len(stretches) < len(found):  # a trace is replayed whole by everybody
        return made, 0
    common = Stretch(
        before=max(one.before for one in stretches),
        load=min(one.load for one in stretches),
        seconds=max(one.seconds for one in stretches),
        after=max(one.after for one in stretches),
    )
    seeds = [effort.seed + number for number in range(min(map(len, made.values())))]
    missing = {file: over(one, common) for file, one in found.items() if one.course.stretch != common}
    if len(seeds) * sum(course.simulated for course in missing.values()) > MOST_PAIRED:
        return made, 0
    tasks = {
        file: [Task(found[file].whole, seed, effort.calls, course) for seed in seeds]
        for file, course in missing.items()
    }
    for file, mine in tasks.items():
        found[file].courses.replicator.ahead(mine)
        made[file] = [found[file].courses.replicator.run(task) for task in mine]
    return made, sum(run.calls for file in missing for run in made[file])


def over(one: Judged, stretch: Stretch) -> Course:
    """The course of a system's runs over a longer stretch."""
    return msgspec.structs.replace(one.course, stretch=stretch, calls=ceil(one.whole.workload.rate * stretch.seconds))


def is_paired(one: Side, other: Side, traffic: Traffic) -> bool:
    """Whether the runs of two sides have the same calls."""
    mine, theirs = one.runs[0].course, other.runs[0].course
    assert mine is not None
    assert theirs is not None
    return not traffic[one.file, other.file] and mine.stretch == theirs.stretch


def matched(systems: Mapping[str, System]) -> list[dict[str, Objective]]:
    """The objectives of all files, a row each, by file: the same where the number is the same, by id first."""
    rows: list[dict[str, Objective]] = []
    for file, system in systems.items():
        left = list(system.requirements.objectives)
        for is_by_id in (True, False):
            for objective in list(left):
                same = [row for row in rows if file not in row and is_same(row, objective, is_by_id=is_by_id)]
                if same:
                    same[0][file] = objective
                    left.remove(objective)
        rows += [{file: one} for one in left]
    return rows


def is_same(row: Mapping[str, Objective], objective: Objective, *, is_by_id: bool) -> bool:
    """Whether an objective is about the same number as those of a row; is_by_id: and has the same id."""
    first = next(iter(row.values()))
    about = [(one.metric, one.alias, one.percentile, one.window, one.suite) for one in (first, objective)]
    return about[0] == about[1] and (not is_by_id or first.id == objective.id)


def objective_row(ids: Mapping[str, Objective], sides: Sequence[Side], traffic: Traffic) -> Row:
    """The row of an objective."""
    first = next(iter(ids.values()))
    found: list[Difference] = []
    for one, other in combinations([side for side in sides if side.file in ids], 2):
        objectives = ids[one.file], ids[other.file]
        mine, theirs = (
            next(verdict for verdict in side.found.verdicts if verdict.id == objective.id)
            for side, objective in zip((one, other), objectives, strict=True)
        )
        pair = comparable(one, other, traffic)
        if rests_on_speed(one, objectives[0]) or rests_on_speed(other, objectives[1]):
            pair = one.first(0), other.first(0)
        if (made := objective_difference(objectives, (mine, theirs), *pair)) is not None:
            found.append(difference(one, other, *made, is_lower_better=first.metric in LOWER))
    names = {file: one.id for file, one in ids.items()}
    return Row(name=first.id, metric=first.metric, alias=first.alias, ids=names, differences=found)


def rests_on_speed(side: Side, objective: Objective) -> bool:
    """Whether a number moves with a speed that nobody wrote: its interval holds all of that, and pairs of runs do not."""
    return any(one.objective == objective.id for one in side.found.over.rests_on)


def comparable(one: Side, other: Side, traffic: Traffic) -> tuple[Compared, Compared]:
    """Both sides; without pairs where their runs do not have the same calls."""
    count = min(len(one.runs), len(other.runs)) if is_paired(one, other, traffic) else 0
    return one.first(count), other.first(count)


def fixed_row(name: str, metric: str, of: Statistic, sides: Sequence[Side], traffic: Traffic) -> Row:
    """A row that is no objective's."""
    found = []
    for one, other in combinations(sides, 2):
        how: How = "paired"
        pair = comparable(one, other, traffic)
        made = paired(of, *pair)
        if made is not None:
            made = at_least_as_wide(made, *pair, max(of(side.found.judge) or 0.0 for side in (one, other)))
        if made is None:
            how = "not paired"
            before, after = (alone(of, compared(side.found.judge, side.found.made)) for side in (one, other))
            made = None if before is None or after is None else unpaired(before, after)
        if made is not None:
            found.append(difference(one, other, made, how, is_lower_better=metric in LOWER))
    return Row(name=name, metric=metric, alias=None, ids={}, differences=found)


def difference(one: Side, other: Side, found: Interval, how: How, *, is_lower_better: bool) -> Difference:
    better = is_better(found, is_lower_better=is_lower_better)
    return Difference(
        before=one.file,
        after=other.file,
        value=found.value,
        low=found.low if isfinite(found.low) else None,
        high=found.high if isfinite(found.high) else None,
        how=how,
        better=None if better is None else other.file if better else one.file,
    )


def column(side: Side, constraints: list[ConstraintVerdict], effort: Effort) -> Column:
    """The numbers of one system, as its own plan has them."""
    found = side.found
    judge, system = found.judge, found.whole.system
    month = judge.money.window(None, MONTH)
    return Column(
        file=side.file,
        system=system.name,
        digest=system.digest,
        verdict=overall([one.verdict for one in found.verdicts] + [one.verdict for one in constraints]),
        traffic=found.ready.demand.source,
        verdicts=found.verdicts,
        constraints=constraints,
        month=None if month is None else Month(value=month.cost.value, low=month.cost.low, high=month.cost.high),
        answered=answered_share(judge),
        overloads=found.overloads,
        binding=found.binding,
        assumptions=noted(found.ready, found.verdicts, found.judge),
        prices=price_sources(system),
        effort=spent(effort, found.made, found.simulated),
    )


def answer(columns: Sequence[Column], cost: Row) -> list[str]:
    """Which systems meet every objective, and which of them costs least. cost: the row of the monthly cost."""
    holding = [one for one in columns if one.verdict == "holds" and one.served == 1]
    partly = [one for one in columns if one.verdict == "holds" and one.served < 1]
    for_less = [f"{one.file}: {one.said}" for one in partly]
    return [*what_holds(columns, holding, cost), *for_less] if holding or not partly else for_less


def what_holds(columns: Sequence[Column], holding: Sequence[Column], cost: Row) -> list[str]:
    """Of the systems that keep every promise to everybody: how many they are, and which costs least."""
    count = f"{len(holding)} of {len(columns)} systems"
    if not holding:
        return [
            f"none of {len(columns)} systems is known to meet every objective",
            *(what_is_missing(one) for one in columns if one.verdict != "holds"),
        ]
    said = f"{count} meet{'s' if len(holding) == 1 else ''} every objective: {', '.join(one.file for one in holding)}"
    known = [(one.month.value, one) for one in holding if one.month is not None]
    if len(known) < len(holding):
        return [f"{said}; a price is unknown, so which is cheapest is, too"]
    value, cheapest = min(known, key=lambda one: one[0])
    price = f"{format_value('cost', value)} a month"
    if len(holding) == 1:
        return [f"{said}, for {price}"]
    alike = []
    for one in holding:
        found = cost.between(cheapest.file, one.file)
        if one is not cheapest and (found is None or found.better is None):
            alike.append(one.file)
    also = f"; {', '.join(alike)} may cost as little" if alike else ""
    return [said, f"the cheapest of them is {cheapest.file}: {price}{also}"]


def what_is_missing(one: Column) -> str:
    """The objectives and constraints that a system does not meet, and those of which nobody can say."""
    missed = [verdict.id for verdict in one.verdicts if verdict.verdict == "does not hold"]
    missed += [f"{found.constraint} at {found.target}" for found in one.constraints if found.verdict == "does not hold"]
    unsure = [verdict.id for verdict in one.verdicts if verdict.verdict == "cannot say"]
    parts = [f"misses {', '.join(missed)}"] if missed else []
    parts += [f"may miss {', '.join(unsure)}"] if unsure else []
    return f"{one.file} {' and '.join(parts)}"


def dominated(columns: Sequence[Column], rows: Sequence[Row]) -> list[Dominated]:
    """The systems that another one beats: it is surely better in a row, surely worse in none, and keeps every promise that they keep."""
    found = []
    for weak, strong in permutations(columns, 2):
        better, unclear = [], []
        for row in rows:
            known = row.between(weak.file, strong.file)
            if keeps(weak, row) and not keeps(strong, row):
                break
            if known is None or (known.better is None and not known.low == known.high == 0):
                unclear.append(row.name)
            elif known.better == weak.file:
                break
            elif known.better == strong.file:
                better.append(row.name)
        else:
            if better:
                found.append(Dominated(file=weak.file, by=strong.file, better=better, unclear=unclear))
    return found


def keeps(one: Column, row: Row) -> bool:
    """Whether a system is known to keep the promise of a row."""
    verdict = one.verdict_on(row.ids.get(one.file))
    return verdict is not None and verdict.verdict == "holds"
