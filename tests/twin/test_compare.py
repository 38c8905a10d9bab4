"""Several systems side by side: the same calls for all, differences that are surer than the numbers, and who beats whom."""

from __future__ import annotations

import msgspec
import pytest

from headworks.core.errors import PlanError
from headworks.system.schema.system import System
from headworks.system.verdicts.constraints import ConstraintVerdict
from headworks.twin.compare import Side, answer, compare, dominated, matched, objective_row, runs_of_one_length
from headworks.twin.plan import PlanInputs, judged
from headworks.twin.report.comparison import ANSWERED, COST, Column, Comparison, Difference, Row, comparison_json
from headworks.twin.simulation.replications import Effort
from headworks.twin.verdicts.speed_ends import OverSpeeds, RestsOn
from tests.system.files import right

FILE = """\
requirements:
  traffic: {{peak_rps: {rate}, prompt_tokens: {{p50: 100, p95: 300}}, output_tokens: {{p50: 50, p95: 100}}{traffic}}}
  objectives: [{objectives}]
providers:
  v: {{dialect: openai, base_url: "https://v/v1"{limits}}}
  w: {{dialect: openai, base_url: "https://w/v1"}}
models:
  a:
    targets: [{targets}]
    price: {{input: $1/M, output: {output}/M}}
"""
FIRST = "{id: first, metric: time_to_first_token, percentile: 95, at_most: 2s}"
UP = "{id: up, metric: availability, at_least: 90%}"
MONTHS = "{id: months, metric: availability, window: 30d, at_least: 95%}"
BILL = "{id: bill, metric: cost, window: 30d, at_most: $9000}"
EACH = "{id: each, metric: cost_per_call, at_most: $1}"
GOOD = "{id: good, metric: goodput, at_least: 0.1rps}"
EFFORT = Effort(calls=100, runs=3)
NOTHING = PlanInputs(read=lambda path: b"")


def target(first: str = "{p50: 300ms, p95: 700ms}", provider: str = "v") -> str:
    return f"{{provider: {provider}, model: x, expect: {{first_token: {first}, per_token: {{p50: 5ms, p95: 9ms}}}}}}"


def system(
    objectives: str = FIRST,
    *,
    rate: str = "1",
    output: str = "$5",
    targets: str = "",
    limits: str = "",
    traffic: str = "",
) -> System:
    targets = targets or target()
    return right(
        FILE.format(rate=rate, objectives=objectives, output=output, targets=targets, limits=limits, traffic=traffic)
    )


def side_by_side(**systems: System) -> Comparison:
    return compare({name: (one, NOTHING) for name, one in systems.items()}, EFFORT)


def row(found: Comparison, name: str) -> Row:
    return next(one for one in found.rows if one.name == name)


def between(found: Comparison, name: str, one: str, other: str) -> Difference:
    made = row(found, name).between(one, other)
    assert made is not None
    return made


ALL = f"{FIRST}, {UP}, {MONTHS}, {BILL}, {EACH}, {GOOD}"


@pytest.fixture(scope="module")
def found() -> Comparison:
    """A system; the same at a lower price; with a vendor that is 1 % faster; with another vendor; with both."""
    return side_by_side(
        dear=system(ALL),
        cheap=system(ALL, output="$2"),
        quick=system(ALL, targets=target("{p50: 297ms, p95: 693ms}")),
        other=system(ALL, output="$2", targets=target(provider="w")),
        two=system(ALL, targets=f"{target()}, {target(provider='w')}"),
    )


def test_systems_that_differ_in_their_price_differ_in_nothing_else(found: Comparison) -> None:
    for name in ("first", "up", "months", "good", ANSWERED):
        made = between(found, name, "dear", "cheap")
        assert (made.value, made.low, made.high, made.better) == (0, 0, 0, None)
    for name in ("bill", "each", COST):
        assert between(found, name, "dear", "cheap").better == "cheap"


def test_a_system_is_dominated_by_one_that_is_better_and_nowhere_worse(found: Comparison) -> None:
    (one,) = [one for one in found.dominated if (one.file, one.by) == ("dear", "cheap")]
    assert (one.better, one.unclear) == (["bill", "each", COST], [])
    assert not any((one.file, one.by) == ("cheap", "dear") for one in found.dominated)


def test_a_difference_is_surer_than_the_two_numbers(found: Comparison) -> None:
    mine, theirs = (one.verdicts[0] for one in found.columns if one.file in ("dear", "quick"))
    assert mine.low is not None
    assert theirs.high is not None
    assert mine.low < theirs.high  # apart they say nothing
    made = between(found, "first", "dear", "quick")
    assert (made.better, made.how) == ("quick", "paired")
    assert made.value == pytest.approx(-0.007, abs=0.003)


