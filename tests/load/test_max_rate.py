"""The search for the highest rate: which way it goes, and what it takes for shown."""

from __future__ import annotations

import asyncio

import pytest

from headworks.load.arrivals import Arrival
from headworks.load.call import CallResult
from headworks.load.max_rate import (
    Probe,
    RateSearch,
    calls_needed,
    judgeable_calls,
    probe_state,
    rate_criteria,
    search_max_rate,
)
from headworks.load.open_loop import LoopLimits, OpenLoop
from headworks.testing import virtual
from tests.load.test_open_loop import Slots, even
from tests.load.test_verdict import call, objective


def found(capacity: float, *, start: float = 10.0, most: float = 1000.0, blind: float = 0.0) -> RateSearch:
    """Searches a system that keeps everything up to a capacity; below `blind` nothing can be shown."""

    async def probing(rate: float) -> Probe:
        leans = rate <= capacity
        holds = None if rate < blind and leans else leans
        return Probe(rate=rate, holds=holds, leans=leans, calls=100, seconds=1.0, why="")

    return asyncio.run(search_max_rate(start, most, probing))


@pytest.mark.parametrize("capacity", [1.0, 9.0, 10.0, 47.0, 700.0])
def test_the_capacity_lies_between_what_holds_and_what_fails(capacity: float) -> None:
    searched = found(capacity)
    assert searched.holds is not None
    assert searched.fails is not None
    assert searched.holds <= capacity < searched.fails <= 1.1 * searched.holds
    assert len(searched.probes) <= 14


def test_it_ends_at_the_most_that_is_allowed_and_where_nothing_holds() -> None:
    assert (found(5000.0).holds, found(5000.0).fails) == (1000.0, None)
    assert found(0.0).holds is None
    assert found(0.0).probes[-1].rate == pytest.approx(10 / 64)


def test_what_was_not_shown_leads_on_and_is_not_claimed() -> None:
    searched = found(47.0, blind=30.0)
    assert searched.holds is not None
    assert 30.0 <= searched.holds <= 47.0
    assert searched.probes[0].holds is None


P90 = objective("duration", "1.5", percentile=90)
FIRST = objective("time_to_first_token", "0.5", percentile=90, alias="b")
KEPT = rate_criteria([P90, FIRST, objective("availability", "0.999"), objective("goodput", "5")])


def test_a_rate_holds_fails_or_is_open_by_its_intervals() -> None:
    assert [one.share for one in KEPT] == [0.9, 0.9, 0.95]
    assert probe_state([call()] * 80, KEPT).holds is True
    assert probe_state([call()] * 60, KEPT).holds is None
    assert probe_state([call()] * 60, KEPT).leans
    assert probe_state([call()] * 60 + [call(2.0)] * 40, KEPT).holds is False
    assert probe_state([call()] * 190 + [call(2.0)] * 21, KEPT).leans
    assert not probe_state([call()] * 185 + [call(2.0)] * 21, KEPT).leans
    assert probe_state([call()] * 60 + [call(ended="failed")] * 20, KEPT).holds is False
    assert probe_state([call()] * 100 + [call(first=0.9, alias="b")] * 50, KEPT).holds is False
    assert probe_state([call(2.0)] * 3, KEPT).holds is None  # too few to say anything
    assert calls_needed(KEPT) == pytest.approx(1.5 * 73, abs=1)


def test_a_call_under_way_whose_bound_has_passed_is_late() -> None:
    waiting = CallResult(Arrival(0.0, "a", 1, 1, False, 0), 10.0)
    assert probe_state([waiting] * 60, KEPT).holds is False
    begun = CallResult(Arrival(0.0, "b", 1, 1, True, 0), 10.0)
    begun.first_at = 10.2
    assert probe_state([begun] * 80, rate_criteria([FIRST])).holds is True


@virtual
async def test_calls_are_judged_when_their_bound_has_passed_the_fast_ones_too() -> None:
    seen: list[int] = []

    def decide(loop: OpenLoop) -> str:
        calls = judgeable_calls(loop, 3.0)
        seen.append(len(calls))
        return "" if len(seen) < 12 else "enough"

    loop = OpenLoop(Slots(0.1, 10), even(1000, 10.0), LoopLimits(stop_reason=decide))
    await loop.run()
    assert seen[8] == 0  # 4.5 s: nobody's bound has passed since the two seconds of warming up
    assert 0 < seen[11] <= 11
