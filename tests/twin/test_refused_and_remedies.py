"""What is refused is in no number but a share of its own; and a remedy that is offered holds on seeds that nobody searched with."""

from __future__ import annotations

import re

import pytest

from headworks.system.schema.system import System
from headworks.twin.plan import PlanInputs, prepare
from headworks.twin.search.changes import remedy_ladders
from headworks.twin.search.search import ChangeSearch
from headworks.twin.simulation.confidence_interval import mean_interval
from headworks.twin.simulation.replications import Effort, Plan, replicate, replicate_until_clear
from headworks.twin.verdicts.verdict import Judge, Verdict, margin
from tests.twin.systems import one

KNOWN = PlanInputs(read=lambda path: b"")
TRAFFIC = "traffic: {peak_rps: 5, prompt_tokens: {p50: 100, p95: 300}, output_tokens: {p50: 10, p95: 20}}"
PROMISES = """\
{id: up, metric: availability, at_least: 90%}, {id: good, metric: goodput, at_least: 0.001rps}, \
{id: cost, metric: cost_per_call, at_most: $0.01}, {id: first, metric: time_to_first_token, percentile: 95, at_most: 10s}"""
BUDGET = "keys: {web: {key: a-key-of-some-length, budget: {amount: $0.01, every: 1d}}}"
SHARE = r"\d+(?:\.\d+)? ?%"


def whole(system: System) -> Plan:
    ready = prepare(system, KNOWN)
    return Plan(system, ready.modelled.models, ready.demand.workload)


def judged(keys: str) -> dict[str, Verdict]:
    """A cent a day pays for some 60 calls; 5 a second ask."""
    system = one(f"{TRAFFIC}, objectives: [{PROMISES}]", model=", max_output: 100", more=keys)
    plan = whole(system)
    judge = Judge(plan, replicate_until_clear(plan, Effort(calls=150, runs=3)), 1, short=50)
    return {objective.id: judge.of(objective) for objective in system.requirements.objectives}


@pytest.fixture(scope="module")
def refused() -> dict[str, Verdict]:
    return judged(BUDGET)


@pytest.mark.parametrize("id", ["up", "good", "cost", "first"])
def test_a_verdict_says_for_which_share_of_what_is_asked_it_holds_where_a_budget_refuses_the_rest(
    refused: dict[str, Verdict], id: str
) -> None:
    assert re.search(rf"holds for {SHARE} of what is asked", f"{refused[id].verdict}; {refused[id].why}")


def test_calls_that_a_budget_refused_are_in_no_mean_cost(refused: dict[str, Verdict]) -> None:
    assert refused["cost"].value == pytest.approx(judged("")["cost"].value, rel=0.25)


@pytest.mark.parametrize("id", ["up", "good"])
def test_availability_and_goodput_say_which_share_was_never_served(refused: dict[str, Verdict], id: str) -> None:
    assert re.search(rf"{SHARE} .*never served", refused[id].why)


FIRST = "{id: first, metric: time_to_first_token, percentile: 95, at_most: 1.5s}"
FRESH = 1000
"""A seed that no search uses."""


def test_a_remedy_that_is_offered_holds_on_fresh_seeds_and_its_difference_is_clear_of_zero() -> None:
    """With seed 5 a change is said to be enough; on fresh seeds it is not, or its gain is not clear of zero."""
    plan = whole(one(f"{TRAFFIC}, objectives: [{FIRST}]", model=", mid_stream: restart"))
    [objective] = plan.system.requirements.objectives
    effort = Effort(calls=100, runs=2, seed=5)
    verdict = Judge(plan, replicate_until_clear(plan, effort), effort.seed).of(objective)
    search = ChangeSearch(plan, effort, 1.0)
    for offer in search.remedies([objective], [verdict]):
        if not offer.is_enough:
            continue
        knob = next(
            one for ladder in remedy_ladders(plan) for one in ladder if (one.name, one.said) == (offer.knob, offer.said)
        )
        turned = knob.apply(plan)
        pairs = [(replicate(plan, FRESH + n, 100), replicate(turned, FRESH + n, 100)) for n in range(3)]
        gained = mean_interval(
            [margin(objective, two.values["first"]) - margin(objective, one.values["first"]) for one, two in pairs]
        )
        assert gained.low > 0
        assert Judge(turned, [after for _, after in pairs], FRESH).of(objective).verdict == "holds"
