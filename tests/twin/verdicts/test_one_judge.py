"""`check` and `plan` are one judge: the same word for the same objective wherever both can know, and one set of words."""

from __future__ import annotations

import numpy as np
import pytest

from headworks.gateway.prices import Prices
from headworks.load.arrivals import Arrival
from headworks.load.call import CallResult
from headworks.load.verdict import Measured
from headworks.load.verdict import judge as judge_load
from headworks.system.drafts.prompt import Prompt
from headworks.system.drafts.system import TargetChoice, choose_target, draft
from headworks.system.schema.system import System
from headworks.system.verdicts.availability_windows import MEAN_OUTAGE_SECONDS, joint_outages, share_of_windows_kept
from headworks.system.verdicts.closed_forms import Cause
from headworks.system.verdicts.inputs import StatedInputs
from headworks.system.verdicts.judge import judge
from headworks.system.verdicts.verdict import percent
from headworks.twin.plan import PlanInputs, prepare
from headworks.twin.search.changes import remedy_ladders, sensitivity_changes
from headworks.twin.search.search import ChangeSearch
from headworks.twin.simulation.replications import Effort, replicate_until_clear
from headworks.twin.simulation.replications import Plan as Whole
from headworks.twin.verdicts.outages import simulate_windows, state_shares
from headworks.twin.verdicts.verdict import Judge, Verdict
from tests.system.files import FakeMachine, right
from tests.twin.systems import one

MONTH = 30 * 86400.0
OTHER = {"holds": "does not hold", "does not hold": "holds"}


def judged(system: System, calls: int = 100, most: int = 3) -> list[Verdict]:
    ready = prepare(system, PlanInputs(read=lambda path: b""))
    whole = Whole(system, ready.modelled.models, ready.demand.workload)
    made = replicate_until_clear(whole, Effort(calls=calls, runs=most))
    judging = Judge(whole, made, 1, short=50)
    return [judging.of(objective) for objective in system.requirements.objectives]


@pytest.mark.parametrize(
    ("outages", "causes"),
    [
        ({"a": 0.01}, []),
        ({"a": 0.001}, []),
        ({"a": 0.05, "b": 0.05}, []),
        ({"a": 0.01, "b": 0.01}, [Cause(frozenset("ab"), 0.1)]),
        ({"a": 0.01, "b": 0.02, "c": 0.01}, [Cause(frozenset("abc"), 0.1)]),
    ],
)
def test_the_windows_of_arithmetic_are_those_that_are_drawn(outages: dict[str, float], causes: list[Cause]) -> None:
    made = simulate_windows(outages, causes, MONTH, MEAN_OUTAGE_SECONDS, 1)
    down = made.shares[:, made.states.index(frozenset(outages))]
    for part in (0.3, 0.5, 0.75, 0.95, 0.99):
        bound = float(np.quantile(down, part))
        if bound > 0:
            assert share_of_windows_kept(joint_outages(outages, causes), MONTH, bound) == pytest.approx(part, abs=0.03)
    assert share_of_windows_kept(joint_outages(outages, causes), MONTH, 1.0) == 1.0
    assert share_of_windows_kept(joint_outages(outages, causes), MONTH, -1e-9) == 0.0


TRAFFIC = "traffic: {peak_rps: 5, prompt_tokens: {p50: 100, p95: 300}, output_tokens: {p50: 30, p95: 60}}"
AVAILABLE = [
    f"{{id: {kind}{number}, metric: availability, at_least: {share}{window}}}"
    for kind, window in (("w", ", window: 30d"), ("m", ""))
    for number, share in enumerate(("98%", "98.8%", "99%", "99.7%", "99.9%"))
]
OTHERS = [
    "{id: g1, metric: goodput, at_least: 4rps}",
    "{id: g2, metric: goodput, at_least: 5rps}",
    "{id: g3, metric: goodput, at_least: 6rps}",
    "{id: c1, metric: cost_per_call, at_most: $0.0002}",
    "{id: c2, metric: cost_per_call, at_most: $0.0003}",
    "{id: c3, metric: cost_per_call, at_most: $0.0004}",
    "{id: b1, metric: cost, at_most: $3000, window: 30d}",
    "{id: b2, metric: cost, at_most: $9000, window: 30d}",
]


