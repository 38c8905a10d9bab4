"""Makes the plan of a system: closed forms, simulation runs, verdicts, the bottleneck, sensitivities and remedies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from headworks import __version__
from headworks.core.figures import written_figure
from headworks.core.record import Record
from headworks.gateway.prices import Prices
from headworks.system.schema.requirements import Objective
from headworks.system.schema.system import System
from headworks.system.speeds.measurements import Measurements
from headworks.system.verdicts.budget_flow import BudgetFlow
from headworks.system.verdicts.constraints import (
    ConstraintVerdict,
    check_served,
    judge_constraints,
    permitted,
    unserved,
)
from headworks.system.verdicts.quality import NOTHING_MEASURED, KnownQuality
from headworks.system.verdicts.verdict import overall
from headworks.twin.models.building import Assumption, BuiltModels, build_models
from headworks.twin.models.fit import Fitted, fit
from headworks.twin.models.known_speeds import Speeds, measured_speeds
from headworks.twin.models.session_cache import with_sessions
from headworks.twin.models.speed_range import SpeedRange
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.report.distributions import distributions
from headworks.twin.report.report import PERCENTS, Percentiles, Report, Sensitivity
from headworks.twin.report.report import Effort as Spent
from headworks.twin.screening.closed_forms import Screening, screen
from headworks.twin.screening.course import Course, Peak
from headworks.twin.screening.giving_way import Carrying, DayUse, day_uses
from headworks.twin.search.foreseen import foreseen
from headworks.twin.search.load_limit import LoadSearch
from headworks.twin.search.search import ChangeSearch
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.observations import Observations, observe
from headworks.twin.simulation.replications import Effort, Plan, Run, Task, first_tasks
from headworks.twin.simulation.replicator import Replicator
from headworks.twin.simulation.utilization import Utilization, budget_utilizations
from headworks.twin.verdicts.bottleneck import Bottleneck, bottleneck, mean_utilization
from headworks.twin.verdicts.differences import MONTH
from headworks.twin.verdicts.overload import Overload, overloads
from headworks.twin.verdicts.sessions import session_verdicts
from headworks.twin.verdicts.speed_ends import (
    OverSpeeds,
    SpeedEnds,
    judged_over_speeds,
    noting_unknown,
    rests_on_unknown,
)
from headworks.twin.verdicts.unmeasured import unmeasured
from headworks.twin.verdicts.verdict import OUTAGE_RUN_CALLS, Judge, Verdict, unjudged
from headworks.twin.workers.workers import Workers
from headworks.twin.workload.arrivals import PEAK_WINDOW, Trace
from headworks.twin.workload.demand import Demand, demand


class PlanInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs of a plan beside the system. read: gives the bytes of a file that the system file names; records: the
    ledger's records, None where it is not used; is_fitted: whether the vendor models are fitted to them; measured: what
    `headworks probe` found; quality: what `headworks eval --targets` found."""

    read: Callable[[str], bytes]
    records: Sequence[Record] | None = None
    is_fitted: bool = False
    measured: Measurements = Measurements()
    quality: KnownQuality = NOTHING_MEASURED


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is computed before a simulation runs."""

    demand: Demand
    modelled: BuiltModels
    screening: Screening
    fitted: Fitted | None
    speeds: Speeds = Speeds()


def prepare(system: System, known: PlanInputs) -> Prepared:
    """Traffic, models and closed forms: instant. Raises PlanError, ConfigError."""
    check_served(system)
    system = permitted(system)
    asked = demand(system, known.read, known.records)
    fitted = fit(known.records or (), system) if known.is_fitted else None
    speeds = measured_speeds(system, known.measured)
    made = build_models(system, None if fitted is None else fitted.models, speeds.known)
    prompts = {one.alias: one.prompt for one in asked.mix}
    made = with_sessions(made, system, prompts, {} if fitted is None else fitted.models)
    closed = screen(system, made.models, asked.mix, asked.burstiness, asked.peak_to_mean)
    return Prepared(demand=asked, modelled=made, screening=closed, fitted=fitted, speeds=speeds)


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A system whose objectives are judged: the runs that the verdicts rest on, and what follows from them alone. simulated: calls."""

    ready: Prepared
    whole: Plan
    courses: Courses
    course: Course
    made: list[Run]
    judge: Judge
    over: OverSpeeds
    uses: list[Utilization]
    binding: Bottleneck
    overloads: list[Overload]
    simulated: int

    @property
    def verdicts(self) -> list[Verdict]:
        """The verdict on each objective: those about calls in the order of the file, then those about sessions."""
        return self.over.verdicts


