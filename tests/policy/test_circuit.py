from collections.abc import Iterator
from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from headworks.core import errors
from headworks.policy.circuit import (
    EARLY,
    REFUSED,
    SPREAD,
    TABLE,
    UNCOUNTED,
    Breaking,
    Change,
    Circuit,
    Outcome,
    Pause,
    State,
    Ticket,
    outcome_of,
)
from tests.laws import examples

SOON, LATE = 1.0 - SPREAD, 1.0 + SPREAD


def closed(failures: int = 5, open: float = 5.0, seed: int = 1, longest: float | None = None) -> Circuit:
    return Circuit(Breaking(failures=failures, open=Pause(shortest=open, longest=longest)), Random(seed))


def ask(circuit: Circuit, outcome: Outcome, now: float) -> Ticket:
    ticket = circuit.enter(now)
    if ticket:
        circuit.end(ticket, outcome, now)
    return ticket


def state_of(circuit: Circuit) -> State:
    """Hidden from the type checker, which takes a state that was asserted once for the state ever after."""
    return circuit.state


def opened(now: float = 100.0, open: float = 5.0, seed: int = 1, longest: float | None = None) -> Circuit:
    circuit = closed(failures=1, open=open, seed=seed, longest=longest)
    assert ask(circuit, "failure", now)
    assert state_of(circuit) == "open"
    return circuit


# --- closed ----------------------------------------------------------------------------------------------------------


def test_a_new_circuit_asks() -> None:
    circuit = closed()
    assert circuit.allows(0.0)
    assert circuit.last_failed_at == float("-inf")
    assert repr(circuit) == "Circuit(closed, blocked until -inf, 0 failures in a row)"


def test_failures_in_a_row_open_it() -> None:
    circuit = closed(failures=3)
    assert [bool(ask(circuit, "failure", 7.0)) for _ in range(4)] == [True, True, True, False]
    assert state_of(circuit) == "open"
    assert not circuit.allows(7.0)
    assert circuit.last_failed_at == 7.0


def test_a_success_between_breaks_the_row() -> None:
    circuit = closed(failures=3)
    outcomes: list[Outcome] = ["failure", "failure", "success", "failure", "failure"]
    for outcome in outcomes:
        ask(circuit, outcome, 0.0)
    assert state_of(circuit) == "closed"


def test_what_is_ignored_neither_lengthens_nor_breaks_the_row() -> None:
    circuit = closed(failures=3)
    outcomes: list[Outcome] = ["failure", "ignored", "failure", "ignored"]
    for outcome in outcomes:
        ask(circuit, outcome, 0.0)
    assert state_of(circuit) == "closed"
    ask(circuit, "failure", 0.0)
    assert state_of(circuit) == "open"


def alternating(outcomes: int) -> Iterator[Outcome]:
    for number in range(outcomes):
        yield "failure" if number % 2 else "success"


@pytest.mark.parametrize(("failures", "window"), [(5, 20), (10, 20), (30, 60)])
def test_half_of_the_last_ones_open_it_once_so_many_were_seen(failures: int, window: int) -> None:
    circuit = closed(failures)
    for outcome in alternating(window - 1):
        ask(circuit, outcome, 0.0)
    assert state_of(circuit) == "closed"
    ask(circuit, "failure", 0.0)
    assert state_of(circuit) == "open"


def test_less_than_half_of_the_last_twenty_does_not() -> None:
    circuit = closed()
    for _ in range(50):
        for outcome in ("success", "success", "failure"):
            ask(circuit, outcome, 0.0)
    assert state_of(circuit) == "closed"


def test_half_of_twenty_among_fewer_is_not_enough() -> None:
    circuit = closed()
    four_of_five: list[Outcome] = ["failure", "failure", "failure", "failure", "success"]
    for outcome in four_of_five * 3:
        ask(circuit, outcome, 0.0)
    for _ in range(4):
        ask(circuit, "success", 0.0)
    assert state_of(circuit) == "closed", "12 failures, but 19 seen"
    ask(circuit, "success", 0.0)
    assert state_of(circuit) == "closed", "a success never opens"
    ask(circuit, "failure", 0.0)
    assert state_of(circuit) == "open"


