"""The quality of a mix of targets, and how sure it is."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from headworks.evals.statistics.exact import clopper_pearson
from headworks.gateway.prices import Prices
from headworks.policy.retry import Retrying
from headworks.system.schema.requirements import Objective, bound
from headworks.system.schema.system import System
from headworks.system.verdicts.judge import judge
from headworks.system.verdicts.quality import KnownQuality
from headworks.system.verdicts.quality_file import Limit, TargetQuality
from headworks.twin.plan import PlanInputs, prepare
from headworks.twin.search.changes import sensitivity_changes
from headworks.twin.search.remedies import is_missed
from headworks.twin.simulation.replications import Effort, replicate_until_clear
from headworks.twin.simulation.replications import Plan as Whole
from headworks.twin.verdicts.quality import AnswerMix, correlation, evaluation_interval, mix_quality, mix_words
from headworks.twin.verdicts.verdict import Judge, Verdict
from tests.system.files import right
from tests.system.verdicts.measured import known, quality
from tests.twin.report.sums import of_quality

TRAFFIC = "traffic: {peak_rps: 5, prompt_tokens: {p50: 100, p95: 300}, output_tokens: {p50: 30, p95: 60}}"
TWO = """\
requirements: {{{traffic}, objectives: [{{id: q, metric: quality, suite: support, at_least: {at_least}}}]}}
providers:
  v: {{dialect: simulated, first_token: {{p50: 10ms, p99: 20ms}}, per_token: {{p50: 1ms, p99: 2ms}}, faults: {{{faults}}}}}
  w: {{dialect: simulated, first_token: {{p50: 10ms, p99: 20ms}}, per_token: {{p50: 1ms, p99: 2ms}}, seed: 1}}
models:
  a: {{targets: [{targets}], retry: {{attempts: 1}}}}