Foreseen = Callable[[Plan, Effort, Courses], Sequence[Task]]


def nothing_more(plan: Plan, effort: Effort, courses: Courses) -> Sequence[Task]:
    """After the verdicts no run is asked for."""
    return ()


def judged(
    system: System,
    known: PlanInputs,
    effort: Effort,
    told: Callable[[str], None],
    replicator: Replicator | None = None,
    then: Foreseen = nothing_more,
) -> Judged:
    """The verdicts on a system, and what gives way first: all of a plan but effects, remedies and how far it carries. replicator:
    who makes the runs; then: the runs that will be asked for afterwards. Raises PlanError, ConfigError."""
    check_served(system)
    system = permitted(system)
    ready = prepare(system, known)
    asked, models = ready.demand, ready.modelled.models
    whole = Plan(system, models, asked.workload, known.quality)

    courses = Courses(peak_of(system, asked), asked.workload.rate, replicator)
    told(f"simulating {asked.source}")
    courses.replicator.ahead(first_tasks(whole, effort, courses.of(whole, effort.calls)))
    courses.replicator.ahead(then(whole, effort, courses))
    course, made = courses.runs(whole, effort)
    judge = Judge(whole, made, effort.seed, asked.busy, min(OUTAGE_RUN_CALLS, effort.calls), courses)
    verdicts: list[Verdict] = []
    for objective in system.requirements.objectives:
        told(f"judging {objective.id}")
        verdicts.append(judge.of(objective))
    verdicts += session_verdicts(judge)
    ends = SpeedEnds(whole, effort, asked.busy, courses)
    ranges = ready.modelled.ranges
    if ranges:
        told("judging the fast and the slow end of speeds that are not measured")
    over = judged_over_speeds(system, models, ranges, verdicts, ends.judged)
    using = [*mean_utilization(made), *budget_utilizations(judge.money.budgets)]
    return Judged(
        ready=ready,
        whole=whole,
        courses=courses,
        course=course,
        made=made,
        judge=judge,
        over=over,
        uses=using,
        binding=noting_unknown(bottleneck(using, over.verdicts, judge.at_offered_load()), ranges),
        overloads=overloads(courses.capacity_of(whole), lasting(whole), made),
        simulated=judge.simulated + ends.simulated,
    )


