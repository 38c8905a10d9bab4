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
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextvars import Context
from heapq import heappush
from itertools import count
from math import inf, ulp
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
        self.next_at: Callable[[], float] = lambda: self.time
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
        self.readings = 0
        if self.readers:
            self.readers = []
        if timeout is None:
            raise Deadlock("every task waits and no timer is set")
        if timeout > 0:
            # Not `+= timeout`: that is a float's rounding beside the timer, and no more than a day at once.
            before, self.time = self.time, self.next_at()
            if self.time > before:
                self._gets_on()
                return []
        self.turns_left -= 1
        if self.turns_left < WATCHED:
            self._watch()
        return []

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


_STEPS: Final = asyncio.BaseEventLoop._run_once.__code__  # type: ignore[attr-defined]
"""Below its frame is the step that the loop runs just now."""


class _Timer(asyncio.TimerHandle):
    """A timer that knows which of two of one instant was made first: a heap alone does not keep that order."""

    __slots__ = ("_made",)

    _when: float
    _scheduled: bool

    def __init__(
        self, made: int, when: float, callback: Callable[..., object], args: tuple[Any, ...], *of: Any
    ) -> None:
        super().__init__(when, callback, args, *of)
        self._made = made

    def __lt__(self, other: Any) -> Any:
        if self._when == other._when:
            return self._made < other._made
        return self._when < other._when


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time, starting at 0; `wall()` starts at `EPOCH`. most_turns: at one instant."""

    _scheduled: list[_Timer]
    _ready: Iterable[asyncio.Handle]

    def __init__(self, most_turns: int = MOST_TURNS) -> None:
        self._selector = _VirtualSelector()
        self._selector.most_turns = self._selector.turns_left = most_turns
        self._made = count()
        super().__init__(self._selector)
        self._clock_resolution = ulp(0.0)
        self._selector.next_at = self._next_at
        self._selector.ready = lambda: [waiting_at(handle) for handle in self._ready]

    def _next_at(self) -> float:
        at = self._scheduled[0]._when
        if at == inf:
            raise Deadlock("every task waits and the only timers left are infinitely far away")
        # How near a timer must be to count as due. A constant would be too near to see once time is long (1e-9 after
        # 97 days), and the loop would turn for ever.
        self._clock_resolution = ulp(at)
        return at

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        timer = _Timer(next(self._made), when, callback, args, self, context)
        heappush(self._scheduled, timer)
        timer._scheduled = True
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


class _Running(threading.local):
    """The virtual loop that this thread runs, None where it runs none: as asyncio itself keeps the running loop."""

    loop: VirtualLoop | None = None


RUNNING = _Running()


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end on a fresh `VirtualLoop`: hours of sleeping take milliseconds."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
