"""From a system to its plan: screening, runs, verdicts, what binds, what matters, what would help."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from headworks import __version__
from headworks.core.record import Record
from headworks.gateway.prices import Prices
from headworks.system.schema.system import System
from headworks.twin.demand import Demand, demand
from headworks.twin.fit import Fitted, fit
from headworks.twin.models import Assumption, Modelled, modelled
from headworks.twin.observed import Observed, observed
from headworks.twin.report import PERCENTS, Percentiles, Report
from headworks.twin.report import Effort as Spent
from headworks.twin.screen import Screening, screen
from headworks.twin.search import Search, per_call
from headworks.twin.simulate import Effort, Plan, Run, runs
from headworks.twin.use import budgets
from headworks.twin.vendor import VendorModel
from headworks.twin.verdict import SHORT, Judge, Verdict, averaged, binding
from headworks.twin.world import Drained


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan starts from beside the system. read: gives the bytes of a file that the system file names; records:
    what the ledger has, None where nobody asked it; is_fitted: whether the models are to be made of them."""

    read: Callable[[str], bytes]
    records: Sequence[Record] | None = None
    is_fitted: bool = False


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known before anything runs."""

    demand: Demand
    modelled: Modelled
    screening: Screening
    fitted: Fitted | None


def prepare(system: System, known: Known) -> Prepared:
    """Traffic, models and closed forms: instant. Raises PlanError."""
    asked = demand(system, known.read, known.records)
    fitted = fit(known.records or (), system) if known.is_fitted else None
    made = modelled(system, None if fitted is None else fitted.models)
    closed = screen(system, made.models, asked.mix, asked.burstiness, asked.swing)
    return Prepared(demand=asked, modelled=made, screening=closed, fitted=fitted)


def plan(system: System, known: Known, effort: Effort, told: Callable[[str], None] = lambda line: None) -> Report:
    """The plan of a system. told: is given a line of progress now and then. Raises PlanError."""
    ready = prepare(system, known)
    asked, models = ready.demand, ready.modelled.models
    whole = Plan(system, models, asked.workload)

    def draining(plan: Plan) -> Drained:
        return drained(plan.system, plan.models, asked, plan.workload.rate / asked.workload.rate)

    told(f"simulating {asked.source}")
    made = runs(whole, effort, draining(whole))
    judge = Judge(whole, made, effort.seed, asked.busy, min(SHORT, effort.calls))
    verdicts: list[Verdict] = []
    for objective in system.requirements.objectives:
        told(f"judging {objective.id}")
        verdicts.append(judge.of(objective))
    search = Search(whole, effort, asked.busy, draining)
    told("turning one knob after the other")
    effects = search.sensitivities(system.requirements.objectives)
    missed = [
        objective
        for objective, verdict in zip(system.requirements.objectives, verdicts, strict=True)
        if verdict.verdict in ("does not hold", "cannot say") and verdict.margin is not None
    ]
    told("looking for what would help" if missed else "writing it down")
    remedies = search.remedies(missed, verdicts)
    using = [*averaged(made), *budgets(system, asked.mix, asked.busy, per_call(made))]
    return Report(
        headworks=__version__,
        system=system.name,
        digest=system.digest,
        verdict=summed(verdicts),
        traffic=asked.source,
        verdicts=verdicts,
        binding=binding(using, verdicts, models),
        remedies=remedies,
        sensitivities=effects,
        uses=using,
        latencies=latencies(system, made, known.records if known.is_fitted else None),
        screening=ready.screening,
        assumptions=[*asked.assumptions, *ready.modelled.assumptions, *fitting(ready.fitted), *method(verdicts)],
        models=list(models.values()),
        prices=prices(system),
        effort=Spent(
            seed=effort.seed,
            runs=len(made),
            most_runs=effort.runs,
            calls=effort.calls,
            simulated=judge.simulated + search.simulated,
        ),
    )


def summed(verdicts: Sequence[Verdict]) -> str:
    """`does not hold` where one is, else `cannot say` where one cannot be said, else `holds`; what is not judged here aside."""
    said = {one.verdict for one in verdicts}
    return "does not hold" if "does not hold" in said else "cannot say" if "cannot say" in said else "holds"


def drained(system: System, models: Mapping[str, VendorModel], asked: Demand, factor: float) -> Drained:
    """Limits per minute that are used up where this load lasts."""
    mix = [msgspec.structs.replace(one, rate=one.rate * factor) for one in asked.mix]
    closed = screen(system, models, mix, asked.burstiness, asked.swing)
    return tuple((one.counter, one.limit) for one in closed.limits if one.use >= 1 and one.counter)


def latencies(system: System, made: Sequence[Run], records: Sequence[Record] | None) -> list[Percentiles]:
    """The course of each alias's latencies, beside what the ledger has."""
    names = list(system.models)
    past: Observed | None = None
    if records:
        by_arrival = [record.arrived_at for record in records]
        past = observed(records, names, min(by_arrival), max(by_arrival) + 1)
    found: list[Percentiles] = []
    for alias in names:
        for metric in ("time_to_first_token", "duration"):
            predicted = [column(one.seen.of(alias), metric) for one in made]
            values = np.concatenate(predicted)
            if not len(values):
                continue
            known = None if past is None else column(past.of(alias), metric)
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


def column(seen: Observed, metric: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    values = seen.first if metric == "time_to_first_token" else seen.duration
    return values[~np.isnan(values)]


def fitting(fitted: Fitted | None) -> list[Assumption]:
    return [] if fitted is None else fitted.notes


def method(verdicts: Sequence[Verdict]) -> list[Assumption]:
    """What the way of working itself takes for granted."""
    noted = [
        Assumption(about="method", assumed="latency and goodput are judged at the peak, all of it"),
        Assumption(
            about="method",
            assumed="the gateway's own time (about a millisecond a call) and the network to it are not counted",
        ),
    ]
    if any(one.windows is not None for one in verdicts):
        assumed = "what the stack answers while providers are down is taken from a short run in that state"
        noted.append(Assumption(about="method", assumed=assumed))
    return noted


def prices(system: System) -> dict[str, str]:
    """Where each target's price is from: the date of the bundled table, the file, or unknown."""
    known = Prices(system)
    found: dict[str, str] = {}
    for model in system.models.values():
        for tier in model.targets:
            for target in tier:
                price = known.of(model, target)
                found[str(target)] = "unknown" if price is None else price.at or "the system file"
    return found