def plan(
    system: System,
    known: PlanInputs,
    effort: Effort,
    told: Callable[[str], None] = lambda line: None,
    workers: Workers | None = None,
) -> Report:
    """The plan of a system. told: is given a line of progress now and then; workers: who makes runs ahead of time. Raises PlanError."""
    constraints, digest = judge_constraints(system), system.digest
    if nobody := unserved(system):
        return without_targets(system, constraints, nobody, effort)
    found = judged(system, known, effort, told, Replicator(workers), foreseen)
    system = found.whole.system
    ready, whole, courses, made = found.ready, found.whole, found.courses, found.made
    asked, models, judge, verdicts = ready.demand, ready.modelled.models, found.judge, found.verdicts
    whole_runs = made if found.course.is_whole else ()
    search = ChangeSearch(whole, effort, asked.busy, courses, whole_runs, ready.modelled.ranges)
    told("measuring the effect of each setting")
    effects = without_blank(search.sensitivities(system.requirements.objectives), verdicts)
    missed = open_objectives(system, verdicts)
    told("searching for remedies" if missed else "writing the report")
    remedies = search.remedies(missed, verdicts, judge.money)
    courses.replicator.drop()  # what the search did not need after all
    told("looking for the load that it carries")
    loads = LoadSearch(whole, effort, courses)
    carried = loads.carrying(verdicts)
    return Report(
        headworks=__version__,
        system=system.name,
        digest=digest,
        verdict=overall([one.verdict for one in verdicts] + [one.verdict for one in constraints]),
        traffic=asked.source,
        overloads=found.overloads,
        verdicts=verdicts,
        constraints=constraints,
        rests_on=found.over.rests_on,
        unmeasured=unmeasured(system, verdicts, found.over.rests_on, known.read, known.records or ()),
        binding=found.binding,
        remedies=remedies,
        sensitivities=effects,
        uses=found.uses,
        latencies=known_latencies(system, made, known, ready.modelled.ranges),
        screening=ready.screening,
        assumptions=noted(ready, verdicts, judge),
        models=list(models.values()),
        prices=price_sources(system),
        effort=spent(effort, made, found.simulated + search.simulated + loads.simulated),
        carrying=carried,
        distributions=distributions(system.requirements.objectives, made, judge),
        days=hourly_uses(system, models, courses.peak_of(whole)),
        calls_a_month=asked.workload.rate * asked.busy * MONTH,
    )


def open_objectives(system: System, verdicts: Sequence[Verdict]) -> list[Objective]:
    """The objectives that are missed or unclear, and have a number that a change may move."""
    return [
        objective
        for objective, verdict in zip(
            system.requirements.objectives, verdicts, strict=False
        )  # then come those about sessions
        if verdict.verdict in ("does not hold", "cannot say") and verdict.margin is not None
    ]


def spent(effort: Effort, made: Sequence[Run], simulated: int) -> Spent:
    """What was simulated, in all and for the verdicts."""
    measured = sum(len(one.measured) for one in made)
    return Spent(
        seed=effort.seed,
        runs=len(made),
        most_runs=effort.runs,
        wanted=effort.calls,
        calls=round(measured / len(made)) if made else 0,
        measured=measured,
        simulated=simulated,
    )


def noted(ready: Prepared, verdicts: Sequence[Verdict], judge: Judge) -> list[Assumption]:
    """Everything that a plan takes for granted."""
    return [
        *ready.demand.assumptions,
        *ready.modelled.assumptions,
        *ready.speeds.notes,
        *fit_notes(ready.fitted),
        *method_notes(verdicts),
        *budget_notes(judge.money.budgets),
    ]


def known_latencies(
    system: System, made: Sequence[Run], known: PlanInputs, ranges: Mapping[str, SpeedRange]
) -> list[Percentiles]:
    """The latency percentiles of each alias whose targets' speeds are known."""
    found = latency_percentiles(system, made, known.records if known.is_fitted else None)
    return [one for one in found if not rests_on_unknown(system, one.alias, ranges)]


def peak_of(system: System, asked: Demand) -> Peak:
    """The load at the peak, and for how long."""
    seconds = system.requirements.traffic.peak_for
    return Peak(mix=tuple(asked.mix), burstiness=asked.burstiness, seconds=seconds, busy=asked.busy)


def hourly_uses(system: System, models: Mapping[str, VendorModel], peak: Peak) -> list[DayUse]:
    """The use of each limit over a day of the traffic that the file states; of a trace the runs show it."""
    traffic = system.requirements.traffic
    if traffic.trace is not None or traffic.log:
        return []
    return day_uses(system, models, peak, traffic.daily or (1.0,) * 24)


def lasting(whole: Plan) -> float:
    """Seconds for which the peak lasts; of a trace the busiest five minutes."""
    return PEAK_WINDOW if isinstance(whole.workload, Trace) else whole.system.requirements.traffic.peak_for


