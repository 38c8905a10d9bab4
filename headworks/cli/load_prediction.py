"""What the plan says of a load of this length: the twin runs many of them after the load has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.cli.plan_run import silent
from headworks.core.figures import written_figure
from headworks.core.record import Outcome, Record
from headworks.load.arrivals import Arrival
from headworks.load.call import CallResult, Ending
from headworks.load.prediction import CONFIDENCE, RUNS, Row, numbers, with_intervals
from headworks.load.run import LoadConfig, Report, covered, measured, speed
from headworks.load.stats import Z
from headworks.load.verdict import Costs, judge
from headworks.system.schema.system import System
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.simulation.observations import TURNED_AWAY
from headworks.twin.simulation.short_runs import simulate_load
from headworks.twin.workload.arrivals import Arrivals
from headworks.twin.workload.token_counts import TokenCounts

MAX_CALLS: Final = 2000
"""Calls of one simulated load. A longer load is compared with loads of so many calls, so its intervals are wider than they
need be: with 59 runs more would take minutes."""

MAX_WARM_UP_SHARE: Final = 0.25
"""The longest warm-up of a simulated load, as a part of the longest load."""

FIRST_SEED: Final = 1_000_000
"""The seeds of plans and of loads are small numbers: these runs have others."""


ENDINGS: Final[Mapping[Outcome, Ending]] = MappingProxyType(
    {"ok": "ok", "refused": "refused", "shed": "limited", "cut": "cut", "cancelled": "left"}
)
"""How a caller sees an outcome; every other one is a failure."""


class PlanModels(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor models in a plan's JSON: with them the twin runs what the plan ran."""

    models: list[VendorModel]
    digest: str = ""


def with_prediction(report: Report, wanted: LoadConfig, system: System, plan: Path) -> Report:
    """The report with the interval of each compared number, or why there is none."""
    if not report.compared or wanted.redraw is None:
        return report
    models, why = models_of(plan, system)
    if report.stopped:
        why = "the load was stopped before its end"
    if models is None or why:
        return msgspec.structs.replace(report, prediction=f"no intervals: {why}")
    faster = speed(wanted, report.searched)
    longest = MAX_CALLS / (wanted.rate * faster)
    seconds, warm_up = min(wanted.seconds, longest), min(wanted.warm_up, MAX_WARM_UP_SHARE * longest)
    mean_rates = {alias: rate * faster for alias, rate in wanted.mean_rates.items()}
    wanted = msgspec.structs.replace(wanted, seconds=seconds, warm_up=warm_up, mean_rates=mean_rates)
    with silent():
        drawn = [as_arrivals(wanted, FIRST_SEED + number, faster) for number in range(RUNS)]
        runs = simulated_loads(wanted, system, models, [one for one in drawn if one is not None])
    said = f"of {RUNS} simulated loads of {written_figure(seconds, 4)} s, {CONFIDENCE:.0%} are inside in every row"
    floor = own_noise(report) if wanted.traffic.trace is not None or wanted.traffic.log else {}
    return msgspec.structs.replace(report, compared=with_intervals(report.compared, runs, floor), prediction=said)


def models_of(plan: Path, system: System) -> tuple[dict[str, VendorModel] | None, str]:
    """The vendor models of a plan, or why it cannot be run again."""
    try:
        found = msgspec.json.decode(plan.read_bytes(), type=PlanModels)
    except (OSError, ValueError):
        return None, f"{plan} has no vendor models: make it again with this version"
    if found.digest != system.digest:
        return None, f"{plan} is the plan of another system file: make it again"
    models = {one.target: one for one in found.models}
    named = {str(target) for model in system.models.values() for tier in model.targets for target in tier}
    if not named <= models.keys():
        return None, f"{plan} has no model of {', '.join(sorted(named - models.keys()))}: make it again"
    return models, ""


def simulated_loads(
    wanted: LoadConfig, system: System, models: Mapping[str, VendorModel], drawn: Sequence[Arrivals]
) -> list[dict[Row, float]]:
    """The numbers of every simulated load, by the arithmetic of a real one."""
    made: list[dict[Row, float]] = []
    for number, arrivals in enumerate(drawn):
        records = simulate_load(system, models, arrivals, FIRST_SEED + number)
        seen = measured(wanted, [as_result(one) for one in records], arrivals.ends - arrivals.begins, costs_of(records))
        verdicts = [judge(one, seen, wanted.traffic) for one in wanted.objectives]
        made.append(numbers(verdicts, seen, list(system.models)))
    return made


def as_result(record: Record) -> CallResult:
    """A simulated call as the load generator would have seen it."""
    made = CallResult(Arrival(0.0, record.model, 0, 0, record.streamed, 0), record.arrived_at)
    made.sent_at, made.ended_at, made.request_id = record.arrived_at, record.last_at, record.request_id
    made.first_at = record.head_at if record.streamed else 0.0
    made.ended = ENDINGS.get(record.outcome, "failed")
    return made


def costs_of(records: Iterable[Record]) -> Costs:
    """What these calls cost, and which of them were the caller's own fault."""
    nano: dict[str, int | None] = {}
    refused: set[str] = set()
    rejected: set[str] = set()
    for record in records:
        nano[record.request_id] = record.cost_nano
        if record.outcome == "refused":
            refused.add(record.request_id)
        if record.error in TURNED_AWAY:
            rejected.add(record.request_id)
    return Costs(nano, frozenset(refused), frozenset(rejected))


def own_noise(report: Report) -> dict[Row, float]:
    """The standard error of each number, by its interval in the load, as a part of the number. A trace is sent as it is every
    time, so the choice of its calls is noise that no simulated load shows."""
    found: dict[Row, float] = {}
    for one in report.verdicts:
        if one.metric in ("cost", "cost_per_call") and one.value and one.low is not None and one.high is not None:
            found[one.id, one.metric] = (one.high - one.low) / (2 * Z) / one.value
    return found


def as_arrivals(wanted: LoadConfig, seed: int, faster: float = 1.0) -> Arrivals | None:
    """Another load of this length, for the twin; None where none of its calls counts."""
    assert wanted.redraw is not None
    begins = wanted.warm_up
    calls = wanted.redraw(seed)(begins + wanted.seconds, faster)
    counted = sum([one.at >= begins for one in calls])
    if not counted:
        return None
    first: dict[int, int] = {}
    return Arrivals(
        at=[one.at for one in calls],
        alias=[one.alias for one in calls],
        sizes=[TokenCounts(one.prompt, one.output) for one in calls],
        streamed=[one.streamed for one in calls],
        same=[first.setdefault(one.same, number) for number, one in enumerate(calls)],
        begins=begins,
        ends=begins + covered(wanted.seconds, calls[-1].at - begins, counted),
        says_length=True,
    )
