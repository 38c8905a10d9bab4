"""A change is confirmed for an objective only where it holds at both ends of every speed that is not sure."""

from __future__ import annotations

import msgspec
import pytest

from headworks.twin.models.speed_range import SpeedRange
from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.plan import PlanInputs, peak_of, prepare
from headworks.twin.search.changes import Change, scale_latency
from headworks.twin.search.comparison import Comparison
from headworks.twin.search.confirmation import Confirmation
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import Effort, Plan, replicate
from headworks.twin.verdicts.verdict import Judge
from tests.twin.systems import one, steady

FILE = (
    "traffic: {peak_rps: 2, peak_for: 20s, prompt_tokens: {p50: 10, p95: 20}, output_tokens: {p50: 10, p95: 20}}, "
    "objectives: [{id: first, metric: time_to_first_token, percentile: 95, at_most: 1s}]"
)


def ends(slow: float) -> dict[str, SpeedRange]:
    return {"v/x": SpeedRange(origin="public source", said="", fast=steady(first=0.5), slow=steady(first=slow))}


def halved(model: VendorModel) -> VendorModel:
    return scale_latency(model, first=0.5)


HALF = Change(
    "speed",
    "twice as fast",
    "file",
    "models",
    lambda plan: msgspec.structs.replace(plan, models={name: halved(model) for name, model in plan.models.items()}),
)


@pytest.mark.parametrize(("ranges", "is_met"), [({}, True), (ends(1.8), True), (ends(3.0), False)])
def test_a_change_that_does_not_do_at_the_slow_end_is_not_confirmed(
    ranges: dict[str, SpeedRange], is_met: bool
) -> None:
    system = one(FILE)
    asked = prepare(system, PlanInputs(read=lambda path: b"")).demand
    plan, effort = Plan(system, {"v/x": steady(first=1.5)}, asked.workload), Effort(calls=50, runs=4)
    courses = Courses(peak_of(system, asked), asked.workload.rate)
    [objective] = system.requirements.objectives
    before = Judge(plan, [replicate(plan, seed, 50) for seed in (1, 2)], 1).of(objective)
    confirmation = Confirmation(Comparison(plan, effort, asked.busy, courses, (), ranges), {"first": before})
    outcome = confirmation.outcome(HALF, objective)
    assert outcome is not None
    assert outcome.verdict.value == pytest.approx(0.75)
    assert outcome.is_better
    assert outcome.is_met is is_met
