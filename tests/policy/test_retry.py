from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core import errors
from headworks.core.errors import CallError
from headworks.policy.retry import ELSEWHERE, Again, Backoff, Decision, Elsewhere, GiveUp, Retrying, RetryPolicy

NEVER = float("inf")
HERE: list[CallError] = [errors.Failed(), errors.Throttled(), errors.Unreachable(), errors.Garbled()]
TIMEOUTS: list[CallError] = [
    errors.Expired(phase="connect"),
    errors.Expired(phase="first_token"),
    errors.Expired(phase="answer"),
]
ONLY_ELSEWHERE: list[CallError] = [errors.Denied(), errors.Overloaded(), errors.CircuitOpen()]
FINAL: list[CallError] = [
    errors.Malformed(),
    errors.Rejected(),
    errors.QuotaExceeded(),
    errors.Cut(),
    errors.Draining(),
    errors.Expired(phase="total"),
    errors.Expired(phase="between_tokens"),
]


def policy(attempts: int = 3, shortest: float = 0.1, longest: float = 5.0, seed: int = 1) -> RetryPolicy:
    return RetryPolicy(Retrying(attempts=attempts, backoff=Backoff(shortest=shortest, longest=longest)), Random(seed))


@pytest.mark.parametrize("error", [*HERE, *TIMEOUTS], ids=repr)
def test_what_may_pass_is_asked_again_until_the_attempts_are_spent(error: CallError) -> None:
    decisions = [policy().after(error, attempt, 0.0, NEVER, False) for attempt in (1, 2, 3)]
    assert [type(decision) for decision in decisions] == [Again, Again, GiveUp]
    assert decisions[2] == GiveUp("attempts")


@pytest.mark.parametrize("error", HERE, ids=repr)
def test_then_another_target_is_asked_if_one_is_left(error: CallError) -> None:
    assert isinstance(policy().after(error, 2, 0.0, NEVER, True), Again)
    assert policy().after(error, 3, 0.0, NEVER, True) == ELSEWHERE


@pytest.mark.parametrize("error", TIMEOUTS, ids=repr)
def test_after_a_timeout_another_target_is_asked_at_once(error: CallError) -> None:
    assert policy().after(error, 1, 0.0, NEVER, True) == ELSEWHERE
    assert Elsewhere.pause == 0.0


@pytest.mark.parametrize("error", ONLY_ELSEWHERE, ids=repr)
def test_what_only_another_target_can_answer_is_never_asked_here(error: CallError) -> None:
    assert policy().after(error, 1, 0.0, NEVER, True) == ELSEWHERE
    assert policy().after(error, 1, 0.0, NEVER, False) == GiveUp("no_target")


@pytest.mark.parametrize("others", [True, False])
@pytest.mark.parametrize("error", FINAL, ids=repr)
def test_what_cannot_be_mended_is_given_up(error: CallError, others: bool) -> None:
    assert policy().after(error, 1, 0.0, NEVER, others) == GiveUp("error")


def test_a_vendors_word_beats_the_class() -> None:
    """`x-should-retry: false` on a 500 arrives as `retry = "never"` on the error."""
    error = errors.Failed()
    error.retry = "never"
    assert policy().after(error, 1, 0.0, NEVER, True) == GiveUp("error")


@pytest.mark.parametrize(
    ("retry_after", "others", "deadline_at", "decision"),
    [
        (2.0, True, NEVER, Again(2.0)),
        (5.0, True, NEVER, Again(5.0)),
        (5.1, True, NEVER, ELSEWHERE),
        (5.1, False, NEVER, Again(5.1)),
        (90.0, False, 100.0, Again(90.0)),
        (100.0, False, 100.0, GiveUp("deadline")),
        (2.0, True, 2.0, ELSEWHERE),
        (2.0, False, 2.0, GiveUp("deadline")),
    ],
)
def test_retry_after_is_obeyed_within_reason(
    retry_after: float, others: bool, deadline_at: float, decision: Decision
) -> None:
    error = errors.Throttled(retry_after=retry_after)
    assert policy().after(error, 1, 0.0, deadline_at, others) == decision