def without_targets(
    system: System, constraints: list[ConstraintVerdict], nobody: Sequence[str], effort: Effort
) -> Report:
    """The plan of a system that no gateway serves: an alias has no target that meets the constraints. Nothing is simulated."""
    why = f"no target of {', '.join(nobody)} meets the constraints"
    return Report(
        headworks=__version__,
        system=system.name,
        digest=system.digest,
        verdict="does not hold",
        traffic="nothing was simulated",
        overloads=[],
        verdicts=[unjudged(one, why) for one in system.requirements.promises],
        constraints=constraints,
        binding=Bottleneck(name="", at_peak=0.0, said=f"{why}: `headworks up` does not start"),
        remedies=[],
        sensitivities=[],
        uses=[],
        latencies=[],
        screening=Screening(refused=why, limits=[], queues=[]),
        assumptions=[],
        models=[],
        prices=price_sources(system),
        effort=spent(effort, (), 0),
        carrying=Carrying(rate=0.0, capacity=None, first="", multiples=[]),
        distributions=[],
        days=[],
        calls_a_month=0.0,
    )


def latency_percentiles(system: System, made: Sequence[Run], records: Sequence[Record] | None) -> list[Percentiles]:
    """The latency percentiles of each alias, predicted and, from the ledger, measured."""
    names = list(system.models)
    past: Observations | None = None
    if records:
        by_arrival = [record.arrived_at for record in records]
        past = observe(records, names, min(by_arrival), max(by_arrival) + 1)
    found: list[Percentiles] = []
    for alias in names:
        for metric in ("time_to_first_token", "duration"):
            predicted = [latency_column(one.seen.of(alias), metric) for one in made]
            values = np.concatenate(predicted)
            if not len(values):
                continue
            known = None if past is None else latency_column(past.of(alias), metric)
            found.append(
                Percentiles(
                    alias=alias,
                    metric=metric,
                    predicted=[float(one) for one in np.percentile(values, PERCENTS)],
                    measured=[float(one) for one in np.percentile(known, PERCENTS)]
                    if known is not None and len(known)
                    else None,
                )
            )
    return found


def latency_column(seen: Observations, metric: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    values = seen.first if metric == "time_to_first_token" else seen.duration
    return values[~np.isnan(values)]


def without_blank(effects: Sequence[Sensitivity], verdicts: Sequence[Verdict]) -> list[Sensitivity]:
    """The same without effects on objectives that have no number."""
    blank = {one.id for one in verdicts if one.value is None}
    return [
        msgspec.structs.replace(one, effects=[part for part in one.effects if part.objective not in blank])
        for one in effects
    ]


def fit_notes(fitted: Fitted | None) -> list[Assumption]:
    return [] if fitted is None else fitted.notes


def method_notes(verdicts: Sequence[Verdict]) -> list[Assumption]:
    """Assumptions of the method itself."""
    noted = [
        Assumption(about="method", assumed="latency and goodput are judged at peak load only"),
        Assumption(
            about="method",
            assumed="the gateway's own latency (about 1 ms a call) and the clients' network are not included",
        ),
    ]
    if any(one.windows is not None for one in verdicts):
        assumed = "availability during an outage comes from a short run with those providers down"
        noted.append(Assumption(about="method", assumed=assumed))
    return noted


def budget_notes(budgets: Sequence[BudgetFlow]) -> list[Assumption]:
    """Assumptions about budgets: how they are computed, and how long a `total` lasts."""
    noted = []
    if any(one.lasts is None for one in budgets):
        assumed = "budgets are computed from the mean load and the mean cost of a call; the runs show the time while they have room"
        noted.append(Assumption(about="budgets", assumed=assumed))
    for one in budgets:
        if one.lasts is not None:
            days = one.lasts / 86400
            assumed = f"the {one.name} lasts {written_figure(days)} days of this traffic; verdicts are about that time"
            noted.append(Assumption(about="budgets", assumed=assumed))
    return noted


def price_sources(system: System) -> dict[str, str]:
    """Where each target's price is from: the date of the bundled table, the file, or unknown."""
    known = Prices(system)
    found: dict[str, str] = {}
    for model in system.models.values():
        for tier in model.targets:
            for target in tier:
                price = known.of(model, target)
                found[str(target)] = "unknown" if price is None else price.at or "the system file"
    return found
