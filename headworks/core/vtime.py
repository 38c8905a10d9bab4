"""An event loop on virtual time: instead of waiting it jumps to the next timer.

Always true: callbacks run in the order of their instants, then of their making; time moves only when nothing is ready,
and then to exactly the instant of the next timer.
No sockets, threads or processes: what waits for the outside world would wait for ever, so a loop with nothing ready
and no timer left raises `Deadlock`. The idea: trio's `_mock_clock.py`, simpy's `core.py`.

Where time does not move, what goes round for ever would hang: on a real clock its deadline ends it. So two things are
counted. *Turns* of the loop between two moves of time: many tasks may take many turns at one instant, but not
`MOST_TURNS`. *Readings* of the clock in one turn: code that decides by the clock reads it, so a step of one task that has
read it `MOST_READINGS` times over without waiting goes round. Either ends in `Spinning`, which names the place.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from types import FrameType
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

from headworks.core.stack_frames import frames_from, place, waiting_at

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

EPOCH = 1_767_225_600.0
"""Where virtual wall time starts: 2026-01-01T00:00:00Z, so that records of a simulated run look like records."""

MOST_TURNS: Final = 1_000_000
"""Turns at one instant: some seconds of computing. Ten thousand calls of which each wakes the next take 20,000."""

MOST_READINGS: Final = 40_000
"""Readings of the clock in one turn until the next look at who reads it: some tenths of a second. A call takes some twenty."""

MOST_CANCELLED: Final = 100
"""Cancelled timers that are kept until their instant, however few others there are (asyncio's own number)."""

WATCHED: Final = 64
"""The last turns before the limit, in which ready callbacks are counted by name."""


class Deadlock(RuntimeError):
    """Every task waits and no timer is left: on virtual time nothing can ever happen again."""


class Spinning(RuntimeError):
    """A livelock: something runs again and again while virtual time stands still. The message names it."""


class _VirtualSelector(selectors.BaseSelector):
    """A selector that moves the clock instead of waiting. Nothing that is registered (the loop's wake-up pipe) is ever ready."""

    def __init__(self) -> None:
        self.time = 0.0
        self.ready: Callable[[], list[str]] = list
        self.most_turns = MOST_TURNS
        self.turns_left = MOST_TURNS
        self.readings = 0
        self.readers: list[FrameType] = []
        self._seen: Counter[str] = Counter()
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, fileobj if isinstance(fileobj, int) else fileobj.fileno(), events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return []

    def move(self, at: float) -> None:
        """To the instant of the next timer, which is later than now."""
        self.time = at
        self._gets_on()

    def stand(self) -> None:
        """One more turn at the same instant."""
        self.turns_left -= 1
        if self.turns_left < WATCHED:
            self._watch()

    def _gets_on(self) -> None:
        self.turns_left = self.most_turns
        if self._seen:
            self._seen.clear()

    def _watch(self) -> None:
        """Counts the ready callbacks in the last turns before the limit; raises Spinning at the limit."""
        self._seen.update(self.ready())
        if self.turns_left > 0:
            return
        often = ", ".join(name for name, _ in self._seen.most_common(3))
        self._gets_on()  # who is cancelled now needs turns to end
        raise Spinning(
            f"{self.most_turns} turns at {self.time:.3f} s and time does not move; ready again and again: {often}"
        )

    def look(self) -> None:
        """At the frames that read the clock; raises Spinning where a frame of the same step read it a look ago."""
        self.readings = 0
        before, self.readers = self.readers, frames_from(sys._getframe(2))
        same = [one for one, was in zip(self.readers, before, strict=False) if one is was]
        codes = [frame.f_code for frame in same]
        if _STEPS not in codes or codes[-1] is _STEPS:
            return  # other steps, or no loop
        self.readers = []
        raise Spinning(f"{place(same[-1])} goes round at {self.time:.3f} s without waiting, so time cannot move")

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time, starting at 0; `wall()` starts at `EPOCH`. most_turns: at one instant."""

    _scheduled: list[tuple[float, int, asyncio.TimerHandle]]
    """A heap of instants, each with which of two of one instant was made first: a heap alone does not keep that order. Tuples are
    compared without a step of Python."""
    _ready: deque[asyncio.Handle]
    _stopping: bool
    _timer_cancelled_count: int

    def __init__(self, most_turns: int = MOST_TURNS) -> None:
        self._selector = _VirtualSelector()
        self._selector.most_turns = self._selector.turns_left = most_turns
        self._made = count()
        super().__init__(self._selector)
        self._selector.ready = lambda: [waiting_at(handle) for handle in self._ready]

    def _run_once(self) -> None:
        """One turn, as asyncio's: what is ready now is run, and time moves where nothing is. Nobody outside is asked for events."""
        leap, ready, timers = self._selector, self._ready, self._scheduled
        leap.readings = 0
        if leap.readers:
            leap.readers = []
        if self._timer_cancelled_count > MOST_CANCELLED and 2 * self._timer_cancelled_count > len(timers):
            self._drop_cancelled()
        while timers and timers[0][2]._cancelled:
            heappop(timers)[2]._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1
        if ready or self._stopping or (timers and timers[0][0] <= leap.time):
            leap.stand()
        elif not timers:
            raise Deadlock("every task waits and no timer is set")
        elif timers[0][0] == inf:
            raise Deadlock("every task waits and the only timers left are infinitely far away")
        else:
            leap.move(timers[0][0])
        while timers and timers[0][0] <= leap.time:
            timer = heappop(timers)[2]
            timer._scheduled = False  # type: ignore[attr-defined]
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
        handle = None  # type: ignore[assignment]  # it would keep an exception's frames

    def _drop_cancelled(self) -> None:
        """Takes cancelled timers out where they are most of all: they are far away, and nobody would come to them."""
        timers, self._timer_cancelled_count = self._scheduled, 0
        for _, _, timer in timers:
            timer._scheduled = not timer._cancelled  # type: ignore[attr-defined]
        timers[:] = [one for one in timers if not one[2]._cancelled]
        heapify(timers)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._scheduled, (when, next(self._made), timer))
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def run_forever(self) -> None:
        RUNNING.loop = self
        try:
            super().run_forever()
        finally:
            RUNNING.loop = None

    def time(self) -> float:
        leap = self._selector
        leap.readings += 1
        if leap.readings > MOST_READINGS:
            leap.look()
        return leap.time

    def wall(self) -> float:
        return EPOCH + self._selector.time


_STEPS: Final = VirtualLoop._run_once.__code__
"""Below its frame is the step that the loop runs just now."""


class _Running(threading.local):
    """The virtual loop that this thread runs, None where it runs none: as asyncio itself keeps the running loop."""

    loop: VirtualLoop | None = None


RUNNING = _Running()


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end on a fresh `VirtualLoop`: hours of sleeping take milliseconds."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
