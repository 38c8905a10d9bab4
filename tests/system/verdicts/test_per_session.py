"""Promises about whole sessions: what they ask of single calls, and what arithmetic says of them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.system.schema.requirements import Turns, bound
from headworks.system.verdicts.per_session import (
    all_answered,
    answered_needed,
    lengths,
    mean_length,
    percentile_of_sums,
)
from tests.system.files import right, wrong
from tests.system.verdicts.test_judge import TRAFFIC, verdict

TEN = "sessions: {turns: {p50: 10, p95: 10}}"
TALK = f"{TRAFFIC}, {TEN}"
FILE = "requirements: {{traffic: {{{traffic}}}, objectives: [{{id: x, {objective}}}]}}\nproviders: {{v: {{dialect: simulated}}}}\nmodels: {{a: v/x}}\n"


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ("metric: calls, per: session, at_most: 10", "holds"),
        ("metric: calls, per: session, at_most: 9", "does not hold"),
        ("metric: calls, per: session, percentile: 95, at_most: 10", "holds"),
        # A call costs $0.002: a session of ten calls $0.02.
        ("metric: cost, per: session, at_most: $0.03", "holds"),
        ("metric: cost, per: session, at_most: $0.018", "does not hold"),
        ("metric: cost, per: session, percentile: 95, at_most: $0.03", "cannot say"),
        ("metric: duration, per: session, percentile: 95, at_most: 1m", "cannot say"),
        # One target answers 99 of 100 calls at most: of ten in a row all in 90.4 of 100.
        ("metric: availability, per: session, at_least: 92%", "does not hold"),
    ],
)
def test_a_promise_about_sessions_is_judged_by_its_calls(objective: str, said: str) -> None:
    found, _, why = verdict(objective, traffic=TALK)
    assert (found, bool(why)) == (said, True)


def test_without_the_number_of_turns_it_says_what_to_write() -> None:
    found, needs, why = verdict("metric: cost, per: session, at_most: $1")
    assert (found, needs) == ("cannot say", "numbers")
    assert "write `sessions: {turns: {p50: 8, p95: 40}}` under `traffic`" in why


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ("metric: goodput, per: session, at_least: 5rps", "per: `per: session` does not apply to `goodput`"),
        ("metric: calls, at_most: 5", "`calls` is a number of whole sessions -> add it: `per: session`"),
        ("metric: duration, per: session, at_most: 5s", "`duration` needs its `percentile`"),
        ("metric: cost, per: session, at_most: 5", "`cost` is an amount of dollars, not a number"),
        ("metric: cost, per: session, at_most: $5, window: 30d", "`window` does not apply to `cost`"),
        ("metric: calls, per: session, at_least: 5", "`calls` is bounded by `at_most`, not by `at_least`"),
    ],
)
def test_a_promise_that_means_nothing_is_refused(objective: str, said: str) -> None:
    [told] = wrong(FILE.format(traffic="", objective=objective))
    assert said in told


def test_turns_are_in_order() -> None:
    [told] = wrong(
        FILE.format(traffic="sessions: {turns: {p50: 9, p95: 5}}", objective="metric: calls, per: session, at_most: 5")
    )
    assert "traffic.sessions.turns: p50 (9) is above p95 (5)" in told


def test_it_is_no_promise_about_calls_and_says_what_it_is() -> None:
    system = right(FILE.format(traffic=TEN, objective="metric: cost, per: session, percentile: 95, at_most: $1"))
    assert system.requirements.objectives == ()
    assert [str(one) for one in system.requirements.session_objectives] == ["p95 of cost per session <= $1"]
    assert str(bound("50")) == "50"
    assert bound("50").value == Decimal(50)


shares = st.floats(0.5, 1.0)
turns = st.builds(lambda p50, more: Turns(p50=p50, p95=p50 + more), st.integers(1, 60), st.integers(0, 200))


@given(shares, turns)
def test_what_calls_need_is_what_makes_the_sessions(share: float, turns: Turns) -> None:
    assert all_answered(answered_needed(share, turns), turns) == pytest.approx(share, abs=1e-9)
    assert answered_needed(share, turns) >= share - 1e-12


@given(turns)
def test_the_calls_of_a_session_are_as_the_file_says(turns: Turns) -> None:
    counts = lengths(turns)
    assert counts[len(counts) // 2] == turns.p50
    assert counts[0] >= 1
    assert counts[0] <= mean_length(turns) <= counts[-1]


def test_a_percentile_of_sums_is_that_of_sessions() -> None:
    """Of ten equal calls the sum is known; of calls that differ the interval has the truth (ten uniform ones: 5 + 1.645 x 0.913)."""
    ten = Turns(p50=10, p95=10)
    assert percentile_of_sums([2.0] * 100, ten, 95) == (20.0, 20.0, 20.0)
    found = percentile_of_sums([number / 1000 for number in range(1000)], ten, 95)
    assert found.low < 6.5 < found.high
    assert found.value == pytest.approx(6.5, abs=0.15)
    assert percentile_of_sums([1.0], ten, 95).high == float("inf")