@pytest.mark.parametrize("retry_after", [0.0, -3.0, float("nan")])
def test_a_retry_after_below_our_own_pause_does_not_shorten_it(retry_after: float) -> None:
    decision = policy().after(errors.Throttled(retry_after=retry_after), 1, 0.0, NEVER, False)
    assert isinstance(decision, Again)
    assert 0.1 <= decision.pause <= 0.2


@pytest.mark.parametrize("error", [*HERE, *TIMEOUTS, *ONLY_ELSEWHERE], ids=repr)
def test_when_the_time_is_up_nobody_is_asked(error: CallError) -> None:
    assert policy().after(error, 1, 10.0, 10.0, True) == GiveUp("deadline")


@pytest.mark.parametrize(("attempt", "most"), [(1, 0.2), (2, 0.4), (3, 0.8), (5, 3.2), (6, 5.0), (5000, 5.0)])
def test_pauses_fill_a_range_that_doubles(attempt: int, most: float) -> None:
    patient, pauses = policy(attempts=10_000), []
    for _ in range(300):
        decision = patient.after(errors.Failed(), attempt, 0.0, NEVER, False)
        assert isinstance(decision, Again)
        pauses.append(decision.pause)
    assert 0.1 <= min(pauses) <= 0.1 + (most - 0.1) * 0.05
    assert most - (most - 0.1) * 0.05 <= max(pauses) <= most


def test_a_range_that_is_upside_down_is_its_lower_number() -> None:
    decision = policy(shortest=5.0, longest=1.0).after(errors.Failed(), 1, 0.0, NEVER, False)
    assert decision == Again(1.0)


def test_the_same_seed_draws_the_same_pauses() -> None:
    one, two, other = (policy(seed=seed).after(errors.Failed(), 2, 0.0, NEVER, False) for seed in (7, 7, 8))
    assert one == two != other


@given(
    error=st.sampled_from([*HERE, *TIMEOUTS, *ONLY_ELSEWHERE, *FINAL]),
    retry_after=st.none() | st.floats(-10, 1000),
    attempt=st.integers(1, 10),
    attempts=st.integers(1, 10),
    left=st.floats(-1, 200),
    others=st.booleans(),
    seed=st.integers(0, 99),
)
def test_law_every_decision_keeps_what_the_file_promises(
    error: CallError,
    retry_after: float | None,
    attempt: int,
    attempts: int,
    left: float,
    others: bool,
    seed: int,
) -> None:
    now = 1000.0
    error.retry_after = retry_after
    decision = policy(attempts, seed=seed).after(error, attempt, now, now + left, others)
    match decision:
        case Again(pause):
            assert error.retry == "here"
            assert attempt < attempts
            assert 0.1 <= pause <= max(5.0, retry_after or 0.0)
            assert pause >= (retry_after or 0.0)
            assert now + pause < now + left
            assert not others or (pause <= 5.0 and not isinstance(error, errors.Expired))
        case Elsewhere():
            assert others
            assert error.retry != "never"
            assert left > 0
        case GiveUp(why):
            assert not others or why in {"error", "deadline"}
            assert (why == "error") == (error.retry == "never")
            assert why != "attempts" or attempt >= attempts
            if why == "deadline":
                assert left <= max(5.0, retry_after or 0.0)


def test_who_waits_for_a_rest_comes_back_after_it_spread_and_before_his_deadline() -> None:
    found = [policy(seed=seed).rested(30.0, 100.0, 200.0) for seed in range(200)]
    waits = [decision.pause for decision in found if isinstance(decision, Again)]
    assert len(waits) == 200
    assert 30.0 <= min(waits) < 30.1
    assert 32.9 < max(waits) <= 33.0
    near = policy().rested(30.0, 100.0, 130.5)
    assert isinstance(near, Again)
    assert near.pause < 30.5


def test_who_cannot_wait_for_a_rest_is_told_at_once() -> None:
    assert policy().rested(30.0, 100.0, 130.0) == GiveUp("deadline")
