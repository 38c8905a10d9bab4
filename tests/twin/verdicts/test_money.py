"""One arithmetic for money: a month is its calls by what one costs, in every place that shows either."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest

from headworks.core.money import NANO
from headworks.gateway.prices import Prices
from headworks.load.arrivals import Arrival
from headworks.load.call import CallResult
from headworks.load.verdict import Costs, Measured
from headworks.load.verdict import judge as judge_load
from headworks.system.schema.system import System
from headworks.system.verdicts.budget_flow import budget_flows
from headworks.system.verdicts.judge import judge as judge_by_arithmetic
from headworks.twin.plan import PlanInputs, prepare
from headworks.twin.simulation.observations import Observations
from headworks.twin.simulation.replications import Effort, Plan, Run, replicate_until_clear
from headworks.twin.simulation.utilization import budget_utilizations
from headworks.twin.verdicts.money import Money
from headworks.twin.verdicts.verdict import Judge, Verdict
from headworks.twin.workload.arrivals import Trace
from headworks.twin.workload.token_counts import TokenCounts
from tests.system.files import right

MONTH = 30 * 86400.0
SYSTEM = """\
requirements:
  traffic: {TRAFFIC}
  objectives:
    - {id: each, metric: cost_per_call, at_most: $1}
    - {id: month, metric: cost, at_most: LIMIT, window: 30d}
