"""Makes the plan of a system: closed forms, simulation runs, verdicts, the bottleneck, sensitivities and remedies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from headworks import __version__
from headworks.core.record import Record
from headworks.gateway.prices import Prices
from headworks.system.schema.system import System
from headworks.system.verdicts.budget_flow import BudgetFlow
from headworks.system.verdicts.quality import NOTHING_MEASURED, KnownQuality
from headworks.system.verdicts.verdict import overall
from headworks.twin.models.building import Assumption, BuiltModels, build_models
from headworks.twin.models.fit import Fitted, fit
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.report.distributions import distributions
from headworks.twin.report.report import PERCENTS, Percentiles, Report
from headworks.twin.report.report import Effort as Spent
from headworks.twin.screening.closed_forms import Screening, screen
from headworks.twin.screening.course import Peak
from headworks.twin.screening.giving_way import DayUse, day_uses
from headworks.twin.search.load_limit import LoadSearch
from headworks.twin.search.search import ChangeSearch
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.observations import Observations, observe
from headworks.twin.simulation.replications import Effort, Plan, Run
from headworks.twin.simulation.utilization import budget_utilizations
from headworks.twin.verdicts.overload import overloads
from headworks.twin.verdicts.verdict import OUTAGE_RUN_CALLS, Judge, Verdict, bottleneck, mean_utilization
from headworks.twin.workload.arrivals import PEAK_WINDOW, Trace
from headworks.twin.workload.demand import Demand, demand

MONTH: Final = 30 * 86400.0
"""Seconds of the month that costs and changes of them are said for."""


class PlanInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs of a plan beside the system. read: gives the bytes of a file that the system file names; records: the
    ledger's records, None where it is not used; is_fitted: whether the vendor models are fitted to them; quality: what
    `headworks eval --targets` found."""

    read: Callable[[str], bytes]
    records: Sequence[Record] | None = None
    is_fitted: bool = False
    quality: KnownQuality = NOTHING_MEASURED


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is computed before a simulation runs."""

    demand: Demand
    modelled: BuiltModels
    screening: Screening
    fitted: Fitted | None


def prepare(system: System, known: PlanInputs) -> Prepared:
    """Traffic, models and closed forms: instant. Raises PlanError."""
    asked = demand(system, known.read, known.records)
    fitted = fit(known.records or (), system) if known.is_fitted else None
    made = build_models(system, None if fitted is None else fitted.models)
    closed = screen(system, made.models, asked.mix, asked.burstiness, asked.peak_to_mean)
    return Prepared(demand=asked, modelled=made, screening=closed, fitted=fitted)


def plan(system: System, known: PlanInputs, effort: Effort, told: Callable[[str], None] = lambda line: None) -> Report:
    """The plan of a system. told: is given a line of progress now and then. Raises PlanError."""
    ready = prepare(system, known)
    asked, models = ready.demand, ready.modelled.models
    whole = Plan(system, models, asked.workload, known.quality)

    courses = Courses(peak_of(system, asked), asked.workload.rate)
    told(f"simulating {asked.source}")
    course, made = courses.runs(whole, effort)
    judge = Judge(whole, made, effort.seed, asked.busy, min(OUTAGE_RUN_CALLS, effort.calls), courses.of)
    verdicts: list[Verdict] = []
    for objective in system.requirements.objectives:
        told(f"judging {objective.id}")
        verdicts.append(judge.of(objective))
    search = ChangeSearch(whole, effort, asked.busy, courses, made if course.is_whole else ())
    told("measuring the effect of each setting")
    effects = search.sensitivities(system.requirements.objectives)
    missed = [
        objective
        for objective, verdict in zip(system.requirements.objectives, verdicts, strict=True)
        if verdict.verdict in ("does not hold", "cannot say") and verdict.margin is not None
    ]
    told("searching for remedies" if missed else "writing the report")
    remedies = search.remedies(missed, verdicts)
    told("looking for the load that it carries")
    loads = LoadSearch(whole, effort, courses)
    carried = loads.carrying(verdicts)
    using = [*mean_utilization(made), *budget_utilizations(judge.money.budgets)]
    return Report(
        headworks=__version__,
        system=system.name,
        digest=system.digest,
        verdict=overall(one.verdict for one in verdicts),
        traffic=asked.source,
        overloads=overloads(courses.capacity_of(whole), lasting(whole), made),
        verdicts=verdicts,
        binding=bottleneck(using, verdicts, judge.at_offered_load()),
        remedies=remedies,
        sensitivities=effects,
        uses=using,
        latencies=latency_percentiles(system, made, known.records if known.is_fitted else None),
        screening=ready.screening,
        assumptions=[
            *asked.assumptions,
            *ready.modelled.assumptions,
            *fit_notes(ready.fitted),
            *method_notes(verdicts),
            *budget_notes(judge.money.budgets),
        ],
        models=list(models.values()),
        prices=price_sources(system),
        effort=Spent(
            seed=effort.seed,
            runs=len(made),
            most_runs=effort.runs,
            wanted=effort.calls,
            calls=round(sum(len(one.measured) for one in made) / len(made)),
            measured=sum(len(one.measured) for one in made),
            simulated=judge.simulated + search.simulated + loads.simulated,
        ),
        carrying=carried,
        distributions=distributions(system.requirements.objectives, made, judge),
        days=hourly_uses(system, models, courses.peak_of(whole)),
        calls_a_month=asked.workload.rate * asked.busy * MONTH,
    )


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
            assumed = f"the {one.name} lasts {days:.3g} days of this traffic; verdicts are about that time"
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
