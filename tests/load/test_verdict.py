"""What a load says: how sure, of which calls, and beside what was predicted."""

from __future__ import annotations

from decimal import Decimal
from math import inf

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.load.arrivals import Arrival
from headworks.load.call import CallResult, Ending
from headworks.load.stats import mean, percentile, wilson
from headworks.load.verdict import (
    Costs,
    Measured,
    Plan,
    Predicted,
    PredictedLatency,
    Verdict,
    compare,
    count_good,
    judge,
    overall_verdict,
)
from headworks.system.schema.requirements import Bound, Kind, Metric, Objective, Traffic
from headworks.system.verdicts.inputs import StatedInputs
from tests.system.files import right

KINDS: dict[Metric, Kind] = {
    "time_to_first_token": "duration",
    "duration": "duration",
    "availability": "share",
    "goodput": "rate",
    "cost_per_call": "money",
    "cost": "money",
    "quality": "share",
}


def objective(metric: Metric, limit: str, **more: object) -> Objective:
    bound = Bound(KINDS[metric], Decimal(limit))
    side = "at_least" if metric in ("availability", "goodput", "quality") else "at_most"
    return Objective(id=metric, metric=metric, **{side: bound}, **more)  # type: ignore[arg-type]


def call(
    duration: float = 1.0,
    ended: Ending = "ok",
    *,
    first: float = 0.0,
    alias: str = "a",
    number: int = 0,
    due: float = 10.0,
) -> CallResult:
    made = CallResult(Arrival(0.0, alias, 1, 1, first > 0, 0), due)
    made.ended = ended
    made.ended_at = due + duration
    made.first_at = due + first if first else 0.0
    made.request_id = f"r{number}"
    return made


