"""A loop whose time leaps to the next timer instead of waiting.

Always true: callbacks run in the order of their instants, then of their making; time moves only when nothing is ready,
and then to exactly the instant of the next timer.
No sockets, threads or processes: what waits for the outside world would wait for ever, so a loop with nothing ready
and no timer left raises `Deadlock`. The idea: trio's `_mock_clock.py`, simpy's `core.py`.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from heapq import heappush
from itertools import count
from math import inf, ulp
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

EPOCH = 1_767_225_600.0
"""Where virtual wall time starts: 2026-01-01T00:00:00Z, so that records of a simulated run look like records."""


class Deadlock(RuntimeError):
    """Everything waits and no timer is left, or none that will come: on virtual time nothing can ever happen again."""


class _Leap(selectors.BaseSelector):
    """Answers `select` by moving the clock; what is registered (the loop's own wake-up pipe) is never ready."""

    def __init__(self) -> None:
        self.time = 0.0
        self.next_at: Callable[[], float] = lambda: self.time
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, fileobj if isinstance(fileobj, int) else fileobj.fileno(), events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("every task waits and no timer is set")
        if timeout > 0:
            # Not `+= timeout`: that is a float's rounding beside the timer, and no more than a day at once.
            self.time = self.next_at()
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


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
    """An asyncio loop on virtual time, starting at 0; `wall()` starts at `EPOCH`."""

    _scheduled: list[_Timer]

    def __init__(self) -> None:
        self._leap = _Leap()
        self._made = count()
        super().__init__(self._leap)
        self._clock_resolution = ulp(0.0)
        self._leap.next_at = self._next_at

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
        return self._leap.time

    def wall(self) -> float:
        return EPOCH + self._leap.time


class _Running(threading.local):
    """The virtual loop that this thread runs, None where it runs none: as asyncio itself keeps the running loop."""

    loop: VirtualLoop | None = None


RUNNING = _Running()


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end on a fresh `VirtualLoop`: hours of sleeping take milliseconds."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