def test_only_the_last_twenty_count() -> None:
    circuit = closed(failures=8)
    runs: list[tuple[Outcome, int]] = [("failure", 7), ("success", 20), ("failure", 7)]
    for outcome, times in runs:
        for _ in range(times):
            ask(circuit, outcome, 0.0)
    assert state_of(circuit) == "closed"


# --- open and half open ----------------------------------------------------------------------------------------------


def test_after_its_time_one_call_asks_for_all() -> None:
    circuit = opened(now=100.0)
    assert circuit.enter(100.0 + 5.0 - 0.01) == REFUSED
    assert circuit.allows(circuit.blocked_until)
    at = 100.0 + 5.0 * LATE
    assert state_of(circuit) == "open", "asking whether it is time changes nothing"
    probe = circuit.enter(at)
    assert probe
    assert state_of(circuit) == "half_open"
    assert circuit.enter(at + 0.9) == REFUSED
    circuit.end(probe, "success", at + 1.0)
    assert state_of(circuit) == "closed"
    assert circuit.allows(at + 1.0)


def pauses(circuit: Circuit, count: int, now: float = 100.0) -> list[float]:
    """For how long it is open, from opening to opening, while every probe fails."""
    found = []
    for _ in range(count):
        found.append(circuit.blocked_until - now)
        now = circuit.blocked_until
        assert ask(circuit, "failure", now)
        assert state_of(circuit) == "open"
    return found


def test_a_failed_probe_doubles_the_time_up_to_the_upper_end() -> None:
    for found, expected in zip(pauses(opened(), 6), (5.0, 10.0, 20.0, 40.0, 60.0, 60.0), strict=True):
        assert expected * SOON <= found <= min(expected * LATE, 60.0)


@pytest.mark.parametrize(("shortest", "longest"), [(5.0, 15.0), (5.0, 5.0), (1.0, 120.0), (0.1, 0.15)])
def test_a_written_range_is_never_left_neither_by_doubling_nor_by_spreading(shortest: float, longest: float) -> None:
    for seed in range(50):
        found = pauses(opened(open=shortest, longest=longest, seed=seed), 12)
        assert all(shortest - 1e-9 <= pause <= longest + 1e-9 for pause in found)
        assert found[-1] >= longest * SOON


def test_the_upper_end_is_by_default_what_suits_the_targets_place() -> None:
    assert Pause().within(has_tier_below=True) == Pause(shortest=5.0, longest=15.0)
    assert Pause().within(has_tier_below=False) == Pause(shortest=5.0, longest=60.0)
    assert Pause(shortest=300.0).within(has_tier_below=True) == Pause(shortest=300.0, longest=300.0)
    assert Pause(shortest=1.0, longest=2.0).within(has_tier_below=True) == Pause(shortest=1.0, longest=2.0)


def test_other_bounds_count_from_the_next_opening_and_nothing_is_forgotten() -> None:
    circuit = opened(now=100.0)
    until = circuit.blocked_until
    circuit.configure(Breaking(failures=1, open=Pause(shortest=1.0, longest=2.0)))
    assert (circuit.state, circuit.blocked_until) == ("open", until)
    ask(circuit, "failure", 110.0)
    assert circuit.blocked_until - 110.0 <= 2.0


def test_a_probe_that_is_silent_for_long_keeps_nobody_waiting_and_either_answer_closes_it() -> None:
    for first in (True, False):
        circuit = opened(now=100.0, longest=15.0)
        silent = circuit.enter(110.0)
        assert circuit.enter(124.9) == REFUSED
        other = circuit.enter(125.0)
        assert other == silent, "none of the two is stale"
        assert circuit.enter(126.0) == REFUSED
        circuit.head(silent if first else other, 130.0)
        assert state_of(circuit) == "closed"
        circuit.end(other if first else silent, "failure", 170.0)
        assert state_of(circuit) == "closed", "it was begun in another state"