def said(one: Objective, calls: list[CallResult], costs: Costs | None = None, **more: object) -> Verdict:
    known = {name: more.pop(name) for name in ("inputs", "mean_rates") if name in more}
    if "alias" in more:
        one = msgspec.structs.replace(one, alias=more.pop("alias"))
    others = more.pop("others", [])
    seen = Measured(calls=calls, seconds=10.0, costs=costs or Costs(), objectives=[one, *others], **known)  # type: ignore[misc,arg-type]
    return judge(one, seen, Traffic(**more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("good", "count", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (990, 1000, 0.9817, 0.9946),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilsons_interval_is_the_textbooks(good: int, count: int, low: float, high: float) -> None:
    found = wilson(good, count)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilsons_interval_holds_the_share_and_stays_between_0_and_1(good: int, count: int) -> None:
    found = wilson(min(good, count), count)
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300), st.floats(0.1, 99.9))
def test_a_percentile_lies_in_its_interval(values: list[float], percent: float) -> None:
    found = percentile(sorted(values), percent)
    assert found is not None
    assert found.low <= found.value <= found.high or found.value == pytest.approx(found.low)


def test_few_values_do_not_show_how_high_a_percentile_may_be() -> None:
    found = percentile([1.0, 2.0, 3.0], 95)
    assert found is not None
    assert found.high == inf
    assert percentile([], 50) is None
    assert mean([]) is None
    assert mean([3.0]) is not None


def test_a_latency_is_met_or_missed_only_where_the_calls_show_it() -> None:
    p95 = objective("duration", "1.5", percentile=95)
    assert said(p95, [call()] * 100).verdict == "holds"
    assert said(p95, [call()] * 50).verdict == "cannot say"
    assert said(p95, [call()] * 80 + [call(2.0)] * 20).verdict == "does not hold"
    assert said(p95, [call(2.0, "failed")] * 50).verdict == "cannot say"  # availability's matter
    found = said(p95, [call()] * 96 + [call(2.0)] * 4)
    assert (found.verdict, found.value, found.calls) == ("cannot say", 1.0, 100)


def test_the_first_token_is_about_streamed_calls() -> None:
    first = objective("time_to_first_token", "0.5", percentile=90)
    assert said(first, [call(first=0.2)] * 60 + [call()] * 60).calls == 60
    assert said(first, [call()] * 60).why == "no streamed call was answered"
    assert said(first, [call(first=0.7)] * 60).verdict == "does not hold"


def test_availability_counts_what_is_not_the_callers_own_fault() -> None:
    of = objective("availability", "0.95")
    bad: list[CallResult] = [call(ended=ended) for ended in ("refused", "left")]  # type: ignore[arg-type]
    assert said(of, [call()] * 100 + bad * 50).verdict == "holds"
    for ended in ("failed", "cut", "hung", "limited", "unreachable"):
        assert said(of, [call()] * 80 + [call(ended=ended)] * 20).verdict == "does not hold"  # type: ignore[arg-type]
    limited = [call(ended="limited", number=number) for number in range(20)]
    told = Costs(refused=frozenset(f"r{number}" for number in range(20)))
    assert said(of, [call(number=99)] * 100 + limited, told).verdict == "holds"
    assert said(of, bad).why == "no call counted"
    assert "headworks plan" in said(objective("availability", "0.5", window=86400.0), [call()] * 50).why


def test_goodput_is_what_meets_every_latency_objective_about_it() -> None:
    late = objective("duration", "1.5", percentile=95)
    other = objective("time_to_first_token", "0.5", percentile=95, alias="b")
    calls = [call()] * 90 + [call(2.0)] * 10 + [call(first=0.9)] * 50 + [call(first=0.9, alias="b")] * 50
    assert count_good(calls, [late, other]) == 140
    rate = objective("goodput", "12")
    assert said(rate, calls, others=[late, other]).verdict == "holds"
    assert said(objective("goodput", "17"), calls, others=[late, other]).verdict == "does not hold"
    assert "only 20 calls/s were offered" in said(objective("goodput", "30"), calls).why
    assert said(objective("goodput", "1", alias="c"), calls).why == "no call was sent"


def test_cost_comes_from_the_ledger_or_cannot_be_said() -> None:
    each = objective("cost_per_call", "0.004")
    calls = [call(number=number) for number in range(50)]
    told = Costs({f"r{number}": 2_000_000 + number for number in range(50)})
    assert said(each, calls, told).verdict == "holds"
    assert said(objective("cost_per_call", "0.001"), calls, told).verdict == "does not hold"
    assert said(each, calls).why == "the ledger of this system was not read"
    assert said(each, calls, Costs({"r1": None, "r2": 5})).why == "a target's price is unknown"
    month = said(objective("cost", "20", window=1000.0), calls, told)
    assert (month.verdict, month.value) == ("holds", pytest.approx(10.0, rel=1e-4))
    half = said(objective("cost", "20", window=1000.0), calls, told, daily=(0.5,))
    assert half.value == pytest.approx(5.0, rel=1e-4)


SYSTEM = """\
requirements: {{traffic: {{peak_rps: 1}}}}
providers: {{v: {{dialect: simulated}}, w: {{dialect: simulated}}}}
models: {{a: {{targets: {targets}}}}}
"""


@pytest.mark.parametrize(("targets", "up"), [("v", 0.99), ("[v, w]", 0.99891919)])
def test_outages_that_no_load_of_minutes_has_count_as_they_do_in_check_and_plan(targets: str, up: float) -> None:
    inputs = StatedInputs(right(SYSTEM.format(targets=targets)))
    found = said(objective("availability", "0.995"), [call()] * 5000, inputs=inputs)
    assert found.value == pytest.approx(up, abs=1e-6)
    assert found.verdict == ("does not hold" if targets == "v" else "holds")
    assert found.why.startswith("5000 of 5000 complete; counting only outages: 99")
    few = said(objective("availability", "0.995"), [call()] * 50, inputs=inputs)
    assert few.verdict == ("does not hold" if targets == "v" else "cannot say")
    assert ("more calls would tell" in few.why) == (targets != "v")


def test_a_month_of_availability_is_judged_by_single_months_and_by_what_was_seen_between_outages() -> None:
    inputs = StatedInputs(right(SYSTEM.format(targets="v")))
    month = {"window": 30 * 86400.0}
    calls = [call()] * 5000
    assert said(objective("availability", "0.98", **month), calls, inputs=inputs).verdict == "holds"
    assert said(objective("availability", "0.99", **month), calls, inputs=inputs).verdict == "cannot say"
    assert said(objective("availability", "0.999", **month), calls, inputs=inputs).verdict == "does not hold"
    broken = calls + [call(ended="failed")] * 500
    assert said(objective("availability", "0.98", **month), broken, inputs=inputs).verdict == "does not hold"


def test_calls_that_a_keys_own_limit_rejects_are_a_share_of_their_own_and_in_no_mean() -> None:
    calls = [call(number=number) for number in range(60)]
    limited = [call(ended="limited", number=number) for number in range(60, 100)]
    rejected = frozenset(one.request_id for one in limited)
    nano = {one.request_id: 0 if one in limited else 2_000_000 for one in [*calls, *limited]}
    told = Costs(nano, rejected, rejected)
    each = said(objective("cost_per_call", "0.004"), calls + limited, told)
    assert (each.value, each.served, each.calls) == (pytest.approx(0.002), 0.6, 60)
    assert each.said == "holds for 60% of what is asked"
    month = said(objective("cost", "20", window=1000.0), calls + limited, told)
    assert month.value == pytest.approx(10 * 1000 * 0.6 * 0.002)
    up = said(objective("availability", "0.9"), calls + limited, told)
    assert (up.verdict, up.value) == ("holds", 1.0)
    assert up.why.startswith("holds for 60% of what is asked: 40% is never served; 60 of 60 complete")
    none = said(objective("availability", "0.9"), limited, told)
    assert (none.verdict, none.said) == ("does not hold", "does not hold")
    assert none.why.startswith("0% of what is asked is served, 100% is never served")


def test_a_window_has_the_calls_that_the_traffic_has_in_it() -> None:
    calls = [call(number=number) for number in range(50)]  # 5 a second, where 4 are wanted
    told = Costs({f"r{number}": 2_000_000 for number in range(50)})
    month = objective("cost", "20", window=1000.0)
    assert said(month, calls, told, mean_rates={"a": 4.0, "b": 9.0}, alias="a").value == pytest.approx(8.0)
    assert said(month, calls, told).value == pytest.approx(10.0)


def test_quality_is_another_commands() -> None:
    found = said(objective("quality", "0.9", suite="s"), [call()])
    assert found.verdict == "not judged"
    assert "`headworks plan` judges it, by what `headworks eval --targets all --suite s` found" in found.why


def test_the_whole_is_as_bad_as_its_worst_part() -> None:
    met, missed, unsaid, other = (
        Verdict(id="", objective="", alias=None, metric="", verdict=one, limit=0.0)
        for one in ("holds", "does not hold", "cannot say", "not judged")
    )
    assert overall_verdict([]) == overall_verdict([met, other]) == "holds"
    assert overall_verdict([met, unsaid]) == "cannot say"
    assert overall_verdict([met, unsaid, missed]) == "does not hold"


def test_what_was_predicted_stands_beside_what_was_measured() -> None:
    calls = [call(1.0 + number / 100) for number in range(100)]
    one, up = objective("duration", "3", percentile=50), objective("availability", "0.9")
    seen = Measured(calls=calls, seconds=10.0, objectives=[one, up])
    verdicts = [judge(each, seen, Traffic()) for each in (one, up)]
    plan = Plan(
        verdicts=[
            Predicted(id="duration", metric="duration", value=1.0),
            Predicted(id="availability", metric="availability", value=0.99),
            Predicted(id="unheard", metric="duration", value=1.0),
        ],
        latencies=[PredictedLatency(alias="a", metric="duration", predicted=[1.0, None, 2.0, 9.0])],
        percents=[50.0, 90.0, 95.0, 99.9],
    )
    rows = compare(plan, verdicts, seen)
    assert [(row.what, row.within) for row in rows] == [
        ("duration", None),
        ("availability", None),
        ("p50 of a", None),
        ("p95 of a", None),
    ]
    assert [row.error for row in rows] == pytest.approx([0.495, 0.01, 0.495, -0.0298], abs=0.001)
