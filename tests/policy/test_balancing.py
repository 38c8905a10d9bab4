from collections import Counter
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.dialect import Prefill
from headworks.policy.balancing import (
    PICKERS,
    Balancing,
    Candidate,
    Capability,
    Weighted,
    available,
    first_to_recover,
    last_resort,
    left,
)
from headworks.policy.circuit import Breaking, Circuit
from headworks.policy.latency import LatencyWindow

WAYS: tuple[Balancing, ...] = get_args(Balancing)


def target(name: str, weight: float = 1.0) -> Candidate:
    return Candidate(name, Circuit(Breaking(failures=1), Random(1)), LatencyWindow(), weight)


def tier(*weights: float) -> list[Candidate]:
    return [target(name, weight) for name, weight in zip("abcdefgh", weights, strict=False)]


def trip(candidate: Candidate, now: float) -> None:
    candidate.circuit.end(candidate.circuit.enter(now), "failure", now)


def name(candidate: Candidate | None) -> str:
    return candidate.name if candidate else ""


class Fixed(Random):
    """Draws the number it was given."""

    def __init__(self, number: float) -> None:
        super().__init__(0)
        self.number = number

    def random(self) -> float:
        return self.number


# --- whom not to ask, whatever the way --------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_open_circuits_are_not_picked(way: Balancing) -> None:
    candidates, rng = tier(1, 1, 1), Random(1)
    trip(candidates[0], 100.0)
    trip(candidates[2], 100.0)
    assert {name(PICKERS[way].pick(candidates, (), rng, 101.0)) for _ in range(20)} == {"b"}


@pytest.mark.parametrize("way", WAYS)
def test_whose_time_is_up_is_asked_first_by_one_call_and_not_by_one_that_has_failed_already(way: Balancing) -> None:
    candidates, rng = tier(1, 1, 0.001), Random(1)
    trip(candidates[2], 100.0)
    candidates[2].latency.record(50.0, 100.0)  # nobody would think of it for long
    candidates[2].busy = 9
    candidates[0].latency.record(0.1, 100.0)
    candidates[1].latency.record(0.1, 100.0)
    due = candidates[2].circuit.blocked_until
    assert name(PICKERS[way].pick(candidates, (), rng, due)) == "c"
    assert name(PICKERS[way].pick(candidates, ["a"], Fixed(0.0), due)) == "b"
    assert candidates[2].circuit.enter(due)
    assert name(PICKERS[way].pick(candidates, (), rng, due)) in ("a", "b")


@pytest.mark.parametrize("way", WAYS)
def test_the_untried_come_first_and_then_anybody(way: Balancing) -> None:
    candidates, rng = tier(1, 1, 1), Random(1)
    assert {name(PICKERS[way].pick(candidates, ["a", "c", "other"], rng, 0.0)) for _ in range(20)} == {"b"}
    assert {name(PICKERS[way].pick(candidates, {"a", "b", "c"}, rng, 0.0)) for _ in range(50)} == {"a", "b", "c"}


@pytest.mark.parametrize("way", WAYS)
def test_one_tried_already_comes_before_an_open_circuit(way: Balancing) -> None:
    candidates = tier(1, 1)
    trip(candidates[1], 100.0)
    assert name(PICKERS[way].pick(candidates, ["a"], Random(1), 101.0)) == "a"


@pytest.mark.parametrize("way", WAYS)
def test_nobody_is_picked_where_nobody_may_be_asked(way: Balancing) -> None:
    candidates = tier(1, 1)
    assert PICKERS[way].pick([], (), Random(1), 0.0) is None
    for candidate in candidates:
        trip(candidate, 100.0)
    assert PICKERS[way].pick(candidates, (), Random(1), 101.0) is None
    at = min(candidate.circuit.blocked_until for candidate in candidates)
    assert PICKERS[way].pick(candidates, (), Random(1), at) is not None
    assert left(candidates, (), at)


