"""The plan judges constraints, and its system has only the targets that meet them."""

from __future__ import annotations

import msgspec

from headworks.system.schema.system import System
from headworks.twin.plan import PlanInputs, plan
from headworks.twin.report.html import html_report
from headworks.twin.report.report import Report
from headworks.twin.simulation.replications import Effort
from tests.system.files import right

FILE = """\
requirements:
  traffic: {peak_rps: 1, prompt_tokens: {p50: 100, p95: 200}, output_tokens: {p50: 20, p95: 40}}
  constraints: [{region: eu}]
  objectives: [{id: up, metric: availability, at_least: 98%}]
providers: {a: {dialect: simulated, region: eu}, b: {dialect: simulated}}
models: {m: {targets: [a, b]}}
"""


def planned(system: System) -> Report:
    return plan(system, PlanInputs(read=lambda path: b""), Effort(calls=60, runs=2))


def test_a_plan_judges_each_target_and_counts_on_none_that_is_outside() -> None:
    system = right(FILE)
    report = planned(system)
    assert [(one.target, one.verdict) for one in report.constraints] == [
        ("a/simulated", "holds"),
        ("b/simulated", "does not hold"),
    ]
    assert [one.verdict for one in report.verdicts] == ["holds"]
    assert report.verdict == "does not hold"
    assert [one.target for one in report.models] == ["a/simulated"]
    assert "b/simulated" not in str([msgspec.to_builtins(one) for one in report.remedies + report.sensitivities])
    assert report.digest == system.digest
    assert "states no `region`" in html_report(report)


def test_a_system_that_may_ask_nobody_is_not_simulated() -> None:
    report = planned(right(FILE.replace(", region: eu", "")))
    assert (report.verdict, report.effort.simulated) == ("does not hold", 0)
    assert [(one.verdict, one.value) for one in report.verdicts] == [("cannot say", None)]
    assert report.binding.said == "no target of m meets the constraints: `headworks up` does not start"
    assert html_report(report)
