"""Promises about whole sessions, judged by the single calls of a load."""

from __future__ import annotations

from decimal import Decimal

import pytest

from headworks.load.sessions import judge_sessions
from headworks.load.verdict import Costs, Measured, Verdict
from headworks.system.schema.requirements import Objective, SessionTraffic, Traffic, Turns, bound
from tests.load.test_verdict import call

TEN = Traffic(sessions=SessionTraffic(turns=Turns(p50=10, p95=10)))


def said(
    metric: str, limit: str, percentile: float | None = None, traffic: Traffic = TEN, cost: int | None = 1000
) -> Verdict:
    side = "at_least" if metric == "availability" else "at_most"
    promise = Objective(id="x", metric=metric, per="session", percentile=percentile, **{side: bound(limit)})  # type: ignore[arg-type]
    calls = [call(2.0, number=number) for number in range(400)]
    nano = {one.request_id: cost for one in calls}
    return judge_sessions(promise, Measured(calls=calls, seconds=10.0, costs=Costs(nano=nano)), traffic)


def test_a_session_costs_and_takes_what_its_calls_do() -> None:
    assert said("cost", "$1").value == pytest.approx(10 * 1000 / 1e9)
    assert said("cost", "$0.000001", 95).verdict == "does not hold"
    wait = said("duration", "21s", 95)
    assert (wait.value, wait.verdict, wait.metric) == (20.0, "holds", "duration per session")
    assert said("calls", "9").verdict == "does not hold"


def test_sessions_are_whole_where_all_their_calls_are() -> None:
    found = said("availability", "90%")
    assert found.verdict == "holds"
    assert found.low is not None
    assert 0.9 < found.low < 1
    assert found.limit == float(Decimal("0.9"))


def test_what_is_not_known_is_not_said() -> None:
    assert "turns" in said("cost", "$1", traffic=Traffic()).why
    assert said("cost", "$1", cost=None).verdict == "cannot say"
    assert said("cost", "$1", 95, cost=None).why == "a target's price is unknown"