@given(
    way=st.sampled_from(WAYS),
    weights=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    broken=st.sets(st.integers(0, 5)),
    tried=st.sets(st.sampled_from("abcdef")),
    busy=st.lists(st.integers(0, 5), min_size=6, max_size=6),
    seed=st.integers(0, 999),
)
def test_law_whatever_the_way_the_pick_is_allowed_and_repeatable(
    way: Balancing, weights: list[int], broken: set[int], tried: set[str], busy: list[int], seed: int
) -> None:
    candidates = tier(*weights)
    for number, candidate in enumerate(candidates):
        candidate.busy = busy[number]
        if number in broken:
            trip(candidate, 100.0)
        elif number % 2:
            candidate.latency.record(busy[-number], 100.0)
    picked = PICKERS[way].pick(candidates, tried, Random(seed), 101.0)
    allowed = {candidate.name for number, candidate in enumerate(candidates) if number not in broken}
    if picked is None:
        assert not allowed
    else:
        assert picked.name in ((allowed - tried) or allowed)
    assert picked is PICKERS[way].pick(candidates, tried, Random(seed), 101.0)
    assert [other.name for other in available(candidates, tried, 101.0)] == sorted((allowed - tried) or allowed)
    assert left(candidates, tried, 101.0) == bool(allowed - tried)


# --- weighted ---------------------------------------------------------------------------------------------------------


@given(weights=st.lists(st.integers(1, 9), min_size=2, max_size=6))
def test_law_shares_are_the_weights(weights: list[int]) -> None:
    """Numbers that lie evenly in [0, 1) pick each as often as its weight: so shares converge, whatever the seed."""
    candidates, total = tier(*weights), sum(weights)
    picks = Counter(
        name(Weighted().pick(candidates, (), Fixed((number + 0.5) / total), 0.0)) for number in range(total)
    )
    assert [picks[candidate.name] for candidate in candidates] == weights


def test_shares_converge_and_a_lost_targets_share_falls_to_the_others_in_proportion() -> None:
    candidates, rng = tier(3, 2, 5), Random(7)
    picks = Counter(name(Weighted().pick(candidates, (), rng, 0.0)) for _ in range(10_000))
    assert [round(picks[letter] / 10_000, 1) for letter in "abc"] == [0.3, 0.2, 0.5]
    trip(candidates[2], 100.0)
    picks = Counter(name(Weighted().pick(candidates, (), rng, 101.0)) for _ in range(10_000))
    assert [round(picks[letter] / 10_000, 1) for letter in "abc"] == [0.6, 0.4, 0.0]


def test_a_number_that_rounding_leaves_over_picks_the_last() -> None:
    assert name(Weighted().pick(tier(0.1, 0.2, 0.3), (), Fixed(1.0), 0.0)) == "c"


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_a_weight_that_is_no_share_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        target("a", weight)


# --- least busy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "busy", "picked"),
    [((1, 1, 1), (2, 1, 3), "b"), ((4, 1), (7, 2), "a"), ((4, 1), (9, 2), "b"), ((1, 1), (0, 1), "a")],
)
def test_the_fewest_in_flight_for_its_weight(weights: tuple[int, ...], busy: tuple[int, ...], picked: str) -> None:
    candidates = tier(*weights)
    for candidate, count in zip(candidates, busy, strict=True):
        candidate.busy = count
    assert name(PICKERS["least_busy"].pick(candidates, (), Random(1), 0.0)) == picked


def test_a_quiet_system_shares_its_load() -> None:
    candidates, rng = tier(1, 1, 1), Random(1)
    candidates[2].busy = 1
    picks = Counter(name(PICKERS["least_busy"].pick(candidates, (), rng, 0.0)) for _ in range(1000))
    assert picks["c"] == 0
    assert 400 < picks["a"] < 600


def test_equals_have_equal_chances() -> None:
    candidates, rng = tier(1, 1, 1, 1), Random(3)
    picks = Counter(name(PICKERS["least_busy"].pick(candidates, (), rng, 0.0)) for _ in range(8000))
    assert all(abs(picks[letter] - 2000) < 200 for letter in "abcd")


def test_law_calls_that_stay_spread_by_weight() -> None:
    candidates, rng = tier(1, 2, 3), Random(1)
    for _ in range(600):
        picked = PICKERS["least_busy"].pick(candidates, (), rng, 0.0)
        assert picked is not None
        picked.busy += 1
    assert all(abs(candidate.busy - share) <= 1 for candidate, share in zip(candidates, (100, 200, 300), strict=True))
    assert repr(candidates[0]).startswith("Candidate(a, weight 1, ")


