"""Whose time is counted: the peer's, and not that in which our own loop did something else."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from headworks.http.fair_timeout import STEP, FairTimeout


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Slow:
    """A loop whose turns take as long as a test says: of it, what a timer needs."""

    def __init__(self) -> None:
        self.at = 100.0
        self.rung = False
        self._timers: list[tuple[float, int, Callable[[], None], Handle]] = []

    def time(self) -> float:
        return self.at

    def call_at(self, when: float, callback: Callable[[], None]) -> Handle:
        handle = Handle()
        heapq.heappush(self._timers, (when, len(self._timers), callback, handle))
        return handle

    def turn(self, seconds: float = 0.0) -> None:
        """Waits for the next timer, or where that is later to the end of a turn of so many seconds."""
        when, _, callback, handle = heapq.heappop(self._timers)
        self.at = max(when, self.at + seconds)
        if not handle.cancelled:
            callback()

    def timer(self, seconds: float) -> FairTimeout:
        return FairTimeout(cast(asyncio.AbstractEventLoop, self), self.at + seconds, self.ring)

    def ring(self) -> None:
        assert not self.rung, "once"
        self.rung = True


def test_a_loop_with_nothing_to_do_rings_in_time() -> None:
    loop = Slow()
    loop.timer(2.0)
    while not loop.rung:
        loop.turn()
    assert abs(loop.at - 102.0) < 0.001


def test_a_turn_that_takes_longer_than_the_whole_wait_does_not_end_it() -> None:
    loop = Slow()
    loop.timer(2.0)
    loop.turn(30.0)
    assert not loop.rung
    while not loop.rung:
        loop.turn()
    assert 131.9 < loop.at < 132.0  # two seconds of the peer's time, less half a step


def test_a_late_last_step_leaves_a_turn_to_see_what_has_come() -> None:
    loop = Slow()
    loop.timer(2.0)
    while loop.at < 101.85:
        loop.turn()
    loop.turn(5.0)
    assert not loop.rung


@given(st.floats(0.01, 5.0), st.lists(st.floats(0.0, 3.0), min_size=1, max_size=20))
def test_whoever_is_deaf_is_found_out_however_busy_the_loop_is(seconds: float, turns: list[float]) -> None:
    loop = Slow()
    loop.timer(seconds)
    steps = 0
    while not loop.rung:
        loop.turn(turns[steps % len(turns)])
        steps += 1
        assert steps < 2 * seconds / STEP + 10
    assert loop.at - 100.0 >= seconds - 0.001


def test_closed_it_does_not_ring() -> None:
    loop = Slow()
    timer = loop.timer(0.05)
    timer.close()
    loop.turn()
    assert not loop.rung
