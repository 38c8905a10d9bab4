"""The report of a plan: verdicts and everything that they depend on, so that they can be reproduced to the digit.

Always true: no wall-clock time, no path and no secret is in it; the same system file, data, seed and effort give the
same bytes in any process. Numbers are rounded to what they are worth, on the way out and not before.
"""

from __future__ import annotations

from math import floor, isfinite, log10
from typing import Any, Literal

import msgspec

from headworks.system.verdicts.constraints import ConstraintVerdict
from headworks.system.verdicts.verdict import said_of
from headworks.twin.models.building import Assumption
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.screening.closed_forms import Screening
from headworks.twin.screening.giving_way import Carrying, DayUse
from headworks.twin.simulation.utilization import Utilization
from headworks.twin.verdicts.bottleneck import Bottleneck
from headworks.twin.verdicts.overload import Overload
from headworks.twin.verdicts.speed_ends import RestsOn
from headworks.twin.verdicts.unmeasured import Unmeasured
from headworks.twin.verdicts.verdict import Verdict

SIGNIFICANT_DIGITS = 6
"""Significant digits of a float: far more than any interval is worth, far fewer than a last bit that a library moves."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of one change on one objective's margin (a share of its limit): the difference of the means over the same
    runs, and its interval. after: what the objective's value then is, in the runs that were compared."""

    objective: str
    change: float
    low: float
    high: float
    after: float | None = None


VISIBLE = 0.005
"""The smallest effect that counts, by the limit: half a percent."""


def is_measurable(effect: Effect) -> bool:
    """Whether an effect is measurable: its interval excludes zero, and it is at least half a percent of the limit."""
    return (effect.low > 0 or effect.high < 0) and abs(effect.change) >= VISIBLE


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """The effects of one change. kind: who can make it: `file`, `limit` (the vendor must grant it), `vendor`, `traffic`
    (nobody)."""

    knob: str
    said: str
    kind: str
    path: str
    effects: list[Effect]


class RemedyChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a remedy. kind: who can make it, as of a sensitivity."""

    knob: str
    said: str
    kind: str
    path: str


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """The cheapest change that meets an objective, or two `changes` where none does alone; or, where it is not `is_enough`, the single
    one that comes nearest. Confirmed on seeds that the search did not use. value: what the objective then is; gained: by
    that much of its bound, as a paired difference, and its interval (gained_low, gained_high); cost_before, cost_after: dollars
    a call; month_before, month_after: dollars in 30 days; breaks: objectives that were met and would no longer be; turns: those
    that were not and would be. knob, said, kind, path: of all changes together, kind the hardest."""

    objective: str
    is_enough: bool
    gained: float
    knob: str
    said: str
    kind: str
    path: str
    value: float
    cost_before: float | None
    cost_after: float | None
    breaks: list[str]
    gained_low: float | None = None
    gained_high: float | None = None
    month_before: float | None = None
    month_after: float | None = None
    turns: list[str] = []
    changes: list[RemedyChange] = []


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """A latency's distribution: seconds at `PERCENTS`, predicted and, where the ledger had calls, measured."""

    alias: str
    metric: str
    predicted: list[float]
    measured: list[float] | None = None


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """How an objective's value is spread over `calls`, or over `windows` of time: what it is at `PERCENTS`."""

    objective: str
    over: Literal["calls", "windows"]
    values: list[float]


PERCENTS = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 99.9)


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How much was simulated. runs: those that the verdicts rest on; calls: measured ones of a run, on average; measured: of
    all runs; wanted: measured calls that were asked of a run (a trace is replayed whole, whatever is asked)."""

    seed: int
    runs: int
    most_runs: int
    calls: int
    simulated: int
    measured: int
    wanted: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of one system. verdict: `holds` (every objective that can be judged here is), `does not hold` (one is), `cannot say`.
    overloads: limits of which more is asked than they admit, growing queues first. carrying: how far it carries; days: the use of
    each limit over the hours of a day, none for a trace; calls_a_month: calls that arrive in 30 days."""

    headworks: str
    system: str
    digest: str
    verdict: str
    traffic: str
    overloads: list[Overload]
    verdicts: list[Verdict]
    constraints: list[ConstraintVerdict] = []
    rests_on: list[RestsOn] = []
    unmeasured: list[Unmeasured] = []
    binding: Bottleneck
    remedies: list[Remedy]
    sensitivities: list[Sensitivity]
    uses: list[Utilization]
    latencies: list[Percentiles]
    screening: Screening
    assumptions: list[Assumption]
    models: list[VendorModel]
    prices: dict[str, str]
    effort: Effort
    percents: tuple[float, ...] = PERCENTS
    carrying: Carrying
    distributions: list[Distribution]
    days: list[DayUse]
    calls_a_month: float


def verdict_words(report: Report) -> str:
    """The verdict on all of it: also of the smallest share of what is asked that an objective is about."""
    if report.verdict != "holds":
        return report.verdict
    share = min((one.served for one in report.verdicts if one.verdict == "holds"), default=1.0)
    return said_of("holds", share)


def effort_words(report: Report) -> str:
    """How much was simulated, and of what: whoever has this can make the same plan."""
    effort = report.effort
    return (
        f"{effort.runs} runs, {effort.measured} measured calls, seed {effort.seed}, {effort.simulated} calls simulated in total; "
        f"headworks {report.headworks}, digest {report.digest}"
    )


def as_json(report: Report) -> bytes:
    """One object, indented; floats to `DIGITS` digits."""
    return msgspec.json.format(msgspec.json.encode(round_floats(msgspec.to_builtins(report))))


def round_floats(value: Any) -> Any:
    """The same, with every float cut to the digits that are worth something."""
    if isinstance(value, float):
        return round_significant(value)
    if isinstance(value, dict):
        return {name: round_floats(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [round_floats(one) for one in value]
    return value


def round_significant(value: float) -> float | None:
    if not isfinite(value):
        return None
    if value == 0:
        return 0.0
    return round(value, SIGNIFICANT_DIGITS - 1 - floor(log10(abs(value))))