@pytest.mark.parametrize("targets", ["v/x", "v/x, w/y"])
def test_where_both_can_know_they_say_the_same(targets: str) -> None:
    objectives = ", ".join([*AVAILABLE, *OTHERS])
    system = one(f"{TRAFFIC}, objectives: [{objectives}]", targets=targets)
    first = {verdict.id: verdict for verdict in judge(system, Prices(system).of)}
    second = {verdict.id: verdict for verdict in judged(system)}
    said = {id: (verdict.verdict, second[id].verdict) for id, verdict in first.items()}
    for arithmetic, runs_ in said.values():
        assert arithmetic in ("cannot say", runs_)
    assert {arithmetic for arithmetic, _ in said.values()} == {"holds", "does not hold", "cannot say"}


def test_a_month_whose_mean_holds_while_every_sixth_does_not_is_nowhere_said_to_hold() -> None:
    up = "{id: up, metric: availability, at_least: 99.8%, window: 30d}"
    system = one(f"{TRAFFIC}, objectives: [{up}]", targets="v/x, w/y")
    [first] = judge(system, Prices(system).of)
    [second] = judged(system)
    assert (first.verdict, second.verdict) == ("cannot say", "cannot say")
    assert "81% of 30d windows" in first.why


def test_the_time_that_providers_are_down_adds_up_and_is_what_is_drawn() -> None:
    outages, causes = {"a": 0.05, "b": 0.02}, [Cause(frozenset("ab"), 0.1)]
    shares = state_shares(outages, causes)
    assert shares is not None
    assert sum(shares.values()) == pytest.approx(1)
    drawn = simulate_windows(outages, causes, MONTH, MEAN_OUTAGE_SECONDS, 1)
    for state, share in shares.items():
        assert drawn.share_of(state) == pytest.approx(share, rel=0.1)
    assert state_shares({f"p{number}": 0.01 for number in range(20)}, []) is None


@pytest.mark.parametrize(("targets", "expected"), [("v", 0.99), ("[v, w]", 0.99891919)])
def test_check_plan_and_load_say_the_same_word_number_and_reason_of_an_availability(
    targets: str, expected: float
) -> None:
    up = "{id: up, metric: availability, at_least: 99.5%}"
    model = "{dialect: simulated, first_token: {p50: 100ms, p99: 200ms}, per_token: {p50: 1ms, p99: 2ms}}"
    sim = right(f"""\
requirements: {{{TRAFFIC}, objectives: [{up}]}}
providers: {{v: {model}, w: {model}}}
models: {{m: {{targets: {targets}}}}}
""")
    [first] = judge(sim, Prices(sim).of)
    [second] = judged(sim, calls=400)
    calls = []
    for number in range(4000):
        made = CallResult(Arrival(0.0, "m", 1, 1, False, 0), 10.0)
        made.ended, made.ended_at, made.request_id = "ok", 11.0, f"r{number}"
        calls.append(made)
    measured = Measured(calls=calls, seconds=800.0, inputs=StatedInputs(sim))
    third = judge_load(sim.requirements.objectives[0], measured, sim.requirements.traffic)
    word = "does not hold" if targets == "v" else "holds"
    assert (first.verdict, second.verdict, third.verdict) == (word, word, word)
    assert (second.value, third.value) == pytest.approx((expected, expected), abs=1e-6)
    reason = (
        f"{percent(round(expected, 6))} expected with {'v' if targets == 'v' else 'v, w'} (99% assumed where not stated"
    )
    for why in (first.why, second.why, third.why):
        assert reason in why


def test_availability_without_a_window_has_outages_in_it() -> None:
    up = "{id: up, metric: availability, at_least: 99.5%}"
    sim = right(f"""\
requirements: {{{TRAFFIC}, objectives: [{up}]}}
providers: {{v: {{dialect: simulated, first_token: {{p50: 100ms, p99: 200ms}}, per_token: {{p50: 1ms, p99: 2ms}}}}}}
models: {{m: {{targets: [[{{provider: v}}]]}}}}
""")
    [first] = judge(sim, Prices(sim).of)
    [second] = judged(sim)
    assert (first.verdict, second.verdict) == ("does not hold", "does not hold")
    assert second.value == pytest.approx(0.99)