providers: {v: {dialect: simulated, first_token: {p50: 5ms, p99: 5ms}, per_token: {p50: 1ms, p99: 1ms}}}
models: {a: {targets: v, price: {input: $1/M, output: $10/M}, max_output: 1k}}
keys: {k: {key: a-key-of-some-length, budget: {amount: AMOUNT, every: 30d}}}
"""
STEADY = "peak_rps: 6, prompt_tokens: {p50: 400, p95: 400}, output_tokens: {p50: 100, p95: 100}"
EACH = (400 * 1 + 100 * 10) / 1e6


def system(traffic: str, limit: str = "$9000000", amount: str = "$90000000") -> System:
    return right(SYSTEM.replace("TRAFFIC", traffic).replace("LIMIT", limit).replace("AMOUNT", amount))


def judge(of: System, trace: bytes = b"", calls: int = 100) -> Judge:
    ready = prepare(of, PlanInputs(read=lambda path: trace))
    whole = Plan(of, ready.modelled.models, ready.demand.workload)
    return Judge(whole, replicate_until_clear(whole, Effort(calls=calls, runs=2)), 1, ready.demand.busy)


def verdicts(judge: Judge) -> dict[str, Verdict]:
    return {one.id: judge.of(one) for one in judge.plan.system.requirements.objectives}


def test_a_month_of_a_trace_is_its_calls_a_second_by_a_month_and_by_what_one_costs() -> None:
    """Its rate is its mean already: it is not multiplied by how busy the mean is once more."""
    at = [*np.arange(0, 600, 1.0), *np.arange(600, 1800, 6.0)]  # a call a second, and then one in six
    rows = [(second, 300 + number % 50, 40 + number % 21) for number, second in enumerate(at)]
    lines = [f"{second},{prompt},{output}" for second, prompt, output in rows]
    trace = "\n".join(["arrived_at,prompt_tokens,output_tokens", *lines]).encode()
    truth = len(rows) / at[-1] * MONTH * float(np.mean([prompt * 1e-6 + output * 1e-5 for _, prompt, output in rows]))
    found = verdicts(judge(system("trace: t.csv", limit=f"${0.8 * truth:.0f}"), trace))["month"]
    assert found.value == pytest.approx(truth, rel=1e-6)
    assert found.low is not None
    assert found.high is not None
    assert found.low < truth < found.high
    # The rates of its stretches differ six times: so little of it says little of a month.
    assert (found.high - found.low) / truth > 0.2
    assert "of the load in the trace's busiest 5 minutes" in str(
        prepare(system("trace: t.csv"), PlanInputs(read=lambda path: trace)).demand.assumptions
    )


def test_a_month_at_a_rate_that_is_written_has_that_rate_and_not_what_the_runs_drew() -> None:
    truth = 6 * MONTH * EACH
    found = verdicts(judge(system(STEADY)))["month"]
    assert found.value == pytest.approx(truth, rel=1e-6)
    assert found.low is not None
    assert found.high is not None
    assert found.low < truth < found.high  # a month's calls are a chance number too
    assert (found.high - found.low) / truth == pytest.approx(2 * 1.96 / (6 * MONTH) ** 0.5, rel=0.01)


def sample(seed: int, calls: int = 600) -> Money:
    """What a plan knows of a trace that is a sample of Poisson arrivals at one a second, and of costs that vary."""
    rng = np.random.default_rng(seed)
    at = np.cumsum(rng.exponential(1.0, calls))
    cost = rng.lognormal(0, 1, calls) * 0.001
    of = system("peak_rps: 1")
    workload = Trace(at, [TokenCounts(1, 1)] * calls, shares={"a": 1.0}, streamed=1.0)
    seen = Observations(
        names=["a"],
        alias=np.zeros(calls, dtype=np.int64),
        arrived=at,
        first=at,
        duration=at,
        is_whole=np.ones(calls, dtype=bool),
        is_counted=np.ones(calls, dtype=bool),
        cost=cost,
        attempts=np.ones(calls, dtype=np.int64),
        key=np.array(["k"] * calls),
        is_let_in=np.ones(calls, dtype=bool),
        seconds=float(at[-1]),
    )
    run = Run(seed=1, seen=seen, values={}, uses=[], calls=calls)
    return Money(Plan(of, {}, workload), [run, run], calls / float(at[-1]) / workload.rate)


def test_the_interval_of_a_traces_costs_holds_what_traces_of_the_same_traffic_differ_by() -> None:
    """Always the same arrivals in every run: what runs differ by says nothing of it. 95 % of such intervals hold the truth (95.9 % of
    the cost of a call and 94.7 % of a month's over 1,000 seeds); of a hundred 88 at least do."""
    each, month, most = 0.001 * float(np.exp(0.5)), 0, 0
    for seed in range(100):
        money = sample(seed)
        call, window = money.cost_per_call(None), money.window(None, MONTH)
        assert call is not None
        assert window is not None
        most += call.low <= each <= call.high
        month += window.cost.low <= each * MONTH <= window.cost.high
    assert 0.88 <= most / 100 <= 1
    assert 0.88 <= month / 100 <= 1


def call(number: int) -> CallResult:
    made = CallResult(Arrival(0.0, "a", 1, 1, False, 0), 10.0)
    made.ended, made.ended_at, made.request_id = "ok", 11.0, f"r{number}"
    return made


def test_check_plan_its_budgets_and_load_say_the_same_of_a_month() -> None:
    daily = f"{STEADY}, daily: [{', '.join(['25%'] * 12 + ['75%'] * 12)}]"
    of = system(daily, limit="$12000", amount="$43545.6")
    truth = 3 * MONTH * EACH
    [_, by_arithmetic] = judge_by_arithmetic(of, Prices(of).of)
    assert by_arithmetic.why == f"${truth:,.2f} in 30d by `daily`"
    made = judge(of)
    found = verdicts(made)
    assert found["month"].value == pytest.approx(truth, rel=1e-6)
    said = re.fullmatch(r"([\d,]+) calls at \$0.0014 each", found["month"].why)
    assert said is not None
    assert float(said[1].replace(",", "")) == 3 * MONTH
    assert found["each"].value == pytest.approx(EACH)
    [budget] = budget_utilizations(made.money.budgets)
    assert budget.at_peak * budget.limit == pytest.approx(truth, rel=1e-6)
    calls = [call(number) for number in range(70)]  # more than 6 a second came in these ten seconds, and that is chance
    ready = prepare(of, PlanInputs(read=lambda path: b""))
    rates = {one.alias: one.rate * ready.demand.busy for one in ready.demand.mix}
    costs = Costs({f"r{number}": round(EACH * NANO) for number in range(70)})
    loaded = judge_load(
        of.requirements.objectives[1],
        Measured(calls=calls, seconds=10.0, costs=costs, mean_rates=rates),
        of.requirements.traffic,
    )
    assert loaded.value == pytest.approx(truth, rel=1e-6)


def test_a_month_that_no_quiet_hour_can_save_does_not_hold_by_arithmetic() -> None:
    daily = f"{STEADY}, daily: [{', '.join(['50%'] * 24)}]"
    text = SYSTEM.replace("TRAFFIC", daily).replace("LIMIT", "$9000").partition("keys:")[0]
    [_, found] = judge_by_arithmetic(right(text), Prices(right(text)).of)
    assert (found.verdict, found.why) == ("does not hold", "$10,886.40 in 30d by `daily`")
    [_, held] = judge_by_arithmetic(right(text.replace("$9000", "$12000")), Prices(right(text)).of)
    assert held.verdict == "holds"


def test_what_a_trace_costs_is_not_asked_of_the_files_tokens() -> None:
    of = system(f"trace: t.csv, {STEADY}")
    assert {(one.verdict, one.needs) for one in judge_by_arithmetic(of, Prices(of).of)} == {("cannot say", "plan")}


# Budgets.


def test_a_budget_serves_the_share_that_it_is_of_what_a_window_would_cost() -> None:
    made = judge(system(STEADY, amount="$2177.28"))  # a tenth of 6 x 30 d x $0.0014
    found = verdicts(made)
    assert found["month"].served == pytest.approx(0.1, rel=1e-6)
    assert found["month"].value == pytest.approx(2177.28, rel=1e-6)
    assert found["month"].high == pytest.approx(2177.28, rel=1e-6)  # dearer calls are fewer calls
    assert found["each"].value == pytest.approx(EACH)
    assert found["each"].why.startswith("holds for 10% of what is asked: 90% is never served (budget of key k); 2 runs")
    assert found["each"].said == "holds for 10% of what is asked"


def test_a_promise_of_which_nothing_is_served_does_not_hold() -> None:
    text = (
        SYSTEM.replace("TRAFFIC", STEADY)
        .replace("LIMIT", "$9")
        .replace("AMOUNT", "$1")
        .replace("budget", "tpm: 50, budget")
    )
    found = verdicts(judge(right(text)))
    assert {one.verdict for one in found.values()} == {"does not hold"}
    assert found["each"].why.startswith("0% of what is asked is served, 100% is never served (tpm of key k")


GROUPED = """\
requirements: {traffic: {peak_rps: 4, daily: DAILY}}
providers: {v: {dialect: simulated}}
models: {a: {targets: v, price: {input: $1/M, output: $1/M}, max_output: 1k}}
keys:
  hourly: {key: a-key-of-some-length, budget: {amount: $1, every: 1h}}
  free: {key: another-key-of-it}
  once: {key: a-third-key-of-it, budget: {amount: $86.4, every: total}}
groups: {all: {keys: [hourly, free], budget: {amount: $72, every: 1d}}}
"""


def test_an_hour_counts_for_itself_a_group_after_its_keys_and_a_total_says_how_long_it_lasts() -> None:
    day = f"[{', '.join(['0%'] * 12 + ['100%'] * 12)}]"
    flows = budget_flows(right(GROUPED.replace("DAILY", day)), {"a": 3.0}, {"a": 0.001}, {("a", "free"): 0.5})
    known = {one.name: one for one in flows.budgets}
    # A call a second each, $3.60 an hour on average: twelve hours of $7.20, of which $1 is paid.
    assert known["budget of key hourly"].most == pytest.approx(7.2)
    assert known["budget of key hourly"].share == pytest.approx(1 / 7.2)
    # $12 a day of that key, and half of the other's $86.40: $55.20 of $72.
    assert known["budget of group all"].asked == pytest.approx(55.2)
    assert known["budget of group all"].share == 1.0
    assert known["budget of key once"].lasts == pytest.approx(86400)
    assert flows.shares == pytest.approx({"hourly": 1 / 7.2, "free": 1.0, "once": 1.0})
    assert [use.name for use in budget_utilizations(flows.budgets)] == ["budget of key hourly", "budget of group all"]


def test_reservations_that_fill_a_budget_refuse_calls_though_little_is_spent() -> None:
    """A call reserves a dollar for its answer of $0.0000001: of 6 a second few find room in $2, whose window they never spend."""
    text = SYSTEM.replace(
        "TRAFFIC", "peak_rps: 6, output_tokens: {p50: 200, p95: 200}, prompt_tokens: {p50: 1, p95: 1}"
    )
    text = (
        text.replace("LIMIT", "$900000")
        .replace("AMOUNT", "$2")
        .replace("1k", "100k")
        .replace("p50: 1ms, p99: 1ms", "p50: 20ms, p99: 20ms")
    )
    found = verdicts(judge(right(text.replace("every: 30d", "every: 1h"))))
    assert 0 < found["each"].served < 1
    assert "never served (budget of key k, which calls in flight have reserved)" in found["each"].why


def test_a_run_has_the_same_costs_whoever_is_turned_away() -> None:
    """Calls that a limit of a key turned away cost nothing, and are in no mean."""
    text = SYSTEM.replace("TRAFFIC", STEADY).replace("LIMIT", "$9000000").replace("AMOUNT", "$90000000")
    found = verdicts(judge(right(text.replace("budget", "rpm: 60, budget"))))
    assert found["each"].value == pytest.approx(EACH)
    assert found["each"].served < 0.5
    assert found["month"].value == pytest.approx(6 * MONTH * EACH * found["month"].served, rel=1e-6)
    assert msgspec.structs.replace(found["each"], why="").said.startswith("holds for ")
