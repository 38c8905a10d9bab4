"""The open loop: every call is sent at its instant, whatever became of those before it.

Theory. Callers do not wait for each other, so a generator that waits for answers before it sends (a *closed* loop) hides
what happens when a system is too slow: it slows down with it. Here the instants are drawn first. What the generator
itself is late by is measured, and a run in which that matters is invalid: its numbers are the generator's.

A system that is over its capacity never catches up, so more seconds of it tell nothing. By Little's law, calls under way
= calls a second x seconds of each: when more are under way than the rate times `bound` seconds, the calls that are sent
now take longer than `bound` on average. Where that is twice the largest promise, the load stops.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec

from headworks.core.clock import now
from headworks.core.figures import written_figure
from headworks.load.arrivals import Arrival
from headworks.load.call import Caller, CallResult
from headworks.load.timer import precise_timer

MAX_EARLY: Final = 2e-5
"""Seconds by which a call may be sent before it is due: a timer for less would be late by more."""

MIN_IN_FLIGHT: Final = 64
"""Calls in flight below which a load never counts as over capacity: a small load has bursts too."""

CHECK_EVERY: Final = 0.5
"""Seconds between two checks of the progress."""


class LoopLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of a load. bound: seconds, see above; 0 for none. patience: seconds to wait for the last answers. stop_reason: called
    every `CHECK_EVERY` seconds; a text that it returns ends the load, and is the reason."""

    bound: float = 0.0
    patience: float = 150.0
    stop_reason: Callable[[OpenLoop], str] = lambda loop: ""


class OpenLoop:
    """One load. results: every call that was sent, in order. stopped: why it ended before its last call."""

    def __init__(self, caller: Caller, arrivals: Sequence[Arrival], pace: LoopLimits) -> None:
        self.caller = caller
        self.arrivals = arrivals
        self.pace = pace
        self.results: list[CallResult] = []
        self.began_at = 0.0
        self.ended_at = 0.0
        self.stopped = ""
        self.busy = 0.0
        """The share of a core that the generator used."""
        self.ended: Counter[str] = Counter()
        """How many calls ended how, so far: kept, because counting them anew each time would make sends late."""
        self._tasks: dict[asyncio.Task[None], CallResult] = {}
        self._bug: BaseException | None = None
        self._wake: asyncio.Event = asyncio.Event()

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    @property
    def elapsed(self) -> float:
        """Seconds of sending so far."""
        return min(now(), self.ended_at or now()) - self.began_at

    async def run(self) -> None:
        """Sends every call, and returns when the last is over. Nothing is under way when it returns, however it ends."""
        with gc_paused():
            self.began_at = now() + 0.05
            spent = time.process_time()
            alarmed = precise_timer(self.send_due)
            self._timer = alarmed
            try:
                if self.arrivals:
                    alarmed.set(self.began_at + self.arrivals[0].at)
                await self.watch()
            finally:
                alarmed.close()
                self.busy = (time.process_time() - spent) / max(now() - self.began_at, 1e-9)
                await self.cancel_rest()

    def send_due(self) -> None:
        """Sends what is due."""
        arrivals, number = self.arrivals, len(self.results)
        while not self.stopped and number < len(arrivals):
            due_at = self.began_at + arrivals[number].at
            if due_at > now() + MAX_EARLY:
                self._timer.set(due_at)
                return
            result = CallResult(arrivals[number], due_at)
            self.results.append(result)
            number += 1
            hearing = self.caller.begin(arrivals[number - 1], result)
            result.sent_at = result.sent_at or now()
            task: asyncio.Task[None] = asyncio.ensure_future(hearing)
            self._tasks[task] = result
            task.add_done_callback(self.on_done)
        self._wake.set()

    def on_done(self, task: asyncio.Task[None]) -> None:
        self.ended[self._tasks.pop(task).ended] += 1
        if not task.cancelled() and (error := task.exception()) is not None:
            self._bug = self._bug or error  # of our own: what a call raises is on its `Fared`
            self._wake.set()
        if not self._tasks and len(self.results) == len(self.arrivals):
            self._wake.set()

    async def watch(self) -> None:
        """Waits until every call was sent and has ended, or the load is stopped."""
        while not self.stopped and (len(self.results) < len(self.arrivals) or self._tasks):
            self._wake.clear()
            try:
                async with asyncio.timeout(CHECK_EVERY):
                    await self._wake.wait()
            except TimeoutError:
                pass
            if self._bug is not None:
                raise self._bug
            is_sent = len(self.results) == len(self.arrivals)
            if is_sent and not self.ended_at:
                self.ended_at = now()
            self.stopped = self.overload() or self.pace.stop_reason(self)
            if is_sent and now() > self.ended_at + self.pace.patience:
                return
        self.ended_at = self.ended_at or now()

    def overload(self) -> str:
        rate = len(self.results) / max(self.elapsed, CHECK_EVERY)
        most = max(MIN_IN_FLIGHT, rate * self.pace.bound)
        if not self.pace.bound or len(self.results) == len(self.arrivals) or self.in_flight <= most:
            return ""
        return (
            f"over its capacity: {self.in_flight} calls in flight at {written_figure(rate, 4)}/s, so the mean latency exceeds "
            f"{written_figure(self.pace.bound)} s, twice the largest latency limit"
        )

    async def cancel_rest(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


@contextmanager
def gc_paused() -> Iterator[None]:
    """Turns the garbage collector off: its pauses would delay sends, and a call leaves no reference cycles."""
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