def test_the_time_starts_anew_after_it_was_closed() -> None:
    circuit = opened(now=100.0)
    ask(circuit, "failure", 110.0)
    ask(circuit, "success", 130.0)
    assert state_of(circuit) == "closed"
    ask(circuit, "failure", 131.0)
    assert circuit.blocked_until - 131.0 <= 5.0 * LATE


def test_a_longer_time_than_a_minute_is_kept() -> None:
    circuit = opened(now=0.0, open=300.0)
    assert 300.0 * SOON <= circuit.blocked_until <= 300.0 * LATE
    now = circuit.blocked_until
    ask(circuit, "failure", now)
    assert circuit.blocked_until - now <= 300.0 * LATE


@settings(max_examples=40)
@given(outage=st.floats(1.0, 4_000.0), seed=st.integers(0, 100), silent=st.floats(0.0, 60.0))
def test_law_however_long_the_outage_the_next_probe_goes_out_within_the_upper_end_of_its_end(
    outage: float, seed: int, silent: float
) -> None:
    """silent: seconds after which a probe fails. A probe that is out at the end of the outage fails all the same."""
    circuit = opened(now=0.0, seed=seed, longest=15.0)
    while circuit.blocked_until < outage:
        begun = circuit.blocked_until
        ticket = circuit.enter(begun)
        if begun + silent > outage:  # it is out when the outage ends: whoever comes next need not wait for it
            assert circuit.blocked_until <= begun + 15.0 + 1e-6
            break
        circuit.end(ticket, "failure", begun + silent)
    assert circuit.blocked_until - outage <= 15.0 + 1e-6


def test_circuits_that_opened_together_do_not_ask_together() -> None:
    found = {opened(now=0.0, seed=seed).blocked_until for seed in range(500)}
    assert len(found) == 500
    assert 5.0 <= min(found) < 5.05
    assert 5.45 < max(found) <= 5.0 * LATE
    assert opened(seed=3).blocked_until == opened(seed=3).blocked_until


def test_a_lost_probe_gives_its_place_to_the_next_call() -> None:
    circuit = opened(now=100.0)
    probe = circuit.enter(110.0)
    assert not circuit.allows(110.0)
    circuit.end(probe, "ignored", 111.0)
    assert state_of(circuit) == "half_open"
    assert circuit.allows(111.0)
    assert circuit.enter(111.0) > probe
    assert circuit.enter(111.0) == REFUSED


def test_a_head_closes_it_so_that_nobody_waits_for_a_streams_end() -> None:
    circuit = opened(now=100.0)
    probe = circuit.enter(110.0)
    circuit.head(probe, 111.0)
    assert state_of(circuit) == "closed"
    circuit.end(probe, "failure", 112.0)  # the stream broke off: it was begun in another state
    assert state_of(circuit) == "closed"
    assert circuit.last_failed_at == 112.0


def test_a_head_says_nothing_in_a_closed_circuit() -> None:
    circuit = closed(failures=3)
    for _ in range(3):
        ticket = circuit.enter(0.0)
        circuit.head(ticket, 0.0)
        circuit.end(ticket, "failure", 0.0)
    assert state_of(circuit) == "open"


def test_a_head_of_a_call_from_before_does_not_close_it() -> None:
    circuit = closed(failures=1)
    early = circuit.enter(0.0)
    ask(circuit, "failure", 0.0)
    circuit.head(early, 1.0)
    assert state_of(circuit) == "open"


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_answers_asked_for_before_it_opened_change_nothing(outcome: Outcome) -> None:
    circuit = closed(failures=1)
    early = [circuit.enter(0.0) for _ in range(3)]
    ask(circuit, "failure", 1.0)
    until = circuit.blocked_until
    circuit.end(early[0], outcome, 2.0)
    assert (circuit.state, circuit.blocked_until) == ("open", until)
    probe = circuit.enter(20.0)
    circuit.end(early[1], outcome, 21.0)
    assert (circuit.state, circuit.blocked_until) == ("half_open", 80.0)
    circuit.end(probe, "success", 22.0)
    circuit.end(early[2], outcome, 23.0)
    assert state_of(circuit) == "closed"
    assert circuit.last_failed_at == (23.0 if outcome == "failure" else 1.0)


