"""Promises about whole sessions, judged by runs of single calls."""

from __future__ import annotations

import msgspec
import pytest

from headworks.twin.models.vendor_model import VendorModel
from headworks.twin.plan import PlanInputs, prepare
from headworks.twin.simulation.replications import Effort, Plan, replicate_until_clear
from headworks.twin.verdicts.sessions import session_verdicts
from headworks.twin.verdicts.verdict import Judge, Verdict, format_value
from tests.twin.systems import one, steady

TRAFFIC = "peak_rps: 2, prompt_tokens: {p50: 1000, p95: 1000}, output_tokens: {p50: 100, p95: 100}"
TEN = ", sessions: {turns: {p50: 10, p95: 10}}"


def judged(*objectives: str, sessions: str = TEN, model: VendorModel | None = None) -> list[Verdict]:
    written = ", ".join(f"{{id: o{number}, per: session, {text}}}" for number, text in enumerate(objectives))
    system = one(f"traffic: {{{TRAFFIC}{sessions}}}, objectives: [{written}]")
    ready = prepare(system, PlanInputs(read=lambda path: b""))
    whole = Plan(system, {"v/x": model or steady()}, ready.demand.workload)
    return session_verdicts(Judge(whole, replicate_until_clear(whole, Effort(calls=100, runs=2)), 1))


def test_every_promise_about_sessions_gets_its_number() -> None:
    """Each call costs $0.0015 and takes 1.5 s, and none fails: ten times that."""
    cost, dear, wait, whole, calls = judged(
        "metric: cost, at_most: $1",
        "metric: cost, percentile: 95, at_most: $0.01",
        "metric: duration, percentile: 95, at_most: 1m",
        "metric: availability, at_least: 80%",
        "metric: calls, at_most: 9",
    )
    assert (cost.verdict, dear.verdict, wait.verdict, calls.verdict) == (
        "holds",
        "does not hold",
        "holds",
        "does not hold",
    )
    assert cost.value == pytest.approx(0.015)
    assert dear.value == pytest.approx(0.015)
    assert wait.value == pytest.approx(15, rel=0.05)
    assert whole.value == 1.0
    assert (calls.value, calls.margin) == (10, pytest.approx(-1 / 9))
    assert [one.metric for one in (cost, calls)] == ["cost per session", "calls per session"]
    assert format_value(wait.metric, 15.0) == "15.0 s"


def test_without_turns_there_is_no_number() -> None:
    [found] = judged("metric: cost, at_most: $1", sessions="")
    assert (found.verdict, found.value) == ("cannot say", None)
    assert "turns" in found.why


def test_outages_reach_sessions_more_often_than_calls() -> None:
    """A vendor that is down 1 % of the time, and ten calls that each must be answered: 0.99 to the tenth."""
    [found] = judged("metric: availability, at_least: 95%", model=msgspec.structs.replace(steady(), outage=0.01))
    assert found.value == pytest.approx(0.99**10, abs=1e-3)
    assert found.verdict == "does not hold"
