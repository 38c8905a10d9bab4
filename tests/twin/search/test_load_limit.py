"""Up to which load the latencies hold, and that it costs no more than it may."""

from __future__ import annotations

import msgspec
import pytest

import headworks.twin.search.load_limit
from headworks.twin.plan import PlanInputs, peak_of, prepare
from headworks.twin.screening.giving_way import Carrying
from headworks.twin.search.load_limit import LoadSearch
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import Effort, Plan
from headworks.twin.verdicts.verdict import Verdict
from tests.twin.systems import one, queueing

OBJECTIVE = "{id: whole, metric: duration, percentile: 95, at_most: 3s}"
CALLS = "prompt_tokens: {p50: 1, p95: 1}, output_tokens: {p50: 1001, p95: 1001}"


def searched(rate: float, verdict: str, calls: int = 120, margin: float | None = None) -> tuple[Carrying, LoadSearch]:
    """Eight slots of a second each: eight calls a second, and fewer whose waits keep the bound."""
    system = one(f"traffic: {{peak_rps: {rate}, {CALLS}}}, objectives: [{OBJECTIVE}]")
    asked = prepare(system, PlanInputs(read=lambda path: b"")).demand
    plan = Plan(system, {"v/x": queueing(8)}, asked.workload)
    search = LoadSearch(plan, Effort(calls=calls, runs=2), Courses(peak_of(system, asked), asked.workload.rate))
    judged = Verdict(id="whole", objective="", alias=None, metric="duration", verdict="holds", limit=3.0)
    return search.carrying([msgspec.structs.replace(judged, verdict=verdict, margin=margin)]), search


def test_a_load_that_holds_is_raised_until_it_does_not() -> None:
    found, _ = searched(2.0, "holds")
    assert found.capacity == pytest.approx(8.0, rel=1e-6)
    assert found.holds_to is not None
    assert 4.0 < found.holds_to < 8.0
    assert found.missed_at is None or found.missed_at > found.holds_to
    assert searched(2.0, "holds")[0] == found  # the same seed finds the same load


def test_a_load_that_is_missed_is_lowered_until_it_holds() -> None:
    found, _ = searched(12.0, "does not hold")
    assert found.capacity == pytest.approx(8.0, rel=1e-6)
    assert found.holds_to is not None
    assert 1.2 < found.holds_to < 8.0


def test_a_load_whose_verdict_only_a_speed_leaves_open_is_raised_as_one_that_holds() -> None:
    """A new user was told that latencies hold up to 17.8 calls a second, and met the promise at 20 in every run."""
    assert searched(2.0, "cannot say", margin=0.5)[0] == searched(2.0, "holds")[0]
    assert searched(12.0, "cannot say", margin=-0.5)[0] == searched(12.0, "does not hold")[0]


def test_no_more_is_simulated_than_it_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headworks.twin.search.load_limit, "MOST_CALLS", 100)
    found, search = searched(2.0, "holds")
    assert (found.holds_to, search.simulated) == (2.0, 0)