# --- invited: every other circuit is open too ------------------------------------------------------------------------


def test_an_invited_call_is_let_in_once() -> None:
    circuit = opened(now=100.0)
    circuit.admit_next()
    assert circuit.enter(100.0)
    assert circuit.enter(100.0) == REFUSED


@pytest.mark.parametrize(("outcome", "state"), [("success", "closed"), ("failure", "open"), ("ignored", "open")])
def test_an_invited_call_may_close_but_never_prolongs(outcome: Outcome, state: State) -> None:
    circuit = opened(now=100.0)
    until = circuit.blocked_until
    circuit.admit_next()
    circuit.end(circuit.enter(101.0), outcome, 102.0)
    assert state_of(circuit) == state
    assert circuit.blocked_until == (until if state == "open" else float("-inf"))


def test_an_invited_call_does_not_count_while_a_probe_is_out() -> None:
    circuit = opened(now=100.0)
    probe = circuit.enter(110.0)
    circuit.admit_next()
    invited = circuit.enter(110.0)
    assert invited == UNCOUNTED
    circuit.end(invited, "failure", 111.0)
    assert state_of(circuit) == "half_open"
    circuit.end(probe, "success", 112.0)
    assert state_of(circuit) == "closed"


# --- told of changes -------------------------------------------------------------------------------------------------


def test_an_observer_is_told_of_each_change_once_and_of_nothing_else() -> None:
    circuit = closed(failures=2)
    told: list[tuple[str, float]] = []
    circuit.observer = lambda change: told.append((change.kind, change.until))
    ask(circuit, "success", 100.0)
    assert told == []
    ask(circuit, "failure", 101.0)
    ask(circuit, "failure", 102.0)
    assert [kind for kind, _ in told] == ["failing", "opened"]
    assert told[1][1] == circuit.blocked_until > 102.0
    del told[:]
    ticket = circuit.enter(110.0)
    circuit.end(circuit.enter(110.0), "failure", 110.0)  # refused: it says nothing
    circuit.head(ticket, 111.0)
    circuit.end(ticket, "success", 112.0)
    assert [kind for kind, _ in told] == ["half_open", "closed"]
    del told[:]
    circuit.set_aside(150.0, 113.0)
    circuit.set_aside(140.0, 113.0)  # no later than it was
    assert told == [("set_aside", 150.0 - EARLY)]


def test_who_fails_again_after_a_success_is_told_of_again() -> None:
    circuit = closed(failures=3)
    told: list[str] = []
    circuit.observer = lambda change: told.append(change.kind)
    outcomes: tuple[Outcome, ...] = ("failure", "failure", "success", "failure")
    for outcome in outcomes:
        ask(circuit, outcome, 100.0)
    assert told == ["failing", "failing"]


# --- set aside -------------------------------------------------------------------------------------------------------


def test_who_is_set_aside_is_not_asked_until_then() -> None:
    circuit = closed()
    circuit.set_aside(130.0, 100.0)
    assert state_of(circuit) == "closed"
    assert circuit.enter(129.9) == REFUSED
    assert circuit.enter(130.0)
    assert circuit.last_failed_at == 100.0


def test_who_slept_as_long_as_told_is_let_in_though_his_timer_was_early() -> None:
    circuit = closed()
    circuit.set_aside(102.0, 100.0)
    assert not circuit.allows(101.99)
    assert circuit.allows(101.9985)


