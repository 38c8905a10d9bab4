"""A load beside its plan: what is as the plan says is inside, and what is not is outside."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from headworks.cli.load_prediction import (
    MAX_CALLS,
    as_arrivals,
    as_result,
    costs_of,
    models_of,
    simulated_loads,
    with_prediction,
)
from headworks.core.record import Outcome, Record
from headworks.load.prediction import RUNS, Row
from headworks.load.run import LoadConfig, Report
from headworks.load.verdict import ComparedValue, Verdict
from tests.cli.faithful import ANSWERS, WARM_UP, Scene, outside, scene


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return scene(tmp_path_factory.mktemp("few"), ANSWERS.replace("peak_rps: 2", "peak_rps: 1"))


@pytest.fixture(scope="module")
def loads(few: Scene) -> list[dict[Row, float]]:
    return few.loads(RUNS + 1)


def test_of_sixty_faithful_loads_of_75_seconds_at_most_seven_in_a_hundred_are_outside(
    few: Scene, loads: list[dict[Row, float]]
) -> None:
    rows = few.compared()
    found = [outside(load, [one for one in loads if one is not load], rows) for load in loads]
    assert sum(map(bool, found)) <= 0.07 * len(loads)


def test_a_vendor_that_is_not_as_planned_is_outside(few: Scene, loads: list[dict[Row, float]]) -> None:
    own = few.models["v/simulated"]
    pace = msgspec.structs.replace(own.pace, median=2 * own.pace.median)
    slower = {"v/simulated": msgspec.structs.replace(own, pace=pace)}
    late = outside(few.loads(1, slower)[0], loads[1:], few.compared())
    assert ("whole50", "duration") in late
    assert ("cost", "cost_per_call") not in late


def test_a_simulated_load_is_as_long_as_the_real_one_and_says_how_long_answers_are(few: Scene) -> None:
    made = as_arrivals(few.wanted, 3)
    assert made is not None
    assert (made.begins, made.says_length) == (5.0, True)
    assert made.at[-1] < made.ends <= 80.0
    other = as_arrivals(few.wanted, 4)
    assert other is not None
    assert made.at != other.at
    assert as_arrivals(msgspec.structs.replace(few.wanted, seconds=1e-6), 3) is None


def report(**others: object) -> Report:
    fields = dict.fromkeys(Report.__struct_fields__, 0.0) | {
        "compared": [ComparedValue(what="whole50", metric="duration", predicted=2.0, measured=2.1, error=0.05)],
        "stopped": "", "prediction": "", "searched": None, "latencies": [], "verdicts": [],
    }  # fmt: skip
    return Report(**(fields | others))  # type: ignore[arg-type]


def test_without_the_plans_models_no_interval_is_made_up_and_the_reason_is_said(few: Scene, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    models = [msgspec.to_builtins(one) for one in few.models.values()]
    for content, said in (
        ({"verdicts": []}, "has no vendor models"),
        ({"models": models, "digest": "another"}, "is the plan of another system file"),
        ({"models": [], "digest": few.system.digest}, "has no model of v/simulated"),
    ):
        plan.write_bytes(msgspec.json.encode(content))
        made = with_prediction(report(), few.wanted, few.system, plan)
        assert said in made.prediction
        assert made.compared[0].within is None
    plan.write_bytes(msgspec.json.encode({"models": models, "digest": few.system.digest}))
    assert models_of(plan, few.system) == (few.models, "")
    stopped = with_prediction(report(stopped="too much"), few.wanted, few.system, plan)
    assert stopped.prediction == "no intervals: the load was stopped before its end"
    assert with_prediction(report(compared=[]), few.wanted, few.system, plan).prediction == ""


def test_a_load_of_many_calls_is_compared_with_shorter_ones(
    few: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tmp_path / "plan.json"
    models = [msgspec.to_builtins(one) for one in few.models.values()]
    plan.write_bytes(msgspec.json.encode({"models": models, "digest": few.system.digest}))
    asked: list[tuple[float, float]] = []
    monkeypatch.setattr(
        "headworks.cli.load_prediction.as_arrivals",
        lambda wanted, seed, faster: asked.append((wanted.seconds, wanted.warm_up)),
    )
    long = msgspec.structs.replace(few.wanted, seconds=1e6)
    made = with_prediction(report(), long, few.system, plan)
    assert asked == [(MAX_CALLS / few.wanted.rate, 5.0)] * RUNS
    assert made.compared[0].within is None


def test_what_a_caller_sees_of_a_simulated_call() -> None:
    made = Record(
        request_id="7", at=0.0, arrived_at=1.0, head_at=1.5, last_at=3.0, operation="chat", model="m", streamed=True,
        status=200, outcome="ok", config="c", cost_nano=5,
    )  # fmt: skip
    whole = as_result(made)
    assert (whole.first, whole.duration, whole.is_whole, whole.request_id) == (0.5, 2.0, True, "7")
    assert as_result(msgspec.structs.replace(made, streamed=False)).first_at == 0.0
    outcomes: list[Outcome] = ["refused", "shed", "failed", "expired", "cut", "cancelled"]
    seen = [as_result(msgspec.structs.replace(made, outcome=one)).ended for one in outcomes]
    assert seen == ["refused", "limited", "failed", "failed", "cut", "left"]
    found = costs_of([made, msgspec.structs.replace(made, request_id="8", outcome="refused", cost_nano=None)])
    assert (found.nano, found.refused) == ({"7": 5, "8": None}, {"8"})


def test_the_cost_of_a_replayed_trace_has_the_noise_of_its_calls(few: Scene, tmp_path: Path) -> None:
    """Every simulated load of a trace costs the same: a vendor that counts a prompt otherwise by a token is no other vendor."""
    plan = tmp_path / "plan.json"
    models = [msgspec.to_builtins(one) for one in few.models.values()]
    plan.write_bytes(msgspec.json.encode({"models": models, "digest": few.system.digest}))
    same = few.wanted.draw(WARM_UP + 4.0, 1.0)
    traffic = msgspec.structs.replace(few.wanted.traffic, trace="calls.csv")
    wanted = msgspec.structs.replace(
        few.wanted, seconds=4.0, traffic=traffic, redraw=lambda seed: lambda seconds, faster: same
    )
    found = numbers_of_one(few, wanted)
    cost = found["cost", "cost_per_call"]
    rows = [ComparedValue(what="cost", metric="cost_per_call", predicted=cost, measured=1.01 * cost, error=0.01)]
    verdict = Verdict(
        id="cost", objective="", alias=None, metric="cost_per_call", verdict="holds", limit=1.0,
        value=1.01 * cost, low=0.8 * cost, high=1.22 * cost,
    )  # fmt: skip
    made = with_prediction(report(compared=rows, verdicts=[verdict]), wanted, few.system, plan).compared[0]
    assert made.low is not None
    assert made.high is not None
    assert made.low < 0.9 * cost
    assert made.high > 1.1 * cost
    assert made.within is True


def numbers_of_one(few: Scene, wanted: LoadConfig) -> dict[Row, float]:
    drawn = as_arrivals(wanted, 1)
    assert drawn is not None
    return simulated_loads(wanted, few.system, few.models, [drawn])[0]
