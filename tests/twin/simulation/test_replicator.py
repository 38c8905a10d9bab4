"""Runs that are asked for ahead: the same plan to the byte, whoever makes them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import msgspec
import pytest

from headworks.system.schema.system import System
from headworks.twin.plan import PlanInputs, peak_of, plan, prepare
from headworks.twin.report.report import as_json
from headworks.twin.search.foreseen import foreseen
from headworks.twin.simulation import replicator as module
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.replications import Effort, Plan, Task, replicate
from headworks.twin.simulation.replicator import Replicator
from headworks.twin.verdicts.verdict import Judge
from headworks.twin.workers.frames import pickled
from headworks.twin.workers.workers import ThisProcess
from tests.twin.systems import one

NOTHING = PlanInputs(read=lambda path: b"")
OBJECTIVES = """objectives: [
  {id: first, metric: time_to_first_token, percentile: 95, at_most: 1s}, {id: up, metric: availability, at_least: 95%}]"""
EXPECT = "expect: {first_token: {p50: 100ms, p95: 300ms}, per_token: {p50: 5ms, p95: 10ms}, availability: 99%}"
TRAFFIC = (
    "traffic: {peak_rps: 4, peak_for: 20s, prompt_tokens: {p50: 300, p95: 900}, output_tokens: {p50: 50, p95: 150}}"
)


def system(limits: str = "", targets: str = f"{{provider: v, model: x, {EXPECT}}}") -> System:
    return one(f"{TRAFFIC}, {OBJECTIVES}", limits, targets, ", timeouts: {total: 5s}")


class Elsewhere(ThisProcess):
    """Two workers, as far as anybody can tell: what goes to them and what comes back is pickled. A task is done when it is taken, so
    what nobody takes costs nothing."""

    count = 2

    def __init__(self) -> None:
        self.begun = 0
        self.futures: list[Future[Any]] = []

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        self.begun += 1
        sent = pickled((function, args))

        class Later(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:
                made, given = pickle.loads(sent)
                return pickle.loads(pickled(made(*given)))

        self.futures.append(Later())
        return self.futures[-1]


def test_a_plan_has_the_same_bytes_with_workers_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAYS", 0)
    made, others, effort = system(", tpm: 60k"), Elsewhere(), Effort(calls=50, runs=2)
    assert as_json(plan(made, NOTHING, effort, workers=others)) == as_json(plan(made, NOTHING, effort))
    assert others.begun > 8


def test_outages_are_the_same_with_workers_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAYS", 0)
    made, others = (
        system(targets=f"[{{provider: v, model: x, {EXPECT}}}], [{{provider: w, model: y, {EXPECT}}}]"),
        Elsewhere(),
    )
    ready = prepare(made, NOTHING)
    whole = Plan(made, ready.modelled.models, ready.demand.workload)
    runs = [replicate(whole, seed, 20) for seed in (1, 2)]
    found = []
    for source in (Replicator(others), Replicator()):
        courses = Courses(peak_of(made, ready.demand), whole.workload.rate, source)
        found.append(Judge(whole, runs, 1, short=20, courses=courses).of(made.requirements.objectives[1]))
    assert found[0] == found[1]
    assert others.begun == 2  # v down, and w: with both nobody answers


def task(seed: int = 1) -> Task:
    made = system()
    ready = prepare(made, NOTHING)
    return Task(Plan(made, ready.modelled.models, ready.demand.workload), seed, 20)


def test_what_is_too_little_to_pay_for_a_start_is_done_here() -> None:
    others = Elsewhere()
    source = Replicator(others)
    source.ahead([task()])
    assert others.begun == 0
    assert source.run(task()).seed == 1


def test_a_run_is_begun_once_and_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAYS", 0)
    others, asked = Elsewhere(), task()
    source = Replicator(others)
    source.ahead([asked])
    source.ahead([asked, msgspec.structs.replace(asked, seed=2)])
    assert others.begun == 2
    other = msgspec.structs.replace(asked, down=frozenset({"v"}))
    assert source.run(other).values["up"] == 0.0  # it was not asked for ahead
    assert [source.run(msgspec.structs.replace(asked, seed=seed)).seed for seed in (2, 1)] == [2, 1]
    source.ahead([task(4), task(5)])
    source.drop()
    assert [one.cancelled() for one in others.futures] == [False, False, True, True]


def test_what_the_search_of_an_overloaded_system_asks_for_is_foreseen() -> None:
    made = system(", tpm: 60k")
    ready = prepare(made, NOTHING)
    whole = Plan(made, ready.modelled.models, ready.demand.workload)
    courses, effort = Courses(peak_of(made, ready.demand), whole.workload.rate), Effort(calls=50, runs=2)
    tasks = foreseen(whole, effort, courses)
    assert tasks
    assert not any(one.course is not None and one.course.is_whole for one in tasks)
    assert {one.plan.system.providers["v"].tpm for one in tasks} > {
        300_000
    }  # the largest step, and the lowest that is enough


def test_nothing_is_foreseen_of_a_system_that_has_room() -> None:
    made = system()
    ready = prepare(made, NOTHING)
    whole = Plan(made, ready.modelled.models, ready.demand.workload)
    assert foreseen(whole, Effort(calls=50), Courses(peak_of(made, ready.demand), whole.workload.rate)) == []
