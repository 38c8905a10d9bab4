"""The whole plan: repeatable to the byte, and the stack's own behaviour in it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from headworks.system.schema.system import System
from headworks.system.verdicts.budget_flow import budget_flows
from headworks.system.verdicts.verdict import VerdictWord
from headworks.twin.plan import PlanInputs, plan, prepare
from headworks.twin.report.html import html_report
from headworks.twin.report.report import Report, as_json
from headworks.twin.simulation.replications import Effort, estimate, replicate, replicate_until_clear
from headworks.twin.simulation.replications import Plan as Whole
from headworks.twin.simulation.utilization import Utilization, budget_utilizations
from headworks.twin.verdicts.bottleneck import bottleneck, mean_utilization
from headworks.twin.verdicts.verdict import Judge, Verdict, format_value
from headworks.twin.workload.arrivals import Shape
from tests.twin.systems import one, steady
from tests.twin.workload.test_arrivals import shape

ROOT = Path(__file__).parent.parent.parent
EXPECT = "expect: {first_token: {p50: 300ms, p95: 800ms}, per_token: {p50: 10ms, p95: 20ms}}"
TARGET = f"{{provider: v, model: x, {EXPECT}}}"
TRAFFIC = "traffic: {peak_rps: 10, prompt_tokens: {p50: 900, p95: 3200}, output_tokens: {p50: 180, p95: 600}}"
QUIET = TRAFFIC.replace("peak_rps: 10", "peak_for: 1m, peak_rps: 2")
"""The same for a minute, where the effect of every setting is simulated: what comes in twenty seconds before a run's first call is less."""
FIRST = "{id: first, metric: time_to_first_token, percentile: 95, at_most: 2s}"
GOOD = "{id: good, metric: goodput, at_least: 9rps}"
QUIET_GOOD = GOOD.replace("9rps", "1.8rps")


NOTHING = PlanInputs(read=lambda path: b"")


def planned(system: System, calls: int = 100) -> Report:
    return plan(system, NOTHING, Effort(calls=calls, runs=4))


def judged(system: System, calls: int = 300) -> list[Verdict]:
    """The verdicts alone: what helps is not looked for."""
    ready = prepare(system, NOTHING)
    whole = Whole(system, ready.modelled.models, ready.demand.workload)
    made = replicate_until_clear(whole, Effort(calls=calls, runs=4))
    judge = Judge(whole, made, 1)
    return [judge.of(objective) for objective in system.requirements.objectives]


def test_the_same_seed_is_the_same_bytes_in_any_process() -> None:
    file = (ROOT / "tests" / "twin" / "two.yaml").as_posix()
    command = [sys.executable, "-m", "headworks", "plan", "--json", "--calls", "100", "--runs", "2", file]
    found = [
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=False, cwd=ROOT)
        for seed in ("0", "4711")
    ]
    assert found[0].stdout == found[1].stdout
    report = json.loads(found[0].stdout)
    assert report["effort"]["seed"] == 1
    assert report["assumptions"]
    assert all(isinstance(one["value"], float) for one in report["verdicts"])


def test_a_limit_that_is_too_small_is_named_and_the_least_step_that_is_enough_offered() -> None:
    report = planned(one(f"{QUIET}, objectives: [{FIRST}, {QUIET_GOOD}]", limits=", tpm: 120k", targets=TARGET))
    assert [verdict.verdict for verdict in report.verdicts] == ["does not hold", "does not hold"]
    assert report.binding.name == "tpm of v"
    [overload] = report.overloads
    assert overload.said.startswith("more arrives than `v` admits (its tpm): the queue grows by ")
    assert overload.said in html_report(report)
    assert "used at peak; calls wait" in report.binding.said
    [first, good] = report.remedies
    assert (first.is_enough, first.knob, first.path, first.kind) == (True, "tpm of v", "providers.v.tpm", "limit")
    assert good.knob == "tpm of v"
    assert report.sensitivities[0].knob == "tpm of v"  # nothing matters as much


def test_a_key_that_may_ask_less_than_it_does_is_named() -> None:
    system = one(
        f"{QUIET}, objectives: [{QUIET_GOOD}]", targets=TARGET, more="keys: {web: {key: k1, rpm: 30}, app: {key: k2}}"
    )
    report = planned(system)
    assert report.binding.name == "rpm of key web"
    assert "rejects" in report.binding.said
    assert (report.remedies[0].knob, report.remedies[0].path) == ("rpm of key web", "keys.web.rpm")


def test_a_limit_of_tokens_that_answers_are_reserved_from_is_named_though_little_of_it_is_used() -> None:
    system = one(
        f"{TRAFFIC}, objectives: [{GOOD}]",
        targets=TARGET,
        model=", max_output: 40k",
        more="keys: {web: {key: k1, tpm: 100k, rpm: 100k, concurrency: 500}}",
    )
    ready = prepare(system, NOTHING)
    using = mean_utilization(
        replicate_until_clear(Whole(system, ready.modelled.models, ready.demand.workload), Effort(calls=100, runs=2))
    )
    found = bottleneck(using, [], frozenset())
    assert found.name == "tpm of key web"
    assert found.at_peak < 0.8
    assert "max_output" in found.said
    assert [use.name for use in using if use.refused] == ["tpm of key web"]