def test_a_later_word_does_not_shorten_it() -> None:
    circuit = closed()
    circuit.set_aside(130.0, 100.0)
    circuit.set_aside(110.0, 101.0)
    assert not circuit.allows(120.0)
    circuit.set_aside(140.0, 102.0)
    assert not circuit.allows(135.0)


def test_it_is_set_aside_in_every_state_and_whatever_succeeds() -> None:
    circuit = opened(now=100.0)
    circuit.set_aside(120.0, 101.0)
    assert not circuit.allows(119.9)
    probe = circuit.enter(120.0)
    circuit.set_aside(150.0, 121.0)
    circuit.end(probe, "ignored", 121.0)
    assert not circuit.allows(149.0)
    probe = circuit.enter(150.0)
    circuit.set_aside(200.0, 151.0)
    circuit.end(probe, "failure", 151.0)
    assert state_of(circuit) == "open"
    assert circuit.blocked_until == 200.0 - EARLY
    probe = circuit.enter(200.0)
    circuit.set_aside(300.0, 201.0)
    circuit.end(probe, "success", 202.0)
    assert state_of(circuit) == "closed"
    assert not circuit.allows(299.0)
    circuit.admit_next()
    assert circuit.enter(299.0)


def test_a_short_word_does_not_shorten_an_open_circuit() -> None:
    circuit = opened(now=100.0)
    until = circuit.blocked_until
    circuit.set_aside(101.0, 100.0)
    assert circuit.blocked_until == until


def test_who_rests_because_its_vendor_said_so_is_not_asked_even_when_invited() -> None:
    circuit = opened(now=100.0)
    circuit.rest(130.0, 101.0, is_limit=True)
    circuit.admit_next()
    assert circuit.enter(129.9) == REFUSED
    assert circuit.rest_left(110.0) == pytest.approx(20.0 - EARLY)
    assert circuit.said_429
    circuit.rest(120.0, 102.0, is_limit=False)
    assert circuit.said_429, "a shorter word changes nothing"
    assert circuit.rest_left(130.0) == 0.0
    assert circuit.enter(130.0)


def test_each_change_is_told_in_the_order_in_which_it_happens() -> None:
    told: list[Change] = []
    circuit = closed(failures=2, longest=15.0)
    circuit.observer = told.append
    ask(circuit, "failure", 0.0)
    ask(circuit, "failure", 1.0)
    assert [(change.kind, change.at) for change in told] == [("failing", 0.0), ("opened", 1.0)]
    assert told[-1].until == circuit.blocked_until
    ask(circuit, "failure", 10.0)
    ask(circuit, "success", 30.0)
    circuit.set_aside(100.0, 40.0)
    circuit.set_aside(90.0, 50.0)
    circuit.rest(130.0, 116.0, is_limit=True)
    circuit.rest(120.0, 117.0, is_limit=True)
    kinds = [(change.kind, change.at) for change in told[2:]]
    probes = [("half_open", 10.0), ("opened", 10.0), ("half_open", 30.0), ("closed", 30.0)]
    assert kinds == [*probes, ("set_aside", 40.0), ("rests", 116.0)]
    assert told[-1].until == circuit.blocked_until == 130.0 - EARLY


# --- what errors say -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "success"),
        (errors.Failed(), "failure"),
        (errors.Throttled(), "failure"),
        (errors.Unreachable(), "failure"),
        (errors.Garbled(), "failure"),
        (errors.Cut(), "failure"),
        (errors.Denied(), "failure"),
        (errors.Expired(phase="connect"), "failure"),
        (errors.Expired(phase="first_token"), "failure"),
        (errors.Expired(phase="between_tokens"), "failure"),
        (errors.Expired(phase="answer"), "failure"),
        (errors.Expired(phase="total"), "ignored"),
        (errors.Rejected(), "ignored"),
        (errors.Malformed(), "ignored"),
        (errors.Overloaded(), "ignored"),
        (KeyboardInterrupt(), "ignored"),
        (GeneratorExit(), "ignored"),
    ],
)
def test_only_the_vendors_fault_is_a_failure(error: BaseException | None, outcome: Outcome) -> None:
    assert outcome_of(error) == outcome