suites: {{support: suites/support.yaml}}
"""
V, W = "v/simulated", "w/simulated"
OBJECTIVE = Objective(id="q", metric="quality", suite="support", at_least=bound("80%"))


def two(at_least: str = "80%", faults: str = "", targets: str = "[v], [w]") -> System:
    return right(TWO.format(traffic=TRAFFIC, at_least=at_least, faults=faults, targets=targets))


def judged(system: System, of: KnownQuality, calls: int = 300, most: int = 3) -> Verdict:
    ready = prepare(system, PlanInputs(read=lambda path: b""))
    whole = Whole(system, ready.modelled.models, ready.demand.workload, of)
    made = replicate_until_clear(whole, Effort(calls=calls, runs=most))
    return Judge(whole, made, 1, short=100).of(system.requirements.objectives[0])


def mixed(values: dict[str, TargetQuality], runs: list[AnswerMix], states: list[tuple[float, AnswerMix]] | None = None):
    return mix_quality(OBJECTIVE, values, runs, states or [], [V])


def by(count: int = 1000, answered: float = 1.0, **shares: float) -> AnswerMix:
    return AnswerMix(answered=answered, by={f"{name}/simulated": share for name, share in shares.items()}, count=count)


def test_the_mix_is_what_its_targets_are_worth_by_the_share_of_answers_that_each_gives() -> None:
    of = {V: quality(two(), V, 0.95), W: quality(two(), W, 0.6)}
    up = by(v=0.9, w=0.1)
    found = mixed(of, [up, up], [(0.02, by(w=1.0))])
    assert found.found.value == pytest.approx(0.98 * (0.9 * 0.95 + 0.1 * 0.6) + 0.02 * 0.6)
    assert found.mix.fallbacks == pytest.approx(-0.1 * (0.95 - 0.6))
    assert found.mix.outages == pytest.approx(-0.02 * (0.915 - 0.6))
    assert "fallbacks lower it by 3.50 points, outages lower it by 0.63 points" in found.why
    assert [(one.target, round(one.share, 4)) for one in found.mix.targets] == [(V, 0.882), (W, 0.118)]
    # A state in which half of the calls have no answer counts with the half that has one: quality is that of answers.
    half = mixed(of, [up, up], [(0.5, by(w=1.0, answered=0.5))])
    assert half.found.value == pytest.approx((0.5 * 0.915 + 0.25 * 0.6) / 0.75)


def test_a_better_fallback_raises_it_and_a_change_of_nothing_is_no_number() -> None:
    of = {V: quality(two(), V, 0.6), W: quality(two(), W, 0.95)}
    assert "fallbacks raise it by 3.50 points" in mixed(of, [by(v=0.9, w=0.1)] * 2).why
    same = {V: quality(two(), V, 0.9), W: quality(two(), W, 0.9)}
    assert "fallbacks and outages change it by less than 0.01 points" in mix_words(mixed(same, [by(v=0.9, w=0.1)]).mix)


def test_one_target_alone_has_the_limits_of_its_evaluation() -> None:
    one = quality(two(), V, 0.95)
    found = mixed({V: one}, [by(v=1.0)] * 3)
    limit = next(limit for limit in one.limits if limit.confidence == 0.95)
    assert (found.found.low, found.found.high) == (limit.low, limit.high)
    assert (found.mix.mix, found.mix.evaluation) == (0.0, pytest.approx(0.04))


def test_doubts_of_the_evaluation_add_up_by_how_much_targets_go_together() -> None:
    first = quality(two(), V, 0.5, samples=100)
    scores = "".join("10"[n % 2] for n in range(100))
    opposite = msgspec.structs.replace(first, scores=scores)
    half = msgspec.structs.replace(first, scores="1" * 25 + "0" * 25 + "1" * 25 + "0" * 25)
    assert correlation(first, first) == pytest.approx(1.0)
    assert correlation(first, half) == pytest.approx(0.0)
    assert (
        correlation(opposite, msgspec.structs.replace(first, scores=scores[::-1])) == 0.0
    )  # what helps is not counted on
    assert correlation(first, msgspec.structs.replace(half, same="other")) == 1.0
    assert correlation(first, msgspec.structs.replace(half, scores="1" * 100)) == 1.0
    # In clusters it is the clusters that go together: each half of the samples is one.
    pairs = tuple(n // 50 for n in range(100))
    clustered = [msgspec.structs.replace(one, clusters=pairs) for one in (first, quality(two(), V, 0.4))]
    assert correlation(*clustered) == pytest.approx(1.0)
    shares = {V: 0.5, W: 0.5}
    limits = {name: Limit(confidence=0.95, low=0.4, high=0.6) for name in shares}
    apart = evaluation_interval(shares, {V: first, W: half}, limits)
    together = evaluation_interval(shares, {V: first, W: first}, limits)
    assert (apart.high - apart.low) / 2 == pytest.approx(0.1 / 2**0.5)
    assert (together.high - together.low) / 2 == pytest.approx(0.1)


def test_what_runs_differ_by_is_a_doubt_of_its_own_and_never_less_than_so_many_answers_allow() -> None:
    of = {V: quality(two(), V, 0.95), W: quality(two(), W, 0.6)}
    alike, apart = (mixed(of, [by(v=1 - w, w=w) for w in ws]) for ws in ((0.1, 0.1, 0.1), (0.02, 0.1, 0.18)))
    assert alike.found.value == pytest.approx(apart.found.value)
    assert 0 < alike.mix.mix < apart.mix.mix
    assert alike.found.high - alike.found.low < apart.found.high - apart.found.low
    # No fallback was seen in 3,000 answers: there may be some. A mix is never less sure than its worst target.
    never = mixed(of, [by(v=1.0)] * 3)
    assert 0 < never.mix.mix < 0.001
    assert never.found.low >= 0.56
    assert mixed(of, [by(v=1.0)]).found.low >= 0.56


def test_ninety_five_of_a_hundred_mixes_are_within_their_interval() -> None:
    """Three targets on the same samples, whose difficulty they share; of 300 at least 93 %. ADR 105 has more cases."""
    rng = np.random.default_rng(7)
    base = quality(two(), V, 0.5)
    shares, cuts = {"0": 0.5, "1": 0.3, "2": 0.2}, np.array([1.6449, 1.2816, 0.0])
    truth = 0.5 * 0.95 + 0.3 * 0.9 + 0.2 * 0.5
    within = 0
    for _ in range(300):
        right = 0.6 * rng.normal(size=60)[:, None] + 0.8 * rng.normal(size=(60, 3)) < cuts
        of = {name: scored(base, column) for name, column in zip(shares, right.T, strict=True)}
        found = evaluation_interval(shares, of, {name: one.limits[0] for name, one in of.items()})
        within += found.low <= truth <= found.high
    assert within / 300 >= 0.93


def scored(base: TargetQuality, right: NDArray[np.bool_]) -> TargetQuality:
    """What a target with these scores has: limits of 97.5 % to either side."""
    value = float(right.mean())
    low, high = clopper_pearson(value, len(right), 0.95)
    limit = Limit(confidence=0.975, low=low, high=high)
    letters = (right + ord("0")).astype(np.uint8).tobytes().decode()
    return msgspec.structs.replace(base, value=value, limits=(limit,), scores=letters)


def test_a_plan_mixes_what_answers_and_says_by_how_much_fallbacks_and_outages_lower_it() -> None:
    """The first vendor fails 20 % of its calls, which go on to the second one, and is down 1 % of the time, as the second one is."""
    system = two("95%", "unavailable: 20%")
    found = judged(system, known(quality(system, V, 0.95, 0.01), quality(system, W, 0.6, 0.01)), calls=200)
    assert found.verdict == "does not hold"
    assert found.value == pytest.approx(0.8 * 0.95 + 0.2 * 0.6, abs=0.02)
    assert found.quality is not None
    assert found.quality.fallbacks == pytest.approx(-0.2 * 0.35, abs=0.02)
    # 0.89 % of the time the first one alone is down: all at 60 %. As long the second one: 80 % are answered, at 95 %. So
    # (0.9811 x 0.88 + 0.0089 x 0.6 + 0.8 x 0.0089 x 0.95) / (0.9811 + 0.0089 + 0.8 x 0.0089) - 0.88 = -0.0020.
    assert found.quality.outages == pytest.approx(-0.0020, abs=0.0003)
    assert list(of_quality(found)) == []
    assert "suite support: 100 samples of v/simulated and w/simulated (2026-09-21)" in found.why


@pytest.mark.parametrize("value", [0.85, 0.81, 0.79, 0.7])
def test_check_and_plan_say_the_same_word_of_a_single_target(value: float) -> None:
    system = two("80%", targets="v")
    of = known(quality(system, V, value))
    [first] = judge(system, Prices(system).of, of)
    second = judged(system, of, calls=50, most=2)
    assert first.verdict == second.verdict
    assert (second.value, second.low) == (pytest.approx(value), pytest.approx(value - 0.04))


def test_check_and_plan_refuse_the_same_measurements_in_the_same_words() -> None:
    system = two()
    for of in (
        known(),
        known(quality(system, V, 0.9), quality(system, W, 0.9), files={"suites/support.yaml": "changed"}),
        known(quality(system, V, 0.9)),
    ):
        [first] = judge(system, Prices(system).of, of)
        second = judged(two(faults="unavailable: 50%"), of, calls=50, most=2)
        assert (first.verdict, first.why) == (second.verdict, second.why)
        assert (second.verdict, second.value) == ("not judged", None)


def test_a_remedy_that_sends_more_calls_to_a_worse_target_breaks_the_quality() -> None:
    """One try instead of three: what was tried again at the first vendor goes to the second."""
    system = two("92%", "unavailable: 20%")
    system = msgspec.structs.replace(
        system, models={"a": msgspec.structs.replace(system.models["a"], retry=Retrying(attempts=3))}
    )
    ready = prepare(system, PlanInputs(read=lambda path: b""))
    of = known(quality(system, V, 0.95), quality(system, W, 0.6))
    whole = Whole(system, ready.modelled.models, ready.demand.workload, of)
    [objective] = system.requirements.objectives
    change = next(one for one in sensitivity_changes(whole) if "retry.attempts" in one.name)
    changed = change.apply(whole)
    assert changed.quality == of
    before, after = (replicate_until_clear(plan, Effort(calls=100, runs=1)) for plan in (whole, changed))
    assert not is_missed(objective, whole, before)
    assert is_missed(objective, changed, after)
    unmeasured = msgspec.structs.replace(changed, quality=known(quality(system, V, 0.95)))
    assert not is_missed(objective, unmeasured, after)  # nothing is known of it


def test_the_same_seed_gives_the_same_bytes() -> None:
    system = two("90%", "unavailable: 20%")
    of = known(quality(system, V, 0.95), quality(system, W, 0.6))
    first, second = (msgspec.json.encode(judged(system, of, calls=50, most=2)) for _ in range(2))
    assert first == second
    assert b'"fallbacks"' in first