@pytest.mark.parametrize(
    ("metric", "verdict", "at_offered_load", "said"),
    [
        ("goodput", "holds", True, "; goodput is at risk because its target equals the offered load"),
        ("goodput", "does not hold", False, "; goodput is at risk because too many calls fail or are late"),
        ("duration", "holds", False, ""),
    ],
)
def test_without_a_close_limit_the_objective_at_risk_is_named_and_then_the_numbers(
    metric: str, verdict: VerdictWord, at_offered_load: bool, said: str
) -> None:
    judged = Verdict(id="one", objective="", alias=None, metric=metric, verdict=verdict, limit=1.0, margin=0.01)
    using = [Utilization(name="rpm of v", path="", limit=60, at_peak=0.2, mean=0.1, course=[])]
    found = bottleneck(using, [judged], frozenset({"one"} if at_offered_load else ()))
    numbers = "(smallest margin: one; highest utilization: rpm of v, 20% at peak)"
    assert (found.name, found.said) == ("", f"no capacity limit is close{said} {numbers}")


def test_a_cache_answers_what_was_asked_before() -> None:
    objective = "objectives: [{id: cost, metric: cost_per_call, at_most: $1}]"
    traffic = QUIET.replace("peak_rps", "repeated: 50%, peak_rps")
    costs = [
        judged(one(f"{traffic}, {objective}", targets=TARGET, model=model))[0].value
        for model in ("", ", cache: {exact: 1h}")
    ]
    assert costs[0] is not None
    assert costs[1] is not None
    assert costs[1] == pytest.approx(costs[0] / 2, rel=0.1)


def test_a_stream_that_breaks_goes_on_where_the_file_says_so() -> None:
    system = one("objectives: [{id: up, metric: availability, at_least: 99%}]", targets="v/x, w/y")
    models = {name: steady(name) for name in ("v/x", "w/y")}
    models["v/x"] = type(models["v/x"])(
        target="v/x", first=models["v/x"].first, pace=models["v/x"].pace, faults={"cut": 0.05}
    )
    whole = Whole(system, models, Shape([shape(streamed=1.0)]))
    assert 0.92 < replicate(whole, 1, 600).values["up"] < 0.98
    mended = one(
        "objectives: [{id: up, metric: availability, at_least: 99%}]", targets="v/x, w/y", model=", mid_stream: restart"
    )
    assert replicate(Whole(mended, models, whole.workload), 1, 600).values["up"] == 1.0


def test_a_month_is_judged_by_its_months_and_not_by_their_mean() -> None:
    objective = "{id: up, metric: availability, at_least: 99.8%, window: 30d}"
    [verdict] = judged(one(f"{QUIET}, objectives: [{objective}]", targets=f"{TARGET}, w/y"))
    assert verdict.mean is not None
    assert verdict.mean > 0.998  # `headworks check` says that it holds
    assert verdict.windows is not None
    assert 0.5 < verdict.windows < 0.95
    assert verdict.verdict == "cannot say"
    assert "of 30d windows meet it" in verdict.why


def test_a_page_stands_alone_and_escapes_what_it_was_given() -> None:
    report = planned(one(f"{QUIET}, objectives: [{FIRST}]", targets=TARGET, more="name: <b>"))
    assert (report.verdict, report.remedies) == ("holds", [])
    assert report.binding.said.startswith("no capacity limit is close")
    made = html_report(report)
    assert made.count("<svg") >= 3
    assert "Plan of &lt;b&gt;" in made
    policy = re.search(r"style-src 'sha256-([^']+)'", made)
    style = re.search(r"<style>(.*?)</style>", made, re.DOTALL)
    assert policy is not None
    assert style is not None
    assert base64.b64decode(policy[1]) == hashlib.sha256(style[1].encode()).digest()  # the only style that it admits
    assert " style=" not in made
    assert f"bound {format_value('time_to_first_token', report.verdicts[0].limit)}" in made
    assert "hour of the day" in made
    for outside in ("src=", "href=", "url(", "@import", "<script"):
        assert outside not in made
    assert html_report(report) == made
    assert as_json(report) == as_json(report)


def test_a_budget_that_a_day_takes_twice_is_said() -> None:
    system = one(
        TRAFFIC, targets=TARGET, more="keys: {web: {key: k1, budget: {amount: $10, every: 1d}}, app: {key: k2}}"
    )
    flows = budget_flows(system, {"a": 5.0}, {"a": 0.001}, {})
    [use] = budget_utilizations(flows.budgets)
    # Half of five calls a second over the day, a tenth of a cent each: $216.
    assert (use.name, use.path, use.limit) == ("budget of key web", "keys.web.budget.amount", 10.0)
    assert use.at_peak == pytest.approx(21.6)
    assert use.refused == pytest.approx(1 - 1 / 21.6)


def test_no_interval_reaches_below_nothing() -> None:
    system = one(f"{TRAFFIC}, objectives: [{GOOD}]", targets=TARGET)
    ready = prepare(system, NOTHING)
    made = replicate_until_clear(Whole(system, ready.modelled.models, ready.demand.workload), Effort(calls=100, runs=2))
    values: list[dict[str, float]] = [{"good": 0.1}, {"good": 0.9}]
    apart = [
        msgspec.structs.replace(made[0], values=one, parts=(msgspec.structs.replace(made[0].parts[0], values=one),))
        for one in values
    ]
    found = estimate(system.requirements.objectives[0], apart)
    assert found is not None
    assert found.low == 0.0
    assert found.high > 3.0