# --- fastest ----------------------------------------------------------------------------------------------------------


def known(*latencies: float) -> list[Candidate]:
    candidates = tier(*(1 for _ in latencies))
    for candidate, latency in zip(candidates, latencies, strict=True):
        candidate.latency.record(latency, 100.0)
    return candidates


def fastest(candidates: list[Candidate], now: float = 100.0) -> str:
    return name(PICKERS["fastest"].pick(candidates, (), Random(1), now))


def test_the_lowest_latency() -> None:
    assert fastest(known(0.5, 0.3, 0.9)) == "b"


def test_what_is_in_flight_already_counts() -> None:
    candidates = known(0.5, 0.3)
    candidates[1].busy = 1
    assert fastest(candidates) == "a"


def test_a_weight_makes_up_for_latency() -> None:
    candidates = known(0.5, 0.3)
    candidates[0].weight = 2.0
    assert fastest(candidates) == "a"


def test_one_slow_answer_moves_the_load_and_time_brings_it_back() -> None:
    candidates = known(0.3, 0.5)
    candidates[0].latency.record(4.0, 101.0)
    assert fastest(candidates, 101.0) == "b"
    for second in range(102, 140):
        candidates[1].latency.record(0.5, second)
    assert fastest(candidates, 139.0) == "a"


def test_a_target_of_which_nothing_is_known_is_asked_once_and_then_waited_for() -> None:
    candidates = [*known(0.5), target("z")]
    assert fastest(candidates) == "z"
    candidates[1].busy = 1
    assert fastest(candidates) == "a"
    candidates[1].latency.record(0.1, 100.0)
    assert fastest(candidates) == "z"


def test_of_two_of_which_nothing_is_known_the_less_busy_one() -> None:
    candidates = tier(1, 1)
    candidates[0].busy, candidates[1].busy = 2, 1
    assert fastest(candidates) == "b"


# --- when every circuit is open ---------------------------------------------------------------------------------------


def test_the_last_resort_is_the_least_recently_failed() -> None:
    candidates = tier(1, 1, 1)
    for candidate, at in zip(candidates, (102.0, 100.0, 101.0), strict=True):
        trip(candidate, at)
    assert [name(last_resort(candidates, tried, 103.0)) for tried in ([], ["b"], ["b", "c"])] == ["b", "c", "a"]
    assert last_resort(candidates, ["a", "b", "c"], 103.0) is None


def test_the_last_resort_is_let_in_by_its_circuit() -> None:
    candidates = tier(1)
    trip(candidates[0], 100.0)
    circuit = candidates[0].circuit
    assert not circuit.enter(101.0)
    assert last_resort(candidates, (), 103.0) is candidates[0]
    assert circuit.enter(101.0)
    assert not circuit.enter(101.0)


def test_who_rests_is_no_last_resort_and_the_first_to_wake_is_known() -> None:
    candidates = tier(1, 1, 1)
    for candidate, until in zip(candidates[:2], (140.0, 130.0), strict=True):
        candidate.circuit.rest(until, 100.0, is_limit=True)
    trip(candidates[2], 101.0)
    assert name(last_resort(candidates, (), 102.0)) == "c"
    assert last_resort(candidates, ["c"], 102.0) is None
    assert [name(first_to_recover(candidates, tried, 102.0)) for tried in ([], ["b"], ["a", "b"])] == ["b", "a", ""]
    assert first_to_recover(candidates, (), 150.0) is None


@pytest.mark.parametrize(
    ("window", "prefill", "exceeded_context", "is_prefilled", "suits"),
    [
        (0, "none", 0, False, True),
        (8_000, "none", 8_000, False, False),
        (32_000, "none", 8_000, False, True),
        (0, "none", 8_000, False, False),
        (32_000, "none", 8_000, True, False),
        (0, "message", 0, True, True),
        (0, "none", 0, True, False),
        (32_000, "prefix", float("inf"), False, False),
    ],
)
def test_a_target_suits_a_question_that_outgrew_others_and_an_answer_that_has_begun_only_if_it_can(
    window: int, prefill: Prefill, exceeded_context: float, is_prefilled: bool, suits: bool
) -> None:
    assert Capability(window, prefill).suits(exceeded_context, is_prefilled=is_prefilled) is suits