def test_what_is_about_one_call_says_nothing_of_the_target() -> None:
    error = errors.Throttled()
    error.about = "call"
    assert outcome_of(error) == "ignored"


@given(outcomes=st.lists(st.sampled_from(["success", "ignored"]), max_size=100))
def test_law_without_a_failure_it_never_opens(outcomes: list[Outcome]) -> None:
    circuit = closed(failures=1)
    for outcome in outcomes:
        assert ask(circuit, outcome, 0.0)


# --- the table -------------------------------------------------------------------------------------------------------


def test_the_table_knows_every_outcome_in_every_state_and_no_way_out_is_missing() -> None:
    for state in get_args(State):
        for outcome in get_args(Outcome):
            assert (state, outcome) in TABLE
    reached = {after for (before, _), after in TABLE.items() if before != after}
    assert reached == set(get_args(State))
    assert {before for (before, event), after in TABLE.items() if after == "open" and before != "open"} == {
        "closed",
        "half_open",
    }


class Traffic(RuleBasedStateMachine):
    """Any order of calls that begin and end, over a circuit: what the file promises holds after each step."""

    @initialize(seed=st.integers(0, 1000), failures=st.integers(1, 4))
    def start(self, seed: int, failures: int) -> None:
        self.circuit = closed(failures, seed=seed, longest=15.0)
        self.now = 0.0
        self.flying: list[tuple[Ticket, State]] = []
        self.probes: list[Ticket] = []
        self.probed_at = 0.0
        self.failed_at = float("-inf")

    @rule(after=st.floats(0.0, 20.0))
    def wait(self, after: float) -> None:
        self.now += after

    @rule(invited=st.booleans())
    def begin(self, invited: bool) -> None:
        was_allowed, before = self.circuit.allows(self.now), self.circuit.state
        if invited and not was_allowed:
            self.circuit.admit_next()
        ticket = self.circuit.enter(self.now)
        assert bool(ticket) == (was_allowed or invited)
        if ticket:
            self.flying.append((ticket, self.circuit.state))
        if before != "closed" and was_allowed:
            assert self.circuit.state == "half_open"
            assert not self.probes or self.now >= self.probed_at + 15.0, (
                "another one only where the one that is out is silent"
            )
            self.probes = [ticket]
            self.probed_at = self.now

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), outcome=st.sampled_from(["success", "failure", "ignored"]))
    def end(self, data: st.DataObject, outcome: Outcome) -> None:
        ticket, begun_in = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
        before, until = self.circuit.state, self.circuit.blocked_until
        self.circuit.end(ticket, outcome, self.now)
        after = self.circuit.state
        if outcome == "failure":
            self.failed_at = self.now
        if ticket in self.probes:
            assert after == {"success": "closed", "failure": "open", "ignored": "half_open"}[outcome]
            self.probes = []
        elif outcome == "ignored" or (before != "closed" and begun_in != before):
            assert (after, self.circuit.blocked_until) == (before, until)
        if before == "half_open" and after == "closed":
            assert outcome == "success"
        if after == "open" and before != "open":
            assert outcome == "failure"
            assert 5.0 - 1e-9 <= self.circuit.blocked_until - self.now <= 15.0 + 1e-9

    @invariant()
    def promises(self) -> None:
        circuit = self.circuit
        if circuit.state == "closed":
            assert circuit.allows(self.now)
        if circuit.state == "half_open":
            is_silent = self.now >= self.probed_at + 15.0
            assert circuit.allows(self.now) == (not self.probes or is_silent), (
                "one at a time, and the place is never lost"
            )
        if circuit.state == "open":
            assert circuit.blocked_until < float("inf"), "it is tried again some day"
        assert circuit.last_failed_at == self.failed_at


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=examples(100), stateful_step_count=40)
