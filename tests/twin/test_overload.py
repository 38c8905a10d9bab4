"""What a plan says of overloaded and of busy systems, against an independent simulation of the same (`independent.py`).

The pairs of the soak were named, with their seeds, before a constant of the plan was set: see docs/plan/accuracy.md.
"""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from headworks.system.schema.system import System
from headworks.twin.plan import PlanInputs, peak_of, prepare
from headworks.twin.simulation.confidence_interval import Interval
from headworks.twin.simulation.courses import Courses
from headworks.twin.simulation.observations import Observations
from headworks.twin.simulation.replications import Effort, Plan, Run, estimate
from headworks.twin.verdicts.overload import held_for, how_long, left_open, overloads
from tests.system.files import right
from tests.twin.independent import Load, Seen, Tier, Times, simulated

FILE = """\
requirements:
  traffic: {{peak_rps: {rate}, burstiness: {burstiness}, peak_for: {seconds}s, prompt_tokens: {{p50: {prompt[0]}, p95: {prompt[1]}}},
    output_tokens: {{p50: {output[0]}, p95: {output[1]}}}}}
  objectives:
    - {{id: first50, metric: time_to_first_token, percentile: 50, at_most: 1s}}
    - {{id: first95, metric: time_to_first_token, percentile: 95, at_most: 2s}}
    - {{id: duration95, metric: duration, percentile: 95, at_most: 20s}}
    - {{id: up, metric: availability, at_least: 99%}}
providers: {{{providers}}}
models: {{m: {{targets: [{targets}], timeouts: {{total: {deadline}s}}}}}}
"""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A system as the plan and as the independent simulation know it. tiers: of each tier times, a token's and the first one's
    at the median and at the 95th percentile, and limits."""

    rate: float
    seconds: float
    tiers: tuple[dict[str, float], ...]
    prompt: tuple[int, int] = (500, 2000)
    output: tuple[int, int] = (100, 400)
    first: tuple[float, float] = (0.2, 0.4)
    pace: tuple[float, float] = (0.01, 0.02)
    deadline: float = 120.0
    burstiness: float = 1.0

    @property
    def system(self) -> System:
        names = [f"v{number}" for number in range(len(self.tiers))]
        expect = (
            f"{{first_token: {{p50: {self.first[0]}s, p95: {self.first[1]}s}}, "
            f"per_token: {{p50: {self.pace[0] * 1000:g}ms, p95: {self.pace[1] * 1000:g}ms}}, availability: 100%}}"
        )
        limits = [", ".join(f"{limit}: {int(size)}" for limit, size in tier.items()) for tier in self.tiers]
        providers = ", ".join(
            f'{name}: {{dialect: openai, base_url: "https://v/v1", {limit}}}'
            for name, limit in zip(names, limits, strict=True)
        )
        return right(
            FILE.format(
                rate=self.rate,
                seconds=self.seconds,
                prompt=self.prompt,
                output=self.output,
                providers=providers,
                targets=", ".join(f"[{{provider: {name}, model: x, expect: {expect}}}]" for name in names),
                deadline=self.deadline,
                burstiness=self.burstiness,
            )
        )

    def planned(self, effort: Effort) -> tuple[Courses, Plan, list[Run]]:
        """The runs of a plan whose vendors never fail."""
        ready = prepare(self.system, PlanInputs(read=lambda path: b""))
        models = {name: msgspec.structs.replace(model, faults={}) for name, model in ready.modelled.models.items()}
        whole = Plan(self.system, models, ready.demand.workload)
        courses = Courses(peak_of(self.system, ready.demand), whole.workload.rate)
        return courses, whole, courses.runs(whole, effort)[1]

    def independent(self, runs: int, *, is_empty: bool) -> Seen:
        """The calls of so many peaks, by the other simulation."""
        warm = 0 if is_empty else 600
        load = Load(self.rate, Times(*self.prompt), Times(*self.output), self.seconds, self.burstiness, warm)
        first, pace = Times(*self.first), Times(*self.pace)
        made = [
            simulated(
                load,
                [
                    Tier(first, pace, tier.get("concurrency", np.inf), tier.get("rpm"), tier.get("tpm"))
                    for tier in self.tiers
                ],
                seed,
                deadline=self.deadline,
                is_empty=is_empty,
            )
            for seed in range(runs)
        ]
        return Seen(
            *(np.concatenate([getattr(one, name) for one in made]) for name in ("first", "duration", "is_whole"))
        )


def predicted(plan: Plan, made: list[Run]) -> dict[str, Interval]:
    found = {one.id: estimate(one, made) for one in plan.system.requirements.objectives}
    return {id: interval for id, interval in found.items() if interval is not None}


def compare(case: Case, whole: Plan, made: list[Run], runs: int) -> None:
    """Asserts that the other simulation's numbers are within the plan's intervals."""
    found, seen = predicted(whole, made), case.independent(runs, is_empty=True)
    known = {
        "first50": seen.percentile("first", 50),
        "first95": seen.percentile("first", 95),
        "duration95": seen.percentile("duration", 95),
        "up": seen.availability,
    }
    said = {id: (round(value, 4), found[id]) for id, value in known.items()}
    outside = [id for id, value in known.items() if not found[id].low <= value <= found[id].high]
    assert outside == [], said


SLOTS = Case(rate=4, seconds=150, tiers=({"concurrency": 5},), deadline=20)
TOKENS = Case(rate=4, seconds=150, tiers=({"tpm": 165_000},), deadline=20)
SECOND = Case(rate=4, seconds=150, tiers=({"rpm": 120}, {"tpm": 70_000}), deadline=20)


@pytest.mark.parametrize("case", [TOKENS, SECOND], ids=["tokens", "second tier"])
def test_a_short_overload_of_buckets_is_predicted_as_another_simulation_has_it(case: Case) -> None:
    _, whole, made = case.planned(Effort(calls=100, runs=3))
    compare(case, whole, made, 40)


@pytest.fixture(scope="module")
def slots() -> tuple[Courses, Plan, list[Run]]:
    return SLOTS.planned(Effort(calls=100, runs=3))


def test_a_short_overload_of_places_is_predicted_as_another_simulation_has_it(
    slots: tuple[Courses, Plan, list[Run]],
) -> None:
    _, whole, made = slots
    compare(SLOTS, whole, made, 40)


def test_a_queue_that_grows_is_said_with_how_fast_and_what_comes_of_it(slots: tuple[Courses, Plan, list[Run]]) -> None:
    courses, whole, made = slots
    load = courses.capacity_of(whole)
    [found] = overloads(load, 150, made)
    assert found.grows
    assert found.said.startswith("more arrives than `v0` admits (its concurrency): the queue grows by 1.2")
    assert "calls a second; after " in found.said
    assert found.said.endswith(" a call waits 20s, the longest that it may")
    [short] = overloads(load, 20, made)
    assert "after 20s, when the peak ends, a call waits " in short.said
    calm = msgspec.structs.replace(made[0], seen=quick(made[0].measured), shown=None)
    assert overloads(load, 150, [calm]) == []  # the runs show no such queue


def quick(seen: Observations) -> Observations:
    """The same calls, none of which waited."""
    count = len(seen)
    return msgspec.structs.replace(seen, duration=np.full(count, 0.1), is_whole=np.ones(count, dtype=bool))


def test_a_promise_that_is_missed_says_for_how_long_it_holds(slots: tuple[Courses, Plan, list[Run]]) -> None:
    _, whole, made = slots
    objectives = whole.system.requirements.objectives
    by_id = {one.id: one for one in objectives}
    early, late = held_for(by_id["first95"], objectives, made), held_for(by_id["up"], objectives, made)
    assert early is not None
    assert late is not None
    assert early <= 5 < late < 50  # it is late soon, and refused once the queue is full
    assert how_long(by_id["up"], objectives, made).startswith("; it holds for the first ")
    assert how_long(by_id["up"], objectives, [msgspec.structs.replace(one, course=None) for one in made]) == ""


def test_of_a_peak_whose_end_nobody_simulated_a_promise_is_not_said_to_hold(
    slots: tuple[Courses, Plan, list[Run]],
) -> None:
    _, whole, made = slots
    by_id = {one.id: one for one in whole.system.requirements.objectives}
    course = made[0].course
    assert course is not None
    cut = [msgspec.structs.replace(made[0], course=msgspec.structs.replace(course, is_cut=True)), *made[1:]]
    latency, note = left_open(by_id["first95"], Interval(1.0, 0.9, 1.1), cut)
    assert (latency.low, latency.high) == (0.9, float("inf"))
    assert "of the peak only the first " in note
    assert left_open(by_id["up"], Interval(0.999, 0.998, 1.0), cut)[0] == Interval(0.999, 0.0, 1.0)
    assert left_open(by_id["up"], Interval(0.999, 0.998, 1.0), made) == (Interval(0.999, 0.998, 1.0), "")
