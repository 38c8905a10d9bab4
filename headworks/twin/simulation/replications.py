"""Independent replications of one plan: until every verdict is clear, or as many as were allowed.

Theory. Each run has a seed of its own, so runs are independent and Student's t gives an interval of their mean; calls
within a run are not, and are never counted as if they were. Looking after every run whether all is clear, and stopping
then, would make intervals too short; so "clear" is judged with 99 % while 95 % is what is reported. Effort is counted in
calls and not in seconds: the same plan must end at the same run on a slow machine.

Two plans are compared run by run over the same arrivals and the same draws (common random numbers): the difference is
then surer than either number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

import msgspec

from headworks.core.record import Record
from headworks.system.schema.requirements import Objective
from headworks.system.schema.system import System
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.simulation.confidence_interval import Interval, mean_interval, proportion_interval
from headworks.twin.simulation.observations import Observations, objective_value, observe
from headworks.twin.simulation.run import Drained, simulate
from headworks.twin.simulation.utilization import Utilization, utilizations
from headworks.twin.workload.arrivals import Workload

SIMULATED_METRICS: Final = frozenset(
    {"time_to_first_token", "duration", "availability", "goodput", "cost_per_call", "cost"}
)
"""Metrics that a run has a number for. `availability` and `cost` over a window are carried on from there."""

STOP_CONFIDENCE: Final = 0.99
"""Confidence at which a verdict is clear enough to stop."""

MIN_RUNS: Final = 4


class Plan(msgspec.Struct, frozen=True):
    """A plan to simulate: a system, the models of its targets, and its workload. A change makes another one of it."""

    system: System
    models: Mapping[str, VendorModel]
    workload: Workload


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How much is simulated: measured calls a run, and runs at most. seed: the first run's."""

    calls: int = 2000
    runs: int = 12
    seed: int = 1


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The results of one run. values: by objective id. calls: all that were simulated."""

    seed: int
    seen: Observations
    values: dict[str, float]
    uses: list[Utilization]
    calls: int


def replicate(
    plan: Plan,
    seed: int,
    calls: int,
    *,
    down: frozenset[str] = frozenset(),
    drained: Drained = (),
) -> Run:
    """One run."""
    arrivals = plan.workload.draw(seed, calls)
    world = simulate(plan.system, plan.models, arrivals, seed, down=down, drained=drained)
    records: list[Record] = [record for record in world.sink.records if record is not None]
    seen = observe(records, list(plan.system.models), arrivals.begins, arrivals.ends)
    objectives = plan.system.requirements.objectives
    values: dict[str, float] = {}
    for one in objectives:
        if one.metric in SIMULATED_METRICS and (value := objective_value(one, seen, objectives)) is not None:
            values[one.id] = value
    until = min(arrivals.ends, arrivals.at[-1])
    using = utilizations(plan.system, list(plan.models.values()), records, arrivals.begins, until, world.state.turned)
    return Run(seed=seed, seen=seen, values=values, uses=using, calls=len(arrivals.at))


def replicate_until_clear(plan: Plan, effort: Effort, drained: Drained = ()) -> list[Run]:
    """Runs until every objective is clear, at most as many as the effort allows."""
    made: list[Run] = []
    for number in range(effort.runs):
        made.append(replicate(plan, effort.seed + number, effort.calls, drained=drained))
        if len(made) >= MIN_RUNS and all(is_clear(one, made) for one in plan.system.requirements.objectives):
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
    """The estimate of an objective's value over the runs; None where none of them has one."""
    values = [one.values[objective.id] for one in made if objective.id in one.values]
    if len(values) < len(made) or not values:
        return None
    if objective.metric == "availability":
        counted = sum(int(one.seen.of(objective.alias).is_counted.sum()) for one in made)
        return proportion_interval(values, counted, confidence)
    found = mean_interval(values, confidence)
    # Student's t knows of no floor, and two runs reach far: but no latency, rate or cost is below nothing.
    return msgspec.structs.replace(found, low=max(0.0, found.low)) if isfinite(found.low) else found