def test_quality_is_judged_by_neither() -> None:
    quality = "{id: q, metric: quality, suite: support, at_least: 90%}"
    system = one(f"{TRAFFIC}, objectives: [{quality}]", more="suites: {support: suites/support.yaml}")
    [first] = judge(system, Prices(system).of)
    [second] = judged(system)
    assert (first.verdict, first.why) == (second.verdict, second.why)
    assert first.verdict == "not judged"


def test_a_month_that_budgets_bound_holds_in_both() -> None:
    """A run is minutes long, and no budget ends in it: what the budget lets through is computed. `check` says what two of its windows
    let through at most, for any 30 days may touch two."""
    bound = "{id: month, metric: cost, at_most: $25, window: 30d}"
    keys = "keys: {web: {key: a-key-of-some-length, budget: {amount: $10, every: 30d}}}"
    system = one(f"{TRAFFIC}, objectives: [{bound}]", model=", max_output: 100", more=keys)
    [first] = judge(system, Prices(system).of)
    [second] = judged(system)
    assert (first.verdict, second.verdict) == ("holds", "holds")
    assert "at most $20.00" in first.why
    assert (second.value, second.low, second.high) == pytest.approx((10.0, 10.0, 10.0))
    assert second.served == pytest.approx(10 / (5 * MONTH * judged_cost(TRAFFIC)), rel=0.1)


def judged_cost(traffic: str) -> float:
    """What a call of this traffic costs where nothing bounds it."""
    [verdict] = judged(one(f"{traffic}, objectives: [{{id: c, metric: cost_per_call, at_most: $1}}]"))
    assert verdict.value is not None
    return verdict.value


# What `init` writes.

NO_MODULES = FakeMachine(has_modules=False)
VENDOR = choose_target({"OPENAI_API_KEY": "k" * 20}, NO_MODULES)
LOCAL = choose_target({}, FakeMachine())
MADE_UP = choose_target({}, NO_MODULES)
LONG = Prompt("p.txt", "x" * 9000)


@pytest.mark.parametrize(
    ("choice", "prompt"),
    [(VENDOR, None), (LOCAL, LONG), (MADE_UP, None)],
    ids=["vendor", "embedded-long", "simulated"],
)
def test_what_init_writes_holds_on_what_it_wrote(choice: TargetChoice, prompt: Prompt | None) -> None:
    machine = FakeMachine(has_modules=choice is LOCAL)
    system = right(draft(choice, prompt, None), {"OPENAI_API_KEY": "k" * 20}, machine)
    first = {verdict.id: verdict.verdict for verdict in judge(system, Prices(system).of)}
    second = {verdict.id: verdict.verdict for verdict in judged(system, calls=200, most=6)}
    assert set(second.values()) - {"not judged"} == {"holds"}
    assert "does not hold" not in first.values()


# More load.

GOOD = "{id: good, metric: goodput, at_least: 5rps}"


def test_more_load_is_no_remedy_and_no_gain() -> None:
    system = one(f"{TRAFFIC}, objectives: [{GOOD}]")
    ready = prepare(system, PlanInputs(read=lambda path: b""))
    whole = Whole(system, ready.modelled.models, ready.demand.workload)
    search = ChangeSearch(whole, Effort(calls=100), 1.0)
    load = next(knob for knob in sensitivity_changes(whole) if knob.name == "load")
    plan, made = search.changed(load)
    assert np.mean([run.values["good"] for run in made]) > np.mean([run.values["good"] for run in search.base])
    effect = search.effect(system.requirements.objectives[0], made, plan.workload.rate / whole.workload.rate)
    assert effect is not None
    assert effect.change <= 0
    assert not any(knob.kind == "traffic" for ladder in remedy_ladders(whole) for knob in ladder)


def test_a_bound_that_asks_for_all_that_arrives_says_why_it_cannot_hold() -> None:
    [verdict] = judged(one(f"{TRAFFIC}, objectives: [{GOOD}]"))
    assert (
        "the target equals the offered load (5 calls/s at peak), so no call may fail or be late: lower it"
        in verdict.why
    )
