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
from headworks.load.alarm import alarm
from headworks.load.arrivals import Arrival
from headworks.load.call import Caller, Fared

EARLY: Final = 2e-5
"""Seconds by which a call may be sent before it is due: an alarm for less would be late by more."""

LEAST_UNDER_WAY: Final = 64
"""Calls under way below which no load is too much: a burst of a small one."""

TICK: Final = 0.5
"""Seconds between two looks at how it goes."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What a load is bounded by. bound: seconds, see above; 0 for no such bound. patience: seconds that are waited for the
    last answers. decide: looks at what there is every `TICK`; a text ends the load, and says why."""

    bound: float = 0.0
    patience: float = 150.0
    decide: Callable[[Loop], str] = lambda loop: ""


class Loop:
    """One load under way. fared: every call that was sent, in order. stopped: why it ended before its last call."""

    def __init__(self, caller: Caller, arrivals: Sequence[Arrival], pace: Pace) -> None:
        self.caller = caller
        self.arrivals = arrivals
        self.pace = pace
        self.fared: list[Fared] = []
        self.began_at = 0.0
        self.ended_at = 0.0
        self.stopped = ""
        self.busy = 0.0
        """The part of a core that the generator took."""
        self.ended: Counter[str] = Counter()
        """How many calls ended how, so far: kept, because counting them anew each time would make sends late."""
        self._tasks: dict[asyncio.Task[None], Fared] = {}
        self._bug: BaseException | None = None
        self._woken: asyncio.Event = asyncio.Event()

    @property
    def under_way(self) -> int:
        return len(self._tasks)

    @property
    def elapsed(self) -> float:
        """Seconds of sending so far."""
        return min(now(), self.ended_at or now()) - self.began_at

    async def run(self) -> None:
        """Sends every call, and returns when the last is over. Nothing is under way when it returns, however it ends."""
        with quiet_collector():
            self.began_at = now() + 0.05
            spent = time.process_time()
            alarmed = alarm(self.ring)
            self._alarm = alarmed
            try:
                if self.arrivals:
                    alarmed.set(self.began_at + self.arrivals[0].at)
                await self.follow()
            finally:
                alarmed.close()
                self.busy = (time.process_time() - spent) / max(now() - self.began_at, 1e-9)
                await self.leave()

    def ring(self) -> None:
        """Sends what is due."""
        arrivals, number = self.arrivals, len(self.fared)
        while not self.stopped and number < len(arrivals):
            due_at = self.began_at + arrivals[number].at
            if due_at > now() + EARLY:
                self._alarm.set(due_at)
                return
            fared = Fared(arrivals[number], due_at)
            self.fared.append(fared)
            number += 1
            hearing = self.caller.begin(arrivals[number - 1], fared)
            fared.sent_at = fared.sent_at or now()
            task: asyncio.Task[None] = asyncio.ensure_future(hearing)
            self._tasks[task] = fared
            task.add_done_callback(self.over)
        self._woken.set()

    def over(self, task: asyncio.Task[None]) -> None:
        self.ended[self._tasks.pop(task).ended] += 1
        if not task.cancelled() and (error := task.exception()) is not None:
            self._bug = self._bug or error  # of our own: what a call raises is on its `Fared`
            self._woken.set()
        if not self._tasks and len(self.fared) == len(self.arrivals):
            self._woken.set()

    async def follow(self) -> None:
        """Until everything was sent and heard, or it is enough."""
        while not self.stopped and (len(self.fared) < len(self.arrivals) or self._tasks):
            self._woken.clear()
            try:
                async with asyncio.timeout(TICK):
                    await self._woken.wait()
            except TimeoutError:
                pass
            if self._bug is not None:
                raise self._bug
            is_sent = len(self.fared) == len(self.arrivals)
            if is_sent and not self.ended_at:
                self.ended_at = now()
            self.stopped = self.too_much() or self.pace.decide(self)
            if is_sent and now() > self.ended_at + self.pace.patience:
                return
        self.ended_at = self.ended_at or now()

    def too_much(self) -> str:
        rate = len(self.fared) / max(self.elapsed, TICK)
        most = max(LEAST_UNDER_WAY, rate * self.pace.bound)
        if not self.pace.bound or len(self.fared) == len(self.arrivals) or self.under_way <= most:
            return ""
        return (
            f"over its capacity: {self.under_way} calls under way at {rate:.4g} a second, so each takes more than "
            f"{self.pace.bound:.3g} s, twice what is promised"
        )

    async def leave(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Without the garbage collector, whose pauses would be late sends; a call leaves no circles behind."""
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