@pytest.mark.parametrize("name", ["first", "up", "bill", "each", "good"])
def test_a_difference_is_that_of_its_columns(name: str, found: Comparison) -> None:
    values = {one.file: one.verdict_on(name) for one in found.columns}
    for one in row(found, name).differences:
        before, after = values[one.before], values[one.after]
        assert before is not None
        assert after is not None
        assert before.value is not None
        assert after.value is not None
        assert one.value == pytest.approx(after.value - before.value, rel=1e-6, abs=1e-9)
        assert one.how == "paired"


def test_the_cost_of_a_month_is_that_of_the_columns(found: Comparison) -> None:
    values = {one.file: one.month for one in found.columns}
    for one in row(found, COST).differences:
        before, after = values[one.before], values[one.after]
        assert before is not None
        assert after is not None
        assert one.value == pytest.approx(after.value - before.value)


def test_a_column_is_the_systems_own_plan(found: Comparison) -> None:
    own = judged(system(ALL), NOTHING, EFFORT, lambda line: None)
    assert found.columns[0].verdicts == own.verdicts
    assert found.columns[0].binding == own.binding


def test_what_no_call_showed_is_not_said_to_be_equal(found: Comparison) -> None:
    """All calls of both were answered; but they went another way, and there were some 300."""
    for name in ("up", ANSWERED):
        made = between(found, name, "dear", "quick")
        assert made.better is None
        assert made.high is not None
        assert made.high - made.value == pytest.approx(3.69 / 300, rel=0.1)


def test_where_no_difference_was_measured_is_said_of_the_dominated(found: Comparison) -> None:
    """Another vendor of the same speed: its luck is in the difference."""
    (one,) = [one for one in found.dominated if (one.file, one.by) == ("dear", "other")]
    assert "first" in one.unclear


def test_windows_of_other_causes_are_compared_at_random_and_of_the_same_one_by_one(found: Comparison) -> None:
    """Two vendors draw their outages from one source, each as its system's first: that must not look like the same outages."""
    made = between(found, "months", "dear", "other")
    assert (made.how, made.better) == ("windows", None)
    assert made.low is not None
    assert made.high is not None
    assert made.low < -0.001 < 0.001 < made.high
    assert between(found, "months", "dear", "two").better == "two"
    same = between(found, "months", "dear", "cheap")
    assert same.low == same.high == 0


def test_a_system_that_breaks_a_promise_does_not_dominate_one_that_keeps_it(found: Comparison) -> None:
    dear, cheap = found.columns[:2]
    unsure = msgspec.structs.replace(cheap.verdicts[0], verdict="cannot say")
    broken = msgspec.structs.replace(cheap, verdicts=[unsure, *cheap.verdicts[1:]])
    assert dominated([dear, cheap], found.rows)
    assert dominated([dear, broken], found.rows) == []


def test_the_answer_names_the_cheapest_that_holds(found: Comparison) -> None:
    def those(*verdicts: str) -> list[Column]:
        pairs = zip(found.columns, verdicts, strict=False)
        return [msgspec.structs.replace(one, verdict=verdict) for one, verdict in pairs]

    cost = row(found, COST)
    said = answer(those("holds", "holds", "does not hold"), cost)
    assert said[0] == "2 of 3 systems meet every objective: dear, cheap"
    assert said[1].startswith("the cheapest of them is cheap: $")
    assert "may cost" not in said[1]
    assert answer(those("does not hold", "holds"), cost)[0].startswith(
        "1 of 2 systems meets every objective: cheap, for $"
    )
    same = those("holds", "does not hold", "holds")
    assert answer(same, cost)[1].endswith(("; dear may cost as little", "; quick may cost as little"))
    unknown = [msgspec.structs.replace(one, month=None) for one in those("holds", "holds")]
    assert answer(unknown, cost)[0].endswith("; a price is unknown, so which is cheapest is, too")


def test_where_none_holds_the_answer_says_what_each_misses(found: Comparison) -> None:
    """`first` is missed by the one, and `up` may be by both."""
    dear, cheap = found.columns[:2]
    unsure = msgspec.structs.replace(dear.verdicts[1], verdict="cannot say")
    missed = msgspec.structs.replace(dear.verdicts[0], verdict="does not hold")
    both = [
        msgspec.structs.replace(dear, verdict="does not hold", verdicts=[missed, unsure]),
        msgspec.structs.replace(cheap, verdict="cannot say", verdicts=[dear.verdicts[0], unsure]),
    ]
    assert answer(both, row(found, COST)) == [
        "none of 2 systems is known to meet every objective",
        "dear misses first and may miss up",
        "cheap may miss up",
    ]


def test_a_system_that_serves_a_part_is_neither_counted_nor_the_cheapest(found: Comparison) -> None:
    dear, cheap = found.columns[:2]
    part = msgspec.structs.replace(cheap, verdicts=[msgspec.structs.replace(cheap.verdicts[0], served=0.12)])
    said = answer([dear, part], row(found, COST))
    assert said[0].startswith("1 of 2 systems meets every objective: dear, for $")
    assert said[1:] == ["cheap: holds for 12% of what is asked"]
    assert answer([part], row(found, COST)) == ["cheap: holds for 12% of what is asked"]


def test_a_constraint_that_is_not_met_is_missed(found: Comparison) -> None:
    no = ConstraintVerdict(constraint="region: eu", target="v/x", provider="v", verdict="does not hold", why="")
    one = msgspec.structs.replace(found.columns[0], verdict="does not hold", constraints=[no])
    assert answer([one], row(found, COST))[1] == "dear misses region: eu at v/x"


def test_of_an_unknown_speed_there_is_no_difference() -> None:
    found = side_by_side(a=system(targets="v/x"), b=system(targets="v/x", output="$2"))
    assert row(found, "first").differences == []
    assert between(found, COST, "a", "b").better == "b"
    assert [one.unclear for one in found.dominated] == [["first"]]


def test_a_number_that_rests_on_a_speed_nobody_measured_is_compared_by_its_interval() -> None:
    one = judged(system(), NOTHING, EFFORT, lambda line: None)
    rests = RestsOn(objective="first", target="v/x", origin="prior", said="", fast=0.1, slow=0.9)
    unsure = msgspec.structs.replace(one, over=OverSpeeds(one.over.verdicts, [rests]))
    objective = one.whole.system.requirements.objectives[0]
    traffic: dict[tuple[str, str], list[str]] = {("a", "b"): []}
    for other, how in ((one, "paired"), (unsure, "not paired")):
        sides = [Side("a", one, one.made, {}), Side("b", other, other.made, {})]
        (made,) = objective_row({"a": objective, "b": objective}, sides, traffic).differences
        assert made.how == how


def test_other_traffic_is_said_and_nobody_is_called_dominated() -> None:
    found = side_by_side(a=system(), b=system(rate="2", output="$1", traffic=", peak_for: 30m, streamed: 50%"))
    assert found.traffic == {
        "b": ["calls a second of a: 2, not 1", "streamed of a: 0.5, not 1", "the peak lasts 30m, not 1h"]
    }
    assert between(found, "first", "a", "b").how == between(found, COST, "a", "b").how == "not paired"
    assert found.dominated == []


def test_objectives_are_matched_by_id_and_then_by_what_they_are_about() -> None:
    p50 = "{id: first, metric: time_to_first_token, percentile: 50, at_most: 1s}"
    mine = system(objectives=f"{FIRST}, {UP}")
    theirs = system(objectives=f"{FIRST.replace('first,', 'quick,')}, {p50}, {UP.replace('90%', '99%')}")
    rows = matched({"a": mine, "b": theirs})
    assert [{file: one.id for file, one in row.items()} for row in rows] == [
        {"a": "first", "b": "quick"},
        {"a": "up", "b": "up"},
        {"b": "first"},
    ]


def test_runs_that_are_paired_are_equally_long_and_have_the_same_calls() -> None:
    short, long = (judged(system(), NOTHING, Effort(calls=calls, runs=2), lambda line: None) for calls in (50, 80))
    assert short.made[0].measured.arrived.tolist() != long.made[0].measured.arrived.tolist()
    runs, more = runs_of_one_length({"short": short, "long": long}, EFFORT)
    for mine, theirs in zip(runs["short"], runs["long"], strict=True):
        assert mine.seed == theirs.seed
        assert mine.measured.arrived.tolist() == theirs.measured.arrived.tolist()
    assert more == sum(one.calls for one in runs["short"])
    assert runs["long"] == long.made


def test_runs_that_would_take_too_long_are_not_made_equally_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headworks.twin.compare.MOST_PAIRED", 100)
    short, long = (judged(system(), NOTHING, Effort(calls=calls, runs=2), lambda line: None) for calls in (50, 80))
    runs, more = runs_of_one_length({"short": short, "long": long}, EFFORT)
    assert (runs, more) == ({"short": short.made, "long": long.made}, 0)


def test_a_system_that_answers_less_dominates_nobody() -> None:
    """It costs less because it turns calls away, and those that it answers are no slower."""
    peak = ", peak_for: 200s"
    found = side_by_side(full=system(traffic=peak), short=system(traffic=peak, limits=", rpm: 20"))
    assert between(found, COST, "full", "short").better == "short"
    assert between(found, ANSWERED, "full", "short").better == "full"
    assert found.dominated == []


def test_the_same_files_give_the_same_bytes() -> None:
    made = [comparison_json(side_by_side(a=system(), b=system(output="$2"))) for _ in range(2)]
    assert made[0] == made[1]


def test_what_cannot_be_planned_names_its_file() -> None:
    file = f"requirements: {{objectives: [{FIRST}]}}\nproviders: {{v: {{dialect: simulated}}}}\nmodels: {{a: {{targets: [v]}}}}"
    with pytest.raises(PlanError, match="b: there is no load to plan for"):
        side_by_side(b=right(file))
